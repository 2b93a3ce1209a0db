"""Slow, idle, many and deaf HTTP clients (protocol.md T21..T24; AH1, AH2, AH61..AH66).

Nothing here depends on how fast the machine is: tests wait for what must happen, generously."""

import os
import resource
import socket
import time

import pytest

from harness import (eventually, loopback, metrics_of, new_hash, percent, raw_query, unharmed)

SHORT = ("--timeout", "1s", "--idle-timeout", "1s")


def announce(client, **headers):
    return client.request(b"/announce?" + raw_query(), headers.items())


@pytest.fixture
def hasty(module_server):
    """A server with deadlines of one second."""
    server = module_server(*SHORT)
    yield server
    server.close_clients()


# --- time -----------------------------------------------------------------------------------------

def test_T21_AH1_silent_connections_are_closed(hasty):
    with unharmed(hasty):
        clients = [hasty.http().open() for _ in range(20)]
        assert all(c.is_closed_by_server() for c in clients)


def test_T21_AH1_idle_kept_connections_are_closed(hasty):
    client = hasty.http()
    client.send(announce(client))
    answer = client.read_response()
    assert answer.counts == (0, 1) and not answer.closes
    assert client.is_closed_by_server(), "no 408 to a client that asked nothing"


def test_T21_incomplete_heads_are_answered_408(hasty):
    with unharmed(hasty):
        clients = [hasty.http().open() for _ in range(6)]
        for client, cut in zip(clients, (1, 3, 40, -3, -2, -1)):
            client.send(announce(client)[:cut])
        for client in clients:
            answer = client.read_response()
            assert answer.status == 408 and answer.closes and client.is_closed_by_server()


def test_T21_AH2_one_byte_now_and_then(hasty):
    """The deadline runs from the first byte: feeding the connection does not move it."""
    with unharmed(hasty):
        client = hasty.http().open()
        client.socket.settimeout(0.2)
        sent, closed = iter(announce(client, **{"X-Slow": "y" * 4000})), False
        while not closed:
            try:
                client.send(bytes([next(sent)]))
                closed = not client._more()
            except socket.timeout:
                pass
            except (BrokenPipeError, ConnectionResetError):
                closed = True
        assert client.buffer == b"" or client.buffer.startswith(b"HTTP/1.1 408 ")


def test_T21_the_deadline_holds_for_the_second_request_too(hasty):
    client = hasty.http()
    client.send(announce(client) + announce(client)[:30])
    assert client.read_response().counts == (0, 1)
    late = client.read_response()
    assert late.status == 408 and late.closes and client.is_closed_by_server()


def test_a_busy_connection_outlives_the_deadlines(hasty):
    """Requests keep coming for longer than both deadlines together."""
    client, until = hasty.http(), time.monotonic() + 2.5
    connection = client.open().socket
    while time.monotonic() < until:
        client.send(announce(client))
        assert client.read_response().counts == (0, 1)
        time.sleep(0.05)
    assert client.socket is connection


def server_side_state(client):
    """State of the server's end of a TCP connection over IPv4, or None when it is gone."""
    port = "%04X" % client.address[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[2].endswith(":" + port) and fields[1].endswith(":%04X" % client.server[1]):
                return fields[3]
    return None


def test_T21_AH63_a_client_that_never_reads(hasty):
    """Its answers fill every buffer; the server gives up, and keeps no growing queue meanwhile."""
    with unharmed(hasty):
        client = hasty.http().open()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.setblocking(False)
        data = memoryview(announce(client) * 20000)
        until = time.monotonic() + 30
        while server_side_state(client) == "01":
            assert time.monotonic() < until, "the server still waits"
            try:
                data = data[client.socket.send(data[:65536]):]
            except BlockingIOError:
                time.sleep(0.05)
            except (BrokenPipeError, ConnectionResetError):
                break


def test_slow_readers_get_everything(server):
    """Small reads, no deadline missed: all answers arrive whole."""
    client = server.http().open()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    count = 400
    client.send(announce(client) * count)
    while client.buffer.count(b"HTTP/1.1 200") < count:
        client.buffer += client.socket.recv(777)
    assert all(client.read_response().counts == (0, 1) for _ in range(count))


# --- number ---------------------------------------------------------------------------------------

def test_AH65_idle_connections_do_not_lock_others_out(start_server):
    """Three times as many as are allowed: the oldest idle ones make room for every newcomer."""
    server = start_server("--max-connections", "100")
    kept = [server.http() for _ in range(300)]
    assert all(c.announce(new_hash()).counts == (0, 1) for c in kept)
    assert kept[0].is_closed_by_server()


def test_AH65_silent_connections_do_not_lock_others_out(start_server):
    server = start_server("--max-connections", "50")
    silent = [server.http().open() for _ in range(200)]
    for _ in range(20):
        assert server.http().announce(new_hash()).counts == (0, 1)
    assert len(silent) == 200


def test_unfinished_requests_do_not_lock_others_out(start_server):
    """Slowloris: whoever has waited longest for the rest of a request makes room, long before the
    deadline; a request that is just being sent is not the first to go."""
    server = start_server("--max-connections", "20", "--timeout", "1m", "--workers", "1")
    unfinished = [server.http().open() for _ in range(60)]
    for client in unfinished:
        client.send(b"GET /ann")
    slow, whole = server.http().open(), announce(server.http())
    slow.send(whole[:30])
    for _ in range(10):
        with server.http() as client:
            assert client.announce(new_hash()).counts == (0, 1)
    slow.send(whole[30:])
    assert slow.read_response().status == 200


def test_max_connections_is_given_back(start_server):
    """Connections that ended do not count."""
    server = start_server("--max-connections", "20")
    for _ in range(100):
        with server.http() as client:
            assert client.announce(new_hash()).counts == (0, 1)


def test_an_idle_connection_of_any_worker_makes_room(start_server):
    """One place and four workers: it is seldom with the one that the kernel gives the next to."""
    server = start_server("--max-connections", "1", "--workers", "4", admin=True)
    kept = [server.http() for _ in range(20)]
    assert all(c.announce(new_hash()).counts == (0, 1) for c in kept)
    counted = metrics_of(server)
    assert counted["tcp_refused_total"] == 0 and counted["tcp_evictions_total"] >= 19


def test_who_reads_nothing_makes_room(start_server):
    """... long before the timeout: he is spared for a second."""
    server = start_server("--max-connections", "4", "--workers", "1", "--timeout", "10m")
    deaf = [server.http().open() for _ in range(4)]
    for client in deaf:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.setblocking(False)
        _send_all_it_takes(client, memoryview(announce(client) * 100000))

    def answered():
        with server.http() as client:
            try:
                return client.announce(new_hash()).counts == (0, 1)
            except (ConnectionError, AssertionError, socket.timeout):
                return False
    eventually(answered, "room for somebody who reads", pause_s=0.2)


def _send_all_it_takes(client, data):
    """Until both ends' buffers are full, and stay so."""
    full = 0
    while full < 10 and data:
        try:
            data = data[client.socket.send(data[:65536]):]
            full = 0
        except BlockingIOError:
            full += 1
            time.sleep(0.02)


def test_buffers_of_all_connections_have_a_limit(start_server):
    """Each keeps part of a request; when that is too much together, who needs more is closed, and a
    whole request, which needs no buffer, is answered."""
    server = start_server("--max-buffer-memory", "1M", "--max-request-size", "64K", "--timeout",
                          "1m", "--workers", "2", admin=True)
    greedy = [server.http().open() for _ in range(40)]
    for client in greedy:
        client.send(b"GET /announce HTTP/1.1\r\nX-Large: " + b"y" * 40000)
    eventually(lambda: metrics_of(server)["tcp_buffers_full_total"] > 0, "the limit is reached")
    assert server.http().announce(new_hash()).counts == (0, 1)


def test_AH65_a_thousand_kept_connections_all_work(server):
    """At once, each from an address of its own."""
    h = new_hash()
    clients = [server.http(source=loopback(n)).open() for n in range(1000)]
    for client in clients:
        client.send(client.request(b"/announce?" + raw_query(info_hash=percent(h), numwant=0)))
    assert all(c.read_response().status == 200 for c in clients)
    assert clients[0].numbers(h) == (0, 0, 1000)


def test_T24_AH66_accept_without_descriptors_does_not_spin(start_server):
    """The limit is taken away while the server runs, then given back."""
    server = start_server()
    usual = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, usual[1]))  # none is free below 3
    waiting = [server.http().open() for _ in range(10)]
    for client in waiting:
        client.send(announce(client))

    def cpu_s():
        with open(f"/proc/{server.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = cpu_s()
    time.sleep(1)
    assert cpu_s() - before < 0.5, "spins"
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, usual)
    for client in waiting:
        try:
            assert client.read_response().counts == (0, 1)
        except (ConnectionError, socket.timeout):
            pass  # given up meanwhile: fair
    assert server.http().announce(new_hash()).counts == (0, 1)


def test_drain_answers_what_is_in_hand_and_ends(start_server):
    """Stopping: an idle kept connection is closed, the process ends by itself (harness checks)."""
    server = start_server()
    client = server.http()
    client.announce(new_hash())
    server.process.terminate()
    assert client.is_closed_by_server()
    assert server.process.wait(30) == 0
