// server: the virtual host, or --server.
#include "src/hook.h"

namespace track_usage {

extern const Hook server_hook;
const Hook server_hook{
    .name = "server", .column = "server", .help = "hits and bytes by server name", .key = Column::server_name};

}  // namespace track_usage
