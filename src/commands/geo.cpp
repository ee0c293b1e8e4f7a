// geo stats, purge, lookup: the cache of a service's answers, and what a source
// says of an address.
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/address.h"
#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/commands/commands.h"
#include "src/enrich/geo_cache.h"
#include "src/plan.h"

namespace track_usage {
namespace {

std::string cache_path(const Options& options) {
  std::string path = geo_cache_path(options);
  if (path.empty())
    throw Error(Exit::usage,
                options.geo_cache.empty() ? "HOME is not set: which geo cache?" : "--geo-cache: 'none' is no cache",
                "--geo-cache FILE");
  return path;
}

std::string json_of(const std::string& path, const GeoCacheStats& stats) {
  nlohmann::ordered_json json{{"path", visible(path)},      {"entries", stats.entries}, {"answers", stats.answers},
                              {"failures", stats.failures}, {"oldest", nullptr},        {"bytes", stats.bytes}};
  if (stats.oldest != 0) json["oldest"] = iso_time(stats.oldest * 1'000'000);
  return json.dump(2) + "\n";
}

std::string table_of(const std::string& path, const GeoCacheStats& stats) {
  Table table({{""}, {""}});
  table.add({{"cache"}, {visible(path)}});
  table.add({{"entries"}, {grouped(stats.entries)}});
  table.add({{"answers"}, {grouped(stats.answers)}});
  table.add({{"failures"}, {grouped(stats.failures)}});
  table.add({{"oldest"}, {stats.oldest == 0 ? "-" : iso_time(stats.oldest * 1'000'000)}});
  table.add({{"bytes"}, {grouped(stats.bytes)}});
  Table::Look look;
  look.titles = false;
  return table.text(look);
}

// Those that were typed, none of them asked for before all are understood.
std::vector<std::string_view> typed_addresses(const Options& options) {
  if (options.inputs.empty()) throw Error(Exit::usage, "an address is missing", "track-usage geo lookup ADDRESS...");
  for (const std::string& text : options.inputs)
    if (!Address(text).is_ip()) throw Error(Exit::usage, fmt::format("'{}' is no IP address", visible(text)));
  return {options.inputs.begin(), options.inputs.end()};
}

}  // namespace

int geo_stats(const Options& options) {
  const std::string path = cache_path(options);
  const GeoCacheStats stats = GeoCache(path).stats();
  write_stdout(options.output == "json" ? json_of(path, stats) : table_of(path, stats));
  return 0;
}

int geo_purge(const Options& options) {
  const std::string path = cache_path(options);
  std::optional<std::int64_t> age;
  if (options.older_s) age = static_cast<std::int64_t>(*options.older_s);
  const std::uint64_t removed = GeoCache(path).purge(age, ::time(nullptr));
  if (!options.quiet)
    write_stderr(
        fmt::format("removed {} -> {}\n", removed == 1 ? "1 entry" : grouped(removed) + " entries", visible(path)));
  return 0;
}

int geo_lookup(const Options& options) {
  const std::vector<std::string_view> addresses = typed_addresses(options);
  if (options.geo.empty())
    throw Error(Exit::usage, "--geo is missing: where are addresses looked up?",
                "--geo mmdb:FILE, or the URL of a service");
  const std::shared_ptr<Geo> geo = make_geo(options, true);
  std::vector<GeoAnswer> answers;
  geo->look_up(addresses, answers);
  const bool service = geo->source().type.empty();
  Table table({{""}, {""}, {""}});
  bool all = true;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const GeoAnswer& answer = answers[i];
    const auto shown = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    table.add({{visible(addresses[i])}, {shown(answer.country)}, {shown(answer.info)}});
    all = all && answer.known;
    if (service && !options.quiet && !Address(addresses[i]).is_global())
      say("notice", fmt::format("{} is private or reserved: no service is asked about it", addresses[i]));
  }
  Table::Look look;
  look.titles = false;
  write_stdout(table.text(look));
  const GeoReport report = geo->report();
  if (!report.cache_error.empty()) say("warning", fmt::format("--geo-cache: {}", report.cache_error));
  if (report.failed + report.unknown_left != 0)
    say("error",
        fmt::format("--geo: no answer{}", report.last_error.empty() ? "" : fmt::format(" ({})", report.last_error)));
  return all ? 0 : static_cast<int>(Exit::rejected);
}

}  // namespace track_usage
