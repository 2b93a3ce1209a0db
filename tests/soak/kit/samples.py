"""Looks at the tracker every few seconds, on a thread of its own."""

import threading
import time

from .tracker import fds_of, rss_of, threads_of

MISSED_MAX = 5  # looks in a row that may find nobody, as in the middle of an upgrade

COUNTED = {  # in a sample: as /metrics calls it
    "torrents": "torrents",
    "lock_hold_max_s": "lock_hold_max_seconds",
    "save_step_max_s": "state_step_max_seconds",
    "connections": "connections_open",
    "store_bytes": "store_memory_bytes",
}


def sum_of(metrics, name):
    """Of all labels."""
    return sum(v for key, v in metrics.items() if key == name or key.startswith(name + "{"))


def look(tracker):
    """One sample, but for when and in which round. Memory, descriptors and threads are the serving
    process's; `rss_all_bytes` is of all that belong to it."""
    metrics = tracker.metrics()
    pid = tracker.serving_pid()
    processes = tracker.processes()
    sample = {
        "pid": pid,
        "processes": len(processes),
        "rss_bytes": rss_of(pid),
        "rss_all_bytes": sum(rss_of(p) for p in processes),
        "fds": fds_of(pid),
        "threads": threads_of(pid),
        "peers": int(sum_of(metrics, "peers")),
        "requests": int(sum_of(metrics, "received_requests_total")),
        "errors": int(sum_of(metrics, "errors_total")),
        "log_errors": len(tracker.log_lines("error")),
    }
    return {**sample, **{name: metrics[key] for name, key in COUNTED.items()}}


class Sampler(threading.Thread):
    """samples: in order. `where` is what the round is; failure: why it stopped looking, or None."""

    def __init__(self, tracker, period_s):
        super().__init__(daemon=True)
        self.tracker, self.period_s = tracker, period_s
        self.start_s, self.over = time.monotonic(), threading.Event()
        self.samples, self.round, self.failure, self.missed = [], 0, None, 0

    def take(self):
        sample = look(self.tracker)
        at = {"s": round(time.monotonic() - self.start_s, 1), "round": self.round}
        self.samples.append({**at, **sample})
        return self.samples[-1]

    def run(self):
        in_a_row = 0
        while not self.over.wait(self.period_s):
            try:
                self.take()
                in_a_row = 0
            except (OSError, AssertionError, ValueError, KeyError, TypeError) as failure:
                self.missed, in_a_row = self.missed + 1, in_a_row + 1
                if in_a_row >= MISSED_MAX:
                    self.failure = f"nobody answers: {failure!r}"
                    return

    def stop(self):
        self.over.set()
        self.join()
