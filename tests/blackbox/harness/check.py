"""Waiting for conditions, and fresh names so that tests never meet each other."""

import ipaddress
import os
import random
import socket
import time

DEADLINE_S = 30.0  # generous: a loaded machine under a sanitizer; a passing test never waits it out


def new_hash():
    """An info hash nobody else uses."""
    return os.urandom(20)


_distinct_ids = None


def use_distinct_ids(ids):
    """From now on new_peer_id() takes from this endless iterator."""
    global _distinct_ids
    _distinct_ids = ids


def new_peer_id():
    """A peer id that no recent one equals, not even in the few bits that the store keeps."""
    return next(_distinct_ids) if _distinct_ids else b"-MU0001-" + os.urandom(12)


def eventually(probe, what="condition", deadline_s=DEADLINE_S, pause_s=0.02):
    """Call `probe` until it returns something true, and return that; fail after the deadline."""
    until = time.monotonic() + deadline_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {deadline_s:g} s: {what}")
        time.sleep(pause_s)


def peers_of(compact, record_bytes):
    """A compact peer string as a list of (address text, port)."""
    assert len(compact) % record_bytes == 0, f"{len(compact)} bytes of {record_bytes}-byte records"
    records = [compact[i:i + record_bytes] for i in range(0, len(compact), record_bytes)]
    return [(str(ipaddress.ip_address(r[:-2])), int.from_bytes(r[-2:], "big")) for r in records]


class PortLease:
    """A port that is free for UDP and TCP on both loopbacks, and stays ours until release(): test
    processes running side by side agree through the name of a unix socket, because a second server
    could otherwise share the port silently (SO_REUSEPORT)."""

    FIRST, LAST = 10000, 30000  # below the ephemeral range

    def __init__(self):
        for _ in range(1000):
            self.port = random.SystemRandom().randrange(self.FIRST, self.LAST)
            self.lock = socket.socket(socket.AF_UNIX)
            try:
                self.lock.bind(f"\0muster-test-port-{self.port}")
                if _is_free(self.port):
                    return
            except OSError:
                pass  # somebody else's
            self.lock.close()
        raise AssertionError("no free port")

    def release(self):
        self.lock.close()


def _is_free(port):
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as s:
                if kind == socket.SOCK_STREAM:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((host, port))
                except OSError:
                    return False
    return True


def unused_port():
    """A leased port; call its release() at the end."""
    return PortLease()


def let_others_in(path):
    """pytest's folders are closed to other users."""
    while path.name.startswith(("test_", "popen-", "pytest-")):
        path.chmod(0o755)
        path = path.parent
