#include "src/row.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "src/base/hash.h"

namespace track_usage {
namespace {

constexpr std::size_t block_size = 256 * 1024;

}  // namespace

Texts::Texts() {
  clear();
}

void Texts::clear() {
  entries_.assign(1, Entry{"", 0, hash_text({})});
  std::fill(slots_.begin(), slots_.end(), Slot{0, null_text});
  if (slots_.empty()) slots_.resize(1024);
  large_.clear();
  block_ = used_ = 0;
}

const char* Texts::keep(std::string_view text) {
  if (text.size() > block_size / 4) {  // its own, so that blocks are filled
    large_.push_back(std::make_unique_for_overwrite<char[]>(text.size()));
    std::memcpy(large_.back().get(), text.data(), text.size());
    return large_.back().get();
  }
  if (used_ + text.size() > block_size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_size));
  char* const to = blocks_[block_].get() + used_;
  std::memcpy(to, text.data(), text.size());
  used_ += text.size();
  return to;
}

void Texts::grow() {
  slots_.assign(slots_.size() * 2, Slot{0, null_text});
  const std::size_t mask = slots_.size() - 1;
  for (TextId id = 1; id < entries_.size(); ++id) {
    std::size_t i = entries_[id].hash & mask;
    while (slots_[i].id != null_text) i = (i + 1) & mask;
    slots_[i] = {static_cast<std::uint32_t>(entries_[id].hash >> 32), id};
  }
}

TextId Texts::intern(std::string_view text) {
  return intern(text, hash_text(text));
}

TextId Texts::intern(std::string_view text, std::uint64_t hash) {
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  std::size_t i = hash & mask;
  for (; slots_[i].id != null_text; i = (i + 1) & mask) {
    if (slots_[i].tag != tag) continue;
    const Entry& e = entries_[slots_[i].id];
    if (e.hash == hash && e.size == text.size() && std::memcmp(e.data, text.data(), text.size()) == 0)
      return slots_[i].id;
  }
  const auto id = static_cast<TextId>(entries_.size());
  slots_[i] = {tag, id};
  entries_.push_back({keep(text), static_cast<std::uint32_t>(text.size()), hash});
  if (entries_.size() * 2 > slots_.size()) grow();
  return id;
}

void Texts::intern_all(const Texts& from, const std::vector<std::uint8_t>& chosen, std::vector<TextId>& ids) {
  constexpr std::size_t at_once = 32;  // as many misses as the processor has under way, and some
  ids.assign(from.size(), null_text);
  const auto slot_of = [&](TextId id) -> const Slot& { return slots_[from.hash(id) & (slots_.size() - 1)]; };
  for (TextId begin = 1; begin < from.size(); begin += at_once) {
    const auto end = static_cast<TextId>(std::min<std::size_t>(begin + at_once, from.size()));
    for (TextId id = begin; id < end; ++id) __builtin_prefetch(&slot_of(id));
    for (TextId id = begin; id < end; ++id) __builtin_prefetch(&entries_[slot_of(id).id]);
    for (TextId id = begin; id < end; ++id) __builtin_prefetch(entries_[slot_of(id).id].data);
    for (TextId id = begin; id < end; ++id)
      if (chosen.empty() || chosen[id] != 0) ids[id] = intern(from[id], from.hash(id));
  }
}

std::uint64_t Counts::filtered() const {
  return std::accumulate(filtered_by.begin(), filtered_by.end(), std::uint64_t{0});
}
std::uint64_t Counts::rejected() const {
  return std::accumulate(rejected_by.begin(), rejected_by.end(), std::uint64_t{0});
}

Counts& Counts::operator+=(const Counts& other) {
  stored += other.stored;
  blank += other.blank;
  for (std::size_t i = 0; i < filtered_by.size(); ++i) filtered_by[i] += other.filtered_by[i];
  for (std::size_t i = 0; i < rejected_by.size(); ++i) rejected_by[i] += other.rejected_by[i];
  return *this;
}

void Batch::clear() {
  time.clear();
  offset.clear();
  bytes.clear();
  micros.clear();
  status.clear();
  flags.clear();
  request.clear();
  agent.clear();
  hour.clear();
  for (auto& column : own) column.clear();
  texts.clear();
  requests.assign(1, {});
  agents.assign(1, {});
  hours.clear();
  rejects.clear();
  counts = {};
  holes = 0;
  zone_assumed = false;
  read_by.clear();
}

TextId Batch::text(Column column, std::size_t row) const {
  switch (column) {
    case Column::url:
      return requests[request[row]].url;
    case Column::path:
      return requests[request[row]].path;
    case Column::method:
      return requests[request[row]].method;
    case Column::agent:
      return agents[agent[row]].string;
    case Column::browser:
      return agents[agent[row]].browser;
    case Column::bot:
      return agents[agent[row]].bot;
    default:
      break;
  }
  const auto& ids = own[static_cast<std::size_t>(column)];
  return ids.empty() ? null_text : ids[row];
}

void Batch::set(Column column, TextId id) {
  if (id == null_text) return;
  auto& ids = own[static_cast<std::size_t>(column)];
  ids.resize(time.size() - 1, null_text);  // the rows since this column's last value
  ids.push_back(id);
}

void Batch::end_row() {
  for (auto& ids : own)
    if (!ids.empty() && ids.size() < time.size()) ids.push_back(null_text);
}

void Gatherer::forget() {
  request_slots_.clear();
  agent_slots_.clear();
}

namespace {

// Finds `value` among `values` by an open table of indices, or appends it.
template <typename T, typename Same>
std::uint32_t find_or_add(std::vector<std::uint32_t>& slots, std::vector<T>& values, const T& value, std::uint64_t hash,
                          Same same, std::uint64_t (*hash_of)(const T&)) {
  if (values.size() * 2 >= slots.size()) {
    slots.assign(std::max<std::size_t>(1024, slots.size() * 2), 0);
    while (values.size() * 2 >= slots.size()) slots.assign(slots.size() * 2, 0);
    const std::size_t mask = slots.size() - 1;
    for (std::uint32_t v = 1; v < values.size(); ++v) {
      std::size_t i = hash_of(values[v]) & mask;
      while (slots[i] != 0) i = (i + 1) & mask;
      slots[i] = v;
    }
  }
  const std::size_t mask = slots.size() - 1;
  std::size_t i = hash & mask;
  for (; slots[i] != 0; i = (i + 1) & mask)
    if (same(values[slots[i]], value)) return slots[i];
  slots[i] = static_cast<std::uint32_t>(values.size());
  values.push_back(value);
  return slots[i];
}

std::uint64_t hash_request(const Request& r) {
  return mix(mix(std::uint64_t{r.request} << 32 | r.url, std::uint64_t{r.path} << 32 | r.url_args), r.method);
}
std::uint64_t hash_agent(const Agent& a) {
  return mix(a.string, 0);
}

// Room for so many, growing as push_back would.
std::size_t grown(std::size_t capacity, std::size_t needed) {
  return needed <= capacity ? capacity : std::max(needed, capacity * 2);
}

// What the rows that are kept refer to.
void mark_used(const Batch& from, const std::vector<std::uint8_t>& keep, std::vector<std::uint8_t>& texts,
               std::vector<std::uint8_t>& requests, std::vector<std::uint8_t>& agents,
               std::vector<std::uint8_t>& hours) {
  texts.assign(from.texts.size(), 0);
  requests.assign(from.requests.size(), 0);
  agents.assign(from.agents.size(), 0);
  hours.assign(from.hours.size(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (keep[i] == 0) continue;
    requests[from.request[i]] = agents[from.agent[i]] = 1;
    if (!from.hour.empty()) hours[from.hour[i]] = 1;
    for (const auto& ids : from.own)
      if (!ids.empty()) texts[ids[i]] = 1;
  }
  for (std::size_t id = 0; id < requests.size(); ++id)
    if (const Request& r = from.requests[id]; requests[id] != 0)
      for (const TextId t : {r.request, r.method, r.url, r.path, r.url_args, r.protocol}) texts[t] = 1;
  for (std::size_t id = 0; id < agents.size(); ++id)
    if (const Agent& a = from.agents[id]; agents[id] != 0)
      for (const TextId t : {a.string, a.browser, a.language, a.platform, a.version, a.bot}) texts[t] = 1;
}

}  // namespace

void Gatherer::append(Batch& to, const Batch& from, const std::vector<std::uint8_t>& keep) {
  map_values(to, from, keep);
  std::vector<std::uint32_t>& rows = rows_;
  rows.clear();
  for (std::uint32_t i = 0; i < from.size(); ++i)
    if (keep.empty() || keep[i] != 0) rows.push_back(i);

  const std::size_t before = to.size();
  const auto take = [&](auto& column, const auto& values) {
    column.reserve(grown(column.capacity(), before + rows.size()));
    if (rows.size() == from.size())
      column.insert(column.end(), values.begin(), values.end());
    else
      for (const std::uint32_t row : rows) column.push_back(values[row]);
  };
  const auto take_mapped = [&](std::vector<std::uint32_t>& column, const std::vector<std::uint32_t>& ids,
                               const std::vector<std::uint32_t>& map) {
    column.reserve(grown(column.capacity(), before + rows.size()));
    for (const std::uint32_t row : rows) column.push_back(map[ids[row]]);
  };
  take(to.time, from.time);
  take(to.offset, from.offset);
  take(to.bytes, from.bytes);
  take(to.micros, from.micros);
  take(to.status, from.status);
  take(to.flags, from.flags);
  take_mapped(to.request, from.request, requests_);
  take_mapped(to.agent, from.agent, agents_);
  if (!from.hour.empty()) take_mapped(to.hour, from.hour, hours_);
  for (std::size_t c = 0; c < own_columns; ++c) {
    if (from.own[c].empty() && to.own[c].empty()) continue;
    to.own[c].resize(from.own[c].empty() ? to.size() : before, null_text);
    if (!from.own[c].empty()) take_mapped(to.own[c], from.own[c], texts_);
  }
}

// Ids of `from`'s values in `to`: value by value and not row by row, so that
// one look-up does not wait for the memory of the one before.
void Gatherer::map_values(Batch& to, const Batch& from, const std::vector<std::uint8_t>& keep) {
  std::vector<std::uint8_t> text_used, request_used, agent_used, hour_used;  // empty: all are
  if (!keep.empty()) mark_used(from, keep, text_used, request_used, agent_used, hour_used);
  const auto used = [](const std::vector<std::uint8_t>& marks, std::size_t id) {
    return marks.empty() || marks[id] != 0;
  };

  to.texts.intern_all(from.texts, text_used, texts_);

  requests_.assign(from.requests.size(), 0);
  for (std::uint32_t id = 1; id < from.requests.size(); ++id) {
    if (!used(request_used, id)) continue;
    Request r = from.requests[id];
    for (TextId* t : {&r.request, &r.method, &r.url, &r.path, &r.url_args, &r.protocol}) *t = texts_[*t];
    requests_[id] =
        find_or_add(request_slots_, to.requests, r, hash_request(r), std::equal_to<Request>(), hash_request);
  }
  agents_.assign(from.agents.size(), 0);
  for (std::uint32_t id = 1; id < from.agents.size(); ++id) {
    if (!used(agent_used, id)) continue;
    Agent a = from.agents[id];
    for (TextId* t : {&a.string, &a.browser, &a.language, &a.platform, &a.version, &a.bot}) *t = texts_[*t];
    const auto same = [](const Agent& x, const Agent& y) { return x.string == y.string; };
    agents_[id] = find_or_add(agent_slots_, to.agents, a, hash_agent(a), same, hash_agent);
  }
  hours_.assign(from.hours.size(), 0);
  for (std::uint32_t id = 0; id < from.hours.size(); ++id) {
    if (!used(hour_used, id)) continue;
    const auto same = [&](const Hour& h) { return h.start == from.hours[id].start; };
    // From the back: a log's hours follow each other.
    const auto found = std::find_if(to.hours.rbegin(), to.hours.rend(), same);
    hours_[id] = static_cast<std::uint32_t>(to.hours.rend() - found) - 1;
    if (found != to.hours.rend()) continue;
    hours_[id] = static_cast<std::uint32_t>(to.hours.size());
    to.hours.push_back(from.hours[id]);
  }
}

RowView::RowView(const Batch& batch, std::size_t row)
    : time(batch.time[row]),
      bytes(batch.bytes[row]),
      micros(batch.micros[row]),
      status(batch.status[row]),
      flags(batch.flags[row]),
      request(batch.requests[batch.request[row]]),
      agent(batch.agents[batch.agent[row]]),
      texts(&batch.texts) {
  for (std::size_t c = 0; c < own_columns; ++c) own[c] = batch.own[c].empty() ? null_text : batch.own[c][row];
}

}  // namespace track_usage
