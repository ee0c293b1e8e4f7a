#include <cstdio>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/commands/commands.h"
#include "src/error.h"

int main(int argc, char** argv) {
  using namespace track_usage;
  try {
    hold_standard_descriptors();
    catch_signals();
    return run_command(argc, argv);
  } catch (const Error& e) {
    return complain(e);
  } catch (const std::exception& e) {
    return complain(Error(Exit::bug, fmt::format("{} (this is a bug; please report it)", e.what())));
  }
}
