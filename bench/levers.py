"""levers.py - what each lever of the fast path gives: muster with it beside muster without it.

`./dev bench levers`. A lever is taken out of a copy of the sources by replacing lines, the copy is built,
and both programs are measured in turn under the workload where the lever should show. When the sources
change so that a text to replace is no longer there, this says so and stops: then the row must follow.
"""

import dataclasses
import shutil
import statistics
import subprocess

from workloads import WORKLOADS

ROUNDS = 5
SECONDS = 2


@dataclasses.dataclass
class Lever:
    name: str
    without: str  # what the other side does
    workload: str
    edits: list  # (file, text, replacement)
    options: tuple = ()  # of the build


UDP, BATCH, SWARM = "src/front/udp.c", "src/net/udp_batch.h", "src/swarm/swarm.c"
SOCKETS, EXACT = "src/app/sockets.c", "    if (err == ERR_OK) exact_find(s, inherited);\n"
CONN, ANSWER = "src/front/http_conn.c", "src/front/http_answer.c"
LISTEN, STREAM = "src/net/listen.c", "src/net/stream.c"

LEVERS = [
    Lever(
        "shard, index and record fetched ahead over a batch",
        "nothing",
        "udp_large",
        [(SWARM, "    if (stage == 0) __builtin_prefetch(shard);\n", "    if (stage >= 0) return;\n")],
    ),
    Lever(
        "shard, index and record fetched ahead over a batch",
        "nothing",
        "udp_announce",
        [(SWARM, "    if (stage == 0) __builtin_prefetch(shard);\n", "    if (stage >= 0) return;\n")],
    ),
    Lever(
        "... the record, too",
        "shard and index only",
        "udp_large",
        [(SWARM, "    else shard_prefetch_found(s, shard, hash);\n", "")],
    ),
    Lever(
        "64 datagrams a system call",
        "8",
        "udp_announce",
        [(BATCH, "#define UDP_BATCH_MAX         64", "#define UDP_BATCH_MAX         8")],
    ),
    Lever(
        "64 datagrams a system call",
        "1",
        "udp_announce",
        [(BATCH, "#define UDP_BATCH_MAX         64", "#define UDP_BATCH_MAX         1")],
    ),
    Lever(
        "read on while batches are full",
        "epoll_wait after every batch",
        "udp_announce",
        [(UDP, "#define BATCHES_PER_TURN 16", "#define BATCHES_PER_TURN 1")],
    ),
    Lever(
        "the time once a turn",
        "a clock call per datagram",
        "udp_announce",
        [
            (UDP, '#include "front/udp.h"\n', '#include "front/udp.h"\n#include "base/clock.h"\n'),
            (
                UDP,
                "        take_datagram(d, o, i);\n",
                "        take_datagram(d, o, i), d->env.loop->now_ms = clock_now_ms();\n",
            ),
        ],
    ),
    Lever("sockets of their own for addresses", "a wildcard's", "udp_announce", [(SOCKETS, EXACT, "")]),
    Lever("sockets of their own for addresses", "a wildcard's", "udp_v6", [(SOCKETS, EXACT, "")]),
    Lever("link-time optimisation", "none", "udp_announce", [], ("-Db_lto=false",)),
    Lever(
        "TCP_DEFER_ACCEPT",
        "none",
        "http_close",
        [(LISTEN, "    if (!a->proxy) option_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_S);\n", "")],
    ),
    Lever(
        "accept, then read at once",
        "epoll first",
        "http_close",
        [(CONN, "d->open++;\n    http_conn_turn(c);", "d->open++;\n    conn_settle(c, false);")],
    ),
    Lever(
        "muster closes first",
        "the client does, muster waits for it",
        "http_close",
        [
            (
                CONN,
                "    if (is_silent || shutdown(c->stream.source.fd, SHUT_WR) != 0) {\n",
                "    if (c->eof || (is_silent && 0)) {\n",
            )
        ],
    ),
    Lever(
        "budgets, shard, index and record fetched ahead of an HTTP announce",
        "nothing",
        "http_close",
        [
            (CONN, "    rate_prefetch(t->rate, RATE_ANNOUNCE, &c->client); /* it will be asked for */\n", ""),
            (ANSWER, "(!http_announce_begin(q, r->query, a))", "(http_announce_begin(q, r->query, a), 1)"),
        ],
    ),
    Lever(
        "answer and end of connection in one segment",
        "in two",
        "http_close",
        [(STREAM, "(s->last ? MSG_MORE : 0)", "(s->last ? 0 : 0)")],
    ),
    Lever(
        "one send for all pipelined answers",
        "a send each",
        "http_pipeline",
        [(CONN, "        if (writer_left(&out) >= HTTP_ANSWER_BYTES_MAX) continue;\n", "")],
    ),
]


def copy_sources(root, to):
    files = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=True, text=True
    ).stdout.split("\0")
    for name in filter(None, files):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_file():
            shutil.copyfile(root / name, target)
            target.chmod((root / name).stat().st_mode)


def edit(folder, lever):
    for name, text, replacement in lever.edits:
        path = folder / name
        source = path.read_text()
        if source.count(text) != 1:
            raise SystemExit(f"levers.py: '{lever.name}': {name} has no single\n{text}")
        path.write_text(source.replace(text, replacement))


def build(root, folder, lever):
    """The program without the lever."""
    copy_sources(root, folder)
    edit(folder, lever)
    out = folder / "out"
    setup = ["/usr/bin/meson", "setup", str(out), str(folder), "--buildtype=release", "-Db_lto=true"]
    quiet = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "check": True}
    subprocess.run([*setup, "-Dbench=false", "-Dtests=false", *lever.options], **quiet)
    subprocess.run(["ninja", "-C", str(out), "muster"], **quiet)
    return out / "muster"


def compare(run, workload, program):
    """Pairs of CPU per request: (with, without)."""
    pairs = []
    for number in range(ROUNDS):
        pair = {}
        for which in (None, program) if number % 2 == 0 else (program, None):
            report = run.must_measure(workload, "muster", 9, SECONDS, program=which)
            pair[which] = report["cpu_us_per_request"]
        pairs.append((pair[None], pair[program]))
    return pairs


def study(run, about):
    by_name = {w.name: w for w in WORKLOADS}
    rows = []
    for number, lever in enumerate(LEVERS):
        folder = run.folder / f"lever{number}"
        program = build(run.root, folder, lever)
        pairs = compare(run, by_name[lever.workload], program)
        shutil.rmtree(folder)
        ratios = sorted(without / with_ for with_, without in pairs)
        rows.append(
            {
                "lever": lever.name,
                "without": lever.without,
                "workload": lever.workload,
                "with_us": statistics.median(p[0] for p in pairs),
                "without_us": statistics.median(p[1] for p in pairs),
                "ratios": ratios,
            }
        )
        run.say(f"{lever.name} / {lever.without}: {statistics.median(ratios):.2f}")
    return "levers", rows, markdown(rows, about, run.options.command), {}


def markdown(rows, about, command):
    lines = [
        "# What each lever gives",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. "
        f"`{command}`",
        "",
        f"Server CPU per request in µs: muster, and muster without the lever; medians of {ROUNDS} pairs of "
        f"{SECONDS} s, and the median (lowest–highest) of the pairs' ratios. Above 1 the lever pays.",
        "",
        "| lever | instead | workload | with | without | without / with |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        low, middle, high = r["ratios"][0], statistics.median(r["ratios"]), r["ratios"][-1]
        lines.append(
            f"| {r['lever']} | {r['without']} | {r['workload']} | {r['with_us']:.2f} | "
            f"{r['without_us']:.2f} | {middle:.2f} ({low:.2f}–{high:.2f}) |"
        )
    return "\n".join(lines) + "\n"
