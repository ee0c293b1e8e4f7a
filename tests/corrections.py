#!/usr/bin/env python3
"""A store's past is changed (forget, erase, rebuild, retry): what stays is what a store would hold that
never had what is gone, or had it right from the start.

    corrections.py TRACK-USAGE [CASE...]        cases by the names of their functions

strace puts a signal at an exact write; it counts the writes of each thread for itself.
"""

import atexit
import collections
import contextlib
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zoneinfo

from checks import Bench, DEADLINE, lines, until
import oracle
import traffic

bench = Bench(sys.argv[1])
cases = []
children = []
HOOKS = ("url", "remote", "useragent", "language", "server", "status")
PERIODS = dict(zip(oracle.PERIODS, ("hour", "day", "month")))  # of a table, and its column
SOON = 15  # seconds in which a run that is asked to end does so; it takes far less


def case(function):
    cases.append(function)
    return function


# --- running the program

def start(*args, prefix=(), cwd=None, **more):
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    command, *rest = args
    child = subprocess.Popen([*prefix, bench.binary, command, "--config", "none", *map(str, rest)],
                             cwd=cwd or bench.folder, env=bench.environment, start_new_session=True, **more)
    children.append(child)
    return child


def finish(child, seconds=DEADLINE):
    """Its end. One that hangs is killed with its tracer, and told."""
    try:
        child.out, child.err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        bench.check(f"{' '.join(child.args[-6:])} ends within {seconds} s", False)
        os.killpg(child.pid, signal.SIGKILL)
        child.out, child.err = child.communicate()
    children.remove(child)
    child.out, child.err = ((said or b"").decode("utf-8", "replace") for said in (child.out, child.err))
    return child


@atexit.register
def end_all():
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def run(*args, **more):
    return finish(start(*args, **more))


def does(what, *args, code=0, says=(), **more):
    """Runs a command and checks its exit and that it says some words."""
    done = run(*args, **more)
    if not bench.check(f"{what}: exit", done.returncode, code):
        print(done.err)
    for words in (says,) if isinstance(says, str) else says:
        if words not in done.err:
            bench.check(f"{what}: says '{words}'", done.err)
    return done


def refused(what, *args, code=2, says=(), **more):
    """A command that must leave the store as it is."""
    before = whole()
    done = does(what, *args, code=code, says=says, **more)
    bench.check(f"{what}: nothing has changed", whole() == before)
    return done


def is_locked(store="usage.db"):
    """Whether a run has the store."""
    try:
        with open(bench.folder / (store + ".lock"), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def at_terminal(answer, *args):
    """Runs a command on a terminal; `answer`, bytes or a signal, comes when it asks. Returns (exit, what it said)."""
    ours, its = pty.openpty()
    child = start(*args, stdin=its, stderr=its, stdout=subprocess.DEVNULL)
    os.close(its)
    said, end = b"", time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(ours, 4096)
        except OSError:  # the last of its side is closed
            break
        said += part
        if b"[y/N]" in said and answer is not None:
            child.send_signal(answer) if isinstance(answer, signal.Signals) else os.write(ours, answer)
            answer = None
    os.close(ours)
    return finish(child).returncode, said.decode()


# --- what a store holds

def connect(store="usage.db", how="mode=ro"):
    path = (bench.folder / store).resolve()
    return contextlib.closing(sqlite3.connect(path.as_uri() + "?" + how, uri=True, timeout=10))


def change(*statements, store="usage.db"):
    """By SQL and without the program. Each must change something."""
    with connect(store, "mode=rw") as db:
        for sql, *values in statements:
            if db.execute(sql, values).rowcount < 1:
                raise AssertionError(f"nothing was changed by {sql}")
        db.commit()


def whole(store="usage.db"):
    """Everything, ids and times too: equal only if nothing was written."""
    with connect(store) as db:
        tables = db.execute("SELECT name, sql FROM sqlite_master ORDER BY 1").fetchall()
        return [tables, db.execute("PRAGMA user_version").fetchall(), db.execute("PRAGMA journal_mode").fetchall(),
                *(sorted(db.execute(f"SELECT * FROM {name}"), key=repr)
                  for name, sql in tables if (sql or "").startswith("CREATE TABLE"))]


def summaries(store="usage.db", prefix="usage"):
    """view -> its rows, of every summary the store keeps and of the totals."""
    with connect(store) as db:
        names = {name for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
        views = (f"{prefix}_{hook}{period}" for hook in ("", *(name + "_" for name in HOOKS)) for period in PERIODS)
        return {view: sorted(db.execute(f"SELECT * FROM {view}"), key=repr) for view in views if view in names}


def rows_of(store="usage.db", prefix="usage", place=True):
    """The rows without what the order of runs decides; without `place` also without where they came from."""
    hidden = ("id", "source") if place else ("id", "source", "source_offset")
    with connect(store) as db:
        names = [name for _, name, *_ in db.execute(f"PRAGMA table_info({prefix}_rows)") if name not in hidden]
        return sorted(db.execute(f"SELECT {', '.join(names)} FROM {prefix}_rows"), key=repr)


def texts(store="usage.db"):
    """All texts of the store's dictionary, and how many entries find them."""
    with connect(store) as db:
        found = {name: sorted(db.execute(sql), key=repr) for name, sql in (
            ("texts", "SELECT text FROM usage_texts"),
            ("requests", "SELECT request, method, (SELECT text FROM usage_texts WHERE id = url),"
                         " (SELECT text FROM usage_texts WHERE id = path), url_args, protocol FROM usage_requests"),
            ("agents", "SELECT text, browser, language, platform, version, bot FROM usage_agents JOIN usage_texts"
                       " USING (id)"))}
        for table in ("texts_by_hash", "requests_by_hash", "agents"):
            found["entries of " + table] = db.execute(f"SELECT count(*) FROM usage_{table}").fetchall()
        return found


def contents(store="usage.db", prefix="usage"):
    """Everything documented, by the names of the logs instead of ids."""
    with connect(store) as db:
        def of(what, view, source="source"):
            return sorted(((os.path.basename(path), *rest) for path, *rest in db.execute(
                f"SELECT s.path, {what} FROM {prefix}_{view} v JOIN {prefix}_sources s ON s.id = v.{source}")),
                key=repr)

        names = ", ".join("v." + name for _, name, *_ in db.execute(f"PRAGMA table_info({prefix}_rows)")
                          if name not in ("id", "source"))
        found = {"rows": of(names, "rows"),
                 "rejects": of("source_offset, line, reason, raw", "rejects"),
                 "units": of("begin_offset, end_offset, v.first_ts, v.last_ts, v.read, v.stored, v.filtered,"
                             " v.rejected, v.blank, v.filters", "units"),
                 "sources": of("v.host, v.format, v.filters, v.first_date, v.last_date, v.offset, v.read, v.stored,"
                               " v.filtered, v.rejected, v.blank, v.erased", "sources", "id")}
        lost = [db.execute(f"SELECT count(*) FROM {prefix}_{table} WHERE source NOT IN"
                           f" (SELECT id FROM {prefix}_sources)").fetchone()[0]
                for table in ("data", "rejects", "units")]
        return found | {"rows, rejects and units of no source": lost} | summaries(store, prefix)


def differences(found, right):
    out = []
    for name in sorted(set(found) | set(right)):
        if found.get(name) == right.get(name):
            continue
        more, less = (collections.Counter(map(repr, a.get(name, ()))) - collections.Counter(map(repr, b.get(name, ())))
                      for a, b in ((found, right), (right, found)))
        out.append(f"{name}: {more.total()} too many, {less.total()} missing, such as {list(more)[:1]} and "
                   f"{list(less)[:1]}")
    return out


def equal(what, found, right):
    """Of two stores' dicts; says where they differ."""
    return bench.check(f"{what} ({sum(map(len, right.values()))} values)", differences(found, right), [])


def unsound(store="usage.db"):
    """What is wrong with a store by itself."""
    with connect(store) as db:
        wrong = [text for text, in db.execute("PRAGMA integrity_check") if text != "ok"]
        rows = db.execute("SELECT count(*) FROM usage_rows").fetchone()[0]
        stored = db.execute("SELECT coalesce(sum(stored - erased), 0) FROM usage_sources").fetchone()[0]
        if rows != stored:
            wrong.append(f"{rows} rows, {stored} by the ledger")
    with contextlib.redirect_stdout(None):
        verdict = oracle.Verdict()
        one = oracle.Store(bench.folder / store, "usage")
        oracle.check_identities(one, verdict)
        one.db.close()
    return wrong + [f"{n} differences in {kind}" for kind, n in verdict.differ.items()]


def agrees(what="the store", store="usage.db"):
    """By our own sums, and by the program's."""
    bench.check(f"{what} is sound", unsound(store), [])
    does(f"rebuild of {what} finds nothing", "rebuild", "--from", store, says="the summaries agree")


def in_files(marker, store="usage.db"):
    """The files of a store that hold these bytes, anywhere."""
    return [path.name for path in sorted(bench.folder.glob(store + "*")) if marker in path.read_bytes()]


def copy_of(name, store="usage.db"):
    """Of a store that no run has open: its log is empty. What was there goes, with its log."""
    for end in ("", "-wal", "-shm"):
        (bench.folder / (name + end)).unlink(missing_ok=True)
    shutil.copy(bench.folder / store, bench.folder / name)
    return name


def sources(store="usage.db"):
    """Of status, by the names of the logs."""
    state = json.loads(run("status", "--from", store, "--output", "json").out)
    return {os.path.basename(source["path"]): source for source in state["sources"]}


def takes(what, stored, *args, store="usage.db", **more):
    return bench.takes(what, stored, *args, sinks=["sqlite:" + store], **more)


# --- logs

GARBAGE = [b"garbage %d\n" % i for i in range(12)]


def requests(count, seed=1, start="2026-11-09", hours=72):
    return list(traffic.Traffic(random.Random(seed)).requests(traffic.epoch_of(start), hours, count))


def written(some, kind="vhost_combined"):
    return [(traffic.FORMATS[kind](r) + "\n").encode() for r in some]


def three_logs(size=400):
    """a and c share much of what b has; b has rejects, and hosts and texts of its own."""
    own = [line.replace(b"Mozilla", b"Quagga") for line in lines(300, seed=3, kind="vhost_combined")]
    text = {"a.log": lines(size), "b.log": GARBAGE + lines(size, seed=2) + own,
            "c.log": lines(size, seed=4, kind="json")}
    return {name: bench.write(name, content) for name, content in text.items()}


# --- forget

@case
def forget_a_log():
    logs = three_logs()
    takes("all, untouched", 1500, *logs.values(), store="untouched.db")
    takes("without b", 800, logs["a.log"], logs["c.log"], store="never.db")
    text = logs["b.log"].read_bytes().splitlines(True)
    bench.write("b.log", text[:200])
    takes("three logs", 988, *logs.values())
    bench.write("b.log", text[200:], "ab")
    takes("and the rest of b", 512, logs["b.log"])
    bench.check("b has texts of its own", in_files(b"Quagga") and not in_files(b"Quagga", "never.db"))
    bench.check("and several units", bench.query("SELECT count(*) FROM usage_units u JOIN usage_sources s"
                                                 " ON s.id = u.source WHERE path LIKE '%b.log'"), [(2,)])
    number = sources()["b.log"]["id"]
    dry = refused("a dry run", "forget", number, "--dry-run", code=0)
    refused("without a word", "forget", number, says=("--yes", "hint"))
    done = does("forget by number", "forget", number, "--yes", says="700 rows")
    bench.check("a dry run says the same", dry.err.replace("dry run, nothing is written: ", ""), done.err)
    bench.check("nothing on stdout", dry.out + done.out, "")
    equal("as if it had never been taken", contents(), contents("never.db"))
    equal("its texts are gone", texts(), texts("never.db"))
    bench.check("and from the bytes of the files", in_files(b"Quagga") + in_files(b"garbage"), [])
    agrees()
    bench.check("the oracle agrees", bench.oracle("--check", "usage.db", logs["a.log"], logs["c.log"]), "")
    said = takes("taken anew", 700, *logs.values())
    bench.check("the others are still taken", said["total"]["already_taken"], 800)
    equal("as if nothing had been", contents(), contents("untouched.db"))
    equal("with its texts", texts(), texts("untouched.db"))
    agrees()


@case
def forget_by_every_name():
    logs = three_logs()
    takes("three logs", 1500, *logs.values(), store="all.db")
    other = bench.folder / "elsewhere"
    other.mkdir()
    b, left = sources("all.db")["b.log"]["id"], ["a.log", "c.log"]
    for what, names, cwd, remain in (
            ("a path", [logs["b.log"]], other, left), ("a path from here", ["b.log"], None, left),
            ("./", ["./b.log"], None, left), ("from another folder", ["../b.log"], other, left),
            ("through ..", ["elsewhere/../b.log"], None, left), ("one twice", [b, "b.log", logs["b.log"]], None, left),
            ("several", [b, "a.log"], None, ["c.log"]), ("all", ["c.log", "a.log", "b.log"], None, [])):
        store = copy_of("usage.db", "all.db")
        does(what, "forget", "--yes", "--from", bench.folder / store, *names, cwd=cwd)
        bench.check(f"{what}: remain", sorted(sources()), remain)
        bench.check(f"{what}: sound", unsound(), [])
    bench.check("of all of them nothing stays", [texts()[name] for name in ("texts", "requests", "agents")], [[]] * 3)
    takes("taken anew", 1500, *logs.values())
    copy_of("usage.db", "all.db")
    for what, names in (("an unknown number", ["99"]), ("an unknown path", ["d.log"]), ("none", []), ("empty", [""]),
                        ("a known and an unknown one", ["a.log", "99"]), ("zero", ["0"]), ("a glob", ["*.log"]),
                        ("a number that is too large", ["18446744073709551617"])):
        refused(what, "forget", "--yes", *names, says="hint")
    bench.room("forget_the_only_log")
    takes("one log", 400, bench.write("a.log", lines(400)))
    for name in ("", " ", ".", "/", "*"):  # as of a variable that is not set: it has no --source name either
        refused(f"'{name}'", "forget", "--yes", name, says="hint")


@case
def forget_by_source_name():
    text = [bench.write(f"{n}.log", lines(50 + n, seed=n)) for n in range(5)]
    takes("two of one name", 101, text[0], text[1], "--source", "web")
    takes("one of another", 52, text[2], "--source", "mail")
    takes("one whose name is a number", 53, text[3], "--source", "2026")
    takes("from a pipe", 54, "-", stdin=text[4].read_bytes())
    ids = {name: source["id"] for name, source in sources().items()}
    done = refused("a name of two", "forget", "--yes", "web", says="hint")
    bench.check("tells their numbers", all(re.search(rf"\b{ids[n]}\b", done.err) for n in ("0.log", "1.log")))
    does("a name of one", "forget", "--yes", "mail", says="52 rows")
    does("the pipe", "forget", "--yes", "-", says="54 rows")
    does("a name of digits", "forget", "--yes", "2026", says="53 rows")
    does("the two by number", "forget", "--yes", ids["0.log"], ids["1.log"], says=("2 sources", "101 rows"))
    bench.check("nothing remains of them", [name for name in ("0.log", "1.log", "2.log") if name in sources()], [])
    agrees()


@case
def asked_on_a_terminal():
    takes("a log", 300, bench.write("a.log", GARBAGE[:3] + lines(300)), store="full.db")
    for command, what in (("forget", ["a.log"]), ("erase", ["--status", "2xx"]), ("rebuild", ["--fix"]), ("retry", [])):
        copy_of("usage.db", "full.db")
        if command == "rebuild":
            change(("UPDATE usage_url_daily_cells SET hits = hits + 1",))
        before = whole()
        for answer in (b"n\n", b"\n", b"x\n", b"no\n", b"\x04", b"ny\n"):
            code, said = at_terminal(answer, command, *what)
            bench.check(f"{command}: {answer!r} does nothing", (code, whole() == before, "Nothing" in said),
                        (0, True, True))
        for end, right in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            code, _ = at_terminal(end, command, *what)
            bench.check(f"{command}: {end.name} while it asks", (code, whole() == before), (right, True))
        code, _ = at_terminal(b"y\n" if command != "erase" else b"Yes\n", command, *what)
        bench.check(f"{command}: yes does it", (code, whole() != before or command == "retry"), (0, True))
        bench.check(f"{command}: sound", unsound(), [])
        if command != "retry":  # the garbage is none of any format
            copy_of("usage.db", "full.db")
            code, said = at_terminal(None, command, *what, "--dry-run")
            bench.check(f"{command}: a dry run does not ask", (code, "[y/N]" in said), (0, False))


# --- erase

def path_of(request):
    return request.target.split("?")[0]


def host_of(request):
    return request.host.split(":")[0]


@case
def erase_by_each_filter():
    some = requests(800)
    log = bench.write("a.log", written(some))
    takes("a log", 800, log, store="full.db")
    one = collections.Counter(r.remote for r in some).most_common(1)[0][0]
    begin, end = (traffic.epoch_of("2026-11-10") + 3600 * hour for hour in (6, 18))
    offsets = [0]
    for line in written(some):
        offsets.append(offsets[-1] + len(line))
    for args, goes in (
            (["--remote", one], lambda r: r.remote == one),
            (["--remote", "198.51.100.0/24,2001:db8::/32"],
             lambda r: r.remote.startswith(("198.51.100.", "2001:db8:"))),
            (["--remote", "!192.0.2.0/24"], lambda r: not r.remote.startswith("192.0.2.")),
            (["--username", "anna,deploy,j.doe", "--username", "mona@example.org"],
             lambda r: r.user in ("anna", "deploy", "j.doe", "mona@example.org")),
            (["--status", "404,5xx"], lambda r: r.status == 404 or r.status >= 500),
            (["--status", "!200"], lambda r: r.status != 200),
            (["--method", "POST,HEAD"], lambda r: r.method in ("POST", "HEAD")),
            (["--host", "www.*"], lambda r: host_of(r).startswith("www.")),
            (["--agent", "*firefox*"], lambda r: "firefox" in (r.agent or "").lower()),
            (["--include", "*.jpg"], lambda r: path_of(r).endswith(".jpg")),
            (["--include", "/products/**", "--exclude", "*.html"],
             lambda r: path_of(r).startswith("/products/") and not path_of(r).endswith(".html")),
            (["--include", "re:^/img/.*7"], lambda r: re.search("^/img/.*7", path_of(r))),
            (["--since", "2026-11-10T06:00"], lambda r: r.time >= begin),
            (["--until", "2026-11-10T18:00"], lambda r: r.time < end),
            (["--since", begin, "--until", end, "--method", "GET", "--status", "2xx", "--agent", "!*bot*"],
             lambda r: begin <= r.time < end and r.method == "GET" and r.status // 100 == 2
             and "bot" not in (r.agent or "").lower()),
            (["--since", "1970-01-01"], lambda r: True)):
        copy_of("usage.db", "full.db")
        rest = [i for i, r in enumerate(some) if not goes(r)]
        gone = len(some) - len(rest)
        name = " ".join(map(str, args))
        if gone == 0:
            bench.check(f"{name}: would choose something", False)
        does(name, "erase", "--yes", *args, says=f"erased {gone:,} row")
        bench.check(f"{name}: the others remain",
                    [at for at, in bench.query("SELECT source_offset FROM usage_rows ORDER BY 1")],
                    [offsets[i] for i in rest])
        bench.check(f"{name}: counted as erased", [sources()["a.log"][what] for what in ("stored", "erased", "read")],
                    [800, gone, 800])
        bench.write("rest.log", written([some[i] for i in rest]))
        (bench.folder / "rest.db").unlink(missing_ok=True)
        bench.ingest("rest.log", sinks=["rest.db"])
        equal(f"{name}: the sums are those of the others", summaries(), summaries("rest.db"))
        equal(f"{name}: so are the texts", texts(), texts("rest.db"))
        bench.check(f"{name}: and the rows", rows_of(place=False) == rows_of("rest.db", place=False))
        if rest:
            bench.check(f"{name}: the oracle agrees", bench.oracle("--check", "usage.db", "rest.log"), "")
        bench.check(f"{name}: sound", unsound(), [])
    copy_of("usage.db", "full.db")
    for args in (["--visitor", "nobody"], ["--since", "2036-01-01"],
                 ["--remote", "203.0.113.0/30", "--username", "nobody"]):
        before = whole()
        does(" ".join(args), "erase", "--yes", *args, says="erased 0 rows")
        bench.check("nothing matches, nothing has changed", whole() == before)


@case
def erase_and_go_on():
    some = requests(1200)
    log = bench.write("a.log", GARBAGE + written(some[:1000]))
    takes("a log", 1000, log)
    goes = [r.status == 200 for r in some]
    dry = refused("a dry run", "erase", "--status", "200", "--dry-run", code=0)
    refused("without a word", "erase", "--status", "200", says=("--yes", "hint"))
    done = does("erase", "erase", "--status", "200", "--yes", says="12 rejected lines")
    bench.check("a dry run says the same", dry.err.replace("dry run, nothing is written: ", ""), done.err)
    takes("its log stays taken", 0, log)
    takes("also when it is read", 0, log, "--verify")
    bench.write("a.log", written(some[1000:]), "ab")
    takes("what is new of it is taken", 200, log)
    does("again, of the new", "erase", "--status", "200", "--yes", says=f"erased {sum(goes[1000:])} row")
    bench.check("all are counted", sources()["a.log"]["erased"], sum(goes))
    bench.check("in the view too", bench.query("SELECT erased FROM usage_sources"), [(sum(goes),)])
    bench.check("and on the page", re.search(rf"\berased\b.*\n.* {sum(goes):,} ", run("status").out) is not None)
    does("the rejects are kept", "erase", "--status", "404", "--yes", "--quiet")
    bench.check("all 12", len(run("status", "--rejects").out.splitlines()), 12)
    does("rejects alone", "erase", "--rejects", "--yes", says="12 rejected lines")
    bench.check("none is left", (run("status", "--rejects").out, sources()["a.log"]["rejected"]), ("", 12))
    agrees()
    does("retry has none to read", "retry", "--yes", says="0 rejected lines")
    does("forget after erase", "forget", "a.log", "--yes",
         says=f"{1200 - sum(goes) - sum(r.status == 404 for r in some):,} rows")
    takes("taken anew, with all", 1200, log)
    bench.check("none is erased any more", sources()["a.log"]["erased"], 0)
    agrees()


@case
def erased_is_not_in_the_files():
    """The one client is in rows of several logs, between others, in every text column, and in rejects."""
    client = {"time_iso8601": "2026-11-10T10:00:00+00:00", "remote_addr": "2001:db8::dead:beef",
              "remote_user": "zaphod", "request": "GET /secret-plan-42?name=beeblebrox HTTP/1.1",
              "status": 200, "body_bytes_sent": 5,
              "http_referer": "https://referrer-of-his.example/", "http_user_agent": "HisOwnAgent/1.0",
              "http_x_forwarded_for": "2001:db8::f00d", "http_accept_language": "tlh", "server_name": "his.example",
              "extra": "trillian-42"}
    marks = [str(value).encode() for value in client.values()][1:3] + [
        b"secret-plan-42", b"beeblebrox", b"referrer-of-his", b"HisOwnAgent", b"2001:db8::f00d", b"his.example",
        b"trillian-42", b"tlh"]
    line = json.dumps(client).encode() + b"\n"
    for n in range(3):
        text = [part for i, other in enumerate(lines(1500, seed=n, kind="json"))
                for part in ([other] if i % 50 else [line, other])]
        takes(f"log {n}", 1530, bench.write(f"{n}.log", [line.replace(b"{", b"<")] * 5 + text), "--batch", "30KiB")
    bench.check("it is there first", [mark for mark in marks if not in_files(mark)], [])
    rows = rows_of()
    does("erase", "erase", "--remote", "2001:db8::dead:beef", "--rejects", "--yes", says="erased 90 rows")
    bench.check("nothing of it in any file", {mark: found for mark in marks if (found := in_files(mark))}, {})
    bench.check("the others stand", len(rows_of()), len(rows) - 90)
    agrees()
    # A reader who began before sees the old state, and so it has to stay on the disk; the next run removes it.
    takes("once more", 1, "-", stdin=line)
    with connect() as reader:
        reader.execute("BEGIN")
        bench.check("a reader sees it", reader.execute("SELECT count(*) FROM usage_rows").fetchone(), (4501,))
        done = does("erase beside a reader", "erase", "--remote", "2001:db8::dead:beef", "--yes", says="erased 1 row")
        bench.check("the reader still does", reader.execute("SELECT count(*) FROM usage_rows").fetchone(), (4501,))
        bench.check("who erases is told that the files still hold it",
                    not in_files(b"trillian-42") or "reader" in done.err or "notice" in done.err)
    does("the next run", "rebuild")
    bench.check("then nothing of it is in any file", {m: found for m in marks if (found := in_files(m))}, {})


@case
def erased_in_steps_is_not_in_the_files():
    """Logs grow and clients are erased in turns: SQLite moves texts from page to page meanwhile, and each is to leave
    nothing where it was."""
    marks = re.compile(rb"QqAgent-\d+|qqreferrer-\d+|qqpath-\d+|qquser-\d+|qqextra-\d+|2001:db8::dead:")
    for seed in (5, 8, 11):  # in these something stayed in the free part of a page
        bench.room(f"erased_in_steps_{seed}")
        rng, number = random.Random(seed), 0
        logs = {f"{k}.log": lines(2400, seed=10 * seed + k, kind="json") for k in range(3)}
        for turn in range(6):
            for name, text in logs.items():
                part = []
                for line in text[400 * turn:400 * turn + rng.randrange(50, 400)]:
                    if rng.random() < 0.2:
                        number += 1
                        line = json.dumps(json.loads(line) | {
                            "remote_addr": f"2001:db8::dead:{number % 50:x}", "remote_user": f"qquser-{number}",
                            "http_user_agent": f"QqAgent-{number}/{'v' * rng.randrange(80)}",
                            "http_referer": f"https://qqreferrer-{number}.example/", "extra": f"qqextra-{number}",
                            "request": f"GET /qqpath-{number}{'p' * rng.randrange(200)} HTTP/1.1"}).encode() + b"\n"
                    part.append(line)
                bench.write(name, part, "ab")
            bench.ingest(*logs)
            if turn in (2, 4):
                does("a part of them", "erase", "--remote", "2001:db8::dead:0/124", "--yes")
        bench.check("they are there", len(set(marks.findall((bench.folder / "usage.db").read_bytes()))) > 1000)
        does("all", "erase", "--remote", "2001:db8::dead:0/112", "--yes")
        bench.check("no row is theirs",
                    bench.query("SELECT count(*) FROM usage_rows WHERE remote_addr LIKE '2001:db8::dead:%'"), [(0,)])
        found = {path.name: set(marks.findall(path.read_bytes())) for path in bench.folder.glob("usage.db*")}
        bench.check("nothing of them in any file", {name: texts for name, texts in found.items() if texts}, {})
        bench.check("sound", unsound(), [])


@case
def erase_needs_a_filter():
    takes("a log", 200, bench.write("a.log", lines(200)))
    refused("no filter", "erase", "--yes", says=("filter", "hint"))
    for wrong in (["--remote", "nobody/99"], ["--status", "9yy"], ["--since", "whenever"], ["--include", "re:("]):
        refused(" ".join(wrong), "erase", "--yes", *wrong)
    refused("an empty time", "erase", "--yes", "--since", "")
    # What to leave out of a log is settled for all commands; it is not said which rows are to be erased.
    config = bench.write("conf.toml", b'exclude = ["*.png"]\n')
    before = whole()
    done = bench.run("erase", "--config", config, "--yes")
    bench.check("a filter of the configuration alone does not erase", (done.returncode, whole() == before), (2, True))
    bench.environment["TRACK_USAGE_EXCLUDE"] = "*.png"
    try:
        refused("a filter of the environment alone", "erase", "--yes")
    finally:
        del bench.environment["TRACK_USAGE_EXCLUDE"]


# --- rebuild

def cells(hook, period):
    return f"usage_{hook}_{period}_cells"


def tampered(hooks=HOOKS):
    """Changes cells of every table by SQL. Returns what rebuild must find: (summary, date, hits kept, of rows,
    bytes kept, of rows, key)."""
    found = set()
    with connect(how="mode=rw") as db:
        for hook in hooks:
            for period, bucket in PERIODS.items():
                table = cells(hook, period)
                named = "c.key" if hook == "status" else "(SELECT text FROM usage_texts WHERE id = c.key)"
                picked = db.execute(f"SELECT c.{bucket}, c.key, c.hits, c.transfer, b.date, {named} FROM {table} c JOIN"
                                    f" usage_{bucket}s b USING ({bucket}) ORDER BY c.transfer DESC, 1, 2").fetchall()
                if len(picked) < 2:  # one server of one month: a second cell is made of it
                    picked *= 2
                (at, key, hits, size, date, name), (at2, key2, hits2, size2, date2, name2) = picked[0], picked[-1]
                kind = (hook == "status") + list(PERIODS).index(period) + HOOKS.index(hook)
                where = f"WHERE {bucket} = {at} AND key = {key}"
                summary = f"{hook}_{period}"
                if kind % 4 == 0:
                    db.execute(f"UPDATE {table} SET hits = hits + 1000000 {where}")
                    found.add((summary, date, hits + 1000000, hits, size, size, name))
                elif kind % 4 == 1:
                    db.execute(f"UPDATE {table} SET transfer = transfer - 1 {where}")
                    found.add((summary, date, hits, hits, size - 1, size, name))
                elif kind % 4 == 2:
                    db.execute(f"DELETE FROM {table} {where}")
                    found.add((summary, date, 0, hits, 0, size, name))
                else:
                    # In a bucket of the past, which has no rows at all.
                    past, past_date = {"hourly": (4, "1970-01-01 01:00:00"), "daily": (31, "1970-02-01"),
                                       "monthly": (31, "1970-02-01")}[period]
                    db.execute(f"INSERT INTO {table} VALUES (?, ?, 7, 77)", (past, key2))
                    found.add((summary, past_date, 7, 0, 77, 0, name2))
        db.commit()
    return found


def table_of(text):
    """The cells of rebuild's table, or the line that is none."""
    found = set()
    for line in text.splitlines()[1:]:
        parts = re.fullmatch(r"(\S+) +(\S+) +(-?[\d,]+) +(-?[\d,]+) +(-?[\d,]+) +(-?[\d,]+)  (.*)", line)
        if not parts:
            found.add(line)
            continue
        summary, date, *numbers, key = parts.groups()
        hits, hits_of, size, size_of = (int(number.replace(",", "")) for number in numbers)
        date = date.replace("T", " ").rstrip("Z")
        found.add((summary, date, hits, hits_of, size, size_of, int(key) if summary.startswith("status") else key))
    return found


@case
def rebuild_tampered_sums():
    logs = three_logs()
    takes("three logs", 1500, *logs.values(), store="right.db")
    right = whole("right.db")
    done = does("agreeing", "rebuild", "--from", "right.db", says=("1,500 rows", "the summaries agree"))
    bench.check("stdout is empty", done.out, "")
    bench.check("and nothing has changed", whole("right.db") == right)
    for hooks in (HOOKS[:3], HOOKS[3:]):
        copy_of("usage.db", "right.db")
        wrong = tampered(hooks)
        done = refused(f"{', '.join(hooks)} tampered with", "rebuild", code=1,
                       says=(f"{len(wrong)} cells differ", "--fix"))
        bench.check("the table has these and no other", sorted(table_of(done.out) ^ wrong, key=repr), [])
        refused("with --quiet", "rebuild", "--quiet", code=1)
        refused("--fix without a word", "rebuild", "--fix", says="--yes")
        dry = refused("--fix --dry-run", "rebuild", "--fix", "--dry-run", code=0)
        bench.check("the dry run has the same table", dry.out, done.out)
        one = refused("one summary alone", "rebuild", "--hook", hooks[1], code=1)
        bench.check("has its cells", table_of(one.out), {cell for cell in wrong if cell[0].startswith(hooks[1] + "_")})
        does("one summary alone, put right", "rebuild", "--hook", hooks[1], "--fix", "--yes")
        does("it agrees", "rebuild", "--hook", hooks[1], says="agree")
        does("the others do not", "rebuild", code=1, says=f"{len(wrong) - 3} cells differ")
        does("all put right", "rebuild", "--fix", "--yes", says="put right")
        bench.check("as it was", whole() == right)
        agrees()
    change(("UPDATE usage_url_hourly_cells SET hits = hits + 1",))
    count = bench.query("SELECT count(*) FROM usage_url_hourly_cells")[0][0]
    done = does("many", "rebuild", code=1, says=(f"{count:,} cells differ", "first 20"))
    bench.check("the first 20 are shown", len(table_of(done.out)), 20)
    change(*((f"DELETE FROM {cells(hook, period)}",) for hook in HOOKS for period in PERIODS))
    does("all sums lost", "rebuild", code=1)
    does("and found", "rebuild", "--fix", "--yes")
    bench.check("as it was", whole() == right)


@case
def wrong_sums_do_not_spread():
    """forget and erase in a store whose sums are wrong already: --fix still puts it right."""
    logs = three_logs()
    takes("three logs", 1500, *logs.values())
    takes("without b", 800, logs["a.log"], logs["c.log"], store="never.db")
    change(*((f"DELETE FROM {cells('url', period)}",) for period in PERIODS),
           (f"UPDATE {cells('status', 'monthly')} SET hits = 1",))
    does("forget", "forget", "b.log", "--yes")
    kept = set(bench.query("SELECT hits, transfer, status FROM usage_status_monthly"))
    done = does("they still differ", "rebuild", "--hook", "status", code=1)
    shown = {(cell[2], cell[4], cell[6]) if len(cell) == 7 else cell for cell in table_of(done.out)}
    bench.check("the numbers shown are those of the cells, also below zero", shown, kept)
    does("nor do those that were lost", "rebuild", "--hook", "url", code=1)
    does("put right", "rebuild", "--fix", "--yes")
    equal("as if it had never been taken", contents(), contents("never.db"))


@case
def rebuild_adds_a_summary():
    logs = list(three_logs().values())
    more = bench.write("d.log", lines(100, seed=9))
    for typed, added in (("url,status", "remote,useragent"), ("none", "url,remote,useragent,language,server,status"),
                         ("status", "url"), ("language", "status,server")):
        for store in ("usage.db", "start.db"):
            for path in bench.folder.glob(store + "*"):
                path.unlink()
        both = sorted(set(typed.split(",")) - {"none"} | set(added.split(",")), key=HOOKS.index)
        takes(f"with {typed}", 1500, *logs, "--hook", typed)
        takes("with all of them", 1500, *logs, "--hook", ",".join(both), store="start.db")
        refused(f"adding {added} without a word", "rebuild", "--hook", added, says="--yes")
        refused("dry", "rebuild", "--hook", added, "--dry-run", code=0)
        does(f"adding {added} to {typed}", "rebuild", "--hook", added, "--yes")
        equal("equal to a store that had them", contents(), contents("start.db"))
        for store in ("usage.db", "start.db"):
            takes(f"the next run into {store}", 100, more, store=store)
        equal("and after the next run", contents(), contents("start.db"))
        agrees()
        takes("a run that names them all", 0, more, "--hook", ",".join(both))
        for command in (["sum", added.split(",")[0]], ["report"]):
            found, right = (run(*command, "--from", store).out.replace(store, "") for store in ("usage.db", "start.db"))
            bench.check(f"{command[0]} reads it", found, right)
    for wrong in ("nothing", "url,nothing", "", "none"):
        refused(f"--hook '{wrong}'", "rebuild", "--yes", "--hook", wrong)
    does("one twice", "rebuild", "--hook", "status,status", "--hook", "status")


@case
def adding_is_not_fixing():
    takes("two summaries", 300, bench.write("a.log", lines(300)), "--hook", "url,status")
    change((f"UPDATE {cells('url', 'daily')} SET hits = hits + 1",))
    kept = bench.query(f"SELECT * FROM {cells('url', 'daily')}")
    does("one that is wrong and one that is new", "rebuild", "--hook", "url,remote", "--yes", code=1, says="--fix")
    bench.check("without --fix the wrong one stays", bench.query(f"SELECT * FROM {cells('url', 'daily')}") == kept)
    does("and is put right by --fix", "rebuild", "--fix", "--yes")
    agrees()


@case
def zones():
    """Hours that begin at :30 UTC, a day of 25 hours, a month that begins in another one by UTC."""
    for name, begin in (("Asia/Kolkata", "2026-10-30"), ("Europe/Berlin", "2026-10-24"),
                        ("America/St_Johns", "2026-10-30"), ("Europe/Berlin", "2026-03-28")):
        bench.room(f"zones-{name.replace('/', '-')}-{begin}")
        zone = zoneinfo.ZoneInfo(name)
        some = requests(700, start=begin)
        days = sorted({oracle.buckets(int(r.time) // 60, zone)[1] for r in some})
        log, other = bench.write("a.log", written(some)), bench.write("b.log", lines(300, seed=2, start=begin))
        takes("two logs", 1000, log, other, "--tz", name, "--hook", "url,status")
        rest = [r for r in some if oracle.buckets(int(r.time) // 60, zone)[1] != days[1]]
        does("forget", "forget", "b.log", "--yes", says="300 rows")
        does("erase a day", "erase", "--since", days[1], "--until", days[2], "--yes",
             says=f"erased {len(some) - len(rest)} row")
        does("add summaries", "rebuild", "--hook", "remote,server,useragent,language", "--yes")
        bench.write("rest.log", written(rest))
        takes("the rest", len(rest), "rest.log", "--tz", name, store="rest.db")
        equal("equal to the rest", summaries(), summaries("rest.db"))
        bench.check("the oracle agrees", bench.oracle("--check", "usage.db", "rest.log", "--tz", name), "")
        agrees()
        change((f"DELETE FROM {cells('url', 'hourly')}",), (f"UPDATE {cells('status', 'monthly')} SET transfer = 0",))
        does("tampered with", "rebuild", code=1)
        does("put right", "rebuild", "--fix", "--yes")
        equal("equal again", summaries(), summaries("rest.db"))


@case
def urls_with_queries():
    logs = list(three_logs().values())
    takes("by whole URL, without its summary", 1500, *logs, "--url-by", "full", "--hook", "status")
    takes("with it", 1500, *logs, "--url-by", "full", "--hook", "url,status", store="start.db")
    does("add it", "rebuild", "--hook", "url", "--yes")
    equal("equal", contents(), contents("start.db"))
    bench.check("there are queries", bench.query("SELECT count(*) > 50 FROM usage_url_daily WHERE url LIKE '%?%'"),
                [(1,)])
    for store in ("usage.db", "start.db"):
        does("forget", "forget", "b.log", "--yes", "--from", store)
        does("erase", "erase", "--method", "POST", "--yes", "--from", store)
        agrees(store, store)
    takes("never with b", 800, logs[0], logs[2], "--url-by", "full", "--hook", "url,status", store="never.db")
    does("erase", "erase", "--method", "POST", "--yes", "--from", "never.db")
    equal("as if b had never been taken", contents(), contents("never.db"))
    equal("nor its texts", texts(), texts("never.db"))


@case
def two_stores_in_one_file():
    logs = three_logs()
    bench.write("j.log", lines(20, seed=7) + lines(30, seed=8, kind="json"))
    takes("one", 1500, *logs.values())
    takes("the other", 420, logs["a.log"], "j.log", "--format", "combined", store="usage.db?table=other")
    before = contents()
    for command in (["retry", "--format", "json"], ["erase", "--status", "200"], ["rebuild"],
                    ["forget", "a.log"]):
        does(f"{command[0]} in the other", *command, "--yes", "--from", "usage.db?table=other")
        equal(f"{command[0]}: the one is as it was", contents(), before)
        bench.check(f"{command[0]}: the other is sound",
                    bench.oracle("--identities", "usage.db", "--prefix", "other"), "")
    others = contents(prefix="other")
    does("forget in the one", "forget", "a.log", "--yes")
    equal("the other is as it was", contents(prefix="other"), others)
    agrees()
    refused("a name that is not there", "forget", "1", "--yes", "--from", "usage.db?table=third", code=4, says="hint")


# --- retry

@case
def retry_a_wrong_format():
    good, strange = lines(400), lines(300, seed=2, kind="json")
    mixed = [line for i in range(300) for line in (strange[i], good[i])] + good[300:] + GARBAGE
    log = bench.write("a.log", mixed)
    takes("as combined", 400, log, "--format", "combined", "--batch", "20KiB", code=1)
    takes("as both, from the start", 700, log, "--format", "combined", "--format", "json", store="right.db")
    bench.check("312 are kept", bench.query("SELECT count(*) FROM usage_rejects"), [(312,)])
    refused("without a word", "retry", "--format", "json", says="--yes")
    dry = refused("dry", "retry", "--format", "json", "--dry-run", code=0)
    refused("an unknown format", "retry", "--format", "jsno", "--yes", says="hint")
    refused("an unknown source", "retry", "99", "--yes", says="hint")
    does("as combined again", "retry", "--format", "combined", "--yes", says="0 stored")
    done = does("as json", "retry", "--format", "json", "--yes", says=("300 stored", "12 rejected again"))
    bench.check("a dry run says the same", dry.err.replace("dry run, nothing is written: ", ""), done.err)
    bench.check("rows as if read right from the start", rows_of() == rows_of("right.db"))
    equal("and sums", summaries(), summaries("right.db"))
    equal("and texts", texts(), texts("right.db"))
    bench.check("and rejects", bench.query("SELECT source_offset, line, reason, raw FROM usage_rejects"),
                bench.query("SELECT source_offset, line, reason, raw FROM usage_rejects", "right.db"))
    counts = ("read", "stored", "filtered", "rejected", "blank", "offset", "first_date", "last_date")
    bench.check("and the ledger", [sources()["a.log"][c] for c in counts],
                [sources("right.db")["a.log"][c] for c in counts])
    agrees()
    for format in ("json", "auto"):
        before = rows_of()
        does(f"again, as {format}", "retry", "--format", format, "--yes", says="0 stored")
        bench.check("no row is new", rows_of() == before)
    takes("its log is still taken", 0, log)
    bench.write("a.log", lines(10, seed=5), "ab")
    takes("and goes on", 10, log)
    does("its rows are forgotten with it", "forget", "a.log", "--yes", says="710 rows")
    bench.check("all of them", (bench.count(), sum(map(len, summaries().values()))), (0, 0))
    agrees()


@case
def retry_with_filters():
    some = requests(300)
    kept = lines(50, seed=2)
    log = bench.write("a.log", kept + written(some, "json") + [b"\n", b"# a remark\n"])
    other = bench.write("b.log", lines(30, seed=3) + lines(20, seed=4, kind="json"))
    takes("as combined", 80, log, other, "--format", "combined", code=1)
    stays = [r for r in some if r.status != 200 and not path_of(r).endswith(".jpg")]
    does("two filters", "retry", "a.log", "--status", "!200", "--exclude", "*.jpg", "--dry-run",
         says=f"300 rejected lines read again = {len(stays)} stored + {300 - len(stays)} filtered ->")
    does("of one source", "retry", "a.log", "--remote", "!192.0.2.0/24", "--yes")
    stays = [r for r in some if not r.remote.startswith("192.0.2.")]
    source = sources()["a.log"]
    bench.check("the accounting", [source[c] for c in ("read", "stored", "filtered", "rejected", "blank")],
                [352, 50 + len(stays), 300 - len(stays), 0, 2])
    bench.check("the other source is as it was", [sources()["b.log"][c] for c in ("stored", "rejected")], [30, 20])
    bench.check("sound", unsound(), [])
    does("what was filtered does not come again", "retry", "a.log", "--yes", says="0 rejected lines")
    does("all", "retry", "--server", "named.example", "--yes", says="20 stored")
    bench.check("named", bench.query("SELECT count(*) FROM usage_rows WHERE server_name = 'named.example'"), [(20,)])
    does("a wrong filter", "retry", "--status", "abc", "--yes", code=2)
    bench.write("rest.log", kept + written(stays, "json") + (bench.folder / "b.log").read_bytes().splitlines(True)[:30])
    takes("the rest", 80 + len(stays), "rest.log", store="rest.db")
    does("without those of the other", "erase", "--host", "named.example", "--yes", says="erased 20 rows")
    equal("equal to the rest", summaries(), summaries("rest.db"))
    agrees()


@case
def retry_long_lines():
    """Of a line that was too long only its beginning is kept: it becomes what that would have been at first."""
    long = [line[:-2] + b',"padding":"' + b"x" * 200 + b'"}\n' for line in lines(20, seed=6, kind="json")]
    late = [line.replace(b'"status"', b'"padding":"' + b"x" * 200 + b'","status"') for line in lines(10, kind="json")]
    text = lines(60, kind="common") + long + late
    log = bench.write("a.log", text)
    takes("as common", 60, log, "--format", "common", "--max-line", "250")
    takes("as both", 80, log, "--format", "common", "--format", "json", "--max-line", "250", store="right.db")
    bench.check("kept in part", bench.query("SELECT reason, max(length(raw)), count(*) FROM usage_rejects GROUP BY 1"),
                [("too_long", 250, 30)])
    does("retry", "retry", "--format", "json", "--yes", says=("20 stored", "10 rejected again"))
    bench.check("rows as if read right from the start", rows_of() == rows_of("right.db"))
    bench.check("flagged", bench.query("SELECT count(*) FROM usage_rows WHERE flags LIKE '%long_line%'"), [(20,)])
    equal("the sums too", summaries(), summaries("right.db"))
    bench.check("the ledger too", [sources()["a.log"][c] for c in ("read", "stored", "rejected")], [90, 80, 10])
    agrees()


@case
def retry_more_than_are_kept():
    good = lines(200)
    log = bench.write("a.log", good + lines(1500, seed=2, kind="json"))
    takes("as combined", 200, log, "--format", "combined", "--batch", "100KiB", code=1)
    bench.check("the first 1,000 are kept", bench.query("SELECT count(*) FROM usage_rejects"), [(1000,)])
    done = does("retry", "retry", "--yes", says=("1,000 rejected lines", "1,000 stored", "500 more"))
    bench.check("with a way out", "hint" in done.err)
    bench.check("the accounting", [sources()["a.log"][c] for c in ("read", "stored", "rejected")], [1700, 1200, 500])
    agrees()
    does("again", "retry", "--yes", says=("0 stored", "500 more"))
    does("the way out", "forget", "a.log", "--yes", says="1,200 rows")
    takes("takes all", 1700, log)
    agrees()


@case
def retry_with_nothing_to_do():
    takes("a sound log", 100, bench.write("a.log", lines(100)))
    for args in ([], ["a.log"], ["--format", "json"]):
        before = whole()
        does(f"retry {' '.join(args)}", "retry", "--yes", *args, says="0 rejected lines")
        bench.check("nothing has changed", whole() == before)


# --- trouble

def correctable_store():
    """A store in which each command has something to do, and that they leave different."""
    logs = three_logs(size=60)
    takes("logs", 480, *logs.values(), "--hook", "url,status,remote", store="full.db")
    bench.write("k.log", lines(20, seed=8) + lines(60, seed=9, kind="json"))
    takes("with rejects", 20, "k.log", "--format", "combined", store="full.db")
    change((f"UPDATE {cells('url', 'daily')} SET hits = hits + 1",), store="full.db")
    return {"forget": ["forget", "b.log", "--yes"], "erase": ["erase", "--status", "200", "--rejects", "--yes"],
            "rebuild": ["rebuild", "--fix", "--yes", "--hook", "url,status,language"],
            "retry": ["retry", "--format", "json", "--yes"]}


def same_state(store="usage.db"):
    """As contents(), with what --fix changes."""
    return contents(store) | {"texts": texts(store)["texts"]}


def signalled(name, command, what, choose):
    """Sends `what` at some writes of a command; the store must be as before or as after."""
    copy_of("usage.db", "full.db")
    before = same_state()
    trace = ["strace", "-f", "-qq", "-o", "trace.txt", "-e", "trace=pwrite64"]
    done = run(*command, prefix=trace)
    writes = collections.Counter(line.split()[0] for line in (bench.folder / "trace.txt").read_text().splitlines()
                                 if "pwrite64(" in line).most_common(1)
    if not bench.check(f"{name}: runs and writes", (done.returncode, bool(writes)), (0, True)):
        return []
    after, count = same_state(), writes[0][1]
    ends = collections.Counter()
    for at in sorted(set(choose(count))):
        copy_of("usage.db", "full.db")
        done = run(*command, prefix=[*trace, "-e", f"inject=pwrite64:signal={what.name[3:]}:when={at}"])
        ends[done.returncode] += 1
        # The same command and a reader come first: each must get along with what was left.
        state = same_state()
        kind = "before" if state == before else "after" if state == after else "between"
        ends[kind] += 1
        if kind == "between":
            bench.check(f"{name}: at write {at} of {count}", differences(state, before)[:3], "before or after")
        again = run(*command)
        if (again.returncode, kind) not in ((0, "before"), (0, "after"), (2, "after")):  # forget: it is gone
            bench.check(f"{name}: the command again after write {at}", again.err)
        if same_state() != after:
            bench.check(f"{name}: as after, in the end, from write {at}", differences(same_state(), after)[:3])
    return ends


@case
def killed():
    for name, command in correctable_store().items():
        ends = signalled(name, command, signal.SIGKILL,
                         lambda count: [1, count // 4, count // 2, count * 3 // 4, count - 1, count])
        bench.check(f"{name}: killed at each, as before or as after {dict(ends)}",
                    ends[-signal.SIGKILL] + ends[128 + signal.SIGKILL] >= 5 and ends["between"] == 0
                    and ends["before"] > 0 and ends["after"] > 0)


@case
def ended_by_a_signal():
    for name, command in correctable_store().items():
        for what in (signal.SIGTERM, signal.SIGINT):
            ends = signalled(f"{name}, {what.name}", command, what, lambda count: [1, count * 2 // 3])
            codes = {code for code in ends if isinstance(code, int)}
            bench.check(f"{name}, {what.name}: done or not, and a true exit {dict(ends)}",
                        codes <= {0, 128 + what} and ends["between"] == 0)


@case
def two_at_once():
    commands = correctable_store()
    copy_of("usage.db", "full.db")
    holder = start("ingest", "-", stdin=subprocess.PIPE)
    bench.check("a run has the store", until(is_locked))
    for name, command in commands.items():
        done = does(f"{name} beside it", *command, code=5, says=str(holder.pid))
        bench.check(f"{name}: with a hint", "--wait" in done.err or "hint" in done.err)
    begin = time.monotonic()
    does("--wait=1s gives up", *commands["forget"], "--wait=1s", code=5)
    bench.check("after that time", 0.9 <= time.monotonic() - begin < SOON)
    # Under another name of the store, too: what a run remembers of the texts must not be swept away beside it.
    (bench.folder / "links").mkdir()
    (bench.folder / "links" / "soft.db").symlink_to("../usage.db")
    (bench.folder / "here").symlink_to(".")
    for link in ("links/soft.db", "here/usage.db"):
        does(f"forget in {link}", *commands["forget"], "--from", link, code=5)
    if "b.log" not in sources():
        return
    waiting = start(*commands["forget"], "--wait=60s")
    stopped = start(*commands["erase"], "--wait")
    bench.check("they wait", not until(lambda: waiting.poll() is not None or stopped.poll() is not None, 0.5))
    stopped.send_signal(signal.SIGTERM)
    bench.check("SIGTERM ends the waiting", finish(stopped, SOON).returncode, 143)
    holder.stdin.close()
    holder.stdin = None
    bench.check("the run ends", finish(holder).returncode, 0)
    bench.check("then the one that waited does it", finish(waiting).returncode, 0)
    bench.check("b is gone", "b.log" in sources(), False)
    does("status needs no lock", "status")


@case
def readers_beside():
    for name, command in correctable_store().items():
        copy_of("usage.db", "full.db")
        with connect() as reader:
            reader.execute("BEGIN")
            seen = {view: reader.execute(f"SELECT count(*) FROM usage_{view}").fetchall()
                    for view in ("rows", "sources", "rejects", "url_daily", "daily")}
            does(f"{name} beside a reader", *command)
            bench.check(f"{name}: the reader sees what it saw",
                        {view: reader.execute(f"SELECT count(*) FROM usage_{view}").fetchall() for view in seen}, seen)
            bench.check(f"{name}: another one sees the change", summaries() != summaries("full.db"))
        does(f"{name}: and a run after it", "rebuild", "--hook", "status")


@case
def no_store():
    commands = {"forget": ["forget", "1"], "erase": ["erase", "--status", "200"], "rebuild": ["rebuild"],
                "retry": ["retry"]}

    def files():
        return {path.name: path.read_bytes() for path in sorted(bench.folder.iterdir())}

    log = bench.write("access.log", lines(20))
    with contextlib.closing(sqlite3.connect(bench.folder / "foreign.db")) as db:
        db.executescript("CREATE TABLE mine (a, b); INSERT INTO mine VALUES (1, 'one');")
    bench.write("empty.db", b"")
    takes("a newer store", 20, log, store="newer.db")
    change(("UPDATE usage_settings SET value = 99 WHERE name = 'schema'",), store="newer.db")
    with contextlib.closing(sqlite3.connect(bench.folder / "newer.db")) as db:
        db.execute("PRAGMA user_version = 99")
    for path in ("usage.db", "account.json", "newer.db.lock", "newer.db-wal", "newer.db-shm"):
        (bench.folder / path).unlink(missing_ok=True)
    for what, target in (("nothing there", "usage.db"), ("no folder", "nowhere/usage.db"),
                         ("a log", "sqlite:access.log"), ("a folder", "sqlite:."),
                         ("somebody's database", "foreign.db"), ("an empty file", "empty.db"),
                         ("a newer store", "newer.db")):
        before = files()
        for name, command in commands.items():
            for more in (["--yes"], ["--dry-run"]):
                does(f"{what}: {name} {more[0]}", *command, *more, "--from", target, code=4, says="track-usage: error")
        found = {name for name, content in files().items() if before.get(name) != content}
        if target == "newer.db":  # a store as others; its lock, and what SQLite lays beside it, are no harm
            found -= {"newer.db.lock", "newer.db-wal", "newer.db-shm"}
        bench.check(f"{what}: nothing is made or changed", sorted(found), [])
    for target in ("print:", "output:{date}", "access.log", "nosuch:x"):
        does(f"--from {target}", "rebuild", "--from", target, code=2, says="hint")


@case
def what_is_said():
    """Output for scripts: data on stdout alone, --quiet says errors only, a stdout that is closed harms nothing."""
    takes("two logs", 300, bench.write("a.log", GARBAGE[:1] + lines(299)), bench.write("b.log", lines(1, seed=2)))
    change((f"UPDATE {cells('url', 'monthly')} SET hits = hits + 1 WHERE key IN"
            " (SELECT id FROM usage_texts WHERE text = '/')",))
    one = does("one cell", "rebuild", code=1, says="1 cell differs")
    bench.check("a table of two lines", len(one.out.splitlines()), 2)
    with open("/dev/full", "wb") as full:
        does("a full stdout", "rebuild", stdout=full, code=4)
    reader, writer = os.pipe()
    os.close(reader)
    does("a closed stdout", "rebuild", stdout=writer)
    does("put right into a closed stdout", "rebuild", "--fix", "--yes", stdout=writer)
    os.close(writer)
    agrees()
    for command in (["rebuild"], ["retry", "--yes"], ["erase", "--status", "404", "--yes"],
                    ["forget", "b.log", "--yes"]):
        done = does(f"{command[0]} --quiet", *command, "--quiet")
        bench.check(f"{command[0]} --quiet says nothing", (done.out, done.err), ("", ""))
    done = does("in the singular", "retry", "a.log", "--yes", says="1 rejected line read")
    for command in ("forget", "erase", "rebuild", "retry"):
        done = run(command, "--help")
        bench.check(f"{command} --help", (done.returncode, done.err, f"track-usage {command}" in done.out),
                    (0, "", True))


# --- size

@case
def two_hundred_thousand_lines():
    week = b"".join(lines(50_000, seed=5, hours=24 * 7))
    some = [week.replace(b"/Nov/", month) for month in (b"/Sep/", b"/Oct/", b"/Nov/", b"/Dec/")]
    logs = [bench.write("a.log", some), bench.write("b.log", lines(20_000, seed=6)),
            bench.write("c.log", lines(20_000, seed=7, kind="json"))]
    takes("three logs", 240_000, *logs, store="full.db")
    takes("without the large one", 40_000, *logs[1:], store="never.db")

    def timed(what, *command, limit=30):
        copy_of("usage.db", "full.db")
        begin = time.monotonic()
        does(what, *command)
        spent = time.monotonic() - begin
        print(f"{what}: {spent:.2f} s")
        bench.check(f"{what}: in less than {limit} s", spent < limit)

    timed("rebuild of 240,000 rows", "rebuild")
    timed("erase of one address", "erase", "--remote", "192.0.2.7", "--yes")
    timed("erase of half the rows", "erase", "--since", "2026-11-01", "--yes")
    timed("forget of 200,000 rows", "forget", "a.log", "--yes")
    equal("as if they had never been taken", summaries(), summaries("never.db"))
    equal("nor their texts", texts(), texts("never.db"))
    for command in (["rebuild", "--fix", "--yes"], ["forget", "a.log", "--yes"],
                    ["erase", "--since", "2026-11-01", "--yes"]):
        copy_of("usage.db", "full.db")
        child = start(*command)
        until(is_locked)
        begin = time.monotonic()
        child.send_signal(signal.SIGTERM)
        finish(child, SOON)
        print(f"{command[0]}: ended {time.monotonic() - begin:.2f} s after SIGTERM, exit {child.returncode}")
        rows = bench.count()
        whole_or_not = {0: {40_000, 240_000}, 143: {240_000}}.get(child.returncode, set())
        bench.check(f"{command[0]}: SIGTERM in the middle leaves all or nothing",
                    rows in whole_or_not or (command[0] == "erase" and child.returncode == 0))


wanted = sys.argv[2:]
for function in cases:
    if not wanted or function.__name__ in wanted:
        bench.room(function.__name__)
        function()
bench.end()
