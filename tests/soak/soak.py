"""soak.py - a muster that lives for a while, with everything that happens to one; `./dev soak` calls it.

    soak.py MINUTES [--rate N] [--build FOLDER] [--out FOLDER]

At least 2 minutes. Starts one muster and muster-bench, and samples what can be seen; ends everything that it
started, in any case. Writes soak.json, soak.md and soak.svg; exit status 1 when something does not hold.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/blackbox"), str(ROOT / "bench")]

from harness.snapshot import read_snapshot  # noqa: E402 (found by the line above)
from kit import disturb, judge, report  # noqa: E402
from kit.load import Load  # noqa: E402
from kit.samples import Sampler, sum_of  # noqa: E402
from kit.tracker import Tracker  # noqa: E402

ROUNDS, ROUND_S_MIN, ROUND_S_MAX = 24, 5, 60
PAUSE_S, LOOKS, LOOK_S = 2, 3, 0.3
SAMPLES, SAMPLE_S_MIN, SAMPLE_S_MAX = 270, 2, 10
TORRENTS, PEERS = 2000, 10_000  # of each stream of a round
LONG_INTERVAL_S = 3600
LOG_SHOWN = 4000  # bytes
STOPPED = 130  # exit status, as a shell has it for Ctrl-C


@dataclass
class Plan:
    rounds: int
    round_s: float
    rate: int
    torrents: int = TORRENTS
    peers: int = PEERS
    settling_rounds: int = 0

    @property
    def quiet_first(self):
        """From this round on no upgrade..."""
        return self.rounds // 5 + 1

    @property
    def quiet_last(self):
        """...to this one."""
        return self.rounds * 4 // 5

    @property
    def sample_s(self):
        return min(max(self.rounds * self.round_s / SAMPLES, SAMPLE_S_MIN), SAMPLE_S_MAX)

    def is_upgraded(self, number):
        return not self.quiet_first <= number <= self.quiet_last


def plan_of(minutes, rate):
    round_s = min(max(minutes * 60 / ROUNDS, ROUND_S_MIN), ROUND_S_MAX)
    return Plan(max(round(minutes * 60 / round_s), ROUNDS), round_s, rate,
                settling_rounds=judge.settling_rounds(round_s))


def say(text):
    print(text, flush=True)


class Soak:
    """One run; the tracker must be stopped by who made it."""

    def __init__(self, plan, tracker):
        self.plan, self.tracker = plan, tracker
        self.sampler = Sampler(tracker, plan.sample_s)
        self.rounds, self.pauses, self.load = [], [], None

    def run(self):
        self.tracker.mark(is_first=True)
        self.sampler.start()
        try:
            for number in range(self.plan.rounds):
                self.round(number)
        finally:
            self.sampler.stop()
            if self.load:
                self.load.kill()

    def round(self, number):
        p, actions = self.plan, []
        self.sampler.round = number
        disturb.do(self.tracker.mark, actions)
        self.load = Load(self.tracker.port, p.rate, p.round_s - PAUSE_S, p.torrents, p.peers, number)
        disturb.all_of(self.tracker, number, p.round_s - PAUSE_S, p.is_upgraded(number), actions)
        self.rounds.append({"round": number, "actions": actions, "load": self.load.reports()})
        assert self.tracker.server.is_running(), "it ended"
        assert not self.sampler.failure, self.sampler.failure
        self.pauses.append(self.pause())
        self.tell(number)

    def pause(self):
        """The sample with the least open of a few: a save may be under way in one of them."""
        time.sleep(PAUSE_S - LOOKS * LOOK_S)
        found = []
        for _ in range(LOOKS):
            time.sleep(LOOK_S)
            found.append(self.sampler.take())
        return min(found, key=lambda s: s["fds"] + s["threads"] + s["processes"])

    def tell(self, number):
        at, failed = self.pauses[-1], [f for f in self.rounds[-1]["actions"] if f[1]]
        found = [f for *_, f in self.rounds[-1]["load"] if isinstance(f, dict)]
        say(f"round {number + 1}/{self.plan.rounds}: RSS {at['rss_bytes'] / judge.MIB:.1f} MiB, "
            f"{at['peers']} peers, {at['fds']} fds, {at['threads']} threads, {at['processes']} processes; "
            f"answered {sum(r['answered'] for r in found):.0f}, lost {sum(r['lost'] for r in found):.0f}, "
            f"wrong {sum(r['wrong'] for r in found):.0f}" + (f"; {failed}" if failed else ""))

    def counts(self):
        """{where: (torrents, peers, seeders)} when nobody asks and nobody expires any more, and the
        last full scrape."""
        t = self.tracker
        t.set(save=True, interval=LONG_INTERVAL_S, min_interval=LONG_INTERVAL_S,
              completed_ttl=LONG_INTERVAL_S)
        counts = {"/stats.json": stats_counts(t)}
        counts["full scrape"], _ = scrape_counts(t)
        disturb.save(t, 1)
        counts["snapshot"] = snapshot_counts(t)
        counts["/stats.json again"] = stats_counts(t)
        t.stop()
        t.start()
        counts["after a restart"], files = scrape_counts(t)
        return counts, files

    def verdicts(self):
        metrics = self.tracker.metrics()
        counts, files = self.counts()
        self.tracker.stop()
        samples, settled = self.sampler.samples, self.pauses[self.plan.quiet_first:]
        return [*judge.memory(samples, self.plan),
                judge.flat(settled, "fds", "open descriptors"),
                judge.flat(settled, "threads", "threads"),
                judge.flat(settled, "processes", "processes"),
                *judge.answers(self.rounds, sum_of(metrics, "udp_kernel_drops_total"),
                               sum_of(metrics, "shed_total")),
                judge.actions(self.rounds), judge.counters(metrics, sum_of),
                judge.log(self.tracker, self.rounds),
                judge.exact(counts), judge.marked(files, self.tracker.marked())]


def stats_counts(tracker):
    stats = tracker.stats()
    return stats["torrents"]["total"], stats["peers"], stats["seeders"]


def scrape_counts(tracker):
    files = tracker.everything()
    seeders = sum(complete for complete, _, _ in files.values())
    leechers = sum(incomplete for _, _, incomplete in files.values())
    return (len(files), seeders + leechers, seeders), files


def snapshot_counts(tracker):
    torrents = read_snapshot(tracker.folder / "state/snapshot").torrents.values()
    peers = [peer for _, of_torrent in torrents for peer in of_torrent]
    return len(torrents), len(peers), sum(is_seeder for _, _, is_seeder, _ in peers)


def soak(plan, command, about, prefix=()):
    """The whole run as a document."""
    with tempfile.TemporaryDirectory(prefix="muster-soak-") as folder:
        interval_s = round(plan.round_s * 1.5)
        tracker = Tracker(folder, interval_s, save_s=max(round(plan.round_s / 2), 5), prefix=prefix)
        run = Soak(plan, tracker)
        try:
            run.run()
            verdicts = run.verdicts()
        except Exception:
            say(f"the last lines of its log:\n{tracker.server.output()[-LOG_SHOWN:]}")
            raise
        finally:
            tracker.kill()
    return {"machine": about, "command": command, "plan": asdict(plan), "verdicts": verdicts,
            "rounds": run.rounds, "samples": run.sampler.samples}


def options_read():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("minutes", type=float)
    p.add_argument("--rate", type=int, default=5000, help="requests a second, of all streams")
    p.add_argument("--build", type=Path, default=ROOT / "build/release")
    p.add_argument("--out", type=Path, default=ROOT / "bench/results")
    o = p.parse_args()
    if not 2 <= o.minutes <= 10_000:
        p.error("from 2 to 10000 minutes")
    return o


def main():
    from run import machine  # of bench: what the machine is
    o = options_read()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell had it ignored
    os.environ["MUSTER_BIN"] = str(o.build.resolve() / "muster")
    plan = plan_of(o.minutes, o.rate)
    say(f"{plan.rounds} rounds of {plan.round_s:.0f} s, {plan.rate} requests a second")
    try:
        found = soak(plan, f"./dev soak {' '.join(sys.argv[1:])}", machine())
    except KeyboardInterrupt:
        return STOPPED
    report.write(found, o.out)
    for v in found["verdicts"]:
        say(f"{judge.word(v)}  {v['name']}: {v['found']}; wanted: {v['wanted']}")
    return 0 if all(v["holds"] is not False for v in found["verdicts"]) else 1


if __name__ == "__main__":
    sys.exit(main())
