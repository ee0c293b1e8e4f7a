#include "src/pipeline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/error.h"
#include "src/summary.h"

namespace track_usage {
namespace {

constexpr std::size_t kept_rejects = 1000;  // a unit; a store keeps no more of a source
constexpr std::uint64_t unreadable_lines = 10;
constexpr auto tick_every = std::chrono::milliseconds(100);

// A slot goes round: free -> read -> parsed -> free, once a lap. Its turn is
// 3 * lap + phase, so a thread that is a lap ahead waits and never mistakes
// this lap's chunk for its own.
struct Slot {
  std::atomic<std::uint64_t> turn{0};
  Chunk chunk;
  Batch batch;
  bool last = false;  // the input has ended
  std::exception_ptr failure;

  void await(std::uint64_t t) {
    for (auto now = turn.load(); now != t; now = turn.load()) turn.wait(now);
  }
  void pass() {
    ++turn;
    turn.notify_all();
  }
};

class Ring {
 public:
  explicit Ring(std::size_t size) : slots_(size) {}
  Slot& at(std::uint64_t i) { return slots_[i % slots_.size()]; }
  std::uint64_t lap(std::uint64_t i) const { return 3 * (i / slots_.size()); }

 private:
  std::vector<Slot> slots_;
};

// The calling thread's part: puts units together and has them committed.
class Assembler {
 public:
  // `tick` is called while a commit is waited for, too.
  Assembler(const Job& job, std::function<void()> tick)
      : job_(job), tick_(std::move(tick)), outlets_(*job.outlets), filters_(job.lines.filter->canonical()) {
    ids_.resize(outlets_.size());
    known_.resize(outlets_.size());
    report_.outlets.resize(outlets_.size());
    for (const Outlet& outlet : outlets_)
      for (const Hook* hook : outlet.hooks)
        if (std::find(hooks_.begin(), hooks_.end(), hook) == hooks_.end()) hooks_.push_back(hook);
  }

  // What each store's programs get; before the first commit.
  void deliver() {
    deliveries_.resize(outlets_.size());
    if (job_.commands.empty() || job_.dry_run) return;
    for (std::size_t o = 0; o < outlets_.size(); ++o) {
      if (outlets_[o].store == nullptr || outlets_[o].failed) continue;
      try {
        deliveries_[o] = std::make_unique<Delivery>(*outlets_[o].store, job_.commands, job_.hook_wait);
      } catch (const Error& e) {
        outlets_[o].fail(e);
      }
    }
  }

  // The sources that a store knew when the run began, as the reader numbers them.
  void know(std::size_t outlet, const std::vector<SourceRecord>& sources) {
    for (const SourceRecord& s : sources) ids_[outlet].push_back(s.id);
    known_[outlet] = sources;
  }

  // False: nobody is left to write to.
  bool take(Chunk& chunk, Batch& batch) {
    if (chunk.begins != nullptr) begin(chunk);
    report_.holes += chunk.holes;
    if (chunk.size != 0) lines(chunk, batch);
    // Held back to the end (ruling 5), the lines make a unit there.
    const bool held = new_ && chunk.ends != nullptr && chunk.unit_ends == nullptr && held_.read() != 0;
    if (held) chunk.unit_ends = std::make_unique<SourceRecord>(chunk.ends->source);
    if (chunk.unit_ends != nullptr) unit_ends(chunk);
    if (chunk.ends != nullptr) end(chunk);
    return std::any_of(outlets_.begin(), outlets_.end(), [](const Outlet& o) { return o.live(); });
  }

  RunReport finish() {
    settle();
    for (const auto& delivery : deliveries_) {
      if (delivery == nullptr) continue;
      std::vector<HookEnd> ends = delivery->finish();
      report_.hooks.insert(report_.hooks.end(), ends.begin(), ends.end());
    }
    tell_hooks();
    for (FileReport& file : report_.files) {
      // The total is that of the outlet which had most to do.
      file.tally = {};
      for (const Tally& t : file.outlets)
        if (file.tally.read() == 0 || t.counts.read() > file.tally.counts.read()) file.tally = t;
      if (file.unreadable) file.tally = file.outlets.front();
      for (std::size_t o = 0; o < outlets_.size(); ++o) report_.outlets[o] += file.outlets[o];
      report_.total += file.tally;
    }
    report_.signal = stop_signal();
    return std::move(report_);
  }

  std::uint64_t lines_seen() const { return lines_seen_; }

 private:
  struct Pending {
    std::unique_ptr<Unit> unit;
    std::vector<std::size_t> takers;  // outlets, and for each what commit said
    std::vector<std::int64_t> ids;
    std::vector<std::optional<Error>> troubles;
    std::vector<std::size_t> sources;  // standing.source of each taker
    std::size_t file = 0;
  };

  FileReport& file() { return report_.files.back(); }

  void begin(Chunk& chunk) {
    report_.files.push_back({.path = job_.inputs[chunk.input].path,
                             .tally = {},
                             .outlets = std::vector<Tally>(outlets_.size()),
                             .format = {},
                             .unreadable = false,
                             .twin = false,
                             .end = {}});
    standings_.assign(outlets_.size(), {});
    lines_before_ = 0;
    held_ = {};
    new_ = !job_.inputs[chunk.input].stream;  // what is piped cannot come again in the right format
    bool first = true;
    std::uint64_t filtered_otherwise = 0;
    std::size_t s = 0;
    for (std::size_t o = 0; o < outlets_.size(); ++o) {
      if (outlets_[o].store == nullptr) continue;
      if (s < chunk.begins->standings.size()) standings_[o] = chunk.begins->standings[s];
      ++s;
      const Standing& standing = standings_[o];
      file().outlets[o].already_taken = standing.lines;
      if (standing.known) new_ = false;
      if (standing.twin) file().twin = true;
      if (const SourceRecord* before = known_before(o); before != nullptr && before->filters != filters_)
        filtered_otherwise = std::max(filtered_otherwise, before->filtered);
      if (first || standing.offset < start_) {
        start_ = standing.offset;
        lines_before_ = standing.lines;
      }
      furthest_ = first ? standing.offset : std::max(furthest_, standing.offset);
      first = false;
    }
    report_.filtered_otherwise += filtered_otherwise;
    if (first) start_ = furthest_ = 0;
    // Who keeps no ledger gets what the one furthest behind gets.
    for (std::size_t o = 0; o < outlets_.size(); ++o)
      if (outlets_[o].sink != nullptr) file().outlets[o].already_taken = lines_before_;
    fresh_unit(chunk.end);
    committed_ = false;
  }

  void fresh_unit(std::uint64_t at) {
    if (unit_ == nullptr) unit_ = spare_ != nullptr ? std::move(spare_) : std::make_unique<Unit>();
    unit_->batch.clear();
    unit_->summaries = {};
    unit_->begin = at;
    unit_->rejects_not_kept = 0;
    gatherer_.forget();
  }

  bool takes(std::size_t o) const {
    return outlets_[o].store != nullptr && !outlets_[o].failed && unit_->begin >= standings_[o].offset;
  }

  void lines(const Chunk& chunk, Batch& batch) {
    lines_seen_ += batch.counts.read();
    report_.holes += batch.holes;
    report_.zone_assumed = report_.zone_assumed || batch.zone_assumed;
    file().format = format_names(std::move(file().format), batch);
    for (RejectedLine& reject : batch.rejects) {
      reject.line += lines_before_;
      if (job_.rejected && chunk.offset >= furthest_) job_.rejected(file().path, reject);
    }
    lines_before_ += batch.counts.read();

    for (std::size_t o = 0; o < outlets_.size(); ++o) {
      Outlet& outlet = outlets_[o];
      if (outlet.sink == nullptr || !outlet.live()) continue;
      try {
        if (!job_.dry_run && batch.size() != 0 && !outlet.sink->write(batch)) outlet.gone = true;
      } catch (const Error& e) {
        outlet.fail(e);
      }
      if (outlet.live()) file().outlets[o].counts += batch.counts;
    }

    held_ += batch.counts;
    if (held_.stored + held_.filtered() != 0) new_ = false;
    bool wanted = false;
    for (std::size_t o = 0; o < outlets_.size(); ++o) wanted = wanted || takes(o);
    if (!wanted) return;
    Batch& all = unit_->batch;
    gatherer_.append(all, batch, {});
    all.counts += batch.counts;
    for (RejectedLine& reject : batch.rejects) {
      if (all.rejects.size() < kept_rejects)
        all.rejects.push_back(std::move(reject));
      else
        ++unit_->rejects_not_kept;
    }
  }

  void unit_ends(Chunk& chunk) {
    const bool at_end = chunk.ends != nullptr;
    // Ruling 5: nothing of a log is taken until a line of it could be read, so
    // that the right format can take it later.
    if (new_) {
      if (!at_end) return;
      if (held_.rejected() >= unreadable_lines) {
        file().unreadable = true;
        for (Tally& t : file().outlets) t.counts = held_;
        return;
      }
    }
    unit_->end = chunk.end;
    unit_->index = chunk.input;
    unit_->source = std::move(*chunk.unit_ends);
    unit_->source.format = file().format;
    unit_->source.filters = filters_;
    commit();
    fresh_unit(chunk.end);
  }

  void commit() {
    settle();
    pending_.takers.clear();
    for (std::size_t o = 0; o < outlets_.size(); ++o)
      if (takes(o)) pending_.takers.push_back(o);
    if (pending_.takers.empty()) return;
    committed_ = true;
    pending_.file = report_.files.size() - 1;
    pending_.unit = std::move(unit_);
    pending_.ids.assign(pending_.takers.size(), 0);
    pending_.troubles = std::vector<std::optional<Error>>(pending_.takers.size());
    pending_.sources.clear();
    for (std::size_t t = 0; t < pending_.takers.size(); ++t) {
      const std::size_t o = pending_.takers[t];
      Standing& standing = standings_[o];
      if (!standing.known) {  // as the reader numbered it
        standing.known = true;
        standing.source = ids_[o].size();
        ids_[o].push_back(0);
      }
      pending_.sources.push_back(standing.source);
      pending_.ids[t] = ids_[o][standing.source];
    }
    if (job_.dry_run) return;
    committing_ = std::async(std::launch::async, [this] { write_pending(); });
  }

  // On its own thread, while the calling thread puts the next unit together.
  void write_pending() {
    Unit& unit = *pending_.unit;
    unit.summaries = std::async(std::launch::async, [&] { return summarise(unit.batch, hooks_, job_.url_by); }).share();
    // Each store in a thread of its own: one that is slow holds up no other's ledger.
    std::vector<std::future<void>> others;
    for (std::size_t t = 1; t < pending_.takers.size(); ++t)
      others.push_back(std::async(std::launch::async, [this, t] { write_to(t); }));
    write_to(0);
    for (std::future<void>& other : others) other.get();
  }

  void write_to(std::size_t taker) {
    try {
      const std::size_t o = pending_.takers[taker];
      const Committed committed = outlets_[o].store->commit(*pending_.unit, pending_.ids[taker]);
      pending_.ids[taker] = committed.source;
      if (deliveries_[o] != nullptr) deliveries_[o]->give(*pending_.unit, committed.unit);
    } catch (const Error& e) {
      pending_.troubles[taker].emplace(e);
    }
  }

  // Waits for the unit that is being committed, and counts it.
  void settle() {
    if (committing_.valid()) {
      while (committing_.wait_for(tick_every) != std::future_status::ready) tick_();
      committing_.get();
    }
    if (pending_.unit == nullptr) return;
    for (std::size_t t = 0; t < pending_.takers.size(); ++t) {
      const std::size_t o = pending_.takers[t];
      if (pending_.troubles[t]) {
        outlets_[o].fail(*pending_.troubles[t]);
        continue;
      }
      ids_[o][pending_.sources[t]] = pending_.ids[t];
      report_.files[pending_.file].outlets[o].counts += pending_.unit->batch.counts;
    }
    spare_ = std::move(pending_.unit);
    tell_hooks();
  }

  // Only while nothing is being committed.
  void tell_hooks() {
    for (const auto& delivery : deliveries_)
      if (delivery != nullptr && job_.hook_said)
        for (const HookSaid& said : delivery->take_said()) job_.hook_said(said);
  }

  // What the store of an outlet knew of the present input when the run began.
  const SourceRecord* known_before(std::size_t o) const {
    const Standing& standing = standings_[o];
    return standing.known && standing.source < known_[o].size() ? &known_[o][standing.source] : nullptr;
  }

  void end(Chunk& chunk) {
    file().end = std::move(*chunk.ends);
    const InputEnd& how = file().end;
    // Where nothing was new, the hints may be (a log that was renamed), or the
    // filters, whose change is told but once.
    if (committed_ || how.damaged || job_.dry_run || file().unreadable) return;
    const bool passed = how.source.offset == 0;
    settle();
    for (std::size_t o = 0; o < outlets_.size(); ++o) {
      Outlet& outlet = outlets_[o];
      const SourceRecord* before = known_before(o);
      if (outlet.store == nullptr || outlet.failed || before == nullptr || standings_[o].twin) continue;
      const bool other_filters = before->filtered != 0 && before->filters != filters_;
      if (passed && !other_filters) continue;
      SourceRecord source = passed ? *before : how.source;
      source.id = before->id;
      source.filters = other_filters ? filters_ : before->filters;
      try {
        outlet.store->touch(source);
      } catch (const Error& e) {
        outlet.fail(e);
      }
    }
  }

  // The file's formats so far and the batch's.
  std::string format_names(std::string names, const Batch& batch) const {
    for (const ReadBy& reader : batch.read_by) {
      const auto at = std::find(job_.lines.parsers.begin(), job_.lines.parsers.end(), reader.parser);
      std::string name = job_.format_names[static_cast<std::size_t>(at - job_.lines.parsers.begin())];
      if (!reader.around.empty()) name.append(" in ").append(reader.around);
      if (fmt::format(" {},", names).find(fmt::format(" {},", name)) == std::string::npos)
        names += (names.empty() ? "" : ", ") + name;
    }
    return names;
  }

  const Job& job_;
  const std::function<void()> tick_;
  std::vector<Outlet>& outlets_;
  std::vector<const Hook*> hooks_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;  // [outlet]; none: it has no store, or there is no program
  std::vector<std::vector<std::int64_t>> ids_;         // [outlet][the reader's source number]
  std::vector<std::vector<SourceRecord>> known_;       // beside ids_, of those known before the run
  const std::string filters_;                          // of this run
  RunReport report_;
  std::uint64_t lines_seen_ = 0;

  // Of the input at hand.
  std::vector<Standing> standings_;  // one an outlet
  std::uint64_t start_ = 0, furthest_ = 0;
  std::uint64_t lines_before_ = 0;
  bool new_ = true;  // a file that no store knows, and of which no line could be read so far
  Counts held_;      // of all of its lines in this run
  bool committed_ = false;

  std::unique_ptr<Unit> unit_, spare_;
  Gatherer gatherer_;
  Pending pending_;
  std::future<void> committing_;
};

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  counts += other.counts;
  already_taken += other.already_taken;
  return *this;
}

RunReport run(const Job& job) {
  std::function<void()> tick;
  Assembler assembler(job, [&] { tick(); });
  std::vector<std::vector<SourceRecord>> known;
  for (std::size_t o = 0; o < job.outlets->size(); ++o) {
    const Outlet& outlet = (*job.outlets)[o];
    if (outlet.store == nullptr) continue;
    known.push_back(outlet.failed || outlet.absent ? std::vector<SourceRecord>() : outlet.store->sources());
    assembler.know(o, known.back());
  }
  assembler.deliver();
  Reader reader(job.inputs, std::move(known), job.reader);

  tick = [&] {
    if (job.progress) job.progress({reader.consumed(), assembler.lines_seen()});
  };

  Ring ring(2 * job.jobs + 2);
  std::atomic<bool> stop{false};
  std::exception_ptr reading_failed;
  std::jthread reading([&] {
    std::uint64_t i = 0;
    try {
      reader.run([&](Chunk& chunk) {
        Slot& slot = ring.at(i);
        slot.await(ring.lap(i));
        std::swap(slot.chunk, chunk);
        slot.pass();
        ++i;
        return !stop.load();
      });
    } catch (...) {
      reading_failed = std::current_exception();
    }
    // One end for each worker, and one for the writer among them.
    for (unsigned n = 0; n < job.jobs; ++n, ++i) {
      Slot& slot = ring.at(i);
      slot.await(ring.lap(i));
      slot.last = true;
      slot.pass();
    }
  });

  std::atomic<std::uint64_t> next{0};
  std::vector<std::jthread> workers;
  for (unsigned n = 0; n < job.jobs; ++n)
    workers.emplace_back([&] {
      LineReader lines(job.lines);
      for (bool more = true; more;) {
        const std::uint64_t i = next++;
        Slot& slot = ring.at(i);
        slot.await(ring.lap(i) + 1);
        more = !slot.last;
        try {
          if (more) lines.read(slot.chunk.lines(), slot.batch);
        } catch (...) {
          slot.failure = std::current_exception();
        }
        slot.pass();
      }
    });

  // After a failure the ring is kept turning, so that every other thread can
  // finish and be joined.
  std::exception_ptr failure;
  for (std::uint64_t i = 0;; ++i) {
    Slot& slot = ring.at(i);
    slot.await(ring.lap(i) + 2);
    if (slot.last) break;
    try {
      if (slot.failure != nullptr) std::rethrow_exception(slot.failure);
      if (failure == nullptr && !stop) {
        if (!assembler.take(slot.chunk, slot.batch)) stop = true;
        tick();
      }
    } catch (...) {
      if (failure == nullptr) failure = std::current_exception();
      stop = true;
    }
    slot.pass();
  }
  reading.join();
  for (std::jthread& worker : workers) worker.join();
  if (failure == nullptr) failure = reading_failed;
  RunReport report = assembler.finish();
  if (failure != nullptr) std::rethrow_exception(failure);
  return report;
}

}  // namespace track_usage
