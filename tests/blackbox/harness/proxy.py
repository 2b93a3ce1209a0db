"""PROXY protocol headers (protocol.md T71, T72)."""

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
STREAM, DGRAM = 1, 2


def proxy_v2(source, source_port, destination="203.0.113.1", destination_port=6969, *,
             kind=DGRAM, command=0x21, tlvs=b""):
    """A version 2 header; the family is the source's, `destination` must fit it."""
    src = ipaddress.ip_address(source)
    dst = ipaddress.ip_address(destination)
    if dst.version != src.version:
        dst = ipaddress.ip_address("2001:db8::1" if src.version == 6 else "203.0.113.1")
    family = (0x20 if src.version == 6 else 0x10) | kind
    body = src.packed + dst.packed + struct.pack(">HH", source_port, destination_port) + tlvs
    return SIGNATURE + bytes((command, family)) + struct.pack(">H", len(body)) + body


def proxy_v1(source, source_port, destination="203.0.113.1", destination_port=6969):
    name = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {name} {source} {destination} {source_port} {destination_port}\r\n".encode()
