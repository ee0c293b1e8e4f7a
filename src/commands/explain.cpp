// explain: which parser reads a line, what it finds in each field, and where
// it fails, with a caret under the column.
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/input/source.h"
#include "src/plan.h"
#include "src/row_text.h"

namespace track_usage {
namespace {

constexpr std::size_t lines_of_file = 1000;  // that are looked at to tell what a file is
constexpr std::size_t head_bytes = 4 << 20;

bool exists(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0;
}

// The head of a file, or all of it up to the end of line `until`.
std::string read_lines(const std::string& path, std::uint64_t until) {
  Source source(path);
  std::string text;
  std::vector<char> bytes(1 << 16);
  std::uint64_t lines = 0;
  for (;;) {
    std::size_t got = 0;
    if (source.read(bytes.data(), bytes.size(), got) != Source::Got::data) return text;
    text.append(bytes.data(), got);
    lines +=
        static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(got), '\n'));
    if (until == 0 ? text.size() >= head_bytes : lines >= until) return text;
  }
}

std::string_view line_of(std::string_view text, std::uint64_t number) {
  for (; number > 1; --number) {
    const auto newline = text.find('\n');
    if (newline == std::string_view::npos) return {};
    text.remove_prefix(newline + 1);
  }
  return text.substr(0, text.find('\n'));
}

class Explainer {
 public:
  explicit Explainer(const Options& options) : dialects_(make_dialects(options)), dispatcher_(dialects_.parsers) {
    if (!options.server.empty()) defaults_ = {.server_name = options.server, .server_fixed = true, .variables = {}};
  }

  int line(std::string_view line) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_blank(line)) {
      write_stdout("blank: the line holds no request, and counts as blank\n");
      return 0;
    }
    const std::string padded = std::string(line) + '\n' + std::string(64, '\0');
    const std::string_view text(padded.data(), line.size());
    Fields fields;
    const auto choice = dispatcher_.best(text, fields);
    if (choice.reading.match == Match::none) return failed(text, choice);

    Batch batch;
    RowBuilder builder(defaults_);
    dispatcher_.parse({padded.data(), line.size() + 1}, 0, false, builder, batch);
    std::string json;
    append_row_json(json, RowView(batch, 0));
    std::string out = fmt::format("format  {}{}\n", name_of(choice.parser), how(choice.reading.match));
    const auto row = nlohmann::ordered_json::parse(json);
    for (const auto& [key, value] : row.items()) {
      if (value.is_object() && key == "user_agent") {
        for (const auto& [part, of] : value.items()) out += field(key + '.' + part, of);
      } else {
        out += field(key, value);
      }
    }
    write_stdout(out);
    return 0;
  }

  int file(const std::string& path) const {
    const std::string text = read_lines(path, 0);
    std::vector<std::uint64_t> by_dialect(dialects_.parsers.size());
    std::uint64_t blank = 0, rejected = 0, number = 0;
    std::string first_reject;
    std::string_view sample;
    std::string padded;
    for (std::string_view rest = text; !rest.empty() && number < lines_of_file;) {
      const auto newline = rest.find('\n');
      if (newline == std::string_view::npos && number != 0) break;  // cut by the head's size, or still being written
      std::string_view line = rest.substr(0, newline);
      rest.remove_prefix(std::min(newline, rest.size() - 1) + 1);
      ++number;
      if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
      if (line.ends_with('\r')) line.remove_suffix(1);
      line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
      if (is_blank(line)) {
        ++blank;
        continue;
      }
      padded.assign(line).append(64, '\0');
      Fields fields;
      const auto choice = dispatcher_.best({padded.data(), line.size()}, fields);
      if (choice.reading.match == Match::none) {
        if (rejected++ == 0)
          first_reject =
              fmt::format("{}:{}:{}: {}, expected {}\n{}\n", visible(path), number, choice.reading.column + 1,
                          reject_names[static_cast<std::size_t>(choice.reading.reason)], choice.reading.expected,
                          caret(line.substr(0, 200), std::min<std::size_t>(choice.reading.column, 200)));
        continue;
      }
      if (sample.empty()) sample = line;
      ++by_dialect[index_of(choice.parser)];
    }
    std::string out = fmt::format("{}: the first {} lines\n", visible(path), grouped(number));
    for (std::size_t i = 0; i < by_dialect.size(); ++i)
      if (by_dialect[i] != 0) out += fmt::format("  {:>6}  {}\n", grouped(by_dialect[i]), dialects_.names[i]);
    if (blank != 0) out += fmt::format("  {:>6}  blank\n", grouped(blank));
    if (rejected != 0) out += fmt::format("  {:>6}  rejected; the first:\n{}", grouped(rejected), first_reject);
    write_stdout(out);
    if (sample.empty()) return static_cast<int>(Exit::rejected);
    write_stdout("\nIts first readable line:\n");
    return line(sample);
  }

 private:
  std::size_t index_of(const Parser* parser) const {
    return static_cast<std::size_t>(std::find(dialects_.parsers.begin(), dialects_.parsers.end(), parser) -
                                    dialects_.parsers.begin());
  }
  const std::string& name_of(const Parser* parser) const { return dialects_.names[index_of(parser)]; }

  static std::string_view how(Match match) {
    if (match == Match::extras) return ", and more fields after it (in track_var.extra)";
    if (match == Match::truncated) return ", its end is missing";
    return "";
  }

  static std::string field(const std::string& name, const nlohmann::ordered_json& value) {
    if (value.is_null()) return {};  // what the log does not say is left out
    return fmt::format("  {:<20} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  }

  int failed(std::string_view line, const Dispatcher::Choice& choice) const {
    const Reading& r = choice.reading;
    // A long line is shown around the place.
    const std::size_t from = r.column > 60 && line.size() > 100 ? r.column - 40 : 0;
    write_stdout(fmt::format("no parser reads this line; {} comes nearest: {} at column {}, expected {}\n{}\n",
                             name_of(choice.parser), reject_names[static_cast<std::size_t>(r.reason)], r.column + 1,
                             r.expected, caret(line.substr(from, 100), r.column - from)));
    return static_cast<int>(Exit::rejected);
  }

  Dialects dialects_;
  Dispatcher dispatcher_;
  RowDefaults defaults_;
};

}  // namespace

int explain(const Options& options) {
  if (options.inputs.empty())
    throw Error(Exit::usage, "a line, a file or FILE:LINE is missing", "track-usage explain access.log:17");
  const Explainer explainer(options);
  const std::string& what = options.inputs.front();
  if (exists(what)) return explainer.file(what);
  if (const auto colon = what.rfind(':'); colon != std::string::npos) {
    // FILE:LINE, also as --rejects writes it: FILE:LINE:OFFSET.
    std::string path = what.substr(0, colon);
    auto number = parse_number(std::string_view(what).substr(colon + 1));
    if (const auto before = path.rfind(':'); number && !exists(path) && before != std::string::npos) {
      number = parse_number(std::string_view(path).substr(before + 1));
      path.resize(before);
    }
    if (number && exists(path)) {
      const std::string text = read_lines(path, *number);
      const std::string_view line = line_of(text, *number);
      if (line.data() == nullptr || *number == 0)
        throw Error(Exit::input, fmt::format("'{}' has no line {}", visible(path), *number));
      return explainer.line(line);
    }
  }
  // A log line holds blanks; a name that was mistyped mostly does not.
  if (what.find(' ') == std::string::npos && !what.starts_with('{'))
    throw Error(Exit::input, fmt::format("there is no file '{}'", visible(what)), "a line of a log is given in quotes");
  return explainer.line(what);
}

}  // namespace track_usage
