#include "sinks/sqlite/correcting.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sinks/sqlite/guarded.h"
#include "sinks/sqlite/reading.h"
#include "sinks/sqlite/schema.h"
#include "sinks/sqlite/writing.h"

namespace track_usage::sqlite {
namespace {

std::string_view name_of(Period period) {
  return period_names[static_cast<std::size_t>(period)];
}

// The first bucket of a period, as the tables have it.
std::int64_t stored_bucket(Period period, const Buckets& from) {
  const std::int64_t bucket = from[static_cast<std::size_t>(period)];
  return period == Period::hour && bucket != INT64_MIN ? bucket / quarter : bucket;
}

}  // namespace

template <typename F>
auto Corrector::guarded(F&& f) -> decltype(f()) {
  return sqlite::guarded("change", path_, f);
}

void Corrector::begin() {
  guarded([&] {
    // What is taken out is overwritten, and not only marked as free.
    database_.exec("PRAGMA secure_delete=ON; BEGIN IMMEDIATE");
    begun_ = true;
  });
}

void Corrector::end(bool keep) {
  begun_ = false;
  guarded([&] { database_.exec(keep ? "COMMIT" : "ROLLBACK"); });
  if (!keep) dictionary_.forget();
}

void Corrector::remove(const RowQuery& query, const std::function<std::optional<Chosen>(const Batch&)>& choose) {
  guarded([&] {
    std::vector<std::int64_t> ids;
    std::map<std::int64_t, std::int64_t> erased;  // by source
    read_rows(database_, prefix_, query, [&](Batch& batch, const std::vector<RowPlace>& places) {
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
    std::sort(ids.begin(), ids.end());
    Statement remove_row(database_, "DELETE FROM " + prefix_ + "_data WHERE id = ?");
    for (const std::int64_t id : ids) remove_row.bind(1, id).run();
    Statement count(database_, "UPDATE " + prefix_ + "_inputs SET erased = erased + ? WHERE id = ?");
    for (const auto& [source, rows] : erased) count.bind(1, rows).bind(2, source).run();
    drop_empty_cells();
  });
}

void Corrector::locate(const RowQuery& query, const std::function<std::optional<Located>(const Batch&)>& choose) {
  guarded([&] {
    Statement update(database_, "UPDATE " + prefix_ + "_data SET country = ?, ip_info = ? WHERE id = ?");
    // Behind the place that is read, and no row changes its own: each is met once.
    read_rows(database_, prefix_, query, [&](Batch& batch, const std::vector<RowPlace>& places) {
      const auto located = choose(batch);
      if (!located) return true;
      add_sums(*located->before, -1);
      add_sums(*located->after, 1);  // its texts have been resolved last
      const Batch& now = located->after->batch;
      std::size_t row = 0;
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (located->rows[i] == 0) continue;
        int parameter = 0;
        for (const Column column : {Column::country, Column::ip_info}) {
          const TextId id = now.text(column, row);
          ++parameter;
          id == null_text ? update.bind_null(parameter) : update.bind(parameter, dictionary_.text(id));
        }
        update.bind(3, places[i].id).run();
        ++row;
      }
      return true;
    });
    drop_empty_cells();
  });
}

// Resolves the unit's texts, and adds its summaries to the cells.
void Corrector::add_sums(const Unit& unit, int sign) {
  dictionary_.resolve(unit.batch, hooks_, url_by_);
  for (const Summary& summary : unit.summaries.get())
    for (const Period period : periods)
      add_cells(database_, cells_table(prefix_, *summary.hook, period),
                stored_cells(dictionary_, summary, period, sign));
}

void Corrector::drop_empty_cells() {
  for (const Hook* hook : hooks_)
    for (const Period period : periods)
      database_.exec(fmt::format("DELETE FROM {} WHERE hits = 0", cells_table(prefix_, *hook, period)));
}

void Corrector::drop_sources(const std::vector<std::int64_t>& ids) {
  guarded([&] {
    const std::string list = fmt::format("({})", fmt::join(ids, ","));
    database_.exec(fmt::format("DELETE FROM {0}_owed WHERE unit IN (SELECT id FROM {0}_units WHERE source IN {1})",
                               prefix_, list));
    for (const char* table : {"rejects", "units"})
      database_.exec(fmt::format("DELETE FROM {}_{} WHERE source IN {}", prefix_, table, list));
    database_.exec(fmt::format("DELETE FROM {}_inputs WHERE id IN {}", prefix_, list));
  });
}

void Corrector::drop_rejects() {
  guarded([&] { database_.exec(fmt::format("DELETE FROM {}_rejects", prefix_)); });
}

void Corrector::sweep() {
  guarded([&] {
    const auto text = [&](std::string_view column, std::string_view table) {
      return fmt::format("INSERT OR IGNORE INTO temp.used SELECT {0} FROM {1}_{2} WHERE {0} IS NOT NULL;", column,
                         prefix_, table);
    };
    std::string sql = fmt::format(
        "CREATE TEMP TABLE used (id INTEGER PRIMARY KEY);"
        "DELETE FROM {0}_requests WHERE id NOT IN (SELECT request FROM {0}_data);"
        "DELETE FROM {0}_requests_by_hash WHERE id NOT IN (SELECT id FROM {0}_requests);"
        "DELETE FROM {0}_agents WHERE id NOT IN (SELECT agent FROM {0}_data WHERE agent IS NOT NULL);",
        prefix_);
    for (const std::string_view column : text_columns) sql += text(column, "data");
    sql += text("agent", "data");
    for (const char* column : {"url", "path"}) sql += text(column, "requests");
    for (const Hook* hook : hooks_)
      for (std::size_t p = 0; p < period_tables.size() && !hook->by_number(); ++p)
        sql += text("key", fmt::format("{}_{}_cells", hook->name, period_tables[p]));
    sql += fmt::format(
        "DELETE FROM {0}_texts WHERE id NOT IN (SELECT id FROM temp.used);"
        "DELETE FROM {0}_texts_by_hash WHERE id NOT IN (SELECT id FROM temp.used);"
        "DROP TABLE temp.used;",
        prefix_);
    database_.exec(sql);
    dictionary_.forget();
  });
}

bool Corrector::compact() {
  database_.set_patience(0);
  try {
    // secure_delete clears what is deleted, but not what moved while pages were
    // balanced: only a file written anew is free of it.
    database_.exec("VACUUM");
    return database_.number("PRAGMA wal_checkpoint(TRUNCATE)") == 0;
  } catch (const SqliteError&) {
    return false;  // no room for a second copy, or a reader
  }
}

std::string Corrector::draft_table(const Hook& hook, Period period) const {
  return "temp.draft_" + cells_table(prefix_, hook, period);
}

void Corrector::draft(const std::vector<const Hook*>& hooks) {
  guarded([&] {
    drafted_ = hooks;
    for (const Hook* hook : hooks)
      for (const Period period : periods) database_.exec(create_cells(draft_table(*hook, period), period));
  });
}

void Corrector::add_to_draft(const Unit& unit) {
  guarded([&] {
    dictionary_.resolve(unit.batch, drafted_, url_by_);
    for (const Summary& summary : unit.summaries.get())
      for (const Period period : periods)
        add_cells(database_, draft_table(*summary.hook, period), stored_cells(dictionary_, summary, period));
  });
}

void Corrector::compare_draft(const Buckets& from, const std::function<void(const Difference&)>& differs) {
  guarded([&] {
    for (const Hook* hook : drafted_)
      for (const Period period : periods) {
        const std::string kept = cells_table(prefix_, *hook, period), summed = draft_table(*hook, period);
        const std::string key =
            hook->by_number() ? "c.key" : fmt::format("(SELECT text FROM {}_texts WHERE id = c.key)", prefix_);
        // What is kept and sums otherwise, and what is summed and not kept.
        Statement s(
            database_,
            fmt::format("SELECT c.{0}, {1}, c.hits, c.transfer, coalesce(d.hits, 0), coalesce(d.transfer, 0)"
                        " FROM {2} c LEFT JOIN {3} d ON d.{0} = c.{0} AND d.key = c.key"
                        " WHERE (d.hits IS NOT c.hits OR d.transfer IS NOT c.transfer) AND c.{0} >= {4} UNION ALL "
                        "SELECT c.{0}, {1}, 0, 0, c.hits, c.transfer FROM {3} c LEFT JOIN {2} d"
                        " ON d.{0} = c.{0} AND d.key = c.key WHERE d.hits IS NULL ORDER BY 1, 2",
                        name_of(period), key, kept, summed, stored_bucket(period, from)));
        while (s.step()) {
          differs({.hook = hook,
                   .period = period,
                   .bucket = period == Period::hour ? s.number(0) * quarter : s.number(0),
                   .key = hook->by_number() ? fmt::format("{}", s.number(1)) : std::string(s.text(1)),
                   .kept_hits = s.number(2),
                   .kept_transfer = s.number(3),
                   .hits = s.number(4),
                   .transfer = s.number(5)});
        }
      }
  });
}

void Corrector::adopt_draft(const Buckets& from, const std::vector<const Hook*>& hooks) {
  guarded([&] {
    for (const Hook* hook : hooks)
      for (const Period period : periods) {
        const std::string kept = cells_table(prefix_, *hook, period);
        database_.exec(fmt::format("DELETE FROM {0} WHERE {2} >= {3}; INSERT INTO {0} SELECT * FROM {1} ORDER BY 1, 2",
                                   kept, draft_table(*hook, period), name_of(period), stored_bucket(period, from)));
      }
  });
}

void Corrector::mark_pruned(const PruneMarks& marks) {
  guarded([&] {
    Statement(database_, fmt::format("INSERT OR REPLACE INTO {}_settings VALUES ('pruned', ?)", prefix_))
        .bind(1, text_of(marks))
        .run();
  });
}

std::uint64_t Corrector::prune(std::size_t most) {
  return guarded([&] {
    const PruneMarks marks =
        marks_of(database_.text(fmt::format("SELECT value FROM {}_settings WHERE name = 'pruned'", prefix_)));
    std::uint64_t removed = 0;
    const auto remove_some = [&](const std::string& table, std::string_view key, std::string_view by,
                                 std::int64_t below) {
      if (removed >= most || below == INT64_MIN) return;
      database_.exec(
          fmt::format("DELETE FROM {0} WHERE ({1}) IN (SELECT {1} FROM {0} WHERE {2} < {3} ORDER BY {2} LIMIT {4})",
                      table, key, by, below, most - removed));
      removed += static_cast<std::uint64_t>(database_.number("SELECT changes()"));
    };
    remove_some(prefix_ + "_data", "id", "ts", marks.rows);
    for (const Hook* hook : hooks_)
      for (const Period period : periods)
        remove_some(cells_table(prefix_, *hook, period), fmt::format("{}, key", name_of(period)), name_of(period),
                    stored_bucket(period, marks.cells));
    return removed;
  });
}

}  // namespace track_usage::sqlite
