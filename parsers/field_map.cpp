#include "parsers/field_map.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::string_view field_names[] = {
    "date",   "remote_addr",   "client",          "peer_addr", "username",       "request",     "method",
    "path",   "query",         "protocol",        "status",    "content_length", "referrer",    "user_agent",
    "logger", "speed",         "speed_ms",        "speed_us",  "speed_ns",       "speed_parts", "server_name",
    "scheme", "xforwardedfor", "accept_language", "skip",
};
static_assert(std::size(field_names) == static_cast<std::size_t>(Field::count_) + 1);
constexpr auto skip = static_cast<std::size_t>(Field::count_);

// A key as a map has it.
struct Entry {
  std::size_t field;
  std::vector<std::string> path;
  std::size_t at;  // in the map
};

[[noreturn]] void refuse(const std::string& what, std::string_view map, std::size_t column, const std::string& advice) {
  const std::string shown = caret(map, column);
  throw Error(Exit::usage, "--format json: " + what, advice.empty() ? shown : shown + " " + advice);
}

std::vector<Entry> read(std::string_view map) {
  std::vector<Entry> entries;
  std::vector<bool> seen(std::size(field_names));
  for (std::size_t at = 0; at < map.size();) {
    const std::size_t equals = std::min(map.find_first_of("=,", at), map.size());
    const std::string_view name = map.substr(at, equals - at);
    const auto found = std::find(std::begin(field_names), std::end(field_names), name);
    if (found == std::end(field_names))
      refuse(fmt::format("'{}' is no field of a map", visible(name)), map, at,
             suggest(name, {std::begin(field_names), std::end(field_names)}));
    const auto field = static_cast<std::size_t>(found - std::begin(field_names));
    if (seen[field]) refuse(fmt::format("'{}' is mapped twice", name), map, at, {});
    seen[field] = true;
    if (equals == map.size() || map[equals] != '=')
      refuse(fmt::format("'{}' has no key", name), map, equals, "write FIELD=KEY");

    entries.push_back({field, {{}}, equals + 1});
    for (at = equals + 1;; ++at) {
      std::vector<std::string>& path = entries.back().path;
      const char c = at < map.size() ? map[at] : ',';
      if (c == '.' || c == '|' || c == ',') {
        if (path.back().empty()) refuse(fmt::format("the key of '{}' has an empty part", name), map, at, {});
        if (c == ',') break;
        if (c == '.')
          path.emplace_back();
        else
          entries.push_back({field, {{}}, at + 1});
        continue;
      }
      if (c == '\\' && at + 1 < map.size()) ++at;
      path.back() += map[at];
    }
    ++at;
  }
  return entries;
}

FieldMap::Key& node_of(FieldMap::Key& root, const std::vector<std::string>& path) {
  FieldMap::Key* node = &root;
  for (const std::string& part : path) {
    const auto same = [&part](const FieldMap::Key& child) { return child.name == part; };
    auto next = std::find_if(node->children.begin(), node->children.end(), same);
    if (next == node->children.end()) next = node->children.insert(next, FieldMap::Key{part, no_slot, {}});
    node = &*next;
  }
  return *node;
}

}  // namespace

std::string escaped_key(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (std::string_view(".,|=\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

FieldMap::FieldMap(std::string_view map, std::string_view after) {
  std::vector<Entry> entries = read(map);
  const std::size_t own = entries.size();
  for (Entry& entry : read(after)) entries.push_back(std::move(entry));
  // By field; within one as they stand.
  std::vector<std::size_t> order(entries.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return entries[a].field < entries[b].field; });
  // What `map` says of a key stands: its own are given their places first.
  for (std::size_t i = 0; i < own; ++i) {
    Key& node = node_of(root_, entries[i].path);
    if (node.slot != no_slot)
      refuse(fmt::format("the key of '{}' is mapped already", field_names[entries[i].field]), map, entries[i].at, {});
    node.slot = skipped_slot;
  }
  Slot next = 0;
  for (const std::size_t i : order) {
    Key& node = node_of(root_, entries[i].path);
    if (i >= own && node.slot != no_slot) continue;
    if (entries[i].field == skip) {
      node.slot = skipped_slot;
      continue;
    }
    if (next > last_slot) refuse(fmt::format("more than {} keys", last_slot + 1), map, 0, {});
    node.slot = next;
    fields_[entries[i].field] |= bit(next);
    if (i < own) own_ |= bit(next);
    ++next;
  }
}

void FieldMap::mark_foreign(std::string_view map, std::string_view field) {
  for (const Entry& entry : read(map)) {
    if (field_names[entry.field] != field) continue;
    Key& node = node_of(root_, entry.path);
    if (node.slot == no_slot && node.children.empty()) node.slot = foreign_slot;
  }
}

}  // namespace track_usage
