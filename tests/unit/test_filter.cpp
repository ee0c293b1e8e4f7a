// Which rows stay, what is counted, and what is refused.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "src/error.h"
#include "src/filter.h"
#include "src/row.h"

namespace track_usage {
namespace {

using Strings = std::vector<std::string>;

struct Line {
  const char* path = nullptr;  // nullptr is null, in each text
  std::int16_t status = 200;
  const char* method = "GET";
  const char* host = "self";
  const char* remote = "192.0.2.1";
  const char* agent = "curl/8";
  std::int64_t time = 0;
};

Batch batch_of(const std::vector<Line>& lines) {
  Batch batch;
  const auto text = [&](const char* t) { return t == nullptr ? null_text : batch.texts.intern(t); };
  for (const Line& line : lines) {
    Request request;
    request.path = text(line.path);
    request.method = text(line.method);
    Agent agent;
    agent.string = text(line.agent);
    batch.requests.push_back(request);
    batch.agents.push_back(agent);
    batch.time.push_back(line.time);
    batch.offset.push_back(0);
    batch.bytes.push_back(no_number);
    batch.micros.push_back(no_number);
    batch.status.push_back(line.status);
    batch.flags.push_back(0);
    batch.request.push_back(static_cast<std::uint32_t>(batch.requests.size() - 1));
    batch.agent.push_back(static_cast<std::uint32_t>(batch.agents.size() - 1));
    batch.set(Column::server_name, text(line.host));
    batch.set(Column::remote_addr, text(line.remote));
    batch.end_row();
  }
  return batch;
}

bool keeps(const FilterOptions& options, const Line& line) {
  std::vector<std::uint8_t> keep = {7, 7, 7};
  Counts counts;
  Filter(options).apply(batch_of({line}), keep, counts);
  CHECK(keep.size() == counts.filtered());
  return keep.empty();
}

FilterOptions including(std::string pattern) {
  FilterOptions options;
  options.include = {std::move(pattern)};
  return options;
}

// What the user is told, hint and all; empty if nothing is wrong.
std::string refusal(const FilterOptions& options) {
  try {
    const Filter filter(options);
  } catch (const Error& e) {
    CHECK(e.exit == Exit::usage);
    return std::string(e.what()) + "\n" + e.hint;
  }
  return {};
}

TEST_CASE("filter: a glob with a slash is about the whole path, one without about its last segment") {
  const struct {
    const char* glob;
    Strings matches, others;
  } cases[] = {
      {"*.png", {"/a.png", "/a/b/c.png", "/.png", "a.png"}, {"/a.png/", "/a.pngx", "/a.jpg", "/apng"}},
      {"index.?tml", {"/index.html", "/x/index.xtml"}, {"/index.tml", "/index.html/x", "/myindex.html"}},
      {"robots.txt", {"/robots.txt", "/x/robots.txt"}, {"/robotsxtxt", "/xrobots.txt", "/robots.txt/"}},
      {"*", {"/", "/a", "/a/b", "*", ""}, {}},
      {"/static/*", {"/static/a", "/static/"}, {"/static", "/static/a/b", "/x/static/a"}},
      {"/static/**", {"/static", "/static/", "/static/a", "/static/a/b"}, {"/statics", "/x/static"}},
      {"/a/**/b", {"/a/b", "/a/x/b", "/a/x/y/b"}, {"/a/xb", "/ab", "/a/b/c"}},
      {"**/b", {"/b", "/a/b", "/a/c/b"}, {"/ab", "/b/"}},
      {"/a**b", {"/ab", "/a/x/b", "/axb"}, {"/a/x/c"}},
      {"/**", {"/", "/a/b", ""}, {"*"}},
      {"/{a,b}/*.{js,css}", {"/a/x.js", "/b/y.css"}, {"/c/x.js", "/a/x.html", "/a/b/x.js"}},
      {"*.{jpg,p{n,i}g}", {"/x.jpg", "/x.png", "/x.pig"}, {"/x.pg", "/x.gif"}},
      {"/{a,b/**}", {"/a", "/b", "/b/c/d"}, {"/a/x", "/c"}},
      {"/{,x/}y", {"/y", "/x/y"}, {"/z/y"}},
      {"/a?x", {"/abx", "/a\xc3\xa9x"}, {"/a/x", "/ax"}},
      {"/a.b+c(d)[e]^$|\\", {"/a.b+c(d)[e]^$|\\"}, {"/aXb+c(d)[e]^$|\\"}},
      {"/a,b}", {"/a,b}"}, {"/a", "b}"}},
      {"/\xc3\xa9*", {"/\xc3\xa9", "/\xc3\xa9x"}, {"/e"}},
      {"/A", {"/A"}, {"/a"}},
  };
  for (const auto& test : cases) {
    CAPTURE(test.glob);
    for (const std::string& path : test.matches) {
      CAPTURE(path);
      CHECK(keeps(including(test.glob), {path.c_str()}));
    }
    for (const std::string& path : test.others) {
      CAPTURE(path);
      CHECK_FALSE(keeps(including(test.glob), {path.c_str()}));
    }
  }
}

TEST_CASE("filter: re: searches anywhere in the path") {
  CHECK(keeps(including("re:\\.php$"), {"/a/b.php"}));
  CHECK(keeps(including("re:wp-(admin|login)"), {"/x/wp-login.php"}));
  CHECK_FALSE(keeps(including("re:^/a"), {"/b/a"}));
  CHECK(keeps(including("re:(?i)ADMIN"), {"/admin"}));
  CHECK(keeps(including("re:a,b"), {"/a,b"}));
}

TEST_CASE("filter: an include is needed, an exclude always removes, and no path is neither") {
  FilterOptions both;
  both.include = {"/a/**", "/b/**"};
  both.exclude = {"*.png"};
  CHECK(keeps(both, {"/a/x"}));
  CHECK(keeps(both, {"/b/x"}));
  CHECK_FALSE(keeps(both, {"/c/x"}));
  CHECK_FALSE(keeps(both, {"/a/x.png"}));
  CHECK_FALSE(keeps(both, {nullptr}));
  FilterOptions excludes;
  excludes.exclude = {"*"};
  CHECK_FALSE(keeps(excludes, {"/a"}));
  CHECK(keeps(excludes, {nullptr}));
  FilterOptions mark;
  mark.include = {"!a"};  // only lists know a !
  CHECK(keeps(mark, {"/!a"}));
}

TEST_CASE("filter: lists of statuses, with their nulls") {
  const struct {
    Strings list;
    std::vector<std::int16_t> passes, others;
  } cases[] = {
      {{"404"}, {404}, {200, 403, no_status}},
      {{"4xx"}, {400, 404, 499}, {399, 500, no_status}},
      {{"4XX"}, {400}, {500}},
      {{"400-403"}, {400, 403}, {399, 404}},
      {{"404,5xx"}, {404, 500, 599}, {200, no_status}},
      {{"404", "5xx"}, {404, 500}, {200}},
      {{"!404"}, {200, 500, no_status}, {404}},
      {{"4xx,!404"}, {400, 499}, {404, 200, no_status}},
      {{"! 404 , !2xx"}, {500}, {404, 200}},
      {{"000-999"}, {0, 9, 999}, {no_status, 1000}},
      {{"!1xx"}, {0, 1000, 32767}, {100}},
  };
  for (const auto& test : cases) {
    FilterOptions options;
    options.status = test.list;
    CAPTURE(test.list[0]);
    for (const std::int16_t status : test.passes) CHECK(keeps(options, {"/", status}));
    for (const std::int16_t status : test.others) CHECK_FALSE(keeps(options, {"/", status}));
  }
}

TEST_CASE("filter: methods are whole tokens, in any case") {
  FilterOptions options;
  options.method = {"get,POST"};
  CHECK(keeps(options, {"/", 200, "GET"}));
  CHECK(keeps(options, {"/", 200, "post"}));
  CHECK_FALSE(keeps(options, {"/", 200, "GETS"}));
  CHECK_FALSE(keeps(options, {"/", 200, nullptr}));
  options.method = {"!HEAD"};
  CHECK(keeps(options, {"/", 200, nullptr}));
  CHECK_FALSE(keeps(options, {"/", 200, "HEAD"}));
}

TEST_CASE("filter: hosts and agents are globs in any case, for the whole text") {
  FilterOptions host;
  host.host = {"*.example.{com,org},!WWW.*"};
  CHECK(keeps(host, {"/", 200, "GET", "Api.Example.COM"}));
  CHECK(keeps(host, {"/", 200, "GET", "a.b.example.org"}));
  CHECK_FALSE(keeps(host, {"/", 200, "GET", "example.com"}));
  CHECK_FALSE(keeps(host, {"/", 200, "GET", "www.example.com"}));
  FilterOptions agent;
  agent.agent = {"curl*,*Bot/?.0*"};
  const auto with = [](const char* string) { return Line{"/", 200, "GET", "self", "192.0.2.1", string}; };
  CHECK(keeps(agent, with("CURL/8.5 (a/b)")));
  CHECK(keeps(agent, with("Mozilla/5.0 (compatible; bingbot/2.0; +http://x)")));
  CHECK_FALSE(keeps(agent, with("libcurl/8")));
  CHECK_FALSE(keeps(agent, with(nullptr)));
}

TEST_CASE("filter: remote addresses are compared as addresses") {
  const struct {
    const char* item;
    Strings passes, others;
  } cases[] = {
      {"192.0.2.1", {"192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"}, {"192.0.2.10", "::1"}},
      {"::ffff:192.0.2.1", {"192.0.2.1"}, {"192.0.2.2"}},
      {"10.0.0.0/8", {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"}, {"11.0.0.0", "a00::"}},
      {"10.1.2.3/12", {"10.0.0.1", "10.15.255.255"}, {"10.16.0.0"}},
      {"0.0.0.0/0", {"1.2.3.4", "::ffff:1.2.3.4"}, {"::1", "host"}},
      {"::/0", {"::1", "2001:db8::"}, {"1.2.3.4", "::ffff:1.2.3.4"}},
      {"::ffff:10.0.0.0/104", {"10.1.2.3"}, {"11.0.0.0"}},
      {"2001:db8::/33", {"2001:db8::1", "2001:DB8:7fff::"}, {"2001:db8:8000::", "2001:db9::"}},
      {"2001:db8:0:0::1", {"2001:db8::1"}, {"2001:db8::2"}},
      {"[::1]", {"::1"}, {"::2"}},
      {"fe80::1", {"fe80::1%eth0", "fe80::1"}, {"fe80::2%eth0"}},
      {"fe80::1%eth1", {"fe80::1%eth0"}, {"fe80::2"}},
      {"client.example", {"client.example"}, {"client.example.org", "192.0.2.1"}},
      {"192.0.2.xxx", {"192.0.2.xxx"}, {"192.0.2.1"}},
      {"!10.0.0.0/8", {"192.0.2.1", "host"}, {"10.0.0.1"}},
  };
  for (const auto& test : cases) {
    FilterOptions options;
    options.remote = {test.item};
    CAPTURE(test.item);
    for (const std::string& remote : test.passes) {
      CAPTURE(remote);
      CHECK(keeps(options, {"/", 200, "GET", "self", remote.c_str()}));
    }
    for (const std::string& remote : test.others) {
      CAPTURE(remote);
      CHECK_FALSE(keeps(options, {"/", 200, "GET", "self", remote.c_str()}));
    }
  }
  FilterOptions options;
  options.remote = {"10.0.0.0/8"};
  CHECK_FALSE(keeps(options, {"/", 200, "GET", "self", nullptr}));
}

TEST_CASE("filter: since is inclusive, until is not") {
  FilterOptions options;
  options.since = 100;
  options.until = 200;
  for (const auto& [time, kept] : {std::pair{99, false}, {100, true}, {199, true}, {200, false}}) {
    Line line{"/"};
    line.time = time;
    CHECK(keeps(options, line) == kept);
  }
}

TEST_CASE("filter: a row is counted once, under the first kind that it does not pass") {
  FilterOptions options;
  options.since = 10;
  options.status = {"2xx"};
  options.method = {"GET"};
  options.include = {"/a*"};
  options.exclude = {"*.png"};
  const auto at = [](std::int64_t time, Line line) {
    line.time = time;
    return line;
  };
  const Batch batch = batch_of({
      at(9, {"/x", 404, "PUT"}),
      at(10, {"/a", 200}),
      at(10, {"/x.png", 404, "PUT"}),
      at(10, {"/x.png", 200, "PUT"}),
      at(10, {"/x.png", 200}),
      at(10, {"/a.png", 200}),
      at(11, {"/ab", 204}),
  });
  std::vector<std::uint8_t> keep;
  Counts counts;
  Filter(options).apply(batch, keep, counts);
  CHECK(keep == std::vector<std::uint8_t>{0, 1, 0, 0, 0, 0, 1});
  const auto by = [&](Filtered kind) { return counts.filtered_by[static_cast<std::size_t>(kind)]; };
  CHECK(by(Filtered::since) == 1);
  CHECK(by(Filtered::status) == 1);
  CHECK(by(Filtered::method) == 1);
  CHECK(by(Filtered::include) == 1);
  CHECK(by(Filtered::exclude) == 1);
  CHECK(counts.filtered() == 5);
  CHECK(counts.stored == 0);
}

TEST_CASE("filter: one that keeps all leaves keep empty") {
  const Batch batch = batch_of({{"/a"}, {nullptr}});
  std::vector<std::uint8_t> keep = {1, 0};
  Counts counts;
  const Filter none;
  CHECK(none.keeps_all());
  CHECK(none.canonical() == "");
  none.apply(batch, keep, counts);
  CHECK(keep.empty());
  keep = {1, 0};
  FilterOptions options;
  options.exclude = {"/nothing"};
  const Filter passing(options);
  CHECK_FALSE(passing.keeps_all());
  passing.apply(batch, keep, counts);
  CHECK(keep.empty());
  CHECK(counts.filtered() == 0);
  passing.apply(Batch(), keep, counts);
  CHECK(keep.empty());
}

TEST_CASE("filter: patterns that no row has met are named as typed") {
  FilterOptions options;
  options.status = {"200,!404"};
  options.include = {"/a/**", "*.php", "/a/b"};
  options.exclude = {"*.gif"};
  options.agent = {"curl*"};
  const Filter filter(options);
  std::vector<std::uint8_t> keep;
  Counts counts;
  filter.apply(batch_of({{"/a/b"}, {"/x"}}), keep, counts);
  CHECK(filter.unmatched() == Strings{"--status '!404'", "--include '*.php'", "--exclude '*.gif'"});
  filter.apply(batch_of({{"/x.php"}, {"/a", 404}}), keep, counts);
  CHECK(filter.unmatched() == Strings{"--exclude '*.gif'"});
}

TEST_CASE("filter: two that are written differently have one canonical form") {
  FilterOptions a, b;
  a.include = {"*.html", "re:^/\"x\"", "*.html"};
  b.include = {"re:^/\"x\"", "*.html"};
  a.status = {"4xx,!404", "200"};
  b.status = {"200 , !404,400-499"};
  a.method = {"get"};
  b.method = {"GET"};
  a.remote = {"10.1.2.3/8", "2001:DB8::0"};
  b.remote = {"2001:db8::,10.0.0.0/8"};
  a.host = {"*.Example.com"};
  b.host = {"*.example.com"};
  a.since = b.since = 971211336'000'000;
  const std::string canonical = Filter(a).canonical();
  CHECK(canonical == Filter(b).canonical());
  CHECK(canonical ==
        R"(since=2000-10-10T20:55:36Z status=["!404","200","400-499"] method=["get"] host=["*.example.com"] )"
        R"(remote=["10.0.0.0/8","2001:db8::"] include=["*.html","re:^/\"x\""])");
  b.exclude = {"*.html"};
  CHECK(canonical != Filter(b).canonical());
}

TEST_CASE("filter: what cannot be read is refused with a caret under the place") {
  const auto with = [](auto member, std::string value) {
    FilterOptions options;
    options.*member = {std::move(value)};
    return refusal(options);
  };
  CHECK(with(&FilterOptions::include, "/a/{b,c") == "--include: '{' is not closed\n/a/{b,c\n   ^");
  CHECK(with(&FilterOptions::include, "{a{b}") == "--include: '{' is not closed\n{a{b}\n^");
  CHECK(with(&FilterOptions::exclude, "") == "--exclude: the pattern is empty\n\n^");
  CHECK(with(&FilterOptions::include, "re:") == "--include: the pattern is empty\nre:\n   ^");
  CHECK(with(&FilterOptions::include, "re:a(b") == "--include: missing )\nre:a(b\n    ^");
  CHECK(with(&FilterOptions::include, "re:a(b)[)(](c") == "--include: missing )\nre:a(b)[)(](c\n           ^");
  CHECK(with(&FilterOptions::include, "re:ab)") == "--include: unexpected )\nre:ab)\n     ^");
  CHECK(with(&FilterOptions::include, "re:a[b") == "--include: missing ]\nre:a[b\n    ^");
  CHECK(with(&FilterOptions::include, "re:a\\q") == "--include: invalid escape sequence\nre:a\\q\n    ^");
  CHECK(with(&FilterOptions::include, "re:*a") == "--include: no argument for repetition operator\nre:*a\n   ^");
  CHECK(with(&FilterOptions::include, "re:(?=a)").starts_with("--include: "));
  CHECK(with(&FilterOptions::include, "/\xff").starts_with("--include: invalid UTF-8\n/\\xff\n"));
  CHECK(with(&FilterOptions::status, "200,40") ==
        "--status: '40' is no status; they are 404, 4xx or 400-499\n200,40\n    ^");
  CHECK(with(&FilterOptions::status, "!499-400") == "--status: '499-400' ends before it begins\n!499-400\n ^");
  CHECK(with(&FilterOptions::status, "404,") == "--status: an item is empty\n404,\n    ^");
  CHECK(with(&FilterOptions::status, "") == "--status: an item is empty\n\n^");
  CHECK(with(&FilterOptions::status, "!") == "--status: an item is empty\n!\n^");
  CHECK(with(&FilterOptions::status, "-404").starts_with("--status: '-404' is no status"));
  CHECK(with(&FilterOptions::method, "GET,PO ST") == "--method: 'PO ST' is no method\nGET,PO ST\n      ^");
  CHECK(with(&FilterOptions::host, "a,{b") == "--host: '{' is not closed\na,{b\n  ^");
  CHECK(with(&FilterOptions::remote, "10.0.0.0/33") ==
        "--remote: a network of that kind is 0 to 32 bits long\n10.0.0.0/33\n         ^");
  CHECK(with(&FilterOptions::remote, "::ffff:10.0.0.0/8") ==
        "--remote: a network of that kind is 96 to 128 bits long\n::ffff:10.0.0.0/8\n                ^");
  for (const char* wrong : {"10.0.0", "10.0.0.256", "10.*", "host/8", "10.0.0.0/", "10.0.0.0/x", "1::2::3"}) {
    CAPTURE(wrong);
    CHECK(with(&FilterOptions::remote, wrong) != "");
  }
}

}  // namespace
}  // namespace track_usage
