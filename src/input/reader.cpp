#include "src/input/reader.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "src/base/signals.h"
#include "src/base/text.h"
#include "src/error.h"
#include "src/input/heading.h"
#include "src/input/source.h"

namespace track_usage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t chunk_size = 1 << 20;  // with its columns it fits a core's caches
constexpr std::size_t padding = 64;          // parsers may read as far behind a chunk
constexpr std::size_t checked_head = 64 * 1024;
constexpr auto live_unit = std::chrono::seconds(2);  // a stream's rows are durable within

std::int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return nanoseconds(t);
}

// A source that can be read again from its start: a stream by keeping what was
// read in a file that has no name.
class Content {
 public:
  explicit Content(const std::string& path) : path_(path), source_(std::make_unique<Source>(path)) {}
  ~Content() {
    if (spool_ != nullptr) std::fclose(spool_);
  }

  const Source& source() const { return *source_; }

  void keep() {
    if (source_->stream() && spool_ == nullptr) spool_ = std::tmpfile();
    if (source_->stream() && spool_ == nullptr)
      throw Error(Exit::input, fmt::format("cannot keep a part of '{}' in a temporary file: {}", visible(path_),
                                           std::strerror(errno)));
    keeping_ = spool_ != nullptr;
  }

  void rewind() {
    keeping_ = false;
    if (spool_ != nullptr) {
      std::rewind(spool_);
      replaying_ = true;
    } else if (source_->compression() == Compression::none) {
      source_->seek(0);
    } else {
      source_ = std::make_unique<Source>(path_);
    }
  }

  void seek(std::uint64_t offset) { source_->seek(offset); }
  void stop_keeping() { keeping_ = false; }

  Source::Got read(char* to, std::size_t size, std::size_t& got, std::optional<Clock::time_point> deadline = {}) {
    if (replaying_) {
      got = std::fread(to, 1, size, spool_);
      if (got != 0) return Source::Got::data;
      replaying_ = false;
    }
    const Source::Got what = source_->read(to, size, got, deadline);
    if (keeping_ && what == Source::Got::data && std::fwrite(to, 1, got, spool_) != got)
      throw Error(Exit::input, fmt::format("cannot keep a part of '{}' in a temporary file: {}", visible(path_),
                                           std::strerror(errno)));
    return what;
  }

 private:
  std::string path_;
  std::unique_ptr<Source> source_;
  std::FILE* spool_ = nullptr;
  bool keeping_ = false, replaying_ = false;
};

}  // namespace

struct Reader::Work {
  Work(const std::vector<Input>& list, std::vector<std::vector<SourceRecord>> stores, ReaderOptions how)
      : inputs(list), known(std::move(stores)), options(std::move(how)), heading(options.max_line) {}

  const std::vector<Input>& inputs;
  std::vector<std::vector<SourceRecord>> known;
  const ReaderOptions options;
  std::vector<std::vector<bool>> from_this_run;  // beside known
  std::atomic<std::uint64_t> consumed{0};
  std::uint64_t consumed_before = 0;
  const Emit* emit = nullptr;
  bool stopped = false;
  Chunk chunk;

  // Of the input being read.
  std::size_t index = 0;
  std::string path;  // of the file now: it may have been renamed since it was listed
  Fingerprint seen;
  std::uint64_t lines = 0;  // before seen.position()
  char last = '\n';         // the content's last byte there
  Heading heading;          // as of there
  struct stat stat {};
  std::int64_t stat_taken = 0;
  std::int64_t first_line = no_number;  // time of the first that is readable
  std::vector<Standing> standings;
  std::vector<std::uint64_t> cuts;  // where a store's part begins: a unit must end there
  std::uint64_t unit_begin = 0;
  std::vector<char> buffer;  // content behind seen.position(), of which size bytes stand
  std::size_t size = 0;
  std::size_t piece = chunk_size;             // about as much makes a chunk
  bool in_hole = false;                       // of NULs before a line
  bool skipping = false;                      // the rest of a line that was cut, or half taken
  bool open_unit = false;                     // something was handed out since the last unit's end
  std::optional<Clock::time_point> deadline;  // when a stream's unit is to end

  bool is_edited = false;  // a known log with other content

  const Input& input() const { return inputs[index]; }
  FileId listed() const { return {input().stat.st_dev, input().stat.st_ino}; }

  void feed(std::string_view bytes) {
    if (bytes.empty()) return;
    seen.feed(bytes);
    heading.feed(bytes);
    lines += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    last = bytes.back();
  }

  void restart() {
    seen.restart();
    heading.restart();
    lines = 0;
    last = '\n';
  }

  bool send() {
    chunk.input = index;
    if (stopped || stop_signal() != 0) stopped = true;
    const bool more = (*emit)(chunk);
    if (!more) stopped = true;
    chunk.size = 0;
    chunk.cut = false;
    chunk.holes = 0;
    chunk.begins.reset();
    chunk.unit_ends.reset();
    chunk.ends.reset();
    return !stopped;
  }

  SourceRecord record(bool finished) const {
    SourceRecord r;
    std::error_code ignored;
    r.path = path == "-" ? "-" : std::filesystem::absolute(path, ignored).lexically_normal().string();
    r.host = options.host;
    r.name = options.source;
    if (!input().stream) {
      r.device = stat.st_dev;
      r.inode = stat.st_ino;
      r.size = static_cast<std::uint64_t>(stat.st_size);
      r.mtime_ns = nanoseconds(stat.st_mtim);
      r.ctime_ns = nanoseconds(stat.st_ctim);
      r.seen_ns = stat_taken;
    }
    r.finished = finished;
    r.marks = seen.marks();
    r.offset = seen.position();
    r.end_hash = seen.digest();
    r.first_line = first_line;
    r.heading = heading.text();
    r.read = lines;
    return r;
  }

  void take(std::size_t i);
  Content open();
  bool passed_by_hints();
  bool resume_by_hints(Content& content);
  bool identify(Content& content);
  bool edited() const;
  void stand();
  void hand_out(Content& content, InputEnd& end);
  void end_unit(bool finished);
  void drop(std::size_t n);
  bool out(std::size_t n, bool cut, bool newline);
  std::size_t whole_lines(bool& overlong) const;
  bool drain();
  bool pause();
  void remember(const SourceRecord& r);
};

// The file that was listed, also where logrotate has renamed it since.
Content Reader::Work::open() {
  path = input().path;
  struct stat now {};
  const bool renamed =
      !input().stream && (::stat(path.c_str(), &now) != 0 || FileId{now.st_dev, now.st_ino} != listed());
  if (renamed) path = find_in_folder(path, listed()).value_or(path);
  return Content(path);
}

bool Reader::Work::passed_by_hints() {
  if (input().stream || options.verify || known.empty()) return false;
  standings.clear();
  for (const auto& sources : known) {
    const auto found = std::find_if(sources.begin(), sources.end(), [&](const SourceRecord& s) {
      return s.name == options.source && untouched(s, input().stat) && !(options.final_line && s.offset < s.size);
    });
    if (found == sources.end()) return false;
    standings.push_back({.source = static_cast<std::size_t>(found - sources.begin()),
                         .offset = found->offset,
                         .lines = found->read,
                         .known = true});
  }
  return true;
}

// The file is where and as long as it was: its head and what lies before the
// offset are enough to know it by.
bool Reader::Work::resume_by_hints(Content& content) {
  if (input().stream || options.verify || known.empty() || content.source().compression() != Compression::none)
    return false;
  standings.clear();
  std::vector<char> bytes(1 << 20);
  const auto read_and_feed = [&](Fingerprint& print, std::uint64_t until) {
    while (print.position() < until) {
      std::size_t got = 0;
      const auto want = std::min<std::uint64_t>(bytes.size(), until - print.position());
      if (content.read(bytes.data(), static_cast<std::size_t>(want), got) != Source::Got::data) return false;
      print.feed({bytes.data(), got});
      last = bytes[got - 1];
    }
    return true;
  };
  const SourceRecord* nearest = nullptr;
  for (const auto& sources : known) {
    const auto found = std::find_if(sources.rbegin(), sources.rend(), [&](const SourceRecord& s) {
      return s.name == options.source && same_file(s, stat) && s.offset > 0 &&
             s.offset <= static_cast<std::uint64_t>(stat.st_size);
    });
    if (found == sources.rend()) return false;
    Fingerprint head;
    content.seek(0);
    if (!read_and_feed(head, std::min<std::uint64_t>(found->offset, checked_head))) return false;
    if (!std::equal(head.marks().begin(), head.marks().end(), found->marks.begin())) return false;
    Fingerprint tail;
    content.seek(tail.resume(found->marks, found->offset));
    if (!read_and_feed(tail, found->offset) || tail.digest() != found->end_hash) return false;
    standings.push_back({.source = static_cast<std::size_t>(sources.rend() - found) - 1,
                         .offset = found->offset,
                         .lines = found->read,
                         .known = true});
    if (nearest == nullptr || found->offset < nearest->offset) nearest = &*found;
  }
  content.seek(seen.resume(nearest->marks, nearest->offset));
  lines = nearest->read;
  if (!read_and_feed(seen, nearest->offset)) return false;
  heading.resume(nearest->heading, last);
  return true;
}

// Reads the content from its start for as long as it could be one that is
// known, and goes to where its new part begins. False: the run is to stop.
bool Reader::Work::identify(Content& content) {
  standings.assign(known.size(), {});
  std::vector<Matcher> matchers;
  for (const auto& sources : known) matchers.emplace_back(sources, options.source);
  const auto undecided = [&] {
    return std::any_of(matchers.begin(), matchers.end(), [](const Matcher& m) { return m.undecided(); });
  };
  if (undecided()) content.keep();
  std::vector<char> bytes(1 << 20);
  bool ended = false;
  while (undecided()) {
    std::uint64_t target = UINT64_MAX;
    for (const Matcher& m : matchers) target = std::min(target, m.next());
    while (seen.position() < target && !ended) {
      std::size_t got = 0;
      const auto want = std::min<std::uint64_t>(bytes.size(), target - seen.position());
      const Source::Got what = content.read(bytes.data(), static_cast<std::size_t>(want), got);
      if (what == Source::Got::stopped) return false;
      if (what == Source::Got::end) ended = true;
      feed({bytes.data(), got});
    }
    for (Matcher& m : matchers) ended ? m.end(seen) : m.observe(seen);
  }
  std::uint64_t start = UINT64_MAX;
  bool differs_at_once = !matchers.empty();
  for (std::size_t s = 0; s < matchers.size(); ++s) {
    if (matchers[s].match() != Matcher::none) {
      const SourceRecord& source = known[s][matchers[s].match()];
      standings[s] = {.source = matchers[s].match(), .offset = source.offset, .lines = source.read, .known = true};
      // A shorter copy: all of it is taken.
      if (ended && seen.position() < source.offset) {
        standings[s].offset = seen.position();
        standings[s].lines = lines;
      }
    }
    if (!matchers[s].disagreed() || matchers[s].agreed() != 0 || standings[s].known) differs_at_once = false;
    start = std::min(start, standings[s].offset);
  }
  content.stop_keeping();
  if (matchers.empty()) start = 0;
  is_edited = differs_at_once && !options.take_edited && edited();
  if (is_edited) return true;
  if (seen.position() == start) return true;
  content.rewind();
  restart();
  while (seen.position() < start) {
    std::size_t got = 0;
    const auto want = std::min<std::uint64_t>(bytes.size(), start - seen.position());
    const Source::Got what = content.read(bytes.data(), static_cast<std::size_t>(want), got);
    if (what == Source::Got::stopped) return false;
    if (what == Source::Got::end) break;
    feed({bytes.data(), got});
  }
  return true;
}

// Ruling 21: a known file, beginning at the same time, with other bytes.
bool Reader::Work::edited() const {
  if (input().stream || first_line == no_number) return false;
  const SourceRecord now = record(false);
  for (const auto& sources : known)
    for (const SourceRecord& s : sources)
      if (s.name == options.source && (s.path == now.path || same_file(s, stat)) && s.first_line == first_line)
        return true;
  return false;
}

// What this run takes is known to the rest of it, too.
void Reader::Work::remember(const SourceRecord& r) {
  for (std::size_t s = 0; s < known.size(); ++s) {
    Standing& standing = standings[s];
    if (!standing.known) {
      standing.known = true;
      standing.source = known[s].size();
      known[s].push_back(r);
      from_this_run[s].push_back(true);
    } else if (r.offset > known[s][standing.source].offset) {
      known[s][standing.source] = r;
      from_this_run[s][standing.source] = true;
    }
  }
}

void Reader::Work::end_unit(bool finished) {
  chunk.unit_ends = std::make_unique<SourceRecord>(record(finished));
  unit_begin = seen.position();
  deadline.reset();
  open_unit = false;
  remember(*chunk.unit_ends);
}

// Drops buffer[0, n), which was handed out or skipped.
void Reader::Work::drop(std::size_t n) {
  std::memmove(buffer.data(), buffer.data() + n, size - n);
  size -= n;
  open_unit = true;
}

// Hands out buffer[0, n), whole lines. With `newline` one is put behind them
// that the content does not have, or not there.
bool Reader::Work::out(std::size_t n, bool cut, bool newline) {
  chunk.offset = seen.position();
  chunk.heading = heading.text();
  feed({buffer.data(), n});
  chunk.bytes.resize(n + 1 + padding);
  std::memcpy(chunk.bytes.data(), buffer.data(), n);
  chunk.size = n;
  if (newline) {
    chunk.bytes[chunk.size++] = '\n';
    if (!cut) ++lines;  // one that is cut is counted when its newline is met
  }
  chunk.cut = cut;
  chunk.end = seen.position();
  drop(n);
  const bool at_cut =
      std::any_of(cuts.begin(), cuts.end(), [&](std::uint64_t c) { return chunk.offset < c && c <= seen.position(); });
  if (!cut && (at_cut || seen.position() - unit_begin >= options.batch)) end_unit(false);
  return send();
}

// How many of the buffer's bytes make whole lines that may go out together;
// `overlong` if its first line is longer than --max-line.
std::size_t Reader::Work::whole_lines(bool& overlong) const {
  const auto max_line = static_cast<std::size_t>(options.max_line);
  std::size_t reach = size;  // not across where another store's part begins
  for (const std::uint64_t c : cuts)
    if (c > seen.position() && c < seen.position() + reach) reach = static_cast<std::size_t>(c - seen.position());
  // From line start to line start, by the last newline within --max-line.
  std::size_t whole = 0;
  overlong = false;
  while (whole < reach) {
    const std::size_t window = std::min(reach - whole, max_line + 1);
    const auto* newline = static_cast<const char*>(memrchr(buffer.data() + whole, '\n', window));
    if (newline == nullptr) {
      overlong = whole == 0 && window == max_line + 1;
      break;
    }
    whole = static_cast<std::size_t>(newline - buffer.data()) + 1;
  }
  if (whole == 0 && !overlong && reach < size) {  // another store took half of this line
    const auto* newline = static_cast<const char*>(std::memchr(buffer.data(), '\n', size));
    if (newline != nullptr) whole = static_cast<std::size_t>(newline - buffer.data()) + 1;
  }
  return whole;
}

// Hands out all whole lines of the buffer, and of an overlong one its begin.
bool Reader::Work::drain() {
  while (size > 0) {
    if (skipping) {
      const auto* newline = static_cast<const char*>(std::memchr(buffer.data(), '\n', size));
      const std::size_t n = newline != nullptr ? static_cast<std::size_t>(newline - buffer.data()) + 1 : size;
      feed({buffer.data(), n});
      drop(n);
      skipping = newline == nullptr;
      continue;
    }
    if (buffer[0] == '\0') {
      // A hole that a writer without O_APPEND left: no part of the line behind
      // it, and often far longer than a line may be.
      const auto* line = std::find_if(buffer.data(), buffer.data() + size, [](char c) { return c != '\0'; });
      const auto n = static_cast<std::size_t>(line - buffer.data());
      if (n == size && size < piece) break;  // it may yet be filled
      feed({buffer.data(), n});
      drop(n);
      if (!in_hole) ++chunk.holes;
      in_hole = true;
      continue;
    }
    in_hole = false;
    bool overlong = false;
    const std::size_t whole = whole_lines(overlong);
    if (whole == 0 && !overlong) break;
    skipping = overlong;
    if (!out(overlong ? static_cast<std::size_t>(options.max_line) : whole, overlong, overlong)) return false;
  }
  return true;
}

// A stream waits for more: what is whole goes out, and after two seconds it is
// to be durable.
bool Reader::Work::pause() {
  if (!drain()) return false;
  if (!deadline || Clock::now() < *deadline) return true;
  deadline.reset();  // what waits then is a line without its end
  if (!open_unit) return true;
  chunk.end = seen.position();
  end_unit(false);
  return send();
}

// From seen.position() to the content's end, chunk by chunk.
void Reader::Work::hand_out(Content& content, InputEnd& end) {
  const bool stream = content.source().stream();
  piece = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, std::max<std::uint64_t>(options.batch, 4096)));
  buffer.resize(piece + static_cast<std::size_t>(options.max_line) + 1 + padding);
  size = 0;
  skipping = last != '\n' && last != '\0';
  in_hole = false;
  deadline.reset();
  open_unit = false;
  const std::uint64_t begin = unit_begin = seen.position();
  std::string continues;  // the file that a stream began like
  for (std::size_t s = 0; s < known.size() && stream; ++s)
    if (standings[s].known && known[s][standings[s].source].inode != 0) continues = known[s][standings[s].source].path;

  bool ended = false;
  while (!ended && !stopped) {
    std::size_t got = 0;
    const std::size_t want = (size < piece ? piece : piece + static_cast<std::size_t>(options.max_line)) - size;
    Source::Got what = Source::Got::data;
    // A stream with whole lines in hand does not wait for more of them.
    const bool lines_in_hand = stream && size > 0 && std::memchr(buffer.data(), '\n', size) != nullptr;
    try {
      what = content.read(buffer.data() + size, want, got, lines_in_hand ? std::optional(Clock::now()) : deadline);
    } catch (const Error& e) {
      end.damaged = ended = true;
      end.trouble = e.what();
    }
    consumed = consumed_before + content.source().consumed();
    if (got > 0 && !deadline && stream) deadline = Clock::now() + live_unit;
    size += got;
    if (what == Source::Got::end) ended = true;
    if (what == Source::Got::stopped) stopped = true;
    if (what == Source::Got::timeout && !pause()) return;
    if (what == Source::Got::data && size >= piece && !drain()) return;
  }
  const bool asked_to_end = stopped;
  if (!drain() && !asked_to_end) return;
  const bool good_end = !end.damaged && !asked_to_end;
  const bool complete = stream || content.source().compression() != Compression::none || options.final_line;
  if (size > 0 && good_end && complete && !skipping && !out(size, false, true)) return;
  end.line_waits = size > 0 && good_end;
  if (seen.position() > begin) end.continues = continues;
  end.source = record(good_end);
  if (open_unit) end_unit(good_end);
}

void Reader::Work::take(std::size_t i) {
  index = i;
  is_edited = false;
  path = input().path;
  first_line = input().first;
  restart();
  auto begin = std::make_unique<InputBegin>();
  auto end = std::make_unique<InputEnd>();
  stat = input().stat;
  const auto file_size = input().stream ? 0 : static_cast<std::uint64_t>(stat.st_size);
  chunk.offset = chunk.end = 0;
  if (passed_by_hints()) {
    begin->passed = true;
    begin->standings = standings;
    chunk.begins = std::move(begin);
    chunk.ends = std::move(end);
    consumed = consumed_before += file_size;
    send();
    return;
  }
  try {
    stat_taken = now_ns();
    Content content = open();
    stat = content.source().stat();
    // Rotated, or cut and written anew, while it waited for its turn?
    const bool as_listed = input().stream || (FileId{stat.st_dev, stat.st_ino} == listed() &&
                                              nanoseconds(stat.st_mtim) == nanoseconds(input().stat.st_mtim));
    if (!as_listed && options.first_time) first_line = options.first_time(path);
    bool going = true;
    if (!resume_by_hints(content)) {
      if (!input().stream && content.source().compression() == Compression::none) content.seek(0);
      restart();
      going = identify(content);
    }
    for (std::size_t s = 0; s < standings.size(); ++s)
      standings[s].twin = standings[s].known && from_this_run[s][standings[s].source];
    begin->standings = standings;
    end->edited = is_edited;
    const bool is_known = std::any_of(standings.begin(), standings.end(), [](const Standing& s) { return s.known; });
    const bool other_log = input().followed && !is_known;  // the inode was given to another file
    if (other_log && !input().stands_for.empty()) {
      end->damaged = true;
      end->trouble = fmt::format("cannot read '{}': {}", visible(input().stands_for), std::strerror(ENOENT));
    }
    going = going && !is_edited && !other_log;
    cuts.clear();
    for (const Standing& s : standings) cuts.push_back(s.offset);
    chunk.begins = std::move(begin);
    if (going) {
      chunk.end = seen.position();
      if (!send()) return;
      hand_out(content, *end);
    }
    consumed_before += file_size;
  } catch (const Error& e) {
    if (chunk.begins == nullptr && begin != nullptr) {
      begin->standings.assign(known.size(), {});
      chunk.begins = std::move(begin);
    }
    end->damaged = true;
    end->trouble = e.what();
    end->hint = e.hint;
  }
  chunk.end = seen.position();
  chunk.ends = std::move(end);
  send();
}

Reader::Reader(const std::vector<Input>& inputs, std::vector<std::vector<SourceRecord>> known, ReaderOptions options)
    : work_(std::make_unique<Work>(inputs, std::move(known), std::move(options))) {
  for (const auto& sources : work_->known) work_->from_this_run.emplace_back(sources.size(), false);
}

Reader::~Reader() = default;

void Reader::run(const Emit& emit) {
  work_->emit = &emit;
  for (std::size_t i = 0; i < work_->inputs.size() && !work_->stopped && stop_signal() == 0; ++i) work_->take(i);
}

std::uint64_t Reader::consumed() const {
  return work_->consumed;
}

}  // namespace track_usage
