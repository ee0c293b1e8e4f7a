#include "src/sink.h"

#include <fmt/format.h>

#include "sinks/postgresql/session.h"
#include "sinks/sql/store.h"
#include "src/error.h"

namespace track_usage {
namespace {

// libpq takes a password for done at its first @, and what follows for a host,
// which it names in its messages.
void refuse_bad_url(const Target& target) {
  const std::string_view url = target.location;
  if (!url.starts_with("//"))
    throw Error(Exit::usage, fmt::format("a target '{}:' is a URL", target.scheme), "postgresql://USER@HOST/DATABASE");
  const std::string_view authority = url.substr(0, url.find('?'));
  if (authority.find('@') != authority.rfind('@'))
    throw Error(Exit::usage, fmt::format("{}: an @ in a password is written %40", target.shown()),
                "${NAME} takes the password from the environment as it is");
}

std::unique_ptr<Store> make(const Target& target) {
  refuse_bad_url(target);
  const std::string create = target.setting("create", "yes");
  if (create != "yes" && create != "no")
    throw Error(Exit::usage, fmt::format("{}: create is 'yes' or 'no'", target.shown()));
  const postgresql::Address address{.uri = "postgresql:" + target.location,
                                    .shown = target.shown(),
                                    .schema = target.setting("schema", ""),
                                    .create = create == "yes"};
  return std::make_unique<sql::SqlStore>(
      sql::StoreOptions{.shown = target.shown(),
                        .prefix = target.setting("table", "usage"),
                        .create = create == "yes",
                        .dialect = std::make_shared<postgresql::Dialect>(address.schema),
                        .connect = [address] { return std::make_unique<postgresql::Session>(address); }});
}

}  // namespace

extern const SinkInfo postgresql_sink;
const SinkInfo postgresql_sink{"postgresql",
                               "a PostgreSQL server, 10 or newer: rows, summaries and the ledger",
                               "table hooks schema create",
                               nullptr,
                               make,
                               true};

}  // namespace track_usage
