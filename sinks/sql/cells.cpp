#include "sinks/sql/cells.h"

#include <algorithm>
#include <tuple>

namespace track_usage::sql {

std::vector<StoredCell> stored_cells(const Texts& texts, const Summary& summary, Period period, std::uint64_t seed,
                                     int sign) {
  const std::vector<Cell>& cells = summary.cells[static_cast<std::size_t>(period)];
  const bool by_number = summary.hook->by_number();
  std::vector<StoredCell> out;
  out.reserve(cells.size());
  for (const Cell& c : cells) {
    StoredCell cell{.bucket = c.bucket,
                    .hash = {},
                    .key = {},
                    .number = by_number ? c.key : 0,
                    .hits = sign * std::int64_t{c.hits},
                    .transfer = sign * c.transfer};
    if (!by_number) {
      cell.key = c.key == null_text ? std::string_view("-") : texts[c.key];
      cell.hash = hash_of(cell.key, seed);
    }
    out.push_back(cell);
  }
  std::sort(out.begin(), out.end(), [](const StoredCell& a, const StoredCell& b) {
    return std::tie(a.bucket, a.hash, a.number) < std::tie(b.bucket, b.hash, b.number);
  });
  // Rows without a key are counted under "-", which is a key as well.
  std::size_t kept = 0;
  for (const StoredCell& cell : out) {
    StoredCell* const last = kept == 0 ? nullptr : &out[kept - 1];
    if (!by_number && last != nullptr && last->bucket == cell.bucket && last->hash == cell.hash) {
      last->hits += cell.hits;
      last->transfer += cell.transfer;
    } else {
      out[kept++] = cell;
    }
  }
  out.resize(kept);
  return out;
}

}  // namespace track_usage::sql
