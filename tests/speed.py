#!/usr/bin/env python3
"""Holds speed as ratios that are measured in one run, with generous bounds: what
halves it is seen, whatever the machine.

    speed.py TRACK-USAGE STEP_BENCH RAW_SQLITE
"""

import os
import re
import subprocess
import sys
import time

from checks import TESTS, Bench

sys.path.insert(0, str(TESTS / "bench"))
import formats

LINES, ROUNDS = 100_000, 3
# Seen on two busy cores: 26 to 48, 0.7 to 0.8, 0.04, and 1.1 to 4.5 for lines up to four times as long.
PARSE_IN_SCANS, RUN_IN_RAW, AGAIN_IN_RUN, FORMAT_IN_COMBINED = 90, 1.3, 0.15, 9
RICH_IN_PLAIN = 2

bench = Bench(sys.argv[1])
step_bench, raw_sqlite = map(os.path.abspath, sys.argv[2:4])
bench.room("speed")
log, twin = bench.folder / "a.log", bench.folder / "a.json"
subprocess.run([sys.executable, TESTS / "bench" / "generate.py", str(LINES), log, "--json", twin], check=True)

said = subprocess.run([step_bench, log, twin], capture_output=True, text=True)
bench.check("no allocation a line", said.returncode, 0)
for name, times in re.findall(r"/([\w.]+): [^/]* in ([\d.]+) times the scan", said.stdout):
    print(f"{name}: parsing takes {times} newline scans")
    bench.check(f"parsing {name}", float(times) < PARSE_IN_SCANS or times, True)


def full_run(round_, *options):
    begin = time.monotonic()
    bench.ingest(log, *options, sinks=[f"sqlite:{round_}.db"])
    return time.monotonic() - begin


def raw_run(round_):
    """The same rows and cells by plain statements, from memory: it prints its seconds."""
    done = subprocess.run([raw_sqlite, f"{round_}.db", f"raw-{round_}.db"], cwd=bench.folder, capture_output=True,
                          text=True, check=True)
    return float(done.stdout)


pairs = [(full_run(n), raw_run(n)) for n in range(ROUNDS)]
ratio = min(run / raw for run, raw in pairs)
print(f"a full run takes {ratio:.2f} of plain SQLite statements for its rows and cells")
bench.check("a full run beside plain statements", ratio < RUN_IN_RAW or ratio, True)
again = min(full_run(0) for _ in range(ROUNDS)) / min(run for run, _ in pairs)
print(f"a run with nothing new takes {again:.3f} of a full one")
bench.check("a run with nothing new", again < AGAIN_IN_RUN or again, True)
bench.identities("0.db")

# With agents by uap-core, filters, 50 routes and a database of countries: 1.2 to 1.3 times the run without, seen.
subprocess.run(["perl", TESTS / "geo" / "make_mmdb.pl", "nested", bench.folder / "countries.mmdb"], check=True)
enriching = ["--agents", "/usr/share/uap-core/regexes.yaml", "--exclude", "*.none", "--status", "!599", "--geo", "mmdb:countries.mmdb"]
enriching += [word for n in range(50) for word in ("--route", f"/section{n}/<int:id>/<path:rest>")]
ratio = min(full_run(f"rich-{n}", *enriching) / full_run(f"plain-{n}") for n in range(ROUNDS))
print(f"a run with all that a row can be told takes {ratio:.2f} of one without")
bench.check("a run that enriches", ratio < RICH_IN_PLAIN or ratio, True)

for name, (_, ratio) in formats.ratios(bench.binary, 20_000, 3).items():
    print(f"{name} takes {ratio:.1f} times combined")
    bench.check(f"reading {name}", ratio < FORMAT_IN_COMBINED or ratio, True)
bench.end()
