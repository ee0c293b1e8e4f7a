// Apache's LogFormat and nginx's log_format strings, as they stand in a
// server's configuration.
#pragma once

#include <string_view>

#include "parsers/layout.h"

namespace track_usage {

// It holds a directive (%h) or a variable ($host), as no format's name does.
bool is_format_string(std::string_view format);

// The string alone, or the whole directive with its name (LogFormat "..." NAME,
// log_format NAME '...' '...';). Throws Error (usage) with a caret.
Layout read_format_string(std::string_view format);

}  // namespace track_usage
