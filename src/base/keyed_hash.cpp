#include "src/base/keyed_hash.h"

#include <sodium.h>

namespace track_usage {
namespace {

constexpr std::size_t digits = 20;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

template <std::size_t size>
std::string hexadecimal(const std::array<unsigned char, size>& bytes) {
  std::string out(2 * size + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes.data(), size);
  out.pop_back();
  return out;
}

}  // namespace

KeyedHash::KeyedHash(std::string_view key) : key_{} {
  crypto_generichash(key_.data(), key_.size(), bytes_of(key), key.size(), nullptr, 0);
}

std::string KeyedHash::operator()(std::string_view text) const {
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), bytes_of(text), text.size(), key_.data(), key_.size());
  return hexadecimal(hash).substr(0, digits);
}

KeyedHash KeyedHash::derived(std::string_view purpose) const {
  KeyedHash other({});
  crypto_generichash(other.key_.data(), other.key_.size(), bytes_of(purpose), purpose.size(), key_.data(), key_.size());
  return other;
}

std::string random_salt() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return hexadecimal(bytes);
}

}  // namespace track_usage
