// What each step of a line's way costs, in ns a line, and its allocations a
// line, which must be none: the newline scan, the cut into fields, the time, a
// text's place among the distinct ones, the whole way to a row, the gathering
// into a unit, the sums, and SQLite's rows and cells. `step_bench FILE...`
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "hooks/hooks.h"
#include "parsers/parsers.h"
#include "sinks/sinks.h"
#include "src/base/timestamp.h"
#include "src/parser.h"
#include "src/summary.h"

namespace {

using namespace track_usage;

constexpr std::size_t chunk_size = 1 << 20;
constexpr int rounds = 3;
std::size_t allocations = 0;

struct Cost {
  double seconds = 1e9;
  std::size_t allocations = 0;
};

// The best of some rounds, of which the first warms the buffers up.
Cost cost_of(const auto& step) {
  Cost best;
  for (int r = 0; r < rounds; ++r) {
    const std::size_t before = allocations;
    const auto begin = std::chrono::steady_clock::now();
    step();
    best.seconds =
        std::min(best.seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    best.allocations = allocations - before;
  }
  return best;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// The text in parts that end at a newline.
template <typename Visit>
void each_chunk(std::string_view text, Visit visit) {
  for (std::size_t from = 0; from < text.size();) {
    std::size_t end = std::min(from + chunk_size, text.size());
    if (end < text.size()) end = text.rfind('\n', end) + 1;
    visit(text.substr(from, end - from), from);
    from = end;
  }
}

// Seconds for one unit in a new store.
double commit(const Unit& unit, const std::vector<const Hook*>& hooks) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("step-bench-{}", allocations);
  std::filesystem::create_directory(folder);
  double seconds = 0;
  {
    const auto store = find_sink("sqlite").make_store(parse_target("sqlite:" + (folder / "a.db").string()));
    store->open(Access::write);
    Settings settings;
    for (const Hook* hook : hooks) settings.hooks.emplace_back(hook->name);
    store->settle(settings);
    store->use(hooks, UrlBy::path);
    const auto begin = std::chrono::steady_clock::now();
    store->commit(unit, 0);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    store->close();
  }
  std::filesystem::remove_all(folder);
  return seconds;
}

// False: a step allocates memory line by line.
bool measure(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.append(64, '\0');
  const std::string_view all(text.data(), text.size() - 64);
  const std::vector<std::string_view> lines = lines_of(all);
  const auto n = static_cast<double>(lines.size());
  bool frugal = true;
  const auto tell = [&](std::string_view step, const Cost& cost) {
    const double each = static_cast<double>(cost.allocations) / n;
    fmt::print("  {:12}{:8.0f} ns{:12.4f} allocations\n", step, cost.seconds / n * 1e9, each);
    // A batch names its defaults anew: a few allocations a chunk, none a line.
    frugal = frugal && each < 0.01;
  };
  fmt::print("{}: {} lines, {:.0f} bytes each\n", path, lines.size(), static_cast<double>(all.size()) / n);

  std::size_t found = 0;
  const Cost scan = cost_of([&] {
    const char* const end = all.data() + all.size();
    for (const char* at = all.data();
         (at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) != nullptr; ++at)
      ++found;
  });
  tell("scan", scan);

  std::vector<std::unique_ptr<Parser>> owned;
  std::vector<const Parser*> parsers;
  for (const ParserInfo* info : all_parsers()) {
    owned.push_back(info->make({}));
    parsers.push_back(owned.back().get());
  }
  const Dispatcher dispatcher(parsers);
  Fields fields;
  const Parser& parser = *dispatcher.best(lines.front(), fields).parser;
  std::size_t whole = 0;
  tell("fields", cost_of([&] {
         for (const std::string_view line : lines) whole += parser.read(line, fields).match == Match::whole;
       }));
  if (const std::size_t bracket = lines.front().find('[');
      lines.front()[0] != '{' && bracket != std::string_view::npos) {
    std::vector<std::string_view> times;
    for (const std::string_view line : lines) times.push_back(line.substr(line.find('[') + 1, 26));
    ClfTime clock;
    tell("time", cost_of([&] {
           for (const std::string_view time : times) found += clock.parse(time).has_value();
         }));
    std::vector<std::string_view> requests;
    for (const std::string_view line : lines) {
      const std::size_t quote = line.find('"') + 1;
      requests.push_back(line.substr(quote, line.find('"', quote) - quote));
    }
    Texts texts;
    tell("intern", cost_of([&] {
           texts.clear();
           for (const std::string_view request : requests) found += texts.intern(request);
         }));
  }

  RowBuilder builder(RowDefaults{});
  Batch batch;
  std::size_t rows = 0;
  const Cost parse = cost_of([&] {
    rows = 0;
    each_chunk(all, [&](std::string_view chunk, std::size_t offset) {
      dispatcher.parse({.text = chunk, .offset = offset}, builder, batch);
      rows += batch.size();
    });
  });
  tell("rows", parse);

  std::vector<Batch> batches;
  each_chunk(all, [&](std::string_view chunk, std::size_t offset) {
    dispatcher.parse({.text = chunk, .offset = offset}, builder, batches.emplace_back());
    set_hours(batches.back(), Zone());
  });
  Unit unit;
  tell("gather", cost_of([&] {
         unit.batch.clear();
         Gatherer gatherer;
         for (const Batch& b : batches) gatherer.append(unit.batch, b, {});
       }));
  std::vector<const Hook*> hooks;
  for (const Hook* hook : all_hooks())
    if (hook->on_by == OnBy::unasked) hooks.push_back(hook);
  std::vector<Summary> summaries;
  tell("sums", cost_of([&] { summaries = summarise(unit.batch, hooks, UrlBy::path); }));
  std::size_t cells = 0;
  for (const Summary& summary : summaries)
    for (const auto& of_period : summary.cells) cells += of_period.size();

  unit.batch.counts.stored = unit.batch.size();
  unit.end = all.size();
  std::promise<std::vector<Summary>> ready;
  ready.set_value(std::move(summaries));
  unit.summaries = ready.get_future().share();
  double bare = 1e9, full = 1e9;
  for (int r = 0; r < rounds; ++r) {
    bare = std::min(bare, commit(unit, {}));
    full = std::min(full, commit(unit, hooks));
  }
  fmt::print("  {:12}{:8.0f} ns\n  {:12}{:8.0f} ns for {:.2f} cells a line\n", "SQLite rows", bare / n * 1e9,
             "SQLite cells", (full - bare) / n * 1e9, static_cast<double>(cells) / n);
  fmt::print("  parsed to {} rows of {} lines ({} read alone) in {:.1f} times the scan\n", rows, lines.size(),
             whole / rounds, parse.seconds / scan.seconds);
  return frugal && found != 0;
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

int main(int argc, char** argv) {
  bool frugal = true;
  for (int a = 1; a < argc; ++a) frugal = measure(argv[a]) && frugal;
  return frugal ? 0 : 1;
}
