// Browsers, systems and spiders by the patterns of uap-core, a project that
// many programs share (regexes.yaml; Debian's package uap-core brings one).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace track_usage {

// As uap-core names them ("Chrome Mobile", "Mac OS X"); empty: not known, which
// uap-core calls Other. Versions are major.minor.patch as far as they are told.
struct AgentMatch {
  std::string family, version, os_family, os_version;
  bool spider = false;  // its device is 'Spider'
};

class AgentPatterns {
 public:
  // Reads and compiles the file, which takes some 0.1 s. Throws Error
  // (Exit::usage) with the place if it cannot be read, is no YAML, has not
  // uap-core's shape, or a pattern is none that RE2 takes.
  explicit AgentPatterns(const std::string& file);
  ~AgentPatterns();

  // Cheap: throws Error (Exit::usage) if the file cannot be read or does not
  // begin as uap-core's does.
  static void check(const std::string& file);

  // `string` is UTF-8; its first 2 KiB are looked at. From any thread.
  AgentMatch match(std::string_view string) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace track_usage
