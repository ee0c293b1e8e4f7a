// Lines to rows as a run wants them: read, filtered, their hours found.
#pragma once

#include <string_view>
#include <vector>

#include "src/base/zone.h"
#include "src/enrich/enrichment.h"
#include "src/filter.h"
#include "src/hook.h"
#include "src/parser.h"
#include "src/row.h"

namespace track_usage {

// How lines are read; shared by all that read them.
struct LineReading {
  std::vector<const Parser*> parsers;
  RowDefaults defaults;
  const Enrichment* enrichment;
  const Filter* filter;
  Zone zone;
  std::vector<const Hook*> hooks;  // whose keys are made of a column
};

// One a thread. Borrows `how`.
class LineReader {
 public:
  explicit LineReader(const LineReading& how) : how_(how), dispatcher_(how.parsers), builder_(how.defaults) {}

  // `lines` as Dispatcher::parse wants them; what was in `batch` is gone.
  void read(const Lines& lines, Batch& batch);

 private:
  void leave_out(Batch& batch);

  const LineReading& how_;
  Dispatcher dispatcher_;
  RowBuilder builder_;
  std::vector<std::uint8_t> keep_;
  Batch kept_;
  Gatherer gatherer_;
};

}  // namespace track_usage
