"""A writer of MMDB files (MaxMind DB format 2.0), as small as tests of a few networks need."""

import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"
RECORD_BITS = 24
EMPTY = None


class _U16(int):
    TYPE = 5


class _U32(int):
    TYPE = 6


class _U64(int):
    TYPE = 9


def _control(kind, size):
    assert size < 285
    first, rest = (size, b"") if size < 29 else (29, bytes((size - 29,)))
    if kind > 7:
        return bytes((first, kind - 7)) + rest
    return bytes((kind << 5 | first,)) + rest


def _encode(value):
    if isinstance(value, str):
        raw = value.encode()
        return _control(2, len(raw)) + raw
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        raw = int(value).to_bytes(8, "big").lstrip(b"\0")
        return _control(value.TYPE, len(raw)) + raw
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encode, value))
    return _control(7, len(value)) + b"".join(_encode(k) + _encode(v) for k, v in value.items())


def _bits(network):
    """The network's prefix as bits of the IPv6 tree, where IPv4 hangs at ::/96."""
    address = int(network.network_address)
    if network.version == 4:
        return [0] * 96 + [address >> (31 - i) & 1 for i in range(network.prefixlen)]
    return [address >> (127 - i) & 1 for i in range(network.prefixlen)]


def mmdb_bytes(networks, database_type="Test-City", build_epoch=1_700_000_000):
    """networks: {"192.0.2.0/24": record, ...}; records are dictionaries of texts, floats and such."""
    nodes, data = [[EMPTY, EMPTY]], b""
    for text, record in networks.items():
        at, bits = 0, _bits(ipaddress.ip_network(text))
        for bit in bits[:-1]:
            if nodes[at][bit] is EMPTY:
                nodes.append([EMPTY, EMPTY])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][bits[-1]] = ("data", len(data))
        data += _encode(record)

    def record_of(entry):
        if entry is EMPTY:
            return len(nodes)
        return len(nodes) + 16 + entry[1] if isinstance(entry, tuple) else entry

    tree = b"".join(record_of(e).to_bytes(RECORD_BITS // 8, "big") for n in nodes for e in n)
    metadata = {"node_count": _U32(len(nodes)), "record_size": _U16(RECORD_BITS), "ip_version": _U16(6),
                "database_type": database_type, "languages": ["en"],
                "binary_format_major_version": _U16(2), "binary_format_minor_version": _U16(0),
                "build_epoch": _U64(build_epoch), "description": {"en": "for tests"}}
    return tree + b"\0" * 16 + data + MARKER + _encode(metadata)


def city(country, latitude, longitude):
    """A record as MaxMind's and DB-IP's city databases have it."""
    return {"country": {"iso_code": country},
            "location": {"latitude": float(latitude), "longitude": float(longitude)}}
