#include "sinks/sql/correcting.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "sinks/sql/cells.h"
#include "sinks/sql/guarded.h"
#include "sinks/sql/ledger.h"
#include "sinks/sql/reading.h"
#include "sinks/sql/schema.h"

namespace track_usage::sql {

namespace {

// " WHERE date >= '2026-11-01'"; nothing, if there is no bound.
std::string from_on(std::string_view before, std::string_view column, Period period, std::int64_t bucket) {
  if (bucket == INT64_MIN) return {};
  return fmt::format("{}{} >= '{}'", before, column, date_of(period, bucket));
}

}  // namespace

template <typename F>
auto Corrector::guarded(F&& f) -> decltype(f()) {
  return sql::guarded("change", shown_, f);
}

void Corrector::begin() {
  guarded([&] {
    server_.begin();
    begun_ = true;
  });
}

void Corrector::end(bool keep) {
  begun_ = false;
  guarded([&] {
    keep ? server_.commit() : server_.roll_back();
    for (const Hook* hook : drafted_)
      for (const Period period : periods)
        server_.exec(fmt::format("DROP TABLE IF EXISTS {}", draft_table(*hook, period)));
    drafted_.clear();
  });
}

void Corrector::delete_rows(const std::vector<std::int64_t>& ids) {
  constexpr std::size_t ids_a_statement = 10'000;
  for (std::size_t from = 0; from < ids.size(); from += ids_a_statement) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(from + ids_a_statement, ids.size()));
    server_.exec(fmt::format("DELETE FROM {} WHERE id IN ({})", table("rows"), fmt::join(begin, end, ",")));
  }
}

void Corrector::remove(const RowQuery& query, const std::function<std::optional<Chosen>(const Batch&)>& choose) {
  guarded([&] {
    std::vector<std::int64_t> ids;
    std::map<std::int64_t, std::int64_t> erased;  // by source
    read_rows(server_, prefix_, query, [&](Batch& batch, const std::vector<RowPlace>& places) {
      const auto chosen = choose(batch);
      if (!chosen) return true;
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (!chosen->rows.empty() && chosen->rows[i] == 0) continue;
        ids.push_back(places[i].id);
        ++erased[places[i].source];
      }
      add_sums(*chosen->unit, -1);
      return true;
    });
    delete_rows(ids);
    for (const auto& [source, rows] : erased)
      server_.exec(fmt::format("UPDATE {} SET erased = erased + {} WHERE id = {}", table("inputs"), rows, source));
    drop_empty_cells();
  });
}

void Corrector::locate(const RowQuery& query, const std::function<std::optional<Located>(const Batch&)>& choose) {
  guarded([&] {
    read_rows(server_, prefix_, query, [&](Batch& batch, const std::vector<RowPlace>& places) {
      const auto located = choose(batch);
      if (!located) return true;
      add_sums(*located->before, -1);
      add_sums(*located->after, 1);
      const Batch& now = located->after->batch;
      std::map<std::pair<TextId, TextId>, std::vector<std::int64_t>> ids;  // by country and ip_info
      std::size_t row = 0;
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (located->rows[i] == 0) continue;
        ids[{now.text(Column::country, row), now.text(Column::ip_info, row)}].push_back(places[i].id);
        ++row;
      }
      const auto value = [&](TextId id) { return id == null_text ? Value(std::nullopt) : Value(now.texts[id]); };
      for (const auto& [place, rows] : ids) {
        const Value values[] = {value(place.first), value(place.second)};
        server_.change(
            fmt::format("UPDATE {} SET country = ?, ip_info = ? WHERE id IN ({})", table("rows"), fmt::join(rows, ",")),
            values);
      }
      return true;
    });
    drop_empty_cells();
  });
}

void Corrector::add_sums(const Unit& unit, int sign) {
  for (const Summary& summary : unit.summaries.get())
    for (const Period period : periods)
      server_.add_cells(summary_table(prefix_, *summary.hook, period), *summary.hook, period,
                        stored_cells(unit.batch.texts, summary, period, seed_, sign));
}

void Corrector::drop_empty_cells() {
  for (const Hook* hook : hooks_)
    for (const Period period : periods)
      server_.exec(fmt::format("DELETE FROM {} WHERE hits = 0", summary_table(prefix_, *hook, period)));
}

void Corrector::drop_sources(const std::vector<std::int64_t>& ids) {
  guarded([&] {
    const std::string list = fmt::format("({})", fmt::join(ids, ","));
    server_.exec(fmt::format("DELETE FROM {} WHERE unit IN (SELECT id FROM {} WHERE source IN {})", table("owed"),
                             table("units"), list));
    for (const char* name : {"rejects", "units"})
      server_.exec(fmt::format("DELETE FROM {} WHERE source IN {}", table(name), list));
    server_.exec(fmt::format("DELETE FROM {} WHERE id IN {}", table("inputs"), list));
  });
}

void Corrector::drop_rejects() {
  guarded([&] { server_.exec(fmt::format("DELETE FROM {}", table("rejects"))); });
}

bool Corrector::compact() {
  std::vector<std::string> tables = {table("rows"), table("rejects")};
  for (const Hook* hook : hooks_)
    for (const Period period : periods) tables.push_back(summary_table(prefix_, *hook, period));
  try {
    server_.reclaim(tables);
    return true;
  } catch (const ServerError&) {
    return false;
  }
}

std::string Corrector::draft_table(const Hook& hook, Period period) const {
  return "draft_" + summary_table(prefix_, hook, period);
}

void Corrector::draft(const std::vector<const Hook*>& hooks) {
  guarded([&] {
    for (const Hook* hook : hooks)
      for (const Period period : periods) {
        std::string sql = create_cells(draft_table(*hook, period), *hook, period, server_.dialect().words());
        server_.exec(sql.insert(sql.find("TABLE"), "TEMPORARY "));
      }
    drafted_ = hooks;
  });
}

void Corrector::add_to_draft(const Unit& unit) {
  guarded([&] {
    for (const Summary& summary : unit.summaries.get())
      for (const Period period : periods)
        server_.add_cells(draft_table(*summary.hook, period), *summary.hook, period,
                          stored_cells(unit.batch.texts, summary, period, seed_));
  });
}

// What is kept and sums otherwise, and what is summed and not kept.
void Corrector::compare(const Hook& hook, Period period, std::int64_t from, std::vector<Difference>& found) {
  const std::string kept = summary_table(prefix_, hook, period), summed = draft_table(hook, period);
  const std::string same =
      fmt::format("d.date = c.date AND d.{0} = c.{0}", hook.by_number() ? hook.column : std::string_view("hash"));
  const auto add = [&](const std::string& sql) {
    const auto answer = server_.query(sql);
    for (std::size_t row = 0; row < answer->size(); ++row)
      found.push_back({.hook = &hook,
                       .period = period,
                       .bucket = bucket_of(period, answer->text(row, 0)),
                       .key = std::string(answer->text(row, 1)),
                       .kept_hits = answer->number(row, 2),
                       .kept_transfer = answer->number(row, 3),
                       .hits = answer->number(row, 4),
                       .transfer = answer->number(row, 5)});
  };
  add(
      fmt::format("SELECT c.date, c.{0}, c.hits, c.transfer, coalesce(d.hits, 0), coalesce(d.transfer, 0) FROM {1} c "
                  "LEFT JOIN {2} d ON {3} WHERE (d.hits IS NULL OR d.hits <> c.hits OR d.transfer <> c.transfer){4}",
                  hook.column, kept, summed, same, from_on(" AND ", "c.date", period, from)));
  add(
      fmt::format("SELECT c.date, c.{0}, 0, 0, c.hits, c.transfer FROM {2} c LEFT JOIN {1} d ON {3} "
                  "WHERE d.hits IS NULL",
                  hook.column, kept, summed, same));
}

void Corrector::compare_draft(const Buckets& from, const std::function<void(const Difference&)>& differs) {
  guarded([&] {
    for (const Hook* hook : drafted_)
      for (const Period period : periods) {
        std::vector<Difference> found;
        compare(*hook, period, from[static_cast<std::size_t>(period)], found);
        std::sort(found.begin(), found.end(), [](const Difference& a, const Difference& b) {
          return std::tie(a.bucket, a.key) < std::tie(b.bucket, b.key);
        });
        for (const Difference& difference : found) differs(difference);
      }
  });
}

void Corrector::adopt_draft(const Buckets& from, const std::vector<const Hook*>& hooks) {
  guarded([&] {
    for (const Hook* hook : hooks)
      for (const Period period : periods) {
        const std::string kept = summary_table(prefix_, *hook, period);
        server_.exec(fmt::format("DELETE FROM {}{}", kept,
                                 from_on(" WHERE ", "date", period, from[static_cast<std::size_t>(period)])));
        server_.exec(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} ORDER BY {3}", kept, cell_columns(*hook),
                                 draft_table(*hook, period), cell_key(*hook)));
      }
  });
}

void Corrector::mark_pruned(const PruneMarks& marks) {
  guarded([&] { Ledger(server_, prefix_).set("pruned", text_of(marks)); });
}

std::uint64_t Corrector::prune(std::size_t most) {
  return guarded([&] {
    const PruneMarks marks = marks_of(Ledger(server_, prefix_).setting("pruned"));
    if (marks.rows != INT64_MIN)
      if (const std::uint64_t rows = prune_rows(marks.rows, most); rows != 0) return rows;
    std::uint64_t removed = 0;
    for (const Hook* hook : hooks_)
      for (const Period period : periods)
        if (const std::int64_t below = marks.cells[static_cast<std::size_t>(period)];
            below != INT64_MIN && removed < most)
          removed += prune_cells(summary_table(prefix_, *hook, period), date_of(period, below), most);
    return removed;
  });
}

std::uint64_t Corrector::prune_rows(std::int64_t below, std::size_t most) {
  const auto found =
      server_.query(fmt::format("SELECT id FROM {} WHERE datetime < {} ORDER BY datetime LIMIT {}", table("rows"),
                                server_.dialect().instant_of(fmt::format("{}", below)), most));
  std::vector<std::int64_t> ids;
  for (std::size_t row = 0; row < found->size(); ++row) ids.push_back(found->number(row, 0));
  delete_rows(ids);
  return ids.size();
}

// Whole buckets, the oldest first: as many as `most` cells are in, one at least.
std::uint64_t Corrector::prune_cells(const std::string& from, const std::string& below, std::size_t most) {
  const Value values[] = {below};
  const auto last = server_.query(
      fmt::format("SELECT date FROM {} WHERE date < ? ORDER BY date LIMIT 1 OFFSET {}", from, most), values);
  if (last->size() == 0) return server_.change(fmt::format("DELETE FROM {} WHERE date < ?", from), values);
  const Value until[] = {last->text(0, 0)};
  return server_.change(fmt::format("DELETE FROM {} WHERE date <= ?", from), until);
}

}  // namespace track_usage::sql
