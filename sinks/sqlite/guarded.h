// What SQLite says, as what it means to who runs us.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/sqlite.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage::sqlite {

constexpr int wait_ms = 60'000;  // for another program that holds the database

[[noreturn]] inline void explain(const SqliteError& e, std::string_view verb, const std::string& path) {
  if (e.busy() && stop_signal() != 0)
    throw Error(static_cast<Exit>(128 + stop_signal()), "ended while another program had the database");
  std::string hint;
  if (e.busy()) hint = fmt::format("a program other than track-usage has held the database for {} s", wait_ms / 1000);
  if (e.full()) hint = "free some space and run again; what is committed stays";
  if (e.io())
    hint = "is the disk full or failing, or a limit on file sizes reached? What is committed stays; run again";
  if (e.not_a_database()) hint = "is it a log? then give it as an input, not as --sink";
  if (e.read_only())
    hint = fmt::format("may this user write '{}', its -wal and -shm, and their folder?", visible(path));
  throw Error(Exit::store, fmt::format("cannot {} {}: {}", verb, visible(path), e.what()), hint);
}

// Calls f; what SQLite throws becomes an Error that names the store.
template <typename F>
auto guarded(std::string_view verb, const std::string& path, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const SqliteError& e) {
    explain(e, verb, path);
  }
}

}  // namespace track_usage::sqlite
