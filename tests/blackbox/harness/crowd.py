"""Many peers in one torrent.

The store tells peer ids of one address apart by 16 keyed bits, so crowds have an address each; a
handful of ids on one address come from a pool that was seen to differ (check.new_peer_id)."""

import os

from .udp import STOPPED, UdpAnnounce, UdpClient

POOL_IDS = 28  # a swarm of so few is scanned whole, so that any two equal ids show


def loopback(n):
    """The n-th of 64 000 addresses of 127.0.0.0/8."""
    return f"127.{2 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}"


def join_many(server, info_hash, count, *, family=4, first=0, **fields):
    """Peers `first`.. with an address, a port (10000 + n) and a random id each. IPv6 addresses are
    told by a proxy, in a /64 of their own. Returns them as (address, port)."""
    joined = []
    for n in range(first, first + count):
        address = loopback(n) if family == 4 else f"fd00:0:0:{n:x}::1"
        with _client(server, address) as client:
            answer = client.announce(info_hash, os.urandom(20), port=10000 + n, numwant=0,
                                     **fields)
        assert isinstance(answer, UdpAnnounce), answer
        joined.append((address, 10000 + n))
    return joined


def _client(server, address):
    if ":" not in address:
        return UdpClient(server.host4, server.port, source=address)
    return UdpClient(server.host4, server.proxy_port, proxied_for=address)


def join_ports(client, info_hash, count, *, first_port=10000, **fields):
    """`count` peers on the ports of one address."""
    for port in range(first_port, first_port + count):
        client.announce(info_hash, os.urandom(20), port=port, numwant=0, **fields)


def distinct_peer_ids(server, count=POOL_IDS):
    """Ids that this server tells apart: they all coexist on one address."""
    torrent, ids, port = os.urandom(20), [], 1000
    with UdpClient(server.host4, server.port, source="127.255.0.1") as client:
        while len(ids) < count:
            candidate, port = b"-MU0001-" + os.urandom(12), port + 1
            if sum(client.announce(torrent, candidate, port=port).counts) > len(ids):
                ids.append(candidate)
        for candidate in ids:
            client.announce(torrent, candidate, port=1, event=STOPPED)
    return ids
