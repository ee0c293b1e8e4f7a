// list: the sinks, parsers, formats and hooks there are.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/screen.h"
#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/error.h"
#include "src/plan.h"

namespace track_usage {
namespace {

struct Kind {
  std::string_view name, title;
  std::vector<Listed> (*list)();
};
constexpr Kind kinds[] = {
    {"sinks", "Sinks (--sink, --from)", list_sinks},
    {"parsers", "Parsers", list_parsers},
    {"formats", "Formats (--format), each with a line of such a log", list_formats},
    {"hooks", "Hooks (--hook), the summaries that a store keeps, and programs that get its rows", list_hooks},
};

}  // namespace

int list(const Options& options) {
  const Screen screen = screen_of_stdout();
  const std::string wanted = options.inputs.empty() ? "" : options.inputs[0];
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) names.push_back(kind.name);
  if (!wanted.empty() && std::find(names.begin(), names.end(), wanted) == names.end())
    throw Error(Exit::usage, fmt::format("list: there is no list of '{}'", visible(wanted)), suggest(wanted, names));

  std::size_t least = 0;  // the lists stand below each other
  for (const Kind& kind : kinds)
    for (const Listed& item : kind.list()) least = std::max(least, item.name.size());

  std::string out;
  for (const Kind& kind : kinds) {
    if (!wanted.empty() && wanted != kind.name) continue;
    if (wanted.empty())
      out += fmt::format("{}{}\n", out.empty() ? "" : "\n", styled(kind.title, screen.colour ? "1" : ""));
    Table table({{"", Align::left, wanted.empty() ? least : 0}, {""}});
    for (const Listed& item : kind.list()) table.add({{std::string(item.name)}, {item.help}});
    out += table.text({.width = screen.terminal ? screen.width : 0,
                       .indent = wanted.empty() ? std::size_t{2} : 0,
                       .title_style = {},
                       .titles = false});
  }
  write_stdout(out);
  return 0;
}

}  // namespace track_usage
