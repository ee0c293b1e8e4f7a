// CONTRACT: what a log dialect must do, and the one way from the fields of a
// line to a row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/zone.h"
#include "src/row.h"

namespace track_usage {

// Who undoes a field's escapes: a CLF field stands as logged, a JSON string was
// undone by its parser.
enum class Escapes : std::uint8_t { clf, undone };

// One line as a dialect cut it. Views borrow from the line or from the
// parser's scratch, until the next line. A view without data() is a field that
// the dialect does not have.
struct Fields {
  std::string_view host, remote, port, ident, user, request, referrer, agent;
  std::string_view peer, forwarded, accept_language, scheme;
  std::string_view method, target, protocol;  // where the log has them apart: request is then empty
  std::string_view extra;                     // what follows a positional format's last field, as logged
  std::string_view around;                    // ready members of a JSON object: what an envelope says
  std::string_view variables;                 // ready members of a JSON object ("a":1,"b":"x") for track_var
  std::int64_t time = 0;                      // microseconds since the epoch, UTC
  std::int64_t bytes = no_number;
  std::int64_t micros = no_number;
  std::int16_t status = no_status;
  Escapes escapes = Escapes::clf;
  bool zone_assumed = false;  // the time stated no zone
  bool repeats = false;       // a name may stand twice in `variables`; its last value counts
  bool plain = false;         // no field needs normalising (is_plain holds for the line)
  std::uint8_t flags = 0;
};

// How much of a line a dialect could read, worst first.
enum class Match : std::uint8_t {
  none,       // the frame (address, time, status) cannot be read
  truncated,  // a sound frame, but fields are missing at the end
  extras,     // every field, and more after them
  whole,      // every field and nothing else
};

struct Reading {
  Match match = Match::none;
  std::uint8_t named = 0;                  // fields that were filled
  Reject reason = Reject::unknown_format;  // where match is none
  std::uint32_t column = 0;                // where reading stopped, bytes from the line's start
  std::string_view expected;               // what should stand there; a literal
  const Parser* inside = nullptr;          // of an envelope: who read what was in it
  std::string_view around = {};            // and what it was, as "syslog"; a literal
};

struct LogOptions {
  Zone zone;  // of times that state none
};

class Agents;
class QueryRules;
class RowBuilder;
class Visitors;

// A # line that is longer says nothing.
constexpr std::size_t longest_directive = 64 * 1024;

// A dialect. Const, and called from several threads at once: what a parse must
// remember lives in the builder or is thread_local.
class Parser {
 public:
  virtual ~Parser() = default;

  // Reads one line (without its newline, with 64 readable bytes after it) as
  // leniently as the dialect allows. `fields` is meaningful unless none.
  virtual Reading read(std::string_view line, Fields& fields) const = 0;

  // A line that begins with # may say how the lines behind it are to be read, to
  // the calling thread. An empty one: forget what was said.
  virtual void directive(std::string_view line) const { (void)line; }

  // Another dialect may read the same lines whole, otherwise (maps of JSON, format
  // strings): where there are several, every line is weighed.
  virtual bool ambiguous() const { return false; }

  // Its fields borrow from the line alone, and stand when another line was read.
  virtual bool borrows_from_line() const { return false; }

  // It takes off what stands around a line of another dialect.
  virtual bool envelope() const { return false; }

  // The fast path: adds a row for each line of [from, end) as long as lines
  // match whole and no other dialect could claim them; returns the first line
  // that it leaves to the dispatcher, or end. The text ends at a newline and
  // 64 readable bytes follow it. One virtual call a run of lines.
  virtual const char* parse(const char* from, const char* end, RowBuilder& out) const = 0;
};

struct ParserInfo {
  std::string_view name;
  std::string_view help;     // one line, for `list parsers`
  std::string_view example;  // one line of such a log, behind the # lines that it needs
  std::unique_ptr<Parser> (*make)(const LogOptions&);
};

// What rows get that their line does not say.
struct RowDefaults {
  std::string server_name = "self";  // --server, else for logs without a host
  bool server_fixed = false;         // --server was given: it beats the log's host
  std::string variables;             // --set k=v as ready JSON members
  // Borrowed; null: all of a query is kept, no cookie is looked for, and the
  // built-in table reads the agents.
  const QueryRules* query = nullptr;
  const Visitors* visitors = nullptr;
  const Agents* agents = nullptr;
};

// Turns fields into rows of a batch. One a worker; not shared.
class RowBuilder {
 public:
  explicit RowBuilder(RowDefaults defaults);
  ~RowBuilder();

  // Rows go to `batch`, whose first byte stands at `offset` of the content and
  // at `text` in memory.
  void begin(Batch& batch, const char* text, std::uint64_t offset);
  // The rows added until unwrap() are of the line that begins at `line`, whatever
  // text of it they are read from, and have `around` in track_var.
  void wrap(const char* line, std::string_view around) {
    wrapped_ = line;
    around_ = around;
  }
  void unwrap() { wrap(nullptr, {}); }
  void add(const Fields& fields, const char* line);
  void reject(Reject reason, std::string_view line);
  void blank() {
    ++batch_->counts.blank;
    ++line_;
  }

 private:
  TextId value(std::string_view raw, const Fields& fields);
  TextId link(std::string_view raw, const Fields& fields);
  std::uint32_t request(const Fields& fields);
  std::uint32_t agent(const Fields& fields);
  TextId remote(std::string_view raw, const Fields& fields);
  void variables(const Fields& fields);
  Request split(std::string_view undone, const Fields& fields);

  struct KnownAgents;  // agents' parts, from batch to batch

  RowDefaults defaults_;
  std::unique_ptr<KnownAgents> known_;
  Batch* batch_ = nullptr;
  const char* text_ = nullptr;
  const char* wrapped_ = nullptr;
  std::string_view around_;
  std::uint64_t offset_ = 0;
  std::uint64_t line_ = 0;  // lines begun in this batch
  TextId server_ = null_text, variables_ = null_text;
  Texts request_keys_;                     // undone requests; their ids index request_of_
  std::vector<std::uint32_t> request_of_;  // request key -> batch request
  std::vector<std::uint32_t> agent_of_;    // text id of the string -> batch agent
  std::string undone_, covered_, text_value_, path_, args_, key_, port_, members_;
  std::uint8_t line_flags_ = 0;
};

// Lines to be read: the text ends at a newline and 64 readable bytes follow it.
struct Lines {
  std::string_view text;
  std::uint64_t offset = 0;       // of its first byte in the content
  bool cut = false;               // the last line was cut at --max-line
  std::string_view heading = {};  // the # lines before them that say how to read them
};

// Chooses among dialects line by line: the best reading wins (whole, then most
// fields); the last that matched is tried first and that never shows.
class Dispatcher {
 public:
  // `parsers` outlive the dispatcher. The order settles ties.
  explicit Dispatcher(std::vector<const Parser*> parsers);

  struct Choice {
    const Parser* parser = nullptr;  // who read the line, or what was in the envelope
    const Parser* tried = nullptr;   // the one of the list: that parser or the envelope
    Reading reading;
  };
  // Fills `fields` from the best reading of one line.
  Choice best(std::string_view line, Fields& fields) const;

  // Tells the dialects what a # line says, in the calling thread.
  void directive(std::string_view line) const;

  // Every line becomes a row, a reject or a blank of `batch`.
  void parse(const Lines& lines, RowBuilder& builder, Batch& batch) const;

 private:
  std::vector<const Parser*> parsers_;
  bool weighs_ = false;  // every line, as several dialects could read it whole
};

// A line that is no request by intent: white space only, or a # directive.
bool is_blank(std::string_view line);

}  // namespace track_usage
