// prune: old rows, and old cells of summaries, out of a store. What is kept
// longer stays as it is.
#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/commands/commands.h"
#include "src/commands/consent.h"
#include "src/plan.h"

namespace track_usage {
namespace {

constexpr std::size_t most_a_transaction = 50'000;
constexpr const char* example = "--keep rows=90d,hour=60d,day=2y";

struct Kept {
  std::string_view name;  // rows, hour, day, month
  std::int64_t age;       // seconds
};

std::vector<Kept> parse_keep(const std::vector<std::string>& typed) {
  if (typed.empty()) throw Error(Exit::usage, "--keep is missing: what is to be kept for how long?", example);
  constexpr std::string_view names[] = {"rows", "hour", "day", "month"};
  std::vector<Kept> kept;
  for (const std::string& item : list_items(fmt::format("{}", fmt::join(typed, ",")))) {
    const std::string_view text = item;
    const auto equals = std::min(text.find('='), text.size());
    const auto name = std::find(std::begin(names), std::end(names), text.substr(0, equals));
    if (name == std::end(names))
      throw Error(Exit::usage, fmt::format("--keep: nothing is called '{}'", visible(text.substr(0, equals))),
                  suggest(text.substr(0, equals), names));
    const auto age = parse_age(text.substr(std::min(equals + 1, text.size())));
    if (!age)
      throw Error(Exit::usage, fmt::format("--keep: '{}' has no age such as 90d, 4w or 2y", visible(text)), example);
    if (std::any_of(kept.begin(), kept.end(), [&](const Kept& k) { return k.name == *name; }))
      throw Error(Exit::usage, fmt::format("--keep: {} is named twice", *name), example);
    kept.push_back({*name, *age});
  }
  return kept;
}

// Days, and months, go whole: at least for so long everything is there.
PruneMarks marks_for(const std::vector<Kept>& kept, const Zone& zone, std::int64_t now) {
  PruneMarks marks;
  for (const auto& [name, age] : kept) {
    const std::int64_t oldest = now - age;
    const std::int64_t day = floor_div(oldest + zone.at(oldest).offset, 86'400);
    const std::int64_t midnight = zone.to_utc(day * 86'400);
    if (name == "rows") marks.rows = midnight * 1'000'000;
    if (name == "hour") marks.cells[0] = midnight;
    if (name == "day") marks.cells[1] = day;
    if (name == "month") marks.cells[2] = month_begin(day);
  }
  return marks;
}

std::string what_goes(const PruneMarks& marks, const Zone& zone) {
  std::vector<std::string> parts;
  const auto day_of = [&](std::int64_t second) { return iso_date(floor_div(second + zone.at(second).offset, 86'400)); };
  if (marks.rows != INT64_MIN) parts.push_back("rows before " + day_of(floor_div(marks.rows, 1'000'000)));
  for (std::size_t p = 0; p < marks.cells.size(); ++p)
    if (marks.cells[p] != INT64_MIN)
      parts.push_back(
          fmt::format("{}s before {}", period_names[p], p == 0 ? day_of(marks.cells[p]) : iso_date(marks.cells[p])));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

int prune(const Options& options) {
  const std::vector<Kept> kept = parse_keep(options.keep);
  const Correction c = open_to_correct(options);
  const PruneMarks marks = marks_for(kept, c.counting.zone, ::time(nullptr));
  const std::string what = what_goes(marks, c.counting.zone);
  if (!consent(options, *c.store, "remove " + what)) return 0;
  if (options.dry_run) {
    RowQuery old;
    old.until = marks.rows;
    const Removed rows = count_rows(*c.store, old, Filter());
    tell_done(options, fmt::format("pruned {}: {}", what, counted(rows.rows, "row")), *c.store);
    return 0;
  }
  Correctable& store = *c.store->correctable();
  // The marks come first: if this is ended, what is left below them is taken for pruned.
  store.mark_pruned(later(marks, c.counting.pruned));
  std::uint64_t removed = 0;
  for (std::uint64_t some = store.prune(most_a_transaction); some != 0; some = store.prune(most_a_transaction)) {
    removed += some;
    if (stop_signal() != 0) throw Error(static_cast<Exit>(128 + stop_signal()), "ended; the next prune goes on");
  }
  store.begin();
  store.sweep();
  store.end(true);
  tell_done(options, fmt::format("pruned {}: {}", what, grouped(removed) + " rows and cells"), *c.store);
  c.store->close();
  return 0;
}

}  // namespace track_usage
