#include "sinks/sqlite/reading.h"

#include <cstring>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sinks/sqlite/dictionary.h"
#include "sinks/sqlite/schema.h"
#include "src/base/text.h"

namespace track_usage::sqlite {
namespace {

std::uint64_t unsigned_of(std::int64_t n) {
  return static_cast<std::uint64_t>(n);
}

// Rows of the base tables as a batch: each dictionary id is looked up once.
class RowReader {
 public:
  RowReader(Database& database, const std::string& prefix)
      : text_(database, "SELECT text FROM " + prefix + "_texts WHERE id = ?"),
        request_(database,
                 "SELECT request, method, url, path, url_args, protocol FROM " + prefix + "_requests WHERE id = ?"),
        agent_(database, "SELECT browser, language, platform, version, bot FROM " + prefix + "_agents WHERE id = ?") {}

  Batch batch;

  void clear() {
    batch.clear();
    texts_.clear();
    requests_.clear();
    agents_.clear();
  }

  TextId text(std::int64_t id) {
    if (const std::int64_t known = texts_.find(key(id)); known != 0) return static_cast<TextId>(known);
    TextId text = null_text;
    text_.bind(1, id);
    if (text_.step()) text = batch.texts.intern(text_.text(0));
    text_.reset();
    if (text != null_text) texts_.add(key(id), text);
    return text;
  }

  std::uint32_t request(std::int64_t id) {
    if (const std::int64_t known = requests_.find(key(id)); known != 0) return static_cast<std::uint32_t>(known - 1);
    Request r;
    request_.bind(1, id);
    if (request_.step()) {
      r.request = inline_text(request_, 0);
      r.method = inline_text(request_, 1);
      r.path = request_.null(3) ? null_text : text(request_.number(3));
      r.url_args = inline_text(request_, 4);
      r.protocol = inline_text(request_, 5);
      if (!request_.null(2)) {
        r.url = text(request_.number(2));
      } else if (r.method == null_text) {
        r.url = batch.texts.intern("-");
      } else {  // the target as it stands in the request
        std::string_view target = batch.texts[r.request];
        target.remove_prefix(batch.texts[r.method].size() + 1);
        if (r.protocol != null_text) target.remove_suffix(batch.texts[r.protocol].size() + 1);
        r.url = batch.texts.intern(target);
      }
    }
    request_.reset();
    batch.requests.push_back(r);
    requests_.add(key(id), std::ssize(batch.requests));
    return static_cast<std::uint32_t>(batch.requests.size() - 1);
  }

  std::uint32_t agent(std::int64_t id) {
    if (const std::int64_t known = agents_.find(key(id)); known != 0) return static_cast<std::uint32_t>(known - 1);
    Agent a{.string = text(id)};
    agent_.bind(1, id);
    if (agent_.step()) {
      a.browser = inline_text(agent_, 0);
      a.language = inline_text(agent_, 1);
      a.platform = inline_text(agent_, 2);
      a.version = inline_text(agent_, 3);
      a.bot = inline_text(agent_, 4);
    }
    agent_.reset();
    batch.agents.push_back(a);
    agents_.add(key(id), std::ssize(batch.agents));
    return static_cast<std::uint32_t>(batch.agents.size() - 1);
  }

 private:
  // Ids stand close together: spread, they do not make long runs.
  static std::uint64_t key(std::int64_t id) {
    const std::uint64_t spread = static_cast<std::uint64_t>(id) * 0x9e3779b97f4a7c15;
    return spread ^ (spread >> 32);
  }
  TextId inline_text(const Statement& from, int column) {
    return from.null(column) ? null_text : batch.texts.intern(from.text(column));
  }

  Statement text_, request_, agent_;
  // Of this batch: the text, or the place among requests or agents and one.
  IdCache texts_, requests_, agents_;
};

}  // namespace

std::vector<SourceRecord> read_sources(Database& database, const std::string& prefix) {
  Statement s(
      database,
      "SELECT id, host, path, name, format, filters, device, inode, size, mtime_ns, ctime_ns, seen_ns, finished, marks,"
      " end_offset, end_hash, first_line, first_ts, last_ts, first_taken, last_taken, read, stored, filtered, "
      "rejected, blank, erased, heading FROM " +
          prefix + "_inputs ORDER BY id");
  std::vector<SourceRecord> out;
  while (s.step()) {
    SourceRecord r;
    r.id = s.number(0);
    r.host = s.text(1);
    r.path = s.text(2);
    r.name = s.text(3);
    r.format = s.text(4);
    r.filters = s.text(5);
    r.device = unsigned_of(s.number(6));
    r.inode = unsigned_of(s.number(7));
    r.size = unsigned_of(s.number(8));
    r.mtime_ns = s.number(9);
    r.ctime_ns = s.number(10);
    r.seen_ns = s.number(11);
    r.finished = s.number(12) != 0;
    const std::string_view marks = s.text(13);
    r.marks.resize(marks.size() / sizeof(std::uint64_t));
    if (!marks.empty()) std::memcpy(r.marks.data(), marks.data(), r.marks.size() * sizeof(std::uint64_t));
    r.offset = unsigned_of(s.number(14));
    r.end_hash = unsigned_of(s.number(15));
    r.first_line = s.null(16) ? no_number : s.number(16);
    r.first_date = s.null(17) ? no_number : s.number(17);
    r.last_date = s.null(18) ? no_number : s.number(18);
    r.first_taken = s.number(19);
    r.last_taken = s.number(20);
    r.read = unsigned_of(s.number(21));
    r.stored = unsigned_of(s.number(22));
    r.filtered = unsigned_of(s.number(23));
    r.rejected = unsigned_of(s.number(24));
    r.blank = unsigned_of(s.number(25));
    r.erased = unsigned_of(s.number(26));
    r.heading = s.text(27);
    out.push_back(std::move(r));
  }
  return out;
}

void read_rows(Database& database, const std::string& prefix, const RowQuery& query,
               const std::function<bool(Batch&, const std::vector<RowPlace>&)>& visit) {
  std::string sql = fmt::format(
      "SELECT d.id, d.source, ts, source_offset, content_length, micros, status, flags, request, agent, {} FROM ",
      fmt::join(text_columns, ", "));
  const bool by_unit = !query.units.empty();
  if (by_unit) sql += fmt::format("{}_units u CROSS JOIN ", prefix);
  sql += fmt::format("{}_data d", prefix);
  const bool bounded = query.since != INT64_MIN || query.until != INT64_MAX;
  std::string_view joint = " WHERE ";
  if (bounded) sql.append(std::exchange(joint, " AND ")).append("ts >= ? AND ts < ?");
  if (!query.sources.empty())
    sql += fmt::format("{}d.source IN ({})", std::exchange(joint, " AND "), fmt::join(query.sources, ","));
  // An id that was erased may have been given again to a row of another unit:
  // where the line stood tells it apart.
  if (by_unit)
    sql += fmt::format(
        "{}u.id IN ({}) AND d.id BETWEEN u.first_row AND u.last_row AND d.source = u.source"
        " AND d.source_offset >= u.begin_offset AND d.source_offset < u.end_offset",
        std::exchange(joint, " AND "), fmt::join(query.units, ","));
  if (query.unlocated) sql.append(std::exchange(joint, " AND ")).append("country IS NULL");
  if (by_unit && !query.newest_first) sql += " ORDER BY u.id, d.id";
  if (query.newest_first) sql += " ORDER BY ts DESC, d.id DESC";
  Statement s(database, sql);
  if (bounded) s.bind(1, query.since).bind(2, query.until);
  RowReader reader(database, prefix);
  std::vector<RowPlace> places;
  for (bool more = true; more;) {
    reader.clear();
    places.clear();
    Batch& b = reader.batch;
    while (b.size() < query.rows_a_batch && (more = s.step())) {
      places.push_back({s.number(0), s.number(1)});
      b.time.push_back(s.number(2));
      b.offset.push_back(unsigned_of(s.number(3)));
      b.bytes.push_back(s.null(4) ? no_number : s.number(4));
      b.micros.push_back(s.null(5) ? no_number : s.number(5));
      b.status.push_back(s.null(6) ? no_status : static_cast<std::int16_t>(s.number(6)));
      b.flags.push_back(static_cast<std::uint8_t>(s.number(7)));
      b.request.push_back(reader.request(s.number(8)));
      b.agent.push_back(s.null(9) ? 0 : reader.agent(s.number(9)));
      for (std::size_t c = 0; c < stored_columns; ++c)
        if (const int column = 10 + static_cast<int>(c); !s.null(column))
          b.set(static_cast<Column>(c), reader.text(s.number(column)));
      b.end_row();
    }
    b.counts.stored = b.size();
    if (b.size() != 0 && !visit(b, places)) return;
  }
}

std::vector<Sum> read_sums(Database& database, const std::string& prefix, const Hook& hook, const SumQuery& query) {
  const std::int64_t unit = query.period == Period::hour ? quarter : 1;
  const std::string_view bucket = period_names[static_cast<std::size_t>(query.period)];
  const std::string cells = cells_table(prefix, hook, query.period);
  std::int64_t key = 0;
  if (query.key) {
    key = hook.by_number() ? static_cast<std::int64_t>(parse_number(*query.key).value_or(UINT32_MAX))
                           : find_text(database, prefix, *query.key);
    if (key == 0 && !hook.by_number()) return {};
  }
  // One key is sought bucket by bucket; all are a range of the table.
  std::string sql =
      query.key ? fmt::format("FROM {0}_{1}s b CROSS JOIN {2} c ON c.{1} = b.{1} AND c.key = ?3", prefix, bucket, cells)
                : fmt::format("FROM {} c", cells);
  sql += fmt::format(" WHERE {0}.{1} >= ?1 AND {0}.{1} < ?2", query.key ? "b" : "c", bucket);
  sql = query.total
            ? "SELECT 0 AS bucket, c.key, sum(c.hits) AS hits, sum(c.transfer) AS transfer " + sql + " GROUP BY c.key"
            : fmt::format("SELECT c.{} AS bucket, c.key, c.hits, c.transfer {}", bucket, sql);
  // A key's text is looked up when its cells are one already.
  sql =
      hook.by_number()
          ? fmt::format("SELECT * FROM ({})", sql)
          : fmt::format("SELECT s.bucket, t.text, s.hits, s.transfer FROM ({}) s CROSS JOIN {}_texts t ON t.id = s.key",
                        sql, prefix);
  if (!query.total) sql += " ORDER BY 1 DESC, 3 DESC, 2";
  if (query.limit != 0) sql += fmt::format(" LIMIT {} OFFSET {}", query.limit, query.skip);
  Statement s(database, sql);
  s.bind(1, query.since == INT64_MIN ? INT64_MIN : query.since / unit);
  s.bind(2, query.until == INT64_MAX ? INT64_MAX : (query.until + unit - 1) / unit);
  if (query.key) s.bind(3, key);
  std::vector<Sum> out;
  while (s.step()) {
    const std::string text = hook.by_number() ? fmt::format("{}", s.number(1)) : std::string(s.text(1));
    out.push_back({s.number(0) * unit, text, unsigned_of(s.number(2)), s.number(3)});
  }
  return out;
}

std::vector<KnownAgent> read_agents(Database& database, const std::string& prefix, std::size_t most) {
  Statement s(database,
              fmt::format("SELECT t.text, a.browser, a.language, a.platform, a.version, a.bot FROM {0}_agents a "
                          "CROSS JOIN {0}_texts t ON t.id = a.id ORDER BY a.id DESC LIMIT {1}",
                          prefix, most));
  std::vector<KnownAgent> agents;
  const auto text = [&](int column) { return s.null(column) ? std::string() : std::string(s.text(column)); };
  while (s.step())
    agents.push_back({.string = text(0),
                      .browser = text(1),
                      .language = text(2),
                      .platform = text(3),
                      .version = text(4),
                      .bot = text(5)});
  return agents;
}

std::vector<RejectRecord> read_rejects(Database& database, const std::string& prefix) {
  Statement s(database,
              fmt::format("SELECT r.source, i.path, r.line, r.source_offset, r.reason, r.raw, r.seen FROM {}_rejects r "
                          "JOIN {}_inputs i ON i.id = r.source ORDER BY r.source, r.source_offset",
                          prefix, prefix));
  std::vector<RejectRecord> out;
  while (s.step())
    out.push_back({s.number(0), std::string(s.text(1)), unsigned_of(s.number(2)), unsigned_of(s.number(3)),
                   std::string(s.text(4)), std::string(s.text(5)), s.number(6)});
  return out;
}

std::vector<Owed> read_owed(Database& database, const std::string& prefix) {
  // Rows are counted only where some of their log's were erased.
  Statement s(database, fmt::format("SELECT o.hook, o.unit, CASE WHEN i.erased = 0 THEN u.stored ELSE"
                                    " (SELECT count(*) FROM {0}_data d WHERE d.id BETWEEN u.first_row AND u.last_row"
                                    " AND d.source = u.source AND d.source_offset >= u.begin_offset"
                                    " AND d.source_offset < u.end_offset) END"
                                    " FROM {0}_owed o JOIN {0}_units u ON u.id = o.unit JOIN {0}_inputs i ON i.id = "
                                    "u.source ORDER BY o.hook, o.unit",
                                    prefix));
  std::vector<Owed> out;
  while (s.step()) out.push_back({std::string(s.text(0)), s.number(1), unsigned_of(s.number(2))});
  return out;
}

std::vector<RunRecord> read_runs(Database& database, const std::string& prefix) {
  Statement s(database,
              "SELECT id, begin, end, exit, read, stored, filtered, rejected, blank, already_taken, version, host, "
              "notices FROM " +
                  prefix + "_runs ORDER BY id DESC");
  std::vector<RunRecord> out;
  while (s.step())
    out.push_back({s.number(0), s.number(1), s.number(2), static_cast<int>(s.number(3)), unsigned_of(s.number(4)),
                   unsigned_of(s.number(5)), unsigned_of(s.number(6)), unsigned_of(s.number(7)),
                   unsigned_of(s.number(8)), unsigned_of(s.number(9)), std::string(s.text(10)), std::string(s.text(11)),
                   std::string(s.text(12))});
  return out;
}

}  // namespace track_usage::sqlite
