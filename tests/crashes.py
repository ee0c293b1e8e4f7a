#!/usr/bin/env python3
"""Runs that are killed, starved of disk, locked out or watched: nothing is lost, nothing comes twice.

    crashes.py TRACK-USAGE [--long] [--seed N] [CASE...]     cases by the names of their functions

--long: hundreds of killed histories, and waits of a minute. --seed N: the killer
makes only the history of that seed. strace puts a signal or an error at an exact
system call; it counts the calls of each thread for itself.
"""

import argparse
import bz2
import collections
import contextlib
import gzip
import io
import itertools
import json
import lzma
import os
import random
import re
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from checks import Bench, DEADLINE, FIELDS, lines, until
import oracle

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("binary")
parser.add_argument("--long", action="store_true", default="TRACK_USAGE_LONG" in os.environ)
parser.add_argument("--seed", type=int)
parser.add_argument("cases", nargs="*")
options = parser.parse_intermixed_args()
bench = Bench(options.binary)
cases = []
children = []
HISTORIES = 300 if options.long else 30
HOOKS = ("url", "remote", "useragent", "language", "server", "status")
SUMMARIES = [f"usage_{hook}{period}" for hook in ("", *(name + "_" for name in HOOKS)) for period in oracle.PERIODS]
NOBODY = 65534


def case(function):
    cases.append(function)
    return function


# --- running the program, alone, traced, as somebody else

def start(*args, prefix=(), cwd=None, program=None, **more):
    """The program as a child in a group of its own, so that a deadline ends its tracer too."""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    child = subprocess.Popen([*map(str, prefix), program or bench.binary, *map(str, args)], cwd=cwd or bench.folder,
                             env=bench.environment, start_new_session=True, **more)
    children.append(child)
    return child


def finish(child, feed=None, seconds=DEADLINE):
    """Its end; `feed` goes to its stdin. One that hangs is killed and told: it must not pass for a kill."""
    try:
        child.out, child.err = child.communicate(feed, timeout=seconds)
    except subprocess.TimeoutExpired:
        bench.check(f"{' '.join(child.args[-8:])} ends within {seconds} s", False)
        os.killpg(child.pid, signal.SIGKILL)
        child.out, child.err = child.communicate()
    children.remove(child)
    child.err = (child.err or b"").decode("utf-8", "replace")
    return child


def end_all():
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def ingest_words(sinks, *args):
    return ["ingest", "--config", "none", *(word for sink in sinks for word in ("--sink", sink)), *args]


def begin(*args, sinks=("usage.db",), **more):
    return start(*ingest_words(sinks, *args), **more)


def run(*args, feed=None, **more):
    if feed is not None:
        more["stdin"] = subprocess.PIPE
    return finish(begin(*args, **more), feed)


def traced(calls, inject=(), out="trace.txt"):
    return ["strace", "-f", "-qq", "-o", out, "-e", "trace=" + ",".join(calls),
            *(word for rule in inject for word in ("-e", "inject=" + rule))]


def kill_points(path):
    """From a trace: call -> for each thread the numbers at which it is the first to get there, for `when=N`.

    What the loader did before the program came to its first store is left out.
    """
    counts, loader = collections.defaultdict(collections.Counter), {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            parts = re.match(r"(\d+) +(\w+)\(", line)
            if parts:
                if not loader and ".db" in line:
                    loader = {call: threads.total() for call, threads in counts.items()}
                counts[parts[2]][parts[1]] += 1
    found = {}
    for call, threads in counts.items():
        reached = loader.get(call, 0)
        for count in threads.values():
            if count > reached:
                found.setdefault(call, []).append(range(reached + 1, count + 1))
                reached = count
    return found


def other_user():
    """(words before a command, uid): it may not write what it does not own. Root is let down to nobody."""
    if os.geteuid() != 0:
        return [], os.geteuid()
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"], NOBODY


def open_to_all(folder):
    """Lets another user come to the folder and to the program, wherever it was built."""
    bench.top.chmod(0o755)
    folder.chmod(0o755)
    program = bench.top / "track-usage"
    if not program.exists():
        shutil.copy(bench.binary, program)
        program.chmod(0o755)
    return program


# --- what a store holds

def connect(store, folder=None, how="mode=ro"):
    """Read-only: a look must not be what mends the store. It leaves -wal and -shm; with `immutable=1`, for a
    store that nobody has open, nothing."""
    path = ((folder or bench.folder) / store).resolve()
    return contextlib.closing(sqlite3.connect(path.as_uri() + "?" + how, uri=True, timeout=10))


def contents(store, folder):
    """name -> the sorted rows of what is documented, without ids: equal for equal logs."""
    with connect(store, folder) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(usage_rows)") if row[1] not in ("id", "source")]
        paths = {source: os.path.basename(path) for source, path in db.execute("SELECT id, path FROM usage_sources")}

        def of(sql):
            return sorted(((paths[source], *rest) for source, *rest in db.execute(sql)), key=repr)

        found = {
            "usage_rows": of(f"SELECT source, {', '.join(names)} FROM usage_rows"),
            "usage_rejects": of("SELECT source, source_offset, line, reason, raw FROM usage_rejects"),
            "usage_sources": of("SELECT id, format, first_date, last_date, offset, read, stored, filtered, rejected,"
                                " blank FROM usage_sources")}
        for view in SUMMARIES:
            found[view] = sorted(db.execute(f"SELECT * FROM {view}"), key=repr)
        return found


def differences(found, right):
    out = []
    for name in right:
        if found[name] != right[name]:
            more = collections.Counter(found[name]) - collections.Counter(right[name])
            less = collections.Counter(right[name]) - collections.Counter(found[name])
            out.append(f"{name}: {more.total()} too many, {less.total()} missing, such as "
                       f"{list(itertools.islice(more, 1))} and {list(itertools.islice(less, 1))}")
    return out


def unsound(store, folder=None):
    """What is wrong with a store by itself, at any moment between two transactions."""
    with connect(store, folder) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'usage_rows'").fetchall():
            return []  # killed before its tables were made
        wrong = [text for text, in db.execute("PRAGMA integrity_check") if text != "ok"]
        # The units of a source lie end to end, from 0 to its offset.
        offsets = dict(db.execute("SELECT id, offset FROM usage_sources"))
        reached = collections.Counter()
        for source, first, last in db.execute("SELECT source, begin_offset, end_offset FROM usage_units ORDER BY id"):
            if first != reached[source]:
                wrong.append(f"source {source}: a unit begins at {first}, the one before ended at {reached[source]}")
            reached[source] = last
        if offsets != dict(reached):
            wrong.append(f"offsets {offsets}, units reach {dict(reached)}")
        rows = db.execute("SELECT count(*) FROM usage_rows").fetchone()[0]
        stored = db.execute("SELECT coalesce(sum(stored), 0) FROM usage_sources").fetchone()[0]
        if rows != stored:
            wrong.append(f"{rows} rows, {stored} by the ledger")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        verdict = oracle.Verdict()
        one = oracle.Store((folder or bench.folder) / store, "usage")
        oracle.check_identities(one, verdict)
        one.db.close()
        if verdict.end("identities"):
            wrong.append(said.getvalue())
    return wrong


def sound(store="usage.db"):
    bench.check(f"{store} is sound", unsound(store), [])


def rows_in(store="usage.db", how="mode=ro"):
    """Committed rows; 0 while there is no store or no table."""
    try:
        with connect(store, None, how) as db:
            return db.execute("SELECT count(*) FROM usage_data").fetchone()[0]
    except sqlite3.Error:
        return 0


def equals_untouched(what, inputs, *args, store="usage.db", feed=None):
    """The store holds what one untouched run of the same inputs gives a new one."""
    fresh = f"untouched-{next(numbers)}.db"
    done = run(*args, *inputs, sinks=[fresh], feed=feed)
    wrong = [] if done.returncode == 0 else [f"the untouched run: {done.returncode} {done.err}"]
    wrong = wrong or unsound(store) + differences(contents(store, bench.folder), contents(fresh, bench.folder))
    bench.check(f"{what}: equal to an untouched run", wrong, [])


numbers = itertools.count(1)


# --- the killer

class Log:
    """A log that is written, rotated and compressed while it is read. All it ever held stays on the disk."""

    def __init__(self, history, name, kind, count):
        self.history, self.rng, self.folder, self.name = history, history.rng, history.folder, name
        self.text = spoiled(self.rng, lines(count, self.rng.randrange(1 << 30), kind=kind))
        self.at, self.rest, self.unfinished = 0, b"", []
        self.grow()

    def path(self, suffix=""):
        return self.folder / (self.name + suffix)

    def grow(self, upto=None):
        """Some more lines; of a plain log the last one may be half written."""
        end = len(self.text) if upto else min(len(self.text), self.at + self.rng.randrange(len(self.text) // 2))
        data = self.rest + b"".join(self.text[self.at:end])
        self.at, self.rest = end, b""
        if self.name.endswith(".gz"):
            data = gzip.compress(data) if data else b""
        elif end < len(self.text) and self.rng.random() < 0.4:
            line = self.text[end]
            cut = self.rng.randrange(len(line))
            data, self.rest, self.at = data + line[:cut], line[cut:], end + 1
        with open(self.path(), "ab") as file:
            file.write(data)

    def end_line(self):
        with open(self.path(), "ab") as file:
            file.write(self.rest)
        self.rest = b""

    def make_room(self):
        """access.log.1 becomes .2, and so on."""
        old = [(int(found[1]), found[2], entry) for entry in self.folder.iterdir()
               if (found := re.fullmatch(re.escape(self.name) + r"\.(\d+)(.*)", entry.name))]
        for number, end, entry in sorted(old, reverse=True):
            entry.rename(self.path(f".{number + 1}{end}"))

    def settle(self):
        for step in self.unfinished:
            step()
        self.unfinished.clear()

    def rotate(self):
        self.end_line()
        self.make_room()
        self.path().rename(self.path(".1"))
        self.path().touch()
        self.grow()

    def copytruncate(self):
        """A run may come between the copy and the truncation."""
        self.end_line()
        self.make_room()
        shutil.copy(self.path(), self.path(".1"))

        def truncate():
            os.truncate(self.path(), 0)
            self.grow()
        self.unfinished.append(truncate)

    def compress(self):
        """A run may come while the compressed file is half there."""
        plain = [entry for entry in self.folder.iterdir()
                 if re.fullmatch(re.escape(self.name) + r"\.\d+", entry.name) and entry.stat().st_size]
        if not plain:
            return
        old = self.rng.choice(sorted(plain))
        pack, end = self.rng.choice(((gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")))
        packed = old.with_name(old.name + end)
        data = pack(old.read_bytes())
        packed.write_bytes(data[:self.rng.randrange(len(data))] if self.rng.random() < 0.5 else data)

        def replace():
            packed.write_bytes(data)
            old.unlink()
        self.unfinished.append(replace)

    def change(self):
        self.settle()
        if self.name.endswith(".gz"):
            return self.grow()
        step = self.rng.choice((self.grow, self.grow, self.rotate, self.copytruncate, self.compress))
        self.history.say(f"{self.name} {step.__name__}")
        step()


def spoiled(rng, text):
    """One line in a hundred cannot be read and some are blank, but the first can be."""
    for i in range(5, len(text)):
        luck = rng.random()
        if luck < 0.01:
            text[i] = b"no line of a log %d\n" % i
        elif luck < 0.015:
            text[i] = b"  \n"
    return text


class History:
    """Logs that change, and runs that die over them; the same seed gives the same but for timing."""

    CALLS = ("pwrite64", "fdatasync", "ftruncate", "unlink", "openat", "clone3", "close", "fchown", "read")

    def __init__(self, seed):
        self.seed, self.rng = seed, random.Random(seed)
        self.folder, self.look = bench.folder / str(seed), bench.folder / str(seed) / "look"
        self.look.mkdir(parents=True)
        self.words, self.wrong = [], []
        self.kills = self.halfway = 0
        rng = self.rng
        self.stores = ["one.db", "two.db"] if rng.random() < 0.4 else ["usage.db"]
        self.filter = ["--exclude", "*.jpg"] if rng.random() < 0.3 else []
        total = rng.randrange(500, 3000 if options.long else 1500)
        names = [("access.log", rng.choice(("combined", "vhost_combined"))), ("api.json", "json"),
                 ("packed.log.gz", "combined"), ("old.log", "common")][:rng.randrange(1, 5)]
        self.logs = [Log(self, name, kind, max(40, total // len(names))) for name, kind in names]
        self.stream = spoiled(rng, lines(rng.randrange(100, 600), rng.randrange(1 << 30))) if rng.random() < 0.4 else []
        self.sent = 0

    def say(self, what):
        self.words.append(what)

    def inputs(self):
        names = sorted(entry.name for entry in self.folder.iterdir()
                       if entry.name.startswith(tuple(log.name for log in self.logs)))
        self.rng.shuffle(names)
        return names

    def copy(self, store, to):
        """Of a store as it lies there, for looks: they would make and mend files beside it."""
        for end in ("", "-wal"):
            to.with_name(to.name + end).unlink(missing_ok=True)
            if (self.folder / (store + end)).exists():
                shutil.copy(self.folder / (store + end), to.with_name(to.name + end))
        to.with_name(to.name + "-shm").unlink(missing_ok=True)
        return to.exists()

    def units(self):
        """How many each store has; none before it has tables."""
        found = []
        for store in self.stores:
            if self.copy(store, self.look / store):
                with contextlib.suppress(sqlite3.OperationalError), connect(store, self.look) as db:
                    found += db.execute("SELECT count(*) FROM usage_units").fetchone()
        return found

    def live(self):
        for _ in range(self.rng.randrange(3, 6)):
            for log in self.logs:
                if self.rng.random() < 0.8:
                    log.change()
            if self.stream and self.rng.random() < 0.4:
                self.sent = self.rng.randrange(1, len(self.stream) + 1)
                self.one_run(["-"], b"".join(self.stream[:self.sent]))
            else:
                self.one_run(self.inputs())

    def one_run(self, inputs, feed=None):
        rng = self.rng
        stores = self.stores if rng.random() < 0.7 else [rng.choice(self.stores)]
        batch = rng.choice(("4KiB", "4KiB", "8KiB", "16KiB"))
        words = [*self.filter, "--batch", batch, "--jobs", rng.choice("123"), *inputs]
        fate = rng.choice((self.by_call, self.by_call, self.by_power_cut, self.by_time, self.by_time, self.untouched))
        self.say(f"ingest {' '.join(words)} into {','.join(stores)}:")
        code = fate(stores, words, feed)
        self.say(f"exit {code}")
        # 3: a compressed file was half written.
        if code not in (-signal.SIGKILL, 0, 3):
            self.wrong.append(f"exit {code} after {self.words}")
        if code == -signal.SIGKILL:
            self.kills += 1
        if rng.random() < 0.4:
            for store in self.stores:
                if self.copy(store, self.look / store):
                    self.wrong += unsound(store, self.look)

    def untouched(self, stores, words, feed):
        self.say("to its end")
        return run(*words, sinks=stores, cwd=self.folder, feed=feed).returncode

    def by_time(self, stores, words, feed):
        """Killed after a random time; a stream then may stand in mid-line."""
        before = self.units()
        child = begin(*words, sinks=stores, cwd=self.folder,
                      stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE)
        seconds = self.rng.uniform(0.005, 0.15)
        self.say(f"killed after {seconds:.3f} s")
        end = time.monotonic() + seconds
        if feed is not None:
            feed = feed[:self.rng.randrange(len(feed))]
            os.set_blocking(child.stdin.fileno(), False)
            while feed and child.poll() is None and (left := end - time.monotonic()) > 0:
                if select.select([], [child.stdin], [], left)[1]:
                    with contextlib.suppress(BrokenPipeError):
                        feed = feed[os.write(child.stdin.fileno(), feed[:4096]):]
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0, end - time.monotonic()))
        child.kill()
        return self.died(finish(child), before)

    def by_call(self, stores, words, feed):
        """Killed before an exact system call, one of those that this run would make."""
        probes = [f"probe-{store}" for store in stores]
        for store, probe in zip(stores, probes):
            self.copy(store, self.folder / probe)
        run(*words, sinks=probes, cwd=self.folder, feed=feed, prefix=traced(self.CALLS))
        found = kill_points(self.folder / "trace.txt")
        for entry in self.folder.glob("probe-*"):
            entry.unlink()
        # The writes themselves are where most can go wrong.
        call = self.rng.choice([call for call in ("pwrite64",) * 3 + self.CALLS if call in found])
        number = self.rng.choice(self.rng.choice(found[call]))
        self.say(f"killed at {call} {number} of a thread")
        before = self.units()
        done = run(*words, sinks=stores, cwd=self.folder, feed=feed,
                   prefix=traced([call], [f"{call}:signal=KILL:when={number}"]))
        return self.died(done, before)

    def by_power_cut(self, stores, words, feed):
        """As long as SQLite has not written to the database itself, nothing that this run added to its log need
        be durable."""
        files = [(self.folder / store, self.folder / (store + "-wal")) for store in self.stores]
        before = [(store.read_bytes() if store.exists() else None, log.stat().st_size if log.exists() else 0)
                  for store, log in files]
        code = self.by_call(stores, words, feed)
        for (store, log), (data, size) in zip(files, before):
            if data is not None and store.read_bytes() == data and log.exists() and log.stat().st_size > size:
                size = self.rng.randrange(size, log.stat().st_size)
                self.say(f"and the power cut at byte {size} of {log.name}")
                os.truncate(log, size)
        return code

    def died(self, done, before):
        if done.returncode == -signal.SIGKILL and self.units() != before:
            self.halfway += 1
        if "bug" in done.err:
            self.wrong.append(done.err)
        return done.returncode

    def end(self):
        """All logs to their ends, one more run, and another into a new store."""
        for log in self.logs:
            log.settle()
            log.end_line()
            log.grow(upto="the end")
        inputs = self.inputs()
        streams = [("-", b"".join(self.stream))] if self.sent else []
        for step, sinks in (("last", self.stores), ("once more", self.stores), ("fresh", ["fresh.db"])):
            account = self.folder / "account.json"
            for words, feed in [*(([name], feed) for name, feed in streams), (inputs, None)]:
                done = run(*self.filter, "--summary-json", account, *words, sinks=sinks, cwd=self.folder, feed=feed)
                if done.returncode != 0:
                    self.wrong.append(f"{step} run of {words}: exit {done.returncode}: {done.err}")
                    return
                said = json.loads(account.read_text())
                for part in (said["total"], *said["files"], *said["sinks"]):
                    if part["read"] != sum(part[f] for f in FIELDS[1:]):
                        self.wrong.append(f"{step} run: the accounting does not close: {part}")
                if step == "once more" and said["total"]["already_taken"] != said["total"]["read"]:
                    self.wrong.append(f"something was new once more: {said['total']}")
        self.wrong += [f"{store}-wal holds something" for store in self.stores
                       if (self.folder / (store + "-wal")).stat().st_size]
        right = contents("fresh.db", self.folder)
        text = [line for log in self.logs for line in log.text] + (self.stream if self.sent else [])
        kinds = collections.Counter("rejected" if line.startswith(b"no line") else "sound" if line.strip() else "blank"
                                    for line in text)
        # By position: path, format, first and last date, offset, read, stored, filtered, rejected, blank
        sums = [sum(row[i] for row in right["usage_sources"]) for i in range(4, 10)]
        left_out = sums[3] if self.filter else 0
        written = [sum(map(len, text)), len(text), kinds["sound"] - left_out, left_out, kinds["rejected"],
                   kinds["blank"]]
        if sums != written:
            self.wrong.append(f"the untouched run itself: {sums}, written were {written}")
        for store in self.stores:
            self.wrong += unsound(store, self.folder)
            self.wrong += [f"{store}: {what}" for what in differences(contents(store, self.folder), right)]


@case
def killer():
    """SIGKILL at random moments and at exact system calls; then all is as if nothing had been."""
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    seeds = [first] if options.seed is not None else range(first, first + HISTORIES)
    kills = halfway = 0
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        history = History(seed)
        try:
            history.live()
            history.end()
        except Exception as error:  # the seed must be told
            history.wrong.append(repr(error))
            if options.seed is not None:
                raise
        kills, halfway = kills + history.kills, halfway + history.halfway
        if not bench.check(f"--seed {seed}, {history.kills} kills: equal to an untouched run", history.wrong, []):
            print("\n".join(history.words))
        else:
            shutil.rmtree(history.folder)
    if options.seed is None:
        bench.check(f"{kills} runs were killed, {halfway} of them after units of theirs", kills >= len(seeds) and
                    halfway >= len(seeds) // 4)


# --- disks

def limited(size):
    """No file grows beyond `size`: writes fail in the middle, as on a full disk."""
    def before_exec():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return before_exec


def failed_well(what, done, said=""):
    """Exit 4, one error that says why, and what to do about it."""
    bench.check(f"{what}: exit", done.returncode, 4)
    errors = re.findall(r"(?m)^track-usage: error: .*", done.err.replace(f"{bench.folder}/", ""))
    bench.check(f"{what}: one error, saying {said!r}", len(errors) == 1 and re.search(said, done.err) is not None
                or done.err, True)
    bench.check(f"{what}: with a hint", "hint" in done.err or done.err, True)


@case
def a_full_disk():
    """By a limit on the size of files, at different moments."""
    log = bench.write("a.log", lines(3000))
    run("a.log", "--batch", "16KiB", sinks=["whole.db"])
    whole = (bench.folder / "whole.db").stat().st_size
    for number, size in enumerate((1, 4096, whole // 8, whole // 3, whole // 2, whole - 4096)):
        store = f"{number}.db"
        done = run("a.log", "--batch", "16KiB", sinks=[store], preexec_fn=limited(size))
        failed_well(f"files of {size} bytes at most", done, "full|File too large|space")
        if (bench.folder / store).exists():
            sound(store)
        had = rows_in(store)
        done = run("a.log", "--batch", "16KiB", sinks=[store])
        bench.check(f"with room again, after {had} rows: exit", done.returncode, 0)
        equals_untouched(f"{size} bytes", [log], store=store)


@case
def one_of_two_disks_is_full():
    """The other store and what is printed go on, and each row is printed once."""
    log = bench.write("a.log", lines(2000))
    for number in (1, 40, 75):
        one, two = stores = [f"one-{number}.db", f"two-{number}.db"]
        run(os.devnull, sinks=stores)
        # Only one store's place is full: strace counts the calls on its path alone.
        done = run("a.log", "--batch", "8KiB", "--jobs", "1", sinks=[*stores, "print:"],
                   prefix=[*traced(["pwrite64"], [f"pwrite64:error=ENOSPC:when={number}+"]),
                           "-P", bench.folder / f"{one}-wal"])
        failed_well(f"full from write {number} on", done, f"{one}: .*full")
        bench.check("each row is printed once", (done.out.count(b"\n"), len(set(done.out.splitlines()))), (2000, 2000))
        bench.check("the other store has all", rows_in(two), 2000)
        bench.check("the full one has not", rows_in(one) < 2000)
        bench.check("then", run("a.log", sinks=stores).returncode, 0)
        for store in stores:
            equals_untouched(store, [log], store=store)


@case
def a_small_disk():
    """A real one, in a mount namespace of its own: it goes when its last process goes."""
    log = bench.write("a.log", lines(3000))
    script = """mount -t tmpfs -o size=900k none disk || exit 77
        "$0" ingest --config none --batch 16KiB --sink disk/usage.db a.log 2>first.txt; echo $? >first
        mount -o remount,size=64m disk || exit 77
        "$0" ingest --config none --batch 16KiB --sink disk/usage.db a.log 2>second.txt; echo $? >second
        cp disk/usage.db usage.db"""
    (bench.folder / "disk").mkdir()
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    done = subprocess.run([*unshare, "sh", "-c", script, bench.binary], cwd=bench.folder, env=bench.environment,
                          capture_output=True, timeout=DEADLINE)
    if not (bench.folder / "second").exists():
        print(f"skipped: {bench.folder.name}: no disk of its own can be mounted here: {done.stderr[-100:]}")
        return
    said = (bench.folder / "first.txt").read_text()
    bench.check("full: exit", (bench.folder / "first").read_text(), "4\n")
    bench.check("full: said", "full" in said and said.count("error:") == 1 or said, True)
    bench.check("full: with a hint", "hint" in said or said, True)
    bench.check("with room again: exit", (bench.folder / "second").read_text(), "0\n")
    equals_untouched("then", [log])


@case
def a_failing_disk():
    """Calls that fail, once or from then on: what the exit code says is so, and the next run completes."""
    rng = random.Random(7)
    log = bench.write("a.log", lines(1500))
    words = ["a.log", "--batch", "8KiB"]
    calls = ("pwrite64", "fdatasync", "ftruncate", "pread64", "unlink")
    run(*words, sinks=["probe.db"], prefix=traced(calls))
    found = kill_points(bench.folder / "trace.txt")
    failures = 0
    for number in range(60 if options.long else 20):
        call = rng.choice([call for call in calls if call in found])
        error = rng.choice(("EIO", "ENOSPC", "EROFS") if call != "pread64" else ("EIO",))
        when = str(rng.choice(rng.choice(found[call]))) + rng.choice(("", "+"))
        what, store = f"{error} at {call} {when}", f"{number}.db"
        done = run(*words, sinks=[store], prefix=traced([call], [f"{call}:error={error}:when={when}"]))
        failures += done.returncode == 4
        bench.check(f"{what}: exit {done.returncode} is 0 or 4, and said", done.returncode == 0 or
                    done.returncode == 4 and done.err.count("error:") == 1 or done.err, True)
        if done.returncode == 0:
            bench.check(f"{what}: exit 0, and all is there", rows_in(store), 1500)
        done = run(*words, sinks=[store])
        bench.check(f"{what}: the next run", done.returncode, 0)
        bench.check(f"{what}: all rows", rows_in(store), 1500)
        bench.check(f"{what}: sound", unsound(store), [])
    bench.check(f"{failures} runs failed", failures > 5)
    equals_untouched("the last", [log], store=store)


# --- permissions

@case
def a_read_only_store():
    """Read-only from the start: the file, its folder, or the lock file."""
    prefix, user = other_user()
    program = open_to_all(bench.folder)
    text = lines(800)
    log = bench.write("a.log", text[:300])
    log.chmod(0o644)
    folder, store = bench.folder / "store", bench.folder / "store/usage.db"
    for each in (folder, bench.folder / "other"):
        each.mkdir()
        os.chown(each, user, -1)

    def other(*args):
        return run("a.log", *args, sinks=["store/usage.db"], prefix=prefix, program=program)

    folder.chmod(0o555)
    failed_well("no new store can be made in its folder", other(), "store/usage.db")
    bench.check("nothing is left", list(folder.iterdir()), [])
    folder.chmod(0o755)
    bench.check("then it can", other().returncode, 0)
    log.write_bytes(b"".join(text))
    for what, path, mode, again in (("the store is read-only", store, 0o440, 0o640),
                                    ("its folder is read-only", folder, 0o555, 0o755),
                                    ("the lock file is read-only", folder / "usage.db.lock", 0o440, 0o640)):
        path.chmod(mode)
        done = other("--batch", "8KiB")
        if path == folder:  # what is there may do; if it does not, it is said
            if done.returncode != 0:
                failed_well(what, done, "store/usage.db")
        else:
            failed_well(what, done, "store/usage.db")
        path.chmod(again)
        left = [folder / ("usage.db" + end) for end in ("-wal", "-shm") if (folder / ("usage.db" + end)).exists()]
        bench.check(f"{what}: what is left can be written again", [file.name for file in left
                                                                   if not file.stat().st_mode & 0o200], [])
        if done.returncode == 0:
            continue
        done = other()
        bench.check(f"{what}: writable again", (done.returncode, done.err), (0, ""))
        for file in left:  # so that one fault is told once
            file.unlink(missing_ok=True)
        other()
        bench.check(f"{what}: all is there", rows_in("store/usage.db", "immutable=1"), len(text))
        text += lines(100, seed=len(text))
        log.write_bytes(b"".join(text))
    folder.chmod(0o555)
    done = run("a.log", sinks=["store/usage.db", "other/usage.db"], prefix=prefix, program=program)
    folder.chmod(0o755)
    failed_well("one of two stores is in a read-only folder", done, "store/usage.db")
    bench.check("the other has all", rows_in("other/usage.db", "immutable=1"), len(text))
    bench.check("then", other().returncode, 0)
    equals_untouched("then", [log], store="store/usage.db")


@case
def made_read_only_in_mid_run():
    """chmod does not take an open file away; a disk that turns read-only fails the next write."""
    prefix, user = other_user()
    program = open_to_all(bench.folder)
    text = lines(2000)
    os.mkdir(bench.folder / "store")
    folder, store = bench.folder / "store", bench.folder / "store/usage.db"
    os.chown(folder, user, -1)
    child = begin("-", "--batch", "8KiB", sinks=["store/usage.db"], prefix=prefix, program=program,
                  stdin=subprocess.PIPE)
    child.stdin.write(b"".join(text[:1000]))
    child.stdin.flush()
    bench.check("a run is under way", until(lambda: rows_in("store/usage.db") > 0))
    store.chmod(0o440)
    folder.chmod(0o555)
    done = finish(child, b"".join(text[1000:]))
    # Looked at only when all may be written again: a look makes files with the store's mode beside it.
    store.chmod(0o640)
    folder.chmod(0o755)
    if done.returncode == 0:
        bench.check("chmod in mid-run: the run took all", rows_in("store/usage.db"), 2000)
    else:
        failed_well("chmod in mid-run", done, "store/usage.db")
    bench.check("writable again", run("-", sinks=["store/usage.db"], feed=b"".join(text), prefix=prefix,
                                      program=program).returncode, 0)
    equals_untouched("then", ["-"], store="store/usage.db", feed=b"".join(text))

    log = bench.write("a.log", text)
    for number in (5, 60, 100):
        name = f"disk-{number}.db"
        run("a.log", "--batch", "8KiB", sinks=[name], prefix=traced(["clone3"], ["clone3:signal=KILL:when=20"]))
        had = rows_in(name)
        bench.check("a part is there", 0 < had < 2000 or had, True)
        done = run("a.log", "--batch", "16KiB", sinks=[name], prefix=traced(
            ["pwrite64"], [f"pwrite64:error=EROFS:when={number}+"]))
        failed_well("the disk turned read-only", done, name)
        bench.check("what was there is there", rows_in(name) >= had)
        bench.check("then", run("a.log", sinks=[name]).returncode, 0)
        equals_untouched("then", [log], store=name)


# --- signals

def stopped_at(rule, stop, sent, *args, **more):
    """Stops the program at a call, for the `stop`th time in all, sends it a signal and lets it go on.

    strace would send the signal itself once a thread, and a second one ends the program at once.
    """
    trace = bench.folder / "trace.txt"
    trace.unlink(missing_ok=True)
    child = begin(*args, prefix=traced([rule.split(":")[0]], [rule]), **more)
    seen, end = 0, time.monotonic() + DEADLINE
    while child.poll() is None and time.monotonic() < end:
        said = trace.read_bytes() if trace.exists() else b""
        if (stops := said.count(b"--- SIGSTOP {")) > seen:
            program, seen = int(said.split()[0]), stops
            if seen == stop:
                os.kill(program, sent)
            os.kill(program, signal.SIGCONT)
        time.sleep(0.002)
    return finish(child), seen


@case
def signals_in_mid_unit():
    """SIGTERM and SIGINT in the middle of a transaction: 143, 130, and nothing is half done."""
    log = bench.write("a.log", lines(6000))
    for sent, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        for call, number, stop in (("pwrite64", 50, 1), ("pwrite64", 50, 4), ("pwrite64", 67, 2), ("clone3", 12, 1)):
            what, store = f"{sent.name} at {call} {number}, time {stop}", f"{sent.name}-{call}-{number}-{stop}.db"
            # The tables are made by a run of their own, so that the signal meets a unit.
            run(os.devnull, sinks=[store])
            done, stops = stopped_at(f"{call}:signal=STOP:when={number}", stop, sent, "a.log", "--batch", "8KiB",
                                     sinks=[store])
            bench.check(f"{what}: it was stopped", stops >= stop)
            bench.check(f"{what}: exit", done.returncode, code)
            bench.check(f"{what}: nothing is left in -wal", (bench.folder / (store + "-wal")).stat().st_size, 0)
            had = rows_in(store)
            bench.check(f"{what}: {had} rows, a part of them", 0 < had < 6000)
            bench.check(f"{what}: sound", unsound(store), [])
            bench.check(f"{what}: the run is in the ledger",
                        bench.query("SELECT exit, stored FROM usage_runs ORDER BY id DESC LIMIT 1", store),
                        [(code, had)])
            bench.check(f"{what}: the next run", run("a.log", sinks=[store]).returncode, 0)
            bench.check(f"{what}: all rows", rows_in(store), 6000)
    equals_untouched("the last", [log], store=store)


# --- two at once

class Stream:
    """A run on a stream that is in the middle for as long as one wants."""

    def __init__(self, *args, **more):
        self.child, self.sent = begin("-", *args, stdin=subprocess.PIPE, **more), 0

    def send(self, text):
        self.child.stdin.write(b"".join(text))
        self.child.stdin.flush()
        self.sent += len(text)
        return self

    def stored(self, store="usage.db", at_least=None):
        return until(lambda: rows_in(store) >= (self.sent if at_least is None else at_least))

    def end(self):
        return finish(self.child)


def holds(pid, name):
    """Whether a process has a file of that name open."""
    with contextlib.suppress(OSError):
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").endswith("/" + name) for fd in os.listdir(f"/proc/{pid}/fd"))
    return False


def waits(child):
    """It tries again and again: each time it sleeps it gives up the processor."""
    def sleeps():
        with contextlib.suppress(OSError), open(f"/proc/{child.pid}/status", encoding="ascii") as file:
            return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", file.read())[1])
        return 0
    before = sleeps()
    return until(lambda: child.poll() is not None or sleeps() > before + 5) and child.poll() is None


@case
def two_runs_at_once():
    text = lines(1000)
    log = bench.write("a.log", text)
    holder = Stream().send(text[:300])
    bench.check("a run is under way", holder.stored())
    started = time.monotonic()
    done = run("a.log")
    bench.check("another: exit", done.returncode, 5)
    bench.check("at once", time.monotonic() - started < 5)
    bench.check("and names the holder", f"pid {holder.child.pid} since " in done.err or done.err, True)
    bench.check("and a hint", "--wait" in done.err)
    done = run("a.log", sinks=["other.db", "usage.db"])
    bench.check("the same where another store is free", done.returncode, 5)
    bench.check("--wait=1s gives up", run("a.log", "--wait=1s").returncode, 5)
    bench.check("nothing was taken", rows_in(), 300)
    waiting = begin("a.log", "--wait")

    bench.check("--wait waits", waits(waiting))
    bench.check("the holder goes on", holder.send(text[300:400]).stored())
    bench.check("and ends", holder.end().returncode, 0)
    bench.check("then the other has its turn", finish(waiting).returncode, 0)
    bench.check("and took only what was new", bench.query(
        "SELECT stored, already_taken FROM usage_runs ORDER BY id DESC LIMIT 1"), [(600, 400)])
    equals_untouched("then", [log])


@case
def a_killed_holder():
    text = lines(600)
    log = bench.write("a.log", text)
    holder = Stream().send(text[:200])
    bench.check("a run is under way", holder.stored())
    waiting = begin("a.log", "--wait=60s")
    holder.child.kill()
    bench.check("killed", holder.end().returncode, -signal.SIGKILL)
    bench.check("who waited has its turn", finish(waiting).returncode, 0)
    equals_untouched("then", [log])
    # Killed with nobody waiting.
    holder = Stream().send(lines(50, seed=3))
    bench.check("another run", holder.stored(at_least=650))
    holder.child.kill()
    holder.end()
    bench.check("blocks nobody", run("a.log").returncode, 0)
    sound()


@case
def two_runs_start_together():
    """Of many at the same moment on a store that is not there yet, each waits its turn."""
    text = lines(900)
    log = bench.write("a.log", text)
    running = [begin("a.log", "--batch", "8KiB", "--wait=60s") for _ in range(6)]
    bench.check("all end well", [finish(child).returncode for child in running], [0] * 6)
    bench.check("one took all", sorted(bench.query("SELECT stored FROM usage_runs")), [(0,)] * 5 + [(900,)])
    equals_untouched("then", [log])
    running = [begin("a.log", sinks=["new.db"]) for _ in range(6)]
    ends = collections.Counter(finish(child).returncode for child in running)
    bench.check(f"without --wait: {dict(ends)}", ends[0] >= 1 and ends[0] + ends[5] == 6)
    equals_untouched("then", [log], store="new.db")


@case
def signals_while_waiting():
    """SIGTERM and SIGINT end a run that waits for another one, or for another program."""
    bench.write("a.log", lines(300))
    run(os.devnull)
    holder = Stream()
    bench.check("a run is under way", until(lambda: holds(holder.child.pid, "usage.db")))
    foreign = sqlite3.connect(bench.folder / "locked.db", isolation_level=None)
    run(os.devnull, sinks=["locked.db"])
    foreign.execute("BEGIN EXCLUSIVE")
    for store, words in (("usage.db", ["--wait"]), ("locked.db", [])):
        for sent, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            child = begin("a.log", *words, sinks=[store])
            bench.check(f"{store}: waits", waits(child))
            child.send_signal(sent)
            done = finish(child, seconds=10)
            bench.check(f"{store}: {sent.name} ends it, in less than 10 s", (done.returncode, done.err.count("error:")),
                        (code, 0))
    bench.check("the holder's end", holder.end().returncode, 0)
    foreign.close()
    for store in ("usage.db", "locked.db"):
        bench.check("then", run("a.log", sinks=[store]).returncode, 0)
        bench.check(f"all is in {store}", rows_in(store), 300)


# --- readers

def snapshot(db):
    """(rows, what does not agree with them) at one moment."""
    db.execute("BEGIN")
    rows = db.execute("SELECT count(*), coalesce(sum(content_length), 0) FROM usage_rows").fetchone()
    wrong = [view for view in SUMMARIES
             if db.execute(f"SELECT coalesce(sum(hits), 0), coalesce(sum(transfer), 0) FROM {view}").fetchone() != rows]
    if db.execute("SELECT coalesce(sum(stored), 0) FROM usage_sources").fetchone()[0] != rows[0]:
        wrong.append("usage_sources")
    db.execute("COMMIT")
    return rows[0], wrong


def read(*args, **more):
    return finish(start(*args, **more))


def numbers_read(**more):
    """What the commands see, each at its own moment: rows, and hits of each summary."""
    done = [read("rows", "--limit", "0", "--output", "jsonl", **more)]
    seen = [done[0].out.count(b"\n")]
    for hook in ("url", "status"):
        done.append(read("sum", hook, "--period", "month", "--limit", "0", "--output", "json", **more))
        seen.append(sum(row["hits"] for row in json.loads(done[-1].out or '{"month": []}')["month"]))
    done.append(read("status", **more))
    return seen, [(one.args[-6:], one.returncode, one.err) for one in done if one.returncode or one.err]


@case
def readers_during_a_run():
    """They see whole units only, are never blocked, and do not hold up the run."""
    text = lines(12000)
    log = bench.write("a.log", text)
    run(os.devnull)
    child = begin("a.log", "--batch", "4KiB")
    seen, wrong, troubles = [], [], []
    with connect("usage.db") as db:
        while child.poll() is None:
            rows, bad = snapshot(db)
            seen.append(rows)
            wrong += [(rows, view) for view in bad]
            if len(seen) % 5 == 1:
                counts, trouble = numbers_read()
                seen += counts
                troubles += trouble
    bench.check("the run ends", finish(child).returncode, 0)
    ends = [0, *itertools.accumulate(n for n, in bench.query("SELECT stored FROM usage_units ORDER BY id"))]
    middle = len(set(seen) - {0, 12000})
    bench.check(f"{len(seen)} looks, {middle} different ones in mid-run", middle >= 5)
    bench.check("each saw whole units", sorted(set(seen) - set(ends)), [])
    bench.check("in each, summaries and rows agree", wrong, [])
    bench.check("what was there stays there", seen, sorted(seen))
    bench.check("no reader had trouble", troubles, [])
    equals_untouched("then", [log])


def stopped_reader(**more):
    """`rows | less` over a run that begins and ends meanwhile: 20000 rows are more than a pipe and a batch hold."""
    log = bench.write("a.log", lines(20000))
    run("a.log")
    (bench.folder / "usage.db").chmod(0o644)
    run("a.log")  # from here on its -wal and -shm have that mode, too
    reader = start("rows", "--limit", "0", "--output", "jsonl", bufsize=0, **more)
    first = reader.stdout.readline()
    bench.check("a reader is under way", first.startswith(b"{"))
    bench.write("a.log", lines(5000, seed=2), "ab")  # of the same hours, so that they come between the others
    started = time.monotonic()
    child = begin("a.log", "--batch", "1MiB")
    bench.check("a run commits meanwhile", until(lambda: rows_in() == 25000))
    done = finish(child)
    bench.check("and ends", (done.returncode, done.err), (0, ""))
    took = time.monotonic() - started
    bench.check("without waiting for the reader", took < 20 or took, True)
    rest = finish(reader)
    seen = [json.loads(line)["url"] for line in (first + rest.out).splitlines()]
    right = [url for url, in bench.query("SELECT url FROM usage_rows WHERE id <= 20000 ORDER BY ts DESC, id DESC")]
    bench.check("the reader ends well", (rest.returncode, rest.err), (0, ""))
    bench.check("it saw what was there when it began", len(seen) if seen != right else True, True)
    bench.check("the next run", run("a.log").returncode, 0)
    bench.check("tidies up: nothing is left in -wal", (bench.folder / "usage.db-wal").stat().st_size, 0)
    equals_untouched("then", [log])


@case
def a_reader_that_stops():
    stopped_reader()


@case
def a_reader_of_another_user_that_stops():
    """It may not write to the store, so that SQLite cannot show it to the run."""
    prefix, _ = other_user()
    stopped_reader(prefix=prefix, program=open_to_all(bench.folder))


@case
def a_reader_in_a_shared_folder():
    """What one user's reader leaves beside a store must not lock its owner out."""
    if os.geteuid() != 0:
        print(f"skipped: {bench.folder.name}: only root can be two users")
        return
    prefix, user = other_user()
    reader = ["setpriv", f"--reuid={user - 1}", f"--regid={user - 1}", "--clear-groups"]
    program = open_to_all(bench.folder)
    text = lines(600)
    log = bench.write("a.log", text[:300])
    for mode in (0o777, 0o1777):
        folder = bench.folder / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        store = f"{folder.name}/usage.db"
        log.write_bytes(b"".join(text[:300]))
        run("a.log", sinks=[store], prefix=prefix, program=program)
        (bench.folder / store).chmod(0o644)
        done = read("status", "--from", store, prefix=reader, program=program)
        bench.check(f"{mode:o}: status by another user", (done.returncode, done.err), (0, ""))
        log.write_bytes(b"".join(text))
        done = run("a.log", sinks=[store], prefix=prefix, program=program)
        bench.check(f"{mode:o}: the owner's next run", (done.returncode, done.err), (0, ""))
        bench.check(f"{mode:o}: all is there", rows_in(store), 600)


@case
def readers_between_runs():
    """Runs begin and end under them; one who may not write has other ways to read than the owner."""
    prefix, _ = other_user()
    program = open_to_all(bench.folder)
    text = lines(3000)
    log = bench.write("a.log", text[:200])
    run("a.log")
    (bench.folder / "usage.db").chmod(0o644)
    for more in ({}, {"prefix": prefix, "program": program}):
        seen, troubles, ends = [], [], []
        for _ in range(7):
            bench.write("a.log", text[rows_in():rows_in() + 200], "ab")
            child = begin("a.log", "--batch", "4KiB")
            while child.poll() is None or not seen:
                counts, trouble = numbers_read(**more)
                seen += counts
                troubles += trouble
            ends.append(finish(child).returncode)
        units = list(itertools.accumulate(n for n, in bench.query("SELECT stored FROM usage_units ORDER BY id")))
        who = "the other user" if more else "the owner"
        bench.check(f"{who}: the runs end well", set(ends), {0})
        bench.check(f"{who}: no trouble in {len(seen)} looks", troubles, [])
        bench.check(f"{who}: whole units only, and what was there stays there",
                    [n for n in seen if n not in units] + [seen] * (seen != sorted(seen)), [])
    equals_untouched("then", [log])


@case
def a_reader_of_another_user():
    """Who may read the store but not write reads during, after, and after the end of a killed run."""
    prefix, user = other_user()
    program = open_to_all(bench.folder)
    text = lines(4000)
    log = bench.write("a.log", text)
    more = {"prefix": prefix, "program": program}
    run(os.devnull)
    (bench.folder / "usage.db").chmod(0o644 if prefix else 0o444)
    bench.folder.chmod(0o755 if prefix else 0o555)
    bench.check("a store without rows", numbers_read(**more), ([0, 0, 0], []))
    bench.folder.chmod(0o755)
    if not prefix:  # the same user must be able to write again
        (bench.folder / "usage.db").chmod(0o644)

    stream = Stream("--batch", "8KiB").send(text[:1000])
    bench.check("a run is under way", stream.stored())
    bench.check("in mid-run", numbers_read(**more), ([1000, 1000, 1000], []))
    stream.send(text[1000:1500])
    bench.check("the run goes on", stream.stored())
    bench.check("and so does what is seen", numbers_read(**more), ([1500, 1500, 1500], []))
    stream.child.kill()
    stream.end()
    bench.check("after a kill", numbers_read(**more), ([1500, 1500, 1500], []))
    if prefix:
        (bench.folder / "usage.db-shm").unlink()
        seen, told = numbers_read(**more)  # as in a copy: it cannot be read, which must be said
        bench.check("after a kill and without -shm", seen, [0, 0, 0])
        bench.check("each says why", [(code, "usage.db-wal" in err) for _, code, err in told], [(4, True)] * 4)
    bench.check("the next run", run("a.log").returncode, 0)
    bench.check("after the run", numbers_read(**more), ([4000, 4000, 4000], []))
    equals_untouched("then", [log])


# --- another program's lock

@case
def a_foreign_lock():
    """Another program's transaction is waited for; what can go on does."""
    text = lines(600)
    log = bench.write("a.log", text)
    stream = Stream("--batch", "8KiB", sinks=["one.db", "two.db"]).send(text[:200])
    bench.check("a run is under way", stream.stored("two.db"))
    foreign = sqlite3.connect(bench.folder / "two.db", isolation_level=None)
    foreign.execute("BEGIN EXCLUSIVE")
    stream.send(text[200:300])
    bench.check("the other store advances", until(lambda: rows_in("one.db") > 200, 30))
    bench.check("the locked one does not", rows_in("two.db"), 200)
    foreign.execute("COMMIT")
    bench.check("until it is free", stream.stored("two.db"))
    done = stream.send(text[300:]).end()
    bench.check("and the run ends well", (done.returncode, "error" in done.err), (0, False))
    foreign.execute("BEGIN EXCLUSIVE")
    child = begin("a.log", sinks=["one.db", "two.db"])
    bench.check("a run begins", until(lambda: holds(child.pid, "two.db")))
    foreign.execute("COMMIT")
    foreign.close()
    bench.check("and ends", finish(child).returncode, 0)
    for store in ("one.db", "two.db"):
        equals_untouched(store, [log], store=store)


@case
def a_foreign_lock_for_ever():
    """Exit 4 after a minute; the other store has all. Before the run and in its middle."""
    if not options.long:
        return
    text = lines(600)
    log = bench.write("a.log", text)
    stream = Stream("--batch", "8KiB", sinks=["one.db", "two.db"]).send(text[:200])
    bench.check("a run is under way", stream.stored("two.db"))
    foreign = sqlite3.connect(bench.folder / "two.db", isolation_level=None)
    foreign.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    done = stream.send(text[200:]).end()
    failed_well("in mid-run", done, "two.db.*locked")
    bench.check("after a minute", 55 < time.monotonic() - started < 100 or time.monotonic() - started, True)
    bench.check("the other store has all", rows_in("one.db"), 600)
    bench.check("the locked one has what it had", rows_in("two.db"), 200)
    bench.write("a.log", lines(100, seed=5), "ab")
    started = time.monotonic()
    done = run("a.log", sinks=["one.db", "two.db"])
    failed_well("from the start", done, "two.db.*locked")
    bench.check("after a minute or two", time.monotonic() - started < 140 or time.monotonic() - started, True)
    bench.check("the other store has all", rows_in("one.db"), 700)
    bench.check("alone", run("a.log", sinks=["two.db"]).returncode, 4)
    foreign.close()
    bench.check("then", run("a.log", sinks=["one.db", "two.db"]).returncode, 0)
    for store in ("one.db", "two.db"):
        equals_untouched(store, [log], store=store)


if shutil.which("strace") is None:
    sys.exit("crashes.py: strace is missing")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a test runner's deadline: children and folders go
try:
    for function in cases:
        if not options.cases or function.__name__ in options.cases:
            bench.room(function.__name__)
            function()
finally:
    end_all()
bench.end()
