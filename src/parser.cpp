// From fields to rows, and from lines to the dialect that reads them best.
#include "src/parser.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "src/base/hash.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/enrich/agents.h"
#include "src/enrich/redact.h"
#include "src/enrich/visitors.h"

namespace track_usage {
namespace {

constexpr std::uint32_t unknown = UINT32_MAX;
// Agents whose parts are remembered from batch to batch; a scanner that makes
// up a new one each time must not fill the memory.
constexpr std::size_t max_known_agents = 1 << 16, longest_known_agent = 1 << 10;
// More than any response: a size beyond it is a log's error (ruling 14).
constexpr std::int64_t max_bytes = std::int64_t{1} << 45;

bool is_null(std::string_view field) {
  return field.empty() || field == "-";
}

// Accept-Language's first tag of the highest quality, as logged.
std::string_view preferred_language(std::string_view header) {
  std::string_view best;
  double best_quality = 0;
  while (!header.empty()) {
    const auto comma = std::min(header.find(','), header.size());
    const std::string_view item = trim(header.substr(0, comma));
    header.remove_prefix(std::min(comma + 1, header.size()));
    const auto semicolon = item.find(';');
    double quality = 1;
    if (semicolon != std::string_view::npos) {
      for (std::string_view rest = item.substr(semicolon + 1); !rest.empty();) {
        const auto next = std::min(rest.find(';'), rest.size());
        const std::string_view parameter = trim(rest.substr(0, next));
        rest.remove_prefix(std::min(next + 1, rest.size()));
        if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
        if (const auto micros = parse_seconds(parameter.substr(2))) quality = static_cast<double>(*micros) / 1e6;
      }
    }
    const std::string_view tag = trim(item.substr(0, semicolon));
    if (!tag.empty() && quality > best_quality) {
      best = tag;
      best_quality = quality;
    }
  }
  return best;
}

// The object, each name once: where it stood first, with its last value. `object`
// is sound and has no blanks.
std::string once(std::string_view object) {
  struct Member {
    std::string_view name, value;
    std::size_t place;
  };
  std::vector<Member> members;
  const auto string_end = [&](std::size_t at) {  // behind the quote that closes the one at `at`
    for (++at; object[at] != '"'; ++at)
      if (object[at] == '\\') ++at;
    return at + 1;
  };
  for (std::size_t at = 1; at + 1 < object.size();) {
    const std::size_t colon = string_end(at);
    std::size_t end = colon + 1;
    for (int depth = 0; depth > 0 || (object[end] != ',' && object[end] != '}');) {
      const char c = object[end];
      depth += (c == '{' || c == '[') - (c == '}' || c == ']');
      end = c == '"' ? string_end(end) : end + 1;
    }
    members.push_back({object.substr(at, colon - at), object.substr(colon, end - colon), members.size()});
    at = end + 1;
  }
  std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  std::vector<Member> kept;
  for (const Member& member : members)
    if (!kept.empty() && kept.back().name == member.name)
      kept.back().value = member.value;
    else
      kept.push_back(member);
  std::sort(kept.begin(), kept.end(), [](const Member& a, const Member& b) { return a.place < b.place; });
  std::string out = "{";
  for (const Member& member : kept) out.append(out.size() > 1 ? "," : "").append(member.name).append(member.value);
  return out + '}';
}

// The next of a positional format's fields: a quoted one without its quotes, or
// a token.
std::string_view next_field(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (!rest.empty() && rest[0] == '"') {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '\\') {
        ++i;
      } else if (rest[i] == '"') {
        const std::string_view field = rest.substr(1, i - 1);
        rest.remove_prefix(i + 1);
        return field;
      }
    }
  }
  const auto blank = std::min(rest.find(' '), rest.size());
  const std::string_view field = rest.substr(0, blank);
  rest.remove_prefix(blank);
  return field;
}

}  // namespace

// ---- RowBuilder

struct RowBuilder::KnownAgents {
  const Agents built_in;  // where no others are given
  Texts strings;
  std::vector<AgentText> parts;  // by id
};

RowBuilder::RowBuilder(RowDefaults defaults)
    : defaults_(std::move(defaults)), known_(std::make_unique<KnownAgents>()) {}
RowBuilder::~RowBuilder() = default;

void RowBuilder::begin(Batch& batch, const char* text, std::uint64_t offset) {
  batch_ = &batch;
  text_ = text;
  offset_ = offset;
  line_ = 0;
  request_keys_.clear();
  request_of_.assign(1, 0);
  agent_of_.clear();
  std::string name;
  append_text(name, defaults_.server_name);
  server_ = batch.texts.intern(name);
  variables_ = defaults_.variables.empty() ? null_text : batch.texts.intern(fmt::format("{{{}}}", defaults_.variables));
}

// Makes stored text of a field: escapes undone once, valid UTF-8, no controls.
TextId RowBuilder::value(std::string_view raw, const Fields& fields) {
  if (fields.plain || is_plain(raw)) return batch_->texts.intern(raw);
  undone_.clear();
  if (fields.escapes == Escapes::clf)
    append_unescaped(undone_, raw);
  else
    undone_ = raw;
  text_value_.clear();
  if (!append_text(text_value_, undone_)) line_flags_ |= not_utf8;
  return batch_->texts.intern(text_value_);
}

// A value that may hold a query.
TextId RowBuilder::link(std::string_view raw, const Fields& fields) {
  if (defaults_.query == nullptr ||
      (raw.find('=') == std::string_view::npos && raw.find('\\') == std::string_view::npos))
    return value(raw, fields);
  undone_.clear();
  if (fields.escapes == Escapes::clf)
    append_unescaped(undone_, raw);
  else
    undone_ = raw;
  covered_.clear();
  const std::string_view shown = defaults_.query->cover(undone_, covered_) ? covered_ : undone_;
  text_value_.clear();
  if (!append_text(text_value_, shown)) line_flags_ |= not_utf8;
  return batch_->texts.intern(text_value_);
}

// The client without brackets and port; the port goes to port_.
TextId RowBuilder::remote(std::string_view raw, const Fields& fields) {
  const auto colon = raw.find(':');
  if (colon == std::string_view::npos) return value(raw, fields);
  const auto is_port = [](std::string_view text) {
    return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (raw[0] == '[') {
    const auto close = raw.find(']');
    if (close == std::string_view::npos) return value(raw, fields);
    const std::string_view after = raw.substr(close + 1);
    if (after.starts_with(':') && is_port(after.substr(1)))
      port_ = after.substr(1);
    else if (!after.empty())
      return value(raw, fields);
    return value(raw.substr(1, close - 1), fields);
  }
  if (raw.find(':', colon + 1) == std::string_view::npos && colon > 0 && is_port(raw.substr(colon + 1))) {
    port_ = raw.substr(colon + 1);
    return value(raw.substr(0, colon), fields);
  }
  return value(raw, fields);
}

Request RowBuilder::split(std::string_view undone, const Fields& fields) {
  Request r;
  const auto text = [&](std::string_view bytes, bool plain) {
    if (plain || is_plain(bytes)) return batch_->texts.intern(bytes);
    text_value_.clear();
    if (!append_text(text_value_, bytes)) r.flags |= not_utf8;
    return batch_->texts.intern(text_value_);
  };
  if (undone.data() != nullptr) r.request = text(undone, fields.plain);
  SplitRequest parts = split_request(undone);
  // What the log has apart needs no protocol to show where the target ends.
  const bool apart = fields.request.data() == nullptr && is_null(fields.protocol);
  const bool is_target = undone.starts_with('/') || undone.find("://") != std::string_view::npos;
  if (apart && is_null(fields.method) && is_target && undone.find_first_of(" \t") == std::string_view::npos)
    parts = {.method = {}, .target = undone, .protocol = {}, .malformed = false};
  if (apart && !is_null(fields.method) && parts.target.data() == nullptr) {
    const SplitRequest with = split_request(path_.assign(undone).append(" HTTP/1.1"));
    if (with.target.data() != nullptr)
      parts = {.method = undone.substr(0, with.method.size()),
               .target = undone.substr(with.method.size() + 1),
               .protocol = {},
               .malformed = with.malformed};
  }
  if (parts.malformed) r.flags |= malformed_request;
  if (parts.method.data() != nullptr) r.method = text(parts.method, fields.plain);
  if (parts.protocol.data() != nullptr) r.protocol = text(parts.protocol, fields.plain);
  if (parts.target.data() == nullptr) {
    r.url = batch_->texts.intern("-");
    return r;
  }
  const SplitTarget target = split_target(parts.method, parts.target);
  if (!is_null(fields.scheme) && !is_null(fields.host) && !target.absolute && parts.target.starts_with('/')) {
    path_.assign(fields.scheme).append("://").append(fields.host).append(parts.target);
    r.url = text(path_, false);
  } else {
    r.url = text(parts.target, fields.plain);
  }
  const std::uint8_t flags = r.flags;  // of the logged bytes: percent-decoding sets none (ruling 8)
  if (target.path.data() != nullptr) {
    if (target.path.find('%') == std::string_view::npos) {
      r.path = text(target.path, fields.plain);
    } else {
      path_.clear();
      append_percent_decoded(path_, target.path);
      r.path = text(path_, false);
    }
  }
  r.flags = flags;
  if (target.query.data() != nullptr) {
    args_.clear();
    append_url_args(args_, target.query);
    if (!args_.empty()) r.url_args = batch_->texts.intern(args_);
  }
  return r;
}

std::uint32_t RowBuilder::request(const Fields& fields) {
  std::string_view undone = fields.request;
  if (fields.request.data() == nullptr && fields.target.data() != nullptr) {
    undone_.clear();
    for (const std::string_view part : {fields.method, fields.target, fields.protocol}) {
      if (is_null(part)) continue;
      if (!undone_.empty()) undone_ += ' ';
      if (fields.plain || fields.escapes == Escapes::undone)
        undone_ += part;
      else
        append_unescaped(undone_, part);
    }
    undone = undone_;
  } else if (!fields.plain && fields.escapes == Escapes::clf && !is_plain(undone)) {
    undone_.clear();
    append_unescaped(undone_, undone);
    undone = undone_;
  }
  std::string_view key = undone;
  const bool apart = fields.request.data() == nullptr && is_null(fields.protocol);
  if (!fields.scheme.empty() || apart) {  // the URL is then part of what makes a request distinct
    key_.assign(fields.scheme).append(1, '\0').append(fields.host).append(1, '\0').append(undone);
    key = key_;
  }
  const TextId id = undone.data() == nullptr ? null_text : request_keys_.intern(key);
  if (id >= request_of_.size()) {
    request_of_.resize(id + 1, unknown);
    request_of_[id] = static_cast<std::uint32_t>(batch_->requests.size());
    covered_.clear();
    if (defaults_.query != nullptr && defaults_.query->rewrite(undone, covered_)) undone = covered_;
    batch_->requests.push_back(split(undone, fields));
  } else if (id == null_text && batch_->requests[0].url == null_text) {
    batch_->requests[0].url = batch_->texts.intern("-");
  }
  return request_of_[id];
}

std::uint32_t RowBuilder::agent(const Fields& fields) {
  if (is_null(fields.agent)) return 0;
  Texts& texts = batch_->texts;
  const TextId string = value(fields.agent, fields);
  if (string >= agent_of_.size()) agent_of_.resize(texts.size() + 64, unknown);
  std::uint32_t& agent = agent_of_[string];
  if (agent != unknown) return agent;

  if (known_->strings.size() > max_known_agents) {
    known_->strings.clear();
    known_->parts.clear();
  }
  const Agents& agents = defaults_.agents != nullptr ? *defaults_.agents : known_->built_in;
  AgentText made;
  const AgentText* parts = &made;
  if (texts[string].size() > longest_known_agent) {
    made = agents.read(texts[string]);
  } else {
    const TextId known = known_->strings.intern(texts[string], texts.hash(string));
    if (known >= known_->parts.size()) {
      known_->parts.resize(known + 1);
      known_->parts[known] = agents.read(known_->strings[known]);
    }
    parts = &known_->parts[known];
  }
  const auto text = [&](std::string_view part) { return part.empty() ? null_text : texts.intern(part); };
  agent = static_cast<std::uint32_t>(batch_->agents.size());
  batch_->agents.push_back({.string = string,
                            .browser = text(parts->browser),
                            .language = text(parts->language),
                            .platform = text(parts->platform),
                            .version = text(parts->version),
                            .bot = text(parts->bot)});
  return agent;
}

// track_var: what the log has and the row has no place for, and --set.
void RowBuilder::variables(const Fields& fields) {
  const std::string_view around = wrapped_ != nullptr ? around_ : fields.around;
  const std::string_view set = defaults_.variables;
  const bool ident = !is_null(fields.ident), extra = !trim(fields.extra).empty();
  if (!extra && !ident && port_.empty() && fields.variables.empty() && around.empty()) {
    batch_->set(Column::track_var, variables_);
    return;
  }
  members_.assign(1, '{');
  bool again = fields.repeats;  // a name may stand in it twice
  const auto members = [&](std::string_view more) {
    if (members_.size() > 1 && !more.empty()) members_ += ',';
    members_ += more;
  };
  const auto member = [&](std::string_view name) {
    again =
        again || fields.variables.find(name) != std::string_view::npos || around.find(name) != std::string_view::npos;
    members(name);
    members_ += ':';
  };
  // By way of the batch's texts, so that a JSON string holds what a field would.
  const auto text = [&](std::string_view raw) { append_json(members_, batch_->texts[value(raw, fields)]); };
  members(around);
  if (ident) {
    member("\"ident\"");
    text(fields.ident);
  }
  if (!port_.empty()) {
    member("\"remote_port\"");
    members_ += port_.substr(std::min(port_.find_first_not_of('0'), port_.size() - 1));
  }
  members(fields.variables);
  if (extra) {
    member("\"extra\"");
    members_ += '[';
    for (std::string_view rest = fields.extra; rest.find_first_not_of(' ') != std::string_view::npos;) {
      if (members_.back() != '[') members_ += ',';
      text(next_field(rest));
    }
    members_ += ']';
  }
  again = again || !set.empty() || (!around.empty() && fields.variables.find("\"syslog_") != std::string_view::npos);
  members(set);
  members_ += '}';
  if (again) members_ = once(members_);  // --set stands above what the log says
  if (defaults_.visitors != nullptr)     // before it is covered: a session is a secret, and a good visitor
    if (const std::string_view cookie = defaults_.visitors->find(members_); !cookie.empty())
      batch_->set(Column::visitor, batch_->texts.intern(cookie));
  covered_.clear();
  if (defaults_.query != nullptr && defaults_.query->cover_members(members_, covered_)) members_.swap(covered_);
  batch_->set(Column::track_var, batch_->texts.intern(members_));
}

void RowBuilder::add(const Fields& fields, const char* line) {
  Batch& b = *batch_;
  ++line_;
  line_flags_ = fields.flags;
  b.time.push_back(fields.time);
  b.zone_assumed = b.zone_assumed || fields.zone_assumed;
  b.offset.push_back(offset_ + static_cast<std::uint64_t>((wrapped_ != nullptr ? wrapped_ : line) - text_));
  b.bytes.push_back(fields.bytes > max_bytes ? no_number : fields.bytes);
  b.micros.push_back(fields.micros);
  b.status.push_back(fields.status);

  const std::uint32_t request_index = request(fields);
  b.request.push_back(request_index);
  const std::uint32_t agent_index = agent(fields);
  b.agent.push_back(agent_index);

  port_ = fields.port;
  if (fields.remote.data() != nullptr) b.set(Column::remote_addr, remote(fields.remote, fields));
  if (!is_null(fields.peer)) b.set(Column::peer_addr, value(fields.peer, fields));
  if (!is_null(fields.referrer)) b.set(Column::referrer, link(fields.referrer, fields));
  if (!is_null(fields.forwarded)) b.set(Column::xforwardedfor, value(fields.forwarded, fields));
  if (!is_null(fields.user))
    if (const TextId user = value(fields.user, fields); b.texts[user] != "\"\"") b.set(Column::username, user);

  TextId server = server_;
  if (!defaults_.server_fixed && !is_null(fields.host)) {
    std::string_view host = fields.host;
    const auto colon = host.rfind(':');
    // A port, and not the end of a bare IPv6 address.
    if (colon != std::string_view::npos && colon > 0 && (host.find(':') == colon || host[colon - 1] == ']') &&
        host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos)
      host = host.substr(0, colon);
    if (!host.empty()) server = value(host, fields);
  }
  b.set(Column::server_name, server);

  const std::string_view language =
      is_null(fields.accept_language) ? std::string_view() : preferred_language(fields.accept_language);
  b.set(Column::language, language.empty() ? b.agents[agent_index].language : value(language, fields));
  variables(fields);

  b.flags.push_back(static_cast<std::uint8_t>(line_flags_ | b.requests[request_index].flags));
  b.end_row();
  ++b.counts.stored;
}

void RowBuilder::reject(Reject reason, std::string_view line) {
  ++line_;
  ++batch_->counts.rejected_by[static_cast<std::size_t>(reason)];
  batch_->rejects.push_back(
      {reason, line_, offset_ + static_cast<std::uint64_t>(line.data() - text_), std::string(line)});
}

// ---- Dispatcher

bool is_blank(std::string_view line) {
  const auto first = line.find_first_not_of(" \t\r\v\f");
  return first == std::string_view::npos || line[first] == '#';
}

namespace {

// Ruling 1: a reading of the whole line wins, then the one with most fields;
// of equals, one that leaves extras beats one that misses fields.
int rank(const Reading& r) {
  if (r.match == Match::none) return -1;
  if (r.match == Match::whole) return 1000 + r.named;
  return r.named * 2 + (r.match == Match::extras);
}

void note(const ReadBy& reader, Batch& batch) {
  std::vector<ReadBy>& all = batch.read_by;
  if (std::find(all.begin(), all.end(), reader) == all.end()) all.push_back(reader);
}

}  // namespace

Dispatcher::Dispatcher(std::vector<const Parser*> parsers) : parsers_(std::move(parsers)) {
  const auto ambiguous = [](const Parser* p) { return p->ambiguous(); };
  weighs_ = std::count_if(parsers_.begin(), parsers_.end(), [](const Parser* p) { return !p->envelope(); }) > 1 &&
            std::any_of(parsers_.begin(), parsers_.end(), ambiguous);
}

Dispatcher::Choice Dispatcher::best(std::string_view line, Fields& fields) const {
  Choice choice;
  Fields tried;
  for (const Parser* parser : parsers_) {
    tried = {};
    const Reading reading = parser->read(line, tried);
    // Among dialects that fail, one that knew the shape tells most, then the
    // one that came furthest.
    const auto failure = [](const Reading& r) { return std::pair(r.reason != Reject::unknown_format, r.column); };
    const bool better = choice.tried == nullptr || rank(reading) > rank(choice.reading) ||
                        (rank(reading) < 0 && rank(choice.reading) < 0 && failure(reading) > failure(choice.reading));
    if (!better) continue;
    choice = {reading.inside != nullptr ? reading.inside : parser, parser, reading};
    fields = tried;
  }
  // Whoever was tried later has written over its scratch.
  const bool written_over = choice.tried != parsers_.back() && !choice.tried->borrows_from_line();
  if (choice.reading.match != Match::none && written_over) {
    fields = {};
    choice.tried->read(line, fields);
  }
  if (choice.reading.match == Match::truncated) fields.flags |= truncated_line;
  return choice;
}

void Dispatcher::directive(std::string_view line) const {
  for (const Parser* parser : parsers_) parser->directive(line);
}

void Dispatcher::parse(const Lines& lines, RowBuilder& builder, Batch& batch) const {
  batch.clear();
  builder.begin(batch, lines.text.data(), lines.offset);
  const char* at = lines.text.data();
  const char* const end = at + lines.text.size();
  const char* fast_end = end;  // a cut line is for the careful path
  if (lines.cut) {
    const auto before = lines.text.substr(0, lines.text.size() - 1).rfind('\n');
    fast_end = before == std::string_view::npos ? at : at + before + 1;
  }
  if (lines.offset == 0 && lines.text.starts_with("\xef\xbb\xbf")) at += 3;
  directive({});
  for (std::string_view rest = lines.heading; !rest.empty();) {
    const auto newline = std::min(rest.find('\n'), rest.size() - 1);
    directive(rest.substr(0, newline));
    rest.remove_prefix(newline + 1);
  }

  const Parser* current = parsers_.front();
  Fields fields;
  while (at < end) {
    if (at < fast_end && !weighs_) {
      const std::size_t rows = batch.size();
      at = current->parse(at, fast_end, builder);
      // What an envelope held was noted with its first line.
      if (batch.size() != rows && !current->envelope()) note({current, {}}, batch);
    }
    if (at == end) break;
    const char* const newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* const line_end = newline != nullptr ? newline : end;
    const bool last = line_end + 1 >= end;
    std::string_view line(at, static_cast<std::size_t>(line_end - at));
    at = newline != nullptr ? newline + 1 : end;
    if (line.starts_with('\0')) {  // a hole that a writer without O_APPEND left
      line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
      ++batch.holes;
    }
    const std::string_view whole = line;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_blank(line)) {
      if (line.starts_with('#') && line.size() <= longest_directive && !(lines.cut && last)) directive(line);
      builder.blank();
      continue;
    }
    const Choice choice = best(line, fields);
    if (choice.reading.match == Match::none) {
      builder.reject(lines.cut && last ? Reject::too_long : choice.reading.reason, whole);
      continue;
    }
    if (lines.cut && last) fields.flags = static_cast<std::uint8_t>((fields.flags & ~truncated_line) | long_line);
    builder.add(fields, line.data());
    note({choice.parser, choice.reading.around}, batch);
    if (choice.reading.match == Match::whole) current = choice.tried;
  }
}

}  // namespace track_usage
