#include "sinks/postgresql/session.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "sinks/postgresql/binary.h"
#include "sinks/sql/loading.h"
#include "src/base/hash.h"
#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage::postgresql {
namespace {

using sql::ServerError;
using sql::Value;

constexpr int oldest_server = 100'000;  // identity columns came with 10
constexpr auto patience_when_asked_to_end = std::chrono::seconds(5);
// Types' numbers, which never change.
constexpr Oid oid_bytes = 17, oid_int8 = 20, oid_int4 = 23, oid_text = 25, oid_date = 1082, oid_timestamptz = 1184,
              oid_uuid = 2950;
constexpr Oid oid_int4s = 1007, oid_texts = 1009, oid_int8s = 1016, oid_dates = 1182, oid_timestamptzs = 1185,
              oid_uuids = 2951;

// libpq's messages have several lines, and the last one its newline.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\t' || c == ' ';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// ? to $1, $2 ...
std::string numbered(const std::string& sql) {
  std::string out;
  int number = 0;
  for (const char c : sql) c == '?' ? out.append(fmt::format("${}", ++number)) : out.append(1, c);
  return out;
}

ServerError::Kind kind_of(std::string_view state) {
  if (state == "40P01" || state == "40001") return ServerError::Kind::conflict;
  if (state == "42501") return ServerError::Kind::denied;
  if (state.empty() || state.starts_with("08") || state.starts_with("57P")) return ServerError::Kind::lost;
  return ServerError::Kind::other;
}

// One parameter that is an array of so many values.
class Array {
 public:
  Array(Oid element, std::size_t size) : writer_(bytes_) {
    for (const std::uint32_t n : {1u, 0u, static_cast<std::uint32_t>(element), static_cast<std::uint32_t>(size), 1u})
      writer_.raw(n);
  }
  BinaryWriter& add() { return writer_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  BinaryWriter writer_;
};

// Rows go out in pieces, as they are written.
class CopyLoader : public BinaryWriter {
 public:
  CopyLoader(std::string& out, std::function<void()> send) : BinaryWriter(out), out_(out), send_(std::move(send)) {}
  void begin_row() {
    if (out_.size() >= piece) send_();
    raw(static_cast<std::uint16_t>(sql::row_columns.size()));
  }

 private:
  static constexpr std::size_t piece = 256 << 10;
  std::string& out_;
  const std::function<void()> send_;
};

}  // namespace

class Session::Rows : public sql::Result {
 public:
  explicit Rows(Answer answer) : answer_(std::move(answer)) {}
  std::size_t size() const override { return static_cast<std::size_t>(PQntuples(answer_.get())); }
  bool null(std::size_t row, int column) const override {
    return PQgetisnull(answer_.get(), static_cast<int>(row), column) != 0;
  }
  std::string_view text(std::size_t row, int column) const override {
    if (null(row, column)) return {};
    return {PQgetvalue(answer_.get(), static_cast<int>(row), column),
            static_cast<std::size_t>(PQgetlength(answer_.get(), static_cast<int>(row), column))};
  }
  std::string blob(std::size_t row, int column) const override {  // \x and hexadecimal
    const std::string_view hex = text(row, column).substr(std::min<std::size_t>(2, text(row, column).size()));
    std::string bytes(hex.size() / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      unsigned value = 0;
      std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
      bytes[i] = static_cast<char>(value);
    }
    return bytes;
  }

 private:
  const Answer answer_;
};

struct Session::Parameters {
  std::vector<Oid> types;
  std::vector<std::string> owned;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;

  Parameters() = default;
  explicit Parameters(std::span<const Value> from) {
    owned.reserve(from.size());
    for (const Value& value : from) {
      if (value.is_blob()) {
        std::string hex = "\\x";
        for (const char c : *value.text()) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
        owned.push_back(std::move(hex));
      } else {
        owned.push_back(value.text().value_or(""));
      }
      types.push_back(value.is_blob() ? oid_bytes : 0);
      values.push_back(value.text() ? owned.back().c_str() : nullptr);
      lengths.push_back(0);
      formats.push_back(0);
    }
  }
  void add(Oid type, const std::string& bytes) {
    types.push_back(type);
    values.push_back(bytes.data());
    lengths.push_back(static_cast<int>(bytes.size()));
    formats.push_back(1);
  }
};

void Session::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

Session::Session(const Address& address) : address_(address), dialect_(address.schema) {
  connect();
  try {
    prepare_session();
  } catch (...) {
    PQfinish(connection_);
    throw;
  }
}

Session::~Session() {
  PQfinish(connection_);
}

void Session::connect() {
  // What the URI says counts more than what stands before it.
  const char* const names[] = {"connect_timeout", "fallback_application_name", "dbname", "client_encoding", nullptr};
  const char* const values[] = {"10", "track-usage", address_.uri.c_str(), "UTF8", nullptr};
  connection_ = PQconnectdbParams(names, values, 1);
  if (PQstatus(connection_) == CONNECTION_OK) return;
  std::string message = one_line(PQerrorMessage(connection_));
  PQfinish(connection_);
  connection_ = nullptr;
  // libpq repeats a URI that it cannot read.
  if (const auto at = message.find(address_.uri); at != std::string::npos)
    message.replace(at, address_.uri.size(), address_.shown);
  throw ServerError(ServerError::Kind::lost, message);
}

void Session::prepare_session() {
  const int version = PQserverVersion(connection_);
  if (version < oldest_server)
    throw Error(
        Exit::store,
        fmt::format("{}: PostgreSQL {} is too old", address_.shown, PQparameterStatus(connection_, "server_version")),
        "10 or newer is needed");
  if (const std::string_view encoding = PQparameterStatus(connection_, "server_encoding"); encoding != "UTF8")
    throw Error(Exit::store, fmt::format("{}: the database's encoding is {}", address_.shown, visible(encoding)),
                "createdb --encoding=UTF8 --template=template0 makes one that takes every log");
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  PQsetnonblocking(connection_, 1);
  exec("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex'; SET client_min_messages = warning");
  if (address_.schema.empty()) return;
  const std::string name = dialect_.quoted(address_.schema);
  if (number("SELECT count(*) FROM pg_namespace WHERE nspname = ?", std::array{Value(address_.schema)}) == 0) {
    if (!address_.create)
      throw Error(Exit::store, fmt::format("{} has no schema '{}'", address_.shown, visible(address_.schema)));
    exec("CREATE SCHEMA IF NOT EXISTS " + name);
  }
  exec("SET search_path = " + name);
}

void Session::fail(const pg_result* result) const {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const bool gone = PQstatus(connection_) == CONNECTION_BAD;
  throw ServerError(gone ? ServerError::Kind::lost : kind_of(state == nullptr ? "" : state),
                    one_line(primary != nullptr ? primary : PQerrorMessage(connection_)));
}

// Asked to end, a server that answers within seconds is waited for: what it is
// about to commit is then known to be there.
void Session::wait(bool write) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> end;
  pollfd socket{
      .fd = PQsocket(connection_), .events = static_cast<short>(POLLIN | (write ? POLLOUT : 0)), .revents = 0};
  while (::poll(&socket, 1, 200) <= 0) {
    if (stop_signal() == 0) continue;
    if (!end) end = Clock::now() + patience_when_asked_to_end;
    if (Clock::now() > *end) throw ServerError(ServerError::Kind::ended, "asked to end");
  }
}

void Session::flush() {
  for (int left = PQflush(connection_); left != 0; left = PQflush(connection_)) {
    if (left < 0) fail(nullptr);
    wait(true);
    if (PQconsumeInput(connection_) == 0) fail(nullptr);
  }
}

Session::Answer Session::answer() {
  flush();
  Answer last;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      wait(false);
      if (PQconsumeInput(connection_) == 0) fail(nullptr);
    }
    Answer next(PQgetResult(connection_));
    if (next == nullptr) break;
    const ExecStatusType status = PQresultStatus(next.get());
    const bool failed = last != nullptr && PQresultStatus(last.get()) == PGRES_FATAL_ERROR;
    if (!failed) last = std::move(next);
    if (status == PGRES_COPY_IN) return last;
  }
  if (last == nullptr) fail(nullptr);
  const ExecStatusType status = PQresultStatus(last.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN && status != PGRES_EMPTY_QUERY)
    fail(last.get());
  return last;
}

void Session::exec(const std::string& sql) {
  if (PQsendQuery(connection_, sql.c_str()) == 0) fail(nullptr);
  answer();
}

Session::Answer Session::run(const std::string& sql, const Parameters& p) {
  if (PQsendQueryParams(connection_, numbered(sql).c_str(), static_cast<int>(p.values.size()), p.types.data(),
                        p.values.data(), p.lengths.data(), p.formats.data(), 0) == 0)
    fail(nullptr);
  return answer();
}

std::unique_ptr<sql::Result> Session::query(const std::string& sql, std::span<const Value> values) {
  return std::make_unique<Rows>(run(sql, Parameters(values)));
}

std::uint64_t Session::change(const std::string& sql, std::span<const Value> values) {
  const Answer changed = run(sql, Parameters(values));
  return parse_number(PQcmdTuples(changed.get())).value_or(0);
}

std::int64_t Session::insert(const std::string& sql, std::span<const Value> values) {
  return query(sql + " RETURNING id", values)->number(0, 0);
}

void Session::put(std::string_view bytes) {
  for (;;) {
    const int taken = PQputCopyData(connection_, bytes.data(), static_cast<int>(bytes.size()));
    if (taken > 0) break;
    if (taken < 0) fail(nullptr);
    wait(true);
    if (PQconsumeInput(connection_) == 0) fail(nullptr);
  }
  flush();
}

void Session::load_rows(const std::string& table, const sql::StoredRows& rows) {
  exec(fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", table, sql::row_column_names()));
  std::string piece("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  CopyLoader loader(piece, [&] {
    put(piece);
    piece.clear();
  });
  sql::load_rows(loader, rows);
  loader.raw(std::uint16_t{0xffff});
  put(piece);
  while (PQputCopyEnd(connection_, nullptr) == 0) wait(true);
  answer();
}

void Session::add_cells(const std::string& table, const Hook& hook, Period period,
                        std::span<const sql::StoredCell> cells) {
  constexpr std::size_t cells_a_statement = 50'000;
  const bool by_number = hook.by_number(), hourly = period == Period::hour;
  const std::string sql = fmt::format(
      "INSERT INTO {0} ({1}) SELECT * FROM unnest(?, ?, ?, ?{2}) ON CONFLICT ({3}) DO UPDATE SET hits = {0}.hits + "
      "excluded.hits, transfer = {0}.transfer + excluded.transfer",
      table, sql::cell_columns(hook), by_number ? "" : ", ?", sql::cell_key(hook));
  while (!cells.empty()) {
    const auto some = cells.first(std::min(cells.size(), cells_a_statement));
    cells = cells.subspan(some.size());
    Array dates(hourly ? oid_timestamptz : oid_date, some.size()), keys(by_number ? oid_int4 : oid_text, some.size()),
        hits(oid_int8, some.size()), transfers(oid_int8, some.size()), hashes(oid_uuid, some.size());
    for (const sql::StoredCell& cell : some) {
      hourly ? dates.add().instant(cell.bucket * 1'000'000) : dates.add().date(cell.bucket);
      by_number ? keys.add().integer(static_cast<std::int32_t>(cell.number)) : keys.add().text(cell.key);
      hits.add().number(cell.hits);
      transfers.add().number(cell.transfer);
      if (!by_number) hashes.add().hash(cell.hash);
    }
    Parameters parameters;
    parameters.add(hourly ? oid_timestamptzs : oid_dates, dates.bytes());
    parameters.add(by_number ? oid_int4s : oid_texts, keys.bytes());
    parameters.add(oid_int8s, hits.bytes());
    parameters.add(oid_int8s, transfers.bytes());
    if (!by_number) parameters.add(oid_uuids, hashes.bytes());
    run(sql, parameters);
  }
}

void Session::stream(const std::string& sql, std::size_t most, const std::function<bool(const sql::Result&)>& visit) {
  exec("DECLARE track_usage_rows NO SCROLL CURSOR FOR " + sql);
  for (bool more = true; more;) {
    const auto some = query(fmt::format("FETCH {} FROM track_usage_rows", most), {});
    more = some->size() != 0 && visit(*some) && some->size() == most;
  }
  exec("CLOSE track_usage_rows");
}

// Of this database: schemas may have tables of one name.
std::int64_t Session::key_of(const std::string& lock) const {
  return static_cast<std::int64_t>(hash_text(fmt::format("track-usage {} {}", address_.schema, lock)));
}

bool Session::try_lock(const std::string& name, Lock lock, std::string& holder) {
  const std::int64_t key = key_of(name);
  const Value keys[] = {key};
  const auto got = query(fmt::format("SELECT pg_try_advisory_lock{}(?)", lock == Lock::shared ? "_shared" : ""), keys);
  if (got->text(0, 0) == "t") return true;
  const auto who = query(
      "SELECT a.pid, coalesce(host(a.client_addr), 'this machine'), to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS') "
      "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND "
      "l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND "
      "(l.classid::bigint << 32 | l.objid::bigint) = ? ORDER BY a.backend_start LIMIT 1",
      keys);
  if (who->size() != 0)
    holder = fmt::format("server process {} for {}, since {} UTC", who->text(0, 0), who->text(0, 1), who->text(0, 2));
  return false;
}

void Session::lock(const std::string& name) {
  const Value keys[] = {key_of(name)};
  query("SELECT pg_advisory_lock(?)", keys);
}

void Session::unlock(const std::string& name) {
  const Value keys[] = {key_of(name)};
  query("SELECT pg_advisory_unlock(?)", keys);
}

void Session::lock_for_transaction(const std::string& name) {
  const Value keys[] = {key_of(name)};
  query("SELECT pg_advisory_xact_lock(?)", keys);
}

bool Session::has_table(const std::string& table) {
  // Not to_regclass(), which within a transaction may not see what another has just committed.
  const Value names[] = {table};
  return number("SELECT count(*) FROM pg_class WHERE relname = ? AND pg_table_is_visible(oid)", names) != 0;
}

void Session::reclaim(std::span<const std::string> tables) {
  for (const std::string& table : tables) exec("VACUUM " + table);
}

}  // namespace track_usage::postgresql
