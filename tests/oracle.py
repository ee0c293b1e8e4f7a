#!/usr/bin/env python3
"""Counts access logs on its own, to hold track-usage's numbers against.

    oracle.py LOG...                 the counts, as JSON
    oracle.py --check DB LOG...      the same counts against a SQLite store
    oracle.py --identities DB        what must hold in any store, without its logs

It shares no code with the tool and reads only sound lines (combined, common,
vhost_combined, JSON lines; plain or .gz, mixed at will): a line it cannot read
ends it with 2. Differences end it with 1. A log given twice is counted twice.
"""

import argparse
import collections
import datetime
import functools
import gzip
import json
import pathlib
import re
import sqlite3
import sys
import urllib.parse
import zoneinfo

PERIODS = ("hourly", "daily", "monthly")
SHOWN = 10  # differences printed a kind

Row = collections.namedtuple("Row", "minute remote method path url status size agent server")


class Unreadable(Exception):
    pass


# --- text: escapes are undone once, then what is not printable UTF-8 is `\xhh` (rulings 7 to 10)

CONTROLS = {i: "".join("\\x%02x" % b for b in chr(i).encode()) for i in
            [*range(0x20), *range(0x7f, 0xa0)]}
ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"v": b"\v", b"f": b"\f",
           b'"': b'"', b"\\": b"\\"}


def unescaped(raw):
    if b"\\" not in raw:
        return raw
    return re.sub(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\ntrbvf]))',
                  lambda m: bytes([int(m[1], 16)]) if m[1] else ESCAPES[m[2]], raw)


@functools.lru_cache(maxsize=1 << 16)
def shown(raw):
    return raw.decode("utf-8", "backslashreplace").translate(CONTROLS)


def text_or_none(raw):
    return None if raw in (b"", b"-") else shown(raw)


# --- lines

QUOTED = rb'"((?:[^"\\]|\\.)*)"'
CLF = re.compile(rb"(?:(\S+) )?(\S+) \S+ \S+ \[([^\]]+)\] " + QUOTED + rb" (\d{3}) (\d+|-)"
                 rb"(?: " + QUOTED + rb" " + QUOTED + rb")?")
# with a protocol the target is all between, without one (HTTP/0.9) a path or `*`: ruling 11
REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (?:(.+) HTTP/\d(?:\.\d)?|(/\S*|\*))", re.S)
CLF_TIME = re.compile(rb"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):\d\d ([+-])(\d\d)(\d\d)")
ISO_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):\d\d(?:\.\d+)?"
                      r"(?:Z|([+-])(\d\d):?(\d\d))")
MONTHS = {name.encode(): number + 1 for number, name in enumerate(
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
EPOCH = datetime.datetime(1970, 1, 1)


def minute_of(year, month, day, hour, minute, sign, zone_hours, zone_minutes):
    offset = int(zone_hours or 0) * 60 + int(zone_minutes or 0)
    since = datetime.datetime(int(year), month, int(day), int(hour), int(minute)) - EPOCH
    return int(since.total_seconds()) // 60 - (-offset if sign in ("-", b"-") else offset)


@functools.lru_cache(maxsize=4096)
def clf_minute(head, zone):
    """UTC minutes since the epoch; seconds are left out so that the cache hits."""
    parts = CLF_TIME.fullmatch(head + b":00 " + zone)
    if not parts or parts[2] not in MONTHS:
        raise Unreadable
    day, month, year, hour, minute, sign, zone_hours, zone_minutes = parts.groups()
    return minute_of(year, MONTHS[month], day, hour, minute, sign, zone_hours, zone_minutes)


def json_minute(record):
    if "msec" in record:
        return int(float(record["msec"])) // 60
    parts = ISO_TIME.fullmatch(record["time_iso8601"])
    if not parts:
        raise Unreadable
    year, month, day, hour, minute, sign, zone_hours, zone_minutes = parts.groups()
    return minute_of(year, int(month), day, hour, minute, sign, zone_hours, zone_minutes)


@functools.lru_cache(maxsize=1 << 16)
def request_parts(request):
    """(method, target, path) of the request's bytes; all None where it is no request."""
    parts = REQUEST.fullmatch(request)
    if not parts:
        return None, None, None
    method, target = parts[1], parts[2] or parts[3]
    path = re.sub(rb"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", b"", target)
    path = path.split(b"?", 1)[0]
    if method == b"CONNECT":
        path = None
    else:
        path = shown(urllib.parse.unquote_to_bytes(path or b"/"))
    return shown(method), target, path


def clf_row(line):
    parts = CLF.fullmatch(line)
    if not parts:
        raise Unreadable
    host, remote, stamp, request, status, size, _, agent = parts.groups()
    method, target, path = request_parts(unescaped(request))
    return Row(clf_minute(stamp[:17], stamp[21:]), shown(unescaped(remote)), method, path,
               shown(target or b"-"), int(status), None if size == b"-" else int(size),
               text_or_none(unescaped(agent or b"")),
               shown(re.sub(rb":\d+$", b"", host)) if host else None)


def repaired(match):
    # nginx's escape=default writes \xHH, which is no JSON: the byte itself is
    byte = bytes([int(match[2], 16)])
    return match[1] + (b"\\" + byte if byte in b'"\\' else byte)


def json_row(line):
    line = re.sub(rb"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})", repaired, line)
    try:
        record = json.loads(line.decode("utf-8", "surrogateescape"), strict=False)
        minute, remote = json_minute(record), record["remote_addr"]
        status, size = int(record["status"]), record.get("body_bytes_sent")
    except (ValueError, KeyError, TypeError):
        raise Unreadable from None

    def raw(key):
        return (record.get(key) or "").encode("utf-8", "surrogateescape")

    method, target, path = request_parts(raw("request"))
    host = raw("server_name") or raw("host")
    host = shown(re.sub(rb":\d+$", b"", host)) if host else None
    url = shown(target or b"-")
    if target and target.startswith(b"/") and record.get("scheme") and host:
        url = f"{record['scheme']}://{host}{url}"
    return Row(minute, remote, method, path, url, status,
               None if size in (None, "", "-") else int(size),
               text_or_none(raw("http_user_agent")), host)


# --- counting

def buckets(minute, zone):
    """(hour, day) of a UTC minute as a store in `zone` names them; the hour in UTC."""
    local = datetime.datetime.fromtimestamp(minute * 60, zone)
    hour = local.replace(minute=0).astimezone(datetime.timezone.utc)
    return hour.strftime("%Y-%m-%d %H:%M:%S"), local.strftime("%Y-%m-%d")


class Count:
    """All that is counted of the given logs. A cell is [hits, transfer]."""

    def __init__(self, zone, url_by, server):
        self.lines = self.blank = 0
        self.unreadable = []
        self.rows_by = {name: self.new_cells() for name in (
            "status", "method", "remote_addr", "path", "url", "ua_string", "hour")}
        self.hourly = {name: self.new_cells() for name in (
            "url", "remote", "useragent", "status", "server")}
        self.url_by, self.server = url_by, server
        self.buckets = functools.lru_cache(maxsize=4096)(lambda minute: buckets(minute, zone))
        self.day_of = {}  # an hour belongs to one day

    @staticmethod
    def new_cells():
        return collections.defaultdict(lambda: [0, 0])

    def read(self, path):
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with (gzip.open if zipped else open)(path, "rb") as file:
            for number, line in enumerate(file, 1):
                self.lines += 1
                line = line.rstrip(b"\r\n")
                if not line.strip() or line.startswith(b"#"):
                    self.blank += 1
                    continue
                try:
                    self.add(json_row(line) if line.startswith(b"{") else clf_row(line))
                except (Unreadable, ValueError):  # a day that is none, a lone surrogate
                    self.unreadable.append(f"{path}:{number}")

    def add(self, row):
        size = row.size or 0
        hour, day = self.buckets(row.minute)
        self.day_of[hour] = day
        utc_hour = row.minute // 60
        for name, key in (("status", row.status), ("method", row.method),
                          ("remote_addr", row.remote), ("path", row.path), ("url", row.url),
                          ("ua_string", row.agent), ("hour", utc_hour)):
            cell = self.rows_by[name][key]
            cell[0] += 1
            cell[1] += size
        for name, key in (("url", (row.path or "-") if self.url_by == "path" else row.url),
                          ("remote", row.remote), ("useragent", row.agent or "-"),
                          ("status", str(row.status)), ("server", row.server or self.server)):
            cell = self.hourly[name][hour, key]
            cell[0] += 1
            cell[1] += size

    def rows(self):
        return sum(hits for hits, _ in self.rows_by["status"].values())

    def transfer(self):
        return sum(size for _, size in self.rows_by["status"].values())

    def rows_cells(self, name):
        cells = self.rows_by[name]
        if name != "hour":
            return cells
        return {(EPOCH + datetime.timedelta(hours=h)).strftime("%Y-%m-%d %H"): cell
                for h, cell in cells.items()}

    def bucket_in(self, hour, period):
        day = self.day_of[hour]
        return {"hourly": hour, "daily": day, "monthly": day[:8] + "01"}[period]

    def summary(self, name, period):
        cells = self.new_cells()
        for (hour, key), (hits, size) in self.hourly[name].items():
            cell = cells[self.bucket_in(hour, period), key]
            cell[0] += hits
            cell[1] += size
        return cells

    def totals(self, period):
        """date -> what the totals' view shows of it"""
        found = collections.defaultdict(collections.Counter)
        for (date, status), (hits, size) in self.summary("status", period).items():
            found[date].update(hits=hits, transfer=size)
            if status[0] in "45":
                found[date][f"errors_{status[0]}xx"] += hits
        for date, _ in self.summary("remote", period):
            found[date]["addresses"] += 1
        return found

    def report(self, top):
        def ranked(name):
            cells = sorted(self.rows_cells(name).items(), key=lambda c: (-c[1][0], str(c[0])))
            return {"-" if key is None else str(key): hits for key, (hits, _) in cells[:top]}
        return {"lines": self.lines, "rows": self.rows(), "blank": self.blank,
                "bytes": self.transfer(), "status": ranked("status"), "hour": ranked("hour"),
                "method": ranked("method"), "remote": ranked("remote_addr"),
                "path": ranked("path"), "url": ranked("url"), "useragent": ranked("ua_string")}


# --- the store, through its documented views alone

def normal_date(value, period):
    """`2026-11-22T14:00:00.000Z` and `2026-11-22 14:00:00` are one hour; days need no time."""
    text = str(value).replace("T", " ")
    return text[:19] if period == "hourly" else text[:10]


class Store:
    def __init__(self, path, prefix):
        # read-only: a check must not be what makes or mends the file
        uri = pathlib.Path(path).resolve().as_uri() + "?mode=ro"
        self.db = sqlite3.connect(uri, uri=True)
        self.prefix = prefix
        self.tables = {name for name, in self.db.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}

    def columns(self, table):
        return [row[1] for row in self.db.execute(f'PRAGMA table_info("{table}")')]

    def families(self):
        """family -> {period: table}; the family of the totals is ``."""
        found = collections.defaultdict(dict)
        pattern = re.compile(re.escape(self.prefix) + r"_(?:(\w+)_)?(hourly|daily|monthly)")
        for table in sorted(self.tables):
            parts = pattern.fullmatch(table)
            # the store's own tables may be called alike, but have no `date`
            if parts and {"date", "hits", "transfer"} <= set(self.columns(table)):
                found[parts[1] or ""][parts[2]] = table
        return found

    def rows_by(self, name):
        key = 'substr("datetime", 1, 13)' if name == "hour" else f'"{name}"'
        return {key.replace("T", " ") if name == "hour" else key: [hits, size]
                for key, hits, size in self.db.execute(
                    f"SELECT {key}, COUNT(*), COALESCE(SUM(content_length), 0)"
                    f" FROM {self.prefix}_rows GROUP BY 1")}

    def summary(self, table, period):
        key = self.columns(table)[1]  # columns stand as date, key, hits, transfer
        return [((normal_date(date, period), str(key)), [hits, size])
                for date, key, hits, size in self.db.execute(
                    f'SELECT date, "{key}", hits, transfer FROM "{table}"')]


class Verdict:
    """Collects differences; prints the first few of each kind."""

    def __init__(self):
        self.agreed, self.differ = 0, collections.Counter()
        self.families = []  # named at the end, so that a check of nothing shows

    def equal(self, kind, what, expected, found):
        if expected == found:
            self.agreed += 1
            return
        self.differ[kind] += 1
        if self.differ[kind] <= SHOWN:
            print(f"{kind}: {what}: expected {expected}, found {found}")
        elif self.differ[kind] == SHOWN + 1:
            print(f"{kind}: ...")

    def cells(self, kind, expected, found):
        """`found` is a list: a key that stands twice is a difference too."""
        table = dict(found)
        self.equal(kind, "number of cells", len(table), len(found))
        for key in sorted(set(expected) | set(table), key=str):
            self.equal(kind, key, expected.get(key), table.get(key))

    def end(self, words):
        if self.differ:
            print(f"{sum(self.differ.values())} differences: "
                  + ", ".join(f"{n} in {kind}" for kind, n in self.differ.items()))
            return 1
        families = ", ".join(self.families) or "none"
        print(f"{words}: {self.agreed} numbers agree, summaries: {families}")
        return 0


def check_counts(count, store, verdict):
    for name in count.rows_by:
        verdict.cells(f"{store.prefix}_rows by {name}", count.rows_cells(name),
                      list(store.rows_by(name).items()))
    for family, tables in store.families().items():
        for period, table in tables.items():
            if family in count.hourly:
                verdict.cells(table, count.summary(family, period), store.summary(table, period))
            elif not family:
                check_totals(count, store, verdict, period, table)


def check_totals(count, store, verdict, period, table):
    known = store.families()
    wanted = ["hits", "transfer"]
    # these come from other summaries, which a store need not keep
    wanted += ["errors_4xx", "errors_5xx"] if "status" in known else []
    wanted += ["addresses"] if "remote" in known else []
    expected = {date: [values[name] for name in wanted]
                for date, values in count.totals(period).items()}
    verdict.cells(table, expected, [
        (normal_date(date, period), list(values)) for date, *values in store.db.execute(
            f'SELECT date, {", ".join(wanted)} FROM "{table}"')])


def check_identities(store, verdict):
    rows, = store.db.execute(f"SELECT COUNT(*), COALESCE(SUM(content_length), 0)"
                             f" FROM {store.prefix}_rows")
    for family, tables in store.families().items():
        verdict.families.append(family or "totals")
        verdict.equal("periods", family or "totals", sorted(PERIODS), sorted(tables))
        for table in tables.values():
            sums, = store.db.execute(f"SELECT COALESCE(SUM(hits), 0), COALESCE(SUM(transfer), 0)"
                                     f' FROM "{table}"')
            verdict.equal("sums", f"(hits, transfer) of {table}", rows, sums)
        if family and {"daily", "monthly"} <= set(tables):
            months = Count.new_cells()
            for (date, key), (hits, size) in store.summary(tables["daily"], "daily"):
                cell = months[date[:8] + "01", key]
                cell[0] += hits
                cell[1] += size
            verdict.cells(f"{tables['monthly']} against its days", months,
                          store.summary(tables["monthly"], "monthly"))
    for source, path, read, *parts in store.db.execute(
            "SELECT id, path, read, stored, filtered, rejected, blank"
            f" FROM {store.prefix}_sources"):
        verdict.equal("sources", f"read of {source} ({path})", sum(parts), read)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs", nargs="*", metavar="LOG")
    parser.add_argument("--check", metavar="DB", help="compare with this store, identities too")
    parser.add_argument("--identities", metavar="DB", help="check only what needs no logs")
    parser.add_argument("--prefix", default="usage", help="of the store's tables (?table=)")
    parser.add_argument("--url-by", choices=("path", "full"), default="path")
    parser.add_argument("--server", default="self", help="server_name of lines that have none")
    parser.add_argument("--tz", default="UTC", type=zoneinfo.ZoneInfo, help="the store's zone")
    parser.add_argument("--top", type=int, help="print only the most frequent of each kind")
    options = parser.parse_args()
    if options.identities and (options.check or options.logs):
        parser.error("--identities stands alone")
    if not options.identities and not options.logs:
        parser.error("no log given")

    verdict = Verdict()
    if options.identities:
        check_identities(Store(options.identities, options.prefix), verdict)
        return verdict.end("identities")

    count = Count(options.tz, options.url_by, options.server)
    for path in options.logs:
        count.read(path)
    if count.unreadable:
        print(f"oracle: {len(count.unreadable)} lines are beyond it, first "
              + ", ".join(count.unreadable[:SHOWN]), file=sys.stderr)
        return 2
    if not options.check:
        json.dump(count.report(options.top), sys.stdout, indent=2, ensure_ascii=False)
        print()
        return 0
    store = Store(options.check, options.prefix)
    check_counts(count, store, verdict)
    check_identities(store, verdict)
    return verdict.end(f"{count.lines} lines, {count.rows()} rows, {count.transfer()} bytes")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, EOFError, sqlite3.Error) as error:
        sys.exit(f"oracle: {error}")  # to stderr, and 1: no agreement was found
