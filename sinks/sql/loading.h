// What a server's bulk loader is given: the fields of rows one after the other,
// in the order of the table's columns. A loader has begin_row(), null(),
// number(), small(), real(), flag(), instant(microseconds), date(days), text()
// and object(); it is a template's parameter, so that no call a field is virtual.
#pragma once

#include "sinks/sql/schema.h"
#include "src/row.h"

namespace track_usage::sql {

// "malformed_request,not_utf8", for each set of flags.
class FlagTexts {
 public:
  FlagTexts() {
    for (std::size_t set = 0; set < texts_.size(); ++set)
      for (std::size_t f = 0; f < flag_names.size(); ++f)
        if ((set >> f & 1) != 0) texts_[set].append(texts_[set].empty() ? "" : ",").append(flag_names[f]);
  }
  const std::string& operator[](std::uint8_t set) const { return texts_[set]; }

 private:
  std::array<std::string, 1 << flag_names.size()> texts_;
};

template <typename Loader>
void load_rows(Loader& out, const StoredRows& rows) {
  const Batch& b = *rows.batch;
  const FlagTexts flags;
  const auto text = [&](TextId id) { id == null_text ? out.null() : out.text(b.texts[id]); };
  const auto object = [&](TextId id) { id == null_text ? out.null() : out.object(b.texts[id]); };
  const auto own = [&](Column column, std::size_t row) {
    const std::vector<TextId>& ids = b.own[static_cast<std::size_t>(column)];
    return ids.empty() ? null_text : ids[row];
  };
  for (std::size_t i = 0; i < b.size(); ++i) {
    const Hour& hour = b.hours[b.hour[i]];
    const Request& request = b.requests[b.request[i]];
    const Agent& agent = b.agents[b.agent[i]];
    out.begin_row();
    out.number(rows.unit);
    out.number(rows.source);
    out.number(static_cast<std::int64_t>(b.offset[i]));
    out.number(b.time[i]);
    out.instant(b.time[i]);
    out.date(hour.day);
    out.instant(hour.start * 1'000'000);
    b.status[i] == no_status ? out.null() : out.small(b.status[i]);
    b.bytes[i] == no_number ? out.null() : out.number(b.bytes[i]);
    b.micros[i] == no_number ? out.null() : out.real(static_cast<double>(b.micros[i]) / 1e6);
    out.flag(own(Column::username, i) != null_text);
    out.text(flags[b.flags[i]]);
    out.text(b.texts[request.url]);
    text(request.path);
    request.url_args == null_text ? out.object("{}") : out.object(b.texts[request.url_args]);
    text(request.method);
    text(request.protocol);
    text(request.request);
    text(agent.string);
    text(agent.browser);
    text(agent.platform);
    text(agent.version);
    text(agent.bot);
    for (std::size_t c = 0; c < stored_columns; ++c)
      row_columns[first_own_column + c].kind == Kind::object ? object(own(static_cast<Column>(c), i))
                                                             : text(own(static_cast<Column>(c), i));
  }
}

}  // namespace track_usage::sql
