// Hashes that nobody without the key can make or try out: BLAKE2b with a key,
// by libsodium.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace track_usage {

class KeyedHash {
 public:
  explicit KeyedHash(std::string_view key);  // of any length; hashed first

  // 80 bits as 20 hexadecimal digits.
  std::string operator()(std::string_view text) const;
  // That of one purpose or day: known by the key, and tells nothing about it.
  KeyedHash derived(std::string_view purpose) const;

 private:
  std::array<unsigned char, 32> key_;
};

// 128 random bits, hexadecimal.
std::string random_salt();

}  // namespace track_usage
