"""What the tests of the binary share: running it in a folder of its own, making
logs, reading a store, and one printed line a check.
"""

import atexit
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it was checked out
import traffic

TESTS = pathlib.Path(__file__).resolve().parent
SAMPLES = TESTS.parent / "sample_logs"
DEADLINE = 120  # seconds for one run of the binary; none comes near it
FIELDS = ("read", "stored", "filtered", "rejected", "blank", "already_taken")


def lines(count, seed=1, start="2026-11-09", kind="combined", hours=72):
    """`count` sound lines of one format, each with its newline."""
    site = traffic.Traffic(random.Random(seed))
    write = traffic.FORMATS[kind]
    return [(write(r) + "\n").encode() for r in site.requests(traffic.epoch_of(start), hours, count)]


def until(condition, seconds=DEADLINE):
    """Waits for a condition; False if it did not come true in time."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return bool(found)


class Bench:
    """The binary under test, a folder that is removed in the end, and what failed."""

    def __init__(self, binary):
        self.binary = os.path.abspath(binary)
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="track-usage-test-"))
        atexit.register(shutil.rmtree, self.top, ignore_errors=True)
        self.folder, self.checks, self.failed = self.top, 0, 0
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACK_USAGE_")}
        self.environment.update(LC_ALL="C", TZ="UTC", NO_COLOR="1", TRACK_USAGE_AGENTS="built-in")

    def room(self, name):
        """A folder of its own for what comes next."""
        self.folder = self.top / name
        self.folder.mkdir(parents=True)
        return self.folder

    def write(self, name, content, mode="wb"):
        """A file of the folder, from bytes or a list of lines; "ab" appends."""
        path = self.folder / name
        with open(path, mode) as file:
            file.write(content if isinstance(content, bytes) else b"".join(content))
        return path

    def check(self, what, found, right=True):
        self.checks += 1
        good = found == right
        self.failed += not good
        print(f"{'ok' if good else 'NOT OK'}: {self.folder.name}: {what}"
              + ("" if good else f": {found!r}, right is {right!r}"), flush=True)
        return good

    def run(self, *args, stdin=b""):
        return subprocess.run([self.binary, *map(str, args)], input=stdin, cwd=self.folder,
                              env=self.environment, capture_output=True, timeout=DEADLINE)

    def ingest(self, *args, stdin=b"", code=0, sinks=("sqlite:usage.db",)):
        """Runs ingest and returns its accounting, which must close, with what it said."""
        account = self.folder / "account.json"
        account.unlink(missing_ok=True)
        targets = [word for sink in sinks for word in ("--sink", sink)]
        done = self.run("ingest", "--config", "none", *targets, "--summary-json", account, *args, stdin=stdin)
        if done.returncode != code or not account.exists():
            self.check(f"exit of ingest {' '.join(map(str, args))[:200]}", done.returncode, code)
            print(done.stderr.decode("utf-8", "replace"))
            if not account.exists():
                return None
        said = json.loads(account.read_text())
        for part in (said["total"], *said["files"], *said["sinks"]):
            if part["read"] != sum(part[f] for f in FIELDS[1:]):
                self.check("the accounting closes", part)
        said["stdout"], said["stderr"] = done.stdout, done.stderr.decode("utf-8", "replace")
        return said

    def takes(self, what, stored, *args, **more):
        """Runs ingest and checks how many rows are new."""
        said = self.ingest(*args, **more)
        self.check(f"{what}: new rows", said["total"]["stored"] if said else None, stored)
        return said

    def query(self, sql, store="usage.db", *values):
        path = (self.folder / store).resolve()
        db = sqlite3.connect(path.as_uri() + "?mode=ro", uri=True)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def count(self, store="usage.db"):
        return self.query("SELECT count(*) FROM usage_rows", store)[0][0]

    def oracle(self, *args):
        """Its verdict: what it printed, if it found differences."""
        done = subprocess.run([sys.executable, TESTS / "oracle.py", *map(str, args)], cwd=self.folder,
                              capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def identities(self, store="usage.db"):
        return self.check(f"identities of {store}", self.oracle("--identities", store), "")

    def rows_are(self, right, store="usage.db"):
        self.check(f"rows of {store}", self.count(store), right)
        self.identities(store)

    def end(self):
        print(f"{self.checks - self.failed} of {self.checks} checks passed")
        sys.exit(1 if self.failed else 0)
