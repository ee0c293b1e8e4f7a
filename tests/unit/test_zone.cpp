// IANA zones: offsets, their ends, and the hours that do not or twice exist.
#include <string>

#include <doctest/doctest.h>

#include "src/base/zone.h"
#include "src/error.h"

namespace track_usage {
namespace {

std::string message(const Error& e) {
  return std::string(e.what()) + " | " + e.hint;
}

std::string refusal(std::string_view name) {
  try {
    const Zone zone(name);
  } catch (const Error& e) {
    CHECK(e.exit == Exit::usage);
    return message(e);
  }
  return "none";
}

TEST_CASE("zone: UTC holds for ever, under all of its names") {
  for (const Zone& zone : {Zone(), Zone("UTC"), Zone("Etc/UTC"), Zone("Z")}) {
    CHECK(zone.name() == "UTC");
    const Zone::Span span = zone.at(1'700'000'000);
    CHECK(span.begin == INT64_MIN);
    CHECK(span.end == INT64_MAX);
    CHECK(span.offset == 0);
    CHECK(zone.to_utc(123) == 123);
  }
}

TEST_CASE("zone: an offset is told with the time for which it holds") {
  const Zone berlin("Europe/Berlin");
  CHECK(berlin.name() == "Europe/Berlin");
  const Zone::Span summer = berlin.at(1'719'800'000);
  CHECK(summer.offset == 7'200);
  CHECK(summer.begin == 1'711'846'800);  // 2024-03-31T01:00Z
  CHECK(summer.end == 1'729'990'800);    // 2024-10-27T01:00Z
  CHECK(berlin.at(summer.begin).offset == 7'200);
  CHECK(berlin.at(summer.begin - 1).offset == 3'600);
  CHECK(berlin.at(summer.end).offset == 3'600);
  CHECK(Zone("Asia/Kolkata").at(1'700'000'000).offset == 19'800);
  CHECK(Zone("America/St_Johns").at(1'700'000'000).offset == -12'600);
}

TEST_CASE("zone: any instant lies in its span") {
  for (const char* name : {"Europe/Berlin", "Asia/Tokyo", "Pacific/Kiritimati", "Etc/GMT+12"}) {
    const Zone zone(name);
    for (const std::int64_t t : {INT64_MIN, INT64_MIN + 1, std::int64_t{-62135596800}, std::int64_t{-1},
                                 std::int64_t{0}, std::int64_t{253402300799}, INT64_MAX - 1}) {
      CAPTURE(name);
      CAPTURE(t);
      const Zone::Span span = zone.at(t);
      CHECK(span.begin <= t);
      CHECK(t < span.end);
    }
  }
}

TEST_CASE("zone: a local reading is its first instant") {
  const struct {
    const char* name;
    const char* zone;
    std::int64_t local, expected;
  } cases[] = {
      {"winter", "Europe/Berlin", 1'704'067'200, 1'704'063'600},
      {"summer", "Europe/Berlin", 1'719'792'000, 1'719'784'800},
      {"in a gap: the first instant after it", "Europe/Berlin", 1'711'852'200, 1'711'846'800},  // 02:30
      {"twice: the first", "Europe/Berlin", 1'729'996'200, 1'729'989'000},                      // 02:30
      {"a day without midnight", "America/Sao_Paulo", 1'541'289'600, 1'541'300'400},            // 2018-11-04
      {"a day with two", "America/Havana", 1'541'289'600, 1'541'304'000},                       // 2018-11-04
      {"no change", "Asia/Tokyo", 1'704'067'200, 1'704'034'800},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(Zone(test.zone).to_utc(test.local) == test.expected);
  }
}

TEST_CASE("zone: an unknown one is refused with the one that was meant") {
  const struct {
    const char* name;
    const char* expected;
  } cases[] = {
      {"Europe/Berln", "no time zone is called 'Europe/Berln' | did you mean 'Europe/Berlin'?"},
      {"europe/berlin", "no time zone is called 'europe/berlin' | did you mean 'Europe/Berlin'?"},
      {"Berlin", "no time zone is called 'Berlin' | did you mean 'Europe/Berlin'?"},
      {"new york", "no time zone is called 'new york' | did you mean 'America/New_York'?"},
      {"utc", "no time zone is called 'utc' | did you mean 'Etc/UTC'?"},
      {"Middle-earth/Mordor",
       "no time zone is called 'Middle-earth/Mordor' | names are those of the IANA database, as "
       "Europe/Berlin"},
      {"", "no time zone is called '' | names are those of the IANA database, as Europe/Berlin"},
      {"../../etc/passwd",
       "no time zone is called '../../etc/passwd' | names are those of the IANA database, as "
       "Europe/Berlin"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(refusal(test.name) == test.expected);
  }
  CHECK(refusal("localtime").starts_with("no time zone is called 'localtime'"));
}

}  // namespace
}  // namespace track_usage
