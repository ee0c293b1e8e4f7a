#include "src/row.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "src/base/hash.h"

namespace track_usage {
namespace {

constexpr std::uint32_t unmapped = UINT32_MAX;
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
  parser = nullptr;
}

TextId Batch::text(Column column, std::size_t row) const {
  switch (column) {
    case Column::url:
      return requests[request[row]].url;
    case Column::path:
      return requests[request[row]].path;
    case Column::agent:
      return agents[agent[row]].string;
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

}  // namespace

void Gatherer::append(Batch& to, const Batch& from, const std::vector<std::uint8_t>& keep) {
  texts_.assign(from.texts.size(), unmapped);
  texts_[null_text] = null_text;
  requests_.assign(from.requests.size(), unmapped);
  agents_.assign(from.agents.size(), unmapped);
  requests_[0] = agents_[0] = 0;
  hours_.assign(from.hours.size(), unmapped);

  const auto text = [&](TextId id) {
    if (texts_[id] == unmapped) texts_[id] = to.texts.intern(from.texts[id], from.texts.hash(id));
    return texts_[id];
  };
  const auto request = [&](std::uint32_t id) {
    if (requests_[id] != unmapped) return requests_[id];
    Request r = from.requests[id];
    for (TextId* t : {&r.request, &r.method, &r.url, &r.path, &r.url_args, &r.protocol}) *t = text(*t);
    return requests_[id] =
               find_or_add(request_slots_, to.requests, r, hash_request(r), std::equal_to<Request>(), hash_request);
  };
  const auto agent = [&](std::uint32_t id) {
    if (agents_[id] != unmapped) return agents_[id];
    Agent a = from.agents[id];
    for (TextId* t : {&a.string, &a.browser, &a.language, &a.platform, &a.version, &a.bot}) *t = text(*t);
    const auto same = [](const Agent& x, const Agent& y) { return x.string == y.string; };
    return agents_[id] = find_or_add(agent_slots_, to.agents, a, hash_agent(a), same, hash_agent);
  };
  const auto hour = [&](std::uint32_t id) {
    if (hours_[id] == unmapped) {
      const auto same = [&](const Hour& h) { return h.start == from.hours[id].start; };
      // From the back: a log's hours follow each other.
      const auto found = std::find_if(to.hours.rbegin(), to.hours.rend(), same);
      hours_[id] = static_cast<std::uint32_t>(to.hours.rend() - found) - 1;
      if (found == to.hours.rend()) {
        hours_[id] = static_cast<std::uint32_t>(to.hours.size());
        to.hours.push_back(from.hours[id]);
      }
    }
    return hours_[id];
  };

  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!keep.empty() && !keep[i]) continue;
    to.time.push_back(from.time[i]);
    to.offset.push_back(from.offset[i]);
    to.bytes.push_back(from.bytes[i]);
    to.micros.push_back(from.micros[i]);
    to.status.push_back(from.status[i]);
    to.flags.push_back(from.flags[i]);
    to.request.push_back(request(from.request[i]));
    to.agent.push_back(agent(from.agent[i]));
    if (!from.hour.empty()) to.hour.push_back(hour(from.hour[i]));
    for (std::size_t c = 0; c < own_columns; ++c) {
      if (from.own[c].empty() && to.own[c].empty()) continue;
      const TextId id = from.own[c].empty() ? null_text : text(from.own[c][i]);
      to.set(static_cast<Column>(c), id);
    }
    to.end_row();
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
