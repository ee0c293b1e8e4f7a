// In place of mmdb.cpp where libmaxminddb was not found.
#include "src/base/address.h"
#include "src/enrich/mmdb.h"
#include "src/error.h"

namespace track_usage {

struct Mmdb::Inner {};

Mmdb::Mmdb(const std::string&) {
  throw Error(Exit::usage, "--geo: 'mmdb:' was left out of this build",
              "install libmaxminddb (Debian: libmaxminddb-dev) and build again");
}
Mmdb::~Mmdb() = default;

Mmdb::Find Mmdb::look_up(const Address&, GeoAnswer&) const {
  return Find::nothing;
}

}  // namespace track_usage
