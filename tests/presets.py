#!/usr/bin/env python3
"""The formats known by name: each line of sample_logs/formats must be the row of the request that
it was written of, found without --format.

The rows are computed of the requests (sample_logs/make_formats.py) alone; with TRACK_USAGE_ACCEPT=1
they are also written to golden/formats-rows, which the program must give in any case.

    presets.py TRACK-USAGE [FORMAT...]
"""

import itertools
import json
import os
import re
import sys
import time
import urllib.parse

from checks import FIELDS, SAMPLES, TESTS, Bench

sys.path.insert(0, str(SAMPLES))
from make_formats import (BINGBOT, CHROME, CURL, FIREFOX, FORMATS, IPHONE, READER, REQUESTS_LIBRARY, SAFARI,
                          Line, micros, nanos, request_line, text_of)

GOLDEN = TESTS / "golden" / "formats-rows"
SHOWN = 3  # rows that differ, printed a format

# Of each agent: browser, platform, version, bot. None of them says a language.
AGENTS = {
    None: (None, None, None, None), FIREFOX: ("firefox", "linux", "142.0", None),
    CHROME: ("chrome", "linux", "142.0.7444.59", None), SAFARI: ("safari", "macos", "19.1", None),
    IPHONE: ("safari", "iphone", "18.5", None), BINGBOT: ("bing", None, "2.0", "search"),
    CURL: (None, None, None, "library"), REQUESTS_LIBRARY: (None, None, None, "library"),
    READER: (None, None, None, None)}

# The members of JSON logs that have a place in the row, or none at all; what else there is stays.
TAKEN = {name: set(keys.split()) for name, keys in {
    "caddy": """ts level logger msg user_id duration size status request.client_ip request.remote_ip
        request.method request.uri request.proto request.host request.headers.User-Agent
        request.headers.Referer request.headers.X-Forwarded-For request.headers.Accept-Language""",
    "traefik_json": """StartUTC time StartLocal ClientHost ClientAddr ClientUsername RequestMethod
        RequestPath RequestProtocol RequestHost RequestAddr RequestScheme DownstreamStatus OriginStatus
        DownstreamContentSize OriginContentSize Duration level msg request_User-Agent request_Referer
        request_X-Forwarded-For request_Accept-Language""",
    "envoy": """start_time downstream_remote_address downstream_remote_address_without_port
        downstream_direct_remote_address method :method path :path x-envoy-original-path
        x-envoy-origin-path protocol response_code bytes_sent duration x_forwarded_for x-forwarded-for
        user_agent user-agent authority :authority referer""",
    "gcp": """timestamp receiveTimestamp httpRequest.remoteIp httpRequest.requestMethod
        httpRequest.requestUrl httpRequest.status httpRequest.responseSize httpRequest.userAgent
        httpRequest.referer httpRequest.latency httpRequest.protocol""",
    "cloudflare": """EdgeStartTimestamp EdgeEndTimestamp ClientIP ClientRequestMethod ClientRequestURI
        ClientRequestProtocol EdgeResponseStatus EdgeResponseBytes ClientRequestReferer
        ClientRequestUserAgent ClientRequestHost ClientRequestScheme""",
    "alb_json": """time timestamp client_ip client elb_status_code request_verb request_method request_url
        request_uri request_proto request_protocol request sent_bytes user_agent request_processing_time
        target_processing_time response_processing_time domain_name""",
    "pino": """time req.remoteAddress req.method req.url req.headers.host req.headers.user-agent
        req.headers.referer req.headers.referrer req.headers.x-forwarded-for req.headers.accept-language
        res.statusCode res.headers.content-length responseTime level msg v""",
}.items()}


# --- the row of a line

def left(record, taken, within=""):
    """What of a JSON object is not taken; an object of which all was taken is gone."""
    kept = {}
    for name, value in record.items():
        if within + name not in taken:
            rest = left(value, taken, within + name + ".") if isinstance(value, dict) else value
            if rest or not (value and isinstance(value, dict)):
                kept[name] = rest
    return kept


def decoded(text):
    return urllib.parse.unquote_to_bytes(text).decode("utf-8", "backslashreplace")


def arguments(query):
    found = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.replace("+", " ").partition("=")
        found.setdefault(decoded(name), decoded(value))
    return found


def date(r):
    second, micro = divmod(micros(r), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + (f".{micro:06}Z" if micro else "Z")


def row(line, taken=None):
    """The row of a Line; of a JSON log, `taken` is what of its members is not kept."""
    r, more = line.request, line.more
    url, path, query = r.target, None, ""
    if r.method is None:
        url = "-"
    elif r.method != "CONNECT":
        if "://" not in url.partition("?")[0] and "scheme" in more:
            url = f"{more['scheme']}://{r.host}{url}"
        path, _, query = re.sub(r"^\w+://[^/?]*", "", r.target).partition("?")
        path = decoded(path or "/")
    browser, platform, version, bot = AGENTS[r.agent and r.agent.replace("'", '"')]
    besides = {"remote_port": more["remote_port"]} if "remote_port" in more else {}
    if taken:
        besides.update(left(json.loads(line.text), taken))
    besides.update((name, value) for name, value in line.left.items() if value not in (None, ""))
    return {
        "date": date(r), "url": url, "path": path, "url_args": arguments(query), "method": r.method,
        "protocol": r.protocol, "request": request_line(r), "status": r.status, "content_length": r.size,
        "speed": None if r.seconds is None else nanos(r) // 1000 / 1e6, "remote_addr": r.remote,
        "peer_addr": more.get("peer_addr"), "xforwardedfor": more.get("xforwardedfor"),
        "user_agent": {"string": r.agent, "browser": browser, "language": more.get("language"),
                       "platform": platform, "version": version},
        "bot": bot, "referrer": r.referrer, "username": r.user, "visitor": None, "country": None,
        "server_name": re.sub(r":\d+$", "", r.host) if r.host else "self", "blueprint": None, "route": None,
        "view_args": None, "authorization": r.user is not None, "ip_info": None, "track_var": besides or None,
        "flags": ["malformed_request"] if r.method is None or " " in r.target else []}


# --- what the program makes of it

def ordered(text):
    """JSON in which the order of members counts."""
    return json.loads(text, object_pairs_hook=tuple)


def to_json(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def printed(bench, what, log, count, rejected=0):
    """What `print:` gives of a log that has so many rows: all else in it is directives or rejected."""
    said = bench.ingest(log, sinks=["print:"])
    text = log.read_bytes().decode()
    blank = sum(line.startswith("#") for line in text.splitlines())
    bench.check(f"{what}: lines", said and [said["total"][f] for f in FIELDS],
                [text.count("\n"), count, 0, rejected, blank, 0])
    return list(map(ordered, said["stdout"].splitlines())) if said else []


def rows_are(bench, what, found, right):
    """Every row is the right one, whole: the first of those that differ are told, with what differs."""
    pairs = list(itertools.zip_longest(found, (ordered(to_json(row)) for row in right), fillvalue=()))
    differ = [(number, [pair for pair in itertools.zip_longest(*rows) if pair[0] != pair[1]])
              for number, rows in enumerate(pairs, 1) if rows[0] != rows[1]]
    bench.check(f"{what}: rows that differ", differ and [len(differ), *differ[:SHOWN]], [])


def kinds(bench, log):
    """The names by which `explain` counts the lines of a file, but for blank ones."""
    said = bench.run("explain", "--config", "none", log).stdout.decode()
    return [kind for kind in re.findall(r"^ +\d+  (.+)$", said.partition("\n\n")[0], re.M) if kind != "blank"]


def main(binary, *names):
    bench = Bench(binary)
    for name in names or FORMATS:
        bench.room(name)
        lines = list(FORMATS[name]())
        log = SAMPLES / "formats" / f"{name}.log"
        bench.check("the sample is as make_formats.py makes it", log.read_bytes() == text_of(lines).encode())
        right = [row(line, TAKEN.get(name)) for line in lines if isinstance(line, Line)]
        golden = GOLDEN / f"{name}.jsonl"
        if os.environ.get("TRACK_USAGE_ACCEPT") == "1":
            GOLDEN.mkdir(exist_ok=True)
            golden.write_text("".join(to_json(r) + "\n" for r in right), encoding="utf-8", newline="\n")
        found = printed(bench, name, log, len(right))
        rows_are(bench, "computed", found, right)
        rows_are(bench, "golden", found, map(json.loads, golden.read_text(encoding="utf-8").splitlines()))
        names_of_lines = kinds(bench, log)
        strange = [kind for kind in names_of_lines if name not in re.findall(r"\w+", kind)]
        bench.check(f"explain names {name}", [strange, bool(names_of_lines)], [[], True])
    bench.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
