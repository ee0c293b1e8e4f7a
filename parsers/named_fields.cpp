#include "parsers/named_fields.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace track_usage {
namespace {

constexpr std::int64_t max_bytes = std::int64_t{1} << 45;  // ruling 14

// "200", "200.0"; nothing above `limit`.
std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t limit) {
  std::int64_t n = 0;
  std::size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    n = n * 10 + (text[i] - '0');
    if (n > limit) return {};
  }
  if (i == 0) return {};
  if (i < text.size() && (text[i] != '.' || text.find_first_not_of('0', i + 1) != std::string_view::npos)) return {};
  return n;
}

// Seconds as encoders of doubles write large ones: 1.7636472e+09.
std::optional<std::int64_t> exponent_time(std::string_view text) {
  if (text.find_first_of("eE") == std::string_view::npos) return {};
  return parse_duration(text, 1'000'000'000);
}

std::int64_t speed_of(const NamedValues& values, const FieldMap& map, NamedTraits traits) {
  constexpr std::pair<Field, std::int64_t> units[] = {
      {Field::speed, 1'000'000'000}, {Field::speed_ms, 1'000'000}, {Field::speed_us, 1'000}, {Field::speed_ns, 1}};
  for (const bool own : {true, false})
    for (const auto& [field, unit] : units)
      if (const std::string_view text = values.first(own ? map.own(field) : map.slots_of(field)); !text.empty())
        return !traits.whole_speed && text != "0" && text.find_first_not_of("0123456789") == std::string_view::npos
                   ? no_number
                   : last_duration(text, unit);
  const std::uint64_t parts = map.slots_of(Field::speed_parts);
  if (parts == 0 || (values.filled & parts) != parts) return no_number;
  std::int64_t sum = 0;
  for (std::uint64_t left = parts; left != 0; left &= left - 1) {
    const auto part =
        parse_duration(values.values[static_cast<std::size_t>(std::countr_zero(left))].text, 1'000'000'000);
    if (!part) return no_number;  // -1: it was never there
    sum += *part;
  }
  return sum;
}

// The host of an absolute URL, as it stands; empty if it has none.
std::string_view host_of(std::string_view url) {
  const auto slashes = url.find("://");
  if (slashes == std::string_view::npos || slashes == 0 || url.substr(0, slashes).find_first_of("/?#") != url.npos)
    return {};
  const std::string_view authority = url.substr(slashes + 3);
  std::string_view host = authority.substr(0, authority.find_first_of("/?#"));
  host.remove_prefix(host.rfind('@') + 1);
  const auto port = host.rfind(':');
  if (port != std::string_view::npos && !host.ends_with(']') &&
      host.find_first_not_of("0123456789", port + 1) != std::string_view::npos)
    return {};
  return host;
}

// The value behind the first one.
std::string_view next_of(const NamedValues& values, std::uint64_t of) {
  const std::uint64_t found = values.filled & of;
  return values.first(found & (found - 1));
}

}  // namespace

std::string_view host_asked(const Fields& f) {
  std::string_view url = f.target;
  if (f.request.data() != nullptr) url = f.request.substr(std::min(f.request.find(' ') + 1, f.request.size()));
  if (f.method == "CONNECT" && url.find("://") == std::string_view::npos) return url;
  return host_of(url.substr(0, url.find(' ')));
}

void split_client(std::string_view client, Fields& f) {
  f.remote = client;
  f.port = {};
  const auto colon = client.rfind(':');
  if (colon == std::string_view::npos || client[0] == '[') return;  // brackets are taken off of every address
  const std::string_view port = client.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return;
  f.remote = client.substr(0, colon);
  f.port = port;
}

std::int64_t last_duration(std::string_view text, std::int64_t unit) {
  if (const auto micros = parse_duration(text, unit)) return *micros;
  constexpr std::string_view between = ", :;";
  while (!text.empty()) {
    const auto last = text.find_last_not_of(between);
    if (last == std::string_view::npos) break;
    text = text.substr(0, last + 1);
    const auto before = text.find_last_of(between);
    const std::string_view item = before == std::string_view::npos ? text : text.substr(before + 1);
    if (const auto micros = parse_duration(item, unit)) return *micros;
    text.remove_suffix(item.size());
  }
  return no_number;
}

std::optional<std::int64_t> NamedReader::iso(std::string_view text) {
  if (text == iso_) return iso_time_;
  const auto time = parse_iso_time(text, *zone_, &zone_assumed_);
  if (time) {
    iso_ = text;
    iso_time_ = *time;
  }
  return time;
}

// The first of the time's keys that can be read.
bool NamedReader::time(const NamedValues& values, std::uint64_t dates, std::int64_t& out) {
  for (std::uint64_t left = values.filled & dates; left != 0; left &= left - 1) {
    std::string_view text = values.values[static_cast<std::size_t>(std::countr_zero(left))].text;
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    std::optional<std::int64_t> time;
    if (text.size() > 4 && text[2] == '/')
      time = clf_.parse(text);
    else if (text.size() > 4 && text[4] == '-')
      time = iso(text);
    else
      time = parse_epoch(text);
    if (!time) time = exponent_time(text);
    if (time) {
      out = *time;
      return true;
    }
  }
  return false;
}

Reading NamedReader::read(std::string_view line, const NamedValues& v, const FieldMap& map, NamedTraits traits,
                          Fields& f) {
  const auto none = [&](Reject reason, Field field, std::string_view expected) {
    const std::uint64_t found = v.filled & map.slots_of(field);
    const std::size_t at =
        found == 0
            ? line.size()
            : static_cast<std::size_t>(v.values[static_cast<std::size_t>(std::countr_zero(found))].at - line.data());
    return Reading{Match::none, 0, reason, static_cast<std::uint32_t>(at), expected};
  };
  const auto first = [&](Field field) { return v.first(map.slots_of(field)); };
  if (!traits.not_by.empty() && first(Field::logger).starts_with(traits.not_by))
    return none(Reject::unknown_format, Field::logger, "the logger of requests");
  if (!time(v, map.slots_of(Field::date), f.time))
    return none(Reject::bad_time, Field::date, "a time, such as time_iso8601 or msec");
  f.remote = first(Field::remote_addr);
  f.port = {};
  if (f.remote.data() == nullptr)
    if (const std::string_view client = first(Field::client); !client.empty()) split_client(client, f);
  f.peer = first(Field::peer_addr);
  if (f.remote.data() == nullptr) std::swap(f.remote, f.peer);  // no proxy: who is connected is the client
  if (f.remote.data() == nullptr && traits.address_needed)
    return none(Reject::no_address, Field::remote_addr, "an address, such as remote_addr");
  if ((v.seen & map.slots_of(Field::status)) == 0) return none(Reject::bad_status, Field::status, "a status");
  f.status = no_status;
  if (const std::string_view value = first(Field::status); value.data() != nullptr) {
    const auto number = whole_number(value, 999);
    if (!number) return none(Reject::bad_status, Field::status, "a status of three digits");
    if (*number != 0) f.status = static_cast<std::int16_t>(*number);  // 0: the client had no answer
  }

  // One by one: to clear the whole of `f` first took a tenth of the time.
  f.request = first(Field::request);
  f.method = f.target = f.protocol = f.ident = f.extra = {};
  // A map that names the parts means them, unless it names the request as well.
  const bool parts =
      (v.filled & map.own(Field::request)) == 0 && (v.filled & (map.own(Field::method) | map.own(Field::path))) != 0;
  if (parts) f.request = {};
  if (f.request.data() == nullptr) {
    f.method = first(Field::method);
    f.target = first(Field::path);
    f.protocol = first(Field::protocol);
    if (const std::string_view query = first(Field::query); !query.empty() && f.target.data() != nullptr) {
      target_.assign(f.target).append(query.starts_with('?') ? "" : "?").append(query);
      f.target = target_;
    }
  }
  f.user = first(Field::username);
  f.bytes = whole_number(first(Field::content_length), max_bytes).value_or(no_number);
  f.micros = speed_of(v, map, traits);
  f.referrer = first(Field::referrer);
  f.agent = first(Field::user_agent);
  f.host = first(Field::server_name);
  if (f.host == "_") f.host = next_of(v, map.slots_of(Field::server_name));  // nginx's server for any host
  if (traits.spare_host && f.host.data() == nullptr) f.host = next_of(v, map.slots_of(Field::remote_addr));
  if (traits.host_of_url && f.host.data() == nullptr) f.host = host_asked(f);
  f.scheme = first(Field::scheme);
  f.forwarded = first(Field::xforwardedfor);
  f.accept_language = first(Field::accept_language);
  f.zone_assumed = zone_assumed_ || clf_.zone_assumed();
  // A request that is there and empty is a rude one, as in CLF.
  f.flags = f.request.data() == nullptr && f.target.data() == nullptr && (v.seen & map.slots_of(Field::request)) != 0
                ? malformed_request
                : 0;
  return {Match::whole, static_cast<std::uint8_t>(std::popcount(v.filled)), {}, 0, {}};
}

}  // namespace track_usage
