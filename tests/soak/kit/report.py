"""The run as JSON, for people, and as a chart."""

import json
import re

import charts

from . import judge
from .judge import MIB


def table(verdicts):
    lines = ["| | found | wanted | |", "|---|---|---|---|"]
    lines += [f"| {v['name']} | {v['found']} | {v['wanted']} | {judge.word(v)} |"
              for v in verdicts]
    return lines


def markdown(run):
    about, plan, last = run["machine"], run["plan"], run["samples"][-1]
    sent = sum(r["sent"] for turn in run["rounds"] for *_, r in turn["load"] if isinstance(r, dict))
    upgrades = sum(name == "upgrade" for turn in run["rounds"] for name, _ in turn["actions"])
    lines = [
        "# A long run",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, {about['cpus']} CPUs, Linux "
        f"{about['kernel']}. `{run['command']}`: {last['s'] / 60:.1f} minutes.",
        "",
        f"{plan['rounds']} rounds of {plan['round_s']:.0f} s. In each, muster-bench sends "
        f"{plan['rate']} requests a second (announces, starts, stops, completions, scrapes, churn, wrong "
        "connection ids) to torrents that are new in that round, over UDP and HTTP, IPv4 and IPv6, kept "
        "connections and one each; in between, at any moments, come a reload, a save, other access lists and "
        "a broken one, other settings, a broken configuration file, every page and a full scrape, viewers of "
        f"the map, {upgrades} times an upgrade. {sent:.0f} requests in all. Two "
        "workers, the sandbox, a state folder, lists of torrents, addresses, client software and ports.",
        "",
        *table(run["verdicts"]),
        "",
        f"Longest hold of a lock by the sweep {last['lock_hold_max_s'] * 1e6:.0f} µs, by a save "
        f"{last['save_step_max_s'] * 1e6:.0f} µs, in the last process, with all else that runs on these "
        "CPUs in it.",
        "",
        "RSS is judged where one process serves for more than half of the run, from "
        f"{plan['settling_rounds']} rounds after its beginning: the slope is the Theil-Sen estimate over "
        "the medians of the rounds. Then upgrades follow one another again (marks in the chart), and the "
        "level must be what it was.",
        "",
        "![Memory, peers and descriptors over time](soak.svg)",
        "",
    ]
    return "\n".join(lines)


def chart(run):
    samples = run["samples"]
    minutes = [s["s"] / 60 for s in samples]
    marks = [b["s"] / 60 for a, b in zip(samples, samples[1:]) if a["pid"] != b["pid"]]
    panels = [
        ("RSS, MiB: the serving process", [s["rss_bytes"] / MIB for s in samples]),
        ("RSS, MiB: with those that wait or end", [s["rss_all_bytes"] / MIB for s in samples]),
        ("memory of the store, MiB", [s["store_bytes"] / MIB for s in samples]),
        ("peers, thousands", [s["peers"] / 1000 for s in samples]),
        ("open descriptors", [s["fds"] for s in samples]),
        ("threads", [s["threads"] for s in samples]),
    ]
    return charts.timeline("A long run; marks are upgrades", minutes, panels, marks)


KEPT = ("sent", "answered", "lost", "wrong", "ignored", "fill_s", "latency_p50_us", "latency_p99_us",
        "latency_max_us")


def in_short(turn):
    """A round as the file keeps it."""
    failed = {name: why for name, why in turn["actions"] if why}
    load = [{"stream": name, "exit": code, **{key: found[key] for key in KEPT if key in found}}
            if isinstance(found, dict) else {"stream": name, "exit": code, "said": found}
            for name, code, found in turn["load"]]
    return {"round": turn["round"], "actions": ", ".join(name for name, _ in turn["actions"]),
            "failed": failed, "load": load}


def write(run, folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**run, "rounds": [in_short(turn) for turn in run["rounds"]]}, indent=1)
    text = re.sub(r"\{\n +([^{}\[\]]+?)\n +\}", lambda m: "{" + re.sub(r"\n +", " ", m[1]) + "}", text)
    (folder / "soak.json").write_text(text + "\n")
    (folder / "soak.md").write_text(markdown(run))
    (folder / "soak.svg").write_text(chart(run))
