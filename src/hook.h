// CONTRACT: a summary hook is data: which column rows are counted under. No
// hook knows a store; summary.cpp does buckets and sums for all of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "src/row.h"

namespace track_usage {

enum class UrlBy : std::uint8_t { path, full, route };
constexpr std::array<std::string_view, 3> url_by_names = {"path", "full", "route"};
constexpr std::string_view name_of(UrlBy by) {
  return url_by_names[static_cast<std::size_t>(by)];
}
std::optional<UrlBy> url_by_named(std::string_view name);

// Keys that are numbers and no texts: the status, or the speed as the upper
// bound of its bucket in milliseconds (speed_bounds). 0: the row has none.
enum class Number : std::uint8_t { none, status, speed };

// A request belongs to the first that is not below its speed, or to the last.
constexpr std::array<std::int32_t, 14> speed_bounds = {1,   2,   5,    10,   20,   50,    100,
                                                       200, 500, 1000, 2000, 5000, 10000, 20000};

enum class OnBy : std::uint8_t {
  unasked,  // unless --hook says otherwise
  hook,     // --hook alone
  visitor,  // --visitor as well
  geo,      // --geo as well
};

struct Hook {
  std::string_view name;         // of the summary tables: P_<name>_hourly ...
  std::string_view column;       // what the key is called there
  std::string_view help;         // one line, for `list hooks`
  Number number = Number::none;  // of which the key is, and not a text
  Column key = Column::url;      // where it is a text; null counts under "-"
  bool by_url = false;           // --url-by chooses the key
  // Where the key is made of another column: which, and the part of its text.
  Column made_of = Column::url;
  std::string_view (*make)(std::string_view text) = nullptr;
  OnBy on_by = OnBy::unasked;

  bool by_number() const { return number != Number::none; }
  Column key_for(UrlBy by) const {
    if (!by_url || by == UrlBy::path) return key;
    return by == UrlBy::full ? Column::url : Column::route;
  }
};

}  // namespace track_usage
