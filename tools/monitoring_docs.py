"""monitoring_docs.py - which panel, alert and alarm shows which metric: the tables of
packaging/README.md, and the picture of the dashboard, made from the files themselves.

    monitoring_docs.py write PACKAGING           write them
    monitoring_docs.py check PACKAGING METRICS   exit 1 when they are stale, when something asks
                                                 for a metric that METRICS, the reference, has not,
                                                 or for an alarm that no template has, or when a
                                                 metric is on no panel and not in NOT_SHOWN

The tables stand between markers; what is around them is written by hand.
"""

import difflib
import json
import re
import sys
from pathlib import Path

import yaml

from dashboard_picture import picture

METRIC = re.compile(r"(?<![\w:])muster_\w+")
RECORD = re.compile(r"(?<![\w:])instance\w*:muster_\w+:\w+")
REFERENCE_ROW = re.compile(r"^\| `(\w+)` \|", re.M)
HISTOGRAM_PART = re.compile(r"_(bucket|sum|count)$")
ALARM = re.compile(r"\balarm=(\w+)")
# Metrics that no panel shows, and why an operator misses nothing.
NOT_SHOWN = {
    "tcp_receives_total": "counts system calls, for benchmarks: see Requests received",
    "tcp_sends_total": "counts system calls, for benchmarks: see Requests answered",
    "tcp_ends_total": "counts system calls, for benchmarks: see Connections that come and go",
    "access_sets": "above 1 for seconds after a change; the log tells when a reading waits",
    "access_bytes": "likewise: see the memory of the process",
}
DASHBOARD, PICTURE = "grafana/muster.json", "grafana/muster.svg"
MARKER = "<!-- {} {}: written by tools/monitoring_docs.py -->"


# --- what the files hold -------------------------------------------------------------------------

def dashboard(packaging):
    return json.loads((packaging / DASHBOARD).read_text("utf-8"))


def panels(packaging):
    """[(row, title, [expression])] of the dashboard, in its order."""
    found, row = [], ""
    for panel in dashboard(packaging)["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            found.append((row, panel["title"], [t["expr"] for t in panel["targets"]]))
    return found


def rules(packaging):
    """All rules, recorded series first."""
    groups = yaml.safe_load((packaging / "prometheus/muster.rules.yml").read_text("utf-8"))
    return [rule for group in groups["groups"] for rule in group["rules"]]


def alarms(packaging):
    """[{key: value}] of Netdata's templates."""
    found = []
    for line in (packaging / "netdata/health.d/muster.conf").read_text("utf-8").splitlines():
        key, colon, value = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        if key.strip() == "template":
            found.append({})
        found[-1][key.strip()] = value.strip()
    return found


# --- where it comes from -------------------------------------------------------------------------

def recorded(packaging):
    """{recorded series: its expression}"""
    return {rule["record"]: rule["expr"] for rule in rules(packaging) if "record" in rule}


def metrics_of(expression, records):
    """The metrics that an expression reads, directly or by recorded series, in their order."""
    for name in RECORD.findall(expression):
        expression += " " + " ".join(metrics_of(records[name], records))
    return list(dict.fromkeys(METRIC.findall(expression)))


def _cell(names):
    return ", ".join(f"`{name.removeprefix('muster_')}`" for name in names)


def _panel_rows(packaging):
    yield "| row | panel | metrics |"
    yield "|---|---|---|"
    for row, title, expressions in panels(packaging):
        yield f"| {row} | {title} | {_cell(metrics_of(' '.join(expressions), {}))} |"


def _not_shown_rows(_):
    yield "| on no panel | because |"
    yield "|---|---|"
    for name, why in NOT_SHOWN.items():
        yield f"| `{name}` | {why} |"


def _alert_rows(packaging):
    records = recorded(packaging)
    yield "| alert | severity | when | for | metrics |"
    yield "|---|---|---|---|---|"
    for rule in rules(packaging):
        if "alert" not in rule:
            continue
        when = " ".join(rule["expr"].split()).replace("|", "\\|")
        yield (f"| {rule['alert']} | {rule['labels']['severity']} | `{when}` | "
               f"{rule.get('for', 'at once')} | "
               f"{_cell(metrics_of(rule['expr'], records)) or '`up` of Prometheus'} |")


def _record_rows(packaging):
    records = recorded(packaging)
    yield "| recorded series | metrics |"
    yield "|---|---|"
    for name, expression in records.items():
        yield f"| `{name}` | {_cell(metrics_of(expression, records))} |"


def _alarm_rows(packaging):
    yield "| alarm or badge | warns | critical | metric |"
    yield "|---|---|---|---|"
    for alarm in alarms(packaging):
        metric = alarm["on"].rpartition(".")[2]
        levels = [f"`{alarm[level]}`" if level in alarm else "" for level in ("warn", "crit")]
        yield f"| {alarm['template']} | {levels[0]} | {levels[1]} | {_cell([metric])} |"


TABLES = {"panels": _panel_rows, "not shown": _not_shown_rows, "alerts": _alert_rows, "records": _record_rows,
          "alarms": _alarm_rows}


# --- the document --------------------------------------------------------------------------------

def _with_tables(text, packaging):
    for name, rows in TABLES.items():
        begin, end = MARKER.format("begin", name), MARKER.format("end", name)
        before, found, rest = text.partition(begin)
        assert found, f"no marker: {begin}"
        text = "\n".join([before + begin, *rows(packaging), end]) + rest.partition(end)[2]
    return text


def _reference(reference):
    return {f"muster_{name}" for name in REFERENCE_ROW.findall(reference)}


def _unknown(packaging, reference):
    """Metrics that are asked for but do not exist."""
    known = _reference(reference)
    asked = [e for _, _, expressions in panels(packaging) for e in expressions]
    asked += [rule["expr"] for rule in rules(packaging)]
    asked += [alarm["on"] for alarm in alarms(packaging)]
    records = recorded(packaging)
    names = {name for text in asked for name in metrics_of(text, records)}
    return sorted(n for n in names if n not in known and HISTOGRAM_PART.sub("", n) not in known)


def _unseen(packaging, reference):
    """Metrics that nobody sees, and those that are said to be on no panel but are on one, or are
    gone."""
    known = _reference(reference)
    shown = {name if name in known else HISTOGRAM_PART.sub("", name)
             for _, _, expressions in panels(packaging)
             for name in metrics_of(" ".join(expressions), recorded(packaging))}
    return sorted(known - shown ^ {f"muster_{name}" for name in NOT_SHOWN})


def _unnamed(packaging):
    """Alarms that a text tells to ask for (alarm=NAME) but no template has."""
    known = {alarm["template"] for alarm in alarms(packaging)} | {"NAME"}
    texts = (packaging / "netdata/health.d/muster.conf", packaging / "README.md")
    asked = {name for text in texts for name in ALARM.findall(text.read_text("utf-8"))}
    return sorted(asked - known)


def _made(packaging):
    """{file: its text as it would be written now}"""
    readme = (packaging / "README.md").read_text("utf-8")
    return {"README.md": _with_tables(readme, packaging),
            PICTURE: picture(dashboard(packaging))}


def write(packaging):
    for name, text in _made(packaging).items():
        (packaging / name).write_text(text, "utf-8")
    return 0


def _difference(packaging):
    for name, text in _made(packaging).items():
        kept = packaging / name
        lines = kept.read_text("utf-8").splitlines() if kept.exists() else []
        yield from difflib.unified_diff(lines, text.splitlines(), f"packaging/{name}", "made now",
                                        n=0)


def check(packaging, reference):
    difference = list(_difference(packaging))
    metrics = reference.read_text("utf-8")
    unknown, unseen = _unknown(packaging, metrics), _unseen(packaging, metrics)
    if difference:
        print("\n".join(difference), "\nstale: run ./dev docs")
    for name in unknown:
        print(f"there is no metric {name}")
    for name in unseen:
        print(f"{name}: must be a metric on a panel, or one in NOT_SHOWN, and not both")
    unnamed = _unnamed(packaging)
    for name in unnamed:
        print(f"there is no alarm {name}")
    return 1 if difference or unknown or unseen or unnamed else 0


if __name__ == "__main__":
    verb, *paths = sys.argv[1:]
    sys.exit({"write": write, "check": check}[verb](*map(Path, paths)))
