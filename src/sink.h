// CONTRACT: where rows go. A Sink (the origin's Writer) takes rows as they
// come; a Store (store.h, the origin's Storage) also remembers what it took.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/row.h"

namespace track_usage {

// A --sink or --from as typed, cut apart. Settings are those of the query that
// the sink's table knows; the rest of the text stays with the location.
struct Target {
  std::string typed;     // for messages; secrets are masked by shown()
  std::string scheme;    // "sqlite", "print", ...
  std::string location;  // what follows the scheme, settings taken out
  std::map<std::string, std::string, std::less<>> settings;

  std::string shown() const;
  std::string setting(std::string_view name, std::string_view otherwise) const;
};

// Called from one thread at a time, in the order of the input.
class Sink {
 public:
  virtual ~Sink() = default;
  // What it writes to and is therefore no input.
  virtual std::vector<std::string> files() const { return {}; }
  // Touches the world for the first time, before a line is read. Throws Error.
  virtual void open() = 0;
  // Takes the rows of `batch`; views are borrowed for the call. Throws Error.
  // False: whoever reads what is written has gone, and needs no more.
  virtual bool write(const Batch& batch) = 0;
};

class Store;

struct SinkInfo {
  std::string_view scheme;
  std::string_view help;      // one line, for `list sinks`
  std::string_view settings;  // names it knows in the query, blank between
  // One of the two; reads the target, touches nothing. Throws Error (usage).
  std::unique_ptr<Sink> (*make_sink)(const Target&);
  std::unique_ptr<Store> (*make_store)(const Target&);
  bool url = false;  // its client library reads a URL: what is no setting of ours in the query is the library's
};

}  // namespace track_usage
