#include "src/enrich/mmdb.h"

#include <arpa/inet.h>
#include <maxminddb.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <iterator>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "src/base/address.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

// What is read of a file before it is trusted: all of a small one, and enough to
// meet a country in any that has them, within some milliseconds.
constexpr std::size_t sample_nodes = 200'000, sample_records = 2'000;
// A country's many networks share one record, and to read one costs some 15 µs.
constexpr std::size_t most_records = 10'000;
constexpr std::size_t most_text = 64 * 1024;  // of a record, its names in all languages included

// A record's list of values as JSON text. MaxMind's maps of names have eight
// languages, which would be most of every row: only the English one is kept.
class RecordText {
 public:
  explicit RecordText(MMDB_entry_data_list_s* first) : next_(first) { ok_ = value(0); }

  bool ok() const { return ok_; }
  const std::string& text() const { return text_; }

 private:
  MMDB_entry_data_list_s* next_;
  std::string text_;
  bool ok_;

  static std::string_view bytes_of(const MMDB_entry_data_s& data) { return {data.utf8_string, data.data_size}; }

  // The next value with what it holds; false if the record is broken or too large.
  bool value(int depth) {  // NOLINT(misc-no-recursion)
    if (next_ == nullptr || depth > most_geo_depth || text_.size() > most_text) return false;
    const MMDB_entry_data_s& data = next_->entry_data;
    next_ = next_->next;
    switch (data.type) {
      case MMDB_DATA_TYPE_MAP:
        return map(data.data_size, depth);
      case MMDB_DATA_TYPE_ARRAY:
        text_ += '[';
        for (std::uint32_t i = 0; i < data.data_size; ++i) {
          if (i > 0) text_ += ',';
          if (!value(depth + 1)) return false;
        }
        text_ += ']';
        return true;
      default:
        scalar(data);
        return true;
    }
  }

  bool map(std::uint32_t size, int depth) {  // NOLINT(misc-no-recursion)
    text_ += '{';
    for (std::uint32_t i = 0; i < size; ++i) {
      if (next_ == nullptr || next_->entry_data.type != MMDB_DATA_TYPE_UTF8_STRING) return false;
      const std::string_view key = bytes_of(next_->entry_data);
      next_ = next_->next;
      if (i > 0) text_ += ',';
      string(key);
      text_ += ':';
      const std::size_t begins = text_.size();
      if (!value(depth + 1)) return false;
      if (key == "names" && text_[begins] == '{') text_.replace(begins, std::string::npos, english(begins));
    }
    text_ += '}';
    return true;
  }

  // {"en":…} of the map that stands from `begins` on.
  std::string english(std::size_t begins) const {
    constexpr std::string_view key = "\"en\":\"";
    const auto at = text_.find(key, begins);
    if (at == std::string::npos) return text_.substr(begins);
    auto end = at + key.size();
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    return fmt::format("{{{}}}", std::string_view(text_).substr(at, end + 1 - at));
  }

  // In its own right valid UTF-8, as JSON has to be.
  void string(std::string_view bytes) {
    std::string safe;
    append_text(safe, bytes);
    append_json(text_, safe);
  }

  void number(double n) {
    if (std::isfinite(n))
      fmt::format_to(std::back_inserter(text_), "{}", n);
    else
      text_ += "null";
  }

  void scalar(const MMDB_entry_data_s& data) {
    const auto to = std::back_inserter(text_);
    switch (data.type) {
      case MMDB_DATA_TYPE_UTF8_STRING:
        return string(bytes_of(data));
      case MMDB_DATA_TYPE_DOUBLE:
        return number(data.double_value);
      case MMDB_DATA_TYPE_FLOAT:
        if (!std::isfinite(data.float_value)) return number(NAN);
        fmt::format_to(to, "{}", data.float_value);  // as a float: 0.1 is no 0.10000000149
        return;
      case MMDB_DATA_TYPE_UINT16:
        fmt::format_to(to, "{}", data.uint16);
        return;
      case MMDB_DATA_TYPE_UINT32:
        fmt::format_to(to, "{}", data.uint32);
        return;
      case MMDB_DATA_TYPE_UINT64:
        fmt::format_to(to, "{}", data.uint64);
        return;
      case MMDB_DATA_TYPE_INT32:
        fmt::format_to(to, "{}", data.int32);
        return;
      case MMDB_DATA_TYPE_BOOLEAN:
        text_ += data.boolean ? "true" : "false";
        return;
      default:  // bytes and 128-bit numbers, which nobody uses
        text_ += "null";
    }
  }
};

struct ListEnd {
  void operator()(MMDB_entry_data_list_s* list) const { MMDB_free_entry_data_list(list); }
};

Mmdb::Find read_record(MMDB_entry_s entry, GeoAnswer& out) {
  MMDB_entry_data_list_s* first = nullptr;
  const int code = MMDB_get_entry_data_list(&entry, &first);
  const std::unique_ptr<MMDB_entry_data_list_s, ListEnd> list(first);
  if (code != MMDB_SUCCESS) return Mmdb::Find::damaged;
  const RecordText record(first);
  if (!record.ok()) return Mmdb::Find::damaged;
  JudgedGeoAnswer judged = read_geo_answer(record.text(), false);
  if (judged.verdict != GeoVerdict::known) return Mmdb::Find::nothing;
  out = std::move(judged.answer);
  return Mmdb::Find::found;
}

std::string text_of(const char* text) {
  return text == nullptr ? "" : visible(text);
}

}  // namespace

struct Mmdb::Inner {
  MMDB_s db{};
  bool open = false;
  std::mutex mutex;                                                       // of records
  std::unordered_map<std::uint32_t, std::pair<Find, GeoAnswer>> records;  // by offset

  Find record(const MMDB_entry_s& entry, GeoAnswer& out) {
    {
      const std::lock_guard lock(mutex);
      if (const auto kept = records.find(entry.offset); kept != records.end()) {
        out = kept->second.second;
        return kept->second.first;
      }
    }
    const Find find = read_record(entry, out);
    const std::lock_guard lock(mutex);
    if (records.size() < most_records) records.try_emplace(entry.offset, find, out);
    return find;
  }

  ~Inner() {
    if (open) MMDB_close(&db);
  }

  enum class Sample : std::uint8_t { countries, none, damaged };
  // Walks the tree from its first network on.
  Sample sample() const {
    std::vector<std::uint32_t> nodes = {0};
    std::size_t seen = 0, records = 0;
    bool countries = false;
    while (!nodes.empty() && seen++ < sample_nodes && records < sample_records) {
      MMDB_search_node_s node{};
      const std::uint32_t number = nodes.back();
      nodes.pop_back();
      if (MMDB_read_node(&db, number, &node) != MMDB_SUCCESS) return Sample::damaged;
      const auto look = [&](std::uint64_t record, std::uint8_t type, const MMDB_entry_s& entry) {
        if (type == MMDB_RECORD_TYPE_SEARCH_NODE) nodes.push_back(static_cast<std::uint32_t>(record));
        if (type == MMDB_RECORD_TYPE_INVALID) return Sample::damaged;
        if (type != MMDB_RECORD_TYPE_DATA) return Sample::none;
        ++records;
        GeoAnswer answer;
        if (read_record(entry, answer) == Find::damaged) return Sample::damaged;
        return answer.country.empty() ? Sample::none : Sample::countries;
      };
      // The right one first: the left one is then on top, and its networks come first.
      const Sample right = look(node.right_record, node.right_record_type, node.right_record_entry);
      const Sample left = look(node.left_record, node.left_record_type, node.left_record_entry);
      if (right == Sample::damaged || left == Sample::damaged) return Sample::damaged;
      countries = countries || right == Sample::countries || left == Sample::countries;
    }
    return countries ? Sample::countries : Sample::none;
  }
};

Mmdb::Mmdb(const std::string& path) : inner_(std::make_unique<Inner>()) {
  const std::string name = fmt::format("--geo: 'mmdb:{}'", visible(path));
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) throw Error(Exit::usage, fmt::format("{}: {}", name, std::strerror(errno)));
  if (!S_ISREG(st.st_mode)) throw Error(Exit::usage, name + " is not a file");
  const int code = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &inner_->db);
  if (code == MMDB_FILE_OPEN_ERROR) throw Error(Exit::usage, fmt::format("{}: {}", name, std::strerror(errno)));
  if (code != MMDB_SUCCESS)
    throw Error(Exit::usage, name + " is no MMDB database, or damaged",
                "get the file again, and unpack it if it is a .tar.gz");
  inner_->open = true;
  type_ = text_of(inner_->db.metadata.database_type);
  built_ = static_cast<std::int64_t>(std::min<std::uint64_t>(inner_->db.metadata.build_epoch, INT64_MAX));
  switch (inner_->sample()) {
    case Inner::Sample::countries:
      return;
    case Inner::Sample::damaged:
      throw Error(Exit::usage, name + " is damaged", "get the file again");
    case Inner::Sample::none:
      throw Error(Exit::usage, fmt::format("{} has no countries: its type is '{}'", name, type_),
                  "a Country or City database is wanted");
  }
}

Mmdb::~Mmdb() = default;

Mmdb::Find Mmdb::look_up(const Address& address, GeoAnswer& out) const {
  if (!address.is_ip()) return Find::nothing;
  sockaddr_storage storage{};
  if (address.family() == Address::Family::v4) {
    auto* to = reinterpret_cast<sockaddr_in*>(&storage);
    to->sin_family = AF_INET;
    std::memcpy(&to->sin_addr, address.bytes().data(), sizeof to->sin_addr);
  } else {
    auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
    to->sin6_family = AF_INET6;
    std::memcpy(&to->sin6_addr, address.bytes().data(), sizeof to->sin6_addr);
  }
  int code = MMDB_SUCCESS;
  MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&inner_->db, reinterpret_cast<sockaddr*>(&storage), &code);
  if (code == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR) return Find::nothing;
  if (code != MMDB_SUCCESS) return Find::damaged;
  return result.found_entry ? inner_->record(result.entry, out) : Find::nothing;
}

}  // namespace track_usage
