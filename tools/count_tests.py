"""count_tests.py - adds up what every test runner reported, so that no failure is lost.

    count_tests.py < RESULTS       one suite a line: NAME STATUS REPORT

STATUS is the runner's exit status, REPORT its JUnit file. Prints the names of failed and skipped
tests and, last, `N passed, N failed`. A suite that reported nothing counts as one failure, and so
does a runner that ended badly although each of its tests passed.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

GOOD = {"OK", "EXPECTEDFAIL", "SKIP"}


def cases_of(report):
    """[(class name, test name, outcome)] of a JUnit file; nothing when it cannot be read."""
    try:
        tree = ElementTree.parse(report)
    except (OSError, ElementTree.ParseError):
        return []
    cases = []
    for case in tree.iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        if "skipped" in kinds:
            outcome = "skipped"
        cases.append((case.get("classname", ""), case.get("name", ""), outcome))
    return cases


def died(report, failed):
    """Programs of meson's own log (NAME.json beside NAME.junit.xml) that ended badly although none
    of their TAP lines says so: a crash or a leak after the last `ok`."""
    log = Path(str(report).removesuffix(".junit.xml") + ".json")
    if not log.exists():
        return []
    programs = [json.loads(line) for line in log.read_text().splitlines()]
    return [
        f"{p['name']}: {p['result']}"
        for p in programs
        if p["result"] not in GOOD
        and not any(c.endswith(p["name"]) or name == p["name"] for c, name in failed)
    ]


def label(class_name, name):
    """"class: name"; meson repeats the class in the name of a test that is not TAP."""
    return name if name.startswith(class_name) else f"{class_name}: {name}"


def count(suite, status, report):
    """(number passed, [failed], [skipped]) of one suite."""
    cases = cases_of(report)
    passed, bad, skipped = (
        [(c, name) for c, name, outcome in cases if outcome == wanted]
        for wanted in ("passed", "failed", "skipped")
    )
    failed = [label(*case) for case in bad] + died(report, bad)
    if not cases:
        failed.append(f"{suite}: no test ran")
    elif status != 0 and not failed:
        failed.append(f"{suite}: ended with status {status}")
    return len(passed), failed, [label(*case) for case in skipped]


def main(lines):
    passed, failed, skipped = 0, [], []
    for line in lines:
        suite, status, report = line.split(maxsplit=2)
        suite_passed, suite_failed, suite_skipped = count(suite, int(status), report.strip())
        passed += suite_passed
        failed += [f"[{suite}] {name}" for name in suite_failed]
        skipped += [f"[{suite}] {name}" for name in suite_skipped]
    for word, names in (("skipped", skipped), ("FAILED", failed)):
        for name in names:
            print(f"{word}: {name}")
    also = f", {len(skipped)} skipped" if skipped else ""
    print(f"{passed} passed, {len(failed)} failed{also}")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.stdin))
