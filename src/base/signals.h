// SIGINT and SIGTERM as something to poll: a run ends cleanly, also while its
// input is silent. SIGPIPE is ignored; a write says EPIPE instead.
#pragma once

namespace track_usage {

// Once, before any thread and any file: a standard descriptor that is closed
// must not become a database's. What is written to it then fails, as it should.
void hold_standard_descriptors();
void catch_signals();  // once, before any thread
int stop_signal();     // the signal that asked for the end, or 0
int stop_fd();         // becomes readable when one did; -1 before catch_signals()

}  // namespace track_usage
