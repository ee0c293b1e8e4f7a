// Countries from a file in MaxMind's format, by way of libmaxminddb: GeoLite2,
// DB-IP, ip-location-db, IPinfo. In a build without that library this is known
// and says so when it is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/enrich/geo_answer.h"

namespace track_usage {

class Address;

class Mmdb {
 public:
  // Throws Error (usage) if the file is not there, no database, damaged, or
  // has no countries.
  explicit Mmdb(const std::string& path);
  ~Mmdb();

  enum class Find : std::uint8_t { found, nothing, damaged };
  // Any address that is an IP, also private ones. From any thread.
  Find look_up(const Address& address, GeoAnswer& out) const;

  const std::string& type() const { return type_; }  // "GeoLite2-Country", as text
  std::int64_t built() const { return built_; }      // epoch seconds

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
  std::string type_;
  std::int64_t built_ = 0;
};

}  // namespace track_usage
