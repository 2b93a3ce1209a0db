"""A WebSocket client (RFC 6455) that can also do everything wrong."""

import base64
import os
import socket
import struct

from .check import DEADLINE_S

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RFC_KEY, RFC_ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Refused(Exception):
    """The server's answer was not 101: args are the status and the head."""


def frame(opcode, payload=b"", *, fin=True, masked=True, rsv=0, length=None):
    """One frame; `length` lies about the payload's."""
    length = len(payload) if length is None else length
    head = bytes((fin << 7 | rsv << 4 | opcode,))
    if length < 126:
        head += bytes((masked << 7 | length,))
    elif length < 65536:
        head += struct.pack(">BH", masked << 7 | 126, length)
    else:
        head += struct.pack(">BQ", masked << 7 | 127, length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def handshake_request(host_header="localhost", *, key=None, headers=(), drop=(), path="/api/websocket"):
    lines = {"Host": host_header, "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
             "Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)).decode(),
             "Sec-WebSocket-Version": "13"}
    lines.update(headers)
    text = "".join(f"{k}: {v}\r\n" for k, v in lines.items() if k not in drop)
    return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode()


class WebSocket:
    """Connected, or Refused is raised. `more` is sent behind the request at once."""

    def __init__(self, host, port, *, protocol=None, source=None, receive_bytes=None, more=b"",
                 headers=(), **request):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.settimeout(DEADLINE_S)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.rest = b""
        extra = {"Sec-WebSocket-Protocol": protocol} if protocol else {}
        self.send(handshake_request(headers={**extra, **dict(headers)}, **request) + more)
        self.head = self._read_until(b"\r\n\r\n").decode("latin-1")
        self.status = int(self.head.split()[1])
        if self.status != 101:
            self.close()
            raise Refused(self.status, self.head)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def header(self, name):
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.rest += data

    def _read_until(self, end):
        while end not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(end)
        return head

    def read(self, count):
        """Exactly so many bytes."""
        while len(self.rest) < count:
            self._more()
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def frame(self):
        """The next frame as (opcode, payload); it must be whole, final and not masked."""
        first, second = self.read(2)
        assert first & 0xf0 == 0x80 and not second & 0x80, (first, second)
        length = second
        if second == 126:
            length = struct.unpack(">H", self.read(2))[0]
        elif second == 127:
            length = struct.unpack(">Q", self.read(8))[0]
        return first & 15, self.read(length)

    def next(self, opcode):
        """The payload of the next frame of this kind; others are skipped."""
        while True:
            kind, payload = self.frame()
            if kind == opcode:
                return payload

    def close_code(self):
        """The code of the close frame, after which the server ends the connection."""
        payload = self.next(CLOSE)
        code = struct.unpack(">H", payload[:2])[0] if payload else None
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return code
