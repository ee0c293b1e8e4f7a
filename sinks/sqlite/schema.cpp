#include "sinks/sqlite/schema.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace track_usage::sqlite {
namespace {

// By Period: the table of buckets, and what a bucket is called in it.
constexpr std::array<std::string_view, 3> bucket_tables = {"hours", "days", "months"};
constexpr std::array<std::string_view, 3> bucket_columns = {"hour", "day", "month"};

std::string replace_prefix(std::string sql, const std::string& prefix) {
  for (auto at = sql.find("P_"); at != std::string::npos; at = sql.find("P_", at + prefix.size()))
    sql.replace(at, 1, prefix);
  return sql;
}

// Totals of a period: from the hook that tells most, else from the rows.
std::string totals_view(const std::vector<const Hook*>& hooks, std::size_t period) {
  const auto kept = [&](std::string_view name) {
    const auto found = std::find_if(hooks.begin(), hooks.end(), [&](const Hook* h) { return h->name == name; });
    return found == hooks.end() ? nullptr : *found;
  };
  const std::string_view bucket = bucket_columns[period];
  const auto distinct = [&](std::string_view hook) {
    if (kept(hook) == nullptr) return std::string("NULL");
    return fmt::format("(SELECT count(*) FROM P_{}_{}_cells d WHERE d.{} = b.{})", hook, period_tables[period], bucket,
                       bucket);
  };
  const bool status = kept("status") != nullptr;
  const auto errors = [&](int from) {
    return status ? fmt::format("sum(CASE WHEN c.key BETWEEN {} AND {} THEN c.hits ELSE 0 END)", from, from + 99)
                  : std::string("NULL");
  };
  std::string from;
  if (!hooks.empty()) {
    const std::string_view name = status ? "status" : hooks.front()->name;
    from = fmt::format("P_{}_{}_cells c ON c.{} = b.{}", name, period_tables[period], bucket, bucket);
  } else {
    static constexpr std::array<std::string_view, 3> of_row = {"r.hour", "h.day", "m.month"};
    from = fmt::format(
        "(SELECT {} AS bucket, count(*) AS hits, sum(coalesce(r.content_length, 0)) AS transfer, NULL AS key FROM "
        "P_data r"
        " JOIN P_hours h ON h.hour = r.hour JOIN P_days m ON m.day = h.day GROUP BY 1) c ON c.bucket = b.{}",
        of_row[period], bucket);
  }
  return fmt::format(
      "CREATE VIEW P_{} AS SELECT b.date AS date, sum(c.hits) AS hits, sum(c.transfer) AS transfer, {} AS errors_4xx, "
      "{} AS "
      "errors_5xx, {} AS addresses, {} AS visitors FROM P_{} b JOIN {} GROUP BY b.date;\n",
      period_tables[period], errors(400), errors(500), distinct("remote"), distinct("visitor"), bucket_tables[period],
      from);
}

std::string drop_views(const std::vector<const Hook*>& hooks) {
  std::string sql = "DROP VIEW IF EXISTS P_rows; DROP VIEW IF EXISTS P_sources;\n";
  for (const std::string_view period : period_tables) {
    for (const Hook* hook : hooks) sql += fmt::format("DROP VIEW IF EXISTS P_{}_{};\n", hook->name, period);
    sql += fmt::format("DROP VIEW IF EXISTS P_{};\n", period);
  }
  return sql;
}

}  // namespace

std::string cells_table(const std::string& prefix, const Hook& hook, Period period) {
  return fmt::format("{}_{}_{}_cells", prefix, hook.name, period_tables[static_cast<std::size_t>(period)]);
}

std::string create_base(const std::string& prefix) {
  return replace_prefix(R"sql(
CREATE TABLE P_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every text once. It is found by (hash, id), read and written in the hash's order.
CREATE TABLE P_texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE P_texts_by_hash (hash INTEGER, id INTEGER, PRIMARY KEY (hash, id)) WITHOUT ROWID;

-- A distinct request. url is null where it is the target as it stands in request.
CREATE TABLE P_requests (id INTEGER PRIMARY KEY, request TEXT, method TEXT, url INTEGER, path INTEGER, url_args TEXT, protocol TEXT);
CREATE TABLE P_requests_by_hash (hash INTEGER, id INTEGER, PRIMARY KEY (hash, id)) WITHOUT ROWID;

-- id is that of the agent's string in P_texts.
CREATE TABLE P_agents (id INTEGER PRIMARY KEY, browser TEXT, language TEXT, platform TEXT, version TEXT, bot TEXT);

CREATE TABLE P_hours (hour INTEGER PRIMARY KEY, date TEXT NOT NULL UNIQUE, day INTEGER NOT NULL);
CREATE TABLE P_days (day INTEGER PRIMARY KEY, date TEXT NOT NULL UNIQUE, month INTEGER NOT NULL);
CREATE TABLE P_months (month INTEGER PRIMARY KEY, date TEXT NOT NULL UNIQUE);

CREATE TABLE P_data (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, hour INTEGER NOT NULL, source INTEGER NOT NULL,
  source_offset INTEGER NOT NULL, request INTEGER NOT NULL, agent INTEGER, status INTEGER, content_length INTEGER,
  micros INTEGER, flags INTEGER NOT NULL, remote_addr INTEGER, server_name INTEGER, language INTEGER, referrer INTEGER,
  username INTEGER, peer_addr INTEGER, xforwardedfor INTEGER, visitor INTEGER, country INTEGER, blueprint INTEGER,
  route INTEGER, view_args INTEGER, ip_info INTEGER, track_var INTEGER);
CREATE INDEX P_data_by_ts ON P_data (ts);

CREATE TABLE P_inputs (id INTEGER PRIMARY KEY, host TEXT, path TEXT, name TEXT NOT NULL, format TEXT, filters TEXT,
  device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, seen_ns INTEGER, finished INTEGER,
  marks BLOB NOT NULL, end_offset INTEGER NOT NULL, end_hash INTEGER NOT NULL, first_line INTEGER, first_ts INTEGER,
  last_ts INTEGER, first_taken INTEGER, last_taken INTEGER, read INTEGER NOT NULL, stored INTEGER NOT NULL,
  filtered INTEGER NOT NULL, rejected INTEGER NOT NULL, blank INTEGER NOT NULL, erased INTEGER NOT NULL DEFAULT 0,
  heading TEXT);
CREATE TABLE P_units (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, begin_offset INTEGER NOT NULL, end_offset INTEGER NOT NULL,
  first_row INTEGER, last_row INTEGER, first_ts INTEGER, last_ts INTEGER, read INTEGER NOT NULL, stored INTEGER NOT NULL,
  filtered INTEGER NOT NULL, rejected INTEGER NOT NULL, blank INTEGER NOT NULL, filters TEXT, run INTEGER, taken INTEGER NOT NULL);
CREATE INDEX P_units_by_source ON P_units (source);
-- Rows of a unit that --hook exec:CMD is still to be given; hook is CMD.
CREATE TABLE P_owed (unit INTEGER, hook TEXT, PRIMARY KEY (unit, hook)) WITHOUT ROWID;
CREATE TABLE P_runs (id INTEGER PRIMARY KEY, begin INTEGER NOT NULL, end INTEGER NOT NULL, exit INTEGER NOT NULL, read INTEGER,
  stored INTEGER, filtered INTEGER, rejected INTEGER, blank INTEGER, already_taken INTEGER, version TEXT, host TEXT, notices TEXT);
CREATE TABLE P_rejects (source INTEGER NOT NULL, source_offset INTEGER NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL,
  raw BLOB NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (source, source_offset)) WITHOUT ROWID;
)sql",
                        prefix);
}

std::string create_cells(const std::string& table, Period period) {
  const std::string_view bucket = bucket_columns[static_cast<std::size_t>(period)];
  return fmt::format(
      "CREATE TABLE {} ({} INTEGER, key INTEGER, hits INTEGER NOT NULL, transfer INTEGER NOT NULL, PRIMARY KEY ({}, "
      "key)) WITHOUT ROWID;\n",
      table, bucket, bucket);
}

std::string create_hook(const std::string& prefix, const Hook& hook) {
  std::string sql;
  for (const Period period : periods) sql += create_cells(cells_table(prefix, hook, period), period);
  return sql;
}

std::string create_views(const std::string& prefix, const std::vector<const Hook*>& hooks) {
  std::string sql = drop_views(hooks) + R"sql(
-- A text is a subselect and no join: what a query does not ask for is not looked up.
CREATE VIEW P_rows AS SELECT r.id AS id, r.ts AS ts,
  strftime('%Y-%m-%d %H:%M:%S', r.ts / 1000000, 'unixepoch') ||
    CASE WHEN r.ts % 1000000 THEN printf('.%06d', r.ts % 1000000) ELSE '' END AS datetime,
  d.date AS day, h.date AS hour,
  coalesce((SELECT text FROM P_texts WHERE id = q.url), CASE WHEN q.method IS NULL THEN '-'
    WHEN q.protocol IS NULL THEN substr(q.request, length(q.method) + 2)
    ELSE substr(q.request, length(q.method) + 2, length(q.request) - length(q.method) - length(q.protocol) - 2) END) AS url,
  (SELECT text FROM P_texts WHERE id = q.path) AS path,
  coalesce(q.url_args, '{}') AS url_args, q.method AS method, q.protocol AS protocol, q.request AS request,
  r.status AS status, r.content_length AS content_length, r.micros / 1000000.0 AS speed,
  (SELECT text FROM P_texts WHERE id = r.remote_addr) AS remote_addr,
  (SELECT text FROM P_texts WHERE id = r.peer_addr) AS peer_addr,
  (SELECT text FROM P_texts WHERE id = r.xforwardedfor) AS xforwardedfor,
  (SELECT text FROM P_texts WHERE id = r.agent) AS ua_string, a.browser AS ua_browser,
  (SELECT text FROM P_texts WHERE id = r.language) AS ua_language,
  a.platform AS ua_platform, a.version AS ua_version, a.bot AS bot,
  (SELECT text FROM P_texts WHERE id = r.referrer) AS referrer,
  (SELECT text FROM P_texts WHERE id = r.username) AS username,
  (SELECT text FROM P_texts WHERE id = r.visitor) AS visitor,
  (SELECT text FROM P_texts WHERE id = r.country) AS country,
  (SELECT text FROM P_texts WHERE id = r.server_name) AS server_name,
  (SELECT text FROM P_texts WHERE id = r.blueprint) AS blueprint,
  (SELECT text FROM P_texts WHERE id = r.route) AS route,
  (SELECT text FROM P_texts WHERE id = r.view_args) AS view_args,
  r.username IS NOT NULL AS authorized,
  (SELECT text FROM P_texts WHERE id = r.ip_info) AS ip_info,
  (SELECT text FROM P_texts WHERE id = r.track_var) AS track_var,
  ltrim(CASE WHEN r.flags & 1 THEN ',malformed_request' ELSE '' END || CASE WHEN r.flags & 2 THEN ',truncated_line' ELSE '' END ||
        CASE WHEN r.flags & 4 THEN ',not_utf8' ELSE '' END || CASE WHEN r.flags & 8 THEN ',long_line' ELSE '' END, ',') AS flags,
  r.source AS source, r.source_offset AS source_offset
FROM P_data r
  LEFT JOIN P_hours h ON h.hour = r.hour
  LEFT JOIN P_days d ON d.day = h.day
  LEFT JOIN P_requests q ON q.id = r.request
  LEFT JOIN P_agents a ON a.id = r.agent;

CREATE VIEW P_sources AS SELECT id, host, path, format, filters,
  strftime('%Y-%m-%d %H:%M:%S', first_ts / 1000000, 'unixepoch') AS first_date,
  strftime('%Y-%m-%d %H:%M:%S', last_ts / 1000000, 'unixepoch') AS last_date,
  datetime(first_taken, 'unixepoch') AS first_taken, datetime(last_taken, 'unixepoch') AS last_taken,
  end_offset AS offset, read, stored, filtered, rejected, blank, erased FROM P_inputs;
)sql";
  for (const Hook* hook : hooks)
    for (std::size_t p = 0; p < period_names.size(); ++p) {
      // CROSS JOIN keeps the order: a condition on date finds its buckets first
      // and seeks their cells.
      const std::string_view bucket = bucket_columns[p];
      sql += fmt::format(
          "CREATE VIEW P_{0}_{1} AS SELECT b.date AS date, {2} AS {3}, c.hits AS hits, c.transfer AS transfer FROM "
          "P_{4} b CROSS JOIN P_{0}_{1}_cells c ON c.{5} = b.{5}{6};\n",
          hook->name, period_tables[p], hook->by_number() ? "c.key" : "t.text", hook->column, bucket_tables[p], bucket,
          hook->by_number() ? "" : " CROSS JOIN P_texts t ON t.id = c.key");
    }
  for (std::size_t p = 0; p < period_names.size(); ++p) sql += totals_view(hooks, p);
  return replace_prefix(std::move(sql), prefix);
}

}  // namespace track_usage::sqlite
