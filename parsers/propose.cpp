// A --format for a line that no dialect reads, guessed from the line alone.
#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "parsers/field_map.h"
#include "parsers/parsers.h"
#include "src/base/text.h"
#include "src/base/timestamp.h"
#include "src/base/url.h"
#include "src/error.h"

namespace track_usage {
namespace {

constexpr std::size_t longest = 16 * 1024;  // no line to guess from is longer

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_address(std::string_view text) {
  if (text.starts_with('[')) text = text.substr(1, text.find(']') - 1);
  const auto colons = std::count(text.begin(), text.end(), ':');
  if (colons == 1) text = text.substr(0, text.find(':'));
  if (text.size() == 8 && text[2] == ':' && text[5] == ':') return false;  // a clock
  if (colons > 1) return text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  return std::count(text.begin(), text.end(), '.') == 3 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_status(std::string_view text) {
  return is_number(text) && text.size() == 3 && text[0] >= '1' && text[0] <= '5';
}

bool is_epoch(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  return is_number(whole) && whole.size() >= 10 && parse_epoch(text).has_value();
}

bool is_method(std::string_view text) {
  constexpr std::string_view methods[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"};
  return std::find(std::begin(methods), std::end(methods), text) != std::end(methods);
}

bool is_seconds(std::string_view text) {
  return text.find('.') != std::string_view::npos && parse_seconds(text).has_value();
}

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

bool is_agent(std::string_view text) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && slash != 0 && text.find('/') + 1 < text.size() && !is_url(text) &&
         text[slash - 1] != ' ' && text[slash + 1] >= '0' && text[slash + 1] <= '9';
}

bool is_host(std::string_view text) {
  text = text.substr(0, text.find(':'));
  return text.find('.') != std::string_view::npos && !is_number(text.substr(0, 1)) &&
         lower(text).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == std::string_view::npos;
}

struct Token {
  std::string_view text;
  char open = '\0', close = '\0';  // what it stands between
};

std::vector<Token> tokens_of(std::string_view line, char between) {
  std::vector<Token> tokens;
  while (!line.empty()) {
    const char open = line[0];
    const char close = open == '"' ? '"' : open == '[' ? ']' : '\0';
    std::size_t end = std::string_view::npos;
    if (close != '\0') {
      for (end = 1; end < line.size() && line[end] != close; ++end)
        if (close == '"' && line[end] == '\\') ++end;
      if (end >= line.size() || (end + 1 < line.size() && line[end + 1] != between)) end = std::string_view::npos;
    }
    if (end != std::string_view::npos) {
      tokens.push_back({line.substr(1, end - 1), open, close});
      line.remove_prefix(std::min(end + 2, line.size()));
    } else {
      end = std::min(line.find(between), line.size());
      tokens.push_back({line.substr(0, end)});
      line.remove_prefix(std::min(end + 1, line.size()));
    }
  }
  return tokens;
}

// Names the fields of a line from left to right; each name once.
class Namer {
 public:
  std::string name(const Token& token, std::string_view before, std::string_view after) {
    const std::string_view text = token.text;
    if (text.size() > 14 && text[2] == '/' && ClfTime().parse(text) && take("time_local")) return "time_local";
    if (text.size() > 14 && text[4] == '-' && parse_iso_time(text) && take("time_iso8601")) return "time_iso8601";
    if (is_epoch(text) && !has("time_local") && !has("time_iso8601") && take("msec")) return "msec";
    if (is_address(text) && take("remote_addr")) return "remote_addr";
    if (!split_request(text).malformed && text.find(" HTTP/") != std::string_view::npos && take("request"))
      return "request";
    if (is_method(text) && (after.starts_with('/') || is_url(after)) && take("request_method")) return "request_method";
    if (is_method(before) && (text.starts_with('/') || is_url(text)) && take("request_uri")) return "request_uri";
    if (text.starts_with("HTTP/") && text.size() <= 8 && take("server_protocol")) return "server_protocol";
    const bool asked = has("request") || has("request_uri");
    if (is_status(text) && take("status")) return "status";
    if (is_number(text) && is_status(before) && has("status") && take("body_bytes_sent")) return "body_bytes_sent";
    if (is_seconds(text) && take("request_time")) return "request_time";
    if (token.open == '"' && asked && (is_url(text) || text == "-") && take("http_referer")) return "http_referer";
    if (token.open == '"' && asked && (is_agent(text) || text == "-") && take("http_user_agent"))
      return "http_user_agent";
    if (is_host(text) && !asked && take("host")) return "host";
    if (before == "-" && has("remote_addr") && !asked && take("remote_user")) return "remote_user";
    return fmt::format("field_{}", ++others_);
  }

 private:
  bool has(std::string_view name) const { return std::find(taken_.begin(), taken_.end(), name) != taken_.end(); }
  bool take(std::string_view name) {
    if (has(name)) return false;
    taken_.push_back(name);
    return true;
  }

  std::vector<std::string_view> taken_;
  int others_ = 0;
};

std::string string_of(std::string_view line) {
  char between = ' ';
  for (const char c : {'\t', '|', ';'})
    if (std::count(line.begin(), line.end(), c) >= 4) {
      between = c;
      break;
    }
  const std::vector<Token> tokens = tokens_of(line, between);
  Namer namer;
  std::string format;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (i != 0) format += between;
    // The identity that nobody has.
    if (token.text == "-" && token.open == '\0' && i == 1) {
      format += '-';
      continue;
    }
    const std::string_view before = i == 0 ? std::string_view() : tokens[i - 1].text;
    const std::string_view after = i + 1 == tokens.size() ? std::string_view() : tokens[i + 1].text;
    if (token.open != '\0') format += token.open;
    format.append(1, '$').append(namer.name(token, before, after));
    if (token.close != '\0') format += token.close;
  }
  return format;
}

// Which field a key's value could be.
std::string_view field_of(std::string_view key, const nlohmann::json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const std::string name = lower(key);
  const auto says = [&](std::string_view word) { return name.find(word) != std::string::npos; };
  const bool time = (text.size() > 14 && text[4] == '-' && parse_iso_time(text)) ||
                    (text.size() > 14 && text[2] == '/' && ClfTime().parse(text)) || is_epoch(text);
  if (time) return "date";
  if (is_address(text)) return "remote_addr";
  if (is_status(text) && (says("status") || says("code"))) return "status";
  if (!split_request(text).malformed && text.find(" HTTP/") != std::string::npos) return "request";
  if (is_method(text)) return "method";
  if (text.starts_with("HTTP/")) return "protocol";
  if (text.starts_with('/') || (is_url(text) && !says("ref"))) return "path";
  if (says("ref")) return "referrer";
  if (says("agent")) return "user_agent";
  if (says("host") || says("domain")) return "server_name";
  const bool received = says("in") || says("received") || says("request");
  if (value.is_number() && !received && (says("bytes") || says("size") || says("length"))) return "content_length";
  // A duration whose name does not tell its unit is not guessed at.
  const bool lasts = says("duration") || says("time") || says("latency") || says("elapsed") || says("took");
  if (lasts && value.is_number()) {
    if (name.ends_with("ms")) return "speed_ms";
    if (name.ends_with("us")) return "speed_us";
    if (name.ends_with("ns")) return "speed_ns";
    if (says("second")) return "speed";
  }
  if (says("user")) return "username";
  return {};
}

void map_of(const nlohmann::json& object, const std::string& prefix, std::string& map) {
  for (const auto& [key, value] : object.items()) {
    const std::string path = prefix + escaped_key(key);
    if (value.is_object()) {
      map_of(value, path + '.', map);
      continue;
    }
    const std::string_view field = value.is_structured() || key.empty() ? std::string_view() : field_of(key, value);
    if (field.empty() || map.find(fmt::format(",{}=", field)) != std::string::npos) continue;
    map += fmt::format(",{}={}", field, path);
  }
}

}  // namespace

std::string propose_format(std::string_view line, const LogOptions& options) {
  if (line.size() > longest) return {};
  const std::string padded = std::string(line) + std::string(64, '\0');
  // What is proposed does what it should.
  const auto reads = [&](std::string_view format) {
    try {
      Fields fields;
      const auto parser = make_parser(format, options);
      const Reading reading = parser->read({padded.data(), line.size()}, fields);
      const bool asked = fields.request.data() != nullptr || fields.target.data() != nullptr;
      return reading.match == Match::whole && asked && fields.remote.data() != nullptr && fields.status != no_status;
    } catch (const Error&) {
      return false;
    }
  };
  for (const ParserInfo* info : all_parsers())
    if (reads(info->name)) return std::string(info->name);
  std::string format;
  if (trim(line).starts_with('{')) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    std::string map;
    if (object.is_object()) map_of(object, {}, map);
    if (!map.empty()) format = "json:" + map.substr(1);
  } else {
    format = string_of(line);
  }
  return !format.empty() && reads(format) ? format : std::string();
}

}  // namespace track_usage
