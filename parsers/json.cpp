// The json dialect: what the values of a line's keys mean for a row.
#include "parsers/json.h"

#include <atomic>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "parsers/json_keys.h"
#include "parsers/json_walk.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"

namespace track_usage {
namespace {

using namespace json_keys;

constexpr std::int64_t max_bytes = std::int64_t{1} << 45;  // ruling 14

// "200", "200.0"; nothing above `limit`.
std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t limit) {
  std::int64_t n = 0;
  std::size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    n = n * 10 + (text[i] - '0');
    if (n > limit) return {};
  }
  if (i == 0) return {};
  if (i < text.size() && (text[i] != '.' || text.find_first_not_of('0', i + 1) != std::string_view::npos)) return {};
  return n;
}

// What encoders of doubles write for very small and very large ones: 9.2e-05.
std::optional<std::int64_t> exponent_micros(std::string_view text) {
  if (text.find_first_of("eE") == std::string_view::npos) return {};
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds >= 0 && seconds < 1e12)) return {};
  return static_cast<std::int64_t>(seconds * 1e6);
}

// The last number of "0.001, 0.002".
std::int64_t last_seconds(std::string_view text) {
  if (const auto micros = parse_seconds(text)) return *micros;
  constexpr std::string_view between = ", :;";
  while (!text.empty()) {
    const auto last = text.find_last_not_of(between);
    if (last == std::string_view::npos) break;
    text = text.substr(0, last + 1);
    const auto before = text.find_last_of(between);
    const std::string_view item = before == std::string_view::npos ? text : text.substr(before + 1);
    if (const auto micros = parse_seconds(item)) return *micros;
    if (const auto micros = exponent_micros(item)) return *micros;
    text.remove_suffix(item.size());
  }
  return no_number;
}

class Json final : public Parser {
 public:
  Json(const LogOptions& options, Map map) : zone_(options.zone), map_(std::move(map)) {}

  Reading read(std::string_view line, Fields& f) const override { return read(line, f, memory()); }

  bool ambiguous() const override { return true; }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    Memory& m = memory();
    Fields fields;
    while (from < end) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      const char* const stop = newline != nullptr ? newline : end;
      std::string_view line(from, static_cast<std::size_t>(stop - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (read(line, fields, m).match != Match::whole) return from;
      out.add(fields, from);
      from = newline != nullptr ? newline + 1 : end;
    }
    return end;
  }

 private:
  // What a thread keeps from line to line; the parser's, until another one comes.
  struct Memory {
    std::uint64_t of = 0;
    JsonWalk walk;
    ClfTime clf;
    std::string iso;  // the last ISO 8601 time, as logged: lines of one second share it
    std::int64_t iso_time = 0;
    bool zone_assumed = false;
  };
  Memory& memory() const {
    thread_local Memory memory;
    if (memory.of != id_) {
      memory.of = id_;
      memory.walk.forget();
    }
    // Afresh: that a time stated no zone is said of these lines and no others.
    memory.clf = ClfTime(zone_);
    memory.iso.clear();
    memory.zone_assumed = false;
    return memory;
  }

  Reading read(std::string_view line, Fields& f, Memory& m) const;
  bool time(Memory& m, std::int64_t& out) const;
  std::optional<std::int64_t> iso(Memory& m, std::string_view text) const;

  static inline std::atomic<std::uint64_t> made_{0};

  const std::uint64_t id_ = ++made_;  // an address may be used again
  Zone zone_;
  Map map_;
};

std::optional<std::int64_t> Json::iso(Memory& m, std::string_view text) const {
  if (text == m.iso) return m.iso_time;
  const auto time = parse_iso_time(text, zone_, &m.zone_assumed);
  if (time) {
    m.iso = text;
    m.iso_time = *time;
  }
  return time;
}

// The first of the time's keys that can be read.
bool Json::time(Memory& m, std::int64_t& out) const {
  for (std::uint64_t left = m.walk.filled() & bits(mapped_date, ts); left != 0; left &= left - 1) {
    std::string_view text = m.walk.value(static_cast<Slot>(std::countr_zero(left)));
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    std::optional<std::int64_t> time;
    if (text.size() > 4 && text[2] == '/')
      time = m.clf.parse(text);
    else if (text.size() > 4 && text[4] == '-')
      time = iso(m, text);
    else
      time = parse_epoch(text);
    if (!time) time = exponent_micros(text);
    if (time) {
      out = *time;
      return true;
    }
  }
  return false;
}

Reading Json::read(std::string_view line, Fields& f, Memory& m) const {
  JsonWalk& w = m.walk;
  const auto none = [](Reject reason, std::size_t at, std::string_view expected) {
    return Reading{Match::none, 0, reason, static_cast<std::uint32_t>(at), expected};
  };
  bool cut = false;
  if (!w.read(line, map_)) {
    const std::string_view text = trim(line);
    if (!text.starts_with('{')) return none(Reject::unknown_format, w.stopped_at(), w.expected());
    // A line that was cut is a row if its frame stands before the cut.
    cut = w.ended_early();
    if (cut) w.drop_unfinished();
    const bool framed = cut && (w.filled() & bits(mapped_date, ts)) != 0 &&
                        (w.filled() & bits(mapped_remote_addr, remote_addr)) != 0 &&
                        (w.seen() & bits(mapped_status, status)) != 0;
    if (!framed) return none(cut ? Reject::truncated : Reject::bad_json, w.stopped_at(), w.expected());
  }
  if (!time(m, f.time)) return none(Reject::bad_time, w.where(mapped_date, ts), "a time, such as time_iso8601 or msec");
  f.remote = w.first(mapped_remote_addr, remote_addr);
  if (f.remote.data() == nullptr) return none(Reject::no_address, line.size(), "an address, such as remote_addr");
  if ((w.seen() & bits(mapped_status, status)) == 0) return none(Reject::bad_status, line.size(), "a status");
  f.status = no_status;
  if (const std::string_view value = w.first(mapped_status, status); value.data() != nullptr) {
    const auto number = whole_number(value, 999);
    if (!number) return none(Reject::bad_status, w.where(mapped_status, status), "a status of three digits");
    f.status = static_cast<std::int16_t>(*number);
  }

  // One by one: to clear the whole of `f` first took a tenth of the time.
  f.request = w.first(mapped_request, request);
  f.method = f.target = f.protocol = f.ident = f.extra = {};
  // A map that names the parts means them, unless it names the request as well.
  const bool parts =
      (w.filled() & bit(mapped_request)) == 0 && (w.filled() & (bit(mapped_method) | bit(mapped_path))) != 0;
  if (parts) f.request = {};
  if (f.request.data() == nullptr) {
    f.method = w.first(mapped_method, request_method);
    f.target = w.first(mapped_path, uri);
    f.protocol = w.first(mapped_protocol, server_protocol);
  }
  f.user = w.first(mapped_username, remote_user);
  f.bytes = whole_number(w.first(mapped_content_length, bytes_sent), max_bytes).value_or(no_number);
  const std::string_view speed = w.first(mapped_speed, request_time);
  f.micros = speed.empty() ? no_number : last_seconds(speed);
  f.referrer = w.first(mapped_referrer, http_referer);
  f.agent = w.first(mapped_user_agent, http_user_agent);
  f.host = w.first(mapped_server_name, host);
  f.scheme = w.first(mapped_scheme, scheme);
  f.forwarded = w.first(mapped_xforwardedfor, http_x_forwarded_for);
  f.accept_language = w.first(mapped_accept_language, http_accept_language);
  f.variables = cut ? std::string_view() : w.variables();
  f.escapes = Escapes::undone;
  f.plain = w.plain();
  f.zone_assumed = m.zone_assumed || m.clf.zone_assumed();
  f.flags = w.utf8() ? 0 : not_utf8;
  // A TAB in a target is a blank; the walk has undone it to \x09 already.
  const std::string_view asked = f.request.data() != nullptr ? f.request : f.target;
  if (!f.plain && asked.find("\\x09") != std::string_view::npos) f.flags |= malformed_request;
  // A request that is there and empty is a rude one, as in CLF.
  if (f.request.data() == nullptr && f.target.data() == nullptr && (w.seen() & bits(mapped_request, request)) != 0)
    f.flags |= malformed_request;
  const auto named = static_cast<std::uint8_t>(std::popcount(w.filled()));
  if (cut)
    return {Match::truncated, named, Reject::truncated, static_cast<std::uint32_t>(w.stopped_at()), w.expected()};
  return {Match::whole, named, {}, 0, {}};
}

}  // namespace

std::unique_ptr<Parser> make_json_parser(const LogOptions& options, std::string_view map) {
  return std::make_unique<Json>(options, read_map(map));
}

extern const ParserInfo json_parser;
const ParserInfo json_parser{
    "json", "JSON objects, one a line, with nginx's names; json:FIELD=KEY,... maps other names and nested keys",
    R"({"time_iso8601":"2026-11-22T14:05:06+00:00","remote_addr":"203.0.113.7","request":"GET / HTTP/1.1",)"
    R"("status":200,"body_bytes_sent":5120,"http_referer":"","http_user_agent":"curl/8.5.0","request_time":0.004})",
    [](const LogOptions& options) { return make_json_parser(options, {}); }};

}  // namespace track_usage
