#!/usr/bin/env python3
"""User agents by uap-core's patterns against uap-core's own test cases, and what
becomes of them in a row.

    agents.py READ_AGENTS
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

import yaml

UAP = pathlib.Path("/usr/share/uap-core")
PATTERNS = UAP / "regexes.yaml"
# Cases that disagree, of each file.
KNOWN = {"ua": 0, "os": 0, "device": 0}
READ_AGENTS = sys.argv[1]
failed = 0


def check(name, holds, detail=""):
    global failed
    failed += not holds
    print(("ok   " if holds else "FAIL ") + name + (f" ({detail})" if detail else ""))


def load(path):
    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read(strings, file=PATTERNS):
    lines = "".join(json.dumps(s) + "\n" for s in strings)
    done = subprocess.run([READ_AGENTS, str(file)], input=lines, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(strings)
    return told


def joined(case, keys):
    """major.minor.patch up to the first that is not told."""
    out = []
    for key in keys:
        if case.get(key) in (None, ""):
            break
        out.append(str(case[key]))
    return ".".join(out)


def named(family):
    return "" if family == "Other" else family


def ua(case, told):
    return (named(case["family"]), joined(case, ("major", "minor", "patch"))) == (told["family"], told["version"])


def os(case, told):
    version = joined(case, ("major", "minor", "patch", "patch_minor"))
    return (named(case["family"]), version) == (told["os"], told["os_version"])


def device(case, told):
    return (case["family"] == "Spider") == told["spider"]


def slow_spiders(strings):
    """By Python's own expressions, one after the other: an oracle for strings that no case of devices has."""
    devices = [(re.compile(e["regex"], re.ASCII | (re.IGNORECASE if e.get("regex_flag") == "i" else 0)),
                e.get("device_replacement") == "Spider") for e in load(PATTERNS)["device_parsers"]]
    return [next((spider for pattern, spider in devices if pattern.search(s)), False) for s in strings]


all_told = {}
for name, agrees in (("ua", ua), ("os", os), ("device", device)):
    cases = load(UAP / "tests" / f"test_{name}.yaml")["test_cases"]
    told = read([c["user_agent_string"] for c in cases])
    all_told.update((c["user_agent_string"], t) for c, t in zip(cases, told))
    odd = [(c, t) for c, t in zip(cases, told) if not agrees(c, t)]
    check(f"test_{name}.yaml", len(odd) <= KNOWN[name],
          f"{len(cases) - len(odd)} of {len(cases)} agree, {100 * (1 - len(odd) / len(cases)):.2f} %")
    for case, t in odd[:20]:
        print("     ", {k: v for k, v in case.items() if v is not None}, "but", {k: t[k] for k in t if k not in ("row", "built_in")})
    if name == "device":
        check("test_device.yaml has spiders", sum(t["spider"] for t in told) >= 50, f"{sum(t['spider'] for t in told)} of them")

strings = [c["user_agent_string"] for c in load(UAP / "tests" / "test_ua.yaml")["test_cases"]]
expected = slow_spiders(strings)
odd = [s for s, spider in zip(strings, expected) if all_told[s]["spider"] != spider]
check("the first device that matches decides on spiders, in test_ua.yaml too", not odd,
      f"{sum(expected)} spiders of {len(strings)}; odd: {odd[:3]}")

# A row's values.
CLASSES = {"search", "ai", "seo", "monitor", "scanner", "library", "other"}
counts = collections.Counter(t["row"]["bot"] for t in all_told.values())
check("bots have one of seven classes", set(counts) - {""} <= CLASSES, str(dict(counts.most_common())))
odd = [s for s, t in all_told.items() if t["spider"] and not t["row"]["bot"]]
check("uap-core's spiders are bots", not odd, str(odd[:2]))
odd = [s for s, t in all_told.items()
       if t["row"]["browser"] != re.sub("[A-Z]", lambda m: m[0].lower(), t["family"]) or t["row"]["version"] != t["version"]]
check("the browser is the family in lower case", not odd, str(odd[:2]))
odd = [s for s, t in all_told.items() if t["os"] == "Mac OS X" and t["row"]["platform"] != "macos"]
check("Mac OS X is macos", not odd, str(odd[:2]))
odd = [s for s, t in all_told.items() if re.fullmatch("[0-9].*", t["row"]["language"]) or t["row"]["language"] != t["built_in"]["language"]]
check("the language is the built-in table's, and no number", not odd, str(odd[:2]))
odd = {s: t["row"]["bot"] for s, t in all_told.items()
       if t["built_in"]["bot"] not in ("", "other") and t["row"]["bot"] != t["built_in"]["bot"]}
check("our own list goes before uap-core's", not odd, str(list(odd)[:2]))

print(f"{failed} failed")
sys.exit(failed != 0)
