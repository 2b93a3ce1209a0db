"""Clocks that jump, and a server that does not get to run."""

import signal
import threading

import pytest

from harness import UdpError, eventually, metrics_of, new_hash, percent, stats_of
from kit import World

HOUR_S = 3600
CROWD = 800  # connections: more than one turn of a loop serves


@pytest.mark.parametrize("hours", [5, -5, 24 * 365 * 20, -24 * 365 * 60])
def test_the_wall_clock_jumps(world, faults, hours):
    """Nothing of the tracker stands on it: what is stored, connection ids, the interval, the uptime
    and the sweep are as before; only what is shown as a date follows."""
    server = world.server
    old = server.udp()
    assert old.connection_id
    uptime_s = stats_of(server)["uptime_s"]
    faults.jump(realtime_s=hours * HOUR_S)
    before = faults.calls("epoll_wait")
    assert old.announce(new_hash()).interval == 1800
    world.check()
    assert uptime_s <= stats_of(server)["uptime_s"] < uptime_s + 60
    assert stats_of(server)["peers"] > 0
    faults.jump()
    assert old.announce(new_hash()).interval == 1800
    assert faults.calls("epoll_wait") - before < 5000


def test_the_wall_clock_goes_back_and_forth(world, faults):
    for n in range(60):
        faults.jump(realtime_s=(-1) ** n * n * HOUR_S)
        assert world.server.udp().announce(new_hash()).interval == 1800


def test_the_machine_slept(start_server, faults):
    """Hours pass in no time (a virtual machine that was paused): peers that were silent so long are
    forgotten, ids are too old, and from then on all is as ever; no loop tries to catch up."""
    server = start_server("--workers", "1", "--interval", "60", "--min-interval", "60",
                          "--max-interval", "60", admin=True)
    server.wait_output("ready:")
    World(server)
    old = server.udp()
    assert old.connection_id
    before = faults.calls("epoll_wait")
    faults.jump(monotonic_s=10 * HOUR_S)
    assert isinstance(old.announce(new_hash()), UdpError)
    eventually(lambda: stats_of(server)["peers"] == 0, "the sweep has seen all")
    assert faults.calls("epoll_wait") - before < 5000
    assert stats_of(server)["uptime_s"] >= 10 * HOUR_S
    World(server).check()


def test_a_sleep_as_long_as_ages_can_tell(start_server, faults):
    """Ages have 12 bits. Peers that were silent for more than that look young again: they are
    forgotten one lifetime later, not never, and nothing else happens to them."""
    server = start_server("--workers", "1", admin=True)  # lifetime 3600 s, in units of two
    world = World(server)
    faults.jump(monotonic_s=8192 + 100)
    world.check()
    faults.jump(monotonic_s=8192 + 200 + HOUR_S)
    eventually(lambda: stats_of(server)["peers"] == 0, "the sweep has seen all")


def test_stopped_for_a_while(start_server):
    """SIGSTOP, as a debugger or a frozen container does it: what was sent meanwhile is answered
    after, kept connections stay, nothing is forgotten that lives longer than the pause."""
    server = start_server("--workers", "2", admin=True)
    world = World(server)
    udp, http = server.udp(), server.http()
    assert udp.connection_id and http.announce(new_hash()).counts == (0, 1)
    torrent = new_hash()
    server.signal(signal.SIGSTOP)
    waiting = [server.http() for _ in range(20)]
    for client in (http, *waiting):
        client.send(client.request(b"/scrape?info_hash=" + percent(torrent)))
    resumed = threading.Timer(2, server.signal, [signal.SIGCONT])
    resumed.start()
    assert udp.announce(torrent).counts == (0, 1)
    assert http.read_response().status == 200
    assert [client.read_response().status for client in waiting] == [200] * 20
    world.check()


def test_stopped_for_a_minute(start_server):
    """Longer than the deadlines of connections (10 s and 30 s) and the time that a worker is given before it
    counts as stuck; as long as ids are young. conftest.py has this one begin first."""
    server = start_server("--workers", "2", admin=True)
    world = World(server)
    udp, kept, late = server.udp(), [server.http() for _ in range(40)], new_hash()
    assert udp.connection_id
    for client in kept:
        assert client.announce(new_hash()).counts == (0, 1)
    server.signal(signal.SIGSTOP)
    resumed = threading.Timer(61, server.signal, [signal.SIGCONT])
    resumed.start()
    for client in kept:
        client.send(client.request(b"/scrape?info_hash=" + percent(late)))
    udp.socket.settimeout(90)
    assert udp.announce(late).counts == (0, 1)
    for client in kept:
        client.socket.settimeout(30)
        assert client.read_response().status == 200
        assert client.announce(new_hash()).counts == (0, 1), "it is kept"
    assert metrics_of(server)["worker_stalls_total"] == 0
    world.check()


def test_stopped_for_longer_than_a_deadline(start_server):
    """Deadlines passed while the server could not run, but the request is there: it is answered."""
    server = start_server("--workers", "1", "--timeout", "4s", "--idle-timeout", "4s", admin=True)
    clients = [server.http() for _ in range(CROWD)]
    for client in clients:
        assert client.announce(new_hash()).counts == (0, 1)
    server.signal(signal.SIGSTOP)
    for client in clients:
        client.send(client.request(b"/scrape?info_hash=" + percent(new_hash())))
    resumed = threading.Timer(5, server.signal, [signal.SIGCONT])
    resumed.start()
    assert [client.read_response().status for client in clients] == [200] * CROWD


def test_one_worker_is_stuck(start_server, faults):
    """The other worker, the pages and the housekeeping go on; its own clients are answered after."""
    server = start_server("--workers", "2", admin=True)
    world = World(server)
    clients = [server.udp() for _ in range(32)]
    for client in clients:
        assert client.connection_id
    with faults.armed("sendmmsg", delay_ms=2500, times=1, thread="worker 0"):
        torrent, served, slow = new_hash(), 0, []
        for client in clients:
            client.socket.settimeout(0.3)
            try:
                served += client.announce(torrent, port=9000).interval == 1800
            except TimeoutError:
                slow.append(client)
            if len(slow) > 3:
                break
        assert served and slow and faults.hits("sendmmsg") == 1
        assert metrics_of(server)["udp_sent_total"] > 0
        for client in slow:
            client.socket.settimeout(30)
            assert len(client.receive()) >= 20
    world.check()
