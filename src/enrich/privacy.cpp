#include "src/enrich/privacy.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/address.h"
#include "src/base/text.h"
#include "src/enrich/replace.h"
#include "src/error.h"

namespace track_usage {
namespace {

struct Named {
  std::string_view name;
  Column column;
};
constexpr Named own_fields[] = {
    {"remote_addr", Column::remote_addr}, {"peer_addr", Column::peer_addr}, {"xforwardedfor", Column::xforwardedfor},
    {"referrer", Column::referrer},       {"username", Column::username},   {"language", Column::language},
    {"server_name", Column::server_name}, {"visitor", Column::visitor},     {"country", Column::country},
    {"view_args", Column::view_args},     {"ip_info", Column::ip_info},     {"track_var", Column::track_var},
};
constexpr std::string_view hashable = "remote_addr, peer_addr, xforwardedfor, referrer, username";

// What is kept of an address at each level: of the first 254 hosts, of the
// second a provider, of the third hardly a country.
struct Level {
  std::string_view name;
  int v4_bits, v6_bits;
};
constexpr Level levels[] = {{"1", 24, 64}, {"2", 16, 48}, {"3", 8, 32}};

using Json = nlohmann::ordered_json;

Json parsed(std::string_view object) {
  return Json::parse(object, nullptr, false);
}

std::string text_of(const Json& object) {
  return object.empty() ? "" : object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Privacy::Dropped Privacy::field_named(std::string_view name, std::string_view option) {
  if (name.starts_with("track_var.") && name.size() > 10)
    return {Field::member, Column::track_var, std::string(name.substr(10))};
  constexpr std::pair<std::string_view, Field> others[] = {{"user_agent", Field::user_agent},
                                                           {"user_agent.string", Field::agent_string},
                                                           {"request", Field::request},
                                                           {"url_args", Field::url_args}};
  std::vector<std::string_view> names;
  for (const auto& [known, field] : others) {
    if (known == name) return {field, Column::url, {}};
    names.push_back(known);
  }
  for (const Named& known : own_fields) {
    if (known.name == name) return {Field::own, known.column, {}};
    names.push_back(known.name);
  }
  throw Error(Exit::usage, fmt::format("{}: a row has no field '{}'", option, visible(name)), suggest(name, names));
}

Privacy::Privacy(const PrivacyOptions& options) : hash_(KeyedHash(options.salt).derived("field")) {
  if (!options.anonymize.empty()) {
    const auto* const level =
        std::find_if(std::begin(levels), std::end(levels), [&](const Level& l) { return l.name == options.anonymize; });
    if (level == std::end(levels))
      throw Error(Exit::usage, fmt::format("--anonymize-ip: '{}' is no level", visible(options.anonymize)),
                  "1 keeps 24 bits of IPv4 and 64 of IPv6, 2 keeps 16 and 48, 3 keeps 8 and 32");
    v4_bits_ = level->v4_bits;
    v6_bits_ = level->v6_bits;
  }
  for (const std::string& name : options.drop) dropped_.push_back(field_named(name, "--drop"));
  for (const std::string& name : options.hash) {
    const Dropped field = field_named(name, "--hash");
    if (field.field != Field::own || hashable.find(name) == std::string_view::npos)
      throw Error(Exit::usage, fmt::format("--hash: '{}' cannot be hashed", visible(name)),
                  fmt::format("these can: {}", hashable));
    hashed_.push_back(field.column);
  }
}

bool Privacy::drops(Column column) const {
  return std::any_of(dropped_.begin(), dropped_.end(),
                     [&](const Dropped& d) { return d.field == Field::own && d.column == column; });
}

std::string Privacy::anonymous(std::string_view host) const {
  const Address address(host);
  if (address.is_ip()) return address.masked(address.family() == Address::Family::v4 ? v4_bits_ : v6_bits_).text();
  const auto dot = host.find('.');
  return dot == std::string_view::npos ? std::string("-") : std::string(host.substr(dot + 1));
}

// X-Forwarded-For, and whatever else is a list with addresses in it: what is no
// address stays.
std::string Privacy::anonymous_list(std::string_view addresses) const {
  constexpr std::string_view between = ", \t;=\"[]";
  std::string out;
  while (!addresses.empty()) {
    const auto begin = std::min(addresses.find_first_not_of(between), addresses.size());
    out.append(addresses.substr(0, begin));
    addresses.remove_prefix(begin);
    const std::string_view item = addresses.substr(0, addresses.find_first_of(between));
    addresses.remove_prefix(item.size());
    const auto colon = item.rfind(':');  // a port, or what IPv6 is made of
    if (Address(item).is_ip())
      out += anonymous(item);
    else if (colon != std::string_view::npos && Address(item.substr(0, colon)).is_ip())
      out.append(anonymous(item.substr(0, colon))).append(item.substr(colon));
    else
      out.append(item);
  }
  return out;
}

// track_var without what is dropped, its addresses masked.
std::string Privacy::members_left(std::string_view object) const {
  Json members = parsed(object);
  if (!members.is_object()) return {};
  for (const Dropped& d : dropped_)
    if (d.field == Field::member) members.erase(d.member);
  if (anonymizes()) {
    for (auto& member : members.items())
      if (member.value().is_string()) member.value() = anonymous_list(member.value().get<std::string>());
  }
  return text_of(members);
}

void Privacy::anonymize(Batch& batch) const {
  for (const Column column : {Column::remote_addr, Column::peer_addr})
    replace_texts(batch, column, [&](std::string_view host) { return std::optional(anonymous(host)); });
  replace_texts(batch, Column::xforwardedfor,
                [&](std::string_view list) { return std::optional(anonymous_list(list)); });
}

void Privacy::drop(Batch& batch) const {
  for (const Dropped& d : dropped_) {
    switch (d.field) {
      case Field::own:
        batch.own[static_cast<std::size_t>(d.column)].clear();
        break;
      case Field::user_agent:
        std::fill(batch.agent.begin(), batch.agent.end(), 0);
        break;
      case Field::agent_string:
        for (Agent& agent : batch.agents) agent.string = null_text;
        break;
      case Field::request:
        for (Request& request : batch.requests) request.request = null_text;
        break;
      case Field::url_args:
        for (Request& request : batch.requests) request.url_args = null_text;
        break;
      case Field::member:
        break;
    }
  }
}

void Privacy::apply(Batch& batch) const {
  if (off()) return;
  const bool members =
      std::any_of(dropped_.begin(), dropped_.end(), [](const Dropped& d) { return d.field == Field::member; });
  if (anonymizes()) anonymize(batch);
  drop(batch);
  if (anonymizes() || members)
    replace_texts(batch, Column::track_var,
                  [&](std::string_view object) { return std::optional(members_left(object)); });
  for (const Column column : hashed_)
    replace_texts(batch, column, [&](std::string_view text) { return std::optional(hash_(text)); });
}

}  // namespace track_usage
