// What of queries a row keeps, and secrets in them: --query, --redact-query,
// --no-redact. Const; called from several threads at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

struct QueryOptions {
  std::string keep = "keep";        // keep, strip, only:a,b or drop:a,b
  bool redact = true;               // values of secret-like names become ***
  std::vector<std::string> secret;  // names besides the built-in ones
};

class QueryRules {
 public:
  explicit QueryRules(const QueryOptions& options);  // throws Error (usage)

  bool keeps_all() const { return keep_ == Keep::all && !redact_; }

  // Each appends the text as it may be kept. False: it may be kept as it is, and
  // nothing was appended.
  // A request or a target: its query cut, its secrets covered.
  bool rewrite(std::string_view request, std::string& out) const;
  // Any text that may hold a=b, such as a referrer: its secrets covered.
  bool cover(std::string_view text, std::string& out) const;
  // A line of a log that nobody could read: what looks like a secret in it.
  bool cover_line(std::string_view line, std::string& out) const;
  // Members of a JSON object ("a":1,"b":"x=y"): values of secret-like names
  // covered, and what texts hold.
  bool cover_members(std::string_view members, std::string& out) const;

 private:
  enum class Keep : unsigned char { all, none, only, others };

  bool is_secret(std::string_view name) const;
  bool is_secret_member(std::string_view name) const;
  bool is_kept(std::string_view name) const;
  bool cut(std::string_view request, std::string& out) const;
  bool cover(std::string_view text, std::string_view behind, std::string& out) const;

  Keep keep_ = Keep::all;
  bool redact_;
  std::vector<std::string> names_;   // of only and drop
  std::vector<std::string> secret_;  // folded
};

}  // namespace track_usage
