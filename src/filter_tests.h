// The tests that filters are lists of: each is made from an item as typed,
// without its `!`, says whether it holds for a value, and keeps in `normal` a
// text that equal tests share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/address.h"

namespace re2 {
class RE2;
}

namespace track_usage {

// Where a piece of an option's value stands, for messages.
struct Typed {
  std::string_view option;  // "--status"
  std::string_view value;   // all of it, as typed
  std::size_t column = 0;   // of the piece
};

// Throws Error (usage) with a caret under the piece, or `column` further on.
[[noreturn]] void refuse(const Typed& at, std::string_view cause, std::size_t column = 0);

// 404, 4xx or 400-499.
class StatusTest {
 public:
  StatusTest(std::string_view item, const Typed& at);
  bool holds(std::int16_t status) const { return first_ <= status && status <= last_; }

  std::string normal;

 private:
  bool range(std::string_view item);
  int first_ = 0, last_ = 0;
};

// A method in whatever case.
class MethodTest {
 public:
  MethodTest(std::string_view item, const Typed& at);
  bool holds(std::string_view method) const;

  std::string normal;
};

// A text that is exactly the item.
class ExactTest {
 public:
  ExactTest(std::string_view item, const Typed&) : normal(item) {}
  bool holds(std::string_view text) const { return text == normal; }

  std::string normal;
};

// A client as filters see it. Borrows the text.
struct Client {
  explicit Client(std::string_view whole) : address(whole), text(whole) {}

  Address address;
  std::string_view text;
};

// An address, a network, or the name or masked address that a server logged.
class RemoteTest {
 public:
  RemoteTest(std::string_view item, const Typed& at);
  bool holds(const Client& client) const {
    return network_ ? network_->holds(client.address) : !client.address.is_ip() && client.text == normal;
  }

  std::string normal;

 private:
  std::optional<Network> network_;  // nothing: a text
};

// How * and ? read a text: in a path they stop at a slash, elsewhere there is
// none to stop at.
enum class Glob : std::uint8_t { path, text };

// A glob for the whole text, or re: and an RE2 pattern that is searched for.
class PatternTest {
 public:
  enum class Case : std::uint8_t { told_apart, blind };

  static PatternTest search(std::string_view pattern, const Typed& at);
  static PatternTest glob(std::string_view glob, Glob kind, Case letters, const Typed& at);
  PatternTest(PatternTest&&) noexcept;
  ~PatternTest();
  bool holds(std::string_view text) const;

  std::string normal;

 private:
  PatternTest(const std::string& pattern, std::string_view typed, bool whole, Case letters, const Typed& at);

  std::unique_ptr<re2::RE2> pattern_;
  bool whole_;
};

}  // namespace track_usage
