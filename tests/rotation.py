#!/usr/bin/env python3
"""Logs as they are in a system that runs: real logrotate with a writer that never stops, a thousand
files, links, pipes and what cannot be read; and the behaviour that other tools were tried with.

    rotation.py TRACK-USAGE [CASE...]        cases by the names of their functions; exit 77: logrotate is missing

Scenarios that other tools fail at, and where each is tested. Its right answer stands there.

    the same file again                        once.py      the_same_again
    100 lines appended                         once.py      appended_lines
    mv, gzip, and a new file of 50             once.py      rotated_and_compressed
    copytruncate, the new file alone           once.py      copytruncate_and_the_new_part_alone
    copytruncate, both files                   once.py      copytruncate_beside_its_copy
    the same path twice                        once.py      the_same_path_twice
    the newer file first, then an older one    once.py      backfill_of_an_older_file
    the writer in mid-line                     once.py      a_writer_in_mid_line
    stdin in two runs, in the same second      once.py      stdin_twice
    12 lines of garbage, then 1000 good        once.py      garbage_before_good_lines
    9 lines of garbage, then 1 good            rotation.py  nine_garbage_lines_are_not_passed_in_silence
    all lines bad                              rotation.py  all_lines_bad; once.py a_wrong_format_first
    a missing file                             once.py      missing_and_empty_inputs
    an unreadable file                         rotation.py  what_another_user_may_not_read
    an empty file                              once.py      missing_and_empty_inputs
    one instant at -0200 and at +0000          rotation.py  one_instant_at_two_offsets
    22 malformed requests                      rotation.py  malformed_requests
    HTTP/0.9, and "-" with 408                 rotation.py  an_old_request_and_none
    fe80::1%eth0, a host name, status -        rotation.py  odd_clients_and_no_status
    the last field's quote is missing          rotation.py  a_missing_last_quote
    a dry run with the sink down               rotation.py  a_dry_run_with_the_sink_down
    CRLF                                       rotation.py  crlf_line_ends
"""

import collections
import grp
import gzip
import itertools
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zlib

from checks import DEADLINE, Bench, lines
import traffic

bench = Bench(sys.argv[1])
takes, rows_are = bench.takes, bench.rows_are
cases = []
skipped = []
NOBODY = 65534
START = traffic.epoch_of("2026-11-10")
LOGROTATE = shutil.which("logrotate") or shutil.which("logrotate", path="/usr/sbin:/sbin")
NUMBERED = re.compile(rb'192\.0\.2\.\d+ - - \[[^]]+\] "GET /n/(\d+) HTTP/1\.1" 200 \d+ "-" "writer/1"\n')


def case(function):
    cases.append(function)
    return function


def numbered(number):
    """A line that can be told from every other; its time is its own, too."""
    return (f'192.0.2.{number % 250} - - [{traffic.clf_time(START + number, 0)}] "GET /n/{number} HTTP/1.1"'
            f' 200 {number % 5000} "-" "writer/1"\n').encode()


def numbers(begin, end):
    return b"".join(map(numbered, range(begin, end)))


def until(what, condition):
    """Waits for a condition, with a deadline; its value."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{bench.folder.name}: waited {DEADLINE} s for {what}")
        time.sleep(0.002)
    return value


def stored_numbers():
    return collections.Counter(int(path.removeprefix("/n/")) for path, in bench.query("SELECT path FROM usage_rows"))


def errors_about(said, name):
    """How many errors name an input, by this path or another."""
    return len(re.findall(rf"error: [^\n]*'(?:\S*/)?{re.escape(name)}'", said))


def some(found):
    """The first few of many, for a printed line."""
    return sorted(found)[:10]


# --- logrotate and a writer

class Writer(threading.Thread):
    """A server that appends numbered lines all the time, some of them in two writes, and opens its log
    anew between two lines: `inode`, when another file stands at its path; `told`, when logrotate's script
    says so, which waits for it as it should before compressing; `never`, for copytruncate."""

    def __init__(self, path, opens):
        super().__init__(daemon=True)
        self.path, self.opens, self.sign = path, opens, path.with_name("reopen")
        self.written, self.over = 0, threading.Event()
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def run(self):
        while not self.over.is_set():
            line = numbered(self.written)
            cut = len(line) // 2 if self.written % 7 == 0 else 0
            os.write(self.file, line[:cut])
            if cut:
                self.over.wait(0.001)
            os.write(self.file, line[cut:])
            self.written += 1
            if self.opens == "inode" or (self.opens == "told" and self.sign.exists()):
                self.open_anew()
            self.over.wait(0.0005)
        os.close(self.file)

    def open_anew(self):
        try:
            if os.stat(self.path).st_ino != os.fstat(self.file).st_ino:
                file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
                os.close(self.file)
                self.file = file
        except FileNotFoundError:
            return  # it is just being renamed: on with the old one
        self.sign.unlink(missing_ok=True)


TELL = "touch reopen; n=0; while [ -e reopen ] && [ $n -lt 3000 ]; do sleep 0.01; n=$((n + 1)); done"


class Rotation:
    """A folder with a log, its writer, logrotate with some directives, and runs over all that is there.
    `after`: shell commands between the rename and the compression."""

    def __init__(self, *directives, opens="inode", after=()):
        self.log = bench.folder / "access.log"
        self.conf, self.state = bench.folder / "rotate.conf", bench.folder / "rotate.state"
        self.directives = [*directives, "copytruncate" if opens == "never" else "create 0644"]
        after = [*([TELL] if opens == "told" else []), *after]
        if after:
            self.directives += ["postrotate", f"    cd {shlex.quote(str(bench.folder))} || exit 1", *after, "endscript"]
        self.codes = collections.Counter()
        self.writer = Writer(self.log, opens)
        self.writer.start()

    def writes(self, count):
        upto = self.writer.written + count
        until(f"{count} lines", lambda: self.writer.written >= upto)

    def rotate(self):
        """Starts logrotate."""
        body = "\n".join(f"    {line}" for line in self.directives)
        self.conf.write_text(f"{self.log} {{\n{body}\n}}\n")
        os.chmod(self.conf, 0o600)  # it refuses one that others may write
        return subprocess.Popen([LOGROTATE, "-s", self.state, "-f", self.conf], cwd=bench.folder,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=bench.environment)

    def ended(self, child):
        error = child.communicate(timeout=DEADLINE)[1].decode()
        if child.returncode != 0 or error:
            bench.check("logrotate ends well", (child.returncode, error), (0, ""))

    def run(self, by_shell, quiet=False):
        """One run; by the shell's glob, or by the program's own. While logrotate works, a name may be gone
        when it is opened, and a compressed file be half done: that is exit 3, and nothing else is."""
        command = ingest_by_shell() if by_shell else [bench.binary, *INGEST, "access.log*"]
        done = subprocess.run(command, cwd=bench.folder, env=bench.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
        self.judge(done.returncode, done.stderr.decode("utf-8", "replace"), quiet)

    def judge(self, code, error, quiet):
        self.codes[code] += 1
        errors = [line for line in error.splitlines() if line.startswith("track-usage: error")]
        known = [line for line in errors if re.search(r"No such file|no file matches|damaged or cut off", line)]
        good = (code == 0 and not errors) or (not quiet and code == 3 and errors and errors == known)
        if not good:
            bench.check("a run " + ("between rotations" if quiet else "during a rotation"), (code, error), (0, ""))

    def rounds(self, count):
        """Runs before, during and after each rotation; the last is alone, so that it has seen every line
        before the next rotation takes a file away."""
        for number in range(count):
            self.writes(40)
            self.run(by_shell=number % 2 == 0, quiet=True)
            self.writes(15)
            child = self.rotate()
            by_shell = itertools.cycle((number % 2 == 0, number % 2 != 0))
            self.run(next(by_shell))
            while child.poll() is None:
                self.run(next(by_shell))
            self.ended(child)
            self.writes(5)
            self.run(by_shell=number % 2 != 0, quiet=True)

    def end(self):
        """Stops the writer; one more run. What the files hold then, whole line by whole line."""
        self.writer.over.set()
        self.writer.join()
        self.run(by_shell=True, quiet=True)
        self.run(by_shell=False, quiet=True)
        bench.check("runs took place", self.codes[0] >= 4)
        there = collections.Counter()
        for path in bench.folder.glob("access.log*"):
            whole = map(NUMBERED.fullmatch, opened(path).splitlines(keepends=True))
            there.update(int(match[1]) for match in whole if match)
        return there

    def nothing_twice(self):
        stored = stored_numbers()
        bench.check("nothing is stored twice", some(n for n, times in stored.items() if times > 1), [])
        bench.check("nothing is stored that was not written", some(n for n in stored if n > self.writer.written), [])
        bench.identities()
        return stored

    def check_all(self):
        """Nothing lost and nothing twice, and files that are deleted by now were seen before."""
        there, stored = self.end(), self.nothing_twice()
        bench.check("every line of the files is stored", some(there.keys() - stored.keys()), [])
        bench.check("every line that was written is stored", some(set(range(self.writer.written)) - stored.keys()), [])
        return there

    def check_what_is_left(self):
        """logrotate may lose lines between its copy and the truncation: what was not lost must be stored."""
        there, stored = self.end(), self.nothing_twice()
        bench.check("lines are left in the files", len(there) > 50)
        bench.check("every line of the files is stored", some(there.keys() - stored.keys()), [])


INGEST = ["ingest", "--config", "none", "-q", "--max-rejects", "1000000", "--sink", "sqlite:usage.db"]


def ingest_by_shell():
    return ["sh", "-c", f"exec {shlex.join([bench.binary, *INGEST])} access.log*"]


def opened(path):
    """A file's decompressed content."""
    pressed = {".gz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bzip2"}.get(path.suffix)
    if not pressed:
        return path.read_bytes()
    return subprocess.run([pressed, "-dc", path], capture_output=True, check=True).stdout


def names(*patterns):
    return sorted(path.name for pattern in patterns for path in bench.folder.glob(pattern))


@case
def logrotate_create():
    rotation = Rotation("rotate 20")
    rotation.rounds(6)
    rotation.check_all()
    bench.check("six rotated files", names("access.log.*"), [f"access.log.{n}" for n in range(1, 7)])


@case
def logrotate_create_and_delete():
    """rotate 3: the oldest are deleted, and their rows stay."""
    rotation = Rotation("rotate 3")
    rotation.rounds(7)
    there = rotation.check_all()
    bench.check("three rotated files", names("access.log.*"), ["access.log.1", "access.log.2", "access.log.3"])
    bench.check("some lines are in no file any more", len(there) < rotation.writer.written)


@case
def logrotate_compress():
    rotation = Rotation("rotate 20", "compress", opens="told")
    rotation.rounds(6)
    rotation.check_all()
    bench.check("six compressed files", len(names("access.log.*.gz")), 6)


@case
def logrotate_delaycompress():
    rotation = Rotation("rotate 4", "compress", "delaycompress")
    rotation.rounds(7)
    rotation.check_all()
    bench.check("the files", names("access.log.*"), ["access.log.1", *(f"access.log.{n}.gz" for n in (2, 3, 4))])


@case
def logrotate_dateext():
    """Names say the time; one that is taken makes logrotate skip, so each rotation waits for its second."""
    rotation = Rotation("rotate 20", "dateext", "dateformat -%Y%m%d-%s", "compress", "delaycompress")
    for _ in range(3):
        second = int(time.time())
        until("another second", lambda: int(time.time()) > second)
        rotation.rounds(1)
    rotation.check_all()
    dated = re.compile(r"access\.log-\d{8}-\d{10}(\.gz)?")
    bench.check("dated files", [bool(dated.fullmatch(name)) for name in names("access.log-*")], [True] * 3)
    bench.check("two are compressed", len(names("access.log-*.gz")), 2)


def logrotate_with(command, suffix):
    program = shutil.which(command)
    if not program:
        skipped.append(command)
        return
    rotation = Rotation("rotate 20", "compress", f"compresscmd {program}", f"compressext .{suffix}",
                        "compressoptions -3", opens="told")
    rotation.rounds(4)
    rotation.check_all()
    bench.check("compressed files", names("access.log.*"), [f"access.log.{n}.{suffix}" for n in range(1, 5)])


@case
def logrotate_zstd():
    logrotate_with("zstd", "zst")


@case
def logrotate_xz():
    logrotate_with("xz", "xz")


@case
def logrotate_bzip2():
    logrotate_with("bzip2", "bz2")


@case
def logrotate_copytruncate():
    rotation = Rotation("rotate 20", opens="never")
    rotation.rounds(6)
    rotation.check_what_is_left()
    bench.check("six copies", names("access.log.*"), [f"access.log.{n}" for n in range(1, 7)])


@case
def logrotate_copytruncate_compress():
    rotation = Rotation("rotate 3", "compress", "delaycompress", opens="never")
    rotation.rounds(6)
    rotation.check_what_is_left()
    bench.check("the files", names("access.log.*"), ["access.log.1", "access.log.2.gz", "access.log.3.gz"])


def script(name, text):
    path = bench.folder / name
    path.write_text("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


@case
def logrotate_runs_us():
    """The runs are within logrotate: before it renames, after it, and while the .gz is half done beside
    the log that it is made of."""
    run = f"{shlex.join([bench.binary, *INGEST])} access.log* 2>>said; echo $? >>codes-$1"
    script("run.sh", f"cd {shlex.quote(str(bench.folder))} || exit 1\n{run}\n")
    script("slow-gzip.sh", f"cd {shlex.quote(str(bench.folder))} || exit 1\n"
           "gzip -c >part; half=$(($(wc -c <part) / 2)); head -c $half part\n"
           "./run.sh half >/dev/null\ntail -c +$((half + 1)) part\n")
    rotation = Rotation("rotate 20", "compress", f"compresscmd {bench.folder}/slow-gzip.sh",
                        "prerotate", f"    {bench.folder}/run.sh before", "endscript",
                        opens="told", after=["./run.sh after"])
    for _ in range(4):
        rotation.writes(60)
        rotation.ended(rotation.rotate())
        rotation.run(by_shell=True, quiet=True)
    rotation.check_all()
    codes = {which: (bench.folder / f"codes-{which}").read_text().split() for which in ("before", "after", "half")}
    bench.check("exit codes of the runs: only half a .gz is 3", codes,
                {"before": ["0"] * 4, "after": ["0"] * 4, "half": ["3"] * 4})


class Held:
    """A run over an older, large log and access.log, stopped while it reads the first: what then happens
    to access.log is after the run has looked at its head, and before the run reads it."""

    def __init__(self):
        bench.write("access.log", numbers(200000, 200100))
        takes("access.log", 100, "access.log")
        bench.write("old.log", numbers(0, 60000))
        command = [bench.binary, *INGEST, "--jobs", "1", "--batch", "64KiB", "old.log", "access.log"]
        self.child = subprocess.Popen(command, cwd=bench.folder, env=bench.environment, stderr=subprocess.PIPE)
        until("rows of the older log", lambda: self.child.poll() is not None or bench.count() > 100)
        self.child.send_signal(signal.SIGSTOP)
        bench.check("the older log is half taken", 100 < bench.count() < 50000)

    def goes_on(self, code=0):
        self.child.send_signal(signal.SIGCONT)
        error = self.child.communicate(timeout=DEADLINE)[1].decode()
        bench.check("the run, in which access.log changed", (self.child.returncode, error), (code, ""))


@case
def rotated_before_its_turn():
    """What was listed is read under its new name; the new file is the next run's."""
    held = Held()
    os.rename(bench.folder / "access.log", bench.folder / "access.log.1")
    bench.write("access.log", numbers(200100, 200150))
    held.goes_on()
    bench.check("nothing is taken for another log", bench.count(), 60100)
    takes("all names: the new file", 50, "access.log", "access.log.1", "old.log")
    rows_are(60150)


@case
def copytruncated_before_its_turn():
    held = Held()
    shutil.copy(bench.folder / "access.log", bench.folder / "access.log.1")
    os.truncate(bench.folder / "access.log", 0)
    bench.write("access.log", numbers(200100, 200150), "ab")
    held.goes_on()
    bench.check("what came after is taken, too", bench.count(), 60150)
    takes("all names", 0, "access.log", "access.log.1", "old.log")
    rows_are(60150)


@case
def grown_before_its_turn():
    held = Held()
    bench.write("access.log", numbers(200100, 200150), "ab")
    held.goes_on()
    bench.check("what came is taken, too", bench.count(), 60150)
    rows_are(60150)


# --- a compressed file that is being made

def gzip_stopped():
    """gzip, stopped in mid-file: half a .gz beside its original. Returns the process and what it has written."""
    dice = random.Random(3)
    text = [numbered(n)[:-1] + b' "%032x"\n' % dice.getrandbits(128) for n in range(60000)]
    log, half = bench.write("access.log.1", text), bench.folder / "access.log.1.gz"
    child = subprocess.Popen(["gzip", "-9", log], cwd=bench.folder)
    until("a first part of the .gz", lambda: half.exists() and half.stat().st_size > 0)
    os.kill(child.pid, signal.SIGSTOP)
    state = pathlib.Path(f"/proc/{child.pid}/stat")
    until("gzip to stop", lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    inflate = zlib.decompressobj(31)
    readable = inflate.decompress(half.read_bytes()).count(b"\n")
    half_done = log.exists() and not inflate.eof and 0 < readable < len(text)
    bench.check("the original is there, and the .gz is half done", half_done)
    return child, len(text), readable


def gzip_ends(child):
    os.kill(child.pid, signal.SIGCONT)
    bench.check("gzip ends well", child.wait(DEADLINE), 0)
    bench.check("the .gz alone is there", names("access.log*"), ["access.log.1.gz"])


@case
def half_a_gz_beside_its_original():
    child, count, _ = gzip_stopped()
    try:
        takes("both, the .gz half done", count, "access.log.1", "access.log.1.gz", code=3)
        takes("again", 0, "access.log.1.gz", "access.log.1", code=3)
    finally:
        gzip_ends(child)
    takes("the whole .gz", 0, "access.log.1.gz")
    takes("again", 0, "access.log.1.gz", "--verify")
    rows_are(count)


@case
def half_a_gz_first():
    child, count, readable = gzip_stopped()
    try:
        takes("the half .gz alone", readable, "access.log.1.gz", code=3)
        takes("its original", count - readable, "access.log.1")
        takes("both", 0, "access.log.1", "access.log.1.gz", code=3)
    finally:
        gzip_ends(child)
    takes("the whole .gz", 0, "access.log.1.gz")
    rows_are(count)


# --- lines that other tools fail at

def combined(request, status="200", size="5", client="192.0.2.1", stamp="10/Nov/2026:10:00:00 +0000",
             tail=' "-" "test/1"'):
    return f'{client} - - [{stamp}] "{request}" {status} {size}{tail}\n'.encode()


@case
def nine_garbage_lines_are_not_passed_in_silence():
    log = bench.write("a.log", [b"garbage %d\n" % n for n in range(9)] + lines(1))
    said = takes("9 and 1", 1, log, "-v")
    bench.check("9 rejected", said["total"]["rejected"], 9)
    bench.check("which -v says", "9 rejected" in said["stderr"])
    done = bench.run("status", "--config", "none", "--rejects")
    bench.check("and status shows each", [b"garbage %d" % n in done.stdout for n in range(9)], [True] * 9)
    rows_are(1)


@case
def all_lines_bad():
    log = bench.write("a.log", [b"garbage %d\n" % n for n in range(30)])
    said = takes("thirty", 0, log, code=1)
    bench.check("all rejected", said["total"]["rejected"], 30)
    bench.check("it is said of the file", "a.log" in said["stderr"])
    rows_are(0)


@case
def one_instant_at_two_offsets():
    """The month changes between the two as they are written."""
    log = bench.write("a.log", [combined("GET /west HTTP/1.1", stamp="31/Oct/2026:23:30:00 -0200"),
                                combined("GET /utc HTTP/1.1", stamp="01/Nov/2026:01:30:00 +0000"),
                                combined("GET /half HTTP/1.1", stamp="01/Nov/2026:07:00:00 +0530")])
    takes("three", 3, log)
    bench.check("one time", bench.query("SELECT DISTINCT datetime FROM usage_rows"), [("2026-11-01 01:30:00",)])
    for period, date in (("hourly", "2026-11-01 01:00:00"), ("daily", "2026-11-01"), ("monthly", "2026-11-01")):
        bench.check(f"one {period} cell", bench.query(f"SELECT date, hits FROM usage_{period}"), [(date, 3)])
    rows_are(3)


MALFORMED = [  # as scanners send them: to a plain port TLS, remote desktops, other protocols
    r"\x16\x03\x01\x00\xEE\x01\x00\x00\xEA\x03\x03", r"\x16\x03\x01\x02\x00\x01", r"\x16\x03\x02\x01o\x01",
    r"\x03\x00\x00/*\xE0\x00\x00\x00\x00\x00Cookie: mstshash=Administr", r"\x03\x00\x00\x13\x0E\xE0\x00\x00\x00",
    r"Gh0st\xAD\x00\x00\x00\xE0\x00\x00\x00x\x9CKS``\x98\xC3", "ll|'|'|SGFjS2Vk|'|'|WIN-1|'|'|X|'|'|16-05-20",
    r"\x00", r"\x01", r"\xff\xfe\xfd", "SSH-2.0-Go", "MGLNDD_192.0.2.1_80", r"\x05\x01\x00",
    r"\x04\x01\x00P\xC0\x00\x02\x01\x00", r"*1\x0D\x0A$4\x0D\x0Aping", r"l\x00\x0B\x00\x00\x00\x00\x00",
    r"{\x22id\x22:1,\x22method\x22:\x22mining.subscribe\x22}", "NESSUS_HELLO", "HELP", r"\x80w\x01\x03\x01",
    "USER-AGENT: Mozilla", "OPTIONS / RTSP/1.0",
]


@case
def malformed_requests():
    bench.check("of 22 kinds", len(set(MALFORMED)), 22)
    log = bench.write("a.log", [combined(request, "400", "166") for request in MALFORMED])
    said = takes("22", 22, log)
    bench.check("none is rejected", said["total"]["rejected"], 0)
    rows = bench.query("SELECT request, flags FROM usage_rows ORDER BY id")
    bench.check("each is flagged", [request for request, flags in rows if "malformed_request" not in (flags or "")], [])
    bench.check("each is kept", len({request for request, _ in rows}), 22)
    bench.check("as it was sent", rows[10][0], "SSH-2.0-Go")
    rows_are(22)


@case
def an_old_request_and_none():
    log = bench.write("a.log", [combined("GET /old"), combined("-", "408", "-")])
    takes("two", 2, log)
    columns = "method, path, protocol, request, status, flags"
    bench.check("they are told apart", bench.query(f"SELECT {columns} FROM usage_rows ORDER BY id"),
                [("GET", "/old", None, "GET /old", 200, ""), (None, None, None, "-", 408, "malformed_request")])
    rows_are(2)


@case
def odd_clients_and_no_status():
    log = bench.write("a.log", [combined("GET / HTTP/1.1", client="fe80::1%eth0"),
                                combined("GET / HTTP/1.1", client="client-7.example.net"),
                                combined("GET / HTTP/1.1", status="-", size="-")])
    takes("three", 3, log)
    rows = bench.query("SELECT remote_addr, status, content_length FROM usage_rows ORDER BY id")
    bench.check("clients and statuses", rows,
                [("fe80::1%eth0", 200, 5), ("client-7.example.net", 200, 5), ("192.0.2.1", None, None)])
    rows_are(3)


@case
def a_missing_last_quote():
    cut = combined("GET /cut HTTP/1.1", tail=' "-" "Mozilla/5.0 (cut')
    log = bench.write("a.log", [*lines(20), cut, *lines(20, seed=2)])
    takes("all", 41, log)
    row = bench.query("SELECT ua_string, flags FROM usage_rows WHERE path = '/cut'")
    bench.check("the row is flagged", row, [("Mozilla/5.0 (cut", "truncated_line")])
    rows_are(41)


@case
def crlf_line_ends():
    text = lines(300)
    takes("all", 300, bench.write("a.log", [line[:-1] + b"\r\n" for line in text]))
    takes("with LF: another content", 300, bench.write("b.log", text), sinks=["sqlite:lf.db"])
    columns = "ts, remote_addr, request, status, content_length, referrer, ua_string, flags"
    bench.check("the same rows", bench.query(f"SELECT {columns} FROM usage_rows ORDER BY id")
                == bench.query(f"SELECT {columns} FROM usage_rows ORDER BY id", "lf.db"))
    bench.check("no flags", bench.query("SELECT DISTINCT flags FROM usage_rows"), [("",)])
    rows_are(300)


@case
def a_dry_run_with_the_sink_down():
    log = bench.write("a.log", lines(50))
    takes("for good", 50, log)
    bench.write("a.log", lines(25, seed=2), "ab")
    # A store that another run holds: its ledger can be read.
    holder = subprocess.Popen([bench.binary, *INGEST, "-"], stdin=subprocess.PIPE, cwd=bench.folder,
                              env=bench.environment)
    try:
        holder.stdin.write(lines(1, seed=3)[0])
        holder.stdin.flush()
        until("the other run's row", lambda: bench.count() == 51)
        bench.check("the store is held", bench.run("ingest", "--config", "none", log).returncode, 5)
        said = takes("dry, while it is held", 25, log, "--dry-run")
        bench.check("already taken", said["total"]["already_taken"], 50)
    finally:
        holder.stdin.close()
        bench.check("the other run ends well", holder.wait(DEADLINE), 0)
    # Servers where nobody listens are never asked: for each that is in this build.
    sinks = bench.run("list", "sinks").stdout.decode().split()
    for name in ("postgresql", "mysql", "redis", "mongodb", "couchdb"):
        code = bench.run("ingest", "--config", "none", "--dry-run", "--sink", f"{name}://127.0.0.1:1/x", log).returncode
        bench.check(f"dry, with {name} down or not built in", code, 0 if name in sinks else 2)
    rows_are(51)


# --- a thousand files

def site_log(number):
    """Twenty lines; names do not tell their order, dates do."""
    return numbers(number * 20, number * 20 + 20)


def thousand_files():
    """Small, half of them compressed; returns their names from oldest to newest."""
    order = list(range(1000))
    random.Random(5).shuffle(order)
    found = []
    for number, name in enumerate(order):
        content, odd = site_log(number), name % 2
        found.append(f"site-{name}.log" + (".gz" if odd else ""))
        bench.write(found[-1], gzip.compress(content, mtime=0) if odd else content)
    return found


def settled():
    """Waits until each file is older than the 2 s from which its times are trusted."""
    newest = max(path.stat().st_ctime_ns for path in bench.folder.glob("site-*"))
    until("the files to settle", lambda: time.time_ns() > newest + 2_100_000_000)


@case
def a_thousand_files():
    found = thousand_files()
    settled()
    said = takes("all", 20000, "site-*.log*", "--batch", "1MiB")
    bench.check("oldest first", [os.path.basename(file["path"]) for file in said["files"]], found)
    times = [ts for ts, in bench.query("SELECT ts FROM usage_rows ORDER BY id")]
    bench.check("in the store, too", times == sorted(times))
    times = []
    for _ in range(3):  # the fastest of three: other work on the machine is not what is measured
        begin = time.monotonic()
        again = takes("again", 0, "site-*.log*")
        times.append(time.monotonic() - begin)
    bench.check("all is already taken", again["total"]["already_taken"], 20000)
    bench.check(f"in under a second ({min(times):.2f} s)", min(times) < 1)
    bench.write("site-new.log", numbers(20000, 20005))
    finished_files_are_not_opened()
    takes("and with the new one", 0, "site-*.log*")
    rows_are(20005)


def finished_files_are_not_opened():
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        skipped.append("strace")
        takes("the new file", 5, "site-new.log")
        return
    command = [bench.binary, *INGEST, "site-*.log*"]
    done = subprocess.run([strace, "-f", "-qq", "-e", "trace=openat,open", "-o", "calls", *command], cwd=bench.folder,
                          env=bench.environment, capture_output=True, timeout=DEADLINE)
    bench.check("under strace", done.returncode, 0)
    calls = re.findall(r'"(?:[^"]*/)?(site-[^"/]*)"', (bench.folder / "calls").read_text())
    bench.check("only the new file is opened", sorted(set(calls)), ["site-new.log"])


def sources():
    """How many the store has; one that is just being made cannot be read yet."""
    try:
        return bench.query("SELECT count(*) FROM usage_sources")[0][0]
    except sqlite3.Error:
        return 0


@case
def a_thousand_files_interrupted():
    """SIGINT, and kill -9, in the middle: the next run goes on where it was."""
    thousand_files()
    for name, code in (("SIGINT", 130), ("SIGKILL", -9)):
        before = sources()
        child = subprocess.Popen([bench.binary, *INGEST, "site-*.log*"], cwd=bench.folder, env=bench.environment,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until("some more files", lambda: child.poll() is not None or sources() > before + 100)
        child.send_signal(getattr(signal, name))
        child.communicate(timeout=DEADLINE)
        bench.check(f"exit after {name}", child.returncode, code)
        taken = bench.count()
        bench.check("a part is taken, in whole files", (0 < taken < 20000, taken % 20), (True, 0))
        bench.identities()
    said = takes("the rest", 20000 - taken, "site-*.log*")
    bench.check("already taken", said["total"]["already_taken"], taken)
    bench.check("each line once", stored_numbers() == collections.Counter(range(20000)))
    rows_are(20000)


# --- links, replaced files, pipes

@case
def links():
    (bench.folder / "logs").mkdir()
    bench.write("logs/a.log", numbers(0, 100))
    os.symlink("logs", bench.folder / "same")
    os.symlink("logs/a.log", bench.folder / "current.log")
    takes("by a link", 100, "current.log")
    takes("by its own path, a linked folder, and the link", 0, "logs/a.log", "same/a.log", "current.log")
    takes("the folder, and the link to it", 0, "logs", "same")
    bench.write("logs/b.log", numbers(100, 150))
    (bench.folder / "current.log").unlink()
    os.symlink("logs/b.log", bench.folder / "current.log")
    said = takes("the link shows another log now", 50, "current.log", "logs/b.log", "same/b.log")
    bench.check("one file is read", said["total"]["read"], 50)
    os.symlink("..", bench.folder / "logs" / "up")
    takes("a link back to the folder above ends", 0, "logs")
    rows_are(150)


@case
def dangling_links():
    log = bench.write("a.log", numbers(0, 100))
    os.symlink("gone.log", bench.folder / "b.log")
    said = takes("a dangling link", 100, "b.log", log, code=3)
    bench.check("is said once", errors_about(said["stderr"], "b.log"), 1)
    (bench.folder / "logs").mkdir()
    os.symlink("gone.log", bench.folder / "logs" / "c.log")
    bench.write("logs/d.log", numbers(100, 120))
    said = takes("one in a folder", 20, "logs", code=3)
    bench.check("is said once", errors_about(said["stderr"], "logs/c.log"), 1)
    rows_are(120)


@case
def replaced_under_the_same_inode():
    log = bench.write("a.log", numbers(0, 100))
    inode = log.stat().st_ino
    takes("first", 100, log)
    size = log.stat().st_size
    log.write_bytes(numbers(200, 400)[:size])  # as long as before, the last line perhaps cut
    whole = log.read_bytes().count(b"\n")
    bench.check("the same inode and size", (log.stat().st_ino, log.stat().st_size), (inode, size))
    takes("another log, as long", whole, log)
    bench.write("a.log", numbers(500, 510))
    takes("another, shorter", 10, log)
    bench.write("a.log", numbers(600, 900))
    takes("another, longer", 300, log)
    takes("again", 0, log)
    rows_are(100 + whole + 310)


@case
def truncated_files():
    text = numbers(0, 200)
    log = bench.write("a.log", text)
    takes("first", 200, log)
    for length, what in ((len(text) // 2, "to half, in mid-line"), (len(numbers(0, 60)), "to 60 lines"),
                         (200, "to 200 bytes"), (0, "to nothing")):
        os.truncate(log, length)
        takes(f"cut {what}", 0, log)
    bench.write("a.log", numbers(300, 320), "ab")
    takes("then new lines", 20, log)
    bench.write("a.log", numbers(320, 330), "ab")
    takes("and more", 10, log)
    rows_are(230)


def fed(pipe, *parts):
    """A writer of a named pipe, in a thread; it ends when all is written."""
    def feed():
        with open(pipe, "wb", buffering=0) as file:
            for part in parts:
                file.write(part)
    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    return thread


@case
def a_named_pipe():
    pipe = bench.folder / "pipe"
    os.mkfifo(pipe)
    text = numbers(0, 300)
    writer = fed(pipe, text[:1000], text[1000:5000], text[5000:-1])  # without the last newline
    takes("a pipe, as stdin", 300, pipe)
    writer.join(DEADLINE)
    takes("the file of it", 0, bench.write("a.log", text))
    writer = fed(pipe, gzip.compress(numbers(300, 400)))
    takes("compressed, beside a file", 110, pipe, bench.write("b.log", numbers(500, 510)))
    writer.join(DEADLINE)
    (bench.folder / "logs").mkdir()
    os.mkfifo(bench.folder / "logs" / "pipe")
    bench.write("logs/c.log", numbers(600, 620))
    said = takes("a pipe in a folder is passed over", 20, "logs", "-v")
    bench.check("which is said", "passed over" in said["stderr"] and "logs/pipe" in said["stderr"])
    rows_are(430)


@case
def devices_and_sockets():
    log = bench.write("a.log", numbers(0, 100))
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(bench.folder / "socket"))
    for name in ("/dev/zero", "/dev/full", "socket"):
        store = f"sqlite:{os.path.basename(name)}.db"
        said = takes(f"{name} is refused, the other is taken", 100, name, log, code=3, sinks=[store])
        bench.check("it is said once", errors_about(said["stderr"], name), 1)
    takes("/dev/null is an empty log", 100, "/dev/null", log, sinks=["sqlite:null.db"])
    (bench.folder / "logs").mkdir()
    shutil.copy(log, bench.folder / "logs" / "a.log")
    os.rename(bench.folder / "socket", bench.folder / "logs" / "socket")
    said = takes("in a folder they are passed over", 100, "logs", "-v", sinks=["sqlite:folder.db"])
    bench.check("which is said", "passed over" in said["stderr"] and "logs/socket" in said["stderr"])
    server.close()


# --- what may not be read

class Stranger:
    """Runs the program as a user who may not read all. Only root can be another; who is not root already
    may not read what they took the right from."""

    def __init__(self):
        self.binary, self.prefix = bench.binary, []
        if os.geteuid() != 0:
            return
        self.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        for folder in (bench.top, bench.folder):
            os.chmod(folder, 0o755)
        os.chown(bench.folder, NOBODY, NOBODY)
        self.binary = str(bench.folder / "track-usage")  # they may not reach it where it was built
        shutil.copy(bench.binary, self.binary)

    def run(self, *args):
        return subprocess.run([*self.prefix, self.binary, *map(str, args)], cwd=bench.folder, stdin=subprocess.DEVNULL,
                              env=bench.environment, capture_output=True, timeout=DEADLINE)

    def takes(self, what, rows, *args, code):
        before = bench.count() if (bench.folder / "usage.db").exists() else 0
        done = self.run(*INGEST, *args)
        bench.check(f"{what}: exit", done.returncode, code)
        bench.check(f"{what}: new rows", bench.count() - before, rows)
        return done.stderr.decode("utf-8", "replace")


@case
def what_another_user_may_not_read():
    stranger = Stranger()
    secret = bench.write("secret.log", numbers(0, 100))
    if os.geteuid() == 0:
        group = next((g for g in grp.getgrall() if g.gr_name == "adm"), None) or grp.getgrgid(0)
        os.chown(secret, 0, group.gr_gid)
        os.chmod(secret, 0o640)
    else:
        group = grp.getgrgid(secret.stat().st_gid)
        os.chmod(secret, 0o040)  # the owner's own rights come first
    bench.write("open.log", numbers(100, 150))
    said = stranger.takes("an unreadable file", 50, "secret.log", "open.log", code=3)
    bench.check("it is said once", errors_about(said, "secret.log"), 1)
    hints = [line for line in said.splitlines() if "hint" in line]
    bench.check("with the group that may read it", len(hints) == 1 and f"'{group.gr_name}'" in hints[0])
    bench.write("open.log", numbers(150, 160), "ab")
    said = stranger.takes("by the program's own glob", 10, "*.log", code=3)
    bench.check("it is said once", errors_about(said, "secret.log"), 1)
    said = stranger.takes("in a folder", 0, ".", code=3)
    bench.check("it is said once", errors_about(said, "secret.log"), 1)
    os.chmod(secret, 0o600)
    if os.geteuid() != 0:
        os.chmod(secret, 0)
    said = stranger.takes("one that no group may read", 0, "secret.log", code=3)
    bench.check("no group is named", "group" in said, False)
    bench.check("nothing of it is stored", [n for n in stored_numbers() if n < 100], [])
    os.chmod(secret, 0o644)
    stranger.takes("when it may be read", 100, "secret.log", "open.log", code=0)
    rows_are(160)


@case
def a_folder_without_permission():
    stranger = Stranger()
    closed = bench.folder / "closed"
    closed.mkdir()
    bench.write("closed/a.log", numbers(0, 100))
    os.chmod(closed, 0o700 if os.geteuid() == 0 else 0)
    try:
        inputs = (("the folder", "closed"), ("a file in it", "closed/a.log"), ("a glob in it", "closed/*.log"))
        for number, (what, name) in enumerate(inputs):
            bench.write("open.log", numbers(100 + number, 101 + number), "ab")
            said = stranger.takes(what, 1, name, "open.log", code=3)
            bench.check(f"{what} is said once", errors_about(said, name), 1)
        os.chmod(closed, 0o744 if os.geteuid() == 0 else 0o400)  # its names may be read, its files not be reached
        said = stranger.takes("a folder that can be listed only", 0, "closed", code=3)
        bench.check("its file is said once", errors_about(said, "closed/a.log"), 1)
    finally:
        os.chmod(closed, 0o755)
    stranger.takes("when it may be read", 100, "closed", code=0)


# --- renamed between the shell's glob and our open: the log is looked for by its inode, in its folder

@case
def renamed_under_us_and_gone():
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    bench.write("access.log", numbers(100, 150), "ab")
    os.rename(log, bench.folder / "access.log.1")
    said = takes("by its old name: what is new is found", 50, "access.log")
    bench.check("nothing is said", said["stderr"] if said else None, "")
    takes("again, by the old name, which is no log now", 0, "access.log", code=3)
    takes("by its new name", 0, "access.log.1")
    rows_are(150)


@case
def renamed_under_us_and_replaced():
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    bench.write("access.log", numbers(100, 150), "ab")
    os.rename(log, bench.folder / "access.log.1")
    bench.write("access.log", numbers(150, 180))
    takes("the new file, and the rest of the old", 80, "access.log")
    takes("both by their names", 0, "access.log", "access.log.1")
    rows_are(180)


@case
def renamed_under_us_a_whole_list():
    """The shell gave three names; then all moved on by one, and the oldest has no name that was given."""
    for name, begin in (("access.log.2", 0), ("access.log.1", 100), ("access.log", 200)):
        bench.write(name, numbers(begin, begin + 90))
    takes("first", 270, "access.log", "access.log.1", "access.log.2")
    bench.write("access.log.2", numbers(90, 95), "ab")
    bench.write("access.log.1", numbers(190, 195), "ab")
    bench.write("access.log", numbers(290, 300), "ab")
    for old, new in ((2, 3), (1, 2)):
        os.rename(bench.folder / f"access.log.{old}", bench.folder / f"access.log.{new}")
    os.rename(bench.folder / "access.log", bench.folder / "access.log.1")
    bench.write("access.log", numbers(300, 330))
    takes("all that is new", 50, "access.log", "access.log.1", "access.log.2")
    takes("all names", 0, "access.log", "access.log.1", "access.log.2", "access.log.3")
    rows_are(320)


@case
def renamed_under_us_and_named():
    """Its new name is given as well: it is one file."""
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    bench.write("access.log", numbers(100, 150), "ab")
    os.rename(log, bench.folder / "access.log.1")
    said = takes("by both names", 50, "access.log", "access.log.1")
    bench.check("one file is read", said["total"]["read"] if said else None, 150)
    rows_are(150)


@case
def renamed_under_us_nothing_new():
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    os.rename(log, bench.folder / "old.log")
    takes("by its old name, nothing is new and nothing is missing", 0, "access.log")
    rows_are(100)


@case
def renamed_under_us_and_compressed():
    """A .gz has another inode: the name is missing, and the next run finds the content."""
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    bench.write("access.log.1.gz", gzip.compress(log.read_bytes() + numbers(100, 120)))
    log.unlink()
    said = takes("by its old name", 0, "access.log", code=3)
    bench.check("it is said once", errors_about(said["stderr"], "access.log"), 1)
    takes("by the next glob", 20, "access.log*")
    rows_are(120)


@case
def renamed_under_us_out_of_its_folder():
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    bench.write("access.log", numbers(100, 120), "ab")
    (bench.folder / "old").mkdir()
    os.rename(log, bench.folder / "old" / "access.log")
    takes("it is not looked for in other folders", 0, "access.log", code=3)
    takes("by its new path", 20, "old/access.log")
    rows_are(120)


@case
def renamed_under_us_by_another_content():
    """The inode alone is no log: what it holds must go on where the known one ended."""
    log = bench.write("access.log", numbers(0, 100))
    takes("first", 100, log)
    os.rename(log, bench.folder / "other.log")
    bench.write("other.log", numbers(500, 700))  # the same inode
    takes("another log under the inode is not taken for it", 0, "access.log", code=3)
    takes("by its own name it is", 200, "other.log")
    rows_are(300)


@case
def renamed_under_us_never_seen():
    bench.write("access.log.1", numbers(0, 100))
    takes("another log", 10, bench.write("b.log", numbers(200, 210)))
    said = takes("a name that the store does not know", 0, "access.log", code=3)
    bench.check("it is said once", errors_about(said["stderr"], "access.log"), 1)
    rows_are(10)


wanted = sys.argv[2:]
for function in cases:
    if wanted and function.__name__ not in wanted:
        continue
    if function.__name__.startswith("logrotate_") and not LOGROTATE:
        skipped.append(function.__name__)
        continue
    bench.room(function.__name__)
    try:
        function()
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        bench.check(str(error), False)
if skipped:
    print(f"skipped, as something is not installed: {', '.join(skipped)}")
if skipped and not bench.failed:
    print(f"{bench.checks} of {bench.checks} checks passed")
    sys.exit(77)
bench.end()
