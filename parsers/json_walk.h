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

#include "parsers/field_map.h"

namespace track_usage {

// What one thread needs to read lines; kept from line to line, so that nothing
// is allocated once it has grown. The functions that read take where to begin
// and return where they ended, or null after fail().
class JsonWalk {
 public:
  using Key = FieldMap::Key;

  // Fills the values and variables from the object that `line` is. 64 readable
  // bytes follow it.
  bool read(std::string_view line, const FieldMap& map);
  void forget() { guesses_.fill({}); }  // before lines with another map

  const NamedValues& values() const { return values_; }
  bool foreign() const { return (values_.seen & bit(foreign_slot)) != 0; }  // a key of another map is there
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
  struct Member {
    std::size_t begin, key_end, end;  // in variables_
  };
  // A key as the last line had it, from its quote to its colon, and its slot.
  struct Guess {
    std::uint32_t size = 0;
    Slot slot = no_slot;
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
  const char* keep_first(const char* at, NamedValues::Value& value);
  const char* object(const char* at, const Key* map, int depth, bool& taken);
  const char* guess(const char* at, std::size_t index, Slot& slot) const;
  void learn(const char* from, const char* to, std::size_t index, Slot slot);
  const char* member(const char* at, std::size_t index, const Key* map, int depth, bool& taken);
  const char* variable(const char* at, std::string_view key, const Key* map, int depth, bool& taken);
  const char* append(const char* at, const Key* map, int depth, bool& taken);
  void append_quoted(std::string_view text);
  void drop_duplicates(std::size_t from);

  const char* skip(const char* at);

  const char *begin_ = nullptr, *end_ = nullptr, *stopped_ = nullptr;
  std::string_view expected_;
  NamedValues values_;
  std::uint64_t requests_ = 0;     // slots of a request
  std::array<Guess, 32> guesses_;  // by member; lines of one log have their keys in one order
  bool plain_ = true, utf8_ = true;
  std::string undone_;  // the line's strings that do not stand as logged; never moves within a line
  std::string variables_;
  std::vector<Member> members_;
  std::vector<std::uint32_t> order_;
};

}  // namespace track_usage
