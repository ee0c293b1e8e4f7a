"""A geo service of our own on a free loopback port, for tests: it answers in the
shapes of the services that are met, counts what it is asked, and can be rude.

The first part of the path says how it answers: /ipapi/json/ADDRESS. `rude` maps
an address, or "*", to what it does instead: a word, or a list of one a request.
"""

import http.server
import json
import threading
import time
import urllib.parse


def country_of(address):
    """What this service knows: all of 8/8 is US, all of 2600::/16 FR, the rest has no country."""
    return "US" if address.startswith("8.") else "FR" if address.startswith("2600:") else None


NAMES = {"US": "United States", "FR": "France", None: None}

SHAPES = {
    "ipapi": lambda a, c: {"status": "success", "country": NAMES[c], "countryCode": c, "query": a},
    "ipwho": lambda a, c: {"ip": a, "success": True, "country": NAMES[c], "country_code": c},
    "geojs": lambda a, c: {"country": c, "country_3": f"{c}X", "ip": a, "name": NAMES[c]},
    "ipapico": lambda a, c: {"ip": a, "country": c, "country_code": c, "country_name": NAMES[c]},
    "ipinfo": lambda a, c: {"ip": a, "country": c, "loc": "1,2"},
    "ipbase": lambda a, c: {"data": {"ip": a, "location": {"country": {"alpha2": c, "name": NAMES[c]}}}},
    "maxmind": lambda a, c: {"country": {"iso_code": c, "names": {"en": NAMES[c]}}},
}
# HTTP 200 that is no answer.
LIES = {
    "fail": b'{"status":"fail","message":"invalid query"}',
    "unsuccessful": b'{"success":false,"message":"Reserved range"}',
    "error": b'{"error":true,"reason":"Unknown"}',
    "badkey": b'{"success":false,"error":{"code":101,"type":"invalid_access_key","info":"You have not supplied a valid API Access Key."}}',
    "html": b"<html>welcome</html>",
    "empty": b"",
    "cut": b'{"countryCode":"US',
    "list": b"[1,2]",
    "huge": b'{"countryCode":"US","x":"' + b"x" * 1_000_000 + b'"}',
    "deep": b'{"countryCode":"US","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "long": b'{"countryCode":"US","x":"' + b"x" * 5_000 + b'"}',
    "controls": b'{"countryCode":"US","city":"a\\u001b[31m\\u0000\\u009b\xc3\xa9\\"","\\u0007k":1}',
    "rawcontrols": b'{"countryCode":"US","city":"\x1b[31m"}',
    "badutf8": b'{"countryCode":"US","city":"\xff"}',
}


class GeoServer:
    def __init__(self):
        self.lock = threading.Lock()
        self.asked = {}     # address: when it was asked for, one a request
        self.requests = []  # (when, method, path, headers)
        self.rude = {}
        self.quota = None   # requests until 429, with X-Rl and X-Ttl as ip-api.com has them
        self.renewed_in = 1
        self.most_at_once = self.now = 0
        self.ended = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                address = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path.rsplit("/", 1)[1])
                outer.answer(self, [address], None)

            def do_POST(self):
                addresses = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.answer(self, addresses, "batch")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who asked has gone
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def counts(self):
        with self.lock:
            return {address: len(times) for address, times in self.asked.items()}

    def forget(self):
        with self.lock:
            self.asked, self.requests, self.most_at_once = {}, [], 0

    def answer(self, handler, addresses, batch):
        with self.lock:
            at = time.monotonic()
            self.requests.append((at, handler.command, handler.path, dict(handler.headers)))
            for address in addresses:
                self.asked.setdefault(address, []).append(at)
            self.now += 1
            self.most_at_once = max(self.most_at_once, self.now)
            rude = self.rude.get(addresses[0], self.rude.get("*"))
            if isinstance(rude, list):
                rude = rude.pop(0) if rude else None
            left = None
            if self.quota is not None:
                left = self.quota = self.quota - 1
        try:
            self.say(handler, addresses, batch, rude, left)
        except OSError:  # who asked has gone
            handler.close_connection = True
        finally:
            with self.lock:
                self.now -= 1

    def say(self, handler, addresses, batch, rude, left):
        status, headers = 200, {"Content-Type": "application/json"}
        shape = SHAPES.get(handler.path.split("/")[1], SHAPES["ipapi"])
        found = [shape(a, country_of(a)) for a in addresses]
        if rude == "reversed":
            found.reverse()
        if rude == "keyed":
            found = dict(zip(addresses, found))
        if rude == "bare":  # only the order says whose they are
            for one in found:
                one.pop("query", None)
        body = json.dumps(found if batch else found[0]).encode()
        if rude in LIES:
            body = LIES[rude]
        elif rude == "hang":
            self.ended.wait(60)
            handler.close_connection = True
            return
        elif rude == "close":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"countryCode\"")
            handler.close_connection = True
            return
        elif isinstance(rude, float):
            time.sleep(rude)
        elif isinstance(rude, int):
            status, body = rude, b"{}"
        elif rude and rude.startswith("429 "):
            status, body = 429, b"{}"
            headers["Retry-After"] = rude.split(" ", 1)[1]
        elif rude and rude.startswith("http"):
            status, body = 302, b""
            headers["Location"] = rude
        if left is not None:
            headers["X-Rl"], headers["X-Ttl"] = str(max(left, 0)), str(self.renewed_in)
            if left < 0:
                status, body = 429, b""
            if left == 0:
                threading.Timer(self.renewed_in, self.renew).start()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def renew(self):
        with self.lock:
            self.quota = 10
