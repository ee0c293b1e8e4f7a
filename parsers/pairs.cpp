// Lines of KEY and VALUE: LTSV, and logfmt as Go's loggers write it.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "parsers/json_string.h"
#include "parsers/named_fields.h"
#include "src/base/text.h"

namespace track_usage {
namespace {

// http://ltsv.org, and nginx's own names.
constexpr std::string_view ltsv_map =
    "date=time|time_local|time_iso8601|msec,remote_addr=remote_addr|host,xforwardedfor=forwardedfor|"
    "http_x_forwarded_for|http_forwarded,request=req|request,method=method|request_method,path=uri|request_uri,"
    "protocol=protocol|server_protocol,status=status,content_length=size|body_bytes_sent|bytes_sent,"
    "username=user|remote_user,user_agent=ua|http_user_agent,referrer=referer|http_referer,"
    "server_name=vhost|server_name,scheme=scheme,speed=reqtime|request_time,speed_us=reqtime_microsec";

constexpr std::string_view logfmt_map =
    "date=time|ts|t|timestamp,remote_addr=remote_addr|remote_ip|client_ip|client|ip|remote,"
    "method=method|request_method,path=uri|url|path|request_uri,protocol=protocol|proto,"
    "status=status|status_code|code,content_length=bytes|size|bytes_sent|body_bytes_sent|length,"
    "user_agent=user_agent|ua|agent|http_user_agent,referrer=referer|referrer|http_referer,"
    "speed=duration|elapsed|took|request_time,username=user|username|remote_user,server_name=host|vhost|server_name,"
    "xforwardedfor=x_forwarded_for|forwarded_for|fwd,skip=level|lvl|msg";

struct Pair {
  std::string_view key, value;
  bool quoted = false;  // the value stood in quotes, and may have escapes
};

// What LTSV's grammar lets be a label.
bool is_label(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
           c == '-';
  });
}

// Each takes the pair that `rest` begins with; false: there is none.
struct Ltsv {
  static constexpr Escapes escapes() { return Escapes::clf; }
  static constexpr NamedTraits traits() { return {.spare_host = true}; }
  static bool next(std::string_view& rest, Pair& pair) {
    const auto tab = std::min(rest.find('\t'), rest.size());
    const std::string_view field = rest.substr(0, tab);
    const auto colon = field.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_label(field.substr(0, colon))) return false;
    pair = {field.substr(0, colon), field.substr(colon + 1)};
    rest.remove_prefix(std::min(tab + 1, rest.size()));
    return true;
  }
};

struct Logfmt {
  static constexpr Escapes escapes() { return Escapes::undone; }
  static constexpr NamedTraits traits() { return {.whole_speed = false}; }
  static bool next(std::string_view& rest, Pair& pair) {
    const auto stop = rest.find_first_of("= \"");
    if (stop == std::string_view::npos || stop == 0 || rest[stop] != '=') return false;
    pair.key = rest.substr(0, stop);
    rest.remove_prefix(stop + 1);
    pair.quoted = rest.starts_with('"');
    std::size_t end = 0;
    if (pair.quoted) {
      for (end = 1; end < rest.size() && rest[end] != '"'; ++end)
        if (rest[end] == '\\') ++end;
      if (end >= rest.size()) return false;
      pair.value = rest.substr(1, end - 1);
      ++end;
    } else {
      end = std::min(rest.find(' '), rest.size());
      pair.value = rest.substr(0, end);
    }
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return true;
  }
};

template <typename Form>
class Pairs final : public Parser {
 public:
  Pairs(const LogOptions& options, std::string_view map) : zone_(options.zone), map_(map) {}

  Reading read(std::string_view line, Fields& fields) const override {
    std::string_view rest = line;
    Pair first;
    if (!Form::next(rest, first) || rest.empty())  // most lines that are no pairs are known by their begin
      return {Match::none, 0, Reject::unknown_format, 0, "a key and its value"};
    return read(line, fields, memory());
  }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    Memory& m = memory();
    Fields fields;
    while (from < end) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      if (newline == nullptr) return from;
      std::string_view line(from, static_cast<std::size_t>(newline - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (read(line, fields, m).match != Match::whole) return from;
      out.add(fields, from);
      from = newline + 1;
    }
    return end;
  }

 private:
  // A key as the last line had it in that place, and its slot.
  struct Guess {
    std::string key;
    Slot slot = no_slot;
  };
  // What a thread keeps from line to line; the parser's, until another one comes.
  struct Memory {
    std::uint64_t of = 0;
    NamedReader fields;
    NamedValues values;
    std::array<Guess, 32> guesses;
    std::string variables, undone, shown;
    std::vector<std::pair<std::size_t, std::size_t>> names;  // in variables: where each begins, and its size
  };
  Memory& memory() const {
    thread_local Memory memory;
    if (memory.of != id_) {
      memory.of = id_;
      memory.guesses.fill({});
    }
    memory.fields.begin(zone_);
    return memory;
  }

  Slot slot_of(std::string_view key, std::size_t place, Memory& m) const {
    if (place < m.guesses.size() && m.guesses[place].key == key) return m.guesses[place].slot;
    const FieldMap::Key* const found = map_.root().find(key);
    const Slot slot = found != nullptr ? found->slot : no_slot;
    if (place < m.guesses.size()) m.guesses[place] = {std::string(key), slot};
    return slot;
  }

  Reading read(std::string_view line, Fields& f, Memory& m) const {
    m.values.seen = m.values.filled = 0;
    m.variables.clear();
    m.undone.clear();
    m.names.clear();
    std::string_view rest = line;
    Pair pair;
    for (std::size_t place = 0; !rest.empty(); ++place) {
      const char* const at = rest.data();
      if (!Form::next(rest, pair)) {
        const auto column = static_cast<std::uint32_t>(at - line.data());
        return {Match::none, 0, Reject::unknown_format, column, "a key and its value"};
      }
      const Slot slot = slot_of(pair.key, place, m);
      if (slot == skipped_slot) continue;
      if (pair.quoted && pair.value.find('\\') != std::string_view::npos) {
        // It never moves within a line: what is undone is no longer than what stood there.
        if (m.undone.empty()) m.undone.reserve(line.size());
        const std::size_t before = m.undone.size();
        append_bytes(m.undone, pair.value.data(), pair.value.data() + pair.value.size());
        pair.value = std::string_view(m.undone).substr(before);
      }
      const bool null = pair.value.empty() || pair.value == "-";
      if (slot != no_slot)
        m.values.set(slot, null ? std::string_view() : pair.value, at, null);
      else if (!null)
        variable(pair, m);
    }
    Reading reading = m.fields.read(line, m.values, map_, Form::traits(), f);
    if (reading.match == Match::none) {
      // A pair or two stand in any text: the log's own keys tell that it is one.
      if (m.values.seen == 0) return {Match::none, 0, Reject::unknown_format, 0, "a key and its value"};
      return reading;
    }
    f.variables = m.variables;
    f.repeats = may_repeat(m);
    f.escapes = Form::escapes();
    f.plain = is_plain(line);
    return reading;
  }

  // Of many names nobody looks here: to compare each with each takes too long.
  static bool may_repeat(const Memory& m) {
    if (m.names.size() > 16) return true;
    const auto name = [&](std::size_t i) {
      return std::string_view(m.variables).substr(m.names[i].first, m.names[i].second);
    };
    for (std::size_t i = 0; i < m.names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (name(i) == name(j)) return true;
    return false;
  }

  static void variable(const Pair& pair, Memory& m) {
    if (!m.variables.empty()) m.variables += ',';
    const std::size_t begin = m.variables.size();
    text(pair.key, m);
    m.names.emplace_back(begin, m.variables.size() - begin);
    m.variables += ':';
    if (Form::escapes() == Escapes::clf && pair.value.find('\\') != std::string_view::npos) {
      m.undone.clear();
      append_unescaped(m.undone, pair.value);
      text(m.undone, m);
    } else {
      text(pair.value, m);
    }
  }

  static void text(std::string_view text, Memory& m) {
    if (is_plain(text) && text.find('"') == std::string_view::npos) {
      m.variables.append(1, '"').append(text) += '"';
      return;
    }
    m.shown.clear();
    append_text(m.shown, text);
    append_json(m.variables, m.shown);
  }

  static inline std::atomic<std::uint64_t> made_{0};

  const std::uint64_t id_ = ++made_;  // an address may be used again
  Zone zone_;
  FieldMap map_;
};

}  // namespace

extern const ParserInfo ltsv_parser, logfmt_parser;
const ParserInfo ltsv_parser{
    "ltsv", "labelled tab-separated values, with the labels of ltsv.org",
    "time:[22/Nov/2026:14:05:06 +0000]\thost:203.0.113.7\treq:GET / HTTP/1.1\tstatus:200\tsize:5120\treferer:-\t"
    "ua:curl/8.5.0\treqtime:0.004",
    [](const LogOptions& options) -> std::unique_ptr<Parser> {
      return std::make_unique<Pairs<Ltsv>>(options, ltsv_map);
    }};
const ParserInfo logfmt_parser{
    "logfmt", "key=value pairs, as Go's loggers write them",
    R"(time=2026-11-22T14:05:06Z level=info msg=request remote_addr=203.0.113.7 method=GET path=/ proto=HTTP/1.1 )"
    R"(status=200 bytes=5120 duration=4ms user_agent="curl/8.5.0")",
    [](const LogOptions& options) -> std::unique_ptr<Parser> {
      return std::make_unique<Pairs<Logfmt>>(options, logfmt_map);
    }};

}  // namespace track_usage
