#include "src/input/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::size_t head_size = 6;                 // of the longest magic
constexpr std::size_t packed_capacity = 256 * 1024;  // compressed bytes a read

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
  if (head.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6)))
    return Compression::xz;
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
  if (fstat(fd_, &stat_) != 0)
    throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path), std::strerror(errno)));
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

  packed_.resize(packed_capacity);
  // gzip is zlib's own: libarchive keeps back what stands before damage in its
  // last 64 KiB, and a log cut off in mid-write is mostly a .gz.
  if (compression_ == Compression::gzip) {
    gzip_ = std::make_unique<z_stream>();
    *gzip_ = {};
    if (inflateInit2(gzip_.get(), 15 + 16) != Z_OK) throw std::bad_alloc();
    return;
  }
  archive_ = archive_read_new();
  archive_read_support_filter_bzip2(archive_);
  archive_read_support_filter_xz(archive_);
  archive_read_support_filter_zstd(archive_);
  archive_read_support_format_raw(archive_);
  archive_read_support_format_empty(archive_);
  archive_entry* entry = nullptr;
  if (archive_read_open(archive_, this, nullptr, archive_reads, nullptr) != ARCHIVE_OK) return;  // told by read()
  const int found = archive_read_next_header(archive_, &entry);
  if (found == ARCHIVE_EOF) ended_ = true;
}

Source::~Source() {
  if (archive_ != nullptr) archive_read_free(archive_);
  if (gzip_ != nullptr) inflateEnd(gzip_.get());
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
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
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

Source::Got Source::refill() {
  if (!head_.empty()) {
    packed_size_ = head_.size();
    std::memcpy(packed_.data(), head_.data(), packed_size_);
    head_.clear();
    return Got::data;
  }
  packed_size_ = 0;
  return fill(packed_.data(), packed_.size(), packed_size_, {});
}

long Source::archive_reads(archive* a, void* self, const void** buffer) {
  auto& source = *static_cast<Source*>(self);
  *buffer = source.packed_.data();
  try {
    const Got what = source.refill();
    if (what == Got::stopped) source.stopped_ = true;
    return what == Got::data ? static_cast<long>(source.packed_size_) : 0;
  } catch (const Error& e) {  // libarchive is C: no exception may pass through it
    archive_set_error(a, EIO, "%s", e.what());
    return -1;
  }
}

void Source::damaged(std::string_view cause) const {
  throw Error(Exit::input, fmt::format("{}: the compressed data is damaged or cut off near byte {} ({})",
                                       visible(path_), consumed_, cause));
}

Source::Got Source::read_gzip(char* to, std::size_t size, std::size_t& got_size) {
  z_stream& z = *gzip_;
  z.next_out = reinterpret_cast<Bytef*>(to);
  z.avail_out = static_cast<uInt>(std::min<std::size_t>(size, UINT_MAX));
  const std::size_t room = z.avail_out;
  while (z.avail_out == room) {
    if (z.avail_in == 0) {
      const Got what = refill();
      if (what == Got::stopped) return what;
      if (what == Got::end) {
        if (between_members_) return Got::end;
        damaged("its end is missing");
      }
      z.next_in = reinterpret_cast<Bytef*>(packed_.data());
      z.avail_in = static_cast<uInt>(packed_size_);
    }
    if (between_members_) {
      if (*z.next_in == 0) {  // padding, as tapes and some tools leave it
        ++z.next_in;
        --z.avail_in;
        continue;
      }
      if (inflateReset(&z) != Z_OK) damaged("a member cannot begin");
      between_members_ = false;
    }
    const int result = inflate(&z, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      between_members_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      got_size = room - z.avail_out;
      if (got_size != 0) return Got::data;  // what came before it stands; the next call tells
      damaged(z.msg != nullptr ? z.msg : "its data cannot be read");
    }
  }
  got_size = room - z.avail_out;
  return Got::data;
}

Source::Got Source::read_archive(char* to, std::size_t size, std::size_t& got_size) {
  // Without a filter it would hand out the compressed bytes as they are.
  if (!stopped_ && archive_filter_code(archive_, 0) == ARCHIVE_FILTER_NONE) damaged("its head is not whole");
  // Block by block: archive_read_data() loses what it copied before damage.
  while (block_.empty()) {
    const void* data = nullptr;
    std::size_t n = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(archive_, &data, &n, &offset);
    if (stopped_) return Got::stopped;
    if (result == ARCHIVE_EOF) return Got::end;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      const char* cause = archive_error_string(archive_);
      damaged(cause != nullptr ? cause : "its data cannot be read");
    }
    block_ = {static_cast<const char*>(data), n};
  }
  got_size = std::min(size, block_.size());
  std::memcpy(to, block_.data(), got_size);
  block_.remove_prefix(got_size);
  return Got::data;
}

Source::Got Source::read(char* to, std::size_t size, std::size_t& got_size,
                         std::optional<std::chrono::steady_clock::time_point> deadline) {
  got_size = 0;
  if (ended_) return Got::end;
  if (compression_ == Compression::none) {
    if (!head_.empty()) {
      got_size = std::min(size, head_.size());
      std::memcpy(to, head_.data(), got_size);
      head_.erase(0, got_size);
      return Got::data;
    }
    return fill(to, size, got_size, deadline);
  }
  if (stop_signal() != 0) return Got::stopped;
  return gzip_ != nullptr ? read_gzip(to, size, got_size) : read_archive(to, size, got_size);
}

void Source::seek(std::uint64_t offset) {
  head_.clear();
  if (lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0)
    throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path_), std::strerror(errno)));
  consumed_ = offset;
}

}  // namespace track_usage
