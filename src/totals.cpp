#include "src/totals.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "src/base/timestamp.h"
#include "src/summary.h"

namespace track_usage {
namespace {

constexpr std::int64_t day = 86400, second = 1'000'000;

}  // namespace

std::vector<BucketRange> fewest_buckets(std::int64_t since, std::int64_t until, const Zone& zone) {
  std::vector<BucketRange> ranges;
  const auto add = [&](Period period, std::int64_t begin, std::int64_t end) {
    if (begin < end) ranges.push_back({period, begin, end});
    return ranges;
  };
  const bool open = since == INT64_MIN, endless = until == INT64_MAX;
  const std::int64_t first_day = open ? INT64_MIN : bucket_from(since * second, Period::day, zone);
  const std::int64_t end_day = endless ? INT64_MAX : bucket_holding(until * second, Period::day, zone);
  if (first_day >= end_day) return add(Period::hour, since, until);
  if (!open) add(Period::hour, since, zone.to_utc(first_day * day));
  if (!endless) add(Period::hour, zone.to_utc(end_day * day), until);

  // A month is called by its first day.
  const std::int64_t first_month = open ? INT64_MIN : bucket_from(since * second, Period::month, zone);
  const std::int64_t end_month = endless ? INT64_MAX : month_begin(end_day);
  if (first_month >= end_month) return add(Period::day, first_day, end_day);
  if (!open) add(Period::day, first_day, first_month);
  if (!endless) add(Period::day, end_month, end_day);
  return add(Period::month, first_month, end_month);
}

std::vector<Sum> totals(Store& store, const Hook& hook, const std::vector<BucketRange>& ranges,
                        const std::optional<std::string>& key) {
  std::vector<Sum> all;
  for (const BucketRange& range : ranges) {
    const SumQuery query{.period = range.period, .since = range.since, .until = range.until, .key = key, .total = true};
    std::vector<Sum> sums = store.sums(hook, query);
    if (all.empty()) {
      all = std::move(sums);
      continue;
    }
    std::unordered_map<std::string_view, const Sum*> more;
    for (const Sum& sum : sums) more.emplace(sum.key, &sum);
    for (Sum& sum : all)
      if (const auto found = more.find(sum.key); found != more.end()) {
        sum.hits += found->second->hits;
        sum.transfer += found->second->transfer;
        more.erase(found);
      }
    for (const auto& [name, sum] : more) all.push_back(*sum);
  }
  std::sort(all.begin(), all.end(),
            [](const Sum& a, const Sum& b) { return a.hits != b.hits ? a.hits > b.hits : a.key < b.key; });
  return all;
}

}  // namespace track_usage
