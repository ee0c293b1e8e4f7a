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
  date, url, path, url_args, method, protocol, request, status, content_length, speed,
  remote_addr, peer_addr, xforwardedfor, agent_string, agent_browser, agent_language, agent_platform, agent_version,
  bot, referrer, username, visitor, country, server_name, blueprint, route, view_args, authorization,
  ip_info, track_var, flags, count_,
};
constexpr std::array<std::string_view, static_cast<std::size_t>(Field::count_)> names = {
    "date", "url", "path", "url_args", "method", "protocol", "request", "status", "content_length", "speed",
    "remote_addr", "peer_addr", "xforwardedfor",
    "user_agent.string", "user_agent.browser", "user_agent.language", "user_agent.platform", "user_agent.version",
    "bot", "referrer", "username", "visitor", "country", "server_name", "blueprint", "route", "view_args",
    "authorization", "ip_info", "track_var", "flags"};

template <typename Number>
void append_number(std::string& out, Number n) {
  const fmt::format_int text(n);
  out.append(text.data(), text.size());
}

void append_digits(char* to, std::int64_t n, int count) {
  for (; count != 0; n /= 10) to[--count] = static_cast<char>('0' + n % 10);
}

void append_date(std::string& out, std::int64_t micros) {
  // Rows come nearly in order, so a day's date is written once.
  struct Day {
    std::int64_t day = INT64_MIN;
    std::string text;
  };
  thread_local Day last;
  const std::int64_t seconds = floor_div(micros, 1'000'000);
  const std::int64_t day = floor_div(seconds, 86'400);
  if (day != last.day) last = {day, iso_date(day)};
  const std::int64_t second = seconds - day * 86'400;
  char time[] = "T00:00:00.000000Z";
  append_digits(time + 1, second / 3600, 2);
  append_digits(time + 4, second / 60 % 60, 2);
  append_digits(time + 7, second % 60, 2);
  out += last.text;
  if (const std::int64_t fraction = micros - seconds * 1'000'000; fraction != 0) {
    append_digits(time + 10, fraction, 6);
    out.append(time, 17);
  } else {
    time[9] = 'Z';
    out.append(time, 10);
  }
}

// Microseconds as seconds in the shortest form: 0.127, 1, 0.
void append_seconds(std::string& out, std::int64_t micros) {
  append_number(out, micros / 1'000'000);
  const std::int64_t fraction = micros % 1'000'000;
  if (fraction == 0) return;
  char digits[7] = ".";
  append_digits(digits + 1, fraction, 6);
  std::size_t size = 7;
  while (digits[size - 1] == '0') --size;
  out.append(digits, size);
}

void append_flags(std::string& out, std::uint8_t flags, std::string_view quote) {
  bool first = true;
  for (std::size_t i = 0; i < flag_names.size(); ++i) {
    if ((flags >> i & 1) == 0) continue;
    if (!first) out += ',';
    first = false;
    out.append(quote).append(flag_names[i]).append(quote);
  }
}

// Whether stored text, which has no controls, needs escapes in a JSON string.
bool needs_escapes(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101, high = ones * 0x80;
  const auto odd = [&](std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high;
  };
  if (text.size() < 8) return text.find_first_of("\"\\") != std::string_view::npos;
  std::uint64_t found = odd(text.size() - 8);
  for (std::size_t at = 0; at + 8 <= text.size(); at += 8) found |= odd(at);
  return found != 0;
}

void append_quoted(std::string& out, std::string_view text) {
  if (needs_escapes(text)) {
    append_json(out, text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::size_t index(Column column) { return static_cast<std::size_t>(column); }

// The text that a field is, for those that are one; null_text for the others.
TextId text_of(const RowView& row, Field field) {
  const auto own = [&row](Column column) { return row.own[index(column)]; };
  switch (field) {
    case Field::path: return row.request.path;
    case Field::method: return row.request.method;
    case Field::protocol: return row.request.protocol;
    case Field::request: return row.request.request;
    case Field::remote_addr: return own(Column::remote_addr);
    case Field::peer_addr: return own(Column::peer_addr);
    case Field::xforwardedfor: return own(Column::xforwardedfor);
    case Field::agent_string: return row.agent.string;
    case Field::agent_browser: return row.agent.browser;
    case Field::agent_language: return own(Column::language);  // a logged Accept-Language, else the agent's
    case Field::agent_platform: return row.agent.platform;
    case Field::agent_version: return row.agent.version;
    case Field::bot: return row.agent.bot;
    case Field::referrer: return own(Column::referrer);
    case Field::username: return own(Column::username);
    case Field::visitor: return own(Column::visitor);
    case Field::country: return own(Column::country);
    case Field::server_name: return own(Column::server_name);
    case Field::blueprint: return own(Column::blueprint);
    case Field::route: return own(Column::route);
    case Field::view_args: return own(Column::view_args);
    case Field::ip_info: return own(Column::ip_info);
    case Field::track_var: return own(Column::track_var);
    default: return null_text;
  }
}

}  // namespace

void append_row_json(std::string& out, const RowView& row) {
  const auto text = [&](std::string_view key, TextId id) {
    out += key;
    if (id == null_text)
      out += "null";
    else
      append_quoted(out, row(id));
  };
  const auto json = [&](std::string_view key, TextId id) {  // the text is JSON already
    out += key;
    out += id == null_text ? std::string_view("null") : row(id);
  };
  const auto own = [&](Column column) { return row.own[index(column)]; };

  out += R"({"date":")";
  append_date(out, row.time);
  out += R"(","url":)";
  append_quoted(out, row.has(row.request.url) ? row(row.request.url) : "-");
  text(R"(,"path":)", row.request.path);
  out += R"(,"url_args":)";
  out += row.has(row.request.url_args) ? row(row.request.url_args) : "{}";
  text(R"(,"method":)", row.request.method);
  text(R"(,"protocol":)", row.request.protocol);
  text(R"(,"request":)", row.request.request);
  out += R"(,"status":)";
  if (row.status == no_status) out += "null";
  else append_number(out, row.status);
  out += R"(,"content_length":)";
  if (row.bytes == no_number) out += "null";
  else append_number(out, row.bytes);
  out += R"(,"speed":)";
  if (row.micros == no_number) out += "null";
  else append_seconds(out, row.micros);
  text(R"(,"remote_addr":)", own(Column::remote_addr));
  text(R"(,"peer_addr":)", own(Column::peer_addr));
  text(R"(,"xforwardedfor":)", own(Column::xforwardedfor));
  text(R"(,"user_agent":{"string":)", row.agent.string);
  text(R"(,"browser":)", row.agent.browser);
  text(R"(,"language":)", own(Column::language));
  text(R"(,"platform":)", row.agent.platform);
  text(R"(,"version":)", row.agent.version);
  text(R"(},"bot":)", row.agent.bot);
  text(R"(,"referrer":)", own(Column::referrer));
  text(R"(,"username":)", own(Column::username));
  text(R"(,"visitor":)", own(Column::visitor));
  text(R"(,"country":)", own(Column::country));
  text(R"(,"server_name":)", own(Column::server_name));
  text(R"(,"blueprint":)", own(Column::blueprint));
  text(R"(,"route":)", own(Column::route));
  json(R"(,"view_args":)", own(Column::view_args));
  out += row.has(Column::username) ? R"(,"authorization":true)" : R"(,"authorization":false)";
  json(R"(,"ip_info":)", own(Column::ip_info));
  json(R"(,"track_var":)", own(Column::track_var));
  out += R"(,"flags":[)";
  append_flags(out, row.flags, "\"");
  out += "]}";
}

std::span<const std::string_view> row_fields() { return names; }

bool append_row_field(std::string& out, const RowView& row, std::size_t field) {
  switch (static_cast<Field>(field)) {
    case Field::date: append_date(out, row.time); return true;
    case Field::url: out += row.has(row.request.url) ? row(row.request.url) : "-"; return true;
    case Field::url_args: out += row.has(row.request.url_args) ? row(row.request.url_args) : "{}"; return true;
    case Field::status:
      if (row.status == no_status) return false;
      append_number(out, row.status);
      return true;
    case Field::content_length:
      if (row.bytes == no_number) return false;
      append_number(out, row.bytes);
      return true;
    case Field::speed:
      if (row.micros == no_number) return false;
      append_seconds(out, row.micros);
      return true;
    case Field::authorization: out += row.has(Column::username) ? "true" : "false"; return true;
    case Field::flags: append_flags(out, row.flags, {}); return row.flags != 0;
    default: break;
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
  if (out.find_first_of("\",\r\n", from) == std::string::npos) return;
  out.insert(from, 1, '"');
  for (auto at = out.find('"', from + 1); at != std::string::npos; at = out.find('"', at + 2)) out.insert(at, 1, '"');
  out += '"';
}

void finish_tsv_cell(std::string& out, std::size_t from) {
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
  if (right) out.insert(from, blanks, ' ');
  else out.append(blanks, ' ');
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
    if (delimiter == Delimiter::comma) finish_csv_cell(out, from);
    else finish_tsv_cell(out, from);
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
