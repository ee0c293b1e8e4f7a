// Filters of any text, on rows: what cannot be parsed throws Error and nothing
// else, and what can counts every row it leaves out. The first byte chooses the
// kind; the pattern ends at the first newline, log lines follow.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/parsers.h"
#include "src/error.h"
#include "src/filter.h"
#include "tests/fuzz/fuzz.h"

using namespace track_usage;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto parser = make_parser("vhost_combined", {});
  static const Dispatcher dispatcher({parser.get()});
  static constexpr std::string_view sound =
      "shop.example:443 192.0.2.1 - - [10/Nov/2026:10:00:00 +0000] \"GET /a/b.png?q=1 HTTP/1.1\" 200 5 \"-\" "
      "\"Mozilla/5.0 (X11)\"\n"
      "www.example.com 2001:db8::7 - - [10/Nov/2026:10:00:01 +0000] \"-\" - - \"-\" \"-\"\n";
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t newline = std::min(text.find('\n'), text.size());
  const std::string pattern(text.substr(0, newline));

  FilterOptions options;
  std::vector<std::string>* const kinds[] = {&options.include, &options.exclude, &options.status, &options.method,
                                             &options.host,    &options.remote,  &options.agent};
  kinds[data[0] % 7]->push_back(pattern);
  if (data[0] >= 128) options.exclude.push_back("*.png");

  static Batch batch;
  static RowBuilder builder({});
  const fuzz::Lines lines(std::string(sound) + std::string(text.substr(newline)));
  dispatcher.parse({.text = lines.text()}, builder, batch);
  try {
    const Filter filter(options);
    check(filter.canonical() == Filter(options).canonical());
    std::vector<std::uint8_t> keep;
    Counts counts;
    filter.apply(batch, keep, counts);
    check(keep.empty() || keep.size() == batch.size());
    check(counts.filtered() == static_cast<std::uint64_t>(std::count(keep.begin(), keep.end(), 0)));
    if (filter.keeps_all()) check(counts.filtered() == 0);
    filter.unmatched();
  } catch (const Error& e) {
    check(e.exit == Exit::usage && *e.what() != '\0' && fuzz::is_safe(e.what()));
  }
  return 0;
}
