#!/usr/bin/env python3
"""Golden cases: golden/<case>/cmd is shell, run in a fresh folder; out, err and code are compared whole.

Usage: golden.py PROGRAM [CASE...]. TRACK_USAGE_ACCEPT=1 writes what came and reports 77.
Each folder begins with the files of golden/shared and the case's own; $SAMPLES is sample_logs.
"""
import concurrent.futures
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES, SAMPLES = HERE / "golden", HERE.parent / "sample_logs"
ANSWERS = ("out", "err", "code")
KEPT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")

# What differs from run to run: clock, process and host. Log dates never match these.
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
VARIABLE = [
    (r"  \d+\.\d\d s -> ", "  0.00 s -> "),                          # closing lines
    (r"\b\d+ (s|min|h|days) ago", "N s ago"),                        # status
    (rf"(last run +){MOMENT}", r"\1NOW"),
    (rf'("(?:begin|end|first_taken|last_taken)": ?"){MOMENT}', r"\1NOW"),
    (r'("host": ?")[^"]*', r"\1HOST"),
    (rf"(ended N s ago \(){MOMENT}", r"\1NOW"),                      # status --max-age
    (rf"pid \d+ since {MOMENT}", "pid N since NOW"),                 # a lock's holder
    (r'("version": ")[\d.]+', r"\1N"),
]


def normal(text, folder):
    text = text.replace(str(folder), "/TMP").replace(str(SAMPLES), "/SAMPLES")
    for pattern, by in VARIABLE:
        text = re.sub(pattern, by, text)
    return text


def run(program, case, jobs):
    """Runs a case in a folder of its own: its three answers."""
    with tempfile.TemporaryDirectory(prefix="tu") as top:
        top = pathlib.Path(top).resolve()
        folder, bin = top / "w", top / "bin"
        bin.mkdir()
        (bin / "track-usage").symlink_to(program)
        shutil.copytree(CASES / "shared", folder)
        shutil.copytree(case, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cmd", *ANSWERS))
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        env.update(PATH=f"{bin}:{os.environ['PATH']}", HOME=str(top), TMPDIR=str(top), TZ="UTC", LC_ALL="C.UTF-8",
                   COLUMNS="80", SAMPLES=str(SAMPLES), TRACK_USAGE_CONFIG="none", TRACK_USAGE_AGENTS="built-in", TRACK_USAGE_JOBS=str(jobs))
        # 'timeout' also ends what the case left in the background.
        done = subprocess.run(["timeout", "120", "sh", str(case / "cmd")], cwd=folder, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True)
        text = [normal(part.decode("utf-8", "backslashreplace"), folder) for part in (done.stdout, done.stderr)]
        return dict(zip(ANSWERS, (*text, f"{done.returncode}\n")))


def read(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


def check(program, case, accept):
    """The differences of a case, as text; empty if all is well."""
    wrong = []
    for jobs in (1, 4) if re.search(r"ingest|report", read(case / "cmd")) else (1,):
        came = run(program, case, jobs)
        if accept and jobs == 1:
            for name in ANSWERS:
                (case / name).write_text(came[name], encoding="utf-8")
        for name in ANSWERS:
            expected = read(case / name)
            if came[name] != expected:
                wrong += difflib.unified_diff(expected.splitlines(), came[name].splitlines(), f"{case.name}/{name}",
                                              f"with --jobs {jobs}", lineterm="", n=1)
    return "\n".join(wrong)


def main(program, *names):
    program, accept = pathlib.Path(program).resolve(), os.environ.get("TRACK_USAGE_ACCEPT") == "1"
    cases = sorted(path.parent for path in CASES.glob("*/cmd") if not names or path.parent.name in names)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda case: check(program, case, accept), cases))
    for wrong in filter(None, results):
        print(wrong, end="\n\n")
    failed = sum(map(bool, results))
    print(f"{len(cases) - failed} of {len(cases)} golden cases {'written' if accept else 'hold'}")
    if failed or not cases:
        return 1
    return 77 if accept else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
