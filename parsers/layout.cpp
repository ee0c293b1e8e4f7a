// Lines cut by a Layout: each field ends where the text before the next one
// begins; within quotes an escaped quote does not end it.
#include "parsers/layout.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>

#include <fmt/format.h>

#include "parsers/named_fields.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t nanos_of_second = 1'000'000'000;
// The years 1 to 9999, as other times are bounded.
constexpr std::int64_t first_time = -62'135'596'800 * second, end_time = 253'402'300'800 * second;

bool is_time(Part part) {
  return part >= Part::clf_time && part <= Part::strftime;
}

// An unquoted field of these parts may hold blanks where it is the last.
bool holds_blanks(Part part) {
  return part == Part::variable || part == Part::skipped || part == Part::agent || part == Part::referrer ||
         part == Part::forwarded || part == Part::request || part == Part::strftime || part == Part::clf_time;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  const auto n = parse_number(text);
  if (!n || *n > INT64_MAX / 1000) return {};
  return static_cast<std::int64_t>(*n);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_ip(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF.:[]%") == std::string_view::npos;
}

void halve_quotes(std::string& text) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size(); ++from) {
    text[to++] = text[from];
    if (text[from] == '"' && from + 1 < text.size() && text[from + 1] == '"') ++from;
  }
  text.resize(to);
}

// HAProxy puts a + before what was not complete when it was logged.
std::string_view without_plus(std::string_view text) {
  return text.starts_with('+') ? text.substr(1) : text;
}

class LayoutParser final : public Parser {
 public:
  LayoutParser(Layout layout, const LogOptions& options) : layout_(std::move(layout)), zone_(options.zone) {
    for (std::size_t i = 0; i < layout_.fields.size(); ++i) {
      LayoutField& field = layout_.fields[i];
      const std::string& next = next_text(i);
      Plan plan;
      plan.expected = field.before.empty() ? field.shown : fmt::format("'{}' before {}", field.before, field.shown);
      plan.valid = fmt::format("{} as {} writes it", field.shown, layout_.name);
      std::string name;
      append_text(name, field.name);
      append_json(plan.key, name);
      plan.key += ':';
      for (std::size_t j = 0; j < i && field.part == Part::variable; ++j)  // a name stands in track_var once
        if (layout_.fields[j].part == Part::variable && plans_[j].key == plan.key) field.part = Part::skipped;
      const bool next_may_miss = i + 1 < layout_.fields.size() && !layout_.fields[i + 1].closing.empty();
      plan.end = next_may_miss ? next.substr(0, 1) : next;
      if (next.starts_with(' ') && field.part == Part::strftime)
        plan.blanks = static_cast<std::size_t>(std::count(field.name.begin(), field.name.end(), ' '));
      plan.list = next.starts_with(' ') && field.part == Part::variable && field.name.starts_with("upstream_");
      if (next.starts_with(' ') && field.part == Part::clf_time && !layout_.preset) plan.blanks = 1;
      plan.quoted = field.before.ends_with('"') && next.starts_with('"');
      plan.hiding = !plan.quoted && field.closing.empty() && next.size() > 1 && next[0] == ' ' &&
                    (layout_.preset || !holds_blanks(field.part));
      plans_.push_back(std::move(plan));
      addressed_ = addressed_ || field.part == Part::remote || field.part == Part::client;
      if (field.part == Part::strftime) forms_.append(field.name) += '\n';
    }
    Plan end;
    end.expected = fmt::format("'{}' at the end", layout_.after);
    plans_.push_back(std::move(end));
    zoned_ = forms_.find("%z") != std::string::npos;
  }

  bool ambiguous() const override { return !layout_.preset; }  // another string may read the same lines

  Reading read(std::string_view line, Fields& fields) const override { return split(line, fields, memory()); }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    Memory& m = memory();
    Fields fields;
    while (from < end) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      if (newline == nullptr) return from;
      std::string_view line(from, static_cast<std::size_t>(newline - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (split(line, fields, m).match != Match::whole || m.hidden) return from;
      out.add(fields, from);
      from = newline + 1;
    }
    return end;
  }

 private:
  // What is settled of a field before a line is read.
  struct Plan {
    std::string expected, valid;  // for rejects: in front of the field, and in it
    std::string key;              // of a variable, as a member of a JSON object begins
    std::string end;              // what is looked for
    std::size_t blanks = 0;       // of a time that stands unquoted: its own
    bool list = false;            // "a, b : c": not every blank ends it
    bool quoted = false;
    bool hiding = false;  // a blank in it may be the end of a field in another dialect
  };

  // What a thread keeps from line to line.
  struct Memory {
    ClfTime clf;
    std::string stamp;       // the parts of a time, as forms of strftime or a date and a clock name them
    std::string last_stamp;  // the one before, and what it was
    std::int64_t last_time = 0;
    std::string target, variables, value, shown;
    std::vector<std::pair<std::size_t, std::string_view>> kept;  // fields that go into variables
    std::string agent, referrer, forwarded, language;            // freed of their coding
    std::string_view date, clock;                                // of one time
    std::string_view other_host;
    std::int64_t fraction = 0;  // of a second
    std::int64_t sum = 0;       // of durations that are parts of one, or no_number
    int parts = 0;              // how many there were
    bool plain = true;          // what was freed of its coding
    bool hidden = false;        // the line may be another dialect's
    bool zone_assumed = false;

    void begin_line() {
      target.clear();
      variables.clear();
      kept.clear();
      stamp.clear();
      date = clock = other_host = {};
      fraction = sum = 0;
      parts = 0;
      hidden = false;
      plain = true;
    }
  };
  Memory& memory() const {
    thread_local Memory memory;
    memory.clf = ClfTime(zone_);
    memory.last_stamp.clear();
    memory.zone_assumed = false;
    return memory;
  }

  // What follows field i.
  const std::string& next_text(std::size_t i) const {
    return i + 1 < layout_.fields.size() ? layout_.fields[i + 1].before : layout_.after;
  }

  const char* cut(std::size_t i, const char* at, const char* end, std::string_view& text) const;
  Reading split(std::string_view line, Fields& f, Memory& m) const;
  bool settle(std::string_view line, Fields& f, Memory& m) const;
  std::string_view decoded(std::string_view text, std::string& kept, Memory& m) const;
  bool take_date(Fields& f, Memory& m) const;
  bool take(const LayoutField& field, std::string_view text, Fields& f, Memory& m, Reject& reason) const;
  bool take_time(const LayoutField& field, std::string_view text, Fields& f, Memory& m) const;
  bool take_stamp(Fields& f, Memory& m) const;
  void take_variable(std::size_t i, std::string_view text, bool plain, Memory& m) const;

  Layout layout_;
  Zone zone_;
  std::vector<Plan> plans_;  // of each field, and of the end
  std::string forms_;        // of all fields that are parts of a time, a line each
  bool zoned_ = false, addressed_ = false;
};

// The end of a quoted field: the first quote that no backslash escapes.
const char* closing_quote(const char* at, const char* end, bool escaped) {
  for (const char* from = at;;) {
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (quote == nullptr || !escaped) return quote;
    const char* slash = quote;
    while (slash > from && slash[-1] == '\\') --slash;
    if ((quote - slash) % 2 == 0) return quote;
    at = quote + 1;
  }
}

const char* find_text(const char* at, const char* end, const std::string& text) {
  if (text.size() == 1) return static_cast<const char*>(std::memchr(at, text[0], static_cast<std::size_t>(end - at)));
  return static_cast<const char*>(memmem(at, static_cast<std::size_t>(end - at), text.data(), text.size()));
}

// The end of a quoted field in which "" is a quote.
const char* closing_doubled(const char* at, const char* end) {
  for (;;) {
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (quote == nullptr || quote + 1 == end || quote[1] != '"') return quote;
    at = quote + 2;
  }
}

// The text of field i, which begins at `at`, and where it ends; null: the line
// ends before the field does.
const char* LayoutParser::cut(std::size_t i, const char* at, const char* end, std::string_view& text) const {
  const LayoutField& field = layout_.fields[i];
  const auto until = [&](const char* stop, std::size_t closing) {
    if (stop == nullptr) return stop;
    text = {at, static_cast<std::size_t>(stop - at)};
    return stop + closing;
  };
  if (field.quotable && at < end && *at == '"') {
    ++at;
    if (layout_.doubled) return until(closing_doubled(at, end), 1);
    // Not every client's quote is escaped: the one that ends the field has a blank behind it.
    const char* quote = closing_quote(at, end, layout_.escaped);
    while (quote != nullptr && quote + 1 < end && quote[1] != ' ')
      quote = closing_quote(quote + 1, end, layout_.escaped);
    return until(quote, 1);
  }
  const bool last = i + 1 == layout_.fields.size();
  const std::string& next = plans_[i].end;
  if (plans_[i].quoted && layout_.escaped) return until(closing_quote(at, end, true), 0);
  if (plans_[i].quoted && !last && layout_.fields[i + 1].part == Part::status) {  // its own quotes stand as they came
    const char* quote = find_text(at, end, next);
    while (quote != nullptr && static_cast<std::size_t>(end - quote) > next.size() && !is_digit(quote[next.size()]) &&
           quote[next.size()] != '-')
      quote = find_text(quote + 1, end, next);
    return until(quote, 0);
  }
  if (!field.closing.empty()) return until(find_text(at, end, field.closing), field.closing.size());
  if (!next.empty()) {
    const char* from = at;
    for (std::size_t blanks = plans_[i].blanks; blanks != 0; --blanks) {  // the field's own
      const auto* blank = static_cast<const char*>(std::memchr(from, ' ', static_cast<std::size_t>(end - from)));
      if (blank == nullptr) break;
      from = blank + 1;
    }
    const char* stop = find_text(from, end, next);
    while (plans_[i].list && stop != nullptr && stop > at &&
           (stop[-1] == ',' || stop[-1] == ':' ||
            std::string_view(stop, static_cast<std::size_t>(end - stop)).starts_with(" : ")))
      stop = find_text(stop + 1, end, next);
    return until(stop == nullptr && i + 1 >= layout_.needed ? end : stop, 0);
  }
  if (!last) return until(find_text(at, end, "/"), 0);
  const char* const stop = holds_blanks(field.part) && !layout_.open ? nullptr : find_text(at, end, " ");
  return until(stop == nullptr ? end : stop, 0);
}

Reading LayoutParser::split(std::string_view line, Fields& f, Memory& m) const {
  const LayoutField& first = layout_.fields[0];
  if (!line.starts_with(first.before)) {
    const Reject reason = first.before.starts_with(line) ? Reject::truncated : Reject::unknown_format;
    return {Match::none, 0, reason, 0, plans_[0].expected};
  }
  // Seen at once, before other dialects' lines are read to their ends. (A quote may be what was cut.)
  if (layout_.preset && layout_.after.size() > 1 && !trim(line).ends_with(layout_.after))
    return {Match::none, 0, Reject::unknown_format, 0, plans_[0].expected};
  f = Fields();
  f.escapes = layout_.escaped ? Escapes::clf : Escapes::undone;
  m.begin_line();
  const char* at = line.data();
  const char* const end = at + line.size();
  bool time = false, status = false;
  Reading r;
  // A line is a row if its frame stands before the place.
  const auto stop = [&](const char* where, Reject reason, std::string_view expected) {
    // A preset's line is known by its time: before it any line may look alike.
    if (layout_.preset && !time) return Reading{Match::none, 0, Reject::unknown_format, 0, plans_[0].expected};
    // Of a preset only what was cut off is missing: what differs is another's line.
    const bool asked = f.request.data() != nullptr || f.target.data() != nullptr;
    const bool own = !layout_.preset || (asked && reason == Reject::truncated);
    const bool framed = time && status && own && (f.remote.data() != nullptr || !addressed_) && settle(line, f, m);
    r.match = framed ? Match::truncated : Match::none;
    r.reason = reason;
    r.column = static_cast<std::uint32_t>(where - line.data());
    r.expected = expected;
    f.extra = {where, static_cast<std::size_t>(end - where)};
    return r;
  };
  for (std::size_t i = 0; i < layout_.fields.size(); ++i) {
    const LayoutField& field = layout_.fields[i];
    const std::string_view left(at, static_cast<std::size_t>(end - at));
    if (!left.starts_with(field.before)) {
      if (!field.closing.empty()) continue;
      if (i >= layout_.needed && trim(left).empty()) break;
      return stop(at, field.before.starts_with(left) ? Reject::truncated : Reject::unknown_format, plans_[i].expected);
    }
    at += field.before.size();
    if (layout_.padded)
      while (at < end && *at == ' ') ++at;
    std::string_view text;
    const char* const behind = cut(i, at, end, text);
    if (behind == nullptr) {  // the line ends here, with what there is of the field
      text = {at, static_cast<std::size_t>(end - at)};
      if (!plans_[i].quoted && !holds_blanks(field.part)) text = text.substr(0, text.find(' '));
      Reject reason = Reject::truncated;
      status = (take(field, text, f, m, reason) && field.part == Part::status) || status;
      return stop(at + text.size(), Reject::truncated, plans_[i + 1].expected);
    }
    if (i == 0 && layout_.foreign != '\0' && text.find(layout_.foreign) != std::string_view::npos)
      return {Match::none, 0, Reject::unknown_format, 0, plans_[0].expected};
    if (plans_[i].hiding && text.find(' ') != std::string_view::npos) {
      if (layout_.preset && field.part != Part::user)
        return stop(at + text.find(' '), Reject::unknown_format, plans_[i + 1].expected);
      m.hidden = true;
    }
    Reject reason = Reject::unknown_format;
    if (!take(field, text, f, m, reason)) return stop(at, reason, plans_[i].valid);
    time = time || is_time(field.part);
    status = status || field.part == Part::status;
    if (field.part > Part::skipped) ++r.named;
    at = behind;
  }
  if (!time || !settle(line, f, m)) {
    if (layout_.preset) return {Match::none, 0, Reject::unknown_format, 0, plans_[0].expected};
    const auto last = std::find_if(layout_.fields.rbegin(), layout_.fields.rend(),
                                   [](const LayoutField& field) { return is_time(field.part); });
    r.reason = Reject::bad_time;
    r.expected = plans_[static_cast<std::size_t>(layout_.fields.rend() - last) - 1].valid;
    return r;
  }
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  if (rest == layout_.after || (rest.starts_with(layout_.after) && trim(rest.substr(layout_.after.size())).empty())) {
    r.match = Match::whole;
    return r;
  }
  r.column = static_cast<std::uint32_t>(at - line.data());
  r.expected = plans_.back().expected;
  f.extra = rest.starts_with(layout_.after) ? rest.substr(layout_.after.size()) : rest;
  if (layout_.open && f.extra.starts_with(' '))
    r.match = Match::whole;
  else
    r.match = rest.empty() ? Match::truncated : Match::extras;
  return r;
}

// What several fields make together. False: they make no sound time.
bool LayoutParser::settle(std::string_view line, Fields& f, Memory& m) const {
  if (!forms_.empty() && !take_stamp(f, m)) return false;
  if ((m.date.data() != nullptr || m.clock.data() != nullptr) && !take_date(f, m)) return false;
  f.time += m.fraction;
  if (!m.target.empty()) f.target = m.target;
  if (m.parts > 0) f.micros = m.sum;
  if (m.other_host.data() != nullptr && (f.host.empty() || f.host == "-")) f.host = m.other_host;
  if (layout_.host_of_url && (f.host.empty() || f.host == "-")) f.host = host_asked(f);
  const bool plain = is_plain(line);
  f.plain = m.plain && plain;
  for (const auto& [i, text] : m.kept) take_variable(i, text, plain, m);
  f.variables = m.variables;
  f.zone_assumed = m.zone_assumed || m.clf.zone_assumed();
  return f.time >= first_time && f.time < end_time;
}

// A header's value freed of its coding.
std::string_view LayoutParser::decoded(std::string_view text, std::string& kept, Memory& m) const {
  const bool doubled = layout_.doubled && text.find("\"\"") != std::string_view::npos;
  const char sign = layout_.coding == Coding::plus ? '+' : '%';
  const bool coded = layout_.coding != Coding::none && text.find(sign) != std::string_view::npos;
  if (!doubled && !coded) return text;
  kept.clear();
  if (coded && layout_.coding == Coding::percent)
    append_percent_decoded(kept, text);
  else
    kept = text;
  if (coded && layout_.coding == Coding::plus) std::replace(kept.begin(), kept.end(), '+', ' ');
  if (doubled) halve_quotes(kept);
  m.plain = m.plain && is_plain(kept);
  return kept;
}

bool LayoutParser::take(const LayoutField& field, std::string_view text, Fields& f, Memory& m, Reject& reason) const {
  switch (field.part) {
    case Part::variable:
      if (field.holds != '\0' && text.find(field.holds) == std::string_view::npos) return false;
      m.kept.emplace_back(static_cast<std::size_t>(&field - layout_.fields.data()), text);
      break;
    case Part::remote:
      reason = Reject::no_address;
      if (text.empty()) return false;
      if (layout_.preset && text == "-") break;
      f.remote = text;
      break;
    case Part::ip:
      if (text == "-") break;
      if (!is_ip(text)) return false;
      f.remote = text;
      break;
    case Part::client:
      split_client(text, f);
      if (!is_ip(f.remote)) return false;
      break;
    case Part::peer:
      f.peer = text;
      break;
    case Part::host:
      f.host = text;
      break;
    case Part::other_host:
      if (text != "-" && m.other_host.empty()) m.other_host = text;
      break;
    case Part::ident:
      f.ident = text;
      break;
    case Part::user:
      f.user = text;
      break;
    case Part::request:
      f.request = text;
      break;
    case Part::method:
      f.method = text;
      break;
    case Part::target:
      f.target = text;
      break;
    case Part::path:
      m.target.insert(0, text);
      break;
    case Part::query:
      if (text.empty() || text == "-") break;
      if (text[0] != '?') m.target += '?';
      m.target += text;
      break;
    case Part::protocol:
      f.protocol = text;
      break;
    case Part::scheme:
      f.scheme = text;
      break;
    case Part::status: {
      reason = Reject::bad_status;
      if (text == "-" || text == "0" || text == "000" || text == "-1") break;  // no answer was sent
      const auto n = number_of(text);
      if (!n || text.size() != 3) return false;
      f.status = static_cast<std::int16_t>(*n);
      break;
    }
    case Part::bytes:
      if (text == "-") break;
      f.bytes = number_of(without_plus(text)).value_or(no_number);
      return f.bytes != no_number;
    case Part::referrer:
      f.referrer = decoded(text, m.referrer, m);
      break;
    case Part::agent:
      f.agent = decoded(text, m.agent, m);
      break;
    case Part::forwarded:
      f.forwarded = decoded(text, m.forwarded, m);
      break;
    case Part::language:
      f.accept_language = decoded(text, m.language, m);
      break;
    case Part::seconds:
      f.micros = last_duration(text, nanos_of_second);
      break;
    case Part::millis:
      f.micros = last_duration(without_plus(text), nanos_of_second / 1'000);
      break;
    case Part::micros:
      f.micros = last_duration(text, nanos_of_second / 1'000'000);
      break;
    case Part::part_seconds: {
      const std::int64_t part = last_duration(text, nanos_of_second);
      m.sum = part == no_number || m.sum == no_number ? no_number : m.sum + part;
      ++m.parts;
      break;
    }
    case Part::millis_fraction:
    case Part::micros_fraction: {
      reason = Reject::bad_time;
      const auto n = number_of(text);
      if (!n || *n >= second) return false;
      m.fraction = field.part == Part::millis_fraction ? *n * 1000 : *n;
      break;
    }
    case Part::date:
      m.date = text;
      break;
    case Part::clock:
      m.clock = text;
      break;
    case Part::port:
    case Part::skipped:
      break;
    default:
      reason = Reject::bad_time;
      return take_time(field, text, f, m);
  }
  return true;
}

bool LayoutParser::take_time(const LayoutField& field, std::string_view text, Fields& f, Memory& m) const {
  std::optional<std::int64_t> time;
  switch (field.part) {
    case Part::clf_time:
      time = m.clf.parse(text);
      break;
    case Part::iso_time:
      time = parse_iso_time(text, zone_, &m.zone_assumed);
      break;
    case Part::epoch_seconds:
      time = parse_seconds(text);
      break;
    case Part::epoch_millis:
      time = number_of(text);
      if (time) *time *= 1000;
      break;
    case Part::epoch_micros:
      time = number_of(text);
      break;
    default:
      m.stamp.append(text) += '\n';
      return true;
  }
  if (time) f.time = *time;
  return time.has_value();
}

bool LayoutParser::take_date(Fields& f, Memory& m) const {
  m.stamp.assign(m.date.data() != nullptr ? m.date : layout_.date).append(1, 'T').append(m.clock).append(1, 'Z');
  if (m.stamp != m.last_stamp) {
    const auto time = parse_iso_time(m.stamp);
    if (!time) return false;
    m.last_time = *time;
    m.last_stamp = m.stamp;
  }
  f.time = m.last_time;
  return true;
}

bool LayoutParser::take_stamp(Fields& f, Memory& m) const {
  if (m.stamp.empty()) return false;
  if (m.stamp != m.last_stamp) {
    std::tm parts{};
    parts.tm_mday = 1;
    const char* const end = ::strptime(m.stamp.c_str(), forms_.c_str(), &parts);
    if (end == nullptr || *end != '\0') return false;
    const std::int64_t days = days_of({parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday});
    if (civil_of(days).day != parts.tm_mday) return false;  // the 31st of November
    const std::int64_t local =
        days * 86400 + parts.tm_hour * 3600 + parts.tm_min * 60 + std::min(parts.tm_sec, 59);  // 60: a leap second
    m.last_time = (zoned_ ? local - parts.tm_gmtoff : zone_.to_utc(local)) * second;
    m.last_stamp = m.stamp;
  }
  m.zone_assumed = m.zone_assumed || !zoned_;
  f.time = m.last_time;
  return true;
}

void LayoutParser::take_variable(std::size_t i, std::string_view text, bool plain, Memory& m) const {
  if (text.empty() || text == "-") return;
  if (!m.variables.empty()) m.variables += ',';
  m.variables += plans_[i].key;
  // A header's blanks; the values of other columns stand as they are.
  const bool coded = layout_.coding == Coding::plus && layout_.fields[i].name.ends_with(')');
  if (!coded && (plain || is_plain(text)) && text.find('"') == std::string_view::npos) {
    m.variables.append(1, '"').append(text) += '"';
    return;
  }
  m.value.clear();
  if (layout_.escaped)
    append_unescaped(m.value, text);
  else
    m.value = text;
  if (layout_.doubled) halve_quotes(m.value);
  if (coded) std::replace(m.value.begin(), m.value.end(), '+', ' ');
  m.shown.clear();
  append_text(m.shown, m.value);
  append_json(m.variables, m.shown);
}

}  // namespace

std::unique_ptr<Parser> make_layout_parser(Layout layout, const LogOptions& options) {
  bool time = false;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const LayoutField& field = layout.fields[i];
    time = time || is_time(field.part);
    if (i != 0 && field.before.empty() && !field.at_slash)
      throw Error(Exit::usage,
                  fmt::format("--format: {} follows {} with nothing between", visible(field.shown),
                              visible(layout.fields[i - 1].shown)),
                  "nobody could tell where one ends");
  }
  if (!time)
    throw Error(Exit::usage, "--format: no field of the format tells the time",
                "Apache writes it by %t, nginx by $time_local");
  return std::make_unique<LayoutParser>(std::move(layout), options);
}

}  // namespace track_usage
