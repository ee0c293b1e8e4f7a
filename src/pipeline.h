// Inputs through parsers, filters and summaries into sinks. The one place that
// starts threads: a reader, workers, and the calling thread, which puts units
// together in the order of the input; a unit is committed while the next one
// is being put together.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/delivery.h"
#include "src/error.h"
#include "src/input/reader.h"
#include "src/line_reader.h"
#include "src/sink.h"
#include "src/store.h"

namespace track_usage {

// One --sink: a store, or a sink that only takes rows.
struct Outlet {
  std::string shown;
  std::string target = {};  // as typed, without secrets
  std::unique_ptr<Sink> sink;
  std::unique_ptr<Store> store;
  std::vector<const Hook*> hooks;
  bool hooks_typed = false;  // by --hook or ?hooks=, and not the default
  bool failed = false;       // takes nothing more; why is in trouble
  bool gone = false;         // its reader closed the pipe
  bool absent = false;       // a dry run's store: not there yet, or a server
  std::string trouble, hint;
  Exit exit = Exit::store;  // of the trouble

  void fail(const Error& e) {
    failed = true;
    trouble = e.what();
    hint = e.hint;
    exit = e.exit;
  }
  bool live() const { return !failed && !gone; }
};

// The six numbers of the accounting.
struct Tally {
  Counts counts;
  std::uint64_t already_taken = 0;
  std::uint64_t read() const { return counts.read() + already_taken; }
  Tally& operator+=(const Tally& other);
};

struct FileReport {
  std::string path;
  Tally tally;  // of the outlet that had most to do
  std::vector<Tally> outlets;
  std::string format;
  bool unreadable = false;  // ten lines or more and not one could be read
  bool twin = false;        // taken already, from another file of this run
  InputEnd end;
};

struct RunReport {
  std::vector<FileReport> files;
  Tally total;
  std::vector<Tally> outlets;
  std::uint64_t holes = 0;
  bool zone_assumed = false;             // a time stated no zone
  std::uint64_t filtered_otherwise = 0;  // lines of these logs that other filters left out before
  int signal = 0;                        // that ended the run
  std::vector<HookEnd> hooks;            // one a program and store
};

struct Progress {
  std::uint64_t bytes, lines;
};

struct Job {
  std::vector<Input> inputs;
  LineReading lines;
  std::vector<std::string> format_names;  // beside the parsers
  UrlBy url_by = UrlBy::path;
  std::vector<Outlet>* outlets;
  ReaderOptions reader;
  unsigned jobs = 1;
  bool dry_run = false;
  std::vector<std::string> commands;  // that get the rows of each store
  std::chrono::seconds hook_wait{60};
  // Called from the calling thread.
  std::function<void(const Progress&)> progress;
  std::function<void(const std::string& path, const RejectedLine&)> rejected;
  std::function<void(const HookSaid&)> hook_said;
};

RunReport run(const Job& job);

}  // namespace track_usage
