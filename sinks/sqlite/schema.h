// The tables and views of a store in SQLite: integers and dictionaries below,
// the documented names as views above them.
#pragma once

#include <string>
#include <vector>

#include "src/base/sqlite.h"
#include "src/store.h"

namespace track_usage::sqlite {

constexpr int schema_version = 1;
// An hour is kept as the quarter hours since the epoch at which it begins: in
// some zones an hour begins at :30 or :45 UTC.
constexpr std::int64_t quarter = 900;

// P is the prefix, `usage` unless ?table= says otherwise.
std::string create_base(const std::string& prefix);
// The tables of one hook.
std::string create_hook(const std::string& prefix, const Hook& hook);
// Every view; made anew when the hooks are settled.
std::string create_views(const std::string& prefix, const std::vector<const Hook*>& hooks);

std::string cells_table(const std::string& prefix, const Hook& hook, Period period);

}  // namespace track_usage::sqlite
