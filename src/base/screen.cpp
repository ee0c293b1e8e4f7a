#include "src/base/screen.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <string_view>

#include "src/base/text.h"

namespace track_usage {
namespace {

constexpr std::size_t least_width = 60, usual_width = 80, most_width = 160;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

std::size_t width_of_stdout() {
  if (const auto columns = parse_number(environment("COLUMNS")); columns && *columns != 0) return *columns;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size.ws_col;
  return usual_width;
}

}  // namespace

Screen screen_of_stdout() {
  Screen screen;
  screen.width = std::clamp(width_of_stdout(), least_width, most_width);
  screen.terminal = isatty(STDOUT_FILENO) == 1;
  std::setlocale(LC_CTYPE, "");
  screen.utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  const std::string_view term = environment("TERM");
  screen.colour = screen.terminal && !term.empty() && term != "dumb" && environment("NO_COLOR").empty();
  return screen;
}

}  // namespace track_usage
