// The json dialect with a field map, for `--format json:FIELD=KEY,...`.
#pragma once

#include <memory>
#include <string_view>

#include "src/parser.h"

namespace track_usage {

// `map` is FIELD=KEY pairs with commas between; KEY is a dotted path, in which
// a backslash takes the next character literally. Empty: the built-in names
// alone. Throws Error (usage).
std::unique_ptr<Parser> make_json_parser(const LogOptions& options, std::string_view map);

}  // namespace track_usage
