// rebuild: every summary summed anew from the rows and compared with what is
// kept; --fix puts it right, --hook adds one.
#include <algorithm>

#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/commands/commands.h"
#include "src/commands/consent.h"
#include "src/plan.h"

namespace track_usage {
namespace {

constexpr std::uint64_t shown_differences = 20;

std::string date_of(const Difference& d) {
  return d.period == Period::hour ? iso_time(d.bucket * 1'000'000) : iso_date(d.bucket);
}

Table difference_table() {
  return Table({{"summary"},
                {"date"},
                {"hits kept", Align::right},
                {"of rows", Align::right},
                {"bytes kept", Align::right},
                {"of rows", Align::right},
                {"key"}});
}

void add_to(Table& table, const Difference& d) {
  const auto number = [](std::int64_t n) {
    return (n < 0 ? "-" : "") + grouped(static_cast<std::uint64_t>(n < 0 ? -n : n));
  };
  table.add({{fmt::format("{}_{}", d.hook->name, period_tables[static_cast<std::size_t>(d.period)])},
             {date_of(d)},
             {number(d.kept_hits)},
             {number(d.hits)},
             {number(d.kept_transfer)},
             {number(d.transfer)},
             {visible(d.key)}});
}

bool contains(const std::vector<const Hook*>& hooks, const Hook* hook) {
  return std::find(hooks.begin(), hooks.end(), hook) != hooks.end();
}

// The summaries asked for, and those among them that the store does not keep yet.
struct Asked {
  std::vector<const Hook*> all, added;
};

Asked asked_for(const Options& options, const Counting& counting) {
  if (!options.commands.empty())
    throw Error(Exit::usage, "--hook exec: is no summary, and nothing of it can be summed anew",
                "track-usage ingest takes it");
  Asked asked;
  const std::vector<const Hook*> named = options.hooks.empty() ? counting.hooks : hooks_named(options.hooks);
  for (const Hook* hook : every_hook()) {
    if (!contains(named, hook)) continue;
    asked.all.push_back(hook);
    if (!contains(counting.hooks, hook)) asked.added.push_back(hook);
  }
  return asked;
}

// From here on the store keeps them.
void settle_added(Correction& c, const std::vector<const Hook*>& added) {
  std::vector<const Hook*> kept;
  c.settings.hooks.clear();
  for (const Hook* hook : every_hook()) {  // in the table's order
    if (!contains(added, hook) && !contains(c.counting.hooks, hook)) continue;
    kept.push_back(hook);
    c.settings.hooks.emplace_back(hook->name);
  }
  c.counting.hooks = kept;
  c.store->use(c.counting.hooks, c.counting.url_by);
  c.store->settle(c.settings);
}

}  // namespace

int rebuild(const Options& options) {
  Correction c = open_to_correct(options);
  const Asked asked = asked_for(options, c.counting);
  const bool writes = options.fix || !asked.added.empty();
  std::string names;
  for (const Hook* hook : asked.all) names += fmt::format("{}{}", names.empty() ? "" : ", ", hook->name);
  if (writes && !consent(options, *c.store, fmt::format("sum {} anew from the rows", names))) return 0;

  Correctable& store = *c.store->correctable();
  store.begin();
  if (!asked.added.empty()) settle_added(c, asked.added);
  const std::uint64_t rows = sum_rows(*c.store, c.counting, asked.all);
  std::uint64_t differ = 0, added = 0;
  Table table = difference_table();
  store.compare_draft(whole_from(c.counting), [&](const Difference& d) {
    if (contains(asked.added, d.hook)) {
      ++added;
      return;
    }
    if (++differ <= shown_differences) add_to(table, d);
  });
  store.adopt_draft(whole_from(c.counting), options.fix ? asked.all : asked.added);
  store.end(writes && !options.dry_run);

  if (differ != 0) write_stdout(table.text({}));
  std::string what = fmt::format(
      "{} summed: {}", counted(rows, "row"),
      differ == 0 ? "the summaries agree" : counted(differ, "cell") + (differ == 1 ? " differs" : " differ"));
  if (differ > shown_differences) what += fmt::format(" (the first {} are shown)", shown_differences);
  if (differ != 0 && options.fix) what += ", put right";
  if (!asked.added.empty()) what += ", " + counted(added, "new cell");
  tell_done(options, what, *c.store);
  c.store->close();
  if (differ == 0 || options.fix) return 0;
  say("error", "the summaries are not the sums of the rows", "rebuild --fix puts them right");
  return static_cast<int>(Exit::rejected);
}

}  // namespace track_usage
