#include "src/store.h"

#include <charconv>

#include <fmt/format.h>

#include "src/base/timestamp.h"

namespace track_usage {

std::string text_of(const PruneMarks& marks) {
  return fmt::format("{} {}", marks.rows, fmt::join(marks.cells, " "));
}

PruneMarks marks_of(std::string_view text) {
  PruneMarks marks;
  for (std::int64_t* mark : {&marks.rows, &marks.cells[0], &marks.cells[1], &marks.cells[2]}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *mark);
    if (error != std::errc()) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  return marks;
}

PruneMarks later(const PruneMarks& a, const PruneMarks& b) {
  PruneMarks marks{.rows = std::max(a.rows, b.rows), .cells = {}};
  for (std::size_t p = 0; p < marks.cells.size(); ++p) marks.cells[p] = std::max(a.cells[p], b.cells[p]);
  return marks;
}

}  // namespace track_usage
