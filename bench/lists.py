"""lists.py - what access lists cost: instructions of an announce, CPU time of a server, memory, reading.

`./dev bench lists`. A million info hashes and 400 000 address ranges are loaded. Instructions are counted
by callgrind in tests/perf/announce_stream.c: two runs of different length, so that what happens once is not
in the difference. CPU time is muster-bench's, the same server with lists and without, in turn; the lists are
files then, read at start, and the log tells how long that took.
"""

import random
import re
import statistics
import sys
import time
from pathlib import Path

from contenders import START_S_MAX, Server
from workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/perf"))
from check_instructions import LONG, SHORT, instructions  # noqa: E402

STREAM = ROOT / "build/perf/tests/perf/announce_stream"
HASHES, RANGES = 1000000, 400000
ROUNDS, SECONDS = 7, 2
SEED = 5
WITHOUT = "no list"
KINDS = [  # announce_stream's word, what it means
    ("none", WITHOUT),
    ("deny", "deny lists of torrents, addresses, client software and ports"),
    ("near", "the same, a range beside the asker's address"),
    ("allow", "the same, and an allow list of torrents"),
    ("all", "every list there is, each long"),
]
STREAMS = ["udp", "http"]
READ = re.compile(r"lists: in force, read in (\d+) ms, (\S+) of memory")


def counted(stream, kind):
    counts = [
        instructions(str(STREAM), stream, length, kind, str(HASHES), str(RANGES))
        for length in (SHORT, LONG)
    ]
    return (counts[1] - counts[0]) / (LONG - SHORT)


def write_hashes(path):
    rng = random.Random(SEED)
    with open(path, "w", encoding="ascii") as out:
        for _ in range(HASHES):
            out.write(f"{rng.randbytes(20).hex()} removed\n")


def write_ranges(path):
    """In the form of P2P, from 4 to 1024 addresses each, none of loopback."""
    rng = random.Random(SEED)
    with open(path, "w", encoding="ascii") as out:
        for i in range(RANGES):
            first = rng.randrange(1 << 24, 223 << 24)
            last = first + (4 << rng.randrange(9)) - 1
            if first >> 24 == 127 or last >> 24 == 127:
                continue
            ends = [".".join(str(ip >> s & 255) for s in (24, 16, 8, 0)) for ip in (first, last)]
            out.write(f"Organization {i // 8}:{ends[0]}-{ends[1]}\n")


def write_clients(path):
    lines = [f"-A{chr(65 + i)} 1.0-2.0 no\n" for i in range(20)]
    path.write_text("".join(lines), encoding="ascii")


def lists(folder):
    """Options of muster that name them."""
    out = []
    for name, write in [
        ("deny-torrents", write_hashes),
        ("deny-ips", write_ranges),
        ("deny-clients", write_clients),
    ]:
        write(folder / name)
        out += [f"--{name}", str(folder / name)]
    return (*out, "--deny-ports", "1-79")


def reading(run, workload, options):
    """(milliseconds, memory as the log says it) of a start."""
    run.extra = (*options, "--log-level", "info")
    s = run.setting(workload, 9)
    run.extra = ()
    with Server("muster", s, "0"):  # its sockets are open before it reads
        end = time.monotonic() + START_S_MAX
        while not (found := READ.search((s.folder / "log").read_text(errors="replace"))):
            if time.monotonic() > end:
                raise RuntimeError("the lists were not read")
            time.sleep(0.05)
    return int(found[1]), found[2]


def cpu(run, workload, options):
    """{what: [CPU microseconds a request, a round]}; both in turn."""
    found = {WITHOUT: [], "deny lists": []}
    for number in range(ROUNDS):
        sides = [(WITHOUT, ()), ("deny lists", options)]
        for what, extra in sides if number % 2 == 0 else reversed(sides):
            run.extra = extra
            report = run.must_measure(workload, "muster", 9, SECONDS)
            found[what].append(report["cpu_us_per_request"])
            run.say(f"{workload.name}, {what}: {found[what][-1]} us")
    run.extra = ()
    return found


def study(run, about):
    if not STREAM.exists():
        sys.exit(f"{STREAM} is not there: ./dev bench lists builds it")
    steps = {}
    for stream in STREAMS:
        steps[stream] = {kind: counted(stream, kind) for kind, _ in KINDS}
        run.say(f"{stream}: {steps[stream]}")
    options = lists(run.folder)
    by_name = {w.name: w for w in WORKLOADS}
    times = {name: cpu(run, by_name[name], options) for name in ("udp_announce", "http_keep")}
    took_ms, memory = reading(run, by_name["udp_announce"], options)
    figures = {"instructions": steps, "cpu_us": times, "read_ms": took_ms, "memory": memory}
    return "lists", figures, markdown(figures, about, run.options.command), {}


def instruction_rows(steps):
    for kind, title in KINDS:
        cells = [title]
        for stream in STREAMS:
            now, before = steps[stream][kind], steps[stream]["none"]
            growth = "" if kind == "none" else f" ({now / before - 1:+.1%})"
            cells.append(f"{now:.0f}{growth}")
        yield "| " + " | ".join(cells) + " |"


def cpu_rows(times):
    for name, found in times.items():
        ratios = [b / a for a, b in zip(found[WITHOUT], found["deny lists"])]
        yield (
            f"| {name} | {statistics.median(found[WITHOUT]):.3f} "
            f"| {statistics.median(found['deny lists']):.3f} "
            f"| {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) |"
        )


def markdown(f, about, command):
    lines = [
        "# What access lists cost",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`",
        "",
        f"{HASHES:,} info hashes and {RANGES:,} ranges of addresses.".replace(",", " "),
        "",
        "## Instructions of an announce",
        "",
        "callgrind; the program's own instructions, without the kernel's.",
        "",
        "| in force | UDP | HTTP, kept connection |",
        "|---|---|---|",
        *instruction_rows(f["instructions"]),
        "",
        "## CPU time of a server",
        "",
        f"Microseconds a request, the kernel's included; medians of {ROUNDS} rounds in turn,",
        "ratios within a round. Where their range is wide the machine was not quiet, and the",
        "instructions say more.",
        "",
        "| workload | no list | deny lists | ratio |",
        "|---|---|---|---|",
        *cpu_rows(f["cpu_us"]),
        "",
        "## Reading",
        "",
        f"The deny lists, as text, were read in {f['read_ms']} ms and take {f['memory']} of memory.",
        "",
    ]
    return "\n".join(lines)
