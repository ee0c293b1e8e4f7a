#include "sinks/sql/ledger.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "src/base/text.h"

namespace track_usage::sql {
namespace {

constexpr std::int64_t rejects_of_source = 1000, reject_bytes = 10 << 20;
constexpr std::int64_t kept_runs = 1000;

std::int64_t signed_of(std::uint64_t n) {
  return static_cast<std::int64_t>(n);
}

std::uint64_t unsigned_of(std::int64_t n) {
  return static_cast<std::uint64_t>(n);
}

std::string_view bytes_of(const std::vector<std::uint64_t>& marks) {
  return {reinterpret_cast<const char*>(marks.data()), marks.size() * sizeof(std::uint64_t)};
}

// First and last time of a unit's rows; no_number: it has none.
std::pair<std::int64_t, std::int64_t> times_of(const Batch& batch) {
  if (batch.size() == 0) return {no_number, no_number};
  const auto [low, high] = std::minmax_element(batch.time.begin(), batch.time.end());
  return {*low, *high};
}

// What a unit adds to the sums of its source: lines that are read anew were
// read, and rejected, before.
struct Sums {
  explicit Sums(const Unit& unit) {
    const Counts& c = unit.batch.counts;
    const auto retried = static_cast<std::int64_t>(unit.retried.size());
    read = signed_of(c.read()) - retried;
    stored = signed_of(c.stored);
    filtered = signed_of(c.filtered());
    rejected = signed_of(c.rejected()) - retried;
    blank = signed_of(c.blank);
  }
  std::int64_t read, stored, filtered, rejected, blank;
};

}  // namespace

std::string Ledger::setting(std::string_view name) {
  const Value values[] = {name};
  const auto found = server_.query(fmt::format("SELECT value FROM {} WHERE name = ?", table("settings")), values);
  return found->size() == 0 ? std::string() : std::string(found->text(0, 0));
}

void Ledger::set(std::string_view name, std::string_view value) {
  const Value values[] = {value, name};
  if (server_.change(fmt::format("UPDATE {} SET value = ? WHERE name = ?", table("settings")), values) == 0)
    server_.change(fmt::format("INSERT INTO {} (value, name) VALUES (?, ?)", table("settings")), values);
}

std::string Ledger::salt() {
  const auto found = server_.query(fmt::format("SELECT value FROM {} WHERE name = 'salt'", table("secrets")));
  return found->size() == 0 ? std::string() : std::string(found->text(0, 0));
}

void Ledger::set_salt(std::string_view salt) {
  const Value values[] = {salt};
  server_.change(fmt::format("DELETE FROM {} WHERE name = 'salt'", table("secrets")));
  server_.change(fmt::format("INSERT INTO {} (name, value) VALUES ('salt', ?)", table("secrets")), values);
}

std::vector<std::pair<std::string, std::string>> Ledger::choices() {
  const auto found =
      server_.query(fmt::format("SELECT substr(name, 8), value FROM {} WHERE name LIKE 'choice:%'", table("settings")));
  std::vector<std::pair<std::string, std::string>> choices;
  for (std::size_t row = 0; row < found->size(); ++row) choices.emplace_back(found->text(row, 0), found->text(row, 1));
  return choices;
}

std::vector<SourceRecord> Ledger::sources(std::int64_t after) {
  const Value values[] = {after};
  const auto found = server_.query(
      fmt::format(
          "SELECT id, host, path, name, format, filters, device, inode, size, mtime_ns, ctime_ns, seen_ns, "
          "finished, marks, end_offset, end_hash, first_line, first_ts, last_ts, first_taken, last_taken, "
          "lines_read, lines_stored, filtered, rejected, blank, erased, heading FROM {} WHERE id > ? ORDER BY id",
          table("inputs")),
      values);
  std::vector<SourceRecord> out;
  for (std::size_t row = 0; row < found->size(); ++row) {
    const auto text = [&](int column) { return std::string(found->text(row, column)); };
    const auto number = [&](int column) { return found->number(row, column); };
    const auto optional = [&](int column) { return found->null(row, column) ? no_number : number(column); };
    const auto count = [&](int column) { return unsigned_of(number(column)); };
    SourceRecord r;
    r.id = number(0);
    r.host = text(1);
    r.path = text(2);
    r.name = text(3);
    r.format = text(4);
    r.filters = text(5);
    r.device = count(6);
    r.inode = count(7);
    r.size = count(8);
    r.mtime_ns = number(9);
    r.ctime_ns = number(10);
    r.seen_ns = number(11);
    r.finished = number(12) != 0;
    const std::string marks = found->blob(row, 13);
    r.marks.resize(marks.size() / sizeof(std::uint64_t));
    if (!marks.empty()) std::memcpy(r.marks.data(), marks.data(), r.marks.size() * sizeof(std::uint64_t));
    r.offset = count(14);
    r.end_hash = count(15);
    r.first_line = optional(16);
    r.first_date = optional(17);
    r.last_date = optional(18);
    r.first_taken = number(19);
    r.last_taken = number(20);
    r.read = count(21);
    r.stored = count(22);
    r.filtered = count(23);
    r.rejected = count(24);
    r.blank = count(25);
    r.erased = count(26);
    r.heading = found->null(row, 27) ? std::string() : found->blob(row, 27);
    out.push_back(std::move(r));
  }
  return out;
}

std::int64_t Ledger::advance(const Unit& unit, std::int64_t id, std::uint64_t before) {
  const SourceRecord& s = unit.source;
  const std::int64_t now = ::time(nullptr);
  if (id == 0) {
    const Value values[] = {visible(s.name), Value::blob(""), now};
    id = server_.insert(
        fmt::format("INSERT INTO {} (name, marks, end_offset, end_hash, first_taken, lines_read, lines_stored, "
                    "filtered, rejected, blank, erased) VALUES (?, ?, 0, 0, ?, 0, 0, 0, 0, 0, 0)",
                    table("inputs")),
        values);
    before = 0;
  }
  const auto [low, high] = times_of(unit.batch);
  const Sums sums(unit);
  const Value values[] = {visible(s.host),
                          visible(s.path),
                          visible(s.filters),
                          signed_of(s.device),
                          signed_of(s.inode),
                          signed_of(s.size),
                          s.mtime_ns,
                          s.ctime_ns,
                          s.seen_ns,
                          std::int64_t{s.finished},
                          Value::blob(bytes_of(s.marks)),
                          signed_of(unit.end),
                          signed_of(s.end_hash),
                          Value::unless(no_number, s.first_line),
                          Value::unless(no_number, low),
                          Value::unless(no_number, low),
                          Value::unless(no_number, high),
                          Value::unless(no_number, high),
                          now,
                          sums.read,
                          sums.stored,
                          sums.filtered,
                          sums.rejected,
                          sums.blank,
                          Value::blob(s.heading),
                          id,
                          signed_of(before)};
  if (server_.change(
          fmt::format(
              "UPDATE {} SET host = ?, path = ?, filters = ?, device = ?, inode = ?, size = ?, mtime_ns = ?, "
              "ctime_ns = ?, seen_ns = ?, finished = ?, marks = ?, end_offset = ?, end_hash = ?, "
              "first_line = coalesce(first_line, ?), first_ts = least(coalesce(first_ts, ?), coalesce(?, first_ts)), "
              "last_ts = greatest(coalesce(last_ts, ?), coalesce(?, last_ts)), last_taken = ?, "
              "lines_read = lines_read + ?, lines_stored = lines_stored + ?, filtered = filtered + ?, "
              "rejected = rejected + ?, blank = blank + ?, heading = ? WHERE id = ? AND end_offset = ?",
              table("inputs")),
          values) == 0)
    return 0;
  if (!s.format.empty()) {
    const Value named[] = {visible(s.format), id};
    server_.change(fmt::format("UPDATE {} SET format = ? WHERE id = ?", table("inputs")), named);
  }
  return id;
}

std::int64_t Ledger::add_unit(const Unit& unit, std::int64_t source, std::int64_t run) {
  const auto [low, high] = times_of(unit.batch);
  const Sums sums(unit);
  const Value values[] = {source,
                          signed_of(unit.begin),
                          signed_of(unit.end),
                          Value::unless(no_number, low),
                          Value::unless(no_number, high),
                          sums.read,
                          sums.stored,
                          sums.filtered,
                          sums.rejected,
                          sums.blank,
                          visible(unit.source.filters),
                          run,
                          std::int64_t{::time(nullptr)}};
  return server_.insert(fmt::format("INSERT INTO {} (source, begin_offset, end_offset, first_ts, last_ts, lines_read, "
                                    "lines_stored, filtered, rejected, blank, filters, run, taken) VALUES "
                                    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                    table("units")),
                        values);
}

void Ledger::owe(std::int64_t unit, const std::vector<std::string>& hooks) {
  for (const std::string& hook : hooks) {
    const Value values[] = {unit, hook};
    server_.change(fmt::format("INSERT INTO {} (unit, hook) VALUES (?, ?)", table("owed")), values);
  }
}

std::vector<Owed> Ledger::owed() {
  // Rows are counted only where some of their log's were erased.
  const auto found = server_.query(fmt::format(
      "SELECT o.hook, o.unit, CASE WHEN i.erased = 0 THEN u.lines_stored ELSE (SELECT count(*) FROM {} r WHERE "
      "r.unit = u.id AND r.datetime >= {} AND r.datetime <= {}) END FROM {} o JOIN {} u ON u.id = o.unit "
      "JOIN {} i ON i.id = u.source ORDER BY o.hook, o.unit",
      table("rows"), server_.dialect().instant_of("u.first_ts"), server_.dialect().instant_of("u.last_ts"),
      table("owed"), table("units"), table("inputs")));
  std::vector<Owed> out;
  for (std::size_t row = 0; row < found->size(); ++row)
    out.push_back({std::string(found->text(row, 0)), found->number(row, 1), unsigned_of(found->number(row, 2))});
  return out;
}

void Ledger::settle_owed(const std::string& hook, const std::vector<std::int64_t>& units) {
  for (const std::int64_t unit : units) {
    const Value values[] = {unit, hook};
    server_.change(fmt::format("DELETE FROM {} WHERE unit = ? AND hook = ?", table("owed")), values);
  }
}

void Ledger::touch(const SourceRecord& s) {
  const Value values[] = {s.host,     s.path,     signed_of(s.device), signed_of(s.inode),       signed_of(s.size),
                          s.mtime_ns, s.ctime_ns, s.seen_ns,           std::int64_t{s.finished}, s.filters,
                          s.id};
  server_.change(
      fmt::format("UPDATE {} SET host = ?, path = ?, device = ?, inode = ?, size = ?, mtime_ns = ?, ctime_ns = "
                  "?, seen_ns = ?, finished = ?, filters = ? WHERE id = ?",
                  table("inputs")),
      values);
}

std::int64_t Ledger::begin_run() {
  const std::int64_t now = ::time(nullptr);
  const Value values[] = {now, now};
  return server_.insert(fmt::format("INSERT INTO {} (begun, ended, exit_code) VALUES (?, ?, -1)", table("runs")),
                        values);
}

void Ledger::end_run(std::int64_t id, const RunRecord& run) {
  const Value values[] = {run.begin,
                          run.end,
                          std::int64_t{run.exit},
                          signed_of(run.read),
                          signed_of(run.stored),
                          signed_of(run.filtered),
                          signed_of(run.rejected),
                          signed_of(run.blank),
                          signed_of(run.already_taken),
                          run.version,
                          run.host,
                          run.notices,
                          id};
  server_.change(
      fmt::format("UPDATE {} SET begun = ?, ended = ?, exit_code = ?, lines_read = ?, lines_stored = ?, filtered = ?, "
                  "rejected = ?, blank = ?, already_taken = ?, version = ?, host = ?, notices = ? WHERE id = ?",
                  table("runs")),
      values);
  const Value oldest[] = {id - kept_runs};
  server_.change(fmt::format("DELETE FROM {} WHERE id <= ?", table("runs")), oldest);
}

std::vector<RunRecord> Ledger::runs() {
  const auto found = server_.query(fmt::format(
      "SELECT id, begun, ended, exit_code, lines_read, lines_stored, filtered, rejected, blank, already_taken, "
      "version, host, notices FROM {} WHERE version IS NOT NULL ORDER BY id DESC",
      table("runs")));
  std::vector<RunRecord> out;
  for (std::size_t row = 0; row < found->size(); ++row) {
    const auto count = [&](int column) { return unsigned_of(found->number(row, column)); };
    const auto text = [&](int column) { return std::string(found->text(row, column)); };
    out.push_back({found->number(row, 0), found->number(row, 1), found->number(row, 2),
                   static_cast<int>(found->number(row, 3)), count(4), count(5), count(6), count(7), count(8), count(9),
                   text(10), text(11), text(12)});
  }
  return out;
}

// Lines that are read anew leave; those that were rejected come, as far as
// there is room.
void Ledger::settle_rejects(const Unit& unit, std::int64_t source) {
  for (const std::uint64_t offset : unit.retried) {
    const Value values[] = {source, signed_of(offset)};
    server_.change(fmt::format("DELETE FROM {} WHERE source = ? AND source_offset = ?", table("rejects")), values);
  }
  if (unit.batch.rejects.empty()) return;
  const Value of_source[] = {source};
  std::int64_t left =
      rejects_of_source -
      server_.number(fmt::format("SELECT count(*) FROM {} WHERE source = ?", table("rejects")), of_source);
  std::int64_t bytes = reject_bytes - server_.number(fmt::format("SELECT CAST(sum(length(raw)) AS {}) FROM {}",
                                                                 server_.dialect().words().whole, table("rejects")));
  const std::int64_t now = ::time(nullptr);
  for (const RejectedLine& r : unit.batch.rejects) {
    bytes -= std::ssize(r.raw);
    if (--left < 0 || bytes < 0) return;
    const Value values[] = {source,
                            signed_of(r.offset),
                            signed_of(r.line),
                            reject_names[static_cast<std::size_t>(r.reason)],
                            Value::blob(r.raw),
                            now};
    server_.change(
        fmt::format("INSERT INTO {} (source, source_offset, line, reason, raw, seen) VALUES (?, ?, ?, ?, ?, ?)",
                    table("rejects")),
        values);
  }
}

std::vector<RejectRecord> Ledger::rejects() {
  const auto found = server_.query(
      fmt::format("SELECT r.source, i.path, r.line, r.source_offset, r.reason, r.raw, r.seen FROM {} r JOIN {} i "
                  "ON i.id = r.source ORDER BY r.source, r.source_offset",
                  table("rejects"), table("inputs")));
  std::vector<RejectRecord> out;
  for (std::size_t row = 0; row < found->size(); ++row)
    out.push_back({found->number(row, 0), std::string(found->text(row, 1)), unsigned_of(found->number(row, 2)),
                   unsigned_of(found->number(row, 3)), std::string(found->text(row, 4)), found->blob(row, 5),
                   found->number(row, 6)});
  return out;
}

}  // namespace track_usage::sql
