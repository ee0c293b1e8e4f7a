// From options to made objects; the only place that opens the doors to
// parsers, sinks and hooks.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/zone.h"
#include "src/correction.h"
#include "src/enrich/enrichment.h"
#include "src/filter.h"
#include "src/hook.h"
#include "src/options.h"
#include "src/parser.h"
#include "src/pipeline.h"
#include "src/store.h"

namespace track_usage {

struct Dialects {
  std::vector<std::unique_ptr<Parser>> owned;
  std::vector<const Parser*> parsers;
  std::vector<std::string> names;  // beside parsers
};

// The dialects of --format: all of them for auto.
Dialects make_dialects(const Options& options);

// A --format that reads a line which no dialect reads; empty if none was found.
std::string proposal_for(std::string_view line, const Options& options);

// The look-up of --geo, its database opened; nothing: none was asked for.
// `again`: a service is also asked about what it failed to answer minutes ago.
std::shared_ptr<Geo> make_geo(const Options& options, bool again = false);
// The store settled --drop with this field.
bool drops(const Settings& settings, std::string_view field);
// The file of --geo-cache; empty: there is none.
std::string geo_cache_path(const Options& options);
// What a run does to rows besides, as typed, or with what a store has settled.
std::unique_ptr<Enrichment> make_enrichment(const Options& options, const Settings& settings, std::shared_ptr<Geo> geo);
// Of what was typed: what a store settles. The salt is new.
Settings settings_of(const Options& options);

// What rows have that the log does not say. Borrows the enrichment.
RowDefaults make_defaults(const Options& options, const Enrichment& enrichment);

// The sinks of --sink, made and not opened. Throws for a store named twice.
std::vector<Outlet> make_outlets(const Options& options);

// False: the store is a file that is still to be made.
bool is_there(const Store& store);

// The store of --from (or TRACK_USAGE_STORE, or sqlite:usage.db), opened to read.
std::unique_ptr<Store> open_store(const Options& options);

// Opens the outlets, and settles what each store keeps: what it has settled,
// else what the options say. Returns the settings of the run, but for the hooks,
// which are each outlet's own.
Settings open_outlets(std::vector<Outlet>& outlets, const Options& options);

// The store of --from, opened alone to have its past changed, and how it counts.
struct Correction {
  std::unique_ptr<Store> store;
  Settings settings;
  Counting counting;
};
Correction open_to_correct(const Options& options);

// The span of --since and --until; times without a zone are read in `zone`.
RowQuery make_span(const Options& options, const Zone& zone);

// A filter of the options' patterns and times; times without a zone are read in `zone`.
Filter make_filter(const Options& options, const Zone& zone);

std::vector<const Hook*> hooks_named(const std::vector<std::string>& names);
std::span<const Hook* const> every_hook();

// For `list`: name and one line each.
struct Listed {
  std::string_view name;
  std::string help;
};
std::vector<Listed> list_parsers();
std::vector<Listed> list_sinks();
std::vector<Listed> list_hooks();
// A format's example, for `list formats`; its tabs and newlines shown as \t and \n.
std::vector<Listed> list_formats();

}  // namespace track_usage
