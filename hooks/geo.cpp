// geo: the client's country.
#include "src/hook.h"

namespace track_usage {

extern const Hook geo_hook;
const Hook geo_hook{.name = "geo",
                    .column = "country",
                    .help = "hits and bytes by country",
                    .key = Column::country,
                    .on_by = OnBy::geo};

}  // namespace track_usage
