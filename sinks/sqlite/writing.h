// A unit written to the tables, within the transaction of whoever calls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sinks/sqlite/dictionary.h"
#include "src/base/sqlite.h"
#include "src/store.h"

namespace track_usage::sqlite {

// Adds one period's cells to a table of cells, or takes them out of it with
// sign -1. The dictionary has resolved their batch.
void add_cells(Database& database, const std::string& table, Dictionary& dictionary, const Summary& summary,
               Period period, int sign = 1);

class UnitWriter {
 public:
  // Borrows all but `prefix`; `run` is the number of this run in P_runs.
  UnitWriter(Database& database, std::string prefix, Dictionary& dictionary, std::int64_t run)
      : database_(database), prefix_(std::move(prefix)), dictionary_(dictionary), run_(run) {}

  // Rows, the cells of `hooks`, rejects and the ledger's entry. `source` is the
  // source's id, or 0 for a new one; returns it.
  std::int64_t write(const Unit& unit, std::int64_t source, const std::vector<const Hook*>& hooks, bool urls);

 private:
  void insert_buckets(const Unit& unit);
  std::int64_t keep_source(const Unit& unit, std::int64_t id);
  void insert_rows(const Unit& unit, std::int64_t source);
  void settle_rejects(const Unit& unit, std::int64_t source);
  void keep_rejects(const Unit& unit, std::int64_t source);

  Database& database_;
  const std::string prefix_;
  Dictionary& dictionary_;
  const std::int64_t run_;
};

}  // namespace track_usage::sqlite
