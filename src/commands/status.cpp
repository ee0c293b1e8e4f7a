// status: what a store has settled, how far each source is taken, what was
// rejected, and whether the last run is recent enough for a monitor.
#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/screen.h"
#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/base/url.h"
#include "src/commands/commands.h"
#include "src/error.h"
#include "src/plan.h"

namespace track_usage {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto newline = std::min(text.find('\n'), text.size());
    lines.push_back(visible(text.substr(0, newline)));
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
  return lines;
}

using Json = nlohmann::ordered_json;

std::string iso_seconds(std::int64_t seconds) {
  return iso_time(seconds * 1'000'000);
}

Json json_time(std::int64_t micros) {
  return micros == no_number ? Json(nullptr) : Json(iso_time(micros));
}

// "2 h ago", by the largest unit that says enough.
std::string ago(std::int64_t seconds) {
  if (seconds < 0) return "in the future";
  if (seconds < 120) return fmt::format("{} s ago", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} days ago", seconds / 86400);
}

// What status shows, read once.
struct State {
  explicit State(const Options& options) : store(open_store(options)) {
    settings = store->settings();
    sources = store->sources();
    runs = store->runs();
    for (Owed& owed_unit : store->owed()) {
      if (owed_unit.rows == 0) continue;
      if (owed.empty() || owed.back().hook != owed_unit.hook) owed.push_back({std::move(owed_unit.hook), 0, 0});
      ++owed.back().units;
      owed.back().rows += owed_unit.rows;
    }
    if (options.rejects) rejects = store->rejects();
  }
  // The newest run that came to its end.
  const RunRecord* last_run() const {
    const auto found = std::find_if(runs.begin(), runs.end(), [](const RunRecord& r) { return r.end != 0; });
    return found == runs.end() ? nullptr : &*found;
  }

  // What programs are still to be given.
  struct Waiting {
    std::string hook;
    std::uint64_t units, rows;
    std::string shown() const { return "exec:" + visible(masked_urls(hook)); }
  };

  std::unique_ptr<Store> store;
  std::vector<Waiting> owed;
  std::optional<Settings> settings;
  std::vector<SourceRecord> sources;
  std::vector<RunRecord> runs;
  std::vector<RejectRecord> rejects;
};

std::string equation(const RunRecord& r) {
  std::string out = fmt::format("{} = {} stored", counted(r.read, "line"), grouped(r.stored));
  const auto add = [&](std::uint64_t n, std::string_view what) {
    if (n != 0) out += fmt::format(" + {} {}", grouped(n), what);
  };
  add(r.filtered, "filtered");
  add(r.rejected, "rejected");
  add(r.blank, "blank");
  add(r.already_taken, "already taken");
  return out;
}

std::string json_of(const State& state, bool rejects) {
  Json json;
  json["store"] = visible(state.store->shown());
  if (state.settings) {
    json["settings"] = {
        {"hooks", state.settings->hooks}, {"zone", state.settings->zone}, {"url_by", name_of(state.settings->url_by)}};
    for (const auto& [name, value] : state.settings->choices) json["settings"][name] = value;
    if (state.settings->schema != 0) json["settings"]["schema"] = state.settings->schema;
  } else {
    json["settings"] = nullptr;
  }
  if (state.settings && !state.settings->geo.empty()) json["geo"] = visible(state.settings->geo);
  json["last_run"] = nullptr;
  if (const RunRecord* r = state.last_run())
    json["last_run"] = {{"begin", iso_seconds(r->begin)},
                        {"end", iso_seconds(r->end)},
                        {"exit", r->exit},
                        {"read", r->read},
                        {"stored", r->stored},
                        {"filtered", r->filtered},
                        {"rejected", r->rejected},
                        {"blank", r->blank},
                        {"already_taken", r->already_taken},
                        {"version", visible(r->version)},
                        {"host", visible(r->host)},
                        {"notices", lines_of(r->notices)}};
  json["owed"] = Json::array();
  for (const State::Waiting& w : state.owed)
    json["owed"].push_back({{"hook", w.shown()}, {"units", w.units}, {"rows", w.rows}});
  json["sources"] = Json::array();
  for (const SourceRecord& s : state.sources)
    json["sources"].push_back({{"id", s.id},
                               {"path", visible(s.path)},
                               {"host", visible(s.host)},
                               {"name", visible(s.name)},
                               {"format", visible(s.format)},
                               {"filters", visible(s.filters)},
                               {"offset", s.offset},
                               {"first_date", json_time(s.first_date)},
                               {"last_date", json_time(s.last_date)},
                               {"first_taken", iso_seconds(s.first_taken)},
                               {"last_taken", iso_seconds(s.last_taken)},
                               {"read", s.read},
                               {"stored", s.stored},
                               {"filtered", s.filtered},
                               {"rejected", s.rejected},
                               {"blank", s.blank},
                               {"erased", s.erased}});
  if (rejects) {
    json["rejects"] = Json::array();
    for (const RejectRecord& r : state.rejects)
      json["rejects"].push_back({{"path", visible(r.path)},
                                 {"line", r.line},
                                 {"offset", r.offset},
                                 {"reason", r.reason},
                                 {"raw", visible(r.raw)},
                                 {"seen", iso_seconds(r.seen)}});
  }
  return json.dump(2) + "\n";
}

// path:line:offset, reason and line, as --rejects FILE has them, but visible.
std::string rejects_of(const State& state) {
  std::string out;
  for (const RejectRecord& r : state.rejects)
    out += fmt::format("{}:{}:{}\t{}\t{}\n", visible(r.path), r.line, r.offset, r.reason, visible(r.raw));
  return out;
}

std::string table_of(const State& state, const Screen& screen, std::int64_t now) {
  const std::string_view strong = screen.colour ? "1" : "", bad = screen.colour ? "31" : "";
  Table::Look look{.width = screen.terminal ? screen.width : 0, .title_style = strong};
  if (screen.utf8) look.ellipsis = "…";
  const auto shown = [&](std::string_view text) { return screen.utf8 ? visible(text) : ascii_only(visible(text)); };

  Table head({{""}, {""}});
  const auto add = [&](std::string_view name, std::string value, std::string_view style = {}) {
    head.add({{std::string(name), strong}, {std::move(value), style}});
  };
  add("store", shown(state.store->shown()));
  if (state.settings) {
    add("summaries",
        state.settings->hooks.empty() ? "none" : fmt::format("{}", fmt::join(state.settings->hooks, ", ")));
    add("zone", state.settings->zone);
    add("url by", std::string(name_of(state.settings->url_by)));
    for (const auto& [name, value] : state.settings->choices) add(name, visible(value));
    if (!state.settings->geo.empty()) add("geo", shown(state.settings->geo));
    if (state.settings->schema != 0) add("schema", fmt::format("{}", state.settings->schema));
  }
  if (const RunRecord* r = state.last_run()) {
    add("last run", fmt::format("{}, {}, exit {}", iso_seconds(r->end), ago(now - r->end), r->exit),
        r->exit == 0 ? "" : bad);
    add("", equation(*r));
    std::string_view label = "notices";
    for (std::string_view rest = r->notices; !rest.empty();) {
      const auto newline = std::min(rest.find('\n'), rest.size());
      if (newline != 0) add(label, shown(rest.substr(0, newline)));
      rest.remove_prefix(std::min(newline + 1, rest.size()));
      label = "";
    }
  } else {
    add("last run", "none has ended yet", bad);
  }
  for (const State::Waiting& w : state.owed)
    add("owed", shown(fmt::format("{} in {} to {}", counted(w.rows, "row"), counted(w.units, "unit"), w.shown())));
  Table::Look plain = look;
  plain.titles = false;
  std::string out = head.text(plain);
  if (state.sources.empty()) return out + "\nNo source was taken yet.\n";

  bool rejected = false, filtered = false, blank = false, erased = false;
  for (const SourceRecord& s : state.sources) {
    rejected |= s.rejected != 0;
    filtered |= s.filtered != 0;
    blank |= s.blank != 0;
    erased |= s.erased != 0;
  }
  std::vector<Table::Head> heads = {
      {"no.", Align::right}, {"bytes", Align::right}, {"lines", Align::right}, {"stored", Align::right}};
  if (filtered) heads.push_back({"filtered", Align::right});
  if (rejected) heads.push_back({"rejected", Align::right});
  if (blank) heads.push_back({"blank", Align::right});
  if (erased) heads.push_back({"erased", Align::right});
  for (const char* title : {"first", "last", "taken", "format", "source"}) heads.push_back({title});
  Table sources(std::move(heads));
  const auto date = [](std::int64_t micros) {
    return micros == no_number ? "-" : iso_time(micros).substr(0, 16).replace(10, 1, " ");
  };
  for (const SourceRecord& s : state.sources) {
    std::vector<Table::Cell> row = {
        {fmt::format("{}", s.id)}, {grouped(s.offset)}, {grouped(s.read)}, {grouped(s.stored)}};
    if (filtered) row.push_back({grouped(s.filtered)});
    if (rejected) row.push_back({grouped(s.rejected), s.rejected == 0 ? "" : bad});
    if (blank) row.push_back({grouped(s.blank)});
    if (erased) row.push_back({grouped(s.erased)});
    row.push_back({date(s.first_date)});
    row.push_back({date(s.last_date)});
    row.push_back({ago(now - s.last_taken)});
    row.push_back({s.format.empty() ? "-" : shown(s.format)});
    row.push_back({s.name.empty() ? shown(s.path) : fmt::format("{} ({})", shown(s.path), shown(s.name))});
    sources.add(std::move(row));
  }
  return out + "\n" + sources.text(look);
}

}  // namespace

int status(const Options& options) {
  const Screen screen = screen_of_stdout();
  const std::int64_t now = ::time(nullptr);
  const State state(options);

  // A monitor's question is answered by the exit code alone.
  const bool asked_only = options.max_age_s && options.output.empty() && !options.rejects;
  if (options.output == "json")
    write_stdout(json_of(state, options.rejects));
  else if (options.rejects)
    write_stdout(rejects_of(state));
  else if (!asked_only)
    write_stdout(table_of(state, screen, now));

  if (!options.max_age_s) return 0;
  const RunRecord* last = state.last_run();
  if (last != nullptr && now - last->end <= static_cast<std::int64_t>(*options.max_age_s)) return 0;
  const std::string what =
      last == nullptr ? "no run has ended yet"
                      : fmt::format("the last run ended {} ({})", ago(now - last->end), iso_seconds(last->end));
  say("error", fmt::format("{}: {}", visible(state.store->shown()), what));
  return static_cast<int>(Exit::rejected);
}

}  // namespace track_usage
