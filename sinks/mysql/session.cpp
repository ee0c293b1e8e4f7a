#include "sinks/mysql/session.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "sinks/mysql/literals.h"
#include "sinks/sql/loading.h"
#include "src/base/hash.h"
#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage::mysql {
namespace {

using sql::ServerError;
using sql::Value;

constexpr unsigned connect_timeout = 10;  // seconds
constexpr std::size_t largest_piece = 1 << 20;
constexpr int shared_slots = 32;  // runs at once
constexpr auto patience_when_asked_to_end = std::chrono::seconds(5);

ServerError::Kind kind_of(unsigned code) {
  switch (code) {
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
      return ServerError::Kind::conflict;
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
      return ServerError::Kind::denied;
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case ER_SERVER_SHUTDOWN:
      return ServerError::Kind::lost;
    default:
      return ServerError::Kind::other;
  }
}

// "... (111)" is what the system said, by its number.
std::string with_reason(std::string message) {
  const auto open = message.rfind('(');
  if (open == std::string::npos || !message.ends_with(')')) return message;
  const auto code = parse_number(std::string_view(message).substr(open + 1, message.size() - open - 2));
  if (!code || *code == 0 || *code >= 200) return message;
  // Of a connection that failed the library tells what it knew when it began.
  const auto number = static_cast<int>(*code);
  message.replace(open, std::string::npos,
                  number == EINPROGRESS ? "connection refused, or no answer" : std::strerror(number));
  return message;
}

const char* or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

// A bulk statement's rows; it is sent when it has become a piece.
class InsertLoader : public LiteralWriter {
 public:
  InsertLoader(std::string& out, std::size_t piece, std::function<void()> send)
      : LiteralWriter(out), out_(out), piece_(piece), send_(std::move(send)) {}
  void begin_row() {
    end_row();
    if (out_.size() >= piece_) {
      send_();
      rows_ = 0;
    }
    open_row(rows_++ == 0);
  }
  bool any() const { return rows_ != 0; }

 private:
  std::string& out_;
  const std::size_t piece_;
  const std::function<void()> send_;
  std::size_t rows_ = 0;
};

}  // namespace

void Session::Free::operator()(st_mysql_res* result) const {
  mysql_free_result(result);
}

// Rows of an answer, or as many of them as were fetched.
class Session::Rows : public sql::Result {
 public:
  explicit Rows(Answer answer) : answer_(std::move(answer)) {
    if (answer_ == nullptr) return;
    while (const MYSQL_ROW row = mysql_fetch_row(answer_.get()))
      add(row, mysql_fetch_lengths(answer_.get()), mysql_num_fields(answer_.get()));
  }
  Rows() = default;

  // Copies the row if its bytes do not stand as long as the answer.
  void add(char** row, const unsigned long* lengths, unsigned columns, bool copy = false) {
    columns_ = columns;
    ++rows_;
    for (unsigned c = 0; c < columns; ++c) {
      if (row[c] == nullptr)
        cells_.emplace_back();
      else if (copy)
        cells_.emplace_back(*kept_.emplace_back(std::make_unique<std::string>(row[c], lengths[c])));
      else
        cells_.emplace_back(row[c], lengths[c]);
    }
  }
  std::size_t size() const override { return rows_; }
  bool null(std::size_t row, int column) const override { return text(row, column).data() == nullptr; }
  std::string_view text(std::size_t row, int column) const override {
    return cells_[row * columns_ + static_cast<std::size_t>(column)];
  }
  std::string blob(std::size_t row, int column) const override { return std::string(text(row, column)); }

 private:
  const Answer answer_;
  std::vector<std::unique_ptr<std::string>> kept_;
  std::vector<std::string_view> cells_;
  std::size_t rows_ = 0, columns_ = 0;
};

Session::Session(const Address& address) : address_(address) {
  connect();
  try {
    prepare_session();
  } catch (...) {
    mysql_close(connection_);
    throw;
  }
}

Session::~Session() {
  mysql_close(connection_);
}

void Session::connect() {
  connection_ = mysql_init(nullptr);
  mysql_options(connection_, MYSQL_OPT_NONBLOCK, nullptr);
  mysql_options(connection_, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
  mysql_options(connection_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const unsigned off = 0;
  mysql_options(connection_, MYSQL_OPT_LOCAL_INFILE, &off);
  if (!address_.ssl_mode.empty() && address_.ssl_mode != "DISABLED") {
    const my_bool yes = 1, verify = address_.ssl_mode != "REQUIRED";
    mysql_options(connection_, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(connection_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    mysql_ssl_set(connection_, or_null(address_.ssl_key), or_null(address_.ssl_cert), or_null(address_.ssl_ca), nullptr,
                  nullptr);
  }
  // An UPDATE that changes nothing has found its row all the same.
  if (mysql_real_connect(connection_, or_null(address_.host), or_null(address_.user), address_.password.c_str(),
                         or_null(address_.database), address_.port, or_null(address_.socket),
                         CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS) != nullptr)
    return;
  const std::string message = with_reason(mysql_error(connection_));
  mysql_close(connection_);
  connection_ = nullptr;
  throw ServerError(ServerError::Kind::lost, message);
}

void Session::prepare_session() {
  const std::string_view server = mysql_get_server_info(connection_);
  const bool maria = server.find("MariaDB") != std::string_view::npos;
  const unsigned long version = mysql_get_server_version(connection_);
  if (version < (maria ? 100'200 : 80'000))
    throw Error(Exit::store, fmt::format("{}: the server is too old: {}", address_.shown, visible(server)),
                "MariaDB 10.2, or MySQL 8.0, or newer");
  exec(
      "SET sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'; SET SESSION TRANSACTION ISOLATION LEVEL READ "
      "COMMITTED");
  dialect_.emplace(maria ? Dialect::Server::mariadb : Dialect::Server::mysql, address_.database);
  const auto packet = static_cast<std::size_t>(number("SELECT @@max_allowed_packet"));
  piece_ = std::min(largest_piece, packet / 4);
}

void Session::fail() const {
  throw ServerError(kind_of(mysql_errno(connection_)), with_reason(mysql_error(connection_)));
}

// Asked to end, a server that answers within seconds is waited for: what it is
// about to commit is then known to be there.
int Session::wait(int status) const {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> end;
  pollfd socket{.fd = mysql_get_socket(connection_), .events = 0, .revents = 0};
  if ((status & MYSQL_WAIT_READ) != 0) socket.events |= POLLIN;
  if ((status & MYSQL_WAIT_WRITE) != 0) socket.events |= POLLOUT;
  while (::poll(&socket, 1, 200) <= 0) {
    if (stop_signal() == 0) continue;
    if (!end) end = Clock::now() + patience_when_asked_to_end;
    if (Clock::now() > *end) throw ServerError(ServerError::Kind::ended, "asked to end");
  }
  return ((socket.revents & (POLLIN | POLLERR | POLLHUP)) != 0 ? MYSQL_WAIT_READ : 0) |
         ((socket.revents & POLLOUT) != 0 ? MYSQL_WAIT_WRITE : 0);
}

void Session::run(std::string_view sql) {
  int failed = 0;
  for (int status = mysql_real_query_start(&failed, connection_, sql.data(), sql.size()); status != 0;)
    status = mysql_real_query_cont(&failed, connection_, wait(status));
  if (failed != 0) fail();
}

Session::Answer Session::answer() {
  MYSQL_RES* result = nullptr;
  for (int status = mysql_store_result_start(&result, connection_); status != 0;)
    status = mysql_store_result_cont(&result, connection_, wait(status));
  if (result == nullptr && mysql_errno(connection_) != 0) fail();
  return Answer(result);
}

void Session::exec(const std::string& sql) {
  run(sql);
  for (;;) {
    answer();
    int more = 0;
    for (int status = mysql_next_result_start(&more, connection_); status != 0;)
      status = mysql_next_result_cont(&more, connection_, wait(status));
    if (more > 0) fail();
    if (more < 0) return;
  }
}

// Parameters stand in the text: statements of a unit are few, and mostly differ.
std::string Session::filled(const std::string& sql, std::span<const Value> values) const {
  std::string out;
  std::size_t next = 0;
  for (const char c : sql) {
    if (c != '?') {
      out += c;
      continue;
    }
    const Value& value = values[next++];
    if (!value.text())
      out += "NULL";
    else if (value.is_blob())
      append_blob(out, *value.text());
    else if (value.is_number())
      out += *value.text();
    else
      append_quoted(out, *value.text());
  }
  return out;
}

std::unique_ptr<sql::Result> Session::query(const std::string& sql, std::span<const Value> values) {
  run(filled(sql, values));
  return std::make_unique<Rows>(answer());
}

std::uint64_t Session::change(const std::string& sql, std::span<const Value> values) {
  run(filled(sql, values));
  return mysql_affected_rows(connection_);
}

std::int64_t Session::insert(const std::string& sql, std::span<const Value> values) {
  run(filled(sql, values));
  return static_cast<std::int64_t>(mysql_insert_id(connection_));
}

void Session::commit() {
  exec("COMMIT");
  release_transaction_locks();
}

void Session::roll_back() {
  exec("ROLLBACK");
  release_transaction_locks();
}

void Session::load_rows(const std::string& table, const sql::StoredRows& rows) {
  const std::string head = fmt::format("INSERT INTO {} ({}) VALUES ", table, sql::row_column_names());
  std::string statement = head;
  InsertLoader loader(statement, piece_, [&] {
    run(statement);
    statement = head;
  });
  sql::load_rows(loader, rows);
  if (!loader.any()) return;
  loader.end_row();
  run(statement);
}

void Session::add_cells(const std::string& table, const Hook& hook, Period period,
                        std::span<const sql::StoredCell> cells) {
  if (cells.empty()) return;
  const std::string head = fmt::format("INSERT INTO {} ({}) VALUES ", table, sql::cell_columns(hook));
  constexpr std::string_view tail =
      " ON DUPLICATE KEY UPDATE hits = hits + VALUES(hits), transfer = transfer + VALUES(transfer)";
  std::string statement = head;
  InsertLoader loader(statement, piece_, [&] {
    run(statement.append(tail));
    statement = head;
  });
  for (const sql::StoredCell& cell : cells) {
    loader.begin_row();
    period == Period::hour ? loader.instant(cell.bucket * 1'000'000) : loader.date(cell.bucket);
    hook.by_number() ? loader.number(cell.number) : loader.text(cell.key);
    loader.number(cell.hits);
    loader.number(cell.transfer);
    if (!hook.by_number()) loader.hash(cell.hash);
  }
  loader.end_row();
  run(statement.append(tail));
}

void Session::stream(const std::string& sql, std::size_t most, const std::function<bool(const sql::Result&)>& visit) {
  Session reader(address_);
  reader.run(sql);
  const Answer all(mysql_use_result(reader.connection_));
  if (all == nullptr) reader.fail();
  const unsigned columns = mysql_num_fields(all.get());
  for (bool more = true; more;) {
    Rows some;
    MYSQL_ROW row = nullptr;
    while (some.size() < most) {
      for (int status = mysql_fetch_row_start(&row, all.get()); status != 0;)
        status = mysql_fetch_row_cont(&row, all.get(), reader.wait(status));
      if (row == nullptr) break;
      some.add(row, mysql_fetch_lengths(all.get()), columns, true);
    }
    if (row == nullptr && mysql_errno(reader.connection_) != 0) reader.fail();
    more = some.size() != 0 && visit(some) && row != nullptr;
    // Else the rest would be read before the answer can be freed.
    if (!more && row != nullptr) ::shutdown(mysql_get_socket(reader.connection_), SHUT_RDWR);
  }
}

// Of the server: other databases may have tables of one name. 64 bytes at most.
std::string Session::lock_name(const std::string& name, int slot) const {
  return fmt::format("track-usage-{:016x}-{}", hash_text(address_.database + " " + name), slot);
}

bool Session::get_lock(const std::string& name, int seconds) {
  const Value values[] = {name, std::int64_t{seconds}};
  return number("SELECT GET_LOCK(?, ?)", values) == 1;
}

void Session::free_lock(const std::string& name) {
  const Value values[] = {name};
  query("SELECT RELEASE_LOCK(?)", values);
}

// The server has no shared locks by name: a shared one is one of many, and who
// wants to be alone takes them all.
bool Session::try_lock(const std::string& name, Lock lock, std::string& holder) {
  std::vector<std::string> taken;
  for (int slot = 0; slot < shared_slots; ++slot) {
    const std::string one = lock_name(name, slot);
    if (get_lock(one, 0)) {
      if (lock == Lock::shared) return true;
      taken.push_back(one);
      continue;
    }
    const Value values[] = {one};
    const std::int64_t id = number("SELECT IS_USED_LOCK(?)", values);
    holder = fmt::format("the server's connection {}", id);
    if (lock == Lock::shared) continue;
    for (const std::string& got : taken) free_lock(got);
    return false;
  }
  return lock == Lock::alone;
}

void Session::lock(const std::string& name) {
  while (!get_lock(lock_name(name, 0), 1))
    if (stop_signal() != 0) throw ServerError(ServerError::Kind::ended, "asked to end");
}

void Session::unlock(const std::string& name) {
  free_lock(lock_name(name, 0));
}

void Session::lock_for_transaction(const std::string& name) {
  lock(name);
  transaction_locks_.push_back(lock_name(name, 0));
}

void Session::release_transaction_locks() {
  for (const std::string& name : transaction_locks_) free_lock(name);
  transaction_locks_.clear();
}

bool Session::has_table(const std::string& table) {
  const Value names[] = {table};
  return number("SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
                names) != 0;
}

// InnoDB gives room back to its tables by itself.
void Session::reclaim(std::span<const std::string>) {}

}  // namespace track_usage::mysql
