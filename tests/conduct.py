#!/usr/bin/env python3
"""How the program behaves where a golden cannot look: terminals, signals, live streams, broken
outputs, secrets, file modes, raw bytes. Usage: conduct.py PROGRAM [WORD...]; a line a check, 1 if any fails.

Each function is a group of checks, run in an empty folder; WORDs choose groups by name.
"""
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import re
import select
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time

SAMPLES = pathlib.Path(__file__).resolve().parent.parent / "sample_logs"
LINE = '192.0.2.{} - - [21/Nov/2026:10:00:{:02} +0000] "GET /page/{} HTTP/1.1" 200 10 "-" "curl/8.5.0"\n'
DEADLINE = 30  # seconds for what should take two: a busy machine is no defect
program, failed = "", 0


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok  ' if good else 'FAIL'} {name}" + (f": {str(detail)[:300]}" if not good and detail != "" else ""), flush=True)


def lines(count, first=0):
    return "".join(LINE.format(n % 250, n % 60, n) for n in range(first, first + count))


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACK_USAGE_")}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        kept.pop(name, None)
    return {**kept, "TZ": "UTC", "LC_ALL": "C.UTF-8", "TERM": "xterm", "TRACK_USAGE_CONFIG": "none", "TRACK_USAGE_AGENTS": "built-in", "TMPDIR": os.getcwd(), **more}


def run(*args, env=None, **more):
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run([program, *map(os.fsencode, args)], env=environment(**(env or {})), timeout=120, **more)


def on_terminal(*args, rows_too=False, env=None):
    """Runs with stderr, and stdout if rows_too, on a terminal: what it showed, and the exit code."""
    master, slave = pty.openpty()
    mode = termios.tcgetattr(slave)
    mode[1] &= ~termios.OPOST  # or each \n comes as \r\n
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    child = subprocess.Popen([program, *args], stdin=subprocess.DEVNULL, stdout=slave if rows_too else subprocess.DEVNULL,
                             stderr=slave, env=environment(**(env or {})))
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # EIO: the other end is closed
            part = b""
        if not part:
            break
        shown += part
    os.close(master)
    return shown.decode("utf-8", "replace"), child.wait()


def ask(sql, path="usage.db"):
    """The first value of an answer; None while there is no such table."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as base:
            return base.execute(sql).fetchone()[0]
    except sqlite3.OperationalError:
        return None


def until(condition):
    """Seconds until it held, or None."""
    begin = time.monotonic()
    while time.monotonic() - begin < DEADLINE:
        if condition():
            return time.monotonic() - begin
        time.sleep(0.05)
    return None


def stored(count):
    return lambda: ask("SELECT count(*) FROM usage_rows") == count


def unread(pipe):
    """How many bytes stand in a pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def terminal():
    pathlib.Path("a.log").write_text(lines(3))
    shown, code = on_terminal("ingest", "a.log")
    check("terminal: a closing line with the absolute path", re.search(rf"(?m)^3 lines = 3 stored  \d+\.\d\d s -> {re.escape(os.getcwd())}/usage\.db$", shown), shown)
    check("terminal: a new store is said", "made a new store" in shown and code == 0, shown)
    shown, code = on_terminal("ingest", "a.log")
    check("terminal: nothing new is said as well", "3 already taken" in shown and code == 0, shown)
    shown, code = on_terminal("ingest", "-q", "a.log")
    check("terminal: -q says nothing when well", (shown, code) == ("", 0), shown)
    shown, code = on_terminal("ingest", "--include", "/none", "--sink", "b.db", "a.log")
    check("terminal: a filter that met nothing is said", "met no row" in shown or "matched nothing" in shown, shown)
    shown, code = on_terminal("ingest", "a.log", "--sink", "print:", "--progress", "auto", rows_too=True)
    check("terminal: no progress among rows", code == 0 and "\r" not in shown and "\x1b" not in shown, repr(shown))
    shown, code = on_terminal("sum", "url", rows_too=True)
    check("terminal: sum is ranked", code == 0 and "share" in shown.split("\n")[0], shown)
    shown, code = on_terminal("report", "a.log", rows_too=True, env={"NO_COLOR": "1"})
    check("terminal: no colour with NO_COLOR", code == 0 and "\x1b" not in shown, repr(shown))


def progress():
    pathlib.Path("a.log").write_text(lines(200000))
    done = run("ingest", "--progress", "always", "a.log")
    bar = done.stderr.decode("utf-8", "replace")
    check("progress: --progress always draws without a terminal", "%" in bar and "\r" in bar, repr(bar))
    shown, code = on_terminal("ingest", "a.log", "--sink", "b.db")
    check("progress: a long run draws on a terminal", code == 0 and "%" in shown, repr(shown))
    check("progress: the bar is wiped before the closing line", re.search(r"(?:\r|\x1b\[K|\n)200,000 lines = 200,000 stored", shown), repr(shown[-200:]))
    shown, code = on_terminal("ingest", "a.log", "--sink", "c.db", "--progress", "never")
    check("progress: --progress never draws nothing", "%" not in shown, repr(shown))
    done = run("ingest", "a.log", "--sink", "d.db")
    check("progress: none without a terminal", b"%" not in done.stderr and b"\r" not in done.stderr, done.stderr)


def silence():
    pathlib.Path("a.log").write_text(lines(3))
    run("ingest", "a.log")
    pathlib.Path("a.log").write_text(lines(5))
    done = run("ingest", "a.log")
    check("no terminal: silent when well", (done.returncode, done.stdout, done.stderr) == (0, b"", b""), done)
    done = run("ingest", "-v", "a.log")
    check("no terminal: -v has a line a file and the closing line", b"a.log: 5 lines" in done.stderr and b"5 already taken  " in done.stderr, done.stderr)
    done = run("ingest", "nope.log")
    check("no terminal: closing line where the exit is not 0", done.returncode == 3 and b" -> " in done.stderr, done)
    done = run("ingest", "-q", "a.log", "--sink", "q.db")
    check("-q: warnings are said all the same", b"made a new store" in done.stderr, done)
    check("no terminal: no colour", b"\x1b" not in run("report").stdout)


def signals():
    for sign, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        store = f"{sign.name}.db"
        child = subprocess.Popen([program, "ingest", "-", "--sink", store], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, env=environment())
        child.stdin.write((lines(7) + "192.0.2.1 - - [21/Nov").encode())
        child.stdin.flush()
        until(lambda: unread(child.stdin) == 0)
        begin = time.monotonic()
        child.send_signal(sign)
        try:
            came = child.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            child.kill()
            came = child.wait()
        took = time.monotonic() - begin
        check(f"{sign.name}: exit {code} while stdin is silent", came == code, came)
        check(f"{sign.name}: within 5 s", took < 5, took)
        check(f"{sign.name}: whole lines are committed", ask("SELECT count(*) FROM usage_rows", store) == 7, ask("SELECT count(*) FROM usage_rows", store))
        check(f"{sign.name}: no trace of a crash", b"bug" not in child.stderr.read())
        child.stdin.close()
        check(f"{sign.name}: the store is free again", run("ingest", os.devnull, "--sink", store).returncode != 5)


    pathlib.Path("a.log").write_text(lines(300000))
    child = subprocess.Popen([program, "ingest", "a.log", "--sink", "file.db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    until(lambda: ask("SELECT count(*) FROM usage_rows", "file.db") is not None)
    begin = time.monotonic()
    child.send_signal(signal.SIGTERM)
    came, took = child.wait(120), time.monotonic() - begin
    check("SIGTERM amid a file: exit 143 within 10 s", came == 143 and took < 10, (came, took))
    part = ask("SELECT count(*) FROM usage_rows", "file.db")
    run("ingest", "a.log", "--sink", "file.db")
    check("SIGTERM amid a file: the next run takes the rest", ask("SELECT count(*) FROM usage_rows", "file.db") == 300000, part)
    check("SIGTERM amid a file: summaries agree", ask("SELECT sum(hits) FROM usage_url_monthly", "file.db") == 300000)


def live():
    child = subprocess.Popen([program, "ingest", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    for round in (1, 2):
        child.stdin.write(lines(5, round * 5).encode())
        child.stdin.flush()
        took = until(stored(5 * round))
        check(f"live: rows of round {round} are committed in about 2 s", took is not None and took < 6, took)
    child.stdin.write(lines(1, 20)[:-1].encode())
    child.stdin.close()
    check("live: the end of the stream is a good end", child.wait(DEADLINE) == 0)
    check("live: its last line is taken without a newline", stored(11)(), ask("SELECT count(*) FROM usage_rows"))

    child = subprocess.Popen([program, "ingest", "-", "--sink", "print:"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
    child.stdin.write(lines(2).encode())
    child.stdin.flush()
    begin = time.monotonic()
    ready = select.select([child.stdout], [], [], DEADLINE)[0]
    check("live: print: shows rows while the stream goes on", ready and time.monotonic() - begin < 6)
    child.stdin.close()
    child.stdout.read()
    check("live: print: ends well", child.wait(DEADLINE) == 0)


def head(*args):
    """Runs, reads one line and closes the pipe: exit code and stderr."""
    child = subprocess.Popen([program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    child.stdout.readline()
    child.stdout.close()
    err = child.stderr.read()
    return child.wait(DEADLINE), err


def broken_outputs():
    pathlib.Path("a.log").write_text(lines(20000))
    check("| head -1: ingest to print: ends with 0, quietly", head("ingest", "a.log", "--sink", "print:") == (0, b""), head("ingest", "a.log", "--sink", "print:"))
    check("| head -1: and to output:", head("ingest", "a.log", "--sink", "output:{path} {url} {request}") == (0, b""))
    code, err = head("ingest", "a.log", "--sink", "print:", "--sink", "usage.db")
    check("| head -1: a store beside it takes all", code == 0 and stored(20000)(), (code, err, ask("SELECT count(*) FROM usage_rows")))
    for args in (("rows", "--limit", "0", "--output", "jsonl"), ("rows", "--limit", "0"), ("sum", "url", "--limit", "0"), ("report",), ("--help",), ("list",)):
        check(f"| head -1: {' '.join(args)}", head(*args) == (0, b""), head(*args))
    closed = lambda *args: subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", program, *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
    done = closed("ingest", "a.log", "--sink", "print:")
    check(">&-: ingest to print: ends with 0, quietly", (done.returncode, done.stderr) == (0, b""), done)
    done = closed("ingest", "a.log", "--sink", "new.db")
    check(">&-: a store is not written over by fd 1", done.returncode == 0 and ask("SELECT count(*) FROM usage_rows", "new.db") == 20000, done)
    with open("/dev/full", "wb") as full:
        for args in (("ingest", "a.log", "--sink", "print:"), ("ingest", "a.log", "--sink", "output:{path}"), ("rows", "--limit", "0"), ("rows", "--limit", "1"), ("report",),
                     ("sum", "url"), ("status",), ("list",), ("explain", "a.log"), ("ingest", "a.log", "--summary-json", "-")):
            done = run(*args, stdout=full)
            check(f">/dev/full: {' '.join(args)} is 4 and says why", done.returncode == 4 and b"No space left" in done.stderr, done)
    for option in ("--rejects", "--summary-json"):
        pathlib.Path("bad.log").write_text(lines(2) + "junk\n" * 3)
        done = run("ingest", "bad.log", option, "/dev/full", "--sink", option[2:] + ".db")
        check(f"{option} /dev/full is 4 and says why", done.returncode == 4 and b"No space left" in done.stderr, done)


def inputs_are_safe():
    """No option writes over a log that is read."""
    log = lines(3) + "junk\n"
    for args in (("--rejects", "a.log"), ("--rejects", "link.log"), ("--summary-json", "./a.log"), ("--sink", "output:?to=a.log&:{path}"), ("--sink", "sqlite:a.log")):
        pathlib.Path("a.log").write_text(log)
        pathlib.Path("link.log").unlink(missing_ok=True)
        os.link("a.log", "link.log")
        done = run("ingest", "a.log", *args)
        check(f"inputs: {' '.join(args)} is refused", done.returncode in (2, 4) and pathlib.Path("a.log").read_text() == log, done)


def secrets():
    pathlib.Path("a.log").write_text(lines(1))
    pathlib.Path("c.toml").write_text("sink = ['postgresql://u:sesame@h/d', 'foo://u:sesame@h/d']\n")
    targets = ["postgresql://u:sesame@db.example/x", "postgres://u:sesame@/x?table=a'b", "mysql://u:sesame@db.example:99999/x", "mariadb://u:sesame@", "redis://:sesame@db.example/0",
               "mongodb://u:sesame@db.example/x?hooks=nope", "couchdb://u:sesame@db.example/x", "foo://u:sesame@db.example/x", "postgresql://u:${SECRET}@db.example/x", "postgresql:u:sesame@h",
               "postgresql://db.example/x?user=u&password=sesame", "redis://db.example/0?password=sesame&table=1"]
    for target in targets:
        for args in (("ingest", "-v", "a.log", "--sink", target), ("ingest", "a.log", "--sink", target, "--sink", target), ("rows", "--from", target), ("status", "--from", target), ("report", "--from", target)):
            done = run(*args, env={"SECRET": "sesame"})
            if b"sesame" in done.stdout + done.stderr or done.returncode in (0, 70) or done.returncode < 0:
                check(f"secret: {' '.join(args)}", False, done)
                break
        else:
            check(f"secret: never printed of {target.replace('sesame', '***')}", True)
    done = run("ingest", "a.log", "--config", "c.toml")
    check("secret: nor from the configuration", b"sesame" not in done.stderr and done.returncode == 2, done)
    done = run("rows", env={"TRACK_USAGE_STORE": "foo://u:sesame@h/d"})
    check("secret: nor from the environment", b"sesame" not in done.stderr and done.returncode == 2, done)


def modes():
    pathlib.Path("a.log").write_text(lines(2) + "junk\n")
    old = os.umask(0)
    try:
        run("ingest", "a.log", "--rejects", "rejects.txt", "--summary-json", "sum.json", "--sink", "usage.db", "--sink", "output:?to=out.txt&:{path}")
        run("rows")
        run("report", "a.log")
    finally:
        os.umask(old)
    for path in sorted(pathlib.Path().iterdir()):
        if path.name != "a.log":
            mode = stat.S_IMODE(path.stat().st_mode)
            check(f"mode: {path} is 0640 at most", mode & ~0o640 == 0, oct(mode))
    for name in ("usage.db", "rejects.txt", "out.txt"):
        os.chmod(name, 0o604)
    pathlib.Path("a.log").write_text(lines(4) + "junk\njunk\n")
    run("ingest", "a.log", "--rejects", "rejects.txt", "--sink", "usage.db", "--sink", "output:?to=out.txt&:{path}")
    for name in ("usage.db", "rejects.txt", "out.txt"):
        check(f"mode: that of an existing {name} is kept", stat.S_IMODE(os.stat(name).st_mode) == 0o604, oct(os.stat(name).st_mode))


def no_trace():
    pathlib.Path("a.log").write_text(lines(30))
    before = set(os.listdir())
    run("report", "a.log")
    run("explain", "a.log")
    run("ingest", "--dry-run", "a.log")
    check("no trace: report LOG, explain and --dry-run leave no file", set(os.listdir()) == before, set(os.listdir()) - before)
    run("ingest", "a.log")
    before = set(os.listdir())
    for args in (("rows",), ("sum", "url"), ("status",), ("report",)):
        run(*args)
        check(f"no trace: {args[0]} leaves no file beside the store", set(os.listdir()) == before, set(os.listdir()) - before)
    os.chmod("usage.db", 0o440)
    check("no trace: a read-only store can be read", run("rows").stdout.count(b"\n") == 31)


def raw_bytes():
    """No byte of a client reaches a terminal as it came."""
    def clean(name, done, least=10):
        text = done.stdout + done.stderr
        if "csv" in name:
            text = text.replace(b"\r\n", b"\n")
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            return check(f"bytes: {name} is UTF-8", False, error)
        bad = re.search(r".{0,40}[\x00-\x08\x0b-\x1f\x7f-\x9f].{0,20}", decoded)
        check(f"bytes: {name} ({len(text)})", not bad and len(text) >= least and done.returncode != 70, repr(bad and bad[0]))

    horrors = (SAMPLES / "horrors.log").read_bytes()
    horrors += b'192.0.2.1 - \x1b[31m\xff [15/Nov/2026:10:00:00 +0000] "GET /\x9b\xc2\x9b HTTP/1.1" 404 1 "http://\x1b]0;x\x07/" "\x7f\x80 \x1b[2J"\n'
    horrors += b'\x1b[2J\xff is no line\n{"time":"\x1b[2J"\n'
    pathlib.Path("h.log").write_bytes(horrors)
    clean("ingest -v", run("ingest", "-v", "h.log"))
    for form in ("jsonl", "text", "csv", "tsv"):
        done = run("ingest", "h.log", "--sink", f"print:?format={form}")
        clean(f"print: {form}", done)
        if form == "tsv":
            widths = {row.count("\t") for row in done.stdout.decode().splitlines()}
            check("bytes: each line of tsv has the same cells", len(widths) == 1, widths)
        if form == "csv":
            rows = list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))
            check("bytes: each row of csv has the same cells", len({len(row) for row in rows}) == 1)
            check("bytes: no cell of csv is a formula", not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@")])
        if form == "jsonl":
            check("bytes: each line of jsonl is an object with all keys", len({tuple(json.loads(row)) for row in done.stdout.decode().split("\n")[:-1]}) == 1)
    clean("output:", run("ingest", "h.log", "--sink", "output:{request} {user_agent.string} {referrer} {username} {remote_addr} {track_var}"))
    for form in ("table", "jsonl", "json", "csv", "tsv"):
        clean(f"rows {form}", run("rows", "--output", form))
    ends = {b"\r\n" in run(*args).stdout for args in (("rows", "--output", "csv"), ("sum", "url", "--output", "csv"), ("ingest", "h.log", "--sink", "print:?format=csv"))}
    check("bytes: csv of each command has the same line ends", len(ends) == 1)
    for hook in ("url", "remote", "useragent", "language", "server", "status"):
        for form in ("table", "json", "csv", "tsv"):
            clean(f"sum {hook} {form}", run("sum", hook, "--output", form))
    clean("status", run("status"))
    clean("status --rejects", run("status", "--rejects"))
    clean("status json", run("status", "--rejects", "--output", "json"))
    clean("report of the store", run("report"))
    clean("report of the log", run("report", "h.log"))
    clean("report in ASCII", run("report", "--top", "100", env={"LC_ALL": "C"}))
    check("bytes: report is ASCII where the locale is not UTF-8", run("report", "h.log", env={"LC_ALL": "C"}).stdout.replace("☕".encode(), b"").isascii())
    clean("explain FILE", run("explain", "h.log"))
    for number, line in enumerate(horrors.split(b"\n")[:-1], 1):
        done = run("explain", f"h.log:{number}")
        if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", done.stdout + done.stderr) or done.returncode not in (0, 1):
            clean(f"explain h.log:{number}", done)
    evil = b"e\x1b[31m\xff\nvil"
    clean("a file's name", run("ingest", "-v", evil + b".log"))
    pathlib.Path(os.fsdecode(evil + b".log")).write_bytes(horrors)
    clean("a file's name, taken", run("ingest", "-v", evil + b".log", "--sink", "e.db"))
    clean("a file's name in status", run("status", "--from", "e.db"))
    clean("a file's name in status --rejects", run("status", "--rejects", "--from", "e.db"))
    clean("a file's name in report", run("report", evil + b".log"))
    clean("a file's name in --summary-json", run("ingest", evil + b".log", "--summary-json", "-"))
    for option in ("--format", "--format-from", "--sink", "--include", "--status", "--since", "--hook", "--tz", "--jobs", "--remote", "--config", "--set"):
        clean(f"a value of {option}", run("ingest", "h.log", option, evil + b"\\x1b{" + b"(" * (option == "--include")), 0)
    clean("a command", run(evil))
    clean("an option", run("ingest", b"--" + evil))


VALUES = {  # one good value of each option of ingest that takes one
    "--config": "none", "--sink": "print:?format=text", "--format": "combined", "--format-from": "../server.conf", "--log-tz": "Europe/Berlin", "--server": "s", "--max-line": "1MiB", "--jobs": "2", "--set": "a=b", "--batch": "1MiB",
    "--rejects": "r.txt", "--max-rejects": "5", "--max-reject-ratio": "1%", "--source": "s", "--summary-json": "s.json", "--progress": "never", "--include": "*", "--exclude": "/x", "--since": "2026-01-01",
    "--until": "2027-01-01", "--status": "2xx", "--method": "GET", "--host": "*", "--remote": "192.0.2.0/24", "--agent": "*", "--username": "!x", "--visitor": "ip-ua", "--hook": "url", "--hook-wait": "1s", "--url-by": "path", "--tz": "UTC", "--query": "keep",
    "--agents": "built-in", "--blueprint": "x=/**", "--bots": "keep", "--drop": "referrer", "--include-blueprint": "x", "--exclude-blueprint": "y", "--geo": "http://127.0.0.1:9/{ip}", "--geo-cache": "none",
    "--geo-rate": "1/s", "--geo-wait": "1s", "--hash": "username", "--redact-query": "x", "--route": "/<x>", "--trusted-proxy": "10.0.0.0/8", "--visitor-salt": "daily",
}
NEEDED = {"--include-blueprint": ["--blueprint", "x=/**"], "--exclude-blueprint": ["--blueprint", "y=/none"], "--geo-rate": ["--geo", "http://127.0.0.1:9/{ip}"]}
VALUELESS = {"--anonymize-ip", "--no-redact", "--help", "--quiet", "--verbose", "--final", "--verify", "--take-edited", "--dry-run", "--wait"}


def no_option_swallows():
    pathlib.Path("a.log").write_text(lines(2))
    pathlib.Path("b.log").write_text(lines(3, 100))
    pathlib.Path("server.conf").write_text("""log_format main '$remote_addr - $remote_user [$time_local] "$request" $status';""")
    shown = set(re.findall(r"(?m)^ +(?:-\w, *)?(--[a-z-]+)", run("ingest", "--help").stdout.decode()))
    check("options: this test knows each option of ingest", shown <= VALUES.keys() | VALUELESS, shown - VALUES.keys() - VALUELESS)
    for option in sorted(shown):
        value = [VALUES[option]] if option in VALUES else []
        if option == "--help":
            continue
        seen = set()
        orders = [[option, *value, "a.log", "b.log"], ["a.log", "b.log", option, *value], ["a.log", option, *value, "b.log"]]
        if value:
            orders += [[f"{option}={value[0]}", "a.log", "b.log"], [option, *value, "--", "a.log", "b.log"]]
        for order in orders:
            with tempfile.TemporaryDirectory(dir=".") as folder:
                args = [f"../{arg}" if arg.endswith(".log") else arg for arg in order]
                sink = [] if option == "--sink" else ["--sink", "print:?format=text"]
                done = run("ingest", *sink, *NEEDED.get(option, []), *args, cwd=folder)
                seen.add((done.returncode, done.stdout if option != "--dry-run" else re.sub(rb"[\d.]+ s ", b"", done.stderr)))
        rows = max(out.count(b"\n") for _, out in seen)
        check(f"options: {option} swallows no input", len(seen) == 1 and {code for code, _ in seen} == {0} and (rows == 5 or option == "--dry-run"), (rows, seen))


GROUPS = [terminal, progress, silence, signals, live, broken_outputs, inputs_are_safe, secrets, modes, no_trace, raw_bytes, no_option_swallows]


def main(path, *words):
    global program
    program = os.path.realpath(path)
    home = os.getcwd()
    for group in GROUPS:
        if words and group.__name__ not in words:
            continue
        with tempfile.TemporaryDirectory(prefix="conduct") as folder:
            os.chdir(os.path.realpath(folder))
            try:
                group()
            except Exception as error:  # a check that could not be made has failed
                check(group.__name__, False, repr(error))
            finally:
                os.chdir(home)
    print(f"{failed} failed" if failed else "all hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
