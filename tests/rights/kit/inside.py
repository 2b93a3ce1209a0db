"""Somebody inside: tests/rights/inside.c, loaded into the server under test."""

import mmap
import os
import struct
from pathlib import Path

from harness import eventually, muster_bin

MAIN, WORKER = 0, 1
LIBRARY = Path(muster_bin()).parent / "tests" / "rights" / "inside.so"


class Inside:
    """inside.env is for the server; then inside.tries(WORKER, "read", "/etc/passwd") gives 0 or an
    errno."""

    def __init__(self, folder):
        assert LIBRARY.exists(), f"{LIBRARY} is not built"
        path = folder / "inside"
        path.write_bytes(bytes(256))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), 256)
        self._count = 0
        self.env = {"LD_PRELOAD": str(LIBRARY), "MUSTER_INSIDE": str(path)}

    def _number(self, offset):
        return struct.unpack_from("=I", self._page, offset)[0]

    def ask(self, thread, what, argument=""):
        """Have it tried, without waiting."""
        self._count += 1
        self._page[24:256] = struct.pack("16s216s", what.encode(), os.fsencode(str(argument)))
        struct.pack_into("=II", self._page, 8, thread, 0xffffffff)
        struct.pack_into("=II", self._page, 16, 0, 0)
        struct.pack_into("=I", self._page, 0, self._count)

    def is_done(self):
        return self._number(4) == self._count

    def tries(self, thread, what, argument=""):
        self.ask(thread, what, argument)
        eventually(self.is_done, f"{what} {argument} is tried")
        return struct.unpack_from("=i", self._page, 12)[0]

    def release(self):
        """Let a thread go that was asked to hang."""
        struct.pack_into("=I", self._page, 16, 1)
