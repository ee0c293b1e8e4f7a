// What a row tells of a user agent, from the best that there is to read it with.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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

  // `string` is UTF-8. From any thread; the first to come loads the file while
  // the others wait. Throws Error (Exit::usage) if it cannot be loaded.
  AgentText read(std::string_view string) const;

 private:
  struct Loaded;
  const std::string file_;
  const std::unique_ptr<Loaded> loaded_;
};

}  // namespace track_usage
