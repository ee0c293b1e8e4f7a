#!/usr/bin/env python3
"""All threads at work for a moment, for builds with -Db_sanitize=thread: several
logs, small units, four jobs, two stores and print:. A report of the sanitizer
fails it; without the sanitizer it is one more check that all rows arrive.

    threads.py TRACK-USAGE
"""

import gzip
import sys

from checks import Bench, lines

bench = Bench(sys.argv[1])
bench.environment["TSAN_OPTIONS"] = "exitcode=66 halt_on_error=0 second_deadlock_stack=1"
SINKS = ["sqlite:one.db", "sqlite:two.db?hooks=url,status", "print:"]


def run(what, stored, *args, **more):
    said = bench.ingest(*args, "--jobs", "4", "--batch", "16KiB", sinks=SINKS, **more)
    if said is None:
        return
    bench.check(f"{what}: stored", said["total"]["stored"], stored)
    bench.check(f"{what}: printed", said["stdout"].count(b"\n"), stored)
    bench.check(f"{what}: no report", "ThreadSanitizer" in said["stderr"], False)
    for store in ("one.db", "two.db"):
        bench.identities(store)


bench.room("threads")
logs = [bench.write(f"{kind}.log", lines(1500, seed=number, kind=kind))
        for number, kind in enumerate(("combined", "common", "vhost_combined", "json"))]
logs.append(bench.write("old.log.gz", gzip.compress(b"".join(lines(1500, seed=9)))))
run("five logs", 7500, *logs)
bench.write("combined.log", lines(300, seed=10), "ab")
run("what was added", 300, *logs)
run("a stream", 2000, "-", stdin=b"".join(lines(2000, seed=11)))
filtered = bench.write("filtered.log", lines(2000, seed=12))
kept = sum(b'" 404 ' in line for line in lines(2000, seed=12))
run("with filters", kept, filtered, "--status", "404", "--include", "**", "--progress", "always")
bench.write("half.log.gz", gzip.compress(b"".join(lines(3000, seed=13)))[:-20])
said = bench.ingest("half.log.gz", "--jobs", "4", sinks=SINKS, code=3)
bench.check("a damaged log ends all threads", said is not None)
bench.end()
