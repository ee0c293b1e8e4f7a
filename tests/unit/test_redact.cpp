#include <doctest/doctest.h>

#include "src/enrich/redact.h"
#include "src/error.h"

using track_usage::QueryRules;

namespace {

std::string rewritten(const QueryRules& rules, std::string_view request) {
  std::string out;
  return rules.rewrite(request, out) ? out : std::string(request);
}

}  // namespace

TEST_CASE("redact: values of secret-like names are covered wherever a query stands") {
  struct Case {
    const char *request, *kept;
  };
  const Case cases[] = {
      {"GET /a?q=1 HTTP/1.1", "GET /a?q=1 HTTP/1.1"},
      {"GET /a?token=s3cret HTTP/1.1", "GET /a?token=*** HTTP/1.1"},
      {"GET /a?q=1&Password=s3cret&r=2#password=x HTTP/2.0", "GET /a?q=1&Password=***&r=2#password=*** HTTP/2.0"},
      {"GET /a?acc%65ss_token=s3cret HTTP/1.1", "GET /a?acc%65ss_token=*** HTTP/1.1"},
      {"GET /a?passwo%72d=s3&passwor%64=s4&p%61sswd=s5 HTTP/1.1",
       "GET /a?passwo%72d=***&passwor%64=***&p%61sswd=*** HTTP/1.1"},
      {"GET /a?user[password]=s3&user%5Bpasswd%5D=s4 HTTP/1.1",
       "GET /a?user[password]=***&user%5Bpasswd%5D=*** HTTP/1.1"},
      {"GET /a?reset-token=s3&X-Amz-Signature=s4&client_secret=s5 HTTP/1.1",
       "GET /a?reset-token=***&X-Amz-Signature=***&client_secret=*** HTTP/1.1"},
      {"GET /a?code=4%2F0A&auth=b&session=c&sig=d&api-key=e HTTP/1.1",
       "GET /a?code=***&auth=***&session=***&sig=***&api-key=*** HTTP/1.1"},
      {"GET /a?zip_code=80331&postcode=1&author=x&design=y&tokens=2 HTTP/1.1",
       "GET /a?zip_code=80331&postcode=1&author=x&design=y&tokens=2 HTTP/1.1"},
      {"GET /a?token=a b;c,d HTTP/1.1", "GET /a?token=*** HTTP/1.1"},
      {"GET /a?token=a=b==&c=d HTTP/1.1", "GET /a?token=***&c=d HTTP/1.1"},
      {"GET /a?token= HTTP/1.1", "GET /a?token= HTTP/1.1"},
      {"GET /a?token HTTP/1.1", "GET /a?token HTTP/1.1"},
      {"GET /a;token=s3?b=c HTTP/1.1", "GET /a;token=*** HTTP/1.1"},
      {"token=s3cret", "token=***"},
      {"https://a.example/?api_key=s3&q=1", "https://a.example/?api_key=***&q=1"},
  };
  const QueryRules rules({});
  for (const Case& c : cases) {
    CAPTURE(c.request);
    CHECK(rewritten(rules, c.request) == c.kept);
  }
}

TEST_CASE("redact: names of one's own, and none") {
  CHECK(rewritten(QueryRules({.keep = "keep", .redact = true, .secret = {"E-Mail"}}), "/a?e_mail=x&token=y") ==
        "/a?e_mail=***&token=***");
  CHECK(rewritten(QueryRules({.keep = "keep", .redact = false, .secret = {}}), "/a?token=y") == "/a?token=y");
}

TEST_CASE("redact: what of a query is kept") {
  struct Case {
    const char *keep, *request, *kept;
  };
  const Case cases[] = {
      {"strip", "GET /a?b=1&c HTTP/1.1", "GET /a HTTP/1.1"},
      {"strip", "GET /a HTTP/1.1", "GET /a HTTP/1.1"},
      {"strip", "GET /a? HTTP/1.1", "GET /a HTTP/1.1"},
      {"strip", "/a?b", "/a"},
      {"only:b,d", "GET /a?b=1&c=2&d&b=3 HTTP/1.1", "GET /a?b=1&d&b=3 HTTP/1.1"},
      {"only:b", "GET /a?c=2 HTTP/1.1", "GET /a HTTP/1.1"},
      {"only:a b", "GET /a?a+b=1&a%20b=2&ab=3 HTTP/1.1", "GET /a?a+b=1&a%20b=2 HTTP/1.1"},
      {"drop:b", "GET /a?b=1&c=2&token=x HTTP/1.1", "GET /a?c=2&token=*** HTTP/1.1"},
      {"drop:b", "GET /a?b=1 c HTTP/1.1", "GET /a HTTP/1.1"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.keep);
    CAPTURE(c.request);
    CHECK(rewritten(QueryRules({.keep = c.keep, .redact = true, .secret = {}}), c.request) == c.kept);
  }
  for (const char* keep : {"", "none", "only:", "only", "drop:,"}) {
    CAPTURE(keep);
    CHECK_THROWS_AS(QueryRules({.keep = keep, .redact = true, .secret = {}}), track_usage::Error);
  }
}

TEST_CASE("redact: members of track_var") {
  struct Case {
    const char *members, *kept;
  };
  const Case cases[] = {
      {R"({"a":"b","n":1})", R"({"a":"b","n":1})"},
      {R"({"token":"s3","n":1})", R"({"token":"***","n":1})"},
      {R"({"http_authorization":"Bearer s3","x":{"password":"s4","k":"v"}})",
       R"({"http_authorization":"***","x":{"password":"***","k":"v"}})"},
      {R"({"cookie":"theme=x; session=s3; b=c","args":"q=1&token=s4"})",
       R"({"cookie":"theme=x; session=***; b=c","args":"q=1&token=***"})"},
      {R"({"token":["s3","s4"],"n":"x"})", R"({"token":["***","***"],"n":"x"})"},
      {R"({"token":12.5e3,"code":"E42","n":2})", R"({"token":"***","code":"E42","n":2})"},
      {R"({"q":"token=\"s3\\\" x","n":"y"})", R"({"q":"token=*** x","n":"y"})"},
  };
  const QueryRules rules({});
  for (const Case& c : cases) {
    CAPTURE(c.members);
    std::string out;
    CHECK((rules.cover_members(c.members, out) ? out : c.members) == c.kept);
  }
}
