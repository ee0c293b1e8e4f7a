#include "src/base/sqlite.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <unordered_map>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "src/base/signals.h"

namespace track_usage {

bool SqliteError::busy() const {
  return (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
}
bool SqliteError::not_a_database() const {
  return (code & 0xff) == SQLITE_NOTADB;
}
bool SqliteError::read_only() const {
  return (code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_CANTOPEN;
}

bool SqliteError::full() const {
  return (code & 0xff) == SQLITE_FULL;
}

bool SqliteError::io() const {
  return (code & 0xff) == SQLITE_IOERR;
}

struct Database::Inner {
  Inner(const std::string& path, int flags) : database(path, flags) {}

  SQLite::Database database;
  // Ended before it is closed.
  std::unordered_map<std::string, Statement> statements;
  std::unordered_map<std::string, BulkInsert> bulk_inserts;
  std::chrono::milliseconds patience{0};
  std::chrono::steady_clock::time_point waiting_since;

  // SQLite asks before every further try, and gives up for 0.
  static int wait(void* self, int tries) {
    auto& inner = *static_cast<Inner*>(self);
    const auto now = std::chrono::steady_clock::now();
    if (tries == 0) inner.waiting_since = now;
    if (stop_signal() != 0 || now - inner.waiting_since >= inner.patience) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(50, 1 + tries)));
    return 1;
  }
};

namespace {

std::string uri_of(const std::string& path, Database::Mode mode) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri + (mode == Database::Mode::immutable ? "?immutable=1" : "?readonly_shm=1");
}

// With the system's reason, which SQLite's own words leave out.
SqliteError error_of(sqlite3* database, std::string what, int code) {
  const int kind = code & 0xff;
  const int cause = database != nullptr ? sqlite3_system_errno(database) : 0;
  if (cause != 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN))
    what += fmt::format(" ({})", std::strerror(cause));
  return {what, code};
}

template <typename F>
auto translated(F&& f, sqlite3* database = nullptr) {
  try {
    return f();
  } catch (const SQLite::Exception& e) {
    throw error_of(database, e.what(), e.getExtendedErrorCode() > 0 ? e.getExtendedErrorCode() : e.getErrorCode());
  }
}

}  // namespace

Database::Database(const std::string& path, Mode mode, int busy_timeout_ms) {
  // Counting what it allocates takes a lock each time, and nobody asks.
  static const int counts_nothing = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)counts_nothing;
  // A reader that may write opens to write as well, and is kept from it below:
  // only then does SQLite clear away the files beside the database at its end.
  const bool by_uri = mode == Mode::immutable || mode == Mode::follow;
  int flags = by_uri ? SQLite::OPEN_READONLY | SQLite::OPEN_URI : SQLite::OPEN_READWRITE;
  if (mode == Mode::write) flags |= SQLite::OPEN_CREATE;
  // One thread at a time uses a connection: a lock for each bound value would
  // cost a tenth of the run.
  flags |= SQLite::OPEN_NOMUTEX;
  inner_ = translated([&] { return std::make_unique<Inner>(by_uri ? uri_of(path, mode) : path, flags); });
  set_patience(busy_timeout_ms);
  // The last to close leaves -wal and -shm there: a reader who may not make
  // them can follow the next writer from its start.
  int keep = 1;
  sqlite3_file_control(handle(), nullptr, SQLITE_FCNTL_PERSIST_WAL, &keep);
  sqlite3_extended_result_codes(handle(), 1);
  if (mode == Mode::read) exec("PRAGMA query_only=ON");
}

Database::~Database() = default;

sqlite3* Database::handle() const {
  return inner_->database.getHandle();
}

void Database::set_patience(int busy_timeout_ms) {
  inner_->patience = std::chrono::milliseconds(busy_timeout_ms);
  sqlite3_busy_handler(handle(), Inner::wait, inner_.get());
}

void Database::exec(const std::string& sql) {
  translated([&] { inner_->database.exec(sql); }, handle());
}

std::int64_t Database::number(const std::string& sql, std::int64_t otherwise) {
  Statement& s = statement(sql);
  const std::int64_t value = s.step() && !s.null(0) ? s.number(0) : otherwise;
  s.reset();
  return value;
}

std::string Database::text(const std::string& sql, const std::string& otherwise) {
  Statement& s = statement(sql);
  std::string value = s.step() && !s.null(0) ? std::string(s.text(0)) : otherwise;
  s.reset();
  return value;
}

Statement& Database::statement(const std::string& sql) {
  auto& kept = inner_->statements;
  const auto found = kept.find(sql);
  return found != kept.end() ? found->second : kept.try_emplace(sql, *this, sql).first->second;
}

BulkInsert& Database::bulk_insert(const std::string& head, int columns, const std::string& tail, int rows) {
  auto& kept = inner_->bulk_inserts;
  const auto found = kept.find(head);
  return found != kept.end() ? found->second : kept.try_emplace(head, *this, head, columns, tail, rows).first->second;
}

bool Database::has_table(const std::string& name) {
  return translated([&] { return inner_->database.tableExists(name); });
}

Statement::Statement(Database& database, const std::string& sql) : database_(database.handle()) {
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement_, nullptr);
  if (code != SQLITE_OK) fail(code);
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

void Statement::fail(int code) const {
  throw error_of(database_, sqlite3_errmsg(database_), code);
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // A null pointer would be taken for NULL.
  sqlite3_bind_text64(statement_, index, text.data() != nullptr ? text.data() : "", text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, index, bytes.data() != nullptr ? bytes.data() : "", bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null(int index) {
  sqlite3_bind_null(statement_, index);
  return *this;
}

Statement& Statement::bind_real(int index, double value) {
  sqlite3_bind_double(statement_, index, value);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(statement_);
  fail(code);
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_);
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}
std::string_view Statement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
bool Statement::is_text(int column) const {
  const int type = sqlite3_column_type(statement_, column);
  return type == SQLITE_TEXT || type == SQLITE_BLOB;
}
bool Statement::null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

namespace {

std::string insert_of(const std::string& head, int columns, int rows, const std::string& tail) {
  std::string row = "(?";
  for (int c = 1; c < columns; ++c) row += ",?";
  row += ')';
  std::string sql = head + ' ' + row;
  for (int r = 1; r < rows; ++r) sql += ',' + row;
  return sql + ' ' + tail;
}

}  // namespace

BulkInsert::BulkInsert(Database& database, const std::string& head, int columns, const std::string& tail, int rows)
    : database_(database), head_(head), tail_(tail), columns_(columns), rows_(rows) {}

Statement& BulkInsert::prepared(std::optional<Statement>& statement, int rows) {
  if (!statement) statement.emplace(database_, insert_of(head_, columns_, rows, tail_));
  return *statement;
}

void BulkInsert::begin(std::size_t rows) {
  left_ = rows;
  bound_ = 0;
  now_ = left_ >= static_cast<std::size_t>(rows_) ? &prepared(many_, rows_) : &prepared(one_, 1);
}

void BulkInsert::end_row() {
  const int rows = many_ && now_ == &*many_ ? rows_ : 1;
  if (bound_ < columns_ * rows) return;
  now_->run();
  left_ -= static_cast<std::size_t>(rows);
  bound_ = 0;
  if (left_ < static_cast<std::size_t>(rows_)) now_ = &prepared(one_, 1);
}

}  // namespace track_usage
