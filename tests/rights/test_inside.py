"""What somebody can do who has taken over a thread of muster: nothing that serving does not need.

The tests run as root where they can, with --user "": so no file's mode refuses anything, and what is
refused, the sandbox refuses."""

import ctypes
import errno
import os
import shutil
import signal
import socket
import time

import pytest

from harness import metrics_of, muster_bin, new_hash
from kit import MAIN, WORKER

LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1)
needs_landlock = pytest.mark.skipif(LANDLOCK < 1, reason="the kernel has no Landlock")
OUTSIDE = "/etc/passwd"
SHELL = "/bin/sh"


@pytest.fixture
def confined(start_server, inside, tmp_path):
    """A server with a folder of its own, and somebody inside."""
    folder = tmp_path / "muster"
    folder.mkdir()
    (folder / "muster.conf").write_text("numwant = 3\n")

    def start(*options):
        return start_server("--config", folder / "muster.conf", *options, admin=True,
                            env=inside.env)

    return start


WORKER_CANNOT = [("read", OUTSIDE), ("write", "/tmp/muster-was-here"), ("exec", SHELL), ("fork", ""),
                 ("socket", ""), ("connect", "1"), ("packets", ""), ("code", ""), ("trace", ""),
                 ("signal", ""), ("namespace", "")]


def test_a_worker_cannot(confined, inside):
    server = confined()
    refused = {what: inside.tries(WORKER, what, argument) for what, argument in WORKER_CANNOT}
    assert refused == {what: errno.EPERM for what, _ in WORKER_CANNOT}
    assert inside.tries(WORKER, "read", muster_bin()) == errno.EPERM, "not even its own files"
    assert not os.path.exists("/tmp/muster-was-here")
    assert server.udp().announce(b"a" * 20), "it serves on"


def test_refusals_are_told(confined, inside):
    server = confined()
    assert inside.tries(WORKER, "exec", SHELL) == errno.EPERM
    assert metrics_of(server)["sandbox_denied_calls_total"] == 1
    server.wait_output(r"error .*worker was refused a system call \(execve")


HOUSEKEEPING_CANNOT = [("read", OUTSIDE, errno.EACCES), ("read", "/etc/shadow", errno.EACCES),
                       ("write", "/tmp/muster-was-here", errno.EACCES),
                       ("exec", SHELL, errno.EACCES), ("exec", "/usr/bin/env", errno.EACCES)]


@needs_landlock
def test_among_other_programs_housekeeping_runs_none(confined, inside, tmp_path, monkeypatch):
    """Where a helper starts programs nobody else does: not the one beside it, not itself, and not the
    loader, which would run whatever can be read."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("muster", "other"):
        shutil.copy(muster_bin() if name == "muster" else "/bin/true", folder / name)
    loader = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8")
                  if "/ld-linux" in line)
    monkeypatch.setenv("MUSTER_BIN", str(folder / "muster"))
    server = confined()
    server.wait_output("by a helper process")
    for thread, why in ((MAIN, errno.ENOSYS), (WORKER, errno.EPERM)):
        for program in (folder / "other", folder / "muster", loader, SHELL):
            assert inside.tries(thread, "exec", program) == why, program
    assert server.udp().announce(b"a" * 20), "it serves on"


@needs_landlock
@pytest.mark.parametrize("what, argument, why", HOUSEKEEPING_CANNOT)
def test_housekeeping_cannot_leave_its_folders(confined, inside, what, argument, why):
    confined()
    assert inside.tries(MAIN, what, argument) == why


@pytest.mark.parametrize("what", ["packets", "netlink", "code", "trace", "namespace", "terminal"])
def test_housekeeping_cannot_do_what_no_server_does(confined, inside, what):
    confined()
    assert inside.tries(MAIN, what) == errno.ENOSYS


def has_inert_memory_files():
    try:
        os.close(os.memfd_create("question", 8))  # MFD_NOEXEC_SEAL
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_inert_memory_files(), reason="the kernel is older than 6.3")
def test_housekeeping_cannot_run_what_it_wrote_into_memory(confined, inside):
    """Landlock has no rule for what lies in no folder."""
    confined()
    assert inside.tries(MAIN, "memory") == errno.ENOSYS


@pytest.mark.skipif(LANDLOCK < 4, reason="Landlock of this kernel knows no ports")
def test_housekeeping_cannot_connect(confined, inside):
    server = confined()
    assert inside.tries(MAIN, "connect", server.port) == errno.EACCES


@pytest.mark.parametrize("what", ["fast open", "multipath"])
def test_housekeeping_cannot_connect_around_landlock(confined, inside, what):
    server = confined()
    assert inside.tries(MAIN, what, server.port) == errno.ENOSYS


def test_a_worker_cannot_make_a_listener_connect(confined, inside):
    """Shut down it is a fresh socket, and a MSG_FASTOPEN connects without connect()."""
    server = confined()
    target = socket.create_server(("127.0.0.1", 0))
    assert inside.tries(WORKER, "fast open", target.getsockname()[1]) == errno.EPERM
    target.setblocking(False)
    with pytest.raises(BlockingIOError):
        target.accept()
    assert server.udp().announce(b"a" * 20), "it serves on"


@pytest.mark.skipif(LANDLOCK < 6, reason="Landlock of this kernel knows no signals")
def test_housekeeping_cannot_signal_others(confined, inside):
    confined()
    assert inside.tries(MAIN, "signal") == errno.EPERM


def test_housekeeping_reaches_what_the_options_name(confined, inside, tmp_path):
    confined()
    assert inside.tries(MAIN, "read", tmp_path / "muster" / "muster.conf") == 0
    assert inside.tries(MAIN, "write", tmp_path / "muster" / "another") == 0
    beside = tmp_path / "beside"
    beside.write_text("secret")
    if LANDLOCK >= 1:
        assert inside.tries(MAIN, "read", beside) == errno.EACCES


def test_without_the_sandbox_all_of_it_works(confined, inside):
    """The tests above see the sandbox, and nothing else, refuse."""
    confined("--sandbox", "off")
    for thread in (MAIN, WORKER):
        for what, argument in (("read", OUTSIDE), ("fork", ""), ("socket", ""), ("code", "")):
            assert inside.tries(thread, what, argument) == 0, (thread, what)


def strict(confined):
    """One that has answered: its worker, too, is in the sandbox, and not about to be."""
    server = confined("--sandbox", "strict", "--workers", "1")
    with server.udp() as client:
        client.announce(new_hash())
    server.expected_code = -signal.SIGSYS
    return server


@needs_landlock
@pytest.mark.parametrize("what, argument", [("read", OUTSIDE), ("exec", SHELL), ("socket", "")])
def test_a_strict_worker_dies_of_it(confined, inside, what, argument):
    server = strict(confined)
    inside.ask(WORKER, what, argument)
    assert server.process.wait(30) == -signal.SIGSYS


@needs_landlock
@pytest.mark.parametrize("what", ["exec", "fork", "connect", "code"])
def test_strict_housekeeping_dies_of_it(confined, inside, what):
    server = strict(confined)
    inside.ask(MAIN, what, SHELL)
    assert server.process.wait(30) == -signal.SIGSYS


# --- the watchdog ---

def test_a_stuck_worker_is_seen(confined, inside, manager):
    inside.env.update(manager.env, WATCHDOG_USEC="2000000")
    server = confined("--watchdog", "1s", "--sandbox", "off")
    manager.wait(WATCHDOG="1")
    inside.ask(WORKER, "hang")
    server.wait_output(r"error worker [01] has been stuck for [12] s")
    manager.listen()
    fed = manager.count("WATCHDOG")
    time.sleep(2.5)
    assert manager.count("WATCHDOG") == fed, "nobody is told that all is well"
    assert metrics_of(server)["worker_stalls_total"] == 1
    inside.release()
    server.wait_output(r"worker [01] is back after \d s")
    manager.wait(WATCHDOG="1")


def test_a_pause_of_the_whole_process_is_nobodys_fault(confined, manager, inside):
    server = confined("--watchdog", "1s")
    server.signal(signal.SIGSTOP)
    time.sleep(4.5)
    server.signal(signal.SIGCONT)
    time.sleep(1.5)
    assert "stuck" not in server.output()
