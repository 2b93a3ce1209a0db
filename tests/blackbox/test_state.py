"""A restart that nobody notices: snapshots, keys, what becomes of damaged files."""

import contextlib
import os
import pwd
import random
import signal
import stat
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from harness import (COMPLETED, STARTED, STOPPED, WATCHED, Owner, Server, eventually, everything,
                     let_others_in, muster_bin, new_hash, new_peer_id, run_muster, stats_of)
from harness.server import clean_env
from harness.snapshot import END, HEAD, HEADER, TORRENTS, make_older, read_snapshot


def saved(server, folder):
    """Let it save, and wait until a save that began after now is in place."""
    def once():
        before = inode(folder)
        server.signal(signal.SIGUSR1)
        eventually(lambda: inode(folder) != before, "another snapshot")
    once()
    once()  # the first may have begun before


def inode(folder):
    try:
        status = os.stat(folder / "snapshot")
        return status.st_ino, status.st_mtime_ns
    except FileNotFoundError:
        return None


def crowd(server, torrents=30, peers=12):
    """Many torrents of both families, one of them large. {hash: numbers}"""
    http4, http6 = server.http(), server.http6()
    for n in range(torrents):
        info_hash = new_hash()
        for client, first in ((http4, 1000), (http6, 2000)):
            for port in range(first, first + n % peers):
                client.announce(info_hash, port=port, left=port % 3)
    info_hash = new_hash()
    for port in range(3000, 3090):
        http4.announce(info_hash, port=port, left=port % 2)
        http6.announce(info_hash, port=port, left=port % 2)
    return everything(server)


# ---- nothing is lost ----

def test_a_stop_and_a_start_change_nothing(start, folder):
    server = start()
    before = crowd(server)
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
    state = eventually(lambda: (s := owner.get("/api/state")[1])["begun"] > 0 and not s["busy"]
                       and s, "a save")
    assert state["on"] and state["saves"] == 1 and state["error"] == ""
    assert state["folder"] == str(folder)
    assert state["bytes"] == os.stat(folder / "snapshot").st_size


def test_the_api_without_a_folder(start_server):
    owner = Owner(start_server(admin=True).unix())
    assert owner.get("/api/state")[1]["on"] is False
    assert owner.post("/api/control/snapshot")[0] == 409


# ---- what goes wrong ----

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


def test_two_cannot_share_a_folder(start, folder):
    start()
    second = subprocess.run([muster_bin(), "--state-dir", str(folder), "--user", "", "--port",
                             "21001", "--listen", "127.0.0.1", "--admin-listen", "off",
                             "--admin-socket", "off"], env=clean_env(), capture_output=True,
                            timeout=20, check=False)
    assert second.returncode == 1
    assert b"another muster uses it" in second.stdout


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    ended = subprocess.run([muster_bin(), "--state-dir", str(tmp_path / "file"), "--user", "",
                            "--port", "21001", "--listen", "127.0.0.1", "--admin-listen", "off",
                            "--admin-socket", "off"], env=clean_env(), capture_output=True,
                           timeout=20, check=False)
    assert ended.returncode == 1
    assert b"state_dir" in ended.stdout


def of_nobody(folder):
    os.chown(folder, 65534, 65534)


def open_to_all(folder):
    folder.chmod(0o777)


@pytest.mark.parametrize("expose", [
    open_to_all, pytest.param(of_nobody, marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"))])
def test_a_folder_of_strangers_is_not_used(folder, expose):
    """Who may put files there would choose peers, and the key of connection ids."""
    folder.mkdir()
    expose(folder)
    ended = run_muster("--state-dir", folder, "--user", "", "--port", "21001", "--listen", "127.0.0.1",
                       "--admin-listen", "off", "--admin-socket", "off")
    assert ended.returncode == 1 and "must belong to who serves or to root" in ended.stdout
    assert not os.listdir(folder)


SWAPPER = """
import os, sys
home, victim, user = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.setgid(user)
os.setuid(user)
os.mkdir(f"{home}/ready")
while True:
    try:
        os.rename(f"{home}/state", f"{home}/was")
        os.symlink(victim, f"{home}/state")
    except OSError:
        pass
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_gives_away_no_folder_but_the_one_it_made(tmp_path):
    """The user served before and owns the folder around: he waits to put a link in place of the new one."""
    nobody = pwd.getpwnam("nobody").pw_uid
    let_others_in(tmp_path)
    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir()
    victim.mkdir()
    os.chown(home, nobody, -1)
    swapper = subprocess.Popen([sys.executable, "-c", SWAPPER, str(home), str(victim), str(nobody)])
    try:
        eventually((home / "ready").exists, "he waits")
        for _ in range(100):
            ended = run_muster("--state-dir", home / "state", "--user", "nobody", "--port", "21001",
                               "--listen", "127.0.0.1", "--admin-listen", "off", "--admin-socket",
                               tmp_path / "missing" / "socket")
            assert victim.stat().st_uid == 0, ended.stdout
            for left in home.iterdir():
                with contextlib.suppress(OSError):  # he was faster
                    (Path.unlink if left.is_symlink() else Path.rmdir)(left)
    finally:
        swapper.kill()
        swapper.wait()


def test_pipes_in_the_folder_hold_nothing_up(start, folder):
    folder.mkdir(0o700)
    for name in ("snapshot", "snapshot.old", "snapshot.tmp", "keys", "keys.tmp", "import"):
        os.mkfifo(folder / name)
    server = start()
    info_hash = new_hash()
    server.udp().announce(info_hash)
    server.stop()
    assert info_hash in read_snapshot(folder / "snapshot").torrents


def test_damaged_keys_are_made_anew(start, folder):
    start().stop()
    (folder / "keys").write_bytes(b"nonsense")
    server = start()
    server.wait_output("keys cannot be read")
    server.stop()
    assert len((folder / "keys").read_bytes()) == 80


def many(server, count=9000):
    """Enough for a snapshot of several blocks."""
    client = server.http()
    client.pipeline([client.request(b"/announce?info_hash=" + b"%%%02x%%%02x" % (n >> 8, n & 255)
                                    + b"m" * 18 + b"&peer_id=" + b"p" * 20
                                    + b"&port=%d&left=1&numwant=0" % (1 + n)) for n in range(count)])


@pytest.fixture
def blocks(start, folder):
    """A stopped server's folder with a snapshot of at least three blocks and no older one."""
    server = start()
    many(server)
    server.stop()
    assert len(read_snapshot(folder / "snapshot").blocks) >= 3
    (folder / "snapshot.old").unlink(missing_ok=True)
    return folder / "snapshot"


def test_a_flipped_bit_costs_a_block(start, blocks):
    whole = read_snapshot(blocks)
    data = bytearray(blocks.read_bytes())
    data[whole.blocks[0].at + 500] ^= 4
    blocks.write_bytes(data)
    lost = sum(b.type == TORRENTS and b.number == 0 for b in whole.blocks)
    server = start()
    server.wait_output("a block is damaged at byte 64")
    torrents = stats_of(server)["swarms"]
    assert lost == 1 and 0 < torrents < len(whole.torrents)
    assert (blocks.parent / "snapshot.damaged").exists()


def test_a_damaged_head_is_passed_over(start, blocks):
    whole = read_snapshot(blocks)
    data = bytearray(blocks.read_bytes())
    data[whole.blocks[1].at + 13] ^= 0xff  # its length
    blocks.write_bytes(data)
    server = start()
    server.wait_output(f"no block begins at byte {whole.blocks[1].at}")
    assert 0 < stats_of(server)["swarms"] < len(whole.torrents)


@pytest.mark.parametrize("part", [0.0, 0.9, 0.9999])
def test_a_truncated_file_counts_as_far_as_it_goes(start, blocks, part):
    whole = read_snapshot(blocks)
    data = blocks.read_bytes()
    blocks.write_bytes(data[:int(len(data) * part)])
    server = start()
    torrents = stats_of(server)["swarms"]
    assert torrents < len(whole.torrents) or part > 0.99
    assert "there is no snapshot.old: what is missing is lost" in server.output()
    assert (torrents > 0) == (part > 0)


def test_a_missing_block_is_noticed(start, blocks):
    whole = read_snapshot(blocks)
    data = blocks.read_bytes()
    blocks.write_bytes(data[:whole.blocks[1].at] + data[whole.blocks[2].at:])
    start().wait_output("snapshot is not whole: .*a block is missing")


FOREIGN = {"empty": b"", "short": b"x", "zeros": b"\0" * 4096, "bencode": b"d8:intervali1800ee" * 99,
           "version": b"musterS\n\0\7" + bytes(54)}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_left_alone_and_the_older_one_used(start, folder, content):
    server = start()
    before = crowd(server)
    saved(server, folder)
    server.stop()
    (folder / "snapshot").write_bytes(content)
    older = (folder / "snapshot.old").read_bytes()
    again = start()
    assert everything(again) == before
    assert Owner(again.unix()).get("/api/state")[1]["saved_unix_s"] > 0
    assert (folder / "snapshot.damaged").read_bytes() == content
    eventually((folder / "snapshot").exists, "what was found is saved at once")
    assert (folder / "snapshot.old").read_bytes() == older, "not at the cost of the only good one"
    assert read_snapshot(folder / "snapshot").torrents.keys() == before.keys()


def test_what_a_damaged_file_lacks_comes_from_the_older_one(start, blocks, folder):
    whole = read_snapshot(blocks)
    server = start()
    server.stop()  # the same once more
    assert read_snapshot(folder / "snapshot.old").torrents.keys() == whole.torrents.keys()
    rng = random.Random(5)
    data = bytearray(blocks.read_bytes())
    for _ in range(3):
        data[rng.randrange(64, len(data))] ^= 1 << rng.randrange(8)
    blocks.write_bytes(data)
    assert stats_of(start())["swarms"] == len(whole.torrents)


def test_any_damage_is_survived(start, blocks):
    """Random damage of several kinds, without an older file: it starts and serves what is left."""
    whole = read_snapshot(blocks)
    data = blocks.read_bytes()
    rng = random.Random(7)
    for _ in range(12):
        broken = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(broken))
            length = rng.choice((1, 8, 4096))
            kind = rng.randrange(4)
            if kind == 0:
                broken[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                broken[at:at + length] = rng.randbytes(length)
            elif kind == 2:
                del broken[at:at + length]
            else:
                broken[at:at] = rng.randbytes(length)
        blocks.write_bytes(broken)
        server = start()
        assert stats_of(server)["swarms"] <= len(whole.torrents)
        assert stats_of(server)["peers"] == stats_of(server)["leechers"]
        server.stop()
        (blocks.parent / "snapshot.old").unlink(missing_ok=True)


def test_heads_that_claim_more_than_there_is_are_not_followed(start, folder):
    """Each would have the rest of the file read again."""
    folder.mkdir(0o700)
    start().stop()
    snapshot = folder / "snapshot"
    head = HEAD.pack(b"mBlk", TORRENTS, 0, (4 << 20) - HEAD.size, 0, 0)[:-4]
    head += struct.pack(">I", zlib.crc32(head))
    heads = 20000
    snapshot.write_bytes(snapshot.read_bytes()[:HEADER.size] + head * heads)
    server = start()
    server.wait_output(f"is not whole: {heads} damaged places")
    io = dict(line.split(": ") for line in
              Path(f"/proc/{server.process.pid}/io").read_text().splitlines())
    assert int(io["rchar"]) < heads * 100_000


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
    before = crowd(server)
    pid = stats_of(server)["pid"]
    ended = run_muster("restart", "--admin-socket", server.admin_path, timeout_s=60)
    assert ended.returncode == 0, ended.stderr
    server.close_clients()
    assert stats_of(server)["pid"] == pid
    assert everything(server) == before
    assert read_snapshot(folder / "snapshot").blocks[-1].type == END
