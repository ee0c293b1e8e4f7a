#include "src/base/table.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace track_usage {
namespace {

constexpr std::size_t readable = 12;  // the least that a cut column shows

// Bytes of the character at the front of valid UTF-8.
std::size_t character(std::string_view text) {
  std::size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) ++n;
  return n;
}

void trim_end(std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
}

}  // namespace

std::string cut_to(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  if (display_width(text) <= columns) return std::string(text);
  const std::size_t mark = display_width(ellipsis);
  if (mark > columns) return std::string(columns, '.');
  std::size_t bytes = 0, used = 0;
  while (bytes < text.size()) {
    const std::size_t length = character(text.substr(bytes));
    const std::size_t width = display_width(text.substr(bytes, length));
    if (used + width > columns - mark) break;
    used += width;
    bytes += length;
  }
  return std::string(text.substr(0, bytes)).append(ellipsis);
}

std::string padded(std::string_view text, std::size_t columns, Align align) {
  const std::size_t width = display_width(text);
  const std::string blanks(columns > width ? columns - width : 0, ' ');
  return align == Align::right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string ascii_only(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80)
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string styled(std::string_view text, std::string_view style) {
  return style.empty() || text.empty() ? std::string(text) : fmt::format("\x1b[{}m{}\x1b[0m", style, text);
}

std::size_t Table::natural_width(std::size_t column) const {
  std::size_t width = heads_[column].least;
  for (const auto& row : rows_) width = std::max(width, display_width(row[column].text));
  return width;
}

bool Table::left_out(std::size_t column) const {
  return heads_[column].spare &&
         std::all_of(rows_.begin(), rows_.end(), [&](const auto& row) { return row[column].text == "-"; });
}

void Table::next_rows() {
  for (std::size_t c = 0; c < heads_.size(); ++c) {
    heads_[c].spare = left_out(c);
    heads_[c].least = std::max(natural_width(c), display_width(heads_[c].title));
  }
  rows_.clear();
}

std::vector<std::string> Table::lines(const Look& look) const {
  std::vector<std::size_t> columns, widths(heads_.size());
  for (std::size_t c = 0; c < heads_.size(); ++c) {
    if (left_out(c)) continue;
    columns.push_back(c);
    widths[c] = std::max(natural_width(c), look.titles ? display_width(heads_[c].title) : 0);
  }
  if (columns.empty()) return {};
  const std::size_t last_column = columns.back();
  if (look.width != 0) {
    std::size_t before = look.indent;
    for (const std::size_t c : columns)
      if (c != last_column) before += widths[c] + look.gap;
    // Too narrow a page is left to the terminal to break.
    if (before + readable <= look.width) widths[last_column] = std::min(widths[last_column], look.width - before);
  }
  std::vector<std::string> out;
  const auto draw = [&](auto cell) {
    std::string line(look.indent, ' ');
    for (const std::size_t c : columns) {
      const auto [text, style] = cell(c);
      const bool last = c == last_column;
      const std::string shown = cut_to(text, widths[c], look.ellipsis);
      const std::size_t blanks = widths[c] - std::min(widths[c], display_width(shown));
      if (heads_[c].align == Align::right) line.append(blanks, ' ');
      line += styled(shown, style);
      if (heads_[c].align == Align::left && !last) line.append(blanks, ' ');
      if (!last) line.append(look.gap, ' ');
    }
    trim_end(line);
    out.push_back(std::move(line));
  };
  using View = std::pair<std::string_view, std::string_view>;
  if (look.titles) draw([&](std::size_t c) { return View(heads_[c].title, look.title_style); });
  for (const auto& row : rows_) draw([&](std::size_t c) { return View(row[c].text, row[c].style); });
  return out;
}

std::string Table::text(const Look& look) const {
  std::string out;
  for (const std::string& line : lines(look)) out.append(line) += '\n';
  return out;
}

}  // namespace track_usage
