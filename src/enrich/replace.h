// Changes a batch's texts by distinct value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/row.h"

namespace track_usage {

constexpr TextId not_asked = UINT32_MAX;

// Replaces the texts of one of a row's own columns: `change` is asked once for
// each, and gives the text in its place (empty: null) or nothing, to leave it.
// The old texts stay in batch.texts.
template <typename Change>
void replace_texts(Batch& batch, Column column, const Change& change) {
  std::vector<TextId>& ids = batch.own[static_cast<std::size_t>(column)];
  std::vector<TextId> known(batch.texts.size(), not_asked);
  known[null_text] = null_text;
  for (TextId& id : ids) {
    if (known[id] == not_asked) {
      const std::optional<std::string> text = change(batch.texts[id]);
      known[id] = !text ? id : text->empty() ? null_text : batch.texts.intern(*text);
    }
    id = known[id];
  }
}

}  // namespace track_usage
