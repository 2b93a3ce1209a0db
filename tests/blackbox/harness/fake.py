"""Servers that are no muster: the control socket with made-up answers, and trackers that misbehave."""

import http.server
import json
import os
import socket
import socketserver
import struct
import tempfile
import threading

STATS = {
    "version": "9.9.9", "name": "muster", "pid": 0, "uptime_s": 90061, "restarts": 2, "workers": 4,
    "start_unix_s": 1700000000, "mode": "tracker",
    "peers": 1234567, "swarms": 4321, "seeders": 1000000, "leechers": 234567,
    "peers_by": {"ipv4": 1200000, "ipv6": 34567}, "torrents": {"total": 4321, "peers_max": 99},
    "interval": {"now_s": 300, "wanted_s": 360, "min_s": 300, "max_s": 1799},
    "load": {"average": [0.5, 0.25, 0.125], "max": 1.5},
    "rates": {name: {"now": 10 * i + 1, "max": 1000 * i + 5} for i, name in
              enumerate(["total", "announces", "udp4", "udp6", "http4", "http6"])},
    "drops": {"kernel": 17}, "connections": {"open": 5, "max": 16384, "refused": 0, "timeouts": 3},
    "memory": {"rss_bytes": 1536 << 20, "store_bytes": 1 << 30, "store_max_bytes": 16 << 30},
    "sweep": {"peers_removed": 11},
    "errors": [{"door": "udp", "kind": "bad_id", "count": 7}],
    "clients": [{"code": "qB", "name": "qBittorrent", "announces": 42}],
    "top_swarms": [{"info_hash": "aa" * 20, "seeders": 5, "leechers": 1, "completed": 9},
                   {"info_hash": "bb" * 20, "seeders": 1, "leechers": 8, "completed": 1}],
    "top_talkers": [{"address": "192.0.2.77", "requests": 31337}],
}


class FakeControl:
    """A muster's control socket. `answers` maps (method, path) to (status, JSON or bytes), or to a
    function of the request's JSON; `requests` keeps what came."""

    def __init__(self, answers=None):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "fake.sock")
        self.answers = {("GET", "/stats.json"): (200, {**STATS, "pid": os.getpid()})}
        self.answers.update(answers or {})
        self.requests = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                said = json.loads(body) if body else None
                fake.requests.append((self.command, self.path, dict(self.headers), said))
                found = fake.answers.get((self.command, self.path), (404, {"error": "not found"}))
                status, content = found(said) if callable(found) else found
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

        class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that went away

        self.server = Unix(self.path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={
            "poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        self.folder.cleanup()


class FakeUdp:
    """A UDP tracker on 127.0.0.1: `answer(packet, nth)` gives the datagrams to send back."""

    def __init__(self, answer):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.packets = []
        self.answer = answer
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"udp://127.0.0.1:{self.port}/announce"

    def _serve(self):
        while True:
            packet, sender = self.socket.recvfrom(4096)
            if packet == b"end":
                return
            self.packets.append(packet)
            for datagram in self.answer(packet, len(self.packets)):
                self.socket.sendto(datagram, sender)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"end", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()


class FakeHttp:
    """An HTTP tracker on 127.0.0.1: `answer(head)` gives all bytes to send before closing; None
    keeps the connection open without a word."""

    def __init__(self, answer):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        self.heads = []
        self.answer = answer
        self.held = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/announce"

    def _serve(self):
        while True:
            connection, _ = self.socket.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(65536)
                if not part:
                    break
                head += part
            if head == b"end":
                connection.close()
                return
            self.heads.append(head)
            said = self.answer(head)
            if said is None:
                self.held.append(connection)
                continue
            try:
                connection.sendall(said)
            except OSError:
                pass  # it had enough
            connection.close()

    def stop(self):
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.sendall(b"end")
        self.thread.join()
        for connection in self.held:
            connection.close()
        self.socket.close()


def udp_head(packet):
    """(action, transaction id) of a request."""
    return struct.unpack(">II", packet[8:16])


def good_udp(packet, peers=b"", interval=1800):
    """The answer of a tracker that does everything right."""
    action, transaction_id = udp_head(packet)
    if action == 0:
        return struct.pack(">IIQ", 0, transaction_id, 0x1234)
    if action == 1:
        return struct.pack(">IIIII", 1, transaction_id, interval, 3, 2) + peers
    hashes = (len(packet) - 16) // 20
    return struct.pack(">II", 2, transaction_id) + struct.pack(">III", 2, 5, 3) * hashes


def http_200(body, head=b""):
    return (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body)) + head + b"\r\n" + body


def bencoded_scrape(head):
    """A right scrape of the first hash that the request asks for."""
    from urllib.parse import unquote_to_bytes
    query = head.split(b" ")[1].split(b"?", 1)[1]
    value = next(p for p in query.split(b"&") if p.startswith(b"info_hash="))
    info_hash = unquote_to_bytes(value.split(b"=", 1)[1])
    entry = b"d8:completei2e10:downloadedi5e10:incompletei3ee"
    return b"d5:filesd20:" + info_hash + entry + b"ee"
