// The json dialect: what the values of a line's keys mean for a row.
#include "parsers/json.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "parsers/json_presets.h"
#include "parsers/json_walk.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

class Json final : public Parser {
 public:
  Json(const LogOptions& options, FieldMap map, NamedTraits traits, bool preset)
      : zone_(options.zone), map_(std::move(map)), traits_(traits), preset_(preset) {}

  Reading read(std::string_view line, Fields& f) const override {
    // Most lines that are no JSON are known by their first byte.
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] != '{') {
      const std::size_t at = std::min(first, line.size());
      return {Match::none, 0, Reject::unknown_format, static_cast<std::uint32_t>(at), "{, the start of a JSON object"};
    }
    return read(line, f, memory());
  }

  // Presets tell their lines apart: each knows the others' keys.
  bool ambiguous() const override { return !preset_; }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    Memory& m = memory();
    Fields fields;
    while (from < end) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      const char* const stop = newline != nullptr ? newline : end;
      std::string_view line(from, static_cast<std::size_t>(stop - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (read(line, fields, m).match != Match::whole || m.walk.foreign()) return from;
      out.add(fields, from);
      from = newline != nullptr ? newline + 1 : end;
    }
    return end;
  }

 private:
  // What a thread keeps from line to line; the parser's, until another one comes.
  struct Memory {
    std::uint64_t of = 0;
    JsonWalk walk;
    NamedReader fields;
  };
  Memory& memory() const {
    thread_local Memory memory;
    if (memory.of != id_) {
      memory.of = id_;
      memory.walk.forget();
    }
    memory.fields.begin(zone_);
    return memory;
  }

  Reading read(std::string_view line, Fields& f, Memory& m) const;

  static inline std::atomic<std::uint64_t> made_{0};

  const std::uint64_t id_ = ++made_;  // an address may be used again
  Zone zone_;
  FieldMap map_;
  NamedTraits traits_;
  bool preset_;
};

Reading Json::read(std::string_view line, Fields& f, Memory& m) const {
  JsonWalk& w = m.walk;
  bool cut = false;
  if (!w.read(line, map_)) {
    const auto none = [&](Reject reason) {
      return Reading{Match::none, 0, reason, static_cast<std::uint32_t>(w.stopped_at()), w.expected()};
    };
    const std::string_view text = trim(line);
    if (!text.starts_with('{')) return none(Reject::unknown_format);
    // A line that was cut is a row if its frame stands before the cut.
    cut = w.ended_early();
    if (cut) w.drop_unfinished();
    const NamedValues& v = w.values();
    const bool framed = cut && (v.filled & map_.slots_of(Field::date)) != 0 &&
                        (v.filled & map_.slots_of(Field::remote_addr)) != 0 &&
                        (v.seen & map_.slots_of(Field::status)) != 0;
    if (!framed) return none(cut ? Reject::truncated : Reject::bad_json);
  }
  Reading reading = m.fields.read(line, w.values(), map_, traits_, f);
  if (reading.match == Match::none) return reading;
  f.variables = cut ? std::string_view() : w.variables();
  f.escapes = Escapes::undone;
  f.plain = w.plain();
  if (!w.utf8()) f.flags |= not_utf8;
  // A TAB in a target is a blank; the walk has undone it to \x09 already.
  const std::string_view asked = f.request.data() != nullptr ? f.request : f.target;
  if (!f.plain && asked.find("\\x09") != std::string_view::npos) f.flags |= malformed_request;
  if (!cut) return reading;
  return {Match::truncated, reading.named, Reject::truncated, static_cast<std::uint32_t>(w.stopped_at()), w.expected()};
}

// The pairs of a file, a line each; # begins a remark.
std::string read_map_file(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    throw Error(Exit::usage, fmt::format("--format json: cannot read the map '{}'", visible(path)),
                std::generic_category().message(errno));
  std::string map;
  for (std::string line; std::getline(file, line);) {
    if (map.empty() && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    const std::string_view pair = trim(line);
    if (pair.empty() || pair[0] == '#') continue;
    const auto equals = std::min(pair.find('='), pair.size());
    std::string_view key = pair.substr(std::min(equals + 1, pair.size()));
    if (key.ends_with(',')) key.remove_suffix(1);
    if (!map.empty()) map += ',';
    map.append(trim(pair.substr(0, equals))).append(pair.substr(equals, 1)).append(trim(key));
  }
  return map;
}

}  // namespace

std::unique_ptr<Parser> make_json_preset(const LogOptions& options, const JsonPreset& preset) {
  return std::make_unique<Json>(options, preset_map(preset), preset.traits, true);
}

std::unique_ptr<Parser> make_json_parser(const LogOptions& options, std::string_view map) {
  const std::string own = map.starts_with('@') ? read_map_file(std::string(map.substr(1))) : std::string(map);
  return make_json_parser(options, FieldMap(own, nginx_json_map));
}

std::unique_ptr<Parser> make_json_parser(const LogOptions& options, FieldMap map) {
  return std::make_unique<Json>(options, std::move(map), NamedTraits{}, false);
}

}  // namespace track_usage
