"""What asks: muster-bench over both doors and both families, with new torrents every round."""

import json
import subprocess
from dataclasses import dataclass

from harness import muster_bin

WINDOW = 48  # datagrams under way while a stream fills: of all, they fit a socket of the kernel's usual size
TIMEOUT_S = 20  # after which an answer is lost
SLACK_S = 90  # a generator that goes on for longer than this after its time is ended

UDP_MIX = "announce=68,started=3,stopped=3,completed=3,scrape=8,churn=12,connect=2,bad_id=1"
HTTP_MIX = "announce=71,started=3,stopped=3,completed=3,scrape=8,churn=12"


@dataclass(frozen=True)
class Stream:
    name: str
    share: int  # of the rate, percent
    host: str
    options: tuple


STREAMS = [
    Stream("udp", 45, "127.0.0.1", ("--mix", UDP_MIX)),
    Stream("udp ipv6", 20, "[::1]", ("--mix", UDP_MIX)),
    Stream("http", 15, "127.0.0.1", ("--mix", HTTP_MIX, "-c", "64")),
    Stream("http closing", 10, "127.0.0.1", ("--mix", HTTP_MIX, "-c", "32", "--close")),
    Stream("http ipv6", 10, "[::1]", ("--mix", HTTP_MIX, "-c", "32")),
]


class Load:
    """One round of all streams."""

    def __init__(self, port, rate, seconds, torrents, peers, number):
        self.seconds = seconds
        self.processes = [
            (s, self.start(s, port, rate, torrents, peers, number * len(STREAMS) + i + 1))
            for i, s in enumerate(STREAMS)
        ]

    def start(self, stream, port, rate, torrents, peers, seed):
        bench = muster_bin().removesuffix("muster") + "muster-bench"
        door = stream.name.split()[0]
        words = [bench, "--quiet", "--sleep", "--json", "-", "--warmup", "0", "-z", "0.9", "-S", "40",
                 "-t", str(torrents), "-p", str(peers), "-H", "20", "-e", str(seed),
                 "--rate", str(max(rate * stream.share // 100, 1)), "-d", f"{int(self.seconds * 1000)}ms",
                 "-T", f"{TIMEOUT_S}s", "-w", str(WINDOW), *stream.options, f"{door}://{stream.host}:{port}"]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def is_running(self):
        return any(process.poll() is None for _, process in self.processes)

    def reports(self):
        """[(stream's name, exit code, report or what it said)], when all have ended."""
        out = []
        for stream, process in self.processes:
            try:
                text, said = process.communicate(timeout=self.seconds + SLACK_S)
            except subprocess.TimeoutExpired:
                process.kill()
                text, said = "", f"still running: {process.communicate()[1]}"
            out.append((stream.name, process.returncode,
                        json.loads(text) if text.startswith("{") else said))
        return out

    def kill(self):
        for _, process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
