// The hashes that stores and ledgers keep on disk: XXH3, whose results are the
// same on every machine and in every version since 0.8.0.
#pragma once

#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace track_usage {

inline std::uint64_t hash_text(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

// Spreads two small numbers over 64 bits, for hash tables in memory.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t both[] = {a, b};
  return XXH3_64bits(both, sizeof both);
}

}  // namespace track_usage
