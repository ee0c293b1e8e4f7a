#include "src/base/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace track_usage {
namespace {

std::atomic<int> caught{0};
int ends[2] = {-1, -1};

void on_signal(int signal) {
  // A second one ends the process at once, as its sender expects.
  if (caught.exchange(signal) != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  [[maybe_unused]] const auto written = write(ends[1], "", 1);
}

}  // namespace

void hold_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0) [[maybe_unused]]
      const int lowest = open("/dev/null", O_RDONLY);
}

void catch_signals() {
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);  // ignored, a hook's end would be lost
}

int stop_signal() {
  return caught.load(std::memory_order_relaxed);
}
int stop_fd() {
  return ends[0];
}

}  // namespace track_usage
