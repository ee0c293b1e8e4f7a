// What the commands that change a store's past share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/options.h"
#include "src/store.h"

namespace track_usage {

// The sources that were named by number, path or --source name. Throws (usage)
// for what is none, or several.
std::vector<SourceRecord> named_sources(Store& store, const std::vector<std::string>& names);

// True: `what` may be done in the store. Asks on a terminal; elsewhere --yes is
// needed. Throws (usage) without it. Always true of a dry run.
bool consent(const Options& options, const Store& store, std::string_view what);

// What was done, or would be by a dry run: "forgot 2 sources ... -> store".
void tell_done(const Options& options, std::string_view what, const Store& store);

}  // namespace track_usage
