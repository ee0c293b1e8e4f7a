#!/usr/bin/env python3
"""Prints N random access-log lines, all sound, in one format; a seed gives the same lines.

    make_log.py 1000 --seed 7 --format json > access.json
"""

import argparse
import random
import signal
import sys

sys.dont_write_bytecode = True  # the source tree stays as it was checked out
import traffic


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=sorted(traffic.FORMATS), default="combined")
    parser.add_argument("--start", default="2026-11-09", metavar="YYYY-MM-DD", help="first UTC day")
    parser.add_argument("--hours", type=int, default=72, help="time the lines are spread over")
    options = parser.parse_args()

    site = traffic.Traffic(random.Random(options.seed))
    write = traffic.FORMATS[options.format]
    requests = site.requests(traffic.epoch_of(options.start), options.hours, options.lines)
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.writelines(write(request) + "\n" for request in requests)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader may have enough, as `head` has
    main()
