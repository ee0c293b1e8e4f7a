#include "src/options.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/base/url.h"
#include "src/config.h"
#include "src/declarations.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr const char* default_config = "/etc/track-usage.toml";

// The options of one command by long name, without the dashes.
std::map<std::string, CLI::Option*> options_of(CLI::App& command) {
  std::map<std::string, CLI::Option*> out;
  for (CLI::Option* option : command.get_options())
    if (!option->get_lnames().empty() && option->get_lnames()[0] != "help" && option->get_lnames()[0] != "config")
      out[option->get_lnames()[0]] = option;
  return out;
}

// Those that the environment and the configuration may give. What chooses the
// rows to be erased, or says yes to it, has to be typed: a filter meant for all
// commands is not meant for that.
std::map<std::string, CLI::Option*> settable_options_of(CLI::App& command) {
  std::map<std::string, CLI::Option*> out = options_of(command);
  if (out.contains("yes"))
    std::erase_if(out, [](const auto& option) {
      constexpr std::string_view settable[] = {"from",  "quiet", "verbose",   "agents",   "trusted-proxy", "blueprint",
                                               "route", "geo",   "geo-cache", "geo-rate", "geo-wait"};
      return std::find(std::begin(settable), std::end(settable), option.first) == std::end(settable);
    });
  return out;
}

// The command that was typed; of a group (geo) its member, once it is there.
CLI::App& chosen(CLI::App& app) {
  CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands()[0];
  return *at;
}

// As it is typed: "geo fill".
std::string name_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent->get_parent() == nullptr ? "" : parent->get_name() + " ") + command.get_name();
}

std::vector<std::string_view> names_of(const std::vector<CLI::App*>& commands) {
  std::vector<std::string_view> names;
  for (const CLI::App* c : commands) names.push_back(c->get_name());
  return names;
}

std::string actions_of(CLI::App& group) {
  return fmt::format("one of: {}", fmt::join(names_of(group.get_subcommands({})), " "));
}

// What CLI11 refuses, said in our way.
[[noreturn]] void refuse(const CLI::ParseError& e, CLI::App& app, int argc, char** argv) {
  CLI::App* command = app.get_subcommands().empty() ? nullptr : &chosen(app);
  const std::string name = command != nullptr ? name_of(*command) + " " : "";
  if (dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr || dynamic_cast<const CLI::RequiredError*>(&e) != nullptr) {
    std::vector<std::string> left = (command != nullptr ? *command : app).remaining();
    if (left.empty()) left = app.remaining(true);
    const std::string unknown = left.empty() ? std::string(argc > 1 ? argv[1] : "") : left.front();
    if (unknown.starts_with('-') && unknown.size() > 1) {
      std::vector<std::string> long_names;
      for (const CLI::Option* o : (command != nullptr ? *command : app).get_options())
        if (!o->get_lnames().empty()) long_names.push_back("--" + o->get_lnames()[0]);
      const std::vector<std::string_view> views(long_names.begin(), long_names.end());
      const std::string typed = unknown.substr(0, unknown.find('='));
      std::string hint = suggest(typed, views);
      if (hint.starts_with("one of:")) hint = fmt::format("track-usage {}--help lists what there is", name);
      throw Error(Exit::usage, fmt::format("unknown option '{}'", visible(unknown)), hint);
    }
    if (command != nullptr && !command->get_subcommands({}).empty())
      throw Error(Exit::usage, fmt::format("'{}' is no action of '{}'", visible(unknown), name_of(*command)),
                  actions_of(*command));
    if (command != nullptr)
      throw Error(Exit::usage,
                  fmt::format("'{}' is one argument too many for '{}'", visible(unknown), name_of(*command)));
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
  throw Error(Exit::usage, lower_first(visible(e.what())), fmt::format("track-usage {}--help", name));
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
      if (option.get_lnames()[0] == "anonymize-ip" && !is_true) {
        options.anonymize_ip = value;
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
  for (const auto& [name, option] : settable_options_of(command)) {
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

void take_config(Options& options, CLI::App& app, CLI::App& command, const std::string& named) {
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
  for (CLI::App* c : app.get_subcommands({})) {
    std::vector<CLI::App*> members = c->get_subcommands({});  // a group has one table
    members.push_back(c);
    for (CLI::App* member : members)
      for (const auto& [name, option] : settable_options_of(*member)) {
        known[c->get_name()].insert(name);
        known[""].insert(name);
      }
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
  const auto mine = settable_options_of(command);
  for (const std::string& section : {app.get_subcommands()[0]->get_name(), std::string()})
    for (const ConfigEntry& e : entries) {
      const auto option = mine.find(e.name);
      if (e.section != section || option == mine.end() || option->second->count() != 0)
        continue;  // given higher: that replaces this whole
      take(options, *option->second, e.values, fmt::format("{}: {}", e.where, e.name), section.empty());
    }
}

// --hook: names at commas, and exec: with the rest of its value as typed.
void split_hooks(Options& o) {
  constexpr std::string_view exec = "exec:";
  std::vector<std::string> names;
  for (const std::string& typed : o.hooks) {
    std::string_view list = typed;
    while (!list.empty() && !list.starts_with(exec)) {
      const auto comma = std::min(list.find(','), list.size());
      if (const auto name = trim(list.substr(0, comma)); !name.empty()) names.emplace_back(name);
      list.remove_prefix(std::min(comma + 1, list.size()));
      if (const auto rest = trim(list); rest.starts_with(exec)) list = list.substr(list.find(exec));
    }
    if (list.empty()) continue;
    std::string command(list.substr(exec.size()));
    if (trim(command).empty())
      throw Error(Exit::usage, "--hook: exec: names no command", "as in --hook exec:'./post-rows.sh'");
    if (std::find(o.commands.begin(), o.commands.end(), command) != o.commands.end())
      throw Error(Exit::usage, fmt::format("--hook: 'exec:{}' is named twice", visible(masked_urls(command))));
    o.commands.push_back(std::move(command));
  }
  o.hooks = std::move(names);
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
  const std::unique_ptr<CLI::App> declared = declare_options(options);
  CLI::App& app = *declared;
  // An optional value is given with = alone, so that no input is taken for it.
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--wait=")) {
      const auto age = parse_age(argument.substr(7));
      if (!age)
        throw Error(Exit::usage, fmt::format("--wait: '{}' is not an age such as 10m", visible(argument.substr(7))));
      options.wait_s = static_cast<std::uint64_t>(*age);
    } else if (argument.starts_with("--anonymize-ip=")) {
      options.anonymize_ip = argument.substr(15);
      arguments.emplace_back("--anonymize-ip");
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
    app.parse(arguments);  // in reverse, as CLI11 wants it
  } catch (const CLI::CallForHelp&) {
    CLI::App* shown = &app;  // which goes on to its own member
    if (!shown->get_subcommands().empty()) shown = shown->get_subcommands()[0];
    write_stdout(shown->help("track-usage"));
    return {};
  } catch (const CLI::CallForVersion& e) {
    write_stdout(fmt::format("{}\n", e.what()));
    return {};
  } catch (const CLI::ParseError& e) {
    refuse(e, app, argc, argv);
  }
  if (app.get_subcommands().empty()) throw Error(Exit::usage, "a command is missing", "track-usage --help lists them");
  CLI::App& command = chosen(app);
  if (!command.get_subcommands({}).empty())
    throw Error(Exit::usage, fmt::format("an action is missing for '{}'", name_of(command)), actions_of(command));
  for (const auto& [name, option] : options_of(command))  // "$UNSET" is no value
    for (const std::string& value : option->results())
      if (value.empty() && name != "key") throw Error(Exit::usage, fmt::format("--{}: the value is empty", name));
  options.command = name_of(command);
  take_environment(options, command);
  std::string config = options.config;
  if (const char* named = std::getenv("TRACK_USAGE_CONFIG"); config.empty() && named != nullptr) config = named;
  take_config(options, app, command, config);
  split_hooks(options);
  return options;
}

}  // namespace track_usage
