// The common log format and its two kin: combined adds referrer and agent, and
// vhost_combined the virtual host in front. One splitter serves all three.
#include <algorithm>
#include <cstring>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/parser.h"

namespace track_usage {
namespace {

// Walks a line from field to field; `at` stands behind what was taken.
struct Cursor {
  const char* at;
  const char* const end;

  // Up to the next blank, which is taken too.
  bool token(std::string_view& out) {
    const auto* blank = static_cast<const char*>(std::memchr(at, ' ', static_cast<std::size_t>(end - at)));
    if (blank == nullptr || blank == at) return false;
    out = {at, static_cast<std::size_t>(blank - at)};
    at = blank + 1;
    return true;
  }

  // The rest up to a blank or the end; the blank stays.
  std::string_view word() {
    const auto* blank = static_cast<const char*>(std::memchr(at, ' ', static_cast<std::size_t>(end - at)));
    const char* const stop = blank != nullptr ? blank : end;
    const std::string_view out(at, static_cast<std::size_t>(stop - at));
    at = stop;
    return out;
  }

  // "...": ends at the first " that is not escaped. False, with what is there,
  // if the line ends before.
  bool quoted(std::string_view& out) {
    const char* const from = ++at;
    for (;;) {
      const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
      if (quote == nullptr) {
        out = {from, static_cast<std::size_t>(end - from)};
        at = end;
        return false;
      }
      at = quote + 1;
      const char* slash = quote;
      while (slash > from && slash[-1] == '\\') --slash;
      if ((quote - slash) % 2 == 0) {
        out = {from, static_cast<std::size_t>(quote - from)};
        return true;
      }
    }
  }

  bool take(char c) {
    if (at == end || *at != c) return false;
    ++at;
    return true;
  }
  bool next_is(const char (&two)[3]) const { return end - at >= 2 && at[0] == two[0] && at[1] == two[1]; }
};

bool looks_like_address(std::string_view text) {
  return text.find(':') != std::string_view::npos || text.find_first_not_of("0123456789.x") == std::string_view::npos;
}

bool is_ipv4(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 3 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

// A client is an address, perhaps masked or with a port, or a name. What has
// colons elsewhere is something else that stands in front: grep's file, a time.
bool may_be_client(std::string_view text) {
  const auto colon = text.find(':');
  if (text.find('"') != std::string_view::npos) return false;
  if (colon == std::string_view::npos) return true;
  if (text.starts_with('[') || text == "unix:") return true;
  const std::string_view behind = text.substr(colon + 1);
  if (behind.find(':') == std::string_view::npos)
    return !behind.empty() && behind.find_first_not_of("0123456789") == std::string_view::npos;
  const bool clock = text.size() == 8 && text.find_first_not_of("0123456789:") == std::string_view::npos &&
                     text.find("::") == std::string_view::npos;
  return !clock;
}

// A host is no time, number, path or tag.
bool may_be_host(std::string_view text) {
  if (text.ends_with(':') || text.ends_with(',') || text.find('/') != std::string_view::npos) return false;
  if (text.starts_with('[')) return text.find(':') != std::string_view::npos;
  if (text[0] < '0' || text[0] > '9') return true;
  if (text.find_first_not_of("0123456789.-") == std::string_view::npos) return is_ipv4(text);
  return !(text.size() > 10 && text[4] == '-' && text[7] == '-' && text[10] == 'T');
}

// A name that is made of what belongs to other fields: an address, or dashes.
bool may_be_user(std::string_view text) {
  if (text.ends_with(" -")) return false;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, blank);
    if (word.starts_with('[') && word.ends_with(']')) word = word.substr(1, word.size() - 2);
    if (is_ipv4(word)) return false;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return true;
}

template <bool vhost, bool agents>
class Clf final : public Parser {
 public:
  explicit Clf(const LogOptions& options) : zone_(options.zone) {}

  bool borrows_from_line() const override { return true; }

  Reading read(std::string_view line, Fields& f) const override {
    ClfTime clock(zone_);
    bool certain;
    return split(line, clock, f, certain);
  }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    ClfTime clock(zone_);
    Fields fields;
    while (from < end) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      if (newline == nullptr) return from;
      std::string_view line(from, static_cast<std::size_t>(newline - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      bool certain = false;
      if (split(line, clock, fields, certain).match != Match::whole || !certain) return from;
      out.add(fields, from);
      from = newline + 1;
    }
    return end;
  }

 private:
  // `certain`: no other dialect can read the whole line too.
  Reading split(std::string_view line, ClfTime& clock, Fields& f, bool& certain) const {
    while (line.ends_with(' ')) line.remove_suffix(1);
    f.flags = 0;
    f.extra = {};
    f.bytes = no_number;
    f.status = no_status;
    f.referrer = f.agent = {};
    Cursor c{line.data(), line.data() + line.size()};
    Reading r;
    const auto stop = [&](Match match, Reject reason, std::string_view expected) {
      r.match = match;
      r.reason = reason;
      r.column = static_cast<std::uint32_t>(c.at - line.data());
      r.expected = expected;
      return r;
    };
    certain = true;
    // No field of these dialects begins with a brace: a JSON line is another's.
    // And a hole of NULs is for the dispatcher to skip.
    if (line.starts_with('{') || line.starts_with('\0')) return stop(Match::none, Reject::unknown_format, "an address");
    if constexpr (vhost)
      if (!c.token(f.host) || !may_be_host(f.host))
        return stop(Match::none, Reject::unknown_format, "a host and a blank");
    f.forwarded = {};
    if (!c.token(f.remote)) return stop(Match::none, Reject::no_address, "an address and a blank");
    if (f.remote.ends_with(',') && looks_like_address(f.remote.substr(0, f.remote.size() - 1))) addresses(c, f);
    if (!may_be_client(f.remote)) return stop(Match::none, Reject::unknown_format, "an address");
    if (!c.token(f.ident)) return stop(Match::none, Reject::unknown_format, "an identity (or -) and a blank");
    if (!user(c, f.user, certain) || (!certain && (!may_be_user(f.user) || is_ipv4(f.ident))))
      return stop(Match::none, Reject::unknown_format, "a user (or -) and [time]");
    // With a host in front, a line can also be one without whose user holds a
    // blank: the addresses tell.
    const bool misplaced = vhost ? f.remote == "-" || (looks_like_address(f.host) && !looks_like_address(f.remote))
                                 : !looks_like_address(f.remote) && looks_like_address(f.ident);
    certain = certain && !misplaced;
    if (vhost && misplaced && looks_like_address(f.host))
      return stop(Match::none, Reject::unknown_format, "a host before the address");

    ++c.at;  // [
    const auto* bracket = static_cast<const char*>(std::memchr(c.at, ']', static_cast<std::size_t>(c.end - c.at)));
    if (bracket == nullptr) return stop(Match::none, Reject::truncated, "] after the time");
    const auto time = clock.parse({c.at, static_cast<std::size_t>(bracket - c.at)});
    if (!time) return stop(Match::none, Reject::bad_time, "a time as 22/Nov/2026:14:05:09 +0000");
    f.time = *time;
    f.zone_assumed = clock.zone_assumed();
    c.at = bracket + 1;

    if (!c.next_is(" \"")) return stop(Match::none, Reject::truncated, "a blank and the quoted request");
    ++c.at;
    if (!c.quoted(f.request)) return stop(Match::none, Reject::truncated, "the request's closing quote");
    if (!c.take(' ')) return stop(Match::none, Reject::truncated, "a blank and the status");
    const char* const at_status = c.at;
    if (!status(c.word(), f.status)) {
      c.at = at_status;
      return stop(Match::none, at_status == c.end ? Reject::truncated : Reject::bad_status, "a status of three digits");
    }
    // The frame is sound: from here on the line is a row.
    f.plain = is_plain(line);
    r.named = misplaced ? 0 : 6 + vhost;
    if (!c.take(' ')) return stop(Match::truncated, Reject::truncated, "a blank and the size");
    const char* const at_size = c.at;
    if (!size(c.word(), f.bytes)) {
      c.at = at_size;
      f.extra = {at_size, static_cast<std::size_t>(c.end - at_size)};
      return stop(Match::truncated, Reject::truncated, "a size (or -)");
    }
    r.named += r.named != 0;
    if constexpr (agents) {
      for (std::string_view* field : {&f.referrer, &f.agent}) {
        const char* const before = c.at;
        if (!c.next_is(" \"")) {
          c.at = before;
          if (c.at < c.end) f.extra = {c.at, static_cast<std::size_t>(c.end - c.at)};
          return stop(Match::truncated, Reject::truncated, "a quoted referrer and a quoted agent");
        }
        ++c.at;
        const bool closed = c.quoted(*field);
        r.named += r.named != 0;
        if (!closed) return stop(Match::truncated, Reject::truncated, "the closing quote");
      }
    }
    if (c.at == c.end) return stop(Match::whole, {}, {});
    f.extra = {c.at, static_cast<std::size_t>(c.end - c.at)};
    if (f.extra[0] != ' ') return stop(Match::extras, {}, "a blank");
    // What begins with a quote and does not end is a field that was cut.
    if (f.extra.size() > 1 && f.extra[1] == '"' && f.extra.find('"', 2) == std::string_view::npos)
      return stop(Match::truncated, Reject::truncated, "the closing quote");
    return stop(Match::extras, {}, "the line's end");
  }

  // X-Forwarded-For in place of the address: "203.0.113.7, 192.0.2.1".
  static void addresses(Cursor& c, Fields& f) {
    const char* const from = f.remote.data();
    for (std::string_view next = f.remote; next.ends_with(',');)
      if (!c.token(next)) break;
    f.forwarded = {from, static_cast<std::size_t>(c.at - from) - 1};
    f.remote.remove_suffix(1);
  }

  // Ends before [time. A user may hold blanks, quotes and brackets: Apache logs
  // the name as it came.
  static bool user(Cursor& c, std::string_view& out, bool& certain) {
    const char* const from = c.at;
    const auto time_at = [&](const char* at) {
      return c.end - at > 4 && at[0] == '[' && at[3] == '/' && is_digit(at[1]);
    };
    if (c.token(out) && time_at(c.at)) return true;
    certain = false;
    const std::string_view rest(from, static_cast<std::size_t>(c.end - from));
    std::size_t first = std::string_view::npos;
    for (auto bracket = rest.find(" ["); bracket != std::string_view::npos; bracket = rest.find(" [", bracket + 1)) {
      if (bracket == 0) continue;
      if (first == std::string_view::npos) first = bracket;
      if (!time_at(from + bracket + 1)) continue;
      first = bracket;
      break;
    }
    // An opening quote before the only bracket: it belongs to a request.
    if (first == std::string_view::npos) return false;
    if (!time_at(from + first + 1) && rest.substr(0, first).find(" \"") != std::string_view::npos) return false;
    out = rest.substr(0, first);
    // Jetty has two blanks between its dashes.
    out.remove_prefix(std::min(out.find_first_not_of(' '), out.size()));
    while (out.ends_with(' ')) out.remove_suffix(1);
    c.at = from + first + 1;
    return true;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  static bool status(std::string_view word, std::int16_t& out) {
    if (word == "-") return true;
    if (word.size() != 3) return false;
    int n = 0;
    for (const char d : word) {
      if (d < '0' || d > '9') return false;
      n = n * 10 + (d - '0');
    }
    if (n != 0) out = static_cast<std::int16_t>(n);  // 000: no answer was sent
    return true;
  }

  static bool size(std::string_view word, std::int64_t& out) {
    if (word == "-") return true;
    if (word.empty()) return false;
    std::int64_t n = 0;
    for (const char d : word) {
      if (d < '0' || d > '9') return false;
      if (n < INT64_MAX / 100) n = n * 10 + (d - '0');  // beyond any real size it stays beyond
    }
    out = n;
    return true;
  }

  Zone zone_;
};

template <bool vhost, bool agents>
std::unique_ptr<Parser> make(const LogOptions& options) {
  return std::make_unique<Clf<vhost, agents>>(options);
}

}  // namespace

extern const ParserInfo common_parser, combined_parser, vhost_common_parser, vhost_combined_parser;
const ParserInfo vhost_common_parser{
    "vhost_common", "common with the virtual host in front",
    R"(www.example.com 192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET / HTTP/2.0" 200 2326)", make<true, false>};
const ParserInfo common_parser{"common", "the common log format (CLF)",
                               R"(192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET /index.html HTTP/1.1" 200 2326)",
                               make<false, false>};
const ParserInfo combined_parser{
    "combined", "common with referrer and agent: Apache's and nginx's default",
    R"(192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET / HTTP/1.1" 200 2326 "-" "Mozilla/5.0")", make<false, true>};
const ParserInfo vhost_combined_parser{
    "vhost_combined", "combined with the virtual host (and its port) in front",
    R"(www.example.com:443 192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET / HTTP/2.0" 200 2326 "-" "Mozilla/5.0")",
    make<true, true>};

}  // namespace track_usage
