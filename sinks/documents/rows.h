// Rows as JSON documents, for stores that keep documents: the object that
// print: writes, and where the row comes from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/row.h"

namespace track_usage::documents {

// Where a row comes from. With its offset in the source it is told from all others.
struct Origin {
  std::int64_t source, unit;
};

// {"date":..., all that print: writes, "ts":..., "source":..., "source_offset":..., "unit":...}.
// ts: microseconds since 1970.
void append_row(std::string& out, const Batch& batch, std::size_t row, const Origin& origin);

// Documents as a batch. What it does not know of a document is passed over.
class RowReader {
 public:
  Batch batch;
  std::vector<Origin> origins;  // beside the batch's rows

  // Throws Error (store) if it is no row's document.
  void add(std::string_view document);
  void clear();

 private:
  TextId text(std::string_view text) { return batch.texts.intern(text); }
  std::uint32_t add_request(const Request& request);
  std::uint32_t add_agent(const Agent& agent);

  std::unordered_map<std::uint64_t, std::uint32_t> requests_, agents_;  // of this batch
};

}  // namespace track_usage::documents
