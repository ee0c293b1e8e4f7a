// A unit written to the tables, within the transaction of whoever calls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sinks/sqlite/dictionary.h"
#include "src/base/sqlite.h"
#include "src/store.h"

namespace track_usage::sqlite {

// Cells as their tables keep them.
struct StoredCell {
  std::int64_t bucket, key, hits, transfer;
};
// One period's cells in the order of their table, to be taken out of it with
// sign -1. The dictionary has resolved their batch; any thread may ask.
std::vector<StoredCell> stored_cells(const Dictionary& dictionary, const Summary& summary, Period period, int sign = 1);
// Adds them to those of a table.
void add_cells(Database& database, const std::string& table, const std::vector<StoredCell>& cells);

class UnitWriter {
 public:
  // Borrows all but `prefix`; `run` is the number of this run in P_runs.
  UnitWriter(Database& database, std::string prefix, Dictionary& dictionary, std::int64_t run)
      : database_(database), prefix_(std::move(prefix)), dictionary_(dictionary), run_(run) {}

  // Rows, the cells of `hooks`, rejects, the ledger's entry, and that the rows
  // are owed to the commands `owe`. `source` is the source's id, or 0 for a new one.
  Committed write(const Unit& unit, std::int64_t source, const std::vector<const Hook*>& hooks, UrlBy by,
                  const std::vector<std::string>& owe);

 private:
  void insert_buckets(const Unit& unit);
  std::int64_t keep_source(const Unit& unit, std::int64_t id);
  std::int64_t keep_unit(const Unit& unit, std::int64_t source);
  void insert_rows(const Unit& unit, std::int64_t source);
  void settle_rejects(const Unit& unit, std::int64_t source);
  void keep_rejects(const Unit& unit, std::int64_t source);

  Database& database_;
  const std::string prefix_;
  Dictionary& dictionary_;
  const std::int64_t run_;
};

}  // namespace track_usage::sqlite
