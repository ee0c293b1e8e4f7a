// Text to the two outputs, and what becomes of one that cannot be written.
#pragma once

#include <string_view>

namespace track_usage {

// The whole of `text` on stdout. A closed one ends the program quietly, as a
// reader that has seen enough expects; any other failure is an Error (store).
void write_stdout(std::string_view text);

// On stderr. If nobody listens there, nobody can be told.
void write_stderr(std::string_view text);

}  // namespace track_usage
