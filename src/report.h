// The figures of a report, gathered in one pass over batches: what costs is
// done once a distinct text of a batch, a row costs a few array look-ups.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/zone.h"
#include "src/row.h"

namespace track_usage {

struct Figure {
  std::uint64_t hits = 0, errors_4xx = 0, errors_5xx = 0;
  std::int64_t bytes = 0;
};

// How long requests took, in bins of which 64 make a doubling: a quantile is
// within 1 % of the exact one, and exact below 128 µs.
class Durations {
 public:
  void add(std::int64_t micros, std::uint32_t count = 1);
  std::int64_t quantile(double share) const;  // microseconds; no_number if there are none
  bool empty() const { return bins_.empty(); }

 private:
  std::vector<std::pair<std::uint16_t, std::uint32_t>> bins_;  // bin and count, bins ascending
};

// Distinct texts, and what was counted under each.
class Ranking {
 public:
  std::uint32_t find(std::string_view key, std::uint64_t hash);
  std::uint32_t find(std::string_view key);
  Figure& operator[](std::uint32_t id) { return figures_[id]; }
  const Figure& operator[](std::uint32_t id) const { return figures_[id]; }
  std::string_view key(std::uint32_t id) const { return keys_[id]; }
  std::size_t size() const { return figures_.size() - 1; }
  // Most hits first, then most bytes, then by key.
  std::vector<std::uint32_t> top(std::size_t count) const;

 private:
  Texts keys_;
  std::vector<Figure> figures_ = std::vector<Figure>(1);  // beside keys_
};

// Requests over time. Minutes at first; quarter hours when there are many.
class Timeline {
 public:
  Timeline() = default;
  // Of what is told no finer than by steps of so many seconds.
  explicit Timeline(std::int64_t finest) : resolution_(900), finest_(finest) {}
  Figure& at(std::int64_t seconds);
  const std::unordered_map<std::int64_t, Figure>& slots() const { return slots_; }
  std::int64_t resolution() const { return resolution_; }  // seconds a slot
  std::int64_t finest() const { return std::max(resolution_, finest_); }

 private:
  void coarsen();

  std::int64_t resolution_ = 60, finest_ = 0;
  std::unordered_map<std::int64_t, Figure> slots_;  // by seconds / resolution
  std::int64_t last_ = INT64_MIN;
  Figure* last_slot_ = nullptr;
};

// A bar of a chart over time: one of equal steps of local time.
struct Bar {
  std::int64_t local;  // its begin, in seconds as if local time were UTC
  Figure figure;
};
struct Bars {
  std::string_view step;  // "an hour", "3 hours" ...
  std::int64_t seconds;   // of a step; months have 30 days here
  std::vector<Bar> bars;  // without gaps
};
// The finest steps of which at most `most` cover the timeline.
Bars bars_of(const Timeline& timeline, const Zone& zone, std::size_t most);

class Figures {
 public:
  // Rows whose keep[i] is 0 are left out; all count if it is empty.
  void add(const Batch& batch, const std::vector<std::uint8_t>& keep);

  bool of_sums = false;  // made of summaries (report_sums.h), not by add()
  Figure all;
  std::int64_t first = INT64_MAX, last = INT64_MIN;  // microseconds
  std::array<Figure, 1000> statuses;                 // by number, 0 for none
  std::uint64_t bot_hits = 0, without_referrer = 0;
  Timeline timeline;
  Durations durations;
  Ranking pages, files;                   // files: what pages are made of, by their extension
  std::vector<Durations> page_durations;  // by id in pages, if the log has times
  Ranking addresses, not_found, referrers, browsers, bots, visitors, countries;

 private:
  struct Of;  // ids of the batch's values
  void count(Figure& figure, const Batch& batch, std::size_t row) const;
};

// What the parts of the figures are called by.
std::string_view site_of(std::string_view referrer);  // www.example.com
std::string_view product_of(std::string_view agent);  // Googlebot
bool is_file(std::string_view path);                  // by its extension: css, png ...
// Googlebot (search), if it is a bot; else its browser, or its product where none is known.
std::string client_name(std::string_view agent, std::string_view browser, std::string_view bot);
constexpr std::string_view no_path = "(no path)";

}  // namespace track_usage
