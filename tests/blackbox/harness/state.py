"""Servers with a state folder: what to put into one, and how to have it saved."""

import os
import signal

from .check import eventually, new_hash
from .oracle import everything


def saved(server, folder):
    """Let it save, and wait until a save that began after now is in place."""
    def once():
        before = _inode(folder)
        server.signal(signal.SIGUSR1)
        eventually(lambda: _inode(folder) != before, "another snapshot")
    once()
    once()  # the first may have begun before


def _inode(folder):
    try:
        status = os.stat(folder / "snapshot")
        return status.st_ino, status.st_mtime_ns
    except FileNotFoundError:
        return None


def populate(server, torrents=30, peers=12):
    """Many torrents of both families, one of them large. {hash: numbers}"""
    http4, http6 = server.http(), server.http6()
    for n in range(torrents):
        info_hash = new_hash()
        for client, first in ((http4, 1000), (http6, 2000)):
            for port in range(first, first + n % peers):
                client.announce(info_hash, port=port, left=port % 3)
    info_hash = new_hash()
    for port in range(3000, 3090):
        http4.announce(info_hash, port=port, left=port % 2)
        http6.announce(info_hash, port=port, left=port % 2)
    return everything(server)
