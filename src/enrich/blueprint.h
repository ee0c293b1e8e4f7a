// Named groups of paths, the origin's blueprints.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

class Blueprints {
 public:
  // NAME=PATTERN each, in the order in which they are tried; a name may have
  // several patterns: globs for the whole path, or re: and what is searched
  // for, as --include takes them. Throws Error (usage) with a caret.
  explicit Blueprints(const std::vector<std::string>& typed);
  ~Blueprints();
  Blueprints(Blueprints&&) noexcept;
  Blueprints& operator=(Blueprints&&) noexcept;

  // The place among names() of the first pattern's that holds for the decoded
  // path; -1: none. From several threads at once.
  int match(std::string_view path) const;

  // Each once, in the order of their first patterns. Borrowed.
  const std::vector<std::string>& names() const;

 private:
  struct Table;
  std::unique_ptr<const Table> table_;
};

}  // namespace track_usage
