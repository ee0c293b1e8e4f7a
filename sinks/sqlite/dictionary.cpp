#include "sinks/sqlite/dictionary.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/hash.h"

namespace track_usage::sqlite {
namespace {

constexpr std::size_t first_slots = 1 << 14, most_slots = 1 << 20;  // 16 MiB each, filled to three quarters

std::uint64_t seeded(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

// SQLite's integers are signed; the order is theirs.
std::int64_t stored(std::uint64_t hash) {
  return static_cast<std::int64_t>(hash);
}

// Where P_requests need not keep the URL: it is the target as logged.
bool url_in_request(const Batch& batch, const Request& r) {
  const std::string_view url = batch.texts[r.url];
  if (r.method == null_text) return url == "-";
  const std::string_view request = batch.texts[r.request];
  const std::size_t begin = batch.texts[r.method].size() + 1;
  const std::size_t after = r.protocol == null_text ? 0 : batch.texts[r.protocol].size() + 1;
  if (request.size() < begin + after) return false;
  // The view counts characters and this counts bytes: the cut is at ASCII in either.
  return request.substr(begin, request.size() - begin - after) == url;
}

}  // namespace

std::int64_t IdCache::find(std::uint64_t hash) const {
  if (entries_.empty()) return 0;
  const std::size_t mask = entries_.size() - 1;
  for (std::size_t i = hash & mask; entries_[i].id != 0; i = (i + 1) & mask)
    if (entries_[i].hash == hash) return entries_[i].id;
  return 0;
}

void IdCache::add(std::uint64_t hash, std::int64_t id) {
  if (used_ >= entries_.size() / 4 * 3) {
    // As large as it may be, it begins anew with nothing in it.
    const std::vector<Entry> before = std::move(entries_);
    entries_.assign(std::clamp(before.size() * 2, first_slots, most_slots), {0, 0});
    used_ = 0;
    if (entries_.size() > before.size())
      for (const Entry& e : before)
        if (e.id != 0) put(e);
  }
  put({hash, id});
}

void IdCache::put(const Entry& entry) {
  const std::size_t mask = entries_.size() - 1;
  std::size_t i = entry.hash & mask;
  while (entries_[i].id != 0) i = (i + 1) & mask;
  entries_[i] = entry;
  ++used_;
}

void IdCache::clear() {
  entries_.clear();
  used_ = 0;
}

std::int64_t find_text(Database& database, const std::string& prefix, std::string_view text) {
  const auto seed = static_cast<std::uint64_t>(
      database.number("SELECT CAST(value AS INTEGER) FROM " + prefix + "_settings WHERE name = 'hash_seed'"));
  Statement find(database, fmt::format("SELECT t.id, t.text FROM {0}_texts_by_hash h CROSS JOIN {0}_texts t ON t.id = "
                                       "h.id WHERE h.hash = ?",
                                       prefix));
  for (find.bind(1, stored(seeded(text, seed))); find.step();)
    if (find.text(1) == text) return find.number(0);
  return 0;
}

Dictionary::Dictionary(Database& database, const std::string& prefix, std::uint64_t seed)
    : seed_(seed),
      next_text_(database.number("SELECT max(id) FROM " + prefix + "_texts") + 1),
      next_request_(database.number("SELECT max(id) FROM " + prefix + "_requests") + 1),
      find_text_(database, "SELECT id FROM " + prefix + "_texts_by_hash WHERE hash = ?"),
      text_of_(database, "SELECT text FROM " + prefix + "_texts WHERE id = ?"),
      find_request_(database, "SELECT id FROM " + prefix + "_requests_by_hash WHERE hash = ?"),
      request_of_(database, "SELECT request FROM " + prefix + "_requests WHERE id = ?"),
      add_agent_(database, "INSERT OR IGNORE INTO " + prefix + "_agents VALUES (?,?,?,?,?,?)"),
      add_texts_(database, prefix + "_texts", 2),
      add_text_hashes_(database, prefix + "_texts_by_hash", 2),
      add_requests_(database, prefix + "_requests", 7),
      add_request_hashes_(database, prefix + "_requests_by_hash", 2) {}

void Dictionary::forget() {
  text_cache_.clear();
  request_cache_.clear();
  dash_ = 0;
}

void Dictionary::resolve_dash() {
  if (dash_ != 0) return;
  const std::uint64_t hash = seeded("-", seed_);
  dash_ = text_cache_.find(hash);
  for (find_text_.bind(1, stored(hash)); dash_ == 0 && find_text_.step();) {
    const std::int64_t id = find_text_.number(0);
    text_of_.bind(1, id);
    if (text_of_.step() && text_of_.text(0) == "-") dash_ = id;
    text_of_.reset();
  }
  find_text_.reset();
  if (dash_ != 0) return;
  dash_ = next_text_++;
  add_texts_.begin();
  add_texts_.add(dash_);
  add_texts_.add(std::string_view("-"));
  add_texts_.end_row();
  add_texts_.end();
  add_text_hashes_.begin();
  add_text_hashes_.add(stored(hash));
  add_text_hashes_.add(dash_);
  add_text_hashes_.end_row();
  add_text_hashes_.end();
  text_cache_.add(hash, dash_);
}

// Fills ids[index] of what the cache or the table knows, and takes it out of
// `wanted`, which is left in the hash's order.
void Dictionary::look_up(std::vector<Wanted>& wanted, Statement& find, IdCache& cache, std::vector<std::int64_t>& ids,
                         const std::function<bool(std::uint32_t, std::int64_t)>& same) {
  std::erase_if(wanted, [&](const Wanted& w) { return (ids[w.index] = cache.find(w.hash)) != 0; });
  std::sort(wanted.begin(), wanted.end(),
            [](const Wanted& a, const Wanted& b) { return stored(a.hash) < stored(b.hash); });
  std::erase_if(wanted, [&](const Wanted& w) {
    std::int64_t id = 0;
    for (find.bind(1, stored(w.hash)); id == 0 && find.step();)
      if (same(w.index, find.number(0))) id = find.number(0);
    find.reset();
    ids[w.index] = id;
    if (id != 0) cache.add(w.hash, id);
    return id != 0;
  });
}

void Dictionary::resolve_texts(const Batch& batch) {
  std::vector<Wanted> wanted;
  hashes_.resize(batch.texts.size());
  texts_.assign(batch.texts.size(), 0);
  hashes_[null_text] = 0;
  for (std::uint32_t id = 1; id < batch.texts.size(); ++id) {
    hashes_[id] = seeded(batch.texts[id], seed_);
    if (needed_[id] != 0) wanted.push_back({hashes_[id], id});
  }
  const bool empty = next_text_ == 1;  // a new database: nothing to find
  const auto same = [&](std::uint32_t index, std::int64_t id) {
    if (empty) return false;
    text_of_.bind(1, id);
    const bool equal = text_of_.step() && text_of_.text(0) == batch.texts[index];
    text_of_.reset();
    return equal;
  };
  look_up(wanted, find_text_, text_cache_, texts_, same);

  // New ones get ids in the order of the rows, whatever the hash says.
  std::vector<std::uint32_t> fresh;
  for (const Wanted& w : wanted) fresh.push_back(w.index);
  std::sort(fresh.begin(), fresh.end());
  add_texts_.begin();
  for (const std::uint32_t index : fresh) {
    texts_[index] = next_text_++;
    add_texts_.add(texts_[index]);
    add_texts_.add(batch.texts[index]);
    add_texts_.end_row();
  }
  add_texts_.end();
  add_text_hashes_.begin();
  for (const Wanted& w : wanted) {
    add_text_hashes_.add(stored(w.hash));
    add_text_hashes_.add(texts_[w.index]);
    add_text_hashes_.end_row();
    text_cache_.add(w.hash, texts_[w.index]);
  }
  add_text_hashes_.end();
}

void Dictionary::resolve_requests(const Batch& batch, bool urls) {
  std::vector<Wanted> wanted;
  std::vector<std::uint64_t> hashes(batch.requests.size());
  requests_.assign(batch.requests.size(), 0);
  for (std::uint32_t r = 0; r < batch.requests.size(); ++r) {
    const Request& request = batch.requests[r];
    if (r == 0 && request.url == null_text) continue;  // no row is without a request
    const std::uint64_t parts[] = {hashes_[request.request], hashes_[request.url], hashes_[request.path]};
    hashes[r] = XXH3_64bits_withSeed(parts, sizeof parts, seed_);
    wanted.push_back({hashes[r], r});
  }
  const auto same = [&](std::uint32_t index, std::int64_t id) {
    request_of_.bind(1, id);
    const bool equal = request_of_.step() && request_of_.text(0) == batch.texts[batch.requests[index].request];
    request_of_.reset();
    return equal;
  };
  look_up(wanted, find_request_, request_cache_, requests_, same);

  std::vector<std::uint32_t> fresh;
  for (const Wanted& w : wanted) fresh.push_back(w.index);
  std::sort(fresh.begin(), fresh.end());
  add_requests_.begin();
  for (const std::uint32_t index : fresh) {
    const Request& r = batch.requests[index];
    requests_[index] = next_request_++;
    const auto inline_text = [&](TextId id) {
      if (id == null_text)
        add_requests_.add_null();
      else
        add_requests_.add(batch.texts[id]);
    };
    const auto text_id = [&](TextId id) {
      if (id == null_text)
        add_requests_.add_null();
      else
        add_requests_.add(texts_[id]);
    };
    add_requests_.add(requests_[index]);
    inline_text(r.request);
    inline_text(r.method);
    text_id(!urls && url_in_request(batch, r) ? null_text : r.url);
    text_id(r.path);
    inline_text(r.url_args);
    inline_text(r.protocol);
    add_requests_.end_row();
  }
  add_requests_.end();
  add_request_hashes_.begin();
  for (const Wanted& w : wanted) {
    add_request_hashes_.add(stored(w.hash));
    add_request_hashes_.add(requests_[w.index]);
    add_request_hashes_.end_row();
    request_cache_.add(w.hash, requests_[w.index]);
  }
  add_request_hashes_.end();
}

void Dictionary::add_agents(const Batch& batch) {
  for (std::size_t i = 1; i < batch.agents.size(); ++i) {
    const Agent& a = batch.agents[i];
    add_agent_.bind(1, texts_[a.string]);
    int column = 1;
    for (const TextId part : {a.browser, a.language, a.platform, a.version, a.bot}) {
      ++column;
      if (part == null_text)
        add_agent_.bind_null(column);
      else
        add_agent_.bind(column, batch.texts[part]);
    }
    add_agent_.run();
  }
}

void Dictionary::resolve(const Batch& batch, const std::vector<const Hook*>& hooks, UrlBy by) {
  const auto keyed = [&](Column column) {
    return std::any_of(hooks.begin(), hooks.end(),
                       [&](const Hook* hook) { return !hook->by_number() && hook->key_for(by) == column; });
  };
  const bool urls = by == UrlBy::full, methods = keyed(Column::method);
  const bool browsers = keyed(Column::browser), bots = keyed(Column::bot);
  needed_.assign(batch.texts.size(), 0);
  for (const auto& column : batch.own)
    for (const TextId id : column) needed_[id] = 1;
  for (const Request& r : batch.requests) {
    needed_[r.path] = 1;
    if (methods) needed_[r.method] = 1;
    if (urls || (r.url != null_text && !url_in_request(batch, r))) needed_[r.url] = 1;
  }
  for (const Agent& a : batch.agents) {
    needed_[a.string] = 1;
    if (browsers) needed_[a.browser] = 1;
    if (bots) needed_[a.bot] = 1;
  }
  resolve_texts(batch);
  resolve_requests(batch, urls);
  add_agents(batch);
  resolve_dash();
}

}  // namespace track_usage::sqlite
