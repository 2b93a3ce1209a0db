"""check_instructions.py - instructions per announce may not grow by more than 3 %.

    check_instructions.py PROGRAM COMPILER FIGURES [--update]

PROGRAM is tests/perf/announce_stream.c, COMPILER names what built it ("gcc 12.2.0 x86_64 lto"), FIGURES is
bench/results/instructions.json: for each compiler, the count per announce of each stream.

Times on a shared machine differ by tens of percent, instruction counts by less than one in a thousand:
callgrind counts the program's own instructions in two runs of different length; their difference, divided
by the announces between, is free of everything that happens once.

When it fails, find out which commit did it (callgrind_annotate on both sides tells which function). If
the growth is worth it - a feature that needs those instructions, or fewer cache misses for more
instructions, shown by `./dev bench` - write the new figures with

    ./dev instructions

and commit them with the reason and the measurement in the message. Do the same when counts fall, so
that the gain is kept. A compiler without figures skips the test (exit status 77).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

STREAMS = ["udp", "udp_minimal", "http", "http_close"]  # minimal: what statistics cost
SHORT, LONG = 8192, 16384
GROWTH_MAX = 0.03
SKIPPED = 77

# memcpy and its like are chosen by the CPU; the plain ones are the same everywhere.
PLAIN_CPU = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM"


def instructions(program, stream, count, *lists):
    """Instructions of one whole run; `lists` are announce_stream's words for access lists."""
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*callgrind, program, stream, str(count), *lists],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "GLIBC_TUNABLES": PLAIN_CPU},
    )
    found = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
    if run.returncode or not found:
        sys.exit(f"{program} {stream} {count} failed:\n{run.stdout}{run.stderr}")
    return int(found.group(1))


def per_announce(program, stream):
    difference = instructions(program, stream, LONG) - instructions(program, stream, SHORT)
    return round(difference / (LONG - SHORT), 1)


def judge(stream, now, before):
    """A line to print, and whether this is a failure."""
    growth = now / before - 1
    line = f"{stream:<12}{before:>10.1f} -> {now:>10.1f} instructions per announce ({growth:+.1%})"
    if growth > GROWTH_MAX:
        return f"{line}: more than {GROWTH_MAX:.0%}; see the head of {Path(__file__).name}", True
    if growth < -GROWTH_MAX:
        return f"{line}: a gain; keep it with ./dev instructions", False
    return line, False


def update(path, compiler, measured):
    figures = json.loads(path.read_text()) if path.exists() else {}
    figures[compiler] = measured
    path.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    print(f"wrote {path}: {compiler}: {measured}")


def main(program, compiler, figures, *options):
    path = Path(figures)
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return SKIPPED
    known = json.loads(path.read_text()).get(compiler) if path.exists() else None
    if not known and "--update" not in options:
        print(f"{path.name} has no figures of {compiler}")
        return SKIPPED
    measured = {stream: per_announce(program, stream) for stream in STREAMS}
    if "--update" in options:
        update(path, compiler, measured)
        return 0
    verdicts = [judge(stream, measured[stream], known[stream]) for stream in STREAMS]
    for line, _ in verdicts:
        print(line)
    return 1 if any(failed for _, failed in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
