#include "parsers/json_keys.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage::json_keys {
namespace {

struct MapField {
  std::string_view name;
  Slot slot;
};
constexpr std::array map_fields = std::to_array<MapField>({
    {"date", mapped_date},
    {"remote_addr", mapped_remote_addr},
    {"username", mapped_username},
    {"request", mapped_request},
    {"method", mapped_method},
    {"path", mapped_path},
    {"protocol", mapped_protocol},
    {"status", mapped_status},
    {"content_length", mapped_content_length},
    {"referrer", mapped_referrer},
    {"user_agent", mapped_user_agent},
    {"speed", mapped_speed},
    {"server_name", mapped_server_name},
    {"scheme", mapped_scheme},
    {"xforwardedfor", mapped_xforwardedfor},
    {"accept_language", mapped_accept_language},
});

Error map_error(const std::string& what, std::string_view map, std::size_t column, const std::string& advice) {
  const std::string shown = caret(map, column);
  return Error(Exit::usage, what, advice.empty() ? shown : shown + " " + advice);
}

}  // namespace

Slot find_slot(std::string_view key) {
  const auto is = [key](const auto& name) { return std::memcmp(key.data(), name, sizeof(name) - 1) == 0; };
  switch (key.size()) {
    case 2:
      return is("ts") ? ts : no_slot;
    case 3:
      return is("uri") ? uri : no_slot;
    case 4:
      return is("time") ? time_ : is("host") ? host : is("msec") ? msec : no_slot;
    case 6:
      return is("status") ? status : is("scheme") ? scheme : no_slot;
    case 7:
      return is("request") ? request : no_slot;
    case 9:
      return is("timestamp") ? timestamp : no_slot;
    case 10:
      return is("time_local") ? time_local : is("bytes_sent") ? bytes_sent : is("@timestamp") ? at_timestamp : no_slot;
    case 11:
      return is("remote_addr")   ? remote_addr
             : is("remote_user") ? remote_user
             : is("request_uri") ? request_uri
             : is("server_name") ? server_name
                                 : no_slot;
    case 12:
      return is("http_referer")   ? http_referer
             : is("request_time") ? request_time
             : is("time_iso8601") ? time_iso8601
                                  : no_slot;
    case 14:
      return is("request_method") ? request_method : no_slot;
    case 15:
      return is("body_bytes_sent")   ? body_bytes_sent
             : is("http_user_agent") ? http_user_agent
             : is("server_protocol") ? server_protocol
                                     : no_slot;
    case 20:
      return is("http_x_forwarded_for")   ? http_x_forwarded_for
             : is("http_accept_language") ? http_accept_language
                                          : no_slot;
    default:
      return no_slot;
  }
}

const Map* Map::find(std::string_view wanted) const {
  for (const Map& child : children)
    if (child.key == wanted) return &child;
  return nullptr;
}

Map read_map(std::string_view map) {
  Map root;
  std::uint64_t seen = 0;
  for (std::size_t at = 0; at < map.size();) {
    const std::size_t equals = std::min(map.find_first_of("=,", at), map.size());
    const std::string_view name = map.substr(at, equals - at);
    const auto named = [name](const MapField& f) { return f.name == name; };
    const auto field = std::find_if(map_fields.begin(), map_fields.end(), named);
    if (field == map_fields.end()) {
      std::vector<std::string_view> names;
      for (const MapField& f : map_fields) names.push_back(f.name);
      throw map_error(fmt::format("--format json: '{}' is no field of a map", visible(name)), map, at,
                      suggest(name, names));
    }
    if (seen & bit(field->slot)) throw map_error(fmt::format("--format json: '{}' is mapped twice", name), map, at, {});
    seen |= bit(field->slot);
    if (equals == map.size() || map[equals] != '=')
      throw map_error(fmt::format("--format json: '{}' has no key", name), map, equals, "write FIELD=KEY");

    Map* node = &root;
    std::string part;
    std::size_t end = equals + 1;
    for (;; ++end) {
      const bool stop = end == map.size() || map[end] == ',';
      if (!stop && map[end] != '.') {
        if (map[end] == '\\' && end + 1 < map.size()) ++end;
        part += map[end];
        continue;
      }
      if (part.empty())
        throw map_error(fmt::format("--format json: the key of '{}' has an empty part", name), map, end, {});
      const auto same = [&part](const Map& child) { return child.key == part; };
      auto next = std::find_if(node->children.begin(), node->children.end(), same);
      if (next == node->children.end()) next = node->children.insert(next, Map{part, no_slot, {}});
      node = &*next;
      part.clear();
      if (stop) break;
    }
    if (node->slot != no_slot)
      throw map_error(fmt::format("--format json: the key of '{}' is mapped already", name), map, equals + 1, {});
    node->slot = field->slot;
    at = end + 1;
  }
  return root;
}

}  // namespace track_usage::json_keys
