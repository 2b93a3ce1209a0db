"""What a long run must show, each as a line: a name, what was found, what was wanted, and whether it holds.

Memory is judged in two ways, because an upgrade begins with a fresh heap and would hide a leak. In the
middle of the run one process serves for more than half of the time: the RSS of each round there is the
median of its samples, the slope the Theil-Sen estimate over the rounds (the median of the slopes between
any two of them: what disturbs a round does not move it). It must stay within SLOPE_SHARE of the RSS an
hour, or, where the run is too short to tell so little, within what noise makes of nothing: the scatter of
the rounds, or NOISE_BYTES over the judged time, since of what reloads replace more or less waits to be freed.
What it adds up to must stay within GROWTH in any case. Then upgrades follow one another again: the RSS
of all processes together must not be above that of the middle by more than LEVEL.
"""

import math
import re
import statistics
from itertools import combinations

from .disturb import EXPECTED

MIB, HOUR_S = 1 << 20, 3600
SLOPE_SHARE = 0.02  # of the median RSS an hour
SIGMA_OF_MEDIAN = 1.4826  # what makes a median deviation a standard one
SIGMAS = 3  # an estimate farther from 0 is no accident
NOISE_BYTES = MIB
GROWTH_SHARE, GROWTH_BYTES = 0.05, 2 * MIB  # of the median RSS, or so much; whichever is more
LEVEL_SHARE, LEVEL_BYTES = 0.15, 8 * MIB
DROPS_SHARE = 0.001  # of the requests: what the kernel of a machine with other work may drop
SETTLING_ROUNDS, SETTLING_S = 4, 70  # after an upgrade: a peer's life; what is replaced is kept for a minute
POINTS_MIN = 4  # rounds that tell a slope

MUST_BE_ZERO = [
    "upgrades_failed_total", "state_failures_total", "state_damages_total",
    "worker_stalls_total", "sandbox_denied_calls_total",
    "log_lost_total", "admin_no_memory_total", "limit_memory_total", "tcp_accept_failures_total",
    "tcp_refused_total", "udp_send_failures_total", "udp_receive_failures_total",
    "tcp_buffers_full_total", "http_full_scrapes_slow_total",
]


def verdict(name, found, wanted, holds):
    """`holds` None: the run was too short to tell."""
    holds = None if holds is None else bool(holds)
    return {"name": name, "found": found, "wanted": wanted, "holds": holds}


def word(v):
    return {True: "holds", False: "FAILS", None: "not judged"}[v["holds"]]


def settling_rounds(round_s):
    return max(SETTLING_ROUNDS, math.ceil(SETTLING_S / round_s))


def theil_sen(points):
    """Slope of [(x, y)]."""
    return statistics.median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))


def by_round(samples, key, first, last):
    """[(seconds, median)] of the rounds first..last."""
    out = []
    for number in range(first, last + 1):
        of = [s for s in samples if s["round"] == number]
        if of:
            out.append((statistics.median(s["s"] for s in of), statistics.median(s[key] for s in of)))
    return out


def slope_error(points, slope):
    """The standard error of a slope over evenly spread points."""
    middle = statistics.median(y - slope * x for x, y in points)
    scatter = SIGMA_OF_MEDIAN * statistics.median(abs(y - slope * x - middle) for x, y in points)
    return scatter * math.sqrt(12 / len(points)) / (points[-1][0] - points[0][0])


def slope(points):
    found, time_s = theil_sen(points), points[-1][0] - points[0][0]
    middle = statistics.median(y for _, y in points)
    noise = max(SIGMAS * slope_error(points, found), NOISE_BYTES / time_s)
    per_s = max(SLOPE_SHARE * middle / HOUR_S, noise)
    growth = max(GROWTH_SHARE * middle, GROWTH_BYTES)
    return verdict("RSS slope",
                   f"{found * HOUR_S / MIB:+.2f} MiB/h, {found * time_s / MIB:+.2f} MiB in {time_s:.0f} s, "
                   f"of {middle / MIB:.1f} MiB",
                   f"at most {per_s * HOUR_S / MIB:.2f} MiB/h "
                   f"({'what noise may make of 0' if per_s == noise else '2 % an hour'}), "
                   f"and {growth / MIB:.1f} MiB in that time",
                   found <= per_s and found * time_s <= growth)


def memory(samples, plan):
    first, last = plan.quiet_first + plan.settling_rounds, plan.quiet_last
    points = by_round(samples, "rss_bytes", first, last)
    if len(points) < POINTS_MIN:
        yield verdict("RSS slope", f"{len(points)} rounds of one settled process", f"{POINTS_MIN} to judge",
                      None)
        return
    yield slope(points)
    level = statistics.median(y for _, y in by_round(samples, "rss_all_bytes", first, last))
    end = statistics.median(y for _, y in by_round(samples, "rss_all_bytes", plan.rounds - 3,
                                                   plan.rounds - 1))
    bound = level * (1 + LEVEL_SHARE) + LEVEL_BYTES
    yield verdict("RSS of all processes after more upgrades",
                  f"{end / MIB:.1f} MiB; before {level / MIB:.1f} MiB",
                  f"at most {bound / MIB:.1f} MiB", end <= bound)


def flat(pauses, key, what):
    """Equal in every pause between two rounds, from the second upgrade on."""
    seen = [p[key] for p in pauses]
    return verdict(what, f"{min(seen)} to {max(seen)}, last {seen[-1]}", "the same in every pause",
                   min(seen) == max(seen))


def answers(rounds, dropped, shed):
    reports = [(r["round"], name, code, found) for r in rounds for name, code, found in r["load"]]
    broken = [f"round {n}, {name}: {found}" for n, name, _, found in reports if isinstance(found, str)]
    whole = [found for *_, found in reports if isinstance(found, dict)]
    sent, lost, wrong = (sum(r[key] for r in whole) for key in ("sent", "lost", "wrong"))
    kinds = {kind for r in whole for kind in r["wrong_by_kind"]}
    yield verdict("load generators", "; ".join(broken) or f"{len(whole)} ended well",
                  "all end, and report", not broken)
    yield verdict("wrong answers", f"{wrong} of {sent}" + (f" ({', '.join(kinds)})" if kinds else ""), "0",
                  wrong == 0)
    yield verdict("lost answers", f"{lost} of {sent}",
                  f"no more than the kernel dropped before muster saw them, {dropped:.0f}, and muster left "
                  f"undone because of that, {shed:.0f}", lost <= dropped + shed)
    yield verdict("datagrams dropped by the kernel", f"{dropped:.0f} of {sent}",
                  f"at most {DROPS_SHARE:.1%}", dropped <= DROPS_SHARE * sent)


def counters(metrics, sum_of):
    found = {name: sum_of(metrics, name) for name in MUST_BE_ZERO}
    bad = [f"{name} {value:.0f}" for name, value in found.items() if value]
    return verdict("counters of trouble", ", ".join(bad) or "all 0", "0", not bad)


def log(tracker, rounds):
    """Error lines: as many as were provoked, or some more, and no others."""
    others = [line for line in tracker.log_lines("error")
              if not any(re.search(pattern, line) for pattern in EXPECTED.values())]
    provoked = sum(name in EXPECTED for r in rounds for name, _ in r["actions"])
    found = len(tracker.log_lines("error")) - len(others)
    return verdict("error lines in the log", "; ".join(others[:5]) or f"{found}, all of broken files",
                   f"one for each of {provoked} broken files, no other", not others and found >= provoked)


def actions(rounds):
    done = [a for r in rounds for a in r["actions"]]
    failed = [f"round {r['round']}: {name}: {why}" for r in rounds for name, why in r["actions"] if why]
    return verdict("reloads, saves, upgrades, lists, settings, broken files, pages, viewers",
                   "; ".join(failed[:5]) or f"{len(done)}, each with its effect", "each has its effect",
                   done and not failed)


def exact(counts):
    """`counts`: {where: (torrents, peers, seeders)}"""
    found = "; ".join(f"{where}: {t} torrents, {p} peers, {s} seeders"
                      for where, (t, p, s) in counts.items())
    return verdict("counts at the end", found, "all the same",
                   len(set(counts.values())) == 1 and next(iter(counts.values()))[1] > 0)


def marked(files, expected):
    wrong = {h: files.get(h) for h, numbers in expected.items() if files.get(h) != numbers}
    return verdict("torrents whose peers are known", f"{len(expected) - len(wrong)} of {len(expected)} right"
                   + (f": {wrong}" if wrong else ""), "every peer and completion, no other", not wrong)
