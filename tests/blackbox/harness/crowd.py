"""Many peers in one torrent.

The store tells peer ids of one address apart by 16 keyed bits, so crowds have an address each; a
handful of ids on one address come from a pool that was seen to differ (check.new_peer_id)."""

import itertools
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
    """Ids that this server tells apart. Those found so far are on IPv4; a candidate that equals one
    of them in the bits that are kept would, on IPv6, count as the same client."""
    torrent, ids = os.urandom(20), []
    with UdpClient(server.host4, server.port, source="127.255.0.1") as known, \
            UdpClient(server.host6, server.port) as fresh:
        while len(ids) < count:
            candidate = b"-MU0001-" + os.urandom(12)
            is_new = sum(fresh.announce(torrent, candidate, port=1000).counts) > len(ids)
            fresh.announce(torrent, candidate, port=1000, event=STOPPED)
            if is_new:
                known.announce(torrent, candidate, port=1001 + len(ids))
                ids.append(candidate)
        for n, candidate in enumerate(ids):
            known.announce(torrent, candidate, port=1001 + n, event=STOPPED)
    return ids


def ids_for(server):
    """Such ids without end, the same few going round. Every server keeps other bits of an id."""
    if not hasattr(server, "peer_ids"):
        server.peer_ids = itertools.cycle(distinct_peer_ids(server))
    return server.peer_ids
