"""flame.py - where a request's time goes: flame graphs, and what is kernel and what is muster.

`./dev bench flame`. Needs linux-perf and the right to profile the kernel. muster is built once more with
frame pointers; perf samples its worker under load, and the stacks are drawn: width is share of time, the
kernel's frames are grey, muster's green, libraries' blue. Frames narrower than one pixel are left out.
"""

import collections
import re
import shutil
import subprocess
from html import escape

import charts
from contenders import Server
from levers import Lever, build
from workloads import WORKLOADS

SECONDS = 6
FREQUENCY = 1999
PROFILED = ["udp_announce", "http_keep", "http_close"]
FRAME = re.compile(r"^\s+([0-9a-f]+)\s+(.*)\s+\((.*)\)$")
ROW = 17
INKS = {"kernel": "#b8bec6", "muster": "#7fbf94", "library": "#8fb3d9"}


def stacks(text):
    """Counter of stacks, root first, of `perf script`: tuples of (function, whose)."""
    found = collections.Counter()
    frames = []
    for line in text.splitlines() + [""]:
        if frame := FRAME.match(line):
            address, symbol, origin = frame.groups()
            name = symbol.split("+0x")[0]
            is_kernel = origin.startswith("[") or address.startswith("ffff")
            whose = "kernel" if is_kernel else "muster" if "muster" in origin else "library"
            frames.append((name if name != "[unknown]" else whose, whose))
        elif not line.strip() and frames:
            found[tuple(reversed(frames))] += 1
            frames = []
    return found


def shares(found):
    """Part of the samples whose innermost frame is the kernel's, muster's, a library's."""
    total, by_whose = sum(found.values()), collections.Counter()
    for stack, count in found.items():
        by_whose[stack[-1][1]] += count
    return {whose: by_whose[whose] / total for whose in INKS}


def self_times(found, whose):
    total, times = sum(found.values()), collections.Counter()
    for stack, count in found.items():
        name, of = stack[-1]
        if of == whose:
            times[name] += count
    return [(name, count / total) for name, count in times.most_common(8)]


def boxes(found, depth, left, width, out):
    """Append (depth, left, width, name, whose) of all frames, widest callers first."""
    total = sum(found.values())
    groups = collections.defaultdict(collections.Counter)
    for stack, count in found.items():
        if stack:
            groups[stack[0]][stack[1:]] += count
    for (name, whose), below in sorted(groups.items(), key=lambda g: -sum(g[1].values())):
        share = width * sum(below.values()) / total
        if share >= 1:
            out.append((depth, left, share, name, whose))
            boxes(below, depth + 1, left, share, out)
        left += share


def svg(title, found):
    placed = []
    boxes(found, 0, 8, charts.WIDTH - 16, placed)
    height = 40 + ROW * (max(depth for depth, *_ in placed) + 1) + 8
    parts = [f'<text class="t" x="12" y="24">{escape(title)}</text>']
    total_px = charts.WIDTH - 16
    for depth, left, width, name, whose in placed:
        y = height - 8 - ROW * (depth + 1)
        text = name if len(name) * 6.2 < width - 4 else name[: max(0, int((width - 4) / 6.2) - 1)] + "…"
        parts.append(
            f"<g><title>{escape(name)} {100 * width / total_px:.1f} %</title>"
            f'<rect x="{left:.1f}" y="{y}" width="{max(width - 0.5, 0.5):.1f}" height="{ROW - 1}" '
            f'fill="{INKS[whose]}"/>'
            + (f'<text class="f" x="{left + 2:.1f}" y="{y + 12}">{escape(text)}</text>' if width > 24 else "")
            + "</g>"
        )
    style = charts.STYLE + ".f{font:10px monospace;fill:#111}"
    return charts.picture(height, parts, style)


def record(run, workload, program):
    s = run.setting(workload, 9)
    s.program = program
    data = run.folder / "perf.data"
    with Server("muster", s, "0") as server:
        load = run.command(workload, run.contender("muster"), s, server.pid, SECONDS + 20)
        with subprocess.Popen(load, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bench:
            subprocess.run(["sleep", "3"], check=True)
            perf = ["perf", "record", "-q", "-F", str(FREQUENCY), "-g", "-p", str(server.pid)]
            subprocess.run([*perf, "-o", str(data), "sleep", str(SECONDS)], check=True)
            bench.terminate()
        script = ["perf", "script", "-i", str(data), "-F", "comm,ip,sym,dso"]
        return stacks(subprocess.run(script, check=True, capture_output=True, text=True).stdout)


def markdown(results, about, command):
    lines = [
        "# Where a request's time goes",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`: "
        f"perf, {FREQUENCY} samples a second for {SECONDS} s, of a muster built with frame pointers.",
        "",
        "| workload | kernel | muster | libraries | muster's own functions, share of all samples |",
        "|---|---|---|---|---|",
    ]
    for name, r in results.items():
        part = r["shares"]
        own = ", ".join(f"`{n}` {100 * v:.1f} %" for n, v in r["muster"])
        lines.append(
            f"| {name} | {100 * part['kernel']:.0f} % | {100 * part['muster']:.0f} % "
            f"| {100 * part['library']:.0f} % | {own} |"
        )
    lines += [""] + [f"![{name}](flame-{name}.svg)\n" for name in results]
    return "\n".join(lines).rstrip() + "\n"


def study(run, about):
    if not shutil.which("perf"):
        raise SystemExit("flame: perf is missing: install linux-perf")
    by_name = {w.name: w for w in WORKLOADS}
    framed = Lever("frame pointers", "", "", [], ("-Dc_args=-fno-omit-frame-pointer",))
    program = build(run.root, run.folder / "framed", framed)
    results, pictures = {}, {}
    for name in PROFILED:
        found = record(run, by_name[name], program)
        results[name] = {"shares": shares(found), "muster": self_times(found, "muster")}
        pictures[f"flame-{name}"] = svg(f"{by_name[name].title}: CPU time", found)
        run.say(f"{name}: {results[name]['shares']}")
    return "flame", results, markdown(results, about, run.options.command), pictures
