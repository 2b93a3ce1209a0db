"""Snapshots that cannot be saved or read: the last good one stays, and nothing else happens."""

import os
import signal
import subprocess

import pytest

from harness import eventually, metrics_of, muster_bin, new_hash
from kit import World

EXIT_CODES = {0, 1, 5}
PLACES_MAX = 200


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def start(start_server, folder):
    def start(**how):
        return start_server("--workers", "1", "--state-dir", folder, "--save-interval", "0",
                            admin=True, **how)
    return start


def counted(server, name):
    return metrics_of(server)[f"state_{name}_total"]


def save(server, outcome="saves"):
    """Ask for a snapshot, and wait until it is there, or has failed."""
    before = counted(server, outcome)
    server.signal(signal.SIGUSR1)
    eventually(lambda: counted(server, outcome) > before, f"{outcome} of a snapshot")


def content(folder):
    """Every file that a start would read."""
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


def is_all_there_after_a_crash(world, start):
    """SIGKILL, a new start, and everything that was saved is served."""
    world.server.kill()
    world.server = start()
    world.check()


@pytest.mark.parametrize("call,error", [
    ("write", "ENOSPC"), ("write", "EDQUOT"), ("write", "EIO"), ("fsync", "EIO"),
    ("fsync", "ENOSPC"), ("rename", "EROFS"), ("rename", "ENOSPC"), ("open", "EROFS"),
    ("open", "EMFILE"), ("thread", "EAGAIN"), ("malloc", "ENOMEM")])
def test_a_snapshot_that_cannot_be_saved(start, folder, faults, call, error):
    """It is told and counted, no byte of the last good one changes, nothing is left beside it; the
    next one is saved."""
    world = World(start())
    save(world.server)
    before = content(folder)
    with faults.armed(call, error, thread="muster" if call == "thread" else "state"):
        save_fails(world.server)
    world.check()
    after = content(folder)
    assert {name: after[name] for name in before} == before
    assert set(after) <= {*before, "snapshot.old"}
    save(world.server)
    assert content(folder)["snapshot"] != before["snapshot"]
    is_all_there_after_a_crash(world, start)


def save_fails(server):
    server.signal(signal.SIGUSR1)
    server.wait_output("the last good snapshot stays")


@pytest.mark.parametrize("skip", range(4))
def test_a_rename_that_fails_in_the_middle(start, faults, skip):
    """Whatever was moved already, a crash now loses nothing."""
    world = World(start())
    save(world.server)
    save(world.server)
    faults.arm("rename", "EIO", skip=skip, times=1)
    world.server.signal(signal.SIGUSR1)
    eventually(lambda: counted(world.server, "failures") or counted(world.server, "saves") >= 3,
               "an end of the save")
    faults.disarm()
    is_all_there_after_a_crash(world, start)


def test_a_rename_that_fails_when_only_the_old_one_is_good(start, folder, faults):
    """The last snapshot was damaged and set aside: the one before must outlive the next save's failure."""
    world = World(start())
    save(world.server)
    save(world.server)
    world.server.kill()
    (folder / "snapshot").write_bytes(b"")
    faults.arm("rename", "EIO", skip=1, times=1)  # the first sets it aside
    world.server = start()
    world.server.wait_output("the last good snapshot stays")
    faults.disarm()
    is_all_there_after_a_crash(world, start)


def test_what_was_read_of_a_damaged_one_is_saved_at_once(start, folder):
    """Else a crash before the next save would lose what no other file has."""
    world = World(start())
    save(world.server)
    world.server.kill()
    whole = (folder / "snapshot").read_bytes()
    (folder / "snapshot").write_bytes(whole[:-1])
    world.server = start()
    world.server.wait_output("state: saved")
    is_all_there_after_a_crash(world, start)


def test_a_slow_disk(start, faults):
    """Announces and pages do not wait for a snapshot that takes its time."""
    world = World(start())
    server = world.server
    with faults.armed("fsync", delay_ms=1500):
        server.signal(signal.SIGUSR1)
        eventually(lambda: faults.hits("fsync"), "the disk is waited for")
        world.check()
        assert counted(server, "saves") == 0
    eventually(lambda: counted(server, "saves"), "the snapshot")


def import_of(info_hash, dump, server):
    dump.write_bytes(b"%b:5:3:41\n" % info_hash.hex().upper().encode())
    return subprocess.Popen([muster_bin(), "import", "tpbs", dump, "--admin-socket", server.admin_path],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_an_import_while_the_one_before_is_being_saved(start, folder, faults, tmp_path):
    """The file of the second is not removed in the name of the first."""
    world = World(start())
    hashes = [new_hash(), new_hash()]
    commands = []
    with faults.armed("fsync", delay_ms=2000, thread="state"):
        for n, info_hash in enumerate(hashes):
            waits = faults.calls("fsync")
            commands.append(import_of(info_hash, tmp_path / f"dump{n}", world.server))
            if n == 0:
                eventually(lambda: faults.calls("fsync") > waits, "the save of the first")
            else:
                world.server.wait_output("(?s)an import asked for by.*an import asked for by")
    for command in commands:
        output, _ = command.communicate(timeout=60)
        assert command.returncode == 0, output
    assert not (folder / "import").exists()
    for info_hash in hashes:
        assert world.server.http().numbers(info_hash) == (0, 41, 0)


def test_a_save_does_not_hide_that_an_import_failed(start, folder, faults, tmp_path):
    """Wanted by somebody else meanwhile, it is done by the time the command looks."""
    server = start()
    with faults.armed("open", delay_ms=1000, thread="state", times=1), \
         faults.armed("malloc", "ENOMEM", thread="state", times=1):
        command = import_of(new_hash(), tmp_path / "dump", server)
        server.wait_output("an import asked for by")
        server.signal(signal.SIGUSR1)
        output, _ = command.communicate(timeout=60)
    assert command.returncode == 1 and "the import failed" in output, output
    eventually(lambda: counted(server, "saves") == 1, "the save")


def test_a_full_disk_at_the_end(start, folder, faults):
    """The stop is not held up, and the last good snapshot is what the next start reads."""
    world = World(start())
    save(world.server)
    with faults.armed("write", "ENOSPC"):
        world.server.signal(signal.SIGTERM)
        world.server.expected_code = world.server.process.wait(30)
    assert world.server.expected_code in EXIT_CODES
    assert "the last good snapshot stays" in world.server.output()
    world.server.stop()
    world.server = start()
    world.check()


@pytest.mark.parametrize("hours", [5, -5])
def test_the_wall_clock_jumps_while_it_is_down(start, faults, hours):
    """Ages are counted by the machine's uptime where it is the same boot."""
    world = World(start())
    save(world.server)
    faults.jump(realtime_s=hours * 3600)
    is_all_there_after_a_crash(world, start)
    faults.jump()


@pytest.mark.parametrize("call,error", [("malloc", "ENOMEM"), ("open", "EMFILE"), ("thread", "EAGAIN")])
def test_a_start_that_cannot_read_its_snapshot(start, folder, faults, call, error):
    """Once for each place that asks: such a start ends with a reason or has all that was saved, and
    never writes less over it."""
    world = World(start())
    world.server.stop()
    for _ in range(PLACES_MAX):
        hits = faults.hits(call)
        faults.arm(call, error, times=1, per_site=True)
        server = start(wait=False)
        eventually(lambda: not server.is_running() or " ready: " in server.output(), "start or end",
                   pause_s=0.005)
        faults.disarm()
        if server.is_running():
            world.server = server
            try:
                world.check()
            except AssertionError:
                raise AssertionError(faults.last_site + server.output()[-3000:])
        else:
            server.expected_code = server.process.wait()
            assert server.expected_code in {1, 2, 3, 5}, server.output()
        server.stop()
        if faults.hits(call) == hits:
            break
    world.server = start()
    world.check()
