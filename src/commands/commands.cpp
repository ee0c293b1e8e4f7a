#include "src/commands/commands.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "src/base/text.h"

namespace track_usage {

int run_command(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) return 0;
  static constexpr struct {
    std::string_view name;
    int (*run)(const Options&);
  } commands[] = {{"ingest", ingest}, {"report", report}, {"rows", rows}, {"sum", sum}, {"status", status}, {"explain", explain}, {"list", list}};
  for (const auto& command : commands)
    if (command.name == options->command) return command.run(*options);
  throw std::logic_error("a command is declared and not there: " + options->command);
}

void say(std::string_view kind, std::string_view what, std::string_view hint) {
  std::string text = fmt::format("track-usage: {}: {}\n", kind, what);
  for (bool first = true; !hint.empty(); first = false) {
    const auto newline = std::min(hint.find('\n'), hint.size());
    // A caret stands under the line above it.
    text += fmt::format("{}{}\n", first ? "track-usage: hint: " : "                   ", hint.substr(0, newline));
    hint.remove_prefix(std::min(newline + 1, hint.size()));
  }
  fmt::print(stderr, "{}", text);
}

int complain(const Error& error) {
  say("error", error.what(), error.hint);
  return static_cast<int>(error.exit);
}

void write_stdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) std::exit(0);
    if (n < 0) throw Error(Exit::store, fmt::format("cannot write to stdout: {}", std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace track_usage
