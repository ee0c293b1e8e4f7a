#include "src/report.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "src/base/hash.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"

namespace track_usage {
namespace {

constexpr std::size_t many_slots = 20'000;  // two weeks of minutes: no chart is as wide
constexpr std::int64_t coarse = 900;        // zones differ by quarters of an hour

constexpr int bin_bits = 6;
constexpr std::uint64_t bins_a_doubling = 1 << bin_bits;

std::uint16_t bin_of(std::uint64_t n) {
  if (n < 2 * bins_a_doubling) return static_cast<std::uint16_t>(n);
  const int shift = std::bit_width(n) - bin_bits - 1;
  return static_cast<std::uint16_t>(static_cast<std::uint64_t>(shift) * bins_a_doubling + (n >> shift));
}

// The middle of a bin.
std::int64_t value_of(std::uint16_t bin) {
  if (bin < 2 * bins_a_doubling) return bin;
  const int shift = static_cast<int>(bin / bins_a_doubling) - 1;
  const std::uint64_t low = (bin % bins_a_doubling + bins_a_doubling) << shift;
  return static_cast<std::int64_t>(low + (std::uint64_t{1} << shift) / 2);
}

constexpr std::int64_t minute = 60, hour = 3600, day = 86400;

struct Step {
  std::string_view name;
  std::int64_t seconds;
  int months = 0;
};
constexpr Step steps[] = {
    {"a minute", minute},
    {"2 minutes", 2 * minute},
    {"5 minutes", 5 * minute},
    {"10 minutes", 10 * minute},
    {"15 minutes", 15 * minute},
    {"30 minutes", 30 * minute},
    {"an hour", hour},
    {"2 hours", 2 * hour},
    {"3 hours", 3 * hour},
    {"6 hours", 6 * hour},
    {"a day", day},
    {"a week", 7 * day},
    {"a month", 30 * day, 1},
    {"3 months", 90 * day, 3},
    {"a year", 360 * day, 12},
    {"10 years", 3600 * day, 120},
};
constexpr std::int64_t monday = 3;  // 1970-01-01 was a Thursday

// Steps since some beginning, and the begin of one.
std::int64_t index_of(const Step& step, std::int64_t local) {
  if (step.months != 0) {
    const Civil date = civil_of(floor_div(local, day));
    return floor_div(std::int64_t{date.year} * 12 + date.month - 1, step.months);
  }
  const std::int64_t shift = step.seconds == 7 * day ? monday * day : 0;
  return floor_div(local + shift, step.seconds);
}
std::int64_t begin_of(const Step& step, std::int64_t index) {
  if (step.months != 0) {
    const std::int64_t month = index * step.months;
    const std::int64_t year = floor_div(month, 12);
    return days_of({static_cast<int>(year), static_cast<int>(month - year * 12) + 1, 1}) * day;
  }
  return index * step.seconds - (step.seconds == 7 * day ? monday * day : 0);
}

void add_to(Figure& to, const Figure& from) {
  to.hits += from.hits;
  to.errors_4xx += from.errors_4xx;
  to.errors_5xx += from.errors_5xx;
  to.bytes += from.bytes;
}

// What is no name is rude, and not worth a line of its own.
std::string_view named(std::string_view product) {
  const char c = product.empty() ? ' ' : product[0];
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter ? product : "other";
}

// Words that say nothing of who it is.
bool of_any_browser(std::string_view word) {
  static constexpr std::string_view words[] = {"Mozilla", "AppleWebKit", "Gecko",  "Chrome",
                                               "Safari",  "Version",     "Mobile", "Firefox"};
  return word.empty() || std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool holds_bot(std::string_view word) {
  static constexpr std::string_view parts[] = {"bot", "spider", "crawl", "slurp", "monitor", "fetch"};
  const std::string small = lower(word);
  return std::any_of(std::begin(parts), std::end(parts),
                     [&](std::string_view part) { return small.find(part) != std::string::npos; });
}

}  // namespace

void Durations::add(std::int64_t micros, std::uint32_t count) {
  const std::uint16_t bin = bin_of(static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0)));
  const auto at =
      std::lower_bound(bins_.begin(), bins_.end(), bin, [](const auto& b, std::uint16_t n) { return b.first < n; });
  if (at != bins_.end() && at->first == bin)
    at->second += count;
  else
    bins_.insert(at, {bin, count});
}

std::int64_t Durations::quantile(double share) const {
  std::uint64_t all = 0;
  for (const auto& [bin, count] : bins_) all += count;
  // The nearest rank: the smallest value that `share` of all do not exceed.
  auto left = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  for (const auto& [bin, count] : bins_) {
    if (left <= count) return value_of(bin);
    left -= count;
  }
  return no_number;
}

std::uint32_t Ranking::find(std::string_view key, std::uint64_t hash) {
  const TextId id = keys_.intern(key, hash);
  if (id >= figures_.size()) figures_.resize(id + 1);
  return id;
}
std::uint32_t Ranking::find(std::string_view key) {
  return find(key, hash_text(key));
}

std::vector<std::uint32_t> Ranking::top(std::size_t count) const {
  std::vector<std::uint32_t> ids(size());
  std::iota(ids.begin(), ids.end(), 1);
  count = std::min(count, ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), [&](auto a, auto b) {
    const Figure &x = figures_[a], &y = figures_[b];
    if (x.hits != y.hits) return x.hits > y.hits;
    if (x.bytes != y.bytes) return x.bytes > y.bytes;
    return keys_[a] < keys_[b];
  });
  ids.resize(count);
  return ids;
}

Figure& Timeline::at(std::int64_t seconds) {
  const std::int64_t slot = floor_div(seconds, resolution_);
  if (slot == last_) return *last_slot_;
  if (slots_.size() >= many_slots && resolution_ != coarse) {
    coarsen();
    return at(seconds);
  }
  last_ = slot;
  last_slot_ = &slots_[slot];
  return *last_slot_;
}

void Timeline::coarsen() {
  std::unordered_map<std::int64_t, Figure> fine;
  std::swap(fine, slots_);
  for (const auto& [slot, figure] : fine) add_to(slots_[floor_div(slot * resolution_, coarse)], figure);
  resolution_ = coarse;
  last_ = INT64_MIN;
}

Bars bars_of(const Timeline& timeline, const Zone& zone, std::size_t most) {
  if (timeline.slots().empty()) return {};
  std::vector<std::pair<std::int64_t, const Figure*>> slots;  // by local time
  Zone::Span span{0, 0, 0};
  for (const auto& [slot, figure] : timeline.slots()) {
    const std::int64_t seconds = slot * timeline.resolution();
    if (seconds < span.begin || seconds >= span.end) span = zone.at(seconds);
    slots.emplace_back(seconds + span.offset, &figure);
  }
  const auto ends = std::minmax_element(slots.begin(), slots.end(), [](auto& a, auto& b) { return a.first < b.first; });
  const std::int64_t first = ends.first->first, last = ends.second->first;
  const auto covers = [&](const Step& step) {
    return step.seconds >= timeline.finest() &&
           index_of(step, last) - index_of(step, first) < static_cast<std::int64_t>(most);
  };
  const Step* step = std::find_if(std::begin(steps), std::end(steps), covers);
  if (step == std::end(steps)) --step;
  Bars out{.step = step->name, .seconds = step->seconds, .bars = {}};
  const std::int64_t begin = index_of(*step, first);
  const std::int64_t end = std::min(index_of(*step, last), begin + static_cast<std::int64_t>(most) - 1);
  for (std::int64_t i = begin; i <= end; ++i) out.bars.push_back({begin_of(*step, i), {}});
  for (const auto& [local, figure] : slots)
    add_to(out.bars[static_cast<std::size_t>(std::min(index_of(*step, local), end) - begin)].figure, *figure);
  return out;
}

std::string_view site_of(std::string_view referrer) {
  const auto scheme = referrer.find("://");
  if (scheme == std::string_view::npos) return referrer;
  const std::string_view rest = referrer.substr(scheme + 3);
  const std::string_view site = rest.substr(0, rest.find_first_of("/?#"));
  return site.empty() ? referrer : site;
}

std::string_view product_of(std::string_view agent) {
  // What says what it is: "compatible; X/1.0", else a word of robots, else the first.
  constexpr std::string_view compatible = "compatible; ";
  constexpr std::string_view ends = "/;,() ";
  const auto name = [&](std::string_view from) { return from.substr(0, from.find_first_of(ends)); };
  if (const auto at = agent.find(compatible); at != std::string_view::npos) {
    const std::string_view found = name(agent.substr(at + compatible.size()));
    if (!found.empty() && found != "MSIE") return found;
  }
  if (!agent.starts_with("Mozilla/")) return name(agent).empty() ? agent : name(agent);
  std::string_view product = name(agent);
  for (std::size_t from = 0; from < agent.size();) {
    const auto end = std::min(agent.find_first_of(ends, from), agent.size());
    const std::string_view word = agent.substr(from, end - from);
    if (holds_bot(word)) return word;
    if (agent.substr(end).starts_with('/') && !of_any_browser(word)) product = word;
    from = end + 1;
  }
  return product;
}

bool is_file(std::string_view path) {
  static constexpr std::string_view extensions[] = {
      "avif", "bmp", "css", "eot", "gif", "ico",  "jpeg", "jpg",  "js",          "map",  "mjs",  "mp3",  "mp4",
      "ogg",  "otf", "png", "svg", "ttf", "wasm", "wav",  "webm", "webmanifest", "webp", "woff", "woff2"};
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos || path.size() - dot > 12) return false;
  const std::string extension = lower(path.substr(dot + 1));
  return std::binary_search(std::begin(extensions), std::end(extensions), extension);
}

std::string client_name(std::string_view agent, std::string_view browser, std::string_view bot) {
  if (!bot.empty()) return fmt::format("{} ({})", named(product_of(agent)), bot);
  return std::string(browser.empty() ? named(product_of(agent)) : browser);
}

// Ids in the rankings of one batch's values, found when a row first needs one.
struct Figures::Of {
  static constexpr std::uint32_t unknown = UINT32_MAX;

  struct Path {
    std::uint32_t id = unknown, missing = unknown;
    bool file = false;
  };
  struct Kind {
    std::uint32_t id = unknown;
    bool bot = false;
  };
  explicit Of(const Batch& b)
      : paths(b.requests.size()),
        agents(b.agents.size()),
        addresses(b.texts.size(), unknown),
        referrers(b.texts.size(), unknown),
        visitors(b.own[static_cast<std::size_t>(Column::visitor)].empty() ? 0 : b.texts.size(), unknown),
        countries(b.own[static_cast<std::size_t>(Column::country)].empty() ? 0 : b.texts.size(), unknown) {}

  std::vector<Path> paths;                                               // by request
  std::vector<Kind> agents;                                              // by agent; id 0: none was sent
  std::vector<std::uint32_t> addresses, referrers, visitors, countries;  // by text
};

void Figures::count(Figure& figure, const Batch& batch, std::size_t row) const {
  const int status = batch.status[row];
  ++figure.hits;
  figure.errors_4xx += status >= 400 && status < 500;
  figure.errors_5xx += status >= 500 && status < 600;
  if (batch.bytes[row] != no_number) figure.bytes += batch.bytes[row];
}

void Figures::add(const Batch& b, const std::vector<std::uint8_t>& keep) {
  Of of(b);
  const auto& remote = b.own[static_cast<std::size_t>(Column::remote_addr)];
  const auto& referrer = b.own[static_cast<std::size_t>(Column::referrer)];
  const auto text_of = [&](Ranking& ranking, TextId id) { return ranking.find(b.texts[id], b.texts.hash(id)); };
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (!keep.empty() && keep[i] == 0) continue;
    count(all, b, i);
    first = std::min(first, b.time[i]);
    last = std::max(last, b.time[i]);
    count(timeline.at(floor_div(b.time[i], 1'000'000)), b, i);
    const std::int16_t status = b.status[i];
    count(statuses[status > 0 && status < 1000 ? static_cast<std::size_t>(status) : 0], b, i);

    Of::Path& path = of.paths[b.request[i]];
    const TextId path_text = b.requests[b.request[i]].path;
    if (path.id == Of::unknown) {
      path.file = path_text != null_text && is_file(b.texts[path_text]);
      path.id = path_text == null_text ? pages.find(no_path) : text_of(path.file ? files : pages, path_text);
    }
    count((path.file ? files : pages)[path.id], b, i);
    if (status == 404) {
      if (path.missing == Of::unknown)
        path.missing = path_text == null_text ? not_found.find(no_path) : text_of(not_found, path_text);
      count(not_found[path.missing], b, i);
    }
    if (b.micros[i] != no_number) {
      durations.add(b.micros[i]);
      if (!path.file) {
        if (path.id >= page_durations.size()) page_durations.resize(path.id + 1);
        page_durations[path.id].add(b.micros[i]);
      }
    }

    const auto rank = [&](Ranking& ranking, std::vector<std::uint32_t>& known, const std::vector<TextId>& ids) {
      if (ids.empty() || ids[i] == null_text) return;
      std::uint32_t& id = known[ids[i]];
      if (id == Of::unknown) id = text_of(ranking, ids[i]);
      count(ranking[id], b, i);
    };
    rank(addresses, of.addresses, remote);
    rank(visitors, of.visitors, b.own[static_cast<std::size_t>(Column::visitor)]);
    rank(countries, of.countries, b.own[static_cast<std::size_t>(Column::country)]);
    if (!referrer.empty() && referrer[i] != null_text) {
      std::uint32_t& id = of.referrers[referrer[i]];
      if (id == Of::unknown) id = referrers.find(site_of(b.texts[referrer[i]]));
      count(referrers[id], b, i);
    } else {
      ++without_referrer;
    }

    Of::Kind& kind = of.agents[b.agent[i]];
    if (kind.id == Of::unknown) {
      const Agent& agent = b.agents[b.agent[i]];
      kind.bot = agent.bot != null_text;
      if (agent.string == null_text)
        kind.id = 0;
      else
        kind.id = (kind.bot ? bots : browsers)
                      .find(client_name(b.texts[agent.string], b.texts[agent.browser], b.texts[agent.bot]));
    }
    if (kind.id != 0) count((kind.bot ? bots : browsers)[kind.id], b, i);
    bot_hits += kind.bot;
  }
}

}  // namespace track_usage
