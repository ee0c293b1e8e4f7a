#!/usr/bin/env python3
"""Routes as Werkzeug matches them: random sets of rules and random paths made of
the same few words, the rule and the arguments compared. Skipped without Werkzeug.

    routes.py MATCH_ROUTES [SETS [SEED]]
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import uuid
from importlib import metadata

try:
    from werkzeug.exceptions import NotFound
    from werkzeug.routing import Map, RequestRedirect, Rule
except ImportError:
    print("no werkzeug: skipped")
    sys.exit(77)

SETS = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
PATHS = 60  # of a set
WORDS = ["a", "b", "ab", "aa", "é", "1", "12", "-", "a-b", "x.y", "edit", "a|b", "^$"]
TEXTS = WORDS + ["0012", "-3", "1.5", "-1.50", "3.", ".5", "a.b.c", "1-2-3", "1.2-a", "日本", "A", "a b", "a\"\\b", "+1", "1e3",
                 "5e0b9b0a-8f0c-4b3e-9d5e-2f6a7c8d9e0f", "5E0B9B0A-8F0C-4B3E-9D5E-2F6A7C8D9E0F",
                 "5e0b9b0a8f0c4b3e9d5e2f6a7c8d9e0f", "99999999999999999999", "9223372036854775807", "00.10", "x-1", "--"]
CONVERTERS = ["", "", "", "string:", "string(length=2):", "string(minlength=2):", "string(maxlength=2):", "string(2, 3):",
              "int:", "int:", "int(signed=True):", "int(fixed_digits=2):", "int(min=2, max=12):", "int(4):", "float:",
              "float(min=1.2):", "float(signed=True, max=1.5):", "path:", "path:", "uuid:", "any(a,b,ab):",
              "any(ab, a, 'a-b', \"1.5\"):", "any('edit'):"]
# Later versions than 2.2 redirect to rules that end in a path and a slash.
OLD = metadata.version("werkzeug").startswith("2.2.")

# What differs on purpose: rules, path, ours.
ON_PURPOSE = [
    ("a path without a slash in front was no request to a view", ["/<name>"], "*", None),
    ("digits are ASCII: nobody writes an id as ١٢ but to probe", ["/<int:id>"], "/١٢", None),
    ("a number that few stores take is a text", ["/<int:id>"], "/9223372036854775808", [0, {"id": "9223372036854775808"}]),
    ("so is one that no double holds", ["/<float:x>"], f"/{'9' * 400}.0", [0, {"x": f"{'9' * 400}.0"}]),
    ("min=-5 is -5; Werkzeug reads it as fixed_digits=5", ["/<int(signed=True, min=-5):n>"], "/-4", [0, {"n": -4}]),
    ("and refuses what is below", ["/<int(signed=True, min=-5):n>"], "/-6", None),
]

program = sys.argv[1]
folder = tempfile.TemporaryDirectory(prefix="track-usage-test-")
rules_file = pathlib.Path(folder.name) / "rules"
draw = random.Random(SEED)


def variable(names):
    return f"<{draw.choice(CONVERTERS)}{names.pop()}>"


def segment(names):
    kind = draw.random()
    if kind < 0.45 or not names:
        return draw.choice(WORDS)
    if kind < 0.75:
        return variable(names)
    if kind < 0.85:
        return draw.choice(["a", "aa", "aab", "1", "-"]) + variable(names)
    pieces = []
    for _ in range(draw.randint(2, 4)):
        pieces.append(variable(names) if names and draw.random() < 0.5 else draw.choice(WORDS + [".", "-", "-"]))
    return "".join(pieces)


def rule(longest):
    names = [f"v{n}" for n in range(8)]
    text = "/" + "/".join(segment(names) for _ in range(draw.randint(0, longest)))
    if draw.random() < 0.25 and text != "/":
        text += "/"
    if draw.random() < 0.03:
        text = text.replace("/", "//", 1)
    return text


def known(text):
    return OLD or not (text.endswith("/") and "<path:" in text)


def rules():
    longest = draw.choice([1, 2, 4, 4])  # short ones meet in more paths
    made = (rule(longest) for _ in range(draw.choice([1, 2, 4, 8, 30])))
    return list(dict.fromkeys(r for r in made if known(r))) or ["/"]


def path(of):
    """One that a rule could have been written for, or any."""
    if draw.random() < 0.3:
        parts = [draw.choice(TEXTS) for _ in range(draw.randint(0, 5))]
    else:
        text, parts = draw.choice(of), []
        while "<" in text:
            before, rest = text.split("<", 1)
            inner, text = rest.split(">", 1)
            value = "/".join(draw.choice(TEXTS) for _ in range(draw.randint(1, 3) if inner.startswith("path") else 1))
            if draw.random() < 0.7 and inner.startswith("int"):
                value = draw.choice(["1", "12", "7", "0012", "-3"])
            if draw.random() < 0.7 and inner.startswith("any"):
                value = draw.choice(["a", "b", "ab", "a-b", "1.5", "edit"])
            if draw.random() < 0.7 and inner.startswith("float"):
                value = draw.choice(["1.5", "1.0", "-0.5", "1.25"])
            parts.append(before + value)
        parts = ("".join(parts) + text).lstrip("/").split("/")
    if draw.random() < 0.1:
        parts.insert(draw.randint(0, len(parts)), draw.choice(["", "a", "edit"]))
    slashes = draw.choice(["", "", "", "", "/", "//"])
    return draw.choice(["/"] * 9 + ["//"]) + "/".join(parts) + slashes


def plain(value):
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, int) and not -2**63 <= value < 2**63:
        return str(value)
    return value


def right(adapter, asked):
    try:
        endpoint, arguments = adapter.match(asked, method="GET")
    except (NotFound, RequestRedirect):
        return None
    return [endpoint, {name: plain(value) for name, value in arguments.items()}]


def ours(of, asked):
    rules_file.write_text("# rules\n\n" + "\n".join(of) + "\n", encoding="utf-8")
    done = subprocess.run([program, rules_file], input="".join(p + "\n" for p in asked).encode(), capture_output=True, timeout=120)
    if done.returncode:
        sys.exit(f"NOT OK: {of}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    failed = compared = matched = 0

    def check(what, of, asked, found, wanted):
        nonlocal failed
        if json.dumps(found) == json.dumps(wanted):  # 1 is not 1.0, and order counts
            return
        failed += 1
        if failed <= 20:
            print(f"NOT OK: {what}: {asked!r} by {of}: {found}, right is {wanted}")

    for why, of, asked, wanted in ON_PURPOSE:
        found, = ours(of, [asked])
        check(why, of, asked, found, wanted)
    for number in range(SETS):
        of = rules()
        adapter = Map([Rule(text, endpoint=place) for place, text in enumerate(of)]).bind("example.com")
        asked = [path(of) for _ in range(PATHS)]
        found = ours(of, asked)
        if len(found) != len(asked):
            sys.exit(f"NOT OK: {len(found)} answers to {len(asked)} paths")
        for one, answer in zip(asked, found):
            wanted = right(adapter, one)
            compared += 1
            matched += wanted is not None
            check(f"set {number}", of, one, answer, wanted)
    if matched < compared // 5:
        failed += 1
        print("NOT OK: too few paths match a rule to say anything")
    print(f"{'NOT OK' if failed else 'ok'}: {compared} paths by {SETS} sets of rules, {matched} match, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
