// browser: the agent's name, without its version.
#include "src/hook.h"

namespace track_usage {

extern const Hook browser_hook;
const Hook browser_hook{.name = "browser",
                        .column = "browser",
                        .help = "hits and bytes by browser",
                        .key = Column::browser,
                        .on_by = OnBy::hook};

}  // namespace track_usage
