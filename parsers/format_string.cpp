#include "parsers/format_string.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "parsers/field_map.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr char placeholder = '\x7f';  // that no format string holds

// A field as a string names it. Of those that tell the same, the one of the
// lowest rank is it, and the others are variables.
struct Known {
  std::string_view name;
  Part part;
  std::uint8_t rank = 0;
};

// Apache's directives that need no {argument}; the name of a variable follows.
struct Directive {
  char letter;
  Part part;
  std::string_view variable;
  std::uint8_t rank = 0;
};
constexpr Directive directives[] = {
    {'a', Part::remote, "remote_addr"},
    {'A', Part::variable, "local_addr"},
    {'b', Part::bytes, "bytes"},
    {'B', Part::bytes, "bytes"},
    {'D', Part::micros, "duration", 0},
    {'f', Part::variable, "filename"},
    {'h', Part::remote, "remote_host", 1},
    {'H', Part::protocol, "protocol"},
    {'I', Part::variable, "bytes_received"},
    {'k', Part::variable, "keepalive"},
    {'l', Part::ident, "ident"},
    {'L', Part::variable, "log_id"},
    {'m', Part::method, "method"},
    {'O', Part::bytes, "bytes_sent", 1},
    {'p', Part::port, "server_port"},
    {'P', Part::variable, "pid"},
    {'q', Part::query, "query"},
    {'r', Part::request, "request"},
    {'R', Part::variable, "handler"},
    {'s', Part::status, "original_status", 1},
    {'S', Part::variable, "bytes_total"},
    {'t', Part::clf_time, "time", 1},
    {'T', Part::seconds, "duration", 2},
    {'u', Part::user, "user"},
    {'U', Part::path, "path"},
    {'v', Part::host, "server_name"},
    {'V', Part::host, "server_name", 1},
    {'X', Part::variable, "connection"},
};

// Request headers, lower case; any other is a variable.
constexpr Known headers[] = {
    {"accept-language", Part::language}, {"host", Part::host, 2},     {"referer", Part::referrer},
    {"referrer", Part::referrer, 1},     {"user-agent", Part::agent}, {"x-forwarded-for", Part::forwarded},
    {"forwarded", Part::forwarded, 1},
};

constexpr Known variables[] = {
    {"args", Part::query},
    {"body_bytes_sent", Part::bytes},
    {"bytes_sent", Part::bytes, 1},
    {"host", Part::host},
    {"http_accept_language", Part::language},
    {"http_forwarded", Part::forwarded, 1},
    {"http_host", Part::host, 1},
    {"http_referer", Part::referrer},
    {"http_user_agent", Part::agent},
    {"http_x_forwarded_for", Part::forwarded},
    {"is_args", Part::query, 1},
    {"msec", Part::epoch_seconds},
    {"query_string", Part::query},
    {"realip_remote_addr", Part::peer},
    {"remote_addr", Part::remote},
    {"remote_user", Part::user},
    {"request", Part::request},
    {"request_method", Part::method},
    {"request_time", Part::seconds},
    {"request_uri", Part::target},
    {"scheme", Part::scheme},
    {"server_name", Part::host, 2},
    {"server_protocol", Part::protocol},
    {"status", Part::status},
    {"time_iso8601", Part::iso_time, 2},
    {"time_local", Part::clf_time, 1},
    {"uri", Part::path, 1},
};

template <typename Table>
const Known* find(const Table& table, std::string_view name) {
  const auto found = std::find_if(std::begin(table), std::end(table), [&](const Known& k) { return k.name == name; });
  return found == std::end(table) ? nullptr : &*found;
}

std::string variable_name(std::string_view prefix, std::string_view header) {
  std::string name = std::string(prefix) + lower(header);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// A format string, read from left to right.
class StringReader {
 public:
  explicit StringReader(std::string_view text) : text_(text) {}

  Layout apache();
  Layout nginx();

 private:
  struct Field {
    LayoutField field;
    std::uint8_t rank = 0;
  };
  [[noreturn]] void refuse(std::size_t at, const std::string& why, std::string_view hint) const {
    throw Error(Exit::usage, "--format: " + why, fmt::format("{} {}", caret(text_, at), hint));
  }
  void add(Part part, std::string name, std::string shown, std::uint8_t rank = 0) {
    fields_.push_back(
        {{.part = part, .name = std::move(name), .before = std::move(literal_), .shown = std::move(shown)}, rank});
    literal_.clear();
  }
  void directive();
  void with_argument(char letter, std::string_view argument, std::string shown);
  void time(std::string_view form, std::string shown);
  void unquote();
  Layout finish(std::string name);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string literal_;
  std::vector<Field> fields_;
  bool escaped_ = true;
  std::string unquoted_;
};

// %{...}t
void StringReader::time(std::string_view form, std::string shown) {
  if (form.starts_with("begin:")) form.remove_prefix(6);
  if (form.starts_with("end:")) form.remove_prefix(4);
  if (form.empty()) return add(Part::clf_time, {}, std::move(shown), 1);
  if (form == "sec" || form == "%s") return add(Part::epoch_seconds, {}, std::move(shown), 3);
  if (form == "msec") return add(Part::epoch_millis, {}, std::move(shown), 0);
  if (form == "usec") return add(Part::epoch_micros, {}, std::move(shown), 0);
  if (form == "msec_frac" || form == "usec_frac") {
    const bool millis = form == "msec_frac";
    // Right behind the seconds of the epoch it makes one number with them.
    if (literal_.empty() && !fields_.empty() && fields_.back().field.part == Part::epoch_seconds) {
      fields_.back().field.part = millis ? Part::epoch_millis : Part::epoch_micros;
      fields_.back().rank = 0;
      fields_.back().field.shown += shown;
      return;
    }
    return add(millis ? Part::millis_fraction : Part::micros_fraction, {}, std::move(shown));
  }
  if (form.find('%') == std::string_view::npos)
    refuse(at_ - std::min(at_, shown.size()), fmt::format("'{}' is no form of strftime", visible(form)),
           "as %{%Y-%m-%d %H:%M:%S}t");
  add(Part::strftime, std::string(form), std::move(shown), 2);
}

void StringReader::with_argument(char letter, std::string_view argument, std::string shown) {
  switch (letter) {
    case 'i':
      if (const Known* known = find(headers, lower(argument)))
        return add(known->part, variable_name("http_", argument), std::move(shown), known->rank);
      return add(Part::variable, variable_name("http_", argument), std::move(shown));
    case 'o':
      return add(Part::variable, variable_name("sent_http_", argument), std::move(shown));
    case 'C':
      return add(Part::variable, "cookie_" + std::string(argument), std::move(shown));
    case 't':
      return time(argument, std::move(shown));
    case 'T':
      return add(argument == "us"   ? Part::micros
                 : argument == "ms" ? Part::millis
                                    : Part::seconds,
                 "duration", std::move(shown),
                 argument == "us"   ? 0
                 : argument == "ms" ? 1
                                    : 2);
    case 'a':
      return add(argument == "c" ? Part::peer : Part::remote, "peer_addr", std::move(shown));
    case 'p':
      return add(argument == "remote" ? Part::variable : Part::port,
                 argument == "remote" ? "remote_port" : "server_port", std::move(shown));
    case 'P':
      return add(Part::variable, argument == "pid" || argument == "tid" ? std::string(argument) : "pid",
                 std::move(shown));
    case 'h':
      return add(Part::remote, "remote_host", std::move(shown), 1);
    default:  // an environment variable, a note ...
      return add(Part::variable, std::string(argument), std::move(shown));
  }
}

// At a %: modifiers, {argument}, letter.
void StringReader::directive() {
  const std::size_t begin = at_++;
  while (at_ < text_.size() && std::string_view("!<>,0123456789").find(text_[at_]) != std::string_view::npos) ++at_;
  const bool last = text_.substr(begin, at_ - begin).find('>') != std::string_view::npos;
  std::optional<std::string_view> argument;
  if (at_ < text_.size() && text_[at_] == '{') {
    const auto close = text_.find('}', at_);
    if (close == std::string_view::npos)
      refuse(at_, "this { is not closed", "%{User-agent}i is the header of that name");
    argument = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
  }
  if (at_ == text_.size()) refuse(begin, "a % with nothing behind it", "%% is a percent sign");
  if (text_[at_] == '^') {
    const std::string_view name = text_.substr(at_, 3);
    at_ += name.size();
    const std::string variable = name == "^FB" ? "first_byte" : name == "^ti" ? "trailer_" : "sent_trailer_";
    if (name != "^FB" && name != "^ti" && name != "^to")
      refuse(begin, fmt::format("Apache has no directive '{}'", visible(text_.substr(begin, at_ - begin))),
             "see mod_log_config's documentation");
    return add(Part::variable, argument ? variable_name(variable, *argument) : variable,
               std::string(text_.substr(begin, at_ - begin)));
  }
  const char letter = text_[at_++];
  std::string shown(text_.substr(begin, at_ - begin));
  if (letter == '%') {
    literal_ += '%';
    return;
  }
  const auto found = std::find_if(std::begin(directives), std::end(directives),
                                  [&](const Directive& d) { return d.letter == letter; });
  if (argument) {
    if (found == std::end(directives) && std::string_view("ioCenx").find(letter) == std::string_view::npos)
      refuse(begin, fmt::format("Apache has no directive '{}'", visible(shown)), "see mod_log_config's documentation");
    return with_argument(letter, *argument, std::move(shown));
  }
  if (found == std::end(directives))
    refuse(begin, fmt::format("Apache has no directive '{}'", visible(shown)), "see mod_log_config's documentation");
  if (letter == 't') {  // its brackets are its own
    literal_ += '[';
    add(Part::clf_time, {}, std::move(shown), 1);
    literal_ = "]";
    return;
  }
  if (letter == 's' && last) return add(Part::status, "status", std::move(shown), 0);
  add(found->part, std::string(found->variable), std::move(shown), found->rank);
}

// "a" 'b' are parts of one string; what a directive has around it goes.
void StringReader::unquote() {
  std::string_view text = trim(text_);
  for (const std::string_view word : {"LogFormat", "log_format"})
    if (text.starts_with(word) && text.size() > word.size() && text[word.size()] == ' ') {
      text = trim(text.substr(word.size()));
      if (word == "log_format") text = trim(text.substr(std::min(text.find(' '), text.size())));
    }
  if (text.starts_with("escape=")) {
    escaped_ = !text.starts_with("escape=none");
    text = trim(text.substr(std::min(text.find(' '), text.size())));
  }
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return;
  // Several quoted parts, or one: but a format may begin with a quote of its own.
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    const char quote = text[at++];
    for (; at < text.size() && text[at] != quote; ++at) {
      if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == quote || text[at + 1] == '\\')) ++at;
      out += text[at];
    }
    if (at == text.size()) return;
    ++at;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) ++at;
  }
  // What follows may be a nickname or the semicolon.
  const std::string_view rest = trim(text.substr(at));
  if (rest.find_first_of("%$\"' ") != std::string_view::npos) return;
  unquoted_ = std::move(out);
  text_ = unquoted_;
}

Layout StringReader::apache() {
  unquote();
  while (at_ < text_.size()) {
    if (text_[at_] == '%') {
      directive();
    } else if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
      const char c = text_[at_ + 1];
      literal_ += c == 'n' ? '\n' : c == 't' ? '\t' : c;
      at_ += 2;
    } else {
      literal_ += text_[at_++];
    }
  }
  return finish("apache");
}

Layout StringReader::nginx() {
  unquote();
  while (at_ < text_.size()) {
    if (text_[at_] != '$') {
      literal_ += text_[at_++];
      continue;
    }
    const std::size_t begin = at_++;
    const bool braced = at_ < text_.size() && text_[at_] == '{';
    at_ += braced;
    const std::size_t name_at = at_;
    const auto in_name = [](char c) {
      return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    const std::string_view name = text_.substr(name_at, at_ - name_at);
    if (name.empty() || (braced && (at_ == text_.size() || text_[at_] != '}')))
      refuse(begin, "a $ without the name of a variable", "$remote_addr or ${remote_addr}");
    at_ += braced;
    std::string shown(text_.substr(begin, at_ - begin));
    const Known* known = find(variables, name);
    add(known != nullptr ? known->part : Part::variable, std::string(name), std::move(shown),
        known != nullptr ? known->rank : std::uint8_t{0});
  }
  return finish("nginx");
}

// Joins what belongs together, and settles which of several fields of a kind counts.
Layout StringReader::finish(std::string name) {
  Layout layout{.name = std::move(name), .fields = {}, .after = std::move(literal_), .escaped = escaped_};
  std::vector<Field> joined;
  for (Field& f : fields_) {
    const bool continues = !joined.empty() && f.field.before.empty();
    const Part part = f.field.part, before = continues ? joined.back().field.part : Part::skipped;
    // %U%q and $uri$is_args$args are one target.
    if (continues && part == Part::query && (before == Part::path || before == Part::target)) {
      joined.back().field.part = Part::target;
      joined.back().field.shown += f.field.shown;
      continue;
    }
    f.field.at_slash = before == Part::host && (part == Part::path || part == Part::target);
    joined.push_back(std::move(f));
  }
  const auto has = [&](Part part) {
    return std::any_of(joined.begin(), joined.end(), [&](const Field& f) { return f.field.part == part; });
  };
  const auto is_time = [](Part part) { return part >= Part::clf_time && part <= Part::strftime; };
  const auto kind = [&](Part part) {  // parts that tell the same
    if (is_time(part)) return Part::clf_time;
    if (part == Part::millis || part == Part::micros) return Part::seconds;
    return part;
  };
  const auto best = [&](const Field& f) {
    return std::none_of(joined.begin(), joined.end(), [&](const Field& other) {
      return kind(other.field.part) == kind(f.field.part) &&
             (other.rank < f.rank || (other.rank == f.rank && &other < &f && f.field.part != Part::strftime));
    });
  };
  const bool request = has(Part::request), target = has(Part::target);
  std::vector<Part> settled;
  for (const Field& f : joined) {
    Part part = f.field.part;
    if (part == Part::variable || part == Part::port || part == Part::millis_fraction ||
        part == Part::micros_fraction) {
      // as it is
    } else if (request && (part == Part::method || part == Part::target || part == Part::path || part == Part::query ||
                           part == Part::protocol)) {
      part = Part::skipped;  // the request line tells
    } else if (target && (part == Part::path || part == Part::query)) {
      part = Part::skipped;
    } else if (!best(f)) {
      part = is_time(part) ? Part::skipped : Part::variable;
    }
    settled.push_back(part);
  }
  const bool finer = std::any_of(settled.begin(), settled.end(),
                                 [](Part p) { return p == Part::epoch_millis || p == Part::epoch_micros; });
  for (std::size_t i = 0; i < joined.size(); ++i) {
    joined[i].field.part = settled[i];
    if (finer && (settled[i] == Part::millis_fraction || settled[i] == Part::micros_fraction))
      joined[i].field.part = Part::skipped;
    LayoutField& field = joined[i].field;
    const auto same = [&](const LayoutField& f) { return f.part == Part::variable && f.name == field.name; };
    if (field.part == Part::variable && std::any_of(layout.fields.begin(), layout.fields.end(), same))
      field.part = Part::skipped;  // an object has a name once
    layout.fields.push_back(std::move(field));
  }
  return layout;
}

// The field of a JSON map that a part is; empty for variables.
std::string_view field_of(Part part) {
  struct Name {
    Part part;
    std::string_view field;
  };
  constexpr Name names[] = {
      {Part::skipped, "skip"},
      {Part::remote, "remote_addr"},
      {Part::peer, "peer_addr"},
      {Part::host, "server_name"},
      {Part::user, "username"},
      {Part::request, "request"},
      {Part::method, "method"},
      {Part::target, "path"},
      {Part::path, "path"},
      {Part::query, "query"},
      {Part::protocol, "protocol"},
      {Part::scheme, "scheme"},
      {Part::status, "status"},
      {Part::bytes, "content_length"},
      {Part::referrer, "referrer"},
      {Part::agent, "user_agent"},
      {Part::forwarded, "xforwardedfor"},
      {Part::language, "accept_language"},
      {Part::seconds, "speed"},
      {Part::millis, "speed_ms"},
      {Part::micros, "speed_us"},
      {Part::clf_time, "date"},
      {Part::iso_time, "date"},
      {Part::epoch_seconds, "date"},
      {Part::epoch_millis, "date"},
      {Part::epoch_micros, "date"},
      {Part::strftime, "date"},
  };
  const auto* const found =
      std::find_if(std::begin(names), std::end(names), [&](const Name& n) { return n.part == part; });
  return found == std::end(names) ? std::string_view() : found->field;
}

using Keys = std::map<std::string, std::string, std::less<>>;  // by field

// Looks for values that are one placeholder and nothing else.
void find_keys(const nlohmann::json& object, const std::string& prefix, const Layout& layout, Keys& keys) {
  for (const auto& [key, value] : object.items()) {
    if (key.empty()) continue;
    const std::string path = prefix + escaped_key(key);
    if (value.is_object()) find_keys(value, path + '.', layout, keys);
    if (!value.is_string()) continue;
    std::string text = value.get<std::string>();
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);  // Apache's %t
    if (!text.starts_with(placeholder) || text.find(placeholder, 1) != text.size() - 1) continue;
    const auto number = parse_number(std::string_view(text).substr(1, text.size() - 2));
    if (!number || *number >= layout.fields.size()) continue;
    const std::string_view field = field_of(layout.fields[*number].part);
    if (field.empty()) continue;
    std::string& all = keys[std::string(field)];
    if (!all.empty()) all += '|';
    all += path;
  }
}

}  // namespace

std::optional<std::string> json_map_of(const Layout& layout) {
  if (layout.fields.empty() || !trim(layout.fields[0].before).starts_with('{')) return {};
  // The object with a placeholder for each field.
  std::string text;
  bool quoted = false;
  const auto literal = [&](std::string_view part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '"' && (i == 0 || part[i - 1] != '\\')) quoted = !quoted;
      text += part[i];
    }
  };
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    literal(layout.fields[i].before);
    text += quoted ? fmt::format("{0}{1}{0}", placeholder, i) : fmt::format("\"{0}{1}{0}\"", placeholder, i);
  }
  literal(layout.after);
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return {};
  Keys keys;
  find_keys(object, {}, layout, keys);
  // Times in strftime's forms are read as positional ones, but for ISO 8601's.
  for (const LayoutField& field : layout.fields)
    if (field.part == Part::strftime && (keys["date"].find('|') != std::string::npos ||
                                         !(field.name.starts_with("%Y-%m-%dT%") || field.name.starts_with("%FT%"))))
      return {};
  if (!keys.contains("date") || !keys.contains("remote_addr") || !keys.contains("status")) return {};
  std::string map;
  for (const auto& [field, paths] : keys) map += fmt::format("{}{}={}", map.empty() ? "" : ",", field, paths);
  return map;
}

bool is_format_string(std::string_view format) {
  return !format.starts_with("json:") && format.find_first_of("%$") != std::string_view::npos;
}

Layout read_format_string(std::string_view format) {
  StringReader reader(format);
  // nginx has no directives that begin with %, Apache no variables.
  return format.find('%') != std::string_view::npos && format.find('$') == std::string_view::npos ? reader.apache()
                                                                                                  : reader.nginx();
}

}  // namespace track_usage
