// A report's figures drawn as a page of text.
#pragma once

#include <string>
#include <vector>

#include "src/base/screen.h"
#include "src/base/zone.h"
#include "src/report.h"

namespace track_usage {

struct PageOptions {
  std::string title;               // what the figures are of
  std::vector<std::string> notes;  // sentences below the head
  std::size_t top = 10;            // rows of each table
};

std::string draw_page(const Figures& figures, const Zone& zone, const PageOptions& options, const Screen& screen);

// 850 µs, 1.2 ms, 12 ms, 1.23 s, 3.1 min.
std::string human_micros(std::int64_t micros, bool utf8);
// 12.3 %, and <0.1 % for what is little but not nothing.
std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace track_usage
