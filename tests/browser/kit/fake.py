"""A server of the built pages whose answers a test makes up.

    with FakeTracker() as tracker:
        tracker.answers["/stats.json"] = lambda request: (200, {...})
        tracker.is_silent = True          # connections are closed without an answer

Every answer carries the policy that muster's own door sends, so that a page which would not run
there does not run here."""

import base64
import hashlib
import json
import mimetypes
import os
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from . import figures

WEB_ROOT = Path(os.environ.get("MUSTER_WEB", "build/web")).resolve()
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SITE = {"stats": True, "map": True, "settings": True, "udp": 6969, "http": 6969}


class Request:
    def __init__(self, handler):
        self.path, _, self.query = handler.path.partition("?")
        self.headers = handler.headers
        length = int(handler.headers.get("Content-Length", 0))
        self.body = handler.rfile.read(length)

    def json(self):
        return json.loads(self.body)


class QuietServer(ThreadingHTTPServer):
    """Browsers hang up whenever they like."""
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class FakeTracker:
    def __init__(self, port=0):
        self.started_unix_s = int(time.time()) - 273000
        self.is_silent = False
        self.restarts = 0
        self.viewers = []
        self.answers = {
            "/api/site.json": lambda r: (200, SITE),
            "/stats.json": lambda r: (200, figures.stats(self.started_unix_s, self.restarts)),
            "/api/history.json": self._history,
            "/api/map.json": lambda r: (200, {"state": "ready", "viewers": len(self.viewers),
                                              "countries": {}}),
        }
        tracker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                tracker._serve(self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = QuietServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def send_to_viewers(self, message):
        """One JSON text message to every open WebSocket."""
        payload = json.dumps(message).encode()
        size = len(payload)
        head = bytes((0x81, size)) if size < 126 else struct.pack(">BBH", 0x81, 126, size)
        for viewer in list(self.viewers):
            try:
                viewer.sendall(head + payload)
            except OSError:
                self.viewers.remove(viewer)

    def _history(self, request):
        since = request.query.partition("since=")[2]
        return 200, figures.history(self.started_unix_s, int(since or 0))

    def _serve(self, handler):
        request = Request(handler)
        if self.is_silent:
            handler.close_connection = True
        elif handler.headers.get("Upgrade") == "websocket":
            self._upgrade(handler)
        elif request.path in self.answers:
            status, body, *extra = self.answers[request.path](request)
            self._answer(handler, status, json.dumps(body).encode(), "application/json", *extra)
        else:
            self._file(handler, request.path)

    def _file(self, handler, path):
        file = WEB_ROOT / (path.lstrip("/") or "index.html")
        if file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._answer(handler, 200, file.read_bytes(), kind)
        else:
            self._answer(handler, 404, b"not here\n", "text/plain")

    @staticmethod
    def _answer(handler, status, body, kind, headers=None):
        handler.send_response(status)
        for name, value in {
                "Content-Type": kind, "Content-Length": str(len(body)),
                "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
                **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def _upgrade(self, handler):
        key = handler.headers["Sec-WebSocket-Key"] + WEBSOCKET_GUID
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        handler.wfile.write((
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n"
            "Sec-WebSocket-Protocol: muster.map.v1\r\n\r\n").encode())
        self.viewers.append(handler.connection)
        handler.close_connection = True
        while not self.is_silent and handler.connection in self.viewers:
            handler.connection.settimeout(0.2)
            try:
                data = handler.connection.recv(4096)
                if not data or data[0] & 0x0F == 8:  # gone, or says goodbye
                    break
            except TimeoutError:
                pass
            except OSError:
                break
        if handler.connection in self.viewers:
            self.viewers.remove(handler.connection)
