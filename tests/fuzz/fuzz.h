// What the fuzz targets share: a check that aborts, lines of the exact size they
// may be read in, and what must hold of any batch.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "src/row.h"
#include "src/row_text.h"

namespace track_usage::fuzz {

inline void check(bool condition, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%d: this check failed\n", file, line);
  std::abort();
}

// Text that ends at a newline, and 64 bytes behind it and no more.
class Lines {
 public:
  explicit Lines(std::string_view bytes) {
    const bool ended = bytes.ends_with('\n');
    size_ = bytes.size() + (ended ? 0 : 1);
    bytes_ = std::make_unique<char[]>(size_ + 64);
    std::memcpy(bytes_.get(), bytes.data(), bytes.size());
    std::memset(bytes_.get() + bytes.size(), ended ? '"' : '\n', 1);
    std::memset(bytes_.get() + size_, '"', 64);
  }
  std::string_view text() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// Valid UTF-8 without C0, DEL and C1.
inline bool is_safe(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

// JSON, in which no object has a name twice.
inline bool is_json_once(std::string_view text) {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  bool once = true;
  const auto see = [&](int, nlohmann::json::parse_event_t event, const nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key) once = names.back().insert(value.get<std::string>()).second && once;
    return true;
  };
  return !nlohmann::json::parse(text, see, false).is_discarded() && once;
}

inline void check_batch(const Batch& b) {
  const std::size_t n = b.size();
  check(b.counts.stored == n && b.counts.rejected() == b.rejects.size());
  for (const std::size_t size : {b.offset.size(), b.bytes.size(), b.micros.size(), b.status.size(), b.flags.size(),
                                 b.request.size(), b.agent.size()})
    check(size == n);
  for (TextId id = 1; id < b.texts.size(); ++id) check(is_safe(b.texts[id]));
  for (const Request& r : b.requests)
    for (const TextId id : {r.request, r.method, r.url, r.path, r.url_args, r.protocol}) check(id < b.texts.size());
  for (const Agent& a : b.agents)
    for (const TextId id : {a.string, a.browser, a.language, a.platform, a.version, a.bot}) check(id < b.texts.size());
  for (const auto& column : b.own) {
    check(column.empty() || column.size() == n);
    for (const TextId id : column) check(id < b.texts.size());
  }
  for (std::size_t row = 0; row < n; ++row) {
    check(b.request[row] < b.requests.size() && b.agent[row] < b.agents.size());
    check(b.text(Column::url, row) != null_text && b.text(Column::server_name, row) != null_text);
    check(b.status[row] >= no_status && b.status[row] <= 999);
    check((b.bytes[row] == no_number || b.bytes[row] >= 0) && (b.micros[row] == no_number || b.micros[row] >= 0));
  }
}

// A batch's rows as JSON lines, each with its line's offset.
inline void append_rows(std::string& out, const Batch& b) {
  for (std::size_t row = 0; row < b.size(); ++row) {
    out += std::to_string(b.offset[row]);
    append_row_json(out, RowView(b, row));
    out += '\n';
  }
}

}  // namespace track_usage::fuzz
