// From a unit's texts and requests to their ids in the database.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/base/sqlite.h"
#include "src/hook.h"
#include "src/row.h"

namespace track_usage::sqlite {

// Ids by hash, bounded: what was used longest ago is not known, so when it is
// full it begins anew. Hashes are seeded with the store's secret number, so
// nobody outside can make two texts meet.
class IdCache {
 public:
  std::int64_t find(std::uint64_t hash) const;  // 0: not here
  void add(std::uint64_t hash, std::int64_t id);
  void clear();

 private:
  struct Entry {
    std::uint64_t hash;
    std::int64_t id;
  };
  void put(const Entry& entry);

  std::vector<Entry> entries_;
  std::size_t used_ = 0;
};

// The id of a text in P_texts; 0: it is not there.
std::int64_t find_text(Database& database, const std::string& prefix, std::string_view text);

class Dictionary {
 public:
  Dictionary(Database& database, const std::string& prefix, std::uint64_t seed);

  // Finds or adds every text that `batch` needs an id for: all but those that
  // stand in P_requests and P_agents themselves, and of these the keys of `hooks`.
  void resolve(const Batch& batch, const std::vector<const Hook*>& hooks, UrlBy by);
  // The unit failed: forget what it added.
  void forget();

  // Of the batch that was resolved last.
  std::int64_t text(TextId id) const { return texts_[id]; }
  std::int64_t request(std::uint32_t index) const { return requests_[index]; }
  std::int64_t dash() const { return dash_; }  // the id of "-", the key of rows without one

 private:
  struct Wanted {
    std::uint64_t hash;
    std::uint32_t index;
  };
  void resolve_dash();
  void resolve_texts(const Batch& batch);
  void resolve_requests(const Batch& batch, bool urls);
  void add_agents(const Batch& batch);
  void look_up(std::vector<Wanted>& wanted, Statement& find, IdCache& cache, std::vector<std::int64_t>& ids,
               const std::function<bool(std::uint32_t, std::int64_t)>& same);

  const std::uint64_t seed_;
  std::int64_t next_text_, next_request_;  // ids to give
  std::int64_t dash_ = 0;
  Statement find_text_, text_of_, find_request_, request_of_, add_agent_;
  BulkInsert add_texts_, add_text_hashes_, add_requests_, add_request_hashes_;
  IdCache text_cache_, request_cache_;

  std::vector<std::uint8_t> needed_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::int64_t> texts_, requests_;
};

}  // namespace track_usage::sqlite
