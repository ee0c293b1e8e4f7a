// Who is one visitor: --visitor, --visitor-salt. An id is a keyed hash, so that
// nobody without the store's salt can tell whose it is.
#pragma once

#include <string>
#include <string_view>

#include "src/base/keyed_hash.h"
#include "src/row.h"

namespace track_usage {

// Const; called from several threads at once.
class Visitors {
 public:
  // `how` is none, ip-ua or cookie:NAME. Daily: another salt for each day of the
  // log, so that no visitor is known from one day to the next. Throws Error (usage).
  Visitors(std::string_view how, std::string_view salt_life, const std::string& salt);

  bool off() const { return !by_agent_ && cookie_.empty(); }
  const std::string& cookie() const { return cookie_; }  // empty: none is asked for

  // Fills the batch's visitors: of its address and agent, or the hash of what the
  // row builder found as the cookie. The hours are set; old texts stay in batch.texts.
  void name(Batch& batch) const;

  // The value of that cookie in a log's further fields (members of a JSON
  // object): one of its own, or in the whole header. Nothing: it has none.
  std::string_view find(std::string_view members) const;

 private:
  bool by_agent_ = false, daily_ = false;
  std::string cookie_;
  KeyedHash hash_;
};

}  // namespace track_usage
