// What the lines of a log that begin with # say of those behind them, as W3C
// logs name their columns: kept, so that reading can begin anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

class Heading {
 public:
  void restart();
  // The content's bytes, in order. Only a content that begins with # has such
  // lines; others cost nothing.
  void feed(std::string_view bytes);
  // The last line of each name, "#Fields: date time\n...", as of the bytes fed.
  std::string text() const;

 private:
  void line(std::string_view text);

  enum class State : unsigned char { begin, none, line_start, in_directive, in_line };
  State state_ = State::begin;
  std::string partial_;             // a line that began in bytes fed before
  std::vector<std::string> lines_;  // in the order in which they were last seen
};

}  // namespace track_usage
