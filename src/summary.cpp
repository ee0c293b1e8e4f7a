#include "src/summary.h"

#include <algorithm>
#include <numeric>

#include "src/base/timestamp.h"

namespace track_usage {
namespace {

constexpr std::int64_t second = 1'000'000, hour = 3600, day = 86400;

}  // namespace

std::int64_t bucket_holding(std::int64_t micros, Period period, const Zone& zone) {
  const std::int64_t seconds = floor_div(micros, second);
  const std::int64_t offset = zone.at(seconds).offset;
  if (period == Period::hour) return floor_div(seconds + offset, hour) * hour - offset;
  const std::int64_t date = floor_div(seconds + offset, day);
  return period == Period::month ? month_begin(date) : date;
}

std::int64_t bucket_from(std::int64_t micros, Period period, const Zone& zone) {
  if (period == Period::hour) {
    const std::int64_t begin = bucket_holding(micros, Period::hour, zone);
    return begin * second == micros ? begin : begin + hour;
  }
  const std::int64_t seconds = floor_div(micros, second);
  const std::int64_t local = seconds + zone.at(seconds).offset;
  std::int64_t date = floor_div(local, day);
  if (date * day != local || seconds * second != micros) ++date;
  const std::int64_t month = month_begin(date);
  return period == Period::day || month == date ? date : month_begin(month + 31);
}

void set_hours(Batch& batch, const Zone& zone) {
  batch.hours.clear();
  batch.hour.resize(batch.size());
  Zone::Span span{0, 0, 0};
  std::int64_t begin = 0, end = 0;  // of the hour of the row before, seconds
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::int64_t seconds = floor_div(batch.time[i], 1'000'000);
    if (seconds < begin || seconds >= end) {
      if (seconds < span.begin || seconds >= span.end) span = zone.at(seconds);
      const std::int64_t local = seconds + span.offset;
      begin = floor_div(local, 3600) * 3600 - span.offset;
      end = begin + 3600;
      const auto same = [&](const Hour& h) { return h.start == begin; };
      const auto found = std::find_if(batch.hours.rbegin(), batch.hours.rend(), same);
      if (found == batch.hours.rend()) {
        batch.hours.push_back({begin, static_cast<std::int32_t>(floor_div(local, 86400))});
        id = static_cast<std::uint32_t>(batch.hours.size() - 1);
      } else {
        id = static_cast<std::uint32_t>(batch.hours.rend() - found) - 1;
      }
      // An hour that the clocks' change cuts short is entered anew behind it.
      begin = std::max(begin, span.begin);
      end = std::min(end, span.end);
    }
    batch.hour[i] = id;
  }
}

Summariser::Summariser(const Batch& batch) : batch_(batch) {
  hours_.resize(batch.hours.size());
  std::iota(hours_.begin(), hours_.end(), 0);
  std::sort(hours_.begin(), hours_.end(), [&](auto a, auto b) { return batch.hours[a].start < batch.hours[b].start; });
  std::vector<std::size_t> rank(hours_.size());
  for (std::size_t r = 0; r < hours_.size(); ++r) rank[hours_[r]] = r;
  // A counting sort: rows of an hour stand together, in their order.
  begin_.assign(hours_.size() + 1, 0);
  for (const std::uint32_t hour : batch.hour) ++begin_[rank[hour] + 1];
  std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
  rows_.resize(batch.size());
  std::vector<std::size_t> next(begin_.begin(), begin_.end());
  for (std::size_t i = 0; i < batch.size(); ++i) rows_[next[rank[batch.hour[i]]]++] = static_cast<std::uint32_t>(i);
}

void Summariser::add(TextId key, std::uint32_t hits, std::int64_t transfer) {
  Total& total = totals_[key];
  if (total.hits == 0) touched_.push_back(key);
  total.hits += hits;
  total.transfer += transfer;
}

void Summariser::flush(std::int64_t bucket, std::vector<Cell>& cells) {
  for (const TextId key : touched_) {
    cells.push_back({bucket, key, totals_[key].hits, totals_[key].transfer});
    totals_[key] = {};
  }
  touched_.clear();
}

Summary Summariser::operator()(const Hook& hook, UrlBy by) {
  Summary summary{.hook = &hook, .cells = {}};
  totals_.resize(std::max<std::size_t>(batch_.texts.size(), 1000));
  const Column column = hook.key_for(by);
  auto& [hourly, daily, monthly] = summary.cells;
  for (std::size_t r = 0; r < hours_.size(); ++r) {
    for (std::size_t i = begin_[r]; i < begin_[r + 1]; ++i) {
      const std::uint32_t row = rows_[i];
      const TextId key = hook.by_status ? static_cast<TextId>(std::max<std::int16_t>(batch_.status[row], 0))
                                        : batch_.text(column, row);
      add(key, 1, batch_.bytes[row] == no_number ? 0 : batch_.bytes[row]);
    }
    flush(batch_.hours[hours_[r]].start, hourly);
  }
  // Days are sums of their hours, months of their days.
  std::size_t cell = 0;
  for (std::size_t r = 0; r < hours_.size();) {
    const std::int32_t day = batch_.hours[hours_[r]].day;
    for (; r < hours_.size() && batch_.hours[hours_[r]].day == day; ++r)
      for (const std::int64_t hour = batch_.hours[hours_[r]].start; cell < hourly.size() && hourly[cell].bucket == hour;
           ++cell)
        add(hourly[cell].key, hourly[cell].hits, hourly[cell].transfer);
    flush(day, daily);
  }
  for (std::size_t d = 0; d < daily.size();) {
    const std::int64_t month = month_begin(daily[d].bucket);
    for (; d < daily.size() && month_begin(daily[d].bucket) == month; ++d)
      add(daily[d].key, daily[d].hits, daily[d].transfer);
    flush(month, monthly);
  }
  return summary;
}

std::vector<Summary> summarise(const Batch& batch, const std::vector<const Hook*>& hooks, UrlBy by) {
  Summariser summariser(batch);
  std::vector<Summary> summaries;
  for (const Hook* hook : hooks) summaries.push_back(summariser(*hook, by));
  return summaries;
}

}  // namespace track_usage
