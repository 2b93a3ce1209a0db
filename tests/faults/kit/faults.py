"""The table of faults, shared with the server through a file (inject.c has the other half)."""

import errno
import mmap
import os
import struct
from contextlib import contextmanager

from harness import muster_bin

CALLS = ("malloc", "mmap", "mprotect", "thread", "socket", "accept", "recv", "send", "recvmmsg",
         "sendmmsg", "epoll_ctl", "epoll_wait", "open", "read", "write", "fsync", "rename", "mmdb_node")

CLOCKS = struct.Struct("=qq")
COUNTS = struct.Struct("=QQ")       # calls, hits
SKIP_LEFT = struct.Struct("=QQ")
HOW = struct.Struct("=iIII16s")     # errno, delay_ms, per_site, -, thread
FAULT_BYTES = COUNTS.size + SKIP_LEFT.size + HOW.size
SITE_TEXT_AT, SITE_TEXT_BYTES = CLOCKS.size + FAULT_BYTES * len(CALLS), 192
SITES_MAX = 4096
TABLE_BYTES = SITE_TEXT_AT + SITE_TEXT_BYTES + 8 + 8 * SITES_MAX

EVER = 2**63


class Faults:
    """Give `env` to a server, and its calls obey. Without armed faults it is as any other."""

    def __init__(self, folder):
        library = os.path.join(os.path.dirname(muster_bin()), "tests", "faults", "muster_faults.so")
        assert os.access(library, os.R_OK), f"no {library}: build with -Dtests=true"
        path = os.path.join(folder, "faults.table")
        with open(path, "wb") as file:
            file.truncate(TABLE_BYTES)
        with open(path, "r+b") as file:
            self.table = mmap.mmap(file.fileno(), TABLE_BYTES)
        self.env = {
            "LD_PRELOAD": library,
            "MUSTER_FAULTS": path,
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:allocator_may_return_null=1:"
                            "verify_asan_link_order=0",
        }

    @staticmethod
    def _at(call):
        return CLOCKS.size + FAULT_BYTES * CALLS.index(call)

    def arm(self, call, error=0, *, times=EVER, skip=0, delay_ms=0, per_site=False, thread=""):
        """From now on, after `skip` calls, `times` calls fail with errno `error` ("ENOSPC"), each
        after delay_ms; error 0 only waits. `thread`: in the thread of that name only."""
        at = self._at(call)
        number = getattr(errno, error) if error else 0
        SKIP_LEFT.pack_into(self.table, at + COUNTS.size, skip, 0)
        HOW.pack_into(self.table, at + COUNTS.size + SKIP_LEFT.size, number, delay_ms,
                      per_site, 0, thread.encode())
        SKIP_LEFT.pack_into(self.table, at + COUNTS.size, skip, times)

    def disarm(self, *calls):
        for call in calls or CALLS:
            SKIP_LEFT.pack_into(self.table, self._at(call) + COUNTS.size, 0, 0)

    @contextmanager
    def armed(self, call, error=0, **how):
        self.arm(call, error, **how)
        try:
            yield self
        finally:
            self.disarm(call)

    def calls(self, call):
        """How often it was made so far."""
        return COUNTS.unpack_from(self.table, self._at(call))[0]

    def hits(self, call):
        """How many of them met a fault."""
        return COUNTS.unpack_from(self.table, self._at(call))[1]

    def jump(self, *, realtime_s=0, monotonic_s=0):
        """Clocks tell so much more than the kernel's, from now on."""
        CLOCKS.pack_into(self.table, 0, realtime_s, monotonic_s)

    @property
    def last_site(self):
        raw = self.table[SITE_TEXT_AT:SITE_TEXT_AT + SITE_TEXT_BYTES]
        return raw.split(b"\0")[0].decode()
