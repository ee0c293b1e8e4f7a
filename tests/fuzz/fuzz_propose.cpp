// Any line, to have a format proposed for it: what is proposed is a format, and
// reads the whole line.
#include <cstdint>
#include <string>
#include <string_view>

#include "parsers/parsers.h"
#include "tests/fuzz/fuzz.h"

using namespace track_usage;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::string format = propose_format(line, {});
  if (format.empty()) return 0;
  const fuzz::Lines padded(line);
  Fields fields;
  check(make_parser(format, {})->read(padded.text().substr(0, line.size()), fields).match == Match::whole);
  check(!parser_name(format).empty());
  return 0;
}
