// print: rows on stdout, as JSON lines unless ?format= says otherwise.
#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "src/base/fd_writer.h"
#include "src/base/text.h"
#include "src/error.h"
#include "src/row_text.h"
#include "src/sink.h"

namespace track_usage {
namespace {

enum class Format : std::uint8_t { jsonl, text, csv, tsv };
constexpr std::array<std::string_view, 4> format_names = {"jsonl", "text", "csv", "tsv"};

Format read_format(std::string_view name) {
  for (std::size_t i = 0; i < format_names.size(); ++i)
    if (format_names[i] == name) return static_cast<Format>(i);
  throw Error(Exit::usage, fmt::format("print: has no format '{}'", visible(name)), suggest(name, format_names));
}

class Print final : public Sink {
 public:
  explicit Print(Format format) : format_(format), out_(STDOUT_FILENO, "stdout") {}

  void open() override {
    if (format_ != Format::csv && format_ != Format::tsv) return;
    // At once: a file of no rows still says what its columns are.
    append_row_header(out_.buffer(), delimiter());
    out_.buffer() += '\n';
    reader_ = out_.flush();
  }

  bool write(const Batch& batch) override {
    for (std::size_t i = 0; i < batch.size() && reader_; ++i) {
      const RowView row(batch, i);
      switch (format_) {
        case Format::jsonl:
          append_row_json(out_.buffer(), row);
          break;
        case Format::text:
          append_row_line(out_.buffer(), row);
          break;
        case Format::csv:
        case Format::tsv:
          append_row_cells(out_.buffer(), row, delimiter());
          break;
      }
      out_.buffer() += '\n';
      reader_ = out_.settle();
    }
    if (reader_) reader_ = out_.flush();
    return reader_;
  }

 private:
  Delimiter delimiter() const { return format_ == Format::csv ? Delimiter::comma : Delimiter::tab; }

  Format format_;
  FdWriter out_;
  bool reader_ = true;
};

std::unique_ptr<Sink> make_print(const Target& target) {
  if (!target.location.empty())
    throw Error(Exit::usage, fmt::format("print: takes settings alone, not '{}'", visible(target.location)),
                "print:?format=jsonl|text|csv|tsv");
  return std::make_unique<Print>(read_format(target.setting("format", "jsonl")));
}

}  // namespace

extern const SinkInfo print_sink;
const SinkInfo print_sink{"print", "rows on stdout: JSON lines, aligned text, CSV or TSV", "format", make_print,
                          nullptr};

}  // namespace track_usage
