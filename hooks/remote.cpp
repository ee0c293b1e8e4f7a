// remote: the client's address.
#include "src/hook.h"

namespace track_usage {

extern const Hook remote_hook;
const Hook remote_hook{
    .name = "remote", .column = "remote", .help = "hits and bytes by client address", .key = Column::remote_addr};

}  // namespace track_usage
