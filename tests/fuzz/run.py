#!/usr/bin/env python3
"""Runs one fuzz target for TRACK_USAGE_FUZZ_SECONDS (10), from seeds made of the
sample logs.

    run.py TARGET clf|json|filter
"""

import os
import pathlib
import subprocess
import sys
import tempfile

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "sample_logs"
# By the kind that the target's first byte chooses.
PATTERNS = [(b"/shop/**", b"*.{png,jpg}", b"re:^/api/v[12]/"), (b"/**/x?y", b"re:(a|b)*$"),
            (b"404,5xx,!500", b"400-499"), (b"GET,!POST",), (b"*.example", b"!shop.example"),
            (b"192.0.2.0/24,!192.0.2.1", b"2001:db8::/32"), (b"*bot*",)]


def seeds(kind):
    if kind == "filter":
        return [bytes([number]) + pattern for number, patterns in enumerate(PATTERNS) for pattern in patterns]
    logs = [path.read_bytes().splitlines(keepends=True) for path in sorted(SAMPLES.rglob("*"))
            if path.is_file() and path.suffix in (".log", ".json", ".1")]
    head = b"\x07\x80" if kind == "clf" else b" "
    step = 3 if kind == "clf" else 1
    return [head + b"".join(log[at:at + step]) for log in logs for at in range(0, min(len(log), 150), step)]


target, kind = sys.argv[1:]
seconds = os.environ.get("TRACK_USAGE_FUZZ_SECONDS", "10")
with tempfile.TemporaryDirectory(prefix="track-usage-fuzz-") as folder:
    for number, seed in enumerate(seeds(kind)):
        pathlib.Path(folder, str(number)).write_bytes(seed)
    fuzzer = [os.path.abspath(target), f"-max_total_time={seconds}", "-error_exitcode=1", "-timeout=10", "-rss_limit_mb=2048", folder]
    sys.exit(subprocess.run(fuzzer).returncode)
