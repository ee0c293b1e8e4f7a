#include "src/error.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"

namespace track_usage {
namespace {

// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string suggest(std::string_view wanted, std::span<const std::string_view> candidates) {
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(2, wanted.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t d = distance(wanted, candidate);
    if (d < least) {
      least = d;
      nearest = candidate;
    }
  }
  if (!nearest.empty()) return fmt::format("did you mean '{}'?", nearest);
  return fmt::format("one of: {}", fmt::join(candidates, " "));
}

std::string caret(std::string_view text, std::size_t column) {
  column = std::min(column, text.size());
  const std::string before = visible(text.substr(0, column));
  return before + visible(text.substr(column)) + '\n' + std::string(display_width(before), ' ') + '^';
}

}  // namespace track_usage
