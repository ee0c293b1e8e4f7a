// All that a run does to rows between the parsers and the sinks: who asked, for
// what, and what privacy leaves of it. Made once; const, and shared by the workers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/enrich/agents.h"
#include "src/enrich/blueprint.h"
#include "src/enrich/geo.h"
#include "src/enrich/privacy.h"
#include "src/enrich/proxies.h"
#include "src/enrich/redact.h"
#include "src/enrich/route.h"
#include "src/enrich/visitors.h"
#include "src/row.h"

namespace track_usage {

class Enrichment {
 public:
  // As typed or settled. Throws Error (usage).
  struct Options {
    QueryOptions query;
    PrivacyOptions privacy;
    std::string visitor, visitor_salt;
    std::vector<std::string> trusted_proxies, routes, blueprints;
    std::string agents;        // a regexes.yaml; empty: the built-in table
    std::shared_ptr<Geo> geo;  // opened; null: no look-up
  };
  explicit Enrichment(Options options);

  // Rows of a batch whose hours are set, before a filter sees them.
  void identify(Batch& batch) const;
  // What a filter left of them.
  void locate(Batch& batch) const;
  // Of a line that is no row: what may be kept of it.
  void cover(std::string& rejected) const;

  // Texts stand in a batch that no row may show any more.
  bool leaves_texts() const { return !privacy_.off() || !visitors_.cookie().empty(); }
  const QueryRules& query() const { return query_; }
  const Visitors& visitors() const { return visitors_; }
  const Agents& agents() const { return agents_; }
  Agents& agents() { return agents_; }

 private:
  void place(Batch& batch) const;

  QueryRules query_;
  Proxies proxies_;
  Privacy privacy_;
  Visitors visitors_;
  std::vector<std::string> rules_;
  Routes routes_;
  Blueprints blueprints_;
  Agents agents_;
  std::shared_ptr<Geo> geo_;
};

}  // namespace track_usage
