// bot: the class of a robot; people count under "-".
#include "src/hook.h"

namespace track_usage {

extern const Hook bot_hook;
const Hook bot_hook{.name = "bot",
                    .column = "bot",
                    .help = "hits and bytes by class of robot",
                    .key = Column::bot,
                    .on_by = OnBy::hook};

}  // namespace track_usage
