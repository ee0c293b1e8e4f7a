// PostgreSQL's binary forms of values, as COPY and array parameters have them:
// a length of four bytes and the value, numbers with their highest byte first,
// times from 2000 on.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "sinks/sql/connection.h"

namespace track_usage::postgresql {

constexpr std::int64_t micros_of_2000 = 946'684'800'000'000, days_of_2000 = 10'957;

// Appends values to `out`, which is the owner's to send and to clear.
class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& out) : out_(out) {}

  void null() { raw(std::uint32_t{0xffffffff}); }
  void small(std::int16_t n) { sized(static_cast<std::uint16_t>(n)); }
  void integer(std::int32_t n) { sized(static_cast<std::uint32_t>(n)); }
  void number(std::int64_t n) { sized(static_cast<std::uint64_t>(n)); }
  void real(double n) { sized(std::bit_cast<std::uint64_t>(n)); }
  void flag(bool set) { sized(static_cast<std::uint8_t>(set)); }
  void instant(std::int64_t micros) { number(micros - micros_of_2000); }
  void date(std::int64_t days) { integer(static_cast<std::int32_t>(days - days_of_2000)); }
  void text(std::string_view text) {
    raw(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }
  void object(std::string_view json) {  // jsonb, version 1
    raw(static_cast<std::uint32_t>(json.size() + 1));
    out_.append(1, '\1').append(json);
  }
  void hash(const sql::KeyHash& hash) {
    raw(std::uint32_t{16});
    raw(hash.high);
    raw(hash.low);
  }

  template <typename T>
  void raw(T n) {
    char bytes[sizeof n];
    for (std::size_t i = 0; i < sizeof n; ++i) bytes[i] = static_cast<char>(n >> (8 * (sizeof n - 1 - i)));
    out_.append(bytes, sizeof n);
  }

 private:
  template <typename T>
  void sized(T n) {
    raw(std::uint32_t{sizeof n});
    raw(n);
  }

  std::string& out_;
};

}  // namespace track_usage::postgresql
