"""Invented web traffic, and how each log format writes it.

Shared by tests/make_log.py, tests/bench/generate.py and sample_logs/make.py.
All addresses and names are from the ranges reserved for documentation; a seed
gives the same requests for ever.
"""

import calendar
import collections
import functools
import itertools
import json
import re
import time

Request = collections.namedtuple(
    "Request",
    # time: seconds since the epoch, UTC, as a float; size: None where the server
    # states none; user, referrer: None if there is none; seconds: the time taken
    "time remote user method target protocol status size referrer agent host seconds")

# Share of a day's requests by UTC hour: a quiet night and a busy evening.
RHYTHM = (9, 6, 4, 3, 3, 5, 10, 18, 28, 36, 40, 42, 44, 42, 40, 41, 43, 47, 53, 60, 58, 46, 30, 17)
WEEKEND = 0.7

WORDS = """apron basket beaker blanket bottle bowl brush bucket butter candle carafe chair clock
coaster cup cushion desk dish drawer easel fabric felt filter flask fork frame glass grinder hammer
hook jar kettle knife ladle lamp lantern linen marble mirror mug napkin needle notebook oak olive
oven paper pen pepper pillow pitcher plate pot quilt rack ribbon rug saucer scale shelf sieve soap
spoon stool string table tea tile timer towel tray trivet vase walnut wax whisk wool""".split()
COLOURS = "amber black blue cream green grey indigo ivory olive red rose sand teal white".split()
ACCENTED = ("caf%C3%A9", "k%C3%BCche", "cr%C3%A8me", "%E8%8C%B6", "sm%c3%b8r", "tea%20pot")
USERS = ("anna", "deploy", "j.doe", "mona@example.org", "o'neill", "zo\u00eb")
DEVICES = ("K", "Pixel 9", "SM-S921B", "SM-A556E", "moto g84", "2312DRA50G", "CPH2609", "XQ-DQ72")

DOCUMENTATION_NETS = ("192.0.2.", "198.51.100.", "203.0.113.")


# --- how formats write a request

@functools.lru_cache(maxsize=1 << 16)
def quoted(text):
    """The text as servers put it between double quotes; None is the log's `-`."""
    if text is None:
        return "-"
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return re.sub(r"[^ -~]+", lambda m: "".join("\\x%02x" % b for b in m[0].encode()), text)


@functools.lru_cache(maxsize=4096)
def clf_time(second, zone):
    sign, minutes = "-" if zone < 0 else "+", abs(zone)
    return time.strftime("%d/%b/%Y:%H:%M:%S ", time.gmtime(second + zone * 60)) + "%s%02d%02d" % (
        sign, minutes // 60, minutes % 60)


@functools.lru_cache(maxsize=4096)
def iso_time(second, zone):
    sign, minutes = "-" if zone < 0 else "+", abs(zone)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second + zone * 60)) + "%s%02d:%02d" % (
        sign, minutes // 60, minutes % 60)


def common(r, zone=0):
    size = "-" if r.size is None else r.size
    return (f'{r.remote} - {quoted(r.user)} [{clf_time(int(r.time), zone)}]'
            f' "{r.method} {r.target} {r.protocol}" {r.status} {size}')


def combined(r, zone=0):
    return f'{common(r, zone)} "{quoted(r.referrer)}" "{quoted(r.agent)}"'


def vhost_combined(r, zone=0):
    return f"{r.host} {combined(r, zone)}"


@functools.lru_cache(maxsize=1 << 16)
def json_text(text):
    return json.dumps(text or "", ensure_ascii=False)


def json_line(r, zone=0):
    """nginx's variable names, in the order people write them in a log_format."""
    size = "null" if r.size is None else r.size
    return (f'{{"time_iso8601":"{iso_time(int(r.time), zone)}","remote_addr":"{r.remote}",'
            f'"remote_user":{json_text(r.user)},'
            f'"request":{json_text(f"{r.method} {r.target} {r.protocol}")},'
            f'"status":{r.status},"body_bytes_sent":{size},'
            f'"http_referer":{json_text(r.referrer)},"http_user_agent":{json_text(r.agent)},'
            f'"request_time":{r.seconds}}}')


FORMATS = {"combined": combined, "common": common, "vhost_combined": vhost_combined,
           "json": json_line}


# --- who asks, and for what

def agents(rng, count):
    """`count` different agent strings, the commonest kinds first."""
    def chrome():
        major, build, patch = rng.randrange(118, 143), rng.randrange(0, 7500), rng.randrange(0, 200)
        return f"Chrome/{major}.0.{build}.{patch}"

    webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"
    apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

    def windows():
        return f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} {chrome()} Safari/537.36"

    def android():
        return (f"Mozilla/5.0 (Linux; Android {rng.randrange(9, 17)}; {rng.choice(DEVICES)})"
                f" {webkit} {chrome()} Mobile Safari/537.36")

    def iphone():
        major, minor = rng.randrange(14, 20), rng.randrange(0, 8)
        return (f"Mozilla/5.0 (iPhone; CPU iPhone OS {major}_{minor} like Mac OS X) {apple}"
                f" Version/{major}.{minor} Mobile/15E{rng.randrange(100, 400)} Safari/604.1")

    def firefox():
        system = rng.choice(("Windows NT 10.0; Win64; x64", "X11; Linux x86_64",
                             "Macintosh; Intel Mac OS X 10.15", "X11; Ubuntu; Linux x86_64"))
        version = f"{rng.randrange(78, 146)}.{rng.randrange(0, 4)}"
        return f"Mozilla/5.0 ({system}; rv:{version}) Gecko/20100101 Firefox/{version}"

    def edge():
        agent = windows()
        major = re.search(r"Chrome/(\d+)", agent)[1]
        return f"{agent} Edg/{major}.0.{rng.randrange(0, 3500)}.{rng.randrange(0, 99)}"

    def safari():
        return (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_{rng.randrange(0, 8)}) {apple}"
                f" Version/{rng.randrange(13, 20)}.{rng.randrange(0, 7)} Safari/605.1.15")

    def bot():
        name = rng.choice(("Googlebot", "bingbot", "GPTBot", "ClaudeBot", "AhrefsBot", "SemrushBot",
                           "YandexBot", "UptimeRobot", "Applebot", "DotBot"))
        return (f"Mozilla/5.0 (compatible; {name}/{rng.randrange(1, 9)}.{rng.randrange(0, 20)};"
                f" +https://crawler.example/{name.lower()}.html)")

    def library():
        return rng.choice(("curl/8.%d.%d", "python-requests/2.%d.%d", "Go-http-client/%d.%d",
                           "Wget/1.%d.%d", "okhttp/4.%d.%d")) % (
                               rng.randrange(30), rng.randrange(9))

    def old():
        # such agents carry a language, and some carry quotes
        return rng.choice((
            "Mozilla/5.0 (X11; U; Linux i686; %s; rv:1.9.2.%d) Gecko/20100722 Firefox/3.6.%d",
            'Mozilla/4.0 (compatible; "%s" reader; build %d.%d)',
        )) % (rng.choice(("en-US", "de-DE", "fr", "pt-BR")), rng.randrange(20), rng.randrange(20))

    kinds = itertools.cycle((windows, android, iphone, windows, firefox, edge, android, safari, bot,
                             windows, iphone, library, firefox, android, bot, windows, old))
    found = {}
    while len(found) < count:
        found[next(kinds)()] = None
    return list(found)


def addresses(rng, count):
    """`count` different addresses, one in ten IPv6, the busiest first.

    The documentation ranges hold 768 IPv4 addresses and no more: a benchmark that
    wants many gets those reserved for benchmarks (RFC 2544) and for carriers'
    inner networks (RFC 6598), which are nobody's either.
    """
    v4 = [net + str(i) for net in DOCUMENTATION_NETS for i in range(256)]
    if count > len(v4):
        v4 += ["198.%d.%d.%d" % (18 + (i >> 16), i >> 8 & 255, i & 255) for i in range(1 << 17)]
        v4 += ["100.64.%d.%d" % (i >> 8, i & 255) for i in range(1 << 16)]
    rng.shuffle(v4)
    found = {}
    while len(found) < count:
        if v4 and len(found) % 10 != 9:
            found[v4.pop()] = None
        else:
            found["2001:db8:%x:%x::%x" % (rng.randrange(1, 1 << 16), rng.randrange(1, 1 << 16),
                                          rng.randrange(1, 1 << 16))] = None
    return list(found)


def paths(rng, count):
    """`count` different paths, pages and what belongs to them mixed."""
    found = {"/": None, "/favicon.ico": None, "/robots.txt": None, "/static/site.css": None,
             "/static/site.js": None, "/img/logo.svg": None}
    for number in itertools.count(1):
        if len(found) >= count:
            return list(found)[:count]
        word, colour = rng.choice(WORDS), rng.choice(COLOURS)
        if number % 25 == 0:
            word = rng.choice(ACCENTED)
        found[rng.choice((
            f"/products/{colour}-{word}-{number}",
            f"/products/{word}/{colour}/{number}.html",
            f"/img/products/{number % 100:02d}/{word}-{number}.jpg",
            f"/blog/2026/{number % 12 + 1:02d}/{word}-and-{colour}-{rng.choice(WORDS)}-{number}",
            f"/api/v2/items/{number}",
        ))] = None


def queries(rng, count):
    def one():
        word, colour = rng.choice(WORDS), rng.choice(COLOURS)
        return rng.choice((
            f"page={rng.randrange(2, 60)}",
            f"q={colour}+{word}&page={rng.randrange(1, 9)}",
            f"utm_source=newsletter&utm_medium=email&utm_campaign={word}-{rng.randrange(1, 53)}",
            f"sort=price&colour={colour}&colour={rng.choice(COLOURS)}&max={rng.randrange(5, 500)}",
            f"q={rng.choice(ACCENTED)}",
            f"v={rng.randrange(1 << 32):08x}",
        ))
    return [one() for _ in range(count)]


def zipf(count, steepness=1.0):
    """Cumulative weights of ranks 1 to `count`, as random.choices takes them."""
    return list(itertools.accumulate(rank ** -steepness for rank in range(1, count + 1)))


def spread(total, weights):
    """`total` in whole parts in proportion to the weights; the parts add up."""
    whole, taken, cumulated = sum(weights), 0, 0
    for weight in weights:
        cumulated += weight
        upto = round(total * cumulated / whole)
        yield upto - taken
        taken = upto


def hour_weight(epoch):
    weekend = time.gmtime(epoch).tm_wday >= 5
    return RHYTHM[int(epoch) // 3600 % 24] * (WEEKEND if weekend else 1)


def epoch_of(day):
    """Epoch seconds at which the UTC day `YYYY-MM-DD` begins."""
    return calendar.timegm(time.strptime(day, "%Y-%m-%d"))


OUTCOMES, OUTCOME_SHARES = zip(*{
    ("GET", 200): 80, ("GET", 304): 8, ("GET", 404): 3.5, ("POST", 302): 2, ("GET", 301): 1.5,
    ("HEAD", 200): 1.5, ("POST", 200): 1, ("GET", 206): 0.8, ("GET", 403): 0.6, ("GET", 500): 0.4,
    ("PUT", 204): 0.3, ("GET", 503): 0.2, ("OPTIONS", 204): 0.1, ("DELETE", 401): 0.1}.items())
# What a server sends when it is not the page itself; None is the log's `-`.
FIXED_SIZES = {204: None, 304: None, 301: 178, 302: 154, 401: 381, 403: 153, 404: 1245, 500: 592,
               503: 299}


class Traffic:
    """A made-up site and its visitors; all draws are in bulk, an hour at a time."""

    def __init__(self, rng, n_paths=400, n_addresses=300, n_agents=60,
                 hosts=("shop.example:443", "www.example.com:443", "static.example.net:80",
                        "blog.example.org")):
        self.rng = rng
        self.hosts = hosts
        self.paths = paths(rng, n_paths)
        self.path_weights = zipf(n_paths)
        self.sizes = [int(rng.lognormvariate(9, 1.3)) + 90 for _ in self.paths]
        self.queries = queries(rng, n_paths)
        self.addresses = addresses(rng, n_addresses)
        self.address_weights = zipf(n_addresses, 0.8)
        self.agents = agents(rng, n_agents)
        self.agent_weights = zipf(n_agents, 0.9)
        # an address mostly keeps its agent, as people do
        self.agent_of = rng.choices(self.agents, cum_weights=self.agent_weights, k=n_addresses)
        own = [f"https://{self.hosts[0].split(':')[0]}{path}" for path in self.paths[:n_paths // 4]]
        other = ["https://search.example/"] * 8 + [
            f"https://{rng.choice(WORDS)}.example/{rng.choice(('', 'links', 'thread/'))}{i}"
            for i in range(len(own) // 4)]
        self.referrers = [None, own, other]

    def requests(self, start, hours, count):
        """`count` requests in the order of their times, from `start` on."""
        begins = [start + 3600 * hour for hour in range(hours)]
        for begin, n in zip(begins, spread(count, [hour_weight(b) for b in begins])):
            yield from self._hour(begin, n)

    def _hour(self, begin, n):
        rng, pick = self.rng, self.rng.choices
        times = sorted([begin + rng.random() * 3600 for _ in range(n)])
        path_ids = pick(range(len(self.paths)), cum_weights=self.path_weights, k=n)
        address_ids = pick(range(len(self.addresses)), cum_weights=self.address_weights, k=n)
        strangers = pick(self.agents, cum_weights=self.agent_weights, k=n)
        outcomes = pick(OUTCOMES, OUTCOME_SHARES, k=n)
        protocols = pick(("HTTP/2.0", "HTTP/1.1", "HTTP/1.0"), (60, 38, 2), k=n)
        hosts = pick(self.hosts, (len(self.hosts),) + (1,) * (len(self.hosts) - 1), k=n)
        came_from = pick(self.referrers, (45, 40, 15), k=n)
        luck = [rng.random() for _ in range(n)]
        for i in range(n):
            path, chance = path_ids[i], luck[i]
            method, status = outcomes[i]
            target = self.paths[path]
            if chance < 0.14:
                target += "?" + rng.choice(self.queries)
            if method == "HEAD":
                size = None
            else:
                size = FIXED_SIZES[status] if status in FIXED_SIZES else self.sizes[path] + int(
                    chance * 800)
            yield Request(
                times[i], self.addresses[address_ids[i]],
                rng.choice(USERS) if chance > 0.99 else None,
                method, target, protocols[i], status, size,
                rng.choice(came_from[i]) if came_from[i] else None,
                strangers[i] if chance > 0.93 else self.agent_of[address_ids[i]],
                hosts[i], round(0.001 + chance ** 8 * 3, 3))
