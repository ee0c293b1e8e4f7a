// Finds which of many short texts stand in a string, in one walk over it: an
// automaton of Aho and Corasick, as a table of its moves.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

class Atoms {
 public:
  // The atoms are distinct, not empty, and have no capital ASCII letters.
  explicit Atoms(std::span<const std::string> atoms);

  // Numbers of the atoms that stand in `text`, ascending, each once; capital
  // ASCII letters count as small ones. From any thread.
  void find(std::string_view text, std::vector<int>& found) const;

 private:
  static constexpr std::int32_t none = -1;

  std::array<std::uint8_t, 256> column_of_{};  // by byte; 0: in no atom
  std::size_t columns_ = 1;
  std::vector<std::uint32_t> moves_;  // a row a state; the start is state 0
  std::vector<std::int32_t> ends_;    // by state: the longest atom that ends here, or none
  std::vector<std::int32_t> inside_;  // by atom: the longest other one that it ends with, or none
};

}  // namespace track_usage
