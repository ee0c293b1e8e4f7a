// forget: whole logs out of a store, as if they had never been taken.
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/commands/consent.h"
#include "src/plan.h"

namespace track_usage {

int forget(const Options& options) {
  if (options.inputs.empty())
    throw Error(Exit::usage, "a source is missing", "track-usage status shows their numbers and paths");
  const Correction c = open_to_correct(options);
  const std::vector<SourceRecord> sources = named_sources(*c.store, options.inputs);

  RowQuery query;
  std::string logs;
  for (const SourceRecord& s : sources) {
    if (s.first_date != no_number && s.first_date < c.counting.pruned.rows)
      throw Error(Exit::usage, fmt::format("source {} ({}) has rows that were pruned", s.id, visible(s.path)),
                  "what they are in the summaries cannot be told any more; erase takes out rows that are left");
    query.sources.push_back(s.id);
    logs += fmt::format("{}{} ({}, {})", logs.empty() ? "" : ", ", s.id, visible(s.path),
                        counted(s.stored - s.erased, "row"));
  }
  if (!consent(options, *c.store, "forget " + logs)) return 0;

  Correctable& store = *c.store->correctable();
  store.begin();
  const Removed removed = remove_rows(*c.store, c.counting, query, Filter());
  store.drop_sources(query.sources);
  store.sweep();
  store.end(!options.dry_run);
  if (!options.dry_run) store.compact();
  tell_done(options,
            fmt::format("forgot {}, {}: {} and {} taken out", counted(sources.size(), "source"), logs,
                        counted(removed.rows, "row"), counted(static_cast<std::uint64_t>(removed.bytes), "byte")),
            *c.store);
  c.store->close();
  return 0;
}

}  // namespace track_usage
