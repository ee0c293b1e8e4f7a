// User agents as they are seen in logs.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "src/enrich/agent.h"

namespace track_usage {
namespace {

std::string shown(std::string_view view) {
  return view.data() == nullptr ? "-" : std::string(view);
}

TEST_CASE("agent: a string tells platform, browser, version, language and class") {
  const struct {
    const char* name;
    const char* string;
    const char* expected;
  } cases[] = {
      {"chrome on windows",
       "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
       "Safari/537.36",
       "windows chrome 124.0.0.0 - -"},
      {"safari on iphone",
       "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
       "Mobile/15E148 Safari/604.1",
       "iphone safari 17.4 - -"},
      {"safari on ipad",
       "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 "
       "Mobile/15E148 Safari/604.1",
       "ipad safari 16.6 - -"},
      {"safari on mac",
       "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 "
       "Safari/605.1.15",
       "macos safari 17.4.1 - -"},
      {"safari that does not tell its version",
       "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/300.0 "
       "Mobile/15E148 Safari/604.1",
       "iphone safari - - -"},
      {"edge",
       "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
       "Safari/537.36 "
       "Edg/124.0.2478.51",
       "windows edge 124.0.2478.51 - -"},
      {"opera today",
       "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 "
       "Safari/537.36 "
       "OPR/109.0.0.0",
       "windows opera 109.0.0.0 - -"},
      {"opera of old", "Opera/9.80 (X11; Linux i686; U; en) Presto/2.12.388 Version/12.16", "linux opera 12.16 en -"},
      {"opera in disguise", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; en) Opera 8.50",
       "windows opera 8.50 en -"},
      {"firefox on linux", "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
       "linux firefox 125.0 - -"},
      {"firefox of old", "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.8.1) Gecko/20061010 Firefox/2.0",
       "windows firefox 2.0 en-US -"},
      {"firefox on ios",
       "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/125.0 "
       "Mobile/15E148 Safari/605.1.15",
       "iphone firefox 125.0 - -"},
      {"chrome on ios",
       "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/124.0 "
       "Mobile/15E148 Safari/604.1",
       "iphone chrome 124.0 - -"},
      {"chrome on android: 14 is no language",
       "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile "
       "Safari/537.36",
       "android chrome 124.0.0.0 - -"},
      {"android's own web view: wv is no language",
       "Mozilla/5.0 (Linux; Android 10; SM-G960F Build/QP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
       "Chrome/124.0 Mobile Safari/537.36",
       "android chrome 124.0 - -"},
      {"android of old",
       "Mozilla/5.0 (Linux; U; Android 2.3; de-de; Desire) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile "
       "Safari/533.1",
       "android safari 4.0 de-de -"},
      {"chrome os",
       "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
       "chromeos chrome 124.0.0.0 - -"},
      {"internet explorer 11", "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
       "windows msie 11.0 - -"},
      {"internet explorer 9", "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
       "windows msie 9.0 - -"},
      {"konqueror", "Mozilla/5.0 (compatible; Konqueror/4.5; FreeBSD) KHTML/4.5.4 (like Gecko)",
       "freebsd konqueror 4.5 - -"},
      {"netscape with a language in brackets", "Mozilla/4.7 [de] (X11; U; SunOS 5.6 sun4u)",
       "solaris mozilla 4.7 de -"},
      {"links", "Links (2.8; Linux 3.2 x86_64; GNU C; text)", "linux links 2.8 - -"},
      {"one digit", "Lynx/2", "- lynx 2 - -"},
      {"underscore in the language", "Shop/5 (iPhone; iOS 17.1; pt_BR)", "iphone - - pt_BR -"},
      {"web view in a program",
       "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
       "[FBAN/FBIOS]",
       "iphone webkit 605.1.15 - -"},
      {"darwin is no windows", "Shop/1 CFNetwork/1410.0.3 Darwin/22.6.0", "macos - - - -"},

      {"googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
       "- google 2.1 - search"},
      {"googlebot on a telephone",
       "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
       "Chrome/124.0.6367.60 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
       "android google 2.1 - search"},
      {"bingbot in disguise",
       "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) "
       "Chrome/116.0.1938.76 Safari/537.36",
       "- bing 2.0 - search"},
      {"gptbot",
       "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot",
       "- webkit 537.36 - ai"},
      {"applebot-extended is ai", "Mozilla/5.0 (compatible; Applebot-Extended/0.1)", "- mozilla 5.0 - ai"},
      {"applebot is search", "Mozilla/5.0 (compatible; Applebot/0.1)", "- mozilla 5.0 - search"},
      {"yandex", "Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/bots)", "- mozilla 5.0 - search"},
      {"ahrefs", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "- mozilla 5.0 - seo"},
      {"uptimerobot", "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
       "- mozilla 5.0 - monitor"},
      {"kubernetes", "kube-probe/1.29", "- - - - monitor"},
      {"nmap", "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
       "- mozilla 5.0 - scanner"},
      {"zgrab", "Mozilla/5.0 zgrab/0.x", "- mozilla 5.0 - scanner"},
      {"curl", "curl/8.5.0", "- - - - library"},
      {"python", "python-requests/2.31.0", "- - - - library"},
      {"go", "Go-http-client/1.1", "- - - - library"},
      {"axios is no ios", "axios/1.6.8", "- - - - library"},
      {"linkedin is no linux", "LinkedInBot/1.0 (compatible; Mozilla/5.0)", "- mozilla 5.0 - other"},
      {"unknown bot", "SomethingBot", "- - - - other"},
      {"address of a page", "Thing/1.0 (+https://example.com)", "- - - - other"},
      {"headless",
       "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
       "linux chrome 120.0 - other"},
      {"a telephone called Cubot",
       "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile "
       "Safari/537.36",
       "android chrome 90.0 - -"},
      {"yandex's browser is no bot",
       "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0 YaBrowser/24.4 Safari/537.36",
       "windows chrome 122.0 - -"},
      {"empty", "", "- - - - -"},
      {"a parenthesis", ")", "- - - - -"},
      {"bytes", "\xff\xfe; \x01", "- - - - -"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.name);
    const AgentParts parts = parse_agent(test.string);
    CHECK(shown(parts.platform) + " " + shown(parts.browser) + " " + shown(parts.version) + " " +
              shown(parts.language) + " " + shown(parts.bot) ==
          test.expected);
  }
}

TEST_CASE("agent: bots have the class of what they are for") {
  const struct {
    const char* expected;
    std::vector<const char*> strings;
  } classes[] = {
      {"ai",
       {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@example.com)",
        "CCBot/2.0 (https://example.org/faq/)", "Mozilla/5.0 (compatible; PerplexityBot/1.0)",
        "Mozilla/5.0 (compatible; Bytespider; spider@example.com)", "Google-Extended", "Amazonbot/0.1",
        "meta-externalagent/1.1", "ChatGPT-User/1.0", "OAI-SearchBot/1.0", "Claude-SearchBot/1.0", "MistralAI-User/1.0",
        "DeepSeekBot/1.0", "FirecrawlAgent", "AI2Bot", "img2dataset"}},
      {"search",
       {"DuckDuckBot/1.1", "Mozilla/5.0 (compatible; SeznamBot/4.0)", "Mozilla/5.0 (compatible; YandexImages/3.0)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)", "AdsBot-Google (+http://www.example.com)", "marginalia"}},
      {"seo",
       {"Mozilla/5.0 (compatible; SemrushBot/7~bl)", "MJ12bot/v1.4.8", "Screaming Frog SEO Spider/19", "Siteimprove"}},
      {"monitor",
       {"kube-probe/1.29", "ELB-HealthChecker/2.0", "Uptime-Kuma/1.23", "checkmk-active-httpv2/2.3",
        "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Safari/537.36 Chrome-Lighthouse"}},
      {"scanner",
       {"Mozilla/5.0 zgrab/0.x", "Nuclei - Open-source project", "Mozilla/5.00 (Nikto/2.1.6)", "masscan/1.3",
        "sqlmap/1.7", "WPScan v3.8", "Hello, World", "Fuzz Faster U Fool v2.1",
        "Mozilla/5.0 (compatible; CensysInspect/1.1)"}},
      {"library",
       {"curl/8.5.0", "python-httpx/0.27", "Go-http-client/2.0", "okhttp/4.12", "axios/1.6",
        "got (https://example.com)", "libwww-perl/6.72", "Apache-HttpClient/4.5 (Java/17)", "git/2.39.2",
        "Debian APT-HTTP/1.3 (2.6.1)"}},
      {"other",
       {"Twitterbot/1.0", "facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0", "Feedly/1.0", "NobodyKnowsBot"}},
      {"-",
       {"Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile "
        "Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36 OPR/110.0",
        "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) ChatGPT/1.2024 Chrome/124.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0 YaBrowser/24.4 "
        "Safari/537.36"}},
  };
  for (const auto& one : classes)
    for (const char* string : one.strings) {
      CAPTURE(string);
      CHECK(shown(parse_agent(string).bot) == one.expected);
    }
}

}  // namespace
}  // namespace track_usage
