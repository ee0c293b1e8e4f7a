#include "src/correction.h"

#include "src/base/signals.h"
#include "src/error.h"
#include "src/summary.h"

namespace track_usage {
namespace {

// Larger than a page for people: each batch's cells are one upsert a key.
constexpr std::size_t rows_a_batch = 200'000;
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

void sum_up(Unit& unit, const Counting& counting, const std::vector<const Hook*>& hooks) {
  set_hours(unit.batch, counting.zone);
  set_keys(unit.batch, hooks);
  std::promise<std::vector<Summary>> done;
  done.set_value(summarise(unit.batch, hooks, counting.url_by));
  unit.summaries = done.get_future().share();
}

RowQuery in_large_batches(RowQuery query) {
  query.newest_first = false;
  query.rows_a_batch = rows_a_batch;
  return query;
}

}  // namespace

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
    sum_up(unit, counting, counting.hooks);
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
    sum_up(unit, counting, hooks);
    draft.add_to_draft(unit);
    return true;
  });
  return rows;
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
    sum_up(unit, counting, counting.hooks);
    store.commit(unit, source.id);
  }
  return sum;
}

}  // namespace track_usage
