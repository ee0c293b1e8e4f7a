// A store on an SQL server: everything but what its client library does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sinks/sql/connection.h"
#include "sinks/sql/ledger.h"
#include "src/store.h"

namespace track_usage::sql {

class Corrector;

struct StoreOptions {
  std::string shown;                       // the target, without secrets
  std::string prefix;                      // of the tables
  bool create = true;                      // ?create=no: tables and views are the administrator's
  std::shared_ptr<const Dialect> dialect;  // for schema(), which asks no server
  // Opens a session. Throws ServerError, or Error for a server that cannot be used.
  std::function<std::unique_ptr<Connection>()> connect;
};

class SqlStore : public Store {
 public:
  explicit SqlStore(StoreOptions options);
  ~SqlStore() override;

  void open(Access access) override;
  bool created() const override { return created_; }
  std::string shown() const override { return options_.shown; }
  std::string schema(const std::vector<const Hook*>& hooks) const override;
  std::vector<std::string> files() const override { return {}; }

  std::optional<Settings> settings() override;
  void settle(const Settings& settings) override;
  void use(const std::vector<const Hook*>& hooks, UrlBy url_by) override;

  std::vector<SourceRecord> sources() override;
  Committed commit(const Unit& unit, std::int64_t id) override;
  void owe(const std::vector<std::string>& hooks) override { owe_ = hooks; }
  std::vector<Owed> owed() override;
  void delivered(const std::string& hook, const std::vector<std::int64_t>& units) override;
  void touch(const SourceRecord& source) override;
  void record(const RunRecord& run) override;
  void close() override;
  Correctable* correctable() override;

  void rows(const RowQuery& query, const std::function<bool(Batch&)>& visit) override;
  PruneMarks pruned() override;
  std::vector<Sum> sums(const Hook& hook, const SumQuery& query) override;
  std::vector<RejectRecord> rejects() override;
  std::vector<RunRecord> runs() override;

 private:
  friend class Corrector;
  // Calls f; what the server says becomes an Error that names the store.
  template <typename F>
  auto guarded(std::string_view verb, F&& f) -> decltype(f());
  // f in a transaction, tried again after a deadlock; a part of a correction's.
  template <typename F>
  void transaction(F&& f);
  void take_lock(Access access);
  void check_tables(Access access);
  void create_tables();
  void end_settling();
  void roll_back();
  std::uint64_t number_setting(std::string_view name);
  void refuse_taken(const Unit& unit) const;
  bool taken_meanwhile(const Unit& unit);
  Committed write(const Unit& unit, std::int64_t id);
  std::string table(std::string_view name) const { return options_.prefix + "_" + std::string(name); }

  const StoreOptions options_;
  std::unique_ptr<Connection> server_;
  std::optional<Ledger> ledger_;
  std::unique_ptr<Corrector> corrector_;
  bool created_ = false;
  bool settling_ = false;  // nobody else does meanwhile
  std::uint64_t seed_ = 0;
  std::int64_t run_ = 0, newest_source_ = 0;
  std::map<std::int64_t, std::uint64_t> offsets_;  // of sources, as this run knows them
  std::vector<const Hook*> hooks_;
  std::vector<std::string> owe_;  // commands that get the rows of this run
};

}  // namespace track_usage::sql
