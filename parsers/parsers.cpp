#include "parsers/parsers.h"

#include <vector>

#include <fmt/format.h>

#include "parsers/format_string.h"
#include "parsers/json.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {

#define PARSER(name) extern const ParserInfo name##_parser;
#include "parsers/parsers.inc"
#undef PARSER

std::span<const ParserInfo* const> all_parsers() {
#define PARSER(name) &name##_parser,
  static constexpr const ParserInfo* table[] = {
#include "parsers/parsers.inc"
  };
#undef PARSER
  return table;
}

std::unique_ptr<Parser> make_parser(std::string_view format, const LogOptions& options) {
  if (format.starts_with("json:")) return make_json_parser(options, format.substr(5));
  if (is_format_string(format)) {
    Layout layout = read_format_string(format);
    if (const auto map = json_map_of(layout)) return make_json_parser(options, FieldMap(*map));
    return make_layout_parser(std::move(layout), options);
  }
  std::vector<std::string_view> names;
  for (const ParserInfo* parser : all_parsers()) {
    if (parser->name == format) return parser->make(options);
    names.push_back(parser->name);
  }
  throw Error(Exit::usage, fmt::format("no format is called '{}'", visible(format)), suggest(format, names));
}

std::string parser_name(std::string_view format) {
  if (is_format_string(format)) return read_format_string(format).name;
  return std::string(format.substr(0, format.find(':')));
}

}  // namespace track_usage
