#!/usr/bin/env python3
"""What every store must do, by one body for all of them: the rows and sums that
it gives back are those that print: and a count in Python say, whatever is done
to the run, the server or the line between them.

    conformance.py TRACK-USAGE STORE [--long]
"""

import collections
import datetime
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.dont_write_bytecode = True
from checks import SAMPLES, Bench, lines, until
from servers import STORES, Proxy

bench = Bench(sys.argv[1])
store = STORES[sys.argv[2]]()
KILLS = 50 if "--long" in sys.argv else 15
PERIODS = ("hour", "day", "month")
KEYS = {  # of the summaries that a store keeps unasked
    "url": ("url", lambda r: r["path"] or "-"),
    "remote": ("remote", lambda r: r["remote_addr"] or "-"),
    "useragent": ("useragent", lambda r: r["user_agent"]["string"] or "-"),
    "language": ("language", lambda r: r["user_agent"]["language"] or "-"),
    "server": ("server", lambda r: r["server_name"] or "-"),
    "status": ("status", lambda r: r["status"] or 0),
}


def bucket(date, period):
    return {"hour": date[:13] + ":00:00Z", "day": date[:10], "month": date[:7] + "-01"}[period]


def sums_of(rows, hook):
    """As `sum HOOK --output json` gives them."""
    column, key = KEYS[hook]
    sums = {}
    for period in PERIODS:
        cells = collections.defaultdict(lambda: [0, 0])
        for row in rows:
            cell = cells[bucket(row["date"], period), key(row)]
            cell[0] += 1
            cell[1] += row["content_length"] or 0
        # Newest first, then most hits, then the key, by its bytes.
        def order(item):
            (date, key), (hits, _) = item
            return [-ord(c) for c in date], -hits, key if isinstance(key, int) else key.encode()
        sums[period] = [{"date": date, column: key, "hits": hits, "transfer": transfer}
                        for (date, key), (hits, transfer) in sorted(cells.items(), key=order)]
    return sums


def told(*args):
    """What a reading command prints, as JSON."""
    done = bench.run(*args, "--output", "json", "--limit", "0")
    if done.returncode != 0:
        print(done.stderr.decode("utf-8", "replace"))
        return None
    return json.loads(done.stdout)


def printed(*inputs, **more):
    """The rows of logs, from no store."""
    said = bench.ingest(*inputs, "--format", "auto", sinks=("print:",), **more)
    return [json.loads(line) for line in said["stdout"].splitlines()]


def newest_first(rows):
    """Rows of one time stand in the order opposite to that in which they came."""
    def instant(row):
        second, _, fraction = row["date"].rstrip("Z").partition(".")
        return second, fraction.ljust(6, "0")
    # sorted() keeps equals in their order, also with reverse.
    return sorted(reversed(rows), key=instant, reverse=True)


def alike(rows):
    """For comparing where the order of what was taken is not known."""
    return sorted(json.dumps(r, sort_keys=True) for r in rows)


def holds(what, target, rows, ordered=False):
    """The store gives back these rows and their sums, and says the same of itself to others."""
    found = told("rows", "--from", target)
    if ordered:
        bench.check(f"{what}: rows in their order", found == newest_first(rows), True)
    else:
        bench.check(f"{what}: rows", alike(found or []) == alike(rows), True)
    for hook in KEYS:
        bench.check(f"{what}: sum {hook}", told("sum", hook, "--from", target) == sums_of(rows, hook), True)
    identities(what, target)


def identities(what, target):
    """By SQL of our own: every summary's hits and transfer are those of the rows."""
    count, size = store.ask(target, "SELECT count(*), coalesce(sum(content_length), 0) FROM usage_rows")[0]
    wrong = []
    for hook in KEYS:
        for period in ("hourly", "daily", "monthly"):
            sums = store.ask(target, f"SELECT coalesce(sum(hits), 0), coalesce(sum(transfer), 0) FROM usage_{hook}_{period}")[0]
            if [int(n) for n in sums] != [int(count), int(size)]:
                wrong.append((hook, period, sums))
    for period in ("hourly", "daily", "monthly"):
        sums = store.ask(target, f"SELECT coalesce(sum(hits), 0), coalesce(sum(transfer), 0) FROM usage_{period}")[0]
        if [int(n) for n in sums] != [int(count), int(size)]:
            wrong.append((period, sums))
    stored, erased = store.ask(target, "SELECT coalesce(sum(stored), 0), coalesce(sum(erased), 0) FROM usage_sources")[0]
    if int(stored) - int(erased) != int(count):
        wrong.append(("sources", stored, erased, count))
    bench.check(f"{what}: identities", wrong, [])


def rows_of_store(target):
    return int(store.ask(target, "SELECT count(*) FROM usage_rows")[0][0])


def fails(what, code, targets, *words, silent=()):
    """An ingest that cannot be: its exit and what it says, and never a secret."""
    bench.write("any.log", lines(5))
    done = bench.run("ingest", "--config", "none", *[w for t in targets for w in ("--sink", t)], "any.log")
    said = done.stderr.decode("utf-8", "replace")
    bench.check(f"{what}: exit", done.returncode, code)
    bench.check(f"{what}: what is said", [w for w in words if w not in said], [])
    bench.check(f"{what}: secrets", [w for w in silent if w in said], [])
    if [w for w in words if w not in said]:
        print(said)


def same_as_printed():
    bench.room("same")
    target = store.new()
    logs = [SAMPLES / "horrors.log", *sorted((SAMPLES / "shop").iterdir()), SAMPLES / "nginx.json"]
    rows = printed(*logs)
    said = bench.ingest(*logs, sinks=(target,))
    bench.check("all is stored", said["total"]["stored"], len(rows))
    holds("taken once", target, rows, ordered=True)
    said = bench.ingest(*logs, sinks=(target,))
    bench.check("taken again: nothing is new", said["total"]["already_taken"], said["total"]["read"])
    holds("taken twice", target, rows)


def grows_and_rotates():
    bench.room("grows")
    target = store.new()
    log = lines(3000, seed=7)
    bench.write("access.log", log[:1000])
    bench.takes("the first thousand", 1000, "access.log", sinks=(target,))
    bench.write("access.log", log[1000:2000], "ab")
    bench.takes("what was appended", 1000, "access.log", sinks=(target,))
    os.rename(bench.folder / "access.log", bench.folder / "access.log.1")
    subprocess.run(["gzip", "access.log.1"], cwd=bench.folder, check=True)
    bench.write("access.log", log[2000:])
    bench.takes("after rotation", 1000, "access.log", "access.log.1.gz", sinks=(target,))
    bench.write("whole.log", log)
    holds("grown and rotated", target, printed("whole.log"))


def corrected():
    bench.room("corrected")
    target = store.new()
    first, second = lines(2000, seed=11), lines(1500, seed=12, start="2026-11-12")
    bench.write("first.log", first)
    bench.write("second.log", second + [b"no line at all\n", b'192.0.2.7 - - [12/Nov/2026:25:00:00 +0000] "GET / HTTP/1.1" 200 1\n'])
    bench.ingest("first.log", "second.log", sinks=(target,))
    rows = printed("first.log", "second.log")

    def correct(what, *args, code=0):
        done = bench.run(*args, "--from", target, "--yes")
        if not bench.check(f"{what}: exit", done.returncode, code):
            print(done.stderr.decode("utf-8", "replace"))
        return (done.stdout + done.stderr).decode()

    busiest = collections.Counter(r["remote_addr"] for r in rows).most_common(1)[0][0]
    correct("erase a client", "erase", "--remote", busiest)
    rows = [r for r in rows if r["remote_addr"] != busiest]
    holds("a client erased", target, rows)
    correct("erase a day", "erase", "--since", "2026-11-10", "--until", "2026-11-11")
    rows = [r for r in rows if not r["date"].startswith("2026-11-10")]
    holds("a day erased", target, rows)
    correct("forget a log", "forget", str(bench.folder / "second.log"))
    kept = alike(printed("first.log"))
    rows = [r for r in rows if json.dumps(r, sort_keys=True) in set(kept)]
    holds("a log forgotten", target, rows)
    bench.ingest("second.log", sinks=(target,))
    holds("and taken again", target, rows + printed("second.log"))
    bench.check("rebuild finds nothing", "the summaries agree" in correct("rebuild", "rebuild"), True)
    wrong = "UPDATE usage_url_daily SET hits = hits + 3 WHERE url = '/'" if store.is_server else None
    if wrong:
        store.ask(target, wrong)
        bench.check("rebuild finds a wrong sum", bench.run("rebuild", "--from", target, "--yes").returncode, 1)
        correct("rebuild mends it", "rebuild", "--fix")
        holds("mended", target, rows + printed("second.log"))
    correct("another summary", "rebuild", "--hook", "method", "--fix")
    sums = told("sum", "method", "--from", target)
    bench.check("the new summary counts all", sum(c["hits"] for c in sums["day"]) if sums else None, rows_of_store(target))
    correct("retry", "retry")
    holds("retried", target, rows + printed("second.log"))


def pruned():
    """Old rows and cells go, what is kept longer stays whole, and what is done later respects it."""
    bench.room("pruned")
    target = store.new()
    today = datetime.datetime.now(datetime.timezone.utc).date()
    day = lambda age: (today - datetime.timedelta(days=age)).isoformat()
    old, new = lines(1500, seed=81, start=day(100), hours=24 * 90), lines(1500, seed=82, start=day(9), hours=24 * 8)
    bench.write("old.log", old)
    bench.write("new.log", new)
    bench.ingest("old.log", "new.log", sinks=(target,))
    rows = printed("old.log", "new.log")
    keep = ("--keep", "rows=20d,hour=5d,day=60d")
    dry = bench.run("prune", "--from", target, *keep, "--dry-run")
    bench.check("a dry run removes nothing", (dry.returncode, rows_of_store(target)), (0, len(rows)))
    for time in ("first", "second"):
        done = bench.run("prune", "--from", target, *keep, "--yes")
        bench.check(f"the {time} prune: exit", done.returncode, 0)
    left = [r for r in rows if r["date"][:10] >= day(20)]
    bench.check("rows", alike(told("rows", "--from", target)), alike(left))

    def sums_are(what, all_rows):
        since = {"hour": day(5) + "T", "day": day(60), "month": ""}
        for hook in KEYS:
            right = {p: [c for c in cells if c["date"] >= since[p]] for p, cells in sums_of(all_rows, hook).items()}
            bench.check(f"{what}: sum {hook}", told("sum", hook, "--from", target) == right, True)

    sums_are("pruned", rows)
    done = bench.run("rebuild", "--from", target, "--fix", "--yes")
    bench.check("rebuild finds nothing wrong", (done.returncode, b"the summaries agree" in done.stdout + done.stderr), (0, True))
    sums_are("rebuilt", rows)
    refused = bench.run("forget", "--from", target, "--yes", str(bench.folder / "old.log"))
    bench.check("a log whose rows were pruned is not forgotten", (refused.returncode, b"pruned" in refused.stderr), (2, True))
    bench.ingest("old.log", "new.log", sinks=(target,))
    bench.check("nor taken again", rows_of_store(target), len(left))
    gone = [r for r in left if r["date"][:10] < day(4)]  # of some of them the hours were pruned
    bench.run("erase", "--from", target, "--until", day(4), "--yes")
    bench.check("erased", rows_of_store(target), len(left) - len(gone))
    erased = collections.Counter(json.dumps(r, sort_keys=True) for r in gone)
    rest = []
    for row in rows:
        text = json.dumps(row, sort_keys=True)
        erased[text] -= 1
        if erased[text] < 0:
            rest.append(row)
    sums_are("erased", rest)


def killed():
    """kill -9 at any moment: the next run goes on, and in the end all is there once."""
    bench.room("killed")
    target = store.new()
    log = lines(20_000, seed=21)
    bench.write("access.log", log)
    dice = random.Random(5)
    begun = time.monotonic()
    bench.ingest("access.log", "--batch", "256k", sinks=(store.new(),))
    whole = time.monotonic() - begun
    for _ in range(KILLS):
        run = subprocess.Popen([bench.binary, "ingest", "--config", "none", "-q", "--batch", "256k", "--wait=60s", "--sink", target,
                                "access.log"], cwd=bench.folder, env=bench.environment, stderr=subprocess.PIPE)
        try:
            run.wait(dice.uniform(0, whole * 0.6))
        except subprocess.TimeoutExpired:
            run.kill()
        run.stderr.close()
        run.wait()
    bench.ingest("access.log", "--wait=60s", sinks=(target,))
    holds(f"killed {KILLS} times", target, printed("access.log"))


def administered():
    """Tables made by an administrator: who may write ingests, who may read reads, and no more."""
    bench.room("administered")
    bench.write("access.log", lines(500, seed=71))
    for name in ("writer", "reader"):
        store.add_user(name)
    target = store.new()
    made = bench.run("schema", target, "--hook", "+visitor")
    bench.check("schema: exit", made.returncode, 0)
    store.administer(made.stdout.decode())
    as_user = {name: target.replace(f"//{store.OWNER}:", f"//{name}:") + "&create=no" for name in ("writer", "reader")}
    done = bench.run("ingest", "--config", "none", "--visitor", "ip-ua", "--sink", as_user["reader"], "access.log")
    said = done.stderr.decode()
    bench.check("a reader cannot write", (done.returncode, "denied" in said, "schema" in said), (4, True, True))
    bench.check("nor was anything settled", rows_of_store(target), 0)
    bench.ingest("access.log", "--visitor", "ip-ua", sinks=(as_user["writer"],))
    bench.check("a writer stores all", rows_of_store(target), 500)
    identities("by a writer who makes no tables", target)
    for args in (["rows"], ["sum", "visitor"], ["status"], ["report"]):
        bench.check(f"a reader's {args[0]}", bench.run(*args, "--from", as_user["reader"]).returncode, 0)
    other = bench.run("rows", "--from", as_user["reader"].replace("table=", "table=x"))
    bench.check("what is not there", other.returncode, 4)
    bench.check("a reader reads rows past us", store.ask(target, "SELECT count(*) FROM usage_rows", "reader"), [["500"]])
    try:
        bench.check("but not the salt", store.ask(target, "SELECT * FROM usage_secrets", "reader"), "a refusal")
    except RuntimeError as refusal:
        bench.check("but not the salt", "denied" in str(refusal), True)


def server_fails():
    bench.room("server")
    log = lines(20_000, seed=31)
    bench.write("access.log", log)
    rows = printed("access.log")

    target = store.new()
    run = subprocess.Popen([bench.binary, "ingest", "--config", "none", "-q", "--batch", "128k", "--sink", target, "access.log"],
                           cwd=bench.folder, env=bench.environment, stderr=subprocess.PIPE)
    started = until(lambda: has_some(target), 30)
    store.crash()
    said = run.communicate()[1].decode("utf-8", "replace")
    bench.check("server crashed: it had begun", started, True)
    bench.check("server crashed: exit", run.returncode, 4)
    bench.check("server crashed: what is said", "run again" in said and store.SECRET not in said, True)
    store.start()
    had = rows_of_store(target)
    bench.check("server crashed: a part is there", 0 < had < len(rows), True)
    bench.takes("server crashed: the rest", len(rows) - had, "access.log", sinks=(target,))
    holds("server crashed", target, rows)

    for cut in (300_000, 1_000_000, 3_000_000):
        target = store.new()
        proxy = Proxy(store.port, cut_after=cut)
        through = target.replace(f":{store.port}/", f":{proxy.port}/")
        bench.ingest("access.log", "--batch", "512k", sinks=(through,), code=4)
        proxy.stop()
        bench.ingest("access.log", sinks=(target,))
        holds(f"cut after {cut} bytes", target, rows)

    target = store.new()
    proxy = Proxy(store.port, delay=0.02)
    through = target.replace(f":{store.port}/", f":{proxy.port}/")
    bench.ingest("access.log", sinks=(through,))
    holds("a slow server", target, rows)

    run = subprocess.Popen([bench.binary, "ingest", "--config", "none", "--sink", store.new().replace(f":{store.port}/", f":{proxy.port}/"),
                            "-"], cwd=bench.folder, env=bench.environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdin.write(b"".join(log[:1000]))
    run.stdin.flush()
    run.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    run.communicate()
    bench.check("a slow server: ended in seconds", (run.returncode, time.monotonic() - begun < 10), (143, True))
    proxy.stop()


def has_some(target):
    try:
        return rows_of_store(target) > 0
    except Exception:
        return False


def refused():
    bench.room("refused")
    secret = "not-the-pa55word"
    fails("wrong password", 4, [store.url(password=secret)], "password", "***", silent=[secret])
    fails("unknown host", 4, [store.url(host="no-such-host.invalid")], "no-such-host.invalid", silent=[store.SECRET])
    fails("nobody listens", 4, [store.url(port=1)], "refused", silent=[store.SECRET])
    fails("unknown database", 4, [store.url(database="nowhere")], "nowhere", silent=[store.SECRET])
    fails("unknown setting", store.UNKNOWN_SETTING, [store.url() + "?bogus_setting=1"], "bogus_setting", silent=[store.SECRET])
    code, word = store.AT_IN_PASSWORD
    fails("an @ in the password", code, [store.url(password="a@" + secret)], word, silent=[secret])
    fails("named twice", 2, [store.url(), store.url()], "twice", silent=[store.SECRET])
    fails("no tables are to be made", 4, [store.new() + "&create=no"], "create=no", silent=[store.SECRET])
    done = bench.run("rows", "--from", store.new())
    bench.check("nothing to read", (done.returncode, b"holds no track-usage tables" in done.stderr), (4, True))


def side_by_side():
    bench.room("beside")
    target = store.new()
    log = lines(8000, seed=41)
    for n in range(4):
        bench.write(f"{n}.log", log[n * 2000:(n + 1) * 2000])
    bench.write("whole.log", log)
    runs = [subprocess.Popen([bench.binary, "ingest", "--config", "none", "-q", "--batch", "64k", "--sink", target, f"{n}.log"],
                             cwd=bench.folder, env=bench.environment, stderr=subprocess.PIPE) for n in range(4)]
    said = [run.communicate()[1].decode() for run in runs]
    bench.check("four first runs at once", [run.returncode for run in runs], [0, 0, 0, 0])
    bench.check("four first runs at once: one makes the store", sum("made a new store" in text for text in said), 1)
    holds("four runs at once", target, printed("whole.log"))

    target = store.new()
    bench.ingest("0.log", sinks=(target,))
    runs = [subprocess.Popen([bench.binary, "ingest", "--config", "none", "-q", "--batch", "64k", "--sink", target, "whole.log"],
                             cwd=bench.folder, env=bench.environment, stderr=subprocess.PIPE) for n in range(2)]
    ends = sorted(run.wait() for run in runs)
    bench.check("one log by two runs", ends in ([0, 0], [0, 5]), True)
    for run in runs:
        run.stderr.close()
    bench.ingest("whole.log", sinks=(target,))
    bench.check("one log by two runs: each line once", rows_of_store(target), 8000)
    identities("one log by two runs", target)


def behind():
    bench.room("behind")
    ahead, late = store.new(), store.new()
    log = lines(3000, seed=51)
    bench.write("access.log", log[:2000])
    bench.ingest("access.log", sinks=(ahead,))
    bench.write("access.log", log[2000:], "ab")
    said = bench.ingest("access.log", sinks=(ahead, late, "sqlite:usage.db"))
    bench.check("each gets what it lacks", [s["stored"] for s in said["sinks"]], [1000, 3000, 3000])
    for target in (ahead, late):
        holds("a store that was behind", target, printed("access.log"))


def with_everything():
    """All that a row can be told, and the tables that only some stores keep."""
    bench.room("everything")
    target = store.new()
    bench.write("access.log", lines(1500, seed=61))
    more = ("--visitor", "ip-ua", "--hook", "+method,+bot,+browser,+speed,+blueprint,+route,+referrer",
            "--blueprint", "shop=/products/**", "--route", "/products/<kind>/<name>/<int:id>.html", "--set", "site=a\"b\\c d")
    bench.ingest("access.log", *more, sinks=(target, "sqlite:usage.db"))
    mine, theirs = told("rows", "--from", target), told("rows", "--from", "sqlite:usage.db")
    bench.check("rows, as SQLite gives them", mine == theirs, True)
    for hook in "visitor method bot browser speed blueprint route referrer".split():
        bench.check(f"sum {hook}, as SQLite gives it", told("sum", hook, "--from", target) == told("sum", hook, "--from", "sqlite:usage.db"), True)
    for args in (["sum", "url", "--key", "/", "--period", "day"], ["sum", "status", "--key", "404"], ["sum", "visitor", "--count"],
                 ["sum", "url", "--since", "2026-11-10", "--until", "2026-11-11", "--period", "hour"], ["sum", "remote", "--top", "5", "--period", "month"],
                 ["rows", "--status", "404", "--limit", "7", "--page", "2"], ["rows", "--since", "2026-11-10T03:00", "--until", "2026-11-10T09:30"],
                 ["report"]):
        mine, theirs = (bench.run(*args, "--from", t) for t in (target, "sqlite:usage.db"))
        same = mine.returncode == theirs.returncode == 0 and without_source(mine.stdout) == without_source(theirs.stdout)
        if not bench.check(" ".join(args), same, True):
            print(mine.stdout.decode()[:600], mine.stderr.decode(), theirs.stdout.decode()[:600])


def programs():
    """A program gets the stored rows, from memory or read back; what it was not given is owed until it is."""
    folder = bench.room("programs")
    target = store.new()
    bench.write("access.log", lines(6000, seed=71))
    hook = 'exec:cat > got.jsonl; echo "$TRACK_USAGE_SINK" > sink; test -e well'

    def ingest(code, *args):
        (folder / "got.jsonl").unlink(missing_ok=True)
        bench.ingest("access.log", "--hook", hook, *args, sinks=(target,), code=code)
        return alike((folder / "got.jsonl").read_text()) if (folder / "got.jsonl").exists() else []

    def alike(text):  # not every store keeps the order of an object's members
        return [json.dumps(json.loads(row), sort_keys=True) for row in text.splitlines()]

    def owed():
        done = bench.run("status", "--from", target, "--output", "json")
        return sum(waiting["rows"] for waiting in json.loads(done.stdout)["owed"])

    def rows():
        return alike(bench.run("rows", "--from", target, "--limit", "0", "--output", "jsonl").stdout.decode())

    first = ingest(1, "--batch", "64")
    bench.check("a program gets the rows of the store", sorted(first) == sorted(rows()), True)
    bench.check("its environment has no password", "s3cr3t" in (folder / "sink").read_text(), False)
    bench.check("it failed, and all is owed", owed(), 6000)
    bench.run("erase", "--yes", "--from", target, "--status", "404")
    left = rows()
    bench.check("but for what was erased", (owed(), 0 < len(left) < 6000), (len(left), True))
    (folder / "well").touch()
    bench.check("it is given what is left, in the same order", ingest(0) == [row for row in first if '"status": 404,' not in row], True)
    bench.check("nothing is owed any more, nor given", (owed(), ingest(0)), (0, []))
    (folder / "well").unlink()
    bench.write("access.log", lines(50, seed=72, start="2026-11-20"), "ab")
    bench.check("of a log that grew the rest", len(ingest(1)), 50)
    bench.run("forget", "--yes", "--from", target, "1")
    bench.check("what is forgotten is not owed", owed(), 0)


def without_source(text):
    """A report names the store that it reads."""
    return [line for line in text.decode().splitlines() if "://" not in line and ".db" not in line]


same_as_printed()
grows_and_rotates()
corrected()
behind()
with_everything()
programs()
pruned()
killed()
if store.is_server:
    side_by_side()
    refused()
    administered()
    server_fails()
store.stop()
bench.end()
