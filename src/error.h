// What ends a run or a command, and the exit codes that cron reads.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace track_usage {

// man/track-usage.1 promises these. Append, never renumber.
enum class Exit : int {
  ok = 0,
  rejected = 1,  // done, but rejects passed both thresholds, or a hook failed
  usage = 2,     // command line or configuration
  input = 3,     // an input could not be read to its end; the others were taken
  store = 4,     // a store failed; what is committed is true
  locked = 5,    // another run holds the lock
  bug = 70,
  interrupted = 130,  // SIGINT, cleanly
  terminated = 143,   // SIGTERM, cleanly
};

// Ends the run, and is caught once, in main. A line that cannot be read is no
// Error: it is counted in Batch::rejects and the run goes on.
class Error : public std::runtime_error {
 public:
  Error(Exit exit, const std::string& what, std::string hint = {})
      : std::runtime_error(what), exit(exit), hint(std::move(hint)) {}

  const Exit exit;
  const std::string hint;  // what the reader can do about it; may be empty
};

// "did you mean 'x'?" for the candidate nearest to `wanted`, or, if none is
// near, "one of: a b c".
std::string suggest(std::string_view wanted, std::span<const std::string_view> candidates);

// Both lines of a caret hint: the text with client bytes made visible, and ^
// under byte `column` (from 0).
std::string caret(std::string_view text, std::size_t column);

}  // namespace track_usage
