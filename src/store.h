// CONTRACT: a store keeps rows, summaries and the ledger of what it took, and
// gives them back. A unit is committed whole or not at all.
//
// One thread at a time calls a store. Everything throws Error (Exit::store)
// with the store's state as it was before the call.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/hook.h"
#include "src/row.h"
#include "src/sink.h"

namespace track_usage {

// What a store settles at its first run and keeps.
struct Settings {
  std::vector<std::string> hooks;  // names, in table order
  std::string zone = "UTC";        // of days and months
  UrlBy url_by = UrlBy::path;
  int schema = 0;  // of the tables, as the store made them; 0: it has none
};

// What is known of a log: its content by cumulative hashes, how far it was
// taken, and hints where it was last seen.
struct SourceRecord {
  std::int64_t id = 0;                                   // the store's; 0: not stored yet
  std::string path, host;                                // where it was last seen
  std::string name;                                      // --source; empty: known by content alone
  std::uint64_t device = 0, inode = 0, size = 0;         // of the file, compressed or not
  std::int64_t mtime_ns = 0, ctime_ns = 0, seen_ns = 0;  // seen: when the hints were taken
  bool finished = false;                                 // the file was taken to its end when seen
  std::vector<std::uint64_t> marks;                      // hash at each mark that the content has reached
  std::uint64_t offset = 0;                              // bytes taken
  std::uint64_t end_hash = 0;                            // hash at offset
  std::string format, filters;
  std::int64_t first_line = no_number;                         // time of the first readable line, microseconds
  std::int64_t first_date = no_number, last_date = no_number;  // of its rows, microseconds
  std::int64_t first_taken = 0, last_taken = 0;                // seconds since the epoch
  std::uint64_t read = 0, stored = 0, filtered = 0, rejected = 0, blank = 0;  // lines up to offset
};

struct Cell {
  std::int64_t bucket;  // hour: its first instant in seconds; day, month: first date in days since 1970-01-01
  TextId key;           // into the unit's texts, or the status
  std::uint32_t hits;
  std::int64_t transfer;
};

enum class Period : std::uint8_t { hour, day, month };
constexpr std::array<std::string_view, 3> period_names = {"hour", "day", "month"};
constexpr std::array<std::string_view, 3> period_tables = {"hourly", "daily", "monthly"};

struct Summary {
  const Hook* hook;
  std::array<std::vector<Cell>, 3> cells;  // by Period; each (bucket, key) once, buckets ascending
};

// A byte range of one source that ends at a newline, with all that came of it.
struct Unit {
  Batch batch;                     // rows, rejects (lines counted within the source) and counts
  std::vector<Summary> summaries;  // of every hook that a store in this run keeps
  std::uint64_t begin = 0, end = 0;
  std::uint64_t rejects_not_kept = 0;  // counted, but beyond what is kept
  std::uint64_t index = 0;             // of the input in the run
  SourceRecord source;                 // marks, hash, hints and format as of `end`; not the sums
};

struct RunRecord {
  std::int64_t id = 0, begin = 0, end = 0;  // seconds since the epoch
  int exit = 0;
  std::uint64_t read = 0, stored = 0, filtered = 0, rejected = 0, blank = 0, already_taken = 0;
  std::string version, host, notices;
};

struct RejectRecord {
  std::string path;
  std::uint64_t line, offset;
  std::string reason, raw;
  std::int64_t seen;
};

struct RowQuery {
  std::int64_t since = INT64_MIN, until = INT64_MAX;  // microseconds; until is exclusive
  bool newest_first = true;
  bool sources = false;  // offsets too
};

struct SumQuery {
  Period period = Period::day;
  std::int64_t since = INT64_MIN, until = INT64_MAX;  // buckets, as in Cell; until is exclusive
  std::optional<std::string> key;
  std::uint64_t limit = 0, skip = 0;  // 0: no limit
  bool total = false;                 // one Sum a key over all buckets, most hits first
};

struct Sum {
  std::int64_t bucket;
  std::string key;  // a status in decimal
  std::uint64_t hits;
  std::int64_t transfer;
};

enum class Access : std::uint8_t { read, write };

class Store {
 public:
  virtual ~Store() = default;

  // write: alone, creating what is missing; throws Exit::locked with the
  // holder if another run has it. read: whatever is there, without a lock.
  virtual void open(Access access) = 0;
  virtual bool created() const = 0;                    // by this open
  virtual std::string shown() const = 0;               // absolute, without secrets
  virtual std::vector<std::string> files() const = 0;  // never to be read as input

  virtual std::optional<Settings> settings() = 0;  // nothing: no run has settled them
  virtual void settle(const Settings& settings) = 0;
  // What this run writes; after settle() and before the first commit().
  virtual void use(const std::vector<const Hook*>& hooks, UrlBy url_by) = 0;

  virtual std::vector<SourceRecord> sources() = 0;
  // Rows, cells, rejects and the ledger entry, in one transaction. `id` is the
  // source's in this store, 0 for a new one; returns it.
  virtual std::int64_t commit(const Unit& unit, std::int64_t id) = 0;
  // Hints and name of a source that had nothing new.
  virtual void touch(const SourceRecord& source) = 0;
  virtual void record(const RunRecord& run) = 0;
  virtual void close() = 0;  // at the end of a run; readers then manage without us

  // In batches, until `visit` returns false.
  virtual void rows(const RowQuery& query, const std::function<bool(const Batch&)>& visit) = 0;
  // Newest bucket first, then hits, then key; or totals.
  virtual std::vector<Sum> sums(const Hook& hook, const SumQuery& query) = 0;
  virtual std::vector<RejectRecord> rejects() = 0;
  virtual std::vector<RunRecord> runs() = 0;  // newest first
};

}  // namespace track_usage
