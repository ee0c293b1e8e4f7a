#!/usr/bin/env python3
"""Every query of queries.sql, on a log whose requests are known: its result against
a plain count of them, and its plan, which must seek where a key range serves.

    queries.py TRACK-USAGE
"""

import collections
import random
import re
import sys
import time
import urllib.parse

from checks import TESTS, Bench
import traffic

bench = Bench(sys.argv[1])
DAY, NOVEMBER, YEAR = "2026-11-10", "2026-11-", "2026-"
NOW = int(time.time())


def made():
    """60 days of requests, one address that is asked for, and a few of the last hours."""
    site = traffic.Traffic(random.Random(5))
    found = list(site.requests(traffic.epoch_of("2026-10-20"), 60 * 24, 20000))
    noon = traffic.epoch_of(DAY) + 12 * 3600
    for ago in (60, 600, 3000, 3 * 3600, 5 * 3600):
        found.append(found[ago]._replace(time=NOW - ago))
    for second in (-1, 0, 1, 5 * 3600, 6 * 3600 - 1, 6 * 3600):
        found.append(found[second % 100]._replace(time=noon + second, remote="2001:db8::7"))
    return found


requests = made()


def date(r, form="%Y-%m-%d"):
    return time.strftime(form, time.gmtime(int(r.time)))


def stamp(r):
    return date(r, "%Y-%m-%d %H:%M:%S")


def hour(r):
    return date(r, "%Y-%m-%d %H:00:00")


def path(r):
    return urllib.parse.unquote(r.target.split("?")[0])


def request(r):
    return f"{r.method} {r.target} {r.protocol}"


def host(r):
    return r.host.split(":")[0]


def sums(key, wanted):
    """key -> [hits, transfer] of the wanted requests"""
    cells = collections.defaultdict(lambda: [0, 0])
    for r in filter(wanted, requests):
        cells[key(r)][0] += 1
        cells[key(r)][1] += r.size or 0
    return cells


def of_day(r):
    return date(r) == DAY


def totals(bucket, wanted, *columns):
    found = collections.defaultdict(list)
    for r in filter(wanted, requests):
        found[bucket(r)].append(r)
    value = {"hits": len, "transfer": lambda rs: sum(r.size or 0 for r in rs),
             "errors_4xx": lambda rs: sum(r.status // 100 == 4 for r in rs),
             "errors_5xx": lambda rs: sum(r.status // 100 == 5 for r in rs),
             "addresses": lambda rs: len({r.remote for r in rs})}
    return [(name, *(value[c](rs) for c in columns)) for name, rs in sorted(found.items())]


def slowest():
    cells = collections.defaultdict(list)
    for r in filter(of_day, requests):
        cells[path(r)].append(r.seconds)
    return sorted(((p, len(s), max(s)) for p, s in cells.items()), key=lambda c: (-c[2], c[0]))[:10]


def ranked(cells, most=10):
    """(key..., hits) with most hits first, then by key as SQLite orders text, null before all."""
    rows = [((*key, hits) if isinstance(key, tuple) else (key, hits)) for key, (hits, _) in cells.items()]
    return sorted(rows, key=lambda row: (-row[-1], [(text or "").encode() for text in row[:-1]]))[:most]


def top_pages():
    cells = sums(path, of_day)
    return [(p, hits, cells[p][1]) for p, hits in ranked(cells)]


def bytes_by_server():
    cells = sums(lambda r: (date(r, "%Y-%m-01"), host(r)), lambda r: date(r).startswith(YEAR))
    return sorted(((*key, transfer) for key, (_, transfer) in cells.items()), key=lambda row: (row[0], -row[2]))


def one_address():
    return sorted((stamp(r), request(r), r.status) for r in requests
                  if r.remote == "2001:db8::7" and f"{DAY} 12:00:00" <= stamp(r) < f"{DAY} 18:00:00")


def last_hour():
    found = sorted((r for r in requests if r.time >= NOW - 3600), key=lambda r: -r.time)
    return [(stamp(r), r.remote, request(r), r.status) for r in found]


def in_november(r):
    return date(r).startswith(NOVEMBER)


right = {
    "top pages of a day": top_pages,
    "errors by hour of a day":
        lambda: sorted((h, hits) for h, (hits, _) in sums(hour, lambda r: of_day(r) and r.status >= 400).items()),
    "bytes a month by server": bytes_by_server,
    "hits of one page over time":
        lambda: sorted((d, *cell) for d, cell in sums(date, lambda r: path(r) == "/" and in_november(r)).items()),
    "totals of a month's days":
        lambda: totals(date, in_november, "hits", "transfer", "errors_5xx", "addresses"),
    "totals of a day's hours": lambda: totals(hour, of_day, "hits", "errors_4xx"),
    "what one address did between two times": one_address,
    "slowest pages of a day": slowest,
    "who sends visitors": lambda: ranked(sums(lambda r: r.referrer, lambda r: of_day(r) and r.referrer)),
    "pages not found, and where they are linked":
        lambda: ranked(sums(lambda r: (path(r), r.referrer), lambda r: of_day(r) and r.status == 404)),
    "rows of the last hour": last_hour,
}


def line(r):
    return (traffic.json_line(r)[:-1] + f',"server_name":"{r.host}"}}\n').encode()


def check_plan(name, words, plan):
    steps = [re.sub(r"(INDEX) \S+", r"\1", step) for step in plan]
    text, wanted = "; ".join(steps), words.split("; ")
    at = 0
    for want in wanted:
        found = text.find(want, at)
        if found < 0:
            bench.check(f"plan of {name}", text, words)
            return
        at = found + len(want)
    tables = [step for step in steps if re.match(r"SCAN (?!CONSTANT|usage_(hourly|daily|monthly)$)", step)]
    bench.check(f"plan of {name}: nothing is scanned", tables, [])


bench.room("queries")
log = bench.write("access.log", [line(r) for r in requests])
bench.check("rows", bench.ingest(log)["total"]["stored"], len(requests))
bench.identities()

text = (TESTS / "queries.sql").read_text()
found = re.findall(r"^-- (.+)\n-- plan: (.+)\n((?:(?!--).+\n?)+)", text, re.M)
bench.check("each query has its count", sorted(name for name, _, _ in found), sorted(right))
for name, words, sql in found:
    expected = right[name]()
    bench.check(f"{name} has a result", len(expected) > 0)
    bench.check(name, bench.query(sql), expected)
    check_plan(name, words, [row[3] for row in bench.query("EXPLAIN QUERY PLAN " + sql)])
bench.end()
