"""UDP datagrams with any source address and port. Needs CAP_NET_RAW."""

import socket
import struct

import pytest


def open_raw():
    """A raw IPv4 socket that writes whole packets; skips the test when that is not allowed."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("raw sockets need CAP_NET_RAW")
    raw.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    return raw


def send_from(raw, source, source_port, host, port, payload):
    """The kernel fills in length, id and header checksum; a UDP checksum of 0 means none."""
    udp = struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                     socket.inet_aton(source), socket.inet_aton(host))
    raw.sendto(ip + udp, (host, 0))


def receive_udp(raw):
    """One sniffed datagram as (source port, destination port, payload)."""
    packet = raw.recv(65536)
    head = (packet[0] & 15) * 4
    source, destination = struct.unpack_from(">HH", packet, head)
    return source, destination, packet[head + 8:]
