// SQLite, by way of SQLiteCpp: the only place that knows either. Everything
// throws SqliteError; who uses a database says what that means.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace track_usage {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(const std::string& what, int code) : std::runtime_error(what), code(code) {}
  const int code;  // SQLite's extended result code

  bool busy() const;  // another program holds the database
  bool full() const;  // the disk
  bool io() const;    // reading or writing a file failed
  bool not_a_database() const;
  bool read_only() const;  // also: what a reader would have to create, it may not
};

class BulkInsert;
class Statement;

class Database {
 public:
  // follow: read beside a writer, making no file and changing none, which needs
  // the writer's -wal and -shm. immutable: as it stands; nobody may write then.
  enum class Mode : std::uint8_t { read, follow, immutable, write };
  Database(const std::string& path, Mode mode, int busy_timeout_ms);
  ~Database();

  // How long to wait for another program; a signal to stop ends any wait.
  void set_patience(int busy_timeout_ms);

  void exec(const std::string& sql);
  // First column of the first row; `otherwise` if there is none or it is null.
  std::int64_t number(const std::string& sql, std::int64_t otherwise = 0);
  std::string text(const std::string& sql, const std::string& otherwise = {});
  bool has_table(const std::string& name);

  // Prepared once and kept: to prepare one anew each time costs more than most
  // of them. Of each text one use at a time.
  Statement& statement(const std::string& sql);
  BulkInsert& bulk_insert(const std::string& into, int columns, const std::string& conflict = {});
  sqlite3* handle() const;

 private:
  friend class BulkInsert;
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// A prepared statement. SQLiteCpp's own has no way to bind a string_view
// without a copy, so this one stands on the C interface. Bound texts must live
// until the next reset().
class Statement {
 public:
  Statement(Database& database, const std::string& sql);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);
  Statement& bind_real(int index, double value);

  bool step();  // true: a row stands ready
  void run();   // to the end, then reset()
  void reset();

  std::int64_t number(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // until the next step()
  bool null(int column) const;
  bool is_text(int column) const;  // or a blob

 private:
  [[noreturn]] void fail(int code) const;
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// Many rows into a table: INSERT … SELECT from a table that is a block of our
// own memory, which costs SQLite less than values bound to a statement.
class BulkInsert {
 public:
  // `into` is "t" or "t (a, b)"; `conflict` is what follows the rows.
  BulkInsert(Database& database, const std::string& into, int columns, const std::string& conflict = {});

  void begin();
  // The next value of the present row, left to right. Texts must live until end().
  void add(std::int64_t value) { values_.push_back({nullptr, value}); }
  void add(std::string_view text) { values_.push_back({text.data() != nullptr ? text.data() : "", std::ssize(text)}); }
  void add_null() { values_.push_back({nullptr, null}); }
  void end_row() {
    if (values_.size() >= full_) write();
  }
  void end() { write(); }

  // A number, or a text and its size.
  struct Value {
    const char* text;
    std::int64_t number;
  };
  static constexpr std::int64_t null = INT64_MIN;

 private:
  void write();

  Database& database_;
  const std::size_t columns_, full_;
  Statement statement_;
  std::vector<Value> values_;
};

}  // namespace track_usage
