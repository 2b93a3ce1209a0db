"""Sockets that refuse: what the client sees, that no loop spins, and that all goes on after."""

import os
import resource
import signal
import socket
import time

import pytest

from harness import eventually, metrics_of, new_hash
from harness.udp import connect_packet

TRIES_PER_S_MAX = 100  # of one listener that waits for descriptors: a tenth of a second each; a
                       # loop that spins makes more than ten thousand


class Pace:
    """How often calls were made since it began, against what a loop that rests makes."""

    def __init__(self, faults, *calls):
        self.faults, self.began = faults, time.monotonic()
        self.before = {call: faults.calls(call) for call in calls}

    def assert_calm(self):
        passed_s = time.monotonic() - self.began
        for call, before in self.before.items():
            made = self.faults.calls(call) - before
            assert made <= TRIES_PER_S_MAX * (passed_s + 1), f"{made} {call} in {passed_s:.1f} s"


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"])
def test_no_descriptors_for_connections(world, faults, error):
    """Connections wait in the backlog, UDP is served, the loop rests between two tries; afterwards
    those that waited are served."""
    server, torrent = world.server, new_hash()
    http, page = server.http(), server.admin()
    with faults.armed("accept", error):
        pace = Pace(faults, "accept", "epoll_wait")
        http.send(http.request(b"/stats"))
        page.send(page.request(b"/stats"))
        hits = faults.hits("accept")
        for port in range(9000, 9010):
            assert server.udp().announce(torrent, port=port).interval == 1800
        eventually(lambda: faults.hits("accept") >= hits + 10, "more tries")
        pace.assert_calm()
    assert http.read_response().status == 200
    assert page.read_response().status == 200
    metrics = metrics_of(server)
    assert metrics["tcp_accept_failures_total"] >= 2
    assert metrics['syscall_errors_total{call="accept",errno="%s"}' % error] >= 4


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_real_exhaustion_of_descriptors(world, faults):
    """No descriptor is left for anything: as above, and a reload is refused by name."""
    server = world.server
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    pace = Pace(faults, "accept", "epoll_wait")
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (descriptors(server.pid), limits[1]))
    http = server.http()
    http.send(http.request(b"/stats"))
    assert server.udp().announce(new_hash(), port=9000).interval == 1800
    eventually(lambda: faults.calls("accept") >= pace.before["accept"] + 5, "more tries")
    pace.assert_calm()
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    assert http.read_response().status == 200


@pytest.mark.parametrize("error", ["ECONNABORTED", "EPERM", "EPROTO"])
def test_a_connection_that_dies_before_accept(world, faults, error):
    """Its error is not the listener's: the next is accepted at once."""
    with faults.armed("accept", error, times=1):
        with world.server.http() as http:
            assert http.announce(new_hash()).counts == (0, 1)
    assert faults.hits("accept") == 1
    assert metrics_of(world.server)["tcp_accept_failures_total"] == 0


@pytest.mark.parametrize("error", ["EAGAIN", "ENOBUFS", "EPERM", "ENETUNREACH"])
def test_a_datagram_that_cannot_be_sent(world, faults, error):
    """That answer is lost and counted, its announce is stored, the others of its batch are sent."""
    server, torrent = world.server, new_hash()
    client = server.udp()
    assert client.connection_id
    failures = metrics_of(server)["udp_send_failures_total"]
    with faults.armed("sendmmsg", error, times=1):
        server.signal(signal.SIGSTOP)
        for tx in range(8):
            client.send(connect_packet(tx))
        server.signal(signal.SIGCONT)
        answers = [client.receive() for _ in range(7)]
        assert len({a[4:8] for a in answers}) == 7 and client.receive(timeout=0.1) is None
    with faults.armed("sendmmsg", error, times=1), server.udp() as lost:
        lost.socket.settimeout(0.2)
        cid = client.connection_id
        with pytest.raises(socket.timeout):
            lost.announce(torrent, connection_id=cid, port=9001)
    assert client.numbers(torrent) == (0, 0, 1)
    assert metrics_of(server)["udp_send_failures_total"] == failures + 2


def test_every_datagram_refused_for_a_while(world, faults):
    """A firewall that forbids all answers costs one call each, not a loop."""
    server = world.server
    client = server.udp()
    with faults.armed("sendmmsg", "EPERM"):
        pace = Pace(faults, "recvmmsg", "epoll_wait")
        before = faults.calls("sendmmsg")
        for tx in range(50):
            client.send(connect_packet(tx))
        eventually(lambda: faults.calls("sendmmsg") >= before + 50, "50 tries")
        assert faults.calls("sendmmsg") == before + 50
        pace.assert_calm()


@pytest.mark.parametrize("error", ["ENOMEM", "ENETDOWN", "EINTR"])
def test_datagrams_that_cannot_be_received(world, faults, error):
    """They stay in the socket and are answered when the error has gone."""
    server = world.server
    client = server.udp()
    with faults.armed("recvmmsg", error, times=20):
        client.send(connect_packet(7))
        assert len(client.receive()) == 16
    assert faults.hits("recvmmsg") == 20


@pytest.mark.parametrize("error", ["ENOBUFS", "EPERM", "EPIPE", "ECONNRESET"])
def test_an_answer_over_tcp_that_cannot_be_sent(world, faults, error):
    """The connection ends, the announce is stored, others are served, no connection is lost count
    of."""
    server, torrent = world.server, new_hash()
    with faults.armed("send", error, times=1):
        with server.http() as http:
            with pytest.raises(OSError):
                http.announce(torrent, port=9001)
    with server.http() as http:
        assert http.announce(torrent, port=9002).counts == (0, 2)
    eventually(lambda: metrics_of(server)["connections_open"] == 0, "all connections counted out")


@pytest.mark.parametrize("call", ["send", "recv"])
def test_a_call_that_must_be_made_again(world, faults, call):
    """EAGAIN though the socket was ready, a few times: the answer comes whole."""
    with faults.armed(call, "EAGAIN", times=3), world.server.http() as http:
        assert http.announce(new_hash()).counts == (0, 1)
    assert faults.hits(call) == 3


@pytest.mark.parametrize("error", ["ENOMEM", "ENOSPC"])
def test_no_room_to_watch_a_connection(world, faults, error):
    """epoll takes no more (fs.epoll.max_user_watches): connections that have to wait end, the one
    that brings its request at once is served."""
    server = world.server
    with faults.armed("epoll_ctl", error, thread="worker 0"):
        with socket.create_connection((server.host4, server.port)) as half:
            half.settimeout(30)
            half.sendall(b"GET /announce?")
            with pytest.raises(ConnectionResetError):
                if half.recv(1) == b"":
                    raise ConnectionResetError
        with server.http(headers=[("Connection", "close")]) as http:
            assert http.announce(new_hash()).counts == (0, 1)
    eventually(lambda: metrics_of(server)["connections_open"] == 0, "all connections counted out")


def test_waiting_is_interrupted(world, faults):
    """Signals of debuggers and profilers interrupt the wait for events."""
    with faults.armed("epoll_wait", "EINTR", times=50):
        for _ in range(60):
            assert world.server.udp().announce(new_hash()).interval == 1800


def test_starting_without_sockets(start_server, faults):
    """Each socket that cannot be made ends the start with a word and the code for it."""
    for skip in range(4):
        faults.arm("socket", "EMFILE", skip=skip, times=1)
        server = start_server(wait=False)
        server.expected_code = 3
        assert server.process.wait(30) == 3, server.output()
        assert "Too many open files" in server.output()
