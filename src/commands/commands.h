// The commands. Each returns the exit code and throws Error for what ends it.
#pragma once

#include <string_view>

#include "src/error.h"
#include "src/options.h"

namespace track_usage {

// Parses the arguments and does what they ask for.
int run_command(int argc, char** argv);

int ingest(const Options& options);
int report(const Options& options);
int rows(const Options& options);
int sum(const Options& options);
int status(const Options& options);
int explain(const Options& options);
int list(const Options& options);
int geo_fill(const Options& options);
int geo_stats(const Options& options);
int geo_lookup(const Options& options);
int geo_purge(const Options& options);
int forget(const Options& options);
int erase(const Options& options);
int rebuild(const Options& options);
int retry(const Options& options);
int prune(const Options& options);
int schema(const Options& options);

// Words for people, all on stderr: "track-usage: warning: ...", and a hint line.
int complain(const Error& error);  // returns its exit code
void say(std::string_view kind, std::string_view what, std::string_view hint = {});

}  // namespace track_usage
