// A rule as Flask writes them, /user/<int:id>/posts/<slug>, taken apart: what
// the parts of a path have to look like, and what their variables are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "src/filter_tests.h"

namespace track_usage {

enum class Converter : std::uint8_t { string, integer, real, path, uuid, any };

// A piece of a part: static text, or what the text of a variable looks like.
struct RoutePiece {
  bool variable = false;
  std::string text;       // static
  std::size_t chars = 0;  // of `text`
  Converter converter = Converter::string;
  // Of a string, in characters.
  std::size_t least = 1;
  std::size_t most = std::numeric_limits<std::size_t>::max();
  bool is_signed = false;
  std::vector<std::string> items;  // of any
};

// What of a path's part is looked at last, and what it is called.
struct RouteVariable {
  std::string name;
  Converter converter = Converter::string;
  std::size_t fixed_digits = 0;  // 0: any number of them
  std::optional<std::int64_t> min, max;
  std::optional<double> real_min, real_max;
};

// What stands between two slashes or, once there is a path variable, to the end.
struct RoutePart {
  // The order in which parts are tried: many and long static texts first, then
  // many variables, then numbers before strings before paths.
  using Weight = std::tuple<int, std::vector<int>, int, std::vector<int>>;

  bool dynamic = false;  // else it is one static text, or none
  bool final = false;    // takes the rest of the path, slashes and all
  std::vector<RoutePiece> pieces;
  std::string key;  // parts with equal keys hold for the same texts
  Weight weight;

  // Static text of a part without variables.
  std::string_view text() const { return pieces.empty() ? std::string_view() : std::string_view(pieces[0].text); }
};

struct RouteRule {
  std::vector<RoutePart> parts;  // after the leading slash; never empty
  std::vector<RouteVariable> variables;
};

// `rule` is the piece of `at` that is the rule. Throws Error (usage) with a
// caret under what is wrong.
RouteRule parse_route_rule(std::string_view rule, const Typed& at);

}  // namespace track_usage
