#include "src/line_reader.h"

#include <utility>

#include "src/summary.h"

namespace track_usage {

void LineReader::read(const Lines& lines, Batch& batch) {
  if (lines.text.empty()) return batch.clear();
  dispatcher_.parse(lines, builder_, batch);
  set_hours(batch, how_.zone);
  how_.enrichment->identify(batch);
  for (RejectedLine& reject : batch.rejects) how_.enrichment->cover(reject.raw);
  keep_.clear();
  if (!how_.filter->keeps_all()) {
    const std::uint64_t before = batch.counts.filtered();
    how_.filter->apply(batch, keep_, batch.counts);
    batch.counts.stored -= batch.counts.filtered() - before;
  }
  if (keep_.empty() && how_.enrichment->leaves_texts()) keep_.assign(batch.size(), 1);
  if (!keep_.empty()) leave_out(batch);
  how_.enrichment->locate(batch);
  set_keys(batch, how_.hooks);
}

void LineReader::leave_out(Batch& batch) {
  kept_.clear();
  gatherer_.forget();
  gatherer_.append(kept_, batch, keep_);
  kept_.rejects = std::move(batch.rejects);
  kept_.counts = batch.counts;
  kept_.holes = batch.holes;
  kept_.zone_assumed = batch.zone_assumed;
  kept_.read_by = batch.read_by;
  std::swap(kept_, batch);
}

}  // namespace track_usage
