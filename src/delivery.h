// Rows for the programs of --hook exec:CMD: each gets what a store has
// committed, as JSON lines, at least once. A commit notes what it owes them
// (Store::owe); the note goes when the program has ended well.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/child.h"
#include "src/store.h"

namespace track_usage {

// What became of one program and one store.
struct HookEnd {
  std::string command, store;  // the command as typed; the store as shown
  std::string failure;         // "exit 3"; empty: it ended well, or was not started
  std::uint64_t rows, units;   // that wait to be given to it
  std::uint64_t unsaid = 0;    // lines of its standard error beyond those in HookSaid
};

struct HookSaid {
  std::string command, line;  // raw bytes
};

// Of one store. Its calls are the store's: one thread at a time. Nothing is
// thrown: a program's trouble is told in the end, and costs no row.
class Delivery {
 public:
  // Before the first commit of the run. Borrows the store.
  Delivery(Store& store, std::vector<std::string> commands, std::chrono::seconds patience);

  // After the commit of `unit`, which got that id. Before the first one, what
  // was owed from other runs is given.
  void give(const Unit& unit, std::int64_t id);
  // Gives what is still owed, lets the programs end, and has the store note
  // what was delivered.
  std::vector<HookEnd> finish();
  // What the programs said since the last call.
  std::vector<HookSaid> take_said();

 private:
  struct Program {
    std::string command;
    std::vector<Owed> owed;   // by the runs before, in order
    std::vector<Owed> given;  // or declined by a program that reads no more
    std::vector<Owed> left;   // of this run, not given
    std::unique_ptr<Child> child;
    std::string failure;
    bool reads = true;
  };

  void give_owed(Program& program);
  void give(Program& program, const Batch& batch);
  bool start(Program& program);
  HookEnd end(Program& program);

  Store& store_;
  const std::string shown_;
  const std::chrono::seconds patience_;
  std::vector<Program> programs_;
  std::string text_;
};

}  // namespace track_usage
