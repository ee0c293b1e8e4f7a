// A unit's sums as the summaries' tables have them.
#pragma once

#include <string_view>
#include <vector>

#include "sinks/sql/connection.h"
#include "src/base/hash.h"

namespace track_usage::sql {

// Seeded with a number that the store keeps, so that no client can make two
// texts that meet.
inline KeyHash hash_of(std::string_view key, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), seed);
  return {.high = hash.high64, .low = hash.low64};
}

// Those of one period, in the order of the table's key: upserts in one order
// never wait for each other in a circle, and go through an index from left to
// right. `sign` -1 takes them out. Keys borrow from `texts`.
std::vector<StoredCell> stored_cells(const Texts& texts, const Summary& summary, Period period, std::uint64_t seed,
                                     int sign = 1);

}  // namespace track_usage::sql
