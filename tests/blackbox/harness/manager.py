"""A service manager as far as muster sees one: $NOTIFY_SOCKET."""

import socket

from .check import eventually


class Manager:
    """Messages are dicts: {"READY": "1"}. manager.env is for the server."""

    def __init__(self, folder=None, name=None):
        self.path = str(folder / "notify") if folder else "\0" + name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self.path)
        self.env = {"NOTIFY_SOCKET": self.path.replace("\0", "@")}
        self.heard = []

    def listen(self):
        """Everything heard so far."""
        while True:
            try:
                text = self._socket.recv(4096).decode()
            except BlockingIOError:
                return self.heard
            self.heard.append(dict(line.split("=", 1) for line in text.splitlines()))

    def wait(self, **message):
        """Until a message holds these values; returns its place in `heard`."""
        def find():
            for place, said in enumerate(self.listen()):
                if all(said.get(name) == value for name, value in message.items()):
                    return place + 1
            return None
        return eventually(find, f"{message} among {self.heard}") - 1

    def count(self, name):
        return sum(name in said for said in self.listen())

    def close(self):
        self._socket.close()
