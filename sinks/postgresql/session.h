// A session with a PostgreSQL server, by libpq.
#pragma once

#include <memory>
#include <string>

#include "sinks/postgresql/dialect.h"
#include "sinks/sql/connection.h"

struct pg_conn;
struct pg_result;

namespace track_usage::postgresql {

struct Address {
  std::string uri;     // as libpq reads it, settings of ours taken out
  std::string shown;   // without secrets
  std::string schema;  // of the tables; empty: the first of the search path
  bool create = true;  // the schema, if it is missing
};

class Session : public sql::Connection {
 public:
  // Connects. Throws ServerError, and Error for a server that cannot be used.
  explicit Session(const Address& address);
  ~Session() override;
  Session(const Session&) = delete;

  const sql::Dialect& dialect() const override { return dialect_; }
  void exec(const std::string& sql) override;
  std::unique_ptr<sql::Result> query(const std::string& sql, std::span<const sql::Value> values) override;
  std::uint64_t change(const std::string& sql, std::span<const sql::Value> values) override;
  std::int64_t insert(const std::string& sql, std::span<const sql::Value> values) override;
  void load_rows(const std::string& table, const sql::StoredRows& rows) override;
  void add_cells(const std::string& table, const Hook& hook, Period period,
                 std::span<const sql::StoredCell> cells) override;
  void stream(const std::string& sql, std::size_t most, const std::function<bool(const sql::Result&)>& visit) override;
  bool try_lock(const std::string& name, Lock lock, std::string& holder) override;
  void lock(const std::string& name) override;
  void unlock(const std::string& name) override;
  void lock_for_transaction(const std::string& name) override;
  bool has_table(const std::string& table) override;
  void reclaim(std::span<const std::string> tables) override;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  using Answer = std::unique_ptr<pg_result, Clear>;
  class Rows;

  void connect();
  void prepare_session();
  // Binary parameters of the types `oids`, or all as text.
  struct Parameters;
  Answer run(const std::string& sql, const Parameters& parameters);
  Answer answer();  // the last of what was sent
  // Until the socket can be read, or written as well.
  void wait(bool write);
  void put(std::string_view bytes);
  void flush();
  [[noreturn]] void fail(const pg_result* result) const;
  std::int64_t key_of(const std::string& lock) const;

  const Address address_;
  const Dialect dialect_;
  pg_conn* connection_ = nullptr;
};

}  // namespace track_usage::postgresql
