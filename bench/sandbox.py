"""sandbox.py - what the sandbox costs: server CPU per request with `--sandbox on` beside `--sandbox off`.

`./dev bench sandbox`. Each round measures three servers in turn, in alternating order: with the sandbox,
with it once more, and without. The ratio of the two equal ones is what this machine makes of no
difference at all: a cost below its spread is a cost that was not seen. What was in force is read from
/proc/PID and from the server's log, so that a kernel without the layers cannot pass for a cheap sandbox.
"""

import re
import statistics
import time
from pathlib import Path

from contenders import START_S_MAX, Server
from figures import why_void
from workloads import WORKLOADS

ROUNDS, SECONDS = 9, 2
OFF, ON, AGAIN = "off", "on", "on, again"
SIDES = [
    (OFF, ("--sandbox", "off")),
    (ON, ("--sandbox", "on")),
    (AGAIN, ("--sandbox", "on")),
]
LOADS = ["udp_announce", "http_keep", "http_close"]
READY = " ready: "
TOLD = re.compile(r"sandbox (?:on|strict):[^\n]*")


def filters_of(pid):
    """Seccomp filters in force, of the thread that has the most: a worker."""
    found = []
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        count = re.search(r"^Seccomp_filters:\s*(\d+)", status.read_text(), re.MULTILINE)
        found.append(int(count[1]) if count else 0)
    return max(found)


def in_force(run, workload, options):
    """(filters, what the log says, "" where it says nothing) of a server that is ready."""
    run.extra = (*options, "--log-level", "info")
    s = run.setting(workload, 9)
    run.extra = ()
    with Server("muster", s, "0") as server:
        end = time.monotonic() + START_S_MAX
        while READY not in (log := (s.folder / "log").read_text(errors="replace")):
            if time.monotonic() > end:
                raise RuntimeError("the server is not ready")
            time.sleep(0.05)
        told = TOLD.search(log)
        return filters_of(server.pid), told[0] if told else ""


def cpu(run, workload):
    """{side: [CPU microseconds a request, a round]}; all in turn."""
    found = {name: [] for name, _ in SIDES}
    for number in range(ROUNDS):
        for name, options in SIDES if number % 2 == 0 else reversed(SIDES):
            run.extra = options
            report = run.measure(workload, "muster", 9, SECONDS)
            is_void = not report or why_void(report)
            found[name].append(None if is_void else report["cpu_us_per_request"])
            run.say(f"{workload.name}, sandbox {name}: {found[name][-1]} us")
    run.extra = ()
    return found


def ratios(found, name, reference):
    return [a / b for a, b in zip(found[name], found[reference]) if a and b]


def row(name, found):
    def middle(values):
        return statistics.median(v for v in values if v)

    def spread(values):
        return f"{middle(values):.3f} ({min(values):.2f}–{max(values):.2f})"

    cost = [a - b for a, b in zip(found[ON], found[OFF]) if a and b]
    return (
        f"| {name} | {middle(found[OFF]):.2f} | {middle(found[ON]):.2f} "
        f"| {1000 * statistics.median(cost):+.0f} | {spread(ratios(found, ON, OFF))} "
        f"| {spread(ratios(found, AGAIN, ON))} |"
    )


def markdown(f, about, command):
    lines = [
        "# What the sandbox costs",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`",
        "",
        "Server CPU per request in µs, the kernel's share included, with `--sandbox on` (the default) and "
        f"`--sandbox off`: medians of {ROUNDS} rounds of {SECONDS} s, differences and ratios within a "
        "round. The last column compares two equal servers: what is less than its spread was not seen.",
        "",
        "| workload | off | on | on - off, ns | on / off | on / on |",
        "|---|---|---|---|---|---|",
        *(row(name, found) for name, found in f["cpu_us"].items()),
        "",
        "In force:",
        "",
    ]
    for name, (filters, told) in f["in_force"].items():
        says = f"; the log: `{told}`" if told else ""
        lines.append(f"* `--sandbox {name}`: {filters} seccomp filters on a worker{says}")
    return "\n".join(lines) + "\n"


def study(run, about):
    by_name = {w.name: w for w in WORKLOADS}
    held = {name: in_force(run, by_name[LOADS[0]], options) for name, options in SIDES[:2]}
    run.say(f"in force: {held}")
    if held[ON][0] <= held[OFF][0]:
        raise SystemExit("sandbox.py: no system calls are filtered here: nothing to measure")
    figures = {"in_force": held, "cpu_us": {name: cpu(run, by_name[name]) for name in LOADS}}
    return "sandbox", figures, markdown(figures, about, run.options.command), {}
