"""A tracker that remembers who announced, answers rightly, and lies where it is told to.

It serves UDP and HTTP on one port of 127.0.0.1. Lies are functions: `lie(answer)` changes an Announce or
a Scrape before it is written, `text(answer, body)` what is sent over HTTP, `packet(answer, bytes)` what is
sent over UDP: [(bytes, from the other address?), ...].
"""

import selectors
import socket
import struct
import threading
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from .check import unused_port

EVENTS = {"started": 2, "stopped": 3, "completed": 1}


@dataclass
class Announce:
    torrent: bytes
    asker: bytes  # compact record
    event: int
    seeders: int
    leechers: int
    peers: list  # of compact records
    nth: int
    transaction: int = 0
    interval: int = 1800


@dataclass
class Scrape:
    asked: list
    files: list  # [(info hash, seeders, leechers)]
    nth: int
    transaction: int = 0


def bencoded(pairs):
    """A dictionary of numbers, byte strings and dictionaries, in the order given."""
    out = b"d"
    for key, value in pairs:
        out += b"%d:%s" % (len(key), key)
        if isinstance(value, int):
            out += b"i%de" % value
        elif isinstance(value, bytes):
            out += b"%d:%s" % (len(value), value)
        else:
            out += bencoded(value)
    return out + b"e"


def http_body(answer):
    if isinstance(answer, Announce):
        return bencoded([(b"complete", answer.seeders), (b"incomplete", answer.leechers),
                         (b"interval", answer.interval), (b"peers", b"".join(answer.peers))])
    files = {torrent: [(b"complete", seeders), (b"downloaded", 0), (b"incomplete", leechers)]
             for torrent, seeders, leechers in answer.files}
    return bencoded([(b"files", sorted(files.items()))])


def udp_packet(answer):
    if isinstance(answer, Announce):
        return struct.pack(">IIIII", 1, answer.transaction, answer.interval, answer.leechers,
                           answer.seeders) + b"".join(answer.peers)
    return struct.pack(">II", 2, answer.transaction) + b"".join(
        struct.pack(">III", seeders, 0, leechers) for _, seeders, leechers in answer.files)


def as_sent(_, packet):
    return [(packet, False)]


def with_head(_, body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Liar:
    def __init__(self, lie=None, text=with_head, packet=as_sent):
        self.lie, self.text, self.packet = lie, text, packet
        self.swarms, self.nth = {}, 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.lease = unused_port()
        self.port = self.lease.port
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(200)
        self.udp, self.other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.udp.bind(("127.0.0.1", self.port))
        self.other.bind(("127.0.0.2", self.port))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.udp, selectors.EVENT_READ, self.udp_read)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.wake, self.waker = socket.socketpair()
        self.selector.register(self.wake, selectors.EVENT_READ, None)
        self.texts = {}
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.waker.send(b"x")
        self.thread.join()
        for each in (self.listener, self.udp, self.other, self.wake, self.waker, *self.texts):
            each.close()
        self.selector.close()
        self.lease.release()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                key.data(key.fileobj)

    def announce(self, torrent, asker, event, left, numwant):
        swarm = self.swarms.setdefault(torrent, {})
        swarm[asker] = left == 0
        if event == EVENTS["stopped"]:
            del swarm[asker]
        seeders = sum(swarm.values())
        others = [peer for peer, seeds in swarm.items() if peer != asker and not (seeds and left == 0)]
        return self.told(Announce(torrent, asker, event, seeders, len(swarm) - seeders, others[:numwant],
                                  self.nth))

    def scrape(self, hashes):
        files = []
        for torrent in hashes:
            swarm = self.swarms.get(torrent, {})
            files.append((torrent, sum(swarm.values()), len(swarm) - sum(swarm.values())))
        return self.told(Scrape(hashes, files, self.nth))

    def told(self, answer):
        """The answer, after the lie; what fills a swarm is answered rightly."""
        if getattr(answer, "event", 0) != EVENTS["started"]:
            self.nth += 1
            answer.nth = self.nth
            if self.lie:
                self.lie(answer)
        return answer

    def is_filling(self, answer):
        return getattr(answer, "event", 0) == EVENTS["started"]

    # --- UDP ---

    def udp_read(self, sock):
        data, sender = sock.recvfrom(4096)
        action, transaction = struct.unpack(">II", data[8:16])
        if action == 0:
            sock.sendto(struct.pack(">IIQ", 0, transaction, 0x1122334455667788), sender)
            return
        if action == 1:
            left, event, numwant = (struct.unpack(">Q", data[64:72])[0],
                                    *struct.unpack(">I", data[80:84]), *struct.unpack(">i", data[92:96]))
            asker = socket.inet_aton(sender[0]) + data[96:98]
            answer = self.announce(data[16:36], asker, event, left, numwant)
        else:
            answer = self.scrape([data[i:i + 20] for i in range(16, len(data), 20)])
        answer.transaction = transaction
        packet = udp_packet(answer)
        for piece, is_other in as_sent(answer, packet) if self.is_filling(answer) else self.packet(
                answer, packet):
            (self.other if is_other else sock).sendto(piece, sender)

    # --- HTTP ---

    def accept(self, sock):
        connection, peer = sock.accept()
        self.texts[connection] = b""
        self.selector.register(connection, selectors.EVENT_READ, lambda s: self.http_read(s, peer))

    def http_read(self, sock, peer):
        try:
            got = sock.recv(65536)
        except OSError:
            got = b""
        self.texts[sock] += got
        try:
            while b"\r\n\r\n" in self.texts[sock]:
                head, self.texts[sock] = self.texts[sock].split(b"\r\n\r\n", 1)
                sock.sendall(self.http_answer(head.split()[1], peer))
        except OSError:
            got = b""
        if not got:
            self.selector.unregister(sock)
            del self.texts[sock]
            sock.close()

    def http_answer(self, target, peer):
        path, _, query = target.decode("latin-1").partition("?")
        pairs = [pair.partition("=")[::2] for pair in query.split("&")]
        hashes = [unquote_to_bytes(value) for name, value in pairs if name == "info_hash"]
        values = dict(pairs)
        if path.endswith("/scrape"):
            answer = self.scrape(hashes)
        else:
            asker = socket.inet_aton(peer[0]) + struct.pack(">H", int(values["port"]))
            answer = self.announce(hashes[0], asker, EVENTS.get(values.get("event"), 0),
                                   int(values["left"]), int(values["numwant"]))
        return self.text(answer, http_body(answer))
