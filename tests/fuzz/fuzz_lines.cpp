// Lines of any bytes through every dialect and what may stand around them: each
// is a row, a reject or a blank, every stored text is safe, and where the lines
// are cut apart never shows. The first byte chooses the dialects, the second
// where the cut is, the third what the run says.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parsers/parsers.h"
#include "src/input/heading.h"
#include "tests/fuzz/fuzz.h"

using namespace track_usage;
using fuzz::check;

namespace {

constexpr std::uint64_t max_line = 1 << 20;
constexpr std::ptrdiff_t most_names = 16;  // of # lines, that a heading keeps

// Formats that have no name.
constexpr std::string_view strings[] = {
    R"(%v%U%q %h [%{%d/%b/%Y:%T}t.%{usec_frac}t %{%z}t] "%r" %>s %b)",
    R"($remote_addr [$time_iso8601] "$request" $status "$http_user_agent" "$upstream" $request_time)",
    R"($msec|$remote_addr|$request_method|$uri?$args|$status|$http_referer)",
    "json:date=t,remote_addr=a.b,status=a.s,method=m,path=u,user_agent=h.User-Agent",
};

// Every way to choose dialects, in the order of all_parsers(): each alone and in
// envelopes, then --format auto with and without them, then all there are.
struct Choices {
  std::vector<std::unique_ptr<Parser>> owned;
  std::vector<Dispatcher> dispatchers;

  Choices() {
    std::vector<std::string_view> names;
    for (const ParserInfo* info : all_parsers()) names.push_back(info->name);
    const std::size_t known = names.size();
    names.insert(names.end(), std::begin(strings), std::end(strings));
    std::vector<const Parser*> all;
    for (const std::string_view name : names) {
      all.push_back(own(make_parser(name, {})));
      add({all.back()});
    }
    const std::vector<const Parser*> automatic(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(known));
    add(automatic);
    dispatchers.emplace_back(automatic);
    add(all);
  }

 private:
  const Parser* own(std::unique_ptr<Parser> parser) {
    owned.push_back(std::move(parser));
    return owned.back().get();
  }
  void add(std::vector<const Parser*> parsers) {
    parsers.push_back(own(make_envelope(parsers)));
    dispatchers.emplace_back(std::move(parsers));
  }
};

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

// What the # lines of `text` say, read in two pieces.
std::string heading_of(std::string_view text, std::size_t piece) {
  Heading heading(max_line);
  heading.feed(text.substr(0, piece));
  heading.feed(text.substr(std::min(piece, text.size())));
  return heading.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Choices choices;
  if (size < 3) return 0;
  const Dispatcher& dispatcher = choices.dispatchers[data[0] % choices.dispatchers.size()];
  const bool cut = data[2] % 2 != 0, set = data[2] % 4 >= 2;
  const fuzz::Lines input(std::string_view(reinterpret_cast<const char*>(data) + 3, size - 3));
  const std::string_view lines = input.text();

  // Reused, as a worker does; and the other one, of which no line may show a trace.
  static const RowDefaults defaults{.server_name = "s\xff", .server_fixed = true, .variables = R"("set":"x")"};
  static RowBuilder plain({}), fixed(defaults), plain_again({}), fixed_again(defaults);
  static Batch batch;
  dispatcher.parse({.text = lines, .cut = cut}, set ? fixed : plain, batch);
  Outcome whole;
  whole.add(batch);
  check(whole.counts.read() == static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
  for (std::string_view rest = whole.rows; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    const std::string_view row = rest.substr(0, rest.find('\n'));
    check(fuzz::is_json_once(row.substr(row.find('{'))));
  }

  const std::size_t middle = lines.find('\n', lines.size() * data[1] / 256) + 1;
  const std::string heading = heading_of(lines.substr(0, middle), middle / 2);
  check(heading == heading_of(lines.substr(0, middle), middle));
  if (std::count(heading.begin(), heading.end(), '\n') == most_names) return 0;  // it may have dropped one
  Outcome parts;
  for (const auto& [from, to] : {std::pair<std::size_t, std::size_t>(0, middle), {middle, lines.size()}}) {
    if (from == to) continue;
    const fuzz::Lines part(lines.substr(from, to - from));
    const std::string_view said = from == 0 ? std::string_view() : heading;
    dispatcher.parse({.text = part.text(), .offset = from, .cut = cut && to == lines.size(), .heading = said},
                     set ? fixed_again : plain_again, batch);
    parts.add(batch);
  }
  check(parts.counts.stored == whole.counts.stored && parts.counts.blank == whole.counts.blank);
  check(parts.rows == whole.rows && parts.rejects == whole.rejects);
  return 0;
}
