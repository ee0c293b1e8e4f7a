// Splits what clients sent, however rude; nothing here rejects.
#include "src/base/url.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "src/base/text.h"

namespace track_usage {
namespace {

constexpr std::string_view blanks = " \t";

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alpha(c) || is_digit(c) || (c != '\0' && others.find(c) != std::string_view::npos);
  });
}

// HTTP/d[.d]
bool is_protocol(std::string_view text) {
  if (!text.starts_with("HTTP/")) return false;
  text.remove_prefix(5);
  if (text.size() == 1) return is_digit(text[0]);
  return text.size() == 3 && is_digit(text[0]) && text[1] == '.' && is_digit(text[2]);
}

std::string_view trim_blanks(std::string_view text) {
  const auto from = text.find_first_not_of(blanks);
  if (from == std::string_view::npos) return text.substr(text.size());
  return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

// The bytes before "://" if they can be a scheme, else 0.
std::size_t scheme_size(std::string_view target) {
  if (target.empty() || !is_alpha(target[0])) return 0;
  const auto end = std::find_if_not(target.begin(), target.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  const auto size = static_cast<std::size_t>(end - target.begin());
  return target.substr(size).starts_with("://") ? size : 0;
}

// Decodes pieces of one query. Keys are compared as the text that is stored:
// two that differ in bytes alone would make an object with equal keys.
class ArgReader {
 public:
  // Views into texts_ must stand, and a byte becomes \xhh at the most.
  explicit ArgReader(std::size_t query_size) {
    texts_.clear();
    texts_.reserve(query_size * 4);
  }

  std::string_view text(std::string_view raw) {
    if (is_plain(raw) && raw.find_first_of("%+") == std::string_view::npos) return raw;
    decoded_.clear();
    append_percent_decoded(decoded_, raw, true);
    const std::size_t from = texts_.size();
    append_text(texts_, decoded_);
    return std::string_view(texts_).substr(from);
  }

  // True once a key.
  bool is_new(std::string_view key) {
    // Few keys are the rule; a client that sends a hundred thousand must not
    // cost their square.
    if (count_ < few_.size()) {
      const auto end = few_.begin() + static_cast<std::ptrdiff_t>(count_);
      if (std::find(few_.begin(), end, key) != end) return false;
      few_[count_++] = key;
      return true;
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return many_.insert(key).second;
  }

 private:
  static thread_local std::string decoded_, texts_;  // kept from query to query
  std::array<std::string_view, 16> few_;
  std::size_t count_ = 0;
  std::unordered_set<std::string_view> many_;
};

thread_local std::string ArgReader::decoded_, ArgReader::texts_;

}  // namespace

SplitRequest split_request(std::string_view request) {
  constexpr auto none = std::string_view::npos;
  const std::string_view line = trim_blanks(request);
  const auto first = line.find(' ');
  SplitRequest split{.method = line.substr(0, first), .target = {}, .protocol = {}, .malformed = true};
  if (first == none || !is_token(split.method)) return {.method = {}, .target = {}, .protocol = {}, .malformed = true};

  const auto last = line.rfind(' ');
  const std::string_view after_last = line.substr(last + 1);
  if (last != first && is_protocol(after_last)) {
    const std::string_view between = line.substr(first + 1, last - first - 1);
    split.target = trim_blanks(between);
    split.protocol = after_last;
    split.malformed = line.size() != request.size() || between.find_first_of(blanks) != none;
    if (!split.target.empty()) return split;
  } else {  // HTTP/0.9
    split.target = line.substr(first + 1);
    split.malformed = line.size() != request.size();
    const bool sound = split.target.starts_with('/') || split.target == "*";
    if (sound && split.target.find_first_of(blanks) == none) return split;
  }
  return {.method = {}, .target = {}, .protocol = {}, .malformed = true};
}

SplitTarget split_target(std::string_view method, std::string_view target) {
  if (method == "CONNECT" || target.empty() || target == "-") return {};
  SplitTarget split;
  if (const std::size_t scheme = scheme_size(target)) {
    split.absolute = true;
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  const auto mark = target.find('?');
  split.path = target.substr(0, mark);
  if (mark != std::string_view::npos) split.query = target.substr(mark + 1);
  if (split.absolute && split.path.empty()) split.path = "/";  // RFC 9110 4.2.3
  return split;
}

void append_url_args(std::string& out, std::string_view query) {
  ArgReader reader(query.size());
  char before = '{';
  while (!query.empty()) {
    const std::string_view piece = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(piece.size() + 1, query.size()));
    if (piece.empty()) continue;
    const auto equals = std::min(piece.find('='), piece.size());
    const std::string_view key = reader.text(piece.substr(0, equals));
    if (!reader.is_new(key)) continue;
    out += before;
    append_json(out, key);
    out += ':';
    append_json(out, reader.text(piece.substr(std::min(equals + 1, piece.size()))));
    before = ',';
  }
  if (before == ',') out += '}';
}

std::string masked_url(std::string_view text) {
  std::string out(text);
  if (const auto authority = out.find("//"); authority != std::string::npos) {
    // To the last @ before the query: a password may hold / and @ itself.
    const auto query = out.find('?', authority);
    const auto at = out.rfind('@', query == std::string::npos ? query : query - 1);
    const auto colon = out.find(':', authority);
    if (at != std::string::npos && at > authority && colon < at) out.replace(colon + 1, at - colon - 1, "***");
  }
  const std::string names = lower(out);
  std::string result;
  std::size_t done = 0;
  for (auto at = names.find_first_of("?&"); at != std::string::npos; at = names.find_first_of("?&", at + 1)) {
    const auto end = std::min(names.find('&', at + 1), names.size());
    const auto equals = names.find('=', at);
    if (equals >= end) continue;
    const std::string_view name = std::string_view(names).substr(at + 1, equals - at - 1);
    const auto holds = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
    if (!holds("pass") && !holds("pwd") && !holds("secret") && !holds("token") && !holds("key")) continue;
    result.append(out, done, equals + 1 - done).append("***");
    done = end;
  }
  return result.append(out, done);
}

std::string masked_urls(std::string_view command) {
  constexpr std::string_view ends = " \t\r\n'\"`";  // a password may hold what else ends a word of the shell
  std::string out;
  while (!command.empty()) {
    const auto word = std::min(command.find_first_of(ends), command.size());
    const std::string_view text = command.substr(0, word);
    out += text.find("://") == std::string_view::npos ? std::string(text) : masked_url(text);
    const auto next = std::min(command.find_first_not_of(ends, word), command.size());
    out += command.substr(word, next - word);
    command.remove_prefix(next);
  }
  return out;
}

}  // namespace track_usage
