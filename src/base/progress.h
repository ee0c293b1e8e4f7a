// The progress bar on a terminal: one line on stderr that is drawn over.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace track_usage {

class ProgressBar {
 public:
  // `bytes` is the size of all inputs; 0 for streams: then no share is shown.
  // A run that is over in a moment draws nothing, unless `at_once`.
  ProgressBar(bool shown, std::uint64_t bytes, bool at_once)
      : shown_(shown), total_(bytes), next_(begin_ + std::chrono::milliseconds(at_once ? 0 : 300)) {}
  ~ProgressBar() { clear(); }

  void update(std::uint64_t bytes, std::uint64_t lines);  // draws a few times a second
  void clear();                                           // before anything else is written to stderr

 private:
  using Clock = std::chrono::steady_clock;
  struct Sample {
    Clock::time_point when;
    std::uint64_t bytes, lines;
  };
  const bool shown_;
  const std::uint64_t total_;
  bool drawn_ = false;
  Clock::time_point begin_ = Clock::now(), next_;
  std::deque<Sample> recent_;  // of the last seconds, for the rate
};

}  // namespace track_usage
