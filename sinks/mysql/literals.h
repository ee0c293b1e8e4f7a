// Values as SQL text, for statements of many rows. The session's sql_mode has
// no NO_BACKSLASH_ESCAPES.
#pragma once

#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sinks/sql/connection.h"
#include "src/base/timestamp.h"

namespace track_usage::mysql {

inline void append_quoted(std::string& out, std::string_view text) {
  out += '\'';
  for (auto at = text.find_first_of("'\\"); at != std::string_view::npos; at = text.find_first_of("'\\")) {
    out.append(text.substr(0, at)).append(2, text[at]);
    text.remove_prefix(at + 1);
  }
  out.append(text) += '\'';
}

inline void append_blob(std::string& out, std::string_view bytes) {
  out += "x'";
  for (const char c : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(c));
  out += '\'';
}

// (a, b), (c, d): appends rows to `out`, which is the owner's to send and to clear.
class LiteralWriter {
 public:
  explicit LiteralWriter(std::string& out) : out_(out) {}

  void end_row() {
    if (!first_) out_ += ')';
  }
  void null() { next() += "NULL"; }
  void small(std::int16_t n) { number(n); }
  void number(std::int64_t n) { fmt::format_to(std::back_inserter(next()), "{}", n); }
  void real(double n) { fmt::format_to(std::back_inserter(next()), "{}", n); }
  void flag(bool set) { next() += set ? '1' : '0'; }
  void instant(std::int64_t micros) { next().append(1, '\'').append(sql_time(micros)) += '\''; }
  void date(std::int64_t days) { next().append(1, '\'').append(iso_date(days)) += '\''; }
  void text(std::string_view text) { append_quoted(next(), text); }
  void object(std::string_view json) { append_quoted(next(), json); }
  void hash(const sql::KeyHash& hash) {
    fmt::format_to(std::back_inserter(next()), "x'{:016x}{:016x}'", hash.high, hash.low);
  }

 protected:
  void open_row(bool first) {
    if (!first) out_ += ',';
    out_ += '(';
    first_ = true;
  }

 private:
  std::string& next() {
    if (!first_) out_ += ',';
    first_ = false;
    return out_;
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace track_usage::mysql
