#!/usr/bin/env python3
"""What reading each format costs: the same requests written by every format of
sample_logs/formats, in processor time of a dry run beside that of combined.

    formats.py TRACK-USAGE [LINES]      default: 100,000
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it was checked out
TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "sample_logs")]
import make_formats
import traffic

ROUNDS = 5


def requests(count):
    site = traffic.Traffic(random.Random(7), n_paths=5_000, n_addresses=20_000, n_agents=500)
    return list(site.requests(traffic.epoch_of("2026-11-09"), 48, count))


def logs(folder, count):
    """Writes a log of each format; gives its path and lines by name."""
    asked = requests(count)
    make_formats.REQUESTS[:] = asked
    made = {"combined": [traffic.combined(r) + "\n" for r in asked], "json": [traffic.json_line(r) + "\n" for r in asked],
            "extras": [traffic.combined(r) + f' {r.seconds:.3f} "a b"\n' for r in asked]}
    for name, make in make_formats.FORMATS.items():
        made[name] = [make_formats.text_of([line]) for line in make()]
    for name, lines in made.items():
        path = folder / f"{name}.log"
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
        yield name, path, len(lines)


def seconds(program, path):
    before = os.times()
    subprocess.run([program, "ingest", "--dry-run", "--quiet", "--jobs", "1", "--sink", f"sqlite:{path.parent}/none.db", path],
                   check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def ratios(program, count, rounds=ROUNDS):
    """By format: nanoseconds a line, and how many times combined's."""
    with tempfile.TemporaryDirectory() as folder:
        made = list(logs(pathlib.Path(folder), count))
        taken = {name: [] for name, _, _ in made}
        for _ in range(rounds):
            for name, path, lines in made:
                taken[name].append(seconds(program, path) / lines * 1e9)
        best = {name: min(times) for name, times in taken.items()}
    return {name: (cost, cost / best["combined"]) for name, cost in best.items()}


if __name__ == "__main__":
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    for name, (cost, ratio) in ratios(os.path.abspath(sys.argv[1]), count).items():
        print(f"{name:14} {cost:6.0f} ns a line  {ratio:5.2f} times combined")
