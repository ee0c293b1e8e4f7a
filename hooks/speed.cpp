// speed: the time a response took, in buckets of 1, 2 and 5 milliseconds and their
// tens; a share of all hits (p95) is read off them.
#include "src/hook.h"

namespace track_usage {

extern const Hook speed_hook;
const Hook speed_hook{.name = "speed",
                      .column = "speed_ms",
                      .help = "hits and bytes by speed: at most so many milliseconds; 20000 is more than 10 s",
                      .number = Number::speed,
                      .on_by = OnBy::hook};

}  // namespace track_usage
