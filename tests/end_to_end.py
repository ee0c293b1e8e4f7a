#!/usr/bin/env python3
"""Logs in, rows and summaries out, held against a count that shares no code.

    end_to_end.py TRACK-USAGE [LINES]
"""

import json
import sys

from checks import FIELDS, SAMPLES, Bench, lines
import traffic

bench = Bench(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 10000


def rows(store="usage.db"):
    done = bench.run("rows", "--config", "none", "--from", f"sqlite:{store}", "--output", "jsonl", "--limit", "0")
    bench.check("exit of rows", done.returncode, 0)
    return done.stdout.splitlines()


def printed_as_stored(*logs):
    """print: gives what the store holds, in the order of the input."""
    said = bench.ingest(*logs, sinks=["print:"])
    stored, printed = rows(), said["stdout"].splitlines()
    bench.check("print: gives the store's rows", sorted(printed), sorted(stored))
    places = bench.query("SELECT source, source_offset FROM usage_rows ORDER BY id")
    bench.check("rows are stored in input order", places == sorted(places))
    by_id = bench.query("SELECT request, remote_addr, ua_string FROM usage_rows ORDER BY id")
    as_printed = [(r["request"], r["remote_addr"], r["user_agent"]["string"]) for r in map(json.loads, printed)]
    bench.check("print: keeps input order", as_printed == by_id)
    again = bench.ingest(*logs, "--jobs", "1", "--batch", "64KiB", sinks=["print:"])
    bench.check("--jobs and --batch do not show", again["stdout"].splitlines() == printed)


for number, kind in enumerate(sorted(traffic.FORMATS)):
    bench.room(kind)
    log = bench.write("access.log", lines(count, seed=number + 10, kind=kind))
    said = bench.ingest(log)
    bench.check("all lines are rows", [said["total"][f] for f in FIELDS], [count, count, 0, 0, 0, 0])
    bench.check("the oracle agrees", bench.oracle("--check", "usage.db", log), "")
    printed_as_stored(log)

for name in ("shop", "vhost.log", "nginx.json", "common.log"):
    bench.room("sample " + name)
    path = SAMPLES / name
    said = bench.ingest(path)
    logs = sorted(path.iterdir()) if path.is_dir() else [path]
    bench.check("something is stored", said["total"]["stored"] > 100)
    bench.check("the oracle agrees", bench.oracle("--check", "usage.db", *logs), "")
    printed_as_stored(path)

bench.room("sample horrors.log")
said = bench.ingest(SAMPLES / "horrors.log")
bench.check("rows, rejects and blanks as its README says", [said["total"][f] for f in FIELDS], [123, 91, 0, 13, 19, 0])
bench.identities()
printed_as_stored(SAMPLES / "horrors.log")

bench.room("all samples, by zone and full URL")
said = bench.ingest(SAMPLES, "--tz", "Asia/Kathmandu", "--url-by", "full")
bench.check("the error log is passed over", [f["path"] for f in said["files"] if "error" in f["path"]], [])
bench.identities()
sound = [SAMPLES / "vhost.log", SAMPLES / "nginx.json", SAMPLES / "common.log", *sorted((SAMPLES / "shop").iterdir())]
bench.ingest(*sound, "--tz", "Asia/Kathmandu", "--url-by", "full", sinks=["sqlite:sound.db"])
bench.check("the oracle agrees in a zone of 5:45",
            bench.oracle("--check", "sound.db", "--tz", "Asia/Kathmandu", "--url-by", "full", *sound), "")

bench.end()
