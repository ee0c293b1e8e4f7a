#!/usr/bin/env python3
"""Files whose lines are not all of one kind: each line must be the row that a person reads in it.

    mixed.py TRACK-USAGE
"""

import gzip
import json
import sys

from checks import Bench
from presets import TAKEN, printed, row, rows_are
from make_formats import (FORMATS, REQUESTS, SECOND, Line, combined, common, in_docker, in_syslog, plain,
                          told)
from traffic import json_line

JUNK = ("Traceback (most recent call last):", '  File "app.py", line 7, in <module>', "ValueError: it",
        "starting worker 7 of 8", "---- 8< ----", '{"not": "whole', "[warn] 192.0.2.1 was slow",
        'open() "/srv/shop" failed (2: No such file or directory)', "GET / HTTP/1.1", "\x07\x08\x0b")
INNER = [name for name in FORMATS if name not in ("docker", "cri", "syslog", "haproxy", "w3c", "cloudfront")]

bench = Bench(sys.argv[1])
bench.room("mixed")


def check(what, lines):
    """`lines` are pairs: the text, and its row or None where it must be rejected."""
    log = bench.write("mixed.log", "".join(text + "\n" for text, _ in lines).encode())
    right = [r for _, r in lines if r]
    rows_are(bench, what, printed(bench, what, log, len(right), len(lines) - len(right)), right)


def in_turn(*writers):
    """All requests, each by the next of the writers: of its number, the request and the combined line."""
    requests = enumerate(map(plain, REQUESTS * len(writers)))
    lines = [writers[i % len(writers)](i, r, combined(r)) for i, r in requests]
    return [(line.text, row(line)) for line in lines]


def as_it_is(i, r, text):
    return Line(text, r)


def short(i, r, text):
    return Line(common(r), r._replace(referrer=None, agent=None))


def with_host(i, r, text):
    return Line(f"shop.example:443 {text}", r._replace(host="shop.example:443"))


def without_host(i, r, text):
    return Line(" " + text, r)


def with_field(i, r, text):
    return Line(text + " 0.042", r, {"extra": ["0.042"]})


def with_fields(i, r, text):
    return Line(text + ' - "two words" 7', r, {"extra": ["-", "two words", "7"]})


def in_quotes(i, r, text):
    return Line(f'"{text}"', r)


def in_quotes_doubled(i, r, text):
    return Line('"' + text.replace('"', '""') + '"', r)


def in_quotes_escaped(i, r, text):
    return Line('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', r)


def as_json(i, r, text):
    r = told(REQUESTS[i % len(REQUESTS)], SECOND, 1, host=None)
    return Line(json_line(r), r)


def after_syslog(i, r, text):
    return Line(in_syslog(text, r, i, "web1", "nginx"), r, {"syslog_host": "web1", "syslog_tag": "nginx"})


check("combined and common", in_turn(as_it_is, short))
check("a host before some", in_turn(as_it_is, with_host, short))
check("a field more on some", in_turn(as_it_is, with_field, with_fields))
check("an empty host before some", in_turn(with_host, without_host, as_it_is))
check("some in quotes", in_turn(as_it_is, in_quotes))
check("all in quotes", in_turn(in_quotes))
check("some in quotes, inner ones doubled", in_turn(as_it_is, in_quotes_doubled))
check("all in quotes, inner ones doubled", in_turn(in_quotes_doubled))
check("some in quotes, inner ones escaped", in_turn(as_it_is, in_quotes_escaped))
check("all in quotes, inner ones escaped", in_turn(in_quotes_escaped))
check("JSON and combined", in_turn(as_json, as_it_is))
check("syslog before some", in_turn(as_it_is, after_syslog))
check("all of these", in_turn(as_it_is, with_host, short, after_syslog, as_json, with_field,
                              in_quotes_doubled, without_host, in_quotes_escaped, in_quotes))
check("30 lines of junk first", [(text, None) for text in JUNK * 3] + in_turn(as_it_is, as_json))

# Whatever a program logs, a container's log has it in an envelope.
for name in INNER:
    check(f"{name} in envelopes", [
        ((in_docker(line.text), f"2026-11-22T14:30:00.003456789Z stdout F {line.text}")[i % 2],
         row(line, TAKEN.get(name))) for i, line in enumerate(FORMATS[name]())])
# What stands around a line, or in place of its fields, in odd ways.
FRAME = '192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET / HTTP/1.1" 200 2326'
TAGGED = {"remote_addr": "192.0.2.1", "server_name": "self", "username": None, "flags": [],
          "track_var": {"syslog_host": "web1", "syslog_tag": "nginx"}}
IN_JSON = '{"log":"' + FRAME.replace('"', '\\"') + '\\n","stream":"stdout"}'
for line, right in (
        ("<13>Nov 22 14:05:06 web1 nginx " + FRAME, TAGGED), ("<13>Nov 22 14:05:06.123 web1 nginx: " + FRAME, TAGGED),
        ("web1 nginx: " + FRAME, TAGGED), ("<13>Nov 22 14:05:06 web1 nginx: " + IN_JSON, TAGGED),
        ("<13>1 2026-11-22T14:05:06Z web1 nginx 7 - [a@1 b=\"]\"] " + FRAME, TAGGED),
        ("Nov  2 14:05:06 web1 " + FRAME, TAGGED | {"track_var": {"syslog_host": "web1"}}),
        ("Nov  2 14:05:06 nginx: " + FRAME, TAGGED | {"track_var": {"syslog_tag": "nginx"}}),
        ("\t " + FRAME, TAGGED | {"track_var": None}),
        ("h.example:443 " + FRAME, TAGGED | {"server_name": "h.example", "track_var": None}),
        ("192.0.2.9, 198.51.100.1, " + FRAME + ' "-" "x"', TAGGED | {
            "remote_addr": "192.0.2.9", "xforwardedfor": "192.0.2.9, 198.51.100.1, 192.0.2.1", "track_var": None}),
        ("h.example 192.0.2.9, " + FRAME + ' "-" "x"', TAGGED | {
            "server_name": "h.example", "remote_addr": "192.0.2.9", "xforwardedfor": "192.0.2.9, 192.0.2.1", "track_var": None}),
        (FRAME.replace("200 2326", "000 -"), {"status": None, "content_length": None, "flags": []}),
        (FRAME.replace("200 2326", '- - "-" "x" 1 "ping@internal" - 0ms'), {
            "status": None, "speed": 0, "track_var": {"request_count": "1", "router": "ping@internal"}}),
        ('79a5 bucket [22/Nov/2026:14:05:06 +0000] - svc 3E57 S3.EXPIRE.OBJECT a.txt - 204 - - 5 - - "-" "cur"l/8" -',
         {"remote_addr": None, "status": 204, "flags": ["malformed_request"]})):
    done = bench.run("ingest", "--sink", "print:", "-", stdin=line.encode() + b"\n")
    row = json.loads(done.stdout or "{}")
    bench.check(f"a row of {line}", {name: row.get(name, "none") for name in right}, right)

# What would make wrong rows of its parts is no row.
CLIENT, REST = FRAME.split(" ", 1)
COMBINED = FRAME + ' "-" "M"'
HAPROXY = '192.0.2.1:5555 [22/Nov/2026:14:05:09.123] fe~ be/s1 0/0/1/2/3 200 1234 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"'
for line in ("App 1 stdout: " + FRAME, "Nov 22 2026 14:05:06 web1 httpd: " + COMBINED, "2026-11-22 14:05:06 web1 " + COMBINED,
             "Wed Nov 22 14:05:06 2026 web1 " + COMBINED, "INFO nginx access: " + COMBINED, "web_1  | " + COMBINED,
             "I, [2026-11-22T14:05:05.123 #1]  INFO -- : " + COMBINED, "www.example.com 198.51.100.1 " + COMBINED,
             CLIENT + " www.example.com " + REST, "access.log:" + COMBINED, "17:" + COMBINED, f'"{CLIENT}" {REST} "-" "M"',
             "0.123 " + COMBINED, f"{CLIENT} - [{CLIENT}] - " + COMBINED.split(" ", 2)[2],
             "haproxy[674]: 192.0.2.1:33319 [22/Nov/2026:14:05:09] relais Srv1 9/7/14/30 200 243 - - ---- 1/1/0/0/0 0/0 \"HEAD / HTTP/1.0\"",
             '1795356308.779 180 192.0.2.1 TCP_MISS/200 411 GET http://www.example/a b - HIER_DIRECT/192.0.2.9 text/html',
             '{"level":"error","ts":1795356306.1,"logger":"http.log.error","msg":"dial tcp","request":{"remote_ip":"192.0.2.1",'
             '"method":"GET","uri":"/"},"duration":0.1,"status":502}'):
    said = bench.ingest("-", stdin=line.encode() + b"\n", sinks=["print:"])
    bench.check(f"no row of {line}", [said["total"]["rejected"], said["stdout"]], [1, b""])
for line, right in (
        ("2026-11-22T13:05:05.123456789Z " + COMBINED, {"remote_addr": CLIENT, "server_name": "self", "track_var": None}),
        ("2026-11-22T13:05:05.123456789Z " + HAPROXY, {"remote_addr": CLIENT, "status": 200, "url": "/a", "speed": 0.003}),
        ("[pod/nginx-abc/nginx] " + COMBINED, {"remote_addr": CLIENT, "server_name": "self"}),
        ("0:0:0:0:0:0:0:1 -  -  " + REST[4:], {"remote_addr": "0:0:0:0:0:0:0:1", "username": None, "authorization": False}),
        ("unix: " + REST, {"remote_addr": "unix:"}),
        ('{"time":1795356306,"remote_addr":"192.0.2.1","uri":"/only","status":200,"server_name":"_","host":"h.example"}',
         {"url": "/only", "method": None, "server_name": "h.example", "flags": []}),
        ('{"ts":1795356306.1,"request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/"},"duration":929,"status":200}',
         {"url": "/", "speed": None}),
        ("time=2026-11-22T14:05:06Z ip=192.0.2.1 method=GET path=/ status=200 duration=150", {"speed": None}),
        ("time:2026-11-22T14:05:06Z\tremote_addr:192.0.2.1\thost:www.example\tmethod:GET\turi:/\tstatus:200",
         {"remote_addr": "192.0.2.1", "server_name": "www.example", "track_var": None}),
        ("#Fields: date time s-sitename cs-method cs-uri-stem c-ip sc-status time-taken\n"
         "2026-11-22 14:05:06 W3SVC1 GET /a 192.0.2.1 200 15", {"speed": 0.015}),
        ("#Fields: timestamp(ms) c-ip cs-method cs-uri-stem sc-status\n1795356306123 192.0.2.1 GET /a 200",
         {"date": "2026-11-22T14:05:06.123000Z"})):
    done = bench.run("ingest", "--sink", "print:", "-", stdin=line.encode() + b"\n")
    row = json.loads(done.stdout or "{}")
    bench.check(f"a row of {line}", {name: row.get(name, "none") for name in right}, right)

# A W3C log is resumed under the columns that were named before, wherever that was.
bench.room("w3c grows")
head = b"#Software: Microsoft IIS\n#Fields: date time c-ip cs-uri-stem cs-method sc-status time-taken\n2026-11-22 10:00:00 192.0.2.1 /a GET 200 7\n"
changed = b"#Fields: c-ip date time cs-method cs-uri-stem sc-status time-taken\n192.0.2.2 2026-11-22 10:00:01 GET /b 200 8\n"
bench.write("u_ex.log", head + changed)
bench.takes("both kinds of columns", 2, "u_ex.log")
bench.write("u_ex.log", b"192.0.2.3 2026-11-22 10:00:02 GET /c 200 9\n192.0.2.4 2026-11-22 10:00:03 GET", "ab")
bench.takes("a line behind them", 1, "u_ex.log")
bench.write("u_ex.log", b" /d 200 10\n#Fields: date time c-ip cs-uri-stem cs-method sc-status\n2026-11-22 10:00:04 192.0.2.5 /e GET 200\n", "ab")
bench.takes("the rest of a line, and other columns", 2, "u_ex.log")
with gzip.open(bench.folder / "u_ex.log.gz", "wb") as packed:
    packed.write((bench.folder / "u_ex.log").read_bytes() + b"2026-11-22 10:00:05 192.0.2.6 /f GET 200\n")
bench.takes("one more, compressed", 1, "u_ex.log.gz")
bench.check("every row by its own columns", bench.query("SELECT remote_addr, path, status, speed FROM usage_rows ORDER BY ts"),
            [("192.0.2.1", "/a", 200, 0.007), ("192.0.2.2", "/b", 200, 0.008), ("192.0.2.3", "/c", 200, 0.009),
             ("192.0.2.4", "/d", 200, 0.01), ("192.0.2.5", "/e", 200, None), ("192.0.2.6", "/f", 200, None)])
bench.identities()

bench.end()
