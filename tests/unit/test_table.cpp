// Tables for eyes: cutting, padding and columns, counted as a terminal does.
#include <string>

#include <doctest/doctest.h>

#include "src/base/table.h"

namespace track_usage {

TEST_CASE("table: text is cut at whole characters, to what a terminal shows") {
  const struct {
    const char* name;
    const char* text;
    std::size_t columns;
    const char* ellipsis;
    const char* expected;
  } cases[] = {
      {"fits", "abc", 3, "…", "abc"},
      {"cut", "abcdef", 4, "…", "abc…"},
      {"cut in ASCII", "abcdef", 5, "...", "ab..."},
      {"two bytes", "äöüäöü", 4, "…", "äöü…"},
      {"wide", "龍井茶", 4, "…", "龍…"},
      {"wide does not fit by half", "龍井茶", 5, "…", "龍井…"},
      {"combining", "e\u0301e\u0301e\u0301", 2, "…", "e\u0301…"},
      {"no room for the mark", "abcdef", 2, "...", ".."},
      {"empty", "", 0, "…", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(cut_to(c.text, c.columns, c.ellipsis) == c.expected);
  }
}

TEST_CASE("table: padding counts columns, not bytes") {
  CHECK(padded("茶", 4, Align::left) == "茶  ");
  CHECK(padded("é", 3, Align::right) == "  é");
  CHECK(padded("long", 2, Align::right) == "long");
}

TEST_CASE("table: what is beyond ASCII can be shown without it") {
  CHECK(ascii_only("/café") == "/caf\\xc3\\xa9");
}

TEST_CASE("table: columns are as wide as what stands in them") {
  Table table({{"n", Align::right}, {"name"}, {"rest"}});
  table.add({{"1"}, {"茶"}, {"x"}});
  table.add({{"1,000"}, {"a"}, {""}});
  CHECK(table.text({.width = 0, .title_style = {}}) ==
        "    n  name  rest\n"
        "    1  茶    x\n"
        "1,000  a\n");
}

TEST_CASE("table: the last column is cut where the page ends") {
  Table table({{"a"}, {"b"}});
  table.add({{"1"}, {"a text of thirty-two characters."}});
  CHECK(table.text({.width = 20, .title_style = {}, .titles = false}) == "1  a text of thir...\n");
  CAPTURE("a page that leaves it no room is not kept to");
  CHECK(table.text({.width = 10, .title_style = {}, .titles = false}) == "1  a text of thirty-two characters.\n");
}

TEST_CASE("table: colours change nothing of the columns") {
  Table table({{"a"}, {"b"}});
  table.add({{"1", "31"}, {"x"}});
  table.add({{"22"}, {"y", "1"}});
  CHECK(table.text({.width = 0, .title_style = {}, .titles = false}) == "\x1b[31m1\x1b[0m   x\n22  \x1b[1my\x1b[0m\n");
}

TEST_CASE("table: a spare column is there once something stands in it") {
  Table table({{"a"}, {"s", Align::right, 0, true}, {"b"}});
  table.add({{"1"}, {"-"}, {"x"}});
  CHECK(table.text({.width = 0, .title_style = {}}) == "a  b\n1  x\n");
  table.add({{"2"}, {"0.5"}, {"y"}});
  CHECK(table.text({.width = 0, .title_style = {}}) == "a    s  b\n1    -  x\n2  0.5  y\n");
}

TEST_CASE("table: rows that come later keep the columns") {
  Table table({{"a"}, {"b"}});
  table.add({{"12345"}, {"x"}});
  table.next_rows();
  table.add({{"1"}, {"y"}});
  CHECK(table.text({.width = 0, .title_style = {}, .titles = false}) == "1      y\n");
}

}  // namespace track_usage
