// Answers of geo services, kept from run to run in an SQLite file. It is a
// convenience: what goes wrong with it while a run looks addresses up is told
// by trouble(), and the run goes on without.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/enrich/geo_answer.h"

namespace track_usage {

class Database;

struct GeoEntry {
  enum class State : std::uint8_t {
    answer = 0,
    none = 1,     // the service has nothing about the address
    trouble = 2,  // it did not answer: kept for minutes, so that a run a minute later does not wait again
    refused = 3,  // it will not answer us: never kept, for the right key may come with the next run
  };
  std::string address;  // in Address's form
  State state = State::none;
  std::string country, info;
};

struct GeoCacheStats {
  std::uint64_t entries = 0, answers = 0, failures = 0;  // of all services
  std::int64_t oldest = 0;                               // epoch seconds; 0: there is none
  std::uint64_t bytes = 0;                               // of the file
};

// Of one thread at a time; any number of programs may use one file at once.
// Times are epoch seconds, and always given.
class GeoCache {
 public:
  static constexpr std::int64_t answer_life = 30 * 86'400, none_life = 86'400, trouble_life = 600;

  // $XDG_CACHE_HOME/track-usage/geo.db, or below ~/.cache; empty if there is neither.
  static std::string default_path();

  // Touches nothing. An empty path: no cache.
  explicit GeoCache(std::string path);
  ~GeoCache();

  // What is kept of these addresses and still fresh, in any order.
  std::vector<GeoEntry> get(const std::string& service, std::span<const std::string> addresses, std::int64_t now);
  // In one transaction; those refused are passed over. Makes the file (0640 at most) and its folder (0700).
  void put(const std::string& service, std::span<const GeoEntry> entries, std::int64_t now);
  // What went wrong, for one notice; empty if nothing did. After trouble it is
  // asked and written no more.
  const std::string& trouble() const { return trouble_; }
  bool writes() const { return !path_.empty() && trouble_.empty(); }

  // For commands: these throw Error (store). A missing file is an empty cache.
  GeoCacheStats stats();
  // Removes all, or what is older than `age` seconds, and gives the space back. How many.
  std::uint64_t purge(std::optional<std::int64_t> age, std::int64_t now);

 private:
  bool open(bool make);  // false: there is no file; throws SqliteError, Error
  template <typename F>
  void guarded(const char* verb, F&& f);
  template <typename F>
  auto required(const char* verb, F&& f);

  const std::string path_;
  std::string trouble_;
  bool tidied_ = false;
  std::unique_ptr<Database> database_;
};

}  // namespace track_usage
