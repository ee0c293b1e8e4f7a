#include "parsers/json_walk.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "parsers/json_string.h"
#include "src/base/text.h"

namespace track_usage {

namespace {

constexpr int max_depth = 64;  // of nested objects and arrays: the walk recurses

// JSON's grammar, and within a double's range: beyond it no reader of the row
// would take the number.
bool is_json_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t first = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  const bool exponent = i < text.size() && (text[i] | 0x20) == 'e';
  if (exponent) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  if (i != text.size()) return false;
  if (!exponent && text.size() < 300) return true;
  double value;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

// The first byte from `at` on that cannot stand in a string as it is: a quote, a
// backslash, or what is not printable ASCII; `end` if there is none before it.
// Reads up to 15 bytes beyond `end`.
inline const char* find_special(const char* at, const char* end) {
#ifdef __SSE2__  // a third of the time that words of eight bytes take
  for (; at < end; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));  // signed: bytes above 0x7f too
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), _mm_or_si128(del, low)));
    if (found != 0) return std::min(at + std::countr_zero(static_cast<unsigned>(found)), end);
  }
  return end;
#else
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at - 0x20) < 0x5f) ++at;
  return at;
#endif
}

}  // namespace

// What follows a member or an element: a comma, or the end of what holds it.
inline const char* JsonWalk::next(const char* at, char close, bool& more) {
  at = blanks(at);
  const char c = peek(at);
  if (c != ',' && c != close) return fail(at, close == '}' ? "a comma or }" : "a comma or ]");
  more = c == ',';
  return at + 1;
}

// A string as text, from its opening quote on: where it stands, or undone.
[[gnu::always_inline]] inline const char* JsonWalk::string(const char* at, std::string_view& out) {
  const char* const quote = find_special(at + 1, end_);
  if (peek(quote) != '"') return odd_string(at, out);
  out = {at + 1, static_cast<std::size_t>(quote - at - 1)};
  return quote + 1;
}

const char* JsonWalk::odd_string(const char* at, std::string_view& out) {
  // Four bytes for each at most, \xhh. Views into it stand until the next line.
  if (plain_) undone_.reserve(4 * static_cast<std::size_t>(end_ - begin_));
  plain_ = false;
  const std::size_t before = undone_.size();
  at = append_undone(undone_, at + 1, end_, utf8_);
  if (at == end_) return fail(at, "the end of a string, \"");
  out = std::string_view(undone_).substr(before);
  return at + 1;
}

// A string, number or literal as text; null and the "-" that nginx writes for an
// unset number have no data().
inline const char* JsonWalk::scalar(const char* at, std::string_view& out) {
  const char first = peek(at);
  if (first == '"') return string(at, out);
  const char* const from = at;
  if (first == 't' || first == 'f' || first == 'n') {
    const std::string_view name = first == 't' ? "true" : first == 'f' ? "false" : "null";
    if (static_cast<std::size_t>(end_ - at) < name.size() || std::memcmp(at, name.data(), name.size()) != 0)
      return fail(at, "a value");
    out = first == 'n' ? std::string_view() : std::string_view(at, name.size());
    return at + name.size();
  }
  // More than JSON allows: nginx writes a status of 009, and addresses bare.
  while (at < end_ && ((*at >= '0' && *at <= '9') || *at == '.' || *at == '-' || *at == '+' || (*at | 0x20) == 'e'))
    ++at;
  if (at == from) return fail(at, "a value");
  out = {from, static_cast<std::size_t>(at - from)};
  if (out == "-") out = {};
  return at;
}

// Of a list in a slot the first value counts; the others are read and dropped.
const char* JsonWalk::keep_first(const char* at, NamedValues::Value& value) {
  value.text = {};
  at = blanks(at + 1);
  if (peek(at) == ']') return at + 1;
  const std::size_t before = variables_.size();
  bool more = true;
  for (bool first = true; more; first = false) {
    at = blanks(at);
    const char c = peek(at);
    if (first && c != '[' && c != '{') {
      value.at = at + (c == '"');
      at = scalar(at, value.text);
    } else {
      bool taken = false;
      at = append(at, nullptr, 1, taken);
    }
    if (at == nullptr || (at = next(at, ']', more)) == nullptr) return nullptr;
  }
  variables_.resize(before);
  return at;
}

// The value at hand, read and dropped.
const char* JsonWalk::skip(const char* at) {
  const std::size_t before = variables_.size();
  bool taken = false;
  at = append(at, nullptr, 1, taken);
  variables_.resize(before);
  return at;
}

// The value at hand into its slot.
inline const char* JsonWalk::keep(const char* at, Slot slot) {
  if (slot == skipped_slot) return skip(at);
  const char first = peek(at);
  NamedValues::Value value{{}, at + (first == '"')};
  at = first == '[' ? keep_first(at, value) : scalar(at, value.text);
  if (at == nullptr) return nullptr;
  // A request of "-" is kept as logged (ruling 23).
  const std::size_t size = value.text.size();
  const bool null = size == 0 || (size == 1 && value.text[0] == '-' && (requests_ & bit(slot)) == 0);
  values_.set(slot, value.text, value.at, null);
  return at;
}

void JsonWalk::append_quoted(std::string_view text) {
  if (plain_) {
    variables_ += '"';
    variables_ += text;
    variables_ += '"';
  } else {
    append_json(variables_, text);
  }
}

// The value at hand as JSON text, checked and made safe on the way.
const char* JsonWalk::append(const char* at, const Key* map, int depth, bool& taken) {
  const char kind = peek(at);
  if (depth > max_depth) return fail(at, "fewer levels");
  if (kind == '{') {
    variables_ += '{';
    at = object(at, map, depth, taken);
    variables_ += '}';
    return at;
  }
  if (kind == '[') {
    at = blanks(at + 1);
    bool more = peek(at) != ']';
    if (!more) ++at;
    variables_ += '[';
    while (more) {
      at = append(blanks(at), nullptr, depth + 1, taken);
      if (at == nullptr || (at = next(at, ']', more)) == nullptr) return nullptr;
      if (more) variables_ += ',';
    }
    variables_ += ']';
    return at;
  }
  std::string_view text;
  at = scalar(at, text);
  if (at == nullptr) return nullptr;
  if (text.data() == nullptr)
    variables_ += "null";
  else if (kind == '"' || (kind != 't' && kind != 'f' && !is_json_number(text)))
    append_quoted(text);
  else
    variables_ += text;
  return at;
}

// A member that no slot takes, from its value on; members_ then has it at the
// back. What is nested in it may have slots.
const char* JsonWalk::variable(const char* at, std::string_view key, const Key* map, int depth, bool& taken) {
  const std::size_t before = variables_.size();
  Member added{};
  if (!variables_.empty() && variables_.back() != '{') variables_ += ',';
  added.begin = variables_.size();
  append_quoted(key);
  added.key_end = variables_.size();
  variables_ += ':';
  bool inner_taken = false;
  at = append(at, map, depth + 1, inner_taken);
  if (at == nullptr) return nullptr;
  taken |= inner_taken;
  added.end = variables_.size();
  // Of an object whose every member is a field, nothing is left.
  if (inner_taken && added.end == added.key_end + 3)
    variables_.resize(before);
  else
    members_.push_back(added);
  return at;
}

// Behind the colon, if the member at hand has the key that it had in the last
// line, else null.
inline const char* JsonWalk::guess(const char* at, std::size_t index, Slot& slot) const {
  if (index >= guesses_.size()) return nullptr;
  const Guess& g = guesses_[index];
  if (g.size == 0 || at + g.size > end_) return nullptr;
  std::uint64_t differs = 0;
  for (std::size_t i = 0; i * 8 < g.size; ++i) {
    std::uint64_t word;
    std::memcpy(&word, at + i * 8, 8);
    differs |= (word ^ g.text[i]) & g.mask[i];
  }
  slot = g.slot;
  return differs == 0 ? at + g.size : nullptr;
}

void JsonWalk::learn(const char* from, const char* to, std::size_t index, Slot slot) {
  const auto size = static_cast<std::size_t>(to - from);
  if (index >= guesses_.size() || size > sizeof(Guess::text)) return;
  Guess& g = guesses_[index];
  g = {static_cast<std::uint32_t>(size), slot, {}, {}};
  std::memcpy(g.text.data(), from, size);
  std::memset(g.mask.data(), 0xff, size);
}

// The member of that index. `taken`: a slot took something.
inline const char* JsonWalk::member(const char* at, std::size_t index, const Key* map, int depth, bool& taken) {
  Slot slot = no_slot;
  if (depth == 0) {
    if (const char* const value = guess(at, index, slot); value != nullptr && peek(blanks(value)) != '{') {
      taken = true;
      return keep(blanks(value), slot);
    }
  }
  if (peek(at) != '"') return fail(at, "a key");
  const char* const from = at;
  std::string_view key;
  at = string(at, key);
  if (at == nullptr) return nullptr;
  at = blanks(at);
  if (peek(at) != ':') return fail(at, "a colon");
  const char* const colon = at;
  at = blanks(at + 1);

  const Key* const node = map != nullptr ? map->find(key) : nullptr;
  slot = node != nullptr ? node->slot : no_slot;
  if (slot == foreign_slot) {
    values_.seen |= bit(foreign_slot);
    slot = no_slot;
  }
  if (slot == no_slot || (peek(at) == '{' && slot != skipped_slot)) return variable(at, key, node, depth, taken);
  taken = true;
  if (depth == 0 && key.data() == from + 1) learn(from, colon + 1, index, slot);
  return keep(at, slot);
}

const char* JsonWalk::object(const char* at, const Key* map, int depth, bool& taken) {
  at = blanks(at + 1);
  if (peek(at) == '}') return at + 1;
  const std::size_t from = members_.size();
  bool more = true;
  for (std::size_t index = 0; more; ++index) {
    at = member(blanks(at), index, map, depth, taken);
    if (at == nullptr || (at = next(at, '}', more)) == nullptr) return nullptr;
  }
  if (members_.size() > from + 1) drop_duplicates(from);
  members_.resize(from);
  return at;
}

// The last of equal keys wins (ruling 10). members_ from `from` are those of one
// object, whose text ends variables_.
void JsonWalk::drop_duplicates(std::size_t from) {
  const auto key = [this](std::size_t i) {
    return std::string_view(variables_).substr(members_[i].begin, members_[i].key_end - members_[i].begin);
  };
  const std::size_t count = members_.size() - from;
  bool any = false;
  if (count <= 16) {
    for (std::size_t i = from; i < members_.size() && !any; ++i)
      for (std::size_t j = i + 1; j < members_.size() && !any; ++j) any = key(i) == key(j);
    if (!any) return;
  }
  order_.resize(count);
  for (std::size_t i = 0; i < count; ++i) order_[i] = static_cast<std::uint32_t>(from + i);
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int c = key(a).compare(key(b));
    return c != 0 ? c < 0 : a < b;
  });
  any = false;
  for (std::size_t i = 0; i + 1 < count; ++i)
    if (key(order_[i]) == key(order_[i + 1])) {
      any = true;
      members_[order_[i]].end = 0;
    }
  if (!any) return;
  std::size_t to = members_[from].begin;
  bool first = true;
  for (std::size_t i = from; i < members_.size(); ++i) {
    const Member m = members_[i];
    if (m.end == 0) continue;
    if (!first) variables_[to++] = ',';
    first = false;
    std::memmove(variables_.data() + to, variables_.data() + m.begin, m.end - m.begin);
    to += m.end - m.begin;
  }
  variables_.resize(to);
}

// A line that ends in a brace was not cut: a quote is missing in it.
bool JsonWalk::ended_early() const {
  return stopped_ == end_ && end_[-1] != '}';
}

void JsonWalk::drop_unfinished() {
  for (std::uint64_t left = values_.filled; left != 0; left &= left - 1) {
    const auto slot = static_cast<Slot>(std::countr_zero(left));
    const std::string_view text = values_.values[slot].text;
    if (text.data() + text.size() != end_) continue;
    values_.filled &= ~bit(slot);
    values_.seen &= ~bit(slot);
  }
}

bool JsonWalk::read(std::string_view line, const FieldMap& map) {
  begin_ = line.data();
  end_ = begin_ + line.size();
  values_.seen = values_.filled = 0;
  requests_ = map.slots_of(Field::request);
  plain_ = utf8_ = true;
  undone_.clear();
  variables_.clear();
  members_.clear();
  const char* at = blanks(begin_);
  if (peek(at) != '{') {
    fail(at, "{, the start of a JSON object");
    return false;
  }
  bool taken = false;
  at = object(at, &map.root(), 0, taken);
  if (at == nullptr) return false;
  at = blanks(at);
  if (at != end_) fail(at, "the end of the line");
  return at == end_;
}

}  // namespace track_usage
