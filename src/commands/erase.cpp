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
  const bool by_filter = !filter.keeps_all();
  if (!by_filter && !options.rejects)
    throw Error(Exit::usage, "no filter was given: which rows?",
                "--remote, --username, --until ... choose rows; track-usage forget takes out whole logs");

  const Removed found = by_filter ? count_rows(*c.store, {}, filter) : Removed{};
  const std::uint64_t rejects = c.store->rejects().size();
  const std::string of_rejects = options.rejects ? " and " + counted(rejects, "rejected line") : "";
  const bool nothing = found.rows == 0 && (!options.rejects || rejects == 0);
  if (!nothing && !consent(options, *c.store, "erase " + counted(found.rows, "row") + of_rejects)) return 0;

  bool gone = true;
  if (!options.dry_run) {  // also with nothing to erase: what an earlier one left is overwritten
    Correctable& store = *c.store->correctable();
    store.begin();
    if (found.rows != 0) remove_rows(*c.store, c.counting, {}, filter);
    if (options.rejects) store.drop_rejects();
    store.sweep();
    store.end(true);
    gone = store.compact();
  }
  tell_done(options,
            fmt::format("erased {} of {}{}", counted(found.rows, "row"),
                        counted(static_cast<std::uint64_t>(found.bytes), "byte"), of_rejects),
            *c.store);
  if (!gone)
    say("warning",
        "what was erased is still in the store's files: a reader is at work, or there is no room to write them anew",
        "the same erase again, later, overwrites it");
  if (!options.rejects && rejects != 0 && found.rows != 0 && !options.quiet)
    say("notice", fmt::format("the text of {} may still name this client", counted(rejects, "rejected line")),
        "erase --rejects removes it");
  c.store->close();
  return 0;
}

}  // namespace track_usage
