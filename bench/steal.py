"""steal.py - how much of a CPU its owner, the hypervisor, takes away while something is measured.

The kernel counts it in /proc/stat, in ticks of 10 ms. A stall of 100 ms is no fault of a server that was not
run meanwhile: the tables of latencies show both beside each other.
"""

import threading
import time
from collections import deque
from pathlib import Path

TICK_MS = 10
SAMPLE_S = 0.02
WINDOW_S = 0.2
STEAL_COLUMN = 8


def stolen_ms(cpu):
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == f"cpu{cpu}":
            return int(words[STEAL_COLUMN]) * TICK_MS
    return 0


class Steal:
    """With it around what is measured: `total_ms` of the CPU, and the most within WINDOW_S."""

    def __init__(self, cpu):
        self.cpu = cpu
        self.total_ms = self.burst_ms = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        first = stolen_ms(self.cpu)
        seen = deque([(time.monotonic(), first)])
        while not self.is_over.wait(SAMPLE_S):
            now = (time.monotonic(), stolen_ms(self.cpu))
            while len(seen) > 1 and seen[0][0] < now[0] - WINDOW_S:
                seen.popleft()
            seen.append(now)
            self.burst_ms = max(self.burst_ms, now[1] - seen[0][1])
        self.total_ms = stolen_ms(self.cpu) - first

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
