// The json dialect: names, maps, odd values and the repair of lines that are
// nearly JSON.
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "parsers/parsers.h"
#include "src/base/timestamp.h"
#include "src/error.h"

using namespace track_usage;

namespace {

// A line read, and what its fields borrow from.
struct Read {
  std::string text;
  std::unique_ptr<Parser> parser;
  Fields fields;
  Reading reading;

  explicit Read(std::string_view line, std::string_view format = "json") : text(line) {
    text.append(1, '\n').append(64, '\0');
    parser = make_parser(format, {});
    reading = parser->read(std::string_view(text).substr(0, line.size()), fields);
  }
  Read(const Read&) = delete;
  bool whole() const { return reading.match == Match::whole; }
};

constexpr std::string_view frame = R"("time":"2026-11-22T14:05:06Z","remote_addr":"192.0.2.1","status":200)";

std::string line_with(std::string_view members) {
  return fmt::format("{{{},{}}}", frame, members);
}

Batch parsed(const std::string& lines) {
  const std::string padded = lines + std::string(64, '\0');
  const auto parser = make_parser("json", {});
  RowBuilder builder({});
  Batch batch;
  Dispatcher({parser.get()}).parse({.text = std::string_view(padded).substr(0, lines.size())}, builder, batch);
  return batch;
}

}  // namespace

TEST_CASE("json: nginx's names are known without a map") {
  const Read r(
      R"({"time_iso8601":"2026-11-22T14:05:06+00:00","remote_addr":"203.0.113.7","remote_user":"ann",)"
      R"("request":"GET /a?b=1 HTTP/1.1","status":"404","body_bytes_sent":"5120","http_referer":"https://e.org/",)"
      R"("http_user_agent":"curl/8.5.0","http_x_forwarded_for":"10.0.0.1","http_accept_language":"de, en",)"
      R"("request_time":"0.127","scheme":"https","server_name":"www.e.org"})");
  REQUIRE(r.whole());
  const Fields& f = r.fields;
  CHECK(iso_time(f.time) == "2026-11-22T14:05:06Z");
  CHECK(f.remote == "203.0.113.7");
  CHECK(f.user == "ann");
  CHECK(f.request == "GET /a?b=1 HTTP/1.1");
  CHECK(f.status == 404);
  CHECK(f.bytes == 5120);
  CHECK(f.referrer == "https://e.org/");
  CHECK(f.agent == "curl/8.5.0");
  CHECK(f.forwarded == "10.0.0.1");
  CHECK(f.accept_language == "de, en");
  CHECK(f.micros == 127000);
  CHECK(f.scheme == "https");
  CHECK(f.host == "www.e.org");
  CHECK(f.variables.empty());
  CHECK(f.plain);
  CHECK(f.escapes == Escapes::undone);
  CHECK(r.reading.named == 13);
}

TEST_CASE("json: the first name that has a value fills a field") {
  struct Case {
    const char *members, *bytes, *host, *time;
  };
  const Case cases[] = {
      {R"("bytes_sent":9,"body_bytes_sent":5,"host":"h","server_name":"s","msec":1700000000.5)", "5", "s",
       "2023-11-14T22:13:20.500000Z"},
      {R"("body_bytes_sent":"-","bytes_sent":9,"server_name":"","host":"h")", "9", "h", "2026-11-22T14:05:06Z"},
      {R"("body_bytes_sent":null,"server_name":null,"msec":"-","ts":1)", "", "", "2026-11-22T14:05:06Z"},
      {R"("msec":"soon","time_local":"10/Oct/2000:13:55:36 -0700")", "", "", "2000-10-10T20:55:36Z"},
      {R"("body_bytes_sent":5.0,"time_local":"[10/Oct/2000:13:55:36 -0700]")", "5", "", "2000-10-10T20:55:36Z"},
      {R"("body_bytes_sent":5.5,"msec":"1700000000.500")", "", "", "2023-11-14T22:13:20.500000Z"},
      {R"("body_bytes_sent":-5,"msec":1.7e9)", "", "", "2023-11-14T22:13:20Z"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.members);
    const Read r(line_with(c.members));
    REQUIRE(r.whole());
    CHECK((r.fields.bytes == no_number ? "" : std::to_string(r.fields.bytes)) == c.bytes);
    CHECK(r.fields.host == c.host);
    CHECK(iso_time(r.fields.time) == c.time);
  }
}

TEST_CASE("json: a request comes whole or in parts") {
  const Read parts(
      line_with(R"("request_method":"GET","request_uri":"/a b","uri":"/index","server_protocol":"HTTP/2.0")"));
  REQUIRE(parts.whole());
  CHECK(parts.fields.request.data() == nullptr);
  CHECK(parts.fields.method == "GET");
  CHECK(parts.fields.target == "/a b");
  CHECK(parts.fields.protocol == "HTTP/2.0");
  const Read uri(line_with(R"("request_method":"GET","uri":"/index","request":"")"));
  CHECK(uri.fields.target == "/index");
  const Read whole(line_with(R"("request":"-","request_method":"GET","request_uri":"/a")"));
  CHECK(whole.fields.request == "-");
  CHECK(whole.fields.target.data() == nullptr);
}

TEST_CASE("json: a line that was cut behind its frame is a row without what is missing") {
  const Read r(R"({"time":1,"remote_addr":"::1","status":200,"body_bytes_sent":51)");
  CHECK(r.reading.match == Match::truncated);
  CHECK(r.fields.status == 200);
  CHECK(r.fields.bytes == no_number);  // 51 may be the beginning of 5120
}

TEST_CASE("json: a frame without time, address or status is rejected, with the place") {
  struct Case {
    const char* line;
    Reject reason;
    std::uint32_t column;
  };
  const Case cases[] = {
      {R"({"time":"x","remote_addr":"::1","status":200})", Reject::bad_time, 9},
      {R"({"remote_addr":"::1","status":200})", Reject::bad_time, 34},
      {R"({"time":1,"status":200})", Reject::no_address, 23},
      {R"({"time":1,"remote_addr":"-","status":200})", Reject::no_address, 41},
      {R"({"time":1,"remote_addr":"::1"})", Reject::bad_status, 30},
      {R"({"time":1,"remote_addr":"::1","status":"ok"})", Reject::bad_status, 40},
      {R"({"time":1,"remote_addr":"::1","status":true})", Reject::bad_status, 39},
      {R"({"time":1,"remote_addr":"::1","status":1000})", Reject::bad_status, 39},
      {R"({"time":1,"remote_addr":"::1","status":-1})", Reject::bad_status, 39},
      {"{\"u\":\"\xff\\x22\",\"time\":1,\"remote_addr\":\"::1\",\"status\":1000}", Reject::bad_status, 51},
      {R"(192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5)", Reject::unknown_format, 0},
      {R"(  [1])", Reject::unknown_format, 2},
      {"", Reject::unknown_format, 0},
      {R"({"time":1,"remote_addr":"::1","status":200)", Reject::truncated, 42},
      {R"({"time":1,"remote_addr":"::1","status":200} x)", Reject::bad_json, 44},
      {R"({"time":1,"remote_addr":"::1","status":200}{})", Reject::bad_json, 43},
      {R"({"time":1,"remote_addr":"::1","status":200,})", Reject::bad_json, 43},
      {R"({"time":1,,"remote_addr":"::1","status":200})", Reject::bad_json, 10},
  };
  for (const Case& c : cases) {
    CAPTURE(c.line);
    const Read r(c.line);
    CHECK(r.reading.match == Match::none);
    CHECK(r.reading.reason == c.reason);
    CHECK(r.reading.column == c.column);
    CHECK(!r.reading.expected.empty());
  }
}

TEST_CASE("json: what is no JSON is refused wherever it stands") {
  const char* members[] = {R"("a":tru)",
                           R"("a":nul)",
                           R"("a":truex)",
                           R"("a":[1,,2])",
                           R"("a":[1 2])",
                           R"("a":{"b"})",
                           R"("a":x)",
                           R"("a" 1)",
                           R"(a:1)",
                           R"("a":"b"x)",
                           R"("a":"b"1)",
                           R"("a":1x)",
                           R"("a":[}])",
                           R"("a":{"b":1])",
                           R"("a":"unclosed)",
                           R"("a":\u0041)",
                           R"("a":)",
                           R"("a":1 "b":2)",
                           R"("a":[{}])"
                           "]",
                           R"("a":"b\"x)",
                           R"("a":"\x4")"
                           "x"};
  for (const char* m : members) {
    CAPTURE(m);
    const Read r(line_with(m));
    CHECK(r.reading.match == Match::none);
    CHECK(r.reading.reason == Reject::bad_json);
  }
  // An object that is not closed, before each byte that could go on with it.
  for (const char after : std::string("}],:\"{[1 \n\0", 11)) {
    CAPTURE(int{after});
    for (const std::string_view body :
         {R"({"a":[{})", R"({"a":{})", R"({"a":[[{})", R"({"a":{"b":[{})", R"({"a":"b\\",["x":{})"}) {
      std::string text(body);
      text.append(80, after);
      Fields f;
      CHECK(make_parser("json", {})->read(std::string_view(text).substr(0, body.size()), f).match == Match::none);
    }
    const std::string sound = line_with(R"("a":1)");
    const std::string text = sound + std::string(80, after);
    Fields f;
    CHECK(make_parser("json", {})->read(std::string_view(text).substr(0, sound.size()), f).match == Match::whole);
  }
  const std::string deep = line_with(R"("a":)" + std::string(5000, '[') + std::string(5000, ']'));
  CHECK(Read(deep).reading.match == Match::none);
}

TEST_CASE("json: what servers write that is not quite JSON is taken") {
  struct Case {
    const char* status;
    int expected;
  };
  const Case cases[] = {{"200", 200},        {"\"200\"", 200},     {"200.0", 200},      {"009", 9},
                        {"null", no_status}, {"\"-\"", no_status}, {"\"\"", no_status}, {"-", no_status},
                        {" 304 ", 304},      {"[404, 200]", 404}};
  for (const Case& c : cases) {
    CAPTURE(c.status);
    const Read r(fmt::format(R"({{"time":1,"remote_addr":192.0.2.1,"upstream_response_time":-,"x":007,"status":{}}})",
                             c.status));
    REQUIRE(r.whole());
    CHECK(r.fields.status == c.expected);
    CHECK(r.fields.remote == "192.0.2.1");
    CHECK(r.fields.variables == R"("upstream_response_time":null,"x":"007")");
  }
}

TEST_CASE("json: of a list of times the last that is a number counts") {
  struct Case {
    const char* text;
    std::int64_t micros;
  };
  const Case cases[] = {{"\"0.001, 0.002\"", 2000}, {"\"0.003, -\"", 3000},    {"\"-\"", no_number},
                        {"\"x\"", no_number},       {"9.2e-05", 92},           {"0", 0},
                        {"-1", no_number},          {"\"0.25 : 0.5\"", 500000}};
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(Read(line_with(fmt::format("\"request_time\":{}", c.text))).fields.micros == c.micros);
  }
}

TEST_CASE("json: members without a place in the row are kept as JSON") {
  struct Case {
    const char *members, *variables;
  };
  const Case cases[] = {
      {R"("a":1,"b":"x","c":true,"d":null,"e":"-","f":"")", R"("a":1,"b":"x","c":true,"d":null,"e":"-","f":"")"},
      {R"("a" : { "b" : [ 1 , {"c":"d"} , [ ] , { } ] })", R"("a":{"b":[1,{"c":"d"},[],{}]})"},
      {R"("a":1,"b":2,"a":3)", R"("b":2,"a":3)"},
      {R"("a":1,"a":2,"a":3)", R"("a":3)"},
      {R"("o":{"x":1,"y":2,"x":3},"p":0,"o":{"x":{"x":1,"x":2}})", R"("p":0,"o":{"x":{"x":2}})"},
      {R"("a\"b":"c\"d\\e","\u0061":"\u0062")", R"("a\"b":"c\"d\\e","a":"b")"},
      {R"("e":1e999,"f":-1.5e3,"g":-0)", R"("e":"1e999","f":-1.5e3,"g":-0)"},
      {R"("a":"\u001b[0m\u0085\u0000")", R"("a":"\\x1b[0m\\xc2\\x85\\x00")"},
      {R"("request":{"method":"GET"},"status":{"code":1})", R"("request":{"method":"GET"},"status":{"code":1})"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.members);
    const Read r(line_with(c.members));
    REQUIRE(r.whole());
    CHECK(r.fields.variables == c.variables);
  }
  std::string many, last;
  for (int i = 0; i < 200; ++i) many += fmt::format("\"k{}\":{},", i % 50, i);
  for (int i = 150; i < 200; ++i) last += fmt::format("{}\"k{}\":{}", i == 150 ? "" : ",", i % 50, i);
  many.pop_back();
  CHECK(Read(line_with(many)).fields.variables == last);
}

TEST_CASE("json: the last of two equal keys wins, also a null") {
  const Read r(
      line_with(R"("http_referer":"a","http_referer":"b","http_user_agent":"x","http_user_agent":null,"status":404)"));
  REQUIRE(r.whole());
  CHECK(r.fields.referrer == "b");
  CHECK(r.fields.agent.data() == nullptr);
  CHECK(r.fields.status == 404);
}

TEST_CASE("json: strings are undone once and become text") {
  struct Case {
    const char *name, *raw, *agent;
    bool not_utf8;
  };
  const Case cases[] = {
      {"plain", "a", "a", false},
      {"JSON's escapes", R"(\"\\\/\b\u00e9\ud83d\ude00)", "\"\\/\\x08\u00e9\U0001F600", false},
      {"nginx's quote", R"(\x22a\x5Cb\x5C\x22)", R"("a\b\")", false},
      {"undone once", R"(\x5Cx41 \\x41 \x5cu0041)", R"(\x41 \x41 \u0041)", false},
      {"UTF-8 by \\x", R"(\xC3\xA9)", "\u00e9", false},
      {"half raw, half escaped", "\xc3\\xA9\\xc3\xa9", "\u00e9\u00e9", false},
      {"raw UTF-8", "\xc3\xa9", "\u00e9", false},
      {"a bad byte",
       "a\xff"
       "b",
       R"(a\xffb)", true},
      {"a bad byte by \\x", R"(a\xFFb\xC3)", R"(a\xffb\xc3)", true},
      {"a letter between", R"(\xC3A\xA9)", R"(\xc3A\xa9)", true},
      {"raw controls", "a\tb\x01\x7f\xc2\x85", R"(a\x09b\x01\x7f\xc2\x85)", false},
      {"controls by \\x", R"(\x0A\x1b)", R"(\x0a\x1b)", false},
      {"Apache's \\v", R"(a\vb)", R"(a\x0bb)", false},
      {"lone surrogates", R"(\udfff\ud800x\ud83d)", R"(\xed\xbf\xbf\xed\xa0\x80x\xed\xa0\xbd)", true},
      {"a surrogate, then a pair", R"(\ud800\ud83d\ude00)", "\\xed\\xa0\\x80\U0001F600", true},
      {"any other backslash", R"(\q\x4\u12\')", R"(\q\x4\u12\')", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Read r(line_with(fmt::format("\"http_user_agent\":\"{}\",\"x\":1", c.raw)));
    REQUIRE(r.whole());
    CHECK(r.fields.agent == c.agent);
    CHECK(((r.fields.flags & not_utf8) != 0) == c.not_utf8);
    CHECK(r.fields.plain == (std::string_view(c.name) == "plain"));
  }
}

TEST_CASE("json: a TAB in the target is a blank there, however it is written") {
  for (const char* tab : {"\\t", "\t", "\\u0009", "\\x09"}) {
    CAPTURE(tab);
    const Read r(line_with(fmt::format("\"request_method\":\"GET\",\"request_uri\":\"/a{}b\"", tab)));
    REQUIRE(r.whole());
    CHECK((r.fields.flags & malformed_request) != 0);
  }
  const Read plain(line_with("\"request_method\":\"GET\",\"request_uri\":\"/a%09b\""));
  CHECK((plain.fields.flags & malformed_request) == 0);
}

TEST_CASE("json: a map names other keys, nested ones by dotted path") {
  const std::string_view caddy =
      R"({"ts":1646861401.5241024,"request":{"remote_ip":"127.0.0.1","remote_port":"41342","proto":"HTTP/2.0",)"
      R"("method":"GET","host":"localhost","uri":"/a?b","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]}},)"
      R"("duration":0.000929675,"size":10900,"status":200,"a.b":"en"})";
  const Read r(
      caddy,
      "json:date=ts,remote_addr=request.remote_ip,method=request.method,path=request.uri,protocol=request.proto,"
      "server_name=request.host,user_agent=request.headers.User-Agent,speed=duration,content_length=size,"
      R"(accept_language=a\.b)");
  REQUIRE(r.whole());
  const Fields& f = r.fields;
  CHECK(iso_time(f.time) == "2022-03-09T21:30:01.524102Z");
  CHECK(f.remote == "127.0.0.1");
  CHECK(f.method == "GET");
  CHECK(f.target == "/a?b");
  CHECK(f.protocol == "HTTP/2.0");
  CHECK(f.host == "localhost");
  CHECK(f.agent == "curl/7.82.0");
  CHECK(f.micros == 929);
  CHECK(f.bytes == 10900);
  CHECK(f.accept_language == "en");
  CHECK(f.variables == R"("request":{"remote_port":"41342","headers":{"Accept":["*/*"]}})");

  const Read emptied(line_with(R"("req":{"m":"GET","in":{"p":"/"}},"x":1)"), "json:method=req.m,path=req.in.p");
  CHECK(emptied.fields.target == "/");
  CHECK(emptied.fields.variables == R"("x":1)");
  const Read preferred(line_with(R"("request":"GET / HTTP/1.0","code":404,"r":"POST /b HTTP/1.1")"),
                       "json:status=code,request=r");
  CHECK(preferred.fields.status == 404);
  CHECK(preferred.fields.request == "POST /b HTTP/1.1");
}

TEST_CASE("json: a map that cannot be read is refused with a caret") {
  struct Case {
    const char *map, *what, *hint;
  };
  const Case cases[] = {
      {"dat=ts", "'dat' is no field of a map", "dat=ts\n^ did you mean 'date'?"},
      {"date=ts,status", "'status' has no key", "date=ts,status\n              ^ write FIELD=KEY"},
      {"date=", "the key of 'date' has an empty part", "date=\n     ^"},
      {"date=a..b", "the key of 'date' has an empty part", "date=a..b\n       ^"},
      {"date=a,date=b", "'date' is mapped twice", "date=a,date=b\n       ^"},
      {"date=a,status=a", "the key of 'status' is mapped already", "date=a,status=a\n              ^"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.map);
    try {
      make_parser(std::string("json:") + c.map, {});
      FAIL("taken");
    } catch (const Error& e) {
      CHECK(e.exit == Exit::usage);
      CHECK(e.what() == std::string("--format json: ") + c.what);
      CHECK(e.hint == c.hint);
    }
  }
}

TEST_CASE("json: rows are the same whether a line is plain or needs care") {
  std::string lines = line_with(R"("http_user_agent":"a","request":"GET /a HTTP/1.1")") + "\n" +
                      line_with(R"("http_user_agent":"\x61","request":"GET \/a HTTP\/1.1")") + "\r\n" +
                      "\n"
                      "nothing\n" +
                      line_with("\"http_user_agent\":\"a\xff\"") + "\n";
  const Batch batch = parsed(lines);
  REQUIRE(batch.size() == 3);
  CHECK(batch.counts.blank == 1);
  CHECK(batch.counts.rejected() == 1);
  CHECK(batch.agent[0] == batch.agent[1]);
  CHECK(batch.request[0] == batch.request[1]);
  CHECK(batch.texts[batch.agents[batch.agent[2]].string] == R"(a\xff)");
  CHECK(batch.flags[2] == not_utf8);
  CHECK(batch.offset[1] == lines.find('\n') + 1);
}

TEST_CASE("parsers: every dialect reads its own example and an unknown one is named") {
  for (const ParserInfo* info : all_parsers()) {
    CAPTURE(info->name);
    const auto parser = make_parser(info->name, {});
    std::string_view line = info->example;
    for (; line.starts_with('#'); line.remove_prefix(line.find('\n') + 1))
      parser->directive(line.substr(0, line.find('\n')));
    const std::string padded = std::string(line) + std::string(64, '\0');
    Fields fields;
    CHECK(parser->read(std::string_view(padded).substr(0, line.size()), fields).match == Match::whole);
    CHECK(fields.status == 200);
  }
  try {
    make_parser("combind", {});
    FAIL("taken");
  } catch (const Error& e) {
    CHECK(e.exit == Exit::usage);
    CHECK(std::string(e.what()) == "no format is called 'combind'");
    CHECK(e.hint == "did you mean 'combined'?");
  }
}
