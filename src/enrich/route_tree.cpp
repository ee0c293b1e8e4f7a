#include "src/enrich/route_tree.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "src/base/hash.h"
#include "src/enrich/route_part.h"

namespace track_usage {
namespace {

constexpr std::size_t all_taken = std::string_view::npos;

// The first eight bytes, zeros where there are fewer.
std::uint64_t first_bytes(std::string_view text) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), std::min(text.size(), sizeof bytes));
  return bytes;
}

std::uint64_t mask_of(std::string_view text) {
  return first_bytes(std::string(text.size(), '\xff'));
}

std::uint64_t hash_of(std::uint32_t from, std::string_view text) {
  return hash_text(text) ^ (from * 0x9E3779B97F4A7C15u);
}

}  // namespace

RouteTree::Index RouteTree::new_state(std::string_view text) {
  states_.emplace_back().text = text;
  drafts_.emplace_back();
  return static_cast<Index>(states_.size() - 1);
}

RouteTree::Index RouteTree::place_of_part(const RoutePart& part) {
  const auto [place, is_new] = part_places_.emplace(part.key, static_cast<Index>(parts_.size()));
  if (is_new) parts_.push_back(part);
  return place->second;
}

void RouteTree::add(const std::vector<RoutePart>& parts, int rule) {
  if (states_.empty()) new_state({});
  Index at = 0;
  for (const RoutePart& part : parts) {
    if (part.dynamic) {
      // Rules with one part in common share what follows, or they would be tried one by one.
      const Index place = place_of_part(part);
      auto& dynamics = drafts_[at].dynamics;
      const auto found =
          std::find_if(dynamics.begin(), dynamics.end(), [&](const auto& entry) { return entry.first == place; });
      if (found != dynamics.end()) {
        at = found->second;
        continue;
      }
      const Index next = new_state({});
      drafts_[at].dynamics.emplace_back(place, next);
      at = next;
      continue;
    }
    auto known = text_places_.find(part.text());
    if (known == text_places_.end()) {
      const std::string& kept = texts_.emplace_back(part.text());
      known = text_places_.emplace(kept, kept).first;
    }
    const auto found = drafts_[at].statics.find(known->second);
    if (found != drafts_[at].statics.end()) {
      at = found->second;
      continue;
    }
    const Index next = new_state(known->second);
    drafts_[at].statics.emplace(known->second, next);
    at = next;
  }
  if (states_[at].rule == no_rule) states_[at].rule = rule;
}

void RouteTree::add_edge(Index from, Index next) {
  const std::size_t mask = edges_.size() - 1;
  const std::uint64_t hash = hash_of(from, states_[next].text);
  std::size_t slot = hash & mask;
  while (edges_[slot].next != 0) slot = (slot + 1) & mask;
  edges_[slot] = {hash, from, next};
}

void RouteTree::finish() {
  if (states_.empty()) new_state({});
  std::size_t statics = 0;
  for (const Draft& draft : drafts_) statics += draft.statics.size();
  edges_.assign(std::bit_ceil(2 * statics + 1), {});
  for (Index at = 0; at < states_.size(); ++at) {
    State& state = states_[at];
    Draft& draft = drafts_[at];
    for (const auto& [text, next] : draft.statics) {
      add_edge(at, next);
      if (text.empty() && states_[next].rule != no_rule) state.slash_ends_rule = true;
    }
    state.has_statics = !draft.statics.empty();
    std::stable_sort(draft.dynamics.begin(), draft.dynamics.end(),
                     [&](const auto& a, const auto& b) { return parts_[a.first].weight < parts_[b.first].weight; });
    state.first = static_cast<Index>(ways_.size());
    state.count = static_cast<Index>(draft.dynamics.size());
    for (const auto& [part, next] : draft.dynamics) {
      const std::string_view begins = parts_[part].text();  // none, if a variable begins it
      ways_.push_back({first_bytes(begins), mask_of(begins), part, next});
    }
  }
  drafts_ = {};
  part_places_ = {};
  text_places_ = {};
}

RouteTree::Index RouteTree::static_next(Index from, std::string_view text) const {
  const std::size_t mask = edges_.size() - 1;
  const std::uint64_t hash = hash_of(from, text);
  for (std::size_t slot = hash & mask; edges_[slot].next != 0; slot = (slot + 1) & mask) {
    const Edge& edge = edges_[slot];
    if (edge.hash == hash && edge.from == from && states_[edge.next].text == text) return edge.next;
  }
  return 0;
}

struct RouteTree::Search {
  std::string_view path;
  std::vector<std::string_view>& values;
  int rule = no_rule;
};

// From a state on, with what begins at `at` still to be taken. As deep as the
// rules are, not the path.
RouteTree::End RouteTree::go(Search& search, Index index, std::size_t at) const {
  const State& state = states_[index];
  if (at == all_taken) {
    search.rule = state.rule;
    if (state.rule != no_rule) return End::rule;
    return state.slash_ends_rule ? End::redirect : End::nowhere;
  }
  const std::string_view rest = search.path.substr(at);
  const std::string_view segment = rest.substr(0, rest.find('/'));
  const std::size_t after = segment.size() == rest.size() ? all_taken : at + segment.size() + 1;
  if (state.has_statics)
    if (const Index next = static_next(index, segment); next != 0)
      if (const End end = go(search, next, after); end != End::nowhere) return end;
  const std::uint64_t begins = first_bytes(rest);
  for (Index i = state.first; i < state.first + state.count; ++i) {
    const Way& way = ways_[i];
    if ((begins & way.mask) != way.begins) continue;
    const RoutePart& part = parts_[way.part];
    const std::size_t before = search.values.size();
    if (!match_part(part, part.final ? rest : segment, search.values)) continue;
    if (const End end = go(search, way.next, part.final ? all_taken : after); end != End::nowhere) return end;
    search.values.resize(before);
  }
  return End::nowhere;
}

int RouteTree::find(std::string_view path, std::vector<std::string_view>& values) const {
  values.clear();
  Search search{path, values};
  const std::size_t begin = std::min(path.find_first_not_of('/'), path.size());  // slashes in front are one
  return go(search, 0, begin) == End::rule ? search.rule : no_rule;
}

}  // namespace track_usage
