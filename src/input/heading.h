// What the lines of a log that begin with # say of those behind them, as W3C
// logs name their columns: kept, so that reading can begin anywhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/parser.h"

namespace track_usage {

class Heading {
 public:
  // Lines longer than that, as the parsers get them cut, say nothing.
  explicit Heading(std::uint64_t max_line) : longest_(std::min<std::uint64_t>(max_line, longest_directive)) {}

  void restart();
  // As text() was where `last` was the content's last byte.
  void resume(std::string_view text, char last);
  // The content's bytes, in order.
  void feed(std::string_view bytes);
  // The last line of each name, "#Fields: date time\n...", as of the bytes fed.
  std::string text() const;

 private:
  void line(std::string_view text);

  std::size_t longest_;
  enum class State : unsigned char { begin, line_start, in_directive, in_line };
  State state_ = State::begin;
  std::string partial_;             // a directive that began in bytes fed before
  std::vector<std::string> lines_;  // in the order in which they were last seen
};

}  // namespace track_usage
