// What a ledger keeps, as JSON documents, for stores that have no tables.
// Paths, and what was typed, are kept as visible() shows them: they may hold
// bytes that are no text. Reading one throws Error (store) if it is not of its kind; what it does not
// have is as in a new record.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/store.h"

namespace track_usage::documents {

std::string document_of(const SourceRecord& source);
SourceRecord source_of(std::string_view document);

// Without its number, which is the store's to give.
std::string document_of(const RunRecord& run);
RunRecord run_of(std::string_view document);

std::string document_of(const RejectRecord& reject);  // the line's bytes in hexadecimal
RejectRecord reject_of(std::string_view document);

std::string document_of(const Settings& settings);
Settings settings_of(std::string_view document);

// A source after a unit of it: `before` is what the store has (nothing: it is
// new there), `now` in seconds since the epoch. The sums grow by the unit's.
SourceRecord advanced(const SourceRecord* before, const Unit& unit, std::int64_t now);

// A unit as the ledger keeps it, without its number.
std::string unit_document(const Unit& unit, std::int64_t source, std::int64_t run, std::int64_t now);

}  // namespace track_usage::documents
