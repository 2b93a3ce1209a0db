"""The files that start muster: systemd's units, and the run loops."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness import HttpClient, eventually, muster_bin
from harness.check import PortLease
from harness.server import clean_env

PACKAGING = Path(__file__).parents[2] / "packaging"
UNITS = PACKAGING / "systemd"
EXPOSURE_MAX = 13  # tenths: what it is; any line less is more

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")


def analyze(*words):
    return subprocess.run(["systemd-analyze", *map(str, words)], text=True, capture_output=True,
                          check=False, env=clean_env({"SYSTEMD_COLORS": "0"}))


def unit_words(key):
    """The values of all its lines, in order."""
    lines = (UNITS / "muster.service").read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(key + "=")]


@needs_systemd
def test_the_unit_is_closed():
    said = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", UNITS / "muster.service")
    assert said.returncode == 0, said.stdout


@needs_systemd
def test_units_are_understood():
    """Unknown words in a unit are a warning that nobody reads."""
    said = analyze("verify", UNITS / "muster.service", UNITS / "muster.socket")
    expected = re.compile(r"Command /usr/bin/muster is not executable|man muster\(1\)|is not a directory"
                          r"|Unit network-online.target not found")
    rest = [line for line in (said.stderr + said.stdout).splitlines() if not expected.search(line)]
    assert not rest


@needs_systemd
def test_the_unit_allows_what_muster_allows_itself():
    """Housekeeping's and the workers' lists hold nothing that the unit's filter refuses, but for giving
    a file away, which a settings file of another owner needs."""
    source = (PACKAGING.parent / "src" / "app" / "call_filter_seccomp.c").read_text()
    lists = re.findall(r"(?:WORKER|SERVICE)_CALLS\[\] = \{(.*?)\};", source, re.S)
    ours = set(re.findall(r'"(\w+)"', " ".join(lists)))

    def group(name):
        lines = analyze("syscall-filter", name).stdout.splitlines()[1:]
        words = {line.strip() for line in lines if line.strip() and not line.strip().startswith("#")}
        return {call for word in words for call in (group(word) if word[0] == "@" else {word})}

    def calls(line):
        names = line.removeprefix("~").split()
        return set().union(*(group(name) if name[0] == "@" else {name} for name in names))

    allowed = set()
    for line in unit_words("SystemCallFilter"):
        allowed = allowed - calls(line) if line[0] == "~" else allowed | calls(line)
    assert len(ours) > 100 and len(allowed) > 100
    assert ours - allowed <= {"fchown"}
    landlock = (PACKAGING.parent / "src" / "app" / "landlock.c").read_text()
    assert {"seccomp", *re.findall(r"SYS_(landlock_\w+)", landlock)} <= allowed, "locks itself in"


@needs_systemd
def test_users_and_folders_are_understood(tmp_path):
    for tool, name in (("systemd-sysusers", "muster.sysusers"), ("systemd-tmpfiles", "muster.tmpfiles")):
        if not shutil.which(tool):
            pytest.skip(f"no {tool}")
    (tmp_path / "etc").mkdir()
    made = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", UNITS / "muster.sysusers"],
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert re.search(r"^muster:x:\d+:\d+:BitTorrent tracker:/var/lib/muster:",
                     (tmp_path / "etc" / "passwd").read_text(), re.M)


# --- the run loops ---

class Loop:
    """run or run_chroot, with a muster that answers on `port`."""

    def __init__(self, log, name, *options):
        self.lease, self.log = PortLease(), log
        self.port = self.lease.port
        words = [PACKAGING / "run" / name, *options, "--listen", f"127.0.0.1:{self.port}",
                 "--admin-listen", "off"]
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out,
                                            env=clean_env({"MUSTER": muster_bin()}))

    def output(self):
        return self.log.read_text(errors="replace")

    def muster(self):
        """The process id of the muster that serves."""
        return int(re.findall(r"starts, process (\d+)", self.output())[-1])

    def wait_start(self, number):
        eventually(lambda: self.output().count(" ready: ") == number, f"start {number}")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.lease.release()


@pytest.fixture
def loop(tmp_path):
    started = []

    def start(name, *options):
        started.append(Loop(tmp_path / "log", name, *options))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_the_run_loop_starts_it_again_and_counts(loop):
    running = loop("run", "--user", "", "--admin-socket", "off")
    for count in (1, 2, 3):
        running.wait_start(count)
        if count < 3:
            os.kill(running.muster(), signal.SIGKILL)
    assert "started again by its run loop, 2 times so far" in running.output()
    with HttpClient("127.0.0.1", running.port) as client:
        assert b"(2f)" in client.get("/stats").body
    running.process.send_signal(signal.SIGHUP)
    eventually(lambda: "reload: done" in running.output(), "signals are passed on")
    running.process.terminate()
    assert running.process.wait(30) == 0
    assert running.output().count("run: start") == 3


def test_a_list_that_comes_back_mends_it(loop, tmp_path):
    """Nobody is served without it, and nobody need be there when it is back."""
    path = tmp_path / "ips"
    running = loop("run", "--user", "", "--admin-socket", "off", "--deny-ips", str(path))
    eventually(lambda: running.output().count("it ended with status 7") >= 2, "it tries again")
    assert f"cannot start: lists: {path}: No such file" in running.output()
    path.write_text("127.0.0.9\n")
    running.wait_start(1)


def test_the_unit_goes_on_trying():
    """Systemd's own limit, 5 starts in 10 s, would end it for ever, with RestartSec=1."""
    unit = (UNITS / "muster.service").read_text()
    assert re.search(r"^StartLimitIntervalSec=0$", unit.partition("[Service]")[0], re.M)
    assert unit_words("Restart") == ["on-failure"]
    assert unit_words("RestartPreventExitStatus") == ["2"]
    assert not unit_words("SuccessExitStatus")


def test_the_unit_leaves_what_muster_needs():
    """All else is read-only (ProtectSystem), and nothing else can be executed (NoExecPaths)."""
    start, reload = (unit_words(key)[0].split() for key in ("ExecStart", "ExecReload"))
    assert unit_words("StateDirectory") == ["muster"]
    assert unit_words("Environment") == ["MUSTER_STATE_DIR=%S/muster"]
    assert unit_words("RuntimeDirectory") == ["muster"]
    assert unit_words("ConfigurationDirectory") == ["muster"]
    assert start[1:] == ["-c", "/etc/muster/muster.conf"]
    assert {start[0], reload[0]} <= set(unit_words("ExecPaths")[0].split())


@pytest.mark.parametrize("option", [("--port", "0"), ("--no-such-option",)])
def test_the_run_loop_leaves_what_another_start_would_not_mend(loop, option):
    running = loop("run", *option)
    assert running.process.wait(30) == 2
    assert running.output().count("run: start") == 1


@pytest.mark.root
def test_run_chroot(loop, tmp_path):
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    root = tmp_path / "root"
    running = loop("run_chroot", root)
    running.wait_start(1)
    assert os.readlink(f"/proc/{running.muster()}/root") == str(root)
    assert "operators' socket is /run/muster/6969.sock" in running.output()
    status = subprocess.run([muster_bin(), "status", "--chroot", root, "--listen",
                             f"127.0.0.1:{running.port}"], text=True, capture_output=True, check=False)
    assert f"process    {running.muster()}" in status.stdout, status
    running.process.terminate()
    assert running.process.wait(30) == 0


# --- the program ---

def test_the_program_is_hardened():
    """Loaded anywhere, no code on the stack, relocations read-only before it serves, canaries, and
    calls of the C library that know how large their target is."""
    def readelf(*words):
        return subprocess.run(["readelf", "-W", *words, muster_bin()], text=True, capture_output=True,
                              check=True, env=clean_env()).stdout

    segments, dynamic, symbols = readelf("-lh"), readelf("-d"), readelf("--dyn-syms")
    assert "Position-Independent Executable" in segments
    assert re.search(r"GNU_STACK .* RW +0x", segments) and "RWE" not in segments
    assert "GNU_RELRO" in segments and re.search(r"FLAGS_1.*NOW", dynamic)
    assert "__stack_chk_fail" in symbols and "__snprintf_chk" in symbols
