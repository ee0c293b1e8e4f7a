// What services and databases say about an address, each in its own shape, as
// the two things a row keeps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

struct GeoAnswer {
  std::string country;  // two capital letters, or empty
  std::string info;     // a compact JSON object of safe text, or empty: the row's ip_info
  bool known = false;   // there was an answer, though it may name no country

  bool operator==(const GeoAnswer&) const = default;
};

// How an answer of a service is to be taken.
enum class GeoVerdict : std::uint8_t {
  known,
  unknown,   // it has nothing about this address
  refused,   // it will not answer us: its key, a quota
  nonsense,  // no JSON object, or none about this address
};

struct JudgedGeoAnswer {
  GeoVerdict verdict = GeoVerdict::nonsense;
  GeoAnswer answer;  // filled if known
};

constexpr std::size_t most_geo_info = 4096;  // bytes; beyond that only the country is kept
constexpr int most_geo_depth = 16;           // of nested objects and lists; beyond that too

// `json` is anybody's bytes. `origin_keys` leaves businessWebsite and status
// out of the info, as the origin does for extreme-ip-lookup.com. Throws nothing.
JudgedGeoAnswer read_geo_answer(std::string_view json, bool origin_keys);

// The answer to a batch: a list, whose members say by query or ip whose they
// are, or stand in the order of `addresses`; or an object by address. One a
// member of `addresses`, which are in Address's form.
std::vector<JudgedGeoAnswer> read_geo_batch(std::string_view json, std::span<const std::string> addresses,
                                            bool origin_keys);

}  // namespace track_usage
