// The content of one input, decompressed, as a stream of bytes. read(2) and
// never mmap: a log that is truncated while we read would be a SIGBUS.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct archive;
struct z_stream_s;

namespace track_usage {

enum class Compression : std::uint8_t { none, gzip, bzip2, xz, zstd };

// By the magic bytes at the head of a file, whatever its name.
Compression compression_of(std::string_view head);

class Source {
 public:
  // Opens `path`, or stdin for "-". Throws Error (Exit::input).
  explicit Source(const std::string& path);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const struct stat& stat() const { return stat_; }
  bool stream() const { return !S_ISREG(stat_.st_mode); }  // no size, no way back
  Compression compression() const { return compression_; }

  enum class Got : std::uint8_t { data, end, timeout, stopped };
  // Up to `size` bytes of content; sets `got_size`. A stream waits until
  // `deadline`, if there is one. Throws Error (Exit::input) for what is
  // damaged or unreadable; what came before it stands.
  Got read(char* to, std::size_t size, std::size_t& got_size,
           std::optional<std::chrono::steady_clock::time_point> deadline = {});

  // To a position in the content of a file that is not compressed.
  void seek(std::uint64_t offset);
  // Bytes of the file (compressed or not) consumed so far, for progress.
  std::uint64_t consumed() const { return consumed_; }

 private:
  Got fill(char* to, std::size_t size, std::size_t& got_size,
           std::optional<std::chrono::steady_clock::time_point> deadline);
  Got read_gzip(char* to, std::size_t size, std::size_t& got_size);
  Got read_archive(char* to, std::size_t size, std::size_t& got_size);
  Got refill();  // packed_, from head_ or the file
  static long archive_reads(archive*, void* self, const void** buffer);
  [[noreturn]] void damaged(std::string_view cause) const;

  std::string path_;
  int fd_ = -1;
  struct stat stat_ {};
  Compression compression_ = Compression::none;
  std::string head_;  // read to know the compression, given out first
  archive* archive_ = nullptr;
  std::unique_ptr<z_stream_s> gzip_;
  bool between_members_ = false;  // of gzip: the file may end well here
  std::string_view block_;        // of archive_: content not yet given out
  std::vector<char> packed_;
  std::size_t packed_size_ = 0;
  std::uint64_t consumed_ = 0;
  bool stopped_ = false;
  bool ended_ = false;
};

}  // namespace track_usage
