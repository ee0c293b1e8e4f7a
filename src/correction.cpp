#include "src/correction.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "src/base/address.h"
#include "src/base/signals.h"
#include "src/base/timestamp.h"
#include "src/error.h"
#include "src/summary.h"

namespace track_usage {
namespace {

// Larger than a page for people: each batch's cells are one upsert a key.
constexpr std::size_t rows_a_batch = 200'000;
constexpr std::size_t addresses_at_once = 1'000;
constexpr std::size_t padding = 64;  // parsers may read as far behind a line

// Between batches; what was begun is rolled back.
void end_if_asked() {
  if (stop_signal() != 0) throw Error(static_cast<Exit>(128 + stop_signal()), "ended; nothing was changed");
}

// Marks the rows of `batch` that pass, and adds them to `sum`.
void choose(const Filter& filter, const Batch& batch, std::vector<std::uint8_t>& chosen, Removed& sum) {
  end_if_asked();
  Counts others;
  filter.apply(batch, chosen, others);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!chosen.empty() && chosen[i] == 0) continue;
    ++sum.rows;
    if (batch.bytes[i] != no_number) sum.bytes += batch.bytes[i];
  }
}

// Cells from `from` on: those before it were pruned, or cannot be known.
void sum_up(Unit& unit, const Counting& counting, const std::vector<const Hook*>& hooks, const Buckets& from) {
  set_hours(unit.batch, counting.zone);
  set_keys(unit.batch, hooks);
  std::vector<Summary> summaries = summarise(unit.batch, hooks, counting.url_by);
  for (Summary& summary : summaries)
    for (std::size_t p = 0; p < summary.cells.size(); ++p)
      std::erase_if(summary.cells[p], [&](const Cell& cell) { return cell.bucket < from[p]; });
  std::promise<std::vector<Summary>> done;
  done.set_value(std::move(summaries));
  unit.summaries = done.get_future().share();
}

RowQuery in_large_batches(RowQuery query) {
  query.newest_first = false;
  query.rows_a_batch = rows_a_batch;
  return query;
}

RowQuery unlocated(const RowQuery& query) {
  RowQuery out = in_large_batches(query);
  out.unlocated = true;
  return out;
}

bool counts_by_place(const Hook* hook) {
  const Column of = hook->make != nullptr ? hook->made_of : hook->key;
  return !hook->by_number() && (of == Column::country || of == Column::ip_info);
}

// Rows with nothing but their time, their bytes and where they are.
void add_row(Unit& unit, const Batch& from, std::size_t row, std::string_view country, std::string_view info) {
  Batch& b = unit.batch;
  b.time.push_back(from.time[row]);
  b.offset.push_back(from.offset[row]);
  b.bytes.push_back(from.bytes[row]);
  b.micros.push_back(no_number);
  b.status.push_back(no_status);
  b.flags.push_back(0);
  b.request.push_back(0);
  b.agent.push_back(0);
  if (!country.empty()) b.set(Column::country, b.texts.intern(country));
  if (!info.empty()) b.set(Column::ip_info, b.texts.intern(info));
  b.end_row();
}

// Finds the rows of one batch after another that have a place.
class Locator {
 public:
  explicit Locator(Places& places) : places_(places), met_(places.of.size(), 0) {}

  // Calls `located` for each row with its new place. Empty: it has none.
  template <typename Take>
  void each(const Batch& batch, const Take& located) {
    end_if_asked();
    std::vector<TextId> known(batch.texts.size(), unknown);  // among the addresses
    known[null_text] = null_text;
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const TextId address = batch.text(Column::remote_addr, row);
      if (known[address] == unknown)
        known[address] = places_.addresses.intern(batch.texts[address], batch.texts.hash(address));
      const TextId at = known[address];
      if (at >= places_.of.size()) continue;  // its row came later
      const Places::Place place = places_.of[at];
      // An answer without a country is told once.
      if (place.country == null_text && (place.info == null_text || batch.text(Column::ip_info, row) != null_text))
        continue;
      if (met_[at] == 0) ++sum_.addresses;
      met_[at] = 1;
      ++sum_.rows;
      located(row, place);
    }
  }
  const Located& sum() const { return sum_; }

 private:
  static constexpr TextId unknown = UINT32_MAX;
  Places& places_;
  std::vector<std::uint8_t> met_;
  Located sum_;
};

}  // namespace

Buckets whole_from(const Counting& counting) {
  Buckets from = counting.pruned.cells;
  const std::int64_t rows = counting.pruned.rows;
  if (rows == INT64_MIN) return from;
  const std::int64_t second = floor_div(rows, 1'000'000);  // the beginning of a day in the store's zone
  const std::int64_t day = floor_div(second + counting.zone.at(second).offset, 86'400);
  const std::int64_t month = month_begin(day);
  const Buckets of_rows = {second, day, month == day ? day : month_begin(month + 31)};
  for (std::size_t p = 0; p < from.size(); ++p) from[p] = std::max(from[p], of_rows[p]);
  return from;
}

Removed count_rows(Store& store, const RowQuery& query, const Filter& filter) {
  Removed sum;
  std::vector<std::uint8_t> chosen;
  store.rows(in_large_batches(query), [&](Batch& batch) {
    choose(filter, batch, chosen, sum);
    return true;
  });
  return sum;
}

Removed remove_rows(Store& store, const Counting& counting, const RowQuery& query, const Filter& filter) {
  Removed sum;
  Unit unit;
  const auto chooses = [&](const Batch& batch) -> std::optional<Correctable::Chosen> {
    Correctable::Chosen chosen{.rows = {}, .unit = &unit};
    choose(filter, batch, chosen.rows, sum);
    unit.batch.clear();
    Gatherer().append(unit.batch, batch, chosen.rows);
    if (unit.batch.size() == 0) return {};
    sum_up(unit, counting, counting.hooks, counting.pruned.cells);
    return chosen;
  };
  store.correctable()->remove(in_large_batches(query), chooses);
  return sum;
}

std::uint64_t sum_rows(Store& store, const Counting& counting, const std::vector<const Hook*>& hooks) {
  Correctable& draft = *store.correctable();
  draft.draft(hooks);
  std::uint64_t rows = 0;
  Unit unit;
  store.rows(in_large_batches({}), [&](Batch& batch) {
    end_if_asked();
    rows += batch.size();
    std::swap(unit.batch, batch);
    sum_up(unit, counting, hooks, whole_from(counting));
    draft.add_to_draft(unit);
    return true;
  });
  return rows;
}

Places find_places(Store& store, const RowQuery& query, Geo& geo, bool info) {
  Places places;
  store.rows(unlocated(query), [&](Batch& batch) {
    end_if_asked();
    std::vector<std::uint8_t> seen(batch.texts.size(), 0);
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const TextId id = batch.text(Column::remote_addr, row);
      if (std::exchange(seen[id], 1) == 0 && Address(batch.texts[id]).is_ip())
        places.addresses.intern(batch.texts[id], batch.texts.hash(id));
    }
    return true;
  });
  places.of.resize(places.addresses.size());
  std::vector<std::string_view> some;
  std::vector<GeoAnswer> answers;
  const auto text = [&](const std::string& value) { return value.empty() ? null_text : places.values.intern(value); };
  for (std::size_t begin = 1; begin < places.of.size(); begin += some.size()) {
    some.clear();
    for (std::size_t i = begin; i < places.of.size() && some.size() < addresses_at_once; ++i)
      some.push_back(places.addresses[static_cast<TextId>(i)]);
    geo.look_up(some, answers);
    end_if_asked();
    for (std::size_t i = 0; i < some.size(); ++i)
      places.of[begin + i] = {text(answers[i].country), info ? text(answers[i].info) : null_text};
  }
  return places;
}

Located count_located(Store& store, const RowQuery& query, Places& places) {
  Locator locator(places);
  store.rows(unlocated(query), [&](Batch& batch) {
    locator.each(batch, [](std::size_t, Places::Place) {});
    return true;
  });
  return locator.sum();
}

Located locate_rows(Store& store, const Counting& counting, const RowQuery& query, Places& places) {
  std::vector<const Hook*> hooks;
  std::copy_if(counting.hooks.begin(), counting.hooks.end(), std::back_inserter(hooks), counts_by_place);
  Locator locator(places);
  Unit before, after;
  const auto chooses = [&](const Batch& batch) -> std::optional<Correctable::Located> {
    Correctable::Located located{
        .rows = std::vector<std::uint8_t>(batch.size(), 0), .before = &before, .after = &after};
    before.batch.clear();
    after.batch.clear();
    locator.each(batch, [&](std::size_t row, Places::Place place) {
      located.rows[row] = 1;
      add_row(before, batch, row, {}, batch.texts[batch.text(Column::ip_info, row)]);
      add_row(after, batch, row, places.values[place.country], places.values[place.info]);
    });
    if (after.batch.size() == 0) return {};
    sum_up(before, counting, hooks, counting.pruned.cells);
    sum_up(after, counting, hooks, counting.pruned.cells);
    return located;
  };
  store.correctable()->locate(unlocated(query), chooses);
  return locator.sum();
}

Retried retry_rejects(Store& store, const Counting& counting, const std::vector<SourceRecord>& sources,
                      const LineReading& reading) {
  Retried sum;
  LineReader reader(reading);
  const std::vector<RejectRecord> rejects = store.rejects();
  Gatherer gatherer;
  Batch one;
  std::string text;
  for (const SourceRecord& source : sources) {
    end_if_asked();
    Unit unit;
    gatherer.forget();
    for (const RejectRecord& reject : rejects) {
      if (reject.source != source.id || reject.raw.empty()) continue;  // its text was not to be kept
      ++sum.lines;
      const bool cut = reject.reason == reject_names[static_cast<std::size_t>(Reject::too_long)];
      text.assign(reject.raw).append("\n").append(padding, '\0');
      reader.read({.text = std::string_view(text).substr(0, reject.raw.size() + 1),
                   .offset = reject.offset,
                   .cut = cut,
                   .heading = source.heading},
                  one);
      if (one.counts.rejected() != 0) continue;
      gatherer.append(unit.batch, one, {});
      unit.batch.counts += one.counts;
      unit.retried.push_back(reject.offset);
    }
    if (unit.retried.empty()) continue;
    sum.counts += unit.batch.counts;
    unit.begin = unit.end = source.offset;
    unit.source = source;
    sum_up(unit, counting, counting.hooks, counting.pruned.cells);
    store.commit(unit, source.id);
  }
  return sum;
}

}  // namespace track_usage
