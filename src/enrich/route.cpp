#include "src/enrich/route.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/enrich/route_rule.h"
#include "src/enrich/route_tree.h"
#include "src/error.h"

namespace track_usage {
namespace {

struct NamedVariable {
  RouteVariable variable;
  std::string key;  // "id":
};

// Appends the digits as a JSON number; false if the rule refuses them.
bool append_integer(std::string& out, const RouteVariable& variable, std::string_view text) {
  if (variable.fixed_digits != 0 && text.size() != variable.fixed_digits) return false;
  const bool negative = text.starts_with('-');
  std::int64_t n = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc::result_out_of_range) {
    if (negative ? variable.min.has_value() : variable.max.has_value()) return false;
    out += negative ? "\"-" : "\"";
    out += text.substr(text.find_first_not_of("-0"));
    out += '"';
    return true;
  }
  if ((variable.min && n < *variable.min) || (variable.max && n > *variable.max)) return false;
  const fmt::format_int digits(n);
  out.append(digits.data(), digits.size());
  return true;
}

bool append_real(std::string& out, const RouteVariable& variable, std::string_view text) {
  double n = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc::result_out_of_range) {
    // Too large, or too small for anything but nothing.
    const bool small = text.substr(0, text.find('.')).find_first_not_of("-0") == std::string_view::npos;
    n = std::copysign(small ? 0.0 : HUGE_VAL, text.starts_with('-') ? -1.0 : 1.0);
  }
  if ((variable.real_min && n < *variable.real_min) || (variable.real_max && n > *variable.real_max)) return false;
  if (std::isinf(n)) {
    append_json(out, text);
    return true;
  }
  const std::size_t before = out.size();
  fmt::format_to(std::back_inserter(out), "{}", n);
  if (out.find_first_of(".e", before) == std::string::npos) out += ".0";
  return true;
}

bool append_value(std::string& out, const RouteVariable& variable, std::string_view text) {
  if (variable.converter == Converter::integer) return append_integer(out, variable, text);
  if (variable.converter == Converter::real) return append_real(out, variable, text);
  if (variable.converter == Converter::uuid)
    append_json(out, lower(text));
  else
    append_json(out, text);
  return true;
}

// Equal for variables that are one.
std::string text_of(const RouteVariable& v) {
  const auto number = [](const auto& n) { return n ? fmt::format("{}", *n) : "-"; };
  return fmt::format("{} {} {} {} {} {} {}", v.name, static_cast<int>(v.converter), v.fixed_digits, number(v.min),
                     number(v.max), number(v.real_min), number(v.real_max));
}

}  // namespace

struct Routes::Tables {
  RouteTree tree;
  std::deque<NamedVariable> variables;         // each once, whichever rules have it
  std::vector<const NamedVariable*> of_rules;  // of all, one after the other
  std::vector<std::size_t> first{0};           // by rule, in of_rules; and the end
};

Routes::Routes(const std::vector<std::string>& rules) {
  auto tables = std::make_unique<Tables>();
  std::unordered_set<std::string_view> seen;
  std::unordered_map<std::string, const NamedVariable*> variables;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Typed at{"--route", rules[i]};
    const RouteRule rule = parse_route_rule(rules[i], at);
    if (!seen.insert(rules[i]).second) refuse(at, "the rule stands twice");
    tables->tree.add(rule.parts, static_cast<int>(i));
    for (const RouteVariable& variable : rule.variables) {
      const NamedVariable*& kept = variables[text_of(variable)];
      if (kept == nullptr) {
        std::string key;
        append_json(key, variable.name);
        kept = &tables->variables.emplace_back(NamedVariable{variable, key + ':'});
      }
      tables->of_rules.push_back(kept);
    }
    tables->first.push_back(tables->of_rules.size());
  }
  tables->tree.finish();
  tables_ = std::move(tables);
}

Routes::~Routes() = default;
Routes::Routes(Routes&&) noexcept = default;
Routes& Routes::operator=(Routes&&) noexcept = default;

Routes::Match Routes::match(std::string_view path) const {
  if (!path.starts_with('/')) return {};
  thread_local std::vector<std::string_view> values;
  Match match{tables_->tree.find(path, values), {}};
  if (match.rule == RouteTree::no_rule) return match;
  const NamedVariable* const* const variables =
      tables_->of_rules.data() + tables_->first[static_cast<std::size_t>(match.rule)];
  std::size_t size = 2;
  for (std::size_t i = 0; i < values.size(); ++i) size += variables[i]->key.size() + values[i].size() + 4;
  match.view_args.reserve(size);
  match.view_args += '{';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) match.view_args += ',';
    match.view_args += variables[i]->key;
    if (!append_value(match.view_args, variables[i]->variable, values[i])) return {};
  }
  match.view_args += '}';
  return match;
}

std::vector<std::string> read_rules(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::string> rules;
  std::unordered_set<std::string> seen;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string_view rule = trim(line);
    if (rule.empty() || rule.starts_with('#')) continue;
    const std::string where = fmt::format("{}:{}", visible(path), number);
    const Typed at{where, rule};
    parse_route_rule(rule, at);
    if (!seen.emplace(rule).second) refuse(at, "the rule stands twice");
    rules.emplace_back(rule);
  }
  // A folder opens and fails at the first read.
  if (!in.eof())
    throw Error(Exit::usage, fmt::format("cannot read the rules '{}': {}", visible(path), std::strerror(errno)));
  return rules;
}

}  // namespace track_usage
