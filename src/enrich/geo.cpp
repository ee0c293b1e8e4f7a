#include "src/enrich/geo.h"

#include <atomic>
#include <ctime>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "src/base/address.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/enrich/geo_cache.h"
#include "src/enrich/geo_service.h"
#include "src/enrich/mmdb.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::string_view mmdb_prefix = "mmdb:";
// About 100 MB with addresses and short answers. Beyond, the file remembers; who
// has none may ask a second time, which at a service's pace takes days.
constexpr std::size_t most_kept = 500'000;

std::string path_of(const std::string& source) {
  return source.starts_with(mmdb_prefix) ? source.substr(mmdb_prefix.size()) : std::string();
}

GeoServiceLimits limits_of(const GeoSettings& s) {
  GeoServiceLimits limits;
  limits.http.total = s.timeout;
  limits.http.connect = std::min(limits.http.connect, s.timeout);
  limits.http.at_once = std::max<std::size_t>(s.at_once, 1);
  limits.http.spacing = s.spacing;
  limits.wait = s.wait;
  return limits;
}

}  // namespace

std::chrono::nanoseconds parse_geo_rate(std::string_view text) {
  const auto slash = text.find('/');
  const auto count = parse_number(text.substr(0, slash));
  const std::string_view unit = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  std::chrono::nanoseconds span{0};
  if (unit == "s") span = std::chrono::seconds(1);
  if (unit == "min") span = std::chrono::minutes(1);
  if (!count || *count == 0 || *count > 1'000'000 || span.count() == 0)
    throw Error(Exit::usage, fmt::format("--geo-rate: '{}' is no rate", visible(text)), "as 2/s or 45/min");
  // Rounded up: 45 a minute are never 46.
  return span / static_cast<std::int64_t>(*count) + std::chrono::nanoseconds(1);
}

std::string GeoSource::text() const {
  return type.empty() ? shown : fmt::format("{} of {} ({})", type, iso_date(built / 86'400), shown);
}

struct Geo::Inner {
  // What is remembered of an address. Left: it was not asked about.
  struct Kept {
    GeoAnswer answer;
    bool left = false;
  };

  explicit Inner(GeoSettings s) : settings(std::move(s)), mmdb_path(path_of(settings.source)), cache(settings.cache) {
    if (!settings.source.starts_with(mmdb_prefix))
      service.emplace(settings.source, limits_of(settings));
    else if (mmdb_path.empty())
      throw Error(Exit::usage, "--geo: 'mmdb:' names no file", "mmdb:FILE");
  }

  const GeoSettings settings;
  const std::string mmdb_path;
  std::optional<Mmdb> mmdb;
  std::atomic<std::uint64_t> damaged{0};  // records met

  mutable std::mutex mutex;  // of all that follows
  std::optional<GeoService> service;
  GeoCache cache;
  std::unordered_map<std::string, Kept> memory;
  GeoReport counts;
  std::uint64_t failed_lately = 0;  // addresses: the cache says that they got no answer minutes ago

  void look_up_here(std::span<const std::string_view> addresses, std::vector<GeoAnswer>& out) {
    for (std::size_t i = 0; i < addresses.size(); ++i)
      if (mmdb->look_up(Address(addresses[i]), out[i]) == Mmdb::Find::damaged) ++damaged;
  }

  void look_up_there(std::span<const std::string_view> addresses, std::vector<GeoAnswer>& out) {
    const std::lock_guard lock(mutex);
    if (memory.size() > most_kept) memory.clear();
    const bool asks = !service->stopped();
    std::vector<const Kept*> found(addresses.size(), nullptr);
    std::vector<std::string> wanted;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Address address(addresses[i]);
      if (!address.is_global()) continue;
      const auto [kept, fresh] = memory.try_emplace(address.text());
      found[i] = &kept->second;  // stays where it is while others come
      if (!fresh && !(kept->second.left && asks)) continue;
      if (!fresh) --counts.unknown_left;
      kept->second.left = false;  // wanted once, though the address may come again
      wanted.push_back(kept->first);
    }
    if (!wanted.empty()) learn(wanted);
    for (std::size_t i = 0; i < addresses.size(); ++i)
      if (found[i] != nullptr) out[i] = found[i]->answer;
  }

  void learn(std::vector<std::string>& wanted) {
    const std::string& key = service->shown();
    for (const std::string& address : wanted) memory[address].left = true;
    for (GeoEntry& entry : cache.get(key, wanted, std::time(nullptr))) {
      if (settings.again && entry.state == GeoEntry::State::trouble) continue;
      ++(entry.state == GeoEntry::State::trouble ? failed_lately : counts.from_cache);
      remember(std::move(entry));
    }
    std::erase_if(wanted, [this](const std::string& address) { return !memory[address].left; });
    std::vector<GeoEntry> told = service->ask(wanted);
    cache.put(key, told, std::time(nullptr));
    for (GeoEntry& entry : told) {
      const bool answered = entry.state == GeoEntry::State::answer || entry.state == GeoEntry::State::none;
      ++(answered ? counts.answered : counts.failed);
      remember(std::move(entry));
    }
    for (const std::string& address : wanted) counts.unknown_left += memory[address].left ? 1 : 0;
  }

  void remember(GeoEntry&& entry) {
    Kept& kept = memory[entry.address];
    kept.left = false;
    if (entry.state != GeoEntry::State::answer) return;
    kept.answer = {std::move(entry.country), std::move(entry.info), true};
  }
};

Geo::Geo(GeoSettings settings) : inner_(std::make_unique<Inner>(std::move(settings))) {}
Geo::~Geo() = default;

void Geo::open() {
  if (!inner_->service) inner_->mmdb.emplace(inner_->mmdb_path);
}

void Geo::look_up(std::span<const std::string_view> addresses, std::vector<GeoAnswer>& out) {
  out.assign(addresses.size(), {});
  if (inner_->service)
    inner_->look_up_there(addresses, out);
  else if (inner_->mmdb)
    inner_->look_up_here(addresses, out);
}

GeoReport Geo::report() const {
  const std::lock_guard lock(inner_->mutex);
  GeoReport out = inner_->counts;
  if (inner_->service) {
    out.asked = inner_->service->asked();
    out.stopped = inner_->service->stopped();
    out.last_error = inner_->service->last_error();
    out.unknown_left += inner_->failed_lately;
    if (out.last_error.empty() && inner_->failed_lately != 0)
      out.last_error = fmt::format("{}: it gave none a few minutes ago", inner_->service->shown());
    out.cache_error = inner_->cache.trouble();
  } else if ((out.failed = inner_->damaged) > 0) {
    out.last_error = fmt::format("'mmdb:{}' is damaged", visible(inner_->mmdb_path));
  }
  return out;
}

GeoSource Geo::source() const {
  if (inner_->service) return {inner_->service->shown(), {}, 0};
  GeoSource out{fmt::format("mmdb:{}", visible(inner_->mmdb_path)), {}, 0};
  if (inner_->mmdb) out.type = inner_->mmdb->type(), out.built = inner_->mmdb->built();
  return out;
}

}  // namespace track_usage
