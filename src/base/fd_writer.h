// Buffered writing to a descriptor, for sinks that write text.
#pragma once

#include <string>

namespace track_usage {

// Does not close its descriptor.
class FdWriter {
 public:
  FdWriter() = default;
  FdWriter(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  // What is appended here is written by flush() and, when it is much, by settle().
  std::string& buffer() { return buffer_; }
  // False: the reader has gone, or the run was asked to end while it did not
  // read. Throws Error (store) for anything else, as a full disk.
  bool settle();
  bool flush();

 private:
  int fd_ = -1;
  std::string name_, buffer_;
};

}  // namespace track_usage
