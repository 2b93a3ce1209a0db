"""A restart that nobody notices: what comes back, how old it is, when it is saved, what a kill costs."""

import os
import random
import signal
import stat
import struct

import pytest

from harness import (COMPLETED, STARTED, STOPPED, WATCHED, Owner, Server, eventually, everything,
                     new_hash, new_peer_id, run_muster, stats_of)
from harness.snapshot import END, make_older, read_snapshot
from harness.state import populate, saved


# ---- nothing is lost ----

def test_a_stop_and_a_start_change_nothing(start, folder):
    server = start()
    before = populate(server)
    peers = stats_of(server)["peers"]
    server.stop()
    assert stat.S_IMODE(os.stat(folder / "snapshot").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder / "keys").st_mode) == 0o600
    snapshot = read_snapshot(folder / "snapshot")
    assert sum(len(p) for _, p in snapshot.torrents.values()) == peers
    again = start()
    assert everything(again) == before
    assert stats_of(again)["peers"] == peers


def test_clients_notice_nothing(start):
    info_hash, peer_id, other = new_hash(), new_peer_id(), new_peer_id()
    server = start()
    client = server.udp(source="127.0.0.9")
    connection_id = client.connect()
    client.announce(info_hash, peer_id, port=7001, left=1, event=STARTED)
    client.announce(info_hash, peer_id, port=7001, left=0, event=COMPLETED)
    server.udp(source="127.0.0.8").announce(info_hash, other, port=7002, left=1)
    server.stop()

    again = start()
    client = again.udp(source="127.0.0.9")
    answer = client.announce(info_hash, peer_id, connection_id=connection_id, port=7001, left=0,
                             event=COMPLETED)
    assert answer.counts == (1, 1)
    assert client.numbers(info_hash) == (1, 1, 1)  # completed once, as before
    client.announce(info_hash, peer_id, port=7001, left=0, event=STOPPED)
    assert client.numbers(info_hash) == (0, 1, 1)
    moved = again.udp(source="127.0.0.8").announce(info_hash, other, port=7003, left=1)
    assert moved.counts == (0, 1)  # the same client on another port


def test_without_a_folder_nothing_is_kept(start_server, tmp_path):
    server = start_server(*WATCHED)
    server.http().announce(new_hash(), port=1, left=1)
    server.signal(signal.SIGUSR1)
    server.stop()
    assert not os.listdir(tmp_path)
    assert everything(start_server(*WATCHED)) == {}


def test_peer_ids_come_back_where_they_are_kept(start):
    info_hash, peer_id = new_hash(), new_peer_id()
    server = start("--store-peer-ids")
    server.http().announce(info_hash, peer_id, port=7001, left=0)
    server.stop()
    again = start("--store-peer-ids")
    answer = again.http().announce(info_hash, port=7002, left=1, compact=0)
    assert answer.data[b"peers"][0][b"peer id"] == peer_id


# ---- ages ----

def test_time_passes_while_it_is_down(start, folder):
    info_hash = new_hash()
    server = start()
    server.http().announce(info_hash, port=7001, left=1, event="started")
    server.http().announce(info_hash, port=7001, left=0, event="completed")
    server.stop()
    make_older(folder / "snapshot", 3590)  # a peer lives 3600 s here
    server = start()
    assert everything(server)[info_hash][b"complete"] == 1
    server.stop()
    make_older(folder / "snapshot", 20)
    server = start()
    assert stats_of(server)["peers"] == 0
    assert server.http().scrape(info_hash).data[b"files"][info_hash][b"downloaded"] == 1


def test_a_clock_that_went_back_makes_nobody_older(start, folder):
    server = start()
    server.http().announce(new_hash(), port=7001, left=1)
    server.stop()
    make_older(folder / "snapshot", -7200)
    assert stats_of(start())["peers"] == 1


# ---- when it is saved ----

def test_it_saves_by_itself(start, folder):
    server = start("--save-interval", "1s")
    info_hash = new_hash()
    server.http().announce(info_hash, port=1, left=1)
    eventually(lambda: (folder / "snapshot").exists() and
               info_hash in read_snapshot(folder / "snapshot").torrents, "a save")


def test_the_one_before_is_kept(start, folder):
    server = start()
    server.http().announce(new_hash(), port=1, left=1)
    saved(server, folder)
    server.http().announce(new_hash(), port=1, left=1)
    server.stop()
    assert len(read_snapshot(folder / "snapshot").torrents) == 2
    assert len(read_snapshot(folder / "snapshot.old").torrents) == 1


def test_save_as_a_command(start, folder):
    server = start()
    info_hash = new_hash()
    server.http().announce(info_hash, port=1, left=1)
    ended = run_muster("save", "--admin-socket", server.admin_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("1 torrents and 1 peers saved: ")
    assert info_hash in read_snapshot(folder / "snapshot").torrents


def test_the_api_tells(start, folder):
    server = start()
    owner = Owner(server.unix())
    assert owner.get("/api/state")[1]["saves"] == 0
    status, answer = owner.post("/api/control/snapshot")
    assert status == 200 and answer == {"after": 0}
    state = eventually(lambda: (s := owner.get("/api/state")[1])["save"]["job"] > 0 and s, "a save")
    assert state["on"] and state["saves"] == 1 and state["save"] == {"job": 1, "error": ""}
    assert state["folder"] == str(folder)
    assert state["bytes"] == os.stat(folder / "snapshot").st_size


def test_the_api_without_a_folder(start_server):
    owner = Owner(start_server(admin=True).unix())
    assert owner.get("/api/state")[1]["on"] is False
    assert owner.post("/api/control/snapshot")[0] == 409


def test_a_save_that_fails_leaves_the_last_one(start, folder):
    server = start()
    server.http().announce(new_hash(), port=1, left=1)
    saved(server, folder)
    (folder / "snapshot.tmp").mkdir()  # no file can be written there
    server.http().announce(new_hash(), port=1, left=1)
    ended = run_muster("save", "--admin-socket", server.admin_path)
    assert ended.returncode == 1
    assert f"{folder}: a save failed: Is a directory" in ended.stderr
    assert len(read_snapshot(folder / "snapshot").torrents) == 1
    ended = run_muster("stop", "--admin-socket", server.admin_path)
    assert ended.returncode == 0 and "warning: " in ended.stderr
    assert f"{folder}: a save failed: Is a directory" in ended.stderr
    server = start()  # with the last good one
    server.http().announce(new_hash(), port=1, left=1)
    (folder / "snapshot.tmp").rmdir()
    assert run_muster("save", "--admin-socket", server.admin_path).returncode == 0
    assert len(read_snapshot(folder / "snapshot").torrents) == 2


# ---- kill -9 ----

@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_two_hundred_times(folder):
    """Under announces and saves without a pause. What was saved before the kill is there; nothing is
    there that nobody announced; numbers agree with the peers."""
    rng = random.Random(11)
    announced, must = 0, set()
    for _ in range(int(os.environ.get("MUSTER_KILLS", "200"))):
        server = Server("--state-dir", folder, *WATCHED, "--workers", "1", "--no-udp", admin=True)
        try:
            must, announced = _one_life(server, folder, rng, must, announced)
        finally:
            server.kill()


def _one_life(server, folder, rng, must, announced):
    """Check what came back, announce, let it save, announce on; then the caller kills it."""
    files = everything(server)
    numbers = {struct.unpack(">I", h[:4])[0] for h in files}
    assert must <= numbers, "saved before the kill, and lost"
    assert numbers <= set(range(announced)), "nobody announced that"
    for info_hash, n in files.items():
        seeds = struct.unpack(">I", info_hash[:4])[0] % 2
        assert (n[b"complete"], n[b"incomplete"]) == (seeds, 1 - seeds)
        assert n[b"downloaded"] == 0
    stats = stats_of(server)
    assert stats["peers"] == len(files) == stats["swarms"]
    client = server.http()
    first, announced = announced, _announce(client, announced, rng.randrange(1, 6))
    saved(server, folder)
    must = numbers | set(range(first, announced))
    for _ in range(rng.randrange(8)):
        server.signal(signal.SIGUSR1)
        announced = _announce(client, announced, 1)
    server.process.kill()
    return must, announced


def _announce(client, first, count):
    for n in range(first, first + count):
        client.announce(struct.pack(">I", n) + b"k" * 16, b"p" * 20, port=1 + n % 60000,
                        left=1 - n % 2)
    return first + count


# ---- a restart in place ----

def test_a_restart_in_place_keeps_everything(start, folder):
    server = start()
    before = populate(server)
    pid = stats_of(server)["pid"]
    ended = run_muster("restart", "--admin-socket", server.admin_path, timeout_s=60)
    assert ended.returncode == 0, ended.stderr
    server.close_clients()
    assert stats_of(server)["pid"] == pid
    assert everything(server) == before
    assert read_snapshot(folder / "snapshot").blocks[-1].type == END
