"""figures.py - medians, ratios and goals of muster-bench's reports.

A contender's reports are a list, one a round, None where there was none. A round of which too much was lost
or wrong is void: what was not answered cost the server nothing, and its latencies are those of the rest. Void
rounds count in the columns that tell of loss, and nowhere else.
"""

import statistics

VOID_PERCENT = 1  # lost, never sent or wrong, of what was due
CPU = "cpu_us_per_request"
SHOWN = [  # key, head of the column, factor, decimals
    (CPU, "CPU µs/request", 1, 2),
    ("cpu_busy", "CPU in use", 1, 2),
    ("answers_per_s", "answers/s", 1, 0),
    ("loss_percent", "lost %", 1, 2),
    ("wrong", "wrong", 1, 0),
    ("latency_p50_us", "p50 µs", 1, 0),
    ("latency_p99_us", "p99 µs", 1, 0),
    ("latency_p999_us", "p99.9 µs", 1, 0),
    ("latency_max_us", "max µs", 1, 0),
    ("peers_per_answer", "peers/answer", 1, 1),
    ("rss_bytes", "RSS MB", 1e-6, 1),
]
OF_LOSS = ("loss_percent", "wrong")


def complete(report):
    """The report, with what an older muster-bench does not tell."""
    due = report.get("due") or report.get("sent") or 0
    lost = report.get("lost", 0) + report.get("never_sent", 0)
    report.setdefault("loss_percent", round(100 * lost / due, 3) if due else 0)
    report.setdefault("wrong", 0)
    return report


def why_void(report):
    """Why the figures of this round mean nothing, or ''."""
    if not report.get("answered", 1):
        return "nothing was answered"
    loss = report["loss_percent"]
    if loss > VOID_PERCENT:
        return f"{loss:.2f} % lost or never sent"
    wrong = 100 * report["wrong"] / max(report.get("answered", 1), 1)
    return f"{wrong:.2f} % answered wrongly" if wrong > VOID_PERCENT else ""


def is_counted(report, key):
    return report and key in report and (key in OF_LOSS or not why_void(report))


def values(reports, key):
    return [r[key] for r in reports if is_counted(r, key)]


def spread(reports, key, factor=1):
    """(median, low, high), or None."""
    found = [v * factor for v in values(reports, key)]
    return (statistics.median(found), min(found), max(found)) if found else None


def ratio(by_name, name, reference, key):
    """Median of the ratios within each round, with their range; None without a pair."""
    pairs = zip(by_name.get(name, []), by_name.get(reference, []))
    ratios = [a[key] / b[key] for a, b in pairs if is_counted(a, key) and is_counted(b, key) and b[key]]
    return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def is_bound(reports, key):
    """Is the figure only known to be at least this? Some answers never came."""
    return any(key in r.get("at_least", ()) for r in reports if is_counted(r, key))


def cell(found, decimals, bound=False):
    if not found:
        return ""
    median, low, high = found
    sign = "≥ " if bound else ""
    if decimals == 0:
        return f"{sign}{median:,.0f}".replace(",", " ")
    return f"{sign}{median:.{decimals}f} ({low:.{decimals}f}–{high:.{decimals}f})"


# ---- goals ----


def shown(key):
    return next((row for row in SHOWN if row[0] == key), (key, key, 1, 2))


def verdict(found, goal, by_name):
    if not found:
        return "**not judged**, there are no figures of both in one round"
    worst = found[0] if goal.reference else found[2]
    if worst > goal.most:
        return "**missed**"
    bound = is_bound(by_name.get(goal.name, []), goal.key)
    return "**not judged**, the figure is a lower bound" if bound else "reached"


def goal_line(goal, by_name):
    _, head, factor, _ = shown(goal.key)
    if goal.reference:
        found = ratio(by_name, goal.name, goal.reference, goal.key)
        what = f"{goal.name} / {goal.reference}, {head}"
    else:
        found, what = spread(by_name.get(goal.name, []), goal.key, factor), f"{goal.name}, {head}"
    figure = f"{cell(found, 2)}, " if found else ""
    return f"* {what}: {figure}goal at most {goal.most:g}: {verdict(found, goal, by_name)}"
