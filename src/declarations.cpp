#include "src/declarations.h"

#include <functional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::size_t help_column = 28;

std::optional<std::uint64_t> at_least_a_second(std::string_view text) {
  const auto age = parse_age(text);
  return age && *age >= 1 ? std::optional(static_cast<std::uint64_t>(*age)) : std::nullopt;
}

std::optional<std::uint64_t> at_least_64(std::string_view text) {
  const auto size = parse_size(text);
  return size && *size >= 64 ? size : std::nullopt;
}

// --help in our manner: the value behind the name, the text wrapped beside it,
// the default at its end.
class Help final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (app->get_parent() == nullptr) return "Usage: track-usage COMMAND [OPTIONS] ...\n";
    if (!app->get_subcommands({}).empty()) return fmt::format("Usage: {} ACTION [OPTIONS] ...\n", name);
    std::string usage = fmt::format("Usage: {} [OPTIONS]", name);
    for (const CLI::Option* o : app->get_options({}))
      if (o->nonpositional() == false) usage += ' ' + positional(*o);
    return usage + '\n';
  }
  std::string make_positionals(const CLI::App*) const override { return {}; }  // the usage line has them
  std::string make_option(const CLI::Option* o, bool) const override {
    std::string left = "  " + o->get_name(false, true);
    if (o->get_items_expected_max() != 0 && !o->get_type_name().empty()) left += ' ' + o->get_type_name();
    std::string text = o->get_description();
    if (!o->get_default_str().empty()) text += fmt::format(" (default: {})", o->get_default_str());
    return beside(left, text);
  }
  std::string make_subcommand(const CLI::App* c) const override {
    return beside("  " + c->get_name(), c->get_description());
  }

 private:
  static std::string positional(const CLI::Option& o) {
    const bool many = o.get_expected_max() > 1;
    const bool may_be_left_out = o.get_description().ends_with("?");
    std::string text = o.get_type_name() + (many ? "..." : "");
    return may_be_left_out ? '[' + text + ']' : text;
  }
  static std::string beside(const std::string& left, std::string_view text) {
    constexpr std::size_t width = 80;
    std::string out = left.size() < help_column ? left + std::string(help_column - left.size(), ' ')
                                                : left + '\n' + std::string(help_column, ' ');
    std::size_t column = help_column;
    while (!text.empty()) {
      const auto blank = std::min(text.find(' '), text.size());
      if (column != help_column && column + 1 + blank > width) {
        out += '\n' + std::string(help_column, ' ');
        column = help_column;
      } else if (column != help_column) {
        out += ' ';
        ++column;
      }
      out.append(text.substr(0, blank));
      column += blank;
      text.remove_prefix(std::min(blank + 1, text.size()));
    }
    return out + '\n';
  }
};

// Commands and their options, bound to one Options. The declarations are the
// help text, too.
class Declarations {
 public:
  Declarations(Options& o, CLI::App& app) : o_(o), app_(app) {}

  void all() {
    app_.require_subcommand(0, 1);
    app_.set_help_flag("-h,--help", "this text");
    app_.set_version_flag("--version", version(), "the version and the sinks built in");
    app_.formatter(std::make_shared<Help>());
    app_.footer(
        "\nBegin with:  track-usage report access.log\n"
        "             track-usage ingest access.log\n"
        "Each command has its own --help. The manual: man track-usage");
    ingest();
    report();
    rows();
    sum();
    status();
    explain();
    list();
    forget();
    erase();
    rebuild();
    retry();
    prune();
    schema();
    geo();
  }

 private:
  static std::string version() { return fmt::format("track-usage {} (sqlite, print, output)", TRACK_USAGE_VERSION); }

  static CLI::App* word(CLI::App& of, const char* name, const char* help) {
    CLI::App* c = of.add_subcommand(name, help);
    c->set_help_flag("-h,--help", "this text");
    c->footer("");  // the top's is not theirs
    return c;
  }

  CLI::App* command(const char* name, const char* help) { return command(app_, name, help); }
  CLI::App* command(CLI::App& of, const char* name, const char* help) {
    CLI::App* c = word(of, name, help);
    c->add_option("--config", o_.config,
                  "TOML file with options by their names, instead of /etc/track-usage.toml ('none': no file)")
        ->type_name("FILE");
    c->add_flag("-q,--quiet", o_.quiet, "say errors only");
    c->add_flag("-v,--verbose", o_.verbose, "say more: a line a file, notices");
    return c;
  }

  // Takes exactly one value each time, and can be repeated: never swallows an input.
  CLI::Option* repeated(CLI::App* c, const char* name, std::vector<std::string>& to, const char* type,
                        const char* help) {
    return c->add_option(name, to, help)
        ->type_name(type)
        ->allow_extra_args(false)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  // A list: repeated, or with commas.
  CLI::Option* list_of(CLI::App* c, const char* name, std::vector<std::string>& to, const char* type,
                       const char* help) {
    return repeated(c, name, to, type, help);
  }

  template <typename T, typename Parse>
  CLI::Option* parsed(CLI::App* c, const char* name, T& to, Parse parse, const char* type, const char* what,
                      const char* help) {
    return c
        ->add_option_function<std::string>(
            name,
            [&to, parse, name, what](const std::string& text) {
              const auto value = parse(text);
              if (!value) throw Error(Exit::usage, fmt::format("{}: '{}' is not {}", name, visible(text), what));
              to = static_cast<T>(*value);
            },
            help)
        ->type_name(type);
  }

  CLI::Option* choice(CLI::App* c, const char* name, const std::vector<std::string_view>& among,
                      const std::function<void(std::string_view)>& take, const char* type, const char* help) {
    return c
        ->add_option_function<std::string>(
            name,
            [name, among, take](const std::string& text) {
              if (std::find(among.begin(), among.end(), text) == among.end())
                throw Error(Exit::usage, fmt::format("{}: '{}' is none of its values", name, visible(text)),
                            suggest(text, among));
              take(text);
            },
            help)
        ->type_name(type);
  }

  void filters(CLI::App* c) {
    const auto group = "Filters (all kinds are joined by and; !x excludes)";
    repeated(c, "--include", o_.include, "PATTERN", "keep only paths that match: a glob, or re: and an RE2 pattern")
        ->group(group);
    repeated(c, "--exclude", o_.exclude, "PATTERN", "leave out paths that match")->group(group);
    c->add_option("--since", o_.since, "from this time on: 2026-11-22[T14:05], yesterday, 7d, epoch seconds")
        ->type_name("TIME")
        ->group(group);
    c->add_option("--until", o_.until, "before this time")->type_name("TIME")->group(group);
    list_of(c, "--status", o_.status, "LIST", "statuses: 404, 4xx, 400-499; !404 excludes")->group(group);
    list_of(c, "--method", o_.method, "LIST", "methods: GET,POST")->group(group);
    list_of(c, "--host", o_.host, "LIST", "server names, as globs")->group(group);
    list_of(c, "--remote", o_.remote, "LIST", "client addresses or networks: 192.0.2.0/24, 2001:db8::/32")
        ->group(group);
    list_of(c, "--agent", o_.agent, "LIST", "user agents, as globs: '*bot*'")->group(group);
    list_of(c, "--username", o_.username, "LIST", "names of logged users, exactly")->group(group);
    choice(
        c, "--bots", {"keep", "drop", "only"}, [&o = o_](std::string_view v) { o.bots = std::string(v); },
        "keep|drop|only", "robots, by what their agents say")
        ->default_str("keep")
        ->group(group);
  }

  // Of rows that are stored: when logs are read, --visitor says who is one.
  void stored_filters(CLI::App* c) {
    filters(c);
    list_of(c, "--visitor", o_.visitor, "LIST", "visitors' ids, exactly")
        ->group("Filters (all kinds are joined by and; !x excludes)");
  }

  void log_filters(CLI::App* c) {
    filters(c);
    const auto group = "Filters (all kinds are joined by and; !x excludes)";
    list_of(c, "--include-blueprint", o_.include_blueprint, "LIST", "keep only what is of these blueprints")
        ->group(group);
    list_of(c, "--exclude-blueprint", o_.exclude_blueprint, "LIST", "leave out what is of these blueprints")
        ->group(group);
  }

  void enriching(CLI::App* c) {
    const auto group = "What rows tell besides";
    list_of(c, "--trusted-proxy", o_.trusted_proxies, "LIST",
            "addresses and networks of your proxies, behind which the client is looked for")
        ->group(group);
    repeated(c, "--blueprint", o_.blueprints, "NAME=PATTERN", "a named group of paths; the first that matches names it")
        ->group(group);
    repeated(c, "--route", o_.routes, "RULE", "a route as of Flask: /user/<int:id>; @FILE has one a line")
        ->group(group);
    c->add_option("--agents", o_.agents, "patterns for user agents: uap-core's regexes.yaml, or built-in")
        ->type_name("FILE")
        ->default_str("/usr/share/uap-core/regexes.yaml, if it is there")
        ->group(group);
    locating(c, group, "10s");
  }

  void locating(CLI::App* c, const char* group, const char* wait) {
    c->add_option("--geo", o_.geo, "where addresses are: mmdb:FILE, or a service's URL with {ip}")
        ->type_name("SOURCE")
        ->group(group);
    geo_cache(c)->group(group);
    c->add_option("--geo-rate", o_.geo_rate, "most requests to the service: 45/min, 2/s")
        ->type_name("RATE")
        ->group(group);
    parsed(c, "--geo-wait", o_.geo_wait_s, parse_age, "TIME", "an age such as 30s or 10m",
           "longest wait for the service, in the whole run")
        ->default_str(wait)
        ->group(group);
  }

  CLI::Option* geo_cache(CLI::App* c) {
    return c
        ->add_option("--geo-cache", o_.geo_cache,
                     "file that keeps a service's answers from run to run ('none': no file)")
        ->type_name("FILE")
        ->default_str("~/.cache/track-usage/geo.db");
  }

  // What is settled with a store.
  void privacy(CLI::App* c, const char* group) {
    c->add_option("--visitor", o_.visitor_ids, "who is one visitor: cookie:NAME, ip-ua or none")
        ->type_name("HOW")
        ->default_str("none")
        ->group(group);
    choice(
        c, "--visitor-salt", {"store", "daily"}, [&o = o_](std::string_view v) { o.visitor_salt = std::string(v); },
        "store|daily", "daily: nobody is known from one day to the next")
        ->default_str("store")
        ->group(group);
    c->add_option("--query", o_.query, "what of queries is kept: keep, strip, only:a,b or drop:a,b")
        ->type_name("HOW")
        ->default_str("keep")
        ->group(group);
    list_of(c, "--redact-query", o_.redact_query, "LIST",
            "names whose values become ***, besides password, token and the like")
        ->group(group);
    c->add_flag("--no-redact", o_.no_redact, "keep those values")->group(group);
    c->add_flag_callback(
         "--anonymize-ip", [&o = o_] { o.anonymize_ip = o.anonymize_ip.value_or("1"); },
         "mask addresses: 24 bits of IPv4 and 64 of IPv6 are kept; --anonymize-ip=2: 16 and 48; =3: 8 and 32")
        ->group(group);
    list_of(c, "--drop", o_.drop, "LIST", "fields that are not kept: referrer, username, track_var.NAME")->group(group);
    list_of(c, "--hash", o_.hash, "LIST", "fields that are kept as a keyed hash: remote_addr, username")->group(group);
  }

  void reading_lines(CLI::App* c) {
    repeated(c, "--format", o_.formats, "FORMAT",
             "auto, a name of `track-usage list formats`, json:FIELD=KEY,..., or a LogFormat or log_format string")
        ->default_str("auto");
    repeated(c, "--format-from", o_.formats_from, "FILE",
             "FILE or FILE:NAME: a LogFormat or log_format of a server's configuration");
    c->add_option("--log-tz", o_.log_zone, "time zone of logs that state none")->type_name("ZONE")->default_str("UTC");
    c->add_option("--server", o_.server, "server name of every row, instead of the log's")->type_name("NAME");
  }

  void reading_logs(CLI::App* c) {
    reading_lines(c);
    parsed(c, "--max-line", o_.max_line, at_least_64, "SIZE", "a size such as 1MiB (64 bytes at least)",
           "longest line; what is beyond is cut off and flagged")
        ->default_str("1MiB");
  }

  void jobs(CLI::App* c) {
    parsed(c, "--jobs", o_.jobs, parse_number, "N", "a number", "parsing threads")->default_str("one a core");
  }

  void from(CLI::App* c, const char* help = "store to read") {
    c->add_option("--from", o_.from, help)->type_name("TARGET")->default_str("sqlite:usage.db, or $TRACK_USAGE_STORE");
  }

  void wait(CLI::App* c) {
    c->add_flag_callback(
        "--wait", [&o = o_] { o.wait_s = UINT64_MAX; },
        "wait while another run has the store; --wait=TIME at most so long");
  }

  // Of what changes a store's past: asked for on a terminal, typed elsewhere.
  void correction(CLI::App* c) {
    from(c, "store to change");
    c->add_flag("--yes", o_.yes, "do not ask; needed where there is no terminal");
    c->add_flag("--dry-run", o_.dry_run, "say what would change, and change nothing");
    wait(c);
  }

  void output(CLI::App* c, const std::vector<std::string_view>& among, const char* help) {
    choice(
        c, "--output", among, [&o = o_](std::string_view v) { o.output = v; }, "FORM", help);
  }

  void paging(CLI::App* c) {
    parsed(c, "--limit", o_.limit, parse_number, "N", "a number", "at most so many; 0 is all")->default_str("500");
    parsed(c, "--page", o_.page, parse_number, "N", "a number", "the Nth page of that many")->default_str("1");
  }

  CLI::Option* zone(CLI::App* c, const char* help) {
    return c->add_option("--tz", o_.zone, help)->type_name("ZONE")->default_str("UTC");
  }

  void ingest() {
    CLI::App* c = command("ingest", "read logs, write rows and summaries");
    c->add_option("input", o_.inputs, "files, folders, globs, or - for stdin")->type_name("INPUT");
    repeated(c, "--sink", o_.sinks, "TARGET", "where to write; repeat it for several (`track-usage list sinks`)")
        ->default_str("sqlite:usage.db, or $TRACK_USAGE_STORE");
    reading_logs(c);
    jobs(c);
    log_filters(c);
    enriching(c);
    const auto kept = "What the store keeps (settled at its first run)";
    list_of(c, "--hook", o_.hooks, "LIST",
            "summaries: url,status; +name and -name change the default; none. Or exec:CMD, for this run: a program "
            "that gets the stored rows")
        ->group(kept);
    choice(
        c, "--url-by", {"path", "full", "route"}, [&o = o_](std::string_view v) { o.url_by = std::string(v); },
        "path|full|route", "key of the url summary: without the query, with it, or the route")
        ->default_str("path")
        ->group(kept);
    zone(c, "time zone of days and months, by its IANA name")->group(kept);
    privacy(c, kept);
    parsed(c, "--hook-wait", o_.hook_wait_s, at_least_a_second, "TIME", "a time such as 30s (1s at least)",
           "how long an exec: hook may read nothing, or run on after its last row")
        ->default_str("60s");
    repeated(c, "--set", o_.set, "NAME=VALUE", "a member of every row's track_var");
    parsed(c, "--batch", o_.batch, at_least_64, "SIZE", "a size such as 64MiB (64 bytes at least)",
           "most that one transaction takes")
        ->default_str("64MiB");
    c->add_option("--rejects", o_.rejects_file, "append lines that no parser reads: path:line:offset, reason, line")
        ->type_name("FILE");
    parsed(c, "--max-rejects", o_.max_rejects, parse_number, "N", "a number",
           "exit 1 if more than N lines are rejected and their share is above --max-reject-ratio")
        ->default_str("100");
    parsed(c, "--max-reject-ratio", o_.max_reject_ratio, parse_ratio, "R", "a share such as 0.5% or 0.005",
           "see --max-rejects")
        ->default_str("0.5%");
    c->add_flag("--final", o_.final_line, "take a last line that has no newline yet");
    c->add_option("--source", o_.source, "name for a log, to tell apart two of equal content")->type_name("NAME");
    c->add_flag("--verify", o_.verify, "read every file, also where time and size say nothing is new");
    c->add_flag("--take-edited", o_.take_edited,
                "take a log that was edited after it was taken as a log of its own; what was taken stays");
    wait(c);
    c->add_flag("--dry-run", o_.dry_run, "do all but writing, and say what would be stored");
    c->add_option("--summary-json", o_.summary_json, "write the run's accounting as JSON (- is stdout)")
        ->type_name("FILE");
    choice(
        c, "--progress", {"auto", "always", "never"},
        [&o = o_](std::string_view v) {
          o.progress = v == "always"  ? Options::Show::always
                       : v == "never" ? Options::Show::never
                                      : Options::Show::automatic;
        },
        "auto|always|never", "progress bar on stderr")
        ->default_str("auto");
    c->footer(
        "\nExamples:\n  track-usage ingest /var/log/nginx/access.log*\n  track-usage ingest --exclude '*.png' --sink "
        "sqlite:/srv/usage.db /var/log/apache2\n  zcat old.gz | track-usage ingest - --sink print: | jq .path");
  }

  void report() {
    CLI::App* c = command("report", "a page for people, of logs or of a store");
    c->add_option("input", o_.inputs, "logs to report on; without any, the store of --from?")->type_name("INPUT");
    from(c);
    reading_logs(c);
    jobs(c);
    zone(c, "time zone of the page");
    log_filters(c);
    enriching(c);
    privacy(c, "Privacy (of logs)");
    parsed(c, "--top", o_.top, parse_number, "N", "a number", "rows of each table")->default_str("10");
    c->add_flag("--all-rows", o_.all_rows, "of a store: read every row, however many there are");
  }

  void rows() {
    CLI::App* c = command("rows", "stored rows, newest first");
    from(c);
    stored_filters(c);
    paging(c);
    output(c, {"table", "jsonl", "json", "csv", "tsv"}, "table, jsonl, json, csv or tsv");
  }

  void sum() {
    CLI::App* c = command("sum", "one summary: hits and bytes by key");
    c->add_option("hook", o_.inputs, "which summary (`track-usage list hooks`)")->type_name("HOOK")->expected(0, 1);
    from(c);
    choice(
        c, "--period", {"hour", "day", "month"}, [&o = o_](std::string_view v) { o.period = std::string(v); },
        "hour|day|month", "of a table: day unless given");
    c->add_option("--since", o_.since, "from the period that holds this time")->type_name("TIME");
    c->add_option("--until", o_.until, "before this time")->type_name("TIME");
    c->add_option("--key", o_.key, "this key alone")->type_name("TEXT");
    parsed(c, "--top", o_.top, parse_number, "N", "a number", "the N keys with most hits over the whole span");
    c->add_flag("--count", o_.count, "how many keys each period has: unique visitors, addresses, pages");
    paging(c);
    output(c, {"table", "json", "csv", "tsv"}, "table, json, csv or tsv");
  }

  void status() {
    CLI::App* c = command("status", "settings of a store, its sources and how far they are taken");
    from(c);
    c->add_flag("--rejects", o_.rejects, "the lines that were rejected");
    parsed(c, "--max-age", o_.max_age_s, parse_age, "TIME", "an age such as 2h",
           "exit 1 if the last run is older: for monitoring");
    output(c, {"table", "json"}, "table or json");
  }

  void explain() {
    CLI::App* c = command("explain", "how a line is read, field by field, or where it fails");
    c->add_option("what", o_.inputs, "a line, a file, or FILE:LINE")->type_name("LINE|FILE|FILE:LINE")->expected(0, 1);
    reading_logs(c);
  }

  void list() {
    CLI::App* c = command("list", "what there is: sinks, parsers, formats or hooks");
    c->add_option("what", o_.inputs, "sinks, parsers, formats or hooks?")->type_name("WHAT")->expected(0, 1);
  }

  void sources(CLI::App* c, const char* help) { c->add_option("source", o_.inputs, help)->type_name("SOURCE"); }

  void forget() {
    CLI::App* c = command("forget", "take logs out of a store: rows, summaries and that they were taken");
    sources(c, "numbers, paths or names that `track-usage status` shows");
    correction(c);
    c->footer("\nExamples:\n  track-usage forget 4\n  track-usage forget --dry-run /var/log/nginx/access.log.1");
  }

  void erase() {
    CLI::App* c = command("erase", "take chosen rows out of a store for good; their logs stay taken");
    correction(c);
    c->add_flag("--rejects", o_.rejects, "the text of all rejected lines as well, which no filter can tell apart");
    stored_filters(c);
    c->footer(
        "\nExamples:\n  track-usage erase --remote 192.0.2.7 --rejects\n  track-usage erase --username bob --until "
        "2026-01-01 --dry-run");
  }

  void rebuild() {
    CLI::App* c = command("rebuild", "sum all rows anew and compare with the summaries");
    correction(c);
    c->add_flag("--fix", o_.fix, "put the new sums in the place of those that differ");
    list_of(c, "--hook", o_.hooks, "LIST", "these summaries alone; one that the store does not keep is added");
    c->footer("\nExamples:\n  track-usage rebuild\n  track-usage rebuild --fix\n  track-usage rebuild --hook language");
  }

  void retry() {
    CLI::App* c = command("retry", "read rejected lines again; those that are rows now are stored");
    sources(c, "of these alone: numbers, paths or names that `track-usage status` shows?");
    correction(c);
    reading_lines(c);
    log_filters(c);
    enriching(c);
    c->footer("\nExamples:\n  track-usage retry\n  track-usage retry --format vhost_combined 4");
  }

  void prune() {
    CLI::App* c = command("prune", "remove old rows and old cells of summaries");
    correction(c);
    list_of(c, "--keep", o_.keep, "NAME=AGE",
            "rows, hour, day or month, and for how long, as in rows=90d,hour=60d,day=2y");
    c->footer("\nExamples:\n  track-usage prune --keep rows=90d,hour=60d,day=2y --yes");
  }

  void schema() {
    CLI::App* c = command("schema", "the SQL that makes a store's tables, for an administrator");
    c->add_option("target", o_.inputs, "the store, as for --sink?")->type_name("TARGET")->expected(0, 1);
    list_of(c, "--hook", o_.hooks, "LIST", "the summaries that it shall keep, as for ingest");
    c->footer(
        "\nExamples:\n  track-usage schema postgresql://db.example/web | psql postgresql://admin@db.example/web\n"
        "  track-usage ingest --sink 'postgresql://clerk@db.example/web?create=no' access.log");
  }

  void geo() {
    CLI::App* c = word(app_, "geo", "countries for stored rows that have none, and the cache of a service's answers");
    c->require_subcommand(0, 1);
    c->footer(
        "\nEach action has its own --help.\n\nExamples:\n  track-usage geo fill --geo mmdb:GeoLite2-Country.mmdb\n"
        "  track-usage geo lookup --geo mmdb:GeoLite2-Country.mmdb 198.51.100.7");
    geo_fill(*c);
    CLI::App* stats = command(*c, "stats", "what the cache holds");
    geo_cache(stats);
    output(stats, {"table", "json"}, "table or json");
    CLI::App* lookup = command(*c, "lookup", "where addresses are, one a line");
    lookup->add_option("address", o_.inputs, "addresses")->type_name("ADDRESS");
    locating(lookup, "Options", "10s");
    CLI::App* purge = command(*c, "purge", "remove the cache's answers, all of them or the older ones");
    geo_cache(purge);
    parsed(purge, "--older", o_.older_s, parse_age, "TIME", "an age such as 7d", "only those that are older than this");
  }

  void geo_fill(CLI::App& of) {
    CLI::App* c = command(of, "fill", "look up the addresses of rows that have no country, and complete them");
    from(c, "store to change");
    locating(c, "Options", "10m");
    c->add_option("--since", o_.since, "rows from this time on")->type_name("TIME");
    c->add_option("--until", o_.until, "rows before this time")->type_name("TIME");
    c->add_flag("--dry-run", o_.dry_run, "look up, say what would change, and change nothing");
    wait(c);
    c->footer("\nExamples:\n  track-usage geo fill --geo 'https://geo.example/json/{ip}' --geo-rate 45/min");
  }

  Options& o_;
  CLI::App& app_;
};

}  // namespace

std::unique_ptr<CLI::App> declare_options(Options& options) {
  auto app = std::make_unique<CLI::App>("Turns web-server access logs into usage rows and summaries, exactly once.",
                                        "track-usage");
  Declarations(options, *app).all();
  return app;
}

}  // namespace track_usage
