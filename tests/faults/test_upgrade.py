"""An upgrade whose new process fails at the last moment: the old one goes on, with all that is its own."""

import subprocess

from harness import eventually, muster_bin
from kit import World

OK, FAILED = 0, 1


def command(server, word):
    return subprocess.run([muster_bin(), word, "--admin-socket", server.admin_path],
                          capture_output=True, text=True, timeout=120, check=False)


def test_no_thread_for_the_new_process(start_server, faults):
    """Its workers are started when the old one has stopped serving: nothing comes later."""
    server = start_server("--workers", "2", admin=True)
    before = faults.calls("thread")
    assert command(server, "upgrade").returncode == OK
    made = faults.calls("thread") - before
    assert made >= 3, "one that sends, and two workers"
    for skip in range(1, made):  # the first is the old process's
        with faults.armed("thread", "EAGAIN", skip=skip, times=1):
            ended = command(server, "upgrade")
        assert ended.returncode == FAILED
        assert "goes on: cannot start worker" in ended.stderr, ended.stderr
        assert ended.stderr.count("exit code") == 1
        for word in ("status", "reload"):
            again = command(server, word)
            assert again.returncode == OK, again.stderr
        assert server.udp().announce(bytes(20))
    assert command(server, "upgrade").returncode == OK
    assert command(server, "status").returncode == OK


def test_nothing_fails_once_the_new_process_serves(start_server, faults):
    """Whatever is refused to either of the two on the way: afterwards one serves."""
    server = start_server("--workers", "2", admin=True)
    before = faults.calls("epoll_ctl")
    assert command(server, "upgrade").returncode == OK
    made = faults.calls("epoll_ctl") - before
    assert made > 10
    failed = 0
    for skip in range(made):
        with faults.armed("epoll_ctl", "ENOMEM", skip=skip, times=1):
            failed += command(server, "upgrade").returncode == FAILED
        eventually(lambda: command(server, "status").returncode == OK, f"an answer after {skip}")
        assert server.udp().announce(bytes(20))
    assert failed > 3, "of the new process, too"


def test_no_memory_for_the_store(start_server, faults):
    """What the new process has no room for it must not serve without."""
    world = World(start_server("--workers", "1", admin=True))
    before = faults.calls("mprotect")
    assert command(world.server, "upgrade").returncode == OK
    made = faults.calls("mprotect") - before
    for skip in range(made):
        with faults.armed("mprotect", "ENOMEM", skip=skip):
            ended = command(world.server, "upgrade")
        assert ended.returncode == OK or ended.stderr, "a reason"
        world.check()
