#!/usr/bin/env python3
"""geo fill: a store that was ingested while the service was down is, when it is
filled, the store that was ingested while it was up; row by row and cell by cell.
And what geo stats, lookup and purge say.

    geo_fill.py TRACK-USAGE
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from checks import Bench, TESTS, until
from geo_server import GeoServer, country_of

bench = Bench(sys.argv[1])
bench.environment.update(NO_PROXY="*", TRACK_USAGE_CONFIG="none")
DEAD = "http://127.0.0.1:9/{ip}"
SECRET = "s3cr3tk3y"
server = GeoServer()
url = f"{server.url}/ipapi/json/{{ip}}?key={SECRET}"

# US, FR, an answer without a country, private, and no address at all.
CLIENTS = [f"8.8.{n // 7}.{n % 7 + 1}" for n in range(30)] + [f"2600::{n:x}" for n in range(1, 8)]
CLIENTS += ["9.9.9.9", "9.9.9.10", "10.0.0.1", "192.0.2.7", "2001:db8::7", "client.example"]
ASKED = len(CLIENTS) - 4
WITH_COUNTRY = 37


def log(name, count, clients=CLIENTS, step=2503):
    """Over three months: hours, days and months that several clients share, and bytes that tell rows apart."""
    lines = []
    for n in range(count):
        at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(1793000000 + n * step))
        lines.append(f'{clients[n * 7 % len(clients)]} - - [{at}] "GET /{n % 5} HTTP/1.1" 200 {n * n % 997} "-" "-"\n'.encode())
    bench.write(name, lines)


def dump(store="usage.db", table="usage"):
    """All that a store shows: rows in the order of their logs, and every summary by its texts."""
    db = sqlite3.connect((bench.folder / store).resolve().as_uri() + "?mode=ro", uri=True)
    try:
        views = {name for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE ?", (f"{table}%",))}
        out = {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in views if name.endswith("ly")}
        out["rows"] = db.execute(f"SELECT * FROM {table}_rows ORDER BY source, source_offset").fetchall()
        return out
    finally:
        db.close()


def geo(*args, code=0, what=None):
    done = bench.run("geo", *args)
    bench.check(what or f"exit of geo {' '.join(map(str, args))[:100]}", done.returncode, code)
    done.said = done.stderr.decode()
    bench.check("the key is not said", SECRET in done.said, False)
    return done


def fill(*args, source=url, store="usage.db", code=0):
    return geo("fill", "--from", store, "--geo", source, "--geo-cache", "cache.db", "--geo-wait", "5s", *args, code=code)


def sums(store="usage.db"):
    """Of the geo summary, whatever the period: hits are rows, and countries are those of the rows."""
    rows = bench.query("SELECT coalesce(country, '-'), count(*), sum(content_length) FROM usage_rows GROUP BY 1 ORDER BY 1", store)
    for period in ("hourly", "daily", "monthly"):
        found = bench.query(f"SELECT country, sum(hits), sum(transfer) FROM usage_geo_{period} GROUP BY 1 ORDER BY 1", store)
        bench.check(f"geo {period} is what the rows say", found, rows)


def agrees(store="usage.db"):
    done = bench.run("rebuild", "--dry-run", "--from", store)
    bench.check("rebuild finds no difference", (done.returncode, b"the summaries agree" in done.stderr), (0, True))
    bench.identities(store)


def dead_and_live(*options, clients=CLIENTS, rows=700):
    """usage.db by a dead service, right.db by a live one."""
    log("a.log", rows, clients)
    said = bench.ingest("--geo", DEAD, "--geo-cache", "none", "--geo-wait", "2s", "--batch", "16KiB", *options, "a.log")
    bench.ingest("--geo", url, "--geo-cache", "none", "--batch", "16KiB", *options, "a.log", sinks=("right.db",))
    return said


# ---- Filled, it is as if the service had never been down.
bench.room("fill")
said = dead_and_live()
bench.check("ingest says how to mend it", "track-usage geo fill --from sqlite:usage.db completes them" in said["stderr"] or said["stderr"], True)
bench.check("no row has a country", bench.query("SELECT count(country), count(ip_info) FROM usage_rows"), [(0, 0)])
before, right = dump(), dump("right.db")
server.forget()
done = fill("--dry-run")
rows = sum(1 for row in bench.query("SELECT remote_addr FROM usage_rows") if ":" in row[0] and row[0] != "2001:db8::7" or row[0][0] in "89")
bench.check("a dry run says it", f"dry run, nothing is written: filled {rows} rows of {ASKED} addresses; of 3 addresses no country is known -> " in done.said or done.said, True)
bench.check("and changes nothing", dump() == before)
bench.check("each address was asked for once, no private one", server.counts(), {c: 1 for c in CLIENTS[:ASKED]})
done = fill()
bench.check("the same is said of the fill", f"filled {rows} rows of {ASKED} addresses; of 3 addresses no country" in done.said or done.said, True)
found = dump()
for name in sorted(right):
    bench.check(f"{name} as if the service had been up", found[name] == right[name])
bench.check("all three kinds are there", {row[0] for row in bench.query("SELECT DISTINCT country FROM usage_rows")}, {"US", "FR", None})
sums()
agrees()
server.forget()
done = fill()
bench.check("twice: nothing", ("filled 0 rows of 0 addresses" in done.said, dump() == found, server.counts()), (True, True, {}))
bench.check("-q says nothing", fill("-q").said, "")
bench.ingest("--geo", url, "--geo-cache", "cache.db", "a.log")
bench.check("the log stays taken", dump() == found)

# ---- Some time of it.
bench.room("span")
dead_and_live()
since, until_ = 1793000000 + 100 * 2503, 1793000000 + 300 * 2503
fill("--since", since, "--until", until_)
bench.check("rows of the span are as they should be, the others as they were",
            bench.query("SELECT id, country, ip_info FROM usage_rows ORDER BY id"),
            [(i, c, info) if since <= ts < until_ else (i, None, None) for i, ts, c, info in
             bench.query("SELECT id, ts / 1000000, country, ip_info FROM usage_rows ORDER BY id", "right.db")])
sums()
agrees()
fill()
bench.check("the rest later", dump() == dump("right.db"))

# ---- Partly answered, and the rest later; or not at all.
bench.room("partly")
dead_and_live()
before = dump()
done = fill(source=DEAD, code=1)
bench.check("a dead service fills nothing and says so", ("filled 0 rows" in done.said, f"got no answer" in done.said, "run it again later" in done.said, dump() == before), (True,) * 4)
server.rude = {client: 500 for client in CLIENTS[3:30:9]}
done = fill(code=1)
bench.check("what is left is said", "; 3 addresses got no answer" in done.said or done.said, True)
bench.check("the others are filled", {row[0] for row in bench.query("SELECT remote_addr FROM usage_rows WHERE ip_info IS NULL")},
            {*CLIENTS[3:30:9], *CLIENTS[ASKED:]})
sums()
agrees()
server.rude = {}
server.forget()
fill()
bench.check("the rest at once, though it failed a moment ago", (dump() == dump("right.db"), sorted(server.counts())), (True, sorted(CLIENTS[3:30:9])))

# ---- An end in the middle: asked to while it waits, and killed while it writes.
bench.room("interrupted")
dead_and_live()
before = dump()
server.rude = {"*": "hang"}
server.forget()
child = subprocess.Popen([bench.binary, "geo", "fill", "--geo", url, "--geo-cache", "cache.db"], cwd=bench.folder, env=bench.environment, stderr=subprocess.PIPE)
until(lambda: server.requests)
log("b.log", 20, ["192.0.2.9"])
bench.takes("ingest beside a fill that waits for its service", 20, "b.log")
child.send_signal(signal.SIGINT)
bench.check("Ctrl-C ends it", (child.wait(20), b"nothing was changed" in child.stderr.read()), (130, True))
bench.check("no row was changed", bench.query("SELECT count(country) FROM usage_rows"), [(0,)])
server.rude = {}

bench.room("killed")
subprocess.run(["perl", TESTS / "geo" / "make_mmdb.pl", "nested", bench.folder / "geo.mmdb"], check=True)
log("a.log", 210_000, [f"{net}.{n}" for n in range(1, 60) for net in ("192.0.2", "198.51.100", "10.0.0")], 37)
# More than are read at once.
bench.ingest("--geo", DEAD, "--geo-cache", "none", "--geo-wait", "1s", "a.log", sinks=("before.db",))
bench.ingest("--geo", "mmdb:geo.mmdb", "a.log", sinks=("right.db",))


def places(store="usage.db"):
    """Rows by where they are, from the base tables, which is faster, and the summary of it."""
    text = "(SELECT text FROM usage_texts WHERE id = {0}) AS {0}"
    rows = bench.query(f"SELECT {text.format('country')}, {text.format('ip_info')}, n, offsets FROM (SELECT country, ip_info, count(*) AS n, "
                       "sum(source_offset) AS offsets FROM usage_data GROUP BY 1, 2) ORDER BY 1, 2", store)
    return [rows, *(bench.query(f"SELECT * FROM usage_geo_{period} ORDER BY 1, 2", store) for period in ("hourly", "daily", "monthly"))]


def killed_when(time_has_come):
    """A fill of the store as it was, killed at a moment: which state is left."""
    for path in bench.folder.glob("usage.db*"):
        path.unlink()
    shutil.copy(bench.folder / "before.db", bench.folder / "usage.db")
    child = subprocess.Popen([bench.binary, "geo", "fill", "--geo", "mmdb:geo.mmdb"], cwd=bench.folder, env=bench.environment, stderr=subprocess.DEVNULL)
    until(lambda: child.poll() is not None or time_has_come())
    child.kill()
    child.wait()
    found = places()
    return next((name for name, state in states.items() if found == state), "neither")


states = {"before": places("before.db"), "after": places("right.db")}
wal = bench.folder / "usage.db-wal"
size = lambda: wal.stat().st_size if wal.exists() else 0
largest, began = 0, time.monotonic()


def measured():
    global largest
    largest = max(largest, size())


bench.check("a database fills as it does at ingest", killed_when(measured), "after")
whole = time.monotonic() - began
ends = [killed_when(lambda: size() >= max(1, largest * part // 8)) for part in range(9)]
for part in range(1, 7):
    began = time.monotonic()
    ends.append(killed_when(lambda: time.monotonic() - began >= whole * part / 6))
bench.check(f"killed at fifteen moments, as before or as after {ends}", set(ends) <= {"before", "after"})
fill(source="mmdb:geo.mmdb")
bench.check("and then filled", places() == states["after"])
agrees()

# ---- Stores of other kinds: two, another prefix, no geo summary, and no summary at all.
bench.room("stores")
log("a.log", 300)
sinks = ("one.db", "sqlite:two.db?table=web")
said = bench.ingest("--geo", DEAD, "--geo-cache", "none", "--geo-wait", "2s", "a.log", sinks=sinks)
bench.check("a hint for each", "geo fill --from one.db completes" in said["stderr"] and "geo fill --from 'sqlite:two.db?table=web' completes" in said["stderr"] or said["stderr"], True)
bench.ingest("--geo", url, "--geo-cache", "none", "a.log", sinks=("right.db", "sqlite:right2.db?table=web"))
fill(store="one.db")
bench.check("one is filled", dump("one.db") == dump("right.db"))
bench.check("the other is not", bench.query("SELECT count(country) FROM web_rows", "two.db"), [(0,)])
fill(store="sqlite:two.db?table=web")
bench.check("and then it is", dump("two.db", "web") == dump("right2.db", "web"))
for name, hooks in (("few", "url,status"), ("none", "none")):
    bench.ingest("--hook", hooks, "a.log", sinks=(f"{name}.db",))
    bench.ingest("--hook", hooks, "--geo", url, "--geo-cache", "cache.db", "a.log", sinks=(f"{name}-right.db",))
    fill(store=f"{name}.db")
    bench.check(f"a store with {name} summaries", dump(f"{name}.db") == dump(f"{name}-right.db"))
    bench.run("rebuild", "--hook", "geo", "--yes", "--from", f"{name}.db")
    sums(f"{name}.db")
    agrees(f"{name}.db")
done = fill(store="nowhere.db", code=4)
bench.check("no store is made", (bench.folder / "nowhere.db").exists(), False)

# ---- What privacy settled holds.
for name, options in (("masked", ["--anonymize-ip"]), ("without info", ["--drop", "ip_info"]), ("without address", ["--drop", "remote_addr"])):
    bench.room(name)
    dead_and_live(*options)
    server.forget()
    fill()
    bench.check("as if the service had been up", dump() == dump("right.db"))
    bench.check("never the whole address", any(name == "masked" and address in CLIENTS[:30] and not address.endswith(".0") for address in server.asked), False)
    agrees()
bench.check("nothing was asked for", server.counts(), {})
bench.room("hashed")
dead_and_live("--hash", "remote_addr")
server.forget()
fill()
bench.check("a hash is no address", (server.counts(), bench.query("SELECT count(country) FROM usage_rows")), ({}, [(0,)]))
bench.room("without country")
dead_and_live("--drop", "country")
bench.check("--drop country holds for what is looked up", bench.query("SELECT count(country), count(ip_info) > 0 FROM usage_rows", "right.db"), [(0, 1)])
bench.check("such a store is refused", b"keeps no country" in fill(code=2).stderr)

# ---- stats, lookup and purge.
bench.room("cache")
cache = ["--geo-cache", "cache.db"]
server.forget()
done = geo("lookup", "--geo", url, *cache, "8.8.8.8", "2600::1", "9.9.9.9")
found = [line.split(None, 2) for line in done.stdout.decode().splitlines()]
bench.check("lookup: country and info", [(a, c, json.loads(i)["query"]) for a, c, i in found],
            [("8.8.8.8", "US", "8.8.8.8"), ("2600::1", "FR", "2600::1"), ("9.9.9.9", "-", "9.9.9.9")])
geo("lookup", "--geo", url, *cache, "8.8.8.8")
bench.check("from the cache", server.counts(), {"8.8.8.8": 1, "2600::1": 1, "9.9.9.9": 1})
done = geo("lookup", "--geo", url, *cache, "10.0.0.1", "8.8.8.8", code=1)
bench.check("why a private address is not asked about", ("10.0.0.1 is private or reserved" in done.said, "10.0.0.1" in server.asked), (True, False))
done = geo("lookup", "--geo", url, *cache, "8.8.8.9", "8.8.8", code=2)
bench.check("a malformed address, before any is asked for", ("'8.8.8' is no IP address" in done.said, "8.8.8.9" in server.asked), (True, False))
server.rude = {"8.8.1.1": 500}
done = geo("lookup", "--geo", url, *cache, "8.8.1.1", code=1)
bench.check("no answer, and why", "no answer" in done.said and "500" in done.said or done.said, True)
server.rude = {}
subprocess.run(["perl", TESTS / "geo" / "make_mmdb.pl", "nested", bench.folder / "geo.mmdb"], check=True)
done = geo("lookup", "--geo", "mmdb:geo.mmdb", "198.51.100.7")
bench.check("of a database", done.stdout.split()[:2], [b"198.51.100.7", b"US"])
stats = lambda: json.loads(geo("stats", *cache, "--output", "json").stdout)
bench.check("stats", {k: v for k, v in stats().items() if k not in ("oldest", "bytes")}, {"path": "cache.db", "entries": 4, "answers": 3, "failures": 1})
bench.check("bytes", stats()["bytes"], (bench.folder / "cache.db").stat().st_size)
table = dict(line.split(None, 1) for line in geo("stats", *cache).stdout.decode().splitlines())
bench.check("stats as text", (table["entries"], table["answers"], table["failures"], table["oldest"]), ("4", "3", "1", stats()["oldest"]))
with sqlite3.connect(bench.folder / "cache.db") as db:
    db.execute("UPDATE geo_answers SET kept_at = kept_at - 86400 * 8 WHERE address = '2600::1'")
db.close()
bench.check("purge --older", "removed 1 entry -> " in geo("purge", *cache, "--older", "7d").said)
bench.check("the others stay", stats()["entries"], 3)
bench.check("purge", "removed 3 entries -> " in geo("purge", *cache).said)
bench.check("nothing is left", (stats()["entries"], stats()["oldest"]), (0, None))
for action in ("stats", "purge"):
    geo(action, "--geo-cache", "none", code=2)
bench.write("none.sqlite", b"no database at all, but a text")
geo("stats", "--geo-cache", "none.sqlite", code=4)

# ---- What a run looked up with, in status.
bench.room("status")
subprocess.run(["perl", TESTS / "geo" / "make_mmdb.pl", "nested", bench.folder / "geo.mmdb"], check=True)
log("a.log", 5)
status = lambda: [line.split(None, 1)[1] for line in bench.run("status").stdout.decode().splitlines() if line.startswith("geo ")]
bench.ingest("a.log")
bench.check("nothing without --geo", (status(), "geo" in json.loads(bench.run("status", "--output", "json").stdout)), ([], False))
bench.ingest("--geo", "mmdb:geo.mmdb", "a.log")
built = time.strftime("%Y-%m-%d", time.gmtime((bench.folder / "geo.mmdb").stat().st_mtime))
bench.check("a database's type and date", status(), [f"Test-nested of {built} (mmdb:geo.mmdb)"])
bench.ingest("a.log")
bench.check("it stays", len(status()), 1)
bench.ingest("--geo", url, "--geo-cache", "none", "a.log")
bench.check("a service, without its key", status(), [json.loads(bench.run("status", "--output", "json").stdout)["geo"]])
bench.check("its URL", (status()[0].startswith(server.url), SECRET in status()[0]), (True, False))
server.close()
bench.end()
