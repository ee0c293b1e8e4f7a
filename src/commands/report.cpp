// report: a page for people, of logs or of a store. Logs are read as ingest
// reads them, but into figures and a ledger in memory: nothing is left behind,
// and a log given twice still counts once.
#include "src/report.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <thread>

#include <fmt/format.h>

#include "src/base/progress.h"
#include "src/base/stdio.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/commands/commands.h"
#include "src/plan.h"
#include "src/report_page.h"
#include "src/report_sums.h"

namespace track_usage {
namespace {

constexpr std::uint64_t usual_top = 10;

// A store that keeps figures instead of rows, for the time of one run. The
// reader remembers the run's sources itself, so their ids are all it needs.
class FigureStore final : public Store {
 public:
  explicit FigureStore(Figures& figures) : figures_(figures) {}

  void open(Access) override {}
  bool created() const override { return true; }
  std::string shown() const override { return "a report"; }
  std::vector<std::string> files() const override { return {}; }
  std::optional<Settings> settings() override { return {}; }
  void settle(const Settings&) override {}
  void use(const std::vector<const Hook*>&, UrlBy) override {}
  std::vector<SourceRecord> sources() override { return {}; }
  Committed commit(const Unit& unit, std::int64_t id) override {
    figures_.add(unit.batch, {});
    return {.source = id != 0 ? id : ++last_id_, .unit = ++last_unit_};
  }
  void owe(const std::vector<std::string>&) override {}
  std::vector<Owed> owed() override { return {}; }
  void delivered(const std::string&, const std::vector<std::int64_t>&) override {}
  void touch(const SourceRecord&) override {}
  void record(const RunRecord&) override {}
  void close() override {}
  void rows(const RowQuery&, const std::function<bool(Batch&)>&) override {}
  std::vector<Sum> sums(const Hook&, const SumQuery&) override { return {}; }
  std::vector<RejectRecord> rejects() override { return {}; }
  std::vector<RunRecord> runs() override { return {}; }

 private:
  Figures& figures_;
  std::int64_t last_id_ = 0, last_unit_ = 0;
};

std::string reasons(const Counts& counts) {
  std::string out;
  for (std::size_t i = 0; i < counts.rejected_by.size(); ++i)
    if (const auto n = counts.rejected_by[i]; n != 0)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", grouped(n), reject_names[i]);
  return out;
}

// What could not be taken, as ingest says it.
int tell_files(const RunReport& report, bool quiet) {
  const auto warn = [&](const std::string& what, const std::string& hint) {
    if (!quiet) say("warning", what, hint);
  };
  int exit = 0;
  for (const FileReport& file : report.files) {
    const std::string path = visible(file.path);
    const std::uint64_t read = file.tally.counts.read();
    if (file.end.damaged) {
      warn(file.end.trouble, !file.end.hint.empty() ? file.end.hint
                             : read == 0            ? ""
                                         : fmt::format("the {} before it are in the report", counted(read, "line")));
      exit = static_cast<int>(Exit::input);
    }
    if (file.unreadable) {
      warn(fmt::format("'{}': not one of its {} could be read ({})", path, counted(read, "line"),
                       reasons(file.tally.counts)),
           fmt::format("track-usage explain {}", path));
      if (exit == 0) exit = static_cast<int>(Exit::rejected);
    }
    if (file.twin && read == 0) warn(fmt::format("'{}' has the content of another file: counted once", path), "");
  }
  return exit;
}

std::string title_of(const Options& options, std::size_t files) {
  std::string title = options.inputs.size() == 1 && options.inputs[0] == "-" ? "stdin" : visible(options.inputs[0]);
  if (options.inputs.size() > 1) return fmt::format("{} and {} more", title, options.inputs.size() - 1);
  if (files > 1) title += fmt::format(" ({} files)", files);
  return title;
}

int report_logs(const Options& options, PageOptions& page, Figures& figures, const Zone& zone, const Filter& filter) {
  const Dialects dialects = make_dialects(options);
  InputList list = list_inputs(options.inputs, Dispatcher(dialects.parsers), {}, {});
  int exit = 0;
  for (const Trouble& trouble : list.troubles) {
    if (!options.quiet) say("warning", trouble.what, trouble.hint);
    exit = static_cast<int>(Exit::input);
  }
  if (options.verbose)
    for (const std::string& passed : list.passed_over) say("notice", passed);
  page.title = title_of(options, list.inputs.size());

  std::uint64_t bytes = 0;
  for (const Input& input : list.inputs) bytes += static_cast<std::uint64_t>(input.stat.st_size);
  if (std::any_of(list.inputs.begin(), list.inputs.end(), [](const Input& i) { return i.stream; })) bytes = 0;
  ProgressBar progress(isatty(STDERR_FILENO) == 1 && !options.quiet, bytes, false);

  std::vector<Outlet> outlets(1);
  outlets[0].shown = "a report";
  outlets[0].store = std::make_unique<FigureStore>(figures);
  std::string first_reject;

  Job job;
  job.inputs = std::move(list.inputs);
  job.lines.parsers = dialects.parsers;
  job.format_names = dialects.names;
  const std::unique_ptr<Enrichment> enrichment = make_enrichment(options, settings_of(options), make_geo(options));
  job.lines.defaults = make_defaults(options, *enrichment);
  job.lines.enrichment = enrichment.get();
  job.lines.filter = &filter;
  job.lines.zone = zone;
  job.outlets = &outlets;
  job.reader.max_line = options.max_line;
  job.reader.final_line = true;  // there is no next run
  job.jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  job.progress = [&](const Progress& p) { progress.update(p.bytes, p.lines); };
  job.rejected = [&](const std::string& path, const RejectedLine& line) {
    if (first_reject.empty()) first_reject = fmt::format("{}:{}", visible(path), line.line);
  };
  const RunReport report = run(job);
  progress.clear();

  const int files_exit = tell_files(report, options.quiet);
  if (exit == 0) exit = files_exit;
  const Counts& counts = report.total.counts;
  if (counts.filtered() != 0)
    page.notes.push_back(fmt::format("{} left out by filters.", counted(counts.filtered(), "line")));
  if (counts.rejected() != 0)
    page.notes.push_back(fmt::format("{} of {} could not be read: {}.", grouped(counts.rejected()),
                                     counted(report.total.read(), "line"), reasons(counts)));
  if (!first_reject.empty())
    page.notes.push_back(fmt::format("track-usage explain {} tells why the first could not.", first_reject));
  if (!options.quiet && (options.verbose || isatty(STDERR_FILENO) == 1) && counts.read() != 0)
    for (const std::string& pattern : filter.unmatched()) say("notice", fmt::format("{} met no row", visible(pattern)));
  return report.signal != 0 ? 128 + report.signal : exit;
}

// More are not read unasked: their summaries tell most, and at once.
constexpr std::uint64_t most_rows = 300'000;

bool picks_rows(const Options& o) {
  const std::array lists = {&o.include, &o.exclude, &o.status,   &o.method, &o.host,
                            &o.remote,  &o.agent,   &o.username, &o.visitor};
  return std::any_of(lists.begin(), lists.end(), [](const auto* list) { return !list->empty(); });
}

void report_rows(PageOptions& page, Figures& figures, Store& store, RowQuery query, const Filter& filter) {
  query.newest_first = false;
  query.rows_a_batch = 200'000;  // each text is looked up once a batch
  std::vector<std::uint8_t> keep;
  Counts counts;
  store.rows(query, [&](const Batch& batch) {
    filter.apply(batch, keep, counts);
    figures.add(batch, keep);
    return true;
  });
  if (counts.filtered() != 0)
    page.notes.push_back(fmt::format("{} left out by filters.", counted(counts.filtered(), "row")));
}

void report_store(const Options& options, PageOptions& page, Figures& figures, Store& store, const Zone& zone,
                  const Filter& filter) {
  page.title = visible(store.shown());
  RowQuery query;
  const std::int64_t now = ::time(nullptr);
  if (!options.since.empty()) query.since = parse_when(options.since, "--since", now, zone);
  if (!options.until.empty()) query.until = parse_when(options.until, "--until", now, zone);
  const Settings settings = store.settings().value_or(Settings());
  const std::vector<const Hook*> hooks = hooks_named(settings.hooks);
  bool summed =
      !options.all_rows && !picks_rows(options) && settings.zone == zone.name() && SumReport::possible(settings);
  if (summed) {
    const SumReport sums(store, hooks, zone, query.since, query.until);
    summed = sums.hits() > most_rows;
    if (summed) sums.add_to(figures);
  }
  if (summed)
    page.notes.emplace_back(
        "From the summaries, by whole hours. Times, referrers, what was not found and the errors of each page are "
        "read from the rows by --all-rows.");
  else
    report_rows(page, figures, store, query, filter);
  std::uint64_t rejected = 0;
  for (const SourceRecord& source : store.sources()) rejected += source.rejected;
  if (rejected != 0)
    page.notes.push_back(fmt::format("{} could not be read: track-usage status --rejects", counted(rejected, "line")));
}

}  // namespace

int report(const Options& options) {
  const Screen screen = screen_of_stdout();
  PageOptions page;
  page.top = options.top.value_or(usual_top);
  if (page.top == 0) page.top = SIZE_MAX;
  const auto figures = std::make_unique<Figures>();
  int exit = 0;
  Zone zone(options.zone.value_or("UTC"));
  if (options.inputs.empty()) {
    const std::unique_ptr<Store> store = open_store(options);
    if (const auto settings = store->settings(); settings && !options.zone) zone = Zone(settings->zone);
    const Filter filter = make_filter(options, zone);
    report_store(options, page, *figures, *store, zone, filter);
  } else {
    const Filter filter = make_filter(options, zone);
    exit = report_logs(options, page, *figures, zone, filter);
  }
  if (figures->all.hits == 0) page.notes.emplace_back("No requests.");
  if (figures->all.hits != 0 || exit == 0) write_stdout(draw_page(*figures, zone, page, screen));
  return exit;
}

}  // namespace track_usage
