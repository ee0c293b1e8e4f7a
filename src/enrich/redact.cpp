#include "src/enrich/redact.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::string_view covered = "***";
// Folded: lower case, without - and _. Of those that end a name as well
// (reset_token, X-Amz-Signature) no other word ends so.
constexpr std::array<std::string_view, 7> secret_endings = {"password", "passwd",    "secret",   "token",
                                                            "apikey",   "accesskey", "signature"};
constexpr std::array<std::string_view, 4> secret_names = {"code", "sig", "auth", "session"};
// Headers and members that tell who somebody is.
constexpr std::array<std::string_view, 2> secret_members = {"authorization", "httpauthorization"};
constexpr std::size_t longest_name = 256;  // a longer one is no name

// What stands around a=b in a query, a cookie or a header.
constexpr std::string_view before_names = "?&;\"'{,( \t#=";
constexpr std::string_view behind_values = "&#", behind_cookies = "&;# \t", behind_words = "&;# \t\"\\";

// A name in lower case, without - and _, of user[password] what stands in
// brackets. Kept apart from the heap: one is made for each name of each line.
class Folded {
 public:
  explicit Folded(std::string_view name) {
    if (name.find_first_of("%+") == std::string_view::npos) {
      fold(name);
    } else {
      std::string decoded;
      append_percent_decoded(decoded, name.substr(0, longest_name), true);
      fold(decoded);
    }
  }
  std::string_view text() const { return {bytes_, size_}; }

 private:
  void fold(std::string_view name) {
    if (name.ends_with(']'))
      if (const auto open = name.rfind('['); open != std::string_view::npos)
        name = name.substr(open + 1, name.size() - open - 2);
    for (const char c : name.substr(0, longest_name))
      if (c != '-' && c != '_') bytes_[size_++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }

  char bytes_[longest_name];
  std::size_t size_ = 0;
};

// No name that ends otherwise is secret; told without folding it.
bool may_be_secret(std::string_view name) {
  constexpr std::string_view ends[] = {"ord", "swd", "ret", "ken", "key", "ure", "ode", "sig", "uth", "ion"};
  if (name.size() < 3) return false;
  const std::string_view last = name.substr(name.size() - 3);
  if (last.find_first_of("]-_") != std::string_view::npos || name.find('%') != std::string_view::npos) return true;
  const auto is_last = [&](std::string_view end) {
    return (last[0] | 0x20) == end[0] && (last[1] | 0x20) == end[1] && (last[2] | 0x20) == end[2];
  };
  return std::any_of(std::begin(ends), std::end(ends), is_last);
}

std::vector<std::string> names_of(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (comma != 0) names.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

// Behind the values of a request's query: its protocol, or its end.
std::size_t end_of_query(std::string_view request) {
  const auto blank = request.rfind(' ');
  return blank != std::string_view::npos && request.substr(blank + 1).starts_with("HTTP/") ? blank : request.size();
}

}  // namespace

QueryRules::QueryRules(const QueryOptions& options) : redact_(options.redact) {
  const std::string_view keep = options.keep;
  if (keep == "strip") {
    keep_ = Keep::none;
  } else if (keep.starts_with("only:") || keep.starts_with("drop:")) {
    keep_ = keep.starts_with("only:") ? Keep::only : Keep::others;
    names_ = names_of(keep.substr(5));
    if (names_.empty())
      throw Error(Exit::usage, fmt::format("--query: no name behind '{}'", keep), "--query only:page,q");
  } else if (keep != "keep") {
    throw Error(Exit::usage, fmt::format("--query: '{}' is none of its values", visible(keep)),
                "keep, strip, only:NAME,... or drop:NAME,...");
  }
  for (const std::string& name : options.secret) secret_.emplace_back(Folded(name).text());
  redact_ = redact_ || !secret_.empty();
}

bool QueryRules::is_secret(std::string_view name) const {
  if (secret_.empty() && !may_be_secret(name)) return false;
  const Folded kept(name);
  const std::string_view folded = kept.text();
  if (std::find(secret_.begin(), secret_.end(), folded) != secret_.end()) return true;
  return std::find(secret_names.begin(), secret_names.end(), folded) != secret_names.end() ||
         std::any_of(secret_endings.begin(), secret_endings.end(),
                     [&](std::string_view ending) { return folded.ends_with(ending); });
}

bool QueryRules::is_secret_member(std::string_view name) const {
  if (secret_.empty() && !may_be_secret(name)) return false;
  const Folded kept(name);
  const std::string_view folded = kept.text();
  if (std::find(secret_members.begin(), secret_members.end(), folded) != secret_members.end()) return true;
  return folded != "code" && is_secret(name);  // an error's code is none
}

bool QueryRules::is_kept(std::string_view name) const {
  std::string decoded;
  append_percent_decoded(decoded, name, true);
  return (std::find(names_.begin(), names_.end(), decoded) != names_.end()) == (keep_ == Keep::only);
}

// The query of a request: from its first question mark to its protocol, or to
// its end where it has none.
bool QueryRules::cut(std::string_view request, std::string& out) const {
  const auto mark = request.find('?');
  if (mark == std::string_view::npos) return false;
  const std::size_t end = std::max(end_of_query(request), mark + 1);
  out.append(request.substr(0, mark));
  if (keep_ != Keep::none) {
    char before = '?';
    for (std::string_view query = request.substr(mark + 1, end - mark - 1); !query.empty();) {
      const std::string_view piece = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(piece.size() + 1, query.size()));
      if (!is_kept(piece.substr(0, piece.find('=')))) continue;
      out.append(1, before).append(piece);
      before = '&';
    }
  }
  out.append(request.substr(end));
  return true;
}

bool QueryRules::rewrite(std::string_view request, std::string& out) const {
  std::string shorter;
  const bool is_cut = keep_ != Keep::all && cut(request, shorter);
  if (is_cut) request = shorter;
  const std::size_t end = end_of_query(request);
  const std::size_t before = out.size();
  if (cover(request.substr(0, end), behind_values, out)) {
    out.append(request.substr(end));
  } else if (is_cut) {
    out.append(request);
  }
  return out.size() != before;
}

bool QueryRules::cover(std::string_view text, std::string& out) const {
  return cover(text, behind_values, out);
}

bool QueryRules::cover(std::string_view text, std::string_view behind, std::string& out) const {
  if (!redact_) return false;
  std::size_t done = 0;  // of text, appended
  bool any = false;
  for (auto equals = text.find('='); equals != std::string_view::npos; equals = text.find('=', equals + 1)) {
    if (equals < done) continue;
    const auto before = equals == 0 ? std::string_view::npos : text.find_last_of(before_names, equals - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::string_view name = text.substr(begin, equals - begin);
    if (name.empty() || name.size() > longest_name || begin < done || !is_secret(name)) continue;
    const std::size_t end = std::min(text.find_first_of(behind, equals + 1), text.size());
    if (end == equals + 1) continue;  // no value
    out.append(text.substr(done, equals + 1 - done)).append(covered);
    done = end;
    any = true;
  }
  if (any) out.append(text.substr(done));
  return any;
}

bool QueryRules::cover_line(std::string_view line, std::string& out) const {
  return cover(line, behind_words, out);
}

bool QueryRules::cover_members(std::string_view members, std::string& out) const {
  if (!redact_) return false;
  std::size_t done = 0;
  bool any = false, secret = false;
  const auto put = [&](std::size_t from, std::size_t to, std::string_view value) {
    out.append(members.substr(done, from - done)).append(value);
    done = to;
    any = true;
  };
  for (auto at = members.find('"'); at < members.size(); at = members.find('"', at)) {
    std::size_t end = at + 1;
    while (end < members.size() && members[end] != '"') end += members[end] == '\\' ? 2 : 1;
    const std::string_view text = members.substr(at + 1, end - at - 1);
    if (members.substr(end + 1).starts_with(':')) {
      secret = is_secret_member(text);
      at = end + 2;
      const auto number = std::min(members.find_first_not_of("-+.eE0123456789", at), members.size());
      if (secret && number != at) put(at, number, "\"***\"");
      continue;
    }
    if (secret && !text.empty()) put(at + 1, end, covered);
    if (!secret && text.find('=') != std::string_view::npos)
      if (std::string safe; cover(text, behind_cookies, safe)) put(at + 1, end, safe);
    at = end + 1;
  }
  if (any) out.append(members.substr(done));
  return any;
}

}  // namespace track_usage
