"""./dev bench: what it writes where, who does not start, what counts. Servers and generator are scripts."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import eventually, unused_port

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

import contenders  # noqa: E402
import figures  # noqa: E402
import output  # noqa: E402
import run as bench_run  # noqa: E402
import steal  # noqa: E402
import tables  # noqa: E402
from workloads import BY_NAME, SETS, Goal  # noqa: E402

COMMITTED = {"comparison.json": "{}", "comparison.md": "what was measured last week\n"}
REPORT = {
    "sent": 1000, "answered": 1000, "lost": 0, "wrong": 0, "answers_per_s": 500, "cpu_busy": 0.5,
    "latency_p50_us": 1, "latency_p99_us": 2, "latency_p999_us": 3, "latency_max_us": 4,
    "peers_per_answer": 9, "rss_bytes": 5e6, "load_average": 1, "cpu_us_per_request": 4.0,
}


def report(**other):
    return figures.complete({**REPORT, **other})


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """(what is committed, where parts of runs go)"""
    committed, partial = tmp_path / "results", tmp_path / "partial"
    committed.mkdir()
    for name, text in COMMITTED.items():
        (committed / name).write_text(text)
    monkeypatch.setattr(bench_run, "RESULTS", committed)
    monkeypatch.setattr(bench_run, "PARTIAL", partial)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    return committed, partial


@pytest.fixture
def measured(monkeypatch):
    """Instead of measuring, tells what was asked for; an exception in `answers` is raised."""
    calls, answers = [], []

    def measure(self, workload, name, peers, seconds, program=None, row=None):
        calls.append((row or (workload.name, name))[1])
        answer = answers.pop(0) if answers else report()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(bench_run.Run, "measure", measure)
    return calls, answers


def is_as_committed(folder):
    return {f.name: f.read_text() for f in folder.iterdir()} == COMMITTED


# ---- what is written ----


@pytest.mark.parametrize("rounds", ["0", "-1", "some"])
def test_rounds_that_measure_nothing_are_refused(rounds):
    command = [sys.executable, "-B", ROOT / "bench/run.py", f"--rounds={rounds}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "--rounds" in done.stderr


@pytest.mark.parametrize(
    "arguments, folder, name",
    [
        ([], "results", "comparison"),
        (["--full"], "results", "comparison"),
        (["udp_mix"], "partial", "comparison"),
        (["udp_mix", "http_keep"], "partial", "comparison"),
        (["--out", "mine", "udp_mix"], "results", "mine"),
        (["large"], "results", "large"),
        (["--out", "mine", "large"], "results", "mine"),
        (["memory"], "results", "comparison"),
    ],
)
def test_only_whole_runs_replace_what_is_committed(folders, arguments, folder, name):
    options = bench_run.options_read(arguments)
    assert (options.folder.name, options.name) == (folder, name)


def test_out_may_name_a_folder(folders, tmp_path):
    options = bench_run.options_read(["--out", f"{tmp_path}/there/mine", "udp_mix"])
    assert (options.folder, options.name) == (tmp_path / "there", "mine")
    assert bench_run.options_read(["--out", f"{tmp_path}/", "memory"]).folder == tmp_path
    with pytest.raises(SystemExit):
        bench_run.options_read(["--out", "mine", "memory"])


def test_a_table_grows_for_so_many_requests(folders, monkeypatch):
    """At whatever rate: it is as large at the end."""
    asked = {}

    def measure(self, workload, name, peers, seconds, **_):
        asked[workload.name] = seconds
        return report(answers_per_s=100000)

    monkeypatch.setattr(bench_run.Run, "measure", measure)
    assert bench_run.main(["--rounds", "1", "--seconds", "2", "udp_open", "udp_grow"]) == 0
    assert (asked["udp_open"], asked["udp_grow"]) == (2, BY_NAME["udp_grow"].requests / 50000)


def test_named_workloads_leave_the_comparison_alone(folders, measured):
    assert bench_run.main(["--rounds", "1", "udp_mix"]) == 0
    assert is_as_committed(folders[0])
    written = json.loads((folders[1] / "comparison.json").read_text())
    assert list(written["results"]) == ["udp_mix"]


def test_a_workload_brings_the_one_whose_rate_it_takes(folders, measured):
    assert bench_run.main(["--rounds", "1", "udp_open"]) == 0
    written = json.loads((folders[1] / "comparison.json").read_text())
    assert list(written["results"]) == ["udp_announce", "udp_open"]


def test_nothing_measured_nothing_written(folders, measured):
    measured[1].extend([None] * 100)
    assert bench_run.main(["--rounds", "1"]) == 1
    assert is_as_committed(folders[0]) and not folders[1].exists()


@pytest.mark.parametrize("measured_before", [0, 7])
def test_an_interrupted_run_keeps_what_is_committed(folders, measured, measured_before):
    measured[1].extend([report()] * measured_before + [KeyboardInterrupt()])
    assert bench_run.main(["--rounds", "2"]) == 130
    assert is_as_committed(folders[0])
    left = folders[1] / "comparison-interrupted.md"
    assert left.exists() == bool(measured_before)
    assert not measured_before or "**Interrupted**" in left.read_text()


def test_an_interrupted_or_empty_study_writes_nothing(folders, monkeypatch):
    class Study:
        @staticmethod
        def study(run, about):
            if Study.is_interrupted:
                raise KeyboardInterrupt
            return "comparison", [], "", {}

    monkeypatch.setitem(bench_run.STUDIES, "memory", Study)
    for Study.is_interrupted, status in [(True, 130), (False, 1)]:
        assert bench_run.main(["memory"]) == status
        assert is_as_committed(folders[0]) and not folders[1].exists()


def test_a_study_does_not_take_a_void_round(folders, measured):
    """It asks again, and gives up when that does not help; where loss is the point, void is fine."""
    running = bench_run.Run(bench_run.options_read([]))
    args = (BY_NAME["udp_mix"], "muster", 9, 1)
    void, right = report(lost=500), report()
    measured[1].extend([void, None, right])
    assert running.must_measure(*args) is right
    measured[1].extend([void])
    assert running.must_measure(*args, is_void_fine=True) is void
    measured[1].extend([void] * bench_run.TRIES)
    with pytest.raises(SystemExit):
        running.must_measure(*args)


def test_a_whole_run_replaces_all_its_files(folders, measured):
    assert bench_run.main(["--rounds", "1"]) == 0
    names = {f.name for f in folders[0].iterdir()}
    assert names == {*COMMITTED, "comparison-udp.svg", "comparison-http.svg"}
    assert "what was measured last week" not in (folders[0] / "comparison.md").read_text()


# ---- who starts ----


@pytest.fixture
def build(tmp_path):
    """A folder of programs, with those scripts that a test wants."""
    folder = tmp_path / "build"
    folder.mkdir()

    def add(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder

    return add


@pytest.fixture
def port():
    lease = unused_port()
    yield lease.port
    lease.release()


def setting(build_folder, tmp_path, port):
    return contenders.Setting(build=build_folder, folder=tmp_path / "scratch", port=port)


@contextlib.contextmanager
def udp_at(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        yield s


def test_who_does_not_start_says_why(build, tmp_path, port):
    s = setting(build("muster", "echo there is no moon tonight; exit 3"), tmp_path, port)
    with pytest.raises(contenders.NoStart, match="status 3: there is no moon tonight"):
        with contenders.Server("muster", s, "0"):
            pass
    assert not s.folder.exists()


def test_a_port_that_is_taken_is_not_a_start(build, tmp_path, port):
    s = setting(build("muster", "exec sleep 60"), tmp_path, port)
    with udp_at(s.port), pytest.raises(contenders.NoStart, match="another program"):
        contenders.Server("muster", s, "0")


def test_the_listener_is_the_child(build, tmp_path, port, monkeypatch):
    """Another program takes the port while the contender starts."""
    monkeypatch.setattr(contenders, "START_S_MAX", 0.3)
    s = setting(build("muster", "exec sleep 60"), tmp_path, port)
    server = contenders.Server("muster", s, "0")
    with udp_at(s.port):
        assert contenders.has_port(os.getpid(), "udp", s.port)
        with pytest.raises(contenders.NoStart, match=f"not at port {s.port}"):
            server.__enter__()
    assert server.process.returncode is not None


def test_one_that_fails_does_not_take_the_others_along(folders, build, port):
    """It has a cell that says why; so has one whose load ends without a report."""
    programs = build("muster", "echo no memory for this; exit 1")
    build("muster-bench", "echo no connection id >&2; exit 1")
    (programs / "bench").mkdir()
    floor = "import socket,sys,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); "
    floor += "s.bind(('127.0.0.1',int(sys.argv[2]))); time.sleep(60)"
    build("bench/floor_udp", f'exec {sys.executable} -c "{floor}" "$@"')
    options = bench_run.options_read(["--build", str(programs), "--rounds", "2", "udp_statistics"])
    options.first_port = port - 1
    running = bench_run.Run(options)
    running.workload(BY_NAME["udp_huge"])
    assert running.results["udp_huge"] == {
        "floor_udp": [None] * 2, "muster": [None] * 2, "muster, 100 k peers": [None] * 2,
    }
    running.results["udp_huge"]["floor_udp"] = [report(), report()]
    text = tables.markdown(running, output.machine())
    row = next(line for line in text.splitlines() if line.startswith("| muster |"))
    assert "no memory for this" in row
    assert running.failures["udp_huge", "floor_udp"] == ["no connection id"] * 2


# ---- what counts ----


def test_void_rounds_count_only_as_loss():
    reports = [report(cpu_us_per_request=4), report(cpu_us_per_request=1, lost=500)]
    assert figures.spread(reports, "cpu_us_per_request") == (4, 4, 4)
    assert figures.spread(reports, "loss_percent") == (25, 0, 50)
    assert "50.00 %" in figures.why_void(reports[1]) and not figures.why_void(reports[0])
    assert figures.why_void(report(wrong=500)) and figures.why_void(report(answered=0, lost=1000))
    assert not figures.why_void(report(lost=2))
    assert "90.00 %" in figures.why_void(report(due=10000, never_sent=9000))


def test_every_goal_has_a_verdict():
    by_name = {"a": [report(cpu_us_per_request=5)], "b": [report()], "void": [report(lost=900)]}
    assert figures.goal_line(Goal("a", "b", 1.5), by_name).endswith("reached")
    assert figures.goal_line(Goal("a", "b", 1.2), by_name).endswith("**missed**")
    assert "**not judged**" in figures.goal_line(Goal("a", "void", 1.2), by_name)
    assert "**not judged**" in figures.goal_line(Goal("a", "nobody", 1.2), by_name)
    assert figures.goal_line(Goal("a", "", 5, "rss_bytes"), by_name).endswith("reached")
    by_name["a"][0]["at_least"] = ["latency_max_us"]
    longest = figures.goal_line(Goal("a", "", 5, "latency_max_us"), by_name)
    assert "**not judged**" in longest


def test_goals_name_who_is_measured():
    for workload in BY_NAME.values():
        names = {*workload.servers, *workload.beside}
        for goal in workload.goals:
            assert {goal.name, goal.reference or goal.name} <= names, workload.name
    assert all(name in BY_NAME for names, _ in SETS.values() for name in names)


def test_each_contender_has_its_own_command(folders, tmp_path):
    options = bench_run.options_read(["--build", str(tmp_path), "http_keep"])
    running = bench_run.Run(options)
    s = setting(tmp_path, tmp_path, 17000)
    asked = {
        name: running.command(BY_NAME["http_keep"], contenders.CONTENDERS[name], s, 1, 1)
        for name in ("muster", "nginx")
    }
    assert "--no-fill" in asked["nginx"] and "--no-fill" not in asked["muster"]
    running.results = {"http_keep": {name: [report()] for name in asked}}
    running.commands = {"http_keep": {name: " ".join(words) for name, words in asked.items()}}
    text = tables.markdown(running, output.machine())
    assert all(f"* {name}: `{' '.join(words)}`" in text for name, words in asked.items())


# ---- whose stall was it? ----


def test_stalls_of_the_hypervisor_stand_beside_the_worst_answers(monkeypatch):
    looks = [10, 10, 20, 140, 150]  # ms stolen since the machine began
    monkeypatch.setattr(steal, "stolen_ms", lambda _: looks.pop(0) if len(looks) > 1 else looks[0])
    with steal.Steal("0") as seen:
        eventually(lambda: len(looks) == 1, "all looks")
    assert 0 < seen.burst_ms <= seen.total_ms == 140
    name = "udp_open"
    rounds = [report(stolen_ms=140, stolen_burst_ms=130), report()]
    text = "\n".join(tables.worst_answers(BY_NAME[name], {"floor_udp": rounds, "muster": rounds[::-1]}))
    assert "| 1 | 0.0 |  |  | 140, 130 | 0.0 |  |  |  |" in text


# ---- the commit ----


def test_results_do_not_make_a_commit_dirty(tmp_path):
    def git(*args):
        who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", tmp_path, *who, *args], check=True, capture_output=True)

    git("init", "-q")
    for name in ("bench/results/comparison.md", "src/main.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    clean = output.commit_name(tmp_path)
    assert len(clean) == 12
    (tmp_path / "bench/results/comparison.md").write_text("two\n")
    (tmp_path / "bench/results/new.md").write_text("new\n")
    assert output.commit_name(tmp_path) == clean
    (tmp_path / "src/main.c").write_text("two\n")
    assert output.commit_name(tmp_path) == f"{clean}-dirty"
