"""The service manager: what it is told, and the sockets it hands over."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from harness import HttpClient, Owner, eventually, new_hash, run_muster
from kit import Manager

ACTIVATE = Path(__file__).parent / "kit" / "activate.py"
RUNTIME_ERROR, LISTEN_ERROR = 1, 3


# --- what it is told ---

def test_ready_and_stopping(start_server, manager):
    server = start_server(env=manager.env)
    manager.wait(READY="1")
    server.signal(signal.SIGTERM)
    manager.wait(STOPPING="1")
    assert server.process.wait(30) == 0


def test_nobody_is_told_ready_who_is_not(start_server, manager):
    server = start_server("--listen", "203.0.113.1:1", wait=False, env=manager.env)
    server.expected_code = LISTEN_ERROR
    assert server.process.wait(30) == LISTEN_ERROR
    assert manager.count("READY") == 0


def test_nobody_is_told_ready_before_all_are_locked_in(start_server, manager, inside):
    """The second worker gets no filter, and without one `strict` serves nobody."""
    env = {**manager.env, **inside.env, "MUSTER_INSIDE_FILTERS": "1"}
    server = start_server("--sandbox", "strict", "--workers", "2", wait=False, env=env)
    server.expected_code = RUNTIME_ERROR
    assert server.process.wait(30) == RUNTIME_ERROR
    assert "no filter of a worker's system calls" in server.output()
    assert manager.count("READY") == 0
    assert "ready" not in server.output()


def test_a_reload_begins_and_ends(start_server, manager):
    server = start_server(env=manager.env)
    first = manager.wait(READY="1")
    server.signal(signal.SIGHUP)
    begun = manager.wait(RELOADING="1")
    assert int(manager.heard[begun]["MONOTONIC_USEC"]) > 0
    eventually(lambda: any("READY" in said for said in manager.listen()[begun:]), "it ends")
    assert begun > first


def test_a_line_of_status(start_server, manager):
    server = start_server(env=manager.env)
    server.udp().announce(new_hash())
    server.wait_output("ready")
    eventually(lambda: any("1 torrents, 1 peers" in said.get("STATUS", "")
                           for said in manager.listen()), "the status tells peers")


def test_signs_of_life(start_server, manager):
    manager.env["WATCHDOG_USEC"] = "3000000"
    start_server(env=manager.env)
    eventually(lambda: manager.count("WATCHDOG") >= 2, "two of them")


def test_nobody_asks_for_signs_of_life(start_server, manager):
    start_server(env=manager.env)
    manager.wait(READY="1")
    eventually(lambda: manager.count("STATUS"), "time passes")
    assert manager.count("WATCHDOG") == 0


def test_an_abstract_socket(start_server):
    """The sandbox lets nobody speak to those, but for this one."""
    manager = Manager(name=f"muster-test-{os.getpid()}")
    start_server(env=manager.env)
    manager.wait(READY="1")
    manager.close()


# --- sockets ---

def prefix(*sockets):
    return (sys.executable, str(ACTIVATE), *sockets, "--")


@pytest.fixture
def activated(start_server, tmp_path):
    """Started with TCP and UDP of its port, IPv4 and IPv6, and with a Unix socket."""
    from harness.check import PortLease
    lease = PortLease()
    doors = [f"{kind}={kind}:{address}:{lease.port}" for kind in ("tcp", "udp")
             for address in ("127.0.0.1", "::1")]
    return start_server("--workers", 2, "--user", "", "--admin-listen", "off", "--port", 1, exact=True,
                        port_lease=lease, prefix=prefix(*doors, f"admin=unix:{tmp_path}/a.sock"))


def test_doors_are_those_given(activated):
    torrent = new_hash()
    activated.udp().announce(torrent)
    activated.udp6().announce(torrent)
    for client in (activated.http(), activated.http6()):
        assert client.announce(torrent).status == 200
    activated.wait_output(rf"listening on udp://127\.0\.0\.1:{activated.port}")


def test_all_workers_serve_a_given_socket(activated):
    """Each of many clients is answered, whoever takes it."""
    for _ in range(50):
        with activated.http() as client:
            assert client.announce(new_hash()).status == 200
        activated.udp().announce(new_hash())


def test_the_operators_socket_given(activated, tmp_path):
    path = tmp_path / "a.sock"
    with HttpClient(str(path), None) as door:
        owner = Owner(door)
        assert owner.get("/stats.json")[0] == 200
        assert owner.post("/api/control/restart")[0] == 409, "it could not open them again"
    activated.stop()
    assert path.exists(), "it is not ours to remove"


def test_status_asks_the_sockets_given(activated, tmp_path):
    """`port` says nothing of them."""
    said = run_muster("status", "--json", "--admin-socket", f"{tmp_path}/a.sock")
    assert said.returncode == 0, said.stdout
    assert sorted(beat["url"] for beat in json.loads(said.stdout)["heartbeats"]) == sorted(
        f"{kind}://{address}:{activated.port}" for kind in ("udp", "http")
        for address in ("127.0.0.1", "[::1]"))


def test_a_socket_for_both_families_is_refused(start_server):
    from harness.check import PortLease
    lease = PortLease()
    server = start_server("--user", "", "--admin-listen", "off", "--admin-socket", "off", exact=True,
                          port_lease=lease, wait=False, prefix=prefix(f"both=udp::::{lease.port}"))
    server.expected_code = LISTEN_ERROR
    assert server.process.wait(30) == LISTEN_ERROR
    assert "BindIPv6Only" in server.output()
