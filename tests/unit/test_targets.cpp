// --sink and --from as typed: schemes, settings, variables, secrets.
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "sinks/sinks.h"
#include "src/error.h"

using namespace track_usage;

namespace {

std::string settings(const Target& target) {
  std::string out;
  for (const auto& [name, value] : target.settings) out += name + "=" + value + ";";
  return out;
}

}  // namespace

TEST_CASE("targets: scheme, location and settings are taken apart") {
  struct Case {
    const char *typed, *scheme, *location, *settings;
  };
  const Case cases[] = {
      {"sqlite:usage.db", "sqlite", "usage.db", ""},
      {"sqlite:///var/lib/u.db", "sqlite", "/var/lib/u.db", ""},
      {"sqlite:/var/lib/u.db", "sqlite", "/var/lib/u.db", ""},
      {"sqlite://u.db", "sqlite", "u.db", ""},
      {"SQLite:u.db", "sqlite", "u.db", ""},
      {"u.db", "sqlite", "u.db", ""},
      {"./a:b/u.sqlite", "sqlite", "./a:b/u.sqlite", ""},
      {"u.sqlite3?table=t&hooks=url,remote", "sqlite", "u.sqlite3", "hooks=url,remote;table=t;"},
      {"sqlite:u.db?table=t&synchronous=full", "sqlite", "u.db", "synchronous=full;table=t;"},
      {"sqlite:what?.db", "sqlite", "what?.db", ""},
      {"sqlite:a?table=x?table=t", "sqlite", "a?table=x", "table=t;"},
      {"sqlite:a?tabel=t", "sqlite", "a?tabel=t", ""},
      {"sqlite:a?table=t&x", "sqlite", "a?table=t&x", ""},
      {"print:", "print", "", ""},
      {"print:?format=csv", "print", "", "format=csv;"},
      {"output:{url}?to=stderr", "output", "{url}", "to=stderr;"},
      {"output:{url}?a=b", "output", "{url}?a=b", ""},
      {"output:?to=stderr&:{url}?to=x", "output", "{url}?to=x", "to=stderr;"},
      {"output:a:b", "output", "a:b", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.typed);
    const Target t = parse_target(c.typed);
    CHECK(t.typed == c.typed);
    CHECK(t.scheme == c.scheme);
    CHECK(t.location == c.location);
    CHECK(settings(t) == c.settings);
  }
}

TEST_CASE("targets: what is none says why") {
  struct Case {
    const char *typed, *what, *hint;
  };
  const Case cases[] = {
      {"postgre://h/db", "no sink is called 'postgre'", "did you mean 'postgres'?"},
      {"sqlit:x", "no sink is called 'sqlit'", "did you mean 'sqlite'?"},
      {"redis://h", "the sink 'redis' is not in this build", "this build has: sqlite postgresql mysql print output"},
      {"usage", "the target 'usage' does not say what it is", "an SQLite file is sqlite:usage"},
      {"", "the target '' does not say what it is", "an SQLite file is sqlite:PATH"},
      {"/x:y//u:secret@h", "the target '/x:y//u:***@h' does not say what it is",
       "an SQLite file is sqlite:/x:y//u:***@h"},
      {"sqlite:", "the target 'sqlite:' names no file", "write sqlite:PATH"},
      {"sqlite:?table=t", "the target 'sqlite:?table=t' names no file", "write sqlite:PATH"},
      {"sqlite:${TRACK_USAGE_NO_SUCH}", "the environment has no variable 'TRACK_USAGE_NO_SUCH'",
       "the target names it as ${TRACK_USAGE_NO_SUCH}"},
      {"output:?too=stderr&:{url}", "'too' is no setting of output:", "did you mean 'to'?"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.typed);
    try {
      parse_target(c.typed);
      FAIL("taken");
    } catch (const Error& e) {
      CHECK(e.exit == Exit::usage);
      CHECK(e.what() == std::string(c.what));
      CHECK(e.hint == c.hint);
    }
  }
}

TEST_CASE("targets: a variable is one component, whatever it holds") {
  ::setenv("TRACK_USAGE_T", "a?table=x&{b}\\", 1);
  Target t = parse_target("sqlite:${TRACK_USAGE_T}.db?table=${TRACK_USAGE_T}");
  CHECK(t.location == "a?table=x&{b}\\.db");
  CHECK(t.setting("table", "") == "a?table=x&{b}\\");
  CHECK(t.setting("hooks", "url") == "url");
  CHECK(t.shown() == "sqlite:${TRACK_USAGE_T}.db?table=${TRACK_USAGE_T}");
  t = parse_target("output:${status} ${TRACK_USAGE_T} ${ $x {url}");
  CHECK(t.location == "${status} a?table=x&{{b}}\\\\ ${ $x {url}");
  ::unsetenv("TRACK_USAGE_T");
}

TEST_CASE("targets: secrets are never shown") {
  struct Case {
    const char *typed, *shown;
  };
  const Case cases[] = {
      {"postgresql://u:p@h/db", "postgresql://u:***@h/db"},
      {"postgresql://u:p/w@x@h/db?sslmode=require", "postgresql://u:***@h/db?sslmode=require"},
      {"postgresql://u@h:5432/db", "postgresql://u@h:5432/db"},
      {"postgresql://h/db?user=u&password=p&table=t", "postgresql://h/db?user=u&password=***&table=t"},
      {"sqlite:a@b:c.db", "sqlite:a@b:c.db"},
      {"sqlite:a\x1b.db", "sqlite:a\\x1b.db"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.typed);
    Target t;
    t.typed = c.typed;
    CHECK(t.shown() == c.shown);
  }
  CHECK(parse_target("output:{url}&password={path}").shown() == "output:{url}&password={path}");
}

TEST_CASE("targets: every sink is found by its scheme") {
  for (const SinkInfo* sink : all_sinks()) {
    CAPTURE(sink->scheme);
    CHECK(&find_sink(sink->scheme) == sink);
    CHECK((sink->make_sink == nullptr) != (sink->make_store == nullptr));
    CHECK(!sink->help.empty());
  }
}
