// Every command and option, with the words of --help.
#pragma once

#include <memory>

#include "src/options.h"

namespace CLI {
class App;
}

namespace track_usage {

// The parser that fills `options`, which it borrows.
std::unique_ptr<CLI::App> declare_options(Options& options);

}  // namespace track_usage
