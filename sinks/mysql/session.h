// A session with a MySQL or MariaDB server, by MariaDB's client library.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sinks/mysql/dialect.h"
#include "sinks/sql/connection.h"

struct st_mysql;
struct st_mysql_res;

namespace track_usage::mysql {

struct Address {
  std::string host, user, password, database, socket;
  unsigned port = 0;                      // 0: the library's
  std::string ssl_mode;                   // "", DISABLED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY
  std::string ssl_ca, ssl_cert, ssl_key;  // files
  std::string shown;                      // without secrets
};

class Session : public sql::Connection {
 public:
  // Connects. Throws ServerError, and Error for a server that cannot be used.
  explicit Session(const Address& address);
  ~Session() override;
  Session(const Session&) = delete;

  const sql::Dialect& dialect() const override { return *dialect_; }
  void exec(const std::string& sql) override;
  std::unique_ptr<sql::Result> query(const std::string& sql, std::span<const sql::Value> values) override;
  std::uint64_t change(const std::string& sql, std::span<const sql::Value> values) override;
  std::int64_t insert(const std::string& sql, std::span<const sql::Value> values) override;
  void commit() override;
  void roll_back() override;
  void load_rows(const std::string& table, const sql::StoredRows& rows) override;
  void add_cells(const std::string& table, const Hook& hook, Period period,
                 std::span<const sql::StoredCell> cells) override;
  // By a session of its own, since this one could do nothing else meanwhile: it
  // sees what was committed when it began.
  void stream(const std::string& sql, std::size_t most, const std::function<bool(const sql::Result&)>& visit) override;
  bool try_lock(const std::string& name, Lock lock, std::string& holder) override;
  void lock(const std::string& name) override;
  void unlock(const std::string& name) override;
  void lock_for_transaction(const std::string& name) override;
  bool has_table(const std::string& table) override;
  void reclaim(std::span<const std::string> tables) override;

 private:
  class Rows;
  struct Free {
    void operator()(st_mysql_res* result) const;
  };
  using Answer = std::unique_ptr<st_mysql_res, Free>;

  void connect();
  void prepare_session();
  void run(std::string_view sql);
  Answer answer();
  int wait(int status) const;
  std::string filled(const std::string& sql, std::span<const sql::Value> values) const;
  std::string lock_name(const std::string& name, int slot) const;
  bool get_lock(const std::string& name, int seconds);
  void free_lock(const std::string& name);
  void release_transaction_locks();
  [[noreturn]] void fail() const;

  const Address address_;
  st_mysql* connection_ = nullptr;
  std::optional<Dialect> dialect_;              // once it is known which server it is
  std::size_t piece_ = 0;                       // bytes of a bulk statement
  std::vector<std::string> transaction_locks_;  // by lock_name()
};

}  // namespace track_usage::mysql
