#include "src/base/http.h"

#include <algorithm>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/text.h"

namespace track_usage {
namespace {

using Clock = HttpClient::Clock;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Rounded up, so that what waits for a moment does not wake before it.
long milliseconds_until(Clock::time_point when, Clock::time_point now) {
  return when <= now ? 0L : static_cast<long>(std::chrono::ceil<milliseconds>(when - now).count());
}

std::optional<std::int64_t> header_number(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  const auto number = parse_number(trim(header->value));
  // A number that no clock can hold means: never again in this run.
  return number ? std::optional(static_cast<std::int64_t>(std::min<std::uint64_t>(*number, 1'000'000'000)))
                : std::nullopt;
}

struct EasyEnd {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiEnd {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListEnd {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One request under way; kept and used again, as is its connection.
struct Transfer {
  explicit Transfer(std::size_t most_bytes) : easy(curl_easy_init()), most(most_bytes) {
    if (!easy) throw std::bad_alloc();
  }

  std::unique_ptr<CURL, EasyEnd> easy;
  HttpAnswer answer;
  std::size_t header_bytes = 0;
  bool too_large = false;
  const std::size_t most;

  static std::size_t take_body(char* bytes, std::size_t, std::size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    if (count > t.most - t.answer.body.size()) {
      t.too_large = true;
      return 0;  // ends the transfer
    }
    t.answer.body.append(bytes, count);
    return count;
  }
  static std::size_t take_header(char*, std::size_t, std::size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    t.header_bytes += count;
    t.too_large = t.header_bytes > t.most;
    return t.too_large ? 0 : count;
  }
};

}  // namespace

struct HttpClient::Inner {
  Inner(const Limits& l) : limits(l), allowed(l.at_once) {
    // Once, and before any other thread could: a static is made by one.
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi.reset(started == CURLE_OK ? curl_multi_init() : nullptr);
    if (!multi) throw std::bad_alloc();
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(l.at_once));
    curl_multi_setopt(multi.get(), CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    // An "Expect: 100-continue" would cost a second where a service ignores it.
    for (const char* line : {"Content-Type: application/json", "Accept: application/json", "Expect:"}) {
      curl_slist* longer = curl_slist_append(json_headers.get(), line);
      if (longer == nullptr) throw std::bad_alloc();
      (void)json_headers.release();
      json_headers.reset(longer);
    }
  }

  const Limits limits;
  std::size_t allowed;
  Clock::time_point not_before{}, next_in_turn{};
  std::unique_ptr<curl_slist, ListEnd> json_headers;
  std::unique_ptr<CURLM, MultiEnd> multi;
  std::vector<std::unique_ptr<Transfer>> idle, running;  // ended before the multi handle

  Clock::time_point next_start() const { return std::max(not_before, next_in_turn); }

  void begin(const HttpRequest& request, std::size_t index, Clock::time_point until, Clock::time_point now) {
    if (idle.empty()) idle.push_back(std::make_unique<Transfer>(limits.answer_bytes));
    std::unique_ptr<Transfer> t = std::move(idle.back());
    idle.pop_back();
    t->answer = {};
    t->answer.index = index;
    t->answer.begun = now;
    t->header_bytes = 0;
    t->too_large = false;
    CURL* easy = t->easy.get();
    curl_easy_reset(easy);  // the connections stay
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "track-usage/" TRACK_USAGE_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
    const long longest = std::min(static_cast<long>(limits.total.count()), milliseconds_until(until, now));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, std::max(1L, longest));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, Transfer::take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t.get());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, Transfer::take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t.get());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t.get());
    if (!request.json.empty()) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.json.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.json.c_str());
      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, json_headers.get());
    }
    running.push_back(std::move(t));
    curl_multi_add_handle(multi.get(), easy);
    next_in_turn = now + limits.spacing;
  }

  // Takes a transfer out, with what is to be said about it.
  HttpAnswer end(Transfer* which, CURLcode code) {
    const auto found = std::find_if(running.begin(), running.end(), [&](const auto& t) { return t.get() == which; });
    idle.push_back(std::move(*found));
    running.erase(found);
    CURL* easy = which->easy.get();
    HttpAnswer answer = std::move(which->answer);
    answer.end = HttpAnswer::End::failed;
    if (which->too_large) {
      answer.end = HttpAnswer::End::too_large;
      answer.error = fmt::format("an answer of more than {}", human_bytes(limits.answer_bytes));
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
      answer.error = "no answer in time";
    } else if (code != CURLE_OK) {
      answer.error = lower_first(curl_easy_strerror(code));
    } else {
      long status = 0;
      curl_off_t retry = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
      answer.end = HttpAnswer::End::answered;
      answer.status = static_cast<int>(status);
      if (retry > 0) answer.retry_after = std::min<std::int64_t>(retry, 1'000'000'000);
      answer.left = header_number(easy, "X-Rl");
      answer.renewed_in = header_number(easy, "X-Ttl");
    }
    curl_multi_remove_handle(multi.get(), easy);
    return answer;
  }
};

HttpClient::HttpClient(const Limits& limits) : inner_(std::make_unique<Inner>(limits)) {}
HttpClient::~HttpClient() = default;

void HttpClient::pause(Clock::time_point not_before) {
  inner_->not_before = std::max(inner_->not_before, not_before);
}
void HttpClient::allow(std::size_t at_once) {
  inner_->allowed = std::clamp<std::size_t>(at_once, 1, inner_->limits.at_once);
}
Clock::time_point HttpClient::next_start() const {
  return inner_->next_start();
}

void HttpClient::fetch(std::span<const HttpRequest> requests, const std::function<bool(HttpAnswer&&)>& on_answer,
                       Clock::time_point until) {
  Inner& in = *inner_;
  std::size_t begun = 0;
  bool more = true;  // may be begun
  const auto left = [&] { return more && begun < requests.size(); };
  for (;;) {
    const auto now = Clock::now();
    if (now >= until || stop_signal() != 0) break;
    while (left() && in.running.size() < in.allowed && in.next_start() <= now)
      in.begin(requests[begun], begun, until, now), ++begun;
    // Who would have to wait beyond the end need not wait at all.
    if (left() && in.next_start() >= until) more = false;
    if (in.running.empty() && !left()) break;

    int running = 0, waiting = 0;
    curl_multi_perform(in.multi.get(), &running);
    bool any = false;
    while (const CURLMsg* message = curl_multi_info_read(in.multi.get(), &waiting)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      more = on_answer(in.end(transfer, message->data.result)) && more;
      any = true;
    }
    if (any) continue;  // there may be room for the next

    auto wake = until;
    if (left() && in.running.size() < in.allowed) wake = std::min(wake, in.next_start());
    curl_waitfd stop{stop_fd(), CURL_WAIT_POLLIN, 0};
    const long wait = std::min(milliseconds_until(wake, Clock::now()), 60'000L);
    curl_multi_poll(in.multi.get(), &stop, stop.fd >= 0 ? 1 : 0, static_cast<int>(wait), nullptr);
  }
  while (!in.running.empty()) on_answer(in.end(in.running.back().get(), CURLE_OPERATION_TIMEDOUT));
  for (; begun < requests.size(); ++begun) {
    HttpAnswer answer;
    answer.index = begun;
    on_answer(std::move(answer));
  }
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find('#'));
  std::string out;
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    append_text(out, url.substr(0, scheme + 3));
    url.remove_prefix(scheme + 3);
  }
  const auto host_end = std::min(url.find_first_of("/?"), url.size());
  const auto at = url.substr(0, host_end).rfind('@');
  if (at != std::string_view::npos) {
    out += "***@";
    url.remove_prefix(at + 1);
  }
  const auto mark = url.find('?');
  append_text(out, url.substr(0, mark));
  if (mark == std::string_view::npos) return out;
  char before = '?';
  for (std::string_view query = url.substr(mark + 1);; before = '&') {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equal = pair.find('=');
    out += before;
    // A value that is just {ip} is none of the user's; a piece without = may be a key.
    if (equal == std::string_view::npos)
      out += pair.empty() ? "" : "***";
    else
      append_text(out, pair.substr(0, equal + 1)), out += pair.substr(equal + 1) == "{ip}" ? "{ip}" : "***";
    if (end == std::string_view::npos) return out;
    query.remove_prefix(end + 1);
  }
}

void append_percent_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

}  // namespace track_usage
