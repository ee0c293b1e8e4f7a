// The origin's names, found in one walk over the words of the string. A word
// begins where no letter stands before it, so that axios is no iOS, LinkedIn no
// Linux and Darwin no Windows.
#include "src/enrich/agent.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "src/enrich/agent_words.h"

namespace track_usage {
namespace {

using namespace agent_words;

constexpr std::size_t word_count = std::size(words);

// The words by their first byte: those that begin with c are
// order[first[c]] to order[first[c + 1] - 1], in the order of the table.
struct Index {
  std::array<std::uint16_t, word_count> order{};
  std::array<std::uint16_t, 129> first{};
};
constexpr Index make_index() {
  Index index;
  std::size_t n = 0;
  for (std::size_t c = 0; c < 128; ++c) {
    index.first[c] = static_cast<std::uint16_t>(n);
    for (std::size_t i = 0; i < word_count; ++i)
      if (words[i].word[0] == static_cast<char>(c)) index.order[n++] = static_cast<std::uint16_t>(i);
  }
  index.first[128] = static_cast<std::uint16_t>(n);
  return index;
}
constexpr Index by_letter = make_index();

// A word's language must be one of ISO 639-1 (or one of three it once had), in
// lower case as every agent writes it: wv, tv and OS are none.
constexpr std::string_view language_codes =
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv "
    "ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne "
    "ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st "
    "su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu in iw ji";

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

constexpr auto nowhere = std::string_view::npos;

// The best word about one thing that was met so far.
struct Find {
  std::size_t word = word_count;
  std::size_t at = nowhere;

  void offer(std::size_t found, std::size_t position) {
    if (found >= word) return;
    word = found;
    at = position;
  }
  bool any() const { return word != word_count; }
};

// The number that follows a keyword's end after blanks, slashes, ( and letters.
std::string_view version_at(std::string_view string, std::size_t at) {
  while (at < string.size() && (is_alpha(string[at]) || is_one_of(string[at], " \t/("))) ++at;
  std::size_t end = at;
  if (at == string.size() || !is_digit(string[at])) return {};
  while (end < string.size() && (is_alpha(string[end]) || is_digit(string[end]) || string[end] == '.')) ++end;
  while (string[end - 1] == '.') --end;
  return string.substr(at, end - at);
}

// A language stands alone between the separators of the comment: "; en-US;",
// "[de]". Android's "Android 14;" is none, as it has to be letters.
std::string_view find_language(std::string_view string) {
  for (std::size_t i = 1; i + 2 < string.size(); ++i) {
    if (!is_lower(string[i]) || !is_lower(string[i + 1]) || !is_one_of(string[i - 1], " \t;([")) continue;
    std::size_t end = i + 2;
    if (end + 2 < string.size() && is_one_of(string[end], "-_") && is_alpha(string[end + 1]) &&
        is_alpha(string[end + 2]))
      end += 3;
    std::size_t after = end;
    while (after < string.size() && is_blank(string[after])) ++after;
    if (after == string.size() || !is_one_of(string[after], ";)]")) continue;
    if (string[after] != ';') {  // the last of a comment has to be alone; before a ; a blank will do
      std::size_t before = i;
      while (before > 0 && is_blank(string[before - 1])) --before;
      if (before == 0 || !is_one_of(string[before - 1], ";([")) continue;
    }
    const auto code = language_codes.find(string.substr(i, 2));
    if (code != nowhere) return string.substr(i, end - i);
  }
  return {};
}

// What calls itself a bot, or gives the address of a page about itself.
bool is_bot(std::string_view lowered) {
  for (const std::string_view sign : {"crawl", "spider", "+http"})
    if (lowered.find(sign) != nowhere) return true;
  for (std::size_t at = lowered.find("bot"); at != nowhere; at = lowered.find("bot", at + 1))
    if (at < 2 || lowered.substr(at - 2, 2) != "cu") return true;  // Cubot makes telephones
  return false;
}

}  // namespace

AgentParts parse_agent(std::string_view string) {
  thread_local std::string lowered_bytes;
  lowered_bytes.assign(string);
  for (char& c : lowered_bytes)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const std::string_view lowered = lowered_bytes;

  // All but Internet Explorer name themselves after the last parenthesis.
  const auto trident = lowered.find("trident/");
  const auto revision = trident == nowhere ? nowhere : lowered.find(" rv:", trident);
  const auto parenthesis = string.rfind(')');
  const bool has_tail = parenthesis != nowhere && parenthesis + 1 < string.size() && revision == nowhere;
  const std::size_t tail = has_tail ? parenthesis : 0;

  Find platform, in_tail, in_all, robot;
  std::size_t version = nowhere;  // of "version/"
  for (std::size_t i = 0; i < lowered.size(); ++i) {
    const char c = lowered[i];
    if (!is_lower(c) && !is_digit(c)) continue;
    if (i > 0 && (is_lower(lowered[i - 1]) || (is_digit(c) && is_digit(lowered[i - 1])))) continue;
    const auto letter = static_cast<unsigned char>(c);  // an ASCII one, by now
    const std::string_view here = lowered.substr(i);
    const char second = here.size() > 1 ? here[1] : '\0';
    for (std::size_t n = by_letter.first[letter]; n < by_letter.first[letter + 1]; ++n) {
      const std::size_t w = by_letter.order[n];
      const Word& word = words[w];
      // Most end here, without a call to compare.
      if (second != word.word[1] || !here.starts_with(word.word)) continue;
      if ((word.how & whole) != 0 && here.size() > word.word.size()) {
        const char next = here[word.word.size()];
        if (is_lower(next) || is_digit(next)) continue;
      }
      switch (word.about) {
        case About::platform:
          platform.offer(w, i);
          break;
        case About::bot:
          robot.offer(w, i);
          break;
        case About::browser:
          if (word.word == "trident/" && revision == nowhere) break;
          if (word.word == "version/" && version == nowhere) version = i;
          in_all.offer(w, i);
          if (i >= tail || (word.how & anywhere) != 0) in_tail.offer(w, i);
      }
    }
  }

  AgentParts parts;
  if (platform.any()) parts.platform = words[platform.word].value;
  const Find& browser = in_tail.any() ? in_tail : in_all;
  if (browser.any()) {
    const Word& word = words[browser.word];
    parts.browser = word.value;
    // Safari's own number is its WebKit's, and Opera wrote 9.80 for years.
    const bool safari = word.value == "safari";
    if (safari || (word.value == "opera" && version != nowhere))
      parts.version = version == nowhere ? std::string_view() : version_at(string, version + 8);
    else if (word.word == "trident/")
      parts.version = version_at(string, revision + 4);
    else
      parts.version = version_at(string, browser.at + word.word.size());
  }
  parts.language = find_language(string);
  if (robot.any())
    parts.bot = words[robot.word].value;
  else if (is_bot(lowered))
    parts.bot = "other";
  return parts;
}

}  // namespace track_usage
