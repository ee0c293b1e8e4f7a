#include "src/enrich/route_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/error.h"

namespace track_usage {
namespace {

enum class Takes : std::uint8_t { count, integer, real, truth };

struct Argument {
  std::string_view name;
  Takes takes;
};

// In the order in which they may stand without a name.
constexpr Argument string_arguments[] = {
    {"minlength", Takes::count}, {"maxlength", Takes::count}, {"length", Takes::count}};
constexpr Argument integer_arguments[] = {
    {"fixed_digits", Takes::count}, {"min", Takes::integer}, {"max", Takes::integer}, {"signed", Takes::truth}};
constexpr Argument real_arguments[] = {{"min", Takes::real}, {"max", Takes::real}, {"signed", Takes::truth}};

struct Known {
  std::string_view name;
  Converter converter;
  int weight;
  std::span<const Argument> arguments;
};
constexpr Known converters[] = {
    {"string", Converter::string, 100, string_arguments},
    {"int", Converter::integer, 50, integer_arguments},
    {"float", Converter::real, 50, real_arguments},
    {"path", Converter::path, 200, {}},
    {"uuid", Converter::uuid, 100, {}},
    {"any", Converter::any, 100, {}},
};

template <typename Table>
std::string one_of(std::string_view wanted, const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& entry : table) names.push_back(entry.name);
  return suggest(wanted, names);
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

// An argument as it stands between the parentheses.
struct Given {
  std::size_t at = 0;     // where it begins in the rule
  std::string_view name;  // empty: by its place
  std::string_view value;
  std::size_t value_at = 0;
};

class Reader {
 public:
  Reader(std::string_view rule, const Typed& at) : rule_(rule), typed_(at) {}

  RouteRule read() {
    if (rule_.empty()) wrong(0, "a rule is empty");
    if (rule_[0] != '/') wrong(0, fmt::format("a rule begins with a slash: '/{}'", visible(rule_)));
    if (std::string shown; !append_text(shown, rule_)) wrong(0, "a rule is text in UTF-8");
    while (peek() == '/') ++pos_;
    while (pos_ < rule_.size()) {
      if (peek() == '/')
        read_slash();
      else if (peek() == '<')
        read_variable();
      else
        read_static();
    }
    end_part();
    return std::move(out_);
  }

 private:
  [[noreturn]] void wrong(std::size_t column, std::string_view cause) const { refuse(typed_, cause, column); }

  char peek() const { return pos_ < rule_.size() ? rule_[pos_] : '\0'; }

  std::string_view take_word() {
    const std::size_t from = pos_;
    while (is_word(peek())) ++pos_;
    return rule_.substr(from, pos_ - from);
  }

  void skip_blanks() {
    while (peek() == ' ') ++pos_;
  }

  // Slashes side by side are one, as Werkzeug merges them.
  void read_slash() {
    while (peek() == '/') ++pos_;
    if (part_.final)
      add_text("/");
    else
      end_part();
  }

  void read_static() {
    const std::string_view text = rule_.substr(pos_, rule_.find_first_of("</", pos_) - pos_);
    pos_ += text.size();
    std::get<0>(part_.weight) -= 1;
    std::get<1>(part_.weight).push_back(-static_cast<int>(characters(text)));
    add_text(text);
  }

  void add_text(std::string_view text) {
    if (part_.pieces.empty() || part_.pieces.back().variable) part_.pieces.emplace_back();
    RoutePiece& piece = part_.pieces.back();
    piece.text += text;
    piece.chars += characters(text);
  }

  void read_variable() {
    const std::size_t begin = pos_++;
    const std::size_t word_at = pos_;
    std::string_view word = take_word();
    const Known* known = &converters[0];
    std::vector<Given> given;
    std::size_t name_at = word_at;
    if (peek() == '(' || peek() == ':') {
      known =
          std::find_if(std::begin(converters), std::end(converters), [&](const Known& k) { return k.name == word; });
      if (word.empty()) wrong(word_at, "a converter's name is missing");
      if (known == std::end(converters))
        wrong(word_at, fmt::format("no converter is called '{}'; {}", word, one_of(word, converters)));
      if (peek() == '(') given = read_arguments();
      if (peek() != ':') wrong(pos_, "a ':' and the variable's name are missing");
      name_at = ++pos_;
      word = take_word();
    }
    if (pos_ == rule_.size()) wrong(begin, "'<' is not closed");
    if (peek() != '>') wrong(pos_, fmt::format("'{}' cannot stand here; a variable is <name> or <int:name>", shown()));
    if (word.empty() || is_digit(word[0])) wrong(name_at, "a variable's name is letters, digits and _, no digit first");
    ++pos_;
    add_variable(*known, word, name_at, given, word_at);
  }

  // The character at the place, whole.
  std::string shown() const {
    std::size_t size = 1;
    while (pos_ + size < rule_.size() && (rule_[pos_ + size] & 0xC0) == 0x80) ++size;
    return visible(rule_.substr(pos_, size));
  }

  // (length=2), (1, 'a,b')
  std::vector<Given> read_arguments() {
    const std::size_t begin = pos_++;
    std::vector<Given> given;
    for (skip_blanks(); peek() != ')'; skip_blanks()) {
      if (!given.empty()) {
        if (peek() != ',') wrong(pos_, "a ',' or ')' is missing");
        ++pos_;
        skip_blanks();
      }
      Given one;
      one.at = pos_;
      one.value = take_value(begin);
      one.value_at = one.at;
      skip_blanks();
      if (peek() == '=') {
        ++pos_;
        skip_blanks();
        one.name = one.value;
        one.value_at = pos_;
        one.value = take_value(begin);
      }
      given.push_back(one);
    }
    ++pos_;
    return given;
  }

  // A word, a number, or a text in quotes, of which the quotes are taken off.
  std::string_view take_value(std::size_t opened) {
    const char quote = peek();
    if (quote == '"' || quote == '\'') {
      const std::size_t end = rule_.find(quote, pos_ + 1);
      if (end == std::string_view::npos) wrong(pos_, "a quote is not closed");
      const std::string_view text = rule_.substr(pos_ + 1, end - pos_ - 1);
      pos_ = end + 1;
      if (text.empty()) wrong(end, "a text is empty");
      return text;
    }
    const std::size_t from = pos_;
    const auto holds = [](char c) { return is_word(c) || c == '.' || c == '-' || c == '+' || (c & 0x80) != 0; };
    while (holds(peek())) ++pos_;
    if (pos_ == rule_.size()) wrong(opened, "'(' is not closed");
    if (pos_ == from) wrong(pos_, "a value is missing; one with other signs than letters, digits and _ is in quotes");
    return rule_.substr(from, pos_ - from);
  }

  void add_variable(const Known& known, std::string_view name, std::size_t name_at, const std::vector<Given>& given,
                    std::size_t converter_at) {
    for (const RouteVariable& other : out_.variables)
      if (other.name == name) wrong(name_at, fmt::format("the variable '{}' stands twice", name));
    RoutePiece piece;
    piece.variable = true;
    piece.converter = known.converter;
    RouteVariable variable;
    variable.name = name;
    variable.converter = known.converter;
    if (known.converter == Converter::any) {
      if (given.empty()) wrong(converter_at, "any has no items; it is written any(a,b,'c'):name");
      for (const Given& one : given) {
        if (!one.name.empty()) wrong(one.at, "any takes items only, without '='");
        piece.items.emplace_back(one.value);
      }
    } else {
      set(known, given, piece, variable);
    }
    part_.dynamic = true;
    part_.final |= known.converter == Converter::path;
    std::get<2>(part_.weight) -= 1;
    std::get<3>(part_.weight).push_back(known.weight);
    part_.pieces.push_back(std::move(piece));
    out_.variables.push_back(std::move(variable));
  }

  void set(const Known& known, const std::vector<Given>& given, RoutePiece& piece, RouteVariable& variable) const {
    std::vector<std::string_view> seen;
    std::optional<std::size_t> length;
    bool named = false;
    for (const Given& one : given) {
      const Argument* argument = nullptr;
      if (one.name.empty()) {
        if (named) wrong(one.at, "a value without a name stands before those with one");
        if (seen.size() == known.arguments.size()) wrong(one.at, too_many(known));
        argument = &known.arguments[seen.size()];
      } else {
        named = true;
        argument = find(known, one);
      }
      if (std::find(seen.begin(), seen.end(), argument->name) != seen.end())
        wrong(one.at, fmt::format("{} is given twice", argument->name));
      seen.push_back(argument->name);
      set_one(*argument, one, piece, variable, length);
    }
    if (length) piece.least = piece.most = *length;
    if (piece.most < piece.least) wrong(given[0].at, "maxlength is below minlength");
    if ((variable.min && variable.max && *variable.max < *variable.min) ||
        (variable.real_min && variable.real_max && *variable.real_max < *variable.real_min))
      wrong(given[0].at, "max is below min");
  }

  static std::string too_many(const Known& known) {
    if (known.arguments.empty()) return fmt::format("{} takes no arguments", known.name);
    return fmt::format("{} takes {}", known.name, counted(known.arguments.size(), "argument"));
  }

  const Argument* find(const Known& known, const Given& one) const {
    for (const Argument& argument : known.arguments)
      if (argument.name == one.name) return &argument;
    if (known.arguments.empty()) wrong(one.at, too_many(known));
    wrong(one.at,
          fmt::format("{} has no argument '{}'; {}", known.name, visible(one.name), one_of(one.name, known.arguments)));
  }

  void set_one(const Argument& argument, const Given& one, RoutePiece& piece, RouteVariable& variable,
               std::optional<std::size_t>& length) const {
    const auto no = [&](std::string_view wanted) {
      wrong(one.value_at, fmt::format("{} is {}, not '{}'", argument.name, wanted, visible(one.value)));
    };
    switch (argument.takes) {
      case Takes::count: {
        const auto n = parse_number(one.value);
        if (!n || *n == 0) no("a whole number from 1");
        if (argument.name == "minlength") piece.least = *n;
        if (argument.name == "maxlength") piece.most = *n;
        if (argument.name == "length") length = *n;
        if (argument.name == "fixed_digits") variable.fixed_digits = *n;
        return;
      }
      case Takes::integer: {
        const auto n = whole_number<std::int64_t>(one.value);
        if (!n) no("a whole number");
        (argument.name == "min" ? variable.min : variable.max) = n;
        return;
      }
      case Takes::real: {
        const auto n = whole_number<double>(one.value);
        if (!n) no("a number");
        (argument.name == "min" ? variable.real_min : variable.real_max) = n;
        return;
      }
      case Takes::truth:
        if (one.value != "True" && one.value != "False") no("True or False");
        piece.is_signed = one.value == "True";
    }
  }

  void end_part() {
    for (const RoutePiece& piece : part_.pieces) {
      // Texts with their lengths in front, so that no two lists of pieces are written alike.
      const auto add = [&](std::string_view text) { part_.key += fmt::format("{}:{}", text.size(), text); };
      part_.key += piece.variable ? static_cast<char>('a' + static_cast<int>(piece.converter)) : '=';
      if (!piece.variable) add(piece.text);
      if (piece.is_signed) part_.key += '-';
      if (piece.least != 1 || piece.most != RoutePiece().most)
        part_.key += fmt::format("{},{};", piece.least, piece.most);
      for (const std::string& item : piece.items) add(item);
    }
    out_.parts.push_back(std::move(part_));
    part_ = {};
  }

  const std::string_view rule_;
  const Typed& typed_;
  std::size_t pos_ = 0;
  RoutePart part_;
  RouteRule out_;
};

}  // namespace

RouteRule parse_route_rule(std::string_view rule, const Typed& at) {
  return Reader(rule, at).read();
}

}  // namespace track_usage
