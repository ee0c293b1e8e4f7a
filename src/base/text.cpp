#include "src/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace track_usage {
namespace {

constexpr char digits[] = "0123456789abcdef";

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Decoded {
  char32_t code;
  std::size_t length;  // 0: no valid UTF-8 begins here
};

// Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above
// U+10FFFF.
Decoded decode(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto follows = [&](std::size_t i) { return i < s.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned char a = byte(0);
  if (a < 0x80) return {a, 1};
  if (a < 0xc2) return {0, 0};
  if (a < 0xe0) {
    if (!follows(1)) return {0, 0};
    return {static_cast<char32_t>((a & 0x1f) << 6 | (byte(1) & 0x3f)), 2};
  }
  if (a < 0xf0) {
    if (!follows(1) || !follows(2)) return {0, 0};
    const char32_t c = (a & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    if (c < 0x800 || (c >= 0xd800 && c < 0xe000)) return {0, 0};
    return {c, 3};
  }
  if (a < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return {0, 0};
    const char32_t c = (a & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    if (c < 0x10000 || c > 0x10ffff) return {0, 0};
    return {c, 4};
  }
  return {0, 0};
}

void append_hex(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[b >> 4];
    out += digits[b & 15];
  }
}

bool printable_ascii(char c) {
  return c >= 0x20 && c < 0x7f;
}

}  // namespace

bool is_plain(std::string_view bytes) {
  // No early exit, so that the compiler makes one vector pass of it.
  unsigned odd = 0;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    odd |= static_cast<unsigned>(static_cast<unsigned char>(b - 0x20) > 0x5e) | static_cast<unsigned>(b == '\\');
  }
  return odd == 0;
}

bool append_text(std::string& out, std::string_view bytes) {
  bool valid = true;
  while (!bytes.empty()) {
    const auto stop = std::find_if_not(bytes.begin(), bytes.end(), printable_ascii);
    const auto run = static_cast<std::size_t>(stop - bytes.begin());
    out.append(bytes.substr(0, run));
    bytes.remove_prefix(run);
    if (bytes.empty()) break;
    const Decoded d = decode(bytes);
    const std::size_t length = std::max<std::size_t>(d.length, 1);
    const bool control = d.code < 0xa0;  // printable ASCII was taken above
    if (d.length == 0) valid = false;
    if (d.length == 0 || control)
      append_hex(out, bytes.substr(0, length));
    else
      out.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return valid;
}

std::string visible(std::string_view bytes) {
  std::string out;
  append_text(out, bytes);
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (d.code < 0x300) {
      ++width;
    } else if (d.code < 0x370 || (d.code >= 0x200b && d.code <= 0x200f)) {
      // combining marks and zero-width characters
    } else {
      const bool wide = (d.code >= 0x1100 && d.code <= 0x115f) || (d.code >= 0x2e80 && d.code <= 0xa4cf) ||
                        (d.code >= 0xac00 && d.code <= 0xd7a3) || (d.code >= 0xf900 && d.code <= 0xfaff) ||
                        (d.code >= 0xfe30 && d.code <= 0xfe6f) || (d.code >= 0xff00 && d.code <= 0xff60) ||
                        (d.code >= 0xffe0 && d.code <= 0xffe6) || (d.code >= 0x1f300 && d.code <= 0x1f64f) ||
                        (d.code >= 0x1f900 && d.code <= 0x1f9ff) || (d.code >= 0x20000 && d.code <= 0x3fffd);
      width += wide ? 2 : 1;
    }
    text.remove_prefix(std::max<std::size_t>(d.length, 1));
  }
  return width;
}

void append_unescaped(std::string& out, std::string_view field) {
  while (!field.empty()) {
    const auto slash = field.find('\\');
    out.append(field.substr(0, slash));
    if (slash == std::string_view::npos) return;
    field.remove_prefix(slash);
    std::size_t used = 2;
    switch (field.size() > 1 ? field[1] : '\0') {
      case '"':
        out += '"';
        break;
      case '\\':
        out += '\\';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'b':
        out += '\b';
        break;
      case 'v':
        out += '\v';
        break;
      case 'f':
        out += '\f';
        break;
      case 'x':
        if (field.size() >= 4 && hex(field[2]) >= 0 && hex(field[3]) >= 0) {
          out += static_cast<char>(hex(field[2]) << 4 | hex(field[3]));
          used = 4;
          break;
        }
        [[fallthrough]];
      default:
        out += '\\';
        used = 1;
    }
    field.remove_prefix(used);
  }
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto stop = std::find_if(
        text.begin(), text.end(), [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
    const auto run = static_cast<std::size_t>(stop - text.begin());
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) break;
    const char c = text.front();
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[c & 15];
    }
    text.remove_prefix(1);
  }
  out += '"';
}

void append_percent_decoded(std::string& out, std::string_view text, bool plus) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) << 4 | hex(text[i + 2]));
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return n;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto digits_end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto n = parse_number(text.substr(0, digits_end));
  if (!n) return {};
  const std::string unit = lower(text.substr(digits_end));
  int shift = 0;
  if (unit == "k" || unit == "kb" || unit == "kib")
    shift = 10;
  else if (unit == "m" || unit == "mb" || unit == "mib")
    shift = 20;
  else if (unit == "g" || unit == "gb" || unit == "gib")
    shift = 30;
  else if (!unit.empty() && unit != "b")
    return {};
  if (*n > (UINT64_MAX >> shift)) return {};
  return *n << shift;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const auto dot = text.find('.');
  const auto whole = parse_number(text.substr(0, dot));
  if (!whole || *whole > 1'000'000'000'000) return {};
  std::int64_t micros = static_cast<std::int64_t>(*whole) * 1'000'000;
  if (dot == std::string_view::npos) return micros;
  std::int64_t unit = 100'000;
  const std::string_view fraction = text.substr(dot + 1);
  if (fraction.empty()) return {};
  for (const char c : fraction) {
    if (c < '0' || c > '9') return {};
    micros += (c - '0') * unit;
    unit /= 10;
  }
  return micros;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string lower_first(std::string_view text) {
  std::string out(text);
  if (out.size() > 1 && out[0] >= 'A' && out[0] <= 'Z' && out[1] >= 'a') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

std::string grouped(std::uint64_t n) {
  std::string out = fmt::format("{}", n);
  for (auto i = static_cast<std::ptrdiff_t>(out.size()) - 3; i > 0; i -= 3)
    out.insert(static_cast<std::size_t>(i), 1, ',');
  return out;
}

std::string counted(std::uint64_t n, std::string_view what) {
  return grouped(n).append(" ").append(what).append(n == 1 ? "" : "s");
}

std::string human_bytes(std::uint64_t n) {
  static constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (n < 1024) return fmt::format("{} B", n);
  double size = static_cast<double>(n);
  std::size_t unit = 0;
  for (; size >= 1023.95 && unit + 1 < units.size(); ++unit) size /= 1024;
  return fmt::format("{:.1f} {}", size, units[unit]);
}

std::vector<std::string> list_items(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (const std::string_view item = trim(list.substr(0, comma)); !item.empty()) items.emplace_back(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

}  // namespace track_usage
