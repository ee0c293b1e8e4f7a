// Request targets, after RFC 9112 3.2, as bytes with the log's escapes undone.
#pragma once

#include <string>
#include <string_view>

namespace track_usage {

struct SplitRequest {
  std::string_view method, target, protocol;  // no data(): null
  bool malformed = false;
};

// "GET /a HTTP/1.1" into its parts (DESIGN ruling 11).
SplitRequest split_request(std::string_view request);

struct SplitTarget {
  std::string_view path;   // still encoded; "/" for "http://host"; no data(): null (CONNECT, "-")
  std::string_view query;  // what follows the first ?; no data(): none
  bool absolute = false;   // the target has scheme and host itself
};
SplitTarget split_target(std::string_view method, std::string_view target);

// a=1&b=2 as a JSON object, keys and values decoded and made text; the first
// of equal keys wins. Empty for a query without any.
void append_url_args(std::string& out, std::string_view query);

// For messages. user:password@host with *** for the password, and for values of
// the query that are secrets by their name; other text stays.
std::string masked_url(std::string_view text);
// The same for each URL in a command of the shell.
std::string masked_urls(std::string_view command);

}  // namespace track_usage
