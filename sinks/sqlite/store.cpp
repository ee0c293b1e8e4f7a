// sqlite: the embedded store. One file, one writer (a lock beside the file),
// any number of readers; a unit is one transaction.
#include "src/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "sinks/sqlite/dictionary.h"
#include "sinks/sqlite/reading.h"
#include "sinks/sqlite/schema.h"
#include "src/base/sqlite.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

using sqlite::cells_table;
using sqlite::quarter;

constexpr int wait_ms = 60'000;    // for another program that holds the database
constexpr mode_t new_file = 0640;  // a log's content is not for everybody
constexpr std::int64_t kept_runs = 1000;
constexpr std::int64_t rejects_of_source = 1000, reject_bytes = 10 << 20;

std::string join(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ","));
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < list.size();) {
    const auto comma = std::min(list.find(',', from), list.size());
    out.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

std::string_view bytes_of(const std::vector<std::uint64_t>& marks) {
  return {reinterpret_cast<const char*>(marks.data()), marks.size() * sizeof(std::uint64_t)};
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const Target& target)
      : path_(target.location),
        prefix_(target.setting("table", "usage")),
        full_(target.setting("synchronous", "normal") == "full") {
    const bool name = !prefix_.empty() &&
                      prefix_.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                          std::string::npos &&
                      !(prefix_[0] >= '0' && prefix_[0] <= '9');
    if (!name)
      throw Error(Exit::usage, fmt::format("{}: table '{}' is no name for a table", target.shown(), visible(prefix_)),
                  "letters, digits and _ only");
    const std::string synchronous = target.setting("synchronous", "normal");
    if (synchronous != "normal" && synchronous != "full")
      throw Error(Exit::usage,
                  fmt::format("{}: synchronous is 'normal' or 'full', not '{}'", target.shown(), visible(synchronous)));
    temporary_ = path_.empty();
    if (!temporary_) path_ = std::filesystem::absolute(path_).lexically_normal().string();
  }

  ~SqliteStore() override {
    dictionary_.reset();
    database_.reset();
    if (lock_ >= 0) ::close(lock_);
  }

  std::string shown() const override { return temporary_ ? "a temporary store" : path_; }
  bool created() const override { return created_; }
  std::vector<std::string> files() const override {
    if (temporary_) return {};
    return {path_, path_ + "-wal", path_ + "-shm", path_ + ".lock"};
  }

  void open(Access access) override {
    guarded("open", [&] {
      if (access == Access::read) return open_to_read();
      if (!temporary_) refuse_other_file();
      if (!temporary_) take_lock();
      created_ = temporary_ || !std::filesystem::exists(path_);
      if (created_ && !temporary_) create_file();
      database_ =
          std::make_unique<Database>(path_, temporary_ ? Database::Mode::temporary : Database::Mode::write, wait_ms);
      check_version();
      if (temporary_) {
        database_->exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536");
      } else {
        database_->exec("PRAGMA journal_mode=WAL");
        database_->exec(full_ ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        // The log of a unit is copied into the database once, not piece by piece.
        database_->exec("PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=16384");
      }
      if (!database_->has_table(prefix_ + "_settings")) create_tables();
      run_ = database_->number("SELECT max(id) FROM " + prefix_ + "_runs") + 1;
      const auto seed = static_cast<std::uint64_t>(
          database_->number("SELECT CAST(value AS INTEGER) FROM " + prefix_ + "_settings WHERE name = 'hash_seed'"));
      dictionary_.emplace(*database_, prefix_, seed);
    });
  }

  std::optional<Settings> settings() override {
    return guarded("read", [&]() -> std::optional<Settings> {
      const std::string zone = setting("zone");
      if (zone.empty()) return {};
      return Settings{.hooks = split(setting("hooks")),
                      .zone = zone,
                      .url_by = setting("url_by") == "full" ? UrlBy::full : UrlBy::path,
                      .schema = static_cast<int>(parse_number(setting("schema")).value_or(0))};
    });
  }

  void settle(const Settings& settings) override {
    guarded("write", [&] {
      transaction([&] {
        set("zone", settings.zone);
        set("hooks", join(settings.hooks));
        set("url_by", settings.url_by == UrlBy::full ? "full" : "path");
      });
    });
  }

  // Called with the hooks that the settings name, before the first commit.
  void use(const std::vector<const Hook*>& hooks, UrlBy url_by) override {
    guarded("write", [&] {
      hooks_ = hooks;
      urls_ = url_by == UrlBy::full;
      transaction([&] {
        bool missing =
            database_->number(fmt::format("SELECT count(*) FROM sqlite_master WHERE type = 'view' AND name = '{}_rows'",
                                          prefix_)) == 0;
        for (const Hook* hook : hooks) {
          if (database_->has_table(cells_table(prefix_, *hook, Period::hour))) continue;
          database_->exec(sqlite::create_hook(prefix_, *hook));
          missing = true;
        }
        if (missing) database_->exec(sqlite::create_views(prefix_, hooks));
      });
    });
  }

  std::vector<SourceRecord> sources() override;
  std::int64_t commit(const Unit& unit, std::int64_t id) override;
  void touch(const SourceRecord& source) override;
  void record(const RunRecord& run) override;
  void close() override;

  void rows(const RowQuery& query, const std::function<bool(const Batch&)>& visit) override {
    guarded("read", [&] { sqlite::read_rows(*database_, prefix_, query, visit); });
  }
  std::vector<Sum> sums(const Hook& hook, const SumQuery& query) override {
    return guarded("read", [&] { return sqlite::read_sums(*database_, prefix_, hook, query); });
  }
  std::vector<RejectRecord> rejects() override {
    return guarded("read", [&] { return sqlite::read_rejects(*database_, prefix_); });
  }
  std::vector<RunRecord> runs() override {
    return guarded("read", [&] { return sqlite::read_runs(*database_, prefix_); });
  }

 private:
  // What SQLite says, as what it means to who runs us.
  template <typename F>
  auto guarded(std::string_view verb, F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const SqliteError& e) {
      std::string hint;
      if (e.busy())
        hint = fmt::format("a program other than track-usage has held the database for {} s", wait_ms / 1000);
      if (e.not_a_database()) hint = "is it a log? then give it as an input, not as --sink";
      if (e.read_only() && access(path_.c_str(), W_OK) != 0 && errno != ENOENT)
        hint = fmt::format("'{}' is not writable by this user", visible(path_));
      throw Error(Exit::store, fmt::format("cannot {} {}: {}", verb, visible(shown()), e.what()), hint);
    }
  }

  template <typename F>
  void transaction(F&& f) {
    database_->exec("BEGIN IMMEDIATE");
    try {
      f();
      database_->exec("COMMIT");
    } catch (...) {
      try {
        database_->exec("ROLLBACK");
      } catch (const SqliteError&) {
        // a full disk has ended the transaction already
      }
      throw;
    }
  }

  std::string setting(std::string_view name) {
    return database_->text(fmt::format("SELECT value FROM {}_settings WHERE name = '{}'", prefix_, name));
  }
  void set(std::string_view name, std::string_view value) {
    Statement(*database_, "INSERT OR REPLACE INTO " + prefix_ + "_settings VALUES (?, ?)")
        .bind(1, name)
        .bind(2, value)
        .run();
  }

  void open_to_read();
  void refuse_other_file();
  void take_lock();
  void create_file();
  void check_version();
  void create_tables();
  void insert_rows(const Unit& unit, std::int64_t source);
  void insert_buckets(const Unit& unit);
  void add_cells(const Summary& summary);
  void keep_rejects(const Unit& unit, std::int64_t source);
  std::int64_t keep_source(const Unit& unit, std::int64_t id);

  std::string path_;
  const std::string prefix_;
  const bool full_;
  bool temporary_ = false, created_ = false;
  int lock_ = -1;
  std::unique_ptr<Database> database_;
  std::optional<sqlite::Dictionary> dictionary_;
  std::vector<const Hook*> hooks_;
  bool urls_ = false;
  std::int64_t run_ = 0;
};

void SqliteStore::open_to_read() {
  if (!temporary_ && !std::filesystem::exists(path_))
    throw Error(Exit::store, fmt::format("there is no store at {}", visible(path_)),
                "track-usage ingest makes it; --from names another");
  const auto readable = [&] { database_->number("SELECT count(*) FROM sqlite_master"); };
  try {
    database_ = std::make_unique<Database>(path_, Database::Mode::read, wait_ms);
    readable();
  } catch (const SqliteError& e) {
    if (!e.read_only()) throw;
    // A closed store needs a -shm file that this user may not make. Nobody
    // writes then, or the file would be there: it can be read as it stands.
    database_ = std::make_unique<Database>(path_, Database::Mode::immutable, wait_ms);
    readable();
  }
  check_version();
  if (!database_->has_table(prefix_ + "_settings"))
    throw Error(Exit::store, fmt::format("{} holds no track-usage tables called '{}_…'", visible(path_), prefix_),
                "?table=NAME names other ones");
}

// Before a lock file is left beside somebody's log.
void SqliteStore::refuse_other_file() {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char head[16] = {};
  const ssize_t n = ::read(fd, head, sizeof head);
  ::close(fd);
  if (n > 0 && std::string_view(head, sizeof head) != std::string_view("SQLite format 3\0", 16))
    throw Error(Exit::store, fmt::format("cannot open {}: it is no SQLite database", visible(path_)),
                "is it a log? then give it as an input, not as --sink");
}

void SqliteStore::take_lock() {
  const std::string file = path_ + ".lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, new_file);
  if (lock_ < 0)
    throw Error(Exit::store, fmt::format("cannot open {}: {}", visible(path_), std::strerror(errno)),
                errno == ENOENT ? fmt::format("the folder of '{}' does not exist", visible(path_)) : std::string());
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    char holder[128] = {};
    const ssize_t n = pread(lock_, holder, sizeof holder - 1, 0);
    ::close(lock_);
    lock_ = -1;
    throw Error(Exit::locked,
                fmt::format("another run has {}: {}", visible(path_),
                            visible(trim({holder, n > 0 ? static_cast<std::size_t>(n) : 0}))),
                "it takes what is there; --wait waits for it");
  }
  const std::string me =
      fmt::format("pid {} since {}\n", getpid(), iso_time(std::int64_t{::time(nullptr)} * 1'000'000));
  if (ftruncate(lock_, 0) != 0 || pwrite(lock_, me.data(), me.size(), 0) < 0) {
    // The lock itself holds; only who holds it cannot be told.
  }
}

void SqliteStore::create_file() {
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, new_file);
  if (fd < 0) throw Error(Exit::store, fmt::format("cannot make {}: {}", visible(path_), std::strerror(errno)));
  ::close(fd);
}

void SqliteStore::check_version() {
  if (!database_->has_table(prefix_ + "_settings")) return;
  const std::int64_t version =
      database_->number("SELECT CAST(value AS INTEGER) FROM " + prefix_ + "_settings WHERE name = 'schema'");
  const std::int64_t newest = std::max(version, database_->number("PRAGMA user_version"));
  if (newest > sqlite::schema_version)
    throw Error(Exit::store,
                fmt::format("{} was made by a newer track-usage (schema {}, this one knows {})", visible(path_), newest,
                            sqlite::schema_version),
                "use the newer program");
}

void SqliteStore::create_tables() {
  transaction([&] {
    const bool ours = database_->number("SELECT count(*) FROM sqlite_master") == 0;
    database_->exec(sqlite::create_base(prefix_));
    // In a database of somebody else's the version is theirs.
    if (ours) database_->exec(fmt::format("PRAGMA user_version = {}", sqlite::schema_version));
    set("schema", fmt::format("{}", sqlite::schema_version));
    std::random_device random;
    set("hash_seed", fmt::format("{}", (std::int64_t{random()} << 31 | random()) & INT64_MAX));
  });
}

std::vector<SourceRecord> SqliteStore::sources() {
  return guarded("read", [&] { return sqlite::read_sources(*database_, prefix_); });
}

std::int64_t SqliteStore::commit(const Unit& unit, std::int64_t id) {
  return guarded("write to", [&] {
    try {
      transaction([&] {
        dictionary_->resolve(unit.batch, urls_);
        insert_buckets(unit);
        id = keep_source(unit, id);
        insert_rows(unit, id);
        for (const Summary& summary : unit.summaries)
          if (std::find(hooks_.begin(), hooks_.end(), summary.hook) != hooks_.end()) add_cells(summary);
        keep_rejects(unit, id);
      });
    } catch (...) {
      dictionary_->forget();
      throw;
    }
    return id;
  });
}

void SqliteStore::insert_buckets(const Unit& unit) {
  Statement hour(*database_, "INSERT OR IGNORE INTO " + prefix_ + "_hours VALUES (?, ?, ?)");
  Statement day(*database_, "INSERT OR IGNORE INTO " + prefix_ + "_days VALUES (?, ?, ?)");
  Statement month(*database_, "INSERT OR IGNORE INTO " + prefix_ + "_months VALUES (?, ?)");
  for (const Hour& h : unit.batch.hours) {
    const std::int64_t first = month_begin(h.day);
    const std::string hour_text = sql_time(h.start * 1'000'000), day_text = iso_date(h.day),
                      month_text = iso_date(first);
    hour.bind(1, h.start / quarter).bind(2, hour_text).bind(3, h.day).run();
    day.bind(1, h.day).bind(2, day_text).bind(3, first).run();
    month.bind(1, first).bind(2, month_text).run();
  }
}

void SqliteStore::insert_rows(const Unit& unit, std::int64_t source) {
  const Batch& b = unit.batch;
  if (b.size() == 0) return;
  // Columns that are null throughout are left out: most logs have but a few.
  static constexpr std::array<std::pair<Column, std::string_view>, own_columns> columns = {
      {{Column::remote_addr, "remote_addr"},
       {Column::server_name, "server_name"},
       {Column::language, "language"},
       {Column::referrer, "referrer"},
       {Column::username, "username"},
       {Column::peer_addr, "peer_addr"},
       {Column::xforwardedfor, "xforwardedfor"},
       {Column::visitor, "visitor"},
       {Column::country, "country"},
       {Column::blueprint, "blueprint"},
       {Column::route, "route"},
       {Column::view_args, "view_args"},
       {Column::ip_info, "ip_info"},
       {Column::track_var, "track_var"}}};
  std::vector<const std::vector<TextId>*> own;
  std::string names = "ts, hour, source, source_offset, request, agent, status, content_length, micros, flags";
  for (const auto& [column, name] : columns) {
    const auto& ids = b.own[static_cast<std::size_t>(column)];
    if (ids.empty()) continue;
    own.push_back(&ids);
    names.append(", ").append(name);
  }
  BulkInsert insert(*database_, fmt::format("INSERT INTO {}_data ({}) VALUES", prefix_, names),
                    10 + static_cast<int>(own.size()), {}, 20);
  const auto number = [&](std::int64_t value, bool null) { null ? insert.add_null() : insert.add(value); };
  insert.begin(b.size());
  for (std::size_t i = 0; i < b.size(); ++i) {
    insert.add(b.time[i]);
    insert.add(b.hours[b.hour[i]].start / quarter);
    insert.add(source);
    insert.add(static_cast<std::int64_t>(b.offset[i]));
    insert.add(dictionary_->request(b.request[i]));
    number(b.agent[i] == 0 ? 0 : dictionary_->text(b.agents[b.agent[i]].string), b.agent[i] == 0);
    number(b.status[i], b.status[i] == no_status);
    number(b.bytes[i], b.bytes[i] == no_number);
    number(b.micros[i], b.micros[i] == no_number);
    insert.add(b.flags[i]);
    for (const auto* ids : own) number(dictionary_->text((*ids)[i]), (*ids)[i] == null_text);
    insert.end_row();
  }
}

void SqliteStore::add_cells(const Summary& summary) {
  struct Entry {
    std::int64_t bucket, key, hits, transfer;
  };
  std::vector<Entry> entries;
  const std::int64_t dash = summary.hook->by_status ? 0 : dictionary_->dash();
  for (std::size_t p = 0; p < summary.cells.size(); ++p) {
    const auto& cells = summary.cells[p];
    const auto period = static_cast<Period>(p);
    entries.clear();
    entries.reserve(cells.size());
    for (const Cell& c : cells) {
      std::int64_t key = c.key;
      if (!summary.hook->by_status) {
        key = dictionary_->text(c.key);
        if (key == 0) key = dash;
      }
      entries.push_back({period == Period::hour ? c.bucket / quarter : c.bucket, key, c.hits, c.transfer});
    }
    // Sorted upserts go through the tree from left to right: several times
    // faster than in the order of the log.
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.bucket != b.bucket ? a.bucket < b.bucket : a.key < b.key;
    });
    const std::string table = cells_table(prefix_, *summary.hook, period);
    BulkInsert insert(
        *database_, fmt::format("INSERT INTO {} VALUES", table), 4,
        fmt::format("ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, transfer = transfer + excluded.transfer"));
    insert.begin(entries.size());
    for (const Entry& e : entries) {
      insert.add(e.bucket);
      insert.add(e.key);
      insert.add(e.hits);
      insert.add(e.transfer);
      insert.end_row();
    }
  }
}

std::int64_t SqliteStore::keep_source(const Unit& unit, std::int64_t id) {
  const SourceRecord& s = unit.source;
  const Counts& c = unit.batch.counts;
  const std::int64_t now = ::time(nullptr);
  const auto [low, high] = std::minmax_element(unit.batch.time.begin(), unit.batch.time.end());
  const bool rows = unit.batch.size() != 0;
  if (id == 0) {
    Statement(*database_, "INSERT INTO " + prefix_ +
                              "_inputs (name, marks, end_offset, end_hash, first_taken, read, stored, filtered, "
                              "rejected, blank) VALUES (?, '', 0, 0, ?, 0, 0, 0, 0, 0)")
        .bind(1, s.name)
        .bind(2, now)
        .run();
    id = database_->number("SELECT last_insert_rowid()");
  }
  Statement update(
      *database_,
      "UPDATE " + prefix_ +
          "_inputs SET host = ?1, path = ?2, format = CASE WHEN ?3 = '' THEN format ELSE ?3 END, filters = ?4, device "
          "= ?5, inode = ?6, size = ?7,"
          " mtime_ns = ?8, ctime_ns = ?9, seen_ns = ?10, finished = ?11, marks = ?12, end_offset = ?13, end_hash = ?14,"
          " first_line = coalesce(first_line, ?15), first_ts = min(coalesce(first_ts, ?16), coalesce(?16, first_ts)),"
          " last_ts = max(coalesce(last_ts, ?17), coalesce(?17, last_ts)), last_taken = ?18,"
          " read = read + ?19, stored = stored + ?20, filtered = filtered + ?21, rejected = rejected + ?22, blank = "
          "blank + ?23 WHERE id = ?24");
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
      .bind(19, static_cast<std::int64_t>(c.read()))
      .bind(20, static_cast<std::int64_t>(c.stored))
      .bind(21, static_cast<std::int64_t>(c.filtered()))
      .bind(22, static_cast<std::int64_t>(c.rejected()))
      .bind(23, static_cast<std::int64_t>(c.blank))
      .bind(24, id)
      .run();

  const std::int64_t last_row = database_->number("SELECT max(id) FROM " + prefix_ + "_data");
  Statement insert(
      *database_, "INSERT INTO " + prefix_ +
                      "_units (source, begin_offset, end_offset, first_row, last_row, first_ts, last_ts, read, stored, "
                      "filtered, rejected, blank, filters, run, taken) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind(1, id).bind(2, static_cast<std::int64_t>(unit.begin)).bind(3, static_cast<std::int64_t>(unit.end));
  rows ? insert.bind(4, last_row + 1)
             .bind(5, last_row + static_cast<std::int64_t>(unit.batch.size()))
             .bind(6, *low)
             .bind(7, *high)
       : insert.bind_null(4).bind_null(5).bind_null(6).bind_null(7);
  insert.bind(8, static_cast<std::int64_t>(c.read()))
      .bind(9, static_cast<std::int64_t>(c.stored))
      .bind(10, static_cast<std::int64_t>(c.filtered()))
      .bind(11, static_cast<std::int64_t>(c.rejected()))
      .bind(12, static_cast<std::int64_t>(c.blank))
      .bind(13, s.filters)
      .bind(14, run_)
      .bind(15, now)
      .run();
  return id;
}

// At most so many of a source and so many bytes in all; what is beyond is
// counted in P_sources and not kept.
void SqliteStore::keep_rejects(const Unit& unit, std::int64_t source) {
  if (unit.batch.rejects.empty()) return;
  std::int64_t left = rejects_of_source - database_->number(fmt::format(
                                              "SELECT count(*) FROM {}_rejects WHERE source = {}", prefix_, source));
  std::int64_t bytes =
      reject_bytes - database_->number(fmt::format("SELECT sum(length(raw)) FROM {}_rejects", prefix_));
  Statement insert(*database_, "INSERT OR REPLACE INTO " + prefix_ + "_rejects VALUES (?,?,?,?,?,?)");
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

void SqliteStore::touch(const SourceRecord& s) {
  guarded("write to", [&] {
    Statement(*database_, "UPDATE " + prefix_ +
                              "_inputs SET host = ?, path = ?, device = ?, inode = ?, size = ?, mtime_ns = ?, ctime_ns "
                              "= ?, seen_ns = ?, finished = ? WHERE id = ?")
        .bind(1, s.host)
        .bind(2, s.path)
        .bind(3, static_cast<std::int64_t>(s.device))
        .bind(4, static_cast<std::int64_t>(s.inode))
        .bind(5, static_cast<std::int64_t>(s.size))
        .bind(6, s.mtime_ns)
        .bind(7, s.ctime_ns)
        .bind(8, s.seen_ns)
        .bind(9, s.finished)
        .bind(10, s.id)
        .run();
  });
}

void SqliteStore::record(const RunRecord& run) {
  guarded("write to", [&] {
    transaction([&] {
      Statement(*database_, "INSERT OR REPLACE INTO " + prefix_ + "_runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)")
          .bind(1, run_)
          .bind(2, run.begin)
          .bind(3, run.end)
          .bind(4, run.exit)
          .bind(5, static_cast<std::int64_t>(run.read))
          .bind(6, static_cast<std::int64_t>(run.stored))
          .bind(7, static_cast<std::int64_t>(run.filtered))
          .bind(8, static_cast<std::int64_t>(run.rejected))
          .bind(9, static_cast<std::int64_t>(run.blank))
          .bind(10, static_cast<std::int64_t>(run.already_taken))
          .bind(11, run.version)
          .bind(12, run.host)
          .bind(13, run.notices)
          .run();
      database_->exec(fmt::format("DELETE FROM {}_runs WHERE id <= {}", prefix_, run_ - kept_runs));
    });
  });
}

void SqliteStore::close() {
  dictionary_.reset();
  if (database_ != nullptr && !temporary_) {
    try {
      database_->exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const SqliteError&) {
      // A reader is at work; the next run's end does it.
    }
  }
  database_.reset();
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

std::unique_ptr<Store> make(const Target& target) {
  return std::make_unique<SqliteStore>(target);
}

}  // namespace

extern const SinkInfo sqlite_sink;
const SinkInfo sqlite_sink{"sqlite", "a database file: rows, summaries and the ledger", "table hooks synchronous",
                           nullptr, make};

}  // namespace track_usage
