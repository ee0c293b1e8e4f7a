#include "src/config.h"

#include <cerrno>
#include <cstring>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

std::vector<std::string> values_of(const toml::node& node, const std::string& where) {
  const auto one = [&](const toml::node& n) -> std::string {
    if (const auto* s = n.as_string()) return s->get();
    if (const auto* b = n.as_boolean()) return b->get() ? "true" : "false";
    if (const auto* i = n.as_integer()) return fmt::format("{}", i->get());
    if (const auto* f = n.as_floating_point()) return fmt::format("{}", f->get());
    std::ostringstream text;
    text << toml::node_view<const toml::node>(n);  // dates, as they are written
    if (n.is_date() || n.is_time() || n.is_date_time()) return text.str();
    throw Error(Exit::usage, fmt::format("{}: a text, a number, true, false or a list of these is wanted", where));
  };
  std::vector<std::string> out;
  if (const auto* array = node.as_array())
    for (const toml::node& n : *array) out.push_back(one(n));
  else
    out.push_back(one(node));
  return out;
}

}  // namespace

std::vector<ConfigEntry> read_config(const std::string& file) {
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error& e) {
    throw Error(Exit::usage, fmt::format("{}:{}:{}: {}", file, e.source().begin.line, e.source().begin.column,
                                         lower_first(e.description())));
  }
  std::vector<ConfigEntry> entries;
  const auto add = [&](const std::string& section, std::string_view name, const toml::node& node) {
    const std::string where = fmt::format("{}:{}", file, node.source().begin.line);
    entries.push_back({section, std::string(name), values_of(node, fmt::format("{}: {}", where, name)), where});
  };
  for (const auto& [key, node] : table) {
    const toml::table* section = node.as_table();
    if (section == nullptr) {
      add({}, key.str(), node);
      continue;
    }
    const std::string name(key.str());
    entries.push_back({name, {}, {}, fmt::format("{}:{}", file, node.source().begin.line)});
    for (const auto& [inner, value] : *section) add(name, inner.str(), value);
  }
  return entries;
}

}  // namespace track_usage
