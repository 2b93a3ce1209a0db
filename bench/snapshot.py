"""snapshot.py - how long a store takes to save and to load, its file's size, how long a lock is held.

`./dev bench snapshot`. muster-bench fills a running muster through its UDP door; then it saves three times
while muster-bench goes on announcing, and is restarted with what it saved. Saving is measured by the
saving thread (sleeps included), loading by the log of the start. The longest step is the time of one
hold of one lock, with everything that interrupted it; a step outlives a hold by the time it waited.

How much of a step is work and how much the kernel running somebody else is told by bench/micro_hold.c, which
saves a store of the same size in process and reads the thread's CPU clock around each step, too: a system
call that a muster that saves does not pay for.
"""

import dataclasses
import http.client
import json
import re
import socket
import subprocess
import time

from contenders import Server, Setting

SAVES = 3
LOAD_S_MAX = 60
LOADED = re.compile(r"(\d+) torrents, (\d+) peers taken in within ([0-9.]+) s")


@dataclasses.dataclass
class Fill:
    title: str
    args: list
    torrents: int
    peers: int


FILLS = [
    Fill("1 M torrents, 2 M peers", ["-t", "1M", "-p", "2M"], 1000000, 2000000),
    Fill("one swarm of 1 M peers", ["-t", "1", "-p", "1M"], 1, 1000000),
    Fill("10 M torrents, 20 M peers", ["-t", "10M", "-p", "20M"], 10000000, 20000000),
]


class Api(http.client.HTTPConnection):
    """The operators' Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))

    def ask(self, target, method="GET"):
        body = "{}" if method == "POST" else None
        self.request(method, target, body, {"Content-Type": "application/json"} if body else {})
        return json.loads(self.getresponse().read())

    def save(self):
        after = self.ask("/api/control/snapshot", "POST")["after"]
        while True:
            state = self.ask("/api/state")
            if state["begun"] > after and not state["busy"]:
                return state
            time.sleep(0.05)


def bench(setting, server, port, args):
    return [
        *("taskset", "-c", "1", str(setting.build / "muster-bench"), "--quiet", "--json", "-"),
        *("--pid", str(server.pid), "-s", "4096", "-N", "1", *args, f"udp://127.0.0.1:{port}"),
    ]


def loaded(log):
    """(peers, seconds), as the start logs them."""
    end = time.monotonic() + LOAD_S_MAX
    while time.monotonic() < end:
        if found := LOADED.search(log.read_text(errors="replace")):
            return int(found[2]), float(found[3])
        time.sleep(0.1)
    raise RuntimeError(f"not loaded within {LOAD_S_MAX} s")


def measure(options, folder, port, row):
    sock = folder / f"{port}.sock"
    extra = ("--state-dir", str(folder / f"{port}.state"), "--save-interval", "0")
    extra += ("--admin-socket", str(sock), "--admin-listen", "off", "--max-memory", "4G")
    extra += ("--log-level", "info", "--user", "")
    s = Setting(build=options.build, folder=folder / str(port), port=port, extra=extra)
    with Server("muster", s, "0") as server:
        subprocess.run(bench(s, server, port, ["-W", "0", *row.args]), check=True,
                       stdout=subprocess.DEVNULL)
        quiet = Api(sock).save()
        load = ["-W", "0", "-d", "30s", "-r", "20000", "-t", "1000", "-p", "10000"]
        load = subprocess.Popen(
            bench(s, server, port, load), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(1)
        busy = [Api(sock).save() for _ in range(SAVES)]
        load.terminate()
        load.wait()
    with Server("muster", s, "0"):
        loaded_peers, load_s = loaded(s.folder / "log")
    return {
        "title": row.title,
        "bytes": quiet["bytes"],
        "torrents": quiet["torrents"],
        "peers": quiet["peers"],
        "save_s": quiet["seconds"],
        "step_us": quiet["longest_step_us"],
        "busy_save_s": max(b["seconds"] for b in busy),
        "busy_step_us": max(b["longest_step_us"] for b in busy),
        "load_s": load_s,
        "loaded_peers": loaded_peers,
    }


def holds(options, row):
    """What micro_hold says of a store of this size."""
    command = [options.build / "bench/micro_hold", str(row.torrents), str(row.peers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def work_lines(rows):
    repeats, goal = rows[0]["holds"]["repeats"], rows[0]["holds"]["goal"]
    yield from [
        "",
        "## What a save does under a lock",
        "",
        f"`bench/micro_hold.c`, in process. Work: nobody about, the same store saved {repeats} times, each "
        f"step at its least CPU time in µs; goal {goal:.0f}.",
        "",
        "| store | steps of a save | p50 | p99.9 | longest | |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        alone = r["holds"]["saves"][0]
        work = alone["work"]
        verdict = "**uneven**" if alone["is_uneven"] else "reached" if work["max"] <= goal else "**missed**"
        yield (
            f"| {r['title']} | {alone['steps'] // repeats} | {work['p50']:.1f} | {work['p999']:.1f} "
            f"| {work['max']:.1f} | {verdict} |"
        )


def clock_lines(rows):
    goal = rows[0]["holds"]["goal"]
    yield from [
        "",
        "Clock: the same steps as they came, in µs: the CPU time of the thread (with the interrupts that it "
        "was charged for, and spinning for a lock), and the time on the clock, which goes on while the "
        "kernel runs somebody else. An announce that slept for a lock is who felt it.",
        "",
        f"| store | meanwhile | CPU p99.9 | longest | clock p99.9 | longest | its CPU "
        f"| above {goal:.0f} µs: CPU | clock | announces | slept for a lock | longest |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        for m in r["holds"]["saves"]:
            cpu, wall = m["cpu"], m["wall"]
            yield (
                f"| {r['title']} | {m['name']} | {cpu['p999']:.1f} | {cpu['max']:.0f} | {wall['p999']:.1f} "
                f"| {wall['max']:.0f} | {m['cpu_of_longest']:.0f} | {cpu['above_goal']} "
                f"| {wall['above_goal']} of {m['steps']} | {m['announces']} | {m['waits']} "
                f"| {m['wait_max']:.0f} |"
            )


def markdown(rows, about, command):
    lines = [
        "# Saving and loading a store",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, "
        f"Linux {about['kernel']}. `{command}`",
        "",
        "What is measured, and how, is told at the top of `bench/snapshot.py`. MB are 10^6 bytes; "
        "busy: while 20 000 announces a second come in.",
        "",
        "| store | file MB | save s | longest step µs | busy: save s | longest step µs "
        "| load s | peers loaded |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        lines.append(
            f"| {r['title']} | {r['bytes'] / 1e6:.1f} | {r['save_s']:.2f} | {r['step_us']} "
            f"| {r['busy_save_s']:.2f} | {r['busy_step_us']} | {r['load_s']:.2f} "
            f"| {r['loaded_peers']} |"
        )
    lines += [*work_lines(rows), *clock_lines(rows)]
    return "\n".join(lines) + "\n"


def study(run, about):
    """The name of the result, its figures, its text and its charts."""
    rows = []
    for row in FILLS:
        rows.append(measure(run.options, run.folder, run.next_port(), row))
        rows[-1]["holds"] = holds(run.options, row)
        saved_s, loaded_s = rows[-1]["save_s"], rows[-1]["load_s"]
        run.say(f"{row.title}: saved in {saved_s:.2f} s, loaded in {loaded_s:.2f} s")
    return "snapshot", rows, markdown(rows, about, run.options.command), {}
