// What loggers put around a line of another dialect.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>

#include "parsers/json_string.h"
#include "parsers/json_walk.h"
#include "parsers/parsers.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"

namespace track_usage {
namespace {

constexpr std::size_t padding = 64;  // that parsers may read behind a line

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Up to the next blank, which is taken too; empty if there is none.
std::string_view token(std::string_view& rest) {
  const auto blank = rest.find(' ');
  if (blank == std::string_view::npos) return {};
  const std::string_view out = rest.substr(0, blank);
  rest.remove_prefix(blank + 1);
  return out;
}

// What stood in an envelope. Views into the line or the thread's memory.
struct Unwrapped {
  std::string_view kind;
  std::string_view text;       // with `padding` readable bytes and, if `copied`, a newline behind it
  std::string_view host, tag;  // of syslog
  bool copied = false;
};

// "Nov 22 14:05:06 " of RFC 3164, with a fraction or without.
bool take_bsd_time(std::string_view& rest) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (rest.size() < 16 || months.find(rest.substr(0, 3)) % 3 != 0 || rest[3] != ' ' || rest[6] != ' ' ||
      rest[9] != ':' || rest[12] != ':' || rest.find_first_not_of("0123456789.", 13) != rest.find(' ', 13))
    return false;
  rest.remove_prefix(std::min(rest.find(' ', 13), rest.size() - 1) + 1);
  return true;
}

bool is_address(std::string_view text) {
  return !text.empty() && text.find_first_of(".:") != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string_view::npos;
}

bool take_iso_time(std::string_view& rest) {
  if (rest.size() < 20 || rest[4] != '-' || rest[10] != 'T') return false;
  std::string_view after = rest;
  if (!parse_iso_time(token(after))) return false;
  rest = after;
  return true;
}

// RFC 5424 behind its version: time, host, application, process, message id,
// structured data.
std::optional<Unwrapped> syslog_5424(std::string_view rest) {
  if (!rest.starts_with("- ") && !take_iso_time(rest)) return {};
  if (rest.starts_with("- ")) rest.remove_prefix(2);
  Unwrapped out{.kind = "syslog", .text = {}, .host = token(rest), .tag = token(rest)};
  token(rest);
  token(rest);
  if (rest.starts_with('-')) {
    rest.remove_prefix(1);
  } else {
    while (rest.starts_with('[')) {
      std::size_t i = 1;
      for (bool quoted = false; i < rest.size() && (quoted || rest[i] != ']'); ++i) {
        if (rest[i] == '"') quoted = !quoted;
        if (rest[i] == '\\') ++i;
      }
      if (i >= rest.size()) return {};
      rest.remove_prefix(i + 1);
    }
  }
  if (!rest.starts_with(' ')) return {};
  rest.remove_prefix(1);
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  out.text = rest;
  return out;
}

std::optional<Unwrapped> syslog(std::string_view rest) {
  if (rest.starts_with('<')) {
    const auto close = rest.substr(0, 6).find('>');
    if (close == std::string_view::npos || close < 2) return {};
    rest.remove_prefix(close + 1);
    if (rest.starts_with("1 ")) return syslog_5424(rest.substr(2));
  }
  const bool timed = take_bsd_time(rest) || take_iso_time(rest);
  const std::string_view behind_time = rest;
  Unwrapped out{.kind = "syslog", .text = rest, .host = token(rest), .tag = {}};
  const auto is_tag = [](std::string_view text) { return text.size() > 1 && text.ends_with(':') && !is_address(text); };
  const auto bare = [](std::string_view tag) { return tag.substr(0, tag.find_first_of("[:")); };
  if (is_tag(out.host)) {  // nginx's nohostname
    out.tag = bare(out.host);
    out.host = {};
    out.text = rest;
    return timed ? std::optional(out) : std::nullopt;
  }
  const std::string_view behind_host = rest;
  const std::string_view second = token(rest);
  if (is_tag(second)) {
    out.tag = bare(second);
    out.text = rest;
    return is_address(out.host) && !timed ? std::nullopt : std::optional(out);
  }
  if (!timed) return {};
  if (is_address(out.host))
    return Unwrapped{.kind = "time", .text = behind_time, .host = {}, .tag = {}};  // docker logs -t
  // No colon shows what is the tag: an address is the line's.
  out.text = is_address(second) ? behind_host : rest;
  if (!is_address(second)) out.tag = bare(second);
  return out;
}

// The prefix of container runtimes: time, stream, F for a full line or P.
std::optional<Unwrapped> cri(std::string_view rest) {
  if (!take_iso_time(rest)) return {};
  if (!rest.starts_with("stdout ") && !rest.starts_with("stderr ")) return {};
  rest.remove_prefix(7);
  if (!rest.starts_with("F ") && !rest.starts_with("P ")) return {};
  return Unwrapped{.kind = "cri", .text = rest.substr(2), .host = {}, .tag = {}};
}

class Envelope final : public Parser {
 public:
  explicit Envelope(std::vector<const Parser*> inside)
      : inside_(std::move(inside)), dispatcher_(inside_), message_("request=log|message") {}

  bool envelope() const override { return true; }

  Reading read(std::string_view line, Fields& fields) const override {
    Memory& m = memory();
    auto unwrapped = unwrap(line, m);
    if (!unwrapped || unwrapped->text.empty())
      return {Match::none, 0, Reject::unknown_format, 0, "a line of an access log"};
    auto choice = dispatcher_.best(unwrapped->text, fields);
    m.once = true;
    if (choice.reading.match == Match::none && !unwrapped->copied)  // Docker's JSON in syslog
      if (const auto inner = unwrap(unwrapped->text, m); inner && !inner->text.empty()) {
        Fields tried;
        const auto other = dispatcher_.best(inner->text, tried);
        if (other.reading.match != Match::none) {
          m.once = false;
          choice = other;
          fields = tried;
          unwrapped->text = inner->text;
          unwrapped->copied = inner->copied;
        }
      }
    Reading reading = choice.reading;
    if (reading.match == Match::none) {
      reading.column =
          unwrapped->copied ? 0 : reading.column + static_cast<std::uint32_t>(line.size() - unwrapped->text.size());
      return reading;
    }
    m.last = choice.parser;
    fields.around = around(*unwrapped, m);
    reading.inside = choice.parser;
    reading.around = unwrapped->kind;
    reading.named =
        static_cast<std::uint8_t>(reading.named + 3);  // time, host and stream or tag: more than any other reads
    return reading;
  }

  // One virtual call a line: what is inside is another dialect's.
  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    Memory& m = memory();
    while (from < end && m.once && m.last != nullptr && !m.last->ambiguous()) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      if (newline == nullptr) return from;
      std::string_view line(from, static_cast<std::size_t>(newline - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto unwrapped = unwrap(line, m);
      if (!unwrapped || unwrapped->text.empty()) return from;
      out.wrap(from, around(*unwrapped, m));
      const char* const behind = unwrapped->copied ? unwrapped->text.data() + unwrapped->text.size() + 1 : newline + 1;
      const bool taken = m.last->parse(unwrapped->text.data(), behind, out) == behind;
      out.unwrap();
      if (!taken) return from;
      from = newline + 1;
    }
    return from;
  }

 private:
  // What a thread keeps from line to line.
  struct Memory {
    std::uint64_t of = 0;
    const Parser* last = nullptr;  // that read what was inside
    bool once = true;              // one envelope was around it
    JsonWalk walk;
    std::string copy, around;
    std::string host, tag;  // that `around` was made of
  };
  Memory& memory() const {
    thread_local Memory memory;
    if (memory.of != id_) {
      memory.of = id_;
      memory.last = nullptr;
      memory.walk.forget();
    }
    return memory;
  }

  std::optional<Unwrapped> unwrap(std::string_view line, Memory& m) const {
    if (line.empty()) return {};
    switch (line[0]) {
      case ' ':  // a host in front that was empty
      case '\t':
        return Unwrapped{.kind = {}, .text = trim(line), .host = {}, .tag = {}};
      case '"':
        return quotes(line, m);
      case '[':  // kubectl logs --prefix
        if (line.starts_with("[pod/") && line.find("] ") != std::string_view::npos)
          return Unwrapped{.kind = "kubectl", .text = line.substr(line.find("] ") + 2), .host = {}, .tag = {}};
        return {};
      case '{':
        return docker(line, m);
      default:
        break;
    }
    if (is_digit(line[0]))
      if (auto found = cri(line)) return found;
    return syslog(line);
  }

  // The whole line in quotes; its own doubled, behind backslashes, or as they were.
  static std::optional<Unwrapped> quotes(std::string_view line, Memory& m) {
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (line.size() < 2 || !line.ends_with('"')) return {};
    const std::string_view inner = line.substr(1, line.size() - 2);
    m.copy.clear();
    // The first of its own shows how they were kept apart.
    const auto first = inner.find('"');
    const bool slashes = first != std::string_view::npos && first > 0 && inner[first - 1] == '\\';
    const bool doubled = first != std::string_view::npos && inner.substr(first, 2) == "\"\"";
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (slashes && inner[i] == '\\' && i + 1 < inner.size()) ++i;
      if (doubled && inner.substr(i, 2) == "\"\"") ++i;
      m.copy += inner[i];
    }
    return copied({}, m);
  }

  std::optional<Unwrapped> docker(std::string_view line, Memory& m) const {
    if (!m.walk.read(line, message_)) return {};
    const NamedValues& values = m.walk.values();
    const std::uint64_t found = values.filled & message_.slots_of(Field::request);
    if (found == 0) return {};
    m.copy.clear();
    append_bytes(m.copy, values.values[static_cast<std::size_t>(std::countr_zero(found))].at,
                 line.data() + line.size());
    while (m.copy.ends_with('\n') || m.copy.ends_with('\r')) m.copy.pop_back();
    if (m.copy.find('\n') != std::string::npos) return {};
    return copied("docker", m);
  }

  static Unwrapped copied(std::string_view kind, Memory& m) {
    const std::size_t size = m.copy.size();
    m.copy.append(1, '\n').append(padding, '\0');
    return {.kind = kind, .text = std::string_view(m.copy).substr(0, size), .host = {}, .tag = {}, .copied = true};
  }

  // What an envelope says, as members of track_var.
  static std::string_view around(const Unwrapped& unwrapped, Memory& m) {
    if (m.host == unwrapped.host && m.tag == unwrapped.tag) return m.around;
    m.host = unwrapped.host;
    m.tag = unwrapped.tag;
    m.around.clear();
    const auto member = [&](std::string_view name, std::string_view value) {
      if (value.empty() || value == "-") return;
      if (!m.around.empty()) m.around += ',';
      m.around.append(name) += ':';
      append_json(m.around, visible(value));
    };
    member("\"syslog_host\"", m.host);
    member("\"syslog_tag\"", m.tag);
    return m.around;
  }

  static inline std::atomic<std::uint64_t> made_{0};

  const std::uint64_t id_ = ++made_;  // an address may be used again
  std::vector<const Parser*> inside_;
  Dispatcher dispatcher_;
  FieldMap message_;
};

}  // namespace

std::unique_ptr<Parser> make_envelope(std::vector<const Parser*> inside) {
  return std::make_unique<Envelope>(std::move(inside));
}

}  // namespace track_usage
