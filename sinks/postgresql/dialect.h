// PostgreSQL's words.
#pragma once

#include <string>

#include "sinks/sql/dialect.h"

namespace track_usage::postgresql {

class Dialect : public sql::Dialect {
 public:
  explicit Dialect(std::string schema) : schema_(std::move(schema)) {}

  const sql::Words& words() const override;
  std::string instant_of(std::string_view micros) const override;
  std::string month_of(std::string_view date) const override;
  std::string literal(const sql::KeyHash& hash) const override;
  std::string quoted(std::string_view name) const override;
  std::string preamble() const override;
  std::string grants(const std::vector<std::string>& tables, const std::vector<std::string>& secret,
                     const std::vector<std::string>& views) const override;

 private:
  const std::string schema_;  // of the tables; empty: the first of the search path
};

}  // namespace track_usage::postgresql
