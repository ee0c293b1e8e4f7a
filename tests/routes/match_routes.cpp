// What tests/routes.py compares with Werkzeug: the rules of the file RULES, one
// path a line on stdin, and for each a line [rule, view_args] or null on stdout.
// `match_routes RULES`
#include <cstdio>
#include <iostream>
#include <string>

#include "src/enrich/route.h"
#include "src/error.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const track_usage::Routes routes(track_usage::read_rules(argv[1]));
    std::string path;
    while (std::getline(std::cin, path)) {
      const auto match = routes.match(path);
      if (match.rule < 0)
        std::puts("null");
      else
        std::printf("[%d,%s]\n", match.rule, match.view_args.c_str());
    }
  } catch (const track_usage::Error& e) {
    std::fprintf(stderr, "%s\n%s\n", e.what(), e.hint.c_str());
    return static_cast<int>(e.exit);
  }
}
