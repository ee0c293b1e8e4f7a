#include "src/base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/error.h"

extern char** environ;

namespace track_usage {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t line_kept = 500;            // bytes of a line that is told
constexpr auto after_a_signal = 3s;               // a run that was asked to end waits no longer for its hooks
constexpr auto after_terminate = 2s;              // from SIGTERM to SIGKILL
constexpr auto look_every = 10ms;                 // whether it is over
constexpr std::size_t heard_at_a_time = 1 << 20;  // of a program that says more than it reads

// Until when to wait, if it may take until `when`. All children share the time
// that a signal leaves, from when it was first seen here.
std::chrono::steady_clock::time_point in_time(std::chrono::steady_clock::time_point when) {
  if (stop_signal() == 0) return when;
  static const auto seen = std::chrono::steady_clock::now();
  return std::min(when, seen + after_a_signal);
}

// Ours, with `variables` in the place of those of the same names.
std::vector<char*> environment_with(const std::vector<std::string>& variables) {
  std::vector<char*> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    const auto is_it = [name](const std::string& v) { return std::string_view(v).substr(0, v.find('=')) == name; };
    if (std::none_of(variables.begin(), variables.end(), is_it)) all.push_back(*entry);
  }
  for (const std::string& variable : variables) all.push_back(const_cast<char*>(variable.c_str()));
  all.push_back(nullptr);
  return all;
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

void refuse(int cause) {
  throw Error(Exit::store, fmt::format("cannot start /bin/sh: {}", std::strerror(cause)));
}

// How it is spawned: what it was given as descriptors, and the signals that we
// ignore or catch as they are for every program.
struct Spawning {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;

  Spawning(int input, int errors) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);  // whoever started us may have left some open
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&usual, signal);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setsigmask(&attributes, &none);
  }
  ~Spawning() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  Spawning(const Spawning&) = delete;
};

}  // namespace

Child::Child(const std::string& command, const std::vector<std::string>& variables, std::chrono::seconds patience)
    : patience_(patience) {
  start(command, variables);
}

Child::~Child() {
  close_fd(input_);
  if (pid_ > 0) terminate("not waited for");
  close_fd(errors_);
}

void Child::start(const std::string& command, const std::vector<std::string>& variables) {
  int input[2], errors[2];
  if (::pipe2(input, O_CLOEXEC) != 0) refuse(errno);
  if (::pipe2(errors, O_CLOEXEC) != 0) {
    const int cause = errno;
    for (const int fd : input) ::close(fd);
    refuse(cause);
  }
  // Our ends alone: the child's are its standard ones, which block.
  for (const int fd : {input[1], errors[0]}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string shell = "sh", option = "-c", text = command;
  char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  std::vector<char*> environment = environment_with(variables);
  int failed;
  {
    const Spawning how(input[0], errors[1]);
    failed = ::posix_spawn(&pid_, "/bin/sh", &how.files, &how.attributes, arguments, environment.data());
  }
  ::close(input[0]);
  ::close(errors[1]);
  input_ = input[1];
  errors_ = errors[0];
  if (failed == 0) return;
  pid_ = -1;
  close_fd(input_);
  close_fd(errors_);
  refuse(failed);
}

bool Child::write(std::string_view bytes) {
  auto progress = Clock::now();
  while (!bytes.empty() && input_ >= 0) {
    const ssize_t n = ::write(input_, bytes.data(), bytes.size());
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      progress = Clock::now();
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      end_input();  // EPIPE: it reads no more
    }
    listen();
    const auto now = Clock::now(), until = in_time(progress + patience_);
    if (input_ >= 0 && !bytes.empty() && now >= until) {
      terminate(stop_signal() != 0 ? "it was still reading when the run was ended"
                                   : fmt::format("it read nothing for {}", patience_text()));
    } else if (n <= 0 && input_ >= 0) {
      // Not for long at once: a signal is seen in time.
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now) + 1ms;
      pollfd wait[] = {{input_, POLLOUT, 0}, {errors_, POLLIN, 0}};
      ::poll(wait, 2, static_cast<int>(std::min<std::chrono::milliseconds>(left, 100ms).count()));
    }
  }
  return input_ >= 0;
}

void Child::end_input() {
  close_fd(input_);
}

std::string Child::wait() {
  end_input();
  if (!over_by(Clock::now() + patience_))
    terminate(stop_signal() != 0 ? "it did not end when the run was ended"
                                 : fmt::format("it did not end within {} of its last row", patience_text()));
  if (!stuck_.empty()) return stuck_;
  if (WIFSIGNALED(status_)) return fmt::format("killed by signal {}", WTERMSIG(status_));
  return WEXITSTATUS(status_) == 0 ? "" : fmt::format("exit {}", WEXITSTATUS(status_));
}

// Its end is seen before it is taken note of, so that its group can still be
// meant by its number then.
bool Child::over() {
  if (pid_ < 0) return true;
  siginfo_t end{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == pid_;
}

// Whether it is over then, or was before; takes note of how.
bool Child::over_by(Clock::time_point when) {
  while (!over()) {
    if (Clock::now() >= in_time(when)) return false;
    pollfd wait[] = {{errors_, POLLIN, 0}};
    ::poll(wait, 1, static_cast<int>(look_every.count()));
    listen();
  }
  if (pid_ > 0) {
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  listen();
  end_line();
  close_fd(errors_);  // whoever it left behind may hold the other end
  return true;
}

void Child::terminate(std::string why) {
  stuck_ = std::move(why);
  end_input();
  ::kill(-pid_, SIGTERM);
  for (const auto until = Clock::now() + after_terminate; !over() && Clock::now() < until; listen()) {
    pollfd wait[] = {{errors_, POLLIN, 0}};
    ::poll(wait, 1, static_cast<int>(look_every.count()));
  }
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  listen();
  end_line();
  close_fd(errors_);
}

// What stands in the pipe of its standard error.
void Child::listen() {
  char buffer[64 * 1024];
  for (std::size_t heard = 0; errors_ >= 0 && heard < heard_at_a_time;) {
    const ssize_t n = ::read(errors_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return close_fd(errors_);
    heard += static_cast<std::size_t>(n);
    keep({buffer, static_cast<std::size_t>(n)});
  }
}

void Child::keep(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto newline = std::min(bytes.find('\n'), bytes.size());
    in_line_ = true;
    if (lines_ < kept_lines) line_.append(bytes.substr(0, std::min(newline, line_kept - line_.size())));
    if (newline == bytes.size()) return;
    end_line();
    bytes.remove_prefix(newline + 1);
  }
}

void Child::end_line() {
  if (!in_line_) return;
  in_line_ = false;
  if (++lines_ <= kept_lines) said_.push_back(line_);
  line_.clear();
}

std::vector<std::string> Child::take_said() {
  return std::exchange(said_, {});
}

std::string Child::patience_text() const {
  return fmt::format("{} s", patience_.count());
}

}  // namespace track_usage
