// Rows, sums and the ledger, read back from an SQL server's tables.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sinks/sql/connection.h"

namespace track_usage::sql {

// Where a row of a batch stands.
struct RowPlace {
  std::int64_t id, source;
};

// In batches, as Store::rows(), within a transaction.
void read_rows(Connection& server, const std::string& prefix, const RowQuery& query,
               const std::function<bool(Batch&, const std::vector<RowPlace>&)>& visit);

std::vector<Sum> read_sums(Connection& server, const std::string& prefix, const Hook& hook, const SumQuery& query,
                           const std::function<KeyHash(std::string_view)>& hash);

// All of a summary's cells of one period, in no order; `columns` begins with
// the date and the key.
std::int64_t bucket_of(Period period, std::string_view date);
std::string date_of(Period period, std::int64_t bucket);

}  // namespace track_usage::sql
