#include "src/filter_tests.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <re2/re2.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

bool three_digits(std::string_view text, int& to) {
  const auto n = text.size() == 3 ? parse_number(text) : std::nullopt;
  to = static_cast<int>(n.value_or(0));
  return n.has_value();
}

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

}  // namespace

void refuse(const Typed& at, std::string_view cause, std::size_t column) {
  throw Error(Exit::usage, fmt::format("{}: {}", at.option, cause), caret(at.value, at.column + column));
}

StatusTest::StatusTest(std::string_view item, const Typed& at) {
  if (!range(item)) refuse(at, fmt::format("'{}' is no status; they are 404, 4xx or 400-499", visible(item)));
  if (first_ > last_) refuse(at, fmt::format("'{}' ends before it begins", item));
  normal = first_ == last_ ? fmt::format("{:03}", first_) : fmt::format("{:03}-{:03}", first_, last_);
}

bool StatusTest::range(std::string_view item) {
  if (item.size() == 7 && item[3] == '-')
    return three_digits(item.substr(0, 3), first_) && three_digits(item.substr(4), last_);
  if (item.size() == 3 && lower(item.substr(1)) == "xx" && item[0] >= '0' && item[0] <= '9') {
    first_ = (item[0] - '0') * 100;
    last_ = first_ + 99;
    return true;
  }
  const bool one = three_digits(item, first_);
  last_ = first_;
  return one;
}

MethodTest::MethodTest(std::string_view item, const Typed& at) : normal(lower(item)) {
  const auto odd = item.find_first_of(" \t\"(),/:;<=>?@[\\]{}");
  if (odd != std::string_view::npos) refuse(at, fmt::format("'{}' is no method", visible(item)), odd);
}

bool MethodTest::holds(std::string_view method) const {
  return method.size() == normal.size() && lower(method) == normal;
}

RemoteTest::RemoteTest(std::string_view item, const Typed& at) : normal(item), network_(Network::parse(item)) {
  if (network_) {
    normal = network_->text();
    return;
  }
  const auto slash = item.find('/');
  if (const auto address = Network::parse(item.substr(0, slash)); address && slash != std::string_view::npos) {
    const bool v6 = item.find(':') != std::string_view::npos;
    const bool mapped = v6 && address->text().find(':') == std::string::npos;
    refuse(
        at,
        fmt::format("a network of that kind is {} to {} bits long", mapped ? Address::mapped_bits : 0, v6 ? 128 : 32),
        slash + 1);
  }
  // A host name or a masked address stands for itself, a mistyped number for nothing.
  if (item.find_first_not_of("0123456789./:") == std::string_view::npos ||
      item.find_first_of("/*?") != std::string_view::npos)
    refuse(at, fmt::format("'{}' is no address; networks are written 10.0.0.0/8", visible(item)));
}

PatternTest PatternTest::search(std::string_view pattern, const Typed& at) {
  return {std::string(pattern), pattern, false, Case::told_apart, at};
}

PatternTest PatternTest::glob(std::string_view glob, Glob kind, Case letters, const Typed& at) {
  return {translate(glob, kind, at), glob, true, letters, at};
}

PatternTest::PatternTest(const std::string& pattern, std::string_view typed, bool whole, Case letters, const Typed& at)
    : normal(letters == Case::blind ? lower(typed) : std::string(typed)), whole_(whole) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_case_sensitive(letters == Case::told_apart);
  options.set_max_mem(16 << 20);  // twice RE2's own: long lists of folders in one pattern stay on its fast path
  pattern_ = std::make_unique<RE2>(piece(pattern), options);
  if (!pattern_->ok()) refuse_pattern(*pattern_, typed, at);
}

PatternTest::PatternTest(PatternTest&&) noexcept = default;
PatternTest::~PatternTest() = default;

bool PatternTest::holds(std::string_view text) const {
  return pattern_->Match(piece(text), 0, text.size(), whole_ ? RE2::ANCHOR_BOTH : RE2::UNANCHORED, nullptr, 0);
}

}  // namespace track_usage
