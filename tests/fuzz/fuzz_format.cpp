// Any text as a --format: it is refused by an Error that says why, or makes a
// parser that reads lines as every other does. Lines follow the first newline.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "parsers/parsers.h"
#include "src/error.h"
#include "tests/fuzz/fuzz.h"

using namespace track_usage;
using fuzz::check;

namespace {

void check_error(const Error& e) {
  check(e.exit == Exit::usage && *e.what() != '\0' && fuzz::is_safe(e.what()));
  for (std::string_view hint = e.hint; !hint.empty();) {  // its second line has the caret
    const std::size_t newline = std::min(hint.find('\n'), hint.size());
    check(fuzz::is_safe(hint.substr(0, newline)));
    hint.remove_prefix(std::min(newline + 1, hint.size()));
  }
}

void check_parser(const Parser& parser, std::string_view text) {
  static RowBuilder builder({});
  static Batch batch;
  const fuzz::Lines lines(text);
  Dispatcher({&parser}).parse({.text = lines.text()}, builder, batch);
  fuzz::check_batch(batch);
  check(batch.counts.read() == static_cast<std::uint64_t>(std::count(lines.text().begin(), lines.text().end(), '\n')));
  std::string rows;
  fuzz::append_rows(rows, batch);
  for (std::string_view rest = rows; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    const std::string_view row = rest.substr(0, rest.find('\n'));
    check(fuzz::is_json_once(row.substr(row.find('{'))));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Lines that most formats read a part of.
  static constexpr std::string_view sound =
      "192.0.2.1 - - [22/Nov/2026:14:05:06 +0000] \"GET /a/b.png?q=1 HTTP/1.1\" 200 5 \"-\" \"curl/8.5.0\"\n"
      "2026-11-22T14:05:06.123Z|192.0.2.1|GET|/a?b=c|200|5|0.004\n"
      "{\"t\":\"2026-11-22T14:05:06Z\",\"a\":\"192.0.2.1\",\"r\":\"GET / HTTP/1.1\",\"s\":200}\n";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = std::min(text.find('\n'), text.size());
  const std::string_view format = text.substr(0, newline);
  if (format.starts_with("json:@")) return 0;  // names a file
  try {
    const auto parser = make_parser(format, {});
    check(!parser_name(format).empty());
    check_parser(*parser, std::string(sound) + std::string(text.substr(newline)));
  } catch (const Error& e) {
    check_error(e);
  }
  return 0;
}
