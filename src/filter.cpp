// Each kind of filter is a list of tests. A row passes a list if one of its
// including tests holds (or it has none) and none of its excluding ones does;
// what a row does not have passes a list that only excludes.
#include "src/filter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

// Where a piece of an option's value stands, for messages.
struct Typed {
  std::string_view option;  // "--status"
  std::string_view value;   // all of it, as typed
  std::size_t column = 0;   // of the piece
};

[[noreturn]] void refuse(const Typed& at, std::string_view cause, std::size_t column = 0) {
  throw Error(Exit::usage, fmt::format("{}: {}", at.option, cause), caret(at.value, at.column + column));
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// The tests: each is made from an item without its `!`, says whether it holds for a value,
// and keeps in `normal` a text that equal tests share.

struct StatusTest {
  StatusTest(std::string_view item, const Typed& at) {
    if (!range(item)) refuse(at, fmt::format("'{}' is no status; they are 404, 4xx or 400-499", visible(item)));
    if (first > last) refuse(at, fmt::format("'{}' ends before it begins", item));
    normal = first == last ? fmt::format("{:03}", first) : fmt::format("{:03}-{:03}", first, last);
  }
  bool holds(std::int16_t status) const { return first <= status && status <= last; }

  std::string normal;

 private:
  static bool number(std::string_view text, int& to) {
    const auto n = text.size() == 3 ? parse_number(text) : std::nullopt;
    to = static_cast<int>(n.value_or(0));
    return n.has_value();
  }
  bool range(std::string_view item) {
    if (item.size() == 7 && item[3] == '-') return number(item.substr(0, 3), first) && number(item.substr(4), last);
    if (item.size() == 3 && lower(item.substr(1)) == "xx" && item[0] >= '0' && item[0] <= '9') {
      first = (item[0] - '0') * 100;
      last = first + 99;
      return true;
    }
    const bool one = number(item, first);
    last = first;
    return one;
  }

  int first = 0, last = 0;
};

struct MethodTest {
  MethodTest(std::string_view item, const Typed& at) : normal(lower(item)) {
    const auto odd = item.find_first_of(" \t\"(),/:;<=>?@[\\]{}");
    if (odd != std::string_view::npos) refuse(at, fmt::format("'{}' is no method", visible(item)), odd);
  }
  bool holds(std::string_view method) const { return method.size() == normal.size() && lower(method) == normal; }

  std::string normal;
};

// The address space of a text: IPv4 and what of IPv6 is mapped from it are one.
struct Address {
  enum class Family : std::uint8_t { text, v4, v6 };
  Family family = Family::text;
  std::array<std::uint8_t, 16> bytes{};
  std::string_view text;

  explicit Address(std::string_view whole) : text(whole) {
    std::string_view number = whole.substr(0, whole.find('%'));  // fe80::1%eth0
    std::array<char, INET6_ADDRSTRLEN> terminated;
    if (number.empty() || number.size() >= terminated.size()) return;
    *std::copy(number.begin(), number.end(), terminated.begin()) = '\0';
    if (number.find(':') == std::string_view::npos) {
      if (number.size() == whole.size() && inet_pton(AF_INET, terminated.data(), bytes.data()) == 1)
        family = Family::v4;
    } else if (inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) {
      family = Family::v6;
      if (is_mapped()) {
        family = Family::v4;
        std::copy_n(bytes.begin() + mapped_bits / 8, 4, bytes.begin());
      }
    }
  }

  static constexpr int mapped_bits = 96;
  int bits() const { return family == Family::v4 ? 32 : 128; }

 private:
  bool is_mapped() const {  // ::ffff:a.b.c.d
    return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) && bytes[10] == 0xff &&
           bytes[11] == 0xff;
  }
};

struct RemoteTest {
  RemoteTest(std::string_view item, const Typed& at) : normal(item) {
    const auto slash = item.find('/');
    std::string_view address = item.substr(0, slash);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    network = Address(address);
    network.text = {};  // it is the caller's
    bits = network.bits();
    if (network.family == Address::Family::text) {
      // A host name or a masked address stands for itself, a mistyped number for nothing.
      if (item.find_first_not_of("0123456789./:") == std::string_view::npos ||
          item.find_first_of("/*?") != std::string_view::npos)
        refuse(at, fmt::format("'{}' is no address; networks are written 10.0.0.0/8", visible(item)));
      return;
    }
    if (slash != std::string_view::npos) {
      // A mapped network may be written in either length.
      const bool mapped = network.family == Address::Family::v4 && address.find(':') != std::string_view::npos;
      const int least = mapped ? Address::mapped_bits : 0;
      const auto length = parse_number(item.substr(slash + 1));
      if (!length || *length < static_cast<unsigned>(least) || *length > static_cast<unsigned>(least + network.bits()))
        refuse(at, fmt::format("a network of that kind is {} to {} bits long", least, least + network.bits()),
               slash + 1);
      bits = static_cast<int>(*length) - least;
    }
    for (std::size_t i = 0; i < network.bytes.size(); ++i) network.bytes[i] &= mask(i);
    std::array<char, INET6_ADDRSTRLEN> written{};
    inet_ntop(network.family == Address::Family::v4 ? AF_INET : AF_INET6, network.bytes.data(), written.data(),
              written.size());
    normal = written.data();
    if (bits != network.bits()) normal += fmt::format("/{}", bits);
  }
  bool holds(const Address& address) const {
    if (address.family != network.family) return false;
    if (network.family == Address::Family::text) return address.text == normal;
    const auto whole = static_cast<std::size_t>(bits) / 8;
    if (std::memcmp(address.bytes.data(), network.bytes.data(), whole) != 0) return false;
    return bits % 8 == 0 || (address.bytes[whole] & mask(whole)) == network.bytes[whole];
  }

  std::string normal;

 private:
  std::uint8_t mask(std::size_t byte) const {
    const int of_byte = std::clamp(bits - static_cast<int>(byte) * 8, 0, 8);
    return static_cast<std::uint8_t>(0xff00 >> of_byte);
  }

  Address network{{}};
  int bits = 0;
};

// How * and ? read a text: in a path they stop at a slash, elsewhere there is
// none to stop at.
enum class Glob : std::uint8_t { path, text };

// A glob as an RE2 pattern for the whole text.
std::string translate(std::string_view glob, Glob kind, const Typed& at) {
  const bool path = kind == Glob::path;
  const std::string_view any = path ? "[^/]" : ".";
  // Without a slash it is about the last segment, at any depth.
  std::string out = path && glob.find('/') == std::string_view::npos ? "(?:.*/)?" : "";
  std::vector<std::size_t> open;  // braces
  for (std::size_t i = 0; i < glob.size();) {
    std::string_view rest = glob.substr(i);
    const auto alternative_ends = [&](std::size_t n) {
      return rest.size() == n || (!open.empty() && (rest[n] == ',' || rest[n] == '}'));
    };
    if (path && (rest.starts_with("/**/") || (i == 0 && rest.starts_with("**/")))) {
      // No folder at all is a number of folders too.
      const bool leading = rest[0] == '*';
      out += leading ? "(?:.*/)?" : "/(?:.*/)?";
      i += leading ? 3 : 4;
    } else if (path && rest.starts_with("/**") && alternative_ends(3)) {
      out += "(?:/.*)?";
      i += 3;
    } else if (rest[0] == '*') {
      const auto stars = std::min(rest.find_first_not_of('*'), rest.size());
      out += stars > 1 ? "." : any;
      out += '*';
      i += stars;
    } else if (rest[0] == '?') {
      out += any;
      ++i;
    } else if (rest[0] == '{') {
      out += "(?:";
      open.push_back(i++);
    } else if (rest[0] == '}' && !open.empty()) {
      out += ')';
      open.pop_back();
      ++i;
    } else if (rest[0] == ',' && !open.empty()) {
      out += '|';
      ++i;
    } else {
      const std::string_view literal = rest.substr(0, std::max<std::size_t>(1, rest.find_first_of("/*?{},", 1)));
      out += RE2::QuoteMeta(piece(literal));
      i += literal.size();
    }
  }
  if (!open.empty()) refuse(at, "'{' is not closed", open.back());
  return out;
}

// Where a pattern's parentheses first go wrong: RE2 does not say.
std::size_t odd_parenthesis(std::string_view pattern) {
  std::vector<std::size_t> open;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      if (pattern.substr(i + 1).starts_with('^')) ++i;
      if (pattern.substr(i + 1).starts_with(']')) ++i;  // a ] in front is one of the class
    } else if (c == '(') {
      open.push_back(i);
    } else if (c == ')') {
      if (open.empty()) return i;
      open.pop_back();
    }
  }
  return open.empty() ? 0 : open.back();
}

[[noreturn]] void refuse_pattern(const RE2& pattern, std::string_view typed, const Typed& at) {
  std::string_view cause = pattern.error();
  const std::string_view part = pattern.error_arg();
  if (!part.empty() && cause.ends_with(part)) {
    cause.remove_suffix(part.size());
    if (cause.ends_with(": ")) cause.remove_suffix(2);
  }
  std::size_t column = std::min(typed.find(part), typed.size());
  if (pattern.error_code() == RE2::ErrorMissingParen || pattern.error_code() == RE2::ErrorUnexpectedParen)
    column = odd_parenthesis(typed);
  refuse(at, visible(cause), column);
}

class PatternTest {
 public:
  enum class Case : std::uint8_t { told_apart, blind };

  // re: and an RE2 pattern that is searched for.
  static PatternTest search(std::string_view pattern, const Typed& at) {
    return {std::string(pattern), pattern, RE2::UNANCHORED, Case::told_apart, at};
  }
  static PatternTest glob(std::string_view glob, Glob kind, Case letters, const Typed& at) {
    return {translate(glob, kind, at), glob, RE2::ANCHOR_BOTH, letters, at};
  }
  bool holds(std::string_view text) const { return pattern_->Match(piece(text), 0, text.size(), anchor_, nullptr, 0); }

  std::string normal;

 private:
  PatternTest(const std::string& pattern, std::string_view typed, RE2::Anchor anchor, Case letters, const Typed& at)
      : normal(letters == Case::blind ? lower(typed) : std::string(typed)), anchor_(anchor) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_never_capture(true);
    options.set_case_sensitive(letters == Case::told_apart);
    options.set_max_mem(16 << 20);  // twice RE2's own: long lists of folders in one pattern stay on its fast path
    pattern_ = std::make_unique<RE2>(piece(pattern), options);
    if (!pattern_->ok()) refuse_pattern(*pattern_, typed, at);
  }

  std::unique_ptr<RE2> pattern_;
  RE2::Anchor anchor_;
};

template <typename Test>
class List {
 public:
  void add(bool excludes, std::string as_typed, Test test) {
    if (!excludes) includes_ = true;
    items_.emplace_back(excludes, std::move(as_typed), std::move(test));
  }

  bool empty() const { return items_.empty(); }
  bool passes_null() const { return !includes_; }

  template <typename Value>
  bool passes(const Value& value) const {
    bool included = !includes_;
    bool excluded = false;
    for (const Item& item : items_) {
      // Once decided, only tests that have never held are still of interest.
      const bool decided = excluded || (included && !item.excludes);
      if (decided && item.seen.load(std::memory_order_relaxed)) continue;
      if (!item.test.holds(value)) continue;
      // Written once: a line that all workers write would be passed around.
      if (!item.seen.load(std::memory_order_relaxed)) item.seen.store(true, std::memory_order_relaxed);
      (item.excludes ? excluded : included) = true;
    }
    return included && !excluded;
  }

  void unmatched(std::vector<std::string>& to) const {
    for (const Item& item : items_)
      if (!item.seen.load(std::memory_order_relaxed)) to.push_back(item.as_typed);
  }

  // ["4xx","!404"], sorted and without doubles.
  std::string canonical() const {
    std::vector<std::string> texts;
    for (const Item& item : items_) texts.push_back((item.excludes ? "!" : "") + item.test.normal);
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    std::string out;
    for (const std::string& text : texts) {
      out += out.empty() ? '[' : ',';
      append_json(out, visible(text));
    }
    return out + ']';
  }

 private:
  struct Item {
    Item(bool excludes, std::string as_typed, Test test)
        : excludes(excludes), as_typed(std::move(as_typed)), test(std::move(test)) {}
    const bool excludes;
    const std::string as_typed;
    const Test test;
    mutable std::atomic<bool> seen{false};
  };
  std::deque<Item> items_;  // atomics do not move
  bool includes_ = false;
};

// The comma that ends the first item of `text`, or its end.
std::size_t item_end(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && depth > 0) --depth;
    if (text[i] == ',' && depth == 0) return i;
  }
  return text.size();
}

std::string quoted(std::string_view option, std::string_view item) {
  return fmt::format("{} '{}'", option, item);
}

template <typename Test>
Test make(std::string_view item, const Typed& at) {
  return Test(item, at);
}

template <typename Test, typename Make>
void read_list(List<Test>& list, std::string_view option, const std::vector<std::string>& values, Make make) {
  for (const std::string& value : values) {
    for (std::size_t from = 0; from <= value.size();) {
      const std::size_t end = from + item_end(std::string_view(value).substr(from));
      const std::string_view item = trim(std::string_view(value).substr(from, end - from));
      Typed at{option, value, item.empty() ? from : static_cast<std::size_t>(item.data() - value.data())};
      const bool excludes = item.starts_with('!');
      const std::string_view rest = trim(item.substr(excludes));
      if (rest.empty()) refuse(at, "an item is empty");
      at.column = static_cast<std::size_t>(rest.data() - value.data());
      list.add(excludes, quoted(option, item), make(rest, at));
      from = end + 1;
    }
  }
}

void read_patterns(List<PatternTest>& list, std::string_view option, bool excludes,
                   const std::vector<std::string>& values) {
  constexpr std::string_view search = "re:";
  for (const std::string& value : values) {
    Typed at{option, value};
    std::string_view pattern = value;
    const bool searches = pattern.starts_with(search);
    if (searches) at.column = search.size();
    pattern.remove_prefix(at.column);
    if (pattern.empty()) refuse(at, "the pattern is empty");
    PatternTest test = searches ? PatternTest::search(pattern, at)
                                : PatternTest::glob(pattern, Glob::path, PatternTest::Case::told_apart, at);
    test.normal = value;  // with its re:
    list.add(excludes, quoted(option, value), std::move(test));
  }
}

// Removes rows of one batch, one kind of filter after the other.
class Sweep {
 public:
  Sweep(const Batch& batch, std::vector<std::uint8_t>& keep, Counts& counts)
      : batch_(batch), keep_(keep), counts_(counts) {
    keep_.assign(batch.size(), 1);
  }

  template <typename Passes>
  void rows(Filtered kind, Passes passes) {
    std::uint64_t dropped = 0;
    for (std::size_t i = 0; i < keep_.size(); ++i) {
      if (!keep_[i] || passes(i)) continue;
      keep_[i] = 0;
      ++dropped;
    }
    counts_.filtered_by[static_cast<std::size_t>(kind)] += dropped;
    any_ |= dropped != 0;
  }

  // Asks `test` once a distinct text; `id_of` gives a row's.
  template <typename IdOf, typename Test>
  void texts(Filtered kind, bool passes_null, IdOf id_of, Test test) {
    enum Verdict : std::uint8_t { unknown, passed, failed };
    thread_local std::vector<std::uint8_t> verdicts;
    verdicts.assign(batch_.texts.size(), unknown);
    verdicts[null_text] = passes_null ? passed : failed;
    rows(kind, [&](std::size_t row) {
      const TextId id = id_of(row);
      std::uint8_t& verdict = verdicts[id];
      if (verdict == unknown) verdict = test(batch_.texts[id]) ? passed : failed;
      return verdict == passed;
    });
  }

  // An empty keep says that all rows stay.
  void end() {
    if (!any_) keep_.clear();
  }

 private:
  const Batch& batch_;
  std::vector<std::uint8_t>& keep_;
  Counts& counts_;
  bool any_ = false;
};

}  // namespace

struct Filter::Rules {
  std::int64_t since = INT64_MIN, until = INT64_MAX;
  List<StatusTest> status;
  List<MethodTest> method;
  List<PatternTest> host;
  List<RemoteTest> remote;
  List<PatternTest> agent;
  List<PatternTest> include, exclude;

  // Calls `see(name, list)` for each list, in the order of Filtered.
  template <typename See>
  void lists(See see) const {
    see("status", status);
    see("method", method);
    see("host", host);
    see("remote", remote);
    see("agent", agent);
    see("include", include);
    see("exclude", exclude);
  }
};

Filter::Filter() : rules_(std::make_unique<Rules>()) {}

Filter::Filter(const FilterOptions& options) : Filter() {
  rules_->since = options.since;
  rules_->until = options.until;
  // Host names and agents are one text whose slashes mean nothing. A glob is
  // for the whole of it here too: any curl is 'curl*', any bot '*bot*'.
  const auto glob = [](std::string_view item, const Typed& at) {
    return PatternTest::glob(item, Glob::text, PatternTest::Case::blind, at);
  };
  read_list(rules_->status, "--status", options.status, make<StatusTest>);
  read_list(rules_->method, "--method", options.method, make<MethodTest>);
  read_list(rules_->host, "--host", options.host, glob);
  read_list(rules_->remote, "--remote", options.remote, make<RemoteTest>);
  read_list(rules_->agent, "--agent", options.agent, glob);
  read_patterns(rules_->include, "--include", false, options.include);
  read_patterns(rules_->exclude, "--exclude", true, options.exclude);
}

Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

bool Filter::keeps_all() const {
  bool lists = false;
  rules_->lists([&](std::string_view, const auto& list) { lists |= !list.empty(); });
  return !lists && rules_->since == INT64_MIN && rules_->until == INT64_MAX;
}

std::string Filter::canonical() const {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  };
  if (rules_->since != INT64_MIN) add("since", iso_time(rules_->since));
  if (rules_->until != INT64_MAX) add("until", iso_time(rules_->until));
  rules_->lists([&](std::string_view name, const auto& list) {
    if (!list.empty()) add(name, list.canonical());
  });
  return out;
}

void Filter::apply(const Batch& batch, std::vector<std::uint8_t>& keep, Counts& counts) const {
  const Rules& rules = *rules_;
  if (keeps_all()) {
    keep.clear();
    return;
  }
  Sweep sweep(batch, keep, counts);
  if (rules.since != INT64_MIN)
    sweep.rows(Filtered::since, [&](std::size_t i) { return batch.time[i] >= rules.since; });
  if (rules.until != INT64_MAX) sweep.rows(Filtered::until, [&](std::size_t i) { return batch.time[i] < rules.until; });

  if (!rules.status.empty()) {
    // Statuses are their own cache: -1 to 999 and nothing beyond in sound logs.
    std::array<std::int8_t, 1001> verdicts;
    verdicts.fill(-1);
    verdicts[0] = rules.status.passes_null();
    sweep.rows(Filtered::status, [&](std::size_t i) {
      const auto at = static_cast<std::size_t>(batch.status[i] - no_status);
      if (at >= verdicts.size()) return rules.status.passes(batch.status[i]);
      if (verdicts[at] < 0) verdicts[at] = rules.status.passes(batch.status[i]);
      return verdicts[at] == 1;
    });
  }

  const auto by_text = [&](Filtered kind, const auto& list, auto id_of, auto value_of) {
    if (list.empty()) return;
    sweep.texts(kind, list.passes_null(), id_of, [&](std::string_view text) { return list.passes(value_of(text)); });
  };
  const auto own = [&](Column column) {
    const std::vector<TextId>& ids = batch.own[static_cast<std::size_t>(column)];
    return [&ids](std::size_t row) { return ids.empty() ? null_text : ids[row]; };
  };
  const auto path = [&](std::size_t row) { return batch.requests[batch.request[row]].path; };
  const auto method = [&](std::size_t row) { return batch.requests[batch.request[row]].method; };
  const auto agent = [&](std::size_t row) { return batch.agents[batch.agent[row]].string; };
  const auto as_it_is = [](std::string_view text) { return text; };
  by_text(Filtered::method, rules.method, method, as_it_is);
  by_text(Filtered::host, rules.host, own(Column::server_name), as_it_is);
  by_text(Filtered::remote, rules.remote, own(Column::remote_addr),
          [](std::string_view text) { return Address(text); });
  by_text(Filtered::agent, rules.agent, agent, as_it_is);
  by_text(Filtered::include, rules.include, path, as_it_is);
  by_text(Filtered::exclude, rules.exclude, path, as_it_is);
  sweep.end();
}

std::vector<std::string> Filter::unmatched() const {
  std::vector<std::string> typed;
  rules_->lists([&](std::string_view, const auto& list) { list.unmatched(typed); });
  return typed;
}

}  // namespace track_usage
