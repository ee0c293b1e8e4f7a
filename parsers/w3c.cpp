// W3C's extended log format, as IIS and CloudFront write it: its # lines name
// the columns, anew wherever they change. https://www.w3.org/TR/WD-logfile.html
#include <algorithm>
#include <atomic>
#include <map>

#include "parsers/layout.h"
#include "src/base/text.h"

namespace track_usage {
namespace {

// Columns, lower case; any other is a variable. Of those that tell the same,
// the one that stands first here is it.
struct Column {
  std::string_view name;
  Part part;
};
constexpr Column known_columns[] = {
    {"date", Part::date},
    {"time", Part::clock},
    {"timestamp(ms)", Part::epoch_millis},
    {"timestamp", Part::epoch_seconds},
    {"c-ip", Part::remote},
    {"cs-username", Part::user},
    {"cs-method", Part::method},
    {"cs-uri-stem", Part::path},
    {"cs-uri-query", Part::query},
    {"cs-uri", Part::target},
    {"sc-status", Part::status},
    {"sc-bytes", Part::bytes},
    {"time-taken", Part::seconds},
    {"cs(user-agent)", Part::agent},
    {"cs(referer)", Part::referrer},
    {"cs(referrer)", Part::referrer},
    {"x-host-header", Part::host},
    {"cs-host", Part::host},
    {"cs(host)", Part::host},
    {"cs-protocol-version", Part::protocol},
    {"cs-version", Part::protocol},
    {"cs-protocol", Part::scheme},
    {"x-forwarded-for", Part::forwarded},
    {"cs(x-forwarded-for)", Part::forwarded},
    {"cs(forwarded)", Part::forwarded},
    {"cs(accept-language)", Part::language},
};

// What CloudFront writes, where its # lines were lost.
constexpr std::string_view cloudfront_columns =
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
    "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken "
    "x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end";

bool is_cloudfront(std::string_view columns) {
  return columns.find("x-edge-") != std::string_view::npos;
}

constexpr std::size_t most_made = 64;      // layouts that a thread keeps
constexpr std::size_t most_columns = 256;  // more are none that a server writes

// What the # lines have said so far.
struct Said {
  std::string columns, software, date;
};

bool is_iis(const Said& said) {
  if (!said.software.empty()) return said.software.starts_with("Microsoft");
  const auto has = [&](std::string_view column) { return said.columns.find(column) != std::string::npos; };
  return has("sc-win32-status") || has("sc-substatus") || has("s-sitename");
}

bool tells_time(const LayoutField& field) {
  return field.part == Part::clock || field.part == Part::epoch_millis || field.part == Part::epoch_seconds;
}

Layout layout_of(const Said& said, char between) {
  Layout layout;
  const bool cloudfront = is_cloudfront(said.columns);
  layout.name = cloudfront ? "cloudfront" : "w3c";
  layout.escaped = false;
  layout.doubled = true;
  layout.foreign = between == ' ' ? '\t' : ' ';
  layout.coding = cloudfront ? Coding::percent : Coding::plus;
  layout.date = said.date;
  std::vector<std::size_t> ranks;  // beside the fields: places in known_columns
  for (std::string_view rest = said.columns; !(rest = trim(rest)).empty();) {
    const std::string_view name = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(name.size());
    LayoutField field;
    field.name = field.shown = name;
    field.quotable = true;
    if (!layout.fields.empty()) field.before = between;
    const std::string wanted = lower(name);
    const auto* const known = std::find_if(std::begin(known_columns), std::end(known_columns),
                                           [&](const Column& c) { return c.name == wanted; });
    if (known != std::end(known_columns)) field.part = known->part;
    // IIS counts in milliseconds, against the standard.
    if (field.part == Part::seconds && is_iis(said)) field.part = Part::millis;
    layout.fields.push_back(std::move(field));
    ranks.push_back(static_cast<std::size_t>(known - std::begin(known_columns)));
  }
  for (std::size_t i = 0; i < layout.fields.size(); ++i)
    for (std::size_t j = 0; j < layout.fields.size(); ++j)
      if (layout.fields[i].part == layout.fields[j].part && layout.fields[i].part > Part::skipped &&
          ranks[j] < ranks[i]) {
        layout.fields[i].part = layout.fields[i].part == Part::host ? Part::other_host : Part::skipped;
        break;
      }
  return layout;
}

class W3c final : public Parser {
 public:
  W3c(const LogOptions& options, bool cloudfront) : options_(options), cloudfront_(cloudfront) {}

  void directive(std::string_view line) const override {
    Memory& m = memory();
    const auto after = [&](std::string_view name) { return line.starts_with(name); };
    if (line.empty()) m.said = {};
    if (after("#Software:")) m.said.software = trim(line.substr(10));
    if (after("#Date:")) m.said.date = std::string(trim(line.substr(6)).substr(0, 10));
    if (after("#Fields:")) m.said.columns = line.substr(8);
    m.current = nullptr;
  }

  Reading read(std::string_view line, Fields& fields) const override {
    const Parser* const parser = parser_for(line);
    if (parser == nullptr)
      return {Match::none, 0, Reject::unknown_format, 0, "a #Fields line somewhere before this one"};
    return parser->read(line, fields);
  }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    const std::string_view text(from, static_cast<std::size_t>(end - from));
    const Parser* const parser = parser_for(text.substr(0, text.find('\n')));
    return parser != nullptr ? parser->parse(from, end, out) : from;
  }

 private:
  struct Columns {
    std::unique_ptr<Parser> by_blank, by_tab;
  };
  // A thread's: what the lines that it reads were said to be.
  struct Memory {
    Said said;
    const Columns* current = nullptr;
    std::map<std::string, Columns> made;  // by what was said
  };
  Memory& memory() const {
    thread_local std::map<std::uint64_t, Memory> memories;  // by parser
    return memories[id_];
  }

  const Parser* parser_for(std::string_view line) const {
    Memory& m = memory();
    if (m.current == nullptr) {
      Said said = m.said;
      if (cloudfront_ && said.columns.empty()) said.columns = cloudfront_columns;
      const auto names =
          std::count_if(said.columns.begin(), said.columns.end(), [](char c) { return c == ' ' || c == '\t'; });
      if (static_cast<std::size_t>(names) > most_columns) return nullptr;
      if (said.columns.empty() || is_cloudfront(said.columns) != cloudfront_) return nullptr;
      const std::string key = said.columns + '\n' + said.software + '\n' + said.date;
      if (m.made.size() > most_made) m.made.clear();
      auto& columns = m.made[key];
      if (columns.by_blank == nullptr) {
        Layout layout = layout_of(said, ' ');
        if (std::none_of(layout.fields.begin(), layout.fields.end(), tells_time)) {
          m.made.erase(key);
          return nullptr;
        }
        columns.by_blank = make_layout_parser(std::move(layout), options_);
        columns.by_tab = make_layout_parser(layout_of(said, '\t'), options_);
      }
      m.current = &columns;
    }
    const auto between = line.find_first_of(" \t");  // a tab within a later field separates nothing
    const bool tabs = between != std::string_view::npos && line[between] == '\t';
    if (cloudfront_ && !tabs && m.said.columns.empty()) return nullptr;
    return tabs ? m.current->by_tab.get() : m.current->by_blank.get();
  }

  static inline std::atomic<std::uint64_t> made_{0};

  const std::uint64_t id_ = ++made_;  // an address may be used again
  LogOptions options_;
  bool cloudfront_;
};

}  // namespace

extern const ParserInfo w3c_parser, cloudfront_parser;
const ParserInfo w3c_parser{
    "w3c", "W3C extended, as of IIS: its #Fields lines name the columns",
    "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-bytes time-taken\n"
    "2026-11-22 14:05:06 203.0.113.7 GET /index.html - 200 5120 4",
    [](const LogOptions& options) -> std::unique_ptr<Parser> { return std::make_unique<W3c>(options, false); }};
const ParserInfo cloudfront_parser{
    "cloudfront", "Amazon CloudFront's standard log, with or without its #Fields line",
    "2026-11-22\t14:05:06\tFRA2-C1\t5120\t203.0.113.7\tGET\td111.cloudfront.net\t/index.html\t200\t-\tcurl/"
    "8.5.0\t-\t-\t"
    "Hit\tabc==\twww.example.com\thttps\t23\t0.004\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t51234\t"
    "0.004\tHit\ttext/html\t5120\t-\t-",
    [](const LogOptions& options) -> std::unique_ptr<Parser> { return std::make_unique<W3c>(options, true); }};

}  // namespace track_usage
