// Where addresses are: from a database on this machine, or a service and the
// cache of its answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/enrich/geo_answer.h"

namespace track_usage {

struct GeoSettings {
  std::string source;  // mmdb:FILE, or a URL in which {ip} stands for the address; without it the address is appended
  std::string cache;   // a file; empty: none (GeoCache::default_path() says where it belongs)
  std::chrono::nanoseconds spacing{0};       // between requests: parse_geo_rate()
  std::chrono::milliseconds wait{10'000};    // for the service, in all look-ups together
  std::chrono::milliseconds timeout{5'000};  // of a request; a connection has to stand after at most 3 s of it
  std::size_t at_once = 8;                   // requests
  bool again = false;                        // ask also about what got no answer minutes ago
};

// "2/s", "45/min": the time between two. Throws Error (usage).
std::chrono::nanoseconds parse_geo_rate(std::string_view text);

// Of a run so far, in addresses; each counts once, however often it was looked up.
struct GeoReport {
  std::uint64_t asked = 0;         // sent to the service
  std::uint64_t answered = 0;      // by the service, also with "unknown"
  std::uint64_t from_cache = 0;    // found in the file
  std::uint64_t failed = 0;        // sent without an answer; of a database: damaged records
  std::uint64_t unknown_left = 0;  // not sent: the service is or was just down, has had enough, or the wait is over
  bool stopped = false;            // no more are sent in this run
  std::string last_error;          // of the service, without secrets; empty: there was none
  std::string cache_error;         // why the run went on without a cache; empty: it did not
};

// What a source is, for `status`.
struct GeoSource {
  std::string shown;       // as typed, secrets as ***
  std::string type;        // of a database: "GeoLite2-Country"; empty for a service
  std::int64_t built = 0;  // of a database, epoch seconds

  std::string text() const;  // "GeoLite2-Country of 2026-11-01 (mmdb:FILE)", or the service
};

class Geo {
 public:
  // Reads settings and touches nothing. Throws Error (usage) if the source is none.
  explicit Geo(GeoSettings settings);
  ~Geo();

  // Before the first look-up, which it is needed for. Throws Error (usage) if a database cannot be used; asks no
  // service.
  void open();

  // Fills `out`, one a member of `addresses`, in their order. What is no IP
  // address is unknown, and in a service's case what is not global: no other
  // address leaves this machine. Throws nothing but std::bad_alloc; a service's
  // trouble leaves addresses unknown. From any thread: of a service one call
  // runs at a time, and the calling thread does all of its work.
  void look_up(std::span<const std::string_view> addresses, std::vector<GeoAnswer>& out);

  GeoReport report() const;
  GeoSource source() const;  // after open()

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace track_usage
