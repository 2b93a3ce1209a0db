"""tables.py - a run's results as markdown and charts. A run is what run.py's Run holds when it is over."""

import charts
from figures import CPU, SHOWN, cell, goal_line, is_bound, ratio, spread, values, why_void
from workloads import WORKLOADS

REASON_CHARS_MAX = 100
QUIET_LOAD = 2.5


def plain(text):
    """As a table's cell or a line bears it."""
    return " ".join(text.split()).replace("|", "/").replace("`", "'")


def why_empty(run, workload, name):
    reasons = run.failures.get((workload.name, name))
    if reasons:
        return "no report: " + plain(reasons[-1])[-REASON_CHARS_MAX:]
    return "all rounds void" if any(run.results[workload.name][name]) else "no report"


def row(run, workload, name, by_name):
    reports, reference = by_name[name], workload.servers[0]
    cells = [cell(spread(reports, key, f), d, is_bound(reports, key)) for key, _, f, d in SHOWN]
    if not cells[0] and reports:
        cells[0] = why_empty(run, workload, name)
    against = None if name in workload.beside else ratio(by_name, name, reference, CPU)
    return "| " + " | ".join([name, *cells, cell(against, 2)]) + " |"


def table(run, workload, by_name):
    heads = ["", *(head for _, head, _, _ in SHOWN), f"× {workload.servers[0]}"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + [row(run, workload, name, by_name) for name in by_name]


def commands(run, workload, by_name):
    """How each was asked: fills and deep looks differ."""
    asked = run.commands.get(workload.name, {})
    return [f"* {name}: `{asked[name]}`" for name in by_name if name in asked]


def worst_answers(workload, by_name):
    """Round by round, all contenders beside each other: is the machine or the server to blame?"""
    if not workload.rate_of:
        return
    yield from [
        "Worst answers, round by round: the longest in ms; answers above 50 ms, in so many spells; the "
        "latest start in ms, which is the generator's own; ms of the server's CPU that the hypervisor took "
        "away meanwhile, and the most of them within 200 ms (/proc/stat). What all contenders have is the "
        "machine's.",
        "",
        "| round | "
        + " | ".join(f"{name}: longest | above 50 ms | latest start | stolen" for name in by_name)
        + " |",
        "|---|" + "---|---|---|---|" * len(by_name),
    ]
    for number, reports in enumerate(zip(*by_name.values()), 1):
        cells = [str(number)]
        for r in reports:
            cells += worst_cells(r) if r else [""] * 4
        yield "| " + " | ".join(cells) + " |"
    yield ""


def worst_cells(report):
    slow, spells = report.get("slow_answers"), report.get("slow_spells", 0)
    start = report.get("late_start_max_us")
    return [
        f"{report['latency_max_us'] / 1000:.1f}",
        "" if slow is None else f"{slow:.0f} in {spells:.0f}" if slow else "0",
        "" if start is None else f"{start / 1000:.1f}",
        f"{report['stolen_ms']}, {report['stolen_burst_ms']}" if "stolen_ms" in report else "",
    ]


def troubles(run, workload, by_name):
    """Rounds that do not count, and why."""
    for (where, name), reasons in run.failures.items():
        if where == workload.name:
            yield f"* {name}: without a report {len(reasons)} times: `{plain(reasons[-1])}`"
    for name, reports in by_name.items():
        for number, report in enumerate(reports, 1):
            if report and (why := why_void(report)):
                yield f"* {name}: round {number} is **void**: {why}; its other figures count nowhere"
            elif report and report["wrong"]:
                yield f"* {name}: round {number}: wrong answers: {report.get('wrong_by_kind')}"


def head(run, about):
    o = run.options
    busy = max(
        (v for by in run.results.values() for r in by.values() for v in values(r, "load_average")),
        default=0,
    )
    others = "; above 2.5 others were using the machine" if busy > QUIET_LOAD else ""
    yield from [
        "# Benchmark results",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, {about['cpus']} CPUs, "
        f"{about['memory_gib']} GiB, Linux {about['kernel']}; opentracker "
        f"{about['peers']['opentracker']}, nginx {about['peers']['nginx-light']}.",
        "",
        f"`{o.command}`: {o.rounds} rounds of {o.seconds} s, interleaved; server on CPU "
        f"{run.server_cpu}, generator on CPU {run.bench_cpu}. Medians (lowest–highest). Highest load "
        f"average during the run: {busy:.1f}{others}.",
        "",
    ]
    if run.is_interrupted:
        yield from ["**Interrupted**: not all workloads and rounds are here.", ""]


def markdown(run, about):
    lines = list(head(run, about))
    for workload in WORKLOADS:
        by_name = run.results.get(workload.name)
        if not by_name:
            continue
        lines += [f"## {workload.title}", "", *table(run, workload, by_name), ""]
        lines += worst_answers(workload, by_name)
        told = [goal_line(goal, by_name) for goal in workload.goals]
        told += troubles(run, workload, by_name)
        lines += [*told, ""] if told else []
        lines += ["How each was asked:", "", *commands(run, workload, by_name), ""]
    return "\n".join(lines).rstrip() + "\n"


def chart(run, url):
    groups = []
    for workload in WORKLOADS:
        by_name = run.results.get(workload.name, {})
        rows = [(n, *s) for n, r in by_name.items() if (s := spread(r, CPU))]
        if workload.url == url and rows:
            groups.append((workload.title, rows))
    return groups


def pictures(run, name):
    """[(title, name of the file, SVG)]."""
    for url in ("udp", "http"):
        if groups := chart(run, url):
            title = f"Server CPU per request over {url.upper()}, µs (less is better)"
            yield title, f"{name}-{url}.svg", charts.bars(title, groups)
