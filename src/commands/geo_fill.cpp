// geo fill: countries for rows that were stored without one, as after a service
// was down. The store is locked while rows are written, and not while a service
// is asked.
#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/commands/commands.h"
#include "src/commands/consent.h"
#include "src/plan.h"

namespace track_usage {
namespace {

constexpr std::uint64_t longest_wait_s = 600;  // it has nothing else to do

std::string addresses(std::uint64_t n) {
  return n == 1 ? "1 address" : grouped(n) + " addresses";
}

std::shared_ptr<Geo> source_of(Options options) {
  if (options.geo.empty())
    throw Error(Exit::usage, "--geo is missing: where are addresses looked up?",
                "--geo mmdb:FILE, or the URL of a service");
  if (!options.geo_wait_s) options.geo_wait_s = longest_wait_s;
  return make_geo(options, true);
}

Settings settings_of_store(Store& store) {
  const auto settings = store.settings();
  if (!settings)
    throw Error(Exit::store, fmt::format("{} has taken nothing that could be changed", visible(store.shown())));
  if (drops(*settings, "country"))
    throw Error(Exit::usage,
                fmt::format("{} keeps no country: it was made with --drop country", visible(store.shown())));
  return *settings;
}

// "filled 1,234 rows of 56 addresses; 7 addresses got no answer"
std::string told(const Located& located, std::uint64_t looked_up, std::uint64_t unanswered) {
  std::string out = fmt::format("filled {} of {}", counted(located.rows, "row"), addresses(located.addresses));
  if (unanswered != 0) out += fmt::format("; {} got no answer", addresses(unanswered));
  const std::uint64_t others = looked_up - std::min(looked_up, located.addresses + unanswered);
  if (others != 0) out += fmt::format("; of {} no country is known", addresses(others));
  return out;
}

}  // namespace

int geo_fill(const Options& options) {
  (void)make_span(options, Zone());  // a mistyped time is refused before the world is touched
  const std::shared_ptr<Geo> geo = source_of(options);
  std::unique_ptr<Store> store = open_store(options);
  const Settings settings = settings_of_store(*store);
  const RowQuery query = make_span(options, Zone(settings.zone));
  Places places = find_places(*store, query, *geo, !drops(settings, "ip_info"));

  Located located;
  if (options.dry_run) {
    located = count_located(*store, query, places);
  } else if (places.any()) {
    store.reset();
    Correction c = open_to_correct(options);
    c.store->correctable()->begin();
    located = locate_rows(*c.store, c.counting, query, places);
    c.store->correctable()->end(true);
    store = std::move(c.store);
  }
  const GeoReport report = geo->report();
  const std::uint64_t unanswered = report.failed + report.unknown_left;
  tell_done(options, told(located, places.looked_up(), unanswered), *store);
  store->close();
  if (!report.cache_error.empty()) say("warning", fmt::format("--geo-cache: {}", report.cache_error));
  if (unanswered == 0) return 0;
  say("error",
      fmt::format("--geo: {} got no answer{}", addresses(unanswered),
                  report.last_error.empty() ? "" : fmt::format(" ({})", report.last_error)),
      "their rows still have no country: run it again later, or with a longer --geo-wait");
  return static_cast<int>(Exit::rejected);
}

}  // namespace track_usage
