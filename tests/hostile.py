#!/usr/bin/env python3
"""Logs that are meant to hurt: lines without end, nested a million deep, of a million parts, no text
at all, small files that unpack to large ones. Every line is accounted for, memory stays below what an
ordinary log of that size takes plus a few times --max-line, and twice the log takes twice the time.

    hostile.py TRACK-USAGE [WORD...]     the cases whose names hold one of the words
"""

import dataclasses
import gzip
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable

from checks import FIELDS, Bench

MB, MIB = 1_000_000, 1 << 20
JOBS = 2
LONG = 32  # MiB: --max-line of lines that are read whole; the default is 1
LITTLE = 0.4  # seconds of processor time: less says nothing of how it grows
GROWTH = 3  # times the processor time for twice the log; quadratic would be 4
ENOUGH = 30  # seconds of processor time after which a run is ended
EXPLAINED = 3  # seconds of processor time for any line
BATCH = 4  # MiB of log in a unit, where lines are long; what a store keeps of them is not measured here
SLOTS = 2 * JOBS + 2  # of the ring between reader and writer
TEXTS = 3  # of a line that is all request: the request, its URL and its path

FRAME = b'192.0.2.1 - - [22/Nov/2026:14:05:09 +0000] "GET /'
ANSWER = b' HTTP/1.1" 200 5 "-" "'
SOUND = FRAME + ANSWER + b'curl/8.5.0"\n'
JSON = b'{"time":"2026-11-22T14:05:09Z","remote_addr":"192.0.2.1","status":200,"request":"GET / HTTP/1.1",'
LOGFMT = b"time=2026-11-22T14:05:09Z remote_addr=192.0.2.1 method=GET path=/ status=200 "
LTSV = b"time:[22/Nov/2026:14:05:09 +0000]\thost:192.0.2.1\treq:GET / HTTP/1.1\tstatus:200\t"
COLUMNS = b"#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent)"
W3C = b"2026-11-22 14:05:09 192.0.2.1 GET / 200 "
DOCKER = (b'{"log":"', b'\\n","stream":"stdout","time":"2026-11-22T14:05:09.123456789Z"}')
SYSLOG = b"<134>Nov 22 14:05:09 web1 nginx: "
SYSLOG_DATA = b"<134>1 2026-11-22T14:05:09Z web1 nginx 77 - "
SIGNS = b"\"\\[]{}()<>:;=/,.%#&|'-+\t\x00\xff"

bench = Bench(sys.argv[1])
words = sys.argv[2:]


# --- logs: what they are made of, as pieces and how often each comes

def line(head, piece, tail=b"\n", then=SOUND):
    """One line with n times the piece in it, and what stands behind it."""
    return lambda n: [(head, 1), (piece, n), (tail + then, 1)]


def numbered(head, piece, tail=b"\n", then=SOUND, last=b""):
    """The same with a number in each piece, which is `last` in the last one."""
    def parts(n):
        yield head, 1
        for at in range(0, n, 1000):
            yield b"".join(piece % number for number in range(at, min(at + 1000, n))), 1
        yield last + tail + then, 1
    return parts


def signs(head, tail, behind=b""):
    """A line for each sign of which something could begin, n of them."""
    return lambda n: [part for sign in SIGNS for part in ((head, 1), (bytes([sign]) + behind, n), (tail, 1))] + [(SOUND, 1)]


def noise(n):
    """n lines of random bytes, the same each time."""
    source = random.Random(7)
    yield SOUND, 1
    for _ in range(n // 1000):
        block = bytearray(source.randbytes(100_000).replace(b"\n", b"\r"))
        block[99::100] = b"\n" * 1000
        yield bytes(block), 1


def write(parts, name="hostile.log", pack=None):
    """A file of those pieces; packed piece by piece, which gzip lets stand one behind the other."""
    path = bench.folder / name
    with open(path, "wb") as file:
        for piece, times in parts:
            if piece == b"\0" and pack is None:
                file.seek(times, os.SEEK_CUR)  # a hole takes no place
                continue
            many = max(1, min(times, MIB // max(len(piece), 1)))
            block, rest = piece * many, piece * (times % many)
            if pack is not None:
                block, rest = pack(block), pack(rest)
            for _ in range(times // many):
                file.write(block)
            file.write(rest)
    return path


# --- runs

def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (ENOUGH, ENOUGH))
    resource.setrlimit(resource.RLIMIT_AS, (4096 * MIB, 4096 * MIB))


def measured(*args):
    """Exit code, seconds of processor time and MiB at the peak of one run; what it said is in a file."""
    with open(bench.folder / "said", "wb") as said:
        child = subprocess.Popen([bench.binary, *map(str, args)], cwd=bench.folder, env=bench.environment, stdin=subprocess.DEVNULL,
                                 stdout=said, stderr=said, preexec_fn=limits)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ingest(log, *options):
    """The same of a run into a new store, and its accounting."""
    for name in ("usage.db", "usage.db-wal", "usage.db-shm", "account.json"):
        (bench.folder / name).unlink(missing_ok=True)
    code, seconds, peak = measured("ingest", "--config", "none", "--jobs", JOBS, "--summary-json", "account.json",
                                   "--sink", "sqlite:usage.db", *options, log)
    account = bench.folder / "account.json"
    return code, seconds, peak, json.loads(account.read_text())["total"] if account.exists() else None


@dataclasses.dataclass
class Case:
    name: str
    log: Callable  # of a size, to pieces
    size: int  # of the larger log; the other is half of it
    right: Callable  # what must be of the lines of a size, of the fields that it names
    max_line: int = 1  # MiB
    explain: bool = False  # its first line is explained, too
    options: tuple = ()
    pack: Callable | None = None  # the pieces
    many: bool = False  # of its lines are as long as they may be


def of(stored=1, rejected=0, blank=0):
    return lambda n: {"stored": stored, "rejected": rejected, "blank": blank, "read": stored + rejected + blank}


# Half of them as long again as a line may be (100 MB, of which 1 MiB is looked at), half of them read whole.
CUT = 100 * MB
CASES = [
    Case("a URL without end", line(FRAME, b"a", ANSWER + b'"\n'), CUT, of(1, 1), explain=True),
    Case("a URL without end or newline", line(FRAME, b"a", b"", b""), CUT, of(0, 1), explain=True),
    Case("an agent without end", line(FRAME + ANSWER, b"a", b'"\n'), CUT, of(2), explain=True),
    Case("an agent without end or newline", line(SOUND + FRAME + ANSWER, b"a", b"", b""), CUT, of(2)),
    Case("a JSON string without end", line(JSON + b'"x":"', b"a", b'"}\n'), CUT, of(2), explain=True),
    Case("a JSON string without end, first", line(b'{"x":"', b"a", b'",' + JSON[1:-1] + b"}\n"), CUT, of(1, 1)),
    Case("in quotes without end", line(b'"' + FRAME, b"a", ANSWER + b'""\n'), CUT, of(1, 1), explain=True),
    Case("a logfmt key without end", line(LOGFMT, b"a", b"=1\n"), CUT, of(1, 1), explain=True),
    Case("an LTSV label without end", line(LTSV, b"a", b":1\n"), CUT, of(1, 1), explain=True),
    Case("a #Fields line without end", line(COLUMNS + b" ", b"a", b"\n", W3C + b"-\n" + SOUND), CUT, of(1, 1, 1), explain=True),
    Case("#Fields of columns without end", line(COLUMNS, b" a", b"\n", W3C + b"-\n" + SOUND), CUT // 2, of(1, 1, 1)),
    Case("behind syslog without end", line(SYSLOG, b"a"), CUT, of(1, 1), explain=True),
    Case("in syslog's data without end", line(SYSLOG_DATA, b'[a b="]"]'), CUT // 9, of(1, 1)),
    Case("a container's line without end", line(DOCKER[0] + FRAME, b"a", DOCKER[1] + b"\n"), CUT, of(1, 1)),
    Case("blanks without end", line(b"", b" "), CUT, of(1, 0, 1)),
    Case("a hole", line(b"", b"\0", SOUND), 2 * CUT, of(2), explain=True),

    *(Case(f"{name}{how}", line(head, piece, tail), MB, of(1, 1), max_line, explain=how == "")
      for name, head, piece, tail in (
          ("arrays a million deep", b"", b"[", b"\n"), ("objects a million deep", b"", b'{"a":', b"\n"),
          ("arrays a million deep in an object", JSON + b'"x":', b"[", b"]" * MB + b"}\n"),
          ("objects a million deep, closed", b"", b'{"a":', b"1" + b"}" * MB + b"\n"),
          ("objects a million deep in a container's line", DOCKER[0], b'{\\"a\\":', DOCKER[1] + b"\n"))
      for how, max_line in (("", LONG), (", cut", 1))),

    *(Case(f"200,000 {name}", log, 200_000, of(*right), LONG, explain, options)
      for name, log, right, explain, options in (  # costlier ones
          ("JSON keys", numbered(JSON, b'"k%d":1,', b'"k":1}\n'), (2,), True, ()),
          ("JSON keys and --set", numbered(JSON, b'"k%d":1,', b'"k":1}\n'), (2,), False, ("--set", "a=b")),
          ("times one JSON key", line(JSON, b'"k":1,', b'"k":1}\n'), (2,), False, ()),
          ("keys of a JSON object", numbered(JSON + b'"x":{', b'"k%d":1,', b'"k":1}}\n'), (2,), False, ()),
          ("[ and blanks", line(b"", b"[ "), (1, 1), True, ()),
          ("blanks after the address", line(b"192.0.2.1", b" "), (1, 1), True, ()),
          ("keys that nothing reads", numbered(b'{"x":1,', b'"k%d":"/",', b'"k":1}\n'), (1, 1), True, ()))),
    *(Case(f"a million {name}", log, MB, of(*right), LONG, explain, options)
      for name, log, right, explain, options in (
          ("logfmt pairs", numbered(LOGFMT, b"k%d=1 ", b"k=1\n"), (2,), True, ()),
          ("times one logfmt pair", line(LOGFMT, b'k="1" '), (2,), False, ()),
          ("LTSV pairs", numbered(LTSV, b"k%d:1\t", b"k:1\n"), (2,), True, ()),
          ("blanks before the end", line(SOUND[:-1], b" "), (2,), True, ()),
          ("fields more", line(SOUND[:-1], b" x"), (2,), True, ()),
          ("quoted fields more", line(SOUND[:-1], b' "x"'), (2,), False, ()),
          ("arguments", numbered(FRAME + b"?", b"k%d=1&", ANSWER + b'"\n'), (2,), True, ()),
          ("times one argument", line(FRAME + b"?", b"k=1&", ANSWER + b'"\n'), (2,), False, ()),
          ("%41 in a path", line(FRAME, b"%41", ANSWER + b'"\n'), (2,), False, ()),
          ("quotes that are escaped", line(FRAME + ANSWER, b'\\"', b'"\n'), (2,), True, ()),
          ("quotes that are not", line(FRAME + ANSWER, b'"', b'"\n'), (2,), True, ()),
          ("doubled quotes", line(COLUMNS + b"\n" + W3C + b'"', b'""', b'"\n'), (2, 0, 1), False, ()),
          ("doubled quotes in quotes", line(b'"' + SOUND[:-2].replace(b'"', b'""'), b'""', b'"""\n'), (2,), False, ()),
          ("backslashes", line(FRAME + ANSWER, b"\\\\", b'"\n'), (2,), True, ()),
          ("words of an agent", line(FRAME + ANSWER, b"a/1 (b; ", b'"\n'), (2,), False, ()),
          ("languages", line(JSON + b'"http_accept_language":"', b"a;q=0.1,", b'b"}\n'), (2,), False, ()),
          ("durations", line(JSON + b'"request_time":"', b"x, ", b'x"}\n'), (2,), False, ()),
          ("escapes in JSON", line(JSON + b'"x":"', b"\\u00e9", b'"}\n'), (2,), False, ()),
          ("escapes in a container's line", line(DOCKER[0] + SOUND[:-2].replace(b'"', b'\\"'), b"\\u00e9", b'\\"' + DOCKER[1] + b"\n"),
           (2,), False, ()),
          ("values of W3C", line(COLUMNS + b"\n" + W3C + b"-", b" x"), (2, 0, 1), False, ()),
          ("quotes of a format string", line(FRAME + ANSWER, b'" "', b'"\n'), (2,), False,
           ("--format", '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" "%{A}i" "%{B}i"')),
          ("elements of syslog's data", line(SYSLOG_DATA, b'[a b="]"]', b" " + SOUND), (2,), False, ()))),

    Case("of each sign", signs(b"", b"\n"), MB // 5, lambda n: {"read": len(SIGNS) + 1, "stored": 1}, LONG),
    Case("of each sign and a blank", signs(b"", b"\n", b" "), MB // 5, lambda n: {"read": len(SIGNS) + 1, "stored": 1}, LONG),
    Case("of each sign in an agent", signs(FRAME + ANSWER, b'"\n'), MB // 5, of(len(SIGNS) + 1), LONG),
    Case("columns of #Fields", line(COLUMNS, b" a", b"\n", W3C + b"-\n" + SOUND), 25_000, lambda n: {"read": 3, "blank": 1}),
    Case("lines of #Fields that differ", numbered(b"", COLUMNS + b" x%d\n"), 200_000,
         lambda n: {"stored": 1, "blank": n + 1}),
    Case("lines of #Fields that differ, with a line each", numbered(b"", COLUMNS + b" x%d\n" + W3C + b"- -\n"), 200_000,
         lambda n: {"stored": n + 1, "blank": n + 1}),
    Case("long lines of #Fields that differ", numbered(b"", COLUMNS + b" a" * 25_000 + b" x%d\n" + W3C + b"- -\n"), 200,
         lambda n: {"blank": n + 1}),
    Case("200,000 syslog hosts", numbered(b"", SYSLOG.replace(b"web1", b"web%d") + SOUND), 200_000, lambda n: {"stored": n + 1}),
    Case("random bytes", noise, 300_000, lambda n: {"read": n + 1, "stored": 1}),
    Case("agents that differ, as long as they may be", numbered(b"", FRAME + ANSWER + b"%d" + b"a" * (MIB - 200) + b'"\n', b""), 200,
         lambda n: {"stored": n + 1}, many=True),
    Case("lines as long as they may be", numbered(b"", FRAME + b"%d" + b"a" * (4 * MIB - 100) + ANSWER + b'"\n', b""), 32,
         lambda n: {"stored": n + 1}, max_line=4, many=True),
    Case("packed zeros", line(b"", b"\0", SOUND), 1000 * MB, of(2), explain=True, pack=gzip.compress),
    Case("a packed line", line(b"", b"a"), 300 * MB, of(1, 1), explain=True, pack=gzip.compress),
    Case("packed newlines", line(b"", b"\n", SOUND), 50 * MB, lambda n: {"stored": 2, "blank": n}, pack=gzip.compress),
]


def ordinary():
    """MiB at the peak for an ordinary log as large as the larger ones are."""
    bench.room("ordinary")
    lines = b"".join(SOUND.replace(b"192.0.2.1", b"192.0.%d.%d" % (i % 7, i % 251)).replace(b"/ ", b"/page/%d " % i) for i in range(10_000))
    _, _, peak, total = ingest(write([(lines, CUT // len(lines))]))
    bench.check("all lines of it are stored", total["stored"] if total else None, CUT // len(lines) * 10_000)
    return peak


def check(case, ordinary_peak):
    bench.room(case.name)
    # A long line stands in the buffer that is read into and in a chunk, beside what any log takes.
    # Where all are long, each slot has one and its texts, and so have the unit that is filled and the
    # one that is committed.
    limit = ordinary_peak + 2 * case.max_line
    if case.many:
        limit += SLOTS * (1 + TEXTS) * case.max_line + 2 * TEXTS * (BATCH + case.max_line)
    options = ["--max-line", f"{case.max_line}MiB"]
    batch = ["--batch", f"{BATCH}MiB"] if case.many else []
    took = []
    for size in (case.size // 2, case.size):
        log = write(case.log(size), pack=case.pack)
        code, seconds, peak, total = ingest(log, *options, *batch, *case.options)
        took.append(seconds)
        print(f"    {size:,}: {seconds:.2f} s, {peak:.0f} MiB, exit {code}, {total}")
        if total is None:
            bench.check(f"{size:,}: ends", [code, (bench.folder / "said").read_text(errors="replace")[-300:]], 0)
            return
        right = case.right(size)
        rejected = total["rejected"] > 100 and total["rejected"] > 0.005 * (total["read"] - total["blank"])
        bench.check(f"{size:,}: exit code and lines", [code, {field: total[field] for field in right}], [int(rejected), right])
        bench.check(f"{size:,}: the accounting closes", total["read"], sum(total[field] for field in FIELDS[1:]))
        bench.check(f"{size:,}: MiB below {limit:.0f}", peak < limit or peak)
    if took[1] > max(LITTLE, GROWTH * took[0]):  # a machine that is busy with something else?
        for i, size in enumerate((case.size // 2, case.size)):
            took[i] = min(took[i], ingest(write(case.log(size), pack=case.pack), *options, *batch, *case.options)[1])
    bench.check("twice the log takes twice the time", took[1] <= max(LITTLE, GROWTH * took[0]) or took)
    if case.explain:
        code, seconds, peak = measured("explain", "--config", "none", *options, f"{log.name}:1")
        print(f"    explain: {seconds:.2f} s, {peak:.0f} MiB, exit {code}")
        bench.check("explained in time", code in (0, 1) and seconds < EXPLAINED or [code, seconds])
        bench.check(f"explained: MiB below {limit:.0f}", peak < limit or peak)
    for path in bench.folder.iterdir():
        path.unlink()


peak = ordinary()
print(f"an ordinary log: {peak:.0f} MiB")
for case in CASES:
    if not words or any(word in case.name for word in words):
        check(case, peak)
bench.end()
