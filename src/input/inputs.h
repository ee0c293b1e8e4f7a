// What the command line names, made a list of inputs: globs and folders
// expanded, what is no access log passed over, oldest first.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/parser.h"

namespace track_usage {

struct Input {
  std::string path;  // "-" is stdin
  struct stat stat {};
  bool stream = false;
  bool walked = false;             // found in a folder, not named
  std::int64_t first = no_number;  // time of its first readable line, microseconds
};

// One sentence about an input that is not taken, or not in full.
struct Trouble {
  std::string what, hint;
};

struct InputList {
  std::vector<Input> inputs;
  std::vector<Trouble> troubles;         // named, but missing or unreadable
  std::vector<std::string> passed_over;  // in folders, with the reason
};

// `first_known` says when the log in a file begins if its ledger hint tells,
// so that a finished file need not be opened. `own_files` (of stores) are never
// opened: closing one would drop SQLite's locks.
InputList list_inputs(const std::vector<std::string>& named, const Dispatcher& dispatcher,
                      const std::vector<std::string>& own_files,
                      const std::function<std::optional<std::int64_t>(const struct stat&)>& first_known);

// False: not one of the names is a file or a glob that matches.
bool any_there(const std::vector<std::string>& named);

// Names as people order them: numbers by value, so that .10 follows .9.
bool natural_less(const std::string& a, const std::string& b);

}  // namespace track_usage
