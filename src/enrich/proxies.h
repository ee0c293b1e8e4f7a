// The client behind trusted proxies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/address.h"
#include "src/row.h"

namespace track_usage {

// Const; called from several threads at once.
class Proxies {
 public:
  // Addresses and networks; throws Error (usage).
  explicit Proxies(const std::vector<std::string>& trusted);

  bool empty() const { return trusted_.empty(); }
  // Where a row's address is a trusted proxy's, the client is looked for in
  // xforwardedfor (X-Forwarded-For, or RFC 7239's Forwarded), right to left: the
  // first that is not trusted itself. What stands to the left of it anybody may
  // have made up. The proxy's address becomes the peer's.
  void find_clients(Batch& batch) const;
  // Of one such header; empty: it names none.
  std::string client_of(std::string_view forwarded) const;

 private:
  bool trusts(const Address& address) const;

  std::vector<Network> trusted_;
};

}  // namespace track_usage
