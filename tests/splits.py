#!/usr/bin/env python3
"""However its input is cut, the same log gives the same rows, rejects and sums:
jobs, batches, pipe writes, compressions, and a file that grows between runs.

    splits.py TRACK-USAGE [SEED...]      default: 1 2 3 4; a random one: `random`
"""

import bz2
import gzip
import json
import lzma
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading

from checks import DEADLINE, FIELDS, Bench, lines

MAX_LINE = 2048
SAMPLES = sorted((pathlib.Path(__file__).parent.parent / "sample_logs/formats").glob("*.log"))
bench = Bench(sys.argv[1])


def long_line(dice, length):
    """A combined line of exactly so many bytes; None: of any odd ones."""
    head, tail = b'192.0.2.9 - - [10/Nov/2026:10:00:00 +0000] "GET /', b' HTTP/1.1" 200 5 "-" "long/1"'
    if length is None:
        return head + dice.choice([b"a", b"%20", b"\\x41", b"\xc3\xa9", b"\xff"]) * 4000 + tail
    return head + b"x" * (length - len(head) - len(tail)) + tail


def content(dice):
    sound = [line for kind in ("combined", "common", "vhost_combined", "json")
             for line in lines(dice.randrange(5, 120), dice.randrange(1 << 30), kind=kind)]
    for path in dice.sample(SAMPLES, 8):
        sound += path.read_bytes().splitlines(keepends=True)
    sound = [line[:-1] for line in sound]
    if dice.random() < 0.7:
        dice.shuffle(sound)
    out = []
    for line in sound:
        what = dice.random()
        if what < 0.03:
            out.append(long_line(dice, MAX_LINE + dice.randrange(-2, 3)))
        elif what < 0.05:
            out.append(long_line(dice, dice.choice([None, 9000, 70000, 400])))
        elif what < 0.07:
            out.append(bytes(dice.randrange(11, 256) for _ in range(dice.choice([1, 30, 3000, 20000]))))
        elif what < 0.09:
            out.append(dice.choice([b"", b" \t", b"#Fields: a b", b"\r", b"\0" * 40]))
        elif what < 0.14:
            out.append(b"\0" * dice.choice([1, 2, 50, 200, 2047, 2048, 5000]) + line)
        elif what < 0.16:
            out.append(line[:dice.randrange(len(line))])
        elif what < 0.18:
            at = dice.randrange(len(line))
            out.append(line[:at] + dice.choice([b"\r", b"\xff", b"\\x0a", b"\\", b'"', b"\0"]) + line[at:])
        out.append(line)
    all_crlf = dice.random() < 0.3
    text = b"".join(line + (b"\r\n" if all_crlf or dice.random() < 0.1 else b"\n") for line in out)
    if dice.random() < 0.5:
        text = b"\xef\xbb\xbf" + text
    if dice.random() < 0.5:
        text = text[:-dice.randrange(1, 100)]
    return text


def pieces(text, dice, largest):
    at = 0
    while at < len(text):
        size = dice.choice([1, 7, 4096, 65536, dice.randrange(1, largest)])
        yield text[at:at + size]
        at += size


def packed(text, dice, kind):
    """Compressed in several members where the format knows them."""
    if kind == "zst":
        done = subprocess.run(["zstd", "-q", "-c"], input=text, capture_output=True, check=True)
        return done.stdout
    press = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[kind]
    at = dice.randrange(len(text))
    return press(text[:at]) + press(text[at:])


class Outcome:
    """All that a store says of one log, without what may differ (ids, times, path)."""

    def __init__(self, store, account):
        columns = [row[1] for row in bench.query("PRAGMA table_info(usage_rows)", store)]
        named = ", ".join(c for c in columns if c not in ("id", "source"))
        self.parts = {
            "rows": bench.query(f"SELECT {named} FROM usage_rows ORDER BY id", store),
            "rejects": bench.query("SELECT source_offset, line, reason, raw FROM usage_rejects ORDER BY 1", store),
            "accounting": [account[f] for f in FIELDS],
            "source": bench.query("SELECT read, stored, filtered, rejected, blank, offset FROM usage_sources", store)}
        views = bench.query("SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'usage_%ly'", store)
        for (view,) in views:
            self.parts[view] = bench.query(f"SELECT * FROM {view} ORDER BY 1, 2, 3", store)

    def differences(self, other):
        out = []
        for name, right in self.parts.items():
            found = other.parts.get(name)
            if found != right:
                first = next((i for i, (a, b) in enumerate(zip(right, found)) if a != b), min(len(right), len(found)))
                out.append(f"{name}: {len(found)} for {len(right)}, the first at {first}:"
                           f" {str(found[first:first + 1])[:600]} for {str(right[first:first + 1])[:600]}")
        return out


def options(jobs, batch):
    return ["--final", "--max-line", MAX_LINE, "--jobs", jobs, *(["--batch", batch] if batch else []),
            "--max-rejects", "1000000"]


def piped(text, dice, store, *args):
    """Through a pipe in odd writes."""
    account = bench.folder / "account.json"
    account.unlink(missing_ok=True)
    child = subprocess.Popen([bench.binary, "ingest", "--config", "none", "-q", "--sink", f"sqlite:{store}",
                              "--summary-json", str(account), *map(str, args), "-"], stdin=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, cwd=bench.folder, env=bench.environment)

    def feed():
        with child.stdin as pipe:
            for piece in pieces(text, dice, 100000):
                os.write(pipe.fileno(), piece) if len(piece) < 4096 else (pipe.write(piece), pipe.flush())
    feeder = threading.Thread(target=feed)
    feeder.start()
    code = child.wait(DEADLINE)
    feeder.join()
    if code != 0:
        bench.check("exit of ingest -", code, 0)
    return json.loads(account.read_text())


def grown(text, dice, store, *args):
    """The file grows by odd pieces, and each time what is new is taken; sums add up."""
    path = bench.folder / "grown.log"
    path.write_bytes(b"")
    parts, sums = list(pieces(text, dice, max(2, len(text) // 4))), dict.fromkeys(FIELDS, 0)
    while len(parts) > 12:  # few runs are enough: join neighbours
        at = dice.randrange(len(parts) - 1)
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    for number, piece in enumerate(parts):
        with open(path, "ab") as file:
            file.write(piece)
        last = number + 1 == len(parts)
        total = bench.ingest(path, *[a for a in args if last or a != "--final"], sinks=[f"sqlite:{store}"])["total"]
        for field in FIELDS[1:-1]:
            sums[field] += total[field]
    sums["read"] = sum(sums.values())
    return {"total": sums}


def one_log(seed):
    dice = random.Random(seed)
    text = content(dice)
    bench.room(f"seed {seed}")
    log = bench.write("access.log", text)
    right = Outcome("right.db", bench.ingest(log, *options(1, None), sinks=["sqlite:right.db"])["total"])
    bench.check("read is the number of lines", right.parts["accounting"][0],
                text.count(b"\n") + (not text.endswith(b"\n")))
    bench.identities("right.db")
    printed = bench.ingest(log, *options(1, None), sinks=["print:"])["stdout"]

    vias = ["file", "stdin", "grown", "gz", "bz2", "xz"] + (["zst"] if shutil.which("zstd") else [])
    for via in vias:
        source = bench.write(f"access.log.{via}", packed(text, dice, via)) if via in ("gz", "bz2", "xz", "zst") else log
        for jobs in (1, 4):
            for batch in ("4KiB", "64KiB", None):
                store = f"{via}-{jobs}-{batch}.db"
                args = options(jobs, batch)
                if via == "stdin":
                    said = piped(text, dice, store, *args)
                elif via == "grown":
                    said = grown(text, dice, store, *args)
                else:
                    said = bench.ingest(source, *args, sinks=[f"sqlite:{store}"])
                found = Outcome(store, said["total"])
                bench.check(f"{via}, --jobs {jobs}, --batch {batch}", right.differences(found), [])
        if via in ("file", "gz"):
            again = bench.ingest(source, *options(4, "4KiB"), sinks=["print:"])["stdout"]
            bench.check(f"print: of {via}, 4 jobs, 4 KiB", again == printed)


def holes():
    """What a writer without O_APPEND leaves before a line is no part of it (ruling 4)."""
    bench.room("holes")
    for kind in ("combined", "common", "vhost_combined", "json"):
        sound = lines(60, kind=kind)
        holed = [b"\0" * (number % 4) + line for number, line in enumerate(sound)]
        right = bench.ingest(bench.write("sound.log", sound), sinks=["print:"])["stdout"]
        for batch in ("4KiB", "64MiB"):
            found = bench.ingest(bench.write("holed.log", holed), "--batch", batch, sinks=["print:"])["stdout"]
            bench.check(f"{kind}, --batch {batch}", found == right)


holes()
for seed in sys.argv[2:] or ["1", "2", "3", "4"]:
    seed = random.SystemRandom().randrange(1 << 32) if seed == "random" else int(seed)
    print(f"seed {seed}")
    one_log(seed)
bench.end()
