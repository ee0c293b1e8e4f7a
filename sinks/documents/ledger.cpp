#include "sinks/documents/ledger.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage::documents {
namespace {

using Json = nlohmann::ordered_json;

Json parsed(std::string_view document) {
  Json json = Json::parse(document, nullptr, false);
  if (!json.is_object()) throw Error(Exit::store, "an entry of the ledger is damaged");
  return json;
}

// Numbers of 64 bits are texts: not every store has them whole.
template <typename T>
void read(const Json& from, const char* name, T& into) {
  const auto at = from.find(name);
  if (at == from.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    if (at->is_string()) into = at->get<std::string>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (at->is_boolean()) into = at->get<bool>();
  } else {
    if (at->is_number_integer()) into = at->get<T>();
    if (at->is_string()) {
      const std::string& text = at->get_ref<const std::string&>();
      std::from_chars(text.data(), text.data() + text.size(), into);
    }
  }
}

template <typename T>
Json wide(T number) {
  return fmt::format("{}", number);
}

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::string bytes_of(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned value = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
    bytes[i] = static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

std::string document_of(const SourceRecord& s) {
  Json marks = Json::array();
  for (const std::uint64_t mark : s.marks) marks.push_back(wide(mark));
  return Json{{"id", s.id},
              {"path", visible(s.path)},
              {"host", visible(s.host)},
              {"name", visible(s.name)},
              {"device", wide(s.device)},
              {"inode", wide(s.inode)},
              {"size", wide(s.size)},
              {"mtime_ns", wide(s.mtime_ns)},
              {"ctime_ns", wide(s.ctime_ns)},
              {"seen_ns", wide(s.seen_ns)},
              {"finished", s.finished},
              {"marks", std::move(marks)},
              {"offset", s.offset},
              {"end_hash", wide(s.end_hash)},
              {"format", visible(s.format)},
              {"filters", visible(s.filters)},
              {"heading", hex_of(s.heading)},
              {"first_line", wide(s.first_line)},
              {"first_date", wide(s.first_date)},
              {"last_date", wide(s.last_date)},
              {"first_taken", s.first_taken},
              {"last_taken", s.last_taken},
              {"read", s.read},
              {"stored", s.stored},
              {"filtered", s.filtered},
              {"rejected", s.rejected},
              {"blank", s.blank},
              {"erased", s.erased}}
      .dump();
}

SourceRecord source_of(std::string_view document) {
  const Json json = parsed(document);
  SourceRecord s;
  read(json, "id", s.id);
  read(json, "path", s.path);
  read(json, "host", s.host);
  read(json, "name", s.name);
  read(json, "device", s.device);
  read(json, "inode", s.inode);
  read(json, "size", s.size);
  read(json, "mtime_ns", s.mtime_ns);
  read(json, "ctime_ns", s.ctime_ns);
  read(json, "seen_ns", s.seen_ns);
  read(json, "finished", s.finished);
  if (const auto marks = json.find("marks"); marks != json.end() && marks->is_array())
    for (const Json& mark : *marks) {
      std::uint64_t value = 0;
      read(Json{{"mark", mark}}, "mark", value);
      s.marks.push_back(value);
    }
  read(json, "offset", s.offset);
  read(json, "end_hash", s.end_hash);
  read(json, "format", s.format);
  read(json, "filters", s.filters);
  std::string heading;
  read(json, "heading", heading);
  s.heading = bytes_of(heading);
  read(json, "first_line", s.first_line);
  read(json, "first_date", s.first_date);
  read(json, "last_date", s.last_date);
  read(json, "first_taken", s.first_taken);
  read(json, "last_taken", s.last_taken);
  read(json, "read", s.read);
  read(json, "stored", s.stored);
  read(json, "filtered", s.filtered);
  read(json, "rejected", s.rejected);
  read(json, "blank", s.blank);
  read(json, "erased", s.erased);
  return s;
}

std::string document_of(const RunRecord& r) {
  return Json{{"begin", r.begin},
              {"end", r.end},
              {"exit", r.exit},
              {"read", r.read},
              {"stored", r.stored},
              {"filtered", r.filtered},
              {"rejected", r.rejected},
              {"blank", r.blank},
              {"already_taken", r.already_taken},
              {"version", r.version},
              {"host", visible(r.host)},
              {"notices", visible(r.notices)}}
      .dump();
}

RunRecord run_of(std::string_view document) {
  const Json json = parsed(document);
  RunRecord r;
  read(json, "begin", r.begin);
  read(json, "end", r.end);
  read(json, "exit", r.exit);
  read(json, "read", r.read);
  read(json, "stored", r.stored);
  read(json, "filtered", r.filtered);
  read(json, "rejected", r.rejected);
  read(json, "blank", r.blank);
  read(json, "already_taken", r.already_taken);
  read(json, "version", r.version);
  read(json, "host", r.host);
  read(json, "notices", r.notices);
  return r;
}

std::string document_of(const RejectRecord& r) {
  return Json{{"source", r.source}, {"path", visible(r.path)}, {"line", r.line}, {"offset", r.offset},
              {"reason", r.reason}, {"raw", hex_of(r.raw)},    {"seen", r.seen}}
      .dump();
}

RejectRecord reject_of(std::string_view document) {
  const Json json = parsed(document);
  RejectRecord r{};
  read(json, "source", r.source);
  read(json, "path", r.path);
  read(json, "line", r.line);
  read(json, "offset", r.offset);
  read(json, "reason", r.reason);
  std::string hex;
  read(json, "raw", hex);
  r.raw = bytes_of(hex);
  read(json, "seen", r.seen);
  return r;
}

std::string document_of(const Settings& s) {
  Json choices = Json::object();
  for (const auto& [name, value] : s.choices) choices[name] = value;
  return Json{{"hooks", s.hooks}, {"zone", s.zone},    {"url_by", name_of(s.url_by)}, {"choices", std::move(choices)},
              {"salt", s.salt},   {"schema", s.schema}}
      .dump();
}

Settings settings_of(std::string_view document) {
  const Json json = parsed(document);
  Settings s;
  if (const auto hooks = json.find("hooks"); hooks != json.end())
    for (const Json& hook : *hooks)
      if (hook.is_string()) s.hooks.push_back(hook);
  read(json, "zone", s.zone);
  std::string by;
  read(json, "url_by", by);
  s.url_by = url_by_named(by).value_or(UrlBy::path);
  if (const auto choices = json.find("choices"); choices != json.end())
    for (const auto& [name, value] : choices->items())
      if (value.is_string()) s.choices.emplace(name, value);
  read(json, "salt", s.salt);
  read(json, "schema", s.schema);
  return s;
}

SourceRecord advanced(const SourceRecord* before, const Unit& unit, std::int64_t now) {
  const Counts& c = unit.batch.counts;
  SourceRecord s = unit.source;
  const SourceRecord none{};
  const SourceRecord& b = before == nullptr ? none : *before;
  s.id = b.id;
  s.offset = unit.end;
  if (s.format.empty()) s.format = b.format;
  if (b.first_line != no_number) s.first_line = b.first_line;
  s.first_date = b.first_date;
  s.last_date = b.last_date;
  for (const std::int64_t time : unit.batch.time) {
    if (s.first_date == no_number || time < s.first_date) s.first_date = time;
    s.last_date = std::max(s.last_date, time);
  }
  s.first_taken = before == nullptr ? now : b.first_taken;
  s.last_taken = now;
  const std::uint64_t retried = unit.retried.size();  // were read, and rejected, before
  s.read = b.read + c.read() - retried;
  s.stored = b.stored + c.stored;
  s.filtered = b.filtered + c.filtered();
  s.rejected = b.rejected + c.rejected() - retried;
  s.blank = b.blank + c.blank;
  s.erased = b.erased;
  return s;
}

std::string unit_document(const Unit& unit, std::int64_t source, std::int64_t run, std::int64_t now) {
  const Counts& c = unit.batch.counts;
  const std::uint64_t retried = unit.retried.size();
  return Json{{"source", source},
              {"begin", unit.begin},
              {"end", unit.end},
              {"read", c.read() - retried},
              {"stored", c.stored},
              {"filtered", c.filtered()},
              {"rejected", static_cast<std::int64_t>(c.rejected()) - static_cast<std::int64_t>(retried)},
              {"blank", c.blank},
              {"filters", visible(unit.source.filters)},
              {"run", run},
              {"taken", now}}
      .dump();
}

}  // namespace track_usage::documents
