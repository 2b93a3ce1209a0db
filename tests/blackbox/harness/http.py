"""HTTP client on a bare socket: sends exactly the bytes it is given, reads strictly."""

import socket
from dataclasses import dataclass

from . import bencode
from .check import DEADLINE_S, new_hash, new_peer_id, peers_of

UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def percent(value, escape_all=False, lower=False):
    """Bytes, text or a number as a query value."""
    if not isinstance(value, (bytes, bytearray)):
        value = str(value).encode("utf-8")
    form = "%%%02x" if lower else "%%%02X"
    return "".join(chr(b) if b in UNRESERVED and not escape_all else form % b
                   for b in value).encode("ascii")


def query_of(params):
    """`params`: pairs or a dict, in order; None values are left out."""
    pairs = params.items() if isinstance(params, dict) else params
    return b"&".join(k.encode("ascii") + b"=" + percent(v) for k, v in pairs if v is not None)


def raw_query(**fields):
    """The query of a complete announce of an unknown torrent. `fields` override it: the values go
    onto the wire as they are (percent() them first where needed), None leaves a field out."""
    usual = {"info_hash": percent(new_hash()), "peer_id": percent(new_peer_id()), "port": 6881,
             "uploaded": 0, "downloaded": 0, "left": 1, "compact": 1}
    usual.update(fields)
    return b"&".join(_raw(k) + b"=" + _raw(v) for k, v in usual.items() if v is not None)


@dataclass
class HttpResponse:
    version: str
    status: int
    reason: str
    headers: list  # (name as sent, value)
    body: bytes

    def header(self, name):
        """The value of the only header of that name, or None."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(values) <= 1, f"{name} repeats: {values}"
        return values[0] if values else None

    @property
    def closes(self):
        tokens = [t.strip().lower() for t in (self.header("Connection") or "").split(",")]
        return "close" in tokens or (self.version == "HTTP/1.0" and "keep-alive" not in tokens)

    @property
    def data(self):
        """The body, decoded strictly; the status must be 200."""
        assert self.status == 200, f"{self.status} {self.reason}: {self.body[:200]!r}"
        return bencode.decode(self.body)

    @property
    def failure(self):
        """The failure reason as text, or None."""
        reason = self.data.get(b"failure reason")
        return None if reason is None else reason.decode("ascii")

    @property
    def counts(self):
        """(seeders, leechers) of an announce answer."""
        data = self.data
        assert b"failure reason" not in data, data
        return data[b"complete"], data[b"incomplete"]

    @property
    def peers(self):
        """Compact `peers` as (address, port)."""
        return peers_of(self.data[b"peers"], 6)

    @property
    def peers6(self):
        return peers_of(self.data.get(b"peers6", b""), 18)

    @property
    def all_peers(self):
        return self.peers + self.peers6


class HttpClient:
    """One connection at a time; opened when needed, reused while the server keeps it open.

    port      None: `host` is the path of a Unix socket
    headers   sent with every request
    preface   bytes each new connection starts with (a PROXY header)
    """

    def __init__(self, host, port, *, source=None, timeout=DEADLINE_S, headers=(), preface=b""):
        self.server = (host, port)
        self.headers, self.preface = tuple(headers), preface
        self.source = source
        self.timeout = timeout
        self.socket = None
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self):
        """Connect anew."""
        self.close()
        if self.server[1] is None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(self.timeout)
            self.socket.connect(self.server[0])
        else:
            source = (self.source, 0) if self.source else None
            self.socket = socket.create_connection(self.server, self.timeout, source)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.preface:
            self.socket.sendall(self.preface)
        return self

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.buffer = None, b""

    @property
    def address(self):
        return self.socket.getsockname()[:2]

    def send(self, data):
        """Raw bytes on the open connection (opened if there is none)."""
        if not self.socket:
            self.open()
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def read_eof(self):
        """Everything until the server closes. A reset counts as closing."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def is_closed_by_server(self):
        """Wait for the end; no byte may come before it."""
        return self.read_eof() == b""

    def read_response(self, head_only=False):
        """One response; interim ones (100) are responses too. `head_only`: answers HEAD."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                raise ConnectionError(f"closed in the head: {self.buffer[:200]!r}")
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        response = _parse_head(head)
        if head_only or response.status < 200 or response.status in (204, 304):
            return response
        response.body = self._body(response)
        return response

    def _body(self, response):
        if (response.header("Transfer-Encoding") or "").lower() == "chunked":
            return self._chunks()
        length = response.header("Content-Length")
        if length is None:
            return self.read_eof()
        assert length.isdigit(), f"Content-Length {length!r}"
        return self._take(int(length))

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise ConnectionError(f"closed {count - len(self.buffer)} bytes before the end")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise ConnectionError("closed in a chunk head")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _chunks(self):
        body = b""
        while True:
            size = int(self._line(), 16)
            chunk = self._take(size + 2)
            assert chunk[-2:] == b"\r\n"
            if size == 0:
                return body
            body += chunk[:-2]

    def exchange(self, data):
        """On a new connection: send `data`, and return every response up to the end, which the
        server makes. It may close before it read everything."""
        self.open()
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.buffer = self.read_eof()
        responses = []
        while self.buffer:
            responses.append(self.read_response())
        self.close()
        return responses

    def refused(self, data):
        """exchange(), for what is answered with one HTTP error."""
        responses = self.exchange(data)
        assert len(responses) == 1, f"{len(responses)} answers: {responses}"
        response = responses[0]
        assert response.closes, f"no Connection: close (T5): {response}"
        assert response.header("Content-Length") is not None and len(response.body) < 512
        return response

    def pipeline(self, requests, batch=50):
        """Send requests without waiting for answers, a batch at a time; all responses in order."""
        responses = []
        for i in range(0, len(requests), batch):
            self.send(b"".join(requests[i:i + batch]))
            responses += [self.read_response() for _ in requests[i:i + batch]]
        return responses

    def request(self, target, headers=(), *, method="GET", version="HTTP/1.1", host="tracker.test"):
        """The bytes of a request head. `target` and header values: text (latin-1) or bytes."""
        lines = [b" ".join((_raw(method), _raw(target), _raw(version)))]
        if host is not None:
            lines.append(b"Host: " + _raw(host))
        lines += [_raw(n) + b": " + _raw(v) for n, v in (*self.headers, *headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def get(self, target, headers=(), *, method="GET", version="HTTP/1.1", host="tracker.test"):
        """One request and its response. A connection the server announced to close is closed."""
        self.send(self.request(target, headers, method=method, version=version, host=host))
        response = self.read_response(head_only=method == "HEAD")
        if response.closes:
            self.close()
        return response

    def announce(self, info_hash, peer_id=None, *, headers=(), path="/announce", extra=b"",
                 version="HTTP/1.1", **params):
        """A complete announce; `params` override the usual fields, None leaves one out.
        `extra` is appended to the query as it is."""
        fields = {"info_hash": info_hash, "peer_id": peer_id or new_peer_id(), "port": 6881,
                  "uploaded": 0, "downloaded": 0, "left": 1, "compact": 1}
        fields.update(params)
        query = query_of(fields) + extra
        return self.get(_raw(path) + b"?" + query, headers, version=version)

    def scrape(self, *hashes, headers=(), path="/scrape", extra=b""):
        query = b"&".join(b"info_hash=" + percent(h) for h in hashes) + extra
        return self.get(_raw(path) + (b"?" + query if query else b""), headers)

    def numbers(self, info_hash):
        """(complete, downloaded, incomplete) of one torrent: the order of a UDP scrape."""
        entry = self.scrape(info_hash).data[b"files"][info_hash]
        return entry[b"complete"], entry[b"downloaded"], entry[b"incomplete"]


def _raw(text):
    return text if isinstance(text, (bytes, bytearray)) else str(text).encode("latin-1")


def _parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
    assert version in ("HTTP/1.0", "HTTP/1.1"), f"status line {lines[0]!r}"
    assert len(status) == 3 and status.isdigit(), f"status line {lines[0]!r}"
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        assert colon and name and name.strip() == name, f"header line {line!r}"
        headers.append((name, value.strip()))
    return HttpResponse(version, int(status), reason, headers, b"")
