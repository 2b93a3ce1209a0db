"""holds.py - can a saver be kept from losing its processor with a lock held? `./dev bench holds`.

Two remedies, alone and together, beside muster's way: a short slice of the processor for the saver, so that
the scheduler gives it back sooner (sched_setattr, Linux 6.12), and a sleep of 50 us between two holds, so
that it is taken there. bench/micro_hold.c has both; muster has neither. All in turn, in every round; what
counts is what announces feel: how many slept for a lock, and how long. Ranges that overlap decide nothing.
"""

import json
import statistics
import subprocess

ROUNDS = 9
STORES = [("200 k torrents, 400 k peers", 200000, 400000), ("one swarm of 100 k", 1, 100000)]
REMEDIES = [  # name, slice in us, a sleep every so many us; 0: neither
    ("as it is", 0, 0),
    ("slice of 100 µs", 100, 0),
    ("sleep every 300 µs", 0, 300),
    ("both", 100, 300),
]
FIGURES = [  # head of the column, how it is got, decimals
    ("slept of 1000 announces", lambda m: 1000 * m["waits"] / m["announces"], 3),
    ("slept", lambda m: m["waits"], 0),
    ("longest, µs", lambda m: m["wait_max"], 0),
    ("hold by the clock p99.9, µs", lambda m: m["wall"]["p999"], 0),
    ("longest, µs", lambda m: m["wall"]["max"], 0),
    ("longest save, ms", lambda m: m["save_ms_max"], 0),
]


def measure(options, torrents, peers, slice_us, rest_us):
    numbers = map(str, (torrents, peers, slice_us, rest_us))
    command = [options.build / "bench/micro_hold", *numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [m for m in json.loads(done.stdout)["saves"] if m["announces"]]


def study(run, about):
    """The name of the result, its figures, its text and its charts."""
    rows = {}
    for title, torrents, peers in STORES:
        for number in range(ROUNDS):
            for name, *us in REMEDIES if number % 2 == 0 else reversed(REMEDIES):
                for m in measure(run.options, torrents, peers, *us):
                    rows.setdefault((title, m["name"], name), []).append(m)
            run.say(f"{title}: round {number + 1}")
    figures = [{"store": s, "meanwhile": m, "remedy": r, "runs": f} for (s, m, r), f in rows.items()]
    return "holds", figures, markdown(figures, about, run.options.command), {}


def cell(values, decimals):
    middle, low, high = (f"{v:.{decimals}f}" for v in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low}–{high})"


def markdown(figures, about, command):
    lines = [
        "# Keeping a saver from losing its processor inside a hold",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`",
        "",
        f"What is tried, and how, is told at the top of `bench/holds.py`. Medians (lowest–highest) of "
        f"{ROUNDS} rounds; slept: announces that slept for a lock during five saves.",
        "",
        "| store | meanwhile | remedy | " + " | ".join(head for head, *_ in FIGURES) + " |",
        "|---|---|---|" + "---|" * len(FIGURES),
    ]
    order = [name for name, *_ in REMEDIES]
    for f in sorted(figures, key=lambda f: (f["store"], f["meanwhile"], order.index(f["remedy"]))):
        cells = [cell([of(m) for m in f["runs"]], decimals) for _, of, decimals in FIGURES]
        lines.append(f"| {f['store']} | {f['meanwhile']} | {f['remedy']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
