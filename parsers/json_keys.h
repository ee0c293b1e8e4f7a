// Which key of a JSON log is which field: nginx's names, and the maps of
// `--format json:FIELD=KEY,...`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// A namespace of its own: the slots are named as the logs name their keys.
namespace track_usage::json_keys {

// Where a known key's value is kept. The slots of one field follow each other
// by priority: what a map names first, then the built-in names (ruling 15).
enum Slot : std::uint8_t {
  mapped_date,
  msec,
  time_local,
  time_iso8601,
  timestamp,
  at_timestamp,
  time_,
  ts,
  mapped_remote_addr,
  remote_addr,
  mapped_username,
  remote_user,
  mapped_request,
  request,
  mapped_method,
  request_method,
  mapped_path,
  request_uri,
  uri,
  mapped_protocol,
  server_protocol,
  mapped_status,
  status,
  mapped_content_length,
  body_bytes_sent,
  bytes_sent,
  mapped_referrer,
  http_referer,
  mapped_user_agent,
  http_user_agent,
  mapped_speed,
  request_time,
  mapped_server_name,
  server_name,
  host,
  mapped_scheme,
  scheme,
  mapped_xforwardedfor,
  http_x_forwarded_for,
  mapped_accept_language,
  http_accept_language,
  no_slot,
};
static_assert(no_slot < 64);  // sets of slots are bits

constexpr std::uint64_t bit(Slot slot) {
  return std::uint64_t{1} << slot;
}
constexpr std::uint64_t bits(Slot first, Slot last) {
  return (bit(last) << 1) - bit(first);
}

// The slot of a built-in name.
Slot find_slot(std::string_view key);

// A key of the map; the path to a nested one leads through its parents.
struct Map {
  std::string key;
  Slot slot = no_slot;
  std::vector<Map> children;

  const Map* find(std::string_view wanted) const;
};

// Reads FIELD=KEY pairs; throws Error (usage) with a caret.
Map read_map(std::string_view map);

}  // namespace track_usage::json_keys
