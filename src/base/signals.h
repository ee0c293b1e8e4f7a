// SIGINT and SIGTERM as something to poll: a run ends cleanly, also while its
// input is silent. SIGPIPE is ignored; a write says EPIPE instead.
#pragma once

namespace track_usage {

void catch_signals();  // once, before any thread
int stop_signal();     // the signal that asked for the end, or 0
int stop_fd();         // becomes readable when one did; -1 before catch_signals()

}  // namespace track_usage
