// What privacy leaves of a row: --anonymize-ip, --drop, --hash.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/keyed_hash.h"
#include "src/row.h"

namespace track_usage {

struct PrivacyOptions {
  std::string anonymize;                // empty: no; else 1, 2 or 3
  std::vector<std::string> drop, hash;  // fields
  std::string salt;
};

// Const; called from several threads at once.
class Privacy {
 public:
  explicit Privacy(const PrivacyOptions& options);  // throws Error (usage)

  bool drops(Column column) const;  // a row's own
  bool off() const { return !anonymizes() && dropped_.empty() && hashed_.empty(); }
  // Texts that were replaced stay in batch.texts: the batch must be gathered
  // anew before anybody stores it.
  void apply(Batch& batch) const;

  // 192.0.2.7 as 192.0.2.0; of a host's name what stands behind its first label.
  std::string anonymous(std::string_view host) const;

 private:
  enum class Field : std::uint8_t { own, user_agent, agent_string, request, url_args, member };
  struct Dropped {
    Field field;
    Column column;       // of own
    std::string member;  // of track_var
  };

  bool anonymizes() const { return v4_bits_ != 32; }
  static Dropped field_named(std::string_view name, std::string_view option);
  void anonymize(Batch& batch) const;
  void drop(Batch& batch) const;
  std::string anonymous_list(std::string_view addresses) const;
  std::string members_left(std::string_view object) const;

  int v4_bits_ = 32, v6_bits_ = 128;
  std::vector<Dropped> dropped_;
  std::vector<Column> hashed_;
  KeyedHash hash_;
};

}  // namespace track_usage
