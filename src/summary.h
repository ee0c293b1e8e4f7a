// Rows to summary cells: buckets in the store's zone, and for each hook the
// hits and bytes of each (bucket, key).
#pragma once

#include "src/base/zone.h"
#include "src/hook.h"
#include "src/store.h"

namespace track_usage {

// The bucket that holds an instant, and the first that begins at or after it;
// as in Cell.
std::int64_t bucket_holding(std::int64_t micros, Period period, const Zone& zone);
std::int64_t bucket_from(std::int64_t micros, Period period, const Zone& zone);

// Fills batch.hour and batch.hours.
void set_hours(Batch& batch, const Zone& zone);

// Fills the columns that hooks make of others, by distinct value.
void set_keys(Batch& batch, const std::vector<const Hook*>& hooks);

// Sums the rows of one batch whose hours are set. Borrows it.
class Summariser {
 public:
  explicit Summariser(const Batch& batch);
  Summary operator()(const Hook& hook, UrlBy by);

 private:
  struct Total {
    std::uint32_t hits = 0;
    std::int64_t transfer = 0;
  };
  TextId number(Number of, std::size_t row) const;
  void add(TextId key, std::uint32_t hits, std::int64_t transfer);
  void flush(std::int64_t bucket, std::vector<Cell>& cells);

  const Batch& batch_;
  std::vector<std::uint32_t> hours_;  // indices of batch.hours, earliest first
  std::vector<std::uint32_t> rows_;   // row numbers, by hour
  std::vector<std::size_t> begin_;    // of each of hours_ in rows_, and the end
  std::vector<Total> totals_;         // by key; all zero between buckets
  std::vector<TextId> touched_;       // keys of the present bucket, in order of first use
};

std::vector<Summary> summarise(const Batch& batch, const std::vector<const Hook*>& hooks, UrlBy by);

}  // namespace track_usage
