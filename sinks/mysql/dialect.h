// The words of MariaDB and of MySQL.
#pragma once

#include <string>

#include "sinks/sql/dialect.h"

namespace track_usage::mysql {

class Dialect : public sql::Dialect {
 public:
  enum class Server : std::uint8_t { mariadb, mysql };
  Dialect(Server server, std::string database);

  const sql::Words& words() const override { return words_; }
  std::string instant_of(std::string_view micros) const override;
  std::string month_of(std::string_view date) const override;
  std::string literal(const sql::KeyHash& hash) const override;
  std::string quoted(std::string_view name) const override;
  std::string preamble() const override;
  std::string grants(const std::vector<std::string>& tables, const std::vector<std::string>& secret,
                     const std::vector<std::string>& views) const override;

 private:
  const Server server_;
  const std::string database_, table_options_;
  const sql::Words words_;
};

}  // namespace track_usage::mysql
