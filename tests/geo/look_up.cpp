// Looks addresses of stdin up, one a line, and prints what is known of each:
// address, known, country, info, set apart by tabs. An empty line ends a
// look-up, "sleep N" waits N ms. The report is the last line, as JSON.
//   look_up SOURCE [cache=FILE] [rate=N/s] [wait=MS] [timeout=MS] [at_once=N] [threads=N]
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/enrich/geo.h"
#include "src/error.h"

using namespace track_usage;

namespace {

std::string lines_of(Geo& geo, const std::vector<std::string>& addresses) {
  const std::vector<std::string_view> views(addresses.begin(), addresses.end());
  std::vector<GeoAnswer> answers;
  geo.look_up(views, answers);
  std::string out;
  for (std::size_t i = 0; i < addresses.size(); ++i)
    out += fmt::format("{}\t{}\t{}\t{}\n", addresses[i], answers[i].known ? 1 : 0, answers[i].country, answers[i].info);
  return out;
}

std::string look_up(Geo& geo, const std::vector<std::string>& addresses, std::size_t threads) {
  std::vector<std::string> outs(threads);
  std::vector<std::thread> running;
  for (std::string& out : outs) running.emplace_back([&geo, &addresses, &out] { out = lines_of(geo, addresses); });
  for (std::thread& thread : running) thread.join();
  for (const std::string& out : outs)
    if (out != outs.front()) return "threads differ\n";
  return outs.front();
}

std::string text(const std::string& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    GeoSettings settings;
    std::size_t threads = 1;
    settings.source = argc > 1 ? argv[1] : "";
    for (int i = 2; i < argc; ++i) {
      const std::string word = argv[i];
      const auto equal = word.find('=');
      const std::string name = word.substr(0, equal), value = word.substr(equal + 1);
      if (name == "cache") settings.cache = value;
      if (name == "rate") settings.spacing = parse_geo_rate(value);
      if (name == "wait") settings.wait = std::chrono::milliseconds(std::stol(value));
      if (name == "timeout") settings.timeout = std::chrono::milliseconds(std::stol(value));
      if (name == "at_once") settings.at_once = std::stoul(value);
      if (name == "threads") threads = std::stoul(value);
    }
    Geo geo(settings);
    geo.open();
    std::vector<std::string> addresses;
    for (std::string line; std::getline(std::cin, line);) {
      if (line.starts_with("sleep ")) {
        std::this_thread::sleep_for(std::chrono::milliseconds(std::stol(line.substr(6))));
      } else if (!line.empty()) {
        addresses.push_back(line);
      } else {
        std::cout << look_up(geo, addresses, threads);
        addresses.clear();
      }
    }
    std::cout << look_up(geo, addresses, threads);
    const GeoReport r = geo.report();
    const GeoSource s = geo.source();
    std::cout
        << fmt::format(
               R"({{"asked":{},"answered":{},"from_cache":{},"failed":{},"unknown_left":{},"stopped":{},"last_error":{},)"
               R"("cache_error":{},"shown":{},"type":{},"built":{}}})",
               r.asked, r.answered, r.from_cache, r.failed, r.unknown_left, r.stopped, text(r.last_error),
               text(r.cache_error), text(s.shown), text(s.type), s.built)
        << '\n';
    return 0;
  } catch (const Error& e) {
    std::cerr << "error: " << e.what() << '\n';
    if (!e.hint.empty()) std::cerr << "hint: " << e.hint << '\n';
    return static_cast<int>(e.exit);
  }
}
