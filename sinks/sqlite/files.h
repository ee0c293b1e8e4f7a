// The files of a store, and what this user may do to them.
#pragma once

#include <cstdint>
#include <string>

#include "src/base/sqlite.h"

namespace track_usage::sqlite {

// Makes the file of a new store, readable to its group at most.
void create_file(const std::string& path);

// Before a store is opened to write. Throws Error (store) that names the file
// or folder which this user may not write: SQLite itself would open to read,
// without a word.
void check_writable(const std::string& path);

// How a reader opens a store so that nothing is left behind that its writer
// could not use. Throws Error (store).
Database::Mode reading_mode(const std::string& path);

// What a file is as long as nobody has written to it.
struct FileVersion {
  explicit FileVersion(const std::string& path);
  bool operator==(const FileVersion&) const = default;

  std::uint64_t inode = 0, size = 0;
  std::int64_t mtime_ns = 0;
};

// The lock beside a store, held until release(), or until this process ends.
class FileLock {
 public:
  ~FileLock() { release(); }
  void take(const std::string& path);  // throws Error, Exit::locked with the holder
  void release();

 private:
  int fd_ = -1;
};

}  // namespace track_usage::sqlite
