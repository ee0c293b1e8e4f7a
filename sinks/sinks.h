// The door to the sinks: the table of all of them, and how a --sink or --from
// becomes one of its rows and a Target.
#pragma once

#include <span>
#include <string_view>

#include "src/sink.h"

namespace track_usage {

std::span<const SinkInfo* const> all_sinks();

// By scheme or another name of it (postgres, mariadb); throws Error (usage)
// with a suggestion, or with what is there if this build left the sink out.
const SinkInfo& find_sink(std::string_view scheme);

// Takes a target apart: scheme, settings, location, ${NAME} from the
// environment. Throws Error (usage).
Target parse_target(std::string_view typed);

}  // namespace track_usage
