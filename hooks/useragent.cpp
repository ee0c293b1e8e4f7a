// useragent: the agent's whole string.
#include "src/hook.h"

namespace track_usage {

extern const Hook useragent_hook;
const Hook useragent_hook{
    .name = "useragent", .column = "useragent", .help = "hits and bytes by user agent", .key = Column::agent};

}  // namespace track_usage
