// Client bytes to stored text and back to something that can be shown.
#include <string>

#include <doctest/doctest.h>

#include "src/base/text.h"

namespace track_usage {
namespace {

TEST_CASE("text: plain bytes are printable ASCII without a backslash") {
  CHECK(is_plain(""));
  CHECK(is_plain(" ~GET /a?b=\"c\""));
  for (const char* odd : {"\\", "a\tb", "\x7f", "\xc3\xa9", "\x1f", "\x80"}) CHECK_FALSE(is_plain(odd));
  CHECK_FALSE(is_plain(std::string_view("a\0b", 3)));
}

TEST_CASE("text: a stored value is valid UTF-8 without controls") {
  const struct {
    const char* name;
    std::string input;
    const char* expected;
    bool valid = true;
  } cases[] = {
      {"ascii", "abc \"\\", "abc \"\\"},
      {"two bytes", "\xc3\xa9", "\xc3\xa9"},
      {"three bytes", "\xe2\x82\xac", "\xe2\x82\xac"},
      {"four bytes", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"last code point", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
      {"controls", std::string("a\0\n\x1f\x7f", 5), "a\\x00\\x0a\\x1f\\x7f"},
      {"C1", "\xc2\x9b", "\\xc2\\x9b"},
      {"lone continuation", "a\x80z", "a\\x80z", false},
      {"cut", "\xe2\x82", "\\xe2\\x82", false},
      {"cut before text", "\xe2\x82z", "\\xe2\\x82z", false},
      {"overlong", "\xc0\xaf", "\\xc0\\xaf", false},
      {"overlong of three", "\xe0\x80\xaf", "\\xe0\\x80\\xaf", false},
      {"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80", false},
      {"beyond the last", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", false},
      {"latin-1", "caf\xe9", "caf\\xe9", false},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    std::string out;
    CHECK(append_text(out, test.input) == test.valid);
    CHECK(out == test.expected);
    CHECK(visible(test.input) == test.expected);
    std::string again;
    CHECK(append_text(again, out));
    CHECK(again == out);
  }
}

TEST_CASE("text: a log's escapes are undone once") {
  const struct {
    const char* input;
    const char* expected;
  } cases[] = {
      {R"(a\"b\\c)", "a\"b\\c"},
      {R"(\n\t\r\b\v\f)", "\n\t\r\b\v\f"},
      {R"(\x41\x7e\xE9)", "A~\xe9"},
      {R"(\\x41)", "\\x41"},
      {R"(\x4)", "\\x4"},
      {R"(\xzz\q)", "\\xzz\\q"},
      {R"(a\)", "a\\"},
      {"", ""},
  };
  for (const auto& test : cases) {
    CAPTURE(test.input);
    std::string out;
    append_unescaped(out, test.input);
    CHECK(out == test.expected);
  }
}

TEST_CASE("text: JSON strings are quoted and escaped") {
  std::string out;
  append_json(out, "a\"b\\c\n\x01\xc3\xa9");
  CHECK(out == "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9\"");
  out.clear();
  append_json(out, "");
  CHECK(out == "\"\"");
}

TEST_CASE("text: percent signs are decoded once, broken ones stay") {
  const struct {
    const char* input;
    bool plus;
    const char* expected;
  } cases[] = {
      {"/a%20b", false, "/a b"}, {"/a+b", false, "/a+b"}, {"a+b%2B", true, "a b+"},  {"%2541", false, "%41"},
      {"%zz%4", false, "%zz%4"}, {"%", false, "%"},       {"%4g%41", false, "%4gA"}, {"%c3%A9", false, "\xc3\xa9"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.input);
    std::string out;
    append_percent_decoded(out, test.input, test.plus);
    CHECK(out == test.expected);
  }
}

TEST_CASE("text: numbers are read whole or not at all") {
  CHECK(parse_number("0") == 0);
  CHECK(parse_number("18446744073709551615") == UINT64_MAX);
  for (const char* wrong : {"", "-1", "+1", " 1", "1 ", "1x", "18446744073709551616"}) CHECK_FALSE(parse_number(wrong));

  CHECK(parse_size("1024") == 1024);
  CHECK(parse_size("512k") == 512 * 1024);
  CHECK(parse_size("64MiB") == 64 * 1024 * 1024);
  CHECK(parse_size("1M") == 1024 * 1024);
  CHECK(parse_size("2GB") == 2ull << 30);
  CHECK(parse_size("7b") == 7);
  for (const char* wrong : {"", "k", "1.5M", "-1", "1T", "99999999999999G"}) CHECK_FALSE(parse_size(wrong));

  CHECK(parse_seconds("0.127") == 127'000);
  CHECK(parse_seconds("3") == 3'000'000);
  CHECK(parse_seconds("1.23456789") == 1'234'567);
  for (const char* wrong : {"", "-", "-1", ".5", "1.", "1.x", "1e3", "9999999999999"})
    CHECK_FALSE(parse_seconds(wrong));
}

TEST_CASE("text: numbers are written for people") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(1'234'567) == "1,234,567");
  CHECK(grouped(UINT64_MAX) == "18,446,744,073,709,551,615");
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1'023) == "1023 B");
  CHECK(human_bytes(1'536) == "1.5 KiB");
  CHECK(human_bytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(human_bytes(std::uint64_t{5} << 40) == "5.0 TiB");
}

TEST_CASE("text: width is counted in columns of a terminal") {
  CHECK(display_width("") == 0);
  CHECK(display_width("abc") == 3);
  CHECK(display_width("caf\xc3\xa9") == 4);
  CHECK(display_width("e\xcc\x81") == 1);
  CHECK(display_width("\xe6\x97\xa5\xe6\x9c\xac") == 4);
  CHECK(display_width("\xf0\x9f\x98\x80") == 2);
}

TEST_CASE("text: letters are lowered and blanks trimmed in ASCII") {
  CHECK(lower("AbC\xc3\x89") == "abc\xc3\x89");
  CHECK(trim(" \ta b\r\n") == "a b");
  CHECK(trim(" \t ") == "");
  CHECK(trim("") == "");
}

}  // namespace
}  // namespace track_usage
