// Totals of a summary over a span of time, out of the fewest buckets.
#pragma once

#include <cstdint>
#include <vector>

#include "src/base/zone.h"
#include "src/store.h"

namespace track_usage {

// Buckets of one period, [since, until) as in Cell.
struct BucketRange {
  Period period;
  std::int64_t since, until;
};

// The hours [since, until), in seconds; INT64_MIN and INT64_MAX are open ends:
// months, and days and hours at the ends.
std::vector<BucketRange> fewest_buckets(std::int64_t since, std::int64_t until, const Zone& zone);

// Each key once, most hits first, then by key; their bucket is 0.
std::vector<Sum> totals(Store& store, const Hook& hook, const std::vector<BucketRange>& ranges,
                        const std::optional<std::string>& key = {});

}  // namespace track_usage
