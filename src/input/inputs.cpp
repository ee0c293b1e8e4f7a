#include "src/input/inputs.h"

#include <fnmatch.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"
#include "src/input/source.h"

namespace track_usage {
namespace {

namespace fs = std::filesystem;

// What a folder's walk leaves alone by name: hidden files, editors' and
// package managers' leftovers, archives of many files.
const char* const passed_patterns[] = {".*",       "*~",     "*.bak",    "*.swp",      "*.tmp", "*.tar", "*.tar.*",
                                       "*.tgz",    "*.zip",  "*.7z",     "*.deb",      "*.rpm", "*.db",  "*.db-wal",
                                       "*.db-shm", "*.lock", "*.sqlite", "*.dpkg-old", "*.pid"};

constexpr std::size_t head_bytes = 64 * 1024;
constexpr int head_lines = 50;

struct Head {
  bool readable = false;  // a line of it is one of an access log
  bool empty = true;
  std::int64_t first = no_number;
};

// Reads the head of a file far enough to see whether it is an access log, and
// when it begins.
Head look_at(const std::string& path, const Dispatcher& dispatcher) {
  Head head;
  std::vector<char> bytes(head_bytes + 64);
  Source source(path);
  std::size_t size = 0;
  try {
    while (size < head_bytes) {
      std::size_t got = 0;
      if (source.read(bytes.data() + size, head_bytes - size, got) != Source::Got::data) break;
      size += got;
    }
  } catch (const Error&) {
    // damaged further on: told when the file is read
  }
  head.empty = size == 0;
  std::string_view rest(bytes.data(), size);
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  Fields fields;
  dispatcher.directive({});
  for (int n = 0; n < head_lines && !rest.empty(); ++n) {
    const auto newline = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(std::min(newline + 1, rest.size()));
    line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#')) dispatcher.directive(line);
    if (is_blank(line) || dispatcher.best(line, fields).reading.match == Match::none) continue;
    head.readable = true;
    head.first = fields.time;
    break;
  }
  return head;
}

class Lister {
 public:
  Lister(const Dispatcher& dispatcher, const std::vector<std::string>& own_files, const KnownFiles& known)
      : dispatcher_(dispatcher), known_(known) {
    for (const std::string& path : own_files) {
      struct stat st {};
      if (::stat(path.c_str(), &st) == 0) own_.insert({st.st_dev, st.st_ino});
    }
  }

  // A file that exists is that file before it is a glob.
  void named(const std::string& name) {
    struct stat st {};
    const bool there = name == "-" || ::stat(name.c_str(), &st) == 0;
    const int cause = errno;
    const bool followed =
        name != "-" && follow(name, there ? std::optional(FileId{st.st_dev, st.st_ino}) : std::nullopt);
    if (there) return path({.path = name});
    if (followed) return;
    if (name.find_first_of("*?[{") != std::string::npos) return pattern(name);
    list_.troubles.push_back({fmt::format("cannot read '{}': {}", visible(name), std::strerror(cause)), {}});
  }

  InputList take() {
    for (const auto& [name, stands_for] : followed_)  // unless it is named as well
      path({.path = name, .followed = true, .stands_for = stands_for});
    std::stable_sort(list_.inputs.begin(), list_.inputs.end(), [](const Input& a, const Input& b) {
      const auto key = [](const Input& i) { return i.first == no_number ? INT64_MAX : i.first; };
      if (key(a) != key(b)) return key(a) < key(b);
      if (a.stream || b.stream) return false;  // streams stay as named, at the end
      return natural_less(a.path, b.path);
    });
    return std::move(list_);
  }

 private:
  void pattern(const std::string& name) {
    glob_t found{};
    const int error = glob(name.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &found);
    if (error != 0) list_.troubles.push_back({fmt::format("no file matches '{}'", visible(name)), {}});
    for (std::size_t i = 0; i < found.gl_pathc; ++i) path({.path = found.gl_pathv[i]});
    globfree(&found);
  }

  void folder(const std::string& name) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(name, error), end; !error && it != end; it.increment(error)) entries.push_back(*it);
    if (error) {
      list_.troubles.push_back({fmt::format("cannot read the folder '{}': {}", visible(name), error.message()), {}});
      return;
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return natural_less(a.path().string(), b.path().string()); });
    for (const fs::directory_entry& entry : entries) {
      const std::string file = entry.path().filename().string();
      const bool passed = std::any_of(std::begin(passed_patterns), std::end(passed_patterns),
                                      [&](const char* p) { return fnmatch(p, file.c_str(), 0) == 0; });
      passed ? pass_over(entry.path().string(), "no log by its name")
             : path({.path = entry.path().string(), .walked = true});
    }
  }

  // A log that a run knew by this name and that is called otherwise now: its
  // rest would be nobody's. True: it was found.
  bool follow(const std::string& name, std::optional<FileId> now) {
    if (!known_.seen_at) return false;
    std::error_code ignored;
    const auto before = known_.seen_at(fs::absolute(name, ignored).lexically_normal().string());
    if (!before || before == now) return false;
    const auto found = find_in_folder(name, *before);
    if (found) followed_.push_back({*found, now ? std::string() : name});
    return found.has_value();
  }

  void path(Input input) {
    const std::string name = input.path;
    const bool walked = input.walked;
    if (name == "-") {
      input.stream = true;
      list_.inputs.push_back(std::move(input));
      return;
    }
    if (::stat(name.c_str(), &input.stat) != 0) {
      list_.troubles.push_back({fmt::format("cannot read '{}': {}", visible(name), std::strerror(errno)), {}});
      return;
    }
    const FileId id{input.stat.st_dev, input.stat.st_ino};
    if (own_.contains(id)) return pass_over(name, "it belongs to the store");
    if (S_ISDIR(input.stat.st_mode)) {
      // A link back to a folder above would never end.
      if (folders_.insert(id).second) folder(name);
      return;
    }
    if (S_ISFIFO(input.stat.st_mode) && !walked) {
      input.stream = true;
      list_.inputs.push_back(std::move(input));
      return;
    }
    if (name == "/dev/null") return;  // an empty log
    if (!S_ISREG(input.stat.st_mode)) {
      if (walked) return pass_over(name, "it is no file");
      if (S_ISCHR(input.stat.st_mode) && name == "/dev/stdin") return path({.path = "-"});
      list_.troubles.push_back({fmt::format("cannot read '{}': it is no file and no pipe", visible(name)), {}});
      return;
    }
    if (!files_.insert(id).second) return;  // named before, by this path or another
    if (const auto first = known_.first ? known_.first(input.stat) : std::nullopt) {
      input.first = *first;
      list_.inputs.push_back(std::move(input));
      return;
    }
    try {
      const Head head = look_at(name, dispatcher_);
      input.first = head.first;
      if (walked && !head.readable && !head.empty) return pass_over(name, "it is no access log");
      list_.inputs.push_back(std::move(input));
    } catch (const Error& e) {
      list_.troubles.push_back({e.what(), e.hint});
    }
  }

  void pass_over(const std::string& name, std::string_view why) {
    list_.passed_over.push_back(fmt::format("{}: passed over, {}", visible(name), why));
  }

  const Dispatcher& dispatcher_;
  const KnownFiles& known_;
  std::vector<std::pair<std::string, std::string>> followed_;  // path now, and the missing name it stands for
  std::set<FileId> own_, folders_, files_;
  InputList list_;
};

}  // namespace

std::int64_t first_time(const std::string& path, const Dispatcher& dispatcher) {
  return look_at(path, dispatcher).first;
}

bool any_there(const std::vector<std::string>& named) {
  return std::any_of(named.begin(), named.end(), [](const std::string& name) {
    struct stat st {};
    if (name == "-" || ::stat(name.c_str(), &st) == 0) return true;
    if (name.find_first_of("*?[{") == std::string::npos) return false;
    glob_t found{};
    const bool matched = glob(name.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &found) == 0;
    globfree(&found);
    return matched;
  });
}

bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t ie = i, je = j;
      while (ie < a.size() && digit(a[ie])) ++ie;
      while (je < b.size() && digit(b[je])) ++je;
      while (i + 1 < ie && a[i] == '0') ++i;
      while (j + 1 < je && b[j] == '0') ++j;
      if (ie - i != je - j) return ie - i < je - j;
      const int order = a.compare(i, ie - i, b, j, je - j);
      if (order != 0) return order < 0;
      i = ie;
      j = je;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

InputList list_inputs(const std::vector<std::string>& named, const Dispatcher& dispatcher,
                      const std::vector<std::string>& own_files, const KnownFiles& known) {
  Lister lister(dispatcher, own_files, known);
  for (const std::string& name : named) lister.named(name);
  return lister.take();
}

std::optional<std::string> find_in_folder(const std::string& beside, FileId file) {
  const fs::path parent = fs::path(beside).parent_path();
  std::error_code error;
  for (fs::directory_iterator it(parent.empty() ? "." : parent, error), end; !error && it != end; it.increment(error)) {
    struct stat st {};
    const std::string path = (parent / it->path().filename()).string();
    if (::lstat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && FileId{st.st_dev, st.st_ino} == file) return path;
  }
  return {};
}

}  // namespace track_usage
