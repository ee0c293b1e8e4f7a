// What a user agent's string says of itself: a first simple table of names.
// Names are lower case, as the origin's; version and language as logged.
#pragma once

#include <string_view>

namespace track_usage {

struct AgentParts {
  std::string_view browser, platform, version, language,
      bot;  // no data(): null; borrow from the string or are literals
};

AgentParts parse_agent(std::string_view string);

}  // namespace track_usage
