#!/usr/bin/env python3
"""Makes the benchmark's log: 30 days of combined lines, hard enough to be honest.

20,000 paths by Zipf and a part of them with a query, 200,000 addresses, 2,000
agents, about 230 bytes a line. --json writes the same requests as JSON lines,
--gz the same combined lines compressed. --kind makes one that is hard in its way:
`hour` all in one hour, `shuffled` in no order of time, `scanner` each line with a
path of its own.

    generate.py 1000000 access.log --json access.json --gz access.log.gz
"""

import argparse
import contextlib
import gzip
import itertools
import pathlib
import random
import sys

sys.dont_write_bytecode = True  # the source tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import traffic

FIRST_DAY = "2026-10-17"  # 30 days from here cross the end of a month, as real logs do
BLOCK = 20_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", type=int, metavar="LINES")
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--json", metavar="OUT2")
    parser.add_argument("--gz", metavar="OUT3")
    parser.add_argument("--kind", choices=("usual", "hour", "shuffled", "scanner"), default="usual")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    site = traffic.Traffic(random.Random(options.seed), n_paths=20_000, n_addresses=200_000,
                           n_agents=2_000)
    requests = site.requests(traffic.epoch_of(FIRST_DAY), 1 if options.kind == "hour" else 30 * 24, options.lines)
    if options.kind == "shuffled":
        requests = list(requests)
        site.rng.shuffle(requests)
        requests = iter(requests)
    elif options.kind == "scanner":
        requests = (r._replace(target=f"/probe/{number:x}", referrer=None) for number, r in enumerate(requests))
    with contextlib.ExitStack() as stack:
        plain = [stack.enter_context(open(options.out, "wb"))]
        if options.gz:
            raw = stack.enter_context(open(options.gz, "wb"))
            plain.append(stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0)))
        twin = stack.enter_context(open(options.json, "wb")) if options.json else None
        while True:
            block = list(itertools.islice(requests, BLOCK))
            if not block:
                return
            text = "".join([traffic.combined(r) + "\n" for r in block]).encode()
            for stream in plain:
                stream.write(text)
            if twin:
                twin.write("".join([traffic.json_line(r) + "\n" for r in block]).encode())


if __name__ == "__main__":
    main()
