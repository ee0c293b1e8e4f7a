#include "sinks/sql/reading.h"

#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "sinks/sql/schema.h"
#include "src/base/hash.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"

namespace track_usage::sql {
namespace {

// A server writes objects with blanks between their parts; we do not.
std::string without_blanks(std::string_view object) {
  std::string out;
  out.reserve(object.size());
  bool quoted = false;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (quoted && c == '\\') {
      out.append(object.substr(i++, 2));
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (c != ' ' || quoted) out += c;
  }
  return out;
}

std::uint8_t flags_of(std::string_view names) {
  std::uint8_t flags = 0;
  for (std::size_t f = 0; f < flag_names.size(); ++f)
    if (names.find(flag_names[f]) != std::string_view::npos) flags |= static_cast<std::uint8_t>(1 << f);
  return flags;
}

// Columns of the answer, by their places in row_columns.
constexpr int column(std::string_view name) {
  for (std::size_t i = 0; i < row_columns.size(); ++i)
    if (row_columns[i].name == name) return static_cast<int>(i) + 1;  // after the id
  return -1;
}

// Rows of an answer as a batch.
class BatchBuilder {
 public:
  Batch batch;
  std::vector<RowPlace> places;

  void clear() {
    batch.clear();
    places.clear();
    requests_.clear();
    agents_.clear();
  }

  void add(const Result& from, std::size_t row) {
    const auto number = [&](int at) { return from.null(row, at) ? no_number : from.number(row, at); };
    places.push_back({from.number(row, 0), from.number(row, column("source"))});
    Batch& b = batch;
    b.time.push_back(from.number(row, column("ts")));
    b.offset.push_back(static_cast<std::uint64_t>(from.number(row, column("source_offset"))));
    b.bytes.push_back(number(column("content_length")));
    b.micros.push_back(from.null(row, column("speed")) ? no_number
                                                       : std::llround(from.real(row, column("speed")) * 1e6));
    const std::int64_t status = number(column("status"));
    b.status.push_back(status == no_number ? no_status : static_cast<std::int16_t>(status));
    b.flags.push_back(flags_of(from.text(row, column("flags"))));
    b.request.push_back(request(from, row));
    b.agent.push_back(agent(from, row));
    for (std::size_t c = 0; c < stored_columns; ++c)
      if (const int at = static_cast<int>(first_own_column + c) + 1; !from.null(row, at))
        b.set(static_cast<Column>(c), row_columns[first_own_column + c].kind == Kind::object
                                          ? b.texts.intern(without_blanks(from.text(row, at)))
                                          : b.texts.intern(from.text(row, at)));
    b.end_row();
  }

 private:
  TextId text(const Result& from, std::size_t row, int at) {
    return from.null(row, at) ? null_text : batch.texts.intern(from.text(row, at));
  }

  std::uint32_t request(const Result& from, std::size_t row) {
    Request r{.request = text(from, row, column("request")),
              .method = text(from, row, column("method")),
              .url = text(from, row, column("url")),
              .path = text(from, row, column("path")),
              .protocol = text(from, row, column("protocol"))};
    if (const std::string_view args = from.text(row, column("url_args")); args != "{}" && !args.empty())
      r.url_args = batch.texts.intern(without_blanks(args));
    const std::uint64_t key = mix(mix(r.request, r.url), mix(r.path, r.url_args));
    const auto [at, added] = requests_.try_emplace(key, static_cast<std::uint32_t>(batch.requests.size()));
    if (!added && batch.requests[at->second] == r) return at->second;
    batch.requests.push_back(r);
    return static_cast<std::uint32_t>(batch.requests.size() - 1);
  }

  std::uint32_t agent(const Result& from, std::size_t row) {
    const Agent a{.string = text(from, row, column("ua_string")),
                  .browser = text(from, row, column("ua_browser")),
                  .platform = text(from, row, column("ua_platform")),
                  .version = text(from, row, column("ua_version")),
                  .bot = text(from, row, column("bot"))};
    const std::uint64_t key = mix(mix(a.string, a.browser), mix(mix(a.platform, a.version), a.bot));
    if (key == no_agent_) return 0;
    const auto [at, added] = agents_.try_emplace(key, static_cast<std::uint32_t>(batch.agents.size()));
    if (added) batch.agents.push_back(a);
    return at->second;
  }

  const std::uint64_t no_agent_ = mix(mix(null_text, null_text), mix(mix(null_text, null_text), null_text));
  std::unordered_map<std::uint64_t, std::uint32_t> requests_, agents_;  // of this batch
};

}  // namespace

std::int64_t bucket_of(Period period, std::string_view date) {
  const std::int64_t second = floor_div(
      parse_iso_time(fmt::format("{}{}", date, period == Period::hour ? "" : " 00:00:00")).value_or(0), 1'000'000);
  return period == Period::hour ? second : floor_div(second, 86'400);
}

std::string date_of(Period period, std::int64_t bucket) {
  return period == Period::hour ? sql_time(bucket * 1'000'000) : iso_date(bucket);
}

void read_rows(Connection& server, const std::string& prefix, const RowQuery& query,
               const std::function<bool(Batch&, const std::vector<RowPlace>&)>& visit) {
  constexpr std::size_t rows_an_answer = 4096;
  std::string sql = fmt::format("SELECT id, {} FROM {}_rows", row_column_names(), prefix);
  std::string_view joint = " WHERE ";
  const auto bound = [&](std::int64_t micros, std::string_view compare) {
    sql += fmt::format("{}datetime {} {}", std::exchange(joint, " AND "), compare,
                       server.dialect().instant_of(fmt::format("{}", micros)));
  };
  if (query.since != INT64_MIN) bound(query.since, ">=");
  if (query.until != INT64_MAX) bound(query.until, "<");
  if (!query.units.empty()) {  // by their times as well, of which there is an index
    const std::string units = fmt::format("({})", fmt::join(query.units, ","));
    const auto span =
        server.query(fmt::format("SELECT min(first_ts), max(last_ts) FROM {}_units WHERE id IN {}", prefix, units));
    bound(span->number(0, 0), ">=");
    bound(span->number(0, 1), "<=");
    sql += " AND unit IN " + units;
  }
  if (!query.sources.empty())
    sql += fmt::format("{}source IN ({})", std::exchange(joint, " AND "), fmt::join(query.sources, ","));
  if (query.unlocated) sql.append(joint).append("country IS NULL");
  sql += query.newest_first    ? " ORDER BY datetime DESC, id DESC"
         : query.units.empty() ? " ORDER BY id"
                               : " ORDER BY unit, id";
  BatchBuilder builder;
  bool wanted = true;
  const auto give = [&] {
    builder.batch.counts.stored = builder.batch.size();
    if (builder.batch.size() != 0) wanted = visit(builder.batch, builder.places);
    builder.clear();
  };
  server.stream(sql, std::min(query.rows_a_batch, rows_an_answer), [&](const Result& answer) {
    for (std::size_t row = 0; row < answer.size() && wanted; ++row) {
      builder.add(answer, row);
      if (builder.batch.size() == query.rows_a_batch) give();
    }
    return wanted;
  });
  if (wanted) give();
}

std::vector<Sum> read_sums(Connection& server, const std::string& prefix, const Hook& hook, const SumQuery& query,
                           const std::function<KeyHash(std::string_view)>& hash) {
  std::string where;
  std::vector<Value> values;
  const auto condition = [&](const std::string& text) {
    where.append(where.empty() ? " WHERE " : " AND ").append(text);
  };
  if (query.since != INT64_MIN) {
    condition("date >= ?");
    values.emplace_back(date_of(query.period, query.since));
  }
  if (query.until != INT64_MAX) {
    condition("date < ?");
    values.emplace_back(date_of(query.period, query.until));
  }
  if (query.key && hook.by_number())
    condition(fmt::format("{} = {}", hook.column, parse_number(*query.key).value_or(INT32_MAX)));
  if (query.key && !hook.by_number()) condition(fmt::format("hash = {}", server.dialect().literal(hash(*query.key))));
  const std::string table = summary_table(prefix, hook, query.period);
  const std::string_view whole = server.dialect().words().whole;
  std::string sql =
      query.total
          ? fmt::format("SELECT '', {0}, CAST(sum(hits) AS {1}), CAST(sum(transfer) AS {1}) FROM {2}{3} GROUP BY {0}",
                        hook.column, whole, table, where)
          : fmt::format("SELECT date, {}, hits, transfer FROM {}{} ORDER BY date DESC, hits DESC, {}", hook.column,
                        table, where, hook.column);
  if (query.limit != 0) sql += fmt::format(" LIMIT {} OFFSET {}", query.limit, query.skip);
  const auto answer = server.query(sql, values);
  std::vector<Sum> sums;
  sums.reserve(answer->size());
  for (std::size_t row = 0; row < answer->size(); ++row)
    sums.push_back({.bucket = query.total ? 0 : bucket_of(query.period, answer->text(row, 0)),
                    .key = std::string(answer->text(row, 1)),
                    .hits = static_cast<std::uint64_t>(answer->number(row, 2)),
                    .transfer = answer->number(row, 3)});
  return sums;
}

}  // namespace track_usage::sql
