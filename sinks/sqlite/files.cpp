#include "sinks/sqlite/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage::sqlite {
namespace {

constexpr mode_t new_file = 0640;  // a log's content is not for everybody

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

[[noreturn]] void refuse(const std::string& path, int cause, const std::string& hint = {}) {
  throw Error(Exit::store, fmt::format("cannot write '{}': {}", visible(path), std::strerror(cause)), hint);
}

}  // namespace

void create_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, new_file);
  if (fd < 0) refuse(path, errno);
  ::close(fd);
}

void check_writable(const std::string& path) {
  for (const char* part : {"", "-wal", "-shm"})
    if (const std::string file = path + part; access(file.c_str(), W_OK) != 0 && errno != ENOENT)
      refuse(file, errno, "the store belongs to another user, or is mounted to be read only");
  // They stay from run to run: whoever the store was opened to since may read them too.
  struct stat store {};
  if (::stat(path.c_str(), &store) == 0)
    for (const char* part : {"-wal", "-shm"})
      if (::chmod((path + part).c_str(), store.st_mode & 07777) != 0) continue;  // not there, or not ours
  if (const std::string folder = folder_of(path); access(folder.c_str(), W_OK) != 0)
    throw Error(Exit::store, fmt::format("cannot write '{}': its folder: {}", visible(path), std::strerror(errno)),
                "SQLite keeps files of its own beside the store while it is open");
}

Database::Mode reading_mode(const std::string& path) {
  const bool beside = access((path + "-wal").c_str(), R_OK) == 0 && access((path + "-shm").c_str(), R_OK) == 0;
  const bool writes = access(path.c_str(), W_OK) == 0 && (beside || access(folder_of(path).c_str(), W_OK) == 0);
  if (writes) return Database::Mode::read;
  // A reader who may not write the store must leave no -shm that its writer
  // could not open: with the writer's own he follows it, without he reads what
  // the last run's end has put into the file.
  if (beside) return Database::Mode::follow;
  struct stat st {};
  if (::stat((path + "-wal").c_str(), &st) != 0 || st.st_size == 0) return Database::Mode::immutable;
  throw Error(Exit::store,
              fmt::format("'{}-wal' holds what a run committed before it was killed, and only who may write the store "
                          "can read that",
                          visible(path)),
              "the next run puts it in order, and so does track-usage status by the store's owner");
}

FileVersion::FileVersion(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return;
  inode = st.st_ino;
  size = static_cast<std::uint64_t>(st.st_size);
  mtime_ns = std::int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec;
}

void FileLock::take(const std::string& path) {
  const std::string file = path + ".lock";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, new_file);
  if (fd_ < 0)
    refuse(file, errno,
           errno == ENOENT ? fmt::format("the folder of '{}' does not exist", visible(path))
                           : "who writes a store must be able to write its lock and its folder");
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    char holder[128] = {};
    const ssize_t n = pread(fd_, holder, sizeof holder - 1, 0);
    release();
    throw Error(Exit::locked,
                fmt::format("another run has {}: {}", visible(path),
                            visible(trim({holder, n > 0 ? static_cast<std::size_t>(n) : 0}))),
                "it takes what is there; --wait waits for it");
  }
  const std::string me =
      fmt::format("pid {} since {}\n", getpid(), iso_time(std::int64_t{::time(nullptr)} * 1'000'000));
  if (ftruncate(fd_, 0) != 0 || pwrite(fd_, me.data(), me.size(), 0) < 0) {
    // The lock itself holds; only who holds it cannot be told.
  }
}

void FileLock::release() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace track_usage::sqlite
