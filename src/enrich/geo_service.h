// Asks a geo service over HTTP, and leaves it alone in time: a run never waits
// longer than its budget, nor goes on where a service is down or has had enough.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/http.h"
#include "src/enrich/geo_cache.h"

namespace track_usage {

struct GeoServiceLimits {
  HttpClient::Limits http;                       // spacing is what --geo-rate says
  std::chrono::milliseconds wait{10'000};        // of a run, all calls together
  std::chrono::milliseconds first_backoff{500};  // before a second try; four times that before the third
};

// Of one thread at a time.
class GeoService {
 public:
  // Throws Error (usage) for what is no http or https URL.
  GeoService(const std::string& url, const GeoServiceLimits& limits);

  // Asks about addresses in Address's form, all of them global. An entry for
  // each that was asked to an end; who has none was not asked, or cut short by a limit.
  std::vector<GeoEntry> ask(std::span<const std::string> addresses);
  // No more requests are made in this run.
  bool stopped() const { return stopped_ || left_ <= left_.zero(); }

  const std::string& shown() const { return shown_; }  // the URL without its secrets
  const std::string& last_error() const { return last_error_; }
  std::uint64_t asked() const { return asked_; }  // addresses that were sent at least once

 private:
  using Clock = HttpClient::Clock;
  struct Question {  // one request: a part of the addresses
    std::span<const std::string> addresses;
    int failures = 0;
    bool sent = false;
  };
  struct Round;

  HttpRequest request_of(const Question& question) const;
  void take(HttpAnswer&& answer, Round& round);
  void read(const HttpAnswer& answer, const Question& question, std::vector<GeoEntry>& entries);
  void heed_limits(const HttpAnswer& answer);
  void fail(const std::string& why);
  void stop(const std::string& why);

  const std::string url_, shown_;
  const GeoServiceLimits limits_;
  const bool batch_, origin_keys_;
  HttpClient client_;
  Clock::duration left_;         // of the budget
  Clock::time_point limited_{};  // the service wants no request before
  std::int64_t quota_left_ = 0;  // what it said it will still answer
  Clock::time_point quota_ends_{};
  int limits_in_a_row_ = 0, failures_in_a_row_ = 0;
  bool stopped_ = false;
  std::uint64_t asked_ = 0;
  std::string last_error_;
};

}  // namespace track_usage
