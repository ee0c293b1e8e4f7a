#!/usr/bin/env python3
"""Times whole runs in turn (A B A B ...) on one file and prints the table of ratios.

compare.py BUILD LINES [PAIRS] [--keep FOLDER]: BUILD is a release build folder.
Figures are seconds of wall time; ratios are taken pair by pair, so that a
machine whose speed drifts does not decide."""
import argparse
import contextlib
import itertools
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def timed(command, **options):
    """Wall seconds and peak memory in KiB of one run; its stdout."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **options)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command} ended with {child.returncode}")
    return time.monotonic() - begin, usage.ru_maxrss, out


def fresh(path):
    for suffix in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("lines", type=int)
    options.add_argument("pairs", type=int, nargs="?", default=5)
    options.add_argument("--keep", type=pathlib.Path, help="folder for the files, kept for the next time")
    args = options.parse_args()
    folder = args.keep or pathlib.Path(tempfile.mkdtemp(prefix="track-usage-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    log, json_log, gz_log = (folder / f"{args.lines}.{kind}" for kind in ("log", "json", "log.gz"))
    large = args.lines > 1_000_000  # then only what grows with the size is measured
    if not log.exists():
        forms = [] if large else ["--json", json_log, "--gz", gz_log]
        subprocess.run([sys.executable, HERE / "generate.py", str(args.lines), log, *forms], check=True)
    tool = args.build / "track-usage"
    raw = args.build / "tests" / "bench" / "raw_sqlite"
    db, raw_db, known = folder / "bench.db", folder / "raw.db", folder / "known.db"
    environment = {**os.environ, "TRACK_USAGE_CONFIG": "none", "LC_ALL": "C.UTF-8"}

    def ingest(what, *more):
        return lambda: timed([tool, "ingest", "--sink", f"sqlite:{fresh(db)}", *more, what], env=environment)

    def raw_run():
        # The part that is timed is told by the program: loading is not writing.
        _, memory, out = timed([raw, db, fresh(raw_db)])
        return float(out), memory, out

    def nothing_new():
        """The file's times say that it was settled when it was read, as those of a log rotated long ago."""
        stat = log.stat()
        with contextlib.closing(sqlite3.connect(known)) as store, store:
            store.execute("UPDATE usage_inputs SET mtime_ns = ?, ctime_ns = ?, seen_ns = ?",
                          (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ctime_ns + 3 * 10**9))
        return timed([tool, "ingest", "--sink", f"sqlite:{known}", log], env=environment)

    def a_few_new():
        """2,000 lines more at the end of a copy of the store and of the known log."""
        size = log.stat().st_size
        with open(log, "rb") as file:
            more = list(itertools.islice(file, 2000))
        shutil.copy(known, fresh(raw_db))
        with open(log, "ab") as file:
            file.write(b"".join(more))
        try:
            return timed([tool, "ingest", "--sink", f"sqlite:{raw_db}", log], env=environment)
        finally:
            os.truncate(log, size)

    def read_back(*words):
        return lambda: timed([tool, *words, "--from", f"sqlite:{known}"], env=environment)

    cases = {
        "full run into SQLite": ingest(log),
        "raw SQLite, same rows and cells": raw_run,  # stands right behind the run whose database it copies
        "rows only": ingest(log, "--hook", "none"),
        "from .gz": ingest(gz_log),
        "from JSON": ingest(json_log),
        "parse alone (dry run)": lambda: timed([tool, "ingest", "--dry-run", "--sink", f"sqlite:{fresh(folder / 'none.db')}", log], env=environment),
        "nothing new on the known log": nothing_new,
        "2,000 new lines behind it": a_few_new,
        "report of the store": read_back("report"),
        "sum remote --top 20": read_back("sum", "remote", "--top", "20"),
        "rows, the newest 500": read_back("rows", "--output", "jsonl"),
        "wc -l": lambda: timed(["wc", "-l", log]),
        "mawk, hits by path": lambda: timed(["mawk", "{n[$7]++} END {for (p in n) print n[p], p}", log]),
    }
    hard_kinds = () if large else ("hour", "shuffled", "scanner")
    if large:
        for name in ("from .gz", "from JSON", "mawk, hits by path"):
            del cases[name]
    for kind in hard_kinds:
        hard = folder / f"{args.lines}.{kind}.log"
        if not hard.exists():
            subprocess.run([sys.executable, HERE / "generate.py", str(args.lines), hard, "--kind", kind], check=True)
        cases[f"full run, {kind}"] = ingest(hard)
    if shutil.which("goaccess"):
        cases["GoAccess, JSON report"] = lambda: timed(["goaccess", log, "--log-format=COMBINED", "-q", "--no-progress", "-o", folder / "goaccess.json"])
    timed([tool, "ingest", "--sink", f"sqlite:{fresh(known)}", log], env=environment)
    times = {name: [] for name in cases}
    memory = dict.fromkeys(cases, 0)
    size = 0
    for _ in range(args.pairs):
        for name, run in cases.items():
            seconds, peak, _ = run()
            times[name].append(seconds)
            memory[name] = max(memory[name], peak)
            if name == "full run into SQLite":
                size = db.stat().st_size

    megabytes = log.stat().st_size / 1e6
    print(f"{args.lines:,} lines, {megabytes:.0f} MB, {args.pairs} rounds in turn, warm cache\n")
    print(f"{'':34}{'min':>8}{'median':>8}{'max':>8}{'lines/s':>12}{'MB/s':>8}{'peak MB':>9}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:34}{min(seconds):8.2f}{median:8.2f}{max(seconds):8.2f}{args.lines / median:12,.0f}{megabytes / median:8.0f}{memory[name] / 1024:9.0f}")
    print(f"\ndatabase: {size / args.lines:.0f} bytes a line\n")

    def ratio(words, a, b):
        if a in times and b in times:
            pairs = sorted(x / y for x, y in zip(times[a], times[b]))
            print(f"{words:58}{pairs[0]:8.2f}{statistics.median(pairs):8.2f}{pairs[-1]:8.2f}")

    print(f"{'ratios, pair by pair':58}{'min':>8}{'median':>8}{'max':>8}")
    ratio("GoAccess' time in full runs (times faster)", "GoAccess, JSON report", "full run into SQLite")
    ratio("GoAccess' time in runs of rows only", "GoAccess, JSON report", "rows only")
    ratio("raw SQLite's time in full runs (share of its speed)", "raw SQLite, same rows and cells", "full run into SQLite")
    ratio("parse alone in wc -l", "parse alone (dry run)", "wc -l")
    ratio(".gz in plain", "from .gz", "full run into SQLite")
    ratio("JSON in combined", "from JSON", "full run into SQLite")
    for kind in hard_kinds:
        ratio(f"{kind} in the usual", f"full run, {kind}", "full run into SQLite")
    if args.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
