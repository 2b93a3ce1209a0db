"""Memory, threads and descriptors that are refused to what a running server does now and then: reading
access lists anew, saving, importing, upgrading. Each place that asks is refused once; each time the job is
done, or given up as docs/faults.md says, and nothing that was stored or in force is lost."""

import os
import threading
from contextlib import contextmanager

import pytest

from harness import eventually, metrics_of, new_hash, run_muster
from harness.server import SANITIZER
from harness.snapshot import read_snapshot
from harness.udp import announce_packet
from kit import World

PLACES_MAX = 200
MALLOC, MMAP, THREAD = ("malloc", "ENOMEM"), ("mmap", "ENOMEM"), ("thread", "EAGAIN")
CALLS = (MALLOC, MMAP, THREAD, ("open", "EMFILE"), ("socket", "EMFILE"))


class Jobs:
    """A server with a state folder and a list, and what must hold of both."""

    def __init__(self, start_server, tmp_path):
        self.folder, self.list, self.dump = (tmp_path / name for name in ("state", "list", "dump"))
        self.refused, self.reason, self.imported = new_hash(), 0, set()
        self.write_list()
        self.server = start_server("--workers", "1", "--state-dir", self.folder, "--save-interval", "0",
                                   "--deny-torrents", self.list, admin=True)
        self.world = World(self.server)
        assert self.command("save")

    def command(self, *args):
        """True when it says that it was done; else it says why not."""
        ended = run_muster(*args, "--admin-socket", self.server.admin_path, timeout_s=60)
        self.said = ended.stdout + ended.stderr
        assert not SANITIZER.search(self.said), self.said
        assert ended.returncode == 0 or ended.stderr, "a reason"
        return ended.returncode == 0

    def write_list(self):
        self.reason += 1
        new = self.list.with_suffix(".new")
        new.write_text(f"{self.refused.hex()} for reason {self.reason}\n" +
                       "".join(f"{os.urandom(20).hex()}\n" for _ in range(300)))
        os.replace(new, self.list)

    def reason_in_force(self):
        with self.server.http() as client:
            return int(client.announce(self.refused).failure.split()[-1])

    @contextmanager
    def watched(self, before):
        """Meanwhile every announce is told a reason, and none older than `before`."""
        fine = {f"for reason {n}" for n in range(before, self.reason + 1)}
        told, is_over = set(), threading.Event()

        def watch(client):
            while not is_over.is_set():
                answer = client.ask(announce_packet(client.connection_id, 1, self.refused, os.urandom(20)))
                told.add(getattr(answer, "text", "it is let in"))

        with self.server.udp() as client:
            assert client.connection_id
            watcher = threading.Thread(target=watch, args=[client])
            watcher.start()
            try:
                yield
            finally:
                is_over.set()
                watcher.join()
        assert told and told <= fine, told

    def counted(self):
        metrics = metrics_of(self.server)
        return metrics["state_saves_total"], metrics["state_failures_total"]

    def check(self):
        self.world.check()
        assert os.path.exists(self.server.admin_path), "operators cannot reach it"
        snapshot = read_snapshot(self.folder / "snapshot").torrents.keys()
        assert snapshot >= {*self.world.hashes, *self.imported}


# Each prepares; then does its job, under the fault, and tells whether it was done; then checks.

def lists(jobs):
    """The new list is in force, or the one before: whole, at any time."""
    before = jobs.reason_in_force()
    jobs.write_list()
    yield
    with jobs.watched(before):
        done = jobs.command("reload")
    yield done
    assert jobs.reason_in_force() in (before, jobs.reason)


def save(jobs):
    """Another snapshot, or the last good one and a failure that is counted."""
    before = jobs.counted()
    yield
    done = jobs.command("save")
    yield done
    saves, failures = (now - then for now, then in zip(jobs.counted(), before))
    assert saves or not done
    assert failures <= 1
    eventually(lambda: jobs.counted()[1] == jobs.server.output().count("the last good snapshot stays"),
               "each failure to be counted and told")


def imports(jobs):
    """Taken in and saved, or not reported as done."""
    torrent = new_hash()
    jobs.dump.write_bytes(b"%b:5:3:41\n" % torrent.hex().upper().encode())
    yield
    done = jobs.command("import", "tpbs", jobs.dump)
    yield done
    if done:
        jobs.imported.add(torrent)
        assert jobs.server.http().numbers(torrent) == (0, 41, 0)


def upgrade(jobs):
    """The new process serves, or the old one goes on; Jobs.check() asks whichever it is. What was set while
    running stays in force, and what was counted is counted."""
    before = metrics_of(jobs.server)
    numwant = 100 + int(before["upgrades_failed_total"] + before["upgrades_total"])
    assert jobs.command("set", "numwant", str(numwant))
    yield
    yield jobs.command("upgrade")
    assert jobs.command("get", "numwant") and jobs.said.split()[2] == str(numwant), jobs.said
    after = metrics_of(jobs.server)
    assert not {name for name, count in before.items() if "_total" in name and after[name] < count}


@pytest.fixture
def jobs(start_server, tmp_path):
    one = Jobs(start_server, tmp_path)
    yield one
    one.check()


def know_the_start(faults, start_server, tmp_path):
    """What a process asks for when it starts is refused by test_memory.py: not again by every upgrade."""
    folder = tmp_path / "first"
    folder.mkdir()
    for call, _ in CALLS:
        faults.arm(call, per_site=True)
    Jobs(start_server, folder).server.stop()
    faults.disarm()


@pytest.mark.parametrize("call,error", CALLS)
@pytest.mark.parametrize("job", [lists, save, imports, upgrade])
def test_refused_once_at_each_place(jobs, faults, start_server, tmp_path, job, call, error):
    if job is upgrade:
        know_the_start(faults, start_server, tmp_path)
    for _ in range(PLACES_MAX):
        hits, steps = faults.hits(call), job(jobs)
        next(steps)
        try:
            with faults.armed(call, error, times=1, per_site=True):
                done = next(steps)
            next(steps, None)
            jobs.check()
        except (AssertionError, OSError) as failure:
            raise AssertionError(f"{faults.last_site}\n{jobs.server.output()[-6000:]}") from failure
        if faults.hits(call) == hits:
            break
    else:
        raise AssertionError(f"always new places: {faults.last_site}")
    assert done, f"nothing was refused: {jobs.said}"
    if job is lists:
        eventually(lambda: jobs.reason_in_force() == jobs.reason, "the last list is in force")
