#include "sinks/documents/rows.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/hash.h"
#include "src/base/timestamp.h"
#include "src/error.h"
#include "src/row_text.h"

namespace track_usage::documents {
namespace {

using Json = nlohmann::ordered_json;

// A row's own texts and objects by their names in the document; the language
// stands in user_agent.
struct Named {
  Column column;
  const char* name;
  bool object = false;
};
constexpr Named own_texts[] = {
    {Column::remote_addr, "remote_addr"},
    {Column::peer_addr, "peer_addr"},
    {Column::xforwardedfor, "xforwardedfor"},
    {Column::referrer, "referrer"},
    {Column::username, "username"},
    {Column::server_name, "server_name"},
    {Column::visitor, "visitor"},
    {Column::country, "country"},
    {Column::blueprint, "blueprint"},
    {Column::route, "route"},
    {Column::view_args, "view_args", true},
    {Column::ip_info, "ip_info", true},
    {Column::track_var, "track_var", true},
};

const Json& member(const Json& of, const char* name) {
  static const Json null;
  const auto at = of.find(name);
  return at == of.end() ? null : *at;
}

std::int64_t number(const Json& value, std::int64_t otherwise) {
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

}  // namespace

void append_row(std::string& out, const Batch& batch, std::size_t row, const Origin& origin) {
  append_row_json(out, RowView(batch, row));
  out.pop_back();
  fmt::format_to(std::back_inserter(out), R"(,"ts":{},"source":{},"source_offset":{},"unit":{}}})", batch.time[row],
                 origin.source, batch.offset[row], origin.unit);
}

void RowReader::clear() {
  batch.clear();
  origins.clear();
  requests_.clear();
  agents_.clear();
}

std::uint32_t RowReader::add_request(const Request& r) {
  const std::uint64_t key = mix(mix(r.request, r.url), mix(r.path, r.url_args));
  const auto [at, added] = requests_.try_emplace(key, static_cast<std::uint32_t>(batch.requests.size()));
  if (!added && batch.requests[at->second] == r) return at->second;
  batch.requests.push_back(r);
  return static_cast<std::uint32_t>(batch.requests.size() - 1);
}

std::uint32_t RowReader::add_agent(const Agent& a) {
  if (a.string == null_text) return 0;
  const std::uint64_t key = mix(mix(a.string, a.browser), mix(mix(a.platform, a.version), a.bot));
  const auto [at, added] = agents_.try_emplace(key, static_cast<std::uint32_t>(batch.agents.size()));
  if (added) batch.agents.push_back(a);
  return at->second;
}

void RowReader::add(std::string_view document) {
  const Json row = Json::parse(document, nullptr, false);
  if (!row.is_object() || !member(row, "ts").is_number_integer()) throw Error(Exit::store, "a document is no row");
  const auto text_of = [&](const Json& value) {
    return value.is_string() ? text(value.get_ref<const std::string&>()) : null_text;
  };
  const auto object_of = [&](const Json& value) {
    return value.is_object() && !value.empty() ? text(value.dump()) : null_text;
  };
  origins.push_back({number(member(row, "source"), 0), number(member(row, "unit"), 0)});
  batch.time.push_back(number(member(row, "ts"), 0));
  batch.offset.push_back(static_cast<std::uint64_t>(number(member(row, "source_offset"), 0)));
  batch.bytes.push_back(number(member(row, "content_length"), no_number));
  const Json& speed = member(row, "speed");
  batch.micros.push_back(speed.is_number() ? std::llround(speed.get<double>() * 1e6) : no_number);
  batch.status.push_back(static_cast<std::int16_t>(number(member(row, "status"), no_status)));
  std::uint8_t flags = 0;
  for (const Json& flag : member(row, "flags"))
    for (std::size_t f = 0; f < flag_names.size(); ++f)
      if (flag == flag_names[f]) flags |= static_cast<std::uint8_t>(1 << f);
  batch.flags.push_back(flags);
  batch.request.push_back(add_request({.request = text_of(member(row, "request")),
                                       .method = text_of(member(row, "method")),
                                       .url = text_of(member(row, "url")),
                                       .path = text_of(member(row, "path")),
                                       .url_args = object_of(member(row, "url_args")),
                                       .protocol = text_of(member(row, "protocol"))}));
  const Json& agent = member(row, "user_agent");
  batch.agent.push_back(add_agent({.string = text_of(member(agent, "string")),
                                   .browser = text_of(member(agent, "browser")),
                                   .platform = text_of(member(agent, "platform")),
                                   .version = text_of(member(agent, "version")),
                                   .bot = text_of(member(row, "bot"))}));
  const auto set = [&](Column column, TextId id) {
    if (id != null_text) batch.set(column, id);
  };
  set(Column::language, text_of(member(agent, "language")));
  for (const Named& own : own_texts)
    set(own.column, own.object ? object_of(member(row, own.name)) : text_of(member(row, own.name)));
  batch.end_row();
}

}  // namespace track_usage::documents
