// The figures of a report and the words that they are shown in.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/report.h"
#include "src/report_page.h"

namespace track_usage {
namespace {

struct Line {
  std::int64_t seconds;
  const char* path;
  const char* remote;
  int status;
  std::int64_t bytes, micros = no_number;
  const char* referrer = nullptr;
};

Batch batch_of(const std::vector<Line>& lines) {
  Batch b;
  for (const Line& l : lines) {
    b.time.push_back(l.seconds * 1'000'000);
    b.offset.push_back(0);
    b.bytes.push_back(l.bytes);
    b.micros.push_back(l.micros);
    b.status.push_back(static_cast<std::int16_t>(l.status));
    b.flags.push_back(0);
    Request request;
    if (l.path != nullptr) request.path = b.texts.intern(l.path);
    b.request.push_back(static_cast<std::uint32_t>(b.requests.size()));
    b.requests.push_back(request);
    b.agent.push_back(0);
    b.set(Column::remote_addr, b.texts.intern(l.remote));
    if (l.referrer != nullptr) b.set(Column::referrer, b.texts.intern(l.referrer));
    b.end_row();
  }
  return b;
}

constexpr std::int64_t noon = 1'794'916'800;  // 2026-11-17T12:00:00Z

}  // namespace

TEST_CASE("report: a quantile is within 1 % of the exact one") {
  std::mt19937 random(1);
  std::lognormal_distribution<double> spread(10, 2);
  Durations durations;
  std::vector<std::int64_t> exact;
  for (int i = 0; i < 10'000; ++i) {
    exact.push_back(static_cast<std::int64_t>(spread(random)));
    durations.add(exact.back());
  }
  std::sort(exact.begin(), exact.end());
  for (const double share : {0.01, 0.5, 0.95, 0.99, 1.0}) {
    CAPTURE(share);
    const auto truth = static_cast<double>(exact[static_cast<std::size_t>(share * 10'000) - 1]);
    CHECK(static_cast<double>(durations.quantile(share)) == doctest::Approx(truth).epsilon(0.01));
  }
  CHECK(Durations().quantile(0.5) == no_number);
  Durations small;
  for (const int n : {0, 1, 2, 100, 127}) small.add(n);
  CHECK(small.quantile(0.5) == 2);
  CHECK(small.quantile(1) == 127);
}

TEST_CASE("report: figures are counted by what they are of") {
  const Batch b = batch_of({{noon, "/a", "192.0.2.1", 200, 10, 1000, "https://www.example.com/x?y"},
                            {noon, "/a", "192.0.2.2", 500, 5, 3000, "https://www.example.com/"},
                            {noon + 1, "/b.css", "192.0.2.1", 200, 1},
                            {noon - 1, "/gone", "192.0.2.1", 404, no_number},
                            {noon, nullptr, "192.0.2.3", 400, 0}});
  Figures f;
  f.add(b, {});
  f.add(b, {1, 0, 0, 0, 0});
  CHECK(f.all.hits == 6);
  CHECK(f.all.bytes == 26);
  CHECK(f.all.errors_4xx == 2);
  CHECK(f.all.errors_5xx == 1);
  CHECK(f.first == (noon - 1) * 1'000'000);
  CHECK(f.last == (noon + 1) * 1'000'000);
  CHECK(f.addresses.size() == 3);
  const auto top = [](const Ranking& r) {
    std::string out;
    for (const auto id : r.top(10)) out += std::string(r.key(id)) + "=" + std::to_string(r[id].hits) + " ";
    return out;
  };
  CHECK(top(f.pages) == "/a=3 (no path)=1 /gone=1 ");
  CHECK(top(f.files) == "/b.css=1 ");
  CHECK(top(f.not_found) == "/gone=1 ");
  CHECK(top(f.addresses) == "192.0.2.1=4 192.0.2.2=1 192.0.2.3=1 ");
  CHECK(top(f.referrers) == "www.example.com=3 ");
  CHECK(f.without_referrer == 3);
  CHECK(f.statuses[200].hits == 3);
  const std::uint32_t a = f.pages.find("/a");
  CHECK(f.page_durations[a].quantile(0.95) == doctest::Approx(3000).epsilon(0.01));
}

TEST_CASE("report: bars are the finest that fit, in local time and without gaps") {
  Timeline timeline;
  for (const std::int64_t seconds : {noon, noon + 61, noon + 4 * 3600}) ++timeline.at(seconds).hits;
  const struct {
    const char* zone;
    std::size_t most;
    const char* step;
    std::size_t bars;
    const char* first;
  } cases[] = {
      {"UTC", 300, "a minute", 241, "2026-11-17T12:00:00Z"},     {"UTC", 72, "5 minutes", 49, "2026-11-17T12:00:00Z"},
      {"UTC", 5, "an hour", 5, "2026-11-17T12:00:00Z"},          {"UTC", 2, "3 hours", 2, "2026-11-17T12:00:00Z"},
      {"Asia/Kolkata", 5, "an hour", 5, "2026-11-17T17:00:00Z"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.zone);
    CAPTURE(c.most);
    const Bars bars = bars_of(timeline, Zone(c.zone), c.most);
    CHECK(bars.step == c.step);
    CHECK(bars.bars.size() == c.bars);
    CHECK(iso_time(bars.bars.front().local * 1'000'000) == c.first);
    std::uint64_t hits = 0;
    for (const Bar& bar : bars.bars) hits += bar.figure.hits;
    CHECK(hits == 3);
  }
}

TEST_CASE("report: a long timeline turns to quarter hours and loses nothing") {
  Timeline timeline;
  for (int i = 0; i < 30'000; ++i) ++timeline.at(noon + i * 60).hits;
  CHECK(timeline.resolution() == 900);
  std::uint64_t hits = 0;
  for (const auto& [slot, figure] : timeline.slots()) hits += figure.hits;
  CHECK(hits == 30'000);
}

TEST_CASE("report: agents, sites and files are known by their names") {
  CHECK(product_of("Mozilla/5.0 (compatible; Googlebot/2.1; +http://x)") == "Googlebot");
  CHECK(product_of("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://x)") ==
        "GPTBot");
  CHECK(product_of("curl/8.5.0") == "curl");
  CHECK(product_of("Mozilla/5.0 zgrab/0.x") == "zgrab");
  CHECK(product_of("Mozilla/5.0 (Linux) AppleWebKit/1 (KHTML, like Gecko) Chrome/1 Safari/1 SomethingBot/3") ==
        "SomethingBot");
  CHECK(product_of("Mozilla/5.0") == "Mozilla");
  CHECK(site_of("https://www.example.com/a?b#c") == "www.example.com");
  CHECK(site_of("http://example.org") == "example.org");
  CHECK(site_of("nonsense") == "nonsense");
  CHECK(is_file("/a/b.min.CSS"));
  CHECK(is_file("/x.woff2"));
  CHECK_FALSE(is_file("/a.css/b"));
  CHECK_FALSE(is_file("/index.html"));
  CHECK_FALSE(is_file("/"));
}

TEST_CASE("report: shares and times are short and never lie") {
  CHECK(percent(0, 5) == "0 %");
  CHECK(percent(1, 5000) == "<0.1 %");
  CHECK(percent(1, 3) == "33.3 %");
  CHECK(percent(9999, 10000) == "99.9 %");
  CHECK(percent(5, 5) == "100.0 %");
  CHECK(human_micros(850, true) == "850 µs");
  CHECK(human_micros(850, false) == "850 us");
  CHECK(human_micros(1'234, true) == "1.2 ms");
  CHECK(human_micros(12'345, true) == "12 ms");
  CHECK(human_micros(1'234'567, true) == "1.23 s");
  CHECK(human_micros(12'345'678, true) == "12.3 s");
  CHECK(human_micros(186'000'000, true) == "3.1 min");
}

TEST_CASE("report: no line is wider than the page, and none is more than ASCII where the locale is") {
  std::vector<Line> lines;
  const std::string long_path = "/" + std::string(300, 'x') + "/茶";
  for (int i = 0; i < 2000; ++i)
    lines.push_back({noon + i * 97, i % 7 == 0 ? long_path.c_str() : "/tea", "2001:db8:1111:2222:3333:4444:5555:6666",
                     i % 50 == 0   ? 503
                     : i % 20 == 0 ? 404
                                   : 200,
                     123'456'789, i % 3 == 0 ? 1'500'000 : 20, "https://example.org/"});
  Figures f;
  f.add(batch_of(lines), {});
  for (const std::size_t width : {60, 61, 69, 70, 80, 99, 115, 116, 120, 160}) {
    for (const bool utf8 : {true, false}) {
      CAPTURE(width);
      CAPTURE(utf8);
      const std::string page =
          draw_page(f, Zone(),
                    {.title = long_path, .notes = {"a note of some words that is longer than sixty columns are wide."}},
                    {.width = width, .utf8 = utf8});
      for (std::size_t from = 0; from < page.size();) {
        const auto end = page.find('\n', from);
        const std::string line = page.substr(from, end - from);
        CAPTURE(line);
        CHECK(display_width(line) <= width);
        if (!utf8) CHECK(ascii_only(line) == line);
        CHECK_FALSE(line.ends_with(' '));
        from = end + 1;
      }
    }
  }
}

}  // namespace track_usage
