// Lines of any bytes through the dispatcher: every line is a row, a reject or a
// blank, every stored text is safe, and cutting the lines apart changes nothing.
// The first byte chooses the dialects, the second where the lines are cut.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "parsers/parsers.h"
#include "tests/fuzz/fuzz.h"

using namespace track_usage;
using fuzz::check;

namespace {

struct Outcome {
  Counts counts;
  std::string rows, rejects;

  void add(const Batch& b) {
    fuzz::check_batch(b);
    fuzz::append_rows(rows, b);
    for (const RejectedLine& r : b.rejects) {
      check(r.reason < Reject::count_);
      rejects += std::to_string(r.offset) + reject_names[static_cast<std::size_t>(r.reason)].data() + r.raw + '\n';
    }
    counts += b.counts;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string_view> names = {
      "combined",
      "common",
      "vhost_combined",
      "json",
      R"(%v%U%q %h [%{%d/%b/%Y:%T}t.%{usec_frac}t %{%z}t] "%r" %>s %b)",
      R"($remote_addr [$time_iso8601] "$request" $status "$http_user_agent" "$upstream" $request_time)",
      R"($msec|$remote_addr|$request_method|$uri?$args|$status|$http_referer)"};
  static const auto parsers = [] {
    std::vector<std::unique_ptr<Parser>> made;
    for (const std::string_view name : names) made.push_back(make_parser(name, {}));
    return made;
  }();
  if (size < 2) return 0;
  std::vector<const Parser*> chosen;  // one of them, or all as --format auto does
  for (std::size_t i = 0; i < parsers.size(); ++i)
    if (const std::size_t kind = data[0] % (parsers.size() + 1); kind == i || kind == parsers.size())
      chosen.push_back(parsers[i].get());
  const Dispatcher dispatcher(chosen);
  const bool cut = data[0] >= 128;
  const fuzz::Lines input(std::string_view(reinterpret_cast<const char*>(data) + 2, size - 2));
  const std::string_view lines = input.text();

  static RowBuilder builder({});  // reused, as a worker does
  static Batch batch;
  dispatcher.parse({.text = lines, .cut = cut}, builder, batch);
  Outcome whole;
  whole.add(batch);
  check(whole.counts.read() == static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
  for (std::string_view rest = whole.rows; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    const std::string_view row = rest.substr(0, rest.find('\n'));
    check(nlohmann::json::accept(row.substr(row.find('{'))));
  }

  const std::size_t middle = lines.find('\n', lines.size() * data[1] / 256) + 1;
  Outcome parts;
  static RowBuilder other({});
  for (const auto& [from, to] : {std::pair<std::size_t, std::size_t>(0, middle), {middle, lines.size()}}) {
    if (from == to) continue;
    const fuzz::Lines part(lines.substr(from, to - from));
    dispatcher.parse({.text = part.text(), .offset = from, .cut = cut && to == lines.size()}, other, batch);
    parts.add(batch);
  }
  check(parts.counts.stored == whole.counts.stored && parts.counts.blank == whole.counts.blank);
  check(parts.rows == whole.rows && parts.rejects == whole.rejects);
  return 0;
}
