#!/usr/bin/env python3
"""Programs that get the stored rows (--hook exec:CMD): all of them, at least once, and
whatever they do, no row is lost and no run hangs. The programs are real ones.

    exec_hooks.py TRACK-USAGE
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from checks import DEADLINE, Bench, lines, until

bench = Bench(sys.argv[1])
SMALL, LARGE = 500, 30_000  # rows; the large are some 20 MB, far more than a pipe holds
KEEP = "exec:cat >> got.jsonl"
LOGS = {count: lines(count, seed=count) for count in (SMALL, LARGE)}


def room(name, count=SMALL):
    bench.room(name)
    return bench.write("a.log", LOGS[count])


def given(name="got.jsonl"):
    path = bench.folder / name
    return path.read_bytes().splitlines() if path.exists() else []


def stored(store="usage.db"):
    """The rows of a store as `rows` tells them, in the order in which they were stored."""
    out = bench.run("rows", "--from", store, "--limit", "0", "--output", "jsonl").stdout.splitlines()
    # `rows` gives the newest first, and of one time the last stored.
    times = bench.query("SELECT id FROM usage_data ORDER BY ts DESC, id DESC", store)
    return [line for _, line in sorted(zip((row[0] for row in times), out, strict=True))]


def owed(store="usage.db"):
    return bench.query("SELECT unit, hook FROM usage_owed ORDER BY unit, hook", store)


def ingest(what, *args, code=0, seconds=DEADLINE, **more):
    begin = time.monotonic()
    said = bench.ingest("a.log", *args, code=code, **more)
    took = time.monotonic() - begin
    bench.check(f"{what}: in time", took < seconds or took)
    return said


def start(*args):
    """An ingest that goes on while we look."""
    return subprocess.Popen([bench.binary, "ingest", "--config", "none", *args], cwd=bench.folder, env=bench.environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def script(name, text):
    path = bench.write(name, ("#!/usr/bin/env python3\n" + text).encode())
    path.chmod(0o755)
    return f"exec:./{name}"


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def what_is_given():
    for name, count, batch in (("given", SMALL, "64MiB"), ("given-much", LARGE, "1MiB")):
        room(name, count)
        said = ingest("a hook that keeps all", "--hook", KEEP, "--batch", batch)
        bench.check("all rows are stored", said["total"]["stored"], count)
        bench.check("the rows given are those of the store, in its order", given() == stored())
        bench.check("nothing is owed", owed(), [])
        bench.check("nothing is said but the new store", said["stderr"].count("\n"), 1)
        bench.check("the default summaries are there", bench.query("SELECT sum(hits) FROM usage_url_daily")[0][0], count)
        ingest("nothing new", "--hook", KEEP)
        bench.check("nothing is given twice", len(given()), count)
        with open(bench.folder / "a.log", "ab") as log:
            log.writelines(lines(7, seed=77))
        ingest("seven new", "--hook", KEEP)
        bench.check("only the new are given", (len(given()), given() == stored()), (count + 7, True))
        ingest("no hook", "--final")
        bench.rows_are(count + 7)


def how_it_is_typed():
    room("typed")
    bench.environment["LEFT"], bench.environment["RIGHT"] = "a", "b"
    ingest("commas", "--hook", 'url,exec:cat > "one,two"; echo "$LEFT,$RIGHT" > env', "--hook", "status", "--hook",
           "exec:cat > second")
    bench.check("commas of a command are its own", (len(given("one,two")), given("env")), (SMALL, [b"a,b"]))
    bench.check("a second hook", len(given("second")), SMALL)
    settings = json.loads(bench.run("status", "--output", "json").stdout)["settings"]
    bench.check("summaries beside it are chosen as ever", settings["hooks"], ["url", "status"])
    ingest("no setting of the store", "--verify")
    for typed in ("exec:", "exec:  ", "url,exec:"):
        bench.check(f"'{typed}' is refused", bench.run("ingest", "a.log", "--hook", typed).returncode, 2)
    bench.check("one command twice", bench.run("ingest", "a.log", "--hook", "exec:x", "--hook", "exec:x").returncode, 2)
    done = bench.run("ingest", "a.log", "--sink", "print:", "--hook", KEEP)
    bench.check("print: alone is refused", (done.returncode, b"print:" in done.stderr, done.stdout), (2, True, b""))
    bench.check("rebuild refuses it", bench.run("rebuild", "--hook", KEEP).returncode, 2)
    bench.check("--hook-wait 0s is refused", bench.run("ingest", "a.log", "--hook-wait", "0s").returncode, 2)

    room("configured")
    bench.write("c.toml", b'[ingest]\nhook = ["exec:cat > from,config"]\n')
    bench.run("ingest", "--config", "c.toml", "a.log")
    bench.check("from the configuration", len(given("from,config")), SMALL)
    bench.environment["TRACK_USAGE_HOOK"] = "exec:cat > from,environment\nexec:cat > other"
    ingest("environment", "--source", "again")
    del bench.environment["TRACK_USAGE_HOOK"]
    bench.check("from the environment", (len(given("from,environment")), len(given("other"))), (SMALL, SMALL))

    room("dry")
    said = ingest("dry run", "--dry-run", "-v", "--hook", KEEP)
    bench.check("a dry run starts nothing and says so", (given(), "not started" in said["stderr"]), ([], True))


def failing():
    room("failing")
    secret = "exec:cat > first; echo https://robot:hunter2@example.org/ > /dev/null; exit 3"
    said = ingest("exit 3", "--hook", secret, "--batch", "64", code=1)
    units = bench.query("SELECT count(*) FROM usage_units")[0][0]
    shown = secret.replace("hunter2", "***")
    right = f"error: hook '{shown}': exit 3; {SMALL} rows in {units} unit{'s' if units > 1 else ''} were stored and wait to be given to it again"
    bench.check("the error", right in said["stderr"] or said["stderr"])
    status = bench.run("status").stdout.decode()
    bench.check("status has the notice and what is owed", (right in status, f"{SMALL} rows in" in status, "hunter2" in status),
                (True, True, False))
    told = json.loads(bench.run("status", "--output", "json").stdout)["owed"]
    bench.check("owed in JSON", told, [{"hook": shown, "units": units, "rows": SMALL}])
    bench.rows_are(SMALL)
    ingest("another hook", "--hook", "exec:cat > other")
    bench.check("is owed nothing", ((bench.folder / "other").exists(), len(owed())), (False, units))

    # The same command, that now does well: nothing is new, and yet it is given all.
    room("mends")
    mends = "exec:cat >> got.jsonl; test -e well"
    ingest("exit 1", "--hook", mends, code=1)
    (bench.folder / "got.jsonl").unlink()
    (bench.folder / "well").touch()
    with open(bench.folder / "a.log", "ab") as log:
        log.writelines(lines(7, seed=77))
    ingest("all again", "--hook", mends)
    bench.check("what was owed comes first", given() == stored())
    bench.check("nothing is owed any more", (owed(), len(given())), ([], SMALL + 7))
    ingest("a third time", "--hook", mends)
    bench.check("nothing more", len(given()), SMALL + 7)
    (bench.folder / "got.jsonl").unlink()
    (bench.folder / "well").unlink()
    with open(bench.folder / "a.log", "ab") as log:
        log.writelines(lines(9, seed=79))
    ingest("fails with nine", "--hook", mends, code=1)
    (bench.folder / "got.jsonl").unlink()
    (bench.folder / "well").touch()
    ingest("nothing new in the log", "--hook", mends)
    bench.check("the nine that are owed", given() == stored()[-9:])

    room("filtered")
    ingest("no row is stored", "--hook", "exec:touch started; exit 3", "--exclude", "**")
    bench.check("no program is started, and nothing owed", ((bench.folder / "started").exists(), owed()), (False, []))

    room("many-units", LARGE)
    ingest("many units", "--hook", mends, "--batch", "1MiB", code=1)
    bench.check("several units are owed", len(owed()) > 3)
    (bench.folder / "got.jsonl").unlink()
    (bench.folder / "well").touch()
    ingest("all units again", "--hook", mends)
    bench.check("from the store, in order, once", given() == stored())


def ends_and_deaths():
    for name, command, code, word in (("exit-0", "exec:exit 0", 0, ""), ("exit-7", "exec:exit 7", 1, "exit 7"),
                                      ("reads-one", "exec:head -n 1 > one", 0, ""), ("killed", "exec:kill -9 $$", 1, "signal 9"),
                                      ("no-command", "exec:./there-is-none", 1, "exit 127")):
        room(name, LARGE)
        said = ingest(name, "--hook", command, "--batch", "1MiB", code=code, seconds=30)
        bench.check("what became of it", word in said["stderr"] or said["stderr"])
        bench.check("owed", len(owed()) > 0, code != 0)
        bench.rows_are(LARGE)


def stuck():
    hook = "exec:trap '' TERM; echo $$ > pid; sleep 1000 & echo $! > other; while :; do sleep 1; done"
    room("never-reads", LARGE)
    said = ingest("never reads", "--hook", hook, "--hook-wait", "1s", code=1, seconds=30)
    bench.check("it is said", "it read nothing for 1 s" in said["stderr"] or said["stderr"])
    bench.rows_are(LARGE)
    for name in ("pid", "other"):
        pid = int((bench.folder / name).read_text())
        bench.check(f"its group is gone ({name})", until(lambda: not alive(pid), 10))

    room("never-ends")
    said = ingest("reads and never ends", "--hook", "exec:cat > /dev/null; sleep 1000", "--hook-wait", "1s", code=1, seconds=30)
    bench.check("it is said", "it did not end within 1 s" in said["stderr"] or said["stderr"])
    bench.check("it is owed", len(owed()), 1)

    room("slow", LARGE)
    # 64 KiB, which are written at once, take it more than 2 s.
    slow = script("slow.py", "import sys, time\nn, parts = 0, 0\nwhile part := sys.stdin.buffer.raw.read(8192):\n"
                             " n += part.count(b'\\n')\n parts += 1\n if parts < 25: time.sleep(0.3)\nopen('count', 'w').write(str(n))\n")
    ingest("slow, but reads", "--hook", slow, "--hook-wait", "1s")
    bench.check("slow is not stuck", given("count"), [str(LARGE).encode()])


def what_it_says():
    room("floods", LARGE)
    flood = script("flood.py", "import sys\nfor i in range(10):\n sys.stderr.write(('x' * 99 + '\\n') * 10000)\n"
                               "n = sum(1 for line in sys.stdin)\nsys.stderr.write('y' * 1000000)\nopen('count', 'w').write(str(n))\n")
    said = ingest("10 MB on stderr", "--hook", flood)
    bench.check("it got all", given("count"), [str(LARGE).encode()])
    bench.check("20 lines are told, and how many more", (said["stderr"].count("xxx\n"), "it said 99,981 more lines" in said["stderr"]),
                (20, True))
    bench.check("and no more", len(said["stderr"]) < 20_000 or len(said["stderr"]))

    room("escapes")
    said = ingest("escape bytes", "--hook", r"exec:cat > got.jsonl; printf '\033[2J\377 and more\nno newline' >&2; echo seen")
    bench.check("its bytes are made visible", r"\x1b[2J\xff and more" in said["stderr"] and "\x1b" not in said["stderr"] or said["stderr"])
    bench.check("a last line without a newline", ": no newline\n" in said["stderr"])
    bench.check("its standard output is ours", said["stdout"], b"seen\n")


def deaths_of_ours():
    # Between commit and delivery: the hook tells that it was started, which is after the commit, and waits.
    room("kill-9", LARGE)
    hook = "exec:echo $$ > pid; mv pid started; test -e well || sleep 3; cat > got.jsonl"
    run = start("a.log", "--hook", hook, "--batch", "1MiB")
    bench.check("it is started", until((bench.folder / "started").exists))
    run.kill()
    run.wait()
    orphan = int((bench.folder / "started").read_text())
    bench.check("it is still there", alive(orphan))
    bench.check("some is stored, and owed", bench.count() > 0 and len(owed()) > 0)
    bench.write("b.log", lines(5, seed=5))
    bench.check("it does not hold the store's lock", bench.run("ingest", "--config", "none", "b.log").returncode, 0)
    bench.run("forget", "--yes", "b.log")
    bench.check("it ends as its input does", until(lambda: not alive(orphan)))
    (bench.folder / "well").touch()
    (bench.folder / "got.jsonl").unlink(missing_ok=True)
    ingest("after kill -9", "--hook", hook, "--batch", "1MiB")
    bench.check("everything was given", given() == stored())
    bench.check("nothing is owed", owed(), [])
    bench.rows_are(LARGE)

    for number in (signal.SIGINT, signal.SIGTERM):
        room(f"signal-{number}", LARGE)
        run = start("a.log", "--hook", "exec:touch started; exec sleep 1000")
        bench.check("it is started", until((bench.folder / "started").exists))
        begin = time.monotonic()
        run.send_signal(number)
        run.communicate(timeout=DEADLINE)
        took = time.monotonic() - begin
        bench.check("ends within seconds beside a stuck hook", took < 10 or took)
        bench.check("its exit tells the signal", run.returncode, 128 + number)
        ingest("goes on", "--hook", "exec:touch started; exec sleep 1000", "--hook-wait", "1s", code=1)
        bench.rows_are(LARGE)


def two_stores():
    room("two")
    sinks = ("sqlite:usage.db", "sqlite:b.db")
    ingest("two stores", "--hook", 'exec:cat > "got-$(basename "$TRACK_USAGE_SINK")"; echo "$TRACK_USAGE_SINK" >> sinks', sinks=sinks)
    bench.check("each has its own", (given("got-usage.db") == stored(), given("got-b.db") == stored("b.db")), (True, True))
    right = sorted(str((bench.folder / name).resolve()).encode() for name in ("usage.db", "b.db"))
    bench.check("and its name", sorted(given("sinks")), right)
    with open(bench.folder / "a.log", "ab") as log:
        log.writelines(lines(7, seed=77))
    said = ingest("one fails", "--hook", 'exec:case "$TRACK_USAGE_SINK" in *b.db) exit 3;; esac; cat > /dev/null', sinks=sinks, code=1)
    bench.check("of one alone it is told", (said["stderr"].count("error: hook"), "/b.db and wait" in said["stderr"]), (1, True))
    bench.check("and owed", (len(owed()), len(owed("b.db"))), (0, 1))


def clients():
    """What a client sends reaches no shell, and what privacy took away reaches no hook."""
    bench.room("clients")
    client = "198.51.100.77"
    bench.write("a.log", "".join(
        f'{client} - - [21/Nov/2026:10:00:0{n} +0000] "GET /{path} HTTP/1.1" 200 1 "$(touch x)" "`touch x`; touch x"\n'
        for n, path in enumerate(("$(touch", "`touch", "$(touch%20x)", ";touch", "'$(touch"))).encode())
    ingest("shell in a path", "--hook", KEEP, "--anonymize-ip")
    bench.check("is only text", ((bench.folder / "x").exists(), len(given()), b"$(touch x)" in b"".join(given())), (False, 5, True))
    bench.check("no whole address reaches it", (client.encode() in b"".join(given()), b"198.51.100.0" in given()[0]), (False, True))


def taken_out():
    room("forget")
    ingest("fails", "--hook", "exec:exit 3", code=1)
    bench.check("owed", len(owed()), 1)
    bench.check("forget", bench.run("forget", "--yes", "1").returncode, 0)
    bench.check("nothing is owed", owed(), [])

    room("erase")
    mends = "exec:cat > got.jsonl; test -e well"
    ingest("fails", "--hook", mends, "--batch", "64", code=1)
    (bench.folder / "well").touch()
    newest = json.loads(stored()[-1])["date"]
    bench.run("erase", "--yes", "--since", newest)
    left = bench.count()
    told = json.loads(bench.run("status", "--output", "json").stdout)["owed"]
    bench.check("erased rows are not owed", (sum(w["rows"] for w in told), 0 < left < SMALL), (left, True))
    # Their ids are free for the rows of another log, which are not of that unit.
    bench.write("b.log", lines(50, seed=5))
    bench.run("ingest", "--config", "none", "b.log")
    ingest("what is left", "--hook", mends)
    bench.check("is given, and nothing else", (len(given()), given() == stored()[:left]), (left, True))
    bench.check("nothing is owed", owed(), [])

    room("erased-and-grown")
    ingest("fails", "--hook", mends, code=1)
    newest = json.loads(stored()[-1])["date"]
    bench.run("erase", "--yes", "--since", newest)
    left = bench.count()
    bench.write("a.log", lines(50, seed=5, start="2026-11-20"), "ab")
    bench.run("ingest", "--config", "none", "a.log")
    (bench.folder / "well").touch()
    ingest("what is left, of a log that grew", "--hook", mends)
    bench.check("is given, and nothing else", (len(given()), given() == stored()[:left], left < SMALL), (left, True, True))

    room("all-erased")
    ingest("fails", "--hook", "exec:touch started; exit 3", code=1)
    (bench.folder / "started").unlink()
    bench.run("erase", "--yes", "--since", "2000-01-01")
    ingest("all erased", "--hook", "exec:touch started; exit 3")
    bench.check("no program is started for nothing", ((bench.folder / "started").exists(), owed()), (False, []))


def descriptors():
    room("descriptors")
    look = script("look.py", "import os, sys\nsys.stdin.read()\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])\n")
    begun = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(begun, True)
    done = subprocess.run([bench.binary, "ingest", "--config", "none", "a.log", "--hook", look], cwd=bench.folder,
                          env=bench.environment, capture_output=True, close_fds=False)
    os.close(begun)
    # Of the list the last is the one that lists.
    bench.check("it has 0, 1 and 2 alone", done.stdout, b"[0, 1, 2]\n")

    room("signals")
    said = ingest("signals", "--hook", "exec:cat > /dev/null; grep -E 'Sig(Ign|Blk)' /proc/self/status")
    held = {name: int(value, 16) for name, value in re.findall(r"(\w+):\s*([0-9a-f]+)", said["stdout"].decode())}
    bits = sum(1 << (number - 1) for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM))
    bench.check("no signal is ignored or blocked", {name: value & bits for name, value in held.items()}, {"SigBlk": 0, "SigIgn": 0})


def streams():
    """A stream's rows come as its units are committed, not when it ends."""
    bench.room("stream")
    run = subprocess.Popen([bench.binary, "ingest", "--config", "none", "-", "--hook", KEEP], cwd=bench.folder,
                           env=bench.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdin.write(b"".join(LOGS[SMALL][:3]))
    run.stdin.flush()
    bench.check("rows come while the stream is open", until(lambda: len(given()) == 3, 30))
    run.stdin.write(b"".join(LOGS[SMALL][3:5]))
    run.communicate()
    bench.check("and the rest at its end", (run.returncode, len(given()), owed()), (0, 5, []))


for group in (what_is_given, how_it_is_typed, failing, ends_and_deaths, stuck, what_it_says, deaths_of_ours, two_stores, clients,
              taken_out, descriptors, streams):
    if not sys.argv[2:] or group.__name__ in sys.argv[2:]:
        group()
bench.end()
