"""check_style.py - the rules of style that no compiler and no formatter knows.

    check_style.py [CHECKOUT]              default: the folder above this script's

A rule is a function that takes one file and yields complaints as (line number, text); RULES says
which files each rule reads. Add a rule by adding a row, and a bad sample to test_checks.py.
"""

import re
import sys
from pathlib import Path

FOLDERS = ["src", "tests", "bench", "tools", "packaging", ".ci"]
LINE_MAX = 110  # clang-format lays code out at 100; what it leaves alone may run a little over
FILE_LINES_MAX = {"src": 800, "other": 1000}
FUNCTION_LINES_MAX = 70

BANNED = "strcpy strcat sprintf vsprintf strtok atoi atol atoll gets alloca".split()
BANNED_CALL = re.compile(r"\b(%s)\s*\(" % "|".join(BANNED))
PROMISE = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]))
ERR_PROTOTYPE = re.compile(r"^(?:static inline )?enum err \w+\([^;{]*[;{]", re.MULTILINE)
CODE_NOISE = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)


class File:
    """One file's text, and for C the same text with comments and literals blanked out."""

    def __init__(self, root, path):
        self.name = str(path.relative_to(root))
        self.suffix = path.suffix
        self.root = root
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.split("\n")

    def code(self):
        return CODE_NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), self.text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def whitespace(f):
    for number, line in enumerate(f.lines, 1):
        if "\t" in line:
            yield number, "tab"
        if line != line.rstrip():
            yield number, "trailing space"
    if not f.text.endswith("\n"):
        yield len(f.lines), "no newline at the end"


def line_length(f):
    for number, line in enumerate(f.lines, 1):
        if len(line) > LINE_MAX:
            yield number, f"{len(line)} columns, at most {LINE_MAX}"


def file_length(f):
    limit = FILE_LINES_MAX.get(f.name.split("/")[0], FILE_LINES_MAX["other"])
    if len(f.lines) - 1 > limit:
        yield 1, f"{len(f.lines) - 1} lines: split it (at most {limit})"


def promises(f):
    for number, line in enumerate(f.lines, 1):
        if found := PROMISE.search(line):
            yield number, f"{found.group()}: do it, or open an issue"


def header_comment(f):
    """The first line says what the file is for."""
    if not f.lines[0].startswith(f"/* {Path(f.name).name} - "):
        yield 1, f'must begin with "/* {Path(f.name).name} - what it is for"'


def include_guard(f):
    """src/net/loop.h is guarded by NET_LOOP_H, tests/unit/unit.h by TESTS_UNIT_H or longer."""
    guard = re.search(r"^#ifndef (\w+)\n#define \1$", f.text, re.MULTILINE)
    parts = Path(f.name).with_suffix("").parts
    name = "_".join(parts[1:] if parts[0] == "src" else parts)
    wanted = re.sub(r"\W", "_", name).upper() + "_H"
    if not guard:
        yield 1, f"no include guard ({wanted})"
    elif parts[0] == "src" and guard.group(1) != wanted:
        yield line_of(f.text, guard.start()), f"include guard must be {wanted}"


def own_header_first(f):
    own = Path(f.name).with_suffix(".h")
    if not (f.root / own).exists():
        return
    wanted = str(own.relative_to("src"))
    first = re.search(r'^#include [<"]([^>"]+)[>"]', f.text, re.MULTILINE)
    if not first or first.group(1) != wanted:
        yield 1, f'its own header "{wanted}" must be its first include'


def banned_calls(f):
    code = f.code()
    for found in BANNED_CALL.finditer(code):
        yield line_of(code, found.start()), f"{found.group(1)} is banned"


def errors_are_checked(f):
    """A header's function that returns enum err makes its caller look at it."""
    code = f.code()
    for found in ERR_PROTOTYPE.finditer(code):
        if "MUST_CHECK" not in found.group():
            yield line_of(code, found.start()), "returns enum err without MUST_CHECK"


def function_length(f):
    """A body runs from a `{` to a `}` in the first column. A longer one says why in the comment
    above it, in a sentence that starts with "Long because"."""
    start = None
    for number, line in enumerate(f.lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            above = "\n".join(f.lines[max(0, start - 12) : start])
            if number - start > FUNCTION_LINES_MAX and "Long because" not in above:
                yield start, f"function of {number - start} lines, at most {FUNCTION_LINES_MAX}"
            start = None


C_FILES = {".c", ".h"}
ALL = C_FILES | {".def", ".py", ".sh", ".build"}
RULES = [
    (whitespace, ALL, FOLDERS),
    (promises, ALL, FOLDERS),
    (file_length, ALL, FOLDERS),
    (line_length, ALL - {".def"}, FOLDERS),
    (header_comment, C_FILES | {".def"}, FOLDERS),
    (include_guard, {".h"}, FOLDERS),
    (own_header_first, {".c"}, ["src"]),
    (banned_calls, C_FILES, FOLDERS),
    (errors_are_checked, {".h"}, ["src"]),
    (function_length, {".c"}, FOLDERS),
]


def check_file(f):
    for rule, suffixes, folders in RULES:
        if f.suffix in suffixes and f.name.split("/")[0] in folders:
            yield from (f"{f.name}:{number}: {text}" for number, text in rule(f))


def check(root):
    paths = (p for folder in FOLDERS for p in sorted((root / folder).rglob("*")))
    files = [File(root, p) for p in paths if p.is_file() and p.suffix in ALL]
    if not files:
        return [f"{root}: no files"]
    return [complaint for f in files for complaint in check_file(f)]


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent
    complaints = check(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    print("\n".join(complaints or ["style: ok"]))
    sys.exit(1 if complaints else 0)
