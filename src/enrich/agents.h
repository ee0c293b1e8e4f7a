// What a row tells of a user agent, from the best that there is to read it with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace track_usage {

// Browser and platform in lower case, version and language as logged; bot is
// its class. Empty: null.
struct AgentText {
  std::string browser, platform, version, language, bot;
};

// Shared by all threads.
class Agents {
 public:
  // `file` is a regexes.yaml of uap-core, which is loaded when the first string
  // is read; without one the built-in table tells all.
  explicit Agents(std::string file = {});
  ~Agents();

  // Throws Error (Exit::usage) if the file cannot be read or begins as no
  // uap-core's. Cheap: to be called at the start of a run.
  void check() const;

  // What was told of this string before is told again, without looking: rows and
  // summaries of a store tell the same of an agent, whoever read it. Before the
  // first read().
  void know(std::string string, AgentText text) { known_.insert_or_assign(std::move(string), std::move(text)); }

  // `string` is UTF-8. From any thread; the first to come loads the file while
  // the others wait. Throws Error (Exit::usage) if it cannot be loaded.
  AgentText read(std::string_view string) const;

 private:
  struct Loaded;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  const std::string file_;
  std::unordered_map<std::string, AgentText, Hash, std::equal_to<>> known_;
  const std::unique_ptr<Loaded> loaded_;
};

}  // namespace track_usage
