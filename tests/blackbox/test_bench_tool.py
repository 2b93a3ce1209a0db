"""muster-bench against the server: every kind of load gets right answers, and says so."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import muster_bin

BENCH = Path(muster_bin()).parent / "muster-bench"
SHORT = ["--quiet", "--warmup", "0", "--duration", "200ms", "--json", "-", "--timeout", "10s"]
SMALL = ["-t", "50", "-p", "1k", "-s", "16", "--seeders", "30", "--deep", "1"]
EVERYTHING = "announce=80,connect=4,scrape=5,started=2,stopped=2,completed=2,churn=5"

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason="built without -Dbench")


def bench(*args):
    command = [str(BENCH), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def report(server, kind, *args):
    done = bench(*SHORT, *SMALL, *args, f"{kind}://127.0.0.1:{server.port}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["answered"] > 0 and found["lost"] == 0 and found["wrong"] == 0, found
    return found


@pytest.mark.parametrize(
    "kind, args",
    [
        ("udp", ["--mix", EVERYTHING]),
        ("udp", ["--zipf", "1.0", "--sockets", "4"]),
        ("http", ["--mix", EVERYTHING.replace("connect=4,", "")]),
        ("http", ["--pipeline", "8", "-c", "16"]),
        ("http", ["--close", "-c", "16", "--mix", "announce=9,churn=1"]),
    ],
)
def test_a_load_is_answered_rightly(start_server, kind, args):
    found = report(start_server(), kind, *args)
    assert found["filled_peers"] == 1000
    assert found["peers_per_answer"] > 5


def test_open_loop_keeps_its_rate(start_server):
    found = report(start_server(), "udp", "--rate", "500", "--requests", "100", "-d", "10s")
    assert found["sent"] == found["answered"] == 100
    assert 0.15 < found["duration_s"] < 5


def test_a_stalled_server_is_charged_for_all_who_waited(start_server):
    """It stands still again and again, 150 ms each time; what is due every 2 ms sees it."""
    server = start_server()
    url = f"udp://127.0.0.1:{server.port}"
    load = [str(BENCH), *SHORT, *SMALL, "--no-fill", "--rate", "500", "-d", "1500ms", "--sleep", url]
    with subprocess.Popen(load, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(0.15)
            server.process.send_signal(signal.SIGCONT)
            time.sleep(0.15)
        found = json.loads(running.stdout.read())
    assert found["slow_answers"] > 1 and 1 <= found["slow_spells"] <= found["slow_answers"]
    assert found["latency_max_us"] > 50000 and found["lost"] == 0


def test_wrong_ids_are_expected_to_be_refused(start_server):
    found = report(
        start_server(), "udp", "--mix", "announce=9,bad_id=1", "--timeout", "500ms", "--sleep"
    )
    assert found["answered"] + found["ignored"] == found["sent"]


@pytest.mark.parametrize(
    "args", [["udp://192.0.2.1:80"], ["--torrents", "0", "udp://127.0.0.1:1"], ["--nonsense"], []]
)
def test_usage_errors(args):
    done = bench(*args)
    assert done.returncode == 2 and done.stderr and not done.stdout
