// What was typed, as plain values: command line over environment over
// configuration file. Nothing of the world is touched but that file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace track_usage {

struct Options {
  std::string config;               // --config
  std::string command;              // "ingest", "report" ...
  std::vector<std::string> inputs;  // files, folders, globs, -; for sum the hook, for list what, for explain one thing

  // Where to write and read.
  std::vector<std::string> sinks;
  std::string from;

  // Reading logs.
  std::vector<std::string> formats, formats_from;
  std::string log_zone = "UTC";
  std::string server;
  std::vector<std::string> set;  // k=v
  std::vector<std::string> trusted_proxies, blueprints, routes;
  std::optional<std::string> agents;  // a regexes.yaml, or built-in
  bool final_line = false, verify = false, take_edited = false;
  std::string source;
  std::uint64_t batch = 64 << 20, max_line = 1 << 20;
  unsigned jobs = 0;  // 0: one a core

  // Filters, as typed.
  std::vector<std::string> include, exclude, status, method, host, remote, agent, username, visitor;
  std::vector<std::string> include_blueprint, exclude_blueprint;
  std::optional<std::string> bots;
  std::string since, until;

  // What a store keeps; not given: what it has settled, or the defaults.
  std::vector<std::string> hooks;
  std::vector<std::string> commands;  // of --hook exec:, as typed
  std::optional<std::string> url_by, zone;
  std::optional<std::string> query, visitor_ids, visitor_salt, anonymize_ip;
  std::vector<std::string> drop, hash, redact_query;
  bool no_redact = false;

  // Where addresses are.
  std::string geo, geo_cache, geo_rate;
  std::optional<std::uint64_t> geo_wait_s;
  std::optional<std::uint64_t> older_s;  // of answers in the cache

  // How a run ends and what it says.
  std::string rejects_file;
  std::uint64_t max_rejects = 100;
  double max_reject_ratio = 0.005;
  std::string summary_json;
  std::uint64_t hook_wait_s = 60;
  std::optional<std::uint64_t> wait_s;  // for another run's lock; UINT64_MAX: however long
  bool dry_run = false;
  enum class Show : std::uint8_t { automatic, always, never } progress = Show::automatic;
  bool quiet = false, verbose = false;

  // Changing what is stored.
  bool yes = false, fix = false;
  std::vector<std::string> keep;  // NAME=AGE

  // Reading back.
  std::string output;  // table, json ...; empty: the command's own default
  std::uint64_t limit = 500, page = 1;
  std::optional<std::uint64_t> top;
  std::optional<std::string> period, key;
  bool rejects = false, all_rows = false, count = false;
  std::optional<std::uint64_t> max_age_s;
};

// Parses main's arguments, the environment (TRACK_USAGE_...) and the
// configuration file. Throws Error (usage). Nothing: help or the version was
// asked for and has been printed.
std::optional<Options> parse_options(int argc, char** argv);

// --max-reject-ratio and such as they are typed: "0.5%" or "0.005".
std::optional<double> parse_ratio(std::string_view text);

}  // namespace track_usage
