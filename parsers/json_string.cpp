#include "parsers/json_string.h"

#include "src/base/text.h"

namespace track_usage {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The value of `count` hexadecimal digits at `at`; -1 if they are not there.
int hex_number(const char* at, const char* end, int count) {
  if (end - at < count) return -1;
  int value = 0;
  for (; count != 0; --count) {
    const int digit = hex(*at++);
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

void append_utf8(std::string& out, int code) {
  const auto byte = [&out](int b) { out += static_cast<char>(b); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      byte(0xe0 | code >> 12);
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
    }
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

}  // namespace

const char* append_bytes(std::string& bytes, const char* at, const char* end) {
  while (at < end && *at != '"') {
    if (*at != '\\') {
      bytes += *at++;
      continue;
    }
    const char kind = end - at > 1 ? at[1] : '\0';
    std::ptrdiff_t length = 2;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        bytes += kind;
        break;
      case 'b':
        bytes += '\b';
        break;
      case 'f':
        bytes += '\f';
        break;
      case 'n':
        bytes += '\n';
        break;
      case 'r':
        bytes += '\r';
        break;
      case 't':
        bytes += '\t';
        break;
      case 'v':
        bytes += '\v';
        break;  // Apache's; JSON has none
      case 'x': {
        const int byte = hex_number(at + 2, end, 2);
        if (byte >= 0) bytes += static_cast<char>(byte);
        length = byte >= 0 ? 4 : 0;
        break;
      }
      case 'u': {
        int code = hex_number(at + 2, end, 4);
        length = code >= 0 ? 6 : 0;
        if (code < 0) break;
        const int low = end - at > 7 && at[6] == '\\' && at[7] == 'u' ? hex_number(at + 8, end, 4) : -1;
        if (code >= 0xd800 && code < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          length = 12;
        }
        append_utf8(bytes, code);  // of a lone surrogate: bytes that are no UTF-8
        break;
      }
      default:
        length = 0;
    }
    if (length == 0) {
      bytes += '\\';
      length = 1;
    }
    at += length;
  }
  return at;
}

const char* append_undone(std::string& out, const char* at, const char* end, bool& utf8) {
  thread_local std::string bytes;
  bytes.clear();
  at = append_bytes(bytes, at, end);
  if (!append_text(out, bytes)) utf8 = false;
  return at;
}

}  // namespace track_usage
