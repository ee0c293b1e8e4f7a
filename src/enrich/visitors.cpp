#include "src/enrich/visitors.h"

#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

// Names under which logs have a whole Cookie header.
constexpr std::string_view headers[] = {"\"http_cookie\":\"", "\"cookie\":\"", "\"Cookie\":\"", "\"cs(Cookie)\":\"",
                                        "\"request_Cookie\":\""};

}  // namespace

Visitors::Visitors(std::string_view how, std::string_view salt_life, const std::string& salt)
    : hash_(KeyedHash(salt).derived("visitor")) {
  if (how.starts_with("cookie:") && how.size() > 7)
    cookie_ = how.substr(7);
  else if (how == "ip-ua")
    by_agent_ = true;
  else if (!how.empty() && how != "none")
    throw Error(Exit::usage, fmt::format("--visitor: '{}' is none of its values", visible(how)),
                "ip-ua, cookie:NAME or none");
  if (salt_life == "daily")
    daily_ = true;
  else if (!salt_life.empty() && salt_life != "store")
    throw Error(Exit::usage, fmt::format("--visitor-salt: '{}' is none of its values", visible(salt_life)),
                "store or daily");
}

std::string_view Visitors::find(std::string_view members) const {
  const auto value_at = [&](std::size_t from) {
    auto end = from;
    while (end < members.size() && members[end] != '"') end += members[end] == '\\' ? 2 : 1;
    return members.substr(from, end - from);
  };
  constexpr std::string_view own = "\"cookie_", then = "\":\"";
  for (auto at = members.find(own); at != std::string_view::npos; at = members.find(own, at + 1)) {
    const std::string_view rest = members.substr(at + own.size());
    if (rest.starts_with(cookie_) && rest.substr(cookie_.size()).starts_with(then))
      return value_at(at + own.size() + cookie_.size() + then.size());
  }
  for (const std::string_view header : headers) {
    const auto at = members.find(header);
    if (at == std::string_view::npos) continue;
    for (std::string_view rest = value_at(at + header.size()); !rest.empty();) {
      const auto semicolon = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trim(rest.substr(0, semicolon));
      rest.remove_prefix(std::min(semicolon + 1, rest.size()));
      if (pair.starts_with(cookie_) && pair.substr(cookie_.size()).starts_with('='))
        return pair.substr(cookie_.size() + 1);
    }
  }
  return {};
}

void Visitors::name(Batch& batch) const {
  if (off()) return;
  const std::vector<TextId>& remote = batch.own[static_cast<std::size_t>(Column::remote_addr)];
  std::vector<TextId>& visitor = batch.own[static_cast<std::size_t>(Column::visitor)];
  if (by_agent_ ? remote.empty() : visitor.empty()) return;
  visitor.resize(batch.size());
  std::unordered_map<std::int32_t, KeyedHash> of_day;
  std::unordered_map<std::int32_t, std::unordered_map<std::uint64_t, TextId>> known;  // by day, if it matters
  std::string both;
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const TextId who = by_agent_ ? remote[row] : visitor[row];
    if (who == null_text) continue;
    const std::int32_t day = daily_ ? batch.hours[batch.hour[row]].day : 0;
    const std::uint64_t pair = std::uint64_t{who} << 32 | (by_agent_ ? batch.agent[row] : 0);
    const auto [at, fresh] = known[day].try_emplace(pair, null_text);
    if (fresh) {
      both = batch.texts[who];
      if (by_agent_) both.append(1, '\n').append(batch.texts[batch.agents[batch.agent[row]].string]);
      const KeyedHash& hash = daily_ ? of_day.try_emplace(day, hash_.derived(iso_date(day))).first->second : hash_;
      at->second = batch.texts.intern(hash(both));
    }
    visitor[row] = at->second;
  }
}

}  // namespace track_usage
