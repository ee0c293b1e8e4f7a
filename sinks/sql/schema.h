// The tables of a store on an SQL server. Rows and summaries are wide tables
// that people query as they stand; their names and columns are those that the
// manual documents.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/sql/dialect.h"
#include "src/hook.h"
#include "src/store.h"

namespace track_usage::sql {

constexpr int schema_version = 1;

enum class Kind : std::uint8_t { whole, number, small, real, flag, instant, date, text, needed_text, object };

struct RowColumn {
  std::string_view name;
  Kind kind;
};

// P_rows, after its id. loading.h writes them in this order, reading.cpp reads them.
constexpr std::array row_columns = {
    RowColumn{"unit", Kind::whole},
    RowColumn{"source", Kind::whole},
    RowColumn{"source_offset", Kind::whole},
    RowColumn{"ts", Kind::whole},
    RowColumn{"datetime", Kind::instant},
    RowColumn{"day", Kind::date},
    RowColumn{"hour", Kind::instant},
    RowColumn{"status", Kind::small},
    RowColumn{"content_length", Kind::number},
    RowColumn{"speed", Kind::real},
    RowColumn{"authorized", Kind::flag},
    RowColumn{"flags", Kind::needed_text},
    RowColumn{"url", Kind::needed_text},
    RowColumn{"path", Kind::text},
    RowColumn{"url_args", Kind::object},
    RowColumn{"method", Kind::text},
    RowColumn{"protocol", Kind::text},
    RowColumn{"request", Kind::text},
    RowColumn{"ua_string", Kind::text},
    RowColumn{"ua_browser", Kind::text},
    RowColumn{"ua_platform", Kind::text},
    RowColumn{"ua_version", Kind::text},
    RowColumn{"bot", Kind::text},
    // Column's stored ones, in its order.
    RowColumn{"remote_addr", Kind::text},
    RowColumn{"peer_addr", Kind::text},
    RowColumn{"xforwardedfor", Kind::text},
    RowColumn{"referrer", Kind::text},
    RowColumn{"username", Kind::text},
    RowColumn{"server_name", Kind::text},
    RowColumn{"ua_language", Kind::text},
    RowColumn{"visitor", Kind::text},
    RowColumn{"country", Kind::text},
    RowColumn{"blueprint", Kind::text},
    RowColumn{"route", Kind::text},
    RowColumn{"view_args", Kind::object},
    RowColumn{"ip_info", Kind::object},
    RowColumn{"track_var", Kind::object},
};
constexpr std::size_t first_own_column = row_columns.size() - stored_columns;

// "unit, source, ...": row_columns by name.
std::string row_column_names();

std::string summary_table(const std::string& prefix, const Hook& hook, Period period);
// "date, url, hits, transfer, hash": what a cell is loaded as; of a number
// there is no hash.
std::string cell_columns(const Hook& hook);
// The columns that a summary's table is unique by.
std::string cell_key(const Hook& hook);

std::string create_base(const std::string& prefix, const Dialect& dialect);
// `temporary`: of this session, and empty after each transaction on servers that can.
std::string create_cells(const std::string& table, const Hook& hook, Period period, const Words& words);
std::string drop_views(const std::string& prefix);
std::string create_views(const std::string& prefix, const std::vector<const Hook*>& hooks, const Dialect& dialect);

}  // namespace track_usage::sql
