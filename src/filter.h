// Which rows are kept. Each kind of filter is compiled once and asked once a
// distinct value; the kinds are joined by and, in the order of Filtered.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/row.h"

namespace track_usage {

// As typed; empty means no filter of that kind. Lists are cut at commas
// (outside of braces) by Filter; `!` before an item excludes.
struct FilterOptions {
  std::vector<std::string> include, exclude;  // globs, or re:PATTERN
  std::vector<std::string> status, method, host, remote, agent, username, visitor;
  std::vector<std::string> include_blueprint, exclude_blueprint;  // names
  std::string bots;                                               // drop, only; else: keep
  std::int64_t since = INT64_MIN, until = INT64_MAX;              // microseconds; until is exclusive
};

class Filter {
 public:
  Filter();
  explicit Filter(const FilterOptions& options);  // throws Error (usage) with a caret
  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  bool keeps_all() const;
  // One line that two filters share if and only if they keep the same rows;
  // empty if this one keeps all. For the ledger.
  std::string canonical() const;

  // keep[i] becomes 1 or 0; counts what was left out by its reason. `keep` is
  // left empty if every row stays. Const and called from several threads.
  void apply(const Batch& batch, std::vector<std::uint8_t>& keep, Counts& counts) const;

  // Patterns as typed that no row has met so far in this run, with the option,
  // as "--include '*.php'". From one thread, when the workers have ended.
  std::vector<std::string> unmatched() const;

 private:
  struct Rules;
  std::unique_ptr<Rules> rules_;
};

}  // namespace track_usage
