"""The commands and a real muster: start, stop and what lies between."""

import json
import os
import re
import signal
import socket
import time

import pytest

from harness import eventually, new_hash, new_peer_id, run_muster, unused_port
from harness.server import FIXED, SANITIZER
from harness.terminal import Terminal
from harness.udp import UdpClient


class Background:
    """A muster that `muster start` started, and the commands that look after it."""

    def __init__(self, folder):
        self.lease = unused_port()
        self.port = self.lease.port
        self.folder = folder
        self.log = folder / "log"
        self.file = folder / "muster.conf"
        self.file.write_text("# by hand\ninterval = 900\n")
        self.which = ["--port", self.port, "--admin-socket", folder / "s.sock", "-c", self.file]
        self.options = ["--listen", "127.0.0.1", "--listen", "::1", "--admin-listen", "off"]
        self.pid = None

    def run(self, command, *args):
        ended = run_muster(command, *self.which, *args)
        assert not SANITIZER.search(ended.stdout + ended.stderr), ended.stderr
        return ended

    def start(self, *more):
        fixed = [word for i, word in enumerate(FIXED) if "interval" not in FIXED[i - i % 2]]
        ended = self.run("start", "--log", self.log, *fixed, *self.options, *more)
        if ended.returncode == 0:
            self.pid = int(re.search(r"process (\d+)", ended.stdout)[1])
        return ended

    def stats(self):
        return json.loads(self.run("status", "--json").stdout)["stats"]

    def end(self):
        if self.pid and os.path.exists(f"/proc/{self.pid}"):
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.lease.release()
        if self.log.exists():
            said = self.log.read_text()
            assert not SANITIZER.search(said), said[-4000:]


@pytest.fixture
def background(tmp_path):
    running = Background(tmp_path)
    yield running
    running.end()


def test_start_status_stop(background):
    ended = background.start()
    assert ended.returncode == 0, ended.stderr
    for url in (f"udp://127.0.0.1:{background.port}/announce",
                f"http://[::1]:{background.port}/announce"):
        assert url in ended.stdout
    ended = background.run("status")
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.count("ok    heartbeat") == 4
    again = background.start()
    assert again.returncode == 1 and f"process {background.pid}" in again.stderr
    ended = background.run("stop")
    assert (ended.returncode, ended.stdout) == (0, f"stopped, it was process {background.pid}\n")
    assert background.run("status").returncode == 1
    assert "stopped" in background.log.read_text()


def test_set_changes_what_is_announced_and_save_keeps_it(background):
    assert background.start().returncode == 0
    with UdpClient("127.0.0.1", background.port) as client:
        ended = background.run("set", "min-interval", "800", "interval=800", "numwant", "0")
        assert ended.returncode == 0, ended.stderr
        interval = eventually(lambda: (found := client.announce(new_hash(), new_peer_id())) and
                              found.interval == 800 and found.interval)
        assert interval == 800
    refused = background.run("set", "interval", "700", "numwant", "-5")
    assert refused.returncode == 2 and "numwant" in refused.stderr
    assert refused.stderr.count("numwant") == 1, "named once"
    evil = background.run("set", "real_ip_header", "\x1b]0;x\x07\x9b31m")
    assert evil.returncode == 2 and not set("\x1b\x07\x9b") & set(evil.stderr), repr(evil.stderr)
    assert background.run("get", "interval").stdout.split()[2] == "800s"
    assert background.run("set", "port", "1").returncode == 2
    assert background.run("save").returncode == 0
    saved = background.file.read_text()
    assert "# by hand" in saved and re.search(r"^interval = 800", saved, re.M)
    assert background.run("reload").stdout.endswith("reloaded\n")
    assert background.run("stop").returncode == 0


def test_restart_keeps_options_and_counts_from_nothing(background):
    assert background.start("--numwant", "7").returncode == 0
    with UdpClient("127.0.0.1", background.port) as client:
        client.announce(new_hash(), new_peer_id())
    eventually(lambda: background.stats()["peers"] == 1)
    ended = background.run("restart")
    assert ended.returncode == 0, ended.stderr
    assert background.stats()["peers"] == 0
    assert background.run("get", "numwant").stdout.split()[2] == "7"
    assert background.run("stop").returncode == 0


def test_a_restart_that_fails_is_noticed(background):
    """What cannot be known before the stop: somebody else has the port by then."""
    background.options = ["--admin-listen", "off"]
    with socket.create_server(("127.0.0.1", 0)) as taken, \
            background.file.open("a", encoding="utf-8") as out:
        out.write("listen = 127.0.0.1\n")
        out.flush()
        assert background.start().returncode == 0
        out.write(f"listen = tcp://127.0.0.1:{taken.getsockname()[1]}\n")
        out.flush()
        began = time.monotonic()
        ended = background.run("restart")
        assert ended.returncode == 1
        assert re.search(r"process \d+ ended and nobody answers", ended.stderr), ended.stderr
        assert time.monotonic() - began < 60


def test_check_and_top_of_a_real_one(background):
    assert background.start().returncode == 0
    with UdpClient("127.0.0.1", background.port) as client:
        for _ in range(5):
            client.announce(new_hash(), b"-qB4500-" + os.urandom(12))
        eventually(lambda: background.stats()["peers"] == 5)
        report = json.loads(background.run("check", "--json").stdout)
        assert report["running"] is True
        assert report["findings"][0]["text"] == "4 of 4 answer a heartbeat"
        screen = Terminal("top", *map(str, background.which))
        screen.wait_for("peers                        5")
        screen.wait_for("qBittorrent")
        screen.wait_for("127.0.0.1")
        screen.key("q")
        assert screen.wait_end() == 0 and screen.is_restored()
        assert not SANITIZER.search(screen.close())
    plain = background.run("top", "-n", "1").stdout
    assert f"process {background.pid}" in plain
    assert background.run("stop").returncode == 0


def test_a_mistake_in_the_file_does_not_keep_the_owner_out(background):
    assert background.start().returncode == 0
    background.file.write_text("interval = 900\nintervall = 5\nport = 99999\nnumwant = 30\n")
    status = background.run("status")
    assert status.returncode == 0, status.stderr
    assert f"warning: {background.file}:2: unknown option intervall" in status.stderr
    assert background.run("get", "interval").stdout.startswith("interval ")
    assert background.run("top", "-n", "1").returncode == 0
    assert "intervall" in background.run("reload").stderr
    assert background.run("restart").returncode == 1, "it refuses what would not start"
    assert background.run("start").returncode == 2
    background.file.write_text("udp = \n]\n")
    assert background.run("stop").returncode == 0
