// Each kind of filter is a list of tests. A row passes a list if one of its
// including tests holds (or it has none) and none of its excluding ones does;
// what a row does not have passes a list that only excludes.
#include "src/filter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/filter_tests.h"

namespace track_usage {
namespace {

template <typename Test>
class List {
 public:
  void add(bool excludes, std::string as_typed, Test test) {
    if (!excludes) includes_ = true;
    items_.emplace_back(excludes, std::move(as_typed), std::move(test));
  }

  bool empty() const { return items_.empty(); }
  bool passes_null() const { return !includes_; }

  template <typename Value>
  bool passes(const Value& value) const {
    bool included = !includes_;
    bool excluded = false;
    for (const Item& item : items_) {
      // Once decided, only tests that have never held are still of interest.
      const bool decided = excluded || (included && !item.excludes);
      if (decided && item.seen.load(std::memory_order_relaxed)) continue;
      if (!item.test.holds(value)) continue;
      // Written once: a line that all workers write would be passed around.
      if (!item.seen.load(std::memory_order_relaxed)) item.seen.store(true, std::memory_order_relaxed);
      (item.excludes ? excluded : included) = true;
    }
    return included && !excluded;
  }

  void unmatched(std::vector<std::string>& to) const {
    for (const Item& item : items_)
      if (!item.seen.load(std::memory_order_relaxed)) to.push_back(item.as_typed);
  }

  // ["4xx","!404"], sorted and without doubles.
  std::string canonical() const {
    std::vector<std::string> texts;
    for (const Item& item : items_) texts.push_back((item.excludes ? "!" : "") + item.test.normal);
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    std::string out;
    for (const std::string& text : texts) {
      out += out.empty() ? '[' : ',';
      append_json(out, visible(text));
    }
    return out + ']';
  }

 private:
  struct Item {
    Item(bool excludes, std::string as_typed, Test test)
        : excludes(excludes), as_typed(std::move(as_typed)), test(std::move(test)) {}
    const bool excludes;
    const std::string as_typed;
    const Test test;
    mutable std::atomic<bool> seen{false};
  };
  std::deque<Item> items_;  // atomics do not move
  bool includes_ = false;
};

// The comma that ends the first item of `text`, or its end.
std::size_t item_end(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && depth > 0) --depth;
    if (text[i] == ',' && depth == 0) return i;
  }
  return text.size();
}

std::string quoted(std::string_view option, std::string_view item) {
  return fmt::format("{} '{}'", option, item);
}

template <typename Test>
Test make(std::string_view item, const Typed& at) {
  return Test(item, at);
}

template <typename Test, typename Make>
void read_list(List<Test>& list, std::string_view option, const std::vector<std::string>& values, Make make) {
  for (const std::string& value : values) {
    for (std::size_t from = 0; from <= value.size();) {
      const std::size_t end = from + item_end(std::string_view(value).substr(from));
      const std::string_view item = trim(std::string_view(value).substr(from, end - from));
      Typed at{option, value, item.empty() ? from : static_cast<std::size_t>(item.data() - value.data())};
      const bool excludes = item.starts_with('!');
      const std::string_view rest = trim(item.substr(excludes));
      if (rest.empty()) refuse(at, "an item is empty");
      at.column = static_cast<std::size_t>(rest.data() - value.data());
      list.add(excludes, quoted(option, item), make(rest, at));
      from = end + 1;
    }
  }
}

void read_patterns(List<PatternTest>& list, std::string_view option, bool excludes,
                   const std::vector<std::string>& values) {
  constexpr std::string_view search = "re:";
  for (const std::string& value : values) {
    Typed at{option, value};
    std::string_view pattern = value;
    const bool searches = pattern.starts_with(search);
    if (searches) at.column = search.size();
    pattern.remove_prefix(at.column);
    if (pattern.empty()) refuse(at, "the pattern is empty");
    PatternTest test = searches ? PatternTest::search(pattern, at)
                                : PatternTest::glob(pattern, Glob::path, PatternTest::Case::told_apart, at);
    test.normal = value;  // with its re:
    list.add(excludes, quoted(option, value), std::move(test));
  }
}

// Removes rows of one batch, one kind of filter after the other.
class Sweep {
 public:
  Sweep(const Batch& batch, std::vector<std::uint8_t>& keep, Counts& counts)
      : batch_(batch), keep_(keep), counts_(counts) {
    keep_.assign(batch.size(), 1);
  }

  template <typename Passes>
  void rows(Filtered kind, Passes passes) {
    std::uint64_t dropped = 0;
    for (std::size_t i = 0; i < keep_.size(); ++i) {
      if (!keep_[i] || passes(i)) continue;
      keep_[i] = 0;
      ++dropped;
    }
    counts_.filtered_by[static_cast<std::size_t>(kind)] += dropped;
    any_ |= dropped != 0;
  }

  // Asks `test` once a distinct text; `id_of` gives a row's.
  template <typename IdOf, typename Test>
  void texts(Filtered kind, bool passes_null, IdOf id_of, Test test) {
    enum Verdict : std::uint8_t { unknown, passed, failed };
    thread_local std::vector<std::uint8_t> verdicts;
    verdicts.assign(batch_.texts.size(), unknown);
    verdicts[null_text] = passes_null ? passed : failed;
    rows(kind, [&](std::size_t row) {
      const TextId id = id_of(row);
      std::uint8_t& verdict = verdicts[id];
      if (verdict == unknown) verdict = test(batch_.texts[id]) ? passed : failed;
      return verdict == passed;
    });
  }

  // An empty keep says that all rows stay.
  void end() {
    if (!any_) keep_.clear();
  }

 private:
  const Batch& batch_;
  std::vector<std::uint8_t>& keep_;
  Counts& counts_;
  bool any_ = false;
};

}  // namespace

struct Filter::Rules {
  std::int64_t since = INT64_MIN, until = INT64_MAX;
  List<StatusTest> status;
  List<MethodTest> method;
  List<PatternTest> host;
  List<RemoteTest> remote;
  List<PatternTest> agent;
  List<ExactTest> username, visitor;
  List<PatternTest> include, exclude;
  List<ExactTest> include_blueprint, exclude_blueprint;
  enum class Bots : std::uint8_t { keep, drop, only } bots = Bots::keep;

  // Calls `see(name, list)` for each list, in the order of Filtered.
  template <typename See>
  void lists(See see) const {
    see("status", status);
    see("method", method);
    see("host", host);
    see("remote", remote);
    see("agent", agent);
    see("username", username);
    see("visitor", visitor);
    see("include", include);
    see("exclude", exclude);
    see("include-blueprint", include_blueprint);
    see("exclude-blueprint", exclude_blueprint);
  }
};

Filter::Filter() : rules_(std::make_unique<Rules>()) {}

Filter::Filter(const FilterOptions& options) : Filter() {
  rules_->since = options.since;
  rules_->until = options.until;
  // Host names and agents are one text whose slashes mean nothing. A glob is
  // for the whole of it here too: any curl is 'curl*', any bot '*bot*'.
  const auto glob = [](std::string_view item, const Typed& at) {
    return PatternTest::glob(item, Glob::text, PatternTest::Case::blind, at);
  };
  read_list(rules_->status, "--status", options.status, make<StatusTest>);
  read_list(rules_->method, "--method", options.method, make<MethodTest>);
  read_list(rules_->host, "--host", options.host, glob);
  read_list(rules_->remote, "--remote", options.remote, make<RemoteTest>);
  read_list(rules_->agent, "--agent", options.agent, glob);
  read_list(rules_->username, "--username", options.username, make<ExactTest>);
  read_list(rules_->visitor, "--visitor", options.visitor, make<ExactTest>);
  read_patterns(rules_->include, "--include", false, options.include);
  read_patterns(rules_->exclude, "--exclude", true, options.exclude);
  const auto read_names = [](List<ExactTest>& list, std::string_view option, bool excludes,
                             const std::vector<std::string>& names) {
    for (const std::string& name : names) list.add(excludes, quoted(option, name), ExactTest(name, {option, name}));
  };
  read_names(rules_->include_blueprint, "--include-blueprint", false, options.include_blueprint);
  read_names(rules_->exclude_blueprint, "--exclude-blueprint", true, options.exclude_blueprint);
  if (options.bots == "drop" || options.bots == "only")
    rules_->bots = options.bots == "drop" ? Rules::Bots::drop : Rules::Bots::only;
}

Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

bool Filter::keeps_all() const {
  bool lists = false;
  rules_->lists([&](std::string_view, const auto& list) { lists |= !list.empty(); });
  return !lists && rules_->bots == Rules::Bots::keep && rules_->since == INT64_MIN && rules_->until == INT64_MAX;
}

std::string Filter::canonical() const {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  };
  if (rules_->since != INT64_MIN) add("since", iso_time(rules_->since));
  if (rules_->until != INT64_MAX) add("until", iso_time(rules_->until));
  rules_->lists([&](std::string_view name, const auto& list) {
    if (!list.empty()) add(name, list.canonical());
  });
  if (rules_->bots != Rules::Bots::keep) add("bots", rules_->bots == Rules::Bots::drop ? "drop" : "only");
  return out;
}

void Filter::apply(const Batch& batch, std::vector<std::uint8_t>& keep, Counts& counts) const {
  const Rules& rules = *rules_;
  if (keeps_all()) {
    keep.clear();
    return;
  }
  Sweep sweep(batch, keep, counts);
  if (rules.since != INT64_MIN)
    sweep.rows(Filtered::since, [&](std::size_t i) { return batch.time[i] >= rules.since; });
  if (rules.until != INT64_MAX) sweep.rows(Filtered::until, [&](std::size_t i) { return batch.time[i] < rules.until; });

  if (!rules.status.empty()) {
    // Statuses are their own cache: -1 to 999 and nothing beyond in sound logs.
    std::array<std::int8_t, 1001> verdicts;
    verdicts.fill(-1);
    verdicts[0] = rules.status.passes_null();
    sweep.rows(Filtered::status, [&](std::size_t i) {
      const auto at = static_cast<std::size_t>(batch.status[i] - no_status);
      if (at >= verdicts.size()) return rules.status.passes(batch.status[i]);
      if (verdicts[at] < 0) verdicts[at] = rules.status.passes(batch.status[i]);
      return verdicts[at] == 1;
    });
  }

  const auto by_text = [&](Filtered kind, const auto& list, auto id_of, auto value_of) {
    if (list.empty()) return;
    sweep.texts(kind, list.passes_null(), id_of, [&](std::string_view text) { return list.passes(value_of(text)); });
  };
  const auto own = [&](Column column) {
    const std::vector<TextId>& ids = batch.own[static_cast<std::size_t>(column)];
    return [&ids](std::size_t row) { return ids.empty() ? null_text : ids[row]; };
  };
  const auto path = [&](std::size_t row) { return batch.requests[batch.request[row]].path; };
  const auto method = [&](std::size_t row) { return batch.requests[batch.request[row]].method; };
  const auto agent = [&](std::size_t row) { return batch.agents[batch.agent[row]].string; };
  const auto as_it_is = [](std::string_view text) { return text; };
  by_text(Filtered::method, rules.method, method, as_it_is);
  by_text(Filtered::host, rules.host, own(Column::server_name), as_it_is);
  by_text(Filtered::remote, rules.remote, own(Column::remote_addr), [](std::string_view text) { return Client(text); });
  by_text(Filtered::agent, rules.agent, agent, as_it_is);
  if (rules.bots != Rules::Bots::keep)
    sweep.rows(Filtered::bots, [&](std::size_t row) {
      return (batch.agents[batch.agent[row]].bot != null_text) == (rules.bots == Rules::Bots::only);
    });
  by_text(Filtered::username, rules.username, own(Column::username), as_it_is);
  by_text(Filtered::visitor, rules.visitor, own(Column::visitor), as_it_is);
  by_text(Filtered::include, rules.include, path, as_it_is);
  by_text(Filtered::exclude, rules.exclude, path, as_it_is);
  by_text(Filtered::include_blueprint, rules.include_blueprint, own(Column::blueprint), as_it_is);
  by_text(Filtered::exclude_blueprint, rules.exclude_blueprint, own(Column::blueprint), as_it_is);
  sweep.end();
}

std::vector<std::string> Filter::unmatched() const {
  std::vector<std::string> typed;
  rules_->lists([&](std::string_view, const auto& list) { list.unmatched(typed); });
  return typed;
}

}  // namespace track_usage
