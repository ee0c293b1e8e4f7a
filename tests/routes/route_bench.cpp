// What a path's route and blueprint cost, in ns a distinct path, with few rules
// and with thousands. `route_bench`
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "src/enrich/blueprint.h"
#include "src/enrich/route.h"

namespace {

using track_usage::Blueprints;
using track_usage::Routes;

constexpr int rounds = 5;
constexpr std::size_t paths_of_a_round = 200'000;

// Rules as an application has them: five to a resource.
std::vector<std::string> rules(std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; out.size() < count; ++i)
    for (const char* shape :
         {"/{}/", "/{}/<int:id>", "/{}/<int:id>/edit", "/{}/<int:id>/posts/<slug>", "/{}/files/<path:name>"})
      out.push_back(fmt::format(fmt::runtime(shape), fmt::format("resource{}", i)));
  out.resize(count);
  return out;
}

// As many different requests, most of which some rule is for; one in six is unknown.
std::vector<std::string> paths(std::size_t rule_count) {
  std::vector<std::string> out;
  std::uint64_t random = 1;
  const auto below = [&](std::size_t n) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % n;
  };
  while (out.size() < paths_of_a_round) {
    const std::string name = fmt::format("resource{}", below((rule_count + 4) / 5));
    const std::size_t id = below(1'000'000);
    switch (below(6)) {
      case 0:
        out.push_back(fmt::format("/{}/", name));
        break;
      case 1:
        out.push_back(fmt::format("/{}/{}", name, id));
        break;
      case 2:
        out.push_back(fmt::format("/{}/{}/edit", name, id));
        break;
      case 3:
        out.push_back(fmt::format("/{}/{}/posts/a-slug-of-{}", name, id, id));
        break;
      case 4:
        out.push_back(fmt::format("/{}/files/css/site-{}.css", name, id));
        break;
      case 5:
        out.push_back(fmt::format("/wp-content/{}/x.php", id));
        break;
    }
  }
  return out;
}

// The best of some rounds.
template <typename Match>
void show(std::string_view what, const std::vector<std::string>& paths, Match match) {
  double best = 1e9;
  std::size_t found = 0;
  for (int round = 0; round < rounds; ++round) {
    found = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (const std::string& path : paths) found += match(path);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  const double count = static_cast<double>(paths.size());
  fmt::print("{:<44} {:8.0f} ns a path, {:3.0f} % found\n", what, best * 1e9 / count,
             100.0 * static_cast<double>(found) / count);
}

void blueprints(std::string_view what, const char* shape, std::size_t count, const std::vector<std::string>& asked) {
  std::vector<std::string> typed;
  for (std::size_t i = 0; i < count; ++i) typed.push_back(fmt::format(fmt::runtime(shape), i, i));
  const Blueprints all(typed);
  show(fmt::format("blueprints: {} {}", count, what), asked,
       [&](const std::string& path) { return all.match(path) >= 0; });
}

}  // namespace

int main() {
  for (const std::size_t count : {5u, 50u, 5'000u}) {
    const Routes routes(rules(count));
    show(fmt::format("routes: {}", count), paths(count),
         [&](const std::string& path) { return routes.match(path).rule >= 0; });
  }
  std::vector<std::string> hard;
  for (int i = 0; i < 1'000; ++i) hard.push_back(fmt::format("/file{}-<name>.<ext>", i));
  show("routes: 1000 side by side in one segment", paths(5'000),
       [routes = Routes(hard)](const std::string& path) { return routes.match(path).rule >= 0; });

  std::vector<std::string> asked = paths(5'000);
  blueprints("folders", "b{}=/resource{}/**", 1'000, asked);
  blueprints("globs", "b{}=/resource{}/*/edit", 1'000, asked);
  asked.resize(2'000);
  blueprints("re:", "b{}=re:^/resource{}/", 1'000, asked);
}
