"""A program on a terminal. A test that makes one is skipped where pyte, which reads it, is missing."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest

from .check import eventually
from .server import clean_env, muster_bin


class Terminal:
    """A program in a pseudo-terminal, and what its screen shows."""

    def __init__(self, *args, size=(40, 110), term="xterm-256color"):
        pyte = pytest.importorskip("pyte", reason="Debian's package python3-pyte is missing")
        self.master, slave = pty.openpty()
        self.screen = pyte.Screen(size[1], size[0])
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [muster_bin(), *args], stdin=slave, stdout=slave, stderr=subprocess.PIPE,
            env=clean_env({"TERM": term}), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave
        os.set_blocking(self.master, False)

    def resize(self, lines, columns):
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        try:
            while part := os.read(self.master, 65536):
                self.raw += part
                self.stream.feed(part)
        except (BlockingIOError, OSError):
            pass
        return "\n".join(self.screen.display)

    def wait_for(self, text):
        eventually(lambda: text in self.read(), f"{text!r} on the screen:\n{self.read()}")
        return self.read()

    def wait_without(self, text):
        eventually(lambda: text not in self.read(), f"no {text!r} on the screen:\n{self.read()}")

    def key(self, key):
        os.write(self.master, key.encode())

    def wait_end(self):
        """The exit code; reads on, so that the program never waits for its terminal."""
        eventually(lambda: self.read() is not None and self.process.poll() is not None, "the end")
        self.read()
        return self.process.returncode

    def is_restored(self):
        """The terminal's modes as before, the main screen, a visible cursor."""
        modes = termios.tcgetattr(self.slave)
        return (modes == self.before and self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h")
                and self.raw.rfind(b"\x1b[?25l") < max(self.raw.rfind(b"\x1b[?25h"),
                                                        self.raw.rfind(b"\x1b[34h")))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        errors = self.process.stderr.read().decode()
        self.process.stderr.close()
        os.close(self.slave)
        os.close(self.master)
        return errors
