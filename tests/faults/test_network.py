"""Interfaces that go and come back, in a network namespace of the test's own."""

import ctypes
import os
import subprocess
import threading
from pathlib import Path

import pytest

from harness import HttpClient, UdpClient, eventually, new_hash, run_muster
from kit import World

CLONE_NEWNET = 0x40000000
HOST4, HOST6 = "198.51.100.1", "2001:db8:77::1"


def ip(*words):
    """Returns its output."""
    return subprocess.run(["ip", *words], check=True, timeout=30, stdout=subprocess.PIPE).stdout


def interface_up():
    ip("link", "add", "tracker0", "type", "bridge")
    ip("address", "add", HOST4 + "/24", "dev", "tracker0")
    ip("address", "add", HOST6 + "/64", "dev", "tracker0", "nodad")
    ip("link", "set", "tracker0", "up")
    eventually(lambda: not ip("-6", "address", "show", "dev", "tracker0", "tentative"),
               "the kernel to take its address")


def in_own_network(body):
    """Run body() in a thread whose sockets and children are in a network without anything but a
    loopback; its exception is ours."""
    outcome = []

    def run():
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(CLONE_NEWNET) != 0:
                pytest.skip("no network namespace for us: " + os.strerror(ctypes.get_errno()))
            ip("link", "set", "lo", "up")
            interface_up()
            body()
        except BaseException as failure:  # pytest.skip() is none of Exception's
            outcome.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if outcome:
        raise outcome[0]


@pytest.mark.parametrize("wildcard", [False, True])
def test_an_interface_goes_and_comes_back(start_server, wildcard):
    """Sockets stay bound: served again as soon as the address is there, with all that was stored."""
    def body():
        listen = ["--listen", "{port}"] if wildcard else \
            ["--listen", HOST4 + ":{port}", "--listen", f"[{HOST6}]:{{port}}",
             "--listen", "127.0.0.1:{port}", "--listen", "[::1]:{port}"]
        server = start_server("--user", "", "--workers", "2", "--interval", "1800",
                              "--interval-jitter", "0", "--min-interval", "1800",
                              "--max-interval", "1800", "--admin-listen", "off",
                              "--admin-socket", "off", *listen, exact=True)
        world, torrent = World(server), new_hash()
        assert served(server, torrent, 9000) == (0, 2)
        for _ in range(2):
            ip("link", "del", "tracker0")
            with pytest.raises(OSError), UdpClient(HOST4, server.port) as udp:
                udp.announce(torrent)
            world.check()
            interface_up()
            assert served(server, torrent, 9000) == (0, 2)
            ip("link", "set", "tracker0", "down")
            world.check()
            ip("link", "del", "tracker0")
            interface_up()
        assert served(server, torrent, 9002) == (0, 4)
        world.check()

    def served(server, torrent, port):
        with UdpClient(HOST4, server.port) as udp, UdpClient(HOST6, server.port) as udp6:
            udp.announce(torrent, port=port)
            counts = udp6.announce(torrent, port=port + 1).counts
        with HttpClient(HOST4, server.port) as http, HttpClient(HOST6, server.port) as http6:
            assert http.announce(new_hash()).counts == (0, 1)
            assert http6.announce(new_hash()).counts == (0, 1)
        return counts

    in_own_network(body)


def test_an_address_that_comes_late_is_served(start_server, tmp_path):
    """Addresses of the start have sockets of their own; the wildcard has the others, also after an
    upgrade, which takes both kinds with it."""
    path = str(tmp_path / "admin.sock")

    def body():
        ip("link", "del", "tracker0")
        server = start_server("--user", "", "--workers", "2", "--listen", "{port}", "--admin-listen",
                              "off", "--admin-socket", path, exact=True)
        torrent = new_hash()
        assert announced(server, "127.0.0.1", torrent, 9000) == (0, 1)
        interface_up()
        for host, counts in ((HOST4, (0, 2)), ("127.0.0.1", (0, 3)), (HOST6, (0, 4)), ("::1", (0, 5))):
            assert announced(server, host, torrent, 9000 + counts[1]) == counts
        assert run_muster("upgrade", "--admin-socket", path).returncode == 0
        assert "016433C6:" not in Path("/proc/thread-self/net/udp").read_text(encoding="ascii"), \
            "its requests would have waited there for the new process"
        for host, counts in ((HOST4, (0, 6)), ("127.0.0.1", (0, 7)), (HOST6, (0, 8)), ("::1", (0, 9))):
            assert announced(server, host, torrent, 9000 + counts[1]) == counts

    def announced(server, host, torrent, port):
        with UdpClient(host, server.port) as udp:
            return udp.announce(torrent, port=port).counts

    in_own_network(body)


@pytest.mark.parametrize("asked,source", [(HOST4, "127.0.0.1"), ("127.0.0.2", "127.0.0.1"),
                                          ("127.0.0.1", HOST4), (HOST6, "::1"), ("::1", HOST6)])
@pytest.mark.parametrize("is_late", [False, True])
def test_answers_leave_from_the_asked_address(start_server, asked, source, is_late):
    """A machine with several addresses; the kernel would choose the client's own. An address that comes
    after the start is served by the wildcard's socket, the others by their own."""
    def body():
        if is_late:
            ip("link", "del", "tracker0")
        server = start_server("--user", "", "--admin-listen", "off", "--admin-socket", "off",
                              "--listen", "{port}", exact=True)
        if is_late:
            interface_up()
        with UdpClient(asked, server.port, source=source) as client:
            assert client.announce(new_hash()).counts == (0, 1)

    in_own_network(body)
