#include "sinks/sqlite/writing.h"

#include <algorithm>
#include <ctime>
#include <future>
#include <utility>

#include <fmt/format.h>

#include "sinks/sqlite/schema.h"
#include "src/base/timestamp.h"

namespace track_usage::sqlite {
namespace {

constexpr std::int64_t rejects_of_source = 1000, reject_bytes = 10 << 20;

std::string_view bytes_of(const std::vector<std::uint64_t>& marks) {
  return {reinterpret_cast<const char*>(marks.data()), marks.size() * sizeof(std::uint64_t)};
}

}  // namespace

std::vector<StoredCell> stored_cells(const Dictionary& dictionary, const Summary& summary, Period period, int sign) {
  const std::vector<Cell>& cells = summary.cells[static_cast<std::size_t>(period)];
  const bool by_number = summary.hook->by_number();
  std::vector<StoredCell> out;
  out.reserve(cells.size());
  for (const Cell& c : cells) {
    std::int64_t key = c.key;
    if (!by_number) key = c.key == null_text ? dictionary.dash() : dictionary.text(c.key);
    out.push_back(
        {period == Period::hour ? c.bucket / quarter : c.bucket, key, sign * std::int64_t{c.hits}, sign * c.transfer});
  }
  for (auto begin = out.begin(); begin != out.end();) {  // of a bucket; they ascend already
    const auto end = std::find_if(begin, out.end(), [&](const StoredCell& c) { return c.bucket != begin->bucket; });
    std::sort(begin, end, [](const StoredCell& a, const StoredCell& b) { return a.key < b.key; });
    begin = end;
  }
  return out;
}

// Sorted upserts go through the tree from left to right: several times faster
// than in the order of the log.
void add_cells(Database& database, const std::string& table, const std::vector<StoredCell>& cells) {
  BulkInsert& insert = database.bulk_insert(
      table, 4, "ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, transfer = transfer + excluded.transfer");
  insert.begin();
  for (const StoredCell& c : cells) {
    insert.add(c.bucket);
    insert.add(c.key);
    insert.add(c.hits);
    insert.add(c.transfer);
    insert.end_row();
  }
  insert.end();
}

Committed UnitWriter::write(const Unit& unit, std::int64_t source, const std::vector<const Hook*>& hooks, UrlBy by,
                            const std::vector<std::string>& owe) {
  dictionary_.resolve(unit.batch, hooks, by);
  // Cells are put in order beside the writing of what comes before them.
  struct Table {
    const Summary* summary;
    Period period;
  };
  std::vector<Table> tables;
  std::size_t next = 0;
  std::future<std::vector<StoredCell>> ordered;
  const auto order_next = [&] {
    if (next == tables.size()) return;
    ordered = std::async(std::launch::async,
                         [this, t = tables[next++]] { return stored_cells(dictionary_, *t.summary, t.period); });
  };
  for (const Summary& summary : unit.summaries.get())
    if (std::find(hooks.begin(), hooks.end(), summary.hook) != hooks.end())
      for (const Period period : periods) tables.push_back({&summary, period});
  order_next();

  insert_buckets(unit);
  source = keep_source(unit, source);
  const std::int64_t id = keep_unit(unit, source);
  if (unit.batch.size() != 0)
    for (const std::string& command : owe)
      database_.statement("INSERT INTO " + prefix_ + "_owed VALUES (?, ?)").bind(1, id).bind(2, command).run();
  insert_rows(unit, source);
  for (const Table& table : tables) {
    const std::vector<StoredCell> cells = ordered.get();
    order_next();
    add_cells(database_, cells_table(prefix_, *table.summary->hook, table.period), cells);
  }
  settle_rejects(unit, source);
  keep_rejects(unit, source);
  return {.source = source, .unit = id};
}

void UnitWriter::insert_buckets(const Unit& unit) {
  Statement& hour = database_.statement("INSERT OR IGNORE INTO " + prefix_ + "_hours VALUES (?, ?, ?)");
  Statement& day = database_.statement("INSERT OR IGNORE INTO " + prefix_ + "_days VALUES (?, ?, ?)");
  Statement& month = database_.statement("INSERT OR IGNORE INTO " + prefix_ + "_months VALUES (?, ?)");
  for (const Hour& h : unit.batch.hours) {
    const std::int64_t first = month_begin(h.day);
    const std::string hour_text = sql_time(h.start * 1'000'000), day_text = iso_date(h.day),
                      month_text = iso_date(first);
    hour.bind(1, h.start / quarter).bind(2, hour_text).bind(3, h.day).run();
    day.bind(1, h.day).bind(2, day_text).bind(3, first).run();
    month.bind(1, first).bind(2, month_text).run();
  }
}

std::int64_t UnitWriter::keep_source(const Unit& unit, std::int64_t id) {
  const SourceRecord& s = unit.source;
  const Counts& c = unit.batch.counts;
  const std::int64_t now = ::time(nullptr);
  const auto [low, high] = std::minmax_element(unit.batch.time.begin(), unit.batch.time.end());
  const bool rows = unit.batch.size() != 0;
  if (id == 0) {
    database_
        .statement("INSERT INTO " + prefix_ +
                   "_inputs (name, marks, end_offset, end_hash, first_taken, read, stored, filtered, "
                   "rejected, blank) VALUES (?, '', 0, 0, ?, 0, 0, 0, 0, 0)")
        .bind(1, s.name)
        .bind(2, now)
        .run();
    id = database_.number("SELECT last_insert_rowid()");
  }
  Statement& update = database_.statement(
      "UPDATE " + prefix_ +
      "_inputs SET host = ?1, path = ?2, format = CASE WHEN ?3 = '' THEN format ELSE ?3 END, filters = ?4, device "
      "= ?5, inode = ?6, size = ?7,"
      " mtime_ns = ?8, ctime_ns = ?9, seen_ns = ?10, finished = ?11, marks = ?12, end_offset = ?13, end_hash = ?14,"
      " first_line = coalesce(first_line, ?15), first_ts = min(coalesce(first_ts, ?16), coalesce(?16, first_ts)),"
      " last_ts = max(coalesce(last_ts, ?17), coalesce(?17, last_ts)), last_taken = ?18,"
      " read = read + ?19, stored = stored + ?20, filtered = filtered + ?21, rejected = rejected + ?22, blank = "
      "blank + ?23, heading = ?24 WHERE id = ?25");
  const auto retried = static_cast<std::int64_t>(unit.retried.size());
  const auto read = static_cast<std::int64_t>(c.read()) - retried;
  const auto rejected = static_cast<std::int64_t>(c.rejected()) - retried;
  update.bind(1, s.host)
      .bind(2, s.path)
      .bind(3, s.format)
      .bind(4, s.filters)
      .bind(5, static_cast<std::int64_t>(s.device))
      .bind(6, static_cast<std::int64_t>(s.inode))
      .bind(7, static_cast<std::int64_t>(s.size))
      .bind(8, s.mtime_ns)
      .bind(9, s.ctime_ns)
      .bind(10, s.seen_ns)
      .bind(11, s.finished)
      .bind_blob(12, bytes_of(s.marks))
      .bind(13, static_cast<std::int64_t>(unit.end))
      .bind(14, static_cast<std::int64_t>(s.end_hash));
  s.first_line == no_number ? update.bind_null(15) : update.bind(15, s.first_line);
  rows ? update.bind(16, *low).bind(17, *high) : update.bind_null(16).bind_null(17);
  update.bind(18, now)
      .bind(19, read)
      .bind(20, static_cast<std::int64_t>(c.stored))
      .bind(21, static_cast<std::int64_t>(c.filtered()))
      .bind(22, rejected)
      .bind(23, static_cast<std::int64_t>(c.blank))
      .bind(24, s.heading)
      .bind(25, id)
      .run();
  return id;
}

std::int64_t UnitWriter::keep_unit(const Unit& unit, std::int64_t source) {
  const Counts& c = unit.batch.counts;
  const auto [low, high] = std::minmax_element(unit.batch.time.begin(), unit.batch.time.end());
  const bool rows = unit.batch.size() != 0;
  const auto retried = static_cast<std::int64_t>(unit.retried.size());
  const std::int64_t last_row = database_.number("SELECT max(id) FROM " + prefix_ + "_data");
  Statement& insert = database_.statement(
      "INSERT INTO " + prefix_ +
      "_units (source, begin_offset, end_offset, first_row, last_row, first_ts, last_ts, read, stored, "
      "filtered, rejected, blank, filters, run, taken) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind(1, source).bind(2, static_cast<std::int64_t>(unit.begin)).bind(3, static_cast<std::int64_t>(unit.end));
  rows ? insert.bind(4, last_row + 1)
             .bind(5, last_row + static_cast<std::int64_t>(unit.batch.size()))
             .bind(6, *low)
             .bind(7, *high)
       : insert.bind_null(4).bind_null(5).bind_null(6).bind_null(7);
  insert.bind(8, static_cast<std::int64_t>(c.read()) - retried)
      .bind(9, static_cast<std::int64_t>(c.stored))
      .bind(10, static_cast<std::int64_t>(c.filtered()))
      .bind(11, static_cast<std::int64_t>(c.rejected()) - retried)
      .bind(12, static_cast<std::int64_t>(c.blank))
      .bind(13, unit.source.filters)
      .bind(14, run_)
      .bind(15, std::int64_t{::time(nullptr)})
      .run();
  return database_.number("SELECT last_insert_rowid()");
}

void UnitWriter::insert_rows(const Unit& unit, std::int64_t source) {
  const Batch& b = unit.batch;
  if (b.size() == 0) return;
  // Columns that are null throughout are left out: most logs have but a few.
  std::vector<const std::vector<TextId>*> own;
  std::string names = "ts, hour, source, source_offset, request, agent, status, content_length, micros, flags";
  for (std::size_t column = 0; column < stored_columns; ++column) {
    if (b.own[column].empty()) continue;
    own.push_back(&b.own[column]);
    names.append(", ").append(text_columns[column]);
  }
  BulkInsert& insert =
      database_.bulk_insert(fmt::format("{}_data ({})", prefix_, names), 10 + static_cast<int>(own.size()));
  const auto number = [&](std::int64_t value, bool null) { null ? insert.add_null() : insert.add(value); };
  insert.begin();
  for (std::size_t i = 0; i < b.size(); ++i) {
    insert.add(b.time[i]);
    insert.add(b.hours[b.hour[i]].start / quarter);
    insert.add(source);
    insert.add(static_cast<std::int64_t>(b.offset[i]));
    insert.add(dictionary_.request(b.request[i]));
    number(b.agent[i] == 0 ? 0 : dictionary_.text(b.agents[b.agent[i]].string), b.agent[i] == 0);
    number(b.status[i], b.status[i] == no_status);
    number(b.bytes[i], b.bytes[i] == no_number);
    number(b.micros[i], b.micros[i] == no_number);
    insert.add(b.flags[i]);
    for (const auto* ids : own) number(dictionary_.text((*ids)[i]), (*ids)[i] == null_text);
    insert.end_row();
  }
  insert.end();
}

// Lines that were rejected and are read anew.
void UnitWriter::settle_rejects(const Unit& unit, std::int64_t source) {
  Statement& remove = database_.statement("DELETE FROM " + prefix_ + "_rejects WHERE source = ? AND source_offset = ?");
  for (const std::uint64_t offset : unit.retried)
    remove.bind(1, source).bind(2, static_cast<std::int64_t>(offset)).run();
}

// At most so many of a source and so many bytes in all; what is beyond is
// counted in P_sources and not kept.
void UnitWriter::keep_rejects(const Unit& unit, std::int64_t source) {
  if (unit.batch.rejects.empty()) return;
  std::int64_t left = rejects_of_source - database_.number(fmt::format(
                                              "SELECT count(*) FROM {}_rejects WHERE source = {}", prefix_, source));
  std::int64_t bytes = reject_bytes - database_.number(fmt::format("SELECT sum(length(raw)) FROM {}_rejects", prefix_));
  Statement& insert = database_.statement("INSERT OR REPLACE INTO " + prefix_ + "_rejects VALUES (?,?,?,?,?,?)");
  const std::int64_t now = ::time(nullptr);
  for (const RejectedLine& r : unit.batch.rejects) {
    bytes -= static_cast<std::int64_t>(r.raw.size());
    if (--left < 0 || bytes < 0) return;
    insert.bind(1, source)
        .bind(2, static_cast<std::int64_t>(r.offset))
        .bind(3, static_cast<std::int64_t>(r.line))
        .bind(4, reject_names[static_cast<std::size_t>(r.reason)])
        .bind_blob(5, r.raw)
        .bind(6, now)
        .run();
  }
}

}  // namespace track_usage::sqlite
