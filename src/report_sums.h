// A report's figures out of a store's summaries, which is instant however many
// rows there are. What rows alone can tell stays empty: times, referrers, what
// was not found, errors of one page or address.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "src/base/zone.h"
#include "src/report.h"
#include "src/store.h"
#include "src/totals.h"

namespace track_usage {

class SumReport {
 public:
  // Whether a store keeps the summaries that it takes.
  static bool possible(const Settings& settings);

  // Of the hours from the one that holds `since` up to `until`, microseconds
  // both. `hooks`: those of the store. Borrows all.
  SumReport(Store& store, const std::vector<const Hook*>& hooks, const Zone& zone, std::int64_t since,
            std::int64_t until);

  std::uint64_t hits() const;
  void add_to(Figures& figures) const;

 private:
  bool keeps(std::string_view name) const;
  const Hook& hook(std::string_view name) const;
  void add_statuses(Figures& figures) const;
  std::vector<Sum> totals_of(std::string_view hook) const;

  Store& store_;
  const std::vector<const Hook*>& hooks_;
  std::int64_t first_hour_ = INT64_MIN, end_hour_ = INT64_MAX;
  std::vector<BucketRange> ranges_;
};

}  // namespace track_usage
