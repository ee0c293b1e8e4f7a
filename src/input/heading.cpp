#include "src/input/heading.h"

#include <algorithm>

namespace track_usage {
namespace {

constexpr std::size_t most = 16;  // names: no log has more

// Where a line that begins with # does, behind the holes that may stand before it.
std::size_t find_directive(std::string_view bytes) {
  auto sign = bytes.find('#');
  for (; sign != std::string_view::npos; sign = bytes.find('#', sign + 1)) {
    const auto before = sign == 0 ? std::string_view::npos : bytes.find_last_not_of('\0', sign - 1);
    if (before != std::string_view::npos && bytes[before] == '\n') break;
  }
  return sign;
}

std::string_view name_of(std::string_view directive) {
  return directive.substr(0, directive.find(':'));
}

}  // namespace

void Heading::restart() {
  state_ = State::begin;
  partial_.clear();
  lines_.clear();
}

void Heading::resume(std::string_view text, char last) {
  restart();
  for (; !text.empty(); text.remove_prefix(std::min(text.find('\n') + 1, text.size())))
    line(text.substr(0, text.find('\n')));
  state_ = last == '\n' ? State::line_start : State::in_line;
}

void Heading::feed(std::string_view bytes) {
  if (state_ == State::begin && !bytes.empty()) {
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    state_ = State::line_start;
  }
  while (!bytes.empty()) {
    if (state_ == State::line_start) {
      bytes.remove_prefix(std::min(bytes.find_first_not_of('\0'), bytes.size()));
      if (bytes.empty()) return;
      state_ = bytes[0] == '#' ? State::in_directive : State::in_line;
    }
    if (state_ == State::in_line) {
      // A sign that is rare in logs: most bytes are passed over at memory's speed.
      const auto sign = find_directive(bytes);
      if (sign == std::string_view::npos) {
        const auto end = bytes.find_last_not_of('\0');
        if (end != std::string_view::npos && bytes[end] == '\n') state_ = State::line_start;
        return;
      }
      bytes.remove_prefix(sign);
      state_ = State::in_directive;
    }
    const auto newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (partial_.size() <= longest_) partial_ += piece.substr(0, longest_ + 1);
    if (newline == std::string_view::npos) return;
    line(partial_);
    partial_.clear();
    bytes.remove_prefix(newline + 1);
    state_ = State::line_start;
  }
}

void Heading::line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() > longest_ || text.find(':') == std::string_view::npos) return;
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
