#include "sinks/sql/store.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "sinks/sql/cells.h"
#include "sinks/sql/correcting.h"
#include "sinks/sql/guarded.h"
#include "sinks/sql/reading.h"
#include "sinks/sql/schema.h"
#include "src/base/text.h"

namespace track_usage::sql {
namespace {

constexpr int tries = 5;  // of a transaction that meets another

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    items.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

// The contents may be one: nothing that both have says otherwise.
bool may_be_one(const SourceRecord& a, const SourceRecord& b) {
  if (a.name != b.name) return false;
  if (a.marks.empty() || b.marks.empty()) return a.offset != b.offset || a.end_hash == b.end_hash;
  return a.marks.front() == b.marks.front();
}

}  // namespace

SqlStore::SqlStore(StoreOptions options) : options_(std::move(options)) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const std::string& name = options_.prefix;
  if (name.empty() || name.size() > 32 || (name[0] >= '0' && name[0] <= '9') ||
      !std::all_of(name.begin(), name.end(), is_word))
    throw Error(Exit::usage, fmt::format("{}: table '{}' is no name for a table", options_.shown, visible(name)),
                "small letters, digits and _ only, at most 32");
}

SqlStore::~SqlStore() = default;

template <typename F>
auto SqlStore::guarded(std::string_view verb, F&& f) -> decltype(f()) {
  return sql::guarded(verb, options_.shown, f);
}

template <typename F>
void SqlStore::transaction(F&& f) {
  if (corrector_ != nullptr && corrector_->begun()) return f();
  for (int left = tries;;) {
    server_->begin();
    try {
      f();
      return server_->commit();
    } catch (const std::exception& e) {
      const auto* const said = dynamic_cast<const ServerError*>(&e);
      if (said == nullptr || said->kind != ServerError::Kind::lost) roll_back();
      if (said == nullptr || said->kind != ServerError::Kind::conflict || --left == 0) throw;
    }
  }
}

// After what went wrong, which is what is told.
void SqlStore::roll_back() {
  try {
    server_->roll_back();
  } catch (const ServerError&) {
    // the session is over, and its transaction with it
  }
}

void SqlStore::open(Access access) {
  guarded("open", [&] {
    server_ = options_.connect();
    ledger_.emplace(*server_, options_.prefix);
    take_lock(access);
    check_tables(access);
    if (access == Access::read) return;
    seed_ = number_setting("hash_seed");
    if (access == Access::write) run_ = ledger_->begin_run();
    corrector_ = std::make_unique<Corrector>(*server_, options_.shown, options_.prefix, seed_, hooks_);
  });
}

// Runs share a store: each takes other logs. Who changes its past has it alone.
void SqlStore::take_lock(Access access) {
  if (access == Access::read) return;
  std::string holder;
  const auto lock = access == Access::write ? Connection::Lock::shared : Connection::Lock::alone;
  if (!server_->try_lock(options_.prefix, lock, holder))
    throw Error(Exit::locked, fmt::format("another run has {}: {}", visible(options_.shown), visible(holder)),
                "--wait waits for its end");
}

void SqlStore::check_tables(Access access) {
  const bool made = server_->has_table(table("settings"));  // the last one that is made
  if (!made || ledger_->setting("schema").empty()) {
    if (access != Access::write)
      throw Error(Exit::store,
                  fmt::format("{} holds no track-usage tables called '{}_…'", visible(options_.shown), options_.prefix),
                  "track-usage ingest makes them; ?table=NAME names other ones");
    if (!made && !options_.create)
      throw Error(Exit::store,
                  fmt::format("{} holds no track-usage tables called '{}_…', and ?create=no says to make none",
                              visible(options_.shown), options_.prefix),
                  "track-usage schema prints what an administrator runs to make them");
    create_tables();
  }
  const std::uint64_t version = number_setting("schema");
  if (version > schema_version)
    throw Error(Exit::store,
                fmt::format("{} was made by a newer track-usage (schema {}, this one knows {})",
                            visible(options_.shown), version, schema_version),
                "use the newer program");
}

std::uint64_t SqlStore::number_setting(std::string_view name) {
  return parse_number(ledger_->setting(name)).value_or(0);
}

void SqlStore::create_tables() {
  transaction([&] {
    server_->lock_for_transaction(table("schema"));
    if (!server_->has_table(table("settings"))) server_->exec(create_base(options_.prefix, server_->dialect()));
    if (!ledger_->setting("schema").empty()) return;  // another run was faster
    ledger_->set("schema", fmt::format("{}", schema_version));
    std::random_device random;
    ledger_->set("hash_seed", fmt::format("{}", std::uint64_t{random()} << 32 | random()));
    created_ = true;
  });
}

std::string SqlStore::schema(const std::vector<const Hook*>& hooks) const {
  const Dialect& dialect = *options_.dialect;
  std::string sql = dialect.preamble() + create_base(options_.prefix, dialect);
  std::vector<std::string> tables, secret = {table("secrets")}, views = {table("sources")};
  for (const char* name : {"settings", "inputs", "units", "owed", "runs", "rejects", "rows"})
    tables.push_back(table(name));
  for (const Hook* hook : hooks)
    for (const Period period : periods) {
      tables.push_back(summary_table(options_.prefix, *hook, period));
      sql += create_cells(tables.back(), *hook, period, dialect.words());
    }
  for (const std::string_view period : period_tables) views.push_back(table(period));
  return sql + create_views(options_.prefix, hooks, dialect) + "\n" + dialect.grants(tables, secret, views);
}

std::optional<Settings> SqlStore::settings() {
  return guarded("read", [&]() -> std::optional<Settings> {
    std::string zone = ledger_->setting("zone");
    if (zone.empty() && run_ != 0) {  // of several first runs one settles, and the others take it over
      server_->lock(table("settle"));
      settling_ = true;
      zone = ledger_->setting("zone");
      if (!zone.empty()) end_settling();
    }
    if (zone.empty()) return {};
    Settings settings{.hooks = split(ledger_->setting("hooks")),
                      .zone = zone,
                      .url_by = url_by_named(ledger_->setting("url_by")).value_or(UrlBy::path),
                      .choices = {},
                      .salt = corrector_ != nullptr ? ledger_->salt() : std::string(),  // readers may not see it
                      .geo = ledger_->setting("geo"),
                      .schema = static_cast<int>(number_setting("schema"))};
    for (auto& [name, value] : ledger_->choices()) settings.choices.emplace(std::move(name), std::move(value));
    return settings;
  });
}

void SqlStore::end_settling() {
  if (settling_) server_->unlock(table("settle"));
  settling_ = false;
}

void SqlStore::settle(const Settings& settings) {
  guarded("write to", [&] {
    transaction([&] {
      ledger_->set("hooks", fmt::format("{}", fmt::join(settings.hooks, ",")));
      ledger_->set("url_by", name_of(settings.url_by));
      ledger_->set_salt(settings.salt);
      for (const auto& [name, value] : settings.choices) ledger_->set("choice:" + name, value);
      ledger_->set("zone", settings.zone);
    });
    end_settling();
  });
}

void SqlStore::use(const std::vector<const Hook*>& hooks, UrlBy) {
  guarded("write to", [&] {
    hooks_ = hooks;
    // The last ones that are made.
    const auto missing = [&] {
      return !server_->has_table(table("monthly")) || std::any_of(hooks.begin(), hooks.end(), [&](const Hook* hook) {
        return !server_->has_table(summary_table(options_.prefix, *hook, Period::month));
      });
    };
    if (!missing()) return;
    if (!options_.create)
      throw Error(
          Exit::store,
          fmt::format("{} lacks tables of its summaries, and ?create=no says to make none", visible(options_.shown)),
          "track-usage schema prints what an administrator runs to make them");
    transaction([&] {
      server_->lock_for_transaction(table("schema"));
      for (const Hook* hook : hooks)
        for (const Period period : periods)
          if (const std::string name = summary_table(options_.prefix, *hook, period); !server_->has_table(name))
            server_->exec(create_cells(name, *hook, period, server_->dialect().words()));
      server_->exec(drop_views(options_.prefix) + create_views(options_.prefix, hooks, server_->dialect()));
    });
  });
}

std::vector<SourceRecord> SqlStore::sources() {
  return guarded("read", [&] {
    std::vector<SourceRecord> sources = ledger_->sources();
    for (const SourceRecord& source : sources) {
      offsets_[source.id] = source.offset;
      newest_source_ = source.id;
    }
    return sources;
  });
}

// A log that no store knew when this run began, and that another one has begun
// to take since.
bool SqlStore::taken_meanwhile(const Unit& unit) {
  SourceRecord ours = unit.source;
  ours.offset = unit.end;
  for (const SourceRecord& source : ledger_->sources(newest_source_))
    if (!offsets_.contains(source.id) && may_be_one(source, ours)) return true;
  return false;
}

void SqlStore::refuse_taken(const Unit& unit) const {
  throw Error(
      Exit::locked,
      fmt::format("another run took '{}' into {} at the same time", visible(unit.source.path), visible(options_.shown)),
      "nothing is there twice; run again to go on where it ended");
}

Committed SqlStore::commit(const Unit& unit, std::int64_t id) {
  return guarded("write to", [&] {
    Committed committed{};
    transaction([&] { committed = write(unit, id); });
    offsets_[committed.source] = unit.end;
    return committed;
  });
}

std::vector<Owed> SqlStore::owed() {
  return guarded("read", [&] { return ledger_->owed(); });
}

void SqlStore::delivered(const std::string& hook, const std::vector<std::int64_t>& units) {
  guarded("write to", [&] { transaction([&] { ledger_->settle_owed(hook, units); }); });
}

Committed SqlStore::write(const Unit& unit, std::int64_t id) {
  if (id == 0) {
    server_->lock_for_transaction(table("new sources"));
    if (taken_meanwhile(unit)) refuse_taken(unit);
  }
  const std::int64_t source = ledger_->advance(unit, id, id == 0 ? 0 : offsets_[id]);
  if (source == 0) refuse_taken(unit);
  const std::int64_t number = ledger_->add_unit(unit, source, run_);
  if (unit.batch.size() != 0) ledger_->owe(number, owe_);
  if (unit.batch.size() != 0)
    server_->load_rows(table("rows"), {.batch = &unit.batch, .source = source, .unit = number});
  for (const Summary& summary : unit.summaries.get()) {
    if (std::find(hooks_.begin(), hooks_.end(), summary.hook) == hooks_.end()) continue;
    for (const Period period : periods)
      server_->add_cells(summary_table(options_.prefix, *summary.hook, period), *summary.hook, period,
                         stored_cells(unit.batch.texts, summary, period, seed_));
  }
  ledger_->settle_rejects(unit, source);
  return {.source = source, .unit = number};
}

void SqlStore::touch(const SourceRecord& source) {
  guarded("write to", [&] { ledger_->touch(source); });
}

void SqlStore::record(const RunRecord& run) {
  guarded("write to", [&] {
    transaction([&] {
      ledger_->end_run(run_, run);
      if (!run.geo.empty()) ledger_->set("geo", run.geo);
    });
  });
}

void SqlStore::close() {
  corrector_.reset();
  ledger_.reset();
  server_.reset();
}

Correctable* SqlStore::correctable() {
  return corrector_.get();
}

void SqlStore::rows(const RowQuery& query, const std::function<bool(Batch&)>& visit) {
  guarded("read", [&] {
    const bool own = corrector_ == nullptr || !corrector_->begun();
    if (own) server_->begin();
    read_rows(*server_, options_.prefix, query, [&](Batch& batch, const auto&) { return visit(batch); });
    if (own) server_->commit();
  });
}

PruneMarks SqlStore::pruned() {
  return guarded("read", [&] { return marks_of(ledger_->setting("pruned")); });
}

std::vector<Sum> SqlStore::sums(const Hook& hook, const SumQuery& query) {
  return guarded("read", [&] {
    if (seed_ == 0) seed_ = number_setting("hash_seed");
    return read_sums(*server_, options_.prefix, hook, query, [&](std::string_view key) { return hash_of(key, seed_); });
  });
}

std::vector<RejectRecord> SqlStore::rejects() {
  return guarded("read", [&] { return ledger_->rejects(); });
}

std::vector<RunRecord> SqlStore::runs() {
  return guarded("read", [&] { return ledger_->runs(); });
}

}  // namespace track_usage::sql
