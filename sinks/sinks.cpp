#include "sinks/sinks.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/url.h"
#include "src/error.h"
#include "src/row_text.h"

namespace track_usage {

#define SINK(name) extern const SinkInfo name##_sink;
#define LEFT_OUT(name)
#include "sinks/sinks.inc"
#undef SINK
#undef LEFT_OUT

namespace {

#define SINK(name)
#define LEFT_OUT(name) #name,
constexpr std::string_view left_out[] = {
#include "sinks/sinks.inc"
    ""};  // never empty, whatever the build left out
#undef SINK
#undef LEFT_OUT

using namespace std::string_view_literals;

constexpr std::pair<std::string_view, std::string_view> other_names[] = {{"postgres", "postgresql"},
                                                                         {"mariadb", "mysql"}};

std::vector<std::string_view> schemes() {
  std::vector<std::string_view> names;
  for (const SinkInfo* sink : all_sinks()) names.push_back(sink->scheme);
  return names;
}

bool is_word(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [also](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

bool names_sqlite_file(std::string_view path) {
  return path.ends_with(".db") || path.ends_with(".sqlite") || path.ends_with(".sqlite3");
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (auto stop = text.find(at); stop != std::string_view::npos; stop = text.find(at)) {
    parts.push_back(text.substr(0, stop));
    text.remove_prefix(stop + 1);
  }
  parts.push_back(text);
  return parts;
}

using Settings = std::map<std::string, std::string, std::less<>>;

// "a=1&b=2" if every piece is a setting that the sink knows; else nothing, and
// `unknown` is the piece that is none.
std::optional<Settings> settings_of(std::string_view query, const SinkInfo& sink, std::string_view& unknown) {
  const std::vector<std::string_view> known = split(sink.settings, ' ');
  Settings settings;
  for (const std::string_view piece : split(query, '&')) {
    const auto equals = piece.find('=');
    unknown = piece.substr(0, equals);
    if (unknown.empty() || equals == std::string_view::npos ||
        std::find(known.begin(), known.end(), unknown) == known.end())
      return {};
    settings[std::string(unknown)] = piece.substr(equals + 1);
  }
  return settings;
}

// A template's own marks are doubled, so that a variable's value stands as it is.
std::string as_template_text(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '{' || c == '}' || c == '\\') out += c;
    out += c;
  }
  return out;
}

// Settings of ours leave a URL's query; all else stays for the client library.
Settings take_settings(std::string& url, const SinkInfo& sink) {
  const std::vector<std::string_view> known = split(sink.settings, ' ');
  const auto query = url.find('?');
  if (query == std::string::npos) return {};
  const std::string typed = url.substr(query + 1);
  url.resize(query);
  Settings settings;
  char joint = '?';
  for (const std::string_view piece : split(typed, '&')) {
    const auto equals = std::min(piece.find('='), piece.size());
    if (std::find(known.begin(), known.end(), piece.substr(0, equals)) != known.end())
      settings[std::string(piece.substr(0, equals))] = piece.substr(std::min(equals + 1, piece.size()));
    else
      url.append(1, std::exchange(joint, '&')).append(piece);
  }
  return settings;
}

// What a variable gives is one component of a URL, whatever it holds.
std::string as_url_component(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (is_word(std::string_view(&c, 1), "-._~"))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// ${NAME} from the environment. A template's $ before a {field} is no variable.
enum class Text : std::uint8_t { plain, pattern, url };

std::string with_environment(std::string_view text, Text kind) {
  std::string out;
  for (;;) {
    const auto from = text.find("${");
    out += text.substr(0, from);
    if (from == std::string_view::npos) return out;
    text.remove_prefix(from);
    const auto end = text.find('}');
    const std::string_view name = end == std::string_view::npos ? ""sv : text.substr(2, end - 2);
    const auto fields = row_fields();
    if (!is_word(name, "_") ||
        (kind == Text::pattern && std::find(fields.begin(), fields.end(), name) != fields.end())) {
      out += text.substr(0, 1);
      text.remove_prefix(1);
      continue;
    }
    const char* const value = std::getenv(std::string(name).c_str());
    if (value == nullptr)
      throw Error(Exit::usage, fmt::format("the environment has no variable '{}'", name),
                  fmt::format("the target names it as ${{{}}}", name));
    out += kind == Text::pattern ? as_template_text(value) : kind == Text::url ? as_url_component(value) : value;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::span<const SinkInfo* const> all_sinks() {
#define SINK(name) &name##_sink,
#define LEFT_OUT(name)
  static constexpr const SinkInfo* table[] = {
#include "sinks/sinks.inc"
  };
#undef SINK
#undef LEFT_OUT
  return table;
}

const SinkInfo& find_sink(std::string_view scheme) {
  for (const auto& [other, name] : other_names)
    if (scheme == other) scheme = name;
  for (const SinkInfo* sink : all_sinks())
    if (sink->scheme == scheme) return *sink;
  std::vector<std::string_view> names = schemes();
  if (!scheme.empty() && std::find(std::begin(left_out), std::end(left_out), scheme) != std::end(left_out))
    throw Error(Exit::usage, fmt::format("the sink '{}' is not in this build", scheme),
                fmt::format("this build has: {}", fmt::join(names, " ")));
  // What is left out is no less what was meant, but no choice.
  const std::string built = suggest(scheme, names);
  for (const std::string_view name : left_out)
    if (!name.empty()) names.push_back(name);
  for (const auto& [other, name] : other_names) names.push_back(other);
  const std::string any = suggest(scheme, names);
  throw Error(Exit::usage, fmt::format("no sink is called '{}'", visible(scheme)),
              any.starts_with("did") ? any : built);
}

Target parse_target(std::string_view typed) {
  Target target;
  target.typed = typed;
  const auto colon = typed.find(':');
  std::string_view rest = typed;
  const SinkInfo* sink;
  if (colon != std::string_view::npos && is_word(typed.substr(0, colon), "+-")) {
    sink = &find_sink(lower(typed.substr(0, colon)));
    rest.remove_prefix(colon + 1);
  } else {
    const std::string_view path = typed.substr(0, typed.rfind('?'));
    if (!names_sqlite_file(typed) && !names_sqlite_file(path))
      throw Error(Exit::usage, fmt::format("the target '{}' does not say what it is", visible(masked_url(typed))),
                  fmt::format("an SQLite file is sqlite:{}", typed.empty() ? "PATH" : visible(masked_url(typed))));
    sink = &find_sink("sqlite");
  }
  target.scheme = sink->scheme;
  const bool is_template = target.scheme == "output";

  if (sink->url) {
    std::string url(rest);
    target.settings = take_settings(url, *sink);
    for (auto& [name, value] : target.settings) value = with_environment(value, Text::plain);
    target.location = with_environment(url, Text::url);
    return target;
  }
  std::string_view unknown;
  const auto front = rest.find("&:");
  if (is_template && rest.starts_with('?') && front != std::string_view::npos) {
    const auto settings = settings_of(rest.substr(1, front - 1), *sink, unknown);
    if (!settings)
      throw Error(Exit::usage, fmt::format("'{}' is no setting of output:", visible(unknown)),
                  suggest(unknown, split(sink->settings, ' ')));
    target.settings = *settings;
    rest.remove_prefix(front + 2);
  } else if (const auto query = rest.rfind('?'); query != std::string_view::npos) {
    // All of it or nothing: a template, and a file's name, may have a ? itself.
    if (const auto settings = settings_of(rest.substr(query + 1), *sink, unknown)) {
      target.settings = *settings;
      rest = rest.substr(0, query);
    }
  }
  for (auto& [name, value] : target.settings) value = with_environment(value, Text::plain);
  target.location = with_environment(rest, is_template ? Text::pattern : Text::plain);

  if (target.scheme == "sqlite") {
    if (target.location.starts_with("//")) target.location.erase(0, 2);  // sqlite:///abs
    if (target.location.empty())
      throw Error(Exit::usage, fmt::format("the target '{}' names no file", visible(typed)), "write sqlite:PATH");
  }
  return target;
}

std::string Target::shown() const {
  return visible(scheme == "output" ? typed : masked_url(typed));
}

std::string Target::setting(std::string_view name, std::string_view otherwise) const {
  const auto found = settings.find(name);
  return found == settings.end() ? std::string(otherwise) : found->second;
}

}  // namespace track_usage
