#include "src/sink.h"

#include <algorithm>

#include <fmt/format.h>

#include "sinks/mysql/session.h"
#include "sinks/sql/store.h"
#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  append_percent_decoded(out, text);
  return out;
}

// //user:password@host:port/database. The client library has no URLs.
mysql::Address address_of(const Target& target) {
  const auto refuse = [&](const std::string& what, const char* hint) {
    throw Error(Exit::usage, fmt::format("{}: {}", target.shown(), what), hint);
  };
  std::string_view url = target.location;
  if (!url.starts_with("//"))
    throw Error(Exit::usage, fmt::format("a target '{}:' is a URL", target.scheme), "mysql://USER@HOST/DATABASE");
  if (const auto query = url.find('?'); query != std::string_view::npos) {
    const std::string_view name = url.substr(query + 1, url.find_first_of("=&", query) - query - 1);
    refuse(fmt::format("no setting is called '{}'", visible(name)), "see the manual, TARGETS");
  }
  url.remove_prefix(2);
  mysql::Address address;
  const auto slash = url.find('/');
  address.database = slash == std::string_view::npos ? std::string() : decoded(url.substr(slash + 1));
  if (address.database.empty()) refuse("the URL names no database", "mysql://USER@HOST/DATABASE");
  std::string_view authority = url.substr(0, slash);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = authority.substr(0, at);
    const auto colon = std::min(who.find(':'), who.size());
    address.user = decoded(who.substr(0, colon));
    address.password = decoded(who.substr(std::min(colon + 1, who.size())));
    authority.remove_prefix(at + 1);
  }
  const auto bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos)
    refuse("the URL has a [ without ]", "an IPv6 address is written [2001:db8::1]");
  if (const auto colon = authority.find(':', bracket); colon != std::string_view::npos) {
    const auto port = parse_number(authority.substr(colon + 1));
    if (!port || *port == 0 || *port > 65'535)
      refuse(fmt::format("'{}' is no port", visible(authority.substr(colon + 1))), "a number up to 65535");
    address.port = static_cast<unsigned>(*port);
    authority = authority.substr(0, colon);
  }
  address.host = bracket != 0 ? std::string(authority.substr(1, bracket - 1)) : decoded(authority);
  return address;
}

mysql::Address with_settings(mysql::Address address, const Target& target) {
  address.socket = decoded(target.setting("socket", ""));
  address.ssl_mode = target.setting("ssl-mode", "");
  address.ssl_ca = decoded(target.setting("ssl-ca", ""));
  address.ssl_cert = decoded(target.setting("ssl-cert", ""));
  address.ssl_key = decoded(target.setting("ssl-key", ""));
  address.shown = target.shown();
  constexpr std::string_view modes[] = {"", "DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"};
  if (std::find(std::begin(modes), std::end(modes), address.ssl_mode) == std::end(modes))
    throw Error(Exit::usage, fmt::format("{}: ssl-mode '{}' is none", address.shown, visible(address.ssl_mode)),
                "DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY");
  return address;
}

std::unique_ptr<Store> make(const Target& target) {
  const std::string create = target.setting("create", "yes");
  if (create != "yes" && create != "no")
    throw Error(Exit::usage, fmt::format("{}: create is 'yes' or 'no'", target.shown()));
  const mysql::Address address = with_settings(address_of(target), target);
  return std::make_unique<sql::SqlStore>(
      sql::StoreOptions{.shown = target.shown(),
                        .prefix = target.setting("table", "usage"),
                        .create = create == "yes",
                        .dialect = std::make_shared<mysql::Dialect>(mysql::Dialect::Server::mariadb, address.database),
                        .connect = [address] { return std::make_unique<mysql::Session>(address); }});
}

}  // namespace

extern const SinkInfo mysql_sink;
const SinkInfo mysql_sink{"mysql",
                          "a MariaDB (10.2 or newer) or MySQL (8.0) server: rows, summaries and the ledger",
                          "table hooks create socket ssl-mode ssl-ca ssl-cert ssl-key",
                          nullptr,
                          make,
                          true};

}  // namespace track_usage
