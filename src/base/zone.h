// A time zone by its IANA name. UTC needs no data; any other is looked up in
// the system's zone database when it is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace track_usage {

class Zone {
 public:
  Zone() = default;                      // UTC
  explicit Zone(std::string_view name);  // throws Error (usage)

  const std::string& name() const { return name_; }

  // For how long an offset from UTC holds: [begin, end) in seconds since the
  // epoch, offset in seconds east.
  struct Span {
    std::int64_t begin = INT64_MIN, end = INT64_MAX, offset = 0;
  };
  Span at(std::int64_t seconds) const;
  // The first instant whose local reading is `local` (seconds as if UTC), or
  // the first after a gap.
  std::int64_t to_utc(std::int64_t local) const;

 private:
  std::string name_ = "UTC";
  const void* data_ = nullptr;  // date::time_zone, owned by its library
};

}  // namespace track_usage
