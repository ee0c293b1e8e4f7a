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
  peer,
  host,
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
  clf_time,
  iso_time,
  epoch_seconds,  // with or without a fraction
  epoch_millis,
  epoch_micros,
  strftime,         // by the form in `name`
  millis_fraction,  // of the second that another field tells
  micros_fraction,
};

struct LayoutField {
  Part part = Part::variable;
  std::string name;       // of a variable, or a form of time
  std::string before;     // what stands between the field before and this one
  std::string shown;      // as the format has it: %h, $remote_addr
  bool at_slash = false;  // nothing stands before it: it begins at a slash
};

struct Layout {
  std::string name;  // of the dialect: apache, nginx
  std::vector<LayoutField> fields;
  std::string after;    // the last field
  bool escaped = true;  // \" and \xHH stand for what they name
};

// Throws Error (usage) if it could not make a row: without a time, or with two
// fields of which nobody could tell where one ends.
std::unique_ptr<Parser> make_layout_parser(Layout layout, const LogOptions& options);

}  // namespace track_usage
