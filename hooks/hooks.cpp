#include "hooks/hooks.h"

#include <vector>

#include <fmt/format.h>

#include "src/error.h"

namespace track_usage {

#define HOOK(name) extern const Hook name##_hook;
#include "hooks/hooks.inc"
#undef HOOK

std::span<const Hook* const> all_hooks() {
#define HOOK(name) &name##_hook,
  static constexpr const Hook* table[] = {
#include "hooks/hooks.inc"
  };
#undef HOOK
  return table;
}

const Hook& find_hook(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Hook* hook : all_hooks()) {
    if (hook->name == name) return *hook;
    names.push_back(hook->name);
  }
  throw Error(Exit::usage, fmt::format("no hook is called '{}'", name), suggest(name, names));
}

}  // namespace track_usage
