// Tables for eyes: columns as wide as what stands in them, counted as a
// terminal does, the last cut where the page ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

enum class Align : std::uint8_t { left, right };

// `text` (valid UTF-8, no controls) in at most `columns`; what does not fit is
// cut for an `ellipsis`.
std::string cut_to(std::string_view text, std::size_t columns, std::string_view ellipsis);
std::string padded(std::string_view text, std::size_t columns, Align align);

// Bytes beyond ASCII as \xhh, for terminals that know no UTF-8.
std::string ascii_only(std::string_view text);

class Table {
 public:
  struct Head {
    std::string title;
    Align align = Align::left;
    std::size_t least = 0;  // columns, whatever stands in it
    bool spare = false;     // left out as long as only "-" stands in it
  };
  struct Cell {
    Cell(std::string text, std::string_view style = {}) : text(std::move(text)), style(style) {}
    Cell(const char* text) : text(text) {}
    std::string text;
    std::string_view style;  // SGR parameters such as "1;31", or none
  };
  struct Look {
    std::size_t width = 0;  // of the page; 0: nothing is cut
    std::size_t indent = 0, gap = 2;
    std::string_view ellipsis = "...";
    std::string_view title_style;  // used where not empty
    bool titles = true;
  };

  explicit Table(std::vector<Head> heads) : heads_(std::move(heads)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  // Draws on with other rows below, in columns no narrower than so far.
  void next_rows();

  // Lines without their newlines; no blanks at their ends.
  std::vector<std::string> lines(const Look& look) const;
  std::string text(const Look& look) const;

 private:
  std::size_t natural_width(std::size_t column) const;
  bool left_out(std::size_t column) const;

  std::vector<Head> heads_;
  std::vector<std::vector<Cell>> rows_;
};

// `text` in the style, or as it is where there is none.
std::string styled(std::string_view text, std::string_view style);

}  // namespace track_usage
