// What stdout can show: how wide, which characters, whether colours.
#pragma once

#include <cstddef>

namespace track_usage {

struct Screen {
  std::size_t width = 80;
  bool terminal = false;
  bool utf8 = false;
  bool colour = false;
};

// COLUMNS, else the terminal's width, else 80, within [60, 160]; UTF-8 by the
// locale; colour on a terminal without NO_COLOR. Sets the locale's characters:
// call it before there are threads.
Screen screen_of_stdout();

}  // namespace track_usage
