// Inputs to chunks: finds out which source each input is and how far every
// store took it, and hands out what is new, in order, cut at newlines.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/input/inputs.h"
#include "src/input/ledger.h"
#include "src/parser.h"

namespace track_usage {

// How one store stands towards an input.
struct Standing {
  std::size_t source = 0;               // index into the run's list of that store's sources
  std::uint64_t offset = 0, lines = 0;  // taken before
  bool known = false;                   // it was in the ledger, or earlier in this run
  bool twin = false;                    // known from another file of this very run
};

// What the writing thread must know of an input besides its lines.
struct InputBegin {
  std::vector<Standing> standings;  // one a store
  bool passed = false;              // known by hints to be finished; nothing is read
};
struct InputEnd {
  bool damaged = false;
  bool line_waits = false;  // an unterminated last line was left for the next run
  std::string continues;    // a stream that went on beyond the end of this known file
  bool edited = false;      // a known log with other content: not taken
  std::string trouble, hint;
  SourceRecord source;  // as of the end: hints, marks, finished
};

struct Chunk {
  std::vector<char> bytes;   // the lines, then at least 64 readable bytes
  std::size_t size = 0;      // 0: none
  std::uint64_t offset = 0;  // of the first line in the content
  std::size_t input = 0;     // index into the list of inputs
  bool cut = false;          // the last line was cut at --max-line
  std::string heading;       // what # lines before them say (Heading)
  std::uint64_t holes = 0;   // of NULs before lines that were skipped on the way here
  std::uint64_t end = 0;     // offset behind the last line, cut parts included
  std::unique_ptr<InputBegin> begins;
  std::unique_ptr<SourceRecord> unit_ends;  // marks, hash and hints as of `end`
  std::unique_ptr<InputEnd> ends;

  Lines lines() const { return {.text = {bytes.data(), size}, .offset = offset, .cut = cut, .heading = heading}; }
};

struct ReaderOptions {
  std::uint64_t batch = 64 << 20;
  std::uint64_t max_line = 1 << 20;
  bool final_line = false;  // --final
  bool verify = false;
  bool take_edited = false;
  std::string source;  // --source
  std::string host;
  // When the log in a file that has changed since it was listed begins.
  std::function<std::int64_t(const std::string& path)> first_time;
};

class Reader {
 public:
  // `known` has each store's sources; the reader adds to them as it reads on.
  Reader(const std::vector<Input>& inputs, std::vector<std::vector<SourceRecord>> known, ReaderOptions options);
  ~Reader();

  // Calls `emit` with chunk after chunk, which may swap the chunk's buffer for
  // one of its own; ends early if it returns false or a signal came.
  using Emit = std::function<bool(Chunk&)>;
  void run(const Emit& emit);

  std::uint64_t consumed() const;  // bytes of input files so far; from any thread

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace track_usage
