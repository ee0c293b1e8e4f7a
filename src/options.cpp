#include "src/options.h"

#include <sys/stat.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/config.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr const char* default_config = "/etc/track-usage.toml";
constexpr std::size_t help_column = 28;

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= text.size();) {
    const auto comma = std::min(text.find(',', from), text.size());
    if (comma > from) out.emplace_back(trim(std::string_view(text).substr(from, comma - from)));
    from = comma + 1;
  }
  return out;
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
  static std::string beside(std::string left, std::string_view text) {
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
  explicit Declarations(Options& o)
      : o_(o), app_("Turns web-server access logs into usage rows and summaries, exactly once.", "track-usage") {
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
  }

  CLI::App& app() { return app_; }

  // The options of one command by long name, without the dashes.
  static std::map<std::string, CLI::Option*> options_of(CLI::App& command) {
    std::map<std::string, CLI::Option*> out;
    for (CLI::Option* option : command.get_options())
      if (!option->get_lnames().empty() && option->get_lnames()[0] != "help" && option->get_lnames()[0] != "config")
        out[option->get_lnames()[0]] = option;
    return out;
  }

  std::string config;  // of --config

 private:
  static std::string version() { return fmt::format("track-usage {} (sqlite, print, output)", TRACK_USAGE_VERSION); }

  CLI::App* command(const char* name, const char* help) {
    CLI::App* c = app_.add_subcommand(name, help);
    c->set_help_flag("-h,--help", "this text");
    c->footer("");  // the top's is not theirs
    c->add_option("--config", config,
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

  CLI::Option* choice(CLI::App* c, const char* name, std::vector<std::string_view> among,
                      std::function<void(std::string_view)> take, const char* type, const char* help) {
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
  }

  void reading_logs(CLI::App* c) {
    repeated(c, "--format", o_.formats, "FORMAT", "auto, a name of `track-usage list formats`, or json:FIELD=KEY,...")
        ->default_str("auto");
    c->add_option("--log-tz", o_.log_zone, "time zone of logs that state none")->type_name("ZONE")->default_str("UTC");
    c->add_option("--server", o_.server, "server name of every row, instead of the log's")->type_name("NAME");
    parsed(c, "--max-line", o_.max_line, at_least_64, "SIZE", "a size such as 1MiB (64 bytes at least)",
           "longest line; what is beyond is cut off and flagged")
        ->default_str("1MiB");
  }

  void jobs(CLI::App* c) {
    parsed(c, "--jobs", o_.jobs, parse_number, "N", "a number", "parsing threads")->default_str("one a core");
  }

  void from(CLI::App* c) {
    c->add_option("--from", o_.from, "store to read")
        ->type_name("TARGET")
        ->default_str("sqlite:usage.db, or $TRACK_USAGE_STORE");
  }

  void output(CLI::App* c, std::vector<std::string_view> among, const char* help) {
    choice(
        c, "--output", std::move(among), [this](std::string_view v) { o_.output = v; }, "FORM", help);
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
    filters(c);
    const auto kept = "What the store keeps (settled at its first run)";
    list_of(c, "--hook", o_.hooks, "LIST", "summaries: url,status; +name and -name change the default; none")
        ->group(kept);
    choice(
        c, "--url-by", {"path", "full"}, [this](std::string_view v) { o_.url_by = std::string(v); }, "path|full",
        "key of the url summary: without the query, or with it")
        ->default_str("path")
        ->group(kept);
    zone(c, "time zone of days and months, by its IANA name")->group(kept);
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
    c->add_flag_callback(
        "--wait", [this] { o_.wait_s = UINT64_MAX; },
        "wait while another run has the store; --wait=TIME at most so long");
    c->add_flag("--dry-run", o_.dry_run, "do all but writing, and say what would be stored");
    c->add_option("--summary-json", o_.summary_json, "write the run's accounting as JSON (- is stdout)")
        ->type_name("FILE");
    choice(
        c, "--progress", {"auto", "always", "never"},
        [this](std::string_view v) {
          o_.progress = v == "always"  ? Options::Show::always
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
    filters(c);
    parsed(c, "--top", o_.top, parse_number, "N", "a number", "rows of each table")->default_str("10");
  }

  void rows() {
    CLI::App* c = command("rows", "stored rows, newest first");
    from(c);
    filters(c);
    paging(c);
    output(c, {"table", "jsonl", "json", "csv", "tsv"}, "table, jsonl, json, csv or tsv");
  }

  void sum() {
    CLI::App* c = command("sum", "one summary: hits and bytes by key");
    c->add_option("hook", o_.inputs, "which summary (`track-usage list hooks`)")->type_name("HOOK")->expected(0, 1);
    from(c);
    choice(
        c, "--period", {"hour", "day", "month"}, [this](std::string_view v) { o_.period = std::string(v); },
        "hour|day|month", "of a table: day unless given");
    c->add_option("--since", o_.since, "from the period that holds this time")->type_name("TIME");
    c->add_option("--until", o_.until, "before this time")->type_name("TIME");
    c->add_option("--key", o_.key, "this key alone")->type_name("TEXT");
    parsed(c, "--top", o_.top, parse_number, "N", "a number", "the N keys with most hits over the whole span");
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

  Options& o_;
  CLI::App app_;
};

std::vector<std::string_view> names_of(const std::vector<CLI::App*>& commands) {
  std::vector<std::string_view> names;
  for (const CLI::App* c : commands) names.push_back(c->get_name());
  return names;
}

// What CLI11 refuses, said in our way.
[[noreturn]] void refuse(const CLI::ParseError& e, CLI::App& app, int argc, char** argv) {
  CLI::App* command = app.get_subcommands().empty() ? nullptr : app.get_subcommands()[0];
  if (dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr || dynamic_cast<const CLI::RequiredError*>(&e) != nullptr) {
    std::vector<std::string> left = (command != nullptr ? *command : app).remaining();
    if (left.empty()) left = app.remaining();
    const std::string unknown = left.empty() ? std::string(argc > 1 ? argv[1] : "") : left.front();
    if (unknown.starts_with('-') && unknown.size() > 1) {
      std::vector<std::string> long_names;
      for (const CLI::Option* o : (command != nullptr ? *command : app).get_options())
        if (!o->get_lnames().empty()) long_names.push_back("--" + o->get_lnames()[0]);
      const std::vector<std::string_view> views(long_names.begin(), long_names.end());
      const std::string typed = unknown.substr(0, unknown.find('='));
      std::string hint = suggest(typed, views);
      if (hint.starts_with("one of:"))
        hint = fmt::format("track-usage {}{}--help lists what there is", command != nullptr ? command->get_name() : "",
                           command != nullptr ? " " : "");
      throw Error(Exit::usage, fmt::format("unknown option '{}'", visible(unknown)), hint);
    }
    if (command != nullptr)
      throw Error(Exit::usage,
                  fmt::format("'{}' is one argument too many for '{}'", visible(unknown), command->get_name()));
    struct stat st {};
    if (stat(unknown.c_str(), &st) == 0)
      throw Error(Exit::usage, fmt::format("'{}' is no command", visible(unknown)),
                  fmt::format("track-usage ingest {}", visible(unknown)));
    throw Error(Exit::usage, fmt::format("'{}' is no command", visible(unknown)),
                suggest(unknown, names_of(app.get_subcommands({}))));
  }
  if (const std::string text = e.what();
      dynamic_cast<const CLI::ArgumentMismatch*>(&e) != nullptr && text.starts_with("--"))
    throw Error(Exit::usage,
                fmt::format("{}: {}", text.substr(0, text.find(':')),
                            text.find("At Most") != std::string::npos ? "it is given twice" : "a value is missing"));
  throw Error(Exit::usage, lower_first(visible(e.what())),
              fmt::format("track-usage {}{}--help", command != nullptr ? command->get_name() : "",
                          command != nullptr ? " " : ""));
}

std::string variable_of(const std::string& name) {
  std::string out = "TRACK_USAGE_";
  for (const char c : name) out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

// Takes the values of an option that the layers above left alone. `shared`: the
// name was meant for all commands, of which another may take a value where this
// one has a flag (--rejects).
void take(Options& options, CLI::Option& option, const std::vector<std::string>& values, const std::string& where,
          bool shared) {
  const bool flag = option.get_items_expected_max() == 0;
  const std::string value = values.size() == 1 ? values[0] : "";
  try {
    if (flag) {
      if (value == "false" || value == "0") return;
      const bool is_true = value == "true" || value == "1";
      if (option.get_lnames()[0] == "wait" && !is_true) {
        const auto age = parse_age(value);
        if (!age) throw Error(Exit::usage, "an age such as 10m, or true is wanted");
        options.wait_s = static_cast<std::uint64_t>(*age);
        return;
      }
      if (!is_true && shared) return;
      if (!is_true) throw Error(Exit::usage, "true or false is wanted");
      option.add_result("true");
    } else {
      for (const std::string& value : values) option.add_result(value);
    }
    option.run_callback();
  } catch (const CLI::ParseError& e) {
    throw Error(Exit::usage, fmt::format("{}: {}", where, visible(e.what())));
  } catch (const Error& e) {
    // The option's own text names it again.
    const std::string prefix = "--" + option.get_lnames()[0] + ": ";
    const std::string_view text = e.what();
    throw Error(e.exit, fmt::format("{}: {}", where, text.substr(text.starts_with(prefix) ? prefix.size() : 0)),
                e.hint);
  }
}

void take_environment(Options& options, CLI::App& command) {
  for (const auto& [name, option] : Declarations::options_of(command)) {
    if (option->count() != 0) continue;
    const std::string variable = variable_of(name);
    const char* value = std::getenv(variable.c_str());
    std::string which = variable;
    if (value == nullptr && (name == "sink" || name == "from"))
      value = std::getenv((which = "TRACK_USAGE_STORE").c_str());
    if (value == nullptr || *value == '\0') continue;
    std::vector<std::string> values;
    for (std::string_view rest = value; !rest.empty();) {  // lists: one a line
      const auto newline = std::min(rest.find('\n'), rest.size());
      if (const auto line = trim(rest.substr(0, newline)); !line.empty()) values.emplace_back(line);
      rest.remove_prefix(std::min(newline + 1, rest.size()));
    }
    take(options, *option, values, which, true);
  }
}

void take_config(Options& options, Declarations& declared, CLI::App& command, const std::string& named) {
  if (named == "none") return;
  const std::string file = named.empty() ? default_config : named;
  struct stat st {};
  if (stat(file.c_str(), &st) != 0) {
    if (named.empty()) return;
    throw Error(Exit::usage,
                fmt::format("cannot read the configuration '{}': {}", visible(file), std::strerror(errno)));
  }
  const std::vector<ConfigEntry> entries = read_config(file);

  // Every name must be known before any is taken.
  std::map<std::string, std::set<std::string>> known;  // by command; "" has those of all
  for (CLI::App* c : declared.app().get_subcommands({}))
    for (const auto& [name, option] : Declarations::options_of(*c)) {
      known[c->get_name()].insert(name);
      known[""].insert(name);
    }
  for (const ConfigEntry& e : entries) {
    const auto section = known.find(e.section);
    const bool known_name = section != known.end() && (e.name.empty() || section->second.contains(e.name));
    if (known_name) continue;
    std::set<std::string> names;
    if (section != known.end())
      names = section->second;
    else
      for (const auto& [name, options_there] : known)
        if (!name.empty()) names.insert(name);
    const std::string_view wrong = section == known.end() ? e.section : e.name;
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    throw Error(Exit::usage,
                fmt::format("{}: '{}' is no {}", e.where, wrong, section == known.end() ? "command" : "option"),
                suggest(wrong, candidates));
  }
  // The command's own table first: it beats the top's keys.
  const auto mine = Declarations::options_of(command);
  for (const std::string& section : {command.get_name(), std::string()})
    for (const ConfigEntry& e : entries) {
      const auto option = mine.find(e.name);
      if (e.section != section || option == mine.end() || option->second->count() != 0)
        continue;  // given higher: that replaces this whole
      take(options, *option->second, e.values, fmt::format("{}: {}", e.where, e.name), section.empty());
    }
}

void split_lists(Options& o) {
  for (std::vector<std::string>* list : {&o.hooks}) {
    std::vector<std::string> out;
    for (const std::string& item : *list)
      for (std::string& part : split_list(item)) out.push_back(std::move(part));
    *list = std::move(out);
  }
}

}  // namespace

std::optional<double> parse_ratio(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  const auto millionths = parse_seconds(trim(text));
  if (!millionths) return {};
  return static_cast<double>(*millionths) / 1e6 / (percent ? 100 : 1);
}

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  Declarations declared(options);
  // --wait has an optional value, and only with =, so that it cannot take an input.
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--wait=")) {
      const auto age = parse_age(argument.substr(7));
      if (!age)
        throw Error(Exit::usage, fmt::format("--wait: '{}' is not an age such as 10m", visible(argument.substr(7))));
      options.wait_s = static_cast<std::uint64_t>(*age);
    } else {
      arguments.emplace_back(argument);
    }
  }
  if (arguments.empty()) {  // the short help is answer enough
    write_stderr(
        "usage: track-usage COMMAND [OPTIONS] ...\n\n"
        "  track-usage report access.log     look at a log\n"
        "  track-usage ingest access.log*    take logs into usage.db\n"
        "  track-usage --help                all commands\n");
    std::exit(static_cast<int>(Exit::usage));
  }
  try {
    declared.app().parse(arguments);  // in reverse, as CLI11 wants it
  } catch (const CLI::CallForHelp&) {
    CLI::App* shown = &declared.app();
    if (!shown->get_subcommands().empty()) shown = shown->get_subcommands()[0];
    write_stdout(shown->help("track-usage"));
    return {};
  } catch (const CLI::CallForVersion& e) {
    write_stdout(fmt::format("{}\n", e.what()));
    return {};
  } catch (const CLI::ParseError& e) {
    refuse(e, declared.app(), argc, argv);
  }
  if (declared.app().get_subcommands().empty())
    throw Error(Exit::usage, "a command is missing", "track-usage --help lists them");
  CLI::App& command = *declared.app().get_subcommands()[0];
  for (const auto& [name, option] : Declarations::options_of(command))  // "$UNSET" is no value
    for (const std::string& value : option->results())
      if (value.empty() && name != "key") throw Error(Exit::usage, fmt::format("--{}: the value is empty", name));
  options.command = command.get_name();
  take_environment(options, command);
  std::string config = declared.config;
  if (const char* named = std::getenv("TRACK_USAGE_CONFIG"); config.empty() && named != nullptr) config = named;
  take_config(options, declared, command, config);
  split_lists(options);
  return options;
}

}  // namespace track_usage
