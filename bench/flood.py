"""flood.py - what 1000 honest clients notice of a flood from 50 addresses; `./dev bench flood`.

Both ask the same muster over UDP, in open loop, so that latency counts from when a request was due. The
flood is a million announces with valid connection ids, all from 50 addresses; the honest ask from 1000
others, each address in a network of its own. Server and generators share two CPUs: what the flood's own
sending takes from the honest is in every figure, so it is measured, too, against a muster that limits
nobody and must answer it all.
"""

import json
import statistics
import subprocess

from contenders import Server
from workloads import SMALL, Workload

ROUNDS = 3
HONEST_RATE, FLOOD_RATE, FLOOD_REQUESTS = 5000, 100_000, 1_000_000
SECONDS = FLOOD_REQUESTS // FLOOD_RATE
ABUSERS, HONEST = 50, 1000
EVERYBODY = ("--rate-exempt", "192.0.2.1", "--workers", "1")
UNLIMITED = tuple(word for name in ("connect", "announce", "errors") for word in (f"--rate-{name}", "0"))

LOAD = Workload("flood", "", "udp", SMALL, ["muster"])

ROWS = [  # name, flood?, options of muster
    ("no flood", False, EVERYBODY),
    ("flood, limits as they are by default", True, EVERYBODY),
    ("flood, no limits", True, (*EVERYBODY, *UNLIMITED)),
]


def command(s, first_source, sources, rate, seed, timeout):
    return [
        *(str(s.build / "muster-bench"), "--quiet", "--json", "-", "--sleep", "--deep", "0"),
        *("-t", "10k", "-p", "10k", "-s", str(sources)),
        *("--first-source", str(first_source), "--source-gap", "255"),
        *("--rate", str(rate), "-e", str(seed), "-d", f"{SECONDS}s", "-F", "-T", timeout, "-w", "8192"),
        f"udp://127.0.0.1:{s.port}/announce",
    ]


def load_start(*of):
    return subprocess.Popen(command(*of), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def report_of(process):
    return json.loads(process.communicate()[0])


def measure(run, is_flooded, options):
    """(honest, flood or None), as muster-bench reports them."""
    run.extra = options
    s = run.setting(LOAD, 10_000)
    with Server("muster", s, "0,1"):
        flood = load_start(s, HONEST, ABUSERS, FLOOD_RATE, 2, "50ms") if is_flooded else None
        honest = report_of(load_start(s, 0, HONEST, HONEST_RATE, 1, "1s"))
        return honest, report_of(flood) if flood else None


def study(run, about):
    found = {name: [] for name, *_ in ROWS}
    for _ in range(ROUNDS):
        for name, is_flooded, options in ROWS:
            found[name].append(measure(run, is_flooded, options))
            run.say(f"  flood: {name}: p99 {found[name][-1][0]['latency_p99_us']:.0f} us")
    run.extra = ()
    rows = [row_of(name, reports) for name, reports in found.items()]
    return "flood", rows, markdown(rows, about, run.options.command), {}


def row_of(name, reports):
    def median(whose, key):
        values = [pair[whose][key] for pair in reports if pair[whose]]
        return statistics.median(values) if values else None

    return {
        "name": name,
        "p50_us": median(0, "latency_p50_us"),
        "p99_us": median(0, "latency_p99_us"),
        "answered": median(0, "answered"),
        "lost": median(0, "lost"),
        "flood_sent": median(1, "sent"),
        "flood_answered": median(1, "answered"),
    }


def markdown(rows, about, command_line):
    lines = [
        "# A flood, and what others notice of it",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. "
        f"`{command_line}`",
        "",
        f"{HONEST} honest addresses announce {HONEST_RATE} times a second over UDP, open loop, for "
        f"{SECONDS} s; {ABUSERS} addresses send {FLOOD_REQUESTS} announces with valid connection ids in "
        f"the same time. One worker; it and both generators share two CPUs. Medians of {ROUNDS} rounds; "
        "latency as the honest see it.",
        "",
        "| | p50 µs | p99 µs | p99 against no flood | honest answered | lost | of the flood: sent "
        "| answered |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        flood = [f"{r[key]:.0f}" if r[key] else "" for key in ("flood_sent", "flood_answered")]
        lines.append(
            f"| {r['name']} | {r['p50_us']:.0f} | {r['p99_us']:.0f} | {r['p99_us'] / rows[0]['p99_us']:.2f} "
            f"| {r['answered']:.0f} | {r['lost']:.0f} | {flood[0]} | {flood[1]} |"
        )
    return "\n".join(lines) + "\n"
