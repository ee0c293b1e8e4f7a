// JSON lines: nginx's names, the presets of other servers, and maps of one's own.
#pragma once

#include <memory>
#include <string_view>

#include "parsers/named_fields.h"
#include "src/parser.h"

namespace track_usage {

// A server's JSON as data: its keys, in FieldMap's words.
struct JsonPreset {
  std::string_view map;
  NamedTraits traits;
};

std::unique_ptr<Parser> make_json_preset(const LogOptions& options, const JsonPreset& preset);

// For `--format json:FIELD=KEY,...`, or @FILE with a pair a line: the map's keys
// come before nginx's names. Throws Error (usage).
std::unique_ptr<Parser> make_json_parser(const LogOptions& options, std::string_view map);

// Of a map that names all there is.
std::unique_ptr<Parser> make_json_parser(const LogOptions& options, FieldMap map);

}  // namespace track_usage
