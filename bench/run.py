"""run.py - measure muster, the floors and its peers side by side; `./dev bench` calls it.

    run.py [--build FOLDER] [--rounds N] [--seconds S] [--full] [--list] [--out NAME] [WORKLOAD ...]
    run.py [...] large | open | families | http | workers | statistics
    run.py [--build FOLDER] [--out FOLDER/] memory | curve | levers | flame | snapshot | tuning | flood |
                                            lists | sandbox | holds | addresses

For each workload, each round starts every contender anew (rounds alternate the order), fills it, and
measures it with muster-bench: the server alone on one CPU, the generator alone on the other. The figures
are medians over the rounds with their range, the ratios medians of the ratios within a round: what
disturbs the machine for a minute then disturbs both sides.

Writes NAME.json (everything), NAME.md (tables, goals) and NAME-*.svg. The whole comparison, and the sets of
workloads in the second line, go to bench/results, where they replace what is committed; workloads named
one by one, and what Ctrl-C or SIGTERM left of a run, go to build/bench. --out NAME names others in
bench/results, --out FOLDER/NAME others elsewhere. Nothing measured, nothing written.

The words in the third line are studies of another shape, each in a file of its own: memory after filling
through the UDP door, cost and bytes from 10^4 to 10^8 peers, what each lever of the fast path gives, where
the time goes, what kernel settings do, what others notice of a flood, what access lists and the sandbox cost,
what keeps a saver from losing its processor with a lock held, and what a socket on a wildcard address costs.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import addresses
import curve
import flame
import flood
import holds
import levers
import lists
import memory
import sandbox
import snapshot
import tables
import tuning
from contenders import CONTENDERS, NoStart, Server, Setting, is_installed, is_taken
from figures import CPU, complete, values, why_void
from output import PARTIAL, RESULTS, ROOT, machine, write_files
from steal import Steal
from workloads import BY_NAME, SETS, WORKLOADS

SERVER_CPU, BENCH_CPU = "0", "1"
FIRST_PORT = 17000
ROUNDS = 5
TRIES = 3
REASON_CHARS_MAX = 300
STUDIES = {
    "memory": memory,
    "curve": curve,
    "levers": levers,
    "flame": flame,
    "snapshot": snapshot,
    "tuning": tuning,
    "flood": flood,
    "lists": lists,
    "sandbox": sandbox,
    "holds": holds,
    "addresses": addresses,
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
        self.folder.chmod(0o755)
        self.port = options.first_port
        self.results = {}  # workload -> contender -> [one report a round]
        self.commands = {}  # workload -> contender -> how it was asked
        self.failures = {}  # (workload, contender) -> [why there was no report]
        self.is_interrupted = False
        self.extra = ()  # options of muster, for a while
        self.server_cpu, self.bench_cpu = SERVER_CPU, BENCH_CPU
        self.say, self.root, self.contender = say, ROOT, CONTENDERS.get

    def next_port(self):
        self.port += 1
        while is_taken(self.port):
            self.port += 1
        return self.port

    def setting(self, workload, peers):
        port = self.next_port()
        return Setting(
            build=self.options.build,
            folder=self.folder / str(port),
            port=port,
            peers=peers,
            v6=workload.v6,
            close=workload.close,
            torrents=workload.torrents,
            extra=self.extra,
        )

    def rate(self, workload):
        source, share = workload.rate_of
        found = values(self.results.get(source, {}).get("muster", []), "answers_per_s")
        return int(share * statistics.median(found)) if found else None

    def seconds(self, workload):
        if workload.requests:
            return workload.requests / self.rate(workload)
        return self.options.seconds

    def command(self, workload, contender, s, pid, seconds):
        host = "[::1]" if s.v6 else "127.0.0.1"
        out = [
            *("taskset", "-c", BENCH_CPU, str(s.build / "muster-bench")),
            *("--quiet", "--json", "-", "--pid", str(pid), "-d", f"{int(seconds * 1000)}ms"),
            *workload.args,
        ]
        if not contender.is_tracker or not workload.fills:
            out.append("--no-fill")
        if contender.command.__name__.split("_")[0] != "muster":
            out += ["--deep", "0"]  # others hand out the asker, or made-up peers
        if workload.rate_of:
            out += ["--rate", str(self.rate(workload))]
        return [*out, f"{workload.url}://{host}:{s.port}/announce"]

    def fail(self, row, why):
        self.failures.setdefault(row, []).append(" ".join(why.split())[-REASON_CHARS_MAX:])
        say(f"  {row[1]}: {self.failures[row][-1]}")

    def ask(self, workload, name, s, server, seconds, row):
        """What muster-bench printed of a running server, None when that is no report."""
        command = self.command(workload, CONTENDERS[name], s, server.pid, seconds)
        shown = " ".join(command[3:]).replace(str(ROOT) + "/", "").replace(f":{s.port}/", ":PORT/")
        shown = shown.replace(f"--pid {server.pid} ", "--pid PID ")
        self.commands.setdefault(row[0], {})[row[1]] = shown
        with Steal(self.server_cpu) as steal:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        if ended := server.how_ended():
            self.fail(row, f"ended while it was measured: {ended}")
        elif not done.stdout.startswith("{"):
            self.fail(row, done.stderr or f"muster-bench ended with status {done.returncode}")
        else:
            report = complete(json.loads(done.stdout))
            return report | {"stolen_ms": steal.total_ms, "stolen_burst_ms": steal.burst_ms}
        return None

    def measure(self, workload, name, peers, seconds, program=None, row=None):
        """One report of muster-bench; None when the contender cannot serve this: `failures` tells why,
        under `row`, its place in the tables."""
        row = row or (workload.name, name)
        s = self.setting(workload, peers)
        s.program, s.v6 = program, workload.v6 and not CONTENDERS[name].v4
        try:
            with Server(name, s, workload.server_cpus or SERVER_CPU) as server:
                report = self.ask(workload, name, s, server, seconds, row)
        except (NoStart, OSError, subprocess.SubprocessError) as why:
            self.fail(row, str(why))
            return None
        if not report:
            return None
        report["load_average"] = os.getloadavg()[0]
        if report["wrong"]:
            say(f"  {name}: wrong answers: {report.get('wrong_by_kind')}")
        return report

    def must_measure(self, *args, is_void_fine=False, **named):
        """The same, for those who can do nothing without it."""
        for _ in range(TRIES):
            report = self.measure(*args, **named)
            void = report and not is_void_fine and why_void(report)
            if report and not void:
                return report
            say(f"  void: {void}" if void else "  no report")
        sys.exit(f"{args[0].name}: nothing to go on after {TRIES} tries, nothing is written")

    def peers_of(self, workload):
        """Peers in muster's answers here: the floors and nginx answer with as many."""
        if all(CONTENDERS[n].is_tracker for n in workload.servers):
            return 9
        report = self.measure(workload, "muster", 9, 0.3)
        return round(report["peers_per_answer"]) if report else 9

    def workload(self, workload):
        if workload.rate_of and not self.rate(workload):
            say(f"{workload.name}: there is no figure of {workload.rate_of[0]}; left out")
            return
        rows = {n: (workload, n) for n in workload.servers if is_installed(n)}
        rows |= {label: (BY_NAME[w], n) for label, (w, n) in workload.beside.items()}
        peers = self.peers_of(workload)
        reports = self.results.setdefault(workload.name, {label: [] for label in rows})
        for number in range(self.options.rounds):
            for label in rows if number % 2 == 0 else reversed(rows):
                asked, name = rows[label]
                report = self.measure(
                    asked, name, peers, self.seconds(asked), row=(workload.name, label)
                )
                reports[label].append(report)
                void = report and why_void(report)
                cost = f"void: {void}" if void else f"{report and report.get(CPU)} us"
                say(f"{workload.name:<26}round {number + 1}  {label:<28}{cost}")

    def is_empty(self):
        return not any(r for by in self.results.values() for reports in by.values() for r in reports)


# ---- writing ----


def as_json(everything):
    return json.dumps(everything, indent=1) + "\n"


def write(run, folder, name):
    """False when there is nothing to write."""
    if run.is_empty():
        say("nothing was measured: nothing is written")
        return False
    o, about = run.options, machine()
    everything = {
        "machine": about,
        "command": o.command,
        "rounds": o.rounds,
        "seconds": o.seconds,
        "commands": run.commands,
        "failures": {f"{w}: {c}": why for (w, c), why in run.failures.items()},
        "results": run.results,
    }
    text, texts = tables.markdown(run, about), {f"{name}.json": as_json(everything)}
    for title, file, svg in tables.pictures(run, name):
        texts[file] = svg
        text += f"\n![{title}]({file})\n"
    write_files(folder, texts | {f"{name}.md": text})
    print(text)
    say(f"written: {folder / name}.md")
    return True


def write_study(run):
    about = machine()
    name, figures, text, pictures = run.options.study.study(run, about)
    if not figures:
        say("nothing was measured: nothing is written")
        return False
    everything = {"machine": about, "command": run.options.command, "results": figures}
    texts = {f"{name}.json": as_json(everything)}
    texts |= {f"{picture}.svg": svg for picture, svg in pictures.items()}
    write_files(run.options.folder, texts | {f"{name}.md": text})
    print(text)
    return True


# ---- options ----


def rounds_parse(text):
    if (rounds := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return rounds


def seconds_parse(text):
    if not 0.01 <= (seconds := float(text)) <= 86400:
        raise argparse.ArgumentTypeError("from 0.01 to 86400")
    return seconds


def parser():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", type=Path, default=ROOT / "build/release")
    p.add_argument("--rounds", type=rounds_parse, help=f"[{ROUNDS}, or as many as the set wants]")
    p.add_argument("--seconds", type=seconds_parse, default=3, help="of each measurement [3]")
    p.add_argument("--full", action="store_true", help="the large workloads, too")
    p.add_argument("--list", action="store_true", help="only list the workloads")
    p.add_argument("--first-port", type=int, default=FIRST_PORT, help=f"on loopback [{FIRST_PORT}]")
    p.add_argument("--out", help="NAME of the files in bench/results, or FOLDER/NAME")
    words = ", ".join([*SETS, *STUDIES])
    p.add_argument("workload", nargs="*", help=f"only these; or one of {words}")
    return p


def place(o):
    """(folder, name) of the files. What is committed is replaced by whole runs, or when told to."""
    if o.out:
        folder, _, name = o.out.rpartition("/")
        return Path(folder) if folder else RESULTS, name
    if o.set:
        return RESULTS, o.set
    return PARTIAL if o.workload and not o.study else RESULTS, "comparison"


def options_read(arguments):
    p = parser()
    o = p.parse_args(arguments)
    o.build = o.build.resolve()
    o.command = " ".join(["./dev bench", *arguments])
    word = o.workload[0] if len(o.workload) == 1 else None
    o.study, o.set = STUDIES.get(word), word if word in SETS else None
    o.folder, o.name = place(o)
    if o.study and o.out and (o.name or "/" not in o.out):
        p.error("a study keeps the names of its files: --out FOLDER/")
    if not o.study and not o.name:
        p.error("--out NAME or FOLDER/NAME")
    if o.set:
        o.workload, wanted = SETS[o.set]
        o.rounds = o.rounds or wanted
    o.rounds = o.rounds or ROUNDS
    unknown = set() if o.study else set(o.workload) - set(BY_NAME)
    if unknown:
        p.error(f"no workload {', '.join(sorted(unknown))}; --list names them")
    return o


def chosen(o):
    """The workloads of this run: those named, and those whose rate they take."""
    names = set(o.workload) or {w.name for w in WORKLOADS if o.full or not w.slow}
    names |= {w.rate_of[0] for w in WORKLOADS if w.name in names and w.rate_of}
    return [w for w in WORKLOADS if w.name in names]


def listed():
    for w in WORKLOADS:
        yield f"{w.name:<26}{w.title}{' (--full)' if w.slow else ''}"
    for name, (names, rounds) in SETS.items():
        yield f"{name:<26}{rounds} rounds of {', '.join(names)}"


def measure_all(run):
    """True when what was measured is written."""
    o = run.options
    if o.study:
        return write_study(run)
    for workload in chosen(o):
        run.workload(workload)
    return write(run, o.folder, o.name)


def main(arguments):
    o = options_read(arguments)
    if o.list:
        print("\n".join(listed()))
        return 0
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two CPUs are needed: one for the server, one for the generator")
    run = Run(o)
    try:
        return 0 if measure_all(run) else 1
    except NoStart as why:
        sys.exit(f"{why}; nothing is written")
    except KeyboardInterrupt:
        say("interrupted: what is committed stays")
        run.is_interrupted = True
        if not o.study:
            write(run, PARTIAL, f"{o.name}-interrupted")
        return 130
    finally:
        shutil.rmtree(run.folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are stopped then, too
    sys.exit(main(sys.argv[1:]))
