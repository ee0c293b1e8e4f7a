#include "src/enrich/geo_answer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "src/base/address.h"
#include "src/base/text.h"

namespace track_usage {
namespace {

// Keys keep the service's order.
using Json = nlohmann::ordered_json;

struct Document {
  Json json;  // discarded: what was read is none
  bool deep = false;
};

// What is nested too deep is left out while it is read: neither the walks
// below nor nlohmann's own may be led down 30,000 brackets. `base` levels are
// a batch's own.
Document parse(std::string_view text, int base) {
  Document out;
  const auto limit = [&](int depth, Json::parse_event_t event, Json&) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (!opens || depth < base + most_geo_depth) return true;
    out.deep = true;
    return false;
  };
  out.json = Json::parse(text.begin(), text.end(), limit, false);
  return out;
}

// A member at the end of a path of keys, or null.
const Json* at(const Json& object, std::initializer_list<const char*> path) {
  const Json* here = &object;
  for (const char* key : path) {
    if (!here->is_object()) return nullptr;
    const auto found = here->find(key);
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}

bool is_code(std::string_view text) {
  return text.size() == 2 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Of ip-api.com and extreme-ip-lookup.com; ipwho.is, ipinfo.io and most others;
// MaxMind; geojs.io and ipinfo.io's older form, where country is the code;
// ipbase.com; and MaxMind's records about no country but the one they are
// registered in.
std::string country_of(const Json& object) {
  static constexpr std::array<std::array<const char*, 4>, 6> paths = {{{"countryCode"},
                                                                       {"country_code"},
                                                                       {"country", "iso_code"},
                                                                       {"country"},
                                                                       {"data", "location", "country", "alpha2"},
                                                                       {"registered_country", "iso_code"}}};
  for (const auto& path : paths) {
    const Json* here = &object;
    for (const char* key : path)
      if (here != nullptr && key != nullptr) here = at(*here, {key});
    if (here == nullptr || !here->is_string()) continue;
    const auto& text = here->get_ref<const std::string&>();
    if (is_code(text)) return text;
  }
  return {};
}

bool is(const Json* value, bool wanted) {
  return value != nullptr && value->is_boolean() && value->get<bool>() == wanted;
}

// {"status":"fail"}, {"success":false}, {"error":true}, {"error":{…}}, {"error":"…"}
bool is_failure(const Json& object) {
  const Json* status = at(object, {"status"});
  if (status != nullptr && status->is_string()) {
    const std::string said = lower(status->get_ref<const std::string&>());
    if (said == "fail" || said == "failed" || said == "error") return true;
  }
  const Json* error = at(object, {"error"});
  const bool told = error != nullptr && (error->is_object() || error->is_string()) && !error->empty() && *error != "";
  return is(at(object, {"success"}), false) || is(error, true) || told;
}

// Not about the address but about us. The words are those of the services'
// own failures: "Invalid access key", "RateLimited", "usage limit reached".
bool is_refusal(const Json& failure) {
  std::string said;
  for (const auto& path : {std::initializer_list<const char*>{"message"},
                           {"reason"},
                           {"error"},
                           {"error", "type"},
                           {"error", "info"},
                           {"error", "title"},
                           {"error", "message"}})
    if (const Json* text = at(failure, path); text != nullptr && text->is_string())
      said += lower(text->get_ref<const std::string&>()) + ' ';
  for (const std::string_view word : {"limit", "quota", "access key", "api key", "apikey", "access_key", "api_key",
                                      "token", "subscription", "unauthorized", "forbidden", "too many"})
    if (said.find(word) != std::string::npos) return true;
  return false;
}

std::string safe(const std::string& text) {
  std::string out;
  append_text(out, text);
  return out;
}

// With every text fit to be shown. At most most_geo_depth deep.
Json safe(const Json& value) {  // NOLINT(misc-no-recursion)
  if (value.is_string()) return safe(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    if (value.is_array())
      out.push_back(safe(member));
    else
      out[safe(key)] = safe(member);
  }
  return out;
}

JudgedGeoAnswer judge(const Json& object, bool deep, bool origin_keys) {
  if (!object.is_object()) return {};
  if (is_failure(object)) return {is_refusal(object) ? GeoVerdict::refused : GeoVerdict::unknown, {}};
  JudgedGeoAnswer out{GeoVerdict::known, {country_of(object), {}, true}};
  if (deep) return out;
  Json kept = safe(object);
  if (origin_keys)
    for (const char* key : {"businessWebsite", "status"}) kept.erase(key);
  std::string text = kept.dump();
  if (text.size() <= most_geo_info && !kept.empty()) out.answer.info = std::move(text);
  // An empty object says nothing of anything.
  if (kept.empty()) return {GeoVerdict::unknown, {}};
  return out;
}

// Whose answer a member of a list is, in Address's form.
std::string address_of(const Json& member) {
  for (const char* key : {"query", "ip", "ipAddress", "ip_address"})
    if (const Json* text = at(member, {key}); text != nullptr && text->is_string())
      if (const Address address(text->get_ref<const std::string&>()); address.is_ip()) return address.text();
  return {};
}

}  // namespace

JudgedGeoAnswer read_geo_answer(std::string_view json, bool origin_keys) {
  const Document document = parse(json, 0);
  return judge(document.json, document.deep, origin_keys);
}

std::vector<JudgedGeoAnswer> read_geo_batch(std::string_view json, std::span<const std::string> addresses,
                                            bool origin_keys) {
  std::vector<JudgedGeoAnswer> out(addresses.size());
  const Document document = parse(json, 1);
  const auto take = [&](std::size_t i, const Json& member) { out[i] = judge(member, document.deep, origin_keys); };
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < addresses.size(); ++i) places.emplace(addresses[i], i);

  if (document.json.is_array()) {
    for (std::size_t i = 0; i < document.json.size(); ++i) {
      const Json& member = document.json[i];
      const std::string address = address_of(member);
      const auto found = places.find(address);
      // By order only if nothing says otherwise, and all are there.
      if (found != places.end())
        take(found->second, member);
      else if (address.empty() && document.json.size() == addresses.size())
        take(i, member);
    }
  } else if (document.json.is_object()) {
    if (is_failure(document.json)) {
      for (JudgedGeoAnswer& one : out)
        one.verdict = is_refusal(document.json) ? GeoVerdict::refused : GeoVerdict::nonsense;
      return out;
    }
    for (const auto& [key, member] : document.json.items())
      if (const auto found = places.find(Address(key).text()); found != places.end()) take(found->second, member);
  }
  return out;
}

}  // namespace track_usage
