// The words in which SQL servers differ.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage::sql {

// 128 bits of a key's text: the summaries' tables are unique by it, since no
// server has an index of texts of any length.
struct KeyHash {
  std::uint64_t high, low;
  auto operator<=>(const KeyHash&) const = default;
};

struct Words {
  std::string_view id;                             // the type of a key that the server numbers
  std::string_view text;                           // of any length, compared by its bytes
  std::string_view blob;                           // bytes of any length
  std::string_view object;                         // JSON
  std::string_view instant;                        // UTC, in microseconds
  std::string_view real;                           // double precision
  std::string_view hash;                           // KeyHash
  std::string_view whole;                          // what CAST calls a 64-bit number
  std::string_view create_table = "CREATE TABLE";  // where that is no part of a transaction, of one that is not there
  bool inline_index = false;                       // an index can be made with its table alone
  std::string_view table_options;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual const Words& words() const = 0;
  // The instant that is so many microseconds after 1970; the first date of a
  // date's month; a hash; a name that is a reserved word.
  virtual std::string instant_of(std::string_view micros) const = 0;
  virtual std::string month_of(std::string_view date) const = 0;
  virtual std::string literal(const KeyHash& hash) const = 0;
  virtual std::string quoted(std::string_view name) const = 0;
  // For `schema`: what comes before the tables, and the rights of one who
  // writes them and of one who reads them, but not what is secret.
  virtual std::string preamble() const = 0;
  virtual std::string grants(const std::vector<std::string>& tables, const std::vector<std::string>& secret,
                             const std::vector<std::string>& views) const = 0;
};

}  // namespace track_usage::sql
