// Hand-written readers: a log line has one time, and strptime costs more than
// the rest of the line.
#include "src/base/timestamp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/zone.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::int64_t second = 1'000'000;  // in microseconds
constexpr std::int64_t day = 86'400;
constexpr std::size_t minute_size = 18;  // "10/Oct/2000:13:55:"
constexpr std::size_t offset_size = 6;   // " -0700"
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The number that `size` digits at `p` make, or -1.
int digits(const char* p, int size) {
  int n = 0;
  for (int i = 0; i < size; ++i) {
    if (!is_digit(p[i])) return -1;
    n = n * 10 + (p[i] - '0');
  }
  return n;
}

bool is_date(Civil d) {
  constexpr std::array<int, 12> lengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (d.year < 1 || d.year > 9999 || d.month < 1 || d.month > 12 || d.day < 1) return false;
  const bool leap = d.year % 4 == 0 && (d.year % 100 != 0 || d.year % 400 == 0);
  return d.day <= lengths[static_cast<std::size_t>(d.month - 1)] + (leap && d.month == 2);
}

// The takers below read from the front of `text` and remove what they read.

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".123" or ",123" in microseconds, cut after the sixth digit; 0 if there is
// none, nothing if no digit follows.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take(text, '.') && !take(text, ',')) return 0;
  if (text.empty() || !is_digit(text.front())) return {};
  std::int64_t micros = 0;
  std::int64_t unit = second / 10;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), unit /= 10)
    micros += (text.front() - '0') * unit;
  return micros;
}

// All of `text` as an offset in seconds east: Z, +01, +0100, +01:00.
std::optional<std::int64_t> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return {};
  const int sign = text[0] == '-' ? -1 : 1;
  const int hours = digits(text.data() + 1, 2);
  text.remove_prefix(3);
  int minutes = 0;
  if (!text.empty()) {
    take(text, ':');
    if (text.size() != 2) return {};
    minutes = digits(text.data(), 2);
  }
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return {};
  return sign * (hours * 3600 + minutes * 60);
}

// "10/Oct/2000:13:55:" in seconds, as if it were UTC.
std::optional<std::int64_t> read_minute(const char* p) {
  if (p[2] != '/' || p[6] != '/' || p[11] != ':' || p[14] != ':' || p[17] != ':') return {};
  const auto month = std::find(months.begin(), months.end(), std::string_view(p + 3, 3));
  const Civil date{digits(p + 7, 4), static_cast<int>(month - months.begin()) + 1, digits(p, 2)};
  const int hour = digits(p + 12, 2);
  const int minute = digits(p + 15, 2);
  if (!is_date(date) || hour < 0 || hour > 23 || minute < 0 || minute > 59) return {};
  return days_of(date) * day + hour * 3600 + minute * 60;
}

// Seconds of a minute at `p`, or -1. A leap second is told as the second before
// it, which every store and calendar knows.
int read_second(const char* p) {
  const int s = digits(p, 2);
  if (s > 60) return -1;
  return s == 60 ? 59 : s;
}

struct IsoTime {
  std::int64_t local = 0;  // seconds as if UTC
  std::int64_t micros = 0;
  std::optional<std::int64_t> offset;
};

// What people type may end after the date or the minutes; logs say seconds.
enum class Iso : std::uint8_t { logged, typed };

std::optional<IsoTime> read_iso(std::string_view text, Iso form) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return {};
  const Civil date{digits(text.data(), 4), digits(text.data() + 5, 2), digits(text.data() + 8, 2)};
  if (!is_date(date)) return {};
  IsoTime time{.local = days_of(date) * day, .micros = 0, .offset = {}};
  text.remove_prefix(10);
  if (take(text, 'T') || take(text, 't') || take(text, ' ')) {
    if (text.size() < 5 || text[2] != ':') return {};
    const int hour = digits(text.data(), 2);
    const int minute = digits(text.data() + 3, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return {};
    time.local += hour * 3600 + minute * 60;
    text.remove_prefix(5);
    if (take(text, ':')) {
      const int s = text.size() < 2 ? -1 : read_second(text.data());
      if (s < 0) return {};
      time.local += s;
      text.remove_prefix(2);
      const auto fraction = take_fraction(text);
      if (!fraction) return {};
      time.micros = *fraction;
    } else if (form == Iso::logged) {
      return {};
    }
    if (text.size() > 1) take(text, ' ');  // "2000-10-10 13:55:36 +0200"
  } else if (form == Iso::logged) {
    return {};
  }
  if (text.empty()) return time;
  time.offset = read_offset(text);
  if (!time.offset) return {};
  return time;
}

// "2026" and "20261122" are dates without their hyphens, not seconds of 1970.
bool looks_like_date(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_digit)) return false;
  if (text.size() == 4) return true;
  if (text.size() != 8) return false;
  return is_date({digits(text.data(), 4), digits(text.data() + 4, 2), digits(text.data() + 6, 2)});
}

// The writers put `size` digits or a whole part at `p` and return its end. By
// hand, as every row that is printed has a time: fmt takes four times as long.

char* put(char* p, std::int64_t n, int size) {
  for (int i = size; i-- > 0; n /= 10) p[i] = static_cast<char>('0' + n % 10);
  return p + size;
}

char* put_date(char* p, std::int64_t days) {
  const Civil date = civil_of(days);
  const int year = std::clamp(date.year, 0, 9999);  // no log tells of another
  p = put(p, year, 4);
  *p++ = '-';
  p = put(p, date.month, 2);
  *p++ = '-';
  return put(p, date.day, 2);
}

char* put_time(char* p, std::int64_t micros, char between) {
  const std::int64_t seconds = floor_div(micros, second);
  const std::int64_t days = floor_div(seconds, day);
  const std::int64_t of_day = seconds - days * day;
  const std::int64_t fraction = micros - seconds * second;
  p = put_date(p, days);
  *p++ = between;
  p = put(p, of_day / 3600, 2);
  *p++ = ':';
  p = put(p, of_day / 60 % 60, 2);
  *p++ = ':';
  p = put(p, of_day % 60, 2);
  if (fraction == 0) return p;
  *p++ = '.';
  return put(p, fraction, 6);
}

// How much of what was typed could begin a date: as much as a sound one can complete.
std::size_t readable_part(std::string_view typed) {
  constexpr std::string_view sound = "2000-01-01T00:00:00Z";
  std::size_t n = std::min(typed.size(), sound.size());
  while (n > 0 && !read_iso(std::string(typed.substr(0, n)).append(sound.substr(n)), Iso::typed)) --n;
  return n;
}

using TimeText = std::array<char, sizeof("2000-10-10T20:55:36.ffffffZ")>;

}  // namespace

// Both ways count in eras of 400 years that begin on a first of March, so that
// the leap day is the last of its year.
std::int64_t days_of(Civil date) {
  const std::int64_t year = date.year - (date.month <= 2);
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

Civil civil_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = floor_div(days, 146'097);
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  return {static_cast<int>(year_of_era + era * 400 + (month >= 10)),
          static_cast<int>(month < 10 ? month + 3 : month - 9),
          static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1)};
}

std::int64_t month_begin(std::int64_t day) {
  const Civil date = civil_of(day);
  return days_of({date.year, date.month, 1});
}

std::optional<std::int64_t> ClfTime::parse(std::string_view text) {
  if (text.size() < minute_size + 2) return {};
  if (std::memcmp(text.data(), minute_, minute_size) != 0) {
    const auto base = read_minute(text.data());
    if (!base) return {};
    base_ = *base;
    std::memcpy(minute_, text.data(), minute_size);
  }
  const int s = read_second(text.data() + minute_size);
  if (s < 0) return {};
  std::string_view rest = text.substr(minute_size + 2);
  if (rest.size() == offset_size && std::memcmp(rest.data(), offset_, offset_size) == 0)
    return (base_ + s - shift_) * second;

  const std::string_view after_seconds = rest;
  const auto fraction = take_fraction(rest);
  if (!fraction) return {};
  take(rest, ' ');
  if (rest.empty()) {
    zone_assumed_ = true;
    return zone_.to_utc(base_ + s) * second + *fraction;
  }
  const auto shift = read_offset(rest);
  if (!shift) return {};
  if (after_seconds.size() == offset_size && after_seconds.front() == ' ') {
    shift_ = *shift;
    std::memcpy(offset_, after_seconds.data(), offset_size);
  }
  return (base_ + s - *shift) * second + *fraction;
}

std::optional<std::int64_t> parse_iso_time(std::string_view text, const Zone& zone, bool* zone_assumed) {
  const auto time = read_iso(text, Iso::logged);
  if (!time) return {};
  if (time->offset) return (time->local - *time->offset) * second + time->micros;
  if (zone_assumed != nullptr) *zone_assumed = true;
  return zone.to_utc(time->local) * second + time->micros;
}

std::optional<std::int64_t> parse_epoch(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find_first_not_of("0123456789"));
  const auto n = parse_number(whole);
  if (!n) return {};
  text.remove_prefix(whole.size());
  const auto fraction = take_fraction(text);
  if (!fraction || !text.empty()) return {};

  // The unit shows in the number of digits: counted in milliseconds, every
  // time since March 1973 has 12 or more, in micro- and nanoseconds 15 and 18;
  // seconds get 12 digits only in the year 5138.
  constexpr std::uint64_t least_millis = 100'000'000'000;
  if (*n < least_millis) return static_cast<std::int64_t>(*n) * second + *fraction;
  if (*n < least_millis * 1'000) return static_cast<std::int64_t>(*n) * 1'000 + *fraction / 1'000;
  if (*n < least_millis * 1'000'000) return static_cast<std::int64_t>(*n);
  return static_cast<std::int64_t>(*n / 1'000);
}

std::int64_t parse_when(std::string_view text, std::string_view option, std::int64_t now, const Zone& zone) {
  const std::string_view typed = trim(text);
  const std::string word = lower(typed);
  if (word == "now") return now * second;
  if (word == "today" || word == "yesterday") {
    const std::int64_t today = floor_div(now + zone.at(now).offset, day);
    return zone.to_utc((today - (word == "yesterday")) * day) * second;
  }
  if (const auto age = parse_age(typed)) return (now - *age) * second;
  if (!looks_like_date(typed))
    if (const auto epoch = parse_epoch(typed)) return *epoch;
  if (const auto time = read_iso(typed, Iso::typed)) {
    const std::int64_t seconds = time->offset ? time->local - *time->offset : zone.to_utc(time->local);
    return seconds * second + time->micros;
  }
  throw Error(Exit::usage, fmt::format("{}: '{}' is no time", option, visible(text)),
              caret(typed, readable_part(typed)) +
                  "\ntimes are 2026-11-22, 2026-11-22T14:05:06+01:00, epoch seconds, now, today, yesterday, "
                  "or an age: 15m 6h 7d 4w");
}

std::optional<std::int64_t> parse_duration(std::string_view text, std::int64_t unit) {
  struct Unit {
    std::string_view name;
    std::int64_t nanos;
  };
  constexpr Unit units[] = {{"ns", 1},         {"us", 1'000},        {"\xc2\xb5s", 1'000},  {"\xce\xbcs", 1'000},
                            {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
  constexpr std::int64_t longest = 1'000'000'000'000'000'000;  // beyond any request
  if (text.empty() || text[0] < '0' || text[0] > '9') return {};
  if (text.find_first_of("eE") != std::string_view::npos) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const double micros = number * static_cast<double>(unit) / 1e3;
    if (error != std::errc() || end != text.data() + text.size() || micros >= 1e18) return {};
    return static_cast<std::int64_t>(micros + 1e-6);  // 13e-05 s is 129.999… us as a binary fraction
  }
  std::int64_t micros = 0;
  while (!text.empty()) {
    const std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
    const auto dot = number.find('.');
    const auto whole = parse_number(number.substr(0, dot));
    text.remove_prefix(number.size());
    if (!whole || *whole > INT64_MAX) return {};
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    std::int64_t of = unit;
    if (!name.empty()) {
      const auto* const found =
          std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == name; });
      if (found == std::end(units)) return {};
      of = found->nanos;
      text.remove_prefix(name.size());
    }
    std::int64_t part = 0;
    if (of < 1'000)
      part = static_cast<std::int64_t>(*whole) / (1'000 / of);
    else if (__builtin_mul_overflow(static_cast<std::int64_t>(*whole), of / 1'000, &part))
      return {};
    if (dot != std::string_view::npos) {
      std::int64_t nanos = 0;
      std::int64_t digit = of / 10;
      for (const char c : number.substr(dot + 1)) {
        if (c == '.') return {};
        nanos += (c - '0') * digit;
        digit /= 10;
      }
      if (dot + 1 == number.size()) return {};
      part += nanos / 1'000;
    }
    if (part > longest || (micros += part) > longest) return {};
  }
  return micros;
}

std::optional<std::int64_t> parse_age(std::string_view text) {
  if (text.empty()) return {};
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3'600;
      break;
    case 'd':
      unit = day;
      break;
    case 'w':
      unit = 7 * day;
      break;
    case 'y':
      unit = 365 * day;
      break;
    default:
      return {};
  }
  text.remove_suffix(1);
  const auto n = parse_number(text);
  constexpr std::uint64_t longest = 9'999ull * 366 * day;  // no calendar here knows more
  if (!n || *n > longest / static_cast<std::uint64_t>(unit)) return {};
  return static_cast<std::int64_t>(*n) * unit;
}

std::string iso_time(std::int64_t micros) {
  TimeText text;
  char* end = put_time(text.data(), micros, 'T');
  *end++ = 'Z';
  return {text.data(), end};
}

std::string sql_time(std::int64_t micros) {
  TimeText text;
  return {text.data(), put_time(text.data(), micros, ' ')};
}

std::string iso_date(std::int64_t days) {
  TimeText text;
  return {text.data(), put_date(text.data(), days)};
}

}  // namespace track_usage
