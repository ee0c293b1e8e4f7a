#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "src/enrich/blueprint.h"
#include "src/enrich/route.h"
#include "src/error.h"
#include "src/filter_tests.h"

namespace track_usage {
namespace {

// "1 {...}", or "none".
std::string matched(const std::vector<std::string>& rules, std::string_view path) {
  const Routes::Match match = Routes(rules).match(path);
  return match.rule < 0 ? "none" + match.view_args : std::to_string(match.rule) + ' ' + match.view_args;
}

// What an error says, its caret line as the column.
template <typename Make>
std::string refused(Make make) {
  try {
    make();
  } catch (const Error& e) {
    CHECK(e.exit == Exit::usage);
    const std::size_t line = e.hint.rfind('\n');
    return std::string(e.what()) + " @" + (line == std::string::npos ? "" : std::to_string(e.hint.size() - line - 2));
  }
  return "taken";
}

TEST_CASE("route: the rule and the arguments of a path") {
  const struct {
    const char* name;
    std::vector<std::string> rules;
    const char* path;
    const char* expected;
  } cases[] = {
      {"no arguments are an empty object", {"/", "/about"}, "/about", "1 {}"},
      {"the root", {"/", "/about"}, "/", "0 {}"},
      {"unknown", {"/", "/about"}, "/abou", "none"},
      {"no path", {"/"}, "", "none"},
      {"an asterisk", {"/<x>"}, "*", "none"},
      {"in the rule's order", {"/user/<int:id>/posts/<slug>"}, "/user/007/posts/a-b", R"(0 {"id":7,"slug":"a-b"})"},
      {"quotes and characters", {"/<x>"}, "/a\"\\é", R"(0 {"x":"a\"\\é"})"},
      {"no int, no match", {"/user/<int:id>"}, "/user/x", "none"},
      {"static before int before string", {"/<x>", "/<int:n>", "/7"}, "/7", "2 {}"},
      {"int before string", {"/<x>", "/<int:n>", "/7"}, "/8", R"(1 {"n":8})"},
      {"a string at last", {"/<path:p>", "/<x>", "/<int:n>"}, "/x", R"(1 {"x":"x"})"},
      {"back from a static part", {"/a/b", "/<x>/c"}, "/a/c", R"(1 {"x":"a"})"},
      {"text between variables", {"/file-<name>.<ext>"}, "/file-a.tar.gz", R"(0 {"name":"a.tar","ext":"gz"})"},
      {"a path takes slashes", {"/static/<path:p>"}, "/static/css/a.css", R"(0 {"p":"css/a.css"})"},
      {"but none in front", {"/static/<path:p>"}, "/static//a", "none"},
      {"and what stands behind it", {"/<path:p>/edit/<int:n>"}, "/a/edit/b/edit/3", R"(0 {"p":"a/edit/b","n":3})"},
      {"a slash more is another path", {"/a"}, "/a/", "none"},
      {"a slash less is a redirect", {"/a/"}, "/a", "none"},
      {"also where another rule would take it", {"/a/", "/<x>"}, "/a", "none"},
      {"doubled slashes are a redirect", {"/a/b"}, "/a//b", "none"},
      {"in front they are one", {"/a/b"}, "//a/b", "0 {}"},
      {"a refused number ends it", {"/<int(max=5):n>", "/<x>"}, "/6", "none"},
      {"fixed digits", {"/<int(fixed_digits=4):year>"}, "/0099", R"(0 {"year":99})"},
      {"signed", {"/<int(signed=True):n>"}, "/-0012", R"(0 {"n":-12})"},
      {"float", {"/<float:x>"}, "/1.50", R"(0 {"x":1.5})"},
      {"a float without fraction stays one", {"/<float:x>"}, "/2.0", R"(0 {"x":2.0})"},
      {"an int is no float", {"/<float:x>"}, "/2", "none"},
      {"a large int", {"/<int:n>"}, "/9223372036854775807", R"(0 {"n":9223372036854775807})"},
      {"its zeros in front go as well",
       {"/<int(signed=True):n>"},
       "/-009223372036854775809",
       R"(0 {"n":"-9223372036854775809"})"},
      {"too large for most", {"/<int:n>"}, "/9223372036854775808", R"(0 {"n":"9223372036854775808"})"},
      {"uuid",
       {"/<uuid:u>"},
       "/5E0B9B0A-8F0C-4B3E-9D5E-2F6A7C8D9E0F",
       R"(0 {"u":"5e0b9b0a-8f0c-4b3e-9d5e-2f6a7c8d9e0f"})"},
      {"any", {"/<any(a, 'b,c', \"d e\"):x>"}, "/b,c", R"(0 {"x":"b,c"})"},
      {"a string's length is in characters", {"/<string(length=2):x>"}, "/éé", R"(0 {"x":"éé"})"},
      {"of one too long", {"/<string(length=2):x>"}, "/ééé", "none"},
      {"by place", {"/<string(2, 3):x>"}, "/abcd", "none"},
      {"rules with one shape: the first", {"/<int:a>", "/<int:b>"}, "/1", R"(0 {"a":1})"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    CHECK(matched(test.rules, test.path) == test.expected);
  }
}

TEST_CASE("route: what is no rule is refused where it goes wrong") {
  const struct {
    const char* rule;
    const char* expected;
  } cases[] = {
      {"", "--route: a rule is empty @0"},
      {"user", "--route: a rule begins with a slash: '/user' @0"},
      {"/<itn:id>", "--route: no converter is called 'itn'; did you mean 'int'? @2"},
      {"/<:id>", "--route: a converter's name is missing @2"},
      {"/a/<id", "--route: '<' is not closed @3"},
      {"/a/<", "--route: '<' is not closed @3"},
      {"/<int:>", "--route: a variable's name is letters, digits and _, no digit first @6"},
      {"/<1a>", "--route: a variable's name is letters, digits and _, no digit first @2"},
      {"/<a-b>", "--route: '-' cannot stand here; a variable is <name> or <int:name> @3"},
      {"/<id>/<id>", "--route: the variable 'id' stands twice @7"},
      {"/<int(max=a):id>", "--route: max is a whole number, not 'a' @10"},
      {"/<int(mx=1):id>", "--route: int has no argument 'mx'; did you mean 'max'? @6"},
      {"/<int(max=1,max=2):id>", "--route: max is given twice @12"},
      {"/<int(max=1,2):id>", "--route: a value without a name stands before those with one @12"},
      {"/<int(min=3,max=1):id>", "--route: max is below min @6"},
      {"/<int(1):id", "--route: '<' is not closed @1"},
      {"/<int(1>", "--route: a ',' or ')' is missing @7"},
      {"/<int(1", "--route: '(' is not closed @5"},
      {"/<int(1)id>", "--route: a ':' and the variable's name are missing @8"},
      {"/<string(0):s>", "--route: minlength is a whole number from 1, not '0' @9"},
      {"/<string(minlength=3, maxlength=2):s>", "--route: maxlength is below minlength @9"},
      {"/<string(1,2,3,4):s>", "--route: string takes 3 arguments @15"},
      {"/<path(1):p>", "--route: path takes no arguments @7"},
      {"/<any():x>", "--route: any has no items; it is written any(a,b,'c'):name @2"},
      {"/<any('a):x>", "--route: a quote is not closed @6"},
      {"/\xff", "--route: a rule is text in UTF-8 @0"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.rule);
    CHECK(refused([&] { Routes({test.rule}); }) == test.expected);
  }
  CHECK(refused([] { Routes({"/a", "/b", "/a"}); }) == "--route: the rule stands twice @0");
}

TEST_CASE("route: many variables in a long segment take no longer than its length") {
  // Werkzeug's regular expression would try each way to cut it: 40,000 to the power of 8.
  std::string path(40'000, '-');
  path[0] = '/';
  CHECK(matched({"/<a>-<b>-<c>-<d>-<e>-<f>-<g>-<int:n>"}, path) == "none");
  path += '1';
  CHECK(matched({"/<a>-<b>-<c>-<d>-<e>-<f>-<g>-<int:n>"}, path)
            .ends_with(R"(","b":"-","c":"-","d":"-","e":"-","f":"-","g":"-","n":1})"));
}

TEST_CASE("route: a file of rules") {
  char name[] = "/tmp/track-usage-unit-XXXXXX";
  const int fd = mkstemp(name);
  REQUIRE(fd >= 0);
  close(fd);
  const auto write = [&](const char* text) { std::ofstream(name) << text; };
  write("# views\n\n/\r\n  /user/<int:id>  \n/last");
  CHECK(read_rules(name) == std::vector<std::string>{"/", "/user/<int:id>", "/last"});
  write("/\n# a comment\n/<itn:id>\n");
  CHECK(refused([&] { read_rules(name); }) ==
        std::string(name) + ":3: no converter is called 'itn'; did you mean 'int'? @2");
  write("/a\n/a\n");
  CHECK(refused([&] { read_rules(name); }) == std::string(name) + ":2: the rule stands twice @0");
  write("");
  CHECK(read_rules(name).empty());
  std::remove(name);
  CHECK(refused([&] { read_rules(name); }).find("cannot read the rules '") == 0);
}

TEST_CASE("blueprint: the first pattern that holds names it") {
  const Blueprints blueprints({"shop=/shop/**", "picture=*.png", "admin=re:^/(admin|root)\\b", "shop=/cart",
                               "admin=/shop/admin/**", "api=/v[12]/**", "api=/*/api/**"});
  CHECK(blueprints.names() == std::vector<std::string>{"shop", "picture", "admin", "api"});
  const struct {
    const char* path;
    const char* expected;
  } cases[] = {
      {"/shop", "shop"},
      {"/shop/", "shop"},
      {"/shop/a/b", "shop"},
      {"/shop/admin/x", "shop"},
      {"/shopping", "-"},
      {"/cart", "shop"},
      {"/cart/1", "-"},
      {"/a/b.png", "picture"},
      {"/shop/b.png", "shop"},
      {"/admin", "admin"},
      {"/cart.png", "picture"},
      {"/x/api/y", "api"},
      {"/x/api", "api"},
      {"/", "-"},
      {"", "-"},
      {"/v[12]/x", "api"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.path);
    const int name = blueprints.match(test.path);
    CHECK((name < 0 ? "-" : blueprints.names()[static_cast<std::size_t>(name)]) == test.expected);
  }
}

TEST_CASE("blueprint: every shape of glob is what a filter's is") {
  // All globs and paths of a few pieces: the shortcuts must never show.
  const std::vector<std::string> globs = {"a", "/", "*", "**", "?", "{a,b}", "{,/a}", "}", "b"};
  const std::vector<std::string> words = {"a", "b", "/", "}"};
  const auto lists = [](const std::vector<std::string>& of, std::size_t longest) {
    std::vector<std::string> all{""};
    for (std::size_t from = 0, n = 0; n < longest; ++n) {
      const std::size_t to = all.size();
      for (; from < to; ++from)
        for (const std::string& piece : of) all.push_back(all[from] + piece);
    }
    return all;
  };
  const std::vector<std::string> paths = lists(words, 4);
  std::size_t differ = 0, held = 0;
  for (const std::string& glob : lists(globs, 3)) {
    for (const std::string& shape : {glob, '/' + glob, '/' + glob + "/**"}) {
      if (shape.empty()) continue;
      const Blueprints blueprints({"x=" + shape});
      const PatternTest test =
          PatternTest::glob(shape, Glob::path, PatternTest::Case::told_apart, Typed{"--include", shape});
      for (const std::string& path : paths) {
        const bool holds = blueprints.match(path) == 0;
        held += holds;
        if (holds == test.holds(path)) continue;
        if (++differ == 1) MESSAGE("the first: " << shape << " and " << path);
      }
    }
  }
  CHECK(differ == 0);
  CHECK(held > 5'000);
}

TEST_CASE("blueprint: what is none is refused where it goes wrong") {
  const struct {
    const char* typed;
    const char* expected;
  } cases[] = {
      {"shop", "--blueprint: '=' is missing; a blueprint is NAME=PATTERN @4"},
      {"=/shop/**", "--blueprint: the name is empty @0"},
      {"shop=", "--blueprint: the pattern is empty @5"},
      {"shop=re:", "--blueprint: the pattern is empty @8"},
      {"shop=/{a,b", "--blueprint: '{' is not closed @6"},
      {"shop=re:a(b", "--blueprint: missing ) @9"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.typed);
    CHECK(refused([&] { Blueprints({test.typed}); }) == test.expected);
  }
}

}  // namespace
}  // namespace track_usage
