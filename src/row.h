// CONTRACT: what parsers make, filters and enrichers refine, and sinks, stores
// and hooks read. A batch is columns: numbers as they are, and every text as an
// id into the batch's distinct texts, so that what is costly (normalising,
// filtering, splitting an agent, finding a dictionary id) is done once a
// distinct value and nothing is done by string a line.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

class Parser;

// Index into Batch::texts. 0 is null, in every batch.
using TextId = std::uint32_t;
constexpr TextId null_text = 0;

// A batch's distinct texts, with their 64-bit hashes (hash_text), in the order
// in which they were first seen. Owns its bytes; a view it hands out stands
// until clear() or destruction.
class Texts {
 public:
  Texts();
  TextId intern(std::string_view text);
  TextId intern(std::string_view text, std::uint64_t hash);
  // Every text of `from`, or those with chosen[id]; ids[id] is what it is here.
  void intern_all(const Texts& from, const std::vector<std::uint8_t>& chosen, std::vector<TextId>& ids);
  std::string_view operator[](TextId id) const { return {entries_[id].data, entries_[id].size}; }
  std::uint64_t hash(TextId id) const { return entries_[id].hash; }
  std::size_t size() const { return entries_.size(); }
  void clear();  // keeps the memory for the next batch

 private:
  struct Entry {
    const char* data;
    std::uint32_t size;
    std::uint64_t hash;
  };
  // The hash's upper half stands in the slot: a probe that misses touches no entry.
  struct Slot {
    std::uint32_t tag;
    TextId id;
  };
  void grow();
  const char* keep(std::string_view text);

  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_ = 0, used_ = 0;  // block_ is the one being filled
  std::vector<std::unique_ptr<char[]>> large_;
};

// The text columns that a row has of its own.
enum class Column : std::uint8_t {
  remote_addr,
  peer_addr,
  xforwardedfor,
  referrer,
  username,
  server_name,
  language,
  visitor,
  country,
  blueprint,
  route,
  view_args,
  ip_info,
  track_var,
  stored_count_,
  // made of others where a hook counts by it, and not stored
  referrer_domain = stored_count_,
  own_count_,
  // and those it has by way of its request or agent
  url = own_count_,
  path,
  method,
  agent,
  browser,
  bot,
};
constexpr auto stored_columns = static_cast<std::size_t>(Column::stored_count_);
constexpr auto own_columns = static_cast<std::size_t>(Column::own_count_);

enum Flag : std::uint8_t { malformed_request = 1, truncated_line = 2, not_utf8 = 4, long_line = 8 };
constexpr std::array<std::string_view, 4> flag_names = {"malformed_request", "truncated_line", "not_utf8", "long_line"};

// A distinct request: the parts of DESIGN's row that the request line gives.
struct Request {
  TextId request = 0, method = 0, url = 0, path = 0, url_args = 0, protocol = 0;
  std::uint8_t flags = 0;
  bool operator==(const Request&) const = default;
};

// A distinct user agent.
struct Agent {
  TextId string = 0, browser = 0, language = 0, platform = 0, version = 0, bot = 0;
};

// An hour that rows fall into, in the store's zone.
struct Hour {
  std::int64_t start = 0;  // its first instant, seconds since the epoch
  std::int32_t day = 0;    // its calendar date, days since 1970-01-01
};

// Why a line is no row. The names are those of P_rejects and --summary-json.
enum class Reject : std::uint8_t {
  unknown_format,
  no_address,
  bad_time,
  bad_status,
  truncated,
  bad_json,
  too_long,
  count_
};
constexpr std::array<std::string_view, static_cast<std::size_t>(Reject::count_)> reject_names = {
    "unknown_format", "no_address", "bad_time", "bad_status", "truncated", "bad_json", "too_long"};

// Why a row was not kept: the first kind of filter that it did not pass.
enum class Filtered : std::uint8_t {
  since,
  until,
  status,
  method,
  host,
  remote,
  agent,
  bots,
  username,
  visitor,
  include,
  exclude,
  include_blueprint,
  exclude_blueprint,
  count_
};
constexpr std::array<std::string_view, static_cast<std::size_t>(Filtered::count_)> filtered_names = {
    "since",
    "until",
    "status",
    "method",
    "host",
    "remote",
    "agent",
    "bots",
    "username",
    "visitor",
    "include",
    "exclude",
    "include_blueprint",
    "exclude_blueprint"};

struct RejectedLine {
  Reject reason;
  std::uint64_t line;    // counted from 1 within the batch, within the source in a unit
  std::uint64_t offset;  // of the line's first byte in the decompressed content
  std::string raw;       // unchanged, without its newline
};

// The lines of a batch or unit, by what became of them.
struct Counts {
  std::uint64_t stored = 0, blank = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Filtered::count_)> filtered_by{};
  std::array<std::uint64_t, static_cast<std::size_t>(Reject::count_)> rejected_by{};

  std::uint64_t filtered() const;
  std::uint64_t rejected() const;
  std::uint64_t read() const { return stored + filtered() + rejected() + blank; }
  Counts& operator+=(const Counts& other);
};

constexpr std::int64_t no_number = INT64_MIN;  // null in bytes and micros
constexpr std::int16_t no_status = -1;

// A dialect, and what its line stood in, as "syslog" (a literal).
struct ReadBy {
  const Parser* parser = nullptr;
  std::string_view around;
  bool operator==(const ReadBy&) const = default;
};

struct Batch {
  // One entry a row.
  std::vector<std::int64_t> time;     // microseconds since the epoch, UTC
  std::vector<std::uint64_t> offset;  // of the line in the source's content, bytes
  std::vector<std::int64_t> bytes;    // content_length
  std::vector<std::int64_t> micros;   // speed, microseconds
  std::vector<std::int16_t> status;
  std::vector<std::uint8_t> flags;     // Flag; those of the request are in it
  std::vector<std::uint32_t> request;  // index into requests
  std::vector<std::uint32_t> agent;    // index into agents
  std::vector<std::uint32_t> hour;     // index into hours; empty until buckets are set
  // One entry a row, or empty where the whole column is null.
  std::array<std::vector<TextId>, own_columns> own;

  // Distinct values. requests[0] and agents[0] are all null.
  Texts texts;
  std::vector<Request> requests;
  std::vector<Agent> agents;
  std::vector<Hour> hours;

  std::vector<RejectedLine> rejects;
  Counts counts;
  std::uint64_t holes = 0;      // runs of NULs before a line that were skipped
  bool zone_assumed = false;    // a row's time stated no zone
  std::vector<ReadBy> read_by;  // who read its lines, in the order of their first ones

  Batch() { clear(); }
  std::size_t size() const { return time.size(); }
  void clear();

  TextId text(Column column, std::size_t row) const;  // any column
  void set(Column column, TextId id);                 // of the row being appended; own columns only
  void end_row();                                     // after all of a row's numbers were pushed
};

// Grows a batch from others: their rows in order, their ids mapped to its own.
// The first use of a value decides its id, so the order of rows alone decides
// the ids. Texts that only rows left out by `keep` used are not taken over.
class Gatherer {
 public:
  // Appends the rows of `from` whose keep[i] is true (all, if `keep` is empty).
  // Rejects and counts are not touched.
  void append(Batch& to, const Batch& from, const std::vector<std::uint8_t>& keep);
  void forget();  // `to` was cleared or is another

 private:
  void map_values(Batch& to, const Batch& from, const std::vector<std::uint8_t>& keep);

  std::vector<std::uint32_t> texts_, requests_, agents_, hours_;  // from's ids to to's
  std::vector<std::uint32_t> rows_;                               // of from that are taken
  std::vector<std::uint32_t> request_slots_, agent_slots_;        // hash tables over to's
};

// One row as values, for whoever writes rows as text. Views borrow from the
// batch; null is a view without data().
struct RowView {
  std::int64_t time, bytes, micros;
  std::int16_t status;
  std::uint8_t flags;
  Request request;
  Agent agent;
  std::array<TextId, own_columns> own;
  const Texts* texts;

  RowView(const Batch& batch, std::size_t row);
  bool has(TextId id) const { return id != null_text; }
  std::string_view operator()(TextId id) const { return (*texts)[id]; }
  std::string_view operator()(Column c) const { return (*texts)[own[static_cast<std::size_t>(c)]]; }
  bool has(Column c) const { return own[static_cast<std::size_t>(c)] != null_text; }
};

}  // namespace track_usage
