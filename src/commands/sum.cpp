// sum: one summary of a store (the origin's get_sum), newest first, or as a
// ranking of its keys over the whole span.
#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "src/base/screen.h"
#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/commands/commands.h"
#include "src/error.h"
#include "src/plan.h"
#include "src/summary.h"
#include "src/totals.h"

namespace track_usage {
namespace {

constexpr std::uint64_t usual_top = 20;

const Hook& hook_of(const Options& options, const Settings& settings) {
  const std::string kept =
      settings.hooks.empty() ? "it keeps none" : fmt::format("it keeps {}", fmt::join(settings.hooks, ", "));
  const std::string& name = options.inputs[0];
  if (std::find(settings.hooks.begin(), settings.hooks.end(), name) == settings.hooks.end())
    throw Error(Exit::usage, fmt::format("this store keeps no '{}' summary", visible(name)), kept);
  return *hooks_named({name}).front();
}

std::string date_of(const Sum& sum, Period period) {
  return period == Period::hour ? iso_time(sum.bucket * 1'000'000) : iso_date(sum.bucket);
}

void append_cell(std::string& out, std::string_view text, char delimiter) {
  if (delimiter == '\t') {
    for (const char c : text) {
      if (c == '\t')
        out += "\\t";
      else if (c == '\n')
        out += "\\n";
      else if (c == '\\')
        out += "\\\\";
      else
        out += c;
    }
    return;
  }
  // A spreadsheet takes such a cell for a formula.
  const bool formula = !text.empty() && std::string_view("=+-@").find(text[0]) != std::string_view::npos;
  const bool quotes = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quotes) out += '"';
  if (formula) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  if (quotes) out += '"';
}

class Summing {
 public:
  Summing(const Options& options, Store& store, const Hook& hook, const Zone& zone)
      : options_(options), store_(store), hook_(hook), zone_(zone), now_(::time(nullptr)) {
    if (options.limit != 0 && options.page == 0) throw Error(Exit::usage, "--page: pages are counted from 1");
    const auto name = std::find(period_names.begin(), period_names.end(), options.period.value_or("day"));
    period_ = static_cast<Period>(name - period_names.begin());
  }

  Period period() const { return period_; }

  // One page of a period. Remembers whether there are more.
  std::vector<Sum> listed(Period period) {
    SumQuery query = of(period);
    if (options_.limit != 0) {
      query.limit = options_.limit + 1;
      query.skip = (options_.page - 1) * options_.limit;
    }
    std::vector<Sum> sums = store_.sums(hook_, query);
    if (options_.limit != 0 && sums.size() > options_.limit) {
      sums.pop_back();
      more_.emplace_back(period_names[static_cast<std::size_t>(period)]);
    }
    return sums;
  }

  // How many keys each bucket has, newest first; rows without one are no key.
  struct Keys {
    Sum all;  // of the bucket; its key is empty
    std::uint64_t keys = 0;
  };
  std::vector<Keys> counted() {
    std::vector<Keys> out;
    for (const Sum& sum : store_.sums(hook_, of(period_))) {
      if (out.empty() || out.back().all.bucket != sum.bucket)
        out.push_back({.all = {.bucket = sum.bucket, .key = {}, .hits = 0, .transfer = 0}});
      out.back().all.hits += sum.hits;
      out.back().all.transfer += sum.transfer;
      out.back().keys += sum.key != (hook_.by_number() ? "0" : "-");
    }
    return out;
  }

  // Over the span, its ends rounded outwards to the period.
  std::vector<Sum> ranked() {
    const SumQuery query = of(period_);
    const auto instant = [&](std::int64_t bucket) {
      const bool end = bucket == INT64_MIN || bucket == INT64_MAX;
      return end || period_ == Period::hour ? bucket : zone_.to_utc(bucket * 86400);
    };
    return totals(store_, hook_, fewest_buckets(instant(query.since), instant(query.until), zone_), query.key);
  }

  void tell_more() const {
    if (more_.empty() || options_.quiet) return;
    say("notice", fmt::format("there are more by {}", fmt::join(more_, ", ")),
        fmt::format("--page {} goes on, --limit 0 is all", options_.page + 1));
  }

 private:
  SumQuery of(Period period) const {
    SumQuery query{.period = period, .key = options_.key};
    if (!options_.since.empty())
      query.since = bucket_holding(parse_when(options_.since, "--since", now_, zone_), period, zone_);
    if (!options_.until.empty())
      query.until = bucket_from(parse_when(options_.until, "--until", now_, zone_), period, zone_);
    return query;
  }

  const Options& options_;
  Store& store_;
  const Hook& hook_;
  const Zone& zone_;
  const std::int64_t now_;
  Period period_;
  std::vector<std::string> more_;
};

void append_entry(std::string& out, const Hook& hook, const Sum& sum) {
  append_json(out, hook.column);
  out += ':';
  if (hook.by_number())
    out += sum.key;  // a number
  else
    append_json(out, sum.key);
  out += fmt::format(",\"hits\":{},\"transfer\":{}}}", sum.hits, sum.transfer);
}

std::string json_of(Summing& summing, const Hook& hook, const std::optional<std::string>& only) {
  std::string out;
  for (std::size_t p = 0; p < period_names.size(); ++p) {
    out += fmt::format("{}\"{}\":[", p == 0 ? "{" : ",\n", period_names[p]);
    const auto period = static_cast<Period>(p);
    if (!only || *only == period_names[p]) {
      std::string_view separator = "\n ";
      for (const Sum& sum : summing.listed(period)) {
        out += fmt::format("{}{{\"date\":\"{}\",", separator, date_of(sum, period));
        append_entry(out, hook, sum);
        separator = ",\n ";
      }
    }
    out += ']';
  }
  return out + "}\n";
}

std::string ranked_json(const std::vector<Sum>& sums, const Hook& hook) {
  std::string out = "[";
  for (const Sum& sum : sums) {
    out += out.size() == 1 ? "\n {" : ",\n {";
    append_entry(out, hook, sum);
  }
  return out + "]\n";
}

std::string cells_of(const std::vector<Sum>& sums, const Hook& hook, std::optional<Period> dates, char delimiter) {
  constexpr std::string_view end = "\n";
  std::string out = fmt::format("{}{}{}hits{}transfer{}", dates ? fmt::format("date{}", delimiter) : "", hook.column,
                                delimiter, delimiter, end);
  for (const Sum& sum : sums) {
    if (dates) out.append(date_of(sum, *dates)) += delimiter;
    append_cell(out, sum.key, delimiter);
    out += fmt::format("{}{}{}{}{}", delimiter, sum.hits, delimiter, sum.transfer, end);
  }
  return out;
}

std::string counted_json(const std::vector<Summing::Keys>& counted, Period period) {
  std::string out = "[";
  for (const auto& [all, keys] : counted)
    out += fmt::format("{}{{\"date\":\"{}\",\"keys\":{},\"hits\":{},\"transfer\":{}}}",
                       out.size() == 1 ? "\n " : ",\n ", date_of(all, period), keys, all.hits, all.transfer);
  return out + "]\n";
}

std::string counted_cells(const std::vector<Summing::Keys>& counted, Period period, char delimiter) {
  std::string out = fmt::format("date{0}keys{0}hits{0}transfer\n", delimiter);
  for (const auto& [all, keys] : counted)
    out += fmt::format("{1}{0}{2}{0}{3}{0}{4}\n", delimiter, date_of(all, period), keys, all.hits, all.transfer);
  return out;
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{:.1f} %", whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string bytes_of(const Sum& sum) {
  return grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(sum.transfer, 0)));
}

std::string counted_table(const std::vector<Summing::Keys>& counted, Period period, const Screen& screen) {
  Table table({{"date"}, {"keys", Align::right}, {"hits", Align::right}, {"transfer", Align::right}});
  for (const auto& [all, keys] : counted)
    table.add({{date_of(all, period)}, {grouped(keys)}, {grouped(all.hits)}, {bytes_of(all)}});
  return table.text({.width = screen.terminal ? screen.width : 0, .title_style = screen.colour ? "1" : ""});
}

}  // namespace

int sum(const Options& options) {
  if (options.inputs.empty())
    throw Error(Exit::usage, "sum: which summary?",
                "track-usage list hooks; track-usage status says which a store keeps");
  const Screen screen = screen_of_stdout();
  const std::unique_ptr<Store> store = open_store(options);
  const auto settings = store->settings();
  if (!settings)
    throw Error(Exit::store, fmt::format("{} is empty: no run has settled what it keeps", visible(store->shown())),
                "track-usage ingest fills it");
  const Hook& hook = hook_of(options, *settings);
  const Zone zone(settings->zone);
  Summing summing(options, *store, hook, zone);

  const std::string output = options.output.empty() ? "table" : options.output;
  if (options.count) {
    if (options.top || options.key) throw Error(Exit::usage, "--count counts all keys", "leave --top and --key away");
    const auto salt = settings->choices.find("visitor-salt");
    if (hook.key == Column::visitor && salt != settings->choices.end() && summing.period() == Period::month)
      throw Error(Exit::usage,
                  "nobody can tell a month's visitors: with --visitor-salt daily each is another every day",
                  "--period day");
    const std::vector<Summing::Keys> counted = summing.counted();
    if (output == "json")
      write_stdout(counted_json(counted, summing.period()));
    else if (output != "table")
      write_stdout(counted_cells(counted, summing.period(), output == "csv" ? ',' : '\t'));
    else
      write_stdout(counted_table(counted, summing.period(), screen));
    return 0;
  }
  const bool ranked = options.top || (output == "table" && screen.terminal);
  std::vector<Sum> sums;
  std::uint64_t all = 0, keys = 0;
  if (ranked) {
    sums = summing.ranked();
    for (const Sum& sum : sums) all += sum.hits;
    keys = sums.size();
    const std::uint64_t top = options.top.value_or(usual_top);
    if (top != 0 && sums.size() > top) sums.resize(top);
  } else if (output != "json") {
    sums = summing.listed(summing.period());
  }

  if (output == "json") {
    write_stdout(ranked ? ranked_json(sums, hook) : json_of(summing, hook, options.period));
  } else if (output != "table") {
    write_stdout(
        cells_of(sums, hook, ranked ? std::nullopt : std::optional(summing.period()), output == "csv" ? ',' : '\t'));
  } else {
    const auto shown = [&](const std::string& key) { return screen.utf8 ? key : ascii_only(key); };
    Table::Look look{.width = screen.terminal ? screen.width : 0, .title_style = screen.colour ? "1" : ""};
    if (screen.utf8) look.ellipsis = "…";
    if (ranked) {
      Table table(
          {{"hits", Align::right}, {"share", Align::right}, {"transfer", Align::right}, {std::string(hook.column)}});
      for (const Sum& sum : sums)
        table.add({{grouped(sum.hits)}, {share(sum.hits, all)}, {bytes_of(sum)}, {shown(sum.key)}});
      write_stdout(table.text(look));
    } else {
      Table table({{"date"}, {"hits", Align::right}, {"transfer", Align::right}, {std::string(hook.column)}});
      for (const Sum& sum : sums)
        table.add({{date_of(sum, summing.period())}, {grouped(sum.hits)}, {bytes_of(sum)}, {shown(sum.key)}});
      write_stdout(table.text(look));
    }
  }
  if (ranked && keys > sums.size() && !options.quiet && !options.top)
    say("notice", fmt::format("these are {} of {} keys", grouped(sums.size()), grouped(keys)), "--top N shows more");
  summing.tell_more();
  return 0;
}

}  // namespace track_usage
