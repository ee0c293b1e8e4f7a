#!/usr/bin/env python3
"""Adds up meson's test logs of several build folders into one closing line."""
import json
import pathlib
import sys

GOOD, BAD, SKIPPED = {"OK", "EXPECTEDFAIL"}, {"FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS"}, {"SKIP"}


def main(folders):
    passed = failed = skipped = 0
    for folder in folders:
        log = pathlib.Path(folder) / "meson-logs" / "testlog.json"
        if not log.exists():  # the build failed: that is a failure, not nothing
            print(f"FAIL {folder}: no tests were run")
            failed += 1
            continue
        for line in log.read_text().splitlines():
            test = json.loads(line)
            passed += test["result"] in GOOD
            skipped += test["result"] in SKIPPED
            if test["result"] in BAD:
                failed += 1
                print(f"FAIL {folder}: {test['name']}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
