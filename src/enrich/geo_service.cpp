#include "src/enrich/geo_service.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;
using State = GeoEntry::State;

constexpr std::string_view place = "{ip}";
constexpr std::size_t batch_size = 100;  // what ip-api.com and ipwho.is take at once
constexpr int most_failures = 3;         // of a question: the first try and two more
constexpr int most_in_a_row = 5;         // of the service

struct UrlParts {
  std::string_view host, path;  // no host: it is no http URL
};

// As strict about the host as curl is lenient: with a bad one in a message, or
// in the cache's key, a password's end could stand where the host is looked for.
UrlParts split_url(std::string_view url) {
  const auto begins = url.find("://");
  if (begins == std::string_view::npos) return {};
  const std::string scheme = lower(url.substr(0, begins));
  if (scheme != "http" && scheme != "https") return {};
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return {};
  url = url.substr(begins + 3);
  url = url.substr(0, url.find('#'));
  const auto host_end = std::min(url.find_first_of("/?"), url.size());
  std::string_view host = url.substr(0, host_end);
  host.remove_prefix(host.rfind('@') + 1);  // npos + 1 is 0
  std::string_view path = url.substr(host_end);
  path = path.substr(0, path.find('?'));
  std::string_view port;
  std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  std::string_view name = host;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return {};
    name = host.substr(1, end - 1);
    port = host.substr(end + 1);
    allowed = "abcdefABCDEF0123456789:.";
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    name = host.substr(0, colon);
    port = host.substr(colon);
  }
  const bool good_port =
      port.empty() || (port.starts_with(':') && parse_number(port.substr(1)).value_or(65'536) < 65'536);
  if (name.empty() || name.find_first_not_of(allowed) != std::string_view::npos || !good_port) return {};
  if (path.find('@') != std::string_view::npos) return {};
  return {name, path};
}

UrlParts checked(const std::string& url) {
  const UrlParts parts = split_url(url);
  // Not shown: who knows what of it is a password.
  if (parts.host.empty())
    throw Error(Exit::usage, "--geo: that is no http or https URL",
                "http://HOST/json/{ip}; in a user's name or password @ : / ? # are written as %40 %3A %2F %3F %23");
  return parts;
}

bool is_batch(const std::string& url) {
  if (url.find(place) != std::string::npos) return false;
  const std::string_view path = checked(url).path;
  return path.substr(path.rfind('/') + 1) == "batch";
}

std::string without_fragment(const std::string& url) {
  checked(url);
  return url.substr(0, url.find('#'));
}

}  // namespace

// What a call of fetch works on.
struct GeoService::Round {
  std::vector<Question>& questions;
  std::vector<Question> again;
  std::vector<GeoEntry>& entries;
  bool failed = false;  // one of `again` did, and was not just told to wait
  Clock::time_point not_before{};
};

GeoService::GeoService(const std::string& url, const GeoServiceLimits& limits)
    : url_(without_fragment(url)),
      shown_(shown_url(url_)),
      limits_(limits),
      batch_(is_batch(url)),
      origin_keys_(lower(checked(url).host) == "extreme-ip-lookup.com"),
      client_(limits.http),
      left_(limits.wait) {}

HttpRequest GeoService::request_of(const Question& question) const {
  if (batch_) {
    std::string list;
    for (const std::string& address : question.addresses) {
      list += list.empty() ? '[' : ',';
      append_json(list, address);
    }
    return {url_, list + ']'};
  }
  std::string address, url = url_;
  append_percent_encoded(address, question.addresses.front());
  if (url.find(place) == std::string::npos) return {url + address, {}};
  for (auto at = url.find(place); at != std::string::npos; at = url.find(place, at + address.size()))
    url.replace(at, place.size(), address);
  return {url, {}};
}

void GeoService::stop(const std::string& why) {
  stopped_ = true;
  last_error_ = fmt::format("{}: {}", shown_, why);
}

void GeoService::fail(const std::string& why) {
  last_error_ = fmt::format("{}: {}", shown_, why);
  if (++failures_in_a_row_ >= most_in_a_row)
    stop(fmt::format("{} ({} failures in a row: it is asked no more in this run)", why, failures_in_a_row_));
}

void GeoService::read(const HttpAnswer& answer, const Question& question, std::vector<GeoEntry>& entries) {
  std::vector<JudgedGeoAnswer> judged;
  if (batch_)
    judged = read_geo_batch(answer.body, question.addresses, origin_keys_);
  else
    judged.push_back(read_geo_answer(answer.body, origin_keys_));
  bool sound = false, refused = false;
  for (std::size_t i = 0; i < judged.size(); ++i) {
    JudgedGeoAnswer& one = judged[i];
    GeoEntry entry{question.addresses[i], State::trouble, {}, {}};
    if (one.verdict == GeoVerdict::known)
      entry = {entry.address, State::answer, std::move(one.answer.country), std::move(one.answer.info)};
    if (one.verdict == GeoVerdict::unknown) entry.state = State::none;
    if (one.verdict == GeoVerdict::refused) entry.state = State::refused;
    sound = sound || one.verdict == GeoVerdict::known || one.verdict == GeoVerdict::unknown;
    refused = refused || one.verdict == GeoVerdict::refused;
    entries.push_back(std::move(entry));
  }
  if (sound)
    failures_in_a_row_ = 0;
  else
    fail(refused ? "it refuses to answer: is the key right, is a limit reached?"
                 : "the answer is not what was asked for");
}

// ip-api.com says with each answer how many more it will give: it bans who asks
// on. Answers may come out of order, so until the count begins anew the lowest
// is true, and no more are under way than that.
void GeoService::heed_limits(const HttpAnswer& answer) {
  const auto now = Clock::now();
  if (!answer.left) return;
  if (now >= quota_ends_ || *answer.left < quota_left_) quota_left_ = *answer.left;
  quota_ends_ = now + seconds(answer.renewed_in.value_or(60));
  client_.allow(static_cast<std::size_t>(quota_left_));
  if (quota_left_ == 0) {
    limited_ = std::max(limited_, quota_ends_);
    client_.pause(limited_);
  }
}

void GeoService::take(HttpAnswer&& answer, Round& round) {
  Question& question = round.questions[answer.index];
  if (answer.end == HttpAnswer::End::not_sent) {
    if (question.sent) round.again.push_back(question);  // not this time; what became of it stands
    return;
  }
  if (!question.sent) asked_ += question.addresses.size();
  question.sent = true;
  const auto finish = [&](State state) {
    for (const std::string& address : question.addresses) round.entries.push_back({address, state, {}, {}});
  };
  const auto retry = [&](const std::string& why) {
    fail(why);
    if (++question.failures >= most_failures) return finish(State::trouble);
    round.failed = true;
    round.again.push_back(question);
  };

  switch (answer.end) {
    case HttpAnswer::End::failed:
      return retry(answer.error);
    case HttpAnswer::End::too_large:
      fail(answer.error);
      return finish(State::trouble);
    default:
      break;
  }
  const std::string status = fmt::format("it answers with status {}", answer.status);
  if (answer.status == 429) {
    // At least a second: some say 0 and mean it no more than the others.
    const auto told = answer.retry_after ? answer.retry_after : answer.renewed_in;
    const seconds wait(std::max<std::int64_t>(told.value_or(std::int64_t{1} << std::min(limits_in_a_row_, 6)), 1));
    limited_ = std::max(limited_, Clock::now() + wait);
    client_.pause(limited_);
    last_error_ = fmt::format("{}: its limit is reached (status 429)", shown_);
    round.again.push_back(question);
    return;
  }
  heed_limits(answer);
  if (answer.status >= 500 || answer.status == 408) {
    if (answer.retry_after) round.not_before = std::max(round.not_before, Clock::now() + seconds(*answer.retry_after));
    return retry(status);
  }
  if (answer.status / 100 == 2) return read(answer, question, round.entries);
  if (answer.status / 100 == 3) {
    fail(status + ", a redirect, which is not followed");
    return finish(State::refused);
  }
  // Some say so that they know nothing of an address; all of them, if the URL is wrong.
  const bool about_address = answer.status == 400 || answer.status == 404 || answer.status == 422;
  fail(about_address ? status : status + ": is the key right?");
  finish(about_address ? State::none : State::refused);
}

std::vector<GeoEntry> GeoService::ask(std::span<const std::string> addresses) {
  std::vector<GeoEntry> entries;
  if (stopped() || addresses.empty()) return entries;
  const auto begun = Clock::now();
  const auto until = begun + left_;
  std::vector<Question> questions;
  const std::size_t size = batch_ ? batch_size : 1;
  for (std::size_t i = 0; i < addresses.size(); i += size)
    questions.push_back({addresses.subspan(i, std::min(size, addresses.size() - i))});

  for (auto backoff = limits_.first_backoff; !questions.empty();) {
    std::vector<HttpRequest> requests;
    for (const Question& question : questions) requests.push_back(request_of(question));
    Round round{questions, {}, entries};
    client_.fetch(
        requests,
        [&](HttpAnswer&& answer) {
          take(std::move(answer), round);
          return !stopped_;
        },
        until);
    const bool left_out = std::any_of(questions.begin(), questions.end(), [](const Question& q) { return !q.sent; });
    questions = std::move(round.again);
    limits_in_a_row_ = round.failed || questions.empty() ? 0 : limits_in_a_row_ + 1;
    if (round.failed) {
      client_.pause(std::max(Clock::now() + backoff, round.not_before));
      backoff = std::min<std::chrono::milliseconds>(backoff * 4, seconds(30));
    }
    if (!stopped_ && limited_ >= until && (left_out || !questions.empty()))
      stop(fmt::format("its limit is reached, and it asks to wait for {} s: it is asked no more in this run",
                       duration_cast<seconds>(limited_ - Clock::now()).count() + 1));
    if (stopped_ || left_out || std::max(Clock::now(), client_.next_start()) >= until || stop_signal() != 0) break;
  }
  // Asked, and no time to ask again. Who met a limit has done nothing wrong.
  for (const Question& question : questions)
    for (const std::string& address : question.addresses)
      if (question.failures > 0) entries.push_back({address, State::trouble, {}, {}});

  left_ -= Clock::now() - begun;
  if (left_ <= left_.zero() && !stopped_)
    stop(fmt::format("the {:g} s that a run may wait for it are over{}",
                     static_cast<double>(limits_.wait.count()) / 1e3,
                     last_error_.empty() ? "" : "; before that: " + last_error_.substr(shown_.size() + 2)));
  return entries;
}

}  // namespace track_usage
