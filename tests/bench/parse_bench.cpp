// How fast lines become rows: ns a line for the newline scan alone and for each
// dialect, and allocations a line, which must be none. `parse_bench FILE...`
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "parsers/parsers.h"
#include "src/parser.h"

namespace {

std::size_t allocations = 0;

double seconds_of(const auto& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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
  using namespace track_usage;
  constexpr std::size_t chunk = 1 << 20;
  constexpr int rounds = 3;
  bool frugal = true;
  for (int a = 1; a < argc; ++a) {
    std::ifstream in(argv[a], std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    text.append(64, '\0');
    const std::string_view all(text.data(), text.size() - 64);

    std::size_t lines = 0;
    double scan = 1e9, parse = 1e9;
    for (int r = 0; r < rounds; ++r)
      scan = std::min(scan, seconds_of([&] {
                        lines = 0;
                        for (const char* at = all.data();
                             (at = static_cast<const char*>(std::memchr(
                                  at, '\n', static_cast<std::size_t>(all.data() + all.size() - at)))) != nullptr;
                             ++at)
                          ++lines;
                      }));

    std::vector<std::unique_ptr<Parser>> owned;
    std::vector<const Parser*> parsers;
    for (const ParserInfo* info : all_parsers()) {
      owned.push_back(info->make({}));
      parsers.push_back(owned.back().get());
    }
    const Dispatcher dispatcher(parsers);
    RowBuilder builder(RowDefaults{});
    Batch batch;
    std::size_t rows = 0, allocated = 0;
    for (int r = 0; r < rounds; ++r) {  // the first round warms the buffers up
      allocated = allocations;
      rows = 0;
      parse = std::min(parse, seconds_of([&] {
                         for (std::size_t from = 0; from < all.size();) {
                           std::size_t end = std::min(from + chunk, all.size());
                           if (end < all.size()) end = all.rfind('\n', end) + 1;
                           dispatcher.parse(all.substr(from, end - from), from, false, builder, batch);
                           rows += batch.size();
                           from = end;
                         }
                       }));
      allocated = allocations - allocated;
    }
    const auto n = static_cast<double>(lines);
    const double each = static_cast<double>(allocated) / n;
    // A batch names its defaults anew: a few allocations a chunk, none a line.
    frugal = frugal && each < 0.01;
    fmt::print(
        "{}: {} lines, {} rows; scan {:.0f} ns, parse {:.0f} ns a line ({:.1f} times the scan), {:.4f} allocations a "
        "line\n",
        argv[a], lines, rows, scan / n * 1e9, parse / n * 1e9, parse / scan, each);
  }
  return frugal ? 0 : 1;
}
