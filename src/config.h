// A configuration file, TOML 1.0, as plain entries; it knows no option.
#pragma once

#include <string>
#include <vector>

namespace track_usage {

struct ConfigEntry {
  std::string section;  // of the table it stands in; empty at the top
  std::string name;
  std::vector<std::string> values;  // an array's, or the one
  std::string where;                // file:line
};

// In the file's order; a table without keys is an entry without a name. Throws
// Error (usage) with the place.
std::vector<ConfigEntry> read_config(const std::string& file);

}  // namespace track_usage
