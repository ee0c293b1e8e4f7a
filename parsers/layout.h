// A positional format as data: what each field is and what stands between
// them. `format_string` compiles the strings of Apache and nginx into it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/parser.h"

namespace track_usage {

enum class Part : std::uint8_t {
  variable,  // goes into track_var by its name
  skipped,
  remote,
  ip,      // an address that is no name, or -
  client,  // an address, a colon and a port
  peer,
  host,
  other_host,  // where `host` has no value
  port,
  ident,
  user,
  request,
  method,
  target,
  path,
  query,  // with or without its question mark
  protocol,
  scheme,
  status,
  bytes,
  referrer,
  agent,
  forwarded,
  language,
  seconds,  // durations; a fraction may follow, and of a list the last counts
  millis,
  micros,
  part_seconds,  // of which all together make the duration
  clf_time,
  iso_time,
  epoch_seconds,  // with or without a fraction
  epoch_millis,
  epoch_micros,
  date,             // 2026-11-22, and
  clock,            // 14:05:06 of one time in UTC
  strftime,         // by the form in `name`
  millis_fraction,  // of the second that another field tells
  micros_fraction,
};

struct LayoutField {
  Part part = Part::variable;
  std::string name;          // of a variable, or a form of time
  std::string before;        // what stands between the field before and this one
  std::string shown;         // as the format has it: %h, $remote_addr
  bool at_slash = false;     // nothing stands before it: it begins at a slash
  bool quotable = false;     // it may stand in quotes
  char holds = '\0';         // of a variable: without that it is none
  std::string closing = {};  // not empty: it may be missing, and what stands behind it goes with it
};

// What referrers and agents are to be freed of.
enum class Coding : std::uint8_t { none, plus, percent };

struct Layout {
  std::string name;  // of the dialect: apache, nginx
  std::vector<LayoutField> fields;
  std::string after;              // the last field
  bool escaped = true;            // \" and \xHH stand for what they name
  std::size_t needed = SIZE_MAX;  // as many fields are in every line
  bool open = false;              // more fields than these make a whole line as well
  bool preset = false;            // known well enough that no blank hides in an unquoted field
  bool padded = false;            // more than one blank may stand for one
  bool doubled = false;           // "" is a quote within quotes
  char foreign = '\0';            // a line with this in its first field is of another layout
  Coding coding = Coding::none;
  std::string date = {};     // of a clock that stands alone
  bool host_of_url = false;  // the host is that of an absolute URL where no field has it
};

// Throws Error (usage) if it could not make a row: without a time, or with two
// fields of which nobody could tell where one ends.
std::unique_ptr<Parser> make_layout_parser(Layout layout, const LogOptions& options);

}  // namespace track_usage
