"""BEP 15 client. Every call has a timeout; answers come back decoded and checked for their form."""

import os
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .check import DEADLINE_S, new_peer_id, peers_of
from .proxy import proxy_v2

MAGIC = 0x41727101980
CONNECT, ANNOUNCE, SCRAPE, ERROR, HEARTBEAT = 0, 1, 2, 3, 4
NONE, COMPLETED, STARTED, STOPPED, PAUSED = 0, 1, 2, 3, 4


@dataclass
class UdpError:
    transaction_id: int
    text: str


@dataclass
class UdpAnnounce:
    transaction_id: int
    interval: int
    leechers: int
    seeders: int
    peers: list  # (address text, port)
    raw: bytes

    @property
    def counts(self):
        return self.seeders, self.leechers


@dataclass
class UdpScrape:
    transaction_id: int
    entries: list  # (seeders, completed, leechers)
    raw: bytes


def connect_packet(transaction_id, magic=MAGIC, action=CONNECT):
    return struct.pack(">QII", magic, action, transaction_id)


def announce_packet(connection_id, transaction_id, info_hash, peer_id, *, downloaded=0, left=1,
                    uploaded=0, event=NONE, ip=0, key=0, numwant=-1, port=6881, tail=b""):
    """98 bytes and a tail; numwant is signed, ip an integer."""
    return struct.pack(">QII20s20sQQQIIIiH", connection_id, ANNOUNCE, transaction_id, info_hash,
                       peer_id, downloaded, left, uploaded, event, ip, key, numwant, port) + tail


def scrape_packet(connection_id, transaction_id, hashes, tail=b""):
    return struct.pack(">QII", connection_id, SCRAPE, transaction_id) + b"".join(hashes) + tail


def url_options(path):
    """BEP 41: `path` as URLData options, then EndOfOptions."""
    parts = [path[i:i + 255] for i in range(0, len(path), 255)]
    return b"".join(bytes((2, len(p))) + p for p in parts) + b"\x00"


def new_transaction_id():
    return int.from_bytes(os.urandom(4), "big")


class UdpClient:
    """One socket. `source` and `source_port` choose its own end. `proxied_for` makes it a proxy
    that speaks for that client: each datagram gets a PROXY v2 header."""

    def __init__(self, host, port, *, source=None, source_port=0, proxied_for=None,
                 timeout=DEADLINE_S):
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.record_bytes = 18 if ":" in (proxied_for or host) else 6
        self.prefix = proxy_v2(proxied_for, 40000) if proxied_for else b""
        self.server = (host, port)
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.settimeout(timeout)
        if source or source_port:
            any_host = "::" if self.family == socket.AF_INET6 else "0.0.0.0"
            self.socket.bind((source or any_host, source_port))
        self.socket.connect(self.server)
        self._connection_id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @property
    def address(self):
        """(address, port) of our end."""
        return self.socket.getsockname()[:2]

    @property
    def connection_id(self):
        """Asked for once."""
        if self._connection_id is None:
            self._connection_id = self.connect()
        return self._connection_id

    def send(self, packet):
        self.socket.send(self.prefix + packet)

    def receive(self, timeout=None):
        """One datagram; None when `timeout` is given and nothing came."""
        if timeout is None:
            return self.socket.recv(65536)
        before = self.socket.gettimeout()
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(65536)
        except socket.timeout:
            return None
        finally:
            self.socket.settimeout(before)

    def raw(self, packet):
        """Send, and return the next datagram as it is."""
        self.send(packet)
        return self.receive()

    def ask(self, packet):
        """Send, and return the next datagram decoded."""
        return self.decode(self.raw(packet))

    def decode(self, answer):
        assert len(answer) >= 8, f"answer of {len(answer)} bytes: {answer!r}"
        action, transaction_id = struct.unpack_from(">II", answer)
        if action == ERROR:
            text = answer[8:].decode("ascii")
            assert text and text.isprintable(), f"error text {answer[8:]!r}"
            return UdpError(transaction_id, text)
        if action == ANNOUNCE:
            assert len(answer) >= 20, f"announce answer of {len(answer)} bytes"
            interval, leechers, seeders = struct.unpack_from(">III", answer, 8)
            return UdpAnnounce(transaction_id, interval, leechers, seeders,
                               peers_of(answer[20:], self.record_bytes), answer)
        if action == SCRAPE:
            assert len(answer) % 12 == 8, f"scrape answer of {len(answer)} bytes"
            return UdpScrape(transaction_id, list(struct.iter_unpack(">III", answer[8:])), answer)
        raise AssertionError(f"answer with action {action}: {answer!r}")

    def connect(self, transaction_id=None):
        """A new connection id."""
        tx = new_transaction_id() if transaction_id is None else transaction_id
        answer = self.raw(connect_packet(tx))
        assert len(answer) == 16, f"connect answer of {len(answer)} bytes: {answer!r}"
        action, echoed, connection_id = struct.unpack(">IIQ", answer)
        assert (action, echoed) == (CONNECT, tx)
        assert connection_id != 0
        return connection_id

    def announce(self, info_hash, peer_id=None, *, connection_id=None, transaction_id=None,
                 **fields):
        """An announce with a valid connection id; fields as announce_packet() has them."""
        tx = new_transaction_id() if transaction_id is None else transaction_id
        cid = self.connection_id if connection_id is None else connection_id
        answer = self.ask(announce_packet(cid, tx, info_hash, peer_id or new_peer_id(), **fields))
        assert answer.transaction_id == tx
        return answer

    def scrape(self, *hashes, connection_id=None, transaction_id=None, tail=b""):
        tx = new_transaction_id() if transaction_id is None else transaction_id
        cid = self.connection_id if connection_id is None else connection_id
        answer = self.ask(scrape_packet(cid, tx, hashes, tail))
        assert answer.transaction_id == tx
        return answer

    def numbers(self, info_hash):
        """(seeders, completed, leechers) of one torrent."""
        return self.scrape(info_hash).entries[0]


def answers_before(client, *packets):
    """What the packets are answered with: whatever comes before the answer to the second of two
    connects. Datagrams of one socket are taken in their order; those of one batch may be answered
    out of it, but the second connect is sent when that batch has been answered."""
    for packet in packets:
        client.send(packet)
    answers = []
    for _ in range(2):
        tx = new_transaction_id()
        client.send(connect_packet(tx))
        while (answer := client.receive())[:8] != struct.pack(">II", CONNECT, tx):
            answers.append(answer)
    return answers


def assert_dropped(client, *packets):
    """None of the packets is answered; see answers_before() why no silence is waited for."""
    answers = answers_before(client, *packets)
    assert not answers, f"answered instead of dropped: {answers!r}"


def bound_udp_sockets(port):
    """{address as the kernel prints it: how many sockets}."""
    found = Counter()
    for table in ("udp", "udp6"):
        for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
            address, number = line.split()[1].split(":")
            if int(number, 16) == port:
                found[address] += 1
    return found
