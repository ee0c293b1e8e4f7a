#!/usr/bin/env python3
"""Format strings of Apache and nginx, as they stand in a configuration: lines are
written here as the servers' documentation says, and the rows must be the
requests that they were written of.

    formats.py TRACK-USAGE
"""

import json
import random
import re
import sys
import time

from checks import Bench
from traffic import Traffic, clf_time, epoch_of, iso_time, quoted

REQUESTS = list(Traffic(random.Random(4)).requests(epoch_of("2026-11-09"), 30, 400))
ZONE = 330  # minutes east, of times that state it
FIELDS = ("date", "remote_addr", "method", "url", "protocol", "status", "content_length", "referrer", "username", "server_name",
          "speed", "peer_addr", "xforwardedfor", "track_var")
bench = Bench(sys.argv[1])
bench.room("formats")


def dash(value):
    return "-" if value is None else str(value)


def host(r):
    return r.host.split(":")[0]


def query(r):
    return "?" + r.target.split("?", 1)[1] if "?" in r.target else ""


def micros(r):
    return int(r.time * 1e6)


def strftime(form, r):
    return time.strftime(form.replace("%z", "+0530"), time.gmtime(int(r.time) + ZONE * 60))


def request_line(r):
    return f"{r.method} {r.target} {r.protocol}"


APACHE_HEADERS = {"referer": lambda r: quoted(r.referrer), "user-agent": lambda r: quoted(r.agent), "host": host,
                  "x-forwarded-for": lambda r: "198.51.100.7, 10.0.0.1", "x-custom": lambda r: 'say \\"hi\\"'}
APACHE = {
    "a": lambda r: r.remote, "h": lambda r: r.remote, "A": lambda r: "10.0.0.9", "b": lambda r: dash(r.size),
    "B": lambda r: r.size or 0, "O": lambda r: (r.size or 0) + 200, "D": lambda r: round(r.seconds * 1e6),
    "T": lambda r: int(r.seconds), "H": lambda r: r.protocol, "l": lambda r: "-", "m": lambda r: r.method,
    "q": query, "r": request_line, "s": lambda r: r.status, "t": lambda r: f"[{clf_time(int(r.time), ZONE)}]",
    "u": lambda r: quoted(r.user), "U": lambda r: r.target.split("?")[0], "v": host, "V": host, "p": lambda r: 443,
    "P": lambda r: 4711, "k": lambda r: 3, "X": lambda r: "+", "I": lambda r: 512, "L": lambda r: "abc",
}


def apache(form, r):
    def one(m):
        argument, letter = m[1], m[2]
        if letter == "%":
            return "%"
        if argument is None:
            return str(APACHE[letter](r))
        if letter == "i":
            return APACHE_HEADERS[argument.lower()](r)
        if letter == "C":
            return f"cookie of {argument}"
        if letter in "oen":
            return f"{letter}-value"
        if letter == "a":
            return "192.0.2.77"
        if letter == "T":
            return str({"us": round(r.seconds * 1e6), "ms": round(r.seconds * 1e3), "s": int(r.seconds)}[argument])
        if letter == "t":
            return {"sec": f"{int(r.time)}", "%s": f"{int(r.time)}", "msec": f"{micros(r) // 1000}", "usec": f"{micros(r)}",
                    "msec_frac": f"{micros(r) // 1000 % 1000:03}", "usec_frac": f"{micros(r) % 1000000:06}"}.get(
                        argument) or strftime(argument, r)
        raise KeyError(m[0])
    return re.sub(r"%[!<>,\d]*(?:\{([^}]*)\})?([a-zA-Z%])", one, form).replace('\\t', '\t')


NGINX = {
    "remote_addr": lambda r: r.remote, "remote_user": lambda r: quoted(r.user), "time_local": lambda r: clf_time(int(r.time), ZONE),
    "time_iso8601": lambda r: iso_time(int(r.time), ZONE), "msec": lambda r: f"{int(r.time)}.{micros(r) // 1000 % 1000:03}",
    "request": request_line, "status": lambda r: r.status, "body_bytes_sent": lambda r: r.size or 0,
    "bytes_sent": lambda r: (r.size or 0) + 200, "http_referer": lambda r: quoted(r.referrer),
    "http_user_agent": lambda r: quoted(r.agent), "request_time": lambda r: f"{r.seconds:.3f}", "host": host,
    "http_host": host, "server_name": lambda r: "_", "http_x_forwarded_for": lambda r: "198.51.100.7, 10.0.0.1",
    "request_method": lambda r: r.method, "request_uri": lambda r: r.target, "uri": lambda r: r.target.split("?")[0],
    "is_args": lambda r: query(r)[:1], "args": lambda r: query(r)[1:], "server_protocol": lambda r: r.protocol,
    "scheme": lambda r: "https", "upstream_addr": lambda r: "10.0.0.1:80, 10.0.0.2:80", "upstream_response_time": lambda r: "0.001, 0.002",
    "pipe": lambda r: ".", "gzip_ratio": lambda r: "-", "realip_remote_addr": lambda r: "192.0.2.77",
}


def nginx(form, r):
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda m: str(NGINX[m[1] or m[2]](r)), form)


def row(r, precision=1_000_000, size=lambda r: r.size, speed=lambda r: None, **more):
    """What a row must say: times as precise as the format has them."""
    at = micros(r) // precision * precision
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1_000_000)) + (f".{at % 1_000_000:06}" if at % 1_000_000 else "") + "Z"
    right = dict.fromkeys(FIELDS)
    right.update(date=date, remote_addr=r.remote, method=r.method, url=r.target, protocol=r.protocol, status=r.status,
                 content_length=size(r), referrer=r.referrer, username=r.user, server_name="self", speed=speed(r))
    right.update({name: value(r) if callable(value) else value for name, value in more.items()})
    return right


def check(form, write, pattern=None, **right):
    """Rows of lines that `write` makes of `pattern` (what the string says) are the requests."""
    lines = [write(pattern or form, r) + "\n" for r in REQUESTS]
    done = bench.run("ingest", "--sink", "print:", "--format", form, "-", stdin="".join(lines).encode())
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    bench.check(f"{form}: rows", [done.returncode, len(rows)], [0, len(REQUESTS)])
    wrong = [(found, wanted) for found, wanted in
             (({k: got[k] for k in FIELDS}, row(r, **right)) for got, r in zip(rows, REQUESTS))
             if found != wanted]
    bench.check(f"{form}: what they say", [{k: (f[k], w[k]) for k in FIELDS if f[k] != w[k]} for f, w in wrong[:1]], [])


def seconds(r):
    return r.seconds


def zero(r):
    return r.size or 0


NO = {"referrer": None}
check(r'%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"', apache, '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"')
check('LogFormat "%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" vhost_combined', apache,
      '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"', server_name=host, size=lambda r: (r.size or 0) + 200)
check('%a %{c}a "%{X-Forwarded-For}i" %u %t %m %U%q %H %>s %B %D "%{Referer}i"', apache, peer_addr="192.0.2.77",
      xforwardedfor="198.51.100.7, 10.0.0.1", size=zero, speed=seconds)
check('%V%U%q %h [%{%d/%b/%Y:%H:%M:%S}t.%{usec_frac}t %{%z}t] %u "%r" %>s %b %{ms}T', apache, precision=1, server_name=host,
      speed=seconds, **NO)
check('%{sec}t%{msec_frac}t %h "%r" %!200,304>s %b "%{X-Custom}i" %{id}C/%{Server}o/%{unique}e', apache, precision=1000,
      username=None, track_var={"http_x_custom": 'say "hi"', "cookie_id": "cookie of id", "sent_http_server": "o-value",
                                "unique": "e-value"}, **NO)
check('%{%Y-%m-%d}t\\t%{%T}t\\t%{%z}t\\t%h\\t%u\\t%r\\t%s\\t%b\\t%T\\t100%%', apache, speed=lambda r: float(int(r.seconds)), **NO)
check('%{usec}t %t %h "%r" %>s %b %k %X %P %I %L', apache, precision=1, username=None,
      track_var={"keepalive": "3", "connection": "+", "pid": "4711", "bytes_received": "512", "log_id": "abc"}, **NO)

check('$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"', nginx, size=zero)
check("""log_format timed '$remote_addr $host [$time_iso8601] "$request" '
         '$status $bytes_sent $request_time '
         '"$upstream_response_time" "$upstream_addr" $pipe';""", nginx,
      '$remote_addr $host [$time_iso8601] "$request" $status $bytes_sent $request_time "$upstream_response_time" "$upstream_addr" $pipe',
      size=lambda r: (r.size or 0) + 200, server_name=host, speed=seconds, username=None,
      track_var={"upstream_response_time": "0.001, 0.002", "upstream_addr": "10.0.0.1:80, 10.0.0.2:80", "pipe": "."}, **NO)
check('$msec|$remote_addr|$realip_remote_addr|$request_method $scheme://$host$request_uri $server_protocol|$status|$body_bytes_sent|${request_time}s|$gzip_ratio', nginx,
      precision=1000, size=zero, speed=seconds, server_name=host, peer_addr="192.0.2.77", username=None,
      url=lambda r: f"https://{host(r)}{r.target}", **NO)
check('[$time_local] $server_name $http_host $remote_addr $request_method "$uri$is_args$args" $server_protocol $status $body_bytes_sent "$http_referer" "$http_x_forwarded_for"',
      nginx, size=zero, server_name=host, xforwardedfor="198.51.100.7, 10.0.0.1", username=None, track_var={"server_name": "_"})

check('%h %t "%r" %>s %b %k %{X-Custom}i|%k|%{X-Custom}i', apache, username=None, track_var={"keepalive": "3", "http_x_custom": 'say "hi"'}, **NO)
check('{"t":"$time_iso8601","a":"$remote_addr","r":"$request","s":$status,"b":$body_bytes_sent,"ua":"$http_user_agent","d":$request_time}', nginx,
      size=zero, speed=seconds, username=None, **NO)

# What writes JSON is read as JSON, whatever stands between the members.
JSON_FORM = r"""log_format json escape=json '{"time":"$time_iso8601","client":{"ip":"$remote_addr","user":"$remote_user"},'
    '"asked":{"m":"$request_method","p":"$uri","q":"$args","v":"$server_protocol"},"code":$status,"size":$body_bytes_sent,'
    '"ua":"$http_user_agent","ref":"$http_referer","took":"$request_time","name":"$host","up":"$upstream_addr"}';"""


def as_json(form, r):
    """As nginx with escape=json; a client's quote and an unset variable are the servers'."""
    path, _, query = r.target.partition("?")
    return json.dumps({"time": NGINX["time_iso8601"](r), "client": {"user": r.user or "", "ip": r.remote},
                       "new": [1, {"x": None}], "asked": {"m": r.method, "p": path, "q": query, "v": r.protocol}, "code": r.status,
                       "size": r.size or 0, "ua": r.agent, "ref": r.referrer or "", "took": f"{r.seconds:.6f}", "name": host(r)})


check(JSON_FORM, as_json, size=zero, speed=seconds, server_name=host, track_var={"new": [1, {"x": None}]})
check(r'LogFormat "{ \"t\": \"%t\", \"ip\": \"%a\", \"r\": \"%r\", \"s\": %>s, \"D\": %D, \"ref\": \"%{Referer}i\", \"ua\": \"%{User-Agent}i\" }"',
      apache, '{ "t": "%t", "ip": "%a", "r": "%r", "s": %>s, "D": %D, "ref": "%{Referer}i", "ua": "%{User-Agent}i" }',
      size=lambda r: None, speed=seconds, username=None)

# Without an address there is a row all the same.
check('[$time_local] "$request" $status $body_bytes_sent', nginx, size=zero, remote_addr=None, username=None, **NO)

# Two strings for lines in turn: each line is read by the one that takes it whole.
first, second = '%h %t "%r" %>s %b', '%h %t "%r" %>s %b %D'
bench.write("turns.log", [(apache(f, r) + "\n").encode() for i, r in enumerate(REQUESTS) for f in [(first, second)[i % 2]]])
done = bench.run("ingest", "--sink", "print:", "--format", first, "--format", second, "turns.log")
found = [json.loads(line)["speed"] for line in done.stdout.splitlines()]
bench.check("lines in turn", found, [r.seconds if i % 2 else None for i, r in enumerate(REQUESTS)])

# Out of a server's configuration: what it includes, line ends within, a name that is given twice.
(bench.folder / "conf.d").mkdir()
bench.write("apache.conf", br"""# LogFormat "%h nothing" timed
ServerName www.example.com
LogFormat "%h %t" timed
IncludeOptional conf.d/*.conf
Include none/*.conf
""")
bench.write("conf.d/log.conf", br"""  logformat "%h %l %u %t \"%r\" \
   %>s %b %D" timed
LogFormat "%h %t \"%r\" %>s %b" short
CustomLog ${APACHE_LOG_DIR}/access.log timed
CustomLog logs/own.log "%h %t \"%r\" %>s %b %D own" env=!image
Include apache.conf
""")
bench.write("nginx.conf", b"""user www-data;
http {
    # log_format main '$time_local';
    log_format main escape=default '$remote_addr [$time_local] "$request" ' "$status $body_bytes_sent"
                    ' "$http_user_agent ;; $request_time"';
    include conf.d/sites;
    server { location / { return 200 "log_format none '#'; "; } }
}
""")
bench.write("conf.d/sites", b"log_format spare '$msec $remote_addr';include nginx.conf;\n")
log = [apache('%h %l %u %t "%r"    %>s %b %D', r) for r in REQUESTS]
for typed, lines, speed in (("apache.conf:timed", log, 1), ("nginx.conf:main", [nginx(
        '$remote_addr [$time_local] "$request" $status $body_bytes_sent "$http_user_agent ;; $request_time"', r) for r in REQUESTS], 1),
        ("apache.conf:logs/own.log", [apache('%h %t "%r" %>s %b %D own', r) for r in REQUESTS], 1),
        ("apache.conf:short", [apache('%h %t "%r" %>s %b', r) for r in REQUESTS], 0)):
    done = bench.run("ingest", "--sink", "print:", "--format-from", typed, "-", stdin="".join(l + "\n" for l in lines).encode())
    found = [json.loads(line)["speed"] for line in done.stdout.splitlines()]
    bench.check(f"--format-from {typed}", found, [r.seconds if speed else None for r in REQUESTS])
for typed, code, words in (("nginx.conf:mian", 2, "there are: main spare"), ("apache.conf", 2, "add one, as apache.conf:timed"),
                           ("none.conf:main", 3, "cannot read 'none.conf'"), ("conf.d:main", 3, "Is a directory"),
                           ("turns.log", 2, "name no log format")):
    done = bench.run("ingest", "--format-from", typed, "-", stdin=b"x\n")
    bench.check(f"--format-from {typed}", [done.returncode, words in done.stderr.decode() or done.stderr], [code, True])

# Lines that are not whole: what stands before the place is a row if its frame does.
COMBINED = r'%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"'
FRAME = '192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET / HTTP/1.1" 200'
for line, right in ((FRAME + ' 5 "-" "curl/8', ["curl/8", 5, None, ["truncated_line"]]), (FRAME + ' 5 "htt', [None, 5, None, ["truncated_line"]]),
                    (FRAME + " 5", [None, 5, None, ["truncated_line"]]), (FRAME, [None, None, None, ["truncated_line"]]),
                    (FRAME + ' five "-" "curl"', [None, None, {"extra": ["five", "-", "curl"]}, ["truncated_line"]]),
                    (FRAME + ' 5 "-" "curl" 0.1 "x"', ["curl", 5, {"extra": ["0.1", "x"]}, []]),
                    (FRAME + r' 5 "-" "a \"quote\" \x41"  ', ['a "quote" A', 5, None, []])):
    done = bench.run("ingest", "--sink", "print:", "--format", COMBINED, "-", stdin=line.encode() + b"\n")
    r = json.loads(done.stdout or "{}")
    bench.check(f"a row of {line}", [r["user_agent"]["string"], r["content_length"], r["track_var"], r["flags"]] if r else done, right)
for line, reason in ((FRAME[:-4], "truncated"), (FRAME[:-3] + "2000 5", "bad_status"), (FRAME.replace("Nov", "Nor"), "bad_time"),
                     ("x y", "truncated"), ("192.0.2.1 [22/Nov/2026:14:05:09 +0000]", "truncated"), ('{"a": 1} {', "truncated")):
    done = bench.run("explain", "--format", COMBINED, line)
    bench.check(f"{line} is none", [done.returncode, re.search(r"nearest: (\w+)", done.stdout.decode())[1]], [1, reason])
# The last field takes no more than its own.
done = bench.run("ingest", "--sink", "print:", "--format", '%h %t "%r" %>s %b', "-", stdin=FRAME.replace(" - -", "").encode() + b' 5 "-" "curl"\n')
bench.check("extra fields", [json.loads(done.stdout)[k] for k in ("content_length", "track_var")], [5, {"extra": ["-", "curl"]}])

# What cannot be: the error says where.
for form, words in (("%h %Z", "Apache has no directive '%Z'"), ("%h %{Referer", "this { is not closed"), ("$remote_addr $", "without the name"),
                    ('%h "%r" %>s', "no field of the format tells the time"), ("%h%u %t", "%u follows %h with nothing between")):
    done = bench.run("ingest", "--format", form, "-", stdin=b"x\n")
    bench.check(f"{form} is refused", [done.returncode, words in done.stderr.decode() or done.stderr], [2, True])
bench.end()
