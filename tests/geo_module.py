#!/usr/bin/env python3
"""The look-up of addresses, through a small program that does nothing else,
against a service of our own and databases of documentation networks.
"""

import json
import pathlib
import sqlite3
import subprocess
import sys
import time

from checks import Bench, TESTS
from geo_server import GeoServer, LIES, SHAPES, country_of

SECRET = "s3cr3tk3y"


class Look:
    """One run of the program: a known answer is (country, info), else None."""

    def __init__(self, bench, *args, addresses=(), wait=True):
        bench.environment["NO_PROXY"] = "*"
        self.begun = time.monotonic()
        self.process = subprocess.Popen([bench.binary, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=bench.environment, cwd=bench.folder)
        self.process.stdin.write("".join(f"{a}\n" for a in addresses).encode())
        self.process.stdin.close()
        if wait:
            self.end()

    def end(self):
        self.raw = self.process.stdout.read()
        self.stderr = self.process.stderr.read().decode()
        self.code = self.process.wait(60)
        self.seconds = time.monotonic() - self.begun
        lines = self.raw.decode().split("\n")[:-1]
        self.report = json.loads(lines.pop()) if lines else {}
        self.answers = [line.split("\t") for line in lines]
        return self

    def country(self):
        return [a[2] if a[1] == "1" else None for a in self.answers]

    def counted(self):
        return [self.report[k] for k in ("asked", "answered", "from_cache", "failed", "unknown_left")]


def some(count, first="8.1"):
    return [f"{first}.{n // 250}.{n % 250 + 1}" for n in range(count)]


def asks_once(bench, server):
    room = bench.room("once")
    addresses = some(40) + ["2600::1", "2600:0:0::1", "::ffff:8.1.0.1", "9.9.9.1"] + some(40)
    private = ["10.0.0.1", "127.0.0.1", "192.0.2.1", "198.51.100.1", "2001:db8::1", "fe80::1%eth0", "::1", "x.example", "",
               "::ffff:10.1.1.1"]
    url = f"{server.url}/ipapi/json/{{ip}}?key={SECRET}"
    # In three calls, each by four threads: "" ends a call.
    given = addresses + private[:8] + [""] + addresses + [""] + private[:8]
    look = Look(bench, url, "cache=deep/er/geo.db", "threads=4", addresses=given)
    bench.check("countries", look.country()[:44], [country_of(a.removeprefix("::ffff:")) or "" for a in addresses[:44]])
    bench.check("one request a distinct address", set(server.counts().values()), {1})
    bench.check("only the global ones", sorted(server.counts()), sorted(some(40) + ["2600::1", "9.9.9.1"]))
    bench.check("what is not global is unknown", look.country()[84:92], [None] * 8)
    bench.check("report", look.counted(), [42, 42, 0, 0, 0])
    bench.check("at most 8 at once, and more than one", 1 < server.most_at_once <= 8)
    bench.check("who asks", {r[3]["User-Agent"].split("/")[0] for r in server.requests}, {"track-usage"})
    bench.check("an address in a URL is encoded", any("2600%3A%3A1" in r[2] for r in server.requests))
    bench.check("the key is sent", all(SECRET in r[2] for r in server.requests))
    bench.check("info", json.loads(look.answers[0][3]),
                {"status": "success", "country": "United States", "countryCode": "US", "query": "8.1.0.1"})
    file = room / "deep" / "er" / "geo.db"
    bench.check("mode of the file", file.stat().st_mode & 0o137, 0)
    bench.check("no secret in the cache", SECRET.encode() in file.read_bytes(), False)
    server.forget()
    again = Look(bench, url, "cache=deep/er/geo.db", addresses=given)
    bench.check("none on a second run", server.counts(), {})
    bench.check("the same answers", again.answers, look.answers)
    bench.check("report of the second", again.counted(), [0, 0, 42, 0, 0])
    db = sqlite3.connect(file)
    bench.check("what is kept", db.execute("SELECT count(*), min(state), max(state) FROM geo_answers").fetchone(), (42, 0, 0))
    # A month later.
    with db:
        db.execute("UPDATE geo_answers SET kept_at = kept_at - 30 * 86400 - 1")
    db.close()
    Look(bench, url, "cache=deep/er/geo.db", addresses=some(3))
    bench.check("after a month they are asked for again", server.counts(), {a: 1 for a in some(3)})
    bench.check("and those out of date are gone", sqlite3.connect(file).execute("SELECT count(*) FROM geo_answers").fetchone(), (3,))


def shapes(bench, server):
    bench.room("shapes")
    for shape in SHAPES:
        look = Look(bench, f"{server.url}/{shape}/", addresses=["8.8.8.8", "2600::5"])
        bench.check(f"{shape}, address appended", look.country(), ["US", "FR"])


def batches(bench, server):
    room = bench.room("batch")
    addresses = some(230) + ["2600::7"]
    for rude in (None, "reversed", "keyed", "bare"):
        server.forget()
        server.rude = {"*": rude}
        look = Look(bench, f"{server.url}/ipapi/batch?fields=x", f"cache={rude}.db", addresses=addresses)
        bench.check(f"{rude}: countries", look.country(), ["US"] * 230 + ["FR"])
        bench.check(f"{rude}: requests", [r[1] for r in server.requests], ["POST"] * 3)
        bench.check(f"{rude}: each once", set(server.counts().values()), {1})
        bench.check(f"{rude}: report", look.counted(), [231, 231, 0, 0, 0])
    server.rude = {}


def lies(bench, server):
    bench.room("lies")
    known = {"deep": ("US", ""), "long": ("US", ""), "controls": ("US", '{"countryCode":"US","city":"a\\\\x1b[31m\\\\x00\\\\xc2\\\\x9bé\\"","\\\\x07k":1}')}
    for lie in LIES:
        server.forget()
        server.rude = {"*": lie}
        look = Look(bench, f"{server.url}/ipapi/json/", f"cache={lie}.db", addresses=["8.0.0.1", "", "8.0.0.1"])
        right = ["1", *known[lie]] if lie in known else ["0", "", ""]
        bench.check(f"{lie}: answer", look.answers[0][1:], right)
        bench.check(f"{lie}: asked once", server.counts(), {"8.0.0.1": 1})
        bench.check(f"{lie}: nothing raw", b"\x1b" in look.raw or b"\x07" in look.raw, False)
        kept = sqlite3.connect(bench.folder / f"{lie}.db").execute("SELECT state FROM geo_answers").fetchall()
        state = 0 if lie in known else 1 if lie in ("fail", "unsuccessful", "error") else None if lie == "badkey" else 2
        bench.check(f"{lie}: kept as", kept, [] if state is None else [(state,)])
    server.rude = {"*": "html"}
    server.forget()
    look = Look(bench, f"{server.url}/ipapi/json/", "at_once=1", addresses=some(30))
    bench.check("after five in a row it is left alone", len(server.requests), 5)
    bench.check("the rest is unknown", look.counted(), [5, 0, 0, 5, 25])
    server.rude = {"*": f"{server.url}/elsewhere/8.0.0.1"}
    server.forget()
    look = Look(bench, f"{server.url}/ipapi/json/", addresses=["8.0.0.1"])
    bench.check("a redirect is not followed", (look.country(), len(server.requests)), ([None], 1))
    server.rude = {}


def retries(bench, server):
    bench.room("retries")
    for rude in (500, "close"):
        server.forget()
        server.rude = {"8.0.0.1": [rude, rude]}
        look = Look(bench, f"{server.url}/ipapi/json/", addresses=["8.0.0.1"])
        times = server.asked["8.0.0.1"]
        gaps = [b - a for a, b in zip(times, times[1:])]
        bench.check(f"{rude}: the third try succeeds", look.country(), ["US"])
        bench.check(f"{rude}: after 0.5 s and 2 s", len(gaps) == 2 and gaps[0] >= 0.49 and gaps[1] >= 1.99 or gaps)
    server.forget()
    server.rude = {"8.0.0.1": 503}
    look = Look(bench, f"{server.url}/ipapi/json/{{ip}}?key={SECRET}", "cache=h.db", addresses=["8.0.0.1", "8.0.0.2"])
    bench.check("three tries, and the other one is known", (server.counts(), look.country()), ({"8.0.0.1": 3, "8.0.0.2": 1}, [None, "US"]))
    bench.check("report", look.counted(), [2, 1, 0, 1, 0])
    bench.check("the error says what", "status 503" in look.report["last_error"])
    bench.check("and no secret", SECRET in json.dumps(look.report) + look.stderr, False)
    Look(bench, f"{server.url}/ipapi/json/{{ip}}?key={SECRET}", "cache=h.db", addresses=["8.0.0.1"])
    bench.check("minutes later it is not asked for again", server.counts()["8.0.0.1"], 3)
    db = sqlite3.connect(bench.folder / "h.db")
    with db:
        db.execute("UPDATE geo_answers SET kept_at = kept_at - 601")
    db.close()
    server.rude = {}
    look = Look(bench, f"{server.url}/ipapi/json/{{ip}}?key={SECRET}", "cache=h.db", addresses=["8.0.0.1"])
    bench.check("ten minutes later it is", look.country(), ["US"])


def limits(bench, server):
    bench.room("limits")
    server.forget()
    server.rude = {"8.0.0.1": ["429 2"]}
    look = Look(bench, f"{server.url}/ipapi/json/", addresses=["8.0.0.1"])
    times = server.asked["8.0.0.1"]
    bench.check("Retry-After is kept", len(times) == 2 and times[1] - times[0] >= 1.99)
    bench.check("and then it is known", look.country(), ["US"])
    server.forget()
    server.rude = {"*": "429 3600"}
    look = Look(bench, f"{server.url}/ipapi/json/", "at_once=2", "cache=l.db", addresses=some(20) + [""] + some(40))
    bench.check("an hour is too long: given up at once", look.seconds < 3 and len(server.requests) <= 2)
    bench.check("the rest is unknown", look.report["unknown_left"], 40)
    bench.check("said", "limit" in look.report["last_error"])
    bench.check("and not taken for a failure", (bench.folder / "l.db").exists(), False)
    server.forget()
    server.rude, server.quota, server.renewed_in = {}, 5, 2
    look = Look(bench, f"{server.url}/ipapi/json/", "at_once=3", addresses=some(12))
    when = sorted(r[0] for r in server.requests)
    bench.check("X-Rl: 0 is heeded: no request too many", len(when), 12)
    bench.check("X-Ttl is waited for", when[5] - when[4] >= 1.9)
    bench.check("all are known", look.country(), ["US"] * 12)
    server.quota = None
    server.forget()
    Look(bench, f"{server.url}/ipapi/json/", "rate=10/s", addresses=some(6) + [""] + some(10))
    when = sorted(r[0] for r in server.requests)
    gaps = [b - a for a, b in zip(when, when[1:])]
    bench.check("a rate of ours, over two calls", len(gaps) == 9 and when[-1] - when[0] >= 0.89 and min(gaps) > 0.05)


def dead(bench, server):
    bench.room("dead")
    gone = GeoServer()
    gone.close()
    look = Look(bench, f"http://user:{SECRET}@127.0.0.1:{gone.port}/json/{{ip}}?token={SECRET}", "cache=d.db",
                addresses=some(50) + [""] + some(60))
    bench.check("a dead one costs no time", look.seconds < 3 and look.code == 0)
    bench.check("all unknown", set(look.country()), {None})
    bench.check("no secret in what is said", SECRET in json.dumps(look.report) + look.stderr, False)
    bench.check("nor in the cache", SECRET.encode() in (bench.folder / "d.db").read_bytes(), False)
    bench.check("few were tried", look.report["asked"] <= 8 and look.report["asked"] + look.report["unknown_left"] == 60)
    server.forget()
    server.rude = {"*": "hang"}
    look = Look(bench, f"{server.url}/json/", "wait=1500", "timeout=5000", "at_once=2", addresses=some(9) + [""] + some(20))
    bench.check("a hanging one costs the wait and no more", 1.4 < look.seconds < 3 and look.code == 0)
    bench.check("no request after the wait is over", len(server.requests) <= 2)
    bench.check("the rest is unknown", look.counted(), [2, 0, 0, 2, 18])
    look = Look(bench, f"{server.url}/json/", "wait=9000", "timeout=300", addresses=some(30))
    # Before the fifth has failed, others may have taken the place of four.
    bench.check("a few that hang are enough", look.seconds < 3 and look.report["asked"] <= 12 and look.report["stopped"])
    server.rude = {"*": 500}
    server.forget()
    look = Look(bench, f"{server.url}/json/", "wait=300", "cache=w.db", addresses=["8.0.0.1"])
    bench.check("no time for a second try", (len(server.requests), look.counted()), (1, [1, 0, 0, 1, 0]))
    server.rude = {"*": 0.2}
    server.forget()
    look = Look(bench, f"{server.url}/json/", addresses=some(16))
    bench.check("a slow one is waited for, eight at once", look.country() == ["US"] * 16 and look.seconds < 2)
    server.rude = {}


def caches(bench, server):
    room = bench.room("caches")
    url = f"{server.url}/ipapi/json/"
    server.forget()
    both = [Look(bench, url, "cache=two.db", addresses=[line for a in some(60, first) for line in (a, "")], wait=False)
            for first in ("8.1", "8.1", "8.2", "8.3")]
    for look in both:
        look.end()
    bench.check("four at once on one file", [look.report["cache_error"] for look in both], [""] * 4)
    bench.check("all answers right", [set(look.country()) for look in both], [{"US"}] * 4)
    db = sqlite3.connect(room / "two.db")
    bench.check("what is kept", db.execute("SELECT count(DISTINCT address), count(*) FROM geo_answers").fetchone(), (180, 180))
    bench.check("the file is sound", db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
    db.close()

    whole = (room / "two.db").read_bytes()
    bench.write("text.db", b"this is no database, and longer than a header of one would be\n" * 40)
    bench.write("torn.db", whole[:4096] + b"\xa5" * (len(whole) - 4096))
    bench.write("cut.db", whole[: len(whole) // 2])
    bench.write("empty.db", b"")
    (room / "folder.db").mkdir()
    sqlite3.connect(room / "other.db").execute("CREATE TABLE t (a)").connection.close()
    for name, told in (("text.db", True), ("torn.db", True), ("cut.db", None), ("folder.db", True), ("text.db/geo.db", True),
                       ("other.db", True), ("empty.db", False), ("/proc/geo/geo.db", True)):
        before = (room / name).read_bytes() if (room / name).is_file() else b""
        look = Look(bench, url, f"cache={name}", addresses=["8.1.0.1", "", "8.9.0.2"])
        bench.check(f"{name}: answers all the same", (look.country(), look.code), (["US", "US"], 0))
        if told is not None:
            bench.check(f"{name}: told", look.report["cache_error"] != "", told)
        if told:
            bench.check(f"{name}: left as it was", (room / name).read_bytes() if before else b"", before)
    db = sqlite3.connect(room / "two.db")
    db.execute("BEGIN EXCLUSIVE")
    look = Look(bench, url, "cache=two.db", addresses=["8.1.0.1"])
    bench.check("one that is held is done without", (look.country(), "another program" in look.report["cache_error"]), (["US"], True))
    db.close()


def databases(bench):
    room = bench.room("mmdb")
    for shape in ("nested", "flat", "asn"):
        subprocess.run(["perl", TESTS / "geo" / "make_mmdb.pl", shape, room / f"{shape}.mmdb"], check=True)
    addresses = ["192.0.2.7", "192.0.2.200", "198.51.100.1", "::ffff:192.0.2.9", "2001:db8::1", "10.0.0.1", "x.example", ""]
    right = ["DE", None, "US", "DE", "FR", None, None]
    for shape in ("nested", "flat"):
        look = Look(bench, f"mmdb:{shape}.mmdb", "threads=4", addresses=addresses[:-1])
        bench.check(f"{shape}: countries", look.country(), right)
        bench.check(f"{shape}: its type", look.report["type"], f"Test-{shape}")
        bench.check(f"{shape}: when it was built", abs(look.report["built"] - time.time()) < 600)
        asked = subprocess.run(["mmdblookup", "--file", room / f"{shape}.mmdb", "--ip", "192.0.2.7"], capture_output=True, text=True)
        bench.check(f"{shape}: as mmdblookup has it", '"DE" <utf8_string>' in asked.stdout)
    look = Look(bench, "mmdb:nested.mmdb", addresses=["192.0.2.7", "203.0.113.4", "203.0.113.200"])
    bench.check("info", json.loads(look.answers[0][3]),
                {"country": {"iso_code": "DE", "is_in_european_union": True, "names": {"en": "Germany"}},
                 "location": {"accuracy_radius": 100, "latitude": 51.5}})
    bench.check("registered only, an unfit name", (look.answers[1][2], json.loads(look.answers[1][3])["registered_country"]),
                ("NL", {"iso_code": "NL", "names": {"en": 'Nether\\x01"lands'}}))
    bench.check("of a large record only the country", look.answers[2][2:], ["AT", ""])

    whole = (room / "nested.mmdb").read_bytes()
    (room / "cut.mmdb").write_bytes(whole[: len(whole) // 2])
    (room / "empty.mmdb").write_bytes(b"")
    (room / "text.mmdb").write_bytes(b"no database\n" * 1000)
    marker = whole.rfind(b"\xab\xcd\xefMaxMind.com")
    (room / "hole.mmdb").write_bytes(whole[: marker // 2] + whole[marker:])
    (room / "ones.mmdb").write_bytes(b"\xff" * 600 + whole[600:])
    for name, why in (("missing", "No such file"), ("cut", "damaged"), ("empty", "damaged"), ("text", "damaged"), ("hole", "damaged"),
                      ("ones", "damaged"), ("asn", "has no countries: its type is 'Test-asn'")):
        look = Look(bench, f"mmdb:{name}.mmdb", addresses=addresses)
        bench.check(f"{name}: refused before the first look-up", (look.code, why in look.stderr, look.raw), (2, True, b""))
    # Any byte may be wrong: never a crash, and what is said is an error of ours or an answer.
    codes = set()
    for at in range(0, len(whole), 7):
        (room / "bent.mmdb").write_bytes(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
        codes.add(Look(bench, "mmdb:bent.mmdb", addresses=addresses[:6]).code)
    bench.check("a wrong byte anywhere", codes <= {0, 2} or codes)


def settings(bench):
    bench.room("settings")
    for source in ("", "mmdb:", "ftp://example.com/{ip}", f"http://u:{SECRET}/x@example.com/", "http:///json", f"http://u:{SECRET}?@h.example/",
                   "https://{ip}.example.com/", f"https//example.com/?key={SECRET}", "http://a b/", "http://example.com:99999/"):
        look = Look(bench, source)
        bench.check(f"'{source[:12]}' is refused, and nothing secret said", (look.code, SECRET in look.stderr), (2, False))
    for rate in ("0/s", "x/s", "5", "5/h", "/s"):
        bench.check(f"rate {rate}", Look(bench, "http://example.com/", f"rate={rate}").code, 2)


def main():
    bench = Bench(sys.argv[1])
    server = GeoServer()
    wanted = sys.argv[2:]
    for test in (asks_once, shapes, batches, lies, retries, limits, dead, caches):
        if not wanted or test.__name__ in wanted:
            server.forget()
            test(bench, server)
    for test in (databases, settings):
        if not wanted or test.__name__ in wanted:
            test(bench)
    server.close()
    bench.end()


if __name__ == "__main__":
    main()
