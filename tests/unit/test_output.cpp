// print: and output: as sinks: what reaches the descriptor, and which templates
// are refused.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "sinks/sinks.h"
#include "src/error.h"

using namespace track_usage;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "track-usage-test-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

std::string content(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

Batch rows(int count) {
  Batch b;
  for (int i = 0; i < count; ++i) {
    b.time.push_back(i * 1'000'000LL);
    b.offset.push_back(0);
    b.bytes.push_back(no_number);
    b.micros.push_back(no_number);
    b.status.push_back(static_cast<std::int16_t>(200 + i % 300));
    b.flags.push_back(0);
    if (b.requests.size() == 1) {
      b.requests.push_back({.url = b.texts.intern("/a\\x1b"), .path = b.texts.intern("/a\\x1b")});
      b.agents.push_back({.string = b.texts.intern("curl/8"), .browser = b.texts.intern("curl")});
    }
    b.request.push_back(1);
    b.agent.push_back(1);
    b.set(Column::remote_addr, b.texts.intern("::1"));
    b.end_row();
  }
  return b;
}

std::unique_ptr<Sink> make(const std::string& typed) {
  const Target target = parse_target(typed);
  return find_sink(target.scheme).make_sink(target);
}

// What `use` writes to stdout.
template <typename Use>
std::string stdout_of(Use use) {
  const Folder folder;
  const auto path = folder.path / "out";
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ::dup2(file, STDOUT_FILENO);
  ::close(file);
  use();
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  return content(path);
}

}  // namespace

TEST_CASE("output: a template is text and fields") {
  struct Case {
    const char *template_, *line;
  };
  const Case cases[] = {
      {"{date} {remote_addr} {status} {path} {user_agent.browser}", "1970-01-01T00:00:00Z ::1 200 /a\\x1b curl\n"},
      {"{username}|{speed}|{content_length}|{flags}|{url_args}", "-|-|-|-|{}\n"},
      {"a\\tb\\nc\\\\t\\x", "a\tb\nc\\t\\x\n"},
      {"{{{status}}} }}{{ }", "{200} }{ }\n"},
      {"{status}{status}", "200200\n"},
      {"$${status}", "$$200\n"},
      {"no field", "no field\n"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.template_);
    const Folder folder;
    const auto path = folder.path / "lines";
    const auto sink = make("output:?to=" + path.string() + "&:" + c.template_);
    sink->open();
    CHECK(sink->write(rows(1)));
    CHECK(content(path) == c.line);
  }
}

TEST_CASE("output: a file is appended to and not open to all") {
  const Folder folder;
  const auto path = folder.path / "lines";
  const mode_t mask = ::umask(0);
  for (int run = 0; run < 2; ++run) {
    const auto sink = make("output:{status}?to=" + path.string());
    sink->open();
    CHECK(sink->write(rows(2)));
  }
  ::umask(mask);
  CHECK(content(path) == "200\n201\n200\n201\n");
  CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms(0640));

  const auto sink = make("output:{status}?to=" + (folder.path / "none" / "x").string());
  try {
    sink->open();
    FAIL("opened");
  } catch (const Error& e) {
    CHECK(e.exit == Exit::store);
    CHECK(std::string(e.what()).ends_with("none/x: No such file or directory"));
  }
}

TEST_CASE("output: a template that cannot be read is refused with a caret") {
  struct Case {
    const char *typed, *what, *hint;
  };
  const Case cases[] = {
      {"output:", "output: has no template", "such as output:'{date} {remote_addr} {status} {url}'"},
      {"output:{date} {stauts}", "output: 'stauts' is not a field",
       "{date} {stauts}\n        ^ did you mean 'status'?"},
      {"output:a {url", "output: a { is not closed", "a {url\n  ^ {{ is a brace itself"},
      {"output:{url}?to=", "output: to= names nothing", "to=stdout, to=stderr or to=FILE"},
      {"print:?format=cvs", "print: has no format 'cvs'", "did you mean 'csv'?"},
      {"print:x", "print: takes settings alone, not 'x'", "print:?format=jsonl|text|csv|tsv"},
      {"print:?fromat=csv", "print: takes settings alone, not '?fromat=csv'", "print:?format=jsonl|text|csv|tsv"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.typed);
    try {
      make(c.typed);
      FAIL("taken");
    } catch (const Error& e) {
      CHECK(e.exit == Exit::usage);
      CHECK(e.what() == std::string(c.what));
      CHECK(e.hint == c.hint);
    }
  }
}

TEST_CASE("print: rows in each format, the header also without any") {
  const auto printed = [](const char* typed, int count) {
    return stdout_of([&] {
      const auto sink = make(typed);
      sink->open();
      if (count != 0) sink->write(rows(count));
    });
  };
  const std::string lines = printed("print:", 3);
  CHECK(lines.starts_with(R"({"date":"1970-01-01T00:00:00Z","url":"/a\\x1b","path":"/a\\x1b","url_args":{})"));
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 3);
  CHECK(printed("print:?format=csv", 0).starts_with("date,url,path,"));
  CHECK(printed("print:?format=csv", 1).find("\n1970-01-01T00:00:00Z,/a\\x1b,") != std::string::npos);
  CHECK(printed("print:?format=tsv", 1).find("\n1970-01-01T00:00:00Z\t/a\\\\x1b\t") != std::string::npos);
  CHECK(printed("print:?format=text", 1).starts_with("1970-01-01T00:00:00Z ::1             200 "));
  CHECK(printed("print:", 0).empty());
  // More than is kept back at a time.
  const std::string many = printed("print:", 5000);
  CHECK(std::count(many.begin(), many.end(), '\n') == 5000);
}

TEST_CASE("print: a reader that has gone ends the sink, a full disk is an error") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  bool more = true;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  ::dup2(ends[1], STDOUT_FILENO);
  ::close(ends[1]);
  const auto sink = make("print:?format=csv");
  sink->open();
  more = sink->write(rows(1));
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  std::signal(SIGPIPE, before);
  CHECK(!more);

  if (::access("/dev/full", W_OK) != 0) return;
  const auto full = make("output:{url}?to=/dev/full");
  full->open();
  try {
    full->write(rows(1));
    FAIL("written");
  } catch (const Error& e) {
    CHECK(e.exit == Exit::store);
    CHECK(std::string(e.what()) == "cannot write to /dev/full: No space left on device");
  }
}
