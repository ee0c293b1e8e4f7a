#!/usr/bin/env python3
"""Who asked, and what privacy leaves of it: proxies, visitors, queries, masks,
dropped and hashed fields. What must not be kept is looked for in every byte
that a run leaves behind.

    privacy.py TRACK-USAGE
"""

import itertools
import json
import re
import sys

from checks import Bench

bench = Bench(sys.argv[1])
FORMAT = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" "%{X-Forwarded-For}i" "%{Cookie}i"'
CLIENTS = ["198.51.100.77", "198.51.100.78", "2001:db8:1:2:3:4:5:6", "203.0.113.201"]
AGENTS = ["Agent/1.0 (a)", "Agent/2.0 (b)", "Agent/3.0 (c)"]
USERS = ["-", "sybil-the-user"]
COOKIES = ["theme-x; session=VISITORCOOKIE1", "session=VISITORCOOKIE2; a=b", "-"]
HOOKS = ["--hook", "+referrer", "--hook", "+method", "--hook", "+blueprint", "--hook", "+route", "--hook", "+bot", "--hook",
         "+browser", "--hook", "+speed"]


def entry(number, client, user, agent, cookie, forwarded="-", day=22, request="GET /a?q=1&token=QUERYSECRET HTTP/1.1"):
    return (f'{client} - {user} [{day:02}/Nov/2026:14:05:{number % 60:02} +0000] "{request}" 200 {number} '
            f'"https://www.example.com/from?q=2&Access-Token=LINKSECRET" "{agent}" "{forwarded}" "{cookie}"\n')


LOG = "".join(entry(n, *who, forwarded="192.0.2.199, 10.1.2.3") for n, who in
              enumerate(itertools.product(CLIENTS, USERS, AGENTS, COOKIES)))
LOG += "no line 198.51.100.77 sybil-the-user of any=kind&token=REJECTSECRET 203.0.113.201\n"
LINES = LOG.count("\n")


def left(folder, *more):
    """Every byte of the files that a run left, and what it said."""
    files = [path for path in folder.iterdir() if path.name not in ("a.log", "account.json")]
    return b"\0".join([*(path.read_bytes() for path in files), *more])


def ingest(name, *options, log=LOG):
    folder = bench.room(name)
    bench.write("a.log", log.encode())
    said = bench.ingest("--format", FORMAT, "--rejects", "rejects", "--max-rejects", "1000", *HOOKS, *options, "a.log")
    bench.identities()
    printed = bench.run("ingest", "--format", FORMAT, "--sink", "print:", "--quiet", *options, "a.log").stdout
    bench.check("print: gives as many rows", printed.count(b"\n"), said["total"]["stored"])
    return said, left(folder, printed, said["stderr"].encode())


def none_of(what, kept, *secrets):
    found = [secret for secret in secrets if secret.encode() in kept]
    bench.check(f"nothing is left of {what}", found, [])


# ---- What is on without being asked for, and that it can be turned off.
said, kept = ingest("as-it-is")
bench.check("all lines", (said["total"]["stored"], said["total"]["rejected"]), (LINES - 1, 1))
none_of("secrets in queries", kept, "QUERYSECRET", "LINKSECRET", "REJECTSECRET", "VISITORCOOKIE")
bench.check("what is no secret stays", [text for text in ("q=1&token=***", *CLIENTS, USERS[1]) if text.encode() not in kept], [])
bench.check("url_args say the same", bench.query("SELECT DISTINCT url_args FROM usage_rows"), [('{"q":"1","token":"***"}',)])
_, kept = ingest("no-redact", "--no-redact")
bench.check("--no-redact keeps them", [secret for secret in ("QUERYSECRET", "LINKSECRET", "REJECTSECRET", "VISITORCOOKIE1")
                                       if secret.encode() not in kept], [])

# ---- Queries.
_, kept = ingest("strip", "--query", "strip")
bench.check("--query strip", bench.query("SELECT DISTINCT request, url, url_args FROM usage_rows"),
            [("GET /a HTTP/1.1", "/a", "{}")])
_, kept = ingest("only", "--query", "only:q")
bench.check("--query only", bench.query("SELECT DISTINCT request, url, url_args FROM usage_rows"),
            [("GET /a?q=1 HTTP/1.1", "/a?q=1", '{"q":"1"}')])
_, kept = ingest("own-names", "--redact-query", "q")
bench.check("--redact-query", bench.query("SELECT DISTINCT url FROM usage_rows"), [("/a?q=***&token=***",)])

# ---- Masks.
for level, right in (("", ["198.51.100.0", "2001:db8:1:2::", "203.0.113.0"]), ("=2", ["198.51.0.0", "2001:db8:1::", "203.0.0.0"]),
                     ("=3", ["198.0.0.0", "2001:db8::", "203.0.0.0"])):
    said, kept = ingest(f"masks{level or 1}", f"--anonymize-ip{level}", "--visitor", "ip-ua")
    none_of("addresses", kept, *CLIENTS, "192.0.2.199", "10.1.2.3", "2001:db8:1:2:3")
    bench.check(f"--anonymize-ip{level}", bench.query("SELECT DISTINCT remote_addr FROM usage_rows ORDER BY 1"), [(a,) for a in right])
    none_of("a rejected line", kept, "no line")
    bench.run("retry", "--yes")
    bench.check("there is nothing to retry", bench.query("SELECT stored, rejected, blank FROM usage_sources"), [(LINES - 1, 1, 0)])

# ---- Dropped and hashed.
_, kept = ingest("dropped", "--drop", "username,referrer,xforwardedfor,user_agent", "--drop", "request,url_args,track_var.http_cookie")
none_of("dropped fields", kept, USERS[1], "www.example.com", "192.0.2.199", "Agent/", "GET /a")
bench.check("rows without them", bench.query(
    "SELECT DISTINCT username, referrer, xforwardedfor, ua_string, ua_browser, request, url, url_args, track_var FROM usage_rows"),
    [(None, None, None, None, None, None, "/a?q=1&token=***", "{}", None)])
_, kept = ingest("hashed", "--hash", "username,remote_addr")
none_of("hashed fields", kept, USERS[1], *CLIENTS)
hashed = bench.query("SELECT DISTINCT remote_addr FROM usage_rows")
bench.check("a hash for each", (len(hashed), all(re.fullmatch("[0-9a-f]{20}", h) for h, in hashed)), (len(CLIENTS), True))
_, _ = ingest("hashed-anew", "--hash", "username,remote_addr")
bench.check("another store has other hashes", set(bench.query("SELECT DISTINCT remote_addr FROM usage_rows")) & set(hashed), set())
bench.write("b.log", (LOG.splitlines(keepends=True)[0].replace("/a?", "/b?")).encode())
bench.ingest("--format", FORMAT, "b.log")
bench.check("the store's next run has its own", bench.query("SELECT count(DISTINCT remote_addr) FROM usage_rows"), [(len(CLIENTS),)])

# ---- Settled with the store.
for option, value, was in (("--hash", "username", "remote_addr,username"), ("--anonymize-ip=2", None, "none"), ("--query", "strip", "keep"),
                           ("--visitor-salt", "daily", "store")):
    done = bench.run("ingest", option, *([value] if value else []), "a.log")
    bench.check(f"{option} differs", (done.returncode, f"this store was made with {option.split('=')[0]} {was}" in done.stderr.decode()),
                (2, True))
status = json.loads(bench.run("status", "--output", "json").stdout)
bench.check("status shows it", status["settings"].get("hash"), "remote_addr,username")
for same in (["--hash", "remote_addr", "--hash", "username,remote_addr"], ["--query", "keep"], ["--visitor-salt", "store"], ["--visitor", "none"]):
    bench.check(f"{' '.join(same)} is no other", bench.run("ingest", *same, "b.log").returncode, 0)
bench.run("ingest", "--sink", "strip.db", "--query", "strip", "a.log")
done = bench.run("ingest", "--sink", "strip.db", "--query", "keep", "a.log")
bench.check("nor is what was settled undone", (done.returncode, b"made with --query strip, not keep" in done.stderr), (2, True))
salt = bench.query("SELECT value FROM usage_settings WHERE name = 'salt'")[0][0]
bench.check("nobody is shown the salt", salt in json.dumps(status) or salt.encode() in bench.run("status", "-v").stdout, False)
bench.run("ingest", "--sink", "other.db", "--hash", "username,remote_addr", "a.log")
done = bench.run("ingest", "--sink", "usage.db", "--sink", "other.db", "a.log")
bench.check("two stores with two salts", (done.returncode, b"do not keep alike" in done.stderr), (2, True))
for options, wrong in ((["--anonymize-ip=4"], "is no level"), (["--drop", "referer"], "a row has no field"), (["--hash", "status"], "a row has no field"),
                       (["--hash", "language"], "cannot be hashed"), (["--visitor", "ip"], "none of its values"),
                       (["--query", "only:"], "no name behind"), (["--trusted-proxy", "10.0.0.0/33"], "no address and no network"),
                       (["--route", "a"], "--route"), (["--blueprint", "a"], "--blueprint"), (["--agents", "/dev/null"], "does not begin with user_agent_parsers"),
                       (["--geo", "mmdb:none.mmdb"], "--geo"), (["--geo", "ftp://example.com"], "--geo"), (["--geo-rate", "x"], "--geo-rate")):
    bench.room("refused" + str(bench.checks))
    bench.write("a.log", LOG.encode())
    geo = ["--geo", "http://127.0.0.1:9/{ip}"] if options[0] == "--geo-rate" else []
    done = bench.run("ingest", *geo, *options, "a.log")
    bench.check(f"{' '.join(options)} is refused before a store is made",
                (done.returncode, wrong in done.stderr.decode(), (bench.folder / "usage.db").exists()) == (2, True, False) or done.stderr, True)

# ---- Visitors: counted here anew.
pairs = len(CLIENTS) * len(AGENTS)
ingest("visitors", "--visitor", "ip-ua")
bench.check("a visitor is an address and an agent", bench.query("SELECT count(DISTINCT visitor), count(*) FROM usage_rows"), [(pairs, LINES - 1)])
bench.check("sum visitor", len(bench.run("sum", "visitor", "--output", "csv").stdout.splitlines()), 1 + pairs)
counted = bench.run("sum", "visitor", "--count", "--output", "csv").stdout.decode().splitlines()
bench.check("sum visitor --count", counted, ["date,keys,hits,transfer", f"2026-11-22,{pairs},{LINES - 1},{sum(range(LINES - 1))}"])
bench.check("report counts them", f"visitors {pairs}" in re.sub(" +", " ", bench.run("report").stdout.decode()), True)
bench.check("and of a log", f"visitors {pairs}" in re.sub(" +", " ", bench.run(
    "report", "--format", FORMAT, "--visitor", "ip-ua", "a.log").stdout.decode()), True)
bench.check("the total counts them", bench.query("SELECT visitors FROM usage_daily"), [(pairs,)])
ingest("cookie", "--visitor", "cookie:session")
bench.check("a cookie is a visitor", bench.query("SELECT count(DISTINCT visitor), count(visitor) FROM usage_rows"),
            [(2, (LINES - 1) * 2 // 3)])
none_of("the cookie", left(bench.folder), "VISITORCOOKIE")
bench.room("cookie-fields")
bench.write("a.json", b"".join(b'{"time":%d,"remote_addr":"192.0.2.%d","status":200,"request":"GET / HTTP/1.1",%s}\n' % (n, n, cookies) for n, cookies in
                               enumerate((b'"cookie_xsid":"A","cookie_sid":"B"', b'"cookie_sid":"B"', b'"cookie_sidx":"B"'))))
bench.ingest("--visitor", "cookie:sid", "a.json")
bench.check("a field of that cookie's own", bench.query("SELECT count(DISTINCT visitor), count(visitor) FROM usage_rows"), [(1, 2)])
days = "".join(entry(d, CLIENTS[0], "-", AGENTS[0], "-", day=d) for d in (20, 21, 22)) * 2
for life, right in (("store", 1), ("daily", 3)):
    ingest(f"salt-{life}", "--visitor", "ip-ua", "--visitor-salt", life, log=days)
    keys = [s["keys"] for s in json.loads(bench.run("sum", "visitor", "--count", "--output", "json").stdout)]
    bench.check("each day has one", keys, [1, 1, 1])
    bench.check("a month has one, or nobody can tell", bench.run("sum", "visitor", "--count", "--period", "month").returncode,
                0 if life == "store" else 2)
    bench.check(f"--visitor-salt {life}", bench.query("SELECT count(DISTINCT visitor) FROM usage_rows"), [(right,)])

# ---- Proxies: right to left, and no further than somebody vouches for.
bench.room("proxies")
CASES = [  # remote, header, client, peer
    ("10.0.0.1", "203.0.113.9", "203.0.113.9", "10.0.0.1"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9", "10.0.0.1"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2,10.9.9.9", "203.0.113.9", "10.0.0.1"),
    ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9", "10.0.0.1"),
    ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9", "10.0.0.1"),
    ("10.0.0.1", "2001:DB8::9, 10.0.0.2", "2001:db8::9", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1", None),
    ("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", "10.0.0.1"),
    ("10.0.0.1", "-", "10.0.0.1", None),
    ("10.0.0.1", ", ,", "10.0.0.1", None),
    ("198.51.100.66", "203.0.113.9", "198.51.100.66", None),
    ("2001:db8:ffff::1", "203.0.113.9", "203.0.113.9", "2001:db8:ffff::1"),
    ("10.0.0.1", 'for=198.51.100.1, for=203.0.113.9;proto=https;by=10.0.0.2', "203.0.113.9", "10.0.0.1"),
    ("10.0.0.1", r'proto=http; For=\"[2001:db8::9]:4711\"', "2001:db8::9", "10.0.0.1"),
    ("10.0.0.1", "for=203.0.113.9, for=_hidden", "10.0.0.1", None),
]
bench.write("a.log", "".join(entry(n, remote, "-", "a", "-", header) for n, (remote, header, _, _) in enumerate(CASES)).encode())
bench.ingest("--format", FORMAT, "--trusted-proxy", "10.0.0.0/8,2001:db8:ffff::/48", "a.log")
bench.identities()
bench.check("clients and peers", bench.query("SELECT remote_addr, peer_addr FROM usage_rows ORDER BY source_offset"),
            [case[2:] for case in CASES])

# RFC 7239's header under each name that a log gives it.
HEADER = "for=198.51.100.1, for=203.0.113.9;proto=https"
W3C = "#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(Forwarded)\n"
FORWARDED = {  # format, line
    "apache": ('%h %t "%r" %>s %b "%{Forwarded}i"', f'10.0.0.1 [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "{HEADER}"'),
    "nginx": ('$remote_addr [$time_local] "$request" $status "$http_forwarded"',
              f'10.0.0.1 [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 "{HEADER}"'),
    "both": ('%h %t "%r" %>s %b "%{Forwarded}i" "%{X-Forwarded-For}i"',
             f'10.0.0.1 [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "for=192.0.2.1" "{HEADER}"'),
    "json": ("json", json.dumps({"time": "2026-11-22T10:00:00Z", "remote_addr": "10.0.0.1", "request": "GET / HTTP/1.1",
                                       "status": 200, "http_forwarded": HEADER})),
    "caddy": ("caddy", json.dumps({"ts": 1795341600.5, "status": 200, "request": {
        "remote_ip": "10.0.0.1", "method": "GET", "uri": "/", "proto": "HTTP/2.0", "headers": {"Forwarded": [HEADER]}}})),
    "ltsv": ("ltsv", f"time:22/Nov/2026:10:00:00 +0000\thost:10.0.0.1\treq:GET / HTTP/1.1\tstatus:200\thttp_forwarded:{HEADER}"),
    "w3c": ("w3c", W3C + f"2026-11-22 10:00:00 10.0.0.1 GET / 200 {HEADER.replace(' ', '+')}"),
}
for name, (form, line) in FORWARDED.items():
    bench.write(f"{name}.log", line.encode() + b"\n")
    bench.ingest("--format", form, "--trusted-proxy", "10.0.0.0/8", f"{name}.log")
    bench.check(f"{name}: the client that Forwarded names",
                bench.query(f"SELECT remote_addr, peer_addr FROM usage_rows JOIN usage_sources s ON s.id = source "
                            f"WHERE s.path LIKE '%/{name}.log'"), [("203.0.113.9", "10.0.0.1")])
bench.identities()
bench.end()
