#include "src/enrich/proxies.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/enrich/replace.h"
#include "src/error.h"

namespace track_usage {
namespace {

// An element of Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43
std::string_view for_parameter(std::string_view element) {
  while (!element.empty()) {
    const auto semicolon = std::min(element.find(';'), element.size());
    const std::string_view pair = trim(element.substr(0, semicolon));
    element.remove_prefix(std::min(semicolon + 1, element.size()));
    if (pair.size() >= 4 && lower(pair.substr(0, 4)) == "for=") return pair.substr(4);
  }
  return {};
}

// Without quotes, brackets and port.
std::string_view bare(std::string_view host) {
  host = trim(host);
  if (host.size() > 1 && host.starts_with('"') && host.ends_with('"')) host = host.substr(1, host.size() - 2);
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  const auto colon = host.find(':');
  return colon != std::string_view::npos && host.find(':', colon + 1) == std::string_view::npos ? host.substr(0, colon)
                                                                                                : host;
}

}  // namespace

Proxies::Proxies(const std::vector<std::string>& trusted) {
  for (const std::string& item : trusted) {
    const auto network = Network::parse(item);
    if (!network)
      throw Error(Exit::usage, fmt::format("--trusted-proxy: '{}' is no address and no network", visible(item)),
                  "--trusted-proxy 10.0.0.0/8,2001:db8::1");
    trusted_.push_back(*network);
  }
}

bool Proxies::trusts(const Address& address) const {
  return std::any_of(trusted_.begin(), trusted_.end(), [&](const Network& n) { return n.holds(address); });
}

std::string Proxies::client_of(std::string_view forwarded) const {
  const std::string lowered = lower(forwarded);
  const bool rfc7239 = lowered.find("for=") != std::string::npos;
  std::string client;
  while (!forwarded.empty()) {
    const auto comma = forwarded.rfind(',');
    const std::string_view element = comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1);
    forwarded = comma == std::string_view::npos ? std::string_view() : forwarded.substr(0, comma);
    const Address address(bare(rfc7239 ? for_parameter(element) : element));
    if (!address.is_ip()) break;  // "unknown", or what somebody made up: nobody vouches for more
    client = address.text();
    if (!trusts(address)) break;
  }
  return client;
}

void Proxies::find_clients(Batch& batch) const {
  if (trusted_.empty()) return;
  std::vector<TextId>& remote = batch.own[static_cast<std::size_t>(Column::remote_addr)];
  const std::vector<TextId>& forwarded = batch.own[static_cast<std::size_t>(Column::xforwardedfor)];
  if (remote.empty() || forwarded.empty()) return;
  std::vector<TextId>& peer = batch.own[static_cast<std::size_t>(Column::peer_addr)];
  peer.resize(batch.size());
  enum : std::uint8_t { unasked, no, yes };
  std::vector<std::uint8_t> trust(batch.texts.size(), unasked);
  std::vector<TextId> clients(batch.texts.size(), not_asked);  // by header
  clients[null_text] = null_text;
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const TextId from = remote[row], header = forwarded[row];
    if (trust[from] == unasked) trust[from] = trusts(Address(batch.texts[from])) ? yes : no;
    if (trust[from] == no) continue;
    if (clients[header] == not_asked) {
      const std::string client = client_of(batch.texts[header]);
      clients[header] = client.empty() ? null_text : batch.texts.intern(client);
    }
    if (clients[header] == null_text) continue;
    peer[row] = from;
    remote[row] = clients[header];
  }
}

}  // namespace track_usage
