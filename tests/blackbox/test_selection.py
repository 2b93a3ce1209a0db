"""Which peers are told: design.md section 3, protocol.md M30..M39, E4, V11, V13, V30."""

import random
from collections import Counter

import pytest

from harness import PAUSED, STOPPED, join_many, new_hash, new_peer_id


def ports(answer):
    peers = answer.all_peers if hasattr(answer, "all_peers") else answer.peers
    return sorted(port for _, port in peers)


@pytest.fixture
def mixed(server):
    """Seeders on 5001, 5002; leechers on 6001, 6002; partial seeds on 7001, 7002. IPv4 and IPv6."""
    torrent = new_hash()
    for client, offset in ((server.udp(), 1), (server.udp6(), 2)):
        client.announce(torrent, port=5000 + offset, left=0)
        client.announce(torrent, port=6000 + offset, left=9)
        client.announce(torrent, port=7000 + offset, left=9, event=PAUSED)
    return torrent


def test_m30_never_the_asker(server):
    torrent, peer = new_hash(), new_peer_id()
    for client in (server.udp(), server.http(), server.udp6(), server.http6()):
        for left in (1, 0, 1):
            answer = client.announce(torrent, peer, port=4000, left=left)
            assert ports(answer) == []


def test_m30_never_the_askers_other_family(server):
    torrent, peer = new_hash(), new_peer_id()
    server.http6().announce(torrent, peer, port=4000, key="00c0ffee")
    answer = server.http().announce(torrent, peer, port=4000, key="00c0ffee")
    assert answer.all_peers == []


def test_m30_never_the_asker_in_a_large_swarm(server):
    client, torrent, peer = server.udp(), new_hash(), new_peer_id()
    client.announce(torrent, peer, port=4000)
    join_many(server, torrent, 190)
    for _ in range(20):
        answer = client.announce(torrent, peer, port=4000, numwant=200)
        assert len(answer.peers) == 190
        assert ("127.0.0.1", 4000) not in answer.peers


def test_m31_a_seeder_gets_downloaders_only(server, mixed):
    assert ports(server.http().announce(mixed, left=0)) == [6001, 6002]
    assert ports(server.udp().announce(mixed, left=0)) == [6001]
    assert ports(server.udp6().announce(mixed, left=0)) == [6002]


def test_m31_completed_makes_a_seeder(server, mixed):
    assert ports(server.http().announce(mixed, left=0, event="completed")) == [6001, 6002]


def test_m32_a_leecher_gets_everybody(server, mixed):
    everybody = [5001, 5002, 6001, 6002, 7001, 7002]
    assert ports(server.http().announce(mixed)) == everybody
    assert ports(server.udp().announce(mixed)) == [5001, 6001, 7001]
    assert ports(server.udp6().announce(mixed)) == [5002, 6002, 7002]


def test_e4_a_partial_seed_gets_downloaders_only(server, mixed):
    assert ports(server.http().announce(mixed, event="paused")) == [6001, 6002]
    assert ports(server.udp().announce(mixed, event=PAUSED)) == [6001]


def test_r50_stopped_gets_nobody(server, mixed):
    for client in (server.udp(), server.udp6()):
        assert client.announce(mixed, event=STOPPED).peers == []
    assert server.http().announce(mixed, event="stopped").all_peers == []


# --- large swarms ---

SWARM = 1000


def fill(server):
    """1000 leechers on ports 10000.., and half as many seeders on ports 20000.. ."""
    torrent = new_hash()
    join_many(server, torrent, SWARM)
    join_many(server, torrent, SWARM // 2, first=10000, left=0)
    return torrent


@pytest.fixture(scope="module")
def large(shared_server):
    return fill(shared_server)


@pytest.mark.parametrize("left,eligible,draws", [(0, range(10000, 10000 + SWARM), 100),
                                                 (1, [*range(10000, 10000 + SWARM),
                                                      *range(20000, 20000 + SWARM // 2)], 150)],
                         ids=["seeder", "leecher"])
def test_m33_choice_is_uniform(server, left, eligible, draws):
    """200 of 1000 a hundred times: a peer is missed by all with p < 1e-9, and the chi-square of how
    often each was told stays below its expectation plus ten standard deviations."""
    torrent = fill(server)
    client, peer, told, lists = server.udp("127.0.0.33"), new_peer_id(), Counter(), []
    for _ in range(draws):
        answer = client.announce(torrent, peer, port=9, left=left, numwant=200)
        lists.append(ports(answer))
        told.update(lists[-1])
        assert len(lists[-1]) == 200
    assert set(told) == set(eligible)
    assert all(a != b for a, b in zip(lists, lists[1:]))
    expected = draws * 200 / len(told)
    chi_square = sum((n - expected) ** 2 / expected for n in told.values())
    assert chi_square < len(told) + 10 * (2 * len(told)) ** 0.5


def test_m33_r27_the_order_is_random_too(server):
    """Ten peers, all told each time: not always in one order."""
    client, torrent = server.udp(), new_hash()
    join_many(server, torrent, 10)
    orders = {tuple(client.announce(torrent, b"x" * 20, port=9).peers) for _ in range(30)}
    assert len(orders) > 1


def test_m32_seeders_are_among_the_told(server, large):
    answer = server.udp().announce(large, port=8, numwant=200)
    seeders = [p for _, p in answer.peers if p >= 20000]
    assert 20 < len(seeders) < 140  # a third of 200 is expected


@pytest.mark.parametrize("want", [0, 1, 2, 13, 50, 199, 200])
def test_m34_as_many_as_wanted(server, large, want):
    assert len(server.udp().announce(large, port=9, numwant=want).peers) == want
    assert len(server.http().announce(large, port=9, numwant=want).all_peers) == want


@pytest.mark.parametrize("want", [None, -1, 201, 1000, 99999])
def test_m34_default_and_cap(server, large, want):
    expected = 50 if want in (None, -1) else 200
    assert len(server.http().announce(large, port=9, numwant=want).all_peers) == expected


def test_m34_no_more_than_there_are(server):
    client, torrent = server.udp(), new_hash()
    for n in range(1, 20):
        assert len(client.announce(torrent, port=4000 + n, numwant=200).peers) == n - 1


@pytest.mark.parametrize("options,want,expected", [
    (("--numwant", 7), None, 7),
    (("--numwant", 7), 20, 20),
    (("--numwant", 0), None, 0),
    (("--max-peers-per-response", 5), 20, 5),
    (("--max-peers-per-response", 5), None, 5),
    (("-m", 6), 20, 6),
    (("--max-peers-per-response", 1000), 1000, 1000),
], ids=lambda v: "_".join(map(str, v)) if isinstance(v, tuple) else str(v))
def test_m34_options_decide(module_server, options, want, expected):
    server, torrent = module_server(*options), new_hash()
    join_many(server, torrent, 1010 if expected == 1000 else 30)
    assert len(server.http().announce(torrent, port=9, numwant=want).all_peers) == expected
    server.close_clients()


def test_m35_no_peer_twice(server):
    torrent = new_hash()
    join_many(server, torrent, 150)
    join_many(server, torrent, 150, family=6)
    for want in (50, 200):
        for _ in range(10):
            peers = server.http().announce(torrent, port=9, numwant=want).all_peers
            assert len(set(peers)) == len(peers) == want


def test_v11_the_askers_family_comes_first(server):
    """The cap counts both together; the other family gets what is left."""
    torrent = new_hash()
    join_many(server, torrent, 60)
    join_many(server, torrent, 80, family=6)
    for client, expected in ((server.http(), (60, 40)), (server.http6(), (20, 80))):
        answer = client.announce(torrent, port=9, numwant=100)
        assert (len(answer.peers), len(answer.peers6)) == expected
        client.announce(torrent, port=9, event="stopped")


def test_v13_an_ipv6_asker_gets_both_keys(server):
    torrent = new_hash()
    server.udp6().announce(torrent, port=4000)
    data = server.http6().announce(torrent, port=4001).data
    assert data[b"peers"] == b"" and len(data[b"peers6"]) == 18


# --- who may know whom (V30, M39) ---

@pytest.fixture
def behind_proxy(module_server):
    """announce(address, torrent, ...) as a client of that address."""
    server = module_server("--real-ip-header", "X-Forwarded-For")
    client = server.http()

    def announce(address, torrent, **params):
        return client.announce(torrent, headers=[("X-Forwarded-For", address)], **params)

    yield announce
    server.close_clients()


LOCALS = ["10.0.0.7", "192.168.7.7", "172.16.7.7", "100.64.7.7", "169.254.7.7", "fd00::7",
          "fe80::7"]
GLOBALS = ["8.8.4.4", "203.0.113.7", "100.128.0.7", "2001:db8::7", "2a01:4f8::7"]


@pytest.mark.parametrize("asker,told", [
    ("10.9.9.9", LOCALS + GLOBALS), ("fd00::9", LOCALS + GLOBALS),
    ("1.1.1.1", GLOBALS), ("2606:4700::1", GLOBALS)])
def test_v30_locals_are_told_to_locals_only(behind_proxy, asker, told):
    torrent = new_hash()
    for address in LOCALS + GLOBALS:
        behind_proxy(address, torrent, port=5000)
    answer = behind_proxy(asker, torrent, port=5001)
    assert sorted(a for a, _ in answer.all_peers) == sorted(told)
    assert answer.counts == (0, len(LOCALS + GLOBALS) + 1)


def test_v30_a_large_swarm_of_locals_with_some_globals(behind_proxy):
    """The globals are found among many that must not be told."""
    torrent, rng = new_hash(), random.Random(30)
    for n in range(300):
        behind_proxy(f"10.1.{n // 200}.{n % 200 + 1}", torrent, port=5000, numwant=0)
    chosen = {f"8.8.8.{rng.randrange(1, 255)}" for _ in range(20)}
    for address in chosen:
        behind_proxy(address, torrent, port=5000, numwant=0)
    answer = behind_proxy("1.1.1.1", torrent, port=5001, numwant=200)
    told = {address for address, _ in answer.all_peers}
    assert told <= chosen
    assert told
