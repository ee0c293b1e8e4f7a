#include "src/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"

namespace track_usage {
namespace {

// ::ffff:a.b.c.d
bool is_mapped(const std::array<std::uint8_t, 16>& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) && bytes[10] == 0xff &&
         bytes[11] == 0xff;
}

// https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-: what
// is not globally reachable, and multicast. Of IPv6 only 2000::/3 is given out.
const std::vector<Network>& special_networks() {
  static const std::vector<Network> networks = [] {
    std::vector<Network> out;
    for (const char* text :
         {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
          "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
          "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"})
      out.push_back(*Network::parse(text));
    return out;
  }();
  return networks;
}

}  // namespace

Address::Address(std::string_view text) {
  const std::string_view number = text.substr(0, text.find('%'));
  std::array<char, INET6_ADDRSTRLEN> terminated;
  if (number.empty() || number.size() >= terminated.size()) return;
  *std::copy(number.begin(), number.end(), terminated.begin()) = '\0';
  if (number.find(':') == std::string_view::npos) {
    if (number.size() == text.size() && inet_pton(AF_INET, terminated.data(), bytes_.data()) == 1) family_ = Family::v4;
  } else if (inet_pton(AF_INET6, terminated.data(), bytes_.data()) == 1) {
    family_ = Family::v6;
    if (is_mapped(bytes_)) {
      family_ = Family::v4;
      std::copy_n(bytes_.begin() + mapped_bits / 8, 4, bytes_.begin());
      std::fill(bytes_.begin() + 4, bytes_.end(), std::uint8_t{0});
    }
  }
}

Address Address::masked(int bits) const {
  Address out = *this;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    const int of_byte = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    out.bytes_[i] &= static_cast<std::uint8_t>(0xff00 >> of_byte);
  }
  return out;
}

std::string Address::text() const {
  if (!is_ip()) return {};
  std::array<char, INET6_ADDRSTRLEN> written{};
  inet_ntop(family_ == Family::v4 ? AF_INET : AF_INET6, bytes_.data(), written.data(), written.size());
  return written.data();
}

bool Address::is_global() const {
  if (!is_ip() || (family_ == Family::v6 && (bytes_[0] & 0xe0) != 0x20)) return false;
  return std::none_of(special_networks().begin(), special_networks().end(),
                      [this](const Network& network) { return network.holds(*this); });
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  std::string_view number = text.substr(0, slash);
  if (number.starts_with('[') && number.ends_with(']')) number = number.substr(1, number.size() - 2);
  const Address address(number);
  if (!address.is_ip()) return {};
  int bits = address.bits();
  if (slash != std::string_view::npos) {
    const bool mapped = address.family() == Address::Family::v4 && number.find(':') != std::string_view::npos;
    const unsigned least = mapped ? Address::mapped_bits : 0;
    const auto length = parse_number(text.substr(slash + 1));
    if (!length || *length < least || *length > least + static_cast<unsigned>(bits)) return {};
    bits = static_cast<int>(*length - least);
  }
  return Network(address, bits);
}

std::string Network::text() const {
  return bits_ == address_.bits() ? address_.text() : fmt::format("{}/{}", address_.text(), bits_);
}

}  // namespace track_usage
