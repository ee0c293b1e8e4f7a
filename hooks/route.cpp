// route: the rule of --route that the path matched.
#include "src/hook.h"

namespace track_usage {

extern const Hook route_hook;
const Hook route_hook{
    .name = "route", .column = "route", .help = "hits and bytes by route", .key = Column::route, .on_by = OnBy::hook};

}  // namespace track_usage
