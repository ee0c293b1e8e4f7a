#include "src/commands/commands.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/text.h"

namespace track_usage {

int run_command(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) return 0;
  static constexpr struct {
    std::string_view name;
    int (*run)(const Options&);
  } commands[] = {{"ingest", ingest},      {"report", report},     {"rows", rows},           {"sum", sum},
                  {"status", status},      {"explain", explain},   {"list", list},           {"forget", forget},
                  {"erase", erase},        {"rebuild", rebuild},   {"retry", retry},         {"prune", prune},
                  {"schema", schema},      {"geo fill", geo_fill}, {"geo stats", geo_stats}, {"geo lookup", geo_lookup},
                  {"geo purge", geo_purge}};
  for (const auto& command : commands)
    if (command.name == options->command) return command.run(*options);
  throw std::logic_error("a command is declared and not there: " + options->command);
}

void say(std::string_view kind, std::string_view what, std::string_view hint) {
  std::string text = fmt::format("track-usage: {}: {}\n", kind, visible(what));
  for (bool first = true; !hint.empty(); first = false) {
    const auto newline = std::min(hint.find('\n'), hint.size());
    // A caret stands under the line above it.
    text +=
        fmt::format("{}{}\n", first ? "track-usage: hint: " : "                   ", visible(hint.substr(0, newline)));
    hint.remove_prefix(std::min(newline + 1, hint.size()));
  }
  write_stderr(text);
}

int complain(const Error& error) {
  const bool asked_to_end = error.exit == Exit::interrupted || error.exit == Exit::terminated;
  say(asked_to_end ? "notice" : "error", error.what(), error.hint);
  return static_cast<int>(error.exit);
}

}  // namespace track_usage
