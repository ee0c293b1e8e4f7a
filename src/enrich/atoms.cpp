#include "src/enrich/atoms.h"

#include <algorithm>

namespace track_usage {

Atoms::Atoms(std::span<const std::string> atoms) : inside_(atoms.size(), none) {
  std::array<bool, 256> used{};
  for (const std::string& atom : atoms)
    for (const char c : atom) used[static_cast<unsigned char>(c)] = true;
  // All 256 bytes never come: the atoms are text, in which some do not occur.
  for (std::size_t c = 0; c < 256; ++c)
    if (used[c]) column_of_[c] = static_cast<std::uint8_t>(columns_++);
  for (std::size_t c = 'A'; c <= 'Z'; ++c) column_of_[c] = column_of_[c - 'A' + 'a'];

  // The tree of the atoms' beginnings; 0 stands for no branch yet.
  const auto add_state = [&] {
    moves_.resize(moves_.size() + columns_);
    ends_.push_back(none);
  };
  add_state();
  for (std::size_t n = 0; n < atoms.size(); ++n) {
    std::size_t state = 0;
    for (const char c : atoms[n]) {
      const std::size_t at = state * columns_ + column_of_[static_cast<unsigned char>(c)];
      if (moves_[at] == 0) {
        moves_[at] = static_cast<std::uint32_t>(ends_.size());
        add_state();
      }
      state = moves_[at];
    }
    ends_[state] = static_cast<std::int32_t>(n);
  }

  // Level by level: where the tree has no branch, go on as from the longest
  // ending of what was read that begins an atom, which is a level above.
  std::vector<std::uint32_t> shorter(ends_.size(), 0);
  std::vector<std::uint32_t> order;
  order.reserve(ends_.size());
  for (std::size_t column = 0; column < columns_; ++column)
    if (moves_[column] != 0) order.push_back(moves_[column]);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t state = order[i];
    const std::int32_t ending = ends_[shorter[state]];
    if (ends_[state] == none)
      ends_[state] = ending;
    else
      inside_[static_cast<std::size_t>(ends_[state])] = ending;
    for (std::size_t column = 0; column < columns_; ++column) {
      std::uint32_t& to = moves_[state * columns_ + column];
      const std::uint32_t otherwise = moves_[shorter[state] * columns_ + column];
      if (to == 0) {
        to = otherwise;
      } else {
        shorter[to] = otherwise;
        order.push_back(to);
      }
    }
  }
}

void Atoms::find(std::string_view text, std::vector<int>& found) const {
  found.clear();
  std::size_t state = 0;
  for (const char c : text) {
    state = moves_[state * columns_ + column_of_[static_cast<unsigned char>(c)]];
    for (std::int32_t atom = ends_[state]; atom != none; atom = inside_[static_cast<std::size_t>(atom)])
      found.push_back(atom);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
}

}  // namespace track_usage
