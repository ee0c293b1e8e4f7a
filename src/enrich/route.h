// Which of the application's routes a path belongs to, and the arguments that
// its view was called with. The rules are Flask's, matched as Werkzeug 2.2 does.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

class Routes {
 public:
  struct Match {
    int rule = -1;          // its place among the rules; -1: none
    std::string view_args;  // compact JSON object in the rule's order; empty if there is no rule
  };

  // Rules as typed: /user/<int:id>, /static/<path:name>, /file-<name>.<ext>.
  // Converters: string (minlength, maxlength, length), int (fixed_digits, min,
  // max, signed), float (min, max, signed), path, uuid, any (items). Throws
  // Error (usage) with a caret: what is no rule, or one that is there already.
  explicit Routes(const std::vector<std::string>& rules);
  ~Routes();
  Routes(Routes&&) noexcept;
  Routes& operator=(Routes&&) noexcept;

  // `path` is decoded, without its query, valid UTF-8. From several threads at once.
  //
  // None, because the origin has no arguments there either: a path that Werkzeug
  // redirects (/a where the rule is /a/, or with doubled slashes within), and
  // one whose number a converter refuses (min, max, fixed_digits), even if a
  // later rule would take it. Slashes in front are one.
  //
  // A number is one in JSON, but for those beyond int64 or double, which not
  // every store takes: they are strings of their digits. Digits are ASCII. A
  // UUID is in lower case.
  Match match(std::string_view path) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

// A file of rules, one a line; blank lines, and lines that begin with #, are
// none. Throws Error (usage) that names FILE:LINE, with a caret, or says why
// the file cannot be read.
std::vector<std::string> read_rules(const std::string& path);

}  // namespace track_usage
