#!/usr/bin/env python3
"""Makes the sample logs beside it, or in a folder given as argument: the same bytes each time.

README.md says what each file is. (The .gz is the same under the same zlib; its content always.)
"""

import gzip
import json
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # the source tree stays as it was checked out
sys.path.insert(0, str(HERE.parent / "tests"))
import traffic
from make_formats import make_formats
from traffic import Request

MONDAY = traffic.epoch_of("2026-11-09")
DAY = 24 * 3600
CET, IST = 60, 330  # minutes east of UTC


# --- the shop: a week of visits, not of single requests

SHOP = "https://shop.example"
CATEGORIES = {
    "tea": ("assam", "sencha", "%E7%85%8E%E8%8C%B6", "earl-grey", "rooibos", "darjeeling",
            "jasmin"),
    "coffee": ("espresso", "caf%C3%A9-cr%C3%A8me", "mocca", "filter-roast", "decaf", "house-blend"),
    "cups": ("blue-mug", "white-mug", "saucer", "t%C3%A4sschen", "glass-cup", "travel-mug"),
    "kettles": ("copper-kettle", "steel-kettle", "tea%20pot", "gooseneck", "cast-iron"),
    "sweets": ("shortbread", "cr%c3%aape", "almond-biscuits", "nougat", "s%C3%BC%C3%9Fes"),
}
PRODUCTS = [(category, item) for category, items in CATEGORIES.items() for item in items]
ARTICLES = ("how-to-brew", "water-matters", "caf%C3%A9-culture", "a-visit-to-assam", "spring-sale")
ASSETS = (("/assets/site.4f1c.css", 18211), ("/assets/site.90ab.js", 84310),
          ("/assets/logo.svg", 3120), ("/assets/inter.woff2", 48256))
PAGE_SIZES = {"/": 14200, "/cart": 5310, "/search": 8800, "/checkout": 7400}
PROBES = ("/wp-login.php", "/.env", "/.git/config", "/phpmyadmin/index.php", "/cgi-bin/luci",
          "/xmlrpc.php?rsd", "/admin.php", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php")


class Shop:
    """Draws visits; every method appends requests to `log`."""

    def __init__(self, rng):
        self.rng, self.log = rng, []
        self.clients = traffic.addresses(rng, 700)
        self.client_weights = traffic.zipf(700, 0.6)
        people = [agent for agent in traffic.agents(rng, 120)
                  if agent.startswith("Mozilla/5.0") and "+" not in agent]
        self.agent_of = {client: rng.choice(people) for client in self.clients}
        self.seen = set()  # clients that hold the assets in their cache
        self.product_weights = traffic.zipf(len(PRODUCTS), 0.9)
        rng.shuffle(PRODUCTS)

    def add(self, when, client, method, target, status, size, referrer=None, agent=None,
            protocol="HTTP/1.1", user=None):
        took = 0.004 + self.rng.random() ** 6 * 2
        self.log.append(Request(when, client, user, method, target, protocol, status, size,
                                referrer, agent, "shop.example", took))

    def moment(self):
        """A time of the week, by the rhythm of the day."""
        hours = [MONDAY + 3600 * hour for hour in range(7 * 24)]
        begin = self.rng.choices(hours, [traffic.hour_weight(hour) for hour in hours])[0]
        return begin + self.rng.random() * 3600

    def product(self):
        category, item = self.rng.choices(PRODUCTS, cum_weights=self.product_weights)[0]
        return f"/{category}/{item}"

    def page(self):
        """(target, size) of where a person goes next."""
        rng = self.rng
        kind = rng.choices(("product", "category", "search", "blog", "home"),
                           (50, 20, 12, 10, 8))[0]
        if kind == "product":
            path = self.product()
            return path, 9000 + len(path) * 37
        if kind == "category":
            category = rng.choice(sorted(CATEGORIES))
            page = rng.choice(("", "", "?page=2", "?sort=price", "?sort=price&page=2"))
            return f"/{category}/{page}", 11800 + len(category) * 211
        if kind == "search":
            words = rng.choice(("green+tea", "mug", "caf%C3%A9", "gift&sort=new", "tea%20pot",
                                "blue&blue=yes&q=mug", "", "100%25+arabica"))
            return f"/search?q={words}", PAGE_SIZES["/search"] + rng.randrange(4000)
        if kind == "blog":
            return f"/blog/2026/{rng.choice(ARTICLES)}", 16100
        return "/", PAGE_SIZES["/"]

    def visit(self):
        rng, when = self.rng, self.moment()
        client = rng.choices(self.clients, cum_weights=self.client_weights)[0]
        agent = self.agent_of[client]
        protocol = rng.choices(("HTTP/2.0", "HTTP/1.1"), (75, 25))[0]

        def ask(*request, **more):
            self.add(when + rng.random() * 0.8, client, *request, agent=agent, protocol=protocol,
                     **more)

        referrer = rng.choices(
            (None, "https://search.example/", "https://search.example/?q=loose+leaf+tea",
             "https://blog.example.org/2026/11/tea-time", "https://m.search.example/"),
            (40, 35, 10, 10, 5))[0]
        target, size = self.page()
        if rng.random() < 0.06:
            target = "/spring?utm_source=newsletter&utm_medium=email&utm_campaign=week-46"
            ask("GET", target, 301, 243, referrer)
            target, size = "/", PAGE_SIZES["/"]
        for step in range(min(int(rng.expovariate(0.35)) + 1, 14)):
            fresh = rng.random() < 0.9
            ask("GET", target, 200 if fresh else 304, size if fresh else None, referrer)
            here = SHOP + target
            if step == 0:
                for asset, bytes_sent in ASSETS:
                    if client not in self.seen:
                        ask("GET", asset, 200, bytes_sent, here)
                    elif rng.random() < 0.4:
                        ask("GET", asset, 304, None, here)
                if client not in self.seen:
                    ask("GET", "/favicon.ico", 200, 1150, here)
                self.seen.add(client)
            if target.count("/") == 2 and "?" not in target and not target.endswith("/"):
                ask("GET", f"/img{target}.jpg", 200, 21000 + len(target) * 1931, here)
                if rng.random() < 0.15:
                    ask("POST", "/cart", 303, 0, here)
                    ask("GET", "/cart", 200, PAGE_SIZES["/cart"], here)
            when += 4 + rng.expovariate(1 / 40)
            referrer, (target, size) = here, self.page()
        if rng.random() < 0.08:
            ask("GET", "/checkout", 200, PAGE_SIZES["/checkout"], SHOP + "/cart")
            failed = rng.random() < 0.1
            ask("POST", "/checkout", *((500, 592) if failed else (303, 0)), SHOP + "/checkout")
        if rng.random() < 0.04:
            ask("GET", "/" + rng.choice(("te", "cups/blue-mgu", "blog/2025/winter", "gift%20card")),
                404, 1245, referrer)

    def crawler(self, client, agent, visits):
        for _ in range(visits):
            target = "/robots.txt" if self.rng.random() < 0.06 else self.page()[0]
            robots = target == "/robots.txt"
            self.add(self.moment(), client, "GET", target, 200, 68 if robots else 12000,
                     agent=agent)

    def scanner(self, client, agent):
        when = self.moment()
        for probe in PROBES:
            when += self.rng.random() * 2
            self.add(when, client, "GET", probe, 404, 1245, agent=agent)

    def raw(self, client, request, status, size, when=None):
        """A request that is none: the log shows what arrived as escapes."""
        self.add(when or self.moment(), client, None, request, status, size)

    def staff(self):
        """Who logs in by name; a first try without a name is refused."""
        agents = (self.agent_of[self.clients[3]], self.agent_of[self.clients[9]])
        for day in range(5):
            for user, client, agent, hour in (
                    ("mona", "192.0.2.17", agents[0], 9),
                    ("j.doe@example.com", "2001:db8:17::9", agents[1], 14)):
                when = MONDAY + day * DAY + hour * 3600 + self.rng.random() * 1800
                self.add(when, client, "GET", "/admin/", 401, 381, agent=agent)
                for page in ("/admin/", "/admin/orders?state=open", "/admin/stock"):
                    when += 3 + self.rng.random() * 20
                    self.add(when, client, "GET", page, 200, 6100, SHOP + "/admin/", agent,
                             user=user)
            when = MONDAY + day * DAY + 7 * 3600 + self.rng.random() * 60
            self.add(when, "2001:db8:17::d", "PUT", "/admin/import/stock.csv", 204, None,
                     agent="curl/8.5.0", user="stock-sync")

    def machines(self):
        for half_hour in range(7 * 48):
            self.add(MONDAY + half_hour * 1800 + 2, "203.0.113.80", "HEAD", "/", 200, None,
                     agent="Mozilla/5.0 (compatible; UptimeRobot/2.0; +https://monitor.example/)")
        for _ in range(40):
            self.add(self.moment(), "2001:db8:17::1", "OPTIONS", "*", 200, None,
                     agent="Apache/2.4.62 (Debian) OpenSSL/3.0.15 (internal dummy connection)",
                     protocol="HTTP/1.0")
        for _ in range(60):
            client = self.rng.choice(self.clients)
            self.raw(client, "-", 408, None)
        for _ in range(25):
            client = self.rng.choice(self.clients)
            self.raw(client, "\\x16\\x03\\x01\\x02", 400, 226)
        crawlers = (
            ("198.51.100.66", "Googlebot/2.1", 420), ("2001:db8:b07::a", "Googlebot/2.1", 120),
            ("203.0.113.131", "bingbot/2.0", 150), ("192.0.2.201", "GPTBot/1.2", 170),
            ("2001:db8:c1::5", "ClaudeBot/1.0", 90), ("198.51.100.9", "AhrefsBot/7.0", 110))
        for client, bot, visits in crawlers:
            page = f"https://crawler.example/{bot.split('/')[0].lower()}.html"
            self.crawler(client, f"Mozilla/5.0 (compatible; {bot}; +{page})", visits)
        for client, agent in (("203.0.113.250", "python-requests/2.32.3"),
                              ("198.51.100.233", 'Mozilla/5.0 "probe" (compatible; \\o/ 1.0)'),
                              ("2001:db8:bad::1", "() { :; }; echo \"hello\""),
                              ("192.0.2.99", None), ("203.0.113.251", "Mozilla/5.0 zgrab/0.x")):
            self.scanner(client, agent)
        for _ in range(45):
            self.add(self.moment(), "198.51.100.150", "GET", "/feed.xml", 304, None,
                     agent='"Reading Room" feeds/3.1 (like "Planet"; 7 subscribers)')


def shop_line(r):
    if r.method is None:  # the request stands in `target`, escaped already
        return (f'{r.remote} - - [{traffic.clf_time(int(r.time), 0)}] "{r.target}" {r.status}'
                f' {"-" if r.size is None else r.size} "-" "-"')
    return traffic.combined(r)


def make_shop(folder):
    shop = Shop(random.Random("shop"))
    shop.staff()
    shop.machines()
    while len(shop.log) < 10_000:
        shop.visit()
    end = MONDAY + 7 * DAY
    log = [r for r in shop.log if r.time + r.seconds < end]
    # a server writes at a request's end the time of its start: lines are a little out of order
    log.sort(key=lambda r: r.time + r.seconds)
    # rotated on Friday and on Sunday at 06:25
    friday, sunday = (MONDAY + day * DAY + 6 * 3600 + 25 * 60 for day in (4, 6))
    parts = {"access.log.2.gz": (0, friday), "access.log.1": (friday, sunday),
             "access.log": (sunday, end)}
    for name, (begin, until) in parts.items():
        write(folder / "shop" / name,
              [shop_line(r) for r in log if begin <= r.time + r.seconds < until])


# --- one dialect each

def make_vhost(folder):
    requests = traffic.Traffic(random.Random("vhost"), n_addresses=90).requests(MONDAY, 48, 400)
    write(folder / "vhost.log", [traffic.vhost_combined(r, CET) for r in requests])


def make_common(folder):
    requests = traffic.Traffic(random.Random("common"), n_addresses=60).requests(MONDAY, 72, 200)
    write(folder / "common.log", [traffic.common(r, IST) for r in requests])


def to_json(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def make_nginx(folder):
    """Each line is what some team's log_format gives: other types, other times, other escapes."""
    rng = random.Random("nginx")
    lines = []
    for i, r in enumerate(traffic.Traffic(rng, n_addresses=90).requests(MONDAY, 48, 400)):
        record = json.loads(traffic.json_line(r, CET))
        record["body_bytes_sent"] = r.size or 0  # nginx has no `-` here
        record["server_name"] = r.host.split(":")[0]
        record["scheme"] = "http" if r.host.endswith(":80") else "https"
        record["http_accept_language"] = rng.choice(
            ("en-US,en;q=0.9", "de-DE,de;q=0.8,en;q=0.5", "fr", "ja,en-US;q=0.7", "*", ""))
        record["http_x_forwarded_for"] = rng.choice(
            ("", "", "", f"203.0.113.{i % 256}", f"2001:db8::{i:x}, 198.51.100.{i % 256}"))
        if i % 3 == 0:  # quoted in the log_format, as everything is in many
            for key in ("status", "body_bytes_sent", "request_time"):
                record[key] = str(record[key])
        if i % 4 == 1:
            record = {"msec": round(r.time, 3), **record}
            del record["time_iso8601"]
        if i % 40 == 3:
            record["http_user_agent"] = 'Reader "Zoë" \\ 1.0 ☕'
        line = to_json(record)
        if i % 40 == 3 and i % 80 != 3:  # escape=default: \xHH, which JSON does not know
            line = to_json({**record, "http_user_agent": "@"}).replace(
                '"@"', '"Reader \\x22Zo\\xC3\\xAB\\x22 \\x5C 1.0 \\xE2\\x98\\x95"')
        lines.append(line)
    write(folder / "nginx.json", lines)


def make_error_log(folder):
    rng = random.Random("error")
    lines = []
    for i in range(60):
        when = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(MONDAY + i * 5003))
        client = f"{rng.choice(traffic.DOCUMENTATION_NETS)}{rng.randrange(1, 255)}"
        path = rng.choice(("/favicon.png", "/.env", "/wp-login.php", "/img/te.jpg"))
        tail = (f'client: {client}, server: shop.example, request: "GET {path} HTTP/1.1",'
                ' host: "shop.example"')
        lines.append(rng.choice((
            f'{when} [error] 812#812: *{i * 37} open() "/srv/shop{path}" failed'
            f" (2: No such file or directory), {tail}",
            f"{when} [error] 812#812: *{i * 37} connect() failed (111: Connection refused) while"
            f" connecting to upstream, {tail}",
            f"{when} [notice] 811#811: signal process started",
            f"{when} [warn] 812#812: *{i * 37} a client request body is buffered to a temporary"
            f" file /var/lib/nginx/body/{i:010d}, {tail}",
        )))
    write(folder / "error.log", lines)


# --- every rude line

T = "15/Nov/2026:10:00:%02d +0000"


def horrors():
    """(what becomes of it, the line's bytes): a row, a reject, or blank."""
    second = 0

    def line(request='"GET / HTTP/1.1"', remote="192.0.2.10", user="-",
             rest='200 512 "-" "Mozilla/5.0"', stamp=None, ident="-"):
        nonlocal second
        second = (second + 1) % 60
        text = f"{remote} {ident} {user} [{stamp or T % second}] {request} {rest}"
        # characters below U+0100 stand for raw bytes here, so that bad UTF-8 can be written
        return text.encode("latin-1")

    def note(text):
        return "blank", b"# " + text.encode()

    def row(*args, **more):
        return "row", line(*args, **more)

    def agent(text):
        return row(rest=f'200 512 "-" "{text}"')

    return [
        ("blank", b"\xef\xbb\xbf#Version: 1.0"),
        note("requests that are none"),
        row(r'"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"', rest='400 226 "-" "-"'),
        row('"\x16\x03\x01\x02\xfe"', rest='400 226 "-" "-"'),
        row('"-"', rest='408 - "-" "-"'),
        row('""', rest='400 0 "-" "-"'),
        row(r'"\n"', rest='400 0 "-" "-"'),
        row('"HELP"', rest='400 0 "-" "-"'),
        row('"SSH-2.0-Go"', rest='400 0 "-" "-"'),
        row(r'"MGLNDD_192.0.2.10_443\n"', rest='400 0 "-" "-"'),
        note("targets"),
        row('"GET /with blanks in it HTTP/1.1"'),
        row('"GET /a b"'),
        row('"GET /old"', rest='200 512'),
        row('"GET  /two-blanks HTTP/1.1"'),
        row('"CONNECT mail.example.net:25 HTTP/1.1"', rest='405 312 "-" "-"'),
        row('"GET http://www.example.com/absolute?q=1 HTTP/1.1"'),
        row('"GET http://www.example.com HTTP/1.1"'),
        row('"OPTIONS * HTTP/1.0"'),
        row('"PROPFIND /dav/ HTTP/1.1"', rest='207 900 "-" "-"'),
        row('"get /lower-case HTTP/1.1"'),
        row('"GET //double//slash/../dots HTTP/1.1"'),
        row(r'"GET /quote\"in\"path HTTP/1.1"'),
        row('"GET /?q=1&q=2&&empty=&alone&=v&plus=a+b HTTP/1.1"'),
        row('"GET /reset?user=anna&token=0123456789abcdef HTTP/1.1"'),
        row('"GET /query?a=1?b=2#part HTTP/1.1"'),
        note("percent escapes, broken and odd"),
        row('"GET /broken%zz/%2/% HTTP/1.1"'),
        row('"GET /twice%252fonce HTTP/1.1"'),
        row('"GET /nul%00/newline%0a/tab%09 HTTP/1.1"'),
        row('"GET /latin1-%e9 HTTP/1.1"'),
        row('"GET /cut-%e2%82 HTTP/1.1"'),
        row('"GET /c1-%c2%9b31m HTTP/1.1"'),
        row('"GET /utf8-%F0%9F%8D%B5?cup=%F0%9F%8D%B5 HTTP/1.1"'),
        note("a URL of ten thousand bytes"),
        row('"GET /search?q=' + "long+" * 2000 + 'end HTTP/1.1"', rest='414 570 "-" "-"'),
        note("bytes"),
        row('"GET /raw-latin1-\xe9 HTTP/1.1"'),
        row('"GET /raw-utf8-\xc3\xa9 HTTP/1.1"'),
        agent("bad \xff\xfe\x80 bytes"),
        agent("overlong \xc0\xaf and surrogate \xed\xa0\x80"),
        agent(r"escaped \xc3\xa9 and \xE9 and \xzz and \q"),
        agent("raw C1 \xc2\x9b31m and \x9b31m and DEL \x7f"),
        agent(r"escaped C1 \xc2\x9b31m"),
        agent("raw ANSI \x1b[31mred\x1b[0m \x1b]0;title\x07"),
        agent(r"escaped ANSI \x1b[2J\x1b[1;1H"),
        agent(r"all of \" \\ \n \t \r \b \v \f"),
        agent("a raw\ttab"),
        agent("right to left \xe2\x80\xae override"),
        note("what a spreadsheet, a shell, a page or a database might take for its own"),
        agent("=cmd|'/c echo hello'!A1"),
        agent("+1+1"),
        agent("@SUM(1,1)"),
        agent("-2+3"),
        agent("$(echo hello) `echo hello` ; echo hello"),
        agent("<script>alert('hello')</script>"),
        agent("'; DROP TABLE usage_rows; --"),
        agent("{date} %s %n {{}}"),
        note("fields cut, missing, empty or too many"),
        row(rest='200 512 "-" "never closed'),
        row(rest='200 512 "https://search.example/half'),
        row(rest='200 512 "-" "closed by an escape \\"'),
        row(rest='200 512 "-" "a lone backslash \\'),
        row(rest='200 512 "-"'),
        row(rest="200 512"),
        row(rest="200"),
        row(rest='200 512 "" ""'),
        row(rest='200 512 "-" "Mozilla/5.0" 0.042 "198.51.100.7, 203.0.113.9" -'),
        row(rest='- - "-" "-"'),
        row(rest='000 0 "-" "-"'),
        note("clients"),
        row(remote="[2001:db8::5]:51234"),
        row(remote="2001:db8:0:0:0:0:0:5"),
        row(remote="2001:DB8::5"),
        row(remote="192.0.2.7:51234"),
        row(remote="::ffff:192.0.2.7"),
        row(remote="fe80::1%eth0"),
        row(remote="client-7.example.net"),
        row(remote="192.0.2.xxx"),
        row(remote="unknown"),
        note("users"),
        row(user="anna maria"),
        row(user="o'neill"),
        row(user='""'),
        row(user=r"zo\xc3\xab"),
        row(user="zo\xc3\xab"),
        row(user="EXAMPLE\\\\anna"),
        row(user="anna", ident="ident7"),
        note("times: a leap second, and one instant written three ways"),
        row(stamp="15/Nov/2026:23:59:60 +0000"),
        row(remote="192.0.2.60", stamp="15/Nov/2026:22:30:00 -0200"),
        row(remote="192.0.2.61", stamp="16/Nov/2026:00:30:00 +0000"),
        row(remote="192.0.2.62", stamp="16/Nov/2026:06:00:00 +0530"),
        note("sizes about 2^45 and beyond 64 bits"),
        row(rest='200 35184372088832 "-" "-"'),
        row(rest='200 35184372088833 "-" "-"'),
        row(rest='200 99999999999999999999 "-" "-"'),
        row(rest='200 - "-" "-"'),
        note("other formats between these lines"),
        ("row", b'{"time_iso8601":"2026-11-15T10:01:00+00:00","remote_addr":"192.0.2.70",'
                b'"request":"GET /json HTTP/1.1","status":"200","body_bytes_sent":12,'
                b'"http_user_agent":"between \\xE2\\x98\\x95 and \\u001b[0m and \\ud800"}'),
        ("row", b"www.example.org:443 " + line()),
        ("row", line() + b"\r"),
        note("blank lines, blanks only, and a hole of NULs before a line"),
        ("blank", b""),
        ("blank", b"  \t "),
        ("blank", b"\r"),
        ("row", b"\0" * 512 + line()),
        note("lines that cannot be read"),
        ("reject", b"this is not a log line"),
        ("reject", b'Traceback (most recent call last): File "app.py", line 7'),
        ("reject", b"GET / HTTP/1.1"),
        ("reject", b'192.0.2.10 - - [15/Nov/2026:10:0'),
        ("reject", b'192.0.2.10 - - [15/Nov/2026:10:00:00 +0000] "GET /cut-in-the-requ'),
        ("reject", line(stamp="15/Foo/2026:10:00:00 +0000")),
        ("reject", line(stamp="31/Nov/2026:10:00:00 +0000")),
        ("reject", line(stamp="15/Nov/2026:25:00:00 +0000")),
        ("reject", line(stamp="-")),
        ("reject", line(rest='abc 512 "-" "-"')),
        ("reject", b'{"time_iso8601":"2026-11-15T10:01:00+00:00","remote_addr":"192.0.2.70","sta'),
        ("reject", b'{"message":"started","level":"info"}'),
        ("reject", bytes(range(128, 160)) + b"\x00\x01\x02"),
        note("and a sound one at the end"),
        row(),
    ]


def make_horrors(folder):
    entries = horrors()
    write(folder / "horrors.log", [line for _, line in entries])
    for kind in ("row", "reject", "blank"):
        print(f"horrors.log: {sum(k == kind for k, _ in entries)} lines become {kind}")


def write(path, lines):
    data = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 9, file, mtime=0) as zipped:
                zipped.write(data)
        else:
            file.write(data)
    print(f"{path.name}: {len(lines)} lines")


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for make in (make_shop, make_vhost, make_nginx, make_common, make_error_log, make_horrors, make_formats):
        make(folder)


if __name__ == "__main__":
    main()
