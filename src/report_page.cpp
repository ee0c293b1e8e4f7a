#include "src/report_page.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"

namespace track_usage {
namespace {

constexpr std::int64_t minute = 60, hour = 3600, day = 86400;
constexpr std::size_t chart_height = 6;
constexpr std::size_t widest_bar = 8;      // of a chart of few bars
constexpr std::size_t side_by_side = 116;  // from this width on narrow tables stand in pairs
constexpr std::size_t between = 4;         // blanks between the two

struct Glyphs {
  std::string_view rule, ellipsis, dot, wall, corner, floor, tick;
  std::array<std::string_view, 9> rising;   // of a chart's column, by eighths
  std::array<std::string_view, 9> growing;  // of a bar
  std::array<std::string_view, 9> spark;    // of a chart of one line
};
constexpr Glyphs blocks = {"─",
                           "…",
                           "·",
                           "│",
                           "└",
                           "─",
                           "┬",
                           {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
                           {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"},
                           {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}};
constexpr Glyphs plain = {"-",
                          "...",
                          "-",
                          "|",
                          "+",
                          "-",
                          "+",
                          {" ", ".", ".", ".", ":", ":", ":", "#", "#"},
                          {"", "", "", "", "#", "#", "#", "#", "#"},
                          {" ", ".", ":", "-", "=", "+", "*", "#", "@"}};

struct Styles {
  std::string_view strong, dim, bar, client_error, server_error, good, redirect;
};
constexpr Styles coloured = {"1", "2", "36", "33", "31", "32", "36"};
constexpr Styles colourless = {};

// A table of the page: hits, share and a bar, then what is asked for, then the name.
struct Section {
  struct Entry {
    Figure figure;
    std::string name;
    std::int64_t p95 = no_number;
    std::string_view style = {};
  };
  enum class Errors : std::uint8_t { none, server, both };

  std::string title, note;
  std::vector<Entry> entries;
  bool bytes = true, times = false;
  Errors errors = Errors::none;
};

constexpr struct {
  int status;
  std::string_view phrase;
} phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {444, "closed without an answer (nginx)"},
    {451, "Unavailable For Legal Reasons"},
    {494, "request header too large (nginx)"},
    {495, "certificate error (nginx)"},
    {496, "no certificate (nginx)"},
    {497, "HTTP to an HTTPS port (nginx)"},
    {499, "client went away (nginx)"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

std::string status_name(std::size_t status) {
  if (status == 0) return "(no status)";
  const auto found = std::find_if(std::begin(phrases), std::end(phrases),
                                  [&](const auto& p) { return static_cast<std::size_t>(p.status) == status; });
  return found == std::end(phrases) ? fmt::format("{}", status) : fmt::format("{} {}", status, found->phrase);
}

std::string repeated(std::string_view glyph, std::size_t times) {
  std::string out;
  for (; times > 0; --times) out += glyph;
  return out;
}

std::string time_text(std::int64_t local) {
  return fmt::format("{} {:02}:{:02}", iso_date(floor_div(local, day)), (local - floor_div(local, day) * day) / hour,
                     (local - floor_div(local, hour) * hour) / minute);
}

// Columns on the terminal, colours left out.
std::size_t shown_width(std::string_view line) {
  std::string text;
  while (!line.empty()) {
    const auto escape = line.find('\x1b');
    text += line.substr(0, escape);
    if (escape == std::string_view::npos) break;
    line.remove_prefix(std::min(line.find('m', escape) + 1, line.size()));
  }
  return display_width(text);
}

class Page {
 public:
  Page(const Figures& figures, const Zone& zone, const PageOptions& options, const Screen& screen)
      : f_(figures),
        zone_(zone),
        options_(options),
        width_(screen.width),
        utf8_(screen.utf8),
        g_(screen.utf8 ? blocks : plain),
        style_(screen.colour ? coloured : colourless) {}

  std::string draw() {
    head();
    if (f_.all.hits != 0) {
      numbers();
      notes();
      chart();
      tables();
    } else {
      notes();
    }
    return std::move(out_);
  }

 private:
  void line(std::string_view text) { out_.append(text) += '\n'; }

  // Client text, as this terminal can show it.
  std::string shown(std::string_view text) const { return utf8_ ? std::string(text) : ascii_only(text); }

  std::int64_t local(std::int64_t micros) const {
    const std::int64_t seconds = floor_div(micros, 1'000'000);
    return seconds + zone_.at(seconds).offset;
  }

  void head() {
    line(styled(cut_to(shown(options_.title), width_, g_.ellipsis), style_.strong));
    if (f_.all.hits == 0) return;
    const std::int64_t from = local(f_.first), to = local(f_.last);
    const std::int64_t days = floor_div(to, day) - floor_div(from, day) + 1;
    const std::int64_t seconds = floor_div(f_.last - f_.first, 1'000'000);
    const auto count = [](std::int64_t n, std::string_view what) {
      return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
    };
    const std::string span = days > 2                ? count(days, "day")
                             : seconds >= 2 * hour   ? count(seconds / hour, "hour")
                             : seconds >= 2 * minute ? count(seconds / minute, "minute")
                                                     : count(seconds, "second");
    const std::string end = floor_div(from, day) == floor_div(to, day) ? time_text(to).substr(11) : time_text(to);
    if (seconds == 0) return line(styled(fmt::format("{} {}", time_text(from), zone_.name()), style_.dim));
    line(styled(fmt::format("{} to {} {} {} {}", time_text(from), end, zone_.name(), g_.dot, span), style_.dim));
  }

  void notes() {
    if (!options_.notes.empty()) out_ += '\n';
    for (const std::string& note : options_.notes) {
      std::string text;
      const std::string all = shown(note);
      for (std::string_view rest = all; !rest.empty();) {
        const auto blank = std::min(rest.find(' '), rest.size());
        const std::string_view word = rest.substr(0, blank);
        if (!text.empty() && display_width(text) + 1 + display_width(word) > width_) {
          line(text);
          text.clear();
        }
        text.append(text.empty() ? "" : " ").append(word);
        rest.remove_prefix(std::min(blank + 1, rest.size()));
      }
      line(text);
    }
  }

  // The figures that answer the first questions, with the classes of status as bars.
  void numbers() {
    std::vector<std::pair<std::string, std::string>> pairs = {
        {"requests", grouped(f_.all.hits)},
        {"addresses", grouped(f_.addresses.size())},
        {"visitors", grouped(f_.visitors.size())},
        {"sent", human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(f_.all.bytes, 0)))},
        {"pages", grouped(f_.pages.size())},
    };
    if (f_.visitors.size() == 0) pairs.erase(pairs.begin() + 2);
    if (f_.browsers.size() + f_.bots.size() != 0) pairs.emplace_back("from bots", percent(f_.bot_hits, f_.all.hits));
    const std::int64_t seconds = floor_div(f_.last - f_.first, 1'000'000);
    const auto a_unit = [&](std::int64_t unit) {
      return grouped(f_.all.hits * static_cast<std::uint64_t>(unit) / static_cast<std::uint64_t>(seconds));
    };
    if (seconds >= 2 * day)
      pairs.emplace_back("a day", a_unit(day));
    else if (seconds >= 2 * hour)
      pairs.emplace_back("an hour", a_unit(hour));
    else if (seconds >= 2 * minute)
      pairs.emplace_back("a minute", a_unit(minute));
    if (!f_.durations.empty()) {
      pairs.emplace_back("median", human_micros(f_.durations.quantile(0.5), utf8_));
      pairs.emplace_back("p95", human_micros(f_.durations.quantile(0.95), utf8_));
    }

    struct Class {
      std::string name;
      std::uint64_t hits;
      std::string_view style;
    };
    std::vector<Class> classes = {{"2xx", of_class(2), style_.good},
                                  {"3xx", of_class(3), style_.redirect},
                                  {"4xx", of_class(4), style_.client_error},
                                  {"5xx", of_class(5), style_.server_error}};
    if (const std::uint64_t hits = of_class(1); hits != 0) classes.insert(classes.begin(), {"1xx", hits, style_.dim});
    std::uint64_t known = 0;
    for (const Class& c : classes) known += c.hits;
    if (known != f_.all.hits) classes.push_back({"other", f_.all.hits - known, style_.dim});

    constexpr std::size_t label = 9, value = 11, gap = 3;
    constexpr std::size_t left = 2 + label + value + gap + label + value;
    const std::size_t name = known != f_.all.hits ? 5 : 3;
    const std::size_t taken = left + gap + name + 1 + 1 + 7;
    const std::size_t bar_width = width_ > taken + 3 ? width_ - taken : 0;
    out_ += '\n';
    for (std::size_t row = 0; row < std::max((pairs.size() + 1) / 2, classes.size()); ++row) {
      std::string text = "  ";
      for (std::size_t i = 2 * row; i < 2 * row + 2; ++i) {
        if (i % 2 == 1) text.append(gap, ' ');
        if (i < pairs.size())
          text += styled(padded(pairs[i].first, label, Align::left), style_.dim) +
                  styled(padded(pairs[i].second, value, Align::right), style_.strong);
        else
          text.append(label + value, ' ');
      }
      if (row < classes.size()) {
        const Class& c = classes[row];
        text.append(gap, ' ').append(padded(c.name, name, Align::left)).append(" ");
        const std::string drawn = bar(c.hits, f_.all.hits, bar_width);
        text += styled(drawn, c.style) + std::string(bar_width - display_width(drawn), ' ');
        text += ' ' + padded(percent(c.hits, f_.all.hits), 7, Align::right);
      }
      line(text.substr(0, text.find_last_not_of(' ') + 1));
    }
  }

  std::uint64_t of_class(std::size_t hundreds) const {
    std::uint64_t hits = 0;
    for (std::size_t s = hundreds * 100; s < hundreds * 100 + 100; ++s) hits += f_.statuses[s].hits;
    return hits;
  }

  // A bar as long as part is of whole; what is not nothing shows.
  std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width) const {
    if (part == 0 || whole == 0 || width == 0) return {};
    const double share = static_cast<double>(part) / static_cast<double>(whole);
    const auto eighths =
        std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * static_cast<double>(width) * 8)));
    std::string out = repeated(g_.growing[8], eighths / 8);
    out += g_.growing[eighths % 8];
    return out;
  }

  void title(std::string_view title, std::string_view note) {
    out_ += '\n';
    line(title_line(title, note, width_));
  }
  std::string title_line(std::string_view title, std::string_view note, std::size_t width) const {
    const std::string shown_note = cut_to(note, width - display_width(title) - 6, g_.ellipsis);
    const std::size_t used = display_width(title) + 1 + (note.empty() ? 0 : display_width(shown_note) + 1);
    return styled(title, style_.strong) + " " + styled(repeated(g_.rule, width > used ? width - used : 0), style_.dim) +
           (note.empty() ? "" : " " + styled(shown_note, style_.dim));
  }

  // Requests as columns over time, and errors below on scales of their own.
  void chart() {
    const Bars probe = bars_of(f_.timeline, zone_, width_);
    std::uint64_t most = 0;
    for (const Bar& b : probe.bars) most = std::max(most, b.figure.hits);
    std::size_t gutter = std::max<std::size_t>(grouped(f_.all.hits).size(), 4);
    const Bars bars = bars_of(f_.timeline, zone_, width_ - gutter - 2);
    if (bars.bars.size() < 2) return;  // one moment: nothing to draw
    const auto busiest = std::max_element(bars.bars.begin(), bars.bars.end(),
                                          [](const Bar& a, const Bar& b) { return a.figure.hits < b.figure.hits; });
    most = busiest->figure.hits;
    const auto most_of = [&](std::uint64_t Figure::*what) {
      std::uint64_t n = 0;
      for (const Bar& b : bars.bars) n = std::max(n, b.figure.*what);
      return n;
    };
    const std::uint64_t most_4xx = most_of(&Figure::errors_4xx), most_5xx = most_of(&Figure::errors_5xx);
    gutter = std::max({grouped(most).size(), 4 + grouped(most_4xx).size(), 4 + grouped(most_5xx).size()});
    const std::size_t room = width_ - gutter - 2;
    const std::size_t each = std::min(room / bars.bars.size(), widest_bar);
    const std::size_t gap = each >= 3 ? 1 : 0;

    const std::string when = bars.seconds >= day ? iso_date(floor_div(busiest->local, day)) : time_text(busiest->local);
    title("Requests", fmt::format("a column is {}, busiest {}", bars.step, when));
    const auto row = [&](std::string_view label, std::string_view style, auto glyph) {
      std::string text, tail;
      for (const Bar& b : bars.bars) text += repeated(glyph(b.figure), each - gap) + std::string(gap, ' ');
      text.erase(text.find_last_not_of(' ') + 1);
      line(styled(padded(label, gutter, Align::right), style_.dim) + " " + styled(g_.wall, style_.dim) +
           styled(text, style));
    };
    for (std::size_t r = 0; r < chart_height; ++r) {
      const std::size_t below = (chart_height - 1 - r) * 8;
      std::string label;
      if (r == 0) label = grouped(most);
      if (r == chart_height / 2 && most >= 10) label = grouped(most / 2);
      row(label, style_.bar, [&](const Figure& figure) {
        const std::size_t level = level_of(figure.hits, most, chart_height * 8);
        return g_.rising[std::clamp<std::size_t>(level, below, below + 8) - below];
      });
    }
    axis(bars, gutter, each);
    const auto spark = [&](std::string_view name, std::uint64_t Figure::*what, std::uint64_t of,
                           std::string_view style) {
      if (of == 0) return;
      row(fmt::format("{} {}", name, grouped(of)), style,
          [&](const Figure& figure) { return g_.spark[level_of(figure.*what, of, 8)]; });
    };
    spark("4xx", &Figure::errors_4xx, most_4xx, style_.client_error);
    spark("5xx", &Figure::errors_5xx, most_5xx, style_.server_error);
  }

  static std::size_t level_of(std::uint64_t n, std::uint64_t most, std::size_t levels) {
    if (n == 0) return 0;
    return std::max<std::size_t>(
        1, static_cast<std::size_t>(
               std::lround(static_cast<double>(n) / static_cast<double>(most) * static_cast<double>(levels))));
  }

  // Ticks at round times, as near as their labels leave room.
  void axis(const Bars& bars, std::size_t gutter, std::size_t each) {
    constexpr std::int64_t rounds[] = {5 * minute, 10 * minute, 15 * minute, 30 * minute, hour,    2 * hour,
                                       3 * hour,   6 * hour,    12 * hour,   day,         2 * day, 7 * day};
    const bool within_days = bars.seconds < day;
    const auto label_of = [&](std::int64_t local, std::int64_t apart) {
      const std::string date = iso_date(floor_div(local, day));
      if (bars.seconds >= 360 * day) return date.substr(0, 4);
      if (bars.seconds >= 30 * day) return date.substr(0, 7);
      const bool midnight = local % day == 0;
      return within_days && !(midnight && apart < day * 8) ? time_text(local).substr(11) : date.substr(5);
    };
    const std::size_t label_width = bars.seconds >= 30 * day && bars.seconds < 360 * day ? 7 : 5;
    const std::size_t needed = label_width + 3;
    // Every how many bars, or at which times.
    std::size_t every = (needed + each - 1) / each;
    std::int64_t apart = 0;
    if (within_days) {
      for (const std::int64_t round : rounds)
        if (round % bars.seconds == 0 && static_cast<std::size_t>(round / bars.seconds) * each >= needed) {
          apart = round;
          break;
        }
      every = 1;
    } else if (bars.seconds == day && every > 1) {
      every = (every + 6) / 7 * 7;  // whole weeks
    } else if (bars.seconds == 30 * day) {
      while (12 % every != 0 && every < 12) ++every;
    }
    std::string floor, labels;
    std::size_t labels_end = 0;
    for (std::size_t i = 0; i < bars.bars.size(); ++i) {
      const std::int64_t local = bars.bars[i].local;
      const std::size_t x = i * each;
      bool marked = apart != 0 ? floor_div(local, apart) * apart == local : i % every == 0;
      if (marked && labels_end != 0 && x < labels_end + 2) marked = false;
      const std::string label = label_of(local, apart);
      if (marked && x + label.size() > width_ - gutter - 2) marked = false;
      floor += marked ? g_.tick : g_.floor;
      floor += repeated(g_.floor, each - 1);
      if (!marked) continue;
      labels.append(x - labels_end, ' ').append(label);
      labels_end = x + label.size();
    }
    line(styled(padded("0", gutter, Align::right) + " " + std::string(g_.corner) + floor, style_.dim));
    line(styled(std::string(gutter + 2, ' ') + labels, style_.dim));
  }

  Section section(std::string title, const Ranking& ranking) const {
    Section s{.title = std::move(title), .note = {}, .entries = {}};
    for (const std::uint32_t id : ranking.top(options_.top))
      s.entries.push_back({.figure = ranking[id], .name = shown(ranking.key(id))});
    if (ranking.size() > s.entries.size()) s.note = fmt::format("{} of {}", s.entries.size(), grouped(ranking.size()));
    return s;
  }

  // Summaries tell errors over time, and none of a page or an address.
  Section::Errors of_key(Section::Errors errors) const { return f_.of_sums ? Section::Errors::none : errors; }

  void tables() {
    using Errors = Section::Errors;
    Section pages{.title = "Pages",
                  .note = {},
                  .entries = {},
                  .times = !f_.page_durations.empty(),
                  .errors = of_key(Errors::server)};
    for (const std::uint32_t id : f_.pages.top(options_.top)) {
      const std::int64_t p95 = id < f_.page_durations.size() ? f_.page_durations[id].quantile(0.95) : no_number;
      pages.entries.push_back({.figure = f_.pages[id], .name = shown(f_.pages.key(id)), .p95 = p95});
    }
    if (f_.pages.size() > pages.entries.size())
      pages.note = fmt::format("{} of {}", pages.entries.size(), grouped(f_.pages.size()));
    wide(pages);
    wide(section("Files", f_.files));

    Section missing = section("Not found", f_.not_found);
    missing.bytes = false;
    Section addresses = section("Addresses", f_.addresses);
    addresses.errors = of_key(Errors::both);
    Section countries = section("Countries", f_.countries);
    countries.errors = of_key(Errors::both);
    Section statuses{.title = "Statuses", .note = {}, .entries = {}};
    for (std::size_t s = 0; s < f_.statuses.size(); ++s)
      if (f_.statuses[s].hits != 0)
        statuses.entries.push_back({.figure = f_.statuses[s],
                                    .name = status_name(s),
                                    .style = s >= 500   ? style_.server_error
                                             : s >= 400 ? style_.client_error
                                                        : ""});
    std::stable_sort(statuses.entries.begin(), statuses.entries.end(),
                     [](const auto& a, const auto& b) { return a.figure.hits > b.figure.hits; });
    if (statuses.entries.size() > options_.top) {
      statuses.note = fmt::format("{} of {}", options_.top, statuses.entries.size());
      statuses.entries.resize(options_.top);
    }
    Section referrers = section("Referrers", f_.referrers);
    if (referrers.note.empty()) referrers.note = fmt::format("{} without", percent(f_.without_referrer, f_.all.hits));
    Section browsers = section("Browsers", f_.browsers);
    browsers.errors = of_key(Errors::both);
    Section bots = section("Bots", f_.bots);
    bots.errors = of_key(Errors::both);

    std::vector<Section> narrow;
    for (Section* s : {&addresses, &countries, &missing, &statuses, &referrers, &browsers, &bots})
      if (!s->entries.empty()) narrow.push_back(std::move(*s));
    if (width_ < side_by_side) {
      for (const Section& s : narrow) wide(s);
      return;
    }
    for (std::size_t i = 0; i < narrow.size(); i += 2)
      pair(std::span(narrow).subspan(i, std::min<std::size_t>(2, narrow.size() - i)));
  }

  void wide(const Section& s) {
    if (s.entries.empty()) return;
    out_ += '\n';
    for (const std::string& text : lines(s, width_)) line(text);
  }

  void pair(std::span<const Section> sections) {
    if (sections.size() == 1) return wide(sections[0]);
    const std::size_t half = (width_ - between) / 2;
    const std::vector<std::string> left = lines(sections[0], half), right = lines(sections[1], half);
    out_ += '\n';
    for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
      std::string text = i < left.size() ? left[i] : "";
      if (i < right.size()) text.append(half + between - shown_width(text), ' ').append(right[i]);
      line(text);
    }
  }

  std::vector<std::string> lines(const Section& s, std::size_t width) const {
    using Errors = Section::Errors;
    // The name gets a readable rest: for it bytes and then the bar give way.
    constexpr std::size_t readable = 20;
    const std::size_t hits_width = std::max<std::size_t>(grouped(f_.all.hits).size() + 2, 6);
    const std::size_t fixed = hits_width + 2 + 7 + 2 + (s.times ? 7 + 2 : 0) + (s.errors != Errors::none ? 6 + 2 : 0);
    const bool bytes = s.bytes && fixed + 12 + readable <= width && (width == width_ || width >= 70);
    const std::size_t rest = width - std::min(width, fixed + (bytes ? 12 : 0) + readable + 2);
    const std::size_t bar_width = rest < 6 ? 0 : width >= 70 ? std::min<std::size_t>({(width - 56) / 3, 24, rest}) : 6;
    std::vector<Table::Head> heads = {{"hits", Align::right, hits_width}, {"share", Align::right, 7}};
    if (bar_width != 0) heads.push_back({"", Align::left, bar_width});
    if (bytes) heads.push_back({"bytes", Align::right, 10});
    if (s.times) heads.push_back({"p95", Align::right, 7});
    if (s.errors != Errors::none) heads.push_back({s.errors == Errors::server ? "5xx" : "errors", Align::right, 6});
    heads.push_back({"", Align::left, 0});

    Table table(std::move(heads));
    const std::uint64_t most = s.entries.front().figure.hits;
    for (const Section::Entry& e : s.entries) {
      const Figure& figure = e.figure;
      std::vector<Table::Cell> row = {{grouped(figure.hits)}, {percent(figure.hits, f_.all.hits)}};
      if (bar_width != 0) row.push_back({bar(figure.hits, most, bar_width), e.style.empty() ? style_.bar : e.style});
      if (bytes) row.push_back({human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(figure.bytes, 0)))});
      if (s.times) row.push_back({e.p95 == no_number ? "" : human_micros(e.p95, utf8_)});
      if (s.errors != Errors::none) {
        const std::uint64_t errors = figure.errors_5xx + (s.errors == Errors::both ? figure.errors_4xx : 0);
        row.push_back(
            {errors == 0 ? "" : grouped(errors), figure.errors_5xx != 0 ? style_.server_error : style_.client_error});
      }
      row.push_back({e.name, e.style});
      table.add(std::move(row));
    }
    std::vector<std::string> out = {title_line(s.title, s.note, width)};
    for (std::string& text :
         table.lines({.width = width, .gap = 2, .ellipsis = g_.ellipsis, .title_style = style_.dim}))
      out.push_back(std::move(text));
    return out;
  }

  const Figures& f_;
  const Zone& zone_;
  const PageOptions& options_;
  const std::size_t width_;
  const bool utf8_;
  const Glyphs& g_;
  const Styles& style_;
  std::string out_;
};

}  // namespace

std::string draw_page(const Figures& figures, const Zone& zone, const PageOptions& options, const Screen& screen) {
  return Page(figures, zone, options, screen).draw();
}

std::string human_micros(std::int64_t micros, bool utf8) {
  const double ms = static_cast<double>(micros) / 1e3;
  if (micros < 1000) return fmt::format("{} {}", micros, utf8 ? "µs" : "us");
  if (ms < 9.95) return fmt::format("{:.1f} ms", ms);
  if (ms < 999.5) return fmt::format("{:.0f} ms", ms);
  if (ms < 9'995) return fmt::format("{:.2f} s", ms / 1e3);
  if (ms < 99'950) return fmt::format("{:.1f} s", ms / 1e3);
  return fmt::format("{:.1f} min", ms / 60e3);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (part == 0 || whole == 0) return "0 %";
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  if (share < 0.1) return "<0.1 %";
  // All but a few is not all.
  if (share >= 99.95 && part != whole) return "99.9 %";
  return fmt::format("{:.1f} %", share);
}

}  // namespace track_usage
