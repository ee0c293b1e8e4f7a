// The door to the hooks: the table of all of them, in documented order.
#pragma once

#include <span>
#include <string_view>

#include "src/hook.h"

namespace track_usage {

std::span<const Hook* const> all_hooks();

// By name; throws Error (usage) with a suggestion.
const Hook& find_hook(std::string_view name);

}  // namespace track_usage
