// What a server says, as what it means to who runs us.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sinks/sql/connection.h"
#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage::sql {

[[noreturn]] inline void explain(const ServerError& e, std::string_view verb, const std::string& shown) {
  if (e.kind == ServerError::Kind::ended && stop_signal() != 0)
    throw Error(static_cast<Exit>(128 + stop_signal()), "ended while the server was waited for");
  std::string hint;
  if (e.kind == ServerError::Kind::denied) hint = fmt::format("track-usage schema {} prints the grants", shown);
  if (e.kind == ServerError::Kind::lost && verb != "open") hint = "what is committed stays; run again";
  throw Error(Exit::store, fmt::format("cannot {} {}: {}", verb, visible(shown), visible(e.what())), hint);
}

// Calls f; what the server says becomes an Error that names the store.
template <typename F>
auto guarded(std::string_view verb, const std::string& shown, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const ServerError& e) {
    explain(e, verb, shown);
  }
}

}  // namespace track_usage::sql
