// Request lines and targets, from the sound to the rude.
#include <string>

#include <doctest/doctest.h>

#include "src/base/text.h"
#include "src/base/url.h"

namespace track_usage {
namespace {

// null where there is none, else in brackets, so that empty shows.
std::string shown(std::string_view view) {
  return view.data() == nullptr ? "null" : "[" + visible(view) + "]";
}

TEST_CASE("url: a request falls into method, target and protocol") {
  const struct {
    const char* name;
    std::string request;
    const char* expected;  // method target protocol, ! if malformed
  } cases[] = {
      {"usual", "GET /a?b=c HTTP/1.1", "[GET] [/a?b=c] [HTTP/1.1]"},
      {"HTTP/2", "GET / HTTP/2", "[GET] [/] [HTTP/2]"},
      {"HTTP/3.0", "GET / HTTP/3.0", "[GET] [/] [HTTP/3.0]"},
      {"HTTP/0.9", "GET /", "[GET] [/] null"},
      {"HTTP/0.9 and a star", "OPTIONS *", "[OPTIONS] [*] null"},
      {"star", "OPTIONS * HTTP/1.1", "[OPTIONS] [*] [HTTP/1.1]"},
      {"any token", "M-SEARCH * HTTP/1.1", "[M-SEARCH] [*] [HTTP/1.1]"},
      {"small letters", "get / HTTP/1.1", "[get] [/] [HTTP/1.1]"},
      {"odd token", "!#$%&'*+-.^_`|~09 / HTTP/1.1", "[!#$%&'*+-.^_`|~09] [/] [HTTP/1.1]"},
      {"absolute", "GET http://a/b HTTP/1.1", "[GET] [http://a/b] [HTTP/1.1]"},
      {"authority", "CONNECT a:443 HTTP/1.1", "[CONNECT] [a:443] [HTTP/1.1]"},
      {"no slash, but a protocol", "GET a.cgi HTTP/1.1", "[GET] [a.cgi] [HTTP/1.1]"},
      {"blanks in the target", "GET /a b c HTTP/1.1", "[GET] [/a b c] [HTTP/1.1] !"},
      {"tab in the target", "GET /a\tb HTTP/1.1", "[GET] [/a\\x09b] [HTTP/1.1] !"},
      {"two blanks", "GET  /a HTTP/1.1", "[GET] [/a] [HTTP/1.1] !"},
      {"blank at the end", "GET /a HTTP/1.1 ", "[GET] [/a] [HTTP/1.1] !"},
      {"blank in front", " GET /a HTTP/1.1", "[GET] [/a] [HTTP/1.1] !"},
      {"a protocol as target", "GET HTTP/1.1 HTTP/1.1", "[GET] [HTTP/1.1] [HTTP/1.1]"},
      {"no protocol and a blank", "GET /a b", "null null null !"},
      {"no target", "GET HTTP/1.1", "null null null !"},
      {"only blanks for a target", "GET  HTTP/1.1", "null null null !"},
      {"method alone", "GET", "null null null !"},
      {"other protocol", "OPTIONS sip:nm SIP/2.0", "null null null !"},
      {"protocol in small letters", "GET / http/1.1", "null null null !"},
      {"long version", "GET / HTTP/1.10", "null null null !"},
      {"0.9 without slash", "GET foo", "null null null !"},
      {"minus", "-", "null null null !"},
      {"empty", "", "null null null !"},
      {"blank", " ", "null null null !"},
      {"TLS", "\x16\x03\x01\x02", "null null null !"},
      {"TLS with a blank", std::string("\x16\x03\x01 \x02 HTTP/1.1"), "null null null !"},
      {"NUL in the method", std::string("GE\0T / HTTP/1.1", 15), "null null null !"},
      {"quote in the method", "\"GET / HTTP/1.1", "null null null !"},
      {"8-bit method", "G\xc3\x89T / HTTP/1.1", "null null null !"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    const SplitRequest split = split_request(test.request);
    std::string got = shown(split.method) + " " + shown(split.target) + " " + shown(split.protocol);
    if (split.malformed) got += " !";
    CHECK(got == test.expected);
  }
  CHECK(split_request(std::string_view()).malformed);
}

TEST_CASE("url: a target falls into path and query") {
  const struct {
    const char* name;
    const char* method;
    const char* target;
    const char* expected;  // path query
    bool absolute = false;
  } cases[] = {
      {"usual", "GET", "/a/b?c=d", "[/a/b] [c=d]"},
      {"no query", "GET", "/a", "[/a] null"},
      {"empty query", "GET", "/a?", "[/a] []"},
      {"second mark", "GET", "/a?b?c", "[/a] [b?c]"},
      {"query alone", "GET", "?b", "[] [b]"},
      {"two slashes", "GET", "//a/b", "[//a/b] null"},
      {"star", "OPTIONS", "*", "[*] null"},
      {"connect", "CONNECT", "a:443", "null null"},
      {"connect with a path", "CONNECT", "/a?b", "null null"},
      {"minus", "GET", "-", "null null"},
      {"empty", "GET", "", "null null"},
      {"absolute", "GET", "http://a.b:80/c?d", "[/c] [d]", true},
      {"absolute without path", "GET", "http://a.b", "[/] null", true},
      {"absolute with query alone", "GET", "http://a.b?c", "[/] [c]", true},
      {"any scheme", "GET", "android-app://com.x/y", "[/y] null", true},
      {"a URL in the path", "GET", "/http://a/b", "[/http://a/b] null"},
      {"a URL in the query", "GET", "a?http://a/b", "[a] [http://a/b]"},
      {"no scheme", "GET", "://a/b", "[://a/b] null"},
      {"digits are no scheme", "GET", "1a://a/b", "[1a://a/b] null"},
      {"host and port", "GET", "a.b:443", "[a.b:443] null"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    const SplitTarget split = split_target(test.method, test.target);
    CHECK(shown(split.path) + " " + shown(split.query) == test.expected);
    CHECK(split.absolute == test.absolute);
  }
}

TEST_CASE("url: arguments become an object of their first values") {
  const struct {
    const char* name;
    const char* query;
    const char* expected;
  } cases[] = {
      {"usual", "a=1&b=2", R"({"a":"1","b":"2"})"},
      {"first wins", "q=1&q=2", R"({"q":"1"})"},
      {"first wins once decoded", "q=1&%71=2", R"({"q":"1"})"},
      {"no equals sign", "a&b=", R"({"a":"","b":""})"},
      {"no key", "=v&a=1", R"({"":"v","a":"1"})"},
      {"empty pieces", "&&a=1&&", R"({"a":"1"})"},
      {"plus and percent", "a+b=c%20d%2B", R"({"a b":"c d+"})"},
      {"broken percent", "a=%zz&b=%4", R"({"a":"%zz","b":"%4"})"},
      {"decoded once", "a=%2541", R"({"a":"%41"})"},
      {"equals in the value", "a=b=c", R"({"a":"b=c"})"},
      {"encoded separators", "a%26b=c%3Dd", R"({"a&b":"c=d"})"},
      {"quotes", "a=\"b\\", R"({"a":"\"b\\"})"},
      {"control", "a=%0a", R"({"a":"\\x0a"})"},
      {"bad byte", "a=%ff%C3%A9", "{\"a\":\"\\\\xff\xc3\xa9\"}"},
      {"keys equal as text", "%ff=1&\\xff=2", R"({"\\xff":"1"})"},
      {"none", "", ""},
      {"only separators", "&&", ""},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    std::string out;
    append_url_args(out, test.query);
    CHECK(out == test.expected);
  }
}

TEST_CASE("url: a command is shown without the passwords of its URLs") {
  const struct {
    const char* name;
    std::string command, expected;
  } cases[] = {
      {"none", "./post-rows.sh a@b", "./post-rows.sh a@b"},
      {"userinfo", "curl https://u:p@example.org/", "curl https://u:***@example.org/"},
      {"quoted", "curl 'https://u:p;(w@example.org/' -T -", "curl 'https://u:***@example.org/' -T -"},
      {"two", "a ftp://u:p@h|b --to=\"http://v:q@i/\"", "a ftp://u:***@h|b --to=\"http://v:***@i/\""},
      {"name alone", "curl https://u@example.org/", "curl https://u@example.org/"},
      {"query", "curl https://example.org/?a=1&Token=x -v", "curl https://example.org/?a=1&Token=*** -v"},
      {"port", "curl http://example.org:8080/", "curl http://example.org:8080/"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(masked_urls(test.command) == test.expected);
  }
}

TEST_CASE("url: very many arguments are all kept, once") {
  std::string query, expected = "{";
  for (int twice = 0; twice < 2; ++twice)
    for (int i = 0; i < 50'000; ++i) query += "%6b" + std::to_string(i) + "=v+" + std::to_string(twice) + "&";
  for (int i = 0; i < 50'000; ++i) expected += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":\"v 0\"";
  std::string out = "x";
  append_url_args(out, query);
  CHECK((out == "x" + expected + "}"));
}

}  // namespace
}  // namespace track_usage
