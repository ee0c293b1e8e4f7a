#!/usr/bin/env python3
"""Runs one fuzz target from seeds made of the sample logs, with its dictionary.

    run.py TARGET lines|json|format|propose|filter [FOLDER]

For TRACK_USAGE_FUZZ_SECONDS (10). With a FOLDER, the inputs that led further
stay in FOLDER/corpus, those that failed in FOLDER/found, and the next run begins
with them; FOLDER/said is what libFuzzer said, and one line tells how it went.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAMPLES = ROOT / "sample_logs"
# By the kind that the target's first byte chooses.
PATTERNS = [(b"/shop/**", b"*.{png,jpg}", b"re:^/api/v[12]/"), (b"/**/x?y", b"re:(a|b)*$"),
            (b"404,5xx,!500", b"400-499"), (b"GET,!POST",), (b"*.example", b"!shop.example"),
            (b"192.0.2.0/24,!192.0.2.1", b"2001:db8::/32"), (b"*bot*",)]
STRINGS = [
    '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
    r'LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined',
    '%a %{c}a "%{X-Forwarded-For}i" %u %t %m %U%q %H %>s %B %D',
    '%V%U%q %h [%{%d/%b/%Y:%H:%M:%S}t.%{usec_frac}t %{%z}t] "%r" %>s %b %{ms}T',
    '%{sec}t%{msec_frac}t %h "%r" %!200,304>s %b "%{X-Custom}i" %{id}C/%{Server}o/%{unique}e',
    r'%{%Y-%m-%d}t\t%{%T}t\t%{%z}t\t%h\t%u\t%r\t%s\t%b\t%T\t100%%', '%{usec}t %t %h "%r" %>s %b %k %X %P %I %L',
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    """log_format timed '$remote_addr $host [$time_iso8601] "$request" ' '$status $request_time "$upstream_addr"';""",
    '$msec|$remote_addr|$realip_remote_addr|$request_method $scheme://$host$request_uri $server_protocol|$status|${request_time}s',
    '[$time_local] $http_host $remote_addr $request_method "$uri$is_args$args" $server_protocol $status "$http_x_forwarded_for"',
    'log_format main escape=json \'{"t":"$time_iso8601","c":{"ip":"$remote_addr"},"r":"$request","s":$status}\';',
    r'LogFormat "{ \"t\": \"%t\", \"ip\": \"%a\", \"r\": \"%r\", \"s\": %>s, \"D\": %D, \"ua\": \"%{User-Agent}i\" }"',
    "json:date=t,remote_addr=a,request=r,status=s,skip=x|y.z", r"json:date=a\.b.c,client=d|e,status=s,speed_parts=f|g"]
DICTIONARIES = {"propose": "lines"}  # of those that have none of their own name
LINES = 150  # of a log that become seeds


def formats(source=r"\w+"):
    """The formats known by name, or those of one source, in the order in which the program tries them."""
    return re.findall(rf"^  \['(\w+)', '{source}'\]", (ROOT / "parsers" / "meson.build").read_text(), re.M)


def logs():
    """Each sample log: the format that its name tells, if any, and its lines."""
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file() and path.suffix in (".log", ".json", ".1"):
            yield path.stem, path.read_bytes().splitlines(keepends=True)[:LINES]


def seeds(kind):
    known = formats()
    if kind == "filter":
        yield from (bytes([number]) + pattern for number, patterns in enumerate(PATTERNS) for pattern in patterns)
    if kind == "format":
        yield from (string.encode() for string in STRINGS)
    if kind == "propose":
        yield from (line for _, log in logs() for line in log[::10])
    if kind == "json":
        dialects = formats("json_presets")
        for name, log in logs():
            number = dialects.index(name) if name in dialects else 0
            yield from (bytes([number, ord('"')]) + line.rstrip(b"\n") for line in log if line.startswith(b"{"))
    if kind == "lines":
        for name, log in logs():
            choices = [len(known) + 4, *([known.index(name)] if name in known else [])]  # auto, and its own
            heading = b"".join(line for line in log[:4] if line.startswith(b"#"))
            for number in choices:
                yield from (bytes([number, 128, 0]) + heading + b"".join(log[at:at + 2]) for at in range(0, len(log), 2))


def told(kind, said, seconds, code):
    """The line that tells how it went."""
    def last(pattern, default="0"):
        return (re.findall(pattern, said) or [default])[-1]
    executions, added = last(r"number_of_executed_units: (\d+)"), last(r"new_units_added: +(\d+)")
    begin, end, corpus = last(r"INITED cov: (\d+)"), last(r" cov: (\d+)"), last(r" corp: (\d+)")
    return (f"{kind:8}{int(executions):>12,} executions in {seconds:,.0f} s, coverage {end} (+{int(end) - int(begin)}), "
            f"corpus {corpus} (+{added}), " + ("nothing found" if code == 0 else "FOUND: " + last(r"Test unit written to (\S+)", "no input")))


def main(target, kind, folder=None):
    seconds = os.environ.get("TRACK_USAGE_FUZZ_SECONDS", "10")
    # Leaks are told at the end: what threads keep from input to input looks like one after each.
    dictionary = HERE / f"{DICTIONARIES.get(kind, kind)}.dict"
    fuzzer = [os.path.abspath(target), f"-max_total_time={seconds}", f"-dict={dictionary}", "-error_exitcode=1",
              "-timeout=10", "-rss_limit_mb=2048", "-max_len=2048", "-detect_leaks=0"]
    with tempfile.TemporaryDirectory(prefix="track-usage-fuzz-") as made:
        for number, seed in enumerate(seeds(kind)):
            pathlib.Path(made, str(number)).write_bytes(seed)
        if folder is None:
            return subprocess.run([*fuzzer, made]).returncode
        corpus, found, log = (pathlib.Path(folder, name) for name in ("corpus", "found", "said"))
        for path in (corpus, found):
            path.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        with open(log, "wb") as said:
            code = subprocess.run([*fuzzer, "-print_final_stats=1", f"-artifact_prefix={found}/", corpus, found, made],
                                  stdout=said, stderr=said).returncode
        print(told(kind, log.read_text(errors="replace"), time.monotonic() - begin, code), flush=True)
        return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
