#include "src/commands/consent.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

bool is_called(const SourceRecord& source, const std::string& name) {
  if (source.path == name || (!source.name.empty() && source.name == name)) return true;
  std::error_code ignored;
  return source.path == std::filesystem::absolute(name, ignored).lexically_normal().string();
}

}  // namespace

std::vector<SourceRecord> named_sources(Store& store, const std::vector<std::string>& names) {
  const std::vector<SourceRecord> all = store.sources();
  std::vector<SourceRecord> found;
  for (const std::string& name : names) {
    if (name.empty()) throw Error(Exit::usage, "the name of a source is empty", "is a variable of the shell not set?");
    const auto number = parse_number(name);
    std::vector<SourceRecord> of_that_name;
    for (const SourceRecord& s : all)
      if (number && static_cast<std::uint64_t>(s.id) == *number) of_that_name.push_back(s);
    if (of_that_name.empty())  // a name may be of digits, too
      std::copy_if(all.begin(), all.end(), std::back_inserter(of_that_name),
                   [&](const SourceRecord& s) { return is_called(s, name); });
    if (of_that_name.empty())
      throw Error(Exit::usage, fmt::format("'{}' is no source of {}", visible(name), visible(store.shown())),
                  "track-usage status shows their numbers and paths");
    if (of_that_name.size() > 1) {
      std::string numbers;
      for (const SourceRecord& s : of_that_name) numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", s.id);
      throw Error(Exit::usage,
                  fmt::format("{} sources were last seen as '{}': {}", of_that_name.size(), visible(name), numbers),
                  "name them by number; track-usage status shows what each holds");
    }
    const auto same = [&](const SourceRecord& s) { return s.id == of_that_name.front().id; };
    if (std::none_of(found.begin(), found.end(), same)) found.push_back(of_that_name.front());
  }
  return found;
}

bool consent(const Options& options, const Store& store, std::string_view what) {
  if (options.yes || options.dry_run) return true;
  const std::string plan = fmt::format("{} in {}", what, visible(store.shown()));
  if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0)
    throw Error(Exit::usage, fmt::format("{}: there is no terminal to ask on", plan),
                "--yes does it, --dry-run says what it would do");
  write_stderr(fmt::format("{}. Do it? [y/N] ", plan));
  char answer[64] = {};
  const ssize_t n = ::read(STDIN_FILENO, answer, sizeof answer);
  if (n < 0 && stop_signal() != 0) throw Error(static_cast<Exit>(128 + stop_signal()), "ended; nothing was changed");
  const bool yes = n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
  if (!yes) write_stderr("Nothing was changed.\n");
  return yes;
}

void tell_done(const Options& options, std::string_view what, const Store& store) {
  if (options.quiet) return;
  write_stderr(fmt::format("{}{} -> {}\n", options.dry_run ? "dry run, nothing is written: " : "", what,
                           visible(store.shown())));
}

}  // namespace track_usage
