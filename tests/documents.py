#!/usr/bin/env python3
"""README, the manual, --help and `list` say the same, and what they show works:
documents.py BINARY. Exit 77 if all is well but mandoc is not installed."""
import gzip
import re
import shlex
import shutil
import subprocess
import sys

import checks

ROOT = checks.TESTS.parent
README, MAN = ROOT / "README.md", ROOT / "man" / "track-usage.1"
FORMATS, PARSERS = ROOT / "man" / "track-usage-formats.5", ROOT / "parsers"
# What mandoc says of our section names, of their order (examples come early), and of which manuals are installed.
LINT_ALLOWED = re.compile(r"Sh ENVIRONMENT$|Sh (FILTERS|TIMES) instead of FILES$|referenced manual not found|mandoc\.db")


def man_sections(text):
    """Section or subsection by name; a section does not hold its subsections."""
    parts = re.split(r"^\.S[hs] (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def readme_sections(text):
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2]))}


def man_options(section):
    """Long name: whether it takes a value."""
    return {m[1]: bool(re.search(r" (Ar|Cm) ", m[2])) and " Oo " not in m[2]
            for m in re.finditer(r"^\.It (?:Fl \w , )?Fl -([a-z-]+)(.*)$", section, re.M)}


def help_options(text):
    return {m[1]: bool(m[2].strip()) for m in re.finditer(r"^  (?:-\w,)?--([a-z-]+)((?: [A-Za-z|]+(?:=\S+)?)?)(?=\s)", text, re.M)}


def plain(text):
    """mdoc or Markdown as bare words."""
    out = []
    for line in text.strip().splitlines():
        if line.startswith("."):
            macro, _, rest = line[1:].partition(" ")
            rest = "track-usage " + rest if macro == "Nm" else rest
            line = re.sub(r" (?=[;:,.]$)", "", "-" + rest if macro == "Fl" else rest)
        out.append(line.replace("`", ""))
    return " ".join(" ".join(out).split())


def literal(section):
    """Lines of mdoc that are shown as typed: .Bd -literal and .Dl."""
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section, re.M | re.S)
    return blocks, [line for b in blocks for line in b.splitlines()] + re.findall(r"^\.Dl (.+)$", section, re.M)


def first_column(section):
    """The names at the beginning of a table's rows, one or several with commas."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section, re.M)
    return {name for row in rows for name in re.findall(r"\w+", row)}


def command_of(line):
    """The words of the track-usage in a shell line, without what it is piped to."""
    at = line.find("track-usage ")
    words = shlex.shlex(line[at:], posix=True, punctuation_chars=True)
    words.whitespace_split, words.commenters = True, ""
    out = []
    for word in words:
        if set(word) <= set("|<>;&()"):
            break
        out.append(word)
    return out[1:]


def with_actions(bench, commands):
    """The commands, and in the place of one with actions these: "geo fill"."""
    out = []
    for command in commands:
        _, _, listed = bench.run(command, "--help").stdout.decode().partition("Subcommands:")
        out += [f"{command} {action}" for action in re.findall(r"^  ([a-z]+) ", listed, re.M)] or [command]
    return out


def lists_and_options(bench, man, readme):
    top = bench.run("--help").stdout.decode()
    commands = re.findall(r"^  ([a-z]+) ", top.split("Subcommands:")[1], re.M)
    for command in commands:
        bench.check(f"README has {command}", f"track-usage {command}" in README.read_text())
    for command in with_actions(bench, commands):
        bench.check(f"the manual has {command}", command in man and f".Cm {command}\n" in man["SYNOPSIS"])
        helped = help_options(bench.run(*command.split(), "--help").stdout.decode())
        section = man.get(command, "")
        written = {**man_options(man["Every command"]), **man_options(section)}
        for other in re.findall(r"^\.Sx (.+?)(?: [,.;])?$", section, re.M):
            written.update(man_options(man[other]))
        bench.check(f"options of {command}, and which take a value, in --help and manual", written, helped)

    for what, readme_section, man_section in (("sinks", "Sinks", "TARGETS"), ("formats", "Formats", "FORMATS"),
                                              ("parsers", "Formats", "FORMATS"), ("hooks", None, "SUMMARIES")):
        listed = {line.split()[0] for line in bench.run("list", what).stdout.decode().splitlines()}
        if what == "hooks":  # a program is no summary, and has a section of its own
            bench.check("exec: is listed, and in the manual", "exec:CMD" in listed and "exec:" in man["HOOKS OF ONE'S OWN"])
            listed -= {"exec:CMD"}
        told = {name.rstrip(":\\&") for name in re.findall(r"^\.It Cm ([a-z0-9_]+:?(?:\\&)?)(?=\s|$)", man[man_section], re.M)}
        bench.check(f"{what} of the manual", told - {"auto"}, listed)
        if readme_section:
            bench.check(f"{what} of README", first_column(readme[readme_section]), listed)
        else:
            hooks = re.search(r"made by hooks: (.*?);", readme["What is kept where"])[1]
            bench.check(f"{what} of README", set(re.findall(r"`(\w+)`", hooks)), listed)


def words_of(section):
    return {word.rstrip(".,;:") for word in section.replace("\\&", "").split()}


def lower(names):
    return {name.lower() for name in names}


def literals(code):
    """The text of string literals that stand one behind the other."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', code))


def formats(bench, page):
    """The page of formats names all that the parsers' maps and tables name."""
    code = {name: (PARSERS / f"{name}.cpp").read_text()
            for name in ("field_map", "json_presets", "pairs", "presets", "w3c", "format_string")}
    table = lambda file, name: re.search(rf" {name}\[\] = \{{(.*?)^\}};", code[file], re.M | re.S)[1]
    text = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'

    # By format: keys of maps, columns, fields of positional logs.
    names = {}
    for file in ("json_presets", "pairs"):
        for preset, given, entries in re.findall(rf"(?:JsonPreset (\w+)\{{|string_view (\w+)_map =)\s*{text}", code[file]):
            keys = [pair.split("=", 1)[1].split("|") for pair in literals(entries).split(",")]
            names[(preset or given).removeprefix("nginx_")] = {key for several in keys for key in several}
    parts = set(re.findall(r'\{"([^"]+)",', table("presets", "parts")))
    for name, layout in re.findall(rf'read_layout\(\s*"(\w+)",\s*{text}\)', code["presets"]):
        names[name] = set(re.findall(r"<(\w+)[?{}]*>", literals(layout))) - parts
    names["w3c"] = set(re.findall(r'\{"([^"]+)",', table("w3c", "known_columns")))
    columns = literals(re.search(rf"cloudfront_columns =\s*{text}", code["w3c"])[1]).split()
    names["cloudfront"] = {column for column in columns if column.lower() not in names["w3c"]}

    listed = {line.split()[0] for line in bench.run("list", "formats").stdout.decode().splitlines()}
    bench.check("every format has a heading in the page of formats", listed - set(page), set())
    bench.check("every format has its names in parsers/", set(names), listed - {"common", "combined", "vhost_combined", "vhost_common"})
    for name in sorted(names):
        bench.check(f"names of {name} in the page of formats", lower(names[name]) - lower(words_of(page.get(name, ""))), set())

    fields = set(re.findall(r'"(\w+)"', table("field_map", "field_names")))
    told = {name for line in re.findall(r"^\.It Cm (.+)$", page["Names of your own"], re.M) for name in re.findall(r"\w+", line)}
    bench.check("fields of a json: map in the page of formats", told, fields)

    apache, nginx = words_of(page["Apache"]), words_of(page["nginx"])
    directives = {f"%{letter}" for letter in re.findall(r"\{'(\w)',", table("format_string", "directives"))}
    bench.check("directives of Apache in the page of formats", directives - apache, set())
    headers = {f"%{{{name}}}i" for name in re.findall(r'\{"([^"]+)",', table("format_string", "headers"))}
    bench.check("headers of Apache in the page of formats", headers - lower(apache), set())
    variables = {f"${name}" for name in re.findall(r'\{"([^"]+)",', table("format_string", "variables"))}
    bench.check("variables of nginx in the page of formats", variables - nginx, set())


def exit_codes(bench, man, readme):
    of_man = {code: plain(text) for code, text in re.findall(r"^\.It (\d+)\n(.*?)(?=^\.It |^\.El)", man["EXIT STATUS"], re.M | re.S)}
    of_readme = {code: plain(text) for code, text in re.findall(r"^\| (\d+) \| (.*) \|$", readme["Exit codes"], re.M)}
    bench.check("exit codes of README and manual are one table", of_readme, of_man)
    declared = re.search(r"enum class Exit[^{]*\{(.*?)\};", (ROOT / "src" / "error.h").read_text(), re.S)[1]
    bench.check("and they are the program's", sorted(of_man, key=int), re.findall(r"= (\d+)", declared))


def rows_and_views(bench, man, readme):
    row = checks.json.loads(bench.run("ingest", "--sink", "print:", "access.log").stdout.splitlines()[0])
    words = set(re.findall(r"[a-z0-9_]+", man["THE ROW"]))
    bench.check("every key of a row is in the manual", (set(row) | set(row["user_agent"])) - words, set())
    columns = {c[1] for c in bench.query("PRAGMA table_info(usage_rows)")}
    bench.check("every column of usage_rows is in the manual", columns - words, set())
    there = {name for (name,) in bench.query("SELECT name FROM sqlite_master")}
    named = set(re.findall(r"\busage_[a-z_]+\b", README.read_text() + MAN.read_text()))
    bench.check("every view named is there", named - there, set())


def examples(bench, man, readme):
    shown = []
    for kind, block in re.findall(r"^```(sh|crontab)\n(.*?)^```", README.read_text(), re.M | re.S):
        shown += block.splitlines()
    shown += [line for line in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", README.read_text()) if "track-usage " in line]
    shown += literal(man["EXAMPLES"])[1]
    for line in shown:
        if "track-usage " not in line:
            continue
        here = re.sub("/(var/log|etc)/nginx/", f"{bench.folder}/", line).replace("/srv/", f"{bench.folder}/srv/")
        try:
            words = command_of(here)
        except ValueError as error:
            bench.check(line, str(error))
            continue
        done = bench.run(*words, stdin=(bench.folder / "access.log").read_bytes())
        if not bench.check(line, done.returncode, 0):
            print(done.stderr.decode("utf-8", "replace"))

    block = re.search(r"^```text\n(.*?)^```", readme["Formats"], re.M | re.S)[1].splitlines()
    said = bench.run(*command_of(block[0])).stdout.decode().splitlines()
    bench.check(block[0], [line for line in block[1:] if line not in said], [])

    # queries.py runs those of queries.sql; here they need only be the same.
    queries = lambda text: {" ".join(q.split()) for q in text.split("\n\n") if "SELECT" in q}
    tested = re.sub(r"^-- plan:.*\n", "", (checks.TESTS / "queries.sql").read_text(), flags=re.M)
    bench.check("the SQL queries of the manual are those of queries.sql", queries(literal(man["SQL queries"])[0][0]), queries(tested))

    config = literal(man["CONFIGURATION"])[0][0].replace("/srv/", f"{bench.folder}/srv/new-")
    bench.write("example.toml", config.encode())
    for command in (("ingest", "access.log"), ("report",)):
        done = bench.run(command[0], "--config", "example.toml", *command[1:])
        if not bench.check(f"the configuration example, {command[0]}", done.returncode, 0):
            print(done.stderr.decode("utf-8", "replace"))


def demo(bench, readme):
    """What README's first screen shows of tools/demo is what comes of these steps."""
    folder = bench.room("demo")
    for log in (checks.SAMPLES / "shop").glob("access.log*"):
        shutil.copy(log, folder)
    bench.environment.update(LC_ALL="C.UTF-8", COLUMNS="80")
    said = ""
    for step in ("first", "again", "rotated"):
        if step == "rotated":
            (folder / "access.log.2.gz").rename(folder / "access.log.3.gz")
            (folder / "access.log.2.gz").write_bytes(gzip.compress((folder / "access.log.1").read_bytes()))
            (folder / "access.log").rename(folder / "access.log.1")
            newest = (folder / "access.log.1").read_bytes().splitlines(True)[:50]
            bench.write("access.log", [line.replace(b"15/Nov/2026", b"16/Nov/2026") for line in newest])
        said += bench.run("ingest", "-v", "access.log*").stderr.decode()
    said += bench.run("report").stdout.decode()
    tidy = lambda text: re.sub(r"  \d+\.\d\d s -> .*", "", text).rstrip()
    lines = {tidy(line) for line in said.splitlines()}
    lines |= {line for line in re.findall(r'^bold "(.*)"$', (ROOT / "tools" / "demo").read_text(), re.M)}
    block = re.search(r"^```text\n(.*?)^```", readme[""], re.M | re.S)[1]
    untrue = [line for line in block.splitlines() if line and not line.startswith("$ ") and tidy(line) not in lines]
    bench.check("the first screen is what tools/demo prints", untrue, [])


def lint(bench):
    if not shutil.which("mandoc"):
        print("skipped: mandoc is not installed", flush=True)
        return False
    done = subprocess.run(["mandoc", "-T", "lint", MAN, FORMATS], capture_output=True, text=True)
    said = (done.stdout + done.stderr).splitlines()
    bench.check("mandoc -T lint", [line for line in said if not LINT_ALLOWED.search(line)], [])
    return True


def main():
    bench = checks.Bench(sys.argv[1])
    bench.environment["TRACK_USAGE_CONFIG"] = "none"
    bench.environment["TRACK_USAGE_AGENTS"] = "built-in"
    folder = bench.room("documents")
    (folder / "srv").mkdir()
    (folder / "old-logs").mkdir()
    for log in (checks.SAMPLES / "shop").glob("access.log*"):
        shutil.copy(log, folder)
    shutil.copy(folder / "access.log.2.gz", folder / "old-logs")
    bench.write("timed.log", b'192.0.2.1 [22/Nov/2026:14:05:06 +0000] "GET /tea HTTP/1.1" 200 5120 4217\n')
    bench.write("app.log", b'{"t":{"when":"2026-11-22T14:05:06Z"},"ip":"192.0.2.1","m":"GET","p":"/tea","code":200}\n')
    bench.write("nginx.conf", b"""http { log_format main '$remote_addr - $remote_user [$time_local] "$request" '
        '$status $body_bytes_sent "$http_referer" "$http_user_agent"'; }""")
    bench.ingest("access.log*", sinks=("usage.db", "srv/usage.db"))

    man, readme = man_sections(MAN.read_text()), readme_sections(README.read_text())
    linted = lint(bench)
    lists_and_options(bench, man, readme)
    formats(bench, man_sections(FORMATS.read_text()))
    exit_codes(bench, man, readme)
    rows_and_views(bench, man, readme)
    examples(bench, man, readme)
    demo(bench, readme)
    if not linted and not bench.failed:
        shutil.rmtree(bench.top)
        sys.exit(77)
    bench.end()


if __name__ == "__main__":
    main()
