#include "src/input/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::size_t head_size = 6;             // of the longest magic
constexpr std::size_t packed_size = 256 * 1024;  // compressed bytes a read

// Who may read it, for the commonest case: logs belong to a group such as adm.
std::string who_may_read(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0 || (st.st_mode & S_IRGRP) == 0) return {};
  const group* g = getgrgid(st.st_gid);
  return g == nullptr ? std::string() : fmt::format("the group '{}' may read it", g->gr_name);
}

}  // namespace

Compression compression_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return Compression::gzip;
  if (head.starts_with("BZh")) return Compression::bzip2;
  if (head.starts_with(std::string_view("\xfd" "7zXZ\0", 6))) return Compression::xz;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  return Compression::none;
}

Source::Source(const std::string& path) : path_(path) {
  // Not O_NONBLOCK: a FIFO waits for its writer, as it does for any reader.
  fd_ = path == "-" ? 0 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd_ < 0) {
    const int cause = errno;
    throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path), std::strerror(cause)),
                cause == EACCES ? who_may_read(path) : std::string());
  }
  if (fstat(fd_, &stat_) != 0) throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path), std::strerror(errno)));
  if (S_ISDIR(stat_.st_mode) || S_ISBLK(stat_.st_mode) || S_ISSOCK(stat_.st_mode)) {
    if (path != "-") close(fd_);
    fd_ = -1;
    throw Error(Exit::input, fmt::format("cannot read '{}': it is no file and no pipe", visible(path)));
  }
  if (!stream()) posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);

  while (head_.size() < head_size) {
    char bytes[head_size];
    std::size_t got = 0;
    const Got what = fill(bytes, head_size - head_.size(), got, {});
    if (what != Got::data) break;
    head_.append(bytes, got);
  }
  compression_ = compression_of(head_);
  if (compression_ == Compression::none) return;

  archive_ = archive_read_new();
  archive_read_support_filter_gzip(archive_);
  archive_read_support_filter_bzip2(archive_);
  archive_read_support_filter_xz(archive_);
  archive_read_support_filter_zstd(archive_);
  archive_read_support_format_raw(archive_);
  archive_read_support_format_empty(archive_);
  packed_.resize(packed_size);
  archive_entry* entry = nullptr;
  if (archive_read_open(archive_, this, nullptr, inflate_read, nullptr) != ARCHIVE_OK) return;  // told by read()
  const int found = archive_read_next_header(archive_, &entry);
  if (found == ARCHIVE_EOF) ended_ = true;
}

Source::~Source() {
  if (archive_ != nullptr) archive_read_free(archive_);
  if (fd_ > 0) close(fd_);
}

Source::Got Source::fill(char* to, std::size_t size, std::size_t& got_size,
                         std::optional<std::chrono::steady_clock::time_point> deadline) {
  for (;;) {
    if (stop_signal() != 0) return Got::stopped;
    if (stream()) {
      pollfd wait[2] = {{fd_, POLLIN, 0}, {stop_fd(), POLLIN, 0}};
      int timeout = -1;
      if (deadline) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
        timeout = static_cast<int>(std::max<std::int64_t>(0, left.count() + 1));
      }
      const int ready = poll(wait, 2, timeout);
      if (ready == 0) return Got::timeout;
      if (ready < 0 && errno == EINTR) continue;
      if (wait[1].revents != 0) return Got::stopped;
    }
    const ssize_t n = ::read(fd_, to, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path_), std::strerror(errno)));
    if (n == 0) return Got::end;
    got_size = static_cast<std::size_t>(n);
    consumed_ += got_size;
    return Got::data;
  }
}

long Source::inflate_read(archive* a, void* self, const void** buffer) {
  auto& source = *static_cast<Source*>(self);
  *buffer = source.packed_.data();
  if (!source.head_.empty()) {
    const std::size_t n = source.head_.size();
    std::memcpy(source.packed_.data(), source.head_.data(), n);
    source.head_.clear();
    return static_cast<long>(n);
  }
  std::size_t got = 0;
  try {
    const Got what = source.fill(source.packed_.data(), source.packed_.size(), got, {});
    if (what == Got::stopped) source.stopped_ = true;
    return what == Got::data ? static_cast<long>(got) : 0;
  } catch (const Error& e) {  // libarchive is C: no exception may pass through it
    archive_set_error(a, EIO, "%s", e.what());
    return -1;
  }
}

Source::Got Source::read(char* to, std::size_t size, std::size_t& got_size,
                         std::optional<std::chrono::steady_clock::time_point> deadline) {
  got_size = 0;
  if (archive_ == nullptr) {
    if (!head_.empty()) {
      got_size = std::min(size, head_.size());
      std::memcpy(to, head_.data(), got_size);
      head_.erase(0, got_size);
      return Got::data;
    }
    return fill(to, size, got_size, deadline);
  }
  if (ended_) return Got::end;
  if (stop_signal() != 0) return Got::stopped;
  const la_ssize_t n = archive_read_data(archive_, to, size);
  if (stopped_) return Got::stopped;
  if (n < 0) {
    const char* cause = archive_error_string(archive_);
    throw Error(Exit::input, fmt::format("{}: the compressed data is damaged or cut off near byte {} ({})", visible(path_),
                                         consumed_, cause != nullptr ? cause : "unknown cause"));
  }
  if (n == 0) return Got::end;
  got_size = static_cast<std::size_t>(n);
  return Got::data;
}

void Source::seek(std::uint64_t offset) {
  head_.clear();
  if (lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0)
    throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path_), std::strerror(errno)));
  consumed_ = offset;
}

}  // namespace track_usage
