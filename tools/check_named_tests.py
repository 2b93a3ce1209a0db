"""check_named_tests.py - refuses a document that names a test, or a source file, which is not there.

    check_named_tests.py ROOT DOCUMENT...

What stands in backquotes and looks like one of these is a name, DOCUMENT's paths are ROOT's:

    SUITE/test_FILE.py::test_NAME     a function of tests/SUITE/test_FILE.py
    unit/FILE.c::NAME                 a test of that program, which meson runs. Compilers refuse a static
                                      function that no table uses
    fuzz_NAME                         a target of tests/fuzz that meson knows
    test_FILE.py                      a file of some suite
    FOLDER/FILE.c, .h, .def, .md ...  a file below ROOT, ROOT/src, ROOT/tests or ROOT/docs

In a table whose last column is headed `test` each row must name one: a claim without a test is none.
"""

import re
import sys
from pathlib import Path

QUOTED = re.compile(r"`([^`\n]+)`")
FUNCTION = re.compile(r"([\w/]+/)([\w.-]+)::([\w.-]+)")
FUZZ = re.compile(r"fuzz_\w+")
TEST_FILE = re.compile(r"test_\w+\.py")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/[\w.-]+\.(?:c|h|def|py|md|txt|sh|service|build)")
PLACES = ["", "src", "tests", "docs"]


def is_python_test(root, folder, file, name):
    path = root / "tests" / folder / file
    return path.is_file() and re.search(rf"^def {re.escape(name)}\(", path.read_text(), re.M)


def is_unit_test(root, folder, file, name):
    path = root / "tests" / folder / file
    built = root / "tests" / folder / "meson.build"
    if not (path.is_file() and built.is_file()):
        return False
    test = rf"^static void {re.escape(name)}\(void \*\*\w+\)$"
    return f"'{path.stem}'" in built.read_text() and re.search(test, path.read_text(), re.M)


def is_fuzz_target(root, name):
    built = root / "tests" / "fuzz" / "meson.build"
    is_built = built.is_file() and f"'{name}'" in built.read_text()
    return is_built and (root / "tests" / "fuzz" / f"{name}.c").is_file()


def is_there(root, name):
    """None: not a name of ours; else whether it exists."""
    if found := FUNCTION.fullmatch(name):
        by_kind = is_python_test if found[2].endswith(".py") else is_unit_test
        return bool(by_kind(root, *found.groups()))
    if "::" in name:
        return False
    if FUZZ.fullmatch(name):
        return is_fuzz_target(root, name)
    if TEST_FILE.fullmatch(name):
        return any((root / "tests").glob(f"*/{name}"))
    if FILE.fullmatch(name):
        return any((root / place / name).is_file() for place in PLACES)
    return None


def is_test(name):
    return "::" in name or FUZZ.fullmatch(name) or TEST_FILE.fullmatch(name)


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows_without_test(lines):
    """Their numbers, from 1."""
    header = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("|"):
            header = None
        elif header is None:
            header = cells(line)
        elif header[-1] == "test" and not line.startswith("|-"):
            if not any(map(is_test, QUOTED.findall(cells(line)[-1]))):
                yield number


def check(root, document):
    lines = (root / document).read_text(encoding="utf-8").splitlines()
    names = [(n, name) for n, line in enumerate(lines, 1) for name in QUOTED.findall(line)]
    complaints = [
        f"{document}:{n}: there is no {name}" for n, name in names if is_there(root, name) is False
    ]
    complaints += [f"{document}:{n}: names no test" for n in rows_without_test(lines)]
    if not any(is_test(name) for _, name in names):
        complaints.append(f"{document}: names no test at all")
    return complaints


if __name__ == "__main__":
    found = [line for document in sys.argv[2:] for line in check(Path(sys.argv[1]), document)]
    print("\n".join(found or ["named tests: ok"]))
    sys.exit(1 if found else 0)
