// rows: stored rows, newest first (the origin's get_usage), with ingest's
// filters. Written as they are read: a page of any size needs no memory.
#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "src/base/screen.h"
#include "src/base/stdio.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/commands/commands.h"
#include "src/error.h"
#include "src/plan.h"
#include "src/report.h"
#include "src/row_text.h"

namespace track_usage {
namespace {

constexpr std::size_t piece = 64 * 1024;    // bytes a write
constexpr std::size_t rows_a_table = 1000;  // whose widths are known before the first is drawn

// Rows in one of the forms of --output.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void add(const RowView& row) = 0;
  virtual void end() = 0;
};

class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(bool array) : array_(array) {}
  void add(const RowView& row) override {
    if (array_) out_ += first_ ? "[\n" : ",\n";
    append_row_json(out_, row);
    if (!array_) out_ += '\n';
    first_ = false;
    if (out_.size() >= piece) flush();
  }
  void end() override {
    if (array_) out_ += first_ ? "[]\n" : "\n]\n";
    flush();
  }

 private:
  void flush() {
    write_stdout(out_);
    out_.clear();
  }
  const bool array_;
  bool first_ = true;
  std::string out_;
};

class CellWriter final : public Writer {
 public:
  explicit CellWriter(Delimiter delimiter) : delimiter_(delimiter), end_of_line_("\n") {
    append_row_header(out_, delimiter_);
    out_ += end_of_line_;
  }
  void add(const RowView& row) override {
    append_row_cells(out_, row, delimiter_);
    out_ += end_of_line_;
    if (out_.size() >= piece) end();
  }
  void end() override {
    write_stdout(out_);
    out_.clear();
  }

 private:
  const Delimiter delimiter_;
  const std::string_view end_of_line_;
  std::string out_;
};

class TableWriter final : public Writer {
 public:
  explicit TableWriter(const Screen& screen)
      : utf8_(screen.utf8),
        look_{.width = screen.terminal ? screen.width : 0, .title_style = screen.colour ? "1" : ""},
        red_(screen.colour ? "31" : ""),
        yellow_(screen.colour ? "33" : ""),
        table_({{"date (UTC)"},
                {"address"},
                {"status", Align::right},
                {"bytes", Align::right},
                {"seconds", Align::right, 0, true},
                {"agent"},
                {"method"},
                {"url"}}) {
    if (utf8_) look_.ellipsis = "…";
  }
  void add(const RowView& row) override {
    const auto text = [&](TextId id) { return row.has(id) ? shown(row(id)) : "-"; };
    const std::string_view style = row.status >= 500 ? red_ : row.status >= 400 ? yellow_ : "";
    table_.add({{sql_time(row.time)},
                {text(row.own[static_cast<std::size_t>(Column::remote_addr)])},
                {row.status == no_status ? "-" : fmt::format("{}", row.status), style},
                {row.bytes == no_number ? "-" : grouped(static_cast<std::uint64_t>(row.bytes))},
                {row.micros == no_number ? "-" : fmt::format("{:.3f}", static_cast<double>(row.micros) / 1e6)},
                {agent(row)},
                {text(row.request.method)},
                // What was no request is shown as it came.
                {row.request.method == null_text ? text(row.request.request) : text(row.request.url)}});
    if (table_.size() == rows_a_table) flush();
  }
  void end() override { flush(); }

 private:
  std::string shown(std::string_view text) const { return utf8_ ? std::string(text) : ascii_only(text); }
  std::string agent(const RowView& row) const {
    if (!row.has(row.agent.string)) return "-";
    if (row.has(row.agent.browser) && !row.has(row.agent.bot)) return shown(row(row.agent.browser));
    return cut_to(shown(product_of(row(row.agent.string))), 20, look_.ellipsis);
  }
  void flush() {
    write_stdout(table_.text(look_));
    table_.next_rows();
    look_.titles = false;
  }
  const bool utf8_;
  Table::Look look_;
  const std::string_view red_, yellow_;
  Table table_;
};

std::unique_ptr<Writer> make_writer(const std::string& output, const Screen& screen) {
  if (output == "jsonl" || output == "json") return std::make_unique<JsonWriter>(output == "json");
  if (output == "csv") return std::make_unique<CellWriter>(Delimiter::comma);
  if (output == "tsv") return std::make_unique<CellWriter>(Delimiter::tab);
  return std::make_unique<TableWriter>(screen);
}

}  // namespace

int rows(const Options& options) {
  if (options.page == 0) throw Error(Exit::usage, "--page: pages are counted from 1");
  const Screen screen = screen_of_stdout();
  const std::unique_ptr<Store> store = open_store(options);
  Zone zone;
  if (const auto settings = store->settings()) zone = Zone(settings->zone);
  const Filter filter = make_filter(options, zone);
  RowQuery query;
  const std::int64_t now = ::time(nullptr);
  if (!options.since.empty()) query.since = parse_when(options.since, "--since", now, zone);
  if (!options.until.empty()) query.until = parse_when(options.until, "--until", now, zone);

  const auto writer = make_writer(options.output, screen);
  std::uint64_t skip = options.limit * (options.page - 1), left = options.limit;
  bool more = false;
  std::vector<std::uint8_t> keep;
  Counts counts;
  store->rows(query, [&](const Batch& batch) {
    filter.apply(batch, keep, counts);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!keep.empty() && keep[i] == 0) continue;
      if (options.limit != 0) {
        if (skip != 0) {
          --skip;
          continue;
        }
        if (left == 0) {
          more = true;
          return false;
        }
        --left;
      }
      writer->add(RowView(batch, i));
    }
    return true;
  });
  writer->end();
  if (more && !options.quiet)
    say("notice", "there are more rows", fmt::format("--page {} goes on, --limit 0 is all", options.page + 1));
  return 0;
}

}  // namespace track_usage
