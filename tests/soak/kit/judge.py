"""What a long run must show, each as a line: a name, what was found, what was wanted, and whether it holds.

Memory is judged in two ways, because an upgrade begins with a fresh heap and would hide a leak. In the
middle of the run one process serves for more than half of the time: the RSS of each round there is the
median of its samples, the slope the Theil-Sen estimate over the rounds (the median of the slopes between
any two of them: what disturbs a round does not move it), and what that adds up to over the judged time must
stay within GROWTH. Then upgrades follow one another again: the RSS of all processes together must not be
above that of the middle by more than LEVEL.
"""

import statistics
from itertools import combinations

MIB = 1 << 20
GROWTH_SHARE, GROWTH_BYTES = 0.05, 4 * MIB  # of the median RSS, or so much; whichever is more
LEVEL_SHARE, LEVEL_BYTES = 0.15, 8 * MIB
SETTLING_ROUNDS = 4  # after the last upgrade: as long as a peer lives

MUST_BE_ZERO = [
    "upgrades_failed_total", "state_failures_total", "state_damages_total",
    "access_load_failures_total", "worker_stalls_total", "sandbox_denied_calls_total",
    "log_lost_total", "admin_no_memory_total", "limit_memory_total", "tcp_accept_failures_total",
    "tcp_refused_total", "udp_send_failures_total", "udp_receive_failures_total", "shed_total",
    "tcp_buffers_full_total", "http_full_scrapes_slow_total",
]


def verdict(name, found, wanted, holds):
    return {"name": name, "found": found, "wanted": wanted, "holds": bool(holds)}


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


def memory(samples, plan):
    first, last = plan.quiet_first + SETTLING_ROUNDS, plan.quiet_last
    points = by_round(samples, "rss_bytes", first, last)
    if len(points) < 3:
        yield verdict("RSS slope", f"{len(points)} rounds to judge", "at least 3", False)
        return
    slope = theil_sen(points)
    time_s = points[-1][0] - points[0][0]
    middle = statistics.median(y for _, y in points)
    bound = max(GROWTH_BYTES, GROWTH_SHARE * middle)
    yield verdict("RSS slope",
                  f"{slope * 3600 / MIB:+.2f} MiB/h, {slope * time_s / MIB:+.2f} MiB in {time_s:.0f} s",
                  f"at most {bound / MIB:.1f} MiB in that time", slope * time_s <= bound)
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


def answers(rounds, dropped):
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
                  f"no more than the kernel dropped before muster: {dropped:.0f}", lost <= dropped)


def counters(metrics, sum_of):
    found = {name: sum_of(metrics, name) for name in MUST_BE_ZERO}
    bad = [f"{name} {value:.0f}" for name, value in found.items() if value]
    return verdict("counters of trouble", ", ".join(bad) or "all 0", "0", not bad)


def log(tracker):
    errors = tracker.log_lines("error")
    return verdict("error lines in the log", "; ".join(errors[:5]) or "none", "none", not errors)


def actions(rounds):
    done = [a for r in rounds for a in r["actions"]]
    failed = [f"round {r['round']}: {name}: {why}" for r in rounds for name, why in r["actions"] if why]
    return verdict("reloads, saves, upgrades, lists, settings, pages",
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
