#include "src/delivery.h"

#include <iterator>
#include <utility>

#include "src/base/signals.h"
#include "src/error.h"
#include "src/row_text.h"

namespace track_usage {
namespace {

constexpr std::size_t piece = 64 * 1024;  // bytes a write: what a pipe holds

}  // namespace

Delivery::Delivery(Store& store, std::vector<std::string> commands, std::chrono::seconds patience)
    : store_(store), shown_(store.shown()), patience_(patience) {
  store.owe(commands);
  const std::vector<Owed> owed = store.owed();
  for (std::string& command : commands) {
    Program& program = programs_.emplace_back();
    program.command = std::move(command);
    for (const Owed& unit : owed)
      if (unit.hook == program.command) program.owed.push_back(unit);
  }
}

void Delivery::give(const Unit& unit, std::int64_t id) {
  if (unit.batch.size() == 0) return;
  for (Program& program : programs_) {
    give_owed(program);
    const bool waits = !program.owed.empty();  // it comes before, and was not given: the run is ending
    const bool gives = !waits && program.failure.empty() && start(program);
    if (gives) give(program, unit.batch);
    (gives ? program.given : program.left).push_back({program.command, id, unit.batch.size()});
  }
}

// Those of the runs before, from the store's rows, one unit after the other.
// Once the run was asked to end, no further one is begun.
void Delivery::give_owed(Program& program) {
  std::size_t done = 0;
  for (; done < program.owed.size() && program.failure.empty() && stop_signal() == 0; ++done) {
    const Owed& unit = program.owed[done];
    if (unit.rows != 0) {
      if (!start(program)) break;
      RowQuery query;
      query.newest_first = false;
      query.units = {unit.unit};
      try {
        store_.rows(query, [&](const Batch& batch) {
          give(program, batch);
          return program.reads;
        });
      } catch (const Error& e) {
        program.failure = e.what();
        break;
      }
    }
    program.given.push_back(unit);
  }
  program.owed.erase(program.owed.begin(), program.owed.begin() + static_cast<std::ptrdiff_t>(done));
}

// Of one that reads no more nothing is known yet: how it ends decides.
void Delivery::give(Program& program, const Batch& batch) {
  for (std::size_t i = 0; i < batch.size() && program.reads; ++i) {
    append_row_json(text_, RowView(batch, i));
    text_ += '\n';
    if (text_.size() < piece && i + 1 != batch.size()) continue;
    program.reads = program.child->write(text_);
    text_.clear();
  }
  text_.clear();
}

// False: it could not be, or there is no time left for it.
bool Delivery::start(Program& program) {
  if (program.child != nullptr) return true;
  if (stop_signal() != 0) return false;
  try {
    program.child =
        std::make_unique<Child>(program.command, std::vector<std::string>{"TRACK_USAGE_SINK=" + shown_}, patience_);
  } catch (const Error& e) {
    program.failure = e.what();
  }
  return program.child != nullptr;
}

std::vector<HookEnd> Delivery::finish() {
  for (Program& program : programs_) give_owed(program);
  for (Program& program : programs_)  // of all before one is waited for
    if (program.child != nullptr) program.child->end_input();
  std::vector<HookEnd> ends;
  for (Program& program : programs_) ends.push_back(end(program));
  return ends;
}

HookEnd Delivery::end(Program& program) {
  if (program.child != nullptr)
    if (std::string how = program.child->wait(); !how.empty()) program.failure = std::move(how);
  if (program.failure.empty() && !program.given.empty()) {
    std::vector<std::int64_t> units;
    for (const Owed& unit : program.given) units.push_back(unit.unit);
    try {
      store_.delivered(program.command, units);
      program.given.clear();
    } catch (const Error& e) {
      program.failure = e.what();
    }
  }
  HookEnd end{.command = program.command, .store = shown_, .failure = program.failure, .rows = 0, .units = 0};
  for (const auto* units : {&program.owed, &program.given, &program.left})
    for (const Owed& unit : *units) {
      if (unit.rows == 0) continue;
      end.rows += unit.rows;
      ++end.units;
    }
  if (program.child != nullptr) end.unsaid = program.child->unsaid();
  return end;
}

std::vector<HookSaid> Delivery::take_said() {
  std::vector<HookSaid> said;
  for (Program& program : programs_)
    if (program.child != nullptr)
      for (std::string& line : program.child->take_said()) said.push_back({program.command, std::move(line)});
  return said;
}

}  // namespace track_usage
