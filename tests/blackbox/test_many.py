"""Many clients at once, and exact counts afterwards."""

import resource
import selectors
import socket
import time

import pytest

from harness import STARTED, STOPPED, UdpClient, decode, loopback, new_hash, query_of
from harness.udp import announce_packet, connect_packet

CONNECTIONS = 10000
ADDRESSES = 1000
DEADLINE_S = 100


@pytest.fixture
def many_files():
    """As many descriptors as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 500:
        pytest.skip(f"only {hard} descriptors")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Connection:
    """One keep-alive client in the crowd: non-blocking, reads one answer per request."""

    def __init__(self, n, server, torrent):
        self.port, self.answer, self.to_send = 20000 + n % 40000, b"", b""
        self.query = {"info_hash": torrent, "peer_id": b"-MU0001-" + b"%012d" % n,
                      "port": self.port, "left": n % 2, "numwant": 5}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.bind((loopback(n), 0))
        self.socket.connect_ex((server.host4, server.port))

    def ask(self, **more):
        self.answer = b""
        self.to_send = (b"GET /announce?" + query_of({**self.query, **more}) +
                        b" HTTP/1.1\r\nHost: t\r\n\r\n")

    def on_event(self, events):
        """True when the answer is complete."""
        if events & selectors.EVENT_WRITE and self.to_send:
            self.to_send = self.to_send[self.socket.send(self.to_send):]
        if not events & selectors.EVENT_READ:
            return False
        data = self.socket.recv(4096)
        assert data, f"closed by the server after {self.answer!r}"
        self.answer += data
        return self.is_complete()

    def is_complete(self):
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not end:
            return False
        assert head.startswith(b"HTTP/1.1 200"), head
        assert b"connection: close" not in head.lower()
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) == length:
            assert b"failure reason" not in decode(body)
        return len(body) == length


def converse(connections, at_once):
    """Every connection sends what it has to and gets its answer; `at_once` are in hand together."""
    until = time.monotonic() + DEADLINE_S
    waiting, busy = iter(connections), 0
    with selectors.EpollSelector() as selector:
        while True:
            while busy < at_once and (connection := next(waiting, None)):
                selector.register(connection.socket,
                                  selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
                busy += 1
            if not busy:
                return
            assert time.monotonic() < until, f"{busy} connections still wait"
            for key, events in selector.select(1):
                if key.data.on_event(events):
                    selector.unregister(key.fileobj)
                    busy -= 1
                elif not key.data.to_send:
                    selector.modify(key.fileobj, selectors.EVENT_READ, key.data)


@pytest.mark.slow
def test_10000_connections_at_once(start_server, many_files):
    """All stay open while all announce a second time, and then stop."""
    server = start_server("--timeout", "2m", "--idle-timeout", "2m")
    torrent, watcher = new_hash(), server.udp()
    crowd = []
    try:
        for n in range(CONNECTIONS):
            crowd.append(Connection(n, server, torrent))
            crowd[-1].ask(event="started")
            if n % 1000 == 999:  # no more at once than a backlog holds
                converse(crowd[-1000:], 1000)
        assert watcher.numbers(torrent) == (CONNECTIONS // 2, 0, CONNECTIONS // 2)
        for connection in crowd:
            connection.ask()
        converse(crowd, CONNECTIONS)
        assert watcher.numbers(torrent) == (CONNECTIONS // 2, 0, CONNECTIONS // 2)
        assert server.http().announce(torrent).counts == (CONNECTIONS // 2, CONNECTIONS // 2 + 1)
        for connection in crowd:
            connection.ask(event="stopped")
        converse(crowd, CONNECTIONS)
    finally:
        for connection in crowd:
            connection.socket.close()
    assert watcher.numbers(torrent) == (0, 0, 1)


class Crowd:
    """One UDP socket per address, asked in rounds; what gets lost is asked again."""

    def __init__(self, server, addresses):
        self.clients = [UdpClient(server.host4, server.port, source=a) for a in addresses]

    def close(self):
        for client in self.clients:
            client.close()

    def round(self, packet_of):
        """Send packet_of(n) from each client n; returns the answers in that order."""
        answers = [None] * len(self.clients)
        until = time.monotonic() + DEADLINE_S
        with selectors.EpollSelector() as selector:
            for n, client in enumerate(self.clients):
                selector.register(client.socket, selectors.EVENT_READ, n)
            while missing := [n for n, answer in enumerate(answers) if answer is None]:
                assert time.monotonic() < until, f"{len(missing)} unanswered"
                for n in missing:
                    self.clients[n].send(packet_of(n))
                while any(answers[n] is None for n in missing):
                    ready = selector.select(1)
                    if not ready:
                        break
                    for key, _ in ready:
                        answers[key.data] = key.fileobj.recv(2048)
        return answers


def test_udp_from_1000_addresses(server):
    torrents = [new_hash() for _ in range(3)]
    crowd = Crowd(server, [loopback(n) for n in range(ADDRESSES)])
    try:
        ids = [int.from_bytes(a[8:16], "big") for a in crowd.round(connect_packet)]
        assert len(set(ids)) == ADDRESSES

        def announce(torrent, event):
            return crowd.round(lambda n: announce_packet(
                ids[n], n, torrents[torrent], b"-MU0001-" + b"%012d" % n, left=n % 4, event=event,
                port=1000 + n, numwant=10))

        for torrent in range(3):
            answers = announce(torrent, STARTED)
            assert all(a[:4] == b"\0\0\0\x01" for a in answers)
            announce(torrent, 0)
        watcher = server.udp()
        expected = (ADDRESSES // 4, 0, ADDRESSES - ADDRESSES // 4)
        assert watcher.scrape(*torrents).entries == [expected] * 3
        announce(1, STOPPED)
        assert watcher.scrape(*torrents).entries == [expected, (0, 0, 0), expected]
    finally:
        crowd.close()
