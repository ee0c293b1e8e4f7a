#!/usr/bin/env python3
"""Holds every #include to ARCHITECTURE.md: rooms, doors, and one owner a library."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = {"parsers", "sinks", "hooks"}
DOORS = {"parsers/parsers.h", "sinks/sinks.h", "hooks/hooks.h"}

# Floors of src, top down: a file may include its own floor and those below.
FLOORS = [
    ["src/main.cpp"],
    ["src/commands/"],
    ["src/plan", "src/options", "src/declarations", "src/config", "src/server_config"],
    ["src/pipeline", "src/delivery", "src/correction"],
    ["src/input/", "src/enrich/", "src/filter", "src/line_reader", "src/summary", "src/totals", "src/parser.cpp", "src/row_text", "src/report"],
    ["src/row", "src/parser.h", "src/sink.h", "src/store", "src/hook.h"],
    ["src/base/", "src/error"],
]
# What a plug-in may use: the contracts, row_text (sinks that write text) and base.
PLUGIN_FLOOR = 5
PLUGIN_EXTRA = {"src/row_text.h", "src/enrich/agent.h"}

# A library stands behind one file or folder.
OWNERS = {
    "CLI/": {"src/options.cpp", "src/declarations.cpp"},
    "toml++/": {"src/config.cpp"},
    "SQLiteCpp/": {"src/base/sqlite.cpp"},
    "sqlite3.h": {"src/base/sqlite.cpp"},
    "archive": {"src/input/source.cpp"},
    "zlib.h": {"src/input/source.cpp"},
    "date/": {"src/base/zone.cpp"},
    "xxhash.h": {"src/base/hash.h"},
    "re2/": {"src/filter_tests.cpp", "src/enrich/agent_patterns.cpp"},
    "yaml-cpp/": {"src/enrich/agent_patterns.cpp"},
    "curl/": {"src/base/http.cpp"},
    "maxminddb.h": {"src/enrich/mmdb.cpp"},
    "mysql": {"sinks/mysql/session.cpp"},
    "errmsg.h": {"sinks/mysql/session.cpp"},
    "libpq-fe.h": {"sinks/postgresql/session.cpp"},
    "sodium.h": {"src/base/keyed_hash.cpp"},
}
NOT_IN_HEADERS = ("yaml-cpp/", "re2/", "nlohmann/", "CLI/", "SQLiteCpp/", "toml++/", "curl/", "maxminddb.h", "sodium.h", "libpq-fe.h")
# Threads live in one file, but for a store's helper that puts cells in order. <thread> elsewhere may only ask how many cores there are or wait.
THREADS = re.compile(r"\bstd::(jthread|thread\b(?!::)|async)")
THREADED = ("src/pipeline.cpp", "sinks/sqlite/writing.cpp")


def floor_of(path):
    for number, names in enumerate(FLOORS):
        if any(path == n or path.startswith(n) for n in names):
            return number
    return None


def main():
    errors = []
    files = [p for room in ("src", "parsers", "sinks", "hooks") for p in sorted((ROOT / room).rglob("*")) if p.suffix in (".h", ".cpp")]
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        room = name.split("/")[0]
        text = file.read_text()
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{name}:{number}"
            if THREADS.search(line.split("//")[0]) and name not in THREADED:
                errors.append(f"{where}: starts a thread; src/pipeline.cpp does")
            found = re.match(r'\s*#include\s+([<"])([^>"]+)[>"]', line)
            if not found:
                continue
            kind, target = found.groups()
            if kind == "<":
                for prefix, owners in OWNERS.items():
                    if target.startswith(prefix) and not any(name == o or (o.endswith("/") and name.startswith(o)) for o in owners):
                        errors.append(f"{where}: <{target}> belongs to {', '.join(sorted(owners))}")
                if file.suffix == ".h" and target.startswith(NOT_IN_HEADERS):
                    errors.append(f"{where}: <{target}> in a header")
                continue
            to = target.split("/")[0]
            if not (ROOT / target).exists() and not target.endswith(".inc"):
                errors.append(f"{where}: \"{target}\" is not written from the root")
            elif room in ROOMS:
                if to in ROOMS and to != room:
                    errors.append(f"{where}: {room} includes {target}: rooms never know each other")
                elif to == "src" and target not in PLUGIN_EXTRA and (floor_of(target) or 0) < PLUGIN_FLOOR:
                    errors.append(f"{where}: {room} includes {target}: contracts and base only")
            elif to in ROOMS:
                if target not in DOORS or not name.startswith("src/plan"):
                    errors.append(f"{where}: only src/plan.cpp goes through a door ({target})")
            else:
                mine, theirs = floor_of(name), floor_of(target)
                if mine is None or theirs is None:
                    errors.append(f"{where}: {name if mine is None else target} stands on no floor of tests/layering.py")
                elif theirs < mine:
                    errors.append(f"{where}: {target} stands above {name}")
    print("\n".join(errors) or f"{len(files)} files keep to the floors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
