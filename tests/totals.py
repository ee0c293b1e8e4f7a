#!/usr/bin/env python3
"""Rankings over a span, and the report of a large store, are made of summary
cells of several periods: they say what its rows say, counted here anew.

    totals.py TRACK-USAGE
"""

import collections
import datetime
import json
import re
import sys
import zoneinfo

from checks import Bench, lines

MANY = 305_000  # a report reads 300,000 row by row
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")  # its summer time ends on 25 October
bench = Bench(sys.argv[1])
bench.room("totals")
bench.environment["COLUMNS"] = "115"  # no two tables side by side
bench.write("a.log", lines(MANY, start="2026-08-30", hours=24 * 66))
bench.ingest("--tz", ZONE.key, "a.log")
bench.identities()
rows = bench.query("SELECT ts / 1000000, path, remote_addr, ua_browser, coalesce(content_length, 0) FROM usage_rows")


def instant(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() if text else None


def right(column, since, until):
    """Hits and bytes by key, from the rows, most hits first."""
    since, until = instant(since) or 0, instant(until) or 2**40
    sums = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        if since <= row[0] < until:
            sums[row[column] or "-"][0] += 1
            sums[row[column] or "-"][1] += row[4]
    return sorted(([key, *values] for key, values in sums.items()), key=lambda s: (-s[1], s[0]))


def span(since, until):
    return [*(["--since", since] if since else []), *(["--until", until] if until else [])]


# Whole months, days and hours at one end, at both, and within a day; the night
# that has an hour twice; empty ones.
SPANS = [("", ""), ("2026-09-01", "2026-11-01"), ("2026-09-03T05:00", ""), ("", "2026-10-31T22:00"),
         ("2026-08-31T23:00", "2026-11-02T01:00"), ("2026-09-07", "2026-09-07T01:00"), ("2026-09-07T03:00", "2026-09-08T02:00"),
         ("2026-10-25", "2026-10-26"), ("2026-10-24T23:00", "2026-10-25T02:00"), ("2026-10-01", "2026-10-01"),
         ("2027-01-01", "")]
for since, until in SPANS:
    for hook, field, column in (("url", "url", 1), ("remote", "remote", 2)):
        done = bench.run("sum", hook, "--top", "0", "--period", "hour", "--output", "json", *span(since, until))
        found = [[s[field], s["hits"], s["transfer"]] for s in json.loads(done.stdout)]
        bench.check(f"sum {hook} from '{since}' to '{until}'", found == right(column, since, until) or found[:3], True)

# The hours of a day are rounded outwards by --period day, the days by month.
for period, since, until, outer in (("day", "2026-09-03T05:00", "2026-09-05T01:30", ("2026-09-03", "2026-09-06")),
                                    ("month", "2026-09-30", "2026-10-02", ("2026-09-01", "2026-11-01"))):
    done = bench.run("sum", "url", "--top", "0", "--period", period, "--output", "json", *span(since, until))
    found = [[s["url"], s["hits"], s["transfer"]] for s in json.loads(done.stdout)]
    bench.check(f"sum url by {period}", found == right(1, *outer) or found[:3], True)

# One key is sought in each bucket.
busiest = right(1, "", "")[0]
listed = json.loads(bench.run("sum", "url", "--key", busiest[0], "--limit", "0", "--output", "json").stdout)
for period in ("hour", "day", "month"):
    bench.check(f"one key by {period}", [sum(s["hits"] for s in listed[period]), {s["url"] for s in listed[period]}],
                [busiest[1], {busiest[0]}])
bench.check("a key that is not there", json.loads(bench.run("sum", "url", "--key", "/none", "--output", "json").stdout),
            {"hour": [], "day": [], "month": []})


def page(*args):
    """Sections of a report as {title: [[hits, name]]}, and its head."""
    text = bench.run("report", "--top", "0", *args).stdout.decode()
    sections, title = collections.defaultdict(list), ""
    for line in text.splitlines():
        if match := re.match(r"(\w[\w ]*?) -{5,}", line):
            title = match[1]
        elif (match := re.match(r" +([\d,]+) +(?:<?[\d.]+) %", line)) and title:
            sections[title].append([int(match[1].replace(",", "")), line.split("  ")[-1].strip()])
    return text, {t: sorted(s) for t, s in sections.items()}


text, summed = page()
whole, counted = page("--all-rows")
bench.check("the report says that it is of summaries", ["From the summaries" in text, "From the summaries" in whole],
            [True, False])
bench.check("sections of summaries", sorted(summed), ["Addresses", "Bots", "Browsers", "Files", "Pages", "Statuses"])
for title, entries in summed.items():
    bench.check(f"{title} of the summaries and of the rows", entries == counted[title] or entries[:3], True)
for name in ("requests", "addresses", "sent", "pages", "from bots", "a day"):
    figure = re.compile(rf"{name} +(\S+)")
    bench.check(f"{name} at the head", figure.search(text)[1], figure.search(whole)[1])
bench.check("requests by the hour", page("--since", "2026-08-30T05:20", "--until", "2026-11-03T07:20")[0].splitlines()[1],
            "2026-08-30 05:00 to 2026-11-03 07:59 Europe/Berlin - 66 days")
bench.end()
