#include "src/enrich/geo_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "src/base/sqlite.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

namespace fs = std::filesystem;

constexpr mode_t new_file = 0640;           // a log's addresses are not for everybody
constexpr mode_t new_folder = 0700;         // as the XDG specification has it
constexpr int wait_ms = 5'000;              // for another run; a transaction takes milliseconds
constexpr int application_id = 0x74756765;  // "tuge"
constexpr int schema_version = 1;

// No WAL: its two further files would stay beside a file that is written once a while.
constexpr const char* schema = R"(
  CREATE TABLE IF NOT EXISTS geo_answers (
    service TEXT NOT NULL, address TEXT NOT NULL, state INTEGER NOT NULL, country TEXT NOT NULL, info TEXT NOT NULL,
    kept_at INTEGER NOT NULL, PRIMARY KEY (service, address)) WITHOUT ROWID)";

std::int64_t life_of(GeoEntry::State state) {
  switch (state) {
    case GeoEntry::State::answer:
      return GeoCache::answer_life;
    case GeoEntry::State::none:
      return GeoCache::none_life;
    case GeoEntry::State::trouble:
      return GeoCache::trouble_life;
    case GeoEntry::State::refused:
      break;
  }
  return 0;
}

Error system_error(const std::string& path, int cause) {
  return {Exit::store, fmt::format("'{}': {}", visible(path), std::strerror(cause))};
}

// Rolled back unless it was committed.
class Transaction {
 public:
  Transaction(Database& database, const char* begin) : database_(database) { database_.exec(begin); }
  ~Transaction() {
    try {
      if (!done_) database_.exec("ROLLBACK");
    } catch (const SqliteError&) {  // SQLite has done it itself
      done_ = true;
    }
  }
  void commit() {
    database_.exec("COMMIT");
    done_ = true;
  }

 private:
  Database& database_;
  bool done_ = false;
};

std::string why(const SqliteError& e, const std::string& path) {
  std::string cause = e.not_a_database() ? "it is no SQLite database, or damaged" : lower_first(e.what());
  if (e.busy()) cause = "another program holds it";
  return fmt::format("'{}': {}", visible(path), cause);
}

}  // namespace

std::string GeoCache::default_path() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  // The specification has relative paths be ignored.
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/track-usage/geo.db";
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/track-usage/geo.db";
  return {};
}

GeoCache::GeoCache(std::string path) : path_(std::move(path)) {}
GeoCache::~GeoCache() = default;

bool GeoCache::open(bool make) {
  if (database_) return true;
  struct stat st {};
  if (::stat(path_.c_str(), &st) != 0) {
    if (errno != ENOENT) throw system_error(path_, errno);
    if (!make) return false;
    const fs::path folder = fs::path(path_).parent_path();
    if (!folder.parent_path().empty()) {
      std::error_code ignored;  // mkdir tells
      fs::create_directories(folder.parent_path(), ignored);
    }
    if (!folder.empty() && ::mkdir(folder.c_str(), new_folder) != 0 && errno != EEXIST)
      throw system_error(folder.string(), errno);
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, new_file);
    if (fd < 0) throw system_error(path_, errno);
    ::close(fd);
  } else if (!S_ISREG(st.st_mode)) {
    throw Error(Exit::store, fmt::format("'{}' is not a file", visible(path_)));
  }
  auto database = std::make_unique<Database>(path_, Database::Mode::write, wait_ms);
  // An empty file is one that another run is just making, or was killed over.
  const auto [ours, empty] = [&] {
    Transaction reading(*database, "BEGIN");
    const std::int64_t id = database->number("PRAGMA application_id");
    const bool right = id == application_id && database->number("PRAGMA user_version") == schema_version;
    return std::pair(right, id == 0 && database->number("SELECT count(*) FROM sqlite_master") == 0);
  }();
  if (empty && !make) return false;
  if (empty) {
    Transaction writing(*database, "BEGIN IMMEDIATE");
    database->exec(schema);  // which another run may have done while this one waited
    database->exec(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", application_id, schema_version));
    writing.commit();
  } else if (!ours) {
    throw Error(Exit::store, fmt::format("'{}' is not a geo cache of this version", visible(path_)));
  }
  database->exec("PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON");
  database_ = std::move(database);
  return true;
}

template <typename F>
void GeoCache::guarded(const char* verb, F&& f) {
  if (!writes()) return;
  try {
    f();
    return;
  } catch (const SqliteError& e) {
    trouble_ = fmt::format("cannot {} the geo cache {}", verb, why(e, path_));
  } catch (const Error& e) {
    trouble_ = fmt::format("cannot {} the geo cache {}", verb, e.what());
  }
  database_.reset();
}

std::vector<GeoEntry> GeoCache::get(const std::string& service, std::span<const std::string> addresses,
                                    std::int64_t now) {
  std::vector<GeoEntry> found;
  guarded("read", [&] {
    if (addresses.empty() || !open(false)) return;
    Transaction reading(*database_, "BEGIN");
    Statement& s =
        database_->statement("SELECT state, country, info, kept_at FROM geo_answers WHERE service = ? AND address = ?");
    for (const std::string& address : addresses) {
      s.bind(1, service).bind(2, address);
      if (s.step()) {
        const auto state = static_cast<GeoEntry::State>(s.number(0));
        if (now - s.number(3) < life_of(state))
          found.push_back({address, state, std::string(s.text(1)), std::string(s.text(2))});
      }
      s.reset();
    }
    reading.commit();
  });
  return found;
}

void GeoCache::put(const std::string& service, std::span<const GeoEntry> entries, std::int64_t now) {
  guarded("write", [&] {
    if (entries.empty()) return;
    open(true);
    Transaction writing(*database_, "BEGIN IMMEDIATE");
    if (!std::exchange(tidied_, true))  // once a run: nothing stays longer than it is of use
      database_->statement("DELETE FROM geo_answers WHERE kept_at < ?").bind(1, now - answer_life).run();
    // A service's trouble takes no answer of another run away.
    Statement& s = database_->statement(fmt::format(
        "INSERT INTO geo_answers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, "
        "country = excluded.country, info = excluded.info, kept_at = excluded.kept_at "
        "WHERE excluded.state <> {} OR kept_at < excluded.kept_at - {}",
        static_cast<int>(GeoEntry::State::trouble), trouble_life));
    for (const GeoEntry& e : entries) {
      if (e.state == GeoEntry::State::refused) continue;
      s.bind(1, service).bind(2, e.address).bind(3, static_cast<std::int64_t>(e.state));
      s.bind(4, e.country).bind(5, e.info).bind(6, now).run();
    }
    writing.commit();
  });
}

template <typename F>
auto GeoCache::required(const char* verb, F&& f) {
  try {
    return f();
  } catch (const SqliteError& e) {
    throw Error(Exit::store, fmt::format("cannot {} the geo cache {}", verb, why(e, path_)),
                e.not_a_database() ? "remove the file: the next run makes a new one" : "");
  } catch (const Error& e) {
    throw Error(e.exit, fmt::format("cannot {} the geo cache {}", verb, e.what()), e.hint);
  }
}

GeoCacheStats GeoCache::stats() {
  return required("read", [&] {
    GeoCacheStats out;
    if (path_.empty() || !open(false)) return out;
    Statement s(*database_, "SELECT count(*), ifnull(sum(state = 0), 0), ifnull(min(kept_at), 0) FROM geo_answers");
    s.step();
    out.entries = static_cast<std::uint64_t>(s.number(0));
    out.answers = static_cast<std::uint64_t>(s.number(1));
    out.failures = out.entries - out.answers;
    out.oldest = s.number(2);
    std::error_code none;
    const auto bytes = fs::file_size(path_, none);
    if (!none) out.bytes = bytes;
    return out;
  });
}

std::uint64_t GeoCache::purge(std::optional<std::int64_t> age, std::int64_t now) {
  return required("purge", [&]() -> std::uint64_t {
    if (path_.empty() || !open(false)) return 0;
    Transaction writing(*database_, "BEGIN IMMEDIATE");
    Statement& remove = database_->statement("DELETE FROM geo_answers WHERE kept_at < ?");
    remove.bind(1, age ? now - *age : INT64_MAX).run();
    const std::int64_t removed = database_->number("SELECT changes()");
    writing.commit();
    database_->exec("VACUUM");
    return static_cast<std::uint64_t>(removed);
  });
}

}  // namespace track_usage
