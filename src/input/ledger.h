// What a log is: its content, known by cumulative hashes of its decompressed
// bytes at marks, so that it is one source under whatever name or compression.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/store.h"

namespace track_usage {

// Where mark `k` stands: every 128 bytes to 4 KiB, every 512 to 64 KiB, every
// 16 KiB to a MiB, then each MiB.
std::uint64_t mark_position(std::size_t k);

// Hints: the file is the one in which the source was last seen; and nothing was
// written to it since it was taken to its end.
bool same_file(const SourceRecord& source, const struct stat& st);
bool untouched(const SourceRecord& source, const struct stat& st);
std::int64_t nanoseconds(const timespec& t);

// The chained hash of a content as it is read. A mark's hash is seeded with the
// mark before it, so a later part can be checked without reading the earlier.
class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();

  void restart();
  // As if the content up to the last of `marks` that lies at or before
  // `offset` had been read; returns that position.
  std::uint64_t resume(const std::vector<std::uint64_t>& marks, std::uint64_t offset);
  void feed(std::string_view bytes);
  std::uint64_t position() const { return position_; }
  std::uint64_t digest() const;  // of everything up to position()
  const std::vector<std::uint64_t>& marks() const { return marks_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::vector<std::uint64_t> marks_;
  std::uint64_t position_ = 0;
};

// Finds, for one store, the source that a content is, while it is read from
// its start. A content that agrees with a source up to its offset goes on
// there; one that ends before, agreeing up to its last mark, is taken already.
class Matcher {
 public:
  // `known` outlives the matcher; only sources called `name` are candidates.
  Matcher(const std::vector<SourceRecord>& known, std::string_view name);

  bool undecided() const { return !alive_.empty(); }
  // The next position at which observe() must be called.
  std::uint64_t next() const;
  void observe(const Fingerprint& seen);  // at seen.position()
  void end(const Fingerprint& seen);      // the content ends there

  static constexpr std::size_t none = SIZE_MAX;
  std::size_t match() const { return match_; }      // index into known, or none
  std::uint64_t agreed() const { return agreed_; }  // furthest mark at which any source agreed
  bool disagreed() const { return disagreed_; }     // a source was ruled out by its bytes

 private:
  const std::vector<SourceRecord>& known_;
  std::vector<std::size_t> alive_;
  std::size_t match_ = none;
  std::uint64_t position_ = 0;
  std::uint64_t agreed_ = 0;
  bool disagreed_ = false;
};

}  // namespace track_usage
