// method: as the client sent it, case kept.
#include "src/hook.h"

namespace track_usage {

extern const Hook method_hook;
const Hook method_hook{.name = "method",
                       .column = "method",
                       .help = "hits and bytes by request method",
                       .key = Column::method,
                       .on_by = OnBy::hook};

}  // namespace track_usage
