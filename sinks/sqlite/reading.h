// A store read back: base tables first, dictionaries last.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/base/sqlite.h"
#include "src/store.h"

namespace track_usage::sqlite {

std::vector<SourceRecord> read_sources(Database& database, const std::string& prefix);
// Beside each batch, where its rows stand.
struct RowPlace {
  std::int64_t id, source;
};
void read_rows(Database& database, const std::string& prefix, const RowQuery& query,
               const std::function<bool(Batch&, const std::vector<RowPlace>&)>& visit);
std::vector<Sum> read_sums(Database& database, const std::string& prefix, const Hook& hook, const SumQuery& query);
std::vector<KnownAgent> read_agents(Database& database, const std::string& prefix, std::size_t most);
std::vector<RejectRecord> read_rejects(Database& database, const std::string& prefix);
std::vector<Owed> read_owed(Database& database, const std::string& prefix);
std::vector<RunRecord> read_runs(Database& database, const std::string& prefix);

}  // namespace track_usage::sqlite
