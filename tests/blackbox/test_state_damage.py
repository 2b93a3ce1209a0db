"""Files of the state folder that are damaged, cut, foreign or made to keep a start busy."""

import random
import struct
import zlib
from pathlib import Path

import pytest

from harness import Owner, eventually, everything, stats_of
from harness.snapshot import HEAD, HEADER, TORRENTS, read_snapshot
from harness.state import populate, saved


# ---- keys ----

def test_damaged_keys_are_made_anew(start, folder):
    start().stop()
    (folder / "keys").write_bytes(b"nonsense")
    server = start()
    server.wait_output("keys cannot be read")
    server.stop()
    assert len((folder / "keys").read_bytes()) == 80


# ---- snapshots ----

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
    before = populate(server)
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
