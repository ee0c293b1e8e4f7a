// CONTRACT: a summary hook is data: which column rows are counted under. No
// hook knows a store; summary.cpp does buckets and sums for all of them.
#pragma once

#include <optional>
#include <string_view>

#include "src/row.h"

namespace track_usage {

enum class UrlBy : std::uint8_t { path, full };

struct Hook {
  std::string_view name;                   // of the summary tables: P_<name>_hourly ...
  std::string_view column;                 // what the key is called there
  std::string_view help;                   // one line, for `list hooks`
  bool by_status = false;                  // the key is the status, 0 for none, and not a text
  Column key = Column::url;                // where it is a text; null counts under "-"
  std::optional<Column> key_by_full = {};  // where --url-by full counts by another
  bool on_by_default = true;

  Column key_for(UrlBy by) const { return by == UrlBy::full ? key_by_full.value_or(key) : key; }
};

}  // namespace track_usage
