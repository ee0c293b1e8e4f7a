// One session with an SQL server, as the stores on such servers need it. What
// is alike on all of them is written once in this folder, over this interface;
// a server's folder has its client library, its words and its bulk loader.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/sql/dialect.h"
#include "src/store.h"

namespace track_usage::sql {

// What the server or its client library says, in one line.
class ServerError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    other,
    lost,      // no connection, or none any more
    conflict,  // a deadlock or a lost race: the same transaction may do if tried again
    denied,    // a right is missing
    ended,     // asked to end by a signal while waiting
  };
  ServerError(Kind kind, const std::string& what) : std::runtime_error(what), kind(kind) {}
  const Kind kind;
};

// A parameter of a statement, as text.
class Value {
 public:
  Value(std::nullopt_t) {}
  Value(std::int64_t number) : text_(std::to_string(number)), number_(true) {}
  Value(std::string_view text) : text_(text) {}
  Value(const std::string& text) : text_(text) {}
  Value(const char* text) : text_(text) {}
  static Value blob(std::string_view bytes) {
    Value value(bytes);
    value.blob_ = true;
    return value;
  }
  // Null where it is `none`.
  static Value unless(std::int64_t none, std::int64_t number) {
    return number == none ? Value(std::nullopt) : Value(number);
  }

  const std::optional<std::string>& text() const { return text_; }
  bool is_blob() const { return blob_; }
  bool is_number() const { return number_; }

 private:
  std::optional<std::string> text_;
  bool blob_ = false, number_ = false;
};

// All rows of an answer, in memory. Views stand as long as it does.
class Result {
 public:
  virtual ~Result() = default;
  virtual std::size_t size() const = 0;
  virtual bool null(std::size_t row, int column) const = 0;
  virtual std::string_view text(std::size_t row, int column) const = 0;  // null: no data()
  virtual std::string blob(std::size_t row, int column) const = 0;

  std::int64_t number(std::size_t row, int column, std::int64_t otherwise = 0) const;
  double real(std::size_t row, int column) const;
};

struct StoredCell {
  std::int64_t bucket;   // as in Cell
  KeyHash hash;          // of a text
  std::string_view key;  // borrowed; of a text
  std::int64_t number;   // of a number
  std::int64_t hits, transfer;
};

struct StoredRows {
  const Batch* batch;
  std::int64_t source, unit;
};

// One thread at a time. All throw ServerError; a connection that is lost stays so.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual const Dialect& dialect() const = 0;
  // Statements without parameters or answers.
  virtual void exec(const std::string& sql) = 0;
  void begin() { exec("BEGIN"); }
  virtual void commit() { exec("COMMIT"); }
  virtual void roll_back() { exec("ROLLBACK"); }
  // One statement, its parameters marked ?. There is no ? in it otherwise.
  virtual std::unique_ptr<Result> query(const std::string& sql, std::span<const Value> values = {}) = 0;
  // As query(); how many rows it changed.
  virtual std::uint64_t change(const std::string& sql, std::span<const Value> values = {}) = 0;
  // An INSERT; the id that the server gave its row.
  virtual std::int64_t insert(const std::string& sql, std::span<const Value> values = {}) = 0;

  // In bulk, within a transaction. Rows into `table` (schema.h has its columns);
  // cells, in the order of their buckets and keys, added to those of `table`.
  virtual void load_rows(const std::string& table, const StoredRows& rows) = 0;
  virtual void add_cells(const std::string& table, const Hook& hook, Period period,
                         std::span<const StoredCell> cells) = 0;

  // Rows of `sql`, at most `most` at a time, within a transaction.
  virtual void stream(const std::string& sql, std::size_t most, const std::function<bool(const Result&)>& visit) = 0;

  // Locks called `name`. Those of a session stand until it ends.
  enum class Lock : std::uint8_t { shared, alone };
  // False, and who has it, if a session has one that excludes it.
  virtual bool try_lock(const std::string& name, Lock lock, std::string& holder) = 0;
  // Waits; until unlock() or the session's end.
  virtual void lock(const std::string& name) = 0;
  virtual void unlock(const std::string& name) = 0;
  // Waits; until the transaction's end.
  virtual void lock_for_transaction(const std::string& name) = 0;

  virtual bool has_table(const std::string& table) = 0;
  // After a large removal: the space is the tables' again.
  virtual void reclaim(std::span<const std::string> tables) = 0;

  std::int64_t number(const std::string& sql, std::span<const Value> values = {}, std::int64_t otherwise = 0);
};

}  // namespace track_usage::sql
