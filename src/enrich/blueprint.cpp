// Most patterns are a folder, /shop/**, or one path: these are a tree by
// segments, walked once a path. The others are tried in order, up to the first
// that the tree has found; what they begin and end with is compared before.
#include "src/enrich/blueprint.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>

#include "src/base/hash.h"
#include "src/filter_tests.h"

namespace track_usage {
namespace {

// Patterns are known by their place on the command line: the lowest wins.
using Order = std::uint32_t;
constexpr Order never = std::numeric_limits<Order>::max();

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return hash_text(text); }
};

// Of a path, up to some slash or the end.
struct Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> next;
  Order folder = never;  // a pattern for this path and all below
  Order whole = never;   // a pattern for this path alone
};

struct Pattern {
  Order order;
  std::string begins, ends;  // what every path it holds for begins and ends with
  PatternTest test;
};

std::string_view take_segment(std::string_view& rest, bool& more) {
  const std::size_t slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest.remove_prefix(more ? slash + 1 : rest.size());
  return segment;
}

constexpr std::string_view special = "*?{},";
constexpr std::string_view folder_end = "/**";

// A path as it stands, or one with /** behind it.
bool is_plain(std::string_view glob) {
  if (glob.find('/') == std::string_view::npos) return false;  // for the last segment at any depth
  if (glob.ends_with(folder_end)) glob.remove_suffix(folder_end.size());
  return glob.find_first_of(special) == std::string_view::npos;
}

std::string_view beginning(std::string_view glob) {
  if (glob.find('/') == std::string_view::npos) return {};
  std::string_view begins = glob.substr(0, glob.find_first_of(special));
  // The slash before ** goes if no folder is there.
  if (glob.substr(begins.size()).starts_with("**") && begins.ends_with('/')) begins.remove_suffix(1);
  return begins;
}

std::string_view ending(std::string_view glob) {
  const std::size_t last = glob.find_last_of(special);
  std::string_view ends = glob.substr(last == std::string_view::npos ? 0 : last + 1);
  // So does the one behind it.
  if (last != std::string_view::npos && ends.starts_with('/')) ends.remove_prefix(1);
  return ends;
}

}  // namespace

struct Blueprints::Table {
  std::vector<std::string> names;
  std::vector<int> name_of;  // by order
  Node root;
  std::vector<Pattern> others;

  void add(Order order, std::string_view pattern, Typed at) {
    constexpr std::string_view search = "re:";
    const bool searches = pattern.starts_with(search);
    if (searches) {
      pattern.remove_prefix(search.size());
      at.column += search.size();
    }
    if (pattern.empty()) refuse(at, "the pattern is empty");
    if (searches)
      others.push_back({order, {}, {}, PatternTest::search(pattern, at)});
    else if (is_plain(pattern))
      add_plain(order, pattern);
    else
      others.push_back({order, std::string(beginning(pattern)), std::string(ending(pattern)),
                        PatternTest::glob(pattern, Glob::path, PatternTest::Case::told_apart, at)});
  }

  void add_plain(Order order, std::string_view glob) {
    const bool folder = glob.ends_with(folder_end);
    if (folder) glob.remove_suffix(folder_end.size());
    Node* node = &root;
    for (bool more = true; more;) {
      std::unique_ptr<Node>& next = node->next[std::string(take_segment(glob, more))];
      if (next == nullptr) next = std::make_unique<Node>();
      node = next.get();
    }
    Order& place = folder ? node->folder : node->whole;
    place = std::min(place, order);
  }

  Order plain(std::string_view path) const {
    Order best = never;
    const Node* node = &root;
    for (bool more = true; more;) {
      const auto found = node->next.find(take_segment(path, more));
      if (found == node->next.end()) return best;
      node = found->second.get();
      best = std::min(best, node->folder);
    }
    return std::min(best, node->whole);
  }
};

Blueprints::Blueprints(const std::vector<std::string>& typed) {
  auto table = std::make_unique<Table>();
  std::unordered_map<std::string_view, int> places;
  for (const std::string& value : typed) {
    Typed at{"--blueprint", value};
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos) refuse(at, "'=' is missing; a blueprint is NAME=PATTERN", value.size());
    if (equals == 0) refuse(at, "the name is empty");
    at.column = equals + 1;
    const auto order = static_cast<Order>(table->name_of.size());
    table->add(order, std::string_view(value).substr(equals + 1), at);
    const std::string_view name = std::string_view(value).substr(0, equals);
    const auto [place, is_new] = places.emplace(name, static_cast<int>(table->names.size()));
    if (is_new) table->names.emplace_back(name);
    table->name_of.push_back(place->second);
  }
  table_ = std::move(table);
}

Blueprints::~Blueprints() = default;
Blueprints::Blueprints(Blueprints&&) noexcept = default;
Blueprints& Blueprints::operator=(Blueprints&&) noexcept = default;

int Blueprints::match(std::string_view path) const {
  Order best = table_->plain(path);
  for (const Pattern& other : table_->others) {
    if (other.order > best) break;
    if (path.starts_with(other.begins) && path.ends_with(other.ends) && other.test.holds(path)) best = other.order;
  }
  return best == never ? -1 : table_->name_of[best];
}

const std::vector<std::string>& Blueprints::names() const {
  return table_->names;
}

}  // namespace track_usage
