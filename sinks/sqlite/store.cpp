// sqlite: the embedded store. One file, one writer (a lock beside the file),
// any number of readers; a unit is one transaction.
#include "src/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "sinks/sqlite/correcting.h"
#include "sinks/sqlite/dictionary.h"
#include "sinks/sqlite/files.h"
#include "sinks/sqlite/guarded.h"
#include "sinks/sqlite/reading.h"
#include "sinks/sqlite/schema.h"
#include "sinks/sqlite/writing.h"
#include "src/base/sqlite.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

using sqlite::cells_table;
using sqlite::wait_ms;

constexpr std::int64_t kept_runs = 1000;

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
    // One store has one lock, whatever links lead to it.
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(std::filesystem::absolute(path_), error);
    path_ = (error ? std::filesystem::absolute(path_).lexically_normal() : real).string();
  }

  ~SqliteStore() override {
    corrector_.reset();
    dictionary_.reset();
    database_.reset();
  }

  std::string shown() const override { return path_; }
  bool created() const override { return created_; }
  std::string schema(const std::vector<const Hook*>& hooks) const override {
    std::string sql = sqlite::create_base(prefix_);
    for (const Hook* hook : hooks) sql += sqlite::create_hook(prefix_, *hook);
    return sql + sqlite::create_views(prefix_, hooks);
  }
  std::vector<std::string> files() const override { return {path_, path_ + "-wal", path_ + "-shm", path_ + ".lock"}; }

  void open(Access access) override {
    guarded("open", [&] {
      if (access == Access::read) return open_to_read();
      if (access == Access::change) {  // of what is no store nothing is changed, nor a lock left beside it
        open_to_read();
        database_.reset();
        as_opened_.reset();
      }
      refuse_other_file();
      created_ = !std::filesystem::exists(path_);
      lock_.take(path_);
      created_ ? sqlite::create_file(path_) : sqlite::check_writable(path_);
      database_ = std::make_unique<Database>(path_, Database::Mode::write, wait_ms);
      check_version();
      database_->exec("PRAGMA journal_mode=WAL");
      database_->exec(full_ ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
      // The log of a unit is copied into the database once, not piece by piece.
      database_->exec("PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=16384");
      if (!database_->has_table(prefix_ + "_settings")) create_tables();
      run_ = database_->number("SELECT max(id) FROM " + prefix_ + "_runs") + 1;
      const auto seed = static_cast<std::uint64_t>(
          database_->number("SELECT CAST(value AS INTEGER) FROM " + prefix_ + "_settings WHERE name = 'hash_seed'"));
      dictionary_.emplace(*database_, prefix_, seed);
      corrector_ = std::make_unique<sqlite::Corrector>(*database_, path_, prefix_, *dictionary_, hooks_, url_by_);
    });
  }

  std::optional<Settings> settings() override {
    return reading([&]() -> std::optional<Settings> {
      const std::string zone = setting("zone");
      if (zone.empty()) return {};
      Settings settings{.hooks = split(setting("hooks")),
                        .zone = zone,
                        .url_by = url_by_named(setting("url_by")).value_or(UrlBy::path),
                        .choices = {},
                        .salt = setting("salt"),
                        .geo = setting("geo"),
                        .schema = static_cast<int>(parse_number(setting("schema")).value_or(0))};
      Statement s(*database_,
                  fmt::format("SELECT substr(name, 8), value FROM {}_settings WHERE name GLOB 'choice:*'", prefix_));
      while (s.step()) settings.choices.emplace(s.text(0), s.text(1));
      return settings;
    });
  }

  void settle(const Settings& settings) override {
    guarded("write", [&] {
      transaction([&] {
        set("zone", settings.zone);
        set("hooks", join(settings.hooks));
        set("url_by", name_of(settings.url_by));
        set("salt", settings.salt);
        for (const auto& [name, value] : settings.choices) set("choice:" + name, value);
      });
    });
  }

  // Called with the hooks that the settings name, before the first commit.
  void use(const std::vector<const Hook*>& hooks, UrlBy url_by) override {
    guarded("write", [&] {
      hooks_ = hooks;
      url_by_ = url_by;
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
  Committed commit(const Unit& unit, std::int64_t id) override;
  void owe(const std::vector<std::string>& hooks) override { owe_ = hooks; }
  void delivered(const std::string& hook, const std::vector<std::int64_t>& units) override;
  void touch(const SourceRecord& source) override;
  void record(const RunRecord& run) override;
  void close() override;
  Correctable* correctable() override { return corrector_.get(); }

  void rows(const RowQuery& query, const std::function<bool(Batch&)>& visit) override {
    reading([&] {
      sqlite::read_rows(*database_, prefix_, query, [&](Batch& batch, const auto&) { return visit(batch); });
    });
  }
  PruneMarks pruned() override {
    return reading([&] { return marks_of(setting("pruned")); });
  }
  std::vector<Sum> sums(const Hook& hook, const SumQuery& query) override {
    return reading([&] { return sqlite::read_sums(*database_, prefix_, hook, query); });
  }
  std::vector<KnownAgent> agents(std::size_t most) override {
    return reading([&] { return sqlite::read_agents(*database_, prefix_, most); });
  }
  std::vector<Owed> owed() override {
    return reading([&] { return sqlite::read_owed(*database_, prefix_); });
  }
  std::vector<RejectRecord> rejects() override {
    return reading([&] { return sqlite::read_rejects(*database_, prefix_); });
  }
  std::vector<RunRecord> runs() override {
    return reading([&] { return sqlite::read_runs(*database_, prefix_); });
  }

 private:
  template <typename F>
  auto guarded(std::string_view verb, F&& f) -> decltype(f()) {
    return sqlite::guarded(verb, path_, f);
  }

  // A file that is read as it stands must stand still.
  template <typename F>
  auto reading(F&& f) -> decltype(f()) {
    try {
      if constexpr (std::is_void_v<decltype(f())>) {
        guarded("read", f);
        refuse_changed();
      } else {
        auto result = guarded("read", f);
        refuse_changed();
        return result;
      }
    } catch (const Error&) {
      refuse_changed();
      throw;
    }
  }
  void refuse_changed() const {
    if (!as_opened_ || *as_opened_ == sqlite::FileVersion(path_)) return;
    throw Error(Exit::store, fmt::format("a run wrote to {} while it was read", visible(path_)),
                "read it again; a user who may write the store reads it undisturbed");
  }

  template <typename F>
  void transaction(F&& f) {
    if (corrector_ != nullptr && corrector_->begun()) return f();  // a part of its transaction
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
  [[noreturn]] void refuse_missing() const;
  [[noreturn]] void refuse_foreign() const;
  void refuse_other_file();
  void check_version();
  void create_tables();

  std::string path_;
  const std::string prefix_;
  const bool full_;
  bool created_ = false;
  sqlite::FileLock lock_;
  std::optional<sqlite::FileVersion> as_opened_;  // of a file that is read as it stands
  std::unique_ptr<Database> database_;
  std::optional<sqlite::Dictionary> dictionary_;
  std::unique_ptr<sqlite::Corrector> corrector_;
  std::vector<const Hook*> hooks_;
  UrlBy url_by_ = UrlBy::path;
  std::vector<std::string> owe_;  // commands that get the rows of this run
  std::int64_t run_ = 0;
};

void SqliteStore::open_to_read() {
  if (!std::filesystem::exists(path_)) refuse_missing();
  for (int tries = 3;;) {
    const auto mode = sqlite::reading_mode(path_);
    try {
      if (mode == Database::Mode::immutable) as_opened_ = sqlite::FileVersion(path_);
      database_ = std::make_unique<Database>(path_, mode, wait_ms);
      database_->number("SELECT count(*) FROM sqlite_master");
      database_->exec("PRAGMA cache_size=-32768");
      break;
    } catch (const SqliteError& e) {
      // A run may have begun or ended just now.
      if (!e.read_only() || --tries == 0) throw;
    }
  }
  check_version();
  if (!database_->has_table(prefix_ + "_settings")) refuse_foreign();
}

void SqliteStore::refuse_missing() const {
  throw Error(Exit::store, fmt::format("there is no store at {}", visible(path_)),
              "track-usage ingest makes it; --from names another");
}

void SqliteStore::refuse_foreign() const {
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
  return reading([&] { return sqlite::read_sources(*database_, prefix_); });
}

Committed SqliteStore::commit(const Unit& unit, std::int64_t id) {
  return guarded("write to", [&] {
    Committed committed{};
    try {
      transaction([&] {
        sqlite::UnitWriter writer(*database_, prefix_, *dictionary_, run_);
        committed = writer.write(unit, id, hooks_, url_by_, owe_);
      });
    } catch (...) {
      dictionary_->forget();
      throw;
    }
    return committed;
  });
}

void SqliteStore::delivered(const std::string& hook, const std::vector<std::int64_t>& units) {
  guarded("write to", [&] {
    transaction([&] {
      Statement& given = database_->statement("DELETE FROM " + prefix_ + "_owed WHERE unit = ? AND hook = ?");
      for (const std::int64_t unit : units) given.bind(1, unit).bind(2, hook).run();
    });
  });
}

void SqliteStore::touch(const SourceRecord& s) {
  guarded("write to", [&] {
    Statement(*database_, "UPDATE " + prefix_ +
                              "_inputs SET host = ?, path = ?, device = ?, inode = ?, size = ?, mtime_ns = ?, ctime_ns "
                              "= ?, seen_ns = ?, finished = ?, filters = ? WHERE id = ?")
        .bind(1, s.host)
        .bind(2, s.path)
        .bind(3, static_cast<std::int64_t>(s.device))
        .bind(4, static_cast<std::int64_t>(s.inode))
        .bind(5, static_cast<std::int64_t>(s.size))
        .bind(6, s.mtime_ns)
        .bind(7, s.ctime_ns)
        .bind(8, s.seen_ns)
        .bind(9, s.finished)
        .bind(10, s.filters)
        .bind(11, s.id)
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
      if (!run.geo.empty()) set("geo", run.geo);
      database_->exec(fmt::format("DELETE FROM {}_runs WHERE id <= {}", prefix_, run_ - kept_runs));
    });
  });
}

void SqliteStore::close() {
  corrector_.reset();
  dictionary_.reset();
  if (database_ != nullptr) {
    try {
      database_->set_patience(0);
      database_->exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const SqliteError&) {
      // A reader is at work; the next run's end does it.
    }
  }
  database_.reset();
  lock_.release();
}

std::unique_ptr<Store> make(const Target& target) {
  return std::make_unique<SqliteStore>(target);
}

}  // namespace

extern const SinkInfo sqlite_sink;
const SinkInfo sqlite_sink{"sqlite", "a database file: rows, summaries and the ledger", "table hooks synchronous",
                           nullptr, make};

}  // namespace track_usage
