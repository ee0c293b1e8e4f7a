// retry: rejected lines read again by this version's parsers, or another --format.
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/commands/consent.h"
#include "src/plan.h"

namespace track_usage {

int retry(const Options& options) {
  const Dialects dialects = make_dialects(options);
  (void)make_filter(options, Zone());
  (void)make_enrichment(options, settings_of(options), nullptr);
  const Correction c = open_to_correct(options);
  const Filter filter = make_filter(options, c.counting.zone);
  const std::vector<SourceRecord> sources =
      options.inputs.empty() ? c.store->sources() : named_sources(*c.store, options.inputs);
  std::uint64_t rejected = 0;
  for (const SourceRecord& s : sources) rejected += s.rejected;
  const std::string lines = counted(rejected, "rejected line");
  if (rejected != 0 && !consent(options, *c.store, fmt::format("read {} again and store what are rows", lines)))
    return 0;

  const std::unique_ptr<Enrichment> enrichment = make_enrichment(options, c.settings, make_geo(options));
  const LineReading reading{.parsers = dialects.parsers,
                            .defaults = make_defaults(options, *enrichment),
                            .enrichment = enrichment.get(),
                            .filter = &filter,
                            .zone = c.counting.zone,
                            .hooks = c.counting.hooks};
  Correctable& store = *c.store->correctable();
  store.begin();
  const Retried retried = retry_rejects(*c.store, c.counting, sources, reading);
  store.end(!options.dry_run);

  std::string done =
      fmt::format("{} read again = {} stored", counted(retried.lines, "rejected line"), grouped(retried.counts.stored));
  const auto add = [&](std::uint64_t n, std::string_view what) {
    if (n != 0) done += fmt::format(" + {} {}", grouped(n), what);
  };
  add(retried.counts.filtered(), "filtered");
  add(retried.counts.blank, "blank");
  add(retried.lines - retried.counts.read(), "rejected again");
  tell_done(options, done, *c.store);
  if (rejected > retried.lines && !options.quiet)
    say("notice", fmt::format("{} more were counted and not kept", grouped(rejected - retried.lines)),
        "forget their source and ingest it again to read them");
  c.store->close();
  return 0;
}

}  // namespace track_usage
