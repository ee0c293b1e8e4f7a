// visitor: whoever --visitor takes for one.
#include "src/hook.h"

namespace track_usage {

extern const Hook visitor_hook;
const Hook visitor_hook{.name = "visitor",
                        .column = "visitor",
                        .help = "hits and bytes by visitor",
                        .key = Column::visitor,
                        .on_by = OnBy::visitor};

}  // namespace track_usage
