"""Snapshots as docs/snapshot-format.md describes them, read and changed without the program."""

import struct
import time
import zlib
from dataclasses import dataclass

HEADER = struct.Struct(">8sHHIQQ16sQII")
HEAD = struct.Struct(">4sIIIII")
TORRENTS, END = 1, 2


@dataclass
class Block:
    at: int  # of its head in the file
    type: int
    number: int
    payload: bytes


@dataclass
class Snapshot:
    """A file that is whole; asserts that it is."""
    has_ids: bool
    age_unit_s: int
    saved_unix_s: int
    blocks: list
    torrents: dict  # info hash -> (completed, [(ip, port, is_seeder, age_s)])


def _number(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def _torrents(payload, ids, unit, out):
    at, info_hash = 0, None
    while at < len(payload):
        flags = payload[at]
        at += 1
        if not flags & 1:
            info_hash = payload[at:at + 20]
            completed, at = _number(payload, at + 20)
            _, at = _number(payload, at)
            for _ in range(2 if flags & 2 else 0):
                _, at = _number(payload, at)
            out.setdefault(info_hash, (completed, []))
        counts = []
        for _ in range(2):
            count, at = _number(payload, at)
            counts.append(count)
        for width, count in zip((4, 16), counts):
            for _ in range(count):
                port, _tag, bits = struct.unpack_from(">HHH", payload, at + width)
                out[info_hash][1].append((payload[at:at + width], port, bool(bits & 0x8000),
                                          (bits & 0x1fff) * unit))
                at += width + 6 + (20 if ids else 0)


def read_snapshot(path):
    data = path.read_bytes()
    magic, version, flags, unit, unix_s, _, _, _, _, crc = HEADER.unpack_from(data)
    assert (magic, version) == (b"musterS\n", 1)
    assert crc == zlib.crc32(data[:HEADER.size - 4])
    snapshot = Snapshot(bool(flags & 1), unit, unix_s, [], {})
    at = HEADER.size
    while at < len(data):
        mark, kind, number, length, payload_crc, head_crc = HEAD.unpack_from(data, at)
        assert mark == b"mBlk" and number == len(snapshot.blocks)
        assert head_crc == zlib.crc32(data[at:at + HEAD.size - 4])
        payload = data[at + HEAD.size:at + HEAD.size + length]
        assert len(payload) == length and payload_crc == zlib.crc32(payload)
        snapshot.blocks.append(Block(at, kind, number, payload))
        if kind == TORRENTS:
            _torrents(payload, snapshot.has_ids, unit, snapshot.torrents)
        at += HEAD.size + length
    assert snapshot.blocks[-1].type == END
    torrents, peers4, peers6, blocks = struct.unpack(">QQQI", snapshot.blocks[-1].payload)
    assert blocks == len(snapshot.blocks) - 1
    listed = [ip for _, peers in snapshot.torrents.values() for ip, *_ in peers]
    assert torrents == len(snapshot.torrents)
    assert (peers4, peers6) == tuple(sum(len(ip) == n for ip in listed) for n in (4, 16))
    return snapshot


def _numbered(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _block(number, kind, payload):
    head = struct.pack(">4sIIII", b"mBlk", kind, number, len(payload), zlib.crc32(payload))
    return head + struct.pack(">I", zlib.crc32(head)) + payload


def write_snapshot(path, torrents, unit=2, tag_check=0):
    """A file as anybody could make one. torrents: {info hash: [(ip, port)]}, at most 64 of each, bytes
    and number, all of them downloaders that were just heard of, without ids"""
    payload, counts = b"", {4: 0, 16: 0}
    for info_hash, peers in torrents.items():
        payload += b"\0" + info_hash + _numbered(0) + _numbered(0)
        for width in counts:
            of_family = [(ip, port) for ip, port in peers if len(ip) == width]
            counts[width] += len(of_family)
            payload += _numbered(len(of_family))
        for ip, port in sorted(peers, key=lambda peer: len(peer[0])):
            payload += ip + struct.pack(">HHH", port, 0, 0)
    header = HEADER.pack(b"musterS\n", 1, 0, unit, int(time.time()), 0, bytes(16), tag_check, 3600,
                         0)[:-4]
    totals = struct.pack(">QQQI", len(torrents), counts[4], counts[16], 1)
    path.write_bytes(header + struct.pack(">I", zlib.crc32(header)) + _block(0, TORRENTS, payload) +
                     _block(1, END, totals))


def make_older(path, seconds):
    """As if it had been saved so much earlier."""
    data = bytearray(path.read_bytes())
    fields = list(HEADER.unpack_from(data))
    fields[4] -= seconds
    fields[5], fields[6] = 0, bytes(16)  # of a start of the machine that nobody knows
    HEADER.pack_into(data, 0, *fields)
    struct.pack_into(">I", data, HEADER.size - 4, zlib.crc32(data[:HEADER.size - 4]))
    path.write_bytes(data)
