#include <csignal>
#include <string>

#include <doctest/doctest.h>

#include "src/base/child.h"

using namespace track_usage;
using namespace std::chrono_literals;

namespace {

// How it ended that was given `input`, and the lines that it said.
struct Ended {
  bool took;
  std::string how;
  std::vector<std::string> said;
  std::uint64_t unsaid;
};

Ended run(const std::string& command, const std::string& input, const std::vector<std::string>& variables = {}) {
  std::signal(SIGPIPE, SIG_IGN);
  Child child(command, variables, 5s);
  Ended ended{.took = child.write(input), .how = child.wait(), .said = child.take_said(), .unsaid = child.unsaid()};
  return ended;
}

}  // namespace

TEST_CASE("child: it reads what it is given and says what becomes of it") {
  const Ended ended = run("cat >&2; echo done >&2", "one\ntwo");
  CHECK(ended.took);
  CHECK(ended.how.empty());
  CHECK(ended.said == std::vector<std::string>{"one", "twodone"});
}

TEST_CASE("child: how it ended") {
  CHECK(run("exit 3", "").how == "exit 3");
  CHECK(run("kill -9 $$", "").how == "killed by signal 9");
  CHECK(run("true", "").how.empty());
  CHECK(run("./there-is-no-such-program", "").how == "exit 127");
}

TEST_CASE("child: what it reads no more is no failure") {
  const Ended ended = run("exit 0", std::string(1 << 20, 'x'));
  CHECK_FALSE(ended.took);
  CHECK(ended.how.empty());
}

TEST_CASE("child: twenty lines of 500 bytes are kept, and the others counted") {
  const Ended ended = run("cat >&2", std::string(600, 'x') + "\n" + std::string(1000, '\n') + "last");
  REQUIRE(ended.said.size() == 20);
  CHECK(ended.said.front() == std::string(500, 'x'));
  CHECK(ended.said.back().empty());
  CHECK(ended.unsaid == 1002 - 20);
}

TEST_CASE("child: a variable takes the place of ours") {
  ::setenv("TEST_CHILD", "ours", 1);
  const Ended ended = run("env | grep ^TEST_CHILD >&2", "", {"TEST_CHILD=its own"});
  ::unsetenv("TEST_CHILD");
  CHECK(ended.said == std::vector<std::string>{"TEST_CHILD=its own"});
}

TEST_CASE("child: one that is stuck is ended with its group") {
  Child child("sleep 1000 & sleep 1000", {}, 1s);
  CHECK_FALSE(child.write(std::string(1 << 20, 'x')));
  CHECK(child.wait() == "it read nothing for 1 s");
}
