"""The program under test as a child process."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time

from .check import DEADLINE_S, PortLease, eventually
from .http import HttpClient
from .udp import UdpClient, connect_packet

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|"
                       r"UndefinedBehaviorSanitizer|Assertion .* failed")

# Nothing random, nothing adaptive, no privileges to drop: what a test wants else, it says itself
# (the last occurrence of an option wins).
FIXED = ("--user", "", "--workers", "2", "--interval-jitter", "0", "--interval", "1800",
         "--min-interval", "1800", "--max-interval", "1800")


def muster_bin():
    return os.path.abspath(os.environ.get("MUSTER_BIN", "build/test/muster"))


def clean_env(extra=None):
    """The environment without options; sanitizers report everything and exit non-zero."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MUSTER_") and k != "PORT"}
    env.pop("JOURNAL_STREAM", None)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:allocator_may_return_null=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=0")
    env.setdefault("TSAN_OPTIONS", "exitcode=98")
    env.update(extra or {})
    return env


def run_muster(*args, env=None, timeout_s=DEADLINE_S):
    """Run to its end (--help, usage errors). Returns CompletedProcess with text output."""
    return subprocess.run([muster_bin(), *map(str, args)], env=clean_env(env), timeout=timeout_s,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False)


class Server:
    """A running muster. Listens on 127.0.0.1 and [::1], one port for UDP and TCP; on `proxy_port`
    of 127.0.0.1 it takes UDP with PROXY headers.

    options   appended to FIXED; with exact=True they are the whole command line, "{port}" in them
              is replaced by the port
    admin     with an operators' door: 127.0.0.1:admin_port and the Unix socket admin_path
    env       added environment
    """

    def __init__(self, *options, admin=False, env=None, exact=False, wait=True, port_lease=None,
                 prefix=()):
        self.lease = port_lease or PortLease()
        self.port = self.lease.port
        self.host4, self.host6 = "127.0.0.1", "::1"
        options = [str(o).replace("{port}", str(self.port)) for o in options]
        self.proxy_lease = None if exact or "--no-udp" in options else PortLease()
        self.admin_lease = PortLease() if admin else None
        self._folder = tempfile.TemporaryDirectory() if admin else None
        self.args = options if exact else [*FIXED, *self._listen_options(),
                                           *self._admin_options(), *options]
        self._out = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*prefix, muster_bin(), *self.args], env=clean_env(env),
                                        stdin=subprocess.DEVNULL, stdout=self._out,
                                        stderr=subprocess.STDOUT)
        self._clients = []
        self.killed, self.expected_code = False, 0
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def _listen_options(self):
        values = [f"127.0.0.1:{self.port}", f"[::1]:{self.port}"]
        if self.proxy_lease:
            values.append(f"udp+proxy://127.0.0.1:{self.proxy_port}")
        return [word for value in values for word in ("--listen", value)]

    def _admin_options(self):
        if not self.admin_lease:
            return ["--admin-listen", "off", "--admin-socket", "off"]
        return ["--admin-listen", f"127.0.0.1:{self.admin_port}", "--admin-socket",
                self.admin_path, "--admin-hosts", "tracker.test"]

    @property
    def proxy_port(self):
        return self.proxy_lease.port

    @property
    def admin_port(self):
        return self.admin_lease.port

    @property
    def admin_path(self):
        return os.path.join(self._folder.name, "admin.sock")

    def _release_ports(self):
        for lease in (self.lease, self.proxy_lease, self.admin_lease):
            if lease:
                lease.release()
        if self._folder:
            self._folder.cleanup()

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        """Everything printed so far, standard output and error together."""
        size = os.fstat(self._out.fileno()).st_size
        return os.pread(self._out.fileno(), size, 0).decode("utf-8", "replace")

    def wait_output(self, pattern, deadline_s=DEADLINE_S):
        """Wait until the output matches; returns the match."""
        return eventually(lambda: re.search(pattern, self.output(), re.M),
                          f"/{pattern}/ in the output:\n{self.output()}", deadline_s)

    def is_running(self):
        return self.process.poll() is None

    def wait_ready(self):
        """Until every transport that the options leave on answers on a loopback address."""
        until = time.monotonic() + DEADLINE_S
        probes = [p for o, p in (("--no-udp", self._udp_answers), ("--no-tcp", self._tcp_answers))
                  if o not in self.args]
        for probe in probes:
            while not probe():
                assert self.is_running(), f"exited {self.process.returncode}:\n{self.output()}"
                assert time.monotonic() < until, f"does not answer:\n{self.output()}"
                time.sleep(0.02)

    def _udp_answers(self):
        return any(self._probe_udp(h) for h in (self.host4, self.host6))

    def _probe_udp(self, host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.connect((host, self.port))
                s.send(connect_packet(1))
                return len(s.recv(64)) == 16
            except OSError:
                return False

    def _tcp_answers(self):
        for host in (self.host4, self.host6):
            try:
                socket.create_connection((host, self.port), timeout=1).close()
                return True
            except OSError:
                pass
        return False

    def udp(self, source=None, **how):
        """A UDP client over IPv4; `source` is any address of 127.0.0.0/8."""
        return self._keep(UdpClient(self.host4, self.port, source=source, **how))

    def udp6(self, **how):
        return self._keep(UdpClient(self.host6, self.port, **how))

    def http(self, source=None, **how):
        """An HTTP client over IPv4, not connected before its first request."""
        return self._keep(HttpClient(self.host4, self.port, source=source, **how))

    def http6(self, **how):
        return self._keep(HttpClient(self.host6, self.port, **how))

    def admin(self, **how):
        """A client of the admin listener."""
        return self._keep(HttpClient(self.host4, self.admin_port, **how))

    def unix(self, **how):
        """A client of the operators' Unix socket."""
        return self._keep(HttpClient(self.admin_path, None, **how))

    def _keep(self, client):
        self._clients.append(client)
        return client

    def close_clients(self):
        while self._clients:
            self._clients.pop().close()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, deadline_s=DEADLINE_S):
        """SIGTERM, and then everything a clean end means. An ended server is only checked."""
        self.close_clients()
        if self.killed:
            return
        try:
            if self.is_running():
                self.signal(signal.SIGTERM)
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = f"none within {deadline_s:g} s of SIGTERM"
        finally:
            self._release_ports()
        output = self.output()
        assert not SANITIZER.search(output), f"sanitizer report:\n{output[-8000:]}"
        assert code == self.expected_code, f"exit code {code}, output:\n{output[-4000:]}"

    def kill(self):
        """End it without asking any question."""
        self.killed = True
        self.close_clients()
        if self.is_running():
            self.process.kill()
        self.process.wait()
        self._release_ports()


def stop_all(servers):
    """Stop and check every one, whatever is found of those before."""
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)
