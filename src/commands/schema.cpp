// schema: the SQL by which an administrator makes a store's tables and gives
// rights to them. Nothing is opened, and no server asked.
#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/plan.h"

namespace track_usage {

int schema(const Options& options) {
  if (options.inputs.size() != 1)
    throw Error(Exit::usage, options.inputs.empty() ? "a target is missing" : "more than one target",
                "track-usage schema postgresql://HOST/DATABASE");
  Options one = options;
  one.sinks = options.inputs;
  const Outlet outlet = std::move(make_outlets(one).front());
  const std::string sql = outlet.store == nullptr ? std::string() : outlet.store->schema(outlet.hooks);
  if (sql.empty())
    throw Error(Exit::usage, fmt::format("'{}' has no tables", visible(outlet.shown)), "track-usage list sinks");
  std::vector<std::string_view> names;
  for (const Hook* hook : outlet.hooks) names.push_back(hook->name);
  write_stdout(fmt::format("-- The store {}, with the summaries {}.\n{}", visible(outlet.shown),
                           names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")), sql));
  return 0;
}

}  // namespace track_usage
