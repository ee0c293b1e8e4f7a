// What corrections need of a store on an SQL server.
#pragma once

#include <string>
#include <vector>

#include "sinks/sql/connection.h"
#include "src/store.h"

namespace track_usage::sql {

class Corrector : public Correctable {
 public:
  Corrector(Connection& server, std::string shown, std::string prefix, std::uint64_t seed,
            const std::vector<const Hook*>& hooks)
      : server_(server), shown_(std::move(shown)), prefix_(std::move(prefix)), seed_(seed), hooks_(hooks) {}

  bool begun() const { return begun_; }

  void begin() override;
  void end(bool keep) override;
  void remove(const RowQuery& query, const std::function<std::optional<Chosen>(const Batch&)>& choose) override;
  void locate(const RowQuery& query, const std::function<std::optional<Located>(const Batch&)>& choose) override;
  void drop_sources(const std::vector<std::int64_t>& ids) override;
  void drop_rejects() override;
  void sweep() override {}  // texts stand in the rows themselves
  bool compact() override;
  void draft(const std::vector<const Hook*>& hooks) override;
  void add_to_draft(const Unit& unit) override;
  void compare_draft(const Buckets& from, const std::function<void(const Difference&)>& differs) override;
  void adopt_draft(const Buckets& from, const std::vector<const Hook*>& hooks) override;
  void mark_pruned(const PruneMarks& marks) override;
  std::uint64_t prune(std::size_t most) override;

 private:
  std::string table(std::string_view name) const { return prefix_ + "_" + std::string(name); }
  std::string draft_table(const Hook& hook, Period period) const;
  void add_sums(const Unit& unit, int sign);
  void drop_empty_cells();
  void compare(const Hook& hook, Period period, std::int64_t from, std::vector<Difference>& found);
  void delete_rows(const std::vector<std::int64_t>& ids);
  std::uint64_t prune_rows(std::int64_t below, std::size_t most);
  std::uint64_t prune_cells(const std::string& from, const std::string& below, std::size_t most);
  template <typename F>
  auto guarded(F&& f) -> decltype(f());

  Connection& server_;
  const std::string shown_, prefix_;
  const std::uint64_t seed_;
  const std::vector<const Hook*>& hooks_;  // the store's
  std::vector<const Hook*> drafted_;
  bool begun_ = false;
};

}  // namespace track_usage::sql
