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
  std::string plan = "forget";
  for (const SourceRecord& s : sources) {
    query.sources.push_back(s.id);
    plan += fmt::format("{} {} ({}, {})", query.sources.size() > 1 ? "," : "", s.id, visible(s.path),
                        counted(s.stored - s.erased, "row"));
  }
  if (!consent(options, plan)) return 0;

  Correctable& store = *c.store->correctable();
  store.begin();
  const Removed removed = remove_rows(*c.store, c.counting, query, Filter());
  store.drop_sources(query.sources);
  store.sweep();
  store.end(!options.dry_run);
  tell_done(options,
            fmt::format("forgot {}: {} and {} taken out", counted(sources.size(), "source"),
                        counted(removed.rows, "row"), counted(static_cast<std::uint64_t>(removed.bytes), "byte")),
            *c.store);
  c.store->close();
  return 0;
}

}  // namespace track_usage
