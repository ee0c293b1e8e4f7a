#include "src/input/ledger.h"

#include <algorithm>

#include "src/base/hash.h"

namespace track_usage {
namespace {

// Marks are dense where small logs differ and sparse in the depth of large ones.
struct Stretch {
  std::uint64_t step, until;
};
constexpr Stretch stretches[] = {{128, 4 << 10}, {512, 64 << 10}, {16 << 10, 1 << 20}, {1 << 20, UINT64_MAX}};
constexpr std::uint64_t first_mark = stretches[0].step;
constexpr std::int64_t settled_ns = 2'000'000'000;  // a file that changed this recently may change unseen

// How many marks lie at or before `offset`.
std::size_t marks_within(std::uint64_t offset) {
  std::uint64_t begin = 0, marks = 0;
  for (const Stretch& s : stretches) {
    marks += (std::min(offset, s.until) - begin) / s.step;
    if (offset <= s.until) break;
    begin = s.until;
  }
  return static_cast<std::size_t>(marks);
}

}  // namespace

std::uint64_t mark_position(std::size_t k) {
  std::uint64_t begin = 0;
  for (const Stretch& s : stretches) {
    const std::uint64_t marks = (s.until - begin) / s.step;
    if (k < marks) return begin + (k + 1) * s.step;
    k -= static_cast<std::size_t>(marks);
    begin = s.until;
  }
  return UINT64_MAX;
}

std::int64_t nanoseconds(const timespec& t) {
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

bool same_file(const SourceRecord& source, const struct stat& st) {
  return source.device == st.st_dev && source.inode == st.st_ino;
}

bool untouched(const SourceRecord& source, const struct stat& st) {
  return source.finished && same_file(source, st) && source.size == static_cast<std::uint64_t>(st.st_size) &&
         source.mtime_ns == nanoseconds(st.st_mtim) && source.ctime_ns == nanoseconds(st.st_ctim) &&
         source.seen_ns - source.ctime_ns >= settled_ns;
}

struct Fingerprint::State {
  XXH3_state_t xxh;
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) {
  restart();
}
Fingerprint::~Fingerprint() = default;

void Fingerprint::restart() {
  resume({}, 0);
}

std::uint64_t Fingerprint::resume(const std::vector<std::uint64_t>& marks, std::uint64_t offset) {
  const std::size_t n = std::min(marks.size(), marks_within(offset));
  marks_.assign(marks.begin(), marks.begin() + static_cast<std::ptrdiff_t>(n));
  position_ = n == 0 ? 0 : mark_position(n - 1);
  XXH3_64bits_reset_withSeed(&state_->xxh, n == 0 ? 0 : marks_.back());
  return position_;
}

void Fingerprint::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::uint64_t mark = mark_position(marks_.size());
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), mark - position_));
    XXH3_64bits_update(&state_->xxh, bytes.data(), n);
    position_ += n;
    bytes.remove_prefix(n);
    if (position_ == mark) {
      marks_.push_back(XXH3_64bits_digest(&state_->xxh));
      XXH3_64bits_reset_withSeed(&state_->xxh, marks_.back());
    }
  }
}

std::uint64_t Fingerprint::digest() const {
  if (!marks_.empty() && position_ == mark_position(marks_.size() - 1)) return marks_.back();
  return XXH3_64bits_digest(&state_->xxh);
}

Matcher::Matcher(const std::vector<SourceRecord>& known, std::string_view name) : known_(known) {
  for (std::size_t i = 0; i < known.size(); ++i)
    if (known[i].offset > 0 && known[i].name == name) alive_.push_back(i);
}

std::uint64_t Matcher::next() const {
  std::uint64_t at = UINT64_MAX;
  const std::uint64_t mark = mark_position(marks_within(position_));
  for (const std::size_t i : alive_) at = std::min(at, std::min(known_[i].offset, mark));
  return at;
}

void Matcher::observe(const Fingerprint& seen) {
  position_ = seen.position();
  const std::size_t marks = seen.marks().size();
  const bool at_mark = marks != 0 && mark_position(marks - 1) == position_;
  std::erase_if(alive_, [&](std::size_t i) {
    const SourceRecord& source = known_[i];
    if (source.offset == position_) {
      if (source.end_hash == seen.digest()) {
        match_ = i;  // offsets are met in rising order: the last is the longest
        agreed_ = position_;
      } else {
        disagreed_ = true;
      }
      return true;
    }
    if (!at_mark) return false;
    const bool agrees = source.marks.size() >= marks && source.marks[marks - 1] == seen.marks().back();
    if (agrees) agreed_ = position_;
    disagreed_ |= !agrees;
    return !agrees;
  });
}

void Matcher::end(const Fingerprint& seen) {
  // Too short for a single mark is no evidence of being part of anything.
  if (!alive_.empty() && seen.position() >= first_mark) match_ = alive_.front();
  alive_.clear();
}

}  // namespace track_usage
