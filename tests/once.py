#!/usr/bin/env python3
"""Nothing twice, nothing lost: what happens to logs between one run and the next,
each case in a store of its own; after each the store's identities must hold.

    once.py TRACK-USAGE [CASE...]        cases by the names of their functions
"""

import bz2
import gzip
import hashlib
import lzma
import os
import re
import shutil
import sqlite3
import sys

from checks import Bench, lines

bench = Bench(sys.argv[1])
takes, rows_are = bench.takes, bench.rows_are
cases = []


def case(function):
    cases.append(function)
    return function


def files():
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(bench.folder.iterdir())
            if path.is_file() and path.name != "account.json" and not path.name.endswith("-shm")}  # readers' marks


def agrees(*logs):
    bench.check("the oracle agrees", bench.oracle("--check", "usage.db", *logs), "")


# --- the same again, and growth

@case
def the_same_again():
    log = bench.write("a.log", lines(1000))
    takes("first", 1000, log)
    again = takes("again", 0, log)
    bench.check("said to be taken", again["total"]["already_taken"], 1000)
    bench.check("nothing is said", again["stderr"], "")
    takes("with --verify", 0, log, "--verify")
    agrees(log)
    rows_are(1000)


@case
def appended_lines():
    text = lines(1100)
    log = bench.write("a.log", text[:1000])
    takes("first", 1000, log)
    bench.write("a.log", text[1000:], "ab")
    said = takes("100 more", 100, log)
    bench.check("already taken", said["total"]["already_taken"], 1000)
    agrees(log)
    rows_are(1100)


@case
def growth_by_single_lines():
    text = lines(40, kind="common")
    for upto in range(1, 41):
        log = bench.write("a.log", text[upto - 1:upto], "ab")
        if bench.ingest(log)["total"]["stored"] != 1:
            bench.check(f"line {upto} is new", False)
    agrees(log)
    rows_are(40)


@case
def growth_across_marks():
    text = lines(12000)
    log = bench.write("a.log", b"")
    for begin, end in ((0, 1), (1, 3), (3, 5), (5, 300), (300, 4300), (4300, 9000), (9000, 12000)):
        bench.write("a.log", text[begin:end], "ab")
        takes(f"up to line {end}", end - begin, log, "--batch", "100KiB")
    takes("a copy of all", 0, bench.write("copy.log", text))
    takes("a copy of the half", 0, bench.write("half.log", b"".join(text)[:1500000]))
    agrees(log)
    rows_are(12000)


@case
def empty_then_filled():
    log = bench.write("a.log", b"")
    takes("empty", 0, log)
    takes("only an unfinished line", 0, bench.write("a.log", lines(1)[0][:50]))
    takes("filled", 5, bench.write("a.log", lines(5)))
    rows_are(5)


@case
def hints_and_verify():
    """A file whose time and size stand is passed over, but not with --verify."""
    text = lines(100)
    log = bench.write("a.log", text)
    takes("first", 100, log)
    # The file is long settled: as if seen when it was old, so that the test need not wait.
    edited = b"".join(text).replace(b"GET /", b"PUT /", 1)
    bench.check("as long as before", len(edited), len(b"".join(text)))
    log.write_bytes(edited)
    stat = log.stat()
    with sqlite3.connect(bench.folder / "usage.db") as db:
        db.execute("UPDATE usage_inputs SET mtime_ns = ?, ctime_ns = ?, seen_ns = ?",
                   (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ctime_ns + 3 * 10**9))
    db.close()
    said = takes("by hints", 0, log)
    bench.check("taken for the same by its hints", said["total"]["already_taken"], 100)
    takes("read with --verify", 0, log, "--verify", code=3)
    rows_are(100)


# --- one log under several names

@case
def the_same_path_twice():
    log = bench.write("a.log", lines(300))
    os.link(log, bench.folder / "hard.log")
    os.symlink("a.log", bench.folder / "soft.log")
    takes("twice, and by two links", 300, "a.log", "./a.log", "hard.log", "soft.log")
    rows_are(300)


@case
def a_copy_under_another_name():
    log = bench.write("a.log", lines(300))
    takes("the log", 300, log)
    copy = bench.folder / "b.log"
    shutil.copy(log, copy)
    takes("its copy", 0, copy)
    takes("both", 0, copy, log)
    bench.check("one source", bench.query("SELECT count(*) FROM usage_sources"), [(1,)])
    two = [bench.write(name, lines(50, seed=2)) for name in ("x.log", "y.log")]
    said = takes("two equal logs in one run", 50, *two)
    bench.check("and a warning", "y.log" in said["stderr"] and "--source" in said["stderr"])
    rows_are(350)


@case
def compressed_copies():
    text = lines(2000)
    log = bench.write("a.log", text[:1500])
    takes("plain", 1500, log)
    bench.write("a.log.gz", gzip.compress(b"".join(text[:700])) + gzip.compress(b"".join(text[700:])))
    takes("as .gz and longer, in two members", 500, "a.log.gz")
    takes("plain and shorter", 0, log)
    takes("as .bz2", 0, bench.write("a.log.bz2", bz2.compress(b"".join(text))))
    takes("as .xz", 0, bench.write("a.log.xz", lzma.compress(b"".join(text))))
    takes("as gz under another name", 0, bench.write("old", gzip.compress(b"".join(text))))
    rows_are(2000)


@case
def half_a_compressed_file():
    text = lines(2000)
    whole = gzip.compress(b"".join(text))
    log = bench.write("a.log.gz", whole[:len(whole) // 2])
    first = bench.ingest(log, code=3)["total"]["stored"]
    bench.check("the lines before the damage are taken", 0 < first < 2000)
    bench.identities()
    takes("the whole file goes on there", 2000 - first, bench.write("a.log.gz", whole))
    agrees("a.log.gz")
    rows_are(2000)


@case
def source_names():
    log = bench.write("a.log", lines(200))
    copy = bench.write("b.log", lines(200))
    takes("one", 200, log, "--source", "web1")
    takes("its equal of another name", 200, copy, "--source", "web2")
    takes("the first again", 0, log, "--source", "web1")
    takes("the second again, by the other path", 0, log, "--source", "web2")
    rows_are(400)


# --- rotation

@case
def rotated_and_compressed():
    text = lines(1150)
    log = bench.write("a.log", text[:1000])
    takes("before", 1000, log)
    bench.write("a.log", text[1000:1100], "ab")
    takes("100 more", 100, log)
    os.rename(log, bench.folder / "a.log.1")
    bench.write("a.log.1.gz", gzip.compress((bench.folder / "a.log.1").read_bytes()))
    (bench.folder / "a.log.1").unlink()
    bench.write("a.log", text[1100:])
    takes("the new file and the old .gz", 50, "a.log", "a.log.1.gz")
    takes("once more", 0, "a.log.1.gz", "a.log")
    agrees("a.log", "a.log.1.gz")
    rows_are(1150)


@case
def rotated_with_lines_not_yet_taken():
    text = lines(1300)
    log = bench.write("a.log", text[:1000])
    takes("before", 1000, log)
    bench.write("a.log", text[1000:1200], "ab")
    os.rename(log, bench.folder / "a.log.1")
    bench.write("a.log", text[1200:])
    takes("the rest of the old and the new", 300, "a.log", "a.log.1")
    os.rename(bench.folder / "a.log.1", bench.folder / "a.log.2")
    os.rename(log, bench.folder / "a.log.1")
    takes("renamed once more", 0, "a.log.1", "a.log.2")
    names = [os.path.basename(path) for path, in bench.query("SELECT path FROM usage_sources ORDER BY path")]
    bench.check("the ledger knows the new names", names, ["a.log.1", "a.log.2"])
    rows_are(1300)


@case
def copytruncate_and_the_new_part_alone():
    text = lines(1300)
    log = bench.write("a.log", text[:1000])
    takes("before", 1000, log)
    os.truncate(log, 0)
    bench.write("a.log", text[1000:], "ab")
    takes("what came after", 300, log)
    rows_are(1300)


@case
def copytruncate_beside_its_copy():
    text = lines(1300)
    log = bench.write("a.log", text[:900])
    takes("before", 900, log)
    bench.write("a.log", text[900:1000], "ab")
    shutil.copy(log, bench.folder / "a.log.1")
    os.truncate(log, 0)
    bench.write("a.log", text[1000:], "ab")
    takes("the shortened original and its copy", 400, log, "a.log.1")
    takes("again", 0, "a.log.1", log)
    agrees(log, "a.log.1")
    rows_are(1300)


@case
def a_copy_caught_half_way():
    text = b"".join(lines(1000))
    takes("the log", 1000, bench.write("a.log", text))
    for length in (130, 1000, 5000, 100001, len(text) - 1):
        takes(f"its first {length} bytes", 0, bench.write("a.log.1", text[:length]))
    takes("and the whole copy", 0, bench.write("a.log.1", text))
    # The other way round: the copy first.
    text = b"".join(lines(1000, seed=2))
    bench.write("b.log.1", text)
    half = bench.write("b.log.half", text[:100001])
    first = bench.ingest(half)["total"]["stored"]
    takes("the rest from the whole", 1000 - first, "b.log.1")
    rows_are(2000)


@case
def a_reused_inode():
    log = bench.write("a.log", lines(400))
    takes("first", 400, log)
    for number in range(3):
        inode = log.stat().st_ino
        log.unlink()
        bench.write("a.log", lines(400, seed=10 + number, start=f"2026-11-1{number}"))
        takes(f"another log (the same inode: {log.stat().st_ino == inode})", 400, log)
    rows_are(1600)


@case
def backfill_of_an_older_file():
    text = lines(1000)
    takes("the newer half", 500, bench.write("new.log", text[500:]))
    takes("the older half", 500, bench.write("old.log", text[:500]))
    agrees("new.log", "old.log")
    rows_are(1000)


# --- line ends

@case
def a_writer_in_mid_line():
    text = b"".join(lines(12))
    cut = len(text) - 60
    log = bench.write("a.log", text[:cut])
    said = takes("up to the half line", 11, log)
    bench.check("the half line is not counted", said["total"]["read"], 11)
    takes("still half", 0, log)
    bench.write("a.log", text[cut:], "ab")
    takes("the line when it is whole", 1, log)
    agrees(log)
    rows_are(12)


@case
def final_then_the_rest_of_the_line():
    text, whole = b"".join(lines(14)), 11
    cut = len(b"".join(lines(14)[:whole + 1])) - 6
    log = bench.write("a.log", text[:cut])
    said = takes("--final takes the half line", whole + 1, log, "--final")
    bench.check("lines read", said["total"]["read"], whole + 1)
    takes("again", 0, log, "--final")
    bench.write("a.log", text[cut:cut + 2], "ab")
    takes("two bytes of the rest", 0, log)
    bench.write("a.log", text[cut + 2:], "ab")
    said = takes("the rest is skipped, what follows is taken", 14 - whole - 1, log)
    bench.check("lines read", said["total"]["read"], 14)
    bench.check("already taken", said["total"]["already_taken"], whole + 1)
    takes("a whole copy", 0, bench.write("b.log", text))
    rows_are(14)


@case
def final_then_only_the_newline():
    text = b"".join(lines(5))
    log = bench.write("a.log", text[:-1])
    takes("--final takes all five", 5, log, "--final")
    bench.write("a.log", b"\n", "ab")
    said = takes("its newline is no line", 0, log)
    bench.check("lines read", said["total"]["read"], 5)
    bench.write("a.log", lines(3, seed=2), "ab")
    takes("what follows", 3, log)
    rows_are(8)


@case
def stdin_twice():
    line = (b'192.0.2.1 - - [10/Nov/2026:10:00:00 +0000] "GET /%d HTTP/1.1" 200 5 "-" "test/1"\n')
    takes("three lines", 3, "-", stdin=b"".join(line % i for i in range(3)))
    takes("two of the same second", 2, "-", stdin=b"".join(line % i for i in (3, 4)))
    takes("the first three again", 0, "-", stdin=b"".join(line % i for i in range(3)))
    rows_are(5)


@case
def a_stream_and_its_file():
    text = b"".join(lines(600))
    takes("through a pipe, without the last newline", 600, "-", stdin=text[:-1])
    takes("the file", 0, bench.write("a.log", text))
    bench.write("a.log", lines(50, seed=2), "ab")
    takes("and what was added", 50, "a.log")
    longer = (bench.folder / "a.log").read_bytes() + b"".join(lines(20, seed=3))
    said = takes("a stream that begins like it and goes on", 20, "-", stdin=longer)
    bench.check("a warning names the file", "warning" in said["stderr"] and "a.log" in said["stderr"])
    rows_are(670)


@case
def a_stream_in_parts():
    """A stream that begins in the middle of what another store took is another log."""
    text = lines(400)
    takes("the first 200 lines", 200, "-", stdin=b"".join(text[:200]))
    takes("the next 200", 200, "-", stdin=b"".join(text[200:]))
    takes("both again", 0, "-", stdin=b"".join(text[:200]))
    rows_are(400)


# --- small files, equal beginnings

@case
def files_under_a_kibibyte():
    line = b'192.0.2.%d - - [10/Nov/2026:10:00:%02d +0000] "GET / HTTP/1.1" 200 5\n'
    for number in range(1, 8):
        bench.write(f"{number}.log", [line % (number, second) for second in range(number)])
    names = [f"{n}.log" for n in range(1, 8)]
    takes("seven small logs", 28, *names)
    takes("again", 0, *names)
    for number in range(1, 8):
        bench.write(f"{number}.log", line % (100 + number, 30), "ab")
    takes("one line more each", 7, *names)
    rows_are(35)


@case
def under_128_bytes_then_more():
    line = b'192.0.2.1 - - [10/Nov/2026:10:00:%02d +0000] "GET / HTTP/1.1" 200 5\n'
    log = bench.write("a.log", line % 1)
    takes("one line", 1, log)
    bench.write("a.log", line % 2, "ab")
    takes("two", 1, log)
    bench.write("a.log", [line % second for second in range(3, 30)], "ab")
    takes("thirty", 27, log)
    takes("the first two lines as a copy", 0, bench.write("b.log", [line % 1, line % 2]))
    rows_are(29)


@case
def equal_first_lines_then_different():
    shared, left, right = lines(40), lines(30, seed=2), lines(30, seed=3)
    a, b = bench.write("a.log", shared + left), bench.write("b.log", shared + right)
    takes("both, of equal beginning", 140, a, b)
    takes("again", 0, b, a)
    bench.write("a.log", lines(5, seed=4), "ab")
    bench.write("b.log", lines(6, seed=5), "ab")
    takes("both grow", 11, a, b)
    rows_are(151)


@case
def twins_that_grow_apart():
    shared = lines(40)
    a, b = bench.write("a.log", shared), bench.write("b.log", shared)
    takes("two equal logs are one", 40, a, b)
    bench.write("a.log", lines(30, seed=2), "ab")
    bench.write("b.log", lines(30, seed=3), "ab")
    # One goes on, the other is a log of its own that shares the beginning.
    takes("then each is its own", 30 + 70, a, b)
    takes("again", 0, a, b)
    rows_are(140)


@case
def cut_back_and_grown():
    text = lines(100)
    log = bench.write("a.log", text)
    takes("first", 100, log)
    bench.write("a.log", text[:60])
    takes("cut back", 0, log)
    bench.write("a.log", lines(50, seed=2), "ab")
    takes("and grown otherwise: another source of the same beginning", 110, log)
    rows_are(210)


# --- what is not taken

@case
def an_edited_file():
    text = b"".join(lines(200))
    log = bench.write("a.log", text)
    takes("first", 200, log)
    log.write_bytes(re.sub(rb"\d+\.\d+\.\d+\.\d+ ", b"192.0.2.0 ", text))
    said = takes("anonymised in place", 0, log, code=3)
    bench.check("a warning with a way out", "a.log" in said["stderr"] and "hint" in said["stderr"])
    other = bench.write("b.log", lines(10, seed=2))
    takes("the others are taken", 10, log, other, code=3)
    rows_are(210)


@case
def a_wrong_format_first():
    log = bench.write("a.log", lines(30, kind="json"))
    said = takes("as combined", 0, log, "--format", "combined", code=1)
    bench.check("all are rejected", said["total"]["rejected"], 30)
    bench.check("the ledger has not moved", bench.query("SELECT * FROM usage_sources"), [])
    bench.check("no reject is kept", bench.query("SELECT count(*) FROM usage_rejects"), [(0,)])
    takes("as json", 30, log, "--format", "json")
    rows_are(30)


@case
def a_wrong_format_in_several_units():
    text = lines(3000, kind="json")
    log = bench.write("a.log", text)
    takes("as combined", 0, log, "--format", "combined", "--batch", "4KiB", code=1)
    bench.check("the ledger has not moved", bench.query("SELECT * FROM usage_sources"), [])
    bench.write("a.log", lines(5), "ab")
    said = takes("with five it can read", 5, log, "--format", "combined", "--batch", "4KiB", code=1)
    bench.check("the rest is rejected", said["total"]["rejected"], 3000)
    rows_are(5)


@case
def garbage_before_good_lines():
    garbage = [b"garbage %d\n" % i for i in range(12)]
    log = bench.write("a.log", garbage + lines(1000))
    said = takes("12 and 1000", 1000, log)
    bench.check("12 rejected", said["total"]["rejected"], 12)
    bench.check("and kept", bench.query("SELECT count(*) FROM usage_rejects"), [(12,)])
    log = bench.write("b.log", garbage[:9] + lines(1, seed=2))
    said = takes("9 and 1", 1, log)
    bench.check("9 rejected", said["total"]["rejected"], 9)
    log = bench.write("c.log", [b"other garbage\n"] * 9)
    said = takes("nine that are garbage", 0, log)
    bench.check("are taken as rejects", said["total"]["rejected"], 9)
    said = takes("and again", 0, log)
    bench.check("are already taken", said["total"]["already_taken"], 9)
    rows_are(1001)


@case
def missing_and_empty_inputs():
    log = bench.write("a.log", lines(20))
    bench.write("empty.log", b"")
    takes("empty", 0, "empty.log")
    takes("one is missing", 20, "missing.log", log, "empty.log", code=3)
    bench.check("only missing", bench.run("ingest", "--config", "none", "missing.log").returncode, 3)
    rows_are(20)


@case
def a_dry_run():
    log = bench.write("a.log", lines(300))
    takes("without a store", 300, log, "--dry-run")
    bench.check("no store is made", list(files()), ["a.log"])
    takes("for good", 300, log)
    bench.write("a.log", lines(50, seed=2), "ab")
    before = files()
    said = takes("dry, with what is new", 50, log, "--dry-run", "--rejects", "rejects.txt")
    bench.check("already taken", said["total"]["already_taken"], 300)
    bench.check("no file has changed", files(), before)
    takes("for good", 50, log)
    rows_are(350)


@case
def other_filters():
    text = lines(500)
    log = bench.write("a.log", text)
    said = bench.ingest(log, "--status", "404")
    kept = said["total"]["stored"]
    bench.check("some are filtered", said["total"]["filtered"], 500 - kept)
    said = takes("without the filter: nothing again", 0, log)
    bench.check("which is said once", said["stderr"].count("filters"), 1)
    rows_are(kept)


# --- several stores

@case
def two_stores_in_one_run():
    log = bench.write("a.log", lines(400))
    takes("both", 400, log, sinks=["sqlite:one.db", "sqlite:two.db?hooks=url"])
    bench.write("a.log", lines(100, seed=2), "ab")
    takes("both again", 100, log, sinks=["sqlite:two.db?hooks=url", "sqlite:one.db"])
    bench.check("the same rows", bench.query("SELECT url, ts, remote_addr FROM usage_rows ORDER BY id", "one.db")
                == bench.query("SELECT url, ts, remote_addr FROM usage_rows ORDER BY id", "two.db"))
    rows_are(500, "one.db")
    rows_are(500, "two.db")


@case
def one_store_brought_up_to_date():
    text = lines(1000)
    log = bench.write("a.log", text[:400])
    takes("one store", 400, log, sinks=["sqlite:one.db"])
    bench.write("a.log", text[400:700], "ab")
    takes("the other", 700, log, sinks=["sqlite:two.db"])
    bench.write("a.log", text[700:], "ab")
    said = takes("both and print:", 600, log, sinks=["sqlite:one.db", "sqlite:two.db", "print:"])
    bench.check("each gets what it lacks", [(s["stored"], s["already_taken"]) for s in said["sinks"]],
                [(600, 400), (300, 700), (600, 400)])
    bench.check("print: gets what the one furthest behind gets", said["stdout"].count(b"\n"), 600)
    takes("a third store catches up", 1000, log, sinks=["sqlite:one.db", "sqlite:three.db"])
    said = takes("nothing new", 0, log, sinks=["sqlite:three.db", "sqlite:two.db", "print:"])
    bench.check("nor for print:", said["stdout"], b"")
    for store in ("one.db", "two.db", "three.db"):
        bench.check("the oracle agrees", bench.oracle("--check", store, log), "")
        rows_are(1000, store)


@case
def stores_apart_within_a_line():
    """One store took half of a line by --final, the other waits for the whole."""
    text = b"".join(lines(20))
    cut = text.rindex(b"Mozilla") + 30
    log = bench.write("a.log", text[:cut])
    takes("with the half line", 20, log, "--final", sinks=["sqlite:one.db"])
    takes("without it", 19, log, sinks=["sqlite:two.db"])
    bench.write("a.log", text[cut:] + b"".join(lines(5, seed=2)), "ab")
    said = bench.ingest(log, sinks=["sqlite:one.db", "sqlite:two.db"])
    bench.check("each gets what it lacks", [s["stored"] for s in said["sinks"]], [5, 6])
    rows_are(25, "one.db")
    rows_are(25, "two.db")


@case
def a_hole_longer_than_a_line_may_be():
    """copytruncate under a writer without O_APPEND: NULs up to where it wrote on."""
    text = lines(30)
    log = bench.write("a.log", b"".join(text[:10]) + b"\0" * 3_000_000 + b"".join(text[10:20]))
    takes("around the hole", 20, log)
    bench.write("a.log", b"\0" * 500 + b"".join(text[20:]), "ab")
    takes("behind another", 10, log)
    takes("again", 0, log)
    rows_are(30)


@case
def print_alone_gets_all():
    log = bench.write("a.log", lines(30))
    for _ in range(2):
        bench.check("rows printed", bench.ingest(log, sinks=["print:"])["stdout"].count(b"\n"), 30)


wanted = sys.argv[2:]
for function in cases:
    if not wanted or function.__name__ in wanted:
        bench.room(function.__name__)
        function()
bench.end()
