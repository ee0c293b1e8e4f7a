// Reads user agents for tests/agents.py: a JSON text a line on stdin, a JSON
// object of all that is told of it a line on stdout. With --time it measures.
//
//   read_agents REGEXES.YAML [--time]
#include <time.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "src/enrich/agent_patterns.h"
#include "src/enrich/agents.h"

namespace {

using namespace track_usage;

// Of this process, so that others on the machine do not count.
double processor_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

nlohmann::json shown(const AgentText& text) {
  return {{"browser", text.browser},
          {"platform", text.platform},
          {"version", text.version},
          {"language", text.language},
          {"bot", text.bot}};
}

void measure(const std::string& file, const std::vector<std::string>& strings) {
  double start = processor_ms();
  const AgentPatterns patterns(file);
  std::printf("load %.1f ms\n", processor_ms() - start);
  for (const char* what : {"first time", "again"}) {
    start = processor_ms();
    for (const std::string& string : strings) patterns.match(string);
    std::printf("%s: %.1f us an agent\n", what,
                (processor_ms() - start) * 1e3 / static_cast<double>(std::size(strings)));
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::string file = count > 1 ? arguments[1] : "";
    std::vector<std::string> strings;
    for (std::string line; std::getline(std::cin, line);) strings.push_back(nlohmann::json::parse(line));
    if (count > 2) {
      measure(file, strings);
      return 0;
    }
    Agents agents(file);
    agents.check();
    Agents built_in;
    const AgentPatterns patterns(file);
    for (const std::string& string : strings) {
      const AgentMatch match = patterns.match(string);
      std::cout << nlohmann::json{{"family", match.family},
                                  {"version", match.version},
                                  {"os", match.os_family},
                                  {"os_version", match.os_version},
                                  {"spider", match.spider},
                                  {"row", shown(agents.read(string))},
                                  {"built_in", shown(built_in.read(string))}}
                << '\n';
    }
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
