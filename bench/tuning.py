"""tuning.py - what kernel settings do, as far as loopback can show it; `./dev bench tuning`.

Each row is one setting at two values under a load that needs it. Where muster has an option that asks the
kernel for the same thing, the option is changed and the system is left alone.
"""

import statistics

from workloads import SMALL, Workload

ROUNDS = 3
SECONDS = 2

BURSTS = Workload(
    "bursts", "", "udp", [*SMALL, "-w", "8192", "-T", "300ms", "-k", "8"], ["muster"]
)
CROWD = Workload(
    "crowd", "", "http", [*SMALL, "--close", "-c", "4000", "-s", "4096"], ["muster"], close=True
)

ROWS = [  # setting, load in words, workload, [(value, options of muster)]
    (
        "net.core.rmem_max (`--udp-recv-buffer`)",
        "8192 announces outstanding at once",
        BURSTS,
        [
            ("212992, the kernel's default", ("--udp-recv-buffer", "106496")),
            ("4 MiB", ("--udp-recv-buffer", "4M")),
        ],
    ),
    (
        "net.core.wmem_max (`--udp-send-buffer`)",
        "8192 announces outstanding at once",
        BURSTS,
        [
            ("212992, the kernel's default", ("--udp-send-buffer", "106496")),
            ("1 MiB", ("--udp-send-buffer", "1M")),
        ],
    ),
    (
        "net.core.somaxconn (`--backlog`)",
        "4000 connections opened at once, again and again",
        CROWD,
        [("128", ("--backlog", "128")), ("4096", ("--backlog", "4096"))],
    ),
]


def study(run, about):
    rows = []
    for setting, load, workload, values in ROWS:
        reports = {value: [] for value, _ in values}
        for _ in range(ROUNDS):
            for value, options in values:
                run.extra = options
                report = run.must_measure(workload, "muster", 9, SECONDS, is_void_fine=True)
                reports[value].append(report)  # loss is what is looked for
        run.extra = ()
        for value, found in reports.items():
            row = {"setting": setting, "load": load, "value": value}
            for key in ("answers_per_s", "lost", "sent", "latency_p50_us", "latency_p99_us"):
                row[key] = statistics.median(r[key] for r in found)
            rows.append(row)
            run.say(f"{setting} {value}: {row['lost']:.0f} lost of {row['sent']:.0f}")
    return "tuning", rows, markdown(rows, about, run.options.command), {}


def markdown(rows, about, command):
    lines = [
        "# Kernel settings, measured",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. "
        f"`{command}`: medians of {ROUNDS} runs of {SECONDS} s.",
        "",
        "| setting | load | value | answers/s | lost | p50 µs | p99 µs |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        lost = 100 * r["lost"] / max(r["sent"], 1)
        lines.append(
            f"| {r['setting']} | {r['load']} | {r['value']} | {r['answers_per_s']:.0f} | {lost:.2f} % "
            f"| {r['latency_p50_us']:.0f} | {r['latency_p99_us']:.0f} |"
        )
    return "\n".join(lines) + "\n"
