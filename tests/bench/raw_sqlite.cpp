// The yardstick for a store: the rows and cells of a finished database, taken
// into memory and written to a new one by plain prepared statements, in the
// order in which they stand. Prints the seconds. `raw_sqlite FROM.db TO.db`
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "src/base/sqlite.h"

using track_usage::Database;
using track_usage::Statement;

namespace {

using Value = std::variant<std::monostate, std::int64_t, std::string>;

struct Table {
  std::string name;
  int columns = 0;
  std::vector<Value> values;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Database from(argv[1], Database::Mode::read, 0);
  Database to(argv[2], Database::Mode::write, 0);
  to.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=16384");
  std::vector<Table> tables;
  Statement schema(from,
                   "SELECT name, sql, type, (SELECT count(*) FROM pragma_table_info(m.name)) FROM sqlite_master m"
                   " WHERE sql IS NOT NULL AND type IN ('table', 'index') ORDER BY type DESC, rowid");
  while (schema.step()) {
    to.exec(std::string(schema.text(1)));
    if (schema.text(2) == "table")
      tables.push_back({std::string(schema.text(0)), static_cast<int>(schema.number(3)), {}});
  }
  for (Table& table : tables) {
    Statement rows(from, "SELECT * FROM " + table.name);
    while (rows.step())
      for (int c = 0; c < table.columns; ++c) {
        if (rows.null(c))
          table.values.emplace_back();
        else if (rows.is_text(c))
          table.values.emplace_back(std::string(rows.text(c)));
        else
          table.values.emplace_back(rows.number(c));
      }
  }

  const auto begin = std::chrono::steady_clock::now();
  to.exec("BEGIN");
  for (const Table& table : tables) {
    std::string sql = "INSERT INTO " + table.name + " VALUES (?";
    for (int c = 1; c < table.columns; ++c) sql += ",?";
    sql += ")";
    if (table.name.ends_with("_cells"))
      sql += " ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, transfer = transfer + excluded.transfer";
    Statement insert(to, sql);
    int column = 0;
    for (const Value& value : table.values) {
      ++column;
      if (const auto* number = std::get_if<std::int64_t>(&value))
        insert.bind(column, *number);
      else if (const auto* text = std::get_if<std::string>(&value))
        insert.bind(column, std::string_view(*text));
      else
        insert.bind_null(column);
      if (column < table.columns) continue;
      insert.run();
      column = 0;
    }
  }
  to.exec("COMMIT");
  to.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  fmt::print("{:.3f}\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}
