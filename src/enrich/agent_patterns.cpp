// All patterns are one FilteredRE2: of some 1,160 only those are run whose atoms
// (pieces of text that a match must have) stand in the string.
#include "src/enrich/agent_patterns.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <re2/filtered_re2.h>
#include <re2/re2.h>
#include <yaml-cpp/yaml.h>

#include "src/base/text.h"
#include "src/enrich/atoms.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::size_t parts = 5;  // family and four numbers; a browser has three
constexpr int groups = 10;        // $0 to $9
constexpr int shortest_atom = 3;  // with 4, three times as many patterns are always run
constexpr std::string_view user_agents = "user_agent_parsers", systems = "os_parsers", devices = "device_parsers";

constexpr std::size_t lowest_bound = 50;
constexpr std::size_t longest = 2048;  // bytes of a string that are looked at: a hostile one costs 0.1 us a byte
constexpr std::size_t anywhere = std::string_view::npos;

struct Pattern {
  int number = 0;                // of FilteredRE2
  std::size_t reach = anywhere;  // a match begins so far from the start at most
  std::array<std::optional<std::string>, parts> replacements;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::string read_whole(const std::string& file, std::size_t at_most) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in) {
    // In blocks: the first of them is an error for a folder, which can be opened.
    char block[1 << 16];
    while (text.size() < at_most && (in.read(block, sizeof block), in.gcount() > 0))
      text.append(block, static_cast<std::size_t>(in.gcount()));
  }
  if (!in.eof() && (in.bad() || !in.is_open() || text.empty()))
    throw Error(Exit::usage, fmt::format("cannot read {}: {}", visible(file), std::strerror(errno != 0 ? errno : EIO)));
  return text;
}

std::string place(const std::string& file, const YAML::Mark& mark) {
  return mark.is_null() ? visible(file) : fmt::format("{}:{}:{}", visible(file), mark.line + 1, mark.column + 1);
}

[[noreturn]] void refuse(const std::string& where, std::string_view cause) {
  throw Error(Exit::usage, fmt::format("{}: {}", where, cause), "regexes.yaml of uap-core is wanted");
}

// uap-core bounds its repetitions ({0,200}) against matchers that try again and
// again. RE2 does not, but makes a copy for each, so that loading would take
// five times as long. Those below 50 stay: some patterns rely on them.
std::string without_bounds(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      out += c;
      out += pattern[++i];
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    const std::string_view rest = pattern.substr(i);
    const std::size_t end = rest.find('}');
    if (!in_class && (rest.starts_with("{0,") || rest.starts_with("{1,")) && end != std::string_view::npos &&
        parse_number(rest.substr(3, end - 3)).value_or(0) >= lowest_bound) {
      out += rest[1] == '0' ? '*' : '+';
      i += end;
      continue;
    }
    out += c;
  }
  return out;
}

// Takes "^.{0,200}?" off the front of a pattern and returns how far from the start
// the rest may begin: as part of an expression it makes thousands of states.
// The greedy form tells where the last match is, so it is taken only where the
// first will do.
std::size_t take_reach(std::string_view& pattern, bool first_will_do) {
  const std::string_view start = "^.{0,";
  const std::size_t end = pattern.find('}');
  if (!pattern.starts_with(start) || end == std::string_view::npos) return anywhere;
  const auto reach = parse_number(pattern.substr(start.size(), end - start.size()));
  std::string_view rest = pattern.substr(end + 1);
  const bool lazy = rest.starts_with('?');
  // With an | outside of parentheses the front would be of the first part only.
  int depth = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '\\')
      ++i;
    else if (c == '[')
      i = std::min(rest.find(']', i + 2), rest.size());  // a ] in front is one of the class
    else if (c == '(')
      ++depth;
    else if (c == ')')
      --depth;
    else if (c == '|' && depth == 0)
      return anywhere;
  }
  if (!reach || !(lazy || first_will_do)) return anywhere;
  pattern = rest.substr(lazy ? 1 : 0);
  return *reach;
}

// A replacement, in which $1 to $9 are what the groups matched; without one, the group itself.
std::string filled(const std::optional<std::string>& replacement, std::size_t group,
                   const std::array<re2::StringPiece, groups>& matched) {
  const std::string_view form = replacement ? std::string_view(*replacement) : std::string_view();
  std::string out;
  const auto add = [&](std::size_t n) { out.append(matched[n].data(), matched[n].size()); };
  if (!replacement) add(group);
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '$' && i + 1 < form.size() && form[i + 1] >= '1' && form[i + 1] <= '9')
      add(static_cast<std::size_t>(form[++i] - '0'));
    else
      out += form[i];
  }
  if (is_ascii(out)) return out;
  std::string sound;  // a group may end within a character
  append_text(sound, out);
  return sound;
}

}  // namespace

struct AgentPatterns::Compiled {
  re2::FilteredRE2 expressions{shortest_atom};
  std::vector<Pattern> patterns;  // by FilteredRE2's number, which is the file's order
  int first_os = 0, first_device = 0;
  std::vector<bool> spider;  // by number from first_device
  std::vector<int> atom_numbers;
  std::unique_ptr<Atoms> atoms;
  std::vector<int> always;  // atoms that are taken to be in every string

  void add(const std::string& file, const YAML::Node& root, std::string_view list);
  void compile();
  bool matches(int number, re2::StringPiece text, re2::StringPiece* whole = nullptr) const;
  void tell(std::span<const int> candidates, re2::StringPiece text, std::string& family, std::string& version) const;
};

void AgentPatterns::Compiled::add(const std::string& file, const YAML::Node& root, std::string_view list) {
  const YAML::Node entries = root[std::string(list)];
  if (!entries) refuse(visible(file), fmt::format("has no {}", list));
  if (!entries.IsSequence()) refuse(place(file, entries.Mark()), fmt::format("{} is no list", list));
  const std::array<const char*, parts> browser_keys{"family_replacement", "v1_replacement", "v2_replacement",
                                                    "v3_replacement", nullptr};
  const std::array<const char*, parts> os_keys{"os_replacement", "os_v1_replacement", "os_v2_replacement",
                                               "os_v3_replacement", "os_v4_replacement"};
  const std::array<const char*, parts> device_keys{"device_replacement", nullptr, nullptr, nullptr, nullptr};
  const auto& keys = list == user_agents ? browser_keys : list == systems ? os_keys : device_keys;
  for (const YAML::Node& entry : entries) {
    const auto text = [&](const char* key) -> std::optional<std::string> {
      const YAML::Node value = entry[key];
      if (!value) return std::nullopt;
      if (!value.IsScalar()) refuse(place(file, value.Mark()), fmt::format("{} is no text", key));
      return value.Scalar();
    };
    if (!entry.IsMap()) refuse(place(file, entry.Mark()), fmt::format("an entry of {} is no map", list));
    const auto pattern = text("regex");
    if (!pattern) refuse(place(file, entry.Mark()), fmt::format("an entry of {} has no regex", list));
    RE2::Options options;
    options.set_log_errors(false);
    // A byte is a character then, and programs are a third in size. What a
    // bounded group cuts in two is made sound again in filled().
    if (is_ascii(*pattern)) options.set_encoding(RE2::Options::EncodingLatin1);
    options.set_case_sensitive(text("regex_flag") != "i");
    Pattern added;
    std::string_view rest = *pattern;
    added.reach = take_reach(rest, list == devices);
    const std::string unbounded = without_bounds(rest);
    if (expressions.Add(unbounded, options, &added.number) != RE2::NoError)
      refuse(place(file, entry["regex"].Mark()),
             fmt::format("RE2 takes no '{}': {}", visible(*pattern), visible(RE2(unbounded, options).error())));
    for (std::size_t i = 0; i < parts; ++i)
      if (keys[i] != nullptr) added.replacements[i] = text(keys[i]);
    if (list == devices) spider.push_back(added.replacements[0] == "Spider");
    patterns.push_back(std::move(added));
  }
}

void AgentPatterns::Compiled::compile() {
  std::vector<std::string> texts;
  expressions.Compile(&texts);
  // Letters beyond ASCII would have to be made small as RE2 does: such an atom is left untested.
  std::vector<std::string> ascii;
  for (std::size_t n = 0; n < texts.size(); ++n) {
    const bool plain = is_ascii(texts[n]);
    if (plain) ascii.push_back(texts[n]);
    (plain ? atom_numbers : always).push_back(static_cast<int>(n));
  }
  atoms = std::make_unique<Atoms>(ascii);
}

bool AgentPatterns::Compiled::matches(int number, re2::StringPiece text, re2::StringPiece* whole) const {
  const std::size_t reach = patterns[static_cast<std::size_t>(number)].reach;
  re2::StringPiece own;
  if (whole == nullptr && reach != anywhere) whole = &own;
  if (!expressions.GetRE2(number).Match(text, 0, text.size(), RE2::UNANCHORED, whole, whole == nullptr ? 0 : 1))
    return false;
  return whole == nullptr || static_cast<std::size_t>(whole->data() - text.data()) <= reach;
}

// Family and version by the first of the candidates that matches.
void AgentPatterns::Compiled::tell(std::span<const int> candidates, re2::StringPiece text, std::string& family,
                                   std::string& version) const {
  re2::StringPiece whole;
  const auto first =
      std::find_if(candidates.begin(), candidates.end(), [&](int n) { return matches(n, text, &whole); });
  if (first == candidates.end()) return;
  // The groups, where it is known that it matches: asked for at once, RE2 would
  // try each place of the string by its slow automaton.
  std::array<re2::StringPiece, groups> matched{whole};
  const RE2& expression = expressions.GetRE2(*first);
  const auto begin = static_cast<std::size_t>(whole.data() - text.data());
  const int wanted = std::min(groups, expression.NumberOfCapturingGroups() + 1);
  if (wanted > 1) expression.Match(text, begin, begin + whole.size(), RE2::ANCHOR_BOTH, matched.data(), wanted);

  const Pattern& pattern = patterns[static_cast<std::size_t>(*first)];
  for (std::size_t i = 0; i < parts && (i < 4 || *first >= first_os); ++i) {
    const std::string value = filled(pattern.replacements[i], i + 1, matched);
    const std::string_view trimmed = trim(value);
    if (i == 0) {
      if (trimmed == "Other" || trimmed.empty()) return;
      family = trimmed;
      continue;
    }
    if (trimmed.empty()) break;
    if (i > 1) version += '.';
    version += trimmed;
  }
}

AgentPatterns::AgentPatterns(const std::string& file) {
  auto compiled = std::make_unique<Compiled>();
  try {
    const YAML::Node root = YAML::Load(read_whole(file, std::numeric_limits<std::size_t>::max()));
    if (!root.IsMap()) refuse(visible(file), "is no map of lists");
    compiled->add(file, root, user_agents);
    compiled->first_os = compiled->expressions.NumRegexps();
    compiled->add(file, root, systems);
    compiled->first_device = compiled->expressions.NumRegexps();
    compiled->add(file, root, devices);
  } catch (const YAML::Exception& e) {
    refuse(place(file, e.mark), lower_first(e.msg));
  }
  if (compiled->patterns.empty()) refuse(visible(file), "has no pattern");
  compiled->compile();
  compiled_ = std::move(compiled);
}

AgentPatterns::~AgentPatterns() = default;

void AgentPatterns::check(const std::string& file) {
  std::string_view rest;
  const std::string start = read_whole(file, 1 << 16);
  for (rest = start; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (trim(line).empty() || line.starts_with('#') || line.starts_with("---")) continue;
    for (const std::string_view list : {user_agents, systems, devices})
      if (line.starts_with(list) && line.substr(list.size()).starts_with(':')) return;
    break;
  }
  refuse(visible(file), fmt::format("does not begin with {}", user_agents));
}

AgentMatch AgentPatterns::match(std::string_view string) const {
  string = string.substr(0, longest);
  const Compiled& all = *compiled_;
  thread_local std::vector<int> found, candidates;
  all.atoms->find(string, found);
  for (int& atom : found) atom = all.atom_numbers[static_cast<std::size_t>(atom)];
  found.insert(found.end(), all.always.begin(), all.always.end());
  all.expressions.AllPotentials(found, &candidates);
  std::sort(candidates.begin(), candidates.end());
  const auto os = std::lower_bound(candidates.begin(), candidates.end(), all.first_os);
  const auto device = std::lower_bound(os, candidates.end(), all.first_device);

  AgentMatch match;
  const re2::StringPiece text(string.data(), string.size());
  all.tell({candidates.begin(), os}, text, match.family, match.version);
  all.tell({os, device}, text, match.os_family, match.os_version);

  // The first device that matches decides, but most strings match no spider at
  // all: only if one does, those before it are tried.
  const auto is_spider = [&](int n) { return all.spider[static_cast<std::size_t>(n - all.first_device)]; };
  const auto spider =
      std::find_if(device, candidates.end(), [&](int n) { return is_spider(n) && all.matches(n, text); });
  match.spider = spider != candidates.end() &&
                 std::none_of(device, spider, [&](int n) { return !is_spider(n) && all.matches(n, text); });
  return match;
}

}  // namespace track_usage
