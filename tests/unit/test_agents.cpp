// User agents by patterns: what is read from a small file of them, how a broken
// file is refused, and the automaton of atoms against a plain search.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "src/base/text.h"
#include "src/enrich/agent_patterns.h"
#include "src/enrich/agents.h"
#include "src/enrich/atoms.h"
#include "src/error.h"

namespace track_usage {
namespace {

// A file that is removed in the end.
struct PatternFile {
  explicit PatternFile(std::string_view content) {
    char name[] = "/tmp/track-usage-patterns-XXXXXX";
    const int made = mkstemp(name);
    REQUIRE(made >= 0);
    path = name;
    std::ofstream(path, std::ios::binary) << content;
  }
  ~PatternFile() { std::filesystem::remove(path); }
  std::string path;
};

constexpr std::string_view small = R"(# a comment
user_agent_parsers:
  - regex: '(Shop) App/(\d+)\.(\d+)'
    family_replacement: '$1 for $2'
    v1_replacement: '7'
  - regex: '(Browser)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)'
  - regex: '(Nameless)/(\d+)'
    family_replacement: 'Other'
  - regex: '^.{0,20}?(Near)/(\d+)'
  - regex: '(Wide).{0,200}/(\d+)'
  - regex: '(Tight).{0,9}/(\d+)'
  - regex: '(Cut) (.{1,3})'
os_parsers:
  - regex: 'Win(95|98)'
    os_replacement: 'Windows'
    os_v1_replacement: '$1'
  - regex: '(Mac OS X) (\d+)_(\d+)_(\d+)_(\d+)'
device_parsers:
  - regex: 'Cubot'
    device_replacement: 'Cubot'
  - regex: 'BOT'
    regex_flag: 'i'
    device_replacement: 'Spider'
)";

std::string shown(const AgentMatch& m) {
  return m.family + "|" + m.version + "|" + m.os_family + "|" + m.os_version + (m.spider ? "|spider" : "");
}

TEST_CASE("agents: the first pattern that matches tells family and version") {
  const PatternFile file(small);
  const AgentPatterns patterns(file.path);
  const std::string a100(100, 'a');
  const struct {
    const char* name;
    std::string string;
    std::string expected;
  } cases[] = {
      {"groups", "x Browser/12.3.4 y", "Browser|12.3.4||"},
      {"missing numbers end the version", "Browser/12", "Browser|12||"},
      {"replacements", "Shop App/3.4", "Shop for 3|7.4||"},
      {"the first of the file wins, not of the string", "Browser/1 Shop App/3.4", "Shop for 3|7.4||"},
      {"letters are told apart", "browser/1", "|||"},
      {"Other is nothing", "Nameless/4", "|||"},
      {"the system, and all its numbers", "Mac OS X 10_15_7_1", "||Mac OS X|10.15.7.1"},
      {"a group as the version", "Win98", "||Windows|98"},
      {"a spider", "my robot", "||||spider"},
      {"a device before the spiders", "Cubot", "|||"},
      {"how far from the start", "12345678901234567890Near/4", "Near|4||"},
      {"too far from the start", "123456789012345678901Near/4", "|||"},
      {"a large bound is none", "Wide" + a100 + a100 + a100 + "/4", "Wide|4||"},
      {"a small bound is one", "Tight1234567890/4", "|||"},
      {"a character that a bound cuts in two", "Cut \u20ac\u20ac", "Cut|\u20ac||"},
      {"half a character", "Cut a\u20ac", "Cut|a\\xe2\\x82||"},
      {"what stands beyond 2 KiB is not looked at", std::string(2040, ' ') + "Browser/12", "|||"},
      {"empty", "", "|||"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(shown(patterns.match(test.string)) == test.expected);
  }
}

TEST_CASE("agents: a row's values are in lower case, and our list of bots goes first") {
  const PatternFile file(small);
  const Agents agents(file.path);
  agents.check();
  AgentText text = agents.read("Shop App/3.4 (Mac OS X 10_15_7_1; de-de) GPTBot/1.2");
  CHECK(text.browser == "shop for 3");
  CHECK(text.version == "7.4");
  CHECK(text.platform == "macos");
  CHECK(text.language == "de-de");
  CHECK(text.bot == "ai");
  CHECK(agents.read("my robot").bot == "other");
  text = agents.read("Mozilla/5.0 (Linux; Android 14; Pixel 8)");
  CHECK(text.browser == "");
  CHECK(text.language == "");
}

TEST_CASE("agents: several threads read at once, the first loads the file") {
  const PatternFile file(small);
  const Agents agents(file.path);
  std::vector<std::thread> threads;
  std::vector<std::string> told(8);
  for (std::string& one : told)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) one = agents.read("Browser/" + std::to_string(i) + " robot Win98").version;
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& one : told) CHECK(one == "199");
}

TEST_CASE("agents: without a file the built-in table tells all") {
  const Agents agents;
  agents.check();
  const AgentText text = agents.read("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0");
  CHECK(text.browser + " " + text.version + " " + text.platform == "firefox 125.0 linux");
}

std::string refused(const std::string& path) {
  try {
    const AgentPatterns patterns(path);
  } catch (const Error& e) {
    CHECK(e.exit == Exit::usage);
    std::string what = e.what();
    if (const auto at = what.find(path); at != std::string::npos) what.replace(at, path.size(), "F");
    return what;
  }
  return "taken";
}

TEST_CASE("agents: a broken file is refused with the place") {
  const std::string rest = "os_parsers: []\ndevice_parsers: []\n";
  const struct {
    const char* name;
    std::string content;
    const char* expected;
  } cases[] = {
      {"empty", "", "F: is no map of lists"},
      {"a text", "hello", "F: is no map of lists"},
      {"a list", "- a\n- b\n", "F: is no map of lists"},
      {"another map", "a: 1\n", "F: has no user_agent_parsers"},
      {"no devices", "user_agent_parsers: []\nos_parsers: []\n", "F: has no device_parsers"},
      {"no YAML", "user_agent_parsers:\n  - regex: [a\nos_parsers:", "F:3:11: unknown token"},
      {"a list that is none", "user_agent_parsers: 4\n" + rest, "F:1:21: user_agent_parsers is no list"},
      {"an entry that is no map", "user_agent_parsers:\n  - a\n" + rest,
       "F:2:5: an entry of user_agent_parsers is no map"},
      {"an entry without pattern", "user_agent_parsers:\n  - family_replacement: a\n" + rest,
       "F:2:5: an entry of user_agent_parsers has no regex"},
      {"a pattern that is a list", "user_agent_parsers:\n  - regex: [a]\n" + rest, "F:2:12: regex is no text"},
      {"a pattern that RE2 does not take", "user_agent_parsers:\n  - regex: 'a(?!b)'\n" + rest,
       "F:2:12: RE2 takes no 'a(?!b)': invalid perl operator: (?!"},
      {"nothing to match", "user_agent_parsers: []\n" + rest, "F: has no pattern"},
      {"one pattern", "user_agent_parsers:\n  - regex: a\n" + rest, "taken"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    const PatternFile file(test.content);
    CHECK(refused(file.path) == test.expected);
  }
  CHECK(refused("/tmp/no/such") == "cannot read F: No such file or directory");
  CHECK(refused("/tmp") == "cannot read F: Is a directory");
}

TEST_CASE("agents: the check at the start sees what is no file of patterns") {
  AgentPatterns::check(PatternFile(small).path);
  AgentPatterns::check(PatternFile("---\n\nos_parsers:\n").path);
  CHECK_THROWS_WITH_AS(Agents("/tmp/no/such").check(), "cannot read /tmp/no/such: No such file or directory", Error);
  CHECK_THROWS_AS(Agents("/tmp").check(), Error);
  for (const char* content : {"", "# only this", "hello: 1\nuser_agent_parsers:\n", "user_agent_parsers_of_mine:\n"}) {
    CAPTURE(content);
    CHECK_THROWS_AS(AgentPatterns::check(PatternFile(content).path), Error);
  }
}

TEST_CASE("agents: the automaton finds what a search finds") {
  std::mt19937 random(7);
  const auto text = [&](std::size_t longest, std::string_view letters) {
    std::string out(random() % longest + 1, ' ');
    for (char& c : out) c = letters[random() % letters.size()];
    return out;
  };
  std::vector<int> found;
  std::size_t hits = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> atoms;
    for (std::size_t n = random() % 40; n > 0; --n) {
      const std::string atom = text(6, round % 2 == 0 ? "ab" : "abc/ \xc3\xa9");
      if (std::find(atoms.begin(), atoms.end(), atom) == atoms.end()) atoms.push_back(atom);
    }
    const Atoms automaton(atoms);
    for (int i = 0; i < 20; ++i) {
      const std::string string = text(60, "aAbBcz/ \xc3\xa9");
      std::vector<int> expected;
      for (std::size_t n = 0; n < atoms.size(); ++n)
        if (lower(string).find(atoms[n]) != std::string::npos) expected.push_back(static_cast<int>(n));
      automaton.find(string, found);
      CHECK(found == expected);
      hits += found.size();
    }
  }
  CHECK(hits > 1000);
}

}  // namespace
}  // namespace track_usage
