#include "src/enrich/route_part.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace track_usage {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool begins_character(char c) {
  return (c & 0xC0) != 0x80;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

constexpr std::size_t uuid_size = 36;

bool is_uuid(std::string_view text) {
  if (text.size() != uuid_size) return false;
  for (std::size_t i = 0; i < uuid_size; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

// For a variable that is the only one of its part: the whole of `text`.
bool is_whole(const RoutePiece& piece, std::string_view text) {
  switch (piece.converter) {
    case Converter::string: {
      if (text.size() < piece.least) return false;
      if (piece.least == 1 && text.size() <= piece.most) return true;
      const auto chars = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
      return piece.least <= chars && chars <= piece.most;
    }
    case Converter::integer:
      return all_digits(text.substr(piece.is_signed && text.starts_with('-')));
    case Converter::real: {
      text.remove_prefix(piece.is_signed && text.starts_with('-'));
      const std::size_t dot = text.find('.');
      return dot != std::string_view::npos && all_digits(text.substr(0, dot)) && all_digits(text.substr(dot + 1));
    }
    case Converter::path:
      return !text.empty() && text[0] != '/';
    case Converter::uuid:
      return is_uuid(text);
    case Converter::any:
      return std::find(piece.items.begin(), piece.items.end(), text) != piece.items.end();
  }
  return false;
}

// Several variables in one part. From the last piece to the first it is
// written down, for each place at which a piece could begin, where it would end
// so that all behind it match as well. Places are characters, not bytes.
class Cut {
 public:
  Cut(const RoutePart& part, std::string_view text) : part_(part), text_(text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (begins_character(text[i])) starts_.push_back(static_cast<Place>(i));
    count_ = static_cast<Place>(starts_.size());
    starts_.push_back(static_cast<Place>(text.size()));
  }

  bool match(std::vector<std::string_view>& values) {
    const std::vector<RoutePiece>& pieces = part_.pieces;
    // Behind the last piece only the end of the text matches.
    std::vector<Place> behind(count_ + 1, none);
    behind[count_] = count_;
    ends_.resize(pieces.size());
    for (std::size_t i = pieces.size(); i-- > 0;) {
      ends_[i].assign(count_ + 1, none);
      fill(pieces[i], i + 1 < pieces.size() ? ends_[i + 1] : behind, ends_[i]);
    }
    if (ends_[0][0] == none) return false;
    Place from = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const Place to = ends_[i][from];
      if (pieces[i].variable) values.push_back(text_.substr(starts_[from], starts_[to] - starts_[from]));
      from = to;
    }
    return true;
  }

 private:
  using Place = std::uint32_t;
  static constexpr Place none = std::numeric_limits<Place>::max();

  char at(Place place) const { return text_[starts_[place]]; }
  std::string_view from(Place place) const { return text_.substr(starts_[place]); }

  void fill(const RoutePiece& piece, const std::vector<Place>& behind, std::vector<Place>& ends) {
    if (!piece.variable) {
      for (Place p = 0; p + piece.chars <= count_; ++p) {
        const auto end = static_cast<Place>(p + piece.chars);
        if (behind[end] != none && from(p).starts_with(piece.text)) ends[p] = end;
      }
      return;
    }
    switch (piece.converter) {
      case Converter::string:
        return fill_string(piece, behind, ends);
      case Converter::integer:
      case Converter::real:
        return fill_number(piece, behind, ends);
      case Converter::path:
        return fill_path(behind, ends);
      case Converter::uuid:
        for (Place p = 0; p + uuid_size <= count_; ++p)
          if (behind[p + uuid_size] != none && is_uuid(from(p).substr(0, uuid_size)))
            ends[p] = static_cast<Place>(p + uuid_size);
        return;
      case Converter::any:
        for (Place p = 0; p < count_; ++p) ends[p] = end_of_item(piece, behind, p);
        return;
    }
  }

  // For each place the last one up to it at which what comes behind matches.
  static std::vector<Place> last_up_to(const std::vector<Place>& behind) {
    std::vector<Place> last(behind.size(), none);
    for (Place p = 0; p < behind.size(); ++p) last[p] = behind[p] != none ? p : p == 0 ? none : last[p - 1];
    return last;
  }

  void fill_string(const RoutePiece& piece, const std::vector<Place>& behind, std::vector<Place>& ends) const {
    const std::vector<Place> last = last_up_to(behind);
    Place segment_end = count_;
    for (Place p = count_; p-- > 0;) {
      if (at(p) == '/') segment_end = p;
      const auto furthest = static_cast<Place>(p + std::min<std::size_t>(segment_end - p, piece.most));
      const Place end = last[furthest];
      if (end != none && end >= p && end - p >= piece.least) ends[p] = end;
    }
  }

  void fill_number(const RoutePiece& piece, const std::vector<Place>& behind, std::vector<Place>& ends) {
    const std::vector<Place> last = last_up_to(behind);
    if (digits_end_.empty()) {
      digits_end_.assign(count_ + 1, count_);
      for (Place p = count_; p-- > 0;)
        if (!is_digit(at(p)))
          digits_end_[p] = p;
        else
          digits_end_[p] = digits_end_[p + 1];
    }
    // Where the digits from p on end at the furthest; none if there are none.
    const auto digits = [&](Place p) {
      const Place end = last[digits_end_[p]];
      return end != none && end > p ? end : none;
    };
    const auto number = [&](Place p) {
      if (piece.converter == Converter::integer) return digits(p);
      const Place dot = digits_end_[p];
      return dot > p && dot < count_ && at(dot) == '.' ? digits(dot + 1) : none;
    };
    for (Place p = 0; p < count_; ++p) ends[p] = number(piece.is_signed && at(p) == '-' ? p + 1 : p);
  }

  void fill_path(const std::vector<Place>& behind, std::vector<Place>& ends) const {
    Place nearest = none;
    for (Place p = count_; p-- > 0;) {
      if (behind[p + 1] != none) nearest = p + 1;
      if (at(p) != '/') ends[p] = nearest;
    }
  }

  Place end_of_item(const RoutePiece& piece, const std::vector<Place>& behind, Place p) const {
    for (const std::string& item : piece.items) {
      if (!from(p).starts_with(item)) continue;
      const auto chars = std::count_if(item.begin(), item.end(), begins_character);
      const auto end = static_cast<Place>(p + chars);
      if (end <= count_ && behind[end] != none) return end;
    }
    return none;
  }

  const RoutePart& part_;
  const std::string_view text_;
  Place count_ = 0;                       // characters
  std::vector<Place> starts_;             // the byte at which each begins, and the end
  std::vector<std::vector<Place>> ends_;  // of each piece, by the place it begins at
  std::vector<Place> digits_end_;         // the first place from each on that is no digit
};

}  // namespace

bool match_part(const RoutePart& part, std::string_view text, std::vector<std::string_view>& values) {
  const std::vector<RoutePiece>& pieces = part.pieces;
  const RoutePiece& first = pieces.front();
  const RoutePiece& last = pieces.back();
  std::string_view middle = text;
  if (!first.variable) {
    if (!middle.starts_with(first.text)) return false;
    middle.remove_prefix(first.text.size());
  }
  if (!last.variable) {
    if (!middle.ends_with(last.text)) return false;
    middle.remove_suffix(last.text.size());
  }
  const std::size_t statics = std::size_t{!first.variable} + !last.variable;
  if (pieces.size() > statics + 1) return Cut(part, text).match(values);
  if (!is_whole(pieces[first.variable ? 0 : 1], middle)) return false;
  values.push_back(middle);
  return true;
}

}  // namespace track_usage
