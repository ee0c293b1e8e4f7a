// Times as logs write them and as users type them.
#include <string>

#include <doctest/doctest.h>

#include "src/base/timestamp.h"
#include "src/base/zone.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::int64_t second = 1'000'000;

using Maybe = std::optional<std::int64_t>;

TEST_CASE("timestamp: days and dates are each other's inverse") {
  CHECK(days_of({1970, 1, 1}) == 0);
  CHECK(days_of({2000, 2, 29}) == 11'016);
  CHECK(days_of({1969, 12, 31}) == -1);
  CHECK(days_of({1, 1, 1}) == -719'162);
  CHECK(days_of({9999, 12, 31}) == 2'932'896);
  for (std::int64_t days = -719'600; days < 2'933'000; days += 13) {
    const Civil date = civil_of(days);
    REQUIRE(days_of(date) == days);
  }
  Civil last = civil_of(-1000);
  for (std::int64_t days = -999; days < 20'000; ++days) {
    const Civil date = civil_of(days);
    const bool next_day = date.year == last.year && date.month == last.month && date.day == last.day + 1;
    REQUIRE((next_day || date.day == 1));
    last = date;
  }
}

TEST_CASE("timestamp: the time of a CLF line is read with its offset") {
  const struct {
    const char* name;
    std::string input;
    Maybe expected;
  } cases[] = {
      {"usual", "10/Oct/2000:13:55:36 -0700", 971211336 * second},
      {"utc", "10/Oct/2000:20:55:36 +0000", 971211336 * second},
      {"no offset", "10/Oct/2000:20:55:36", 971211336 * second},
      {"a blank and no offset", "10/Oct/2000:20:55:36 ", 971211336 * second},
      {"colon", "11/Oct/2000:02:25:36 +05:30", 971211336 * second},
      {"half hour", "11/Oct/2000:02:25:36 +0530", 971211336 * second},
      {"hours alone", "10/Oct/2000:21:55:36 +01", 971211336 * second},
      {"Z", "10/Oct/2000:20:55:36 Z", 971211336 * second},
      {"no blank", "10/Oct/2000:13:55:36-0700", 971211336 * second},
      {"fraction", "10/Oct/2000:13:55:36.123 -0700", 971211336 * second + 123'000},
      {"fraction without offset", "10/Oct/2000:20:55:36.5", 971211336 * second + 500'000},
      {"leap second", "31/Dec/2016:23:59:60 +0000", 1483228799 * second},
      {"leap day", "29/Feb/2000:00:00:00 +0000", 951782400 * second},
      {"before the epoch", "31/Dec/1969:23:59:59 +0000", -second},
      {"first year", "01/Jan/0001:00:00:00 +0000", -62135596800 * second},
      {"last year", "31/Dec/9999:23:59:59 +0000", 253402300799 * second},
      {"empty", "", {}},
      {"minus", "-", {}},
      {"cut", "10/Oct/2000:13:55:3", {}},
      {"cut offset", "10/Oct/2000:13:55:36 -070", {}},
      {"more", "10/Oct/2000:13:55:36 -0700x", {}},
      {"month in capitals", "10/OCT/2000:13:55:36 -0700", {}},
      {"month in small letters", "10/oct/2000:13:55:36 -0700", {}},
      {"no month", "10/Foo/2000:13:55:36 -0700", {}},
      {"no such day", "30/Feb/2000:13:55:36 -0700", {}},
      {"no leap year", "29/Feb/1900:13:55:36 -0700", {}},
      {"day zero", "00/Jan/2000:13:55:36 -0700", {}},
      {"hour", "10/Oct/2000:24:55:36 -0700", {}},
      {"minute", "10/Oct/2000:13:60:36 -0700", {}},
      {"second", "10/Oct/2000:13:55:61 -0700", {}},
      {"year zero", "10/Oct/0000:13:55:36 -0700", {}},
      {"offset hour", "10/Oct/2000:13:55:36 -2400", {}},
      {"offset minute", "10/Oct/2000:13:55:36 -0760", {}},
      {"fraction without digits", "10/Oct/2000:13:55:36. -0700", {}},
      {"signs are no digits", "10/Oct/2000:13:55:+6 -0700", {}},
      {"NULs", std::string(26, '\0'), {}},
      {"NULs around digits", std::string(18, '\0') + "00" + std::string(6, '\0'), {}},
  };
  ClfTime reused;
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(ClfTime().parse(test.input) == test.expected);
    CHECK(reused.parse(test.input) == test.expected);
    CHECK(reused.parse(test.input) == test.expected);  // by its memory
  }
}

TEST_CASE("timestamp: a remembered minute never tells another one's time") {
  ClfTime time;
  CHECK(time.parse("10/Oct/2000:13:55:36 -0700") == 971211336 * second);
  CHECK(time.parse("10/Oct/2000:13:55:37 -0700") == 971211337 * second);
  CHECK(time.parse("10/Oct/2000:13:55:37 -0600") == 971207737 * second);
  CHECK(time.parse("10/Oct/2000:13:56:37 -0600") == 971207797 * second);
  CHECK_FALSE(time.parse("10/Oct/2000:13:56:xx -0600"));
  CHECK_FALSE(time.parse("99/Oct/2000:13:56:00 -0600"));
  CHECK(time.parse("10/Oct/2000:13:56:37 -0600") == 971207797 * second);
  CHECK_FALSE(time.parse("10/Oct/2000:13:56:37 06000"));
  CHECK(time.parse("10/Oct/2000:13:56:37.25") == 971186197 * second + 250'000);
}

TEST_CASE("timestamp: a log without offsets is in the zone that it is said to be") {
  const Zone zone("Europe/Berlin");  // two hours east on that day
  ClfTime time(zone);
  CHECK(time.parse("10/Oct/2000:22:55:36") == 971211336 * second);
  CHECK(time.parse("10/Oct/2000:20:55:36 +0000") == 971211336 * second);
  CHECK(time.parse("10/Oct/2000:22:55:36.5") == 971211336 * second + 500'000);
  CHECK(parse_iso_time("2000-10-10T22:55:36", zone) == 971211336 * second);
  CHECK(parse_iso_time("2000-10-10T20:55:36Z", zone) == 971211336 * second);
}

TEST_CASE("timestamp: ISO 8601 is read in the forms that logs have") {
  const struct {
    const char* name;
    const char* input;
    Maybe expected;
  } cases[] = {
      {"Z", "2000-10-10T20:55:36Z", 971211336 * second},
      {"none", "2000-10-10T20:55:36", 971211336 * second},
      {"small t", "2000-10-10t20:55:36z", 971211336 * second},
      {"blank", "2000-10-10 20:55:36", 971211336 * second},
      {"colon", "2000-10-10T13:55:36-07:00", 971211336 * second},
      {"plain", "2000-10-10T13:55:36-0700", 971211336 * second},
      {"hours", "2000-10-10T13:55:36-07", 971211336 * second},
      {"blank before the offset", "2000-10-10 13:55:36 -0700", 971211336 * second},
      {"millis", "2000-10-10T20:55:36.123Z", 971211336 * second + 123'000},
      {"comma", "2000-10-10T20:55:36,123Z", 971211336 * second + 123'000},
      {"nanos are cut", "2000-10-10T20:55:36.123456789+00:00", 971211336 * second + 123'456},
      {"many digits", "2000-10-10T20:55:36.12345678901234567890123Z", 971211336 * second + 123'456},
      {"leap second", "2016-12-31T23:59:60Z", 1483228799 * second},
      {"before the epoch", "1969-12-31T23:59:59.25Z", -second + 250'000},
      {"date alone", "2000-10-10", {}},
      {"minutes alone", "2000-10-10T20:55", {}},
      {"trailing T", "2000-10-10T", {}},
      {"trailing blank", "2000-10-10T20:55:36 ", {}},
      {"cut", "2000-10-10T20:55:3", {}},
      {"no fraction", "2000-10-10T20:55:36.Z", {}},
      {"hour 24", "2000-10-10T24:00:00Z", {}},
      {"month 13", "2000-13-10T20:55:36Z", {}},
      {"day 31", "2000-11-31T20:55:36Z", {}},
      {"junk", "2000-10-10T20:55:36Zjunk", {}},
      {"bad offset", "2000-10-10T20:55:36+1", {}},
      {"long offset", "2000-10-10T20:55:36+01:000", {}},
      {"empty", "", {}},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(parse_iso_time(test.input) == test.expected);
  }
}

TEST_CASE("timestamp: the size of an epoch tells its unit") {
  const struct {
    const char* input;
    Maybe expected;
  } cases[] = {
      {"0", 0},
      {"971211336", 971211336 * second},
      {"1700000000", 1700000000 * second},
      {"1700000000.5", 1700000000 * second + 500'000},
      {"1700000000.123456789", 1700000000 * second + 123'456},
      {"99999999999", 99999999999 * second},
      {"100000000000", 100000000 * second},
      {"1700000000123", 1700000000 * second + 123'000},
      {"1700000000123.456", 1700000000 * second + 123'456},
      {"1700000000123456", 1700000000 * second + 123'456},
      {"1700000000123456789", 1700000000 * second + 123'456},
      {"0000000000000001", second},
      {"", {}},
      {".5", {}},
      {"1700000000.", {}},
      {"-1", {}},
      {"+1", {}},
      {"1e9", {}},
      {"17x", {}},
      {"99999999999999999999999", {}},
  };
  for (const auto& test : cases) {
    CAPTURE(test.input);
    CHECK(parse_epoch(test.input) == test.expected);
  }
}

TEST_CASE("timestamp: ages are numbers with a unit") {
  CHECK(parse_age("90s") == 90);
  CHECK(parse_age("15m") == 900);
  CHECK(parse_age("2h") == 7'200);
  CHECK(parse_age("7d") == 604'800);
  CHECK(parse_age("4w") == 2'419'200);
  CHECK(parse_age("2y") == 63'072'000);
  for (const char* wrong :
       {"", "d", "-1d", "1", "1.5h", "1 d", "1Y", "1dd", "99999999999999999d", "18446744073709551615s"})
    CHECK_FALSE(parse_age(wrong));
}

TEST_CASE("timestamp: what users type is a time in the store's zone") {
  constexpr std::int64_t now = 1795356300;  // 2026-11-22T14:05:00Z, a Sunday
  const Zone utc, berlin("Europe/Berlin");
  const struct {
    const char* name;
    const char* input;
    std::int64_t in_utc, in_berlin;
  } cases[] = {
      {"date", "2026-11-22", 1795305600, 1795302000},
      {"summer date", "2026-07-01", 1782864000, 1782856800},
      {"minutes", "2026-11-22T14:05", now, now - 3600},
      {"seconds", "2026-11-22T14:05:06", now + 6, now - 3594},
      {"blank", "2026-11-22 14:05", now, now - 3600},
      {"Z", "2026-11-22T14:05Z", now, now},
      {"offset", "2026-11-22T14:05:06+01:00", now - 3594, now - 3594},
      {"date with offset", "2026-11-22Z", 1795305600, 1795305600},
      {"date with hours", "2026-11-22+01:00", 1795302000, 1795302000},
      {"epoch", "1795356300", now, now},
      {"zero", "0", 0, 0},
      {"now", "now", now, now},
      {"today", "today", 1795305600, 1795302000},
      {"yesterday", "yesterday", 1795219200, 1795215600},
      {"capitals", "Today", 1795305600, 1795302000},
      {"age", "15m", now - 900, now - 900},
      {"weeks", "4w", now - 2'419'200, now - 2'419'200},
      {"blanks around", " 7d ", now - 604'800, now - 604'800},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(parse_when(test.input, "--since", now, utc) == test.in_utc * second);
    CHECK(parse_when(test.input, "--since", now, berlin) == test.in_berlin * second);
  }
  CHECK(parse_when("2026-11-22T14:05:06.5Z", "--since", now, utc) == (now + 6) * second + 500'000);
  // 23:30Z is tomorrow in Berlin already.
  CHECK(parse_when("today", "--since", 1795390200, berlin) == 1795388400 * second);
}

TEST_CASE("timestamp: what is no time is refused with the forms that are") {
  for (const char* input : {"foo", "", "2026", "20261122", "2026-13-01", "2026-11-22T", "2026-11-22T14", "-5m",
                            "tomorrow", "22/Nov/2026"}) {
    CAPTURE(input);
    CHECK_THROWS_AS(parse_when(input, "--since", 0, Zone()), Error);
  }
  try {
    parse_when("foo", "--since", 0, Zone());
  } catch (const Error& e) {
    CHECK(e.exit == Exit::usage);
    CHECK(std::string(e.what()) == "--since: 'foo' is no time");
    CHECK(e.hint.find("2026-11-22") != std::string::npos);
    CHECK(e.hint.find("yesterday") != std::string::npos);
  }
}

TEST_CASE("timestamp: times are written with a fraction only if they have one") {
  CHECK(iso_time(971211336 * second) == "2000-10-10T20:55:36Z");
  CHECK(iso_time(971211336 * second + 120) == "2000-10-10T20:55:36.000120Z");
  CHECK(iso_time(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(iso_time(-62135596800 * second) == "0001-01-01T00:00:00Z");
  CHECK(sql_time(971211336 * second) == "2000-10-10 20:55:36");
  CHECK(sql_time(971211336 * second + 500'000) == "2000-10-10 20:55:36.500000");
  CHECK(iso_date(0) == "1970-01-01");
  CHECK(iso_date(20'779) == "2026-11-22");
}

}  // namespace
}  // namespace track_usage

TEST_CASE("durations have the unit of their format, or their own") {
  struct Case {
    const char* text;
    std::int64_t unit;
    std::optional<std::int64_t> micros;
  };
  constexpr std::int64_t s = 1'000'000'000, ms = 1'000'000, us = 1'000, ns = 1;
  const Case cases[] = {{"0.004", s, 4'000},
                        {"0.0000019", s, 1},
                        {"12", ms, 12'000},
                        {"1.5", ms, 1'500},
                        {"850", us, 850},
                        {"1999", ns, 1},
                        {"9.2e-05", s, 92},
                        {"1.5ms", s, 1'500},
                        {"850us", s, 850},
                        {"850\xc2\xb5s", s, 850},
                        {"850\xce\xbcs", s, 850},
                        {"12ns", s, 0},
                        {"1m2.5s", ms, 62'500'000},
                        {"1h2m3s", s, 3'723'000'000},
                        {"0", s, 0},
                        {"", s, {}},
                        {"-", s, {}},
                        {"-1", s, {}},
                        {".5", s, {}},
                        {"1.", s, {}},
                        {"1.2.3", s, {}},
                        {"1 s", s, {}},
                        {"1d", s, {}},
                        {"1e400", s, {}},
                        {"e5", s, {}},
                        {"ie0", s, {}},
                        {"+1e0", s, {}},
                        {"1e0s", s, {}},
                        {"99999999999999999999", s, {}},
                        {"99999999999999", s, {}}};
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(track_usage::parse_duration(c.text, c.unit) == c.micros);
  }
  for (int n = 1; n < 1000; ++n) {
    CAPTURE(n);
    CHECK(track_usage::parse_duration(std::to_string(n) + "e-05", s) == n * 10);
  }
}
