#include "parsers/json_presets.h"

namespace track_usage {

constexpr std::string_view nginx_json_map =
    "date=msec|time_local|time_iso8601|timestamp|@timestamp|time|ts,remote_addr=remote_addr,username=remote_user,"
    "request=request,method=request_method,path=request_uri|uri,protocol=server_protocol,status=status,"
    "content_length=body_bytes_sent|bytes_sent|bytes|size,referrer=http_referer|http_referrer|referer|referrer,"
    "user_agent=http_user_agent|user_agent|agent,speed=request_time,server_name=server_name|host|http_host|vhost,"
    "scheme=scheme,xforwardedfor=http_x_forwarded_for|x_forwarded_for|http_forwarded,"
    "accept_language=http_accept_language";

namespace {

constexpr JsonPreset json{nginx_json_map, {}};

constexpr JsonPreset caddy{
    "date=ts,remote_addr=request.client_ip,peer_addr=request.remote_ip,client=request.remote_addr,username=user_id,"
    "method=request.method,"
    "path=request.uri,protocol=request.proto,status=status,content_length=size,speed=duration,"
    "server_name=request.host,user_agent=request.headers.User-Agent,referrer=request.headers.Referer,"
    "xforwardedfor=request.headers.X-Forwarded-For|request.headers.Forwarded,"
    "accept_language=request.headers.Accept-Language,logger=logger,skip=level|msg",
    {.whole_speed = false, .not_by = "http.log.error"}};

constexpr JsonPreset traefik_json{
    "date=StartUTC|StartLocal|time,remote_addr=ClientHost|ClientAddr,username=ClientUsername,method=RequestMethod,"
    "path=RequestPath,protocol=RequestProtocol,server_name=RequestHost|RequestAddr,scheme=RequestScheme,"
    "status=DownstreamStatus|OriginStatus,content_length=DownstreamContentSize|OriginContentSize,speed_ns=Duration,"
    "user_agent=request_User-Agent,referrer=request_Referer,xforwardedfor=request_X-Forwarded-For|request_Forwarded,"
    "accept_language=request_Accept-Language,skip=level|msg",
    {}};

constexpr JsonPreset envoy{
    "date=start_time,remote_addr=downstream_remote_address|downstream_remote_address_without_port|"
    "downstream_direct_remote_address,method=method|:method,path=x-envoy-original-path|x-envoy-origin-path|path|:path,"
    "protocol=protocol,"
    "status=response_code,content_length=bytes_sent,speed_ms=duration,xforwardedfor=x_forwarded_for|x-forwarded-for,"
    "user_agent=user_agent|user-agent,server_name=authority|:authority,referrer=referer",
    {.address_needed = false}};

constexpr JsonPreset gcp{
    "date=timestamp|receiveTimestamp,remote_addr=httpRequest.remoteIp,method=httpRequest.requestMethod,"
    "path=httpRequest.requestUrl,protocol=httpRequest.protocol,status=httpRequest.status,"
    "content_length=httpRequest.responseSize,user_agent=httpRequest.userAgent,referrer=httpRequest.referer,"
    "speed=httpRequest.latency",
    {.host_of_url = true}};

constexpr JsonPreset cloudflare{
    "date=EdgeStartTimestamp|EdgeEndTimestamp,remote_addr=ClientIP,method=ClientRequestMethod,path=ClientRequestURI,"
    "protocol=ClientRequestProtocol,status=EdgeResponseStatus,content_length=EdgeResponseBytes,"
    "referrer=ClientRequestReferer,user_agent=ClientRequestUserAgent,server_name=ClientRequestHost,"
    "scheme=ClientRequestScheme",
    {}};

constexpr JsonPreset alb_json{
    "date=time|timestamp,remote_addr=client_ip,client=client,request=request,method=request_verb|request_method,"
    "path=request_url|request_uri,protocol=request_proto|request_protocol,status=elb_status_code,"
    "content_length=sent_bytes,user_agent=user_agent,"
    "speed_parts=request_processing_time|target_processing_time|response_processing_time,server_name=domain_name",
    {.host_of_url = true}};

constexpr JsonPreset pino{
    "date=time,remote_addr=req.remoteAddress,method=req.method,path=req.url,server_name=req.headers.host,"
    "user_agent=req.headers.user-agent,referrer=req.headers.referer|req.headers.referrer,"
    "xforwardedfor=req.headers.x-forwarded-for,accept_language=req.headers.accept-language,status=res.statusCode,"
    "content_length=res.headers.content-length,speed_ms=responseTime,skip=level|msg|v",
    {}};

constexpr const JsonPreset* presets[] = {&json, &caddy, &traefik_json, &envoy, &gcp, &cloudflare, &alb_json, &pino};

template <const JsonPreset& preset>
std::unique_ptr<Parser> make(const LogOptions& options) {
  return make_json_preset(options, preset);
}

}  // namespace

FieldMap preset_map(const JsonPreset& preset) {
  FieldMap map(preset.map);
  // Without both of these no preset makes a row of a line. An envelope's key holds a whole line.
  for (const JsonPreset* other : presets) map.mark_foreign(other->map, "remote_addr");
  map.mark_foreign("request=log|message", "request");
  return map;
}

extern const ParserInfo json_parser, caddy_parser, traefik_json_parser, envoy_parser, gcp_parser, cloudflare_parser,
    alb_json_parser, pino_parser;
const ParserInfo json_parser{
    "json", "JSON objects, one a line, with nginx's names; json:FIELD=KEY,... maps other names and nested keys",
    R"({"time_iso8601":"2026-11-22T14:05:06+00:00","remote_addr":"203.0.113.7","request":"GET / HTTP/1.1",)"
    R"("status":200,"body_bytes_sent":5120,"http_referer":"","http_user_agent":"curl/8.5.0","request_time":0.004})",
    make<json>};
const ParserInfo caddy_parser{
    "caddy", "Caddy 2's access log",
    R"({"level":"info","ts":1795356306.123,"logger":"http.log.access","msg":"handled request","request":)"
    R"({"remote_ip":"203.0.113.7","client_ip":"203.0.113.7","proto":"HTTP/2.0","method":"GET","host":"www.example.com",)"
    R"("uri":"/","headers":{"User-Agent":["curl/8.5.0"]}},"duration":0.004,"size":5120,"status":200})",
    make<caddy>};
const ParserInfo traefik_json_parser{
    "traefik_json", "Traefik's access log as JSON",
    R"({"ClientHost":"203.0.113.7","RequestHost":"www.example.com","RequestMethod":"GET","RequestPath":"/",)"
    R"("RequestProtocol":"HTTP/2.0","DownstreamStatus":200,"DownstreamContentSize":5120,"Duration":4000000,)"
    R"("StartUTC":"2026-11-22T14:05:06.123Z","request_User-Agent":"curl/8.5.0"})",
    make<traefik_json>};
const ParserInfo envoy_parser{
    "envoy", "Envoy's and Istio's JSON",
    R"({"start_time":"2026-11-22T14:05:06.123Z","downstream_remote_address":"203.0.113.7:51234","method":"GET",)"
    R"("path":"/","protocol":"HTTP/2","response_code":200,"bytes_sent":5120,"duration":4,"authority":"www.example.com",)"
    R"("user_agent":"curl/8.5.0"})",
    make<envoy>};
const ParserInfo gcp_parser{
    "gcp", "Google Cloud's load balancer, log entries as JSON",
    R"({"timestamp":"2026-11-22T14:05:06.123Z","httpRequest":{"remoteIp":"203.0.113.7:51234","requestMethod":"GET",)"
    R"("requestUrl":"https://www.example.com/","status":200,"responseSize":"5120","userAgent":"curl/8.5.0",)"
    R"("latency":"0.004s"}})",
    make<gcp>};
const ParserInfo cloudflare_parser{
    "cloudflare", "Cloudflare's Logpush of HTTP requests",
    R"({"EdgeStartTimestamp":"2026-11-22T14:05:06Z","ClientIP":"203.0.113.7","ClientRequestHost":"www.example.com",)"
    R"("ClientRequestMethod":"GET","ClientRequestURI":"/","EdgeResponseStatus":200,"EdgeResponseBytes":5120,)"
    R"("ClientRequestUserAgent":"curl/8.5.0"})",
    make<cloudflare>};
const ParserInfo alb_json_parser{
    "alb_json", "an AWS load balancer's log turned into JSON, as by Firehose or Athena",
    R"({"type":"https","time":"2026-11-22T14:05:06.123456Z","client_ip":"203.0.113.7","request_processing_time":0.001,)"
    R"("target_processing_time":0.002,"response_processing_time":0.001,"elb_status_code":200,"sent_bytes":5120,)"
    R"("request_verb":"GET","request_url":"https://www.example.com:443/","request_proto":"HTTP/2.0"})",
    make<alb_json>};
const ParserInfo pino_parser{
    "pino", "Node's pino-http",
    R"({"level":30,"time":1795356306123,"req":{"id":1,"method":"GET","url":"/","headers":{"host":"www.example.com",)"
    R"("user-agent":"curl/8.5.0"},"remoteAddress":"203.0.113.7","remotePort":51234},"res":{"statusCode":200,)"
    R"("headers":{"content-length":"5120"}},"responseTime":4,"msg":"request completed"})",
    make<pino>};

}  // namespace track_usage
