#include "src/report_sums.h"

#include <algorithm>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/enrich/agent.h"
#include "src/summary.h"

namespace track_usage {
namespace {

constexpr std::int64_t hour = 3600, second = 1'000'000;
constexpr std::string_view none = "-";  // the key of rows without one
constexpr std::string_view needed[] = {"remote", "status", "url", "useragent"};

void add(Figure& figure, const Sum& sum) {
  figure.hits += sum.hits;
  figure.bytes += sum.transfer;
}

}  // namespace

bool SumReport::possible(const Settings& settings) {
  return settings.url_by == UrlBy::path &&
         std::all_of(std::begin(needed), std::end(needed), [&](std::string_view hook) {
           return std::find(settings.hooks.begin(), settings.hooks.end(), hook) != settings.hooks.end();
         });
}

SumReport::SumReport(Store& store, const std::vector<const Hook*>& hooks, const Zone& zone, std::int64_t since,
                     std::int64_t until)
    : store_(store), hooks_(hooks) {
  if (since != INT64_MIN) first_hour_ = bucket_holding(since, Period::hour, zone);
  if (until != INT64_MAX) end_hour_ = bucket_from(until, Period::hour, zone);
  ranges_ = fewest_buckets(first_hour_, end_hour_, zone);
}

const Hook& SumReport::hook(std::string_view name) const {
  return **std::find_if(hooks_.begin(), hooks_.end(), [&](const Hook* h) { return h->name == name; });
}

bool SumReport::keeps(std::string_view name) const {
  return std::any_of(hooks_.begin(), hooks_.end(), [&](const Hook* h) { return h->name == name; });
}

std::vector<Sum> SumReport::totals_of(std::string_view name) const {
  return totals(store_, hook(name), ranges_);
}

std::uint64_t SumReport::hits() const {
  std::uint64_t hits = 0;
  for (const Sum& sum : totals_of("status")) hits += sum.hits;
  return hits;
}

void SumReport::add_statuses(Figures& f) const {
  f.timeline = Timeline(hour);
  const SumQuery hours{.period = Period::hour, .since = first_hour_, .until = end_hour_, .key = {}};
  for (const Sum& sum : store_.sums(hook("status"), hours)) {
    const std::size_t status = std::min<std::size_t>(parse_number(sum.key).value_or(0), f.statuses.size() - 1);
    for (Figure* figure : {&f.all, &f.statuses[status], &f.timeline.at(sum.bucket)}) {
      add(*figure, sum);
      if (status >= 400 && status < 500) figure->errors_4xx += sum.hits;
      if (status >= 500 && status < 600) figure->errors_5xx += sum.hits;
    }
    f.first = std::min(f.first, sum.bucket * second);
    f.last = std::max(f.last, (sum.bucket + hour) * second - 1);
  }
  // Of the store's first and last hour the sources know more.
  std::int64_t first = INT64_MAX, last = INT64_MIN;
  for (const SourceRecord& source : store_.sources()) {
    if (source.first_date == no_number) continue;
    first = std::min(first, source.first_date);
    last = std::max(last, source.last_date);
  }
  if (first > last) return;
  f.first = std::max(f.first, first);
  f.last = std::min(f.last, last);
}

void SumReport::add_to(Figures& f) const {
  f.of_sums = true;
  add_statuses(f);
  for (const Sum& sum : totals_of("url")) {
    Ranking& ranking = is_file(sum.key) ? f.files : f.pages;
    add(ranking[ranking.find(sum.key == none ? no_path : sum.key)], sum);
  }
  for (const Sum& sum : totals_of("remote")) {
    if (sum.key != none) add(f.addresses[f.addresses.find(sum.key)], sum);
  }
  const auto rank = [&](std::string_view name, Ranking& ranking) {
    if (!keeps(name)) return;
    for (const Sum& sum : totals_of(name))
      if (sum.key != none) add(ranking[ranking.find(sum.key)], sum);
  };
  rank("visitor", f.visitors);
  rank("geo", f.countries);
  if (keeps("speed"))  // to the bucket's upper bound
    for (const Sum& sum : totals_of("speed"))
      if (const auto ms = parse_number(sum.key).value_or(0); ms != 0)
        f.durations.add(static_cast<std::int64_t>(ms) * 1000, static_cast<std::uint32_t>(sum.hits));
  for (const Sum& sum : totals_of("useragent")) {
    if (sum.key == none) continue;
    const AgentParts agent = parse_agent(sum.key);
    Ranking& ranking = agent.bot.empty() ? f.browsers : f.bots;
    add(ranking[ranking.find(client_name(sum.key, agent.browser, agent.bot))], sum);
    if (!agent.bot.empty()) f.bot_hits += sum.hits;
  }
}

}  // namespace track_usage
