// ingest: the options made a job, the job run, and what came of it said.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/progress.h"
#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/commands/commands.h"
#include "src/plan.h"

namespace track_usage {
namespace {

constexpr mode_t new_file = 0640;

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// Said now, at the end of the run, and in `status`: the table of DESIGN 2.
class Voice {
 public:
  explicit Voice(const Options& o) : quiet_(o.quiet), verbose_(o.verbose), terminal_(isatty(STDERR_FILENO) != 0) {}

  // Warnings and errors are said under -q, too.
  void warn(std::string_view what, std::string_view hint = {}) {
    notices_ += fmt::format("warning: {}\n", what);
    say("warning", what, hint);
  }
  void error(std::string_view what, std::string_view hint = {}) {
    notices_ += fmt::format("error: {}\n", what);
    say("error", what, hint);
  }
  void notice(std::string_view what) {
    notices_ += fmt::format("{}\n", what);
    if (!quiet_ && (terminal_ || verbose_)) say("notice", what);
  }
  void detail(std::string_view what) {
    if (verbose_ && !quiet_) say("notice", what);
  }
  // The closing lines: on a terminal, on request, and when something is wrong.
  bool closes(int exit) const { return !quiet_ && (terminal_ || verbose_ || exit != 0); }
  bool verbose() const { return verbose_ && !quiet_; }
  bool terminal() const { return terminal_; }
  bool quiet() const { return quiet_; }
  const std::string& notices() const { return notices_; }

 private:
  const bool quiet_, verbose_, terminal_;
  std::string notices_;  // for P_runs
};

// --rejects FILE: path:line:offset, reason, the line as it is.
class RejectsFile {
 public:
  explicit RejectsFile(const std::string& path) : path_(path) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, new_file);
    if (fd_ < 0)
      throw Error(Exit::usage, fmt::format("--rejects: cannot write '{}': {}", visible(path), std::strerror(errno)));
  }
  ~RejectsFile() { ::close(fd_); }
  RejectsFile(const RejectsFile&) = delete;

  void add(const std::string& path, const RejectedLine& r) {
    std::string text =
        fmt::format("{}:{}:{}\t{}\t", path, r.line, r.offset, reject_names[static_cast<std::size_t>(r.reason)]);
    text.append(r.raw).append("\n");
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw Error(Exit::store, fmt::format("cannot write '{}': {}", visible(path_), std::strerror(errno)));
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }

 private:
  std::string path_;
  int fd_;
};

std::string by_reason(const Counts& c) {
  std::string out;
  for (std::size_t i = 0; i < c.rejected_by.size(); ++i)
    if (c.rejected_by[i] != 0)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", grouped(c.rejected_by[i]), reject_names[i]);
  return out;
}

// "2,114 lines = 2,071 stored + 40 filtered + 1 rejected + 2 blank"
std::string equation(const Tally& t) {
  std::string out = fmt::format("{} = {} stored", counted(t.read(), "line"), grouped(t.counts.stored));
  const auto add = [&](std::uint64_t n, std::string_view what) {
    if (n != 0) out += fmt::format(" + {} {}", grouped(n), what);
  };
  add(t.counts.filtered(), "filtered");
  add(t.counts.rejected(), "rejected");
  add(t.counts.blank, "blank");
  add(t.already_taken, "already taken");
  return out;
}

// One line a sink, and why lines were rejected.
std::string closing_lines(const RunReport& report, const std::vector<Outlet>& outlets, const Options& options,
                          std::chrono::steady_clock::time_point begin) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::string out;
  for (std::size_t o = 0; o < outlets.size(); ++o)
    out += fmt::format("{}{}  {:.2f} s -> {}\n", options.dry_run ? "dry run, nothing is written: " : "",
                       equation(report.outlets[o]), seconds, visible(outlets[o].shown));
  if (report.total.counts.rejected() != 0) out += fmt::format("rejected: {}\n", by_reason(report.total.counts));
  return out;
}

nlohmann::ordered_json six(const Tally& t) {
  return {{"read", t.read()},
          {"stored", t.counts.stored},
          {"filtered", t.counts.filtered()},
          {"rejected", t.counts.rejected()},
          {"blank", t.counts.blank},
          {"already_taken", t.already_taken}};
}

std::string summary_json(const RunReport& report, const std::vector<Outlet>& outlets) {
  nlohmann::ordered_json json;
  json["total"] = six(report.total);
  json["filtered_by"] = nlohmann::ordered_json::object();
  json["rejected_by"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < filtered_names.size(); ++i)
    if (const auto n = report.total.counts.filtered_by[i]; n != 0)
      json["filtered_by"][std::string(filtered_names[i])] = n;
  for (std::size_t i = 0; i < reject_names.size(); ++i)
    if (const auto n = report.total.counts.rejected_by[i]; n != 0)
      json["rejected_by"][std::string(reject_names[i])] = n;
  json["files"] = nlohmann::ordered_json::array();
  for (const FileReport& file : report.files) {
    nlohmann::ordered_json entry{{"path", visible(file.path)}};
    entry.update(six(file.tally));
    json["files"].push_back(std::move(entry));
  }
  json["sinks"] = nlohmann::ordered_json::array();
  for (std::size_t o = 0; o < outlets.size(); ++o) {
    nlohmann::ordered_json entry{{"target", visible(outlets[o].shown)}};
    entry.update(six(report.outlets[o]));
    json["sinks"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

void write_summary(const std::string& file, const std::string& text) {
  if (file == "-") return write_stdout(text);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, new_file);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int cause = errno;
  if (fd >= 0) ::close(fd);
  if (!written)
    throw Error(Exit::store, fmt::format("--summary-json: cannot write '{}': {}", visible(file), std::strerror(cause)));
}

std::string set_members(const std::vector<std::string>& set) {
  nlohmann::ordered_json members = nlohmann::ordered_json::object();
  for (const std::string& pair : set) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(Exit::usage, fmt::format("--set: '{}' is not NAME=VALUE", visible(pair)));
    members[visible(pair.substr(0, equals))] = visible(pair.substr(equals + 1));
  }
  const std::string object = members.dump();
  return object.substr(1, object.size() - 2);
}

// Ends that concern one input: told as they are met in the list of files.
int tell_inputs(const RunReport& report, Voice& voice) {
  int exit = 0;
  for (const FileReport& file : report.files) {
    const std::string path = visible(file.path);
    const Tally& t = file.tally;
    if (file.end.damaged) {
      voice.error(file.end.trouble, !file.end.hint.empty() ? file.end.hint
                                    : t.counts.read() != 0
                                        ? fmt::format("{} whole lines before it were taken; a whole copy goes on there",
                                                      grouped(t.counts.read()))
                                        : "");
      exit = 3;
    }
    if (file.end.edited) {
      voice.error(fmt::format("'{}' was taken before with other content: not taken again", path),
                  "track-usage forget takes out what was stored of it; --take-edited takes it as a log of its own");
      exit = 3;
    }
    if (file.unreadable) {
      voice.error(fmt::format("'{}': not one of its {} lines could be read ({}); nothing was taken", path,
                              grouped(t.counts.read()), by_reason(t.counts)),
                  fmt::format("track-usage explain {}", path));
      if (exit == 0) exit = 1;
    }
    if (file.twin && t.counts.read() == 0)
      voice.warn(fmt::format("'{}' has the content of another file of this run: taken once", path),
                 "--source NAME sets two equal logs apart");
    if (!file.end.continues.empty())
      voice.warn(
          fmt::format("the stream began like '{}', which was taken before, and was taken from that file's end on",
                      visible(file.end.continues)),
          "if it is another log, give it a name with --source");
    if (file.end.line_waits)
      voice.notice(
          fmt::format("'{}': its last line has no end yet and waits for the next run (--final takes it)", path));
    if (voice.verbose())
      say("notice",
          fmt::format("{}: {}{}", path, equation(t), file.format.empty() ? "" : fmt::format(" ({})", file.format)));
  }
  return exit;
}

bool too_many_rejects(const RunReport& report, const Options& o) {
  const Counts& c = report.total.counts;
  const std::uint64_t rejected = c.rejected();
  const auto seen = static_cast<double>(c.stored + c.filtered() + rejected);
  return rejected > o.max_rejects && static_cast<double>(rejected) > o.max_reject_ratio * seen;
}

// The store is known by an absolute path; what rows go to, by what was typed.
bool writes_to_terminal(const std::vector<Outlet>& outlets) {
  for (const Outlet& outlet : outlets)
    if (outlet.sink != nullptr && isatty(STDOUT_FILENO) != 0) return true;
  return false;
}

// A log that the run would write to is refused before a byte is; one that was
// only found by its inode is no log then.
void refuse_own_outputs(std::vector<Input>& inputs, const Options& options, const std::vector<Outlet>& outlets) {
  std::vector<std::string> written = {options.rejects_file, options.summary_json};
  for (const Outlet& outlet : outlets)
    if (outlet.sink != nullptr)
      for (std::string& file : outlet.sink->files()) written.push_back(std::move(file));
  for (const std::string& file : written) {
    struct stat st {};
    if (file.empty() || ::stat(file.c_str(), &st) != 0) continue;
    const auto is_it = [&](const Input& input) {
      return !input.stream && input.stat.st_dev == st.st_dev && input.stat.st_ino == st.st_ino;
    };
    std::erase_if(inputs, [&](const Input& input) { return input.followed && is_it(input); });
    if (std::any_of(inputs.begin(), inputs.end(), is_it))
      throw Error(Exit::usage, fmt::format("'{}' is an input of this run and would be written to", visible(file)),
                  "name another file");
  }
}

Job job_of(const Options& options, const Dialects& dialects, const Settings& kept) {
  Job job;
  job.lines.parsers = dialects.parsers;
  job.format_names = dialects.names;
  job.lines.zone = Zone(kept.zone);
  job.url_by = kept.url_by;
  job.reader = {.batch = options.batch,
                .max_line = options.max_line,
                .final_line = options.final_line,
                .verify = options.verify,
                .take_edited = options.take_edited,
                .source = options.source,
                .host = host_name(),
                .first_time = {}};
  job.jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  job.dry_run = options.dry_run;
  return job;
}

// In each store's P_runs; then closes it. False: a store could not take it.
bool record_run(std::vector<Outlet>& outlets, const RunReport& report, RunRecord run) {
  bool recorded = true;
  run.end = ::time(nullptr);
  run.version = TRACK_USAGE_VERSION;
  for (std::size_t o = 0; o < outlets.size(); ++o) {
    Outlet& outlet = outlets[o];
    if (outlet.store == nullptr || outlet.failed) continue;
    const Tally& t = report.outlets[o];
    run.read = t.read();
    run.stored = t.counts.stored;
    run.filtered = t.counts.filtered();
    run.rejected = t.counts.rejected();
    run.blank = t.counts.blank;
    run.already_taken = t.already_taken;
    try {
      outlet.store->record(run);
      outlet.store->close();
    } catch (const Error& e) {
      complain(e);
      recorded = false;
    }
  }
  return recorded;
}

// What is to be said of the run as a whole.
void tell_run(const RunReport& report, const Options& options, const Filter& filter, Voice& voice) {
  if (report.zone_assumed)
    voice.notice(fmt::format("times without a zone were read as {} (--log-tz)", options.log_zone));
  if (report.holes != 0)
    voice.notice(fmt::format("{} of NUL bytes before lines {} skipped", counted(report.holes, "hole"),
                             report.holes == 1 ? "was" : "were"));
  if (report.filtered_otherwise != 0)
    voice.warn(fmt::format("other filters than before: {} of these logs {} left out then, and {} so",
                           counted(report.filtered_otherwise, "line"), report.filtered_otherwise == 1 ? "was" : "were",
                           report.filtered_otherwise == 1 ? "stays" : "stay"),
               "to have them as well: track-usage forget the logs, and ingest them again");
  if (report.total.counts.read() != 0)
    for (const std::string& pattern : filter.unmatched()) voice.notice(fmt::format("{} met no row", visible(pattern)));
}

// Most agents of a run are known from the last one: patterns are loaded for a new one.
void recall_agents(const std::vector<Outlet>& outlets, Agents& agents) {
  constexpr std::size_t most = 5'000;
  for (const Outlet& outlet : outlets) {
    if (outlet.store == nullptr || outlet.failed || outlet.absent) continue;
    for (KnownAgent& known : outlet.store->agents(most))
      agents.know(std::move(known.string), {.browser = std::move(known.browser),
                                            .platform = std::move(known.platform),
                                            .version = std::move(known.version),
                                            .language = std::move(known.language),
                                            .bot = std::move(known.bot)});
  }
}

// The command that completes the rows later: in the default store, or in each of these.
std::string fill_hint(const Options& options, const std::vector<Outlet>& outlets) {
  std::string hint = "their rows have no country";
  const auto quoted = [](const std::string& target) {  // a ? is the shell's
    return target.find_first_of("?& ") == std::string::npos ? target : "'" + target + "'";
  };
  for (const Outlet& outlet : outlets)
    if (outlet.store != nullptr && !outlet.failed)
      hint += fmt::format("{}track-usage geo fill{} completes them", hint.ends_with("country") ? "; " : "\n",
                          options.sinks.empty() ? "" : " --from " + quoted(outlet.target));
  return hint;
}

// A service's trouble is none of the run's: its rows are stored without a country.
void tell_geo(const GeoReport& geo, const std::string& hint, Voice& voice) {
  if (!geo.cache_error.empty()) voice.warn(fmt::format("--geo-cache: {}", geo.cache_error));
  const std::uint64_t left = geo.failed + geo.unknown_left;
  if (left == 0) return;
  voice.warn(fmt::format("--geo: {} got no answer{}", left == 1 ? "1 address" : grouped(left) + " addresses",
                         geo.last_error.empty() ? "" : fmt::format(" ({})", geo.last_error)),
             hint);
}

std::string shown_hook(const std::string& command) {
  return fmt::format("hook 'exec:{}'", visible(masked_urls(command)));
}

// Programs that got rows, and rows that wait for them. True: one has failed.
bool tell_hooks(const std::vector<HookEnd>& hooks, Voice& voice) {
  bool failed = false;
  const auto another = [&](const HookEnd& h) { return h.store != hooks.front().store; };
  const bool stores = std::any_of(hooks.begin(), hooks.end(), another);
  for (const HookEnd& h : hooks) {
    const std::string hook = shown_hook(h.command);
    const std::string where = stores ? fmt::format(" in {}", visible(h.store)) : "";
    if (h.unsaid != 0) voice.warn(fmt::format("{}: it said {}", hook, counted(h.unsaid, "more line")));
    if (!h.failure.empty())
      voice.error(fmt::format("{}: {}; {} in {} {} stored{} and {} to be given to it again", hook, h.failure,
                              counted(h.rows, "row"), counted(h.units, "unit"), h.rows == 1 ? "was" : "were", where,
                              h.rows == 1 ? "waits" : "wait"));
    else if (h.rows != 0)
      voice.notice(fmt::format("{}: the next run gives it {} in {}{}", hook, counted(h.rows, "row"),
                               counted(h.units, "unit"), where));
    failed = failed || !h.failure.empty();
  }
  return failed;
}

// Not one input exists, nor a store that may know it by another name: said
// before one is made for a mistyped name.
int nothing_there(const Options& options, const Dialects& dialects, const std::vector<Outlet>& outlets, Voice& voice,
                  std::chrono::steady_clock::time_point begin) {
  for (const Trouble& trouble : list_inputs(options.inputs, Dispatcher(dialects.parsers), {}, {}).troubles)
    voice.error(trouble.what, trouble.hint);
  RunReport report;
  report.outlets.resize(outlets.size());
  if (!options.summary_json.empty()) write_summary(options.summary_json, summary_json(report, outlets));
  if (!voice.quiet()) write_stderr(closing_lines(report, outlets, options, begin));
  return static_cast<int>(Exit::input);
}

}  // namespace

int ingest(const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t begun = ::time(nullptr);
  Voice voice(options);
  if (options.inputs.empty())
    throw Error(Exit::usage, "an input is missing", "track-usage ingest FILE..., or - for stdin");

  // Everything that was typed is understood before the world is touched.
  const Dialects dialects = make_dialects(options);
  Filter filter = make_filter(options, Zone(options.zone.value_or("UTC")));
  const std::string variables = set_members(options.set);
  const std::shared_ptr<Geo> geo = make_geo(options);
  std::unique_ptr<Enrichment> enrichment = make_enrichment(options, settings_of(options), geo);
  std::vector<Outlet> outlets = make_outlets(options);
  std::unique_ptr<RejectsFile> rejects;
  if (!options.rejects_file.empty() && !options.dry_run) rejects = std::make_unique<RejectsFile>(options.rejects_file);

  const auto has_store = [](const Outlet& o) { return o.store != nullptr && is_there(*o.store); };
  if (!any_there(options.inputs) && std::none_of(outlets.begin(), outlets.end(), has_store))
    return nothing_there(options, dialects, outlets, voice, begin);
  const Settings kept = open_outlets(outlets, options);
  if (kept.zone != options.zone.value_or("UTC")) filter = make_filter(options, Zone(kept.zone));
  enrichment = make_enrichment(options, kept, geo);
  recall_agents(outlets, enrichment->agents());
  for (const Outlet& outlet : outlets)
    if (outlet.store != nullptr && !outlet.failed && !outlet.absent && outlet.store->created())
      voice.warn(fmt::format("made a new store: {}", visible(outlet.shown)));
  for (const Outlet& outlet : outlets)
    if (outlet.store != nullptr && outlet.absent && outlet.store->files().empty())
      voice.warn(fmt::format("{} was not asked what it has taken already", visible(outlet.shown)));

  std::vector<std::string> own_files;
  std::vector<std::vector<SourceRecord>> known;
  for (const Outlet& outlet : outlets) {
    if (outlet.store == nullptr || outlet.failed) continue;
    for (std::string& file : outlet.store->files()) own_files.push_back(std::move(file));
    known.push_back(outlet.absent ? std::vector<SourceRecord>() : outlet.store->sources());
  }
  KnownFiles files;
  files.first = [&](const struct stat& st) -> std::optional<std::int64_t> {
    std::optional<std::int64_t> first;
    for (const auto& sources : known) {
      const auto found =
          std::find_if(sources.begin(), sources.end(), [&](const SourceRecord& s) { return untouched(s, st); });
      if (found == sources.end()) return {};
      first = found->first_line;
    }
    return options.verify ? std::nullopt : first;
  };
  files.seen_at = [&](const std::string& path) -> std::optional<FileId> {
    for (const auto& sources : known) {
      const auto found =
          std::find_if(sources.rbegin(), sources.rend(), [&](const SourceRecord& s) { return s.path == path; });
      if (found != sources.rend()) return FileId{found->device, found->inode};
    }
    return {};
  };
  InputList list = list_inputs(options.inputs, Dispatcher(dialects.parsers), own_files, files);
  refuse_own_outputs(list.inputs, options, outlets);
  int exit = 0;
  for (const Trouble& trouble : list.troubles) {
    voice.error(trouble.what, trouble.hint);
    exit = 3;
  }
  for (const std::string& passed : list.passed_over) voice.detail(passed);

  std::uint64_t bytes = 0;
  bool streams = false;
  for (const Input& input : list.inputs) {
    bytes += static_cast<std::uint64_t>(input.stat.st_size);
    streams = streams || input.stream;
  }
  const bool bar =
      options.progress == Options::Show::always || (options.progress == Options::Show::automatic && voice.terminal() &&
                                                    !voice.quiet() && !writes_to_terminal(outlets));
  ProgressBar progress(bar, streams ? 0 : bytes, options.progress == Options::Show::always);

  Job job = job_of(options, dialects, kept);
  job.inputs = std::move(list.inputs);
  job.reader.first_time = [&](const std::string& path) { return first_time(path, Dispatcher(dialects.parsers)); };
  job.lines.defaults = make_defaults(options, *enrichment);
  job.lines.defaults.variables = variables;
  job.lines.enrichment = enrichment.get();
  for (const Outlet& outlet : outlets)
    job.lines.hooks.insert(job.lines.hooks.end(), outlet.hooks.begin(), outlet.hooks.end());
  job.lines.filter = &filter;
  for (const Outlet& outlet : outlets)
    if (outlet.store != nullptr && outlet.store->largest_unit() != 0)
      job.reader.batch = std::min(job.reader.batch, outlet.store->largest_unit());
  job.outlets = &outlets;
  job.commands = options.commands;
  job.hook_wait = std::chrono::seconds(std::min<std::uint64_t>(options.hook_wait_s, 1'000'000'000));
  job.hook_said = [&](const HookSaid& said) {
    progress.clear();
    voice.warn(fmt::format("{}: {}", shown_hook(said.command), visible(said.line)));
  };
  if (options.dry_run)
    for (const std::string& command : options.commands)
      voice.detail(fmt::format("{}: not started by a dry run", shown_hook(command)));
  job.progress = [&](const Progress& p) { progress.update(p.bytes, p.lines); };
  if (rejects != nullptr) job.rejected = [&](const std::string& path, const RejectedLine& r) { rejects->add(path, r); };

  const RunReport report = run(job);
  progress.clear();

  const int inputs_exit = tell_inputs(report, voice);
  if (exit == 0 || inputs_exit == 3) exit = inputs_exit != 0 ? inputs_exit : exit;
  tell_run(report, options, filter, voice);
  if (geo != nullptr) tell_geo(geo->report(), fill_hint(options, outlets), voice);
  for (const Outlet& outlet : outlets)
    if (outlet.failed && (outlet.exit == Exit::store || outlet.exit == Exit::locked)) {  // else it was asked to end
      say("error", outlet.trouble, outlet.hint);
      if (exit != static_cast<int>(Exit::store)) exit = static_cast<int>(outlet.exit);
    }
  if (tell_hooks(report.hooks, voice) && exit == 0) exit = static_cast<int>(Exit::rejected);
  if (exit == 0 && too_many_rejects(report, options)) exit = static_cast<int>(Exit::rejected);
  if (report.signal != 0 && exit != static_cast<int>(Exit::store)) exit = 128 + report.signal;

  RunRecord ended;
  ended.begin = begun;
  ended.exit = exit;
  ended.host = job.reader.host;
  ended.notices = voice.notices();
  if (geo != nullptr) ended.geo = geo->source().text();
  if (!options.dry_run && !record_run(outlets, report, ended)) exit = static_cast<int>(Exit::store);
  if (!options.summary_json.empty()) write_summary(options.summary_json, summary_json(report, outlets));

  if (voice.closes(exit) || (options.dry_run && !options.quiet))
    write_stderr(closing_lines(report, outlets, options, begin));
  return exit;
}

}  // namespace track_usage
