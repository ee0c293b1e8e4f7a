// Undo and redo, written once above the stores: what rows are taken out or
// summed again, and what their share of the summaries is.
#pragma once

#include <functional>
#include <vector>

#include "src/base/zone.h"
#include "src/filter.h"
#include "src/line_reader.h"
#include "src/store.h"

namespace track_usage {

// How a store counts, as it has settled.
struct Counting {
  std::vector<const Hook*> hooks;
  UrlBy url_by = UrlBy::path;
  Zone zone;
};

struct Removed {
  std::uint64_t rows = 0;
  std::int64_t bytes = 0;  // of their content_length
};

// The rows that `query` and `filter` choose, counted, and taken out with their
// share of every summary. The latter within the caller's begin() and end().
Removed count_rows(Store& store, const RowQuery& query, const Filter& filter);
Removed remove_rows(Store& store, const Counting& counting, const RowQuery& query, const Filter& filter);

// Sums all rows anew, into the draft of `hooks`. Within begin() and end().
// Returns how many rows there are.
std::uint64_t sum_rows(Store& store, const Counting& counting, const std::vector<const Hook*>& hooks);

struct Retried {
  std::uint64_t lines = 0;  // that were read again
  Counts counts;            // of those that are no rejects any more
};

// Reads the rejected lines that the store has of `sources` once more, and
// commits what can be read now. Within begin() and end().
Retried retry_rejects(Store& store, const Counting& counting, const std::vector<SourceRecord>& sources,
                      const LineReading& reading);

}  // namespace track_usage
