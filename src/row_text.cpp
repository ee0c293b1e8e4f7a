// The hot path of `print:` is here: constants and values are appended by hand,
// and nothing is allocated once the text has its size.
#include "src/row_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/timestamp.h"

namespace track_usage {
namespace {

// The flat columns in DESIGN's order.
enum class Field : std::uint8_t {
  date,
  url,
  path,
  url_args,
  method,
  protocol,
  request,
  status,
  content_length,
  speed,
  remote_addr,
  peer_addr,
  xforwardedfor,
  agent_string,
  agent_browser,
  agent_language,
  agent_platform,
  agent_version,
  bot,
  referrer,
  username,
  visitor,
  country,
  server_name,
  blueprint,
  route,
  view_args,
  authorization,
  ip_info,
  track_var,
  flags,
  count_,
};
constexpr std::array<std::string_view, static_cast<std::size_t>(Field::count_)> names = {"date",
                                                                                         "url",
                                                                                         "path",
                                                                                         "url_args",
                                                                                         "method",
                                                                                         "protocol",
                                                                                         "request",
                                                                                         "status",
                                                                                         "content_length",
                                                                                         "speed",
                                                                                         "remote_addr",
                                                                                         "peer_addr",
                                                                                         "xforwardedfor",
                                                                                         "user_agent.string",
                                                                                         "user_agent.browser",
                                                                                         "user_agent.language",
                                                                                         "user_agent.platform",
                                                                                         "user_agent.version",
                                                                                         "bot",
                                                                                         "referrer",
                                                                                         "username",
                                                                                         "visitor",
                                                                                         "country",
                                                                                         "server_name",
                                                                                         "blueprint",
                                                                                         "route",
                                                                                         "view_args",
                                                                                         "authorization",
                                                                                         "ip_info",
                                                                                         "track_var",
                                                                                         "flags"};

// Numbers and dates are made in one of these.
using Buffer = std::array<char, 48>;

void put_digits(char* to, std::int64_t n, int count) {
  for (; count != 0; n /= 10) to[--count] = static_cast<char>('0' + n % 10);
}

template <typename Number>
std::string_view number(Number n, Buffer& buffer) {
  const fmt::format_int text(n);
  std::memcpy(buffer.data(), text.data(), text.size());
  return {buffer.data(), text.size()};
}

std::string_view date(std::int64_t micros, Buffer& buffer) {
  // Rows come nearly in order, so a day's date is made once.
  struct Day {
    std::int64_t day = INT64_MIN;
    std::string text;
  };
  thread_local Day last;
  const std::int64_t seconds = floor_div(micros, 1'000'000);
  const std::int64_t day = floor_div(seconds, 86'400);
  if (day != last.day) last = {day, iso_date(day)};
  const std::int64_t second = seconds - day * 86'400;
  const std::int64_t fraction = micros - seconds * 1'000'000;
  std::memcpy(buffer.data(), last.text.data(), last.text.size());
  char* const time = buffer.data() + last.text.size();
  std::memcpy(time, "T00:00:00.000000Z", 17);
  put_digits(time + 1, second / 3600, 2);
  put_digits(time + 4, second / 60 % 60, 2);
  put_digits(time + 7, second % 60, 2);
  if (fraction == 0)
    time[9] = 'Z';
  else
    put_digits(time + 10, fraction, 6);
  return {buffer.data(), last.text.size() + (fraction == 0 ? 10 : 17)};
}

// Microseconds as seconds in the shortest form: 0.127, 1, 0.
std::string_view seconds(std::int64_t micros, Buffer& buffer) {
  const std::int64_t fraction = micros % 1'000'000;
  std::size_t size = number(micros / 1'000'000, buffer).size();
  if (fraction != 0) {
    buffer[size] = '.';
    put_digits(buffer.data() + size + 1, fraction, 6);
    size += 7;
    while (buffer[size - 1] == '0') --size;
  }
  return {buffer.data(), size};
}

void append_flags(std::string& out, std::uint8_t flags) {
  bool first = true;
  for (std::size_t i = 0; i < flag_names.size(); ++i) {
    if ((flags >> i & 1) == 0) continue;
    if (!first) out += ',';
    first = false;
    out += flag_names[i];
  }
}

// Whether any byte is one of two.
template <char first, char second>
bool has_either(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101, high = ones * 0x80;
  const auto found_at = [&](std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t a = word ^ ones * first, b = word ^ ones * second;
    return (((a - ones) & ~a) | ((b - ones) & ~b)) & high;
  };
  if (text.size() < 8) return std::any_of(text.begin(), text.end(), [](char c) { return c == first || c == second; });
  std::uint64_t found = found_at(text.size() - 8);
  for (std::size_t at = 0; at + 8 <= text.size(); at += 8) found |= found_at(at);
  return found != 0;
}

// Appends to a string by a bare pointer: an append() for each of a row's seventy
// pieces takes four times as long.
class Pen {
 public:
  explicit Pen(std::string& out) : out_(out), at_(out.size()) { room(0); }
  ~Pen() { out_.resize(at_); }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;

  // Room for it is there after any text: all constants and numbers of a row
  // together are shorter than that.
  template <std::size_t size>
  void constant(const char (&text)[size]) {
    std::memcpy(out_.data() + at_, text, size - 1);
    at_ += size - 1;
  }
  void text(std::string_view value) {
    room(value.size());
    std::memcpy(out_.data() + at_, value.data(), value.size());
    at_ += value.size();
  }
  void quoted(std::string_view value) {
    if (has_either<'"', '\\'>(value)) {  // stored text has no controls
      out_.resize(at_);
      append_json(out_, value);
      at_ = out_.size();
      room(0);
      return;
    }
    room(value.size() + 2);
    char* const to = out_.data() + at_;
    *to = '"';
    std::memcpy(to + 1, value.data(), value.size());
    to[value.size() + 1] = '"';
    at_ += value.size() + 2;
  }

 private:
  void room(std::size_t size) {
    constexpr std::size_t constants = 1024;
    if (out_.size() - at_ < size + constants) out_.resize(at_ + size + constants + 512);
  }

  std::string& out_;
  std::size_t at_;
};

std::size_t index(Column column) {
  return static_cast<std::size_t>(column);
}

// The text that a field is, for those that are one; null_text for the others.
TextId text_of(const RowView& row, Field field) {
  const auto own = [&row](Column column) { return row.own[index(column)]; };
  switch (field) {
    case Field::path:
      return row.request.path;
    case Field::method:
      return row.request.method;
    case Field::protocol:
      return row.request.protocol;
    case Field::request:
      return row.request.request;
    case Field::remote_addr:
      return own(Column::remote_addr);
    case Field::peer_addr:
      return own(Column::peer_addr);
    case Field::xforwardedfor:
      return own(Column::xforwardedfor);
    case Field::agent_string:
      return row.agent.string;
    case Field::agent_browser:
      return row.agent.browser;
    case Field::agent_language:
      return own(Column::language);  // a logged Accept-Language, else the agent's
    case Field::agent_platform:
      return row.agent.platform;
    case Field::agent_version:
      return row.agent.version;
    case Field::bot:
      return row.agent.bot;
    case Field::referrer:
      return own(Column::referrer);
    case Field::username:
      return own(Column::username);
    case Field::visitor:
      return own(Column::visitor);
    case Field::country:
      return own(Column::country);
    case Field::server_name:
      return own(Column::server_name);
    case Field::blueprint:
      return own(Column::blueprint);
    case Field::route:
      return own(Column::route);
    case Field::view_args:
      return own(Column::view_args);
    case Field::ip_info:
      return own(Column::ip_info);
    case Field::track_var:
      return own(Column::track_var);
    default:
      return null_text;
  }
}

}  // namespace

void append_row_json(std::string& out, const RowView& row) {
  Pen pen(out);
  Buffer buffer;
  const auto text = [&](TextId id) {
    if (id == null_text)
      pen.constant("null");
    else
      pen.quoted(row(id));
  };
  const auto json = [&](TextId id) {  // the text is JSON already
    if (id == null_text)
      pen.constant("null");
    else
      pen.text(row(id));
  };
  const auto own = [&](Column column) { return row.own[index(column)]; };

  pen.constant(R"({"date":")");
  pen.text(date(row.time, buffer));
  pen.constant(R"(","url":)");
  pen.quoted(row.has(row.request.url) ? row(row.request.url) : "-");
  pen.constant(R"(,"path":)");
  text(row.request.path);
  pen.constant(R"(,"url_args":)");
  pen.text(row.has(row.request.url_args) ? row(row.request.url_args) : "{}");
  pen.constant(R"(,"method":)");
  text(row.request.method);
  pen.constant(R"(,"protocol":)");
  text(row.request.protocol);
  pen.constant(R"(,"request":)");
  text(row.request.request);
  pen.constant(R"(,"status":)");
  pen.text(row.status == no_status ? "null" : number(row.status, buffer));
  pen.constant(R"(,"content_length":)");
  pen.text(row.bytes == no_number ? "null" : number(row.bytes, buffer));
  pen.constant(R"(,"speed":)");
  pen.text(row.micros == no_number ? "null" : seconds(row.micros, buffer));
  pen.constant(R"(,"remote_addr":)");
  text(own(Column::remote_addr));
  pen.constant(R"(,"peer_addr":)");
  text(own(Column::peer_addr));
  pen.constant(R"(,"xforwardedfor":)");
  text(own(Column::xforwardedfor));
  pen.constant(R"(,"user_agent":{"string":)");
  text(row.agent.string);
  pen.constant(R"(,"browser":)");
  text(row.agent.browser);
  pen.constant(R"(,"language":)");
  text(own(Column::language));
  pen.constant(R"(,"platform":)");
  text(row.agent.platform);
  pen.constant(R"(,"version":)");
  text(row.agent.version);
  pen.constant(R"(},"bot":)");
  text(row.agent.bot);
  pen.constant(R"(,"referrer":)");
  text(own(Column::referrer));
  pen.constant(R"(,"username":)");
  text(own(Column::username));
  pen.constant(R"(,"visitor":)");
  text(own(Column::visitor));
  pen.constant(R"(,"country":)");
  text(own(Column::country));
  pen.constant(R"(,"server_name":)");
  text(own(Column::server_name));
  pen.constant(R"(,"blueprint":)");
  text(own(Column::blueprint));
  pen.constant(R"(,"route":)");
  text(own(Column::route));
  pen.constant(R"(,"view_args":)");
  json(own(Column::view_args));
  pen.constant(R"(,"authorization":)");
  pen.text(row.has(Column::username) ? "true" : "false");
  pen.constant(R"(,"ip_info":)");
  json(own(Column::ip_info));
  pen.constant(R"(,"track_var":)");
  json(own(Column::track_var));
  pen.constant(R"(,"flags":[)");
  for (std::size_t i = 0, some = 0; i < flag_names.size(); ++i) {
    if ((row.flags >> i & 1) == 0) continue;
    if (some++ != 0) pen.constant(",");
    pen.quoted(flag_names[i]);
  }
  pen.constant("]}");
}

std::span<const std::string_view> row_fields() {
  return names;
}

bool append_row_field(std::string& out, const RowView& row, std::size_t field) {
  Buffer buffer;
  switch (static_cast<Field>(field)) {
    case Field::date:
      out += date(row.time, buffer);
      return true;
    case Field::url:
      out += row.has(row.request.url) ? row(row.request.url) : "-";
      return true;
    case Field::url_args:
      out += row.has(row.request.url_args) ? row(row.request.url_args) : "{}";
      return true;
    case Field::status:
      if (row.status != no_status) out += number(row.status, buffer);
      return row.status != no_status;
    case Field::content_length:
      if (row.bytes != no_number) out += number(row.bytes, buffer);
      return row.bytes != no_number;
    case Field::speed:
      if (row.micros != no_number) out += seconds(row.micros, buffer);
      return row.micros != no_number;
    case Field::authorization:
      out += row.has(Column::username) ? "true" : "false";
      return true;
    case Field::flags:
      append_flags(out, row.flags);
      return row.flags != 0;
    default:
      break;
  }
  const TextId id = text_of(row, static_cast<Field>(field));
  if (id == null_text) return false;
  out += row(id);
  return true;
}

namespace {

// The cell that begins at `from` is made one that readers of CSV take for text.
void finish_csv_cell(std::string& out, std::size_t from) {
  if (from == out.size()) return;
  // A spreadsheet would run it as a formula.
  if (std::string_view("=+-@").find(out[from]) != std::string_view::npos) out.insert(from, 1, '\'');
  const std::string_view cell = std::string_view(out).substr(from);
  if (!has_either<'"', ','>(cell) && !has_either<'\n', '\r'>(cell)) return;
  out.insert(from, 1, '"');
  for (auto at = out.find('"', from + 1); at != std::string::npos; at = out.find('"', at + 2)) out.insert(at, 1, '"');
  out += '"';
}

void finish_tsv_cell(std::string& out, std::size_t from) {
  const std::string_view cell = std::string_view(out).substr(from);
  if (!has_either<'\\', '\t'>(cell) && !has_either<'\n', '\n'>(cell)) return;
  for (auto at = out.find_first_of("\\\t\n", from); at != std::string::npos; at = out.find_first_of("\\\t\n", at + 2)) {
    const char c = out[at];
    out[at] = c == '\t' ? 't' : c == '\n' ? 'n' : '\\';
    out.insert(at, 1, '\\');
  }
}

// Appends the value of a field, or "-", and blanks up to `width`; a longer value
// shifts the rest of the line.
void append_padded(std::string& out, const RowView& row, Field field, std::size_t width, bool right) {
  const std::size_t from = out.size();
  if (!append_row_field(out, row, static_cast<std::size_t>(field))) out += '-';
  const std::size_t shown = display_width(std::string_view(out).substr(from));
  const std::size_t blanks = width > shown ? width - shown : 0;
  if (right)
    out.insert(from, blanks, ' ');
  else
    out.append(blanks, ' ');
  out += ' ';
}

}  // namespace

void append_row_header(std::string& out, Delimiter delimiter) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) out += static_cast<char>(delimiter);
    out += names[i];
  }
}

void append_row_cells(std::string& out, const RowView& row, Delimiter delimiter) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) out += static_cast<char>(delimiter);
    const std::size_t from = out.size();
    append_row_field(out, row, i);
    if (delimiter == Delimiter::comma)
      finish_csv_cell(out, from);
    else
      finish_tsv_cell(out, from);
  }
}

void append_row_line(std::string& out, const RowView& row) {
  append_padded(out, row, Field::date, 20, false);
  append_padded(out, row, Field::remote_addr, 15, false);
  append_padded(out, row, Field::status, 3, true);
  append_padded(out, row, Field::content_length, 9, true);
  append_padded(out, row, Field::speed, 6, true);
  append_padded(out, row, Field::method, 4, false);
  append_padded(out, row, Field::url, 40, false);
  if (!row.has(row.agent.string)) {
    out += '-';
    return;
  }
  out += '"';
  out += row(row.agent.string);
  out += '"';
}

}  // namespace track_usage
