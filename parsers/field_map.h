// Which key of a log whose fields have names is which field of a row. A map is
// data, the same text for a preset and for `--format json:FIELD=KEY,...`.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

// A key as one part of a map's path.
std::string escaped_key(std::string_view key);

enum class Field : std::uint8_t {
  date,
  remote_addr,
  client,  // its address with a port
  peer_addr,
  username,
  request,
  method,
  path,  // with its query, or without and
  query,
  protocol,
  status,
  content_length,
  referrer,
  user_agent,
  logger,
  speed,  // seconds
  speed_ms,
  speed_us,
  speed_ns,
  speed_parts,  // seconds, of which all keys together make the speed
  server_name,
  scheme,
  xforwardedfor,
  accept_language,
  count_,
};

// Where a known key's value is kept. The slots of one field follow each other
// by priority, so a set of slots is bits of a word.
using Slot = std::uint8_t;
constexpr std::size_t slots = 64;
constexpr Slot last_slot = 61;
constexpr Slot foreign_slot = 62;  // another map's: a variable, and the line may be another's
constexpr Slot skipped_slot = 63;  // what says nothing of a request: dropped
constexpr Slot no_slot = 64;       // a variable

constexpr std::uint64_t bit(Slot slot) {
  return std::uint64_t{1} << slot;
}

class FieldMap {
 public:
  // A key; the path to a nested one leads through its parents.
  struct Key {
    std::string name;
    Slot slot = no_slot;
    std::vector<Key> children;

    const Key* find(std::string_view wanted) const {
      for (const Key& child : children)
        if (child.name == wanted) return &child;
      return nullptr;
    }
  };

  // `map` is FIELD=KEY|KEY,... pairs: of several keys the first with a value
  // counts. KEY is a dotted path, in which a backslash takes the next character
  // literally; the field `skip` is for keys to drop. The keys of `after` come
  // behind those of `map`, and a key that both have is `map`'s. Throws Error
  // (usage) with a caret.
  explicit FieldMap(std::string_view map, std::string_view after = {});

  // Marks the keys of a field in another map, where this one does not have them.
  void mark_foreign(std::string_view map, std::string_view field);

  const Key& root() const { return root_; }
  std::uint64_t slots_of(Field field) const { return fields_[static_cast<std::size_t>(field)]; }
  std::uint64_t own(Field field) const { return slots_of(field) & own_; }  // without those of `after`

 private:
  Key root_;
  std::array<std::uint64_t, static_cast<std::size_t>(Field::count_)> fields_{};
  std::uint64_t own_ = 0;
};

// A line's values by slot.
struct NamedValues {
  struct Value {
    std::string_view text;
    const char* at;  // in the line
  };
  std::array<Value, slots> values;
  std::uint64_t seen = 0;    // keys that are there
  std::uint64_t filled = 0;  // and have a value

  // The value of the first of those slots that has one; none has no data().
  std::string_view first(std::uint64_t of) const {
    const std::uint64_t found = filled & of;
    return found == 0 ? std::string_view() : values[static_cast<std::size_t>(std::countr_zero(found))].text;
  }
  void set(Slot slot, std::string_view text, const char* at, bool null) {
    values[slot] = {text, at};
    seen |= bit(slot);
    filled = null ? filled & ~bit(slot) : filled | bit(slot);
  }
};

}  // namespace track_usage
