// Rows as text: one canonical JSON object, and the flat forms.
#include <algorithm>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "src/row_text.h"

using namespace track_usage;

namespace {

// One row, as full or as empty as its maker leaves it.
struct One {
  Batch batch;

  One() {
    batch.time.push_back(1'795'356'306'000'000);  // 2026-11-22T14:05:06Z
    batch.offset.push_back(0);
    batch.bytes.push_back(no_number);
    batch.micros.push_back(no_number);
    batch.status.push_back(no_status);
    batch.flags.push_back(0);
    batch.request.push_back(0);
    batch.agent.push_back(0);
    batch.set(Column::remote_addr, batch.texts.intern("192.0.2.1"));
    batch.set(Column::server_name, batch.texts.intern("self"));
  }
  TextId text(std::string_view t) { return batch.texts.intern(t); }
  RowView view() {
    batch.end_row();
    return RowView(batch, 0);
  }
};

One full() {
  One one;
  Batch& b = one.batch;
  b.bytes[0] = 5'000'000'000;
  b.micros[0] = 127'000;
  b.status[0] = 404;
  b.flags[0] = malformed_request | not_utf8;
  b.requests.push_back({.request = one.text(R"(GET /a?b=c "\x16" HTTP/1.1)"),
                        .method = one.text("GET"),
                        .url = one.text("http://h/a?b=c"),
                        .path = one.text("/a"),
                        .url_args = one.text(R"({"b":"c"})"),
                        .protocol = one.text("HTTP/1.1")});
  b.request[0] = 1;
  b.agents.push_back({.string = one.text("Firefox, the \"fox\""),
                      .browser = one.text("firefox"),
                      .language = one.text("fr"),
                      .platform = one.text("linux"),
                      .version = one.text("1.0"),
                      .bot = one.text("search")});
  b.agent[0] = 1;
  b.set(Column::language, one.text("de-AT"));
  b.set(Column::username, one.text("=ann"));
  b.set(Column::referrer, one.text("https://e.org/\u00e9"));
  b.set(Column::view_args, one.text(R"({"id":1})"));
  b.set(Column::track_var, one.text(R"({"x":"y\\z"})"));
  return one;
}

std::string json(const RowView& row) {
  std::string out;
  append_row_json(out, row);
  return out;
}

std::string cells(const RowView& row, Delimiter delimiter) {
  std::string out;
  append_row_cells(out, row, delimiter);
  return out;
}

}  // namespace

TEST_CASE("row text: a row is one JSON object with every key, in order") {
  One empty;
  CHECK(json(empty.view()) ==
        R"({"date":"2026-11-22T14:05:06Z","url":"-","path":null,"url_args":{},"method":null,"protocol":null,)"
        R"("request":null,"status":null,"content_length":null,"speed":null,"remote_addr":"192.0.2.1","peer_addr":null,)"
        R"("xforwardedfor":null,)"
        R"("user_agent":{"string":null,"browser":null,"language":null,"platform":null,"version":null},"bot":null,)"
        R"("referrer":null,"username":null,"visitor":null,"country":null,"server_name":"self","blueprint":null,)"
        R"("route":null,"view_args":null,"authorization":false,"ip_info":null,"track_var":null,"flags":[]})");
  One one = full();
  CHECK(json(one.view()) ==
        R"({"date":"2026-11-22T14:05:06Z","url":"http://h/a?b=c","path":"/a","url_args":{"b":"c"},"method":"GET",)"
        R"("protocol":"HTTP/1.1","request":"GET /a?b=c \"\\x16\" HTTP/1.1","status":404,"content_length":5000000000,)"
        R"("speed":0.127,"remote_addr":"192.0.2.1","peer_addr":null,"xforwardedfor":null,)"
        R"("user_agent":{"string":"Firefox, the \"fox\"","browser":"firefox","language":"de-AT","platform":"linux",)"
        R"("version":"1.0"},"bot":"search","referrer":"https://e.org/)"
        "\u00e9"
        R"(","username":"=ann","visitor":null,"country":null,"server_name":"self","blueprint":null,"route":null,)"
        R"("view_args":{"id":1},"authorization":true,"ip_info":null,"track_var":{"x":"y\\z"},)"
        R"("flags":["malformed_request","not_utf8"]})");
}

TEST_CASE("row text: a value with escapes anywhere is one JSON string") {
  for (const std::string filler : {"", "a", "abcdefg", "abcdefgh", "abcdefghijklmnopqrs"})
    for (const std::string odd : {"\"", "\\", "\u00e9", ""})
      for (const std::string after : {"", "x", "abcdefghi"}) {
        const std::string value = filler + odd + after + "/";
        CAPTURE(value);
        One one;
        one.batch.set(Column::referrer, one.text(value));
        CHECK(nlohmann::json::parse(json(one.view()))["referrer"] == value);
      }
}

TEST_CASE("row text: dates and seconds are in their shortest form") {
  struct Case {
    std::int64_t time, micros;
    const char *date, *speed;
  };
  const Case cases[] = {
      {0, 0, "1970-01-01T00:00:00Z", "0"},
      {1, 1, "1970-01-01T00:00:00.000001Z", "0.000001"},
      {-1, 1'000'000, "1969-12-31T23:59:59.999999Z", "1"},
      {951'782'399'500'000, 1'500'000, "2000-02-28T23:59:59.500000Z", "1.5"},
      {951'782'400'000'000, 120'000, "2000-02-29T00:00:00Z", "0.12"},
      {253'402'300'799'000'000, 90'061'000'000, "9999-12-31T23:59:59Z", "90061"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.date);
    One one;
    one.batch.time[0] = c.time;
    one.batch.micros[0] = c.micros;
    const RowView row = one.view();
    std::string date, speed;
    CHECK(append_row_field(date, row, 0));
    CHECK(append_row_field(speed, row, 9));
    CHECK(date == c.date);
    CHECK(speed == c.speed);
  }
}

TEST_CASE("row text: the fields are those of JSON, flat") {
  One one = full();
  const RowView row = one.view();
  const auto object = nlohmann::json::parse(json(row)).flatten();
  std::string names;
  append_row_header(names, Delimiter::comma);
  CHECK(names.starts_with("date,url,path,url_args,method,protocol,request,status,content_length,speed,remote_addr,"));
  CHECK(row_fields().size() == 31);
  for (std::size_t i = 0; i < row_fields().size(); ++i) {
    std::string pointer = "/" + std::string(row_fields()[i]);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    CAPTURE(pointer);
    if (pointer == "/url_args" || pointer == "/view_args" || pointer == "/track_var" || pointer == "/flags") continue;
    std::string value;
    const bool has = append_row_field(value, row, i);
    const auto& expected = object.at(pointer);
    CHECK(has == !expected.is_null());
    if (has) CHECK(value == (expected.is_string() ? expected.get<std::string>() : expected.dump()));
  }
}

TEST_CASE("row text: CSV is quoted where it must be and never a formula") {
  One one = full();
  CHECK(cells(one.view(), Delimiter::comma) ==
        R"(2026-11-22T14:05:06Z,http://h/a?b=c,/a,"{""b"":""c""}",GET,HTTP/1.1,"GET /a?b=c ""\x16"" HTTP/1.1",404,)"
        R"(5000000000,)"
        R"(0.127,192.0.2.1,,,"Firefox, the ""fox""",firefox,de-AT,linux,1.0,search,https://e.org/)"
        "\u00e9"
        R"(,'=ann,,,self,,,"{""id"":1}",true,,"{""x"":""y\\z""}","malformed_request,not_utf8")");
  One odd;
  for (const auto& [value, cell] :
       {std::pair("+1", "'+1"), {"@x,y", "\"'@x,y\""}, {"-", "'-"}, {"a=b", "a=b"}, {"\"", "\"\"\"\""}}) {
    One cased;
    cased.batch.set(Column::referrer, cased.text(value));
    CHECK(cells(cased.view(), Delimiter::comma).find("," + std::string(cell) + ",") != std::string::npos);
  }
}

TEST_CASE("row text: TSV has no quotes, only \\t \\n \\\\") {
  One one = full();
  one.batch.set(Column::route, one.text("a\tb\\c\nd\\"));
  const std::string line = cells(one.view(), Delimiter::tab);
  CHECK(std::count(line.begin(), line.end(), '\t') == 30);
  CHECK(line.find("\ta\\tb\\\\c\\nd\\\\\t") != std::string::npos);
  CHECK(line.find("\t=ann\t") != std::string::npos);
  CHECK(line.find("\tGET /a?b=c \"\\\\x16\" HTTP/1.1\t") != std::string::npos);
}

TEST_CASE("row text: a line for eyes keeps its columns") {
  One one = full();
  std::string line;
  append_row_line(line, one.view());
  CHECK(line ==
        "2026-11-22T14:05:06Z 192.0.2.1       404 5000000000  0.127 GET  http://h/a?b=c                           "
        "\"Firefox, the \"fox\"\"");
  One empty;
  line.clear();
  append_row_line(line, empty.view());
  CHECK(line ==
        "2026-11-22T14:05:06Z 192.0.2.1         -         -      - -    -                                        -");
}
