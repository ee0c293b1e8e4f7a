// A program of the user's own that is fed through a pipe: /bin/sh -c COMMAND in
// a process group of its own. It has our standard output; what it says on its
// standard error is kept for us to tell. No thread: whoever writes reads it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

// Called from one thread at a time. SIGPIPE must be ignored (base/signals.h).
class Child {
 public:
  // Starts it with our environment and `variables` (NAME=VALUE) instead of those
  // of the same names, and no descriptor but 0, 1 and 2. `patience`: how long
  // it may read nothing while something waits for it, and run on after its
  // input has ended. A signal that ends us cuts that to what is left of 3 s.
  // Throws Error (store) if it cannot be started.
  Child(const std::string& command, const std::vector<std::string>& variables, std::chrono::seconds patience);
  ~Child();  // ends what still runs
  Child(const Child&) = delete;

  // The whole of `bytes`, however long it takes. False: it reads no more, of
  // its own will or because it was stuck and has been ended.
  bool write(std::string_view bytes);
  void end_input();
  // After its input has ended: waits for its end. Empty if it exited with 0,
  // else what became of it: "exit 3", "killed by signal 9", "it read nothing for 60 s".
  std::string wait();

  // Lines of its standard error since the last call, as they came (raw bytes),
  // each cut at 500 bytes; of the whole run the first 20 alone.
  std::vector<std::string> take_said();
  std::uint64_t unsaid() const { return lines_ > kept_lines ? lines_ - kept_lines : 0; }  // lines beyond those

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t kept_lines = 20;

  void start(const std::string& command, const std::vector<std::string>& variables);
  void listen();
  void keep(std::string_view bytes);
  void end_line();
  bool over();
  bool over_by(Clock::time_point when);
  void terminate(std::string why);
  std::string patience_text() const;

  const std::chrono::seconds patience_;
  pid_t pid_ = -1;  // -1: it is over and known how
  int input_ = -1, errors_ = -1;
  int status_ = 0;
  std::string stuck_;  // why we ended it
  std::string line_;
  bool in_line_ = false;
  std::uint64_t lines_ = 0;
  std::vector<std::string> said_;
};

}  // namespace track_usage
