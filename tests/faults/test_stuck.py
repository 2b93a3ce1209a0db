"""A worker that does not come round any more, under a service manager that will end muster for it: what
is stored is saved before, and nobody waits for what the worker holds."""

import os
import signal
import struct
import subprocess

import pytest

from harness import Manager, eventually, metrics_of, muster_bin, new_hash, stats_of
from harness.snapshot import read_snapshot
from harness.udp import announce_packet
from kit import World

STUCK_MS = 60000  # it is ended before
IMPORTED = 40000  # torrents: whichever part of the store is held has some


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path)
    one.env["WATCHDOG_USEC"] = "2000000"
    yield one
    one.close()


@pytest.fixture
def start(start_server, folder, manager):
    return lambda: start_server("--workers", "2", "--state-dir", folder, "--watchdog", "1s", admin=True,
                                env=manager.env)


def get_stuck(server, faults):
    """Ask until a worker of two is in its pause."""
    with faults.armed("sendmmsg", delay_ms=STUCK_MS, times=1, thread="worker 0"):
        for _ in range(100):
            client = server.udp()
            client.socket.settimeout(0.3)
            try:
                client.announce(new_hash())
            except TimeoutError:
                break
        assert faults.hits("sendmmsg") == 1
        server.wait_output("worker 0 has been stuck for")


def abort(server):
    """As the service manager does."""
    server.signal(signal.SIGABRT)
    server.expected_code = server.process.wait(30)
    assert server.expected_code == -signal.SIGABRT


def test_what_is_stored_is_saved_first(start, faults, manager):
    """Everything since the last snapshot would be gone."""
    world = World(start())
    manager.wait(WATCHDOG="1")
    get_stuck(world.server, faults)
    world.server.wait_output("state: saved")
    abort(world.server)
    world.server = start()
    world.check()


def test_the_manager_waits_for_the_save(start, faults, manager):
    """A slow disk: there are signs of life as long as it takes, and then none."""
    world = World(start())
    with faults.armed("fsync", delay_ms=5000, times=1, thread="state"):
        get_stuck(world.server, faults)
        eventually(lambda: faults.hits("fsync"), "the disk is waited for")
        alive = manager.count("WATCHDOG")
        eventually(lambda: manager.count("WATCHDOG") >= alive + 2, "signs of life meanwhile")
        assert "state: saved" not in world.server.output()
    world.server.wait_output("state: saved")
    alive, second = manager.count("WATCHDOG"), stats_of(world.server)["uptime_s"]
    eventually(lambda: stats_of(world.server)["uptime_s"] > second + 3, "time passes")
    assert manager.count("WATCHDOG") == alive, "nobody is told that all is well"
    abort(world.server)
    world.server = start()
    world.check()


# ---- one that holds a part of the store ----

def take_in(server, tmp_path):
    """Torrents of before the last snapshot."""
    hashes = [struct.pack(">I", n) + os.urandom(16) for n in range(IMPORTED)]
    dump = tmp_path / "dump"
    dump.write_bytes(b"".join(b"%b:5:3:41\n" % h.hex().upper().encode() for h in hashes))
    subprocess.run([muster_bin(), "import", "tpbs", dump, "--admin-socket", server.admin_path],
                   check=True, timeout=60, stdout=subprocess.DEVNULL)
    return set(hashes)


def get_stuck_with_a_lock(server, faults):
    """New torrents until the store needs memory: who asks for it waits, with locks in his hands."""
    clients = [server.udp() for _ in range(8)]
    for client in clients:
        assert client.connection_id
        client.socket.setblocking(False)
    with faults.armed("mprotect", delay_ms=STUCK_MS, times=1, thread="worker 0"):
        def some_more():
            for client in clients:
                for _ in range(200):
                    client.socket.send(announce_packet(client.connection_id, 1, os.urandom(20), bytes(20)))
                while drained(client):
                    pass
            return faults.hits("mprotect")
        eventually(some_more, "the store grows", pause_s=0)
        server.wait_output("worker 0 has been stuck for")


def drained(client):
    try:
        return client.socket.recv(2048)
    except BlockingIOError:
        return None


def test_a_stuck_worker_that_holds_a_part_of_the_store(start, faults, manager, folder, tmp_path):
    """The save does without it, and has of it what the last one had; so does the sweep."""
    server = start()
    imported = take_in(server, tmp_path)
    world = World(server)
    assert imported <= read_snapshot(folder / "snapshot").torrents.keys()
    get_stuck_with_a_lock(server, faults)
    # two: the other worker may wait for memory, too
    server.wait_output("state: a stuck worker keeps [12] of the store's parts")
    assert "damaged" not in server.output()
    assert metrics_of(server)["state_skipped_parts_total"] in (1, 2), "the pages are there"
    abort(server)
    assert imported <= read_snapshot(folder / "snapshot").torrents.keys()
    world.server = start()
    world.check()
