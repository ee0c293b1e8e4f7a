#include "src/enrich/enrichment.h"

#include <tuple>
#include <utility>

#include "src/enrich/replace.h"

namespace track_usage {

Enrichment::Enrichment(Options options)
    : query_(options.query),
      proxies_(options.trusted_proxies),
      privacy_(options.privacy),
      visitors_(options.visitor, options.visitor_salt, options.privacy.salt),
      rules_(std::move(options.routes)),
      routes_(rules_),
      blueprints_(options.blueprints),
      agents_(std::move(options.agents)),
      geo_(std::move(options.geo)) {}

// A visitor is made of what privacy left: whoever has the store has its salt,
// and could try out every address.
void Enrichment::identify(Batch& batch) const {
  proxies_.find_clients(batch);
  privacy_.apply(batch);
  visitors_.name(batch);
  place(batch);
}

// Blueprint, route and arguments, by path.
void Enrichment::place(Batch& batch) const {
  if (rules_.empty() && blueprints_.names().empty()) return;
  struct Place {
    TextId blueprint = not_asked, route = null_text, args = null_text;
  };
  std::vector<Place> places(batch.texts.size());
  places[null_text].blueprint = null_text;
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const TextId path = batch.text(Column::path, row);
    Place& place = places[path];
    if (place.blueprint == not_asked) {
      const int blueprint = blueprints_.match(batch.texts[path]);
      const Routes::Match match = rules_.empty() ? Routes::Match() : routes_.match(batch.texts[path]);
      place.blueprint =
          blueprint < 0 ? null_text : batch.texts.intern(blueprints_.names()[static_cast<std::size_t>(blueprint)]);
      if (match.rule >= 0) {
        place.route = batch.texts.intern(rules_[static_cast<std::size_t>(match.rule)]);
        place.args = batch.texts.intern(match.view_args);
      }
    }
    const auto put = [&](Column column, TextId id) {
      std::vector<TextId>& ids = batch.own[static_cast<std::size_t>(column)];
      if (id == null_text && ids.empty()) return;
      ids.resize(batch.size());
      ids[row] = id;
    };
    put(Column::blueprint, place.blueprint);
    put(Column::route, place.route);
    put(Column::view_args, place.args);
  }
}

void Enrichment::locate(Batch& batch) const {
  const bool keeps_country = !privacy_.drops(Column::country), keeps_info = !privacy_.drops(Column::ip_info);
  if (geo_ == nullptr || batch.size() == 0 || !(keeps_country || keeps_info)) return;
  const std::vector<TextId>& remote = batch.own[static_cast<std::size_t>(Column::remote_addr)];
  if (remote.empty()) return;
  std::vector<std::uint32_t> place(batch.texts.size(), not_asked);  // among the distinct addresses
  std::vector<std::string_view> addresses;
  for (const TextId id : remote)
    if (id != null_text && place[id] == not_asked) {
      place[id] = static_cast<std::uint32_t>(addresses.size());
      addresses.push_back(batch.texts[id]);
    }
  std::vector<GeoAnswer> answers;
  geo_->look_up(addresses, answers);
  std::vector<std::pair<TextId, TextId>> found(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto text = [&](const std::string& value, bool keeps) {
      return value.empty() || !keeps ? null_text : batch.texts.intern(value);
    };
    found[i] = {text(answers[i].country, keeps_country), text(answers[i].info, keeps_info)};
  }
  std::vector<TextId>& country = batch.own[static_cast<std::size_t>(Column::country)];
  std::vector<TextId>& info = batch.own[static_cast<std::size_t>(Column::ip_info)];
  country.resize(batch.size());
  info.resize(batch.size());
  for (std::size_t row = 0; row < batch.size(); ++row)
    if (remote[row] != null_text) std::tie(country[row], info[row]) = found[place[remote[row]]];
}

void Enrichment::cover(std::string& rejected) const {
  if (!privacy_.off()) rejected.clear();
  std::string covered;
  if (query_.cover_line(rejected, covered)) rejected = std::move(covered);
}

}  // namespace track_usage
