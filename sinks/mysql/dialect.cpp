#include "sinks/mysql/dialect.h"

#include <fmt/format.h>

namespace track_usage::mysql {

// No collation that folds case or pads with blanks: keys are told apart by their
// bytes. Objects are text: JSON has a limit of depth here, and a row that was
// refused would stop its log.
Dialect::Dialect(Server server, std::string database)
    : server_(server),
      database_(std::move(database)),
      table_options_(fmt::format(" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {}",
                                 server == Server::mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin")),
      words_{.id = "BIGINT AUTO_INCREMENT PRIMARY KEY",
             .text = "LONGTEXT",
             .blob = "LONGBLOB",
             .object = "LONGTEXT",
             .instant = "DATETIME(6)",
             .real = "DOUBLE",
             .hash = "BINARY(16)",
             .whole = "SIGNED",
             .create_table = "CREATE TABLE IF NOT EXISTS",
             .inline_index = true,
             .table_options = table_options_} {}

std::string Dialect::instant_of(std::string_view micros) const {
  return fmt::format("(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL {} MICROSECOND)", micros);
}

std::string Dialect::month_of(std::string_view date) const {
  return fmt::format("CAST(DATE_FORMAT({}, '%Y-%m-01') AS DATE)", date);
}

std::string Dialect::literal(const sql::KeyHash& hash) const {
  return fmt::format("x'{:016x}{:016x}'", hash.high, hash.low);
}

std::string Dialect::quoted(std::string_view name) const {
  std::string out = "`";
  for (const char c : name) out.append(c == '`' ? 2 : 1, c);
  return out + "`";
}

std::string Dialect::preamble() const {
  return fmt::format("{}USE {};\n",
                     server_ == Server::mariadb ? "-- For MariaDB; for MySQL, say utf8mb4_0900_bin.\n" : "",
                     quoted(database_));
}

std::string Dialect::grants(const std::vector<std::string>& tables, const std::vector<std::string>& secret,
                            const std::vector<std::string>& views) const {
  std::string sql = fmt::format("GRANT CREATE TEMPORARY TABLES ON {}.* TO writer;\n", quoted(database_));
  for (const std::string& table : secret)
    sql += fmt::format("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO writer;\n", table);
  for (const std::string& table : tables)
    sql +=
        fmt::format("GRANT SELECT, INSERT, UPDATE, DELETE ON {0} TO writer;\nGRANT SELECT ON {0} TO reader;\n", table);
  for (const std::string& view : views) sql += fmt::format("GRANT SELECT ON {0} TO writer, reader;\n", view);
  return sql;
}

}  // namespace track_usage::mysql
