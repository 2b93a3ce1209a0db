"""Large swarms keep their peers in tables rather than in one run (more than 32 of them): the rules of
test_semantics.py hold there too, and while a swarm grows and shrinks."""

import os

import pytest

from harness import (COMPLETED, PAUSED, STOPPED, UdpClient, eventually, join_many, loopback,
                     new_hash, new_peer_id)

OTHERS = 100


@pytest.fixture
def crowd(server):
    """A torrent of 100 leechers."""
    torrent = new_hash()
    join_many(server, torrent, OTHERS)
    return torrent


@pytest.fixture(params=[4, 6])
def client(request, server):
    return server.udp("127.0.0.77") if request.param == 4 else server.udp6()


def test_a_peer_is_one_peer(client, crowd):
    """Refreshed, restarted, moved, stopped (M2, M10, M11)."""
    first, second = new_peer_id(), new_peer_id()
    for left, counts in ((1, (0, 101)), (1, (0, 101)), (0, (1, 100)), (0, (1, 100)), (1, (0, 101))):
        assert client.announce(crowd, first, port=4000, left=left).counts == counts
    assert client.announce(crowd, first, port=4001).counts == (0, 101)
    assert client.announce(crowd, second, port=4001, left=0).counts == (1, 100)
    assert client.announce(crowd, first, port=4001, event=STOPPED).counts == (1, 100)
    assert client.announce(crowd, second, port=4001, event=STOPPED).counts == (0, 100)
    assert client.announce(crowd, second, port=4001, event=STOPPED).counts == (0, 100)


def test_completions(client, crowd):
    """Counted once, anew for a restarted client (M20..M23)."""
    peer = new_peer_id()
    client.announce(crowd, peer, port=4000)
    for _ in range(3):
        client.announce(crowd, peer, port=4000, left=0, event=COMPLETED)
    assert client.numbers(crowd) == (1, 1, OTHERS)
    peer = new_peer_id()
    client.announce(crowd, peer, port=4000)
    client.announce(crowd, peer, port=4000, left=0)
    client.announce(crowd, peer, port=4000, left=0, event=COMPLETED)
    assert client.numbers(crowd) == (1, 1, OTHERS)
    client.announce(crowd, new_peer_id(), port=4000, left=0, event=COMPLETED)
    assert client.numbers(crowd) == (1, 2, OTHERS)


def test_partial_seeds(server, client, crowd):
    peer = new_peer_id()
    client.announce(crowd, peer, port=4000, event=PAUSED)
    entry = server.http().scrape(crowd).data[b"files"][crowd]
    assert (entry[b"incomplete"], entry[b"downloaders"]) == (OTHERS + 1, OTHERS)
    client.announce(crowd, peer, port=4000)
    entry = server.http().scrape(crowd).data[b"files"][crowd]
    assert (entry[b"incomplete"], entry[b"downloaders"]) == (OTHERS + 1, OTHERS + 1)


@pytest.mark.parametrize("others", [0, OTHERS])
def test_v16_ten_clients_complete_over_both_families(server, others):
    torrent, client4, client6 = new_hash(), server.udp(), server.udp6()
    join_many(server, torrent, others)
    for n in range(10):
        peer = new_peer_id()
        for client in (client4, client6):
            client.announce(torrent, peer, port=4000 + n)
        for client in (client4, client6):
            client.announce(torrent, peer, port=4000 + n, left=0, event=COMPLETED)
        assert client4.numbers(torrent)[1] == n + 1


def test_v15_clients_on_both_families(start_server):
    """The sweep recounts who is on both; chance meetings of short tags allow a few either way."""
    server, torrent = start_server("--sweep-period", "1s"), new_hash()
    ids = [os.urandom(20) for _ in range(200)]
    for n, peer in enumerate(ids):
        for proxied in (f"10.1.0.{n}", f"fd00:0:0:{n:x}::1"):
            with UdpClient(server.host4, server.proxy_port, proxied_for=proxied) as client:
                client.announce(torrent, peer, port=4000, left=n % 2)
    watcher = server.udp()

    def counted_once():
        seeders, _, leechers = watcher.numbers(torrent)
        return abs(seeders - 100) <= 5 and abs(leechers - 100) <= 5

    eventually(counted_once, "a client counts once")


@pytest.mark.parametrize("leaving", [range(80), range(79, -1, -1)], ids=["fifo", "lifo"])
def test_growing_and_shrinking(server, leaving):
    """Exact at every size, through both changes of shape and back to nothing."""
    torrent, size, watcher = new_hash(), len(leaving), server.udp()
    ids = [os.urandom(20) for _ in range(size)]

    def announce(n, **fields):
        with UdpClient(server.host4, server.port, source=loopback(n)) as client:
            return client.announce(torrent, ids[n], port=5000, left=n % 3, **fields)

    for n in range(size):
        assert sum(announce(n).counts) == n + 1
    assert watcher.numbers(torrent) == (27, 0, 53)
    for gone, n in enumerate(leaving, 1):
        assert sum(announce(n, event=STOPPED).counts) == size - gone
    assert watcher.numbers(torrent) == (0, 0, 0)
