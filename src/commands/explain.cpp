// explain: which parser reads a line, what it finds in each field, and where
// it fails, with a caret under the column.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/input/heading.h"
#include "src/input/source.h"
#include "src/plan.h"
#include "src/row_text.h"

namespace track_usage {
namespace {

constexpr std::size_t lines_of_file = 1000;  // that are looked at to tell what a file is
constexpr std::size_t head_bytes = 4 << 20;
constexpr std::size_t longest_line = 1 << 20;
constexpr std::size_t samples = 3;  // of a field of a file

bool exists(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0;
}

std::string read_head(const std::string& path) {
  Source source(path);
  std::string text;
  std::vector<char> bytes(1 << 16);
  std::size_t got = 0;
  while (text.size() < head_bytes && source.read(bytes.data(), bytes.size(), got) == Source::Got::data)
    text.append(bytes.data(), got);
  return text;
}

// A line of a file, as much as is ever looked at, and what # lines before it say.
struct LineOfFile {
  std::string text;
  std::string heading;
};
std::optional<LineOfFile> find_line(const std::string& path, std::uint64_t number) {
  Source source(path);
  Heading heading(longest_line);
  LineOfFile found;
  std::uint64_t line = 1;
  bool there = false;
  std::vector<char> bytes(1 << 16);
  std::size_t got = 0;
  while (line <= number && source.read(bytes.data(), bytes.size(), got) == Source::Got::data) {
    for (std::string_view rest(bytes.data(), got); !rest.empty() && line <= number;) {
      const auto newline = rest.find('\n');
      const std::string_view piece = rest.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      if (line < number) {
        heading.feed(piece);
      } else {
        there = true;
        found.text += piece.substr(0, longest_line - std::min(found.text.size(), longest_line));
      }
      line += newline != std::string_view::npos;
      rest.remove_prefix(piece.size());
    }
  }
  if (!there) return {};
  if (found.text.ends_with('\n')) found.text.pop_back();
  found.heading = heading.text();
  return found;
}

class Explainer {
 public:
  explicit Explainer(const Options& options)
      : options_(options), dialects_(make_dialects(options)), dispatcher_(dialects_.parsers) {
    if (!options.server.empty()) defaults_ = {.server_name = options.server, .server_fixed = true, .variables = {}};
  }

  // What # lines before the line say is to be told before it.
  void directive(std::string_view line) const { dispatcher_.directive(line); }

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

    std::string out = fmt::format("format  {}{}\n", name_of(choice), how(choice.reading.match));
    for (const auto& [name, value] : row_of(fields, padded)) out += fmt::format("  {:<20} {}\n", name, value);
    write_stdout(out);
    return 0;
  }

  int file(const std::string& path) const {
    const std::string text = read_head(path);
    FileFindings found;
    std::string padded;
    dispatcher_.directive({});
    for (std::string_view rest = text; !rest.empty() && found.lines < lines_of_file;) {
      const auto newline = rest.find('\n');
      if (newline == std::string_view::npos && found.lines != 0) break;  // cut by the head's size, or being written
      std::string_view line = rest.substr(0, newline);
      rest.remove_prefix(std::min(newline, rest.size() - 1) + 1);
      if (++found.lines == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
      if (line.ends_with('\r')) line.remove_suffix(1);
      line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
      line = line.substr(0, longest_line);
      if (is_blank(line)) {
        if (line.starts_with('#')) dispatcher_.directive(line);
        ++found.blank;
        continue;
      }
      padded.assign(line).append("\n").append(64, '\0');
      Fields fields;
      const auto choice = dispatcher_.best({padded.data(), line.size()}, fields);
      if (choice.reading.match == Match::none) {
        RejectsFound& rejects = found.rejects[static_cast<std::size_t>(choice.reading.reason)];
        if (rejects.count++ == 0) rejects.first = place(path, found.lines, line, choice.reading);
        if (found.first_reject.empty()) found.first_reject = line;
        continue;
      }
      ++found.formats[name_of(choice)];
      for (auto& [name, value] : row_of(fields, padded)) found.fields[place_of(name)].add(name, std::move(value));
    }
    write_stdout(shown(path, found));
    if (!found.formats.empty()) return 0;
    propose(found.first_reject);
    return static_cast<int>(Exit::rejected);
  }

 private:
  struct FieldFound {
    std::string name;
    std::uint64_t count = 0;
    std::vector<std::string> values;

    void add(const std::string& of, std::string value) {
      name = of;
      ++count;
      if (values.size() < samples && std::find(values.begin(), values.end(), value) == values.end())
        values.push_back(std::move(value));
    }
  };
  struct RejectsFound {
    std::uint64_t count = 0;
    std::string first;
  };
  struct FileFindings {
    std::uint64_t lines = 0, blank = 0;
    std::map<std::string, std::uint64_t> formats;
    std::map<std::size_t, FieldFound> fields;  // in the row's order
    std::array<RejectsFound, static_cast<std::size_t>(Reject::count_)> rejects;
    std::string first_reject;
  };
  using Named = std::vector<std::pair<std::string, std::string>>;

  // The row of a line, by the names of its fields: what the log does not say is left out.
  Named row_of(const Fields& fields, const std::string& padded) const {
    Batch batch;
    RowBuilder builder(defaults_);
    builder.begin(batch, padded.data(), 0);
    builder.add(fields, padded.data());
    const RowView row(batch, 0);
    Named named;
    std::string value;
    for (std::size_t i = 0; i < row_fields().size(); ++i) {
      value.clear();
      if (append_row_field(value, row, i)) named.emplace_back(row_fields()[i], value);
    }
    return named;
  }

  static std::size_t place_of(std::string_view name) {
    return static_cast<std::size_t>(std::find(row_fields().begin(), row_fields().end(), name) - row_fields().begin());
  }

  std::string name_of(const Dispatcher::Choice& choice) const {
    const auto at = std::find(dialects_.parsers.begin(), dialects_.parsers.end(), choice.parser);
    const std::string& name = dialects_.names[static_cast<std::size_t>(at - dialects_.parsers.begin())];
    return choice.reading.around.empty() ? name : fmt::format("{} in {}", name, choice.reading.around);
  }

  static std::string_view how(Match match) {
    if (match == Match::extras) return ", and more fields after it (in track_var.extra)";
    if (match == Match::truncated) return ", its end is missing";
    return "";
  }

  static std::string place(const std::string& path, std::uint64_t number, std::string_view line, const Reading& r) {
    return fmt::format("{}:{}:{}: expected {}\n{}\n", visible(path), number, r.column + 1, r.expected,
                       pointed(line, r));
  }

  // The line with a caret; of a long one what is around the place.
  static std::string pointed(std::string_view line, const Reading& r) {
    const std::size_t from = r.column > 60 && line.size() > 100 ? r.column - 40 : 0;
    return caret(line.substr(from, 100), r.column - from);
  }

  std::string shown(const std::string& path, const FileFindings& found) const {
    std::string out = fmt::format("{}: the first {} lines\n", visible(path), grouped(found.lines));
    const auto counted = [&](std::uint64_t count, std::string_view what) {
      if (count != 0) out += fmt::format("  {:>6}  {}\n", grouped(count), what);
    };
    std::vector<std::pair<std::string, std::uint64_t>> formats(found.formats.begin(), found.formats.end());
    std::stable_sort(formats.begin(), formats.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [name, count] : formats) counted(count, name);
    counted(found.blank, "blank");
    for (std::size_t reason = 0; reason < found.rejects.size(); ++reason)
      counted(found.rejects[reason].count, fmt::format("rejected, {}", reject_names[reason]));
    for (const RejectsFound& rejects : found.rejects)
      if (rejects.count != 0) out += '\n' + rejects.first;
    if (found.fields.empty()) return out;
    out += "\nFields, in how many rows, and values:\n";
    for (const auto& [place, field] : found.fields) {
      std::string values;
      for (const std::string& value : field.values)
        values += (values.empty() ? "" : "  ") + cut_to(value, field.values.size() == 1 ? 90 : 44, "...");
      out += fmt::format("  {:<20} {:>6}  {}{}\n", field.name, grouped(field.count), values,
                         field.values.size() == samples && field.count > samples ? "  ..." : "");
    }
    return out;
  }

  void propose(std::string_view line) const {
    const std::string format = proposal_for(line, options_);
    const std::string_view naming =
        format.find("$field_") != std::string::npos ? ", with names of your choice for field_N" : "";
    if (!format.empty()) write_stdout(fmt::format("\nThis would read it{}:\n--format '{}'\n", naming, visible(format)));
  }

  int failed(std::string_view line, const Dispatcher::Choice& choice) const {
    const Reading& r = choice.reading;
    write_stdout(fmt::format("no parser reads this line; {} comes nearest: {} at column {}, expected {}\n{}\n",
                             name_of(choice), reject_names[static_cast<std::size_t>(r.reason)], r.column + 1,
                             r.expected, pointed(line, r)));
    propose(line);
    return static_cast<int>(Exit::rejected);
  }

  const Options& options_;
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
      const auto found = *number == 0 ? std::nullopt : find_line(path, *number);
      if (!found) throw Error(Exit::input, fmt::format("'{}' has no line {}", visible(path), *number));
      for (std::string_view rest = found->heading; !rest.empty();) {
        const auto newline = rest.find('\n');
        explainer.directive(rest.substr(0, newline));
        rest.remove_prefix(newline + 1);
      }
      return explainer.line(found->text);
    }
  }
  // A log line holds blanks or the like; a name that was mistyped mostly does not.
  if (what.find_first_of(" \t|;\"{") == std::string::npos)
    throw Error(Exit::input, fmt::format("there is no file '{}'", visible(what)), "a line of a log is given in quotes");
  return explainer.line(what);
}

}  // namespace track_usage
