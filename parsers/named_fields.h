// What the named values of a line mean for a row; shared by the dialects whose
// fields have names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "parsers/field_map.h"
#include "src/base/timestamp.h"
#include "src/parser.h"

namespace track_usage {

// How a dialect differs from others of its kind, beside its keys.
struct NamedTraits {
  bool address_needed = true;    // a line without is rejected
  bool whole_speed = true;       // false: a whole number may be of any unit, and says nothing
  bool spare_host = false;       // a second address key is the host's
  std::string_view not_by = {};  // the begin of a logger's name whose lines are no requests
  bool host_of_url = false;      // where no key names the host, that of an absolute URL
};

// The host of the absolute URL that was asked for, or of CONNECT, as it stands;
// empty if there is none.
std::string_view host_asked(const Fields& f);

// "192.0.2.1:443", "2001:db8::1:443", "[2001:db8::1]:443": an address that always
// has a port, into remote and port.
void split_client(std::string_view client, Fields& f);

// The last duration of "0.001, 0.002" in microseconds, or no_number.
std::int64_t last_duration(std::string_view text, std::int64_t unit);

// What a thread keeps from line to line.
class NamedReader {
 public:
  // Before lines of which it is to say whether a time stated no zone.
  void begin(const Zone& zone) {
    zone_ = &zone;
    clf_ = ClfTime(zone);
    iso_.clear();
    zone_assumed_ = false;
  }

  // Fills time, address, status and what else has a slot; on a line without one
  // of those it says why, and where.
  Reading read(std::string_view line, const NamedValues& values, const FieldMap& map, NamedTraits traits, Fields& f);

 private:
  bool time(const NamedValues& values, std::uint64_t dates, std::int64_t& out);
  std::optional<std::int64_t> iso(std::string_view text);

  const Zone* zone_ = nullptr;
  ClfTime clf_;
  std::string iso_;  // the last ISO 8601 time, as logged: lines of one second share it
  std::int64_t iso_time_ = 0;
  std::string target_;
  bool zone_assumed_ = false;
};

}  // namespace track_usage
