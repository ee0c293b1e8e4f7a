#!/usr/bin/env python3
"""Countries, agents, blueprints and routes in a run: what a store keeps of them,
and that a service's trouble is none of the run's.

    located.py TRACK-USAGE
"""

import json
import subprocess
import sys
import time

from checks import Bench, TESTS
from geo_server import GeoServer, country_of

bench = Bench(sys.argv[1])
bench.environment["NO_PROXY"] = "*"
SECRET = "s3cr3tk3y"


def entry(number, client, path="/", agent="-"):
    return f'{client} - - [22/Nov/2026:14:05:{number % 60:02} +0000] "GET {path} HTTP/1.1" 200 1 "-" "{agent}"\n'


def log(name, *lines):
    bench.write(name, "".join(lines).encode())


def countries(store="usage.db"):
    return bench.query("SELECT remote_addr, country FROM usage_rows ORDER BY source_offset", store)


# ---- A database: documentation networks, as every address may be looked up at home.
bench.room("database")
for shape in ("nested", "flat", "asn"):
    subprocess.run(["perl", TESTS / "geo" / "make_mmdb.pl", shape, bench.folder / f"{shape}.mmdb"], check=True)
CLIENTS = ["192.0.2.1", "198.51.100.7", "203.0.113.9", "10.0.0.1", "client.example", "192.0.2.1"]
log("a.log", *(entry(n, client) for n, client in enumerate(CLIENTS)))
RIGHT = [("192.0.2.1", "DE"), ("198.51.100.7", "US")]
for shape in ("nested", "flat"):
    said = bench.ingest("--geo", f"mmdb:{shape}.mmdb", "a.log", sinks=(f"{shape}.db",))
    found = countries(f"{shape}.db")
    bench.check(f"countries of a {shape} database", [row for row in found if row in RIGHT], [*RIGHT, RIGHT[0]])
    bench.check("a private address and a name have none", [row[1] for row in found[3:5]], [None, None])
    bench.identities(f"{shape}.db")
    sums = json.loads(bench.run("sum", "geo", "--from", f"{shape}.db", "--output", "json").stdout)["day"]
    bench.check("sum geo", {s["country"]: s["hits"] for s in sums if s["country"] in ("DE", "US")}, {"DE": 2, "US": 1})
page = bench.run("report", "--from", "nested.db").stdout.decode()
bench.check("report has countries", "Countries" in page and "DE" in page, True)
info, = bench.query("SELECT ip_info FROM usage_rows WHERE remote_addr = '198.51.100.7'", "nested.db")[0]
bench.check("ip_info", json.loads(info)["country"]["iso_code"], "US")
for damage in ("asn.mmdb", "cut.mmdb", "none.mmdb"):
    bench.write("cut.mmdb", (bench.folder / "nested.mmdb").read_bytes()[:200])
    done = bench.run("ingest", "--geo", f"mmdb:{damage}", "--sink", "bad.db", "a.log")
    bench.check(f"{damage} is refused before a store is made", (done.returncode, (bench.folder / "bad.db").exists()), (2, False))

# ---- A service.
room = bench.room("service")
server = GeoServer()
url = f"{server.url}/ipapi/json/{{ip}}?key={SECRET}"
clients = [f"8.8.{n // 7}.{n % 7 + 1}" for n in range(40)] + ["2600::1", "10.0.0.1", "192.0.2.7"]
log("a.log", *(entry(n, client) for n, client in enumerate(clients * 3)))
geo = ["--geo", url, "--geo-cache", "cache.db"]
said = bench.ingest(*geo, "a.log")
bench.check("every country", countries(), [(c, country_of(c)) for c in clients * 3])
bench.identities()
bench.check("one request a distinct address, none for private ones", sorted(server.asked), sorted(c for c in clients if country_of(c)))
bench.check("once each", {len(times) for times in server.asked.values()}, {1})
bench.check("nothing to say", said["stderr"].count("--geo"), 0)
log("b.log", *(entry(n + 1, client, "/b") for n, client in enumerate(clients)))
bench.ingest(*geo, "b.log")
bench.check("none on a second run", {len(times) for times in server.asked.values()}, {1})
kept = b"".join(path.read_bytes() for path in room.iterdir() if path.is_file()) + bench.run("status").stdout
bench.check("the key is nowhere", SECRET.encode() in kept, False)
log("c.log", entry(1, "8.9.9.9"))
# A URL that ends in /batch takes a hundred at once.
many = [f"8.7.{n // 250}.{n % 250 + 1}" for n in range(250)]
log("many.log", *(entry(n, client) for n, client in enumerate([*many, *many, "10.0.0.1"])))
server.forget()
batch = ["--geo", f"{server.url}/ipapi/batch?key={SECRET}", "--geo-cache", "batch.cache"]
said = bench.ingest(*batch, "many.log", sinks=("batch.db",))
bench.check("every country of a batch", countries("batch.db"), [(c, country_of(c)) for c in [*many, *many, "10.0.0.1"]])
bench.identities("batch.db")
bench.check("three requests for 250 addresses", [method for _, method, _, _ in server.requests], ["POST"] * 3)
bench.check("each address once", server.counts(), dict.fromkeys(many, 1))
log("more.log", *(entry(n, client, "/more") for n, client in enumerate([*many, "8.7.9.9"])))
bench.ingest(*batch, "more.log", sinks=("batch.db",))
bench.check("one request for the new one", (len(server.requests), server.counts()["8.7.9.9"], set(server.counts().values())), (4, 1, {1}))
done = bench.run("ingest", "--geo", url, "--geo-cache", "masked.cache", "--anonymize-ip", "--sink", "masked.db", "c.log")
bench.check("a masked address is asked for masked", (done.returncode, "8.9.9.9" in server.asked, "8.9.9.0" in server.asked), (0, False, True))
done = bench.run("ingest", "--geo", url, "--geo-cache", "f.cache", "--exclude", "/b", "--sink", "f.db", "b.log")
bench.check("what is filtered is not asked for", bench.count("f.db"), 0)

# ---- One that is down, hangs or lies never costs a row.
for name, how, source in (("dead", "*", "http://127.0.0.1:9/{ip}"), ("hanging", "hang", url), ("lying", "html", url), ("failing", 500, url)):
    bench.room(name)
    server.rude = {"*": how}
    log("a.log", *(entry(n, client) for n, client in enumerate(clients)))
    began = time.monotonic()
    said = bench.ingest("--geo", source, "--geo-cache", "cache.db", "--geo-wait", "2s", "a.log")
    bench.check("all rows, without a country", countries(), [(client, None) for client in clients])
    bench.identities()
    bench.check("in time", time.monotonic() - began < 8, True)
    bench.check("it is said", "got no answer" in said["stderr"] and SECRET not in said["stderr"] or said["stderr"], True)
    server.rude = {}
    said = bench.ingest("--geo", source, "--geo-cache", "cache.db", "--geo-wait", "0s", "a.log", sinks=("again.db",))
    left = bench.query("SELECT count(*) FROM usage_rows WHERE country IS NULL", "again.db")[0][0] - 2
    bench.check("a minute later as well", f"{left} addresses got no answer" in said["stderr"] or said["stderr"], True)
server.close()

# ---- Blueprints and routes, with the filters of the first.
bench.room("places")
PATHS = ["/", "/blog/", "/blog/2026/x", "/user/7", "/user/bob", "/static/a/b.css", "/api/v1/x?y=1", "/user/007"]
bench.write("routes", b"# the application's\n/user/<int:id>\n/user/<name>\n\n/static/<path:file>\n")
log("a.log", *(entry(n, "192.0.2.1", path) for n, path in enumerate(PATHS)))
places = ["--route", "@routes", "--route", "/", "--blueprint", "blog=/blog/**", "--blueprint", "api=re:^/api/", "--blueprint", "blog=/"]
bench.ingest(*places, "--url-by", "route", "--hook", "+route", "--hook", "+blueprint", "a.log")
bench.identities()
bench.check("routes and blueprints", bench.query("SELECT path, route, view_args, blueprint FROM usage_rows ORDER BY source_offset"), [
    ("/", "/", "{}", "blog"), ("/blog/", None, None, "blog"), ("/blog/2026/x", None, None, "blog"),
    ("/user/7", "/user/<int:id>", '{"id":7}', None), ("/user/bob", "/user/<name>", '{"name":"bob"}', None),
    ("/static/a/b.css", "/static/<path:file>", '{"file":"a/b.css"}', None), ("/api/v1/x", None, None, "api"),
    ("/user/007", "/user/<int:id>", '{"id":7}', None)])
urls = {s["url"]: s["hits"] for s in json.loads(bench.run("sum", "url", "--output", "json").stdout)["day"]}
bench.check("--url-by route", urls, {"/": 1, "-": 3, "/user/<int:id>": 2, "/user/<name>": 1, "/static/<path:file>": 1})
for option, right in (("--include-blueprint", 3), ("--exclude-blueprint", 5)):
    said = bench.ingest(*places, option, "blog", "a.log", sinks=(f"{option[2:]}.db",))
    bench.check(f"{option}", (said["total"]["stored"], said["total"]["filtered"]), (right, len(PATHS) - right))

# ---- Robots and agents, and the further summaries.
bench.room("agents")
AGENTS = {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "search", "curl/8.5.0": "library",
          "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0": None, "GPTBot/1.2": "ai", "-": None}
log("a.log", *(entry(n, "192.0.2.1", agent=agent) for n, agent in enumerate(AGENTS)))
more = [word for name in ("referrer", "method", "bot", "browser", "speed") for word in ("--hook", f"+{name}")]
for patterns in ("built-in", "/usr/share/uap-core/regexes.yaml"):
    store = f"{patterns.rsplit('/')[-1]}.db"
    bench.ingest("--agents", patterns, *more, "a.log", sinks=(store,))
    bench.identities(store)
    bench.check(f"bots by {patterns}", bench.query("SELECT bot FROM usage_rows ORDER BY source_offset", store), [(b,) for b in AGENTS.values()])
    bench.check("Firefox", bench.query("SELECT ua_browser, ua_platform FROM usage_rows WHERE ua_string LIKE '%Firefox%'", store), [("firefox", "linux")])
    bench.check("rebuild agrees", b"the summaries agree" in bench.run("rebuild", "--dry-run", "--from", store).stdout + bench.run("rebuild", "--dry-run", "--from", store).stderr, True)
# An agent that the store knows is told as before; patterns are loaded for a new one alone.
bench.write("broken.yaml", b"user_agent_parsers:\n  - regex: '('\n")
log("known.log", *(entry(n, "192.0.2.2", "/again", agent) for n, agent in enumerate(AGENTS)))
log("new.log", entry(1, "192.0.2.3", agent="Unheard/1.0"))
bench.takes("known agents", len(AGENTS), "--agents", "broken.yaml", "known.log", sinks=("regexes.yaml.db",))
bench.check("told as before", bench.query("SELECT DISTINCT ua_browser FROM usage_rows WHERE ua_string LIKE '%Firefox%'", "regexes.yaml.db"), [("firefox",)])
done = bench.run("ingest", "--agents", "broken.yaml", "--sink", "regexes.yaml.db", "new.log")
bench.check("a new one, and patterns that are none", (done.returncode, b"broken.yaml" in done.stderr), (2, True))
bench.takes("nothing of it was taken", 1, "new.log", sinks=("regexes.yaml.db",))
bench.identities("regexes.yaml.db")
for bots, right in (("drop", 2), ("only", 3), ("keep", 5)):
    bench.check(f"--bots {bots}", bench.ingest("--bots", bots, "a.log", sinks=(f"{bots}.db",))["total"]["stored"], right)

# ---- Speed in buckets: a request belongs to the first that is not below it.
bench.room("speed")
MILLIS = [0, 0.4, 1, 1.001, 2, 3, 5, 9.999, 10, 10.1, 49, 51, 9_999, 10_000, 10_001, 90_000, None]
bounds = [bound * 10**power for power in range(4) for bound in (1, 2, 5)] + [10_000]
log("a.log", *(json.dumps({"time": 1795356306 + n, "remote_addr": "192.0.2.1", "status": 200, "request": "GET / HTTP/1.1",
                           **({"request_time": ms / 1000} if ms is not None else {})}) + "\n" for n, ms in enumerate(MILLIS)))
bench.ingest("--hook", "speed", "a.log")
bench.identities()
right = {}
for ms in MILLIS:
    bucket = 0 if ms is None else min((bound for bound in bounds if ms <= bound), default=20_000)
    right[bucket] = right.get(bucket, 0) + 1
found = json.loads(bench.run("sum", "speed", "--output", "json").stdout)["day"]
bench.check("sum speed", {s["speed_ms"]: s["hits"] for s in found}, right)
bench.end()
