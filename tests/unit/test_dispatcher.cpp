// Which dialect reads a line, and what RowBuilder makes of it, by way of the
// dispatcher and all parsers, as `--format auto`.
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "parsers/parsers.h"
#include "src/parser.h"

using namespace track_usage;

namespace {

struct All {
  std::vector<std::unique_ptr<Parser>> owned;
  std::vector<const Parser*> parsers;
  Batch batch;

  explicit All(std::vector<std::string> formats = {}, RowDefaults defaults = {}) : defaults_(std::move(defaults)) {
    if (formats.empty())
      for (const ParserInfo* info : all_parsers()) formats.emplace_back(info->name);
    for (const std::string& format : formats) {
      owned.push_back(make_parser(format, {}));
      parsers.push_back(owned.back().get());
    }
  }

  const Batch& read(std::string lines) {
    lines += '\n';
    const std::size_t size = lines.size();
    lines.append(64, '\0');
    RowBuilder builder(defaults_);
    Dispatcher(parsers).parse({.text = {lines.data(), size}}, builder, batch);
    return batch;
  }

  std::string text(Column column, std::size_t row = 0) const {
    const TextId id = batch.text(column, row);
    return id == null_text ? "(null)" : std::string(batch.texts[id]);
  }

 private:
  RowDefaults defaults_;
};

const std::string rest = R"([10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 401 5 "-" "-")";

}  // namespace

TEST_CASE("dispatcher: whatever a user's name holds, the client is the client") {
  struct Case {
    const char *name, *front, *remote, *user, *server;
  };
  const Case cases[] = {
      {"combined", "192.0.2.1 - - ", "192.0.2.1", "(null)", "self"},
      {"combined, a blank", "192.0.2.1 - al ice ", "192.0.2.1", "al ice", "self"},
      {"combined, a bracket", "192.0.2.1 - x [y ", "192.0.2.1", "x [y", "self"},
      {"combined, a quote", "192.0.2.1 - a \"b ", "192.0.2.1", "a \"b", "self"},
      {"combined, three words", "192.0.2.1 - a b c ", "192.0.2.1", "a b c", "self"},
      {"combined, a client by name", "client.example - - ", "client.example", "(null)", "self"},
      {"vhost", "www.example.com 192.0.2.1 - - ", "192.0.2.1", "(null)", "www.example.com"},
      {"vhost with a port", "www.example.com:443 2001:db8::1 - - ", "2001:db8::1", "(null)", "www.example.com"},
      {"vhost, a blank", "www.example.com:443 192.0.2.1 - al ice ", "192.0.2.1", "al ice", "www.example.com"},
      {"vhost, a client by name", "www.example.com localhost - - ", "localhost", "(null)", "www.example.com"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    All all;
    REQUIRE(all.read(c.front + rest).size() == 1);
    CHECK(all.text(Column::remote_addr) == c.remote);
    CHECK(all.text(Column::username) == c.user);
    CHECK(all.text(Column::server_name) == c.server);
    CHECK(all.text(Column::track_var) == "(null)");
  }
}

TEST_CASE("dispatcher: what was read before never shows in how a line is read") {
  const std::string both = R"({"time":1,"ip":"192.0.2.1","client":"192.0.2.2","status":200})";
  const std::string ip = R"({"time":1,"ip":"192.0.2.1","status":200})";
  const std::string client = R"({"time":1,"client":"192.0.2.2","status":200})";
  All all({"json:remote_addr=ip", "json:remote_addr=client"});
  all.read(both);
  const std::string alone = all.text(Column::remote_addr);
  for (const std::string& before : {ip, client}) {
    REQUIRE(all.read(before + '\n' + both).size() == 2);
    CHECK(all.text(Column::remote_addr, 1) == alone);
  }
}

TEST_CASE("dispatcher: the values of the dialect that wins are its own, escapes and all") {
  const std::string line =
      R"({"time":1,"ip":"192.0.2.1","client":"192.0.2.2","status":200,"a":"x \"y\"","b":"\u00e9","r":"GET /\u00e9 HTTP/1.1"})";
  All all({"json:remote_addr=ip,user_agent=a,request=r", "json:remote_addr=client,referrer=b"});
  REQUIRE(all.read(line + '\n' + line).size() == 2);
  for (const std::size_t row : {0, 1}) {
    CHECK(all.text(Column::remote_addr, row) == "192.0.2.1");
    CHECK(all.text(Column::agent, row) == "x \"y\"");
    CHECK(all.text(Column::path, row) == "/\xc3\xa9");
    CHECK(all.text(Column::track_var, row) == "{\"client\":\"192.0.2.2\",\"b\":\"\xc3\xa9\"}");
  }
}

TEST_CASE("dispatcher: blanks at the end of a line are no field") {
  All all;
  REQUIRE(all.read("192.0.2.1 - - " + rest + "  \r").size() == 1);
  CHECK(all.text(Column::track_var) == "(null)");
  CHECK(all.batch.flags[0] == 0);
}

TEST_CASE("dispatcher: a name is in track_var once, and --set stands above the log") {
  All all({}, {.server_name = "self", .server_fixed = false, .variables = R"("k":"z")"});
  REQUIRE(all.read(R"({"time":1,"remote_addr":"192.0.2.9:44","status":200,"remote_port":55,"k":"v"})").size() == 1);
  CHECK(all.text(Column::track_var) == R"({"remote_port":55,"k":"z"})");
}

TEST_CASE("dispatcher: of a name that comes twice the last value counts, safe names compared") {
  std::string many;
  for (int i = 0; i < 20; ++i) many += " k" + std::to_string(i) + "=a";
  for (const std::string& more : {std::string(), many}) {
    All all;
    const std::string named = "time=1 remote_addr=192.0.2.9 status=200 k\xa0=v k\xa0=w" + more;
    REQUIRE(all.read(named).size() == 1);
    CHECK(all.text(Column::track_var).starts_with(R"({"k\\xa0":"w")"));
    CHECK(all.text(Column::track_var).find(R"("k\\xa0":"v")") == std::string::npos);
  }
}

TEST_CASE("dispatcher: what separates columns is told by each line, whatever stood before") {
  All all({"w3c"});
  const std::string fields = "#Fields: date time a b\n", blanks = "2026-11-22 14:10:11 x\ty z\n";
  const std::string tabs = "2026-11-22\t14:10:11\tx y\tz\n";
  for (const std::string& lines : {blanks + tabs, tabs + blanks}) {
    REQUIRE(all.read(fields + lines).size() == 2);
    CHECK(all.text(Column::track_var, lines.starts_with(blanks) ? 0 : 1) == R"({"a":"x\\x09y","b":"z"})");
    CHECK(all.text(Column::track_var, lines.starts_with(blanks) ? 1 : 0) == R"({"a":"x y","b":"z"})");
  }
}

TEST_CASE("dispatcher: columns' names are made safe, and the first of a name stands") {
  All all;
  const std::string line = "2026-11-22 14:10:11 a - b\n";
  REQUIRE(all.read("#Fields: date time x\x01\xf0 - x\x01\xf0\n" + line).size() == 1);
  CHECK(all.text(Column::track_var) == R"({"x\\x01\\xf0":"a"})");
}

TEST_CASE("dispatcher: language is the first tag of the highest quality") {
  struct Case {
    const char *header, *language;
  };
  const Case cases[] = {{"de", "de"},
                        {"de;q=0.3,fr", "fr"},
                        {"de;Q=0.3,fr", "fr"},
                        {"fr;level=1;q=0.9,it;q=0.95", "it"},
                        {"de-AT,de;q=0.9", "de-AT"}};
  for (const Case& c : cases) {
    CAPTURE(c.header);
    All all;
    all.read(R"({"time":1,"remote_addr":"::1","status":200,"http_accept_language":")" + std::string(c.header) + "\"}");
    CHECK(all.text(Column::language) == c.language);
  }
}

TEST_CASE("dispatcher: an empty request is malformed in every dialect") {
  All all;
  for (const char* line : {R"({"time":1,"remote_addr":"::1","status":400,"request":""})",
                           R"(::1 - - [10/Oct/2026:13:55:36 +0000] "" 400 0)"}) {
    CAPTURE(line);
    REQUIRE(all.read(line).size() == 1);
    CHECK((all.batch.flags[0] & malformed_request) != 0);
  }
}
