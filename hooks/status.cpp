// status: the response's status; a row without one counts under 0.
#include "src/hook.h"

namespace track_usage {

extern const Hook status_hook;
const Hook status_hook{
    .name = "status", .column = "status", .help = "hits and bytes by status", .number = Number::status};

}  // namespace track_usage
