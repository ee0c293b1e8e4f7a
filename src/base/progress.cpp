#include "src/base/progress.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "src/base/stdio.h"
#include "src/base/text.h"

namespace track_usage {
namespace {

constexpr auto rate_over = std::chrono::seconds(5);
constexpr auto redraw = std::chrono::milliseconds(200);
constexpr int width = 30;

std::string duration(double seconds) {
  const auto s = std::llround(seconds);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

void ProgressBar::update(std::uint64_t bytes, std::uint64_t lines) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + redraw;
  if (recent_.empty()) recent_.push_back({begin_, 0, 0});
  recent_.push_back({now, bytes, lines});
  while (recent_.size() > 2 && now - recent_[1].when > rate_over) recent_.pop_front();
  const double seconds = std::chrono::duration<double>(now - recent_.front().when).count();
  const double line_rate = static_cast<double>(lines - recent_.front().lines) / seconds;
  const double byte_rate = static_cast<double>(bytes - recent_.front().bytes) / seconds;
  std::string bar;
  if (total_ != 0) {
    const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total_));
    const int full = static_cast<int>(share * width);
    bar = fmt::format("[{}{}] {:3.0f} %  ", std::string(static_cast<std::size_t>(full), '#'),
                      std::string(static_cast<std::size_t>(width - full), '.'), share * 100);
  }
  bar += fmt::format("{} lines  {}/s", grouped(lines), grouped(static_cast<std::uint64_t>(line_rate)));
  if (total_ > bytes && byte_rate > 0)
    bar += fmt::format("  {} left", duration(static_cast<double>(total_ - bytes) / byte_rate));
  write_stderr(fmt::format("\r{}\x1b[K", bar));
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  write_stderr("\r\x1b[K");
  drawn_ = false;
}

}  // namespace track_usage
