#include "src/server_config.h"

#include <glob.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

struct NamedFormat {
  std::string name, directive;
};

// A word of a configuration, and how it stands there.
struct Word {
  std::string text;
  bool quoted = false;
};

// Statements of a configuration: of Apache a line each, of nginx up to ; { or }.
class Statements {
 public:
  enum class Of : std::uint8_t { apache, nginx };
  Statements(std::string_view text, Of server) : text_(text), server_(server) {}

  // The words of the next statement, and the statement as it stands.
  bool next(std::vector<Word>& words, std::string& whole) {
    words.clear();
    while (at_ < text_.size()) {
      skip_blanks();
      if (at_ == text_.size()) break;
      const char c = text_[at_];
      if (ends_statement(c)) {
        ++at_;
        if (!words.empty()) break;
        continue;
      }
      if (c == '#' && (server_ == Of::nginx || words.empty())) {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (words.empty()) begin_ = at_;
      words.push_back(word());
      end_ = at_;
    }
    if (!words.empty()) whole = text_.substr(begin_, end_ - begin_);
    return !words.empty();
  }

 private:
  bool ends_statement(char c) const { return server_ == Of::apache ? c == '\n' : c == ';' || c == '{' || c == '}'; }
  bool blank(char c) const { return c == ' ' || c == '\t' || c == '\r' || (c == '\n' && server_ == Of::nginx); }
  void skip_blanks() {
    for (; at_ < text_.size(); ++at_) {
      if (server_ == Of::apache && text_.substr(at_).starts_with("\\\n")) {
        ++at_;  // the line goes on
      } else if (!blank(text_[at_])) {
        break;
      }
    }
  }
  Word word() {
    Word word;
    const char quote = text_[at_];
    if (quote == '"' || quote == '\'') {
      word.quoted = true;
      for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
        const bool escape = text_[at_] == '\\' && at_ + 1 < text_.size();
        if (escape && text_[at_ + 1] == '\n' && server_ == Of::apache) {
          ++at_;  // the line goes on
          continue;
        }
        if (escape) word.text += text_[at_++];
        word.text += text_[at_];
      }
      at_ += at_ < text_.size();
      return word;
    }
    for (; at_ < text_.size() && !blank(text_[at_]) && !ends_statement(text_[at_]) && text_[at_] != '\n'; ++at_)
      word.text += text_[at_];
    return word;
  }

  const std::string_view text_;
  const Of server_;
  std::size_t at_ = 0, begin_ = 0, end_ = 0;
};

class ConfigReader {
 public:
  explicit ConfigReader(const std::string& path) : root_(std::filesystem::path(path).parent_path()) {
    if (!read(path))
      throw Error(Exit::input, fmt::format("cannot read '{}': {}", visible(path), std::strerror(errno)),
                  "--format-from wants a server's configuration, as /etc/nginx/nginx.conf");
  }

  const std::vector<NamedFormat>& formats() const { return formats_; }
  const std::vector<std::string>& unread() const { return unread_; }

 private:
  bool read(const std::string& path) {
    std::error_code error;
    const std::string real = std::filesystem::weakly_canonical(path, error).string();
    if (!seen_.insert(real).second) return true;  // includes may go round
    if (std::filesystem::is_directory(path, error)) {
      errno = EISDIR;
      return false;
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) return false;
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    std::vector<Word> words;
    std::string whole;
    // A file is of one of both; the other's directives are not found in it.
    for (Statements apache(text, Statements::Of::apache); apache.next(words, whole);) {
      const std::string directive = lower(words[0].text);
      if (directive == "logformat" && words.size() == 3 && words[1].quoted)
        formats_.push_back({words[2].text, fmt::format("LogFormat \"{}\"", words[1].text)});
      else if ((directive == "customlog" || directive == "globallog") && words.size() >= 3 && words[2].quoted)
        formats_.push_back({words[1].text, fmt::format("LogFormat \"{}\"", words[2].text)});  // by its file's name
      else if (directive == "serverroot" && words.size() == 2)
        root_ = words[1].text;
      else if ((directive == "include" || directive == "includeoptional") && words.size() == 2 &&
               !words[1].text.ends_with(';'))
        include(words[1].text);
    }
    for (Statements nginx(text, Statements::Of::nginx); nginx.next(words, whole);) {
      if (words[0].text == "log_format" && words.size() > 2)
        formats_.push_back({words[1].text, whole});
      else if (words[0].text == "include" && words.size() == 2)
        include(words[1].text);
    }
    return true;
  }

  void include(const std::string& pattern) {
    const std::string path = (root_ / pattern).string();
    glob_t found{};
    if (::glob(path.c_str(), 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc; ++i)
        if (!read(found.gl_pathv[i])) unread_.emplace_back(found.gl_pathv[i]);
    }
    ::globfree(&found);
  }

  std::filesystem::path root_;
  std::set<std::string> seen_;
  std::vector<NamedFormat> formats_;
  std::vector<std::string> unread_;
};

}  // namespace

std::string format_from(std::string_view typed) {
  std::string path(typed), name;
  if (const auto colon = path.rfind(':'); colon != std::string::npos && !std::filesystem::exists(path)) {
    name = path.substr(colon + 1);
    path.resize(colon);
  }
  const ConfigReader config(path);
  const std::vector<NamedFormat>& formats = config.formats();
  std::vector<std::string_view> names;
  for (const NamedFormat& format : formats) {
    // Of a name that is given twice the last stands, as for Apache.
    std::erase(names, format.name);
    names.push_back(format.name);
  }
  if (name.empty() && names.size() == 1) name = names.front();
  const auto found =
      std::find_if(formats.rbegin(), formats.rend(), [&](const NamedFormat& f) { return f.name == name; });
  if (found != formats.rend()) return found->directive;
  if (name == "combined" || name == "common") return name;  // both servers know them untold
  std::string unread;
  if (!config.unread().empty())
    unread = fmt::format("; not readable: {}", visible(fmt::format("{}", fmt::join(config.unread(), " "))));
  if (names.empty())
    throw Error(Exit::usage, fmt::format("'{}' and what it includes name no log format{}", visible(path), unread),
                "LogFormat of Apache, log_format of nginx; --format takes the string itself");
  throw Error(Exit::usage,
              name.empty() ? fmt::format("'{}' names several log formats: add one, as {}:{}", visible(path),
                                         visible(path), visible(names.front()))
                           : fmt::format("'{}' names no log format '{}'{}", visible(path), visible(name), unread),
              visible(fmt::format("there are: {}", fmt::join(names, " "))));
}

}  // namespace track_usage
