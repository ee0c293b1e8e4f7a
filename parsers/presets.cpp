// The positional logs of proxies and clouds, as Layouts.
#include <algorithm>
#include <cstring>

#include "parsers/layout.h"

namespace track_usage {
namespace {

struct Name {
  std::string_view name;
  Part part;
};
// What stands between < and > below; any other name is a variable's.
constexpr Name parts[] = {
    {"remote", Part::remote},     {"client", Part::client},     {"ip", Part::ip},
    {"host", Part::host},         {"user", Part::user},         {"request", Part::request},
    {"method", Part::method},     {"url", Part::target},        {"status", Part::status},
    {"bytes", Part::bytes},       {"referrer", Part::referrer}, {"agent", Part::agent},
    {"seconds", Part::seconds},   {"millis", Part::millis},     {"part", Part::part_seconds},
    {"clf_time", Part::clf_time}, {"iso_time", Part::iso_time}, {"epoch", Part::epoch_seconds},
    {"-", Part::skipped},
};

// A layout in one text: <name> is a field, <name?> one that may stand in
// quotes, <name/> one that holds a slash, <name{}> one in braces that may be missing, and from | on fields may
// be missing at the end.
Layout read_layout(std::string_view name, std::string_view text) {
  Layout layout;
  layout.name = name;
  layout.preset = true;
  std::string literal;
  while (!text.empty()) {
    if (text[0] == '|') {
      layout.needed = layout.fields.size();
    } else if (text[0] == '<') {
      std::string_view field = text.substr(1, text.find('>') - 1);
      text.remove_prefix(field.size() + 1);
      LayoutField to;
      to.quotable = field.ends_with('?');
      if (field.ends_with('/')) to.holds = '/';
      if (field.ends_with("{}")) {
        to.closing = "}";
        literal += " {";
      }
      field = field.substr(0, field.find_first_of("?{/"));
      const auto* const known =
          std::find_if(std::begin(parts), std::end(parts), [&](const Name& n) { return n.name == field; });
      if (known != std::end(parts)) to.part = known->part;
      to.name = to.shown = field;
      to.before = std::move(literal);
      literal.clear();
      layout.fields.push_back(std::move(to));
    } else {
      literal += text[0];
    }
    text.remove_prefix(1);
  }
  layout.after = std::move(literal);
  return layout;
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
std::unique_ptr<Parser> make_s3(const LogOptions& options) {
  Layout layout = read_layout(
      "s3",
      "<bucket_owner> <bucket> [<clf_time>] <ip> <requester> <request_id> <operation> <key> <request?> <status> "
      "<error_code> <bytes> <object_size> <millis> <turn_around_time> <referrer?> <agent?>| <version_id> <host_id> "
      "<signature_version> <cipher_suite> <authentication_type> <host> <tls_version> <access_point_arn> "
      "<acl_required> <source_region>");
  layout.open = true;
  return make_layout_parser(std::move(layout), options);
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
std::unique_ptr<Parser> make_alb(const LogOptions& options) {
  Layout layout = read_layout(
      "alb",
      "<type> <iso_time> <elb> <client> <target> <part> <part> <part> <status> <target_status_code> <received_bytes> "
      "<bytes> <request?> <agent?> <ssl_cipher> <ssl_protocol>| <target_group_arn> <trace_id?> <host?> "
      "<chosen_cert_arn?> <matched_rule_priority> <request_creation_time> <actions_executed?> <redirect_url?> "
      "<error_reason?> <target_list?> <target_status_code_list?> <classification?> <classification_reason?> "
      "<conn_trace_id> <transformed_host?> <transformed_uri?> <request_transform_status?>");
  layout.open = layout.host_of_url = true;
  return make_layout_parser(std::move(layout), options);
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html
std::unique_ptr<Parser> make_elb(const LogOptions& options) {
  Layout layout = read_layout("elb",
                              "<iso_time> <elb> <client> <backend> <part> <part> <part> <status> <backend_status_code> "
                              "<received_bytes> <bytes> <request?>| <agent?> <ssl_cipher> <ssl_protocol>");
  layout.open = layout.host_of_url = true;
  return make_layout_parser(std::move(layout), options);
}

// https://docs.haproxy.org/2.8/configuration.html#8.2.3
std::unique_ptr<Parser> make_haproxy(const LogOptions& options) {
  return make_layout_parser(
      read_layout("haproxy",
                  "<client> [<clf_time>] <frontend> <backend>/<server> <TR>/<Tw>/<Tc>/<Tr>/<millis> <status> <bytes> "
                  "<captured_request_cookie> <captured_response_cookie> <termination_state> "
                  "<actconn>/<feconn>/<beconn>/<srv_conn>/<retries> <srv_queue>/<backend_queue>"
                  "<captured_request_headers{}><captured_response_headers{}> \"<request>\""),
      options);
}

// https://wiki.squid-cache.org/Features/LogFormat (native)
std::unique_ptr<Parser> make_squid(const LogOptions& options) {
  Layout layout = read_layout("squid",
                              "<epoch> <millis> <remote> <result_code>/<status> <bytes> <method> <url> <user> "
                              "<hierarchy/> <content_type>");
  layout.open = layout.padded = layout.host_of_url = true;
  return make_layout_parser(std::move(layout), options);
}

// https://doc.traefik.io/traefik/observability/access-logs/ (common)
std::unique_ptr<Parser> make_traefik(const LogOptions& options) {
  Layout layout =
      read_layout("traefik",
                  "<remote> - <user> [<clf_time>] \"<request>\" <status> <bytes> \"<referrer>\" \"<agent>\" "
                  "<request_count> <router?> <server_url?> <millis>ms");
  layout.escaped = false;
  return make_layout_parser(std::move(layout), options);
}

}  // namespace

extern const ParserInfo s3_parser, alb_parser, elb_parser, haproxy_parser, squid_parser, traefik_parser;
const ParserInfo s3_parser{
    "s3", "Amazon S3's server access log",
    R"(79a5 example-bucket [22/Nov/2026:14:05:06 +0000] 203.0.113.7 - 3E57427F REST.GET.OBJECT index.html )"
    R"("GET /index.html HTTP/1.1" 200 - 5120 5120 4 3 "-" "curl/8.5.0" -)",
    make_s3};
const ParserInfo alb_parser{
    "alb", "an AWS application load balancer's log",
    R"(https 2026-11-22T14:05:06.123456Z app/web/50dc6c495c0c9188 203.0.113.7:51234 10.0.0.1:80 0.001 0.002 0.001 200 )"
    R"(200 34 5120 "GET https://www.example.com:443/ HTTP/2.0" "curl/8.5.0" TLS_AES_128_GCM_SHA256 TLSv1.3)",
    make_alb};
const ParserInfo elb_parser{
    "elb", "an AWS classic load balancer's log",
    R"(2026-11-22T14:05:06.123456Z web 203.0.113.7:51234 10.0.0.1:80 0.001 0.002 0.001 200 200 0 5120 )"
    R"("GET http://www.example.com:80/ HTTP/1.1" "curl/8.5.0" - -)",
    make_elb};
const ParserInfo haproxy_parser{
    "haproxy", "HAProxy's option httplog, with or without captured headers",
    R"(203.0.113.7:51234 [22/Nov/2026:14:05:06.123] web app/srv1 0/0/1/3/4 200 5120 - - ---- 2/1/0/0/0 0/0 )"
    R"("GET / HTTP/1.1")",
    make_haproxy};
const ParserInfo squid_parser{
    "squid", "Squid's native log",
    R"(1795356306.123      4 203.0.113.7 TCP_MISS/200 5120 GET http://www.example.com/ - HIER_DIRECT/192.0.2.9 text/html)",
    make_squid};
const ParserInfo traefik_parser{
    "traefik", "Traefik's access log as text",
    R"(203.0.113.7 - - [22/Nov/2026:14:05:06 +0000] "GET / HTTP/2.0" 200 5120 "-" "curl/8.5.0" 17 "web@docker" )"
    R"("http://10.0.0.1:80" 4ms)",
    make_traefik};

}  // namespace track_usage
