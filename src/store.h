// CONTRACT: a store keeps rows, summaries and the ledger of what it took, and
// gives them back. A unit is committed whole or not at all.
//
// One thread at a time calls a store. Everything throws Error (Exit::store)
// with the store's state as it was before the call.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <future>
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
  // Further options by their names, those that are not at their defaults: query,
  // visitor, anonymize-ip ...
  std::map<std::string, std::string, std::less<>> choices;
  std::string salt;      // of visitors' ids and hashed fields, hexadecimal; never shown
  std::string geo = {};  // RunRecord::geo of the last run that had one; not settled
  int schema = 0;        // of the tables, as the store made them; 0: it has none
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
  std::string heading;                                         // what # lines up to offset say (Heading)
  std::int64_t first_line = no_number;                         // time of the first readable line, microseconds
  std::int64_t first_date = no_number, last_date = no_number;  // of its rows, microseconds
  std::int64_t first_taken = 0, last_taken = 0;                // seconds since the epoch
  std::uint64_t read = 0, stored = 0, filtered = 0, rejected = 0, blank = 0;  // lines up to offset
  std::uint64_t erased = 0;  // of the stored lines: their rows were taken out again
};

struct Cell {
  std::int64_t bucket;  // hour: its first instant in seconds; day, month: first date in days since 1970-01-01
  TextId key;           // into the unit's texts, or the status
  std::uint32_t hits;
  std::int64_t transfer;
};

enum class Period : std::uint8_t { hour, day, month };
constexpr std::array<Period, 3> periods = {Period::hour, Period::day, Period::month};
constexpr std::array<std::string_view, 3> period_names = {"hour", "day", "month"};
constexpr std::array<std::string_view, 3> period_tables = {"hourly", "daily", "monthly"};

struct Summary {
  const Hook* hook;
  std::array<std::vector<Cell>, 3> cells;  // by Period; each (bucket, key) once, buckets ascending
};

// A byte range of one source that ends at a newline, with all that came of it.
struct Unit {
  Batch batch;  // rows, rejects (lines counted within the source) and counts
  // Of every hook that a store in this run keeps. They are summed beside
  // the commit: a store first does what it can without them.
  std::shared_future<std::vector<Summary>> summaries;
  std::uint64_t begin = 0, end = 0;
  std::uint64_t rejects_not_kept = 0;  // counted, but beyond what is kept
  std::uint64_t index = 0;             // of the input in the run
  // Offsets of lines that were rejected before and are read anew: the batch has
  // what became of them, and the source's counts change by the difference.
  std::vector<std::uint64_t> retried;
  SourceRecord source;  // marks, hash, hints and format as of `end`; not the sums
};

struct RunRecord {
  std::int64_t id = 0, begin = 0, end = 0;  // seconds since the epoch
  int exit = 0;
  std::uint64_t read = 0, stored = 0, filtered = 0, rejected = 0, blank = 0, already_taken = 0;
  std::string version, host, notices;
  std::string geo = {};  // where its addresses were looked up; empty: nowhere. Settings has it, and not runs()
};

// What was told of an agent's string when the store met it first; empty: null.
struct KnownAgent {
  std::string string, browser, language, platform, version, bot;
};

struct RejectRecord {
  std::int64_t source;
  std::string path;
  std::uint64_t line, offset;
  std::string reason, raw;
  std::int64_t seen;
};

// What a commit made of a unit, by the store's ids.
struct Committed {
  std::int64_t source, unit;
};

// Rows of a unit that a program is still to be given.
struct Owed {
  std::string hook;  // the command, as typed
  std::int64_t unit;
  std::uint64_t rows;  // that are there yet; 0: all of them were erased
};

struct RowQuery {
  std::int64_t since = INT64_MIN, until = INT64_MAX;  // microseconds; until is exclusive
  bool newest_first = true;                           // else as stored: unit by unit, each in the log's order
  std::vector<std::int64_t> sources;                  // rows of these alone; empty: of all
  std::vector<std::int64_t> units;                    // rows of these alone, as they were committed; empty: of all
  bool unlocated = false;                             // rows without a country alone
  std::size_t rows_a_batch = 8192;
};

struct SumQuery {
  Period period = Period::day;
  std::int64_t since = INT64_MIN, until = INT64_MAX;  // buckets, as in Cell; until is exclusive
  std::optional<std::string> key;
  std::uint64_t limit = 0, skip = 0;  // 0: no limit
  bool total = false;                 // one Sum a key over all buckets, in no order; their bucket is 0
};

struct Sum {
  std::int64_t bucket;
  std::string key;  // a status in decimal
  std::uint64_t hits;
  std::int64_t transfer;
};

// A cell that is not the sum of its rows; hits are 0 on the side that lacks it.
struct Difference {
  const Hook* hook;
  Period period;
  std::int64_t bucket;  // as in Cell
  std::string key;
  std::int64_t kept_hits, kept_transfer, hits, transfer;
};

// Cells of each period from these buckets on, as in Cell.
using Buckets = std::array<std::int64_t, 3>;
constexpr Buckets all_buckets = {INT64_MIN, INT64_MIN, INT64_MIN};

// What was pruned: rows before a time in microseconds, and each period's cells
// before a bucket. What is below may have come back with old logs, and is
// pruned the next time; above, every summary is the sum of the rows.
struct PruneMarks {
  std::int64_t rows = INT64_MIN;
  Buckets cells = all_buckets;
  bool operator==(const PruneMarks&) const = default;
};
std::string text_of(const PruneMarks& marks);  // as a store keeps them
PruneMarks marks_of(std::string_view text);    // none, if it is no such text
PruneMarks later(const PruneMarks& a, const PruneMarks& b);

// change: write, but only what is there.
enum class Access : std::uint8_t { read, write, change };

class Correctable;

class Store {
 public:
  virtual ~Store() = default;

  // write, change: alone; throws Exit::locked with the holder if another run
  // has it. write creates what is missing. read: without a lock.
  virtual void open(Access access) = 0;
  virtual bool created() const = 0;                    // by this open
  virtual std::string shown() const = 0;               // absolute, without secrets
  virtual std::vector<std::string> files() const = 0;  // never to be read as input
  // Of a store that was not opened: the SQL by which an administrator makes its
  // tables and gives rights to them. Empty: it has no tables.
  virtual std::string schema(const std::vector<const Hook*>& hooks) const {
    (void)hooks;
    return {};
  }
  // Bytes of log that it takes in one unit, at most; 0: any number.
  virtual std::uint64_t largest_unit() const { return 0; }

  virtual std::optional<Settings> settings() = 0;  // nothing: no run has settled them
  virtual void settle(const Settings& settings) = 0;
  // What this run writes; after settle() and before the first commit().
  virtual void use(const std::vector<const Hook*>& hooks, UrlBy url_by) = 0;

  virtual std::vector<SourceRecord> sources() = 0;
  // Those that it met last, at most so many.
  virtual std::vector<KnownAgent> agents(std::size_t most) {
    (void)most;
    return {};
  }
  // Rows, cells, rejects and the ledger entry, in one transaction. `id` is the
  // source's in this store, 0 for a new one.
  virtual Committed commit(const Unit& unit, std::int64_t id) = 0;

  // Programs that get rows (delivery.h). Before the first commit(): each commit
  // of rows from here on notes, in its transaction, that it owes them to `hooks`.
  virtual void owe(const std::vector<std::string>& hooks) = 0;
  // By hook, then by unit in the order of the commits.
  virtual std::vector<Owed> owed() = 0;
  // They were given, all or none of them noted.
  virtual void delivered(const std::string& hook, const std::vector<std::int64_t>& units) = 0;

  // Hints and filters of a source that had nothing new.
  virtual void touch(const SourceRecord& source) = 0;
  virtual void record(const RunRecord& run) = 0;
  virtual void close() = 0;                               // at the end of a run; readers then manage without us
  virtual Correctable* correctable() { return nullptr; }  // nothing: its past cannot be changed

  // In batches, which are the visitor's for the call, until it returns false.
  virtual void rows(const RowQuery& query, const std::function<bool(Batch&)>& visit) = 0;
  virtual PruneMarks pruned() { return {}; }
  // Newest bucket first, then most hits, then key; or totals.
  virtual std::vector<Sum> sums(const Hook& hook, const SumQuery& query) = 0;
  virtual std::vector<RejectRecord> rejects() = 0;
  virtual std::vector<RunRecord> runs() = 0;  // newest first
};

// What corrections (correction.h) need of a store besides. Opened to change;
// all calls between begin() and end() are one transaction, commit() included.
class Correctable {
 public:
  virtual ~Correctable() = default;

  virtual void begin() = 0;
  virtual void end(bool keep) = 0;  // false: all is as it was before begin()

  // Removes rows: `choose` marks those of a batch that are to go and returns
  // them with their summaries, whose sums are taken out of the cells; nothing
  // if all stay. Counts them as erased of their sources.
  struct Chosen {
    std::vector<std::uint8_t> rows;  // of the batch: 1 is removed; empty: all are
    const Unit* unit;
  };
  virtual void remove(const RowQuery& query, const std::function<std::optional<Chosen>(const Batch&)>& choose) = 0;
  // Writes `country` and `ip_info` of rows that are there: `choose` marks those
  // of a batch and returns them as they are and as they shall be; nothing if
  // all stay. Of the units' batches these two columns count alone. Their
  // summaries are taken out of the cells, and added to them.
  struct Located {
    std::vector<std::uint8_t> rows;  // of the batch: 1 is one of the units' rows, in their order
    const Unit *before, *after;
  };
  virtual void locate(const RowQuery& query, const std::function<std::optional<Located>(const Batch&)>& choose) = 0;
  // The ledger's entries of sources whose rows are gone, their rejects and what
  // is owed of them.
  virtual void drop_sources(const std::vector<std::int64_t>& ids) = 0;
  // The text of all rejected lines; they stay counted.
  virtual void drop_rejects() = 0;
  // Texts that nothing refers to any more leave the store.
  virtual void sweep() = 0;
  // After end(true): what was taken out leaves the store's files, not to be
  // restored. False: it could not yet, for a reader or for want of room.
  virtual bool compact() = 0;

  // A second set of sums, beside the cells that are kept.
  virtual void draft(const std::vector<const Hook*>& hooks) = 0;
  virtual void add_to_draft(const Unit& unit) = 0;
  // Calls `differs` for each cell from `from` on in which the draft is not what
  // is kept; puts the draft in the place of those that are kept.
  virtual void compare_draft(const Buckets& from, const std::function<void(const Difference&)>& differs) = 0;
  virtual void adopt_draft(const Buckets& from, const std::vector<const Hook*>& hooks) = 0;

  // Not within begin() and end(), each a transaction of its own: notes the
  // marks; then removes rows and cells below them, about `most` a call. Returns
  // how many: 0, all are gone.
  virtual void mark_pruned(const PruneMarks& marks) = 0;
  virtual std::uint64_t prune(std::size_t most) = 0;
};

}  // namespace track_usage
