// The dialects of JSON on any bytes: they never read further than they may, give
// text that is safe to store, and take every line that is JSON. The first byte
// chooses the dialect, the second stands behind the line.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "parsers/parsers.h"
#include "src/base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace track_usage;
using fuzz::check;

namespace {

// Reads every byte, and sees that to make text of it again changes nothing.
void check_text(std::string_view text) {
  volatile unsigned sum = 0;
  for (const char c : text) sum = sum + static_cast<unsigned char>(c);
  std::string again;
  check(append_text(again, text) && again == text);
}

void check_line(const Parser& parser, std::string_view line, bool is_json) {
  Fields f;
  const Reading reading = parser.read(line, f);
  check(reading.match == Match::whole || reading.match == Match::none ||
        (reading.match == Match::truncated && !is_json));
  if (reading.match == Match::none) {
    check(reading.column <= line.size() && !reading.expected.empty());
    check(!is_json || reading.reason != Reject::bad_json);
    return;
  }
  for (const std::string_view text : {f.host, f.remote, f.ident, f.user, f.request, f.referrer, f.agent, f.forwarded,
                                      f.accept_language, f.scheme, f.method, f.target, f.protocol, f.extra})
    check_text(text);
  check(f.status >= no_status && f.status <= 999);
  check(f.bytes == no_number || f.bytes >= 0);
  check(f.micros == no_number || f.micros >= 0);
  // What stands behind a cut was not read.
  check(!f.plain || reading.match == Match::truncated || is_plain(line) ||
        line.find_first_of("\t\r") != std::string_view::npos);
  check(std::none_of(f.variables.begin(), f.variables.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
  check(nlohmann::json::accept("{" + std::string(f.variables) + "}"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto parsers = [] {
    std::vector<std::unique_ptr<Parser>> made;
    for (const ParserInfo* info : all_parsers())
      if (info->example.starts_with('{')) made.push_back(info->make({}));
    made.push_back(
        make_parser("json:date=t,remote_addr=a.b,status=a.s,method=m,path=u,user_agent=h.User-Agent,skip=k.l|n", {}));
    return made;
  }();
  if (size < 2) return 0;
  const Parser& parser = *parsers[data[0] % parsers.size()];
  // Of the exact size, so that a read beyond the padding is seen; what the
  // padding holds is the input's to say.
  const std::size_t length = size - 2;
  const auto copy = std::make_unique<char[]>(length + 64);
  std::memcpy(copy.get(), data + 2, length);
  std::memset(copy.get() + length, data[1], 64);
  const std::string_view line(copy.get(), length);
  const auto levels = std::count_if(line.begin(), line.end(), [](char c) { return c == '[' || c == '{'; });
  const auto first = line.find_first_not_of(" \t\r");
  // A newline is a blank and a NUL the end to that reader; neither is in a line.
  const bool is_json = levels < 60 && first != std::string_view::npos && line[first] == '{' &&
                       line.find_first_of(std::string_view("\n\0", 2)) == std::string_view::npos &&
                       nlohmann::json::accept(line);
  // Twice, and one parser mostly: it remembers the keys of the line before.
  check_line(parser, line, is_json);
  check_line(parser, line, is_json);
  return 0;
}
