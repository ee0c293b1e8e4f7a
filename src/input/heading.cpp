#include "src/input/heading.h"

#include <algorithm>
#include <cstring>

namespace track_usage {
namespace {

// No list of columns is longer, and no log has more names.
constexpr std::size_t longest = 64 * 1024, most = 16;

std::string_view name_of(std::string_view directive) {
  return directive.substr(0, directive.find(':'));
}

}  // namespace

void Heading::restart() {
  state_ = State::begin;
  partial_.clear();
  lines_.clear();
}

void Heading::feed(std::string_view bytes) {
  if (bytes.empty() || state_ == State::none) return;
  if (state_ == State::begin) {
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    state_ = bytes.starts_with('#') ? State::line_start : State::none;
  }
  if (state_ == State::none) return;
  while (!bytes.empty()) {
    if (state_ == State::line_start) state_ = bytes[0] == '#' ? State::in_directive : State::in_line;
    const auto newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (state_ == State::in_directive && partial_.size() < longest) partial_ += piece.substr(0, longest);
    if (newline == std::string_view::npos) return;
    if (state_ == State::in_directive) line(partial_);
    partial_.clear();
    state_ = State::line_start;
    bytes.remove_prefix(newline + 1);
    if (bytes.starts_with('#')) continue;
    // On to the next directive, if there is one.
    const auto next = bytes.find("\n#");
    if (next != std::string_view::npos) {
      bytes.remove_prefix(next + 1);
    } else {
      if (!bytes.empty() && bytes.back() != '\n') state_ = State::in_line;
      return;
    }
  }
}

void Heading::line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.find(':') == std::string_view::npos) return;
  std::erase_if(lines_, [&](const std::string& known) { return name_of(known) == name_of(text); });
  if (lines_.size() == most) lines_.erase(lines_.begin());
  lines_.emplace_back(text);
}

std::string Heading::text() const {
  std::string out;
  for (const std::string& line : lines_) out.append(line) += '\n';
  return out;
}

}  // namespace track_usage
