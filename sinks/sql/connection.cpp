#include "sinks/sql/connection.h"

#include <charconv>

namespace track_usage::sql {
namespace {

template <typename T>
T parsed(std::string_view text, T otherwise) {
  T value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::int64_t Result::number(std::size_t row, int column, std::int64_t otherwise) const {
  return parsed(text(row, column), otherwise);
}

double Result::real(std::size_t row, int column) const {
  return parsed(text(row, column), 0.0);
}

std::int64_t Connection::number(const std::string& sql, std::span<const Value> values, std::int64_t otherwise) {
  const auto result = query(sql, values);
  return result->size() == 0 || result->null(0, 0) ? otherwise : result->number(0, 0, otherwise);
}

}  // namespace track_usage::sql
