// The door to the dialects: the table of all of them, in the order in which
// `auto` tries them, and how a --format becomes one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/parser.h"

namespace track_usage {

std::span<const ParserInfo* const> all_parsers();

// A dialect by name, by "json:FIELD=KEY,..." or by a format string of Apache or
// nginx; throws Error (usage) with a suggestion. Not "auto", which is all of them.
std::unique_ptr<Parser> make_parser(std::string_view format, const LogOptions& options);

// What takes off what stands around a line: syslog's or a container's prefix,
// Docker's JSON, quotes. `inside` read the rest, and outlive it.
std::unique_ptr<Parser> make_envelope(std::vector<const Parser*> inside);

// The name of a format, a format string or a map of JSON keys by which the whole
// line can be read; empty if none was found.
std::string propose_format(std::string_view line, const LogOptions& options);

// What the dialect of a format is called: "json", "apache".
std::string parser_name(std::string_view format);

}  // namespace track_usage
