// The reader of JSON lines: which value stands in which slot, and what is left.
// Of our own, because a tree or an index of the line costs more than the few
// fields that a row takes from it, and a strict reader refuses what servers
// write: bad bytes, raw controls, \xHH, a bare -.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/json_keys.h"

namespace track_usage {

// What one thread needs to read lines; kept from line to line, so that nothing
// is allocated once it has grown. The functions that read take where to begin
// and return where they ended, or null after fail().
class JsonWalk {
 public:
  using Slot = json_keys::Slot;
  using Map = json_keys::Map;

  // Fills the slots and variables from the object that `line` is. 64 readable
  // bytes follow it.
  bool read(std::string_view line, const Map& map);
  void forget() { guesses_.fill({}); }  // before lines with another map

  std::uint64_t seen() const { return seen_; }      // keys that are there
  std::uint64_t filled() const { return filled_; }  // and have a value
  std::string_view value(Slot slot) const { return values_[slot].text; }
  // The value of the first slot of a range that has one; none has no data().
  std::string_view first(Slot from, Slot to) const {
    const std::uint64_t found = filled_ & json_keys::bits(from, to);
    return found == 0 ? std::string_view() : values_[static_cast<std::size_t>(std::countr_zero(found))].text;
  }
  // Where in the line that value begins; without one, the line's end.
  std::size_t where(Slot from, Slot to) const;
  std::string_view variables() const { return variables_; }
  bool plain() const { return plain_; }  // every string stands as logged
  bool utf8() const { return utf8_; }

  // After read() gave false.
  std::size_t stopped_at() const { return static_cast<std::size_t>(stopped_ - begin_); }
  std::string_view expected() const { return expected_; }
  // The line ended before its object did; and then: forgets a last value that
  // may not be whole.
  bool ended_early() const;
  void drop_unfinished();

 private:
  struct Value {
    std::string_view text;
    const char* at;  // in the line
  };
  struct Member {
    std::size_t begin, key_end, end;  // in variables_
  };
  // A key as the last line had it, from its quote to its colon, and its slot.
  struct Guess {
    std::uint32_t size = 0;
    Slot slot = json_keys::no_slot;
    std::array<std::uint64_t, 4> text, mask;  // in words, of which mask says what counts
  };
  char peek(const char* at) const { return at < end_ ? *at : '\0'; }
  const char* blanks(const char* at) const {
    while (at < end_ && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
    return at;
  }
  const char* fail(const char* at, std::string_view expected) {
    stopped_ = at;
    expected_ = expected;
    return nullptr;
  }
  const char* next(const char* at, char close, bool& more);
  const char* string(const char* at, std::string_view& out);
  const char* odd_string(const char* at, std::string_view& out);
  const char* scalar(const char* at, std::string_view& out);
  const char* keep(const char* at, Slot slot);
  const char* keep_first(const char* at, Value& value);
  const char* object(const char* at, const Map* map, int depth, bool& taken);
  const char* guess(const char* at, std::size_t index, Slot& slot) const;
  void learn(const char* from, const char* to, std::size_t index, Slot slot);
  const char* member(const char* at, std::size_t index, const Map* map, int depth, bool& taken);
  const char* variable(const char* at, std::string_view key, const Map* map, int depth, bool& taken);
  const char* append(const char* at, const Map* map, int depth, bool& taken);
  void append_quoted(std::string_view text);
  void drop_duplicates(std::size_t from);

  const char *begin_ = nullptr, *end_ = nullptr, *stopped_ = nullptr;
  std::string_view expected_;
  std::array<Value, json_keys::no_slot> values_;
  std::array<Guess, 32> guesses_;  // by member; lines of one log have their keys in one order
  std::uint64_t seen_ = 0, filled_ = 0;
  bool plain_ = true, utf8_ = true;
  std::string undone_;  // the line's strings that do not stand as logged; never moves within a line
  std::string variables_;
  std::vector<Member> members_;
  std::vector<std::uint32_t> order_;
};

}  // namespace track_usage
