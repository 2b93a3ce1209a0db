"""memory.py - fill a running muster through its UDP door, weigh it, and count its peers by scrape.

`./dev bench memory`. Every peer is announced once from an endpoint of its own by muster-bench. The resident
set is read at start, again when connects and scrapes have touched code and buffers but stored nothing,
right after the last announce, and after a whole sweep, which moves what the growing records left in
half-empty pages together. Then a full scrape over HTTP must count exactly the peers that were announced:
what was weighed is really there. (The goals are for what the store adds: growth of the warm resident
set; the last one is for the whole process. Warming up touches tables whose size does not depend on the
store, so growth since the start is more: it is shown, too.)
"""

import dataclasses
import http.client
import json
import re
import subprocess
import time

from contenders import Server, Setting

SWEEP_S = 5
LOSS_STATUS = 3  # of muster-bench, when more was lost than usual
OPTIONS = ("--full-scrape", "--full-scrape-interval", "0", "--sweep-period", f"{SWEEP_S}s")
ENTRY = re.compile(rb"8:completei(\d+)e10:downloadedi\d+e11:downloadersi\d+e10:incompletei(\d+)e")
ENTRY_BYTES_MAX = 200
TAKEN_FOR_ANOTHER = 1e-4  # of the peers, at most: the store keeps 16 bits of an id
WARM_UP = ["-d", "500ms", "-m", "connect=1,scrape=1", "--no-fill", "-t", "1", "-p", "4096"]


@dataclasses.dataclass
class Fill:
    title: str
    args: list
    torrents: int
    peers: int
    goal_mb: float
    of_process: bool = False


FILLS = [
    Fill("1 M torrents, 1 M peers", ["-t", "1M", "-p", "1M"], 1000000, 1000000, 48),
    Fill("2 M torrents, 7 M peers", ["-t", "2M", "-p", "7M"], 2000000, 7000000, 160),
    Fill("one swarm of 1 M peers", ["-t", "1", "-p", "1M"], 1, 1000000, 12),
    Fill(
        "100 k torrents, 2 M peers, Zipf 1.0",
        ["-t", "100k", "-p", "2M", "-z", "1.0"],
        100000,
        2000000,
        32,
    ),
    Fill("10 M torrents, 20 M peers", ["-t", "10M", "-p", "20M"], 10000000, 20000000, 900, True),
]


def rss_mb(pid):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no VmRSS of {pid}")


def counted(port):
    """(torrents, peers) of a full scrape."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/scrape")
    answer = connection.getresponse()
    torrents, peers, rest = 0, 0, b""
    while piece := answer.read(1 << 20):
        text = rest + piece
        end = 0
        for found in ENTRY.finditer(text):
            torrents += 1
            peers += int(found[1]) + int(found[2])
            end = found.end()
        rest = text[max(end, len(text) - ENTRY_BYTES_MAX) :]
    connection.close()
    return torrents, peers


def load(s, pid, args):
    """What muster-bench has to say of this load."""
    command = [
        *("taskset", "-c", "1", str(s.build / "muster-bench"), "--quiet", "--json", "-"),
        *("--pid", str(pid), "-s", "4096", *args, f"udp://127.0.0.1:{s.port}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, LOSS_STATUS):  # what was weighed is counted afterwards
        raise RuntimeError(f"{' '.join(args)}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def fill(options, folder, port, row):
    s = Setting(build=options.build, folder=folder / str(port), port=port, extra=OPTIONS)
    with Server("muster", s, "0") as server:
        started = rss_mb(server.pid)
        load(s, server.pid, WARM_UP)
        before = rss_mb(server.pid)
        report = load(s, server.pid, ["-N", "1", "-W", "0", *row.args])
        filled = rss_mb(server.pid)
        time.sleep(2 * SWEEP_S + 1)
        swept = rss_mb(server.pid)
        torrents, peers = counted(port)
    weighed = swept if row.of_process else swept - before
    return {
        "title": row.title,
        "args": " ".join(row.args),
        "started_mb": started,
        "before_mb": before,
        "filled_mb": filled,
        "swept_mb": swept,
        "weighed_mb": weighed,
        "goal_mb": row.goal_mb,
        "fill_s": report["fill_s"],
        "torrents": torrents,
        "peers": peers,
        "is_counted_right": torrents == row.torrents
        and 0 <= row.peers - peers <= row.peers * TAKEN_FOR_ANOTHER,
    }


def markdown(rows, about, command):
    lines = [
        "# Memory, filled through the UDP door",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`",
        "",
        f"muster with one worker and `{' '.join(OPTIONS)}`: so that a sweep need not be waited for, "
        "and all can be counted; everything else by default.",
        "",
        "Resident set in MB (10^6 bytes); warm: after connects and scrapes. Goals are for the growth since "
        "then, after a sweep, the last one for the whole process; since start: the same growth, with the "
        "tables of constant size that were touched before it was warm. Peers and torrents as a full scrape "
        "counted them; the few that lack were taken for a peer of the same address that had moved its port "
        "(16 bits of the id are kept).",
        "",
        "| workload | at start | warm | filled | swept | weighed | goal | since start | bytes/peer "
        "| torrents | peers | fill s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(table_row, rows)]) + "\n"


def table_row(r):
    def judged(mb):
        return f"{mb:.1f}" + ("" if mb <= r["goal_mb"] else " **above goal**")

    count = "" if r["is_counted_right"] else " **wrong**"
    return (
        f"| {r['title']} | {r['started_mb']:.1f} | {r['before_mb']:.1f} | {r['filled_mb']:.1f} "
        f"| {r['swept_mb']:.1f} | {judged(r['weighed_mb'])} | {r['goal_mb']:.0f} "
        f"| {judged(r['swept_mb'] - r['started_mb'])} | {r['weighed_mb'] * 1e6 / r['peers']:.1f} "
        f"| {r['torrents']} | {r['peers']}{count} | {r['fill_s']:.1f} |"
    )


def study(run, about):
    """The name of the result, its figures, its text and its charts."""
    rows = []
    for row in FILLS:
        rows.append(fill(run.options, run.folder, run.next_port(), row))
        run.say(f"{row.title}: {rows[-1]['weighed_mb']:.1f} MB, goal {row.goal_mb}")
    return "memory", rows, markdown(rows, about, run.options.command), {}
