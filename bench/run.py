"""run.py - measure muster, the floors and its peers side by side; `./dev bench` calls it.

    run.py [--build FOLDER] [--rounds N] [--seconds S] [--full] [--list] [--out NAME] [WORKLOAD ...]
    run.py [--build FOLDER] memory | curve | levers | flame | snapshot | tuning | flood | lists |
                            sandbox | holds

For each workload, each round starts every contender anew (rounds alternate the order), fills it, and
measures it with muster-bench: the server alone on one CPU, the generator alone on the other. The figures
are medians over the rounds with their range, the ratios medians of the ratios within a round: what
disturbs the machine for a minute then disturbs both sides.

Writes bench/results/NAME.json (everything), NAME.md (tables, goals) and NAME-*.svg.

The words in the second line are studies of another shape, each in a file of its own: memory after filling
through the UDP door, cost and bytes from 10^4 to 10^8 peers, what each lever of the fast path gives, where
the time goes, what kernel settings do, what others notice of a flood, what access lists and the sandbox cost,
and what keeps a saver from losing its processor with a lock held.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import charts
import curve
import flame
import flood
import holds
import levers
import lists
import memory
import sandbox
import snapshot
import tuning
from contenders import CONTENDERS, Server, Setting, is_installed, version_of
from workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
SERVER_CPU, BENCH_CPU = "0", "1"
FIRST_PORT = 17000
STUDIES = {
    "memory": memory,
    "curve": curve,
    "levers": levers,
    "flame": flame,
    "snapshot": snapshot,
    "tuning": tuning,
    "flood": flood,
    "lists": lists,
    "sandbox": sandbox,
    "holds": holds,
}
SHOWN = [  # key, head of the column, factor, decimals
    ("cpu_us_per_request", "CPU µs/request", 1, 2),
    ("cpu_busy", "CPU in use", 1, 2),
    ("answers_per_s", "answers/s", 1, 0),
    ("latency_p50_us", "p50 µs", 1, 0),
    ("latency_p99_us", "p99 µs", 1, 0),
    ("latency_p999_us", "p99.9 µs", 1, 0),
    ("latency_max_us", "max µs", 1, 0),
    ("peers_per_answer", "peers/answer", 1, 1),
    ("rss_bytes", "RSS MB", 1e-6, 1),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
        self.folder.chmod(0o755)
        self.port = FIRST_PORT
        self.results = {}  # workload -> contender -> [one report a round]
        self.commands = {}
        self.failures = {}  # (workload, contender) -> why there was no report
        self.extra = ()  # options of muster, for a while
        self.say, self.root, self.contender = say, ROOT, CONTENDERS.get

    def setting(self, workload, peers):
        self.port += 1
        return Setting(
            build=self.options.build,
            folder=self.folder / str(self.port),
            port=self.port,
            peers=peers,
            v6=workload.v6,
            close=workload.close,
            torrents=workload.torrents,
            extra=self.extra,
        )

    def rate(self, workload):
        source, share = workload.rate_of
        reports = self.results.get(source, {}).get("muster", [])
        if not reports:
            return None
        return int(share * statistics.median(r["answers_per_s"] for r in reports))

    def command(self, workload, contender, s, pid, seconds):
        host = "[::1]" if s.v6 else "127.0.0.1"
        out = [
            *("taskset", "-c", BENCH_CPU, str(s.build / "muster-bench")),
            *("--quiet", "--json", "-", "--pid", str(pid), "-d", f"{int(seconds * 1000)}ms"),
            *workload.args,
        ]
        if not contender.is_tracker or not workload.fills:
            out.append("--no-fill")
        if contender.command.__name__.split("_")[0] != "muster":
            out += ["--deep", "0"]  # others hand out the asker, or made-up peers
        if workload.rate_of:
            out += ["--rate", str(self.rate(workload))]
        return [*out, f"{workload.url}://{host}:{s.port}/announce"]

    def measure(self, workload, name, peers, seconds, program=None):
        """One report of muster-bench; None when the contender cannot serve this."""
        s = self.setting(workload, peers)
        s.program, s.v6 = program, workload.v6 and not CONTENDERS[name].v4
        with Server(name, s, workload.server_cpus or SERVER_CPU) as server:
            command = self.command(workload, CONTENDERS[name], s, server.pid, seconds)
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        if not done.stdout.startswith("{"):
            self.failures[workload.name, name] = " ".join(done.stderr.split())[-300:]
            say(f"  {name}: {self.failures[workload.name, name]}")
            return None
        shown = " ".join(command[3:]).replace(str(ROOT) + "/", "")
        self.commands[workload.name] = shown.replace(str(server.pid), "PID")
        report = json.loads(done.stdout)
        report["load_average"] = os.getloadavg()[0]
        if done.returncode:
            say(f"  {name}: {report['loss_percent']} % lost, wrong: {report['wrong_by_kind']}")
        return report

    def peers_of(self, workload):
        """Peers in muster's answers here: the floors and nginx answer with as many."""
        report = self.measure(workload, "muster", 9, 0.3)
        return round(report["peers_per_answer"]) if report else 9

    def workload(self, workload):
        if workload.rate_of and not self.rate(workload):
            say(f"{workload.name}: needs {workload.rate_of[0]} in the same run; left out")
            return
        names = [n for n in workload.servers if is_installed(n)]
        peers = self.peers_of(workload)
        reports = self.results.setdefault(workload.name, {n: [] for n in names})
        for number in range(self.options.rounds):
            for name in names if number % 2 == 0 else reversed(names):
                report = self.measure(
                    workload, name, peers, workload.seconds or self.options.seconds
                )
                reports[name].append(report)
                cost = report and report.get("cpu_us_per_request")
                say(f"{workload.name:<26}round {number + 1}  {name:<28}{cost} us")


# ---- figures ----


def values(reports, key):
    return [r[key] for r in reports if r and key in r]


def spread(reports, key, factor=1):
    """(median, low, high), or None."""
    found = [v * factor for v in values(reports, key)]
    return (statistics.median(found), min(found), max(found)) if found else None


def ratio(by_name, name, reference, key):
    """Median of the ratios within each round, with their range."""
    pairs = zip(by_name.get(name, []), by_name.get(reference, []))
    ratios = [a[key] / b[key] for a, b in pairs if a and b and b.get(key)]
    return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def machine():
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run(
        [*git, "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "commit": commit.stdout.strip() or "unknown",
        "cpu": cpu,
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "kernel": platform.release().split("-")[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "peers": {p: version_of(p) for p in ("opentracker", "nginx-light")},
    }


# ---- writing ----


def cell(found, decimals):
    if not found:
        return ""
    median, low, high = found
    if decimals == 0:
        return f"{median:,.0f}".replace(",", " ")
    return f"{median:.{decimals}f} ({low:.{decimals}f}–{high:.{decimals}f})"


def reference_of(workload):
    return workload.servers[0]


def table(workload, by_name):
    reference = reference_of(workload)
    heads = ["", *(head for _, head, _, _ in SHOWN), f"× {reference}"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, reports in by_name.items():
        cells = [cell(spread(reports, key, f), d) for key, _, f, d in SHOWN]
        cells.append(cell(ratio(by_name, name, reference, "cpu_us_per_request"), 2))
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return lines


def goals(workload, by_name):
    for name, reference, most, *key in workload.goals:
        key = key[0] if key else "cpu_us_per_request"
        if reference:
            found, what = ratio(by_name, name, reference, key), f"{name} / {reference}, {key}"
        else:
            found, what = spread(by_name.get(name, []), key), f"{name}, {key}"
        if not found:
            continue
        worst = found[0] if reference else found[2]
        verdict = "reached" if worst <= most else "**missed**"
        yield f"* {what}: {cell(found, 2)}, goal at most {most}: {verdict}"


def worst_answers(workload, by_name):
    """Round by round, all contenders beside each other: is the machine or the server to blame?"""
    if not workload.rate_of:
        return
    yield from [
        "Worst answers, round by round: the longest in ms; answers above 50 ms, in so many spells; the "
        "latest start in ms, which is the generator's own. What all contenders have is the machine's.",
        "",
        "| round | " + " | ".join(f"{name}: longest | above 50 ms | latest start" for name in by_name) + " |",
        "|---|" + "---|---|---|" * len(by_name),
    ]
    for number, reports in enumerate(zip(*by_name.values()), 1):
        cells = [str(number)]
        for r in reports:
            cells += worst_cells(r) if r else [""] * 3
        yield "| " + " | ".join(cells) + " |"
    yield ""


def worst_cells(report):
    slow, spells = report["slow_answers"], report["slow_spells"]
    return [
        f"{report['latency_max_us'] / 1000:.1f}",
        f"{slow:.0f} in {spells:.0f}" if slow else "0",
        f"{report['late_start_max_us'] / 1000:.1f}",
    ]


def failures(run, workload):
    """Why cells are empty."""
    for (where, name), why in run.failures.items():
        if where == workload.name:
            yield f"* {name}: a round without a report: `{why}`"


def markdown(run, about):
    o = run.options
    busy = max(
        (v for by in run.results.values() for r in by.values() for v in values(r, "load_average")),
        default=0,
    )
    lines = [
        "# Benchmark results",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, {about['cpus']} CPUs, "
        f"{about['memory_gib']} GiB, Linux {about['kernel']}; opentracker "
        f"{about['peers']['opentracker']}, nginx {about['peers']['nginx-light']}.",
        "",
        f"`{o.command}`: {o.rounds} rounds of {o.seconds} s, interleaved; server on CPU "
        f"{SERVER_CPU}, generator on CPU {BENCH_CPU}. Medians (lowest–highest). Highest load "
        f"average during the run: {busy:.1f}" + (
            "; above 2.5 others were using the machine." if busy > 2.5 else "."),
        "",
    ]
    for workload in WORKLOADS:
        by_name = run.results.get(workload.name)
        if not by_name:
            continue
        lines += [f"## {workload.title}", "", f"`{run.commands.get(workload.name, '')}`", ""]
        lines += [*table(workload, by_name), "", *worst_answers(workload, by_name)]
        lines += [*goals(workload, by_name), *failures(run, workload), ""]
    return "\n".join(lines).rstrip() + "\n"


def chart(run, url, key):
    groups = []
    for workload in WORKLOADS:
        by_name = run.results.get(workload.name, {})
        rows = [(n, *s) for n, r in by_name.items() if (s := spread(r, key))]
        if workload.url == url and rows:
            groups.append((workload.title, rows))
    return groups


def write(run):
    about, name = machine(), run.options.out
    RESULTS.mkdir(exist_ok=True)
    everything = {
        "machine": about,
        "command": run.options.command,
        "rounds": run.options.rounds,
        "seconds": run.options.seconds,
        "commands": run.commands,
        "results": run.results,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(everything, indent=1) + "\n")
    text = markdown(run, about)
    for url in ("udp", "http"):
        if groups := chart(run, url, "cpu_us_per_request"):
            title = f"Server CPU per request over {url.upper()}, µs (less is better)"
            (RESULTS / f"{name}-{url}.svg").write_text(charts.bars(title, groups))
            text += f"\n![{title}]({name}-{url}.svg)\n"
    (RESULTS / f"{name}.md").write_text(text)
    print(text)


def write_study(run):
    about = machine()
    name, figures, text, pictures = run.options.study.study(run, about)
    RESULTS.mkdir(exist_ok=True)
    if figures:
        everything = {"machine": about, "command": run.options.command, "results": figures}
        (RESULTS / f"{name}.json").write_text(json.dumps(everything, indent=1) + "\n")
    for picture, svg in pictures.items():
        (RESULTS / f"{picture}.svg").write_text(svg)
    (RESULTS / f"{name}.md").write_text(text)
    print(text)


def options_read():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", type=Path, default=ROOT / "build/release")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--full", action="store_true", help="the large workloads, too")
    p.add_argument("--list", action="store_true", help="only list the workloads")
    p.add_argument("--out", default="comparison", help="name of the files in bench/results")
    p.add_argument("workload", nargs="*", help=f"only these; or one of {', '.join(STUDIES)}")
    o = p.parse_args()
    o.build = o.build.resolve()
    o.command = " ".join(["./dev bench", *sys.argv[1:]])
    o.study = STUDIES.get(o.workload[0]) if len(o.workload) == 1 else None
    unknown = set() if o.study else set(o.workload) - {w.name for w in WORKLOADS}
    if unknown:
        p.error(f"no workload {', '.join(sorted(unknown))}; --list names them")
    return o


def main():
    o = options_read()
    if o.list:
        for w in WORKLOADS:
            print(f"{w.name:<26}{w.title}{' (--full)' if w.slow else ''}")
        return 0
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two CPUs are needed: one for the server, one for the generator")
    run = Run(o)
    try:
        if o.study:
            write_study(run)
            return 0
        for workload in WORKLOADS:
            if workload.name in o.workload or (not o.workload and (o.full or not workload.slow)):
                run.workload(workload)
    except KeyboardInterrupt:
        say("interrupted: writing what there is")
    finally:
        shutil.rmtree(run.folder, ignore_errors=True)
    write(run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
