// The parts of all rules as one tree, laid out for thousands of rules: a path
// of an application with many touches few bytes that the one before it did not.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/enrich/route_rule.h"

namespace track_usage {

class RouteTree {
 public:
  static constexpr int no_rule = -1;

  // Adds the parts of rule `rule`. Of rules with the same parts the first stands.
  void add(const std::vector<RoutePart>& parts, int rule);
  // Puts all in the order in which it is tried; once, after the last add().
  void finish();

  // The rule that ends where the path ends, which begins with a slash; no_rule
  // also where Werkzeug redirects. Its variables' texts are left in `values`,
  // as views into the path. Const: from several threads at once.
  int find(std::string_view path, std::vector<std::string_view>& values) const;

 private:
  using Index = std::uint32_t;
  enum class End : std::uint8_t { nowhere, rule, redirect };

  // What is known of a path once some of its parts are taken.
  struct State {
    std::string_view text;  // of the static part that led here; in texts_
    int rule = no_rule;     // that ends here
    Index first = 0;        // of its dynamic parts in ways_
    Index count = 0;
    bool has_statics = false;
    bool slash_ends_rule = false;  // with one slash more
  };
  // A dynamic part, and its first bytes: most texts are told apart by these.
  struct Way {
    std::uint64_t begins = 0, mask = 0;
    Index part = 0, next = 0;
  };
  // From a state by a static part: a slot of an open table.
  struct Edge {
    std::uint64_t hash = 0;
    Index from = 0;
    Index next = 0;  // 0, the root: the slot is free
  };
  // As it is built.
  struct Draft {
    std::unordered_map<std::string_view, Index> statics;
    std::vector<std::pair<Index, Index>> dynamics;  // part, next
  };
  struct Search;

  Index new_state(std::string_view text);
  Index place_of_part(const RoutePart& part);
  void add_edge(Index from, Index next);
  Index static_next(Index from, std::string_view text) const;
  End go(Search& search, Index state, std::size_t at) const;

  std::vector<State> states_;
  std::vector<Way> ways_;
  std::vector<Edge> edges_;
  std::vector<RoutePart> parts_;  // each once
  std::deque<std::string> texts_;
  std::unordered_map<std::string, Index> part_places_;
  std::unordered_map<std::string_view, std::string_view> text_places_;
  std::vector<Draft> drafts_;
};

}  // namespace track_usage
