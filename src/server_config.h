// The log formats that a web server's own configuration names: the LogFormat
// directives of Apache, its CustomLog directives with a format of their own, and
// the log_format directives of nginx, of a file and of all that it includes.
#pragma once

#include <string>
#include <string_view>

namespace track_usage {

// The directive that `typed` asks for, FILE or FILE:NAME, as make_parser reads
// it. Throws Error (usage) with the names that there are, if NAME is none of
// them, or none was typed and there are several; (input) if FILE cannot be read.
std::string format_from(std::string_view typed);

}  // namespace track_usage
