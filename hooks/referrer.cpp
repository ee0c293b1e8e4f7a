// referrer: the site that a link was on; without scheme, user, path and port.
#include "src/hook.h"

namespace track_usage {
namespace {

std::string_view domain_of(std::string_view referrer) {
  const auto scheme = referrer.find("://");
  std::string_view host = scheme == std::string_view::npos ? referrer : referrer.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  host = host.substr(host.rfind('@') + 1);  // npos + 1 is 0
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

extern const Hook referrer_hook;
const Hook referrer_hook{.name = "referrer",
                         .column = "referrer",
                         .help = "hits and bytes by referring site",
                         .key = Column::referrer_domain,
                         .made_of = Column::referrer,
                         .make = domain_of,
                         .on_by = OnBy::hook};

}  // namespace track_usage
