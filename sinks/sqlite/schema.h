// The tables and views of a store in SQLite: integers and dictionaries below,
// the documented names as views above them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/sqlite.h"
#include "src/store.h"

namespace track_usage::sqlite {

constexpr int schema_version = 1;
// An hour is kept as the quarter hours since the epoch at which it begins: in
// some zones an hour begins at :30 or :45 UTC.
constexpr std::int64_t quarter = 900;

// Columns of P_data that are ids of texts, in the order of Column's own ones.
constexpr std::array<std::string_view, stored_columns> text_columns = {
    "remote_addr", "peer_addr", "xforwardedfor", "referrer", "username",  "server_name", "language",
    "visitor",     "country",   "blueprint",     "route",    "view_args", "ip_info",     "track_var"};

// P is the prefix, `usage` unless ?table= says otherwise.
std::string create_base(const std::string& prefix);
// A table of cells, and the three of one hook.
std::string create_cells(const std::string& table, Period period);
std::string create_hook(const std::string& prefix, const Hook& hook);
// Every view of a store that keeps these hooks, in the place of those it had.
std::string create_views(const std::string& prefix, const std::vector<const Hook*>& hooks);

std::string cells_table(const std::string& prefix, const Hook& hook, Period period);

}  // namespace track_usage::sqlite
