#include "src/summary.h"

#include <algorithm>
#include <numeric>

#include "src/base/timestamp.h"

namespace track_usage {
namespace {

constexpr std::int64_t second = 1'000'000, hour = 3600, day = 86400;
// The largest key that is a number and no text: every status is below it as well.
constexpr std::size_t most_number = speed_bounds.back();

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

std::optional<UrlBy> url_by_named(std::string_view name) {
  const auto* const found = std::find(url_by_names.begin(), url_by_names.end(), name);
  if (found == url_by_names.end()) return {};
  return static_cast<UrlBy>(found - url_by_names.begin());
}

void set_keys(Batch& batch, const std::vector<const Hook*>& hooks) {
  constexpr TextId unknown = UINT32_MAX;
  std::vector<TextId> made;  // by text
  for (const Hook* hook : hooks) {
    if (hook->make == nullptr) continue;
    made.assign(batch.texts.size(), unknown);
    made[null_text] = null_text;
    std::vector<TextId>& keys = batch.own[static_cast<std::size_t>(hook->key)];
    keys.resize(batch.size());
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const TextId of = batch.text(hook->made_of, row);
      if (made[of] == unknown) {
        const std::string_view key = hook->make(batch.texts[of]);
        made[of] = key.empty() ? null_text : batch.texts.intern(key);
      }
      keys[row] = made[of];
    }
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

TextId Summariser::number(Number of, std::size_t row) const {
  if (of == Number::status) return static_cast<TextId>(std::max<std::int16_t>(batch_.status[row], 0));
  if (batch_.micros[row] == no_number) return 0;
  const auto bound = std::find_if(speed_bounds.begin(), speed_bounds.end() - 1,
                                  [&](std::int32_t ms) { return batch_.micros[row] <= std::int64_t{ms} * 1000; });
  return static_cast<TextId>(*bound);
}

Summary Summariser::operator()(const Hook& hook, UrlBy by) {
  Summary summary{.hook = &hook, .cells = {}};
  totals_.resize(std::max<std::size_t>(batch_.texts.size(), most_number + 1));
  const Column column = hook.key_for(by);
  auto& [hourly, daily, monthly] = summary.cells;
  for (std::size_t r = 0; r < hours_.size(); ++r) {
    for (std::size_t i = begin_[r]; i < begin_[r + 1]; ++i) {
      const std::uint32_t row = rows_[i];
      const TextId key = hook.by_number() ? number(hook.number, row) : batch_.text(column, row);
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
