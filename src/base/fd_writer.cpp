#include "src/base/fd_writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::size_t much = 256 * 1024;

}  // namespace

bool FdWriter::settle() {
  return buffer_.size() < much || flush();
}

bool FdWriter::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    const int error = errno;
    if (error == EPIPE || (error == EBADF && fd_ <= STDERR_FILENO)) break;  // closed, or never open
    if (error == EINTR) {
      if (stop_signal() != 0) break;
    } else if (error == EAGAIN) {  // whoever gave us the descriptor made it so
      pollfd wait[] = {{fd_, POLLOUT, 0}, {stop_fd(), POLLIN, 0}};
      ::poll(wait, 2, -1);
      if (stop_signal() != 0) break;
    } else {
      buffer_.clear();
      throw Error(Exit::store, fmt::format("cannot write to {}: {}", name_, std::strerror(error)));
    }
  }
  const bool whole = rest.empty();
  buffer_.clear();
  return whole;
}

}  // namespace track_usage
