#!/usr/bin/env python3
"""A model test of "nothing twice, nothing lost": random sequences of what happens to logs, and of
runs over them, held against a short model of which lines must be in the store.

    model.py TRACK-USAGE [--long] [--seed N|random] [--sequence K]

A sequence that fails is shrunk, and printed as the operations that led there. --sequence runs one alone.
"""

import argparse
import bz2
import collections
import gzip
import itertools
import json
import lzma
import os
import pathlib
import random
import re
import shutil
import sqlite3
import sys
import time

from checks import FIELDS, Bench
import traffic

ORDINARY, LONG = 60, 2000  # sequences
SHRINKING = 60  # seconds, at most, for one sequence
START = traffic.epoch_of("2026-11-10")

# What ARCHITECTURE.md says of where a content's hashes are kept: how far apart, and up to where.
# Below the first mark nothing is promised for a shorter copy.
MARKS = ((128, 4 << 10), (512, 64 << 10), (16 << 10, 1 << 20), (1 << 20, 1 << 40))
FIRST_MARK = MARKS[0][0]

# A line is a row if address, time and status were read; the number tells it from every other.
ROW = re.compile(rb'192\.0\.2\.\d+ - - \[[\w/:]+ \+0000\] "GET /n/(\d+) HTTP/1\.1" 200 \d+ ')
LIVE = ("access.log", "other.log")
PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


class Failure(Exception):
    """What the program did and the model does not allow."""


def last_mark(length):
    for step, until in MARKS:
        if length < until:
            return length - length % step
    raise ValueError(length)


WAITS = True  # see Model.take()

# --- the model: what must be stored

class Source:
    """The bytes that were taken of one content, and the numbers of the lines that came of them."""

    def __init__(self, taken, numbers):
        self.taken, self.numbers = taken, numbers


class Model:
    def __init__(self, sources=()):
        self.sources = [Source(s.taken, s.numbers.copy()) for s in sources]

    def stored(self):
        return sum((s.numbers for s in self.sources), collections.Counter())

    def knows(self, content):
        return any(s.taken and content.startswith(s.taken) for s in self.sources)

    def take(self, content, complete, choose):
        """One content is read. `complete`: its last line is taken without a newline, too."""
        size, mark = len(content), last_mark(len(content))
        longer = [s.taken for s in self.sources if len(s.taken) > size]
        if any(taken.startswith(content) for taken in longer):
            # A shorter copy. Below the first mark nothing is promised: it may be known, or taken again.
            if mark or not choose():
                return
        elif WAITS and mark and any(taken[:mark] == content[:mark] for taken in longer) and not choose():
            # It agrees up to the last mark that it reaches, and differs behind it: by the design's words it
            # is taken, until it grows over its next mark. Where its hints tell better it need not wait.
            return
        begun = [s for s in self.sources if content.startswith(s.taken)]
        source = max(begun, key=lambda s: len(s.taken), default=None)
        begin = len(source.taken) if source else 0
        end = size if complete else content.rfind(b"\n") + 1
        new = content[begin:]
        if begin and not content[:begin].endswith(b"\n"):  # half a line was taken: its rest is no line
            rest = new.find(b"\n") + 1 or len(new)
            new, end = new[rest:], max(end, begin + rest)
        if end <= begin:
            return
        rows = map(ROW.match, new[:end - size or None].split(b"\n"))
        numbers = collections.Counter(int(row[1]) for row in rows if row)
        if source is None:
            source = Source(b"", collections.Counter())
            self.sources.append(source)
        source.taken = content[:end]
        source.numbers += numbers


def natural(name):
    return [(int(piece) if piece.isdigit() else -1, piece) for piece in re.split(r"(\d+)", name)]


def first_date(content):
    """Of the first readable line; contents without one come last. Times rise with the numbers."""
    for line in content.split(b"\n")[:50]:
        row = ROW.match(line)
        if row:
            return int(row[1])
    return float("inf")


# --- the world: files on disk, and what is done to them

class File:
    """content: decompressed; rest: what its writer has still to write of a line."""

    def __init__(self, content=b"", pack=None, rest=b""):
        self.content, self.pack, self.rest = content, pack, rest


class World:
    """A folder with logs, a store, and the model beside it. Each operation is a method; its arguments
    are drawn beforehand, so that a sequence can be run again without some of its operations.
    One that has nothing to work on does nothing. Each returns what it did, for a reader."""

    def __init__(self, bench, name, padding):
        self.bench, self.folder, self.padding = bench, bench.room(name), padding
        self.files, self.model = {}, Model()
        self.number = self.names = 0
        self.given = set()  # (name, inode) of what runs were given
        self.said = []

    def line(self):
        """The next line; its time is its own, as an edited log is known by the first line's time."""
        self.number += 1
        stamp = traffic.clf_time(START + self.number, 0)
        return (f'192.0.2.{self.number % 250} - - [{stamp}] "GET /n/{self.number} HTTP/1.1" 200 5 "-" "model/1'
                f'{"x" * (self.number * 7919 % (self.padding + 1))}"\n').encode()

    def lines(self, count):
        return b"".join(self.line() for _ in range(count))

    def chosen(self, which, wanted=lambda name, file: True):
        """A file by a number in [0, 1): the same choice as long as the same files are there."""
        names = [name for name in sorted(self.files) if wanted(name, self.files[name])]
        return names[int(which * len(names))] if names else None

    def plain(self, which):
        """One that can be written to: not compressed, and no copy that ends within a line."""
        return self.chosen(which, lambda name, file: not file.pack and (file.rest or file.content[-1:] in (b"", b"\n")))

    def new_name(self, kind):
        self.names += 1
        return f"{kind}-{self.names}.log"

    def put(self, name, file):
        self.files[name] = file
        data = file.content
        if file.pack:
            half = len(data) // 2  # in two members
            data = PACK[file.pack](data[:half]) + PACK[file.pack](data[half:])
        (self.folder / name).write_bytes(data)

    def move(self, old, new):
        os.rename(self.folder / old, self.folder / new)
        self.files[new] = self.files.pop(old)

    def write(self, name, data):
        """Appends, as a server does: same inode, O_APPEND."""
        with open(self.folder / name, "ab") as file:
            file.write(data)
        self.files.setdefault(name, File()).content += data

    def shift(self, log):
        """log.1 becomes log.2 and so on, compressed or not."""
        rotated = re.compile(re.escape(log) + r"\.(\d+)(\.\w+)?")
        numbered = [(int(m[1]), name) for name in self.files if (m := rotated.fullmatch(name))]
        for number, name in sorted(numbered, reverse=True):
            self.move(name, name.replace(f"{log}.{number}", f"{log}.{number + 1}", 1))

    # What happens to logs.

    def append(self, which, count):
        """To a live log, or to any file that a writer could have open."""
        name = LIVE[int(which * 8)] if which < 0.25 else LIVE[0] if which < 0.85 else self.plain((which - 0.85) / 0.15)
        if name is None:
            return None
        rest = self.files[name].rest if name in self.files else b""
        begin = self.number + 1
        self.write(name, rest + self.lines(count))
        self.files[name].rest = b""
        return f"append lines {begin} to {self.number} to {name}" + (" behind the rest of a line" if rest else "")

    def half_line(self, which, early):
        """Cut within the time, so that neither half is a row, or within the agent, so that the first is."""
        name = LIVE[0] if which < 0.7 else self.plain((which - 0.7) / 0.3)
        if name is None or (name in self.files and self.files[name].rest):
            return None
        line = self.line()
        cut = line.index(b"[") + 8 if early else line.index(b"model/1") + 4
        self.write(name, line[:cut])
        self.files[name].rest = line[cut:]
        return f"append the first {cut} bytes of line {self.number} to {name}"

    def finish_line(self, which):
        name = self.chosen(which, lambda name, file: file.rest)
        if name is None:
            return None
        self.write(name, self.files[name].rest)
        self.files[name].rest = b""
        return f"append the rest of the last line to {name}"

    def rotate(self, which):
        log = LIVE[which < 0.2]
        if log not in self.files:
            return None
        self.shift(log)
        self.move(log, log + ".1")  # the writer may still finish its line there
        self.put(log, File())
        return f"rotate {log}: rename and create"

    def copytruncate(self, which):
        log = LIVE[which < 0.2]
        if log not in self.files:
            return None
        self.shift(log)
        shutil.copy(self.folder / log, self.folder / (log + ".1"))
        os.truncate(self.folder / log, 0)
        self.files[log + ".1"] = File(self.files[log].content)
        self.files[log].content = b""  # the rest of a line comes there
        return f"copytruncate {log}"

    def compress(self, which, kind, keep):
        name = self.chosen(which, lambda name, file: not file.pack and name not in LIVE)
        if name is None or f"{name}.{kind}" in self.files:
            return None
        self.put(f"{name}.{kind}", File(self.files[name].content, kind))
        if not keep:
            self.delete_file(name)
        return f"compress {name} to .{kind}" + (", which stays" if keep else "")

    def rename(self, which):
        name = self.chosen(which)
        if name is None:
            return None
        new = self.new_name("old")
        self.move(name, new)
        return f"rename {name} to {new}"

    def copy(self, which, share):
        """share 1: all of it; less: as caught half way."""
        name = self.chosen(which)
        if name is None:
            return None
        file, new = self.files[name], self.new_name("copy")
        if share == 1:
            shutil.copy(self.folder / name, self.folder / new)
            self.files[new] = File(file.content, file.pack)
        else:
            self.put(new, File(file.content[:self.cut(file.content, int(share * len(file.content)))]))
        return f"copy {name} to {new}, {len(self.files[new].content)} bytes of {len(file.content)}"

    @staticmethod
    def cut(content, at):
        """Any byte but those between time and agent: there one could argue about half a line being a row."""
        begin = content.rfind(b"\n", 0, at) + 1
        behind = content.find(b'"-" "', begin) + 6
        return max(at, behind) if at > content.find(b"[", begin) + 9 else at

    def twin(self, which, share, count):
        """Another log with the same head, as a cloned machine has it."""
        name = self.chosen(which)
        head = name and self.head(name, share)
        if not head:
            return None
        new, begin = self.new_name("twin"), self.number + 1
        self.put(new, File(head + self.lines(count)))
        return f"make {new} of the first {len(head)} bytes of {name} and lines {begin} to {self.number}"

    def cut_back(self, which, share):
        """To fewer whole lines; what is appended later makes it another log of the same beginning."""
        name = self.plain(which)
        head = name and self.head(name, share)
        if not head:
            return None
        os.truncate(self.folder / name, len(head))
        self.files[name].content, self.files[name].rest = head, b""
        return f"cut {name} back to {len(head)} bytes"

    def head(self, name, share):
        """Whole lines of at least the first mark: a file that differs before it counts as edited."""
        content = self.files[name].content
        head = content[:content.rfind(b"\n", 0, int(share * len(content))) + 1]
        return head if len(head) >= FIRST_MARK else None

    def delete(self, which):
        name = self.chosen(which)
        if name is None:
            return None
        self.delete_file(name)
        return f"delete {name}"

    def delete_file(self, name):
        (self.folder / name).unlink()
        del self.files[name]

    def age(self):
        """As if the last runs had been more than two seconds after the last writes, so that hints count."""
        if not (self.folder / "usage.db").exists():
            return None
        with sqlite3.connect(self.folder / "usage.db") as db:
            db.execute("UPDATE usage_inputs SET seen_ns = ctime_ns + 3000000000")
        db.close()
        return "let the files' times settle"

    # What the program does.

    def run(self, which, options):
        """which: a number in [0, 1) for each file by its place; None: all files."""
        names = [n for i, n in enumerate(sorted(self.files)) if which is None or which[i % len(which)] < 0.5]
        if not names:
            return None
        what = f"ingest {' '.join([*options, *names])}"
        self.said.append(what)
        account = self.folder / "account.json"
        account.unlink(missing_ok=True)
        done = self.bench.run("ingest", "--config", "none", "--sink", "sqlite:usage.db", "--summary-json", account,
                              "--max-rejects", "1000000", *options, *names)
        error = done.stderr.decode("utf-8", "replace").strip()
        # A copy so short that nothing is promised for it may be taken for an edited log, too, by its
        # first line's time and its inode, which is that of a deleted file.
        edited = [n for n in names if f"'{n}' was taken before with other content" in error]
        if not account.exists() or done.returncode != (3 if edited else 0) or not all(map(self.too_short, edited)):
            raise Failure(f"exit {done.returncode}, right is 0: {error}")
        before = self.model.stored()
        found = self.stored()
        self.expect(names, options, found, error)
        said = json.loads(account.read_text())
        for part in (said["total"], *said["files"]):
            if part["read"] != sum(part[f] for f in FIELDS[1:]):
                raise Failure(f"the accounting does not close: {part}")
        new, more = said["total"]["stored"], (found - before).total()
        if new != more:
            raise Failure(f"said to be stored: {new}, and there are {more} more")
        self.said.pop()
        return f"{what}: {new} new"

    def inode(self, name):
        return (self.folder / name).stat().st_ino

    def too_short(self, name):
        content = self.files[name].content
        return not last_mark(len(content)) and any(s.taken.startswith(content) for s in self.model.sources)

    def expect(self, names, options, found, error):
        """The model reads the same files, in the order of their first dates; where nothing is
        promised it goes both ways, and the way that the program went holds."""
        # A log that a run knew by one of these names, and that was renamed since, may be read for its rest.
        followed = {n for n in self.files if n not in names and any((old, self.inode(n)) in self.given for old in names)}
        self.given |= {(n, self.inode(n)) for n in names}
        order = sorted([*names, *followed], key=lambda n: (first_date(self.files[n].content), natural(n)))
        first = None
        for width in itertools.count():
            asked = 0
            for choices in itertools.product((True, False), repeat=width):
                queue, model = list(choices), Model(self.model.sources)

                def choose():
                    nonlocal asked
                    asked += 1
                    return queue.pop(0) if queue else True
                for name in order:
                    file = self.files[name]
                    if file.content and (name not in followed or (model.knows(file.content) and choose())):
                        model.take(file.content, bool(file.pack) or "--final" in options, choose)
                if model.stored() == found:
                    self.model = model
                    return
                first = first or model
            if asked <= width * 2 ** width or width > 6:
                break
        right = first.stored()
        lost, twice = right - found, found - right
        number = min([*lost, *twice])
        where = [n for n in order if b"/n/%d " % number in self.files[n].content]
        raise Failure(f"line {number} is stored {found[number]} times, right is {right[number]}; it is in"
                      f" {where or 'no file'}; {lost.total()} lost, {twice.total()} too many in all"
                      + (f"; said: {error}" if error else ""))

    def forget(self, which):
        """One source, by its number, with all its rows: its files may then be taken anew."""
        if not (self.folder / "usage.db").exists():
            return None
        ids = [row[0] for row in self.bench.query("SELECT id FROM usage_sources ORDER BY id")]
        if not ids:
            return None
        source = ids[int(which * len(ids))]
        numbers = self.stored(source)
        same = [s for s in self.model.sources if s.numbers == numbers]
        if len(same) != 1:
            return None  # one with no rows: the model cannot tell which it is
        what = f"forget {source}"
        self.said.append(what)
        done = self.bench.run("forget", str(source), "--config", "none", "--from", "sqlite:usage.db", "--yes")
        if done.returncode != 0:
            raise Failure(f"exit {done.returncode}, right is 0: {done.stderr.decode('utf-8', 'replace')}")
        self.model.sources.remove(same[0])
        found, right = self.stored(), self.model.stored()
        if found != right:
            raise Failure(f"{(right - found).total()} rows too many are gone, {(found - right).total()} are left")
        self.said.pop()
        return f"{what}: {numbers.total()} lines"

    def stored(self, source=None):
        rows = self.bench.query("SELECT path FROM usage_rows" + (f" WHERE source = {source}" if source else ""))
        return collections.Counter(int(path.removeprefix("/n/")) for path, in rows)

    def identities(self):
        """The summaries and the ledger say what the rows say."""
        if not (self.folder / "usage.db").exists():
            return
        rows = self.bench.count()
        for view in ("usage_url_hourly", "usage_status_daily", "usage_remote_monthly"):
            hits = self.bench.query(f"SELECT coalesce(sum(hits), 0) FROM {view}")[0][0]
            if hits != rows:
                raise Failure(f"{view} has {hits} hits, and there are {rows} rows")
        stored, apart = self.bench.query("SELECT coalesce(sum(stored), 0),"
                                         " coalesce(sum(read - stored - rejected - blank), 0) FROM usage_sources")[0]
        if (stored, apart) != (rows, 0):
            raise Failure(f"the ledger has {stored} rows, and {apart} lines unaccounted; there are {rows} rows")


# --- sequences

def draw(dice):
    """Operations of one sequence, as (method, arguments); and how long its lines are."""
    def some_run():
        options = [[], [], [], ["--verify"], ["--batch", "1KiB"], ["--batch", "4KiB", "--jobs", "4"], ["--final"]]
        which = None if dice.random() < 0.4 else tuple(dice.random() for _ in range(5))
        return "run", which, tuple(dice.choice(options))

    makers = (
        (8, some_run),
        (6, lambda: ("append", dice.random(), dice.choice((1, 1, 2, 3, 10, 40)))),
        (1, lambda: ("append", dice.random(), 400)),
        (2, lambda: ("half_line", dice.random(), dice.random() < 0.5)),
        (1.5, lambda: ("finish_line", dice.random())),
        (2, lambda: ("rotate", dice.random())),
        (1.5, lambda: ("copytruncate", dice.random())),
        (2, lambda: ("compress", dice.random(), dice.choice(list(PACK)), dice.random() < 0.3)),
        (1, lambda: ("rename", dice.random())),
        (1.5, lambda: ("copy", dice.random(), dice.choice((1, dice.random())))),
        (1, lambda: ("twin", dice.random(), dice.uniform(0.3, 1), dice.choice((1, 5, 30)))),
        (0.7, lambda: ("cut_back", dice.random(), dice.uniform(0.3, 1))),
        (0.7, lambda: ("delete", dice.random())),
        (1, lambda: ("age",)),
        (1, lambda: ("forget", dice.random())))
    weights, calls = zip(*makers)
    count = dice.randrange(10, 26)
    operations = [("append", 0.5, dice.choice((1, 2, 10, 100)))]
    operations += [make() for make in dice.choices(calls, weights, k=count - 2)]
    return dice.choice((0, 0, 60, 400)), operations + [("run", None, ())]


class Trial:
    """One sequence, run from an empty folder: what was done, and the failure if there was one."""
    number = 0

    def __init__(self, bench, padding, operations):
        Trial.number += 1
        world, self.failure = World(bench, f"trial-{Trial.number}", padding), None
        self.lines = 0
        try:
            for name, *arguments in operations:
                what = getattr(world, name)(*arguments)
                if what:
                    world.said.append(what)
            world.identities()
            self.lines = world.model.stored().total()
        except Failure as failure:
            self.failure = str(failure)
        self.said = world.said
        shutil.rmtree(world.folder)


def shrunk(bench, padding, operations, trial):
    """Drops operations for as long as it fails: halves first, then one by one."""
    until = time.monotonic() + SHRINKING
    size = len(operations) // 2
    while size and time.monotonic() < until:
        at = len(operations)
        while at > 0 and time.monotonic() < until:
            at -= size
            fewer = operations[:max(at, 0)] + operations[at + size:]
            attempt = Trial(bench, padding, fewer)
            if attempt.failure:
                operations, trial = fewer, attempt
        size = size // 2 if size > 1 or at > 0 else 0
    return trial


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", metavar="TRACK-USAGE")
    parser.add_argument("--long", action="store_true", default="TRACK_USAGE_LONG" in os.environ, help=f"{LONG} sequences instead of {ORDINARY}")
    parser.add_argument("--seed", default="1", help="a number, or `random`")
    parser.add_argument("--sequence", type=int, help="only this one")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed == "random" else int(options.seed)
    print(f"seed {seed}", flush=True)
    bench = Bench(options.binary)
    wanted = range(LONG if options.long else ORDINARY) if options.sequence is None else [options.sequence]
    done = collections.Counter()
    for number in wanted:
        padding, operations = draw(random.Random(f"{seed} {number}"))
        trial = Trial(bench, padding, operations)
        done.update(said.split()[0].rstrip(":") for said in trial.said)
        done["lines"] += trial.lines
        if trial.failure:
            trial = shrunk(bench, padding, operations, trial)
            for said in trial.said:
                print(f"    {said}")
        bench.folder = pathlib.Path(f"sequence {number}")  # its name in the printed line
        bench.check(f"agrees with the model (seed {seed})", trial.failure, None)
    print("operations: " + ", ".join(f"{count} {name}" for name, count in done.most_common()))
    bench.end()


if __name__ == "__main__":
    sys.exit(main())
