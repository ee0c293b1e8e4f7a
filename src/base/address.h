// IP addresses and networks as numbers. IPv4 and what of IPv6 is mapped from it
// are one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace track_usage {

class Address {
 public:
  enum class Family : std::uint8_t { none, v4, v6 };
  static constexpr int mapped_bits = 96;  // of ::ffff:a.b.c.d before its IPv4

  Address() = default;
  explicit Address(std::string_view text);  // without port and brackets; a zone (fe80::1%eth0) is passed over

  Family family() const { return family_; }
  bool is_ip() const { return family_ != Family::none; }
  int bits() const { return family_ == Family::v4 ? 32 : 128; }
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // With all but the first `bits` zero.
  Address masked(int bits) const;
  // In the shortest form; a mapped one as IPv4. Empty if it is none.
  std::string text() const;
  // A host of the Internet: not private, loopback, link-local, documentation,
  // multicast, nor any other of IANA's special-purpose registries.
  bool is_global() const;
  bool operator==(const Address&) const = default;

 private:
  Family family_ = Family::none;
  std::array<std::uint8_t, 16> bytes_{};
};

// An address, or a network in CIDR's notation; its host bits are zero.
class Network {
 public:
  Network() = default;
  Network(const Address& address, int bits) : address_(address.masked(bits)), bits_(bits) {}
  // Nothing: `text` is neither. A mapped network may be written in either length.
  static std::optional<Network> parse(std::string_view text);

  bool holds(const Address& address) const {
    return address.family() == address_.family() && address.masked(bits_) == address_;
  }
  std::string text() const;  // 10.0.0.0/8; a host without its length

 private:
  Address address_;
  int bits_ = 0;
};

}  // namespace track_usage
