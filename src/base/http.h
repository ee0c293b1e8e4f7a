// HTTP as a client, by way of libcurl: the only place that knows it. Few and
// small questions, several at once, all driven by the calling thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace track_usage {

struct HttpRequest {
  std::string url;   // http or https; userinfo is sent as basic authorization
  std::string json;  // posted if not empty; else the request is a GET
};

struct HttpAnswer {
  enum class End : std::uint8_t { answered, failed, too_large, not_sent };

  std::size_t index = 0;  // of its request
  End end = End::not_sent;
  int status = 0;     // of what was answered
  std::string body;   // as it came: anybody's bytes
  std::string error;  // why it failed, without the URL
  std::chrono::steady_clock::time_point begun{};
  // Headers, where there are any: seconds to wait (from either form of
  // Retry-After), requests left (X-Rl) and seconds until there are new ones (X-Ttl).
  std::optional<std::int64_t> retry_after, left, renewed_in;
};

// Of one thread at a time.
class HttpClient {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    std::chrono::milliseconds connect{3'000}, total{5'000};  // a request
    std::size_t at_once = 8;
    std::size_t answer_bytes = 64 * 1024;  // of the body, and again of the headers
    std::chrono::nanoseconds spacing{0};   // between the beginnings of two requests
  };

  explicit HttpClient(const Limits& limits);
  ~HttpClient();

  // Runs the requests, begun in their order, and calls back for each one once,
  // in the order in which they end. If `on_answer` returns false no further
  // one is begun. At `until`, or at a signal to stop, what runs is broken off
  // (failed) and the rest is not sent. Redirects are not followed. Throws
  // std::bad_alloc at most; no network trouble is an exception.
  void fetch(std::span<const HttpRequest> requests, const std::function<bool(HttpAnswer&&)>& on_answer,
             Clock::time_point until);

  // For on_answer, or between fetches; both hold on for later fetches.
  void pause(Clock::time_point not_before);  // no request is begun before; the latest one counts
  void allow(std::size_t at_once);           // at least one, at most what the limits say
  Clock::time_point next_start() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// A URL for messages and keys: userinfo and the values of the query are ***, a
// fragment is left out, client bytes are made visible.
std::string shown_url(std::string_view url);

// Everything but letters, digits and -._~ as %HH.
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace track_usage
