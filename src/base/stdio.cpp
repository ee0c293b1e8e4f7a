#include "src/base/stdio.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "src/error.h"

namespace track_usage {
namespace {

// False: errno says why.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

void write_stdout(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return;
  if (errno == EPIPE || errno == EBADF) std::exit(0);
  throw Error(Exit::store, fmt::format("cannot write to stdout: {}", std::strerror(errno)));
}

void write_stderr(std::string_view text) {
  (void)write_all(STDERR_FILENO, text);
}

}  // namespace track_usage
