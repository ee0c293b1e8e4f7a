// Lines cut by a Layout: each field ends where the text before the next one
// begins; within quotes an escaped quote does not end it.
#include "parsers/layout.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::int64_t second = 1'000'000;
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

// The last of "0.001, 0.002" or "0.1 : 0.2", in microseconds.
std::int64_t duration_of(std::string_view text, std::int64_t unit) {
  const auto from = text.find_last_of(", :;");
  if (from != std::string_view::npos) text.remove_prefix(from + 1);
  if (unit == second) return parse_seconds(text).value_or(no_number);
  const auto n = number_of(text);
  return n ? *n * unit : no_number;
}

class LayoutParser final : public Parser {
 public:
  LayoutParser(Layout layout, const LogOptions& options) : layout_(std::move(layout)), zone_(options.zone) {
    for (std::size_t i = 0; i < layout_.fields.size(); ++i) {
      const LayoutField& field = layout_.fields[i];
      expected_.push_back(field.before.empty() ? field.shown
                                               : fmt::format("'{}' before {}", field.before, field.shown));
      valid_.push_back(fmt::format("{} as {} writes it", field.shown, layout_.name));
      quoted_.push_back(field.before.ends_with('"') && next_text(i).starts_with('"'));
      addressed_ = addressed_ || field.part == Part::remote;
      if (field.part == Part::strftime) forms_.append(field.name) += '\n';
    }
    expected_.push_back(fmt::format("'{}' at the end", layout_.after));
    zoned_ = forms_.find("%z") != std::string::npos;
  }

  bool ambiguous() const override { return true; }  // another string may read the same lines

  Reading read(std::string_view line, Fields& fields) const override { return split(line, fields, memory()); }

  const char* parse(const char* from, const char* end, RowBuilder& out) const override {
    Memory& m = memory();
    Fields fields;
    while (from < end) {
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
      if (newline == nullptr) return from;
      std::string_view line(from, static_cast<std::size_t>(newline - from));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (split(line, fields, m).match != Match::whole) return from;
      out.add(fields, from);
      from = newline + 1;
    }
    return end;
  }

 private:
  // What a thread keeps from line to line.
  struct Memory {
    ClfTime clf;
    std::string stamp;       // the parts of a time in forms of strftime
    std::string last_stamp;  // the one before, and what it was
    std::int64_t last_time = 0;
    std::string target, variables, value, shown;
    bool zone_assumed = false;
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

  Reading split(std::string_view line, Fields& f, Memory& m) const;
  bool take(const LayoutField& field, std::string_view text, Fields& f, Memory& m, Reject& reason) const;
  bool take_time(const LayoutField& field, std::string_view text, Fields& f, Memory& m) const;
  bool take_stamp(Fields& f, Memory& m) const;
  void take_variable(const LayoutField& field, std::string_view text, Memory& m) const;

  Layout layout_;
  Zone zone_;
  std::vector<std::string> expected_;  // in front of each field, and at the end
  std::vector<std::string> valid_;     // in each field
  std::vector<bool> quoted_;
  std::string forms_;  // of all fields that are parts of a time, a line each
  bool zoned_ = false, addressed_ = false;
};

// The end of a quoted field: the first quote that no backslash escapes.
const char* closing_quote(const char* at, const char* end, bool plain) {
  for (const char* from = at;;) {
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (quote == nullptr || plain) return quote;
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

Reading LayoutParser::split(std::string_view line, Fields& f, Memory& m) const {
  f = Fields();
  f.plain = is_plain(line);
  f.escapes = layout_.escaped ? Escapes::clf : Escapes::undone;
  m.target.clear();
  m.variables.clear();
  m.stamp.clear();
  const char* at = line.data();
  const char* const end = at + line.size();
  std::int64_t fraction = 0;
  bool time = false, status = false;
  Reading r;
  // False: no sound time was found.
  const auto settle = [&] {
    if (!time || (!forms_.empty() && !take_stamp(f, m))) return false;
    f.time += fraction;
    if (!m.target.empty()) f.target = m.target;
    f.variables = m.variables;
    f.zone_assumed = m.zone_assumed || m.clf.zone_assumed();
    return f.time >= first_time && f.time < end_time;
  };
  // A line is a row if its frame stands before the place.
  const auto stop = [&](const char* where, Reject reason, std::string_view expected) {
    const bool framed = time && status && (f.remote.data() != nullptr || !addressed_) && settle();
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
    if (!left.starts_with(field.before))
      return stop(at, field.before.starts_with(left) ? Reject::truncated : Reject::unknown_format, expected_[i]);
    at += field.before.size();
    const std::string& next = next_text(i);
    const char* stop_at = nullptr;
    if (quoted_[i] && layout_.escaped)
      stop_at = closing_quote(at, end, f.plain);
    else if (!next.empty())
      stop_at = find_text(at, end, next);
    else if (i + 1 < layout_.fields.size())
      stop_at = find_text(at, end, "/");
    else if (holds_blanks(field.part) || (stop_at = find_text(at, end, " ")) == nullptr)
      stop_at = end;
    if (stop_at == nullptr) {  // the line ends here, with what there is of the field
      std::string_view text(at, static_cast<std::size_t>(end - at));
      if (!quoted_[i] && !holds_blanks(field.part)) text = text.substr(0, text.find(' '));
      Reject reason = Reject::truncated;
      status = (take(field, text, f, m, reason) && field.part == Part::status) || status;
      return stop(at + text.size(), Reject::truncated, expected_[i + 1]);
    }
    const std::string_view text(at, static_cast<std::size_t>(stop_at - at));
    Reject reason = Reject::unknown_format;
    if (field.part == Part::millis_fraction || field.part == Part::micros_fraction) {
      const auto n = number_of(text);
      if (!n || *n >= second) return stop(at, Reject::bad_time, valid_[i]);
      fraction = field.part == Part::millis_fraction ? *n * 1000 : *n;
    } else if (!take(field, text, f, m, reason)) {
      return stop(at, reason, valid_[i]);
    }
    time = time || is_time(field.part);
    status = status || field.part == Part::status;
    if (field.part > Part::skipped) ++r.named;
    at = stop_at;
  }
  if (!settle()) {
    const auto last = std::find_if(layout_.fields.rbegin(), layout_.fields.rend(),
                                   [](const LayoutField& field) { return is_time(field.part); });
    r.reason = Reject::bad_time;
    r.expected = valid_[static_cast<std::size_t>(layout_.fields.rend() - last) - 1];
    return r;
  }
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  if (rest == layout_.after || (rest.starts_with(layout_.after) && trim(rest.substr(layout_.after.size())).empty())) {
    r.match = Match::whole;
    return r;
  }
  r.column = static_cast<std::uint32_t>(at - line.data());
  r.expected = expected_.back();
  r.match = rest.empty() ? Match::truncated : Match::extras;
  f.extra = rest.starts_with(layout_.after) ? rest.substr(layout_.after.size()) : rest;
  return r;
}

bool LayoutParser::take(const LayoutField& field, std::string_view text, Fields& f, Memory& m, Reject& reason) const {
  switch (field.part) {
    case Part::variable:
      take_variable(field, text, m);
      break;
    case Part::remote:
      reason = Reject::no_address;
      if (text.empty()) return false;
      f.remote = text;
      break;
    case Part::peer:
      f.peer = text;
      break;
    case Part::host:
      f.host = text;
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
      if (text == "-") break;
      const auto n = number_of(text);
      if (!n || text.size() != 3) return false;
      f.status = static_cast<std::int16_t>(*n);
      break;
    }
    case Part::bytes:
      if (text == "-") break;
      f.bytes = number_of(text).value_or(no_number);
      return f.bytes != no_number;
    case Part::referrer:
      f.referrer = text;
      break;
    case Part::agent:
      f.agent = text;
      break;
    case Part::forwarded:
      f.forwarded = text;
      break;
    case Part::language:
      f.accept_language = text;
      break;
    case Part::seconds:
      f.micros = duration_of(text, second);
      break;
    case Part::millis:
      f.micros = duration_of(text, 1000);
      break;
    case Part::micros:
      f.micros = duration_of(text, 1);
      break;
    case Part::port:
    case Part::skipped:
    case Part::millis_fraction:
    case Part::micros_fraction:
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

bool LayoutParser::take_stamp(Fields& f, Memory& m) const {
  if (m.stamp.empty()) return false;
  if (m.stamp != m.last_stamp) {
    std::tm parts{};
    parts.tm_mday = 1;
    const char* const end = ::strptime(m.stamp.c_str(), forms_.c_str(), &parts);
    if (end == nullptr || *end != '\0') return false;
    const std::int64_t local = days_of({parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday}) * 86400 +
                               parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec;
    m.last_time = (zoned_ ? local - parts.tm_gmtoff : zone_.to_utc(local)) * second;
    m.last_stamp = m.stamp;
  }
  m.zone_assumed = m.zone_assumed || !zoned_;
  f.time = m.last_time;
  return true;
}

void LayoutParser::take_variable(const LayoutField& field, std::string_view text, Memory& m) const {
  if (text.empty() || text == "-") return;
  if (!m.variables.empty()) m.variables += ',';
  append_json(m.variables, field.name);
  m.variables += ':';
  m.value.clear();
  if (layout_.escaped)
    append_unescaped(m.value, text);
  else
    m.value = text;
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
