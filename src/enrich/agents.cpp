#include "src/enrich/agents.h"

#include <mutex>
#include <optional>

#include "src/base/text.h"
#include "src/enrich/agent.h"
#include "src/enrich/agent_patterns.h"

namespace track_usage {
namespace {

// Names that the built-in table and the origin have for the same thing.
std::string platform_of(std::string_view os_family) {
  if (os_family == "Mac OS X") return "macos";
  if (os_family == "Chrome OS") return "chromeos";
  return lower(os_family);
}

}  // namespace

struct Agents::Loaded {
  std::once_flag once;
  std::optional<AgentPatterns> patterns;
};

Agents::Agents(std::string file) : file_(std::move(file)), loaded_(std::make_unique<Loaded>()) {}
Agents::~Agents() = default;

void Agents::check() const {
  if (!file_.empty()) AgentPatterns::check(file_);
}

AgentText Agents::read(std::string_view string) const {
  if (const auto known = known_.find(string); known != known_.end()) return known->second;
  const AgentParts built_in = parse_agent(string);
  AgentText text{.browser = std::string(built_in.browser),
                 .platform = std::string(built_in.platform),
                 .version = std::string(built_in.version),
                 .language = std::string(built_in.language),
                 .bot = std::string(built_in.bot)};
  if (file_.empty()) return text;
  std::call_once(loaded_->once, [&] { loaded_->patterns.emplace(file_); });
  AgentMatch match = loaded_->patterns->match(string);
  text.browser = lower(match.family);
  text.platform = platform_of(match.os_family);
  text.version = std::move(match.version);
  // The list of bots is ours and goes before uap-core's, which knows no classes.
  if (text.bot.empty() && match.spider) text.bot = "other";
  return text;
}

}  // namespace track_usage
