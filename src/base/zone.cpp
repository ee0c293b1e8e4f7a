// The one owner of Howard Hinnant's date library. Its database is the system's,
// opened when a zone other than UTC is first made; it is safe to share.
#include "src/base/zone.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <vector>

// Debian builds the library so, and its classes differ in layout otherwise:
// without this the program crashes.
#define USE_OS_TZDB 1
#include <date/tz.h>
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

// Year 30000 or so, either way: beyond it the library's own numbers end.
constexpr std::int64_t far = 880'000'000'000;

constexpr std::string_view database_hint = "names are those of the IANA database, as Europe/Berlin";

// Not a name but a link to another zone on each host.
bool is_name(std::string_view name) {
  return name != "localtime";
}

const date::tzdb& database() {
  try {
    return date::get_tzdb();
  } catch (const std::exception& e) {
    throw Error(Exit::usage, fmt::format("cannot read the time zone database: {}", trim(e.what())),
                "install tzdata, or stay with UTC");
  }
}

// The zone that was perhaps meant: "Berlin" is the end of one name, and
// "Europe/Berln" is near to one.
std::string hint_for(std::string_view wanted, const date::tzdb& zones) {
  std::string last = lower(wanted);
  std::replace(last.begin(), last.end(), ' ', '_');
  std::vector<std::string_view> names;
  for (const date::time_zone& zone : zones.zones) {
    const std::string_view name = zone.name();
    if (!is_name(name)) continue;
    const std::string city = lower(name.substr(name.rfind('/') + 1));
    if (city == last || lower(name) == last) return fmt::format("did you mean '{}'?", name);
    names.push_back(name);
  }
  // To a name of two letters GB is always near; and without a near one all six
  // hundred would be listed.
  const std::string near = wanted.size() < 3 ? std::string() : suggest(wanted, names);
  return near.starts_with("did you mean") ? near : std::string(database_hint);
}

date::sys_seconds clamped(std::int64_t seconds) {
  return date::sys_seconds(std::chrono::seconds(std::clamp(seconds, -far, far)));
}

}  // namespace

Zone::Zone(std::string_view name) {
  if (name == "UTC" || name == "Etc/UTC" || name == "Z") return;
  const date::tzdb& zones = database();
  const auto zone = std::find_if(zones.zones.begin(), zones.zones.end(),
                                 [&](const date::time_zone& z) { return z.name() == name && is_name(name); });
  if (zone == zones.zones.end())
    throw Error(Exit::usage, fmt::format("no time zone is called '{}'", visible(name)), hint_for(name, zones));
  try {
    zone->get_info(clamped(0));  // reads the zone's file
  } catch (const std::exception& e) {
    throw Error(Exit::usage, fmt::format("cannot read the time zone '{}': {}", visible(name), trim(e.what())));
  }
  name_ = name;
  data_ = &*zone;
}

Zone::Span Zone::at(std::int64_t seconds) const {
  if (data_ == nullptr) return {};
  const date::sys_info found = static_cast<const date::time_zone*>(data_)->get_info(clamped(seconds));
  Span span{found.begin.time_since_epoch().count(), found.end.time_since_epoch().count(), found.offset.count()};
  if (span.begin <= -far) span.begin = INT64_MIN;
  if (span.end > far) span.end = INT64_MAX;
  return span;
}

std::int64_t Zone::to_utc(std::int64_t local) const {
  if (data_ == nullptr || local < -far || local > far) return local;
  const date::local_info found =
      static_cast<const date::time_zone*>(data_)->get_info(date::local_seconds(std::chrono::seconds(local)));
  // Where clocks went forward over `local`, the first instant after it is the
  // change itself; where they went back, the first of both readings counts.
  if (found.result == date::local_info::nonexistent) return found.first.end.time_since_epoch().count();
  return local - found.first.offset.count();
}

}  // namespace track_usage
