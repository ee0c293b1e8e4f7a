// output: a line of the user's own making for each row, on stdout, stderr or at
// the end of a file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "src/base/fd_writer.h"
#include "src/base/text.h"
#include "src/error.h"
#include "src/row_text.h"
#include "src/sink.h"

namespace track_usage {
namespace {

// Text, and then the field that follows it.
struct Piece {
  std::string text;
  std::size_t field;  // index into row_fields(), or no_field
};
constexpr std::size_t no_field = SIZE_MAX;

std::vector<Piece> compile(std::string_view text) {
  const auto fields = row_fields();
  std::vector<Piece> pieces(1, Piece{{}, no_field});
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char after = i + 1 < text.size() ? text[i + 1] : '\0';
    std::string& literal = pieces.back().text;
    if (c == '\\' && (after == 't' || after == 'n' || after == '\\')) {
      literal += after == 't' ? '\t' : after == 'n' ? '\n' : '\\';
      ++i;
    } else if ((c == '{' || c == '}') && after == c) {
      literal += c;
      ++i;
    } else if (c == '{') {
      const auto close = text.find('}', i);
      if (close == std::string_view::npos)
        throw Error(Exit::usage, "output: a { is not closed", caret(text, i) + " {{ is a brace itself");
      const std::string_view name = text.substr(i + 1, close - i - 1);
      const auto field = std::find(fields.begin(), fields.end(), name);
      if (field == fields.end())
        throw Error(Exit::usage, fmt::format("output: '{}' is not a field", visible(name)),
                    caret(text, i + 1) + " " + suggest(name, fields));
      pieces.back().field = static_cast<std::size_t>(field - fields.begin());
      pieces.push_back({{}, no_field});
      i = close;
    } else {
      literal += c;
    }
  }
  pieces.back().text += '\n';
  return pieces;
}

class Output final : public Sink {
 public:
  Output(std::vector<Piece> pieces, std::string to) : pieces_(std::move(pieces)), to_(std::move(to)) {}
  ~Output() override {
    if (file_ >= 0) ::close(file_);
  }

  std::vector<std::string> files() const override {
    if (to_ == "stdout" || to_ == "stderr") return {};
    return {to_};
  }

  void open() override {
    if (to_ == "stdout") {
      out_ = FdWriter(STDOUT_FILENO, to_);
    } else if (to_ == "stderr") {
      out_ = FdWriter(STDERR_FILENO, to_);
    } else {
      file_ = ::open(to_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
      if (file_ < 0) throw Error(Exit::store, fmt::format("cannot open {}: {}", visible(to_), std::strerror(errno)));
      out_ = FdWriter(file_, visible(to_));
    }
  }

  bool write(const Batch& batch) override {
    for (std::size_t i = 0; i < batch.size() && reader_; ++i) {
      const RowView row(batch, i);
      std::string& line = out_.buffer();
      for (const Piece& piece : pieces_) {
        line += piece.text;
        if (piece.field != no_field && !append_row_field(line, row, piece.field)) line += '-';
      }
      reader_ = out_.settle();
    }
    if (reader_) reader_ = out_.flush();
    return reader_;
  }

 private:
  std::vector<Piece> pieces_;
  std::string to_;
  FdWriter out_;
  int file_ = -1;
  bool reader_ = true;
};

std::unique_ptr<Sink> make_output(const Target& target) {
  if (target.location.empty())
    throw Error(Exit::usage, "output: has no template", "such as output:'{date} {remote_addr} {status} {url}'");
  const std::string to = target.setting("to", "stdout");
  if (to.empty()) throw Error(Exit::usage, "output: to= names nothing", "to=stdout, to=stderr or to=FILE");
  return std::make_unique<Output>(compile(target.location), to);
}

}  // namespace

extern const SinkInfo output_sink;
const SinkInfo output_sink{"output", "a line by a template of your own for each row", "to", make_output, nullptr};

}  // namespace track_usage
