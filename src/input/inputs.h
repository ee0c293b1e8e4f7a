// What the command line names, made a list of inputs: globs and folders
// expanded, what is no access log passed over, oldest first.
#pragma once

#include <sys/stat.h>

#include <compare>
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
  bool followed = false;           // not named: a known log that was renamed from a name that is
  std::string stands_for = {};     // that name, if nothing is there now
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

struct FileId {
  dev_t device;
  ino_t inode;
  auto operator<=>(const FileId&) const = default;
};

// What the ledgers tell of files.
struct KnownFiles {
  // When the log in a file begins, if nothing was written to it since it was
  // taken to its end: then it need not be opened.
  std::function<std::optional<std::int64_t>(const struct stat&)> first;
  // Which file was last seen at an absolute path.
  std::function<std::optional<FileId>(const std::string&)> seen_at;
};

// Files that belong to stores (`own_files`) are never opened: closing one would
// drop SQLite's locks. A file that has been renamed since a run saw it under a
// name in the list (logrotate) is listed as well, for its rest.
InputList list_inputs(const std::vector<std::string>& named, const Dispatcher& dispatcher,
                      const std::vector<std::string>& own_files, const KnownFiles& known);

// The path of a file in the folder of `beside`, whatever it is called now.
std::optional<std::string> find_in_folder(const std::string& beside, FileId file);

// When the first readable line at the head of a file was logged, or no_number.
std::int64_t first_time(const std::string& path, const Dispatcher& dispatcher);

// False: not one of the names is a file or a glob that matches.
bool any_there(const std::vector<std::string>& named);

// Names as people order them: numbers by value, so that .10 follows .9.
bool natural_less(const std::string& a, const std::string& b);

}  // namespace track_usage
