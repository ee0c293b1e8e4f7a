// Changes to what a store holds already: rows taken out, sums made anew. All
// within the one transaction that begin() opens.
#pragma once

#include <string>
#include <vector>

#include "sinks/sqlite/dictionary.h"
#include "src/base/sqlite.h"
#include "src/store.h"

namespace track_usage::sqlite {

class Corrector final : public Correctable {
 public:
  // Borrows all but the strings. `hooks` are those that the store keeps.
  Corrector(Database& database, std::string path, std::string prefix, Dictionary& dictionary,
            const std::vector<const Hook*>& hooks, const UrlBy& url_by)
      : database_(database),
        path_(std::move(path)),
        prefix_(std::move(prefix)),
        dictionary_(dictionary),
        hooks_(hooks),
        url_by_(url_by) {}

  bool begun() const { return begun_; }

  void begin() override;
  void end(bool keep) override;
  void remove(const RowQuery& query, const std::function<std::optional<Chosen>(const Batch&)>& choose) override;
  void locate(const RowQuery& query, const std::function<std::optional<Located>(const Batch&)>& choose) override;
  void drop_sources(const std::vector<std::int64_t>& ids) override;
  void drop_rejects() override;
  void sweep() override;
  bool compact() override;
  void draft(const std::vector<const Hook*>& hooks) override;
  void add_to_draft(const Unit& unit) override;
  void compare_draft(const Buckets& from, const std::function<void(const Difference&)>& differs) override;
  void adopt_draft(const Buckets& from, const std::vector<const Hook*>& hooks) override;
  void mark_pruned(const PruneMarks& marks) override;
  std::uint64_t prune(std::size_t most) override;

 private:
  template <typename F>
  auto guarded(F&& f) -> decltype(f());

  void add_sums(const Unit& unit, int sign);
  void drop_empty_cells();
  std::string draft_table(const Hook& hook, Period period) const;

  Database& database_;
  const std::string path_, prefix_;
  Dictionary& dictionary_;
  const std::vector<const Hook*>& hooks_;
  const UrlBy& url_by_;
  bool begun_ = false;
  std::vector<const Hook*> drafted_;
};

}  // namespace track_usage::sqlite
