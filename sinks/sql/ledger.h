// The ledger's tables: sources, units, runs, rejects and settings. Paths, and
// what was typed, may hold bytes that no server takes for text: they are kept as
// visible() shows them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sinks/sql/connection.h"

namespace track_usage::sql {

class Ledger {
 public:
  Ledger(Connection& server, std::string prefix) : server_(server), prefix_(std::move(prefix)) {}

  std::string setting(std::string_view name);  // empty: there is none
  void set(std::string_view name, std::string_view value);
  std::vector<std::pair<std::string, std::string>> choices();
  // In a table of its own: who may read the store need not know it.
  std::string salt();
  void set_salt(std::string_view salt);

  std::vector<SourceRecord> sources(std::int64_t after = 0);  // with greater ids
  // What a unit makes of its source, which is at `before` in this store and
  // has the id 0 if it is new; returns the id. False id (0): another run has
  // been at the source meanwhile.
  std::int64_t advance(const Unit& unit, std::int64_t id, std::uint64_t before);
  std::int64_t add_unit(const Unit& unit, std::int64_t source, std::int64_t run);
  // Rows of a unit that commands are still to be given.
  void owe(std::int64_t unit, const std::vector<std::string>& hooks);
  std::vector<Owed> owed();
  void settle_owed(const std::string& hook, const std::vector<std::int64_t>& units);
  void touch(const SourceRecord& source);

  std::int64_t begin_run();  // its id
  void end_run(std::int64_t id, const RunRecord& run);
  std::vector<RunRecord> runs();

  void settle_rejects(const Unit& unit, std::int64_t source);
  std::vector<RejectRecord> rejects();

 private:
  std::string table(std::string_view name) const { return prefix_ + "_" + std::string(name); }

  Connection& server_;
  const std::string prefix_;
};

}  // namespace track_usage::sql
