// Undo and redo, written once above the stores: what rows are taken out or
// summed again, and what their share of the summaries is.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "src/base/zone.h"
#include "src/enrich/geo.h"
#include "src/filter.h"
#include "src/line_reader.h"
#include "src/store.h"

namespace track_usage {

// How a store counts, as it has settled.
struct Counting {
  std::vector<const Hook*> hooks;
  UrlBy url_by = UrlBy::path;
  Zone zone;
  PruneMarks pruned = {};
};

// From where on the cells of each period are sums of rows that are all there.
Buckets whole_from(const Counting& counting);

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

// The distinct addresses of rows, and what is told of each.
struct Places {
  struct Place {
    TextId country = null_text, info = null_text;  // of values
  };
  Texts addresses, values;
  std::vector<Place> of;  // by address; [null_text] is nobody's

  std::uint64_t looked_up() const { return of.size() - 1; }
  bool any() const { return values.size() > 1; }  // null is there always
};

// Looks up the addresses of the rows of `query` that have no country; `info`:
// with the rest of the answers. Throws Error (interrupted, terminated) if the
// program is asked to end; what a service told is in its cache then.
Places find_places(Store& store, const RowQuery& query, Geo& geo, bool info);

struct Located {
  std::uint64_t rows = 0, addresses = 0;
};

// The rows of `query` without a country whose address has a place, counted, and
// given it, with their hits moved where a summary counts by it. The latter
// within the caller's begin() and end(). Places borrow nothing and may be older
// than the rows: an address that is not among them is left alone.
Located count_located(Store& store, const RowQuery& query, Places& places);
Located locate_rows(Store& store, const Counting& counting, const RowQuery& query, Places& places);

}  // namespace track_usage
