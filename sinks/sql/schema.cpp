#include "sinks/sql/schema.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace track_usage::sql {
namespace {

std::string type_of(Kind kind, const Words& words) {
  switch (kind) {
    case Kind::whole:
      return "BIGINT NOT NULL";
    case Kind::number:
      return "BIGINT";
    case Kind::small:
      return "SMALLINT";
    case Kind::real:
      return std::string(words.real);
    case Kind::flag:
      return "BOOLEAN NOT NULL";
    case Kind::instant:
      return fmt::format("{} NOT NULL", words.instant);
    case Kind::date:
      return "DATE NOT NULL";
    case Kind::text:
      return std::string(words.text);
    case Kind::needed_text:
      return fmt::format("{} NOT NULL", words.text);
    case Kind::object:
      return std::string(words.object);
  }
  return {};
}

// "P_" stands for the prefix.
std::string with_prefix(std::string sql, const std::string& prefix) {
  for (auto at = sql.find("P_"); at != std::string::npos; at = sql.find("P_", at + prefix.size()))
    sql.replace(at, 1, prefix);
  return sql;
}

std::string indexed_table(std::string_view name, std::string_view columns, std::string_view by, const Words& words) {
  if (words.inline_index)
    return fmt::format("{} {} ({}, INDEX {}_by_{} ({})){};\n", words.create_table, name, columns, name, by, by,
                       words.table_options);
  return fmt::format("{0} {1} ({2}){3};\nCREATE INDEX {1}_by_{4} ON {1} ({4});\n", words.create_table, name, columns,
                     words.table_options, by);
}

// Totals of a period: from the hook that tells most, else from the rows.
std::string totals_view(const std::vector<const Hook*>& hooks, std::size_t period, const Dialect& dialect) {
  const auto kept = [&](std::string_view name) {
    return std::any_of(hooks.begin(), hooks.end(), [&](const Hook* h) { return h->name == name; });
  };
  const std::string_view whole = dialect.words().whole, table = period_tables[period];
  const auto distinct = [&](std::string_view hook) {
    if (!kept(hook)) return std::string("NULL");
    return fmt::format("(SELECT count(*) FROM P_{}_{} d WHERE d.date = c.date)", hook, table);
  };
  const bool status = kept("status");
  const auto errors = [&](int from) {
    if (!status) return std::string("NULL");
    return fmt::format("CAST(sum(CASE WHEN c.status BETWEEN {} AND {} THEN c.hits ELSE 0 END) AS {})", from, from + 99,
                       whole);
  };
  std::string from;
  if (!hooks.empty()) {
    from = fmt::format("P_{}_{}", status ? "status" : hooks.front()->name, table);
  } else {
    const std::array<std::string, 3> date = {"hour", "day", dialect.month_of("day")};
    from = fmt::format("(SELECT {} AS date, 1 AS hits, coalesce(content_length, 0) AS transfer FROM P_rows)",
                       date[period]);
  }
  return fmt::format(
      "CREATE VIEW P_{0} AS SELECT c.date AS date, CAST(sum(c.hits) AS {1}) AS hits, CAST(sum(c.transfer) AS {1}) AS "
      "transfer, {2} AS errors_4xx, {3} AS errors_5xx, {4} AS addresses, {5} AS visitors FROM {6} c GROUP BY c.date;\n",
      table, whole, errors(400), errors(500), distinct("remote"), distinct("visitor"), from);
}

}  // namespace

std::string row_column_names() {
  std::vector<std::string_view> names;
  for (const RowColumn& column : row_columns) names.push_back(column.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string summary_table(const std::string& prefix, const Hook& hook, Period period) {
  return fmt::format("{}_{}_{}", prefix, hook.name, period_tables[static_cast<std::size_t>(period)]);
}

std::string cell_columns(const Hook& hook) {
  return fmt::format("date, {}, hits, transfer{}", hook.column, hook.by_number() ? "" : ", hash");
}

std::string cell_key(const Hook& hook) {
  return fmt::format("date, {}", hook.by_number() ? hook.column : "hash");
}

std::string create_base(const std::string& prefix, const Dialect& dialect) {
  const Words& words = dialect.words();
  std::string sql = fmt::format(
      R"sql(
{create} P_inputs (id {id}, host {text}, path {text}, name {text} NOT NULL, format {text}, filters {text},
  device BIGINT, inode BIGINT, size BIGINT, mtime_ns BIGINT, ctime_ns BIGINT, seen_ns BIGINT, finished BIGINT,
  marks {blob} NOT NULL, end_offset BIGINT NOT NULL, end_hash BIGINT NOT NULL, first_line BIGINT, first_ts BIGINT,
  last_ts BIGINT, first_taken BIGINT NOT NULL, last_taken BIGINT, lines_read BIGINT NOT NULL, lines_stored BIGINT NOT NULL,
  filtered BIGINT NOT NULL, rejected BIGINT NOT NULL, blank BIGINT NOT NULL, erased BIGINT NOT NULL, heading {blob}){options};
{create} P_runs (id {id}, begun BIGINT NOT NULL, ended BIGINT NOT NULL, exit_code BIGINT NOT NULL, lines_read BIGINT,
  lines_stored BIGINT, filtered BIGINT, rejected BIGINT, blank BIGINT, already_taken BIGINT, version {text}, host {text},
  notices {text}){options};
{create} P_rejects (source BIGINT NOT NULL, source_offset BIGINT NOT NULL, line BIGINT NOT NULL, reason {text} NOT NULL,
  raw {blob} NOT NULL, seen BIGINT NOT NULL, PRIMARY KEY (source, source_offset)){options};
)sql",
      fmt::arg("create", words.create_table), fmt::arg("text", words.text), fmt::arg("blob", words.blob),
      fmt::arg("id", words.id), fmt::arg("options", words.table_options));
  sql += indexed_table("P_units",
                       fmt::format("id {}, source BIGINT NOT NULL, begin_offset BIGINT NOT NULL, end_offset BIGINT NOT "
                                   "NULL, first_ts BIGINT, last_ts BIGINT, lines_read BIGINT NOT NULL, lines_stored "
                                   "BIGINT NOT NULL, filtered BIGINT NOT NULL, rejected BIGINT NOT NULL, blank BIGINT "
                                   "NOT NULL, filters {}, run BIGINT, taken BIGINT NOT NULL",
                                   words.id, words.text),
                       "source", words);
  sql += indexed_table("P_owed", fmt::format("unit BIGINT NOT NULL, hook {} NOT NULL", words.text), "unit", words);
  std::string rows = fmt::format("id {}", words.id);
  for (const RowColumn& column : row_columns)
    rows += fmt::format(",\n  {} {}", column.name, type_of(column.kind, words));
  sql += indexed_table("P_rows", rows, "datetime", words);
  sql += fmt::format("{} P_secrets (name VARCHAR(64) PRIMARY KEY, value {} NOT NULL){};\n", words.create_table,
                     words.text, words.table_options);
  sql += fmt::format("{} P_settings (name VARCHAR(64) PRIMARY KEY, value {} NOT NULL){};\n", words.create_table,
                     words.text, words.table_options);
  return with_prefix(std::move(sql), prefix);
}

std::string create_cells(const std::string& table, const Hook& hook, Period period, const Words& words) {
  const std::string_view date = period == Period::hour ? words.instant : "DATE";
  if (hook.by_number())
    return fmt::format(
        "{4} {0} (date {1} NOT NULL, {2} INTEGER NOT NULL, hits BIGINT NOT NULL, transfer BIGINT NOT NULL, "
        "PRIMARY KEY (date, {2})){3};\n",
        table, date, hook.column, words.table_options, words.create_table);
  return fmt::format(
      "{6} {0} (date {1} NOT NULL, {2} {3} NOT NULL, hits BIGINT NOT NULL, transfer BIGINT NOT NULL, "
      "hash {4} NOT NULL, PRIMARY KEY (date, hash)){5};\n",
      table, date, hook.column, words.text, words.hash, words.table_options, words.create_table);
}

std::string drop_views(const std::string& prefix) {
  std::string sql = "DROP VIEW IF EXISTS P_sources;\n";
  for (const std::string_view period : period_tables) sql += fmt::format("DROP VIEW IF EXISTS P_{};\n", period);
  return with_prefix(std::move(sql), prefix);
}

std::string create_views(const std::string& prefix, const std::vector<const Hook*>& hooks, const Dialect& dialect) {
  const auto seconds = [&](std::string_view column) { return dialect.instant_of(fmt::format("{} * 1000000", column)); };
  std::string sql = fmt::format(
      "CREATE VIEW P_sources AS SELECT id, host, path, format, filters, {} AS first_date, {} AS last_date, {} AS "
      "first_taken, {} AS last_taken, end_offset AS {}, lines_read AS {}, lines_stored AS {}, filtered, rejected, "
      "blank, erased "
      "FROM P_inputs;\n",
      dialect.instant_of("first_ts"), dialect.instant_of("last_ts"), seconds("first_taken"), seconds("last_taken"),
      dialect.quoted("offset"), dialect.quoted("read"), dialect.quoted("stored"));
  for (std::size_t p = 0; p < period_names.size(); ++p) sql += totals_view(hooks, p, dialect);
  return with_prefix(std::move(sql), prefix);
}

}  // namespace track_usage::sql
