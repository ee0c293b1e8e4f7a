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

namespace {

constexpr std::size_t rows_a_block = 512;
constexpr std::size_t block_columns = 32;

std::string column_names(std::size_t count) {
  std::string names;
  for (std::size_t c = 0; c < count; ++c) names += fmt::format("{}c{}", names.empty() ? "" : ",", c);
  return names;
}

// The virtual table that BulkInsert selects from: rows as they stand in memory.
struct Block {
  static constexpr const char* table = "temp_block";

  const BulkInsert::Value* values = nullptr;
  std::size_t rows = 0, columns = 0;

  static const sqlite3_module& module();

 private:
  struct Table : sqlite3_vtab {
    const Block* block;
  };
  struct Cursor : sqlite3_vtab_cursor {
    std::size_t row;
    const Block& block() const { return *static_cast<const Table*>(pVtab)->block; }
  };
  static Cursor& of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

  static int connect(sqlite3* database, void* block, int, const char* const*, sqlite3_vtab** table, char**) {
    const std::string columns = fmt::format("CREATE TABLE x({})", column_names(block_columns));
    *table = new Table{{}, static_cast<const Block*>(block)};
    return sqlite3_declare_vtab(database, columns.c_str());
  }
  static int disconnect(sqlite3_vtab* table) {
    delete static_cast<Table*>(table);
    return SQLITE_OK;
  }
  static int best_index(sqlite3_vtab*, sqlite3_index_info*) { return SQLITE_OK; }
  static int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
    *cursor = new Cursor{{}, 0};
    return SQLITE_OK;
  }
  static int close(sqlite3_vtab_cursor* cursor) {
    delete &of(cursor);
    return SQLITE_OK;
  }
  static int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
    of(cursor).row = 0;
    return SQLITE_OK;
  }
  static int next(sqlite3_vtab_cursor* cursor) {
    ++of(cursor).row;
    return SQLITE_OK;
  }
  static int at_end(sqlite3_vtab_cursor* cursor) { return of(cursor).row >= of(cursor).block().rows; }
  static int column(sqlite3_vtab_cursor* cursor, sqlite3_context* result, int column) {
    const Block& block = of(cursor).block();
    const BulkInsert::Value& value = block.values[of(cursor).row * block.columns + static_cast<std::size_t>(column)];
    if (value.text != nullptr)
      sqlite3_result_text64(result, value.text, static_cast<sqlite3_uint64>(value.number), SQLITE_STATIC, SQLITE_UTF8);
    else if (value.number != BulkInsert::null)
      sqlite3_result_int64(result, value.number);
    return SQLITE_OK;
  }
  static int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
    *id = static_cast<sqlite3_int64>(of(cursor).row);
    return SQLITE_OK;
  }
};

const sqlite3_module& Block::module() {
  static const sqlite3_module module = [] {
    sqlite3_module m{};  // no xCreate: the table is there without being made
    m.xConnect = connect;
    m.xDisconnect = disconnect;
    m.xBestIndex = best_index;
    m.xOpen = open;
    m.xClose = close;
    m.xFilter = filter;
    m.xNext = next;
    m.xEof = at_end;
    m.xColumn = column;
    m.xRowid = rowid;
    return m;
  }();
  return module;
}

}  // namespace

struct Database::Inner {
  Inner(const std::string& path, int flags) : database(path, flags) {}

  Block block;  // what a BulkInsert is writing
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
  sqlite3_create_module(handle(), Block::table, &Block::module(), &inner_->block);
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

BulkInsert& Database::bulk_insert(const std::string& into, int columns, const std::string& conflict) {
  auto& kept = inner_->bulk_inserts;
  const auto found = kept.find(into);
  return found != kept.end() ? found->second : kept.try_emplace(into, *this, into, columns, conflict).first->second;
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

BulkInsert::BulkInsert(Database& database, const std::string& into, int columns, const std::string& conflict)
    : database_(database),
      columns_(static_cast<std::size_t>(columns)),
      full_(columns_ * rows_a_block),
      // Without the WHERE, ON CONFLICT would be read as the condition of a join.
      statement_(database, fmt::format("INSERT INTO {} SELECT {} FROM {} WHERE true {}", into,
                                       column_names(static_cast<std::size_t>(columns)), Block::table, conflict)) {
  values_.reserve(full_);
}

void BulkInsert::begin() {
  values_.clear();
}

void BulkInsert::write() {
  database_.inner_->block = {values_.data(), values_.size() / columns_, columns_};
  statement_.run();
  values_.clear();
}

}  // namespace track_usage
