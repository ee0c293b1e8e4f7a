// Points in time: civil dates, the forms that logs write, and the forms that
// users type. Everything is UTC in microseconds or seconds since the epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "src/base/zone.h"

namespace track_usage {

struct Civil {
  int year;
  int month, day;  // from 1
};

// Days since 1970-01-01 in the proleptic Gregorian calendar, and back.
std::int64_t days_of(Civil date);
Civil civil_of(std::int64_t days);
std::int64_t month_begin(std::int64_t day);  // first date of its month

// Rounds towards minus infinity.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0);
}

// "10/Oct/2000:13:55:36 -0700" with an optional fraction; without an offset,
// in `zone`. Remembers the last minute that it read, so a line of the same
// minute costs a comparison. One a thread.
class ClfTime {
 public:
  explicit ClfTime(Zone zone = {}) : zone_(std::move(zone)) {}
  std::optional<std::int64_t> parse(std::string_view text);
  bool zone_assumed() const { return zone_assumed_; }  // a time stated none

 private:
  Zone zone_;
  bool zone_assumed_ = false;
  // The last minute and offset that were read; at first they are true as well,
  // so that no text is taken for them by chance.
  char minute_[19] = "01/Jan/1970:00:00:";
  std::int64_t base_ = 0;  // of that minute, seconds, without the offset
  char offset_[7] = " +0000";
  std::int64_t shift_ = 0;  // of that offset, seconds
};

// ISO 8601: "2000-10-10T13:55:36[.ffffff][Z|±hh[[:]mm]]", blank allowed for T.
// Without an offset it is in `zone`, and `zone_assumed` becomes true.
std::optional<std::int64_t> parse_iso_time(std::string_view text, const Zone& zone = {}, bool* zone_assumed = nullptr);

// Epoch seconds with a fraction, or milli-, micro- or nanoseconds by their size.
std::optional<std::int64_t> parse_epoch(std::string_view text);

// What a user types for --since and --until (DESIGN 2): a date or time, epoch
// seconds, now, today, yesterday, or an age. `now` is in seconds, the result in
// microseconds. `option` is for the message, as "--since". Throws Error (usage).
std::int64_t parse_when(std::string_view text, std::string_view option, std::int64_t now, const Zone& zone);

// A length of time in microseconds, rounded down: a number of `unit`
// nanoseconds ("0.004", "9.2e-05"), or with units of its own, as Go writes it
// ("12ms", "850µs", "1m2.5s").
std::optional<std::int64_t> parse_duration(std::string_view text, std::int64_t unit);

// "90s", "15m", "2h", "7d", "4w", "2y" (of 365 days) in seconds.
std::optional<std::int64_t> parse_age(std::string_view text);

std::string iso_time(std::int64_t micros);  // 2000-10-10T20:55:36[.ffffff]Z
std::string sql_time(std::int64_t micros);  // 2000-10-10 20:55:36[.ffffff]
std::string iso_date(std::int64_t days);    // 2000-10-10

}  // namespace track_usage
