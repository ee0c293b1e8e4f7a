// erase: chosen rows out of a store for good. Their logs stay taken, so that
// they do not come back.
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/commands/consent.h"
#include "src/plan.h"

namespace track_usage {

int erase(const Options& options) {
  (void)make_filter(options, Zone());  // a mistyped filter is refused before the store is opened
  const Correction c = open_to_correct(options);
  const Filter filter = make_filter(options, c.counting.zone);
  if (filter.keeps_all() && !options.rejects)
    throw Error(Exit::usage, "which rows? no filter is given",
                "--remote, --username, --until ... choose rows; track-usage forget takes out whole logs");

  const bool rows = !filter.keeps_all();
  const Removed found = rows ? count_rows(*c.store, {}, filter) : Removed{};
  std::uint64_t rejects = c.store->rejects().size();
  const std::string plan = fmt::format("erase {}{}", counted(found.rows, "row"),
                                       options.rejects ? " and " + counted(rejects, "rejected line") : "");
  if (!consent(options, plan)) return 0;

  Correctable& store = *c.store->correctable();
  store.begin();
  const Removed removed = rows ? remove_rows(*c.store, c.counting, {}, filter) : Removed{};
  if (options.rejects) rejects = store.drop_rejects();
  store.sweep();
  store.end(!options.dry_run);
  std::string done = fmt::format("erased {} and {}", counted(removed.rows, "row"),
                                 counted(static_cast<std::uint64_t>(removed.bytes), "byte"));
  if (options.rejects) done += ", and " + counted(rejects, "rejected line");
  tell_done(options, done, *c.store);
  if (!options.rejects && rejects != 0 && !options.quiet)
    say("notice", fmt::format("{} kept as they came may name the same client", counted(rejects, "rejected line")),
        "erase --rejects removes them");
  c.store->close();
  return 0;
}

}  // namespace track_usage
