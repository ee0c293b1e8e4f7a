// language: a logged Accept-Language, else what the agent's string says.
#include "src/hook.h"

namespace track_usage {

extern const Hook language_hook;
const Hook language_hook{
    .name = "language", .column = "language", .help = "hits and bytes by language", .key = Column::language};

}  // namespace track_usage
