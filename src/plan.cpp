#include "src/plan.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "hooks/hooks.h"
#include "parsers/parsers.h"
#include "sinks/sinks.h"
#include "src/base/keyed_hash.h"
#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/enrich/geo_cache.h"
#include "src/error.h"
#include "src/server_config.h"

namespace track_usage {
namespace {

constexpr std::string_view default_store = "sqlite:usage.db";

std::string joined(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, ","));
}

// Debian's package, unless --agents says otherwise.
std::string agent_patterns(const Options& options) {
  constexpr auto usual = "/usr/share/uap-core/regexes.yaml";
  if (options.agents) return *options.agents == "built-in" ? "" : *options.agents;
  return ::access(usual, R_OK) == 0 ? usual : "";
}

bool is_on(const Hook& hook, const Options& options) {
  switch (hook.on_by) {
    case OnBy::unasked:
      return true;
    case OnBy::visitor:
      return options.visitor_ids && *options.visitor_ids != "none";
    case OnBy::geo:
      return !options.geo.empty();
    case OnBy::hook:
      break;
  }
  return false;
}

// --hook: a list replaces the default, +x and -x change it.
std::vector<const Hook*> choose_hooks(const std::vector<std::string>& typed, const Options& options) {
  std::vector<const Hook*> chosen;
  const bool changes =
      std::all_of(typed.begin(), typed.end(), [](const std::string& t) { return t[0] == '+' || t[0] == '-'; });
  if (changes)
    for (const Hook* hook : all_hooks())
      if (is_on(*hook, options)) chosen.push_back(hook);
  for (const std::string& item : typed) {
    if (item == "none" && typed.size() == 1) return {};
    const bool sign = item[0] == '+' || item[0] == '-';
    if (sign != changes)
      throw Error(Exit::usage, fmt::format("--hook: '{}' mixes a list with changes", visible(item)),
                  "either url,status or +name,-name");
    const Hook& hook = find_hook(std::string_view(item).substr(sign));
    std::erase(chosen, &hook);
    if (item[0] != '-') chosen.push_back(&hook);
  }
  const auto place = [](const Hook* h) {
    return std::find(all_hooks().begin(), all_hooks().end(), h) - all_hooks().begin();
  };
  std::sort(chosen.begin(), chosen.end(), [&](const Hook* a, const Hook* b) { return place(a) < place(b); });
  return chosen;
}

std::vector<std::string> names_of(const std::vector<const Hook*>& hooks) {
  std::vector<std::string> names;
  for (const Hook* hook : hooks) names.emplace_back(hook->name);
  return names;
}

std::string shown(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ","));
}

// A store keeps what its first run settled: an option that says otherwise is
// refused, not obeyed from here on.
void refuse_change(const Store& store, std::string_view option, std::string_view settled, std::string_view typed) {
  if (settled == typed) return;
  throw Error(Exit::usage,
              fmt::format("{}: this store was made with {} {}, not {}", visible(store.shown()), option, settled,
                          visible(typed)),
              fmt::format("leave {} away, or begin another store with --sink{}", option,
                          option == "--hook" ? "; track-usage rebuild --hook NAME adds a summary" : ""));
}

// Waits for another run's lock as long as --wait says.
void open_alone(Store& store, Access access, const Options& options) {
  const auto give_up = std::chrono::steady_clock::now() +
                       std::chrono::seconds(std::min<std::uint64_t>(options.wait_s.value_or(0), 1'000'000'000));
  for (;;) {
    try {
      return store.open(access);
    } catch (const Error& e) {
      const bool over = !options.wait_s || std::chrono::steady_clock::now() >= give_up;
      if (e.exit != Exit::locked || over) throw;
    }
    if (stop_signal() != 0)
      throw Error(static_cast<Exit>(128 + stop_signal()), "ended while another run had the store");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

std::unique_ptr<Store> make_store(const Options& options) {
  const Target target = parse_target(options.from.empty() ? std::string(default_store) : options.from);
  const SinkInfo& info = find_sink(target.scheme);
  if (info.make_store == nullptr)
    throw Error(Exit::usage, fmt::format("nothing can be read back from '{}'", target.shown()),
                "--from names a store, as sqlite:usage.db");
  return info.make_store(target);
}

// A dry run reads the ledger of a store that is a file and there, and makes none.
void open_dry(Outlet& outlet) {
  const std::vector<std::string> files = outlet.store->files();
  outlet.absent = files.empty();  // a server is not asked
  if (outlet.absent) return;
  if (!is_there(*outlet.store)) {
    const auto folder = std::filesystem::path(files.front()).parent_path();
    if (!std::filesystem::is_directory(folder))
      throw Error(Exit::store, fmt::format("cannot make {}: the folder {} does not exist", visible(files.front()),
                                           visible(folder.string())));
    outlet.absent = true;
    return;
  }
  outlet.store->open(Access::read);
}

std::string_view default_of(std::string_view choice) {
  return choice == "query" ? "keep" : choice == "visitor-salt" ? "store" : "none";
}

// What was typed of Settings::choices, defaults as well; lists in one order.
std::map<std::string, std::string, std::less<>> typed_choices(const Options& options) {
  std::map<std::string, std::string, std::less<>> choices;
  const auto choose = [&](const char* name, const std::string& value) {
    if (!value.empty()) choices[name] = value;
  };
  const auto list = [](const std::vector<std::string>& typed) {
    std::vector<std::string> items = list_items(joined(typed));
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    return joined(items);
  };
  choose("query", options.query.value_or(""));
  choose("visitor", options.visitor_ids.value_or(""));
  choose("visitor-salt", options.visitor_salt.value_or(""));
  choose("anonymize-ip", options.anonymize_ip.value_or(""));
  choose("drop", list(options.drop));
  choose("hash", list(options.hash));
  choose("redact-query", list(options.redact_query));
  choose("no-redact", options.no_redact ? "yes" : "");
  return choices;
}

// What was typed must be what the store has settled; what was not is the store's.
void agree(const Store& store, const Settings& settled, const Options& options) {
  if (options.zone) refuse_change(store, "--tz", settled.zone, *options.zone);
  if (options.url_by) refuse_change(store, "--url-by", name_of(settled.url_by), *options.url_by);
  for (const auto& [name, value] : typed_choices(options)) {
    const auto at = settled.choices.find(name);
    refuse_change(store, "--" + name, at == settled.choices.end() ? default_of(name) : visible(at->second), value);
  }
}

// Opens the store of an outlet and takes over what it has settled. The first
// store that has is `settled_by`: the others must agree with it.
void open_outlet(Outlet& outlet, const Options& options, Settings& run, const Store*& settled_by) {
  Store& store = *outlet.store;
  options.dry_run ? open_dry(outlet) : open_alone(store, Access::write, options);
  const auto settings = outlet.absent ? std::nullopt : store.settings();
  if (!settings) return;
  agree(store, *settings, options);
  if (outlet.hooks_typed) refuse_change(store, "--hook", shown(settings->hooks), shown(names_of(outlet.hooks)));
  outlet.hooks = hooks_named(settings->hooks);
  if (settled_by != nullptr && settings->zone != run.zone)
    throw Error(Exit::usage,
                fmt::format("{} counts days in {}, {} in {}", visible(settled_by->shown()), run.zone,
                            visible(store.shown()), settings->zone),
                "one time zone a run: ingest into each in a run of its own");
  const bool salted = settings->choices.contains("visitor") || settings->choices.contains("hash");
  if (settled_by != nullptr && (settings->choices != run.choices || (salted && settings->salt != run.salt)))
    throw Error(Exit::usage,
                fmt::format("{} and {} do not keep alike what concerns visitors and privacy",
                            visible(settled_by->shown()), visible(store.shown())),
                "ingest into each in a run of its own");
  run = *settings;
  settled_by = &store;
}

LogOptions log_options(const Options& options) {
  LogOptions log;
  if (options.log_zone != "UTC") log.zone = Zone(options.log_zone);
  return log;
}

}  // namespace

Dialects make_dialects(const Options& options) {
  const LogOptions log = log_options(options);
  Dialects dialects;
  const auto add = [&](const std::string& format) {
    dialects.owned.push_back(make_parser(format, log));
    dialects.parsers.push_back(dialects.owned.back().get());
    dialects.names.push_back(parser_name(format));
  };
  const bool automatic = (options.formats.empty() && options.formats_from.empty()) ||
                         std::find(options.formats.begin(), options.formats.end(), "auto") != options.formats.end();
  for (const std::string& format : options.formats)
    if (format != "auto") add(format);
  for (const std::string& typed : options.formats_from) add(format_from(typed));
  if (automatic)
    for (const ParserInfo* info : all_parsers())
      if (std::find(dialects.names.begin(), dialects.names.end(), info->name) == dialects.names.end())
        add(std::string(info->name));
  dialects.owned.push_back(make_envelope(dialects.parsers));
  dialects.parsers.push_back(dialects.owned.back().get());
  dialects.names.emplace_back();  // what is in it gives the name
  return dialects;
}

std::string proposal_for(std::string_view line, const Options& options) {
  return propose_format(line, log_options(options));
}

bool is_there(const Store& store) {
  const std::vector<std::string> files = store.files();
  return files.empty() || std::filesystem::exists(files.front());
}

Settings settings_of(const Options& options) {
  Settings settings{
      .hooks = {}, .zone = options.zone.value_or("UTC"), .url_by = UrlBy::path, .choices = {}, .salt = random_salt()};
  settings.url_by = url_by_named(options.url_by.value_or("path")).value_or(UrlBy::path);
  settings.choices = typed_choices(options);
  std::erase_if(settings.choices, [](const auto& choice) { return choice.second == default_of(choice.first); });
  return settings;
}

bool drops(const Settings& settings, std::string_view field) {
  const auto drop = settings.choices.find("drop");
  if (drop == settings.choices.end()) return false;
  const std::vector<std::string> fields = list_items(drop->second);
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

std::string geo_cache_path(const Options& options) {
  if (options.geo_cache == "none") return {};
  return options.geo_cache.empty() ? GeoCache::default_path() : options.geo_cache;
}

std::shared_ptr<Geo> make_geo(const Options& options, bool again) {
  if (options.geo.empty()) return nullptr;
  GeoSettings settings{.source = options.geo, .cache = geo_cache_path(options)};
  settings.again = again;
  if (!options.geo_rate.empty()) settings.spacing = parse_geo_rate(options.geo_rate);
  settings.wait = std::chrono::seconds(std::min<std::uint64_t>(options.geo_wait_s.value_or(10), 1'000'000'000));
  auto geo = std::make_shared<Geo>(std::move(settings));
  geo->open();
  return geo;
}

std::unique_ptr<Enrichment> make_enrichment(const Options& options, const Settings& settings,
                                            std::shared_ptr<Geo> geo) {
  const auto choice = [&](std::string_view name) {
    const auto at = settings.choices.find(name);
    return at == settings.choices.end() ? std::string() : at->second;
  };
  Enrichment::Options o;
  if (const std::string query = choice("query"); !query.empty()) o.query.keep = query;
  o.query.redact = choice("no-redact").empty();
  o.query.secret = list_items(choice("redact-query"));
  o.privacy = {.anonymize = choice("anonymize-ip"),
               .drop = list_items(choice("drop")),
               .hash = list_items(choice("hash")),
               .salt = settings.salt};
  o.visitor = choice("visitor");
  o.visitor_salt = choice("visitor-salt");
  o.trusted_proxies = list_items(joined(options.trusted_proxies));
  for (const std::string& rule : options.routes) {
    if (!rule.starts_with('@'))
      o.routes.push_back(rule);
    else
      for (std::string& of_file : read_rules(rule.substr(1))) o.routes.push_back(std::move(of_file));
  }
  o.blueprints = options.blueprints;
  o.agents = agent_patterns(options);
  o.geo = std::move(geo);
  auto enrichment = std::make_unique<Enrichment>(std::move(o));
  enrichment->agents().check();
  return enrichment;
}

RowDefaults make_defaults(const Options& options, const Enrichment& enrichment) {
  RowDefaults defaults;
  defaults.query = &enrichment.query();
  defaults.agents = &enrichment.agents();
  if (!enrichment.visitors().cookie().empty()) defaults.visitors = &enrichment.visitors();
  if (options.server.empty()) return defaults;
  defaults.server_name = options.server;
  defaults.server_fixed = true;
  return defaults;
}

std::vector<Outlet> make_outlets(const Options& options) {
  std::vector<std::string> typed = options.sinks;
  if (typed.empty()) typed.emplace_back(default_store);
  std::vector<Outlet> outlets;
  std::set<std::string> outlets_named;
  for (const std::string& text : typed) {
    const Target target = parse_target(text);
    const SinkInfo& info = find_sink(target.scheme);
    Outlet outlet{.shown = target.shown(),
                  .target = target.shown(),
                  .sink = nullptr,
                  .store = nullptr,
                  .hooks = {},
                  .trouble = {},
                  .hint = {}};
    if (info.make_store != nullptr) {
      outlet.store = info.make_store(target);
      outlet.shown = outlet.store->shown();
      std::vector<std::string> hooks = options.hooks;
      if (const std::string own = target.setting("hooks", ""); !own.empty()) {
        hooks = list_items(own);
      }
      outlet.hooks = choose_hooks(hooks, options);
      outlet.hooks_typed = !hooks.empty();
    } else {
      outlet.sink = info.make_sink(target);
    }
    const std::string id = outlet.store != nullptr ? outlet.shown : text;
    if (!outlets_named.insert(id).second)
      throw Error(Exit::usage, fmt::format("'{}' is named twice", visible(outlet.shown)), "one --sink for each");
    outlets.push_back(std::move(outlet));
  }
  const auto has_store = [](const Outlet& o) { return o.store != nullptr; };
  if (!options.commands.empty() && std::none_of(outlets.begin(), outlets.end(), has_store))
    throw Error(Exit::usage, "--hook exec: gets the rows that a store has taken, and no --sink is a store",
                "pipe print: into the program instead: track-usage ingest ... --sink print: | ./program");
  return outlets;
}

std::unique_ptr<Store> open_store(const Options& options) {
  auto store = make_store(options);
  store->open(Access::read);
  return store;
}

Correction open_to_correct(const Options& options) {
  Correction c{.store = make_store(options), .settings = {}, .counting = {}};
  open_alone(*c.store, Access::change, options);
  const auto settings = c.store->settings();
  if (c.store->correctable() == nullptr || !settings)
    throw Error(Exit::store, fmt::format("{} has taken nothing that could be changed", visible(c.store->shown())));
  c.settings = *settings;
  c.counting = {.hooks = hooks_named(settings->hooks),
                .url_by = settings->url_by,
                .zone = Zone(settings->zone),
                .pruned = c.store->pruned()};
  c.store->use(c.counting.hooks, c.counting.url_by);
  return c;
}

Settings open_outlets(std::vector<Outlet>& outlets, const Options& options) {
  Settings run = settings_of(options);
  // A store that fails does not stop the others; what was typed wrong does.
  const auto each_store = [&](const std::function<void(Outlet&)>& act) {
    for (Outlet& outlet : outlets) {
      if (outlet.store == nullptr || outlet.failed) continue;
      try {
        act(outlet);
      } catch (const Error& e) {
        if (e.exit != Exit::store || outlets.size() == 1) throw;
        outlet.fail(e);
      }
    }
    if (std::all_of(outlets.begin(), outlets.end(), [](const Outlet& o) { return o.failed; }))
      throw Error(Exit::store, outlets.front().trouble, outlets.front().hint);
  };
  for (Outlet& outlet : outlets)
    if (outlet.sink != nullptr && !options.dry_run) outlet.sink->open();
  const Store* settled_by = nullptr;
  each_store([&](Outlet& outlet) { open_outlet(outlet, options, run, settled_by); });
  if (options.dry_run) return run;
  each_store([&](Outlet& outlet) {
    if (!outlet.store->settings()) {
      Settings first = run;
      first.hooks = names_of(outlet.hooks);
      outlet.store->settle(first);
    }
    outlet.store->use(outlet.hooks, run.url_by);
  });
  return run;
}

namespace {

std::vector<std::string> blueprints_of(const Options& options, std::string_view option,
                                       const std::vector<std::string>& typed) {
  std::vector<std::string> names = list_items(joined(typed));
  std::vector<std::string_view> known;
  for (const std::string& blueprint : options.blueprints)
    known.push_back(std::string_view(blueprint).substr(0, blueprint.find('=')));
  for (const std::string& name : names)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Error(Exit::usage, fmt::format("{}: no --blueprint has the name '{}'", option, visible(name)),
                  known.empty() ? "--blueprint NAME=PATTERN makes one" : suggest(name, known));
  return names;
}

}  // namespace

RowQuery make_span(const Options& options, const Zone& zone) {
  RowQuery span;
  const std::int64_t now = ::time(nullptr);
  if (!options.since.empty()) span.since = parse_when(options.since, "--since", now, zone);
  if (!options.until.empty()) span.until = parse_when(options.until, "--until", now, zone);
  return span;
}

Filter make_filter(const Options& o, const Zone& zone) {
  FilterOptions f;
  f.include = o.include;
  f.exclude = o.exclude;
  f.status = o.status;
  f.method = o.method;
  f.host = o.host;
  f.remote = o.remote;
  f.agent = o.agent;
  f.username = o.username;
  f.visitor = o.visitor;
  f.include_blueprint = blueprints_of(o, "--include-blueprint", o.include_blueprint);
  f.exclude_blueprint = blueprints_of(o, "--exclude-blueprint", o.exclude_blueprint);
  f.bots = o.bots.value_or("keep");
  const RowQuery span = make_span(o, zone);
  f.since = span.since;
  f.until = span.until;
  return Filter(f);
}

std::vector<const Hook*> hooks_named(const std::vector<std::string>& names) {
  std::vector<const Hook*> hooks;
  for (const std::string& name : names) hooks.push_back(&find_hook(name));
  return hooks;
}

std::span<const Hook* const> every_hook() {
  return all_hooks();
}

std::vector<Listed> list_parsers() {
  std::vector<Listed> out;
  for (const ParserInfo* info : all_parsers()) out.push_back({info->name, std::string(info->help)});
  return out;
}

std::vector<Listed> list_formats() {
  std::vector<Listed> out;
  for (const ParserInfo* info : all_parsers()) {
    std::string example;
    for (const char c : info->example)
      if (c == '\t' || c == '\n')
        example += c == '\t' ? "\\t" : "\\n";
      else
        example += c;
    out.push_back({info->name, std::move(example)});
  }
  return out;
}

std::vector<Listed> list_sinks() {
  std::vector<Listed> out;
  for (const SinkInfo* info : all_sinks()) out.push_back({info->scheme, std::string(info->help)});
  return out;
}

std::vector<Listed> list_hooks() {
  std::vector<Listed> out;
  for (const Hook* hook : all_hooks()) out.push_back({hook->name, std::string(hook->help)});
  out.push_back({"exec:CMD", "no summary: a program of yours (/bin/sh -c CMD) gets the stored rows as JSON lines"});
  return out;
}

}  // namespace track_usage
