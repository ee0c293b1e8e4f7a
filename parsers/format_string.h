// Apache's LogFormat and nginx's log_format strings, as they stand in a
// server's configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "parsers/layout.h"

namespace track_usage {

// It holds a directive (%h) or a variable ($host), as no format's name does.
bool is_format_string(std::string_view format);

// The string alone, or the whole directive with its name (LogFormat "..." NAME,
// log_format NAME '...' '...';). Throws Error (usage) with a caret.
Layout read_format_string(std::string_view format);

// A layout that writes a JSON object, {"ip":"$remote_addr",...}, as a map of its
// keys; nothing if it is none, or has no key for time, address or status.
std::optional<std::string> json_map_of(const Layout& layout);

}  // namespace track_usage
