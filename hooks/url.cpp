// url: the page, without its query unless --url-by full asks for the origin's whole URL.
#include "src/hook.h"

namespace track_usage {

extern const Hook url_hook;
const Hook url_hook{
    .name = "url", .column = "url", .help = "hits and bytes by page", .key = Column::path, .by_url = true};

}  // namespace track_usage
