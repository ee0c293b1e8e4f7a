// blueprint: the named group of paths that --blueprint put the page in.
#include "src/hook.h"

namespace track_usage {

extern const Hook blueprint_hook;
const Hook blueprint_hook{.name = "blueprint",
                          .column = "blueprint",
                          .help = "hits and bytes by blueprint",
                          .key = Column::blueprint,
                          .on_by = OnBy::hook};

}  // namespace track_usage
