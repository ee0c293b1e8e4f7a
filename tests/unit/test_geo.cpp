#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

#include "src/base/http.h"
#include "src/enrich/geo.h"
#include "src/enrich/geo_answer.h"
#include "src/enrich/geo_cache.h"
#include "src/error.h"

using namespace track_usage;

namespace {

using State = GeoEntry::State;

struct Folder {
  std::string path = [] {
    std::string name = std::filesystem::temp_directory_path() / "track-usage-geo-XXXXXX";
    return std::string(mkdtemp(name.data()));
  }();
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("geo: the country is found in every service's shape") {
  struct Case {
    const char *name, *json, *country;
  };
  const Case cases[] = {
      {"ip-api.com", R"({"status":"success","country":"Germany","countryCode":"DE"})", "DE"},
      {"ipwho.is", R"({"success":true,"country":"Germany","country_code":"DE"})", "DE"},
      {"geojs.io", R"({"country":"DE","country_3":"DEU","name":"Germany"})", "DE"},
      {"MaxMind", R"({"country":{"iso_code":"DE"},"registered_country":{"iso_code":"US"}})", "DE"},
      {"registered only", R"({"registered_country":{"iso_code":"US"}})", "US"},
      {"ipbase.com", R"({"data":{"location":{"country":{"alpha2":"DE","name":"Germany"}}}})", "DE"},
      {"the first that is a code", R"({"countryCode":"de","country_code":"DEU","country":"DE"})", "DE"},
      {"null", R"({"countryCode":null,"country_code":7,"country":[]})", ""},
      {"no error", R"({"error":false,"success":true,"country":"DE"})", "DE"},
      {"an empty error", R"({"error":"","country":"DE"})", "DE"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const JudgedGeoAnswer got = read_geo_answer(c.json, false);
    CHECK(got.verdict == GeoVerdict::known);
    CHECK(got.answer.known);
    CHECK(got.answer.country == c.country);
  }
}

TEST_CASE("geo: what is no answer, and whose fault it is") {
  struct Case {
    const char* json;
    GeoVerdict verdict;
  };
  const Case cases[] = {
      {R"({"status":"fail","message":"reserved range","countryCode":"DE"})", GeoVerdict::unknown},
      {R"({"success":false,"message":"Reserved range"})", GeoVerdict::unknown},
      {R"({"error":true,"reason":"Invalid IP Address"})", GeoVerdict::unknown},
      {R"({"error":true,"reason":"RateLimited"})", GeoVerdict::refused},
      {R"({"success":false,"error":{"type":"usage_limit_reached"}})", GeoVerdict::refused},
      {R"({"error":"Invalid API key"})", GeoVerdict::refused},
      {"{}", GeoVerdict::unknown},
      {"", GeoVerdict::nonsense},
      {"null", GeoVerdict::nonsense},
      {"[{}]", GeoVerdict::nonsense},
      {R"({"countryCode":"DE")", GeoVerdict::nonsense},
      {"{\"countryCode\":\"DE\",\"x\":\"\xff\"}", GeoVerdict::nonsense},
      {R"({"countryCode":"DE","x":1e999})", GeoVerdict::nonsense},
  };
  for (const Case& c : cases) {
    CAPTURE(c.json);
    const JudgedGeoAnswer got = read_geo_answer(c.json, false);
    CHECK(got.verdict == c.verdict);
    CHECK(!got.answer.known);
    CHECK(got.answer.country.empty());
    CHECK(got.answer.info.empty());
  }
}

TEST_CASE("geo: the info is compact, in the service's order, and fit to be shown") {
  const auto info = [](std::string_view json, bool origin = false) {
    return read_geo_answer(json, origin).answer.info;
  };
  CHECK(info(R"( { "b" : 1 , "a" : [ true , null , 1.5 ] } )") == R"({"b":1,"a":[true,null,1.5]})");
  CHECK(info(R"({"a":"\u001b[1m\u009d","\u0001":"é"})") == R"({"a":"\\x1b[1m\\xc2\\x9d","\\x01":"é"})");
  const char* extreme = R"({"businessWebsite":"x","country":"DE","status":"success"})";
  CHECK(info(extreme, true) == R"({"country":"DE"})");
  CHECK(info(extreme) == extreme);
  CHECK(info(R"({"country":"DE"})", true) == R"({"country":"DE"})");
  for (const std::size_t size : {most_geo_info, most_geo_info + 1}) {
    const std::string around = R"({"country":"DE","x":""})";
    const std::string json = R"({"country":"DE","x":")" + std::string(size - around.size(), 'x') + "\"}";
    const JudgedGeoAnswer got = read_geo_answer(json, false);
    CHECK(got.answer.country == "DE");
    CHECK(got.answer.info == (size == most_geo_info ? json : ""));
  }
  std::string deep = R"({"country":"DE","x":)" + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  CHECK(read_geo_answer(deep, false).answer == GeoAnswer{"DE", "", true});
}

TEST_CASE("geo: a batch's answers find their addresses") {
  const std::vector<std::string> wanted = {"192.0.2.1", "2001:db8::1"};
  const auto countries = [&](std::string_view json) {
    std::string out;
    for (const JudgedGeoAnswer& one : read_geo_batch(json, wanted, false))
      out += (one.verdict == GeoVerdict::known ? one.answer.country : "?") + ' ';
    return out;
  };
  CHECK(countries(R"([{"country":"DE"},{"country":"FR"}])") == "DE FR ");
  CHECK(countries(R"([{"country":"FR","ip":"2001:DB8:0::1"},{"country":"DE","query":"192.0.2.1"}])") == "DE FR ");
  CHECK(countries(R"({"2001:db8::1":{"country":"FR"},"192.0.2.1":{"country":"DE"},"192.0.2.2":{"country":"XX"}})") ==
        "DE FR ");
  CHECK(countries(R"([{"country":"DE"}])") == "? ? ");  // whose is it?
  CHECK(countries(R"([{"country":"XX","ip":"192.0.2.9"},{"country":"FR"}])") == "? FR ");
  CHECK(countries(R"([{"status":"fail"},{"country":"FR"}])") == "? FR ");
  CHECK(countries("[]") == "? ? ");
  CHECK(countries("7") == "? ? ");
  CHECK(read_geo_batch(R"({"error":"token missing"})", wanted, false)[0].verdict == GeoVerdict::refused);
}

TEST_CASE("http: a URL is shown without its secrets") {
  struct Case {
    const char *url, *shown;
  };
  const Case cases[] = {
      {"https://a.example/json/{ip}", "https://a.example/json/{ip}"},
      {"https://u:p@a.example:81/x?key=s&fields=a#f", "https://***@a.example:81/x?key=***&fields=***"},
      {"https://u@v:p@a.example", "https://***@a.example"},
      {"http://a.example?ip={ip}&s3cret", "http://a.example?ip={ip}&***"},
      {"http://a.example/?email=x@b.example&k=s?s=s", "http://a.example/?email=***&k=***"},
      {"http://a.example/\x1b", "http://a.example/\\x1b"},
      {"http://a.example/?", "http://a.example/?"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    CHECK(shown_url(c.url) == c.shown);
  }
  std::string encoded;
  append_percent_encoded(encoded, "2600::1%\xff/-._~");
  CHECK(encoded == "2600%3A%3A1%25%FF%2F-._~");
}

TEST_CASE("geo: a rate is a time between requests, never too short") {
  CHECK(parse_geo_rate("2/s") >= std::chrono::milliseconds(500));
  CHECK(parse_geo_rate("2/s") < std::chrono::milliseconds(501));
  CHECK(parse_geo_rate("45/min") * 45 >= std::chrono::minutes(1));
  for (const char* text : {"", "2", "/s", "0/s", "-1/s", "2/h", "2/ s", "1.5/s"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_geo_rate(text), Error);
  }
}

TEST_CASE("geo cache: keeps answers a month, failures a day, troubles ten minutes") {
  const Folder folder;
  const std::string path = folder.path + "/a/geo.db";
  const std::vector<GeoEntry> entries = {{"192.0.2.1", State::answer, "DE", "{\"a\":1}"},
                                         {"192.0.2.2", State::none, "", ""},
                                         {"192.0.2.3", State::trouble, "", ""},
                                         {"192.0.2.4", State::refused, "", ""}};
  std::vector<std::string> addresses;
  for (const GeoEntry& e : entries) addresses.push_back(e.address);
  constexpr std::int64_t t = 1'700'000'000;
  GeoCache cache(path);
  CHECK(cache.get("s", addresses, t).empty());
  CHECK(!std::filesystem::exists(folder.path + "/a"));  // made by the first write
  cache.put("s", entries, t);
  REQUIRE(cache.trouble().empty());
  struct stat st {};
  REQUIRE(stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0137) == 0);

  const auto found = [&](std::int64_t now) { return GeoCache(path).get("s", addresses, now).size(); };
  CHECK(found(t) == 3);
  CHECK(found(t + 599) == 3);
  CHECK(found(t + 600) == 2);
  CHECK(found(t + 86'399) == 2);
  CHECK(found(t + 86'400) == 1);
  CHECK(found(t + 30 * 86'400 - 1) == 1);
  CHECK(found(t + 30 * 86'400) == 0);
  CHECK(GeoCache(path).get("other", addresses, t).empty());
  const GeoEntry first = GeoCache(path).get("s", addresses, t)[0];
  CHECK(first.country == "DE");
  CHECK(first.info == "{\"a\":1}");

  // Trouble takes no fresh answer away, and a later answer takes its place.
  cache.put("s", std::vector<GeoEntry>{{"192.0.2.1", State::trouble, "", ""}, {"192.0.2.3", State::answer, "FR", ""}},
            t);
  CHECK(cache.get("s", addresses, t)[0].country == "DE");
  CHECK(cache.get("s", addresses, t)[2].country == "FR");

  const GeoCacheStats stats = cache.stats();
  CHECK(stats.entries == 3);
  CHECK(stats.answers == 2);
  CHECK(stats.failures == 1);
  CHECK(stats.oldest == t);
  CHECK(stats.bytes > 0);
  CHECK(cache.purge(100, t + 100) == 0);
  CHECK(cache.purge(100, t + 101) == 3);
  cache.put("s", entries, t);
  CHECK(cache.purge({}, t) == 3);
  CHECK(cache.stats().entries == 0);
  CHECK(GeoCache(folder.path + "/none.db").stats().entries == 0);
  CHECK(GeoCache(folder.path + "/none.db").purge({}, t) == 0);
  CHECK_THROWS_AS(GeoCache(folder.path).stats(), Error);
  CHECK_THROWS_AS(GeoCache(folder.path).purge({}, t), Error);
}
