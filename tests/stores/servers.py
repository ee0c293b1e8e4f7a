"""Real servers for the tests of stores: each started on a free port of this
machine, in a folder of its own that is removed in the end. A class a store says
how to start it, what to call a new store on it, and how to ask it past us.
"""

import atexit
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

STARTS_WITHIN = 60  # seconds


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Sqlite:
    """A file: nothing to start."""

    name = "sqlite"
    is_server = False

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="track-usage-store-"))
        atexit.register(shutil.rmtree, self.top, ignore_errors=True)
        self.made = 0

    def new(self):
        """A target that holds nothing yet."""
        self.made += 1
        return f"sqlite:{self.top}/{self.made}.db"

    def ask(self, target, sql):
        """Rows of texts, by SQLite's own library."""
        with sqlite3.connect(target.removeprefix("sqlite:")) as database:
            return [["" if v is None else str(v) for v in row] for row in database.execute(sql)]

    def stop(self):
        pass


class Postgresql:
    """initdb and postgres of Debian's package, as a user that is not root."""

    name = "postgresql"
    is_server = True
    OWNER, SECRET = "keeper", "s3cr3t-of-the-keeper"
    UNKNOWN_SETTING = 4  # it is the client library's to know
    AT_IN_PASSWORD = 2, "%40"

    def __init__(self):
        self.bin = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="track-usage-pg-"))
        atexit.register(self.stop)
        self.data, self.port, self.made, self.running = self.top / "data", free_port(), 0, False
        self.as_user = []
        if os.getuid() == 0:
            shutil.chown(self.top, "postgres")
            self.as_user = ["runuser", "-u", "postgres", "--"]
        self.password_file = self.top / "password"
        self.password_file.write_text(self.SECRET)
        self.password_file.chmod(0o644)
        self.call("initdb", "-D", self.data, "-U", self.OWNER, "-A", "scram-sha-256", f"--pwfile={self.password_file}",
                  "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    def call(self, program, *args):
        done = subprocess.run([*self.as_user, str(self.bin / program), *map(str, args)], cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}")

    def start(self):
        options = (f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.top} -c fsync=off "
                   "-c full_page_writes=off -c max_connections=40")
        # pg_ctl's log takes what the server says: it must not hold our pipes open.
        self.call("pg_ctl", "-D", self.data, "-l", self.top / "log", "-w", "-t", STARTS_WITHIN, "-o", options, "start")
        self.running = True

    def stop(self, how="immediate"):
        if self.running:
            self.running = False
            self.call("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")
        if how == "immediate":
            shutil.rmtree(self.top, ignore_errors=True)

    def crash(self):
        """Ends at once, as if the machine had lost its power but kept its disk."""
        self.running = False
        self.call("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def url(self, user=OWNER, password=SECRET, port=None, database="postgres", host="127.0.0.1"):
        return f"postgresql://{user}:{password}@{host}:{port or self.port}/{database}"

    def new(self):
        self.made += 1
        return f"{self.url()}?table=t{self.made}"

    def administer(self, sql, user=OWNER):
        """Runs statements as the owner of the database, or another of its users."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1",
                               "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "postgres"], input=sql,
                              env=dict(os.environ, PGPASSWORD=self.SECRET, PGTZ="UTC"), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done

    def add_user(self, name):
        self.administer(f"CREATE ROLE {name} LOGIN PASSWORD '{self.SECRET}'")

    def ask(self, target, sql, user=OWNER):
        """Rows of texts, by psql; usage_ in `sql` is the target's tables."""
        table = target.partition("table=")[2] or "usage"
        done = self.administer(sql.replace("usage_", table + "_"), user)
        return [row.split("\x1f") for row in done.stdout.rstrip("\n").split("\x1e")] if done.stdout.strip("\n") else []


class Mysql:
    """mariadbd of Debian's package."""

    name = "mysql"
    is_server = True
    OWNER, SECRET = "keeper", "s3cr3t-of-the-keeper"
    UNKNOWN_SETTING = 2
    AT_IN_PASSWORD = 4, "Access denied"

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="track-usage-my-"))
        atexit.register(self.stop)
        self.port, self.made, self.process = free_port(), 0, None
        self.as_user = []
        if os.getuid() == 0:
            shutil.chown(self.top, "mysql")
            self.as_user = ["--user=mysql"]
        done = subprocess.run(["mariadb-install-db", "--no-defaults", *self.as_user, f"--datadir={self.top}/data",
                               "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                               "--innodb-log-file-size=8M"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout)
        self.start()
        self.administer("CREATE DATABASE logs")
        self.add_user(self.OWNER)
        self.administer(f"GRANT ALL ON logs.* TO {self.OWNER}")

    def start(self):
        with open(self.top / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", *self.as_user, f"--datadir={self.top}/data", f"--socket={self.top}/s",
                 f"--pid-file={self.top}/pid", "--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve",
                 "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=8M"],
                stdout=log, stderr=log)
        end = time.monotonic() + STARTS_WITHIN
        while not answers(self.port):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.top / "log").read_text())
            time.sleep(0.05)

    def crash(self):
        """Ends at once, as if the machine had lost its power but kept its disk."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.top, ignore_errors=True)

    def url(self, user=OWNER, password=SECRET, port=None, database="logs", host="127.0.0.1"):
        return f"mysql://{user}:{password}@{host}:{port or self.port}/{database}"

    def new(self):
        self.made += 1
        return f"{self.url()}?table=t{self.made}"

    def administer(self, sql):
        """Runs statements as the server's administrator."""
        return self.client("root", "", "mysql", sql)

    def add_user(self, name):
        self.administer(f"CREATE USER {name} IDENTIFIED BY '{self.SECRET}'")

    def client(self, user, password, database, sql):
        done = subprocess.run(["mariadb", "--no-defaults", "-h127.0.0.1", f"-P{self.port}", f"-u{user}", "-N", "-B", database], input=sql,
                              env=dict(os.environ, MYSQL_PWD=password), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def ask(self, target, sql, user=OWNER):
        """Rows of texts, by the server's own client; usage_ in `sql` is the target's tables."""
        table = target.partition("table=")[2] or "usage"
        return self.client(user, self.SECRET, "logs", sql.replace("usage_", table + "_"))


STORES = {store.name: store for store in (Sqlite, Postgresql, Mysql)}


class Proxy:
    """Between a client and a server on this machine: a process of its own that
    waits before it passes on a piece, or cuts the line after so many bytes."""

    def __init__(self, port, delay=0.0, cut_after=None):
        self.port = free_port()
        code = pathlib.Path(__file__).with_name("proxy.py")
        self.process = subprocess.Popen(["python3", code, str(self.port), str(port), str(delay), str(cut_after or 0)])
        atexit.register(self.stop)
        end = time.monotonic() + STARTS_WITHIN
        while not answers(self.port):
            if time.monotonic() > end:
                raise RuntimeError("the proxy did not start")
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
