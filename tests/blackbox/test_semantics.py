"""What a peer is and what is counted: design.md section 3, protocol.md M1..M25, E1..E5, E40..E42,
V14..V16. Selection is in test_selection.py, expiry and limits in test_limits.py."""

import random

import pytest

from harness import (COMPLETED, NONE, PAUSED, STARTED, STOPPED, new_hash, new_peer_id)

EVENT_NAMES = {NONE: None, COMPLETED: "completed", STARTED: "started", STOPPED: "stopped",
               PAUSED: "paused"}


class Doors:
    """The same announce through any door: udp4, udp6, http4, http6."""

    NAMES = ("udp4", "udp6", "http4", "http6")

    def __init__(self, server):
        self.clients = {"udp4": server.udp(), "udp6": server.udp6(),
                        "http4": server.http(), "http6": server.http6()}

    def announce(self, door, torrent, peer=None, event=NONE, **fields):
        if door.startswith("http"):
            event = EVENT_NAMES[event]
        return self.clients[door].announce(torrent, peer, event=event, **fields)

    def numbers(self, torrent):
        """(seeders, completed, leechers); every door must tell the same."""
        told = {c.numbers(torrent) for c in self.clients.values()}
        assert len(told) == 1, told
        return told.pop()


@pytest.fixture
def doors(server):
    return Doors(server)


DOOR = pytest.mark.parametrize("door", Doors.NAMES)


# --- identity ---

@DOOR
def test_m1_ports_are_peers(doors, door):
    torrent = new_hash()
    for port in (4001, 4002, 4003):
        doors.announce(door, torrent, port=port)
    assert doors.numbers(torrent) == (0, 0, 3)


def test_m1_families_are_endpoints(doors):
    torrent = new_hash()
    doors.announce("http4", torrent, port=4001)
    doors.announce("http6", torrent, port=4001)
    answer = doors.announce("http4", torrent, port=4002)
    assert sorted(answer.all_peers) == [("127.0.0.1", 4001), ("::1", 4001)]
    assert answer.counts == (0, 3)


@DOOR
def test_m2_state_follows_the_latest_announce(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    for left in (5, 0, 7, 0):
        doors.announce(door, torrent, peer, left=left)
        assert doors.numbers(torrent) == ((1, 0, 0) if left == 0 else (0, 0, 1))


@pytest.mark.parametrize("family", "46")
def test_m3_both_doors_are_one_endpoint(doors, family):
    torrent, peer = new_hash(), new_peer_id()
    for door in ("udp", "http", "udp"):
        assert doors.announce(door + family, torrent, peer, port=4000).counts == (0, 1)
    doors.announce("http" + family, torrent, peer, port=4000, event=STOPPED)
    assert doors.numbers(torrent) == (0, 0, 0)


@DOOR
def test_same_peer_id_on_another_port_moved(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    for port in (4001, 4002, 4003):
        assert doors.announce(door, torrent, peer, port=port).counts == (0, 1)
    other = "http6" if door.endswith("6") else "http4"
    answer = doors.announce(other, torrent, port=5000)
    assert [port for _, port in answer.all_peers] == [4003]


@DOOR
def test_m10_a_new_peer_id_on_an_endpoint_replaces(doors, door):
    """A restarted client: no second peer, and its completion counts anew."""
    torrent, first, second = new_hash(), new_peer_id(), new_peer_id()
    doors.announce(door, torrent, first, left=5)
    doors.announce(door, torrent, first, left=0, event=COMPLETED)
    assert doors.announce(door, torrent, second, left=9, event=STARTED).counts == (0, 1)
    doors.announce(door, torrent, second, left=0, event=COMPLETED)
    assert doors.numbers(torrent) == (1, 2, 0)


@DOOR
def test_m11_a_late_stop_of_the_old_session(doors, door):
    torrent, old, new = new_hash(), new_peer_id(), new_peer_id()
    doors.announce(door, torrent, old)
    doors.announce(door, torrent, new, event=STARTED)
    assert doors.announce(door, torrent, old, event=STOPPED).counts == (0, 1)
    assert doors.announce(door, torrent, new, event=STOPPED).counts == (0, 0)


@DOOR
def test_m11_stopping_what_is_unknown(doors, door):
    torrent = new_hash()
    doors.announce(door, torrent, port=4000)
    answer = doors.announce(door, torrent, port=4001, event=STOPPED)
    assert answer.counts == (0, 1)
    assert doors.announce(door, new_hash(), event=STOPPED).counts == (0, 0)


def test_a_stolen_peer_id_moves_nobody(server):
    """Only the source address may change or stop a peer."""
    torrent, peer = new_hash(), new_peer_id()
    server.udp("127.0.0.2").announce(torrent, peer, port=4000)
    thief = server.udp("127.0.0.3")
    assert thief.announce(torrent, peer, port=4000, event=STOPPED).counts == (0, 1)
    assert thief.announce(torrent, peer, port=4001).counts == (0, 2)
    answer = server.udp("127.0.0.4").announce(torrent, port=4002)
    assert sorted(answer.peers) == [("127.0.0.2", 4000), ("127.0.0.3", 4001)]


def test_m13_one_peer_id_on_many_addresses(server):
    torrent, peer = new_hash(), new_peer_id()
    for n in range(1, 11):
        answer = server.udp(f"127.0.1.{n}").announce(torrent, peer, port=4000)
        assert answer.counts == (0, n)


@pytest.mark.parametrize("make", [lambda n: bytes((n,)) * 16 + bytes(4),
                                  lambda n: b"-MU0001-" + bytes(11) + bytes((n,)),
                                  lambda n: bytes((n,)) + bytes(19)],
                         ids=["equal-tail", "equal-head", "first-byte"])
def test_m14_all_of_a_peer_id_counts(server, make):
    """Sixteen keyed bits of an id are kept: of 50 pairs, one may look equal by chance, not two."""
    client, equal = server.udp(), 0
    for n in range(1, 51):
        torrent = new_hash()
        client.announce(torrent, make(n), port=4000)
        equal += client.announce(torrent, make(n + 1), port=4001).counts == (0, 1)
    assert equal <= 1


@DOOR
def test_m15_started_again_refreshes(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    for _ in range(3):
        assert doors.announce(door, torrent, peer, event=STARTED).counts == (0, 1)
    doors.announce(door, torrent, peer, event=STARTED, left=0)
    assert doors.numbers(torrent) == (1, 0, 0)


@DOOR
def test_r52_a_join_needs_no_started(doors, door):
    torrent = new_hash()
    assert doors.announce(door, torrent).counts == (0, 1)


# --- both families ---

def test_v14_v15_one_client_on_both_families_counts_once(doors):
    torrent, peer = new_hash(), new_peer_id()
    for door in ("http4", "http6", "udp4", "udp6"):
        assert doors.announce(door, torrent, peer, port=4000).counts == (0, 1)
    for door in ("http4", "udp6"):
        doors.announce(door, torrent, peer, port=4000, left=0)
    assert doors.numbers(torrent) == (1, 0, 0)
    answer = doors.announce("http4", torrent, port=5000)
    assert sorted(answer.all_peers) == [("127.0.0.1", 4000), ("::1", 4000)]


def test_v15_many_clients_on_both_families(doors):
    torrent, peers = new_hash(), [new_peer_id() for _ in range(8)]
    for n, peer in enumerate(peers):
        doors.announce("udp4", torrent, peer, port=4000 + n, left=n % 2)
        doors.announce("udp6", torrent, peer, port=4000 + n, left=n % 2)
    assert doors.numbers(torrent) == (4, 0, 4)
    for n, peer in enumerate(peers):
        doors.announce("udp6", torrent, peer, port=4000 + n, event=STOPPED)
        assert doors.numbers(torrent) == (4, 0, 4)
    for n, peer in enumerate(peers):
        doors.announce("udp4", torrent, peer, port=4000 + n, event=STOPPED)
    assert doors.numbers(torrent) == (0, 0, 0)


@pytest.mark.parametrize("first,second", [("udp4", "udp6"), ("http6", "http4"),
                                          ("udp4", "http6"), ("http4", "udp6")])
def test_v16_completed_over_both_families_counts_once(doors, first, second):
    torrent, peer = new_hash(), new_peer_id()
    for door in (first, second):
        doors.announce(door, torrent, peer, port=4000, left=5)
    for door in (first, second):
        doors.announce(door, torrent, peer, port=4000, left=0, event=COMPLETED)
    assert doors.numbers(torrent) == (1, 1, 0)


def test_v17_stopping_one_family_leaves_the_other(doors):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce("http4", torrent, peer, port=4000)
    doors.announce("http6", torrent, peer, port=4000)
    assert doors.announce("http6", torrent, peer, port=4000, event=STOPPED).counts == (0, 1)
    answer = doors.announce("http4", torrent, port=5000)
    assert answer.all_peers == [("127.0.0.1", 4000)]


# --- seeders and completions ---

@DOOR
def test_left_decides_about_seeders(doors, door):
    torrent = new_hash()
    for n, event in enumerate((NONE, STARTED, COMPLETED)):
        answer = doors.announce(door, torrent, port=4000 + n, left=0, event=event)
        assert answer.counts == (n + 1, 0)


@pytest.mark.parametrize("left", [1, 2**31, 2**32, 2**63, 2**64 - 1])
def test_a6_big_left_is_a_leecher(server, left):
    assert server.http().announce(new_hash(), left=left).counts == (0, 1)


def test_a6_absent_left_is_a_leecher(server):
    assert server.http().announce(new_hash(), left=None).counts == (0, 1)


def test_completed_without_left_is_a_seeder(server):
    """Seeder means left = 0, or completed (design.md section 3)."""
    client, torrent, peer = server.http(), new_hash(), new_peer_id()
    client.announce(torrent, peer, left=None)
    assert client.announce(torrent, peer, left=None, event="completed").counts == (1, 0)
    assert client.numbers(torrent) == (1, 1, 0)


@DOOR
def test_m20_completed_counts(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce(door, torrent, peer, left=5, event=STARTED)
    doors.announce(door, torrent, peer, left=0, event=COMPLETED)
    assert doors.numbers(torrent) == (1, 1, 0)


@DOOR
def test_m21_u61_completed_again_counts_nothing(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce(door, torrent, peer, left=5)
    for _ in range(4):
        doors.announce(door, torrent, peer, left=0, event=COMPLETED)
        doors.announce(door, torrent, peer, left=0)
    assert doors.numbers(torrent) == (1, 1, 0)


def test_m21_completed_over_the_other_door(doors):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce("udp4", torrent, peer, port=4000, left=5)
    doors.announce("udp4", torrent, peer, port=4000, left=0, event=COMPLETED)
    doors.announce("http4", torrent, peer, port=4000, left=0, event=COMPLETED)
    assert doors.numbers(torrent) == (1, 1, 0)


@DOOR
def test_m22_completed_of_somebody_unknown_counts(doors, door):
    torrent = new_hash()
    doors.announce(door, torrent, left=0, event=COMPLETED)
    assert doors.numbers(torrent) == (1, 1, 0)


@DOOR
def test_m22_completed_of_a_seeder_does_not_count(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce(door, torrent, peer, left=0, event=STARTED)
    doors.announce(door, torrent, peer, left=0, event=COMPLETED)
    assert doors.numbers(torrent) == (1, 0, 0)


@DOOR
def test_m23_becoming_a_seeder_silently_does_not_count(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce(door, torrent, peer, left=5)
    doors.announce(door, torrent, peer, left=0)
    assert doors.numbers(torrent) == (1, 0, 0)


@DOOR
def test_m24_r53_completed_with_bytes_left_does_not_count(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce(door, torrent, peer, left=5, event=COMPLETED)
    assert doors.numbers(torrent)[1] == 0
    doors.announce(door, torrent, peer, left=0, event=STARTED)
    assert doors.numbers(torrent) == (1, 0, 0)


def test_downloaded_outlives_the_last_peer(doors):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce("udp4", torrent, peer, left=5)
    doors.announce("udp4", torrent, peer, left=0, event=COMPLETED)
    doors.announce("udp4", torrent, peer, left=0, event=STOPPED)
    assert doors.numbers(torrent) == (0, 1, 0)
    doors.announce("udp4", torrent, left=5)
    assert doors.numbers(torrent) == (0, 1, 1)


def test_r15_downloaded_is_in_http_answers(doors):
    torrent, peer = new_hash(), new_peer_id()
    doors.announce("udp4", torrent, peer, port=4000, left=5)
    doors.announce("udp4", torrent, peer, port=4000, left=0, event=COMPLETED)
    assert doors.announce("http4", torrent, port=4001).data[b"downloaded"] == 1


# --- partial seeds (BEP 21) ---

def downloaders(doors, torrent):
    return doors.clients["http4"].scrape(torrent).data[b"files"][torrent][b"downloaders"]


@DOOR
def test_e1_e2_paused_is_a_state_of_the_announce(doors, door):
    torrent, peer = new_hash(), new_peer_id()
    assert doors.announce(door, torrent, peer, left=5, event=PAUSED).counts == (0, 1)
    assert downloaders(doors, torrent) == 0
    doors.announce(door, torrent, peer, left=5)
    assert downloaders(doors, torrent) == 1
    doors.announce(door, torrent, peer, left=5, event=PAUSED)
    assert (downloaders(doors, torrent), doors.numbers(torrent)) == (0, (0, 0, 1))
    doors.announce(door, torrent, peer, left=5, event=STOPPED)
    assert doors.numbers(torrent) == (0, 0, 0)


@DOOR
def test_e3_paused_may_be_the_first(doors, door):
    assert doors.announce(door, new_hash(), left=5, event=PAUSED).counts == (0, 1)


@DOOR
def test_e1_paused_with_nothing_left_is_a_seeder(doors, door):
    """`left` decides."""
    assert doors.announce(door, new_hash(), left=0, event=PAUSED).counts == (1, 0)


# --- version 2 and hybrid torrents (BEP 52) ---

def test_e40_a_hash_has_20_bytes(server):
    assert server.http().announce(bytes(32)).failure == "invalid info_hash"


def test_e41_e42_hybrids_are_two_swarms(doors):
    v1, v2, peer = new_hash(), new_hash(), new_peer_id()
    for door in Doors.NAMES:
        for torrent in (v1, v2):
            assert doors.announce(door, torrent, peer, port=4000).counts == (0, 1)
    doors.announce("udp4", v1, peer, port=4000, event=STOPPED)
    doors.announce("udp6", v1, peer, port=4000, event=STOPPED)
    assert doors.numbers(v1) == (0, 0, 0)
    assert doors.numbers(v2) == (0, 0, 1)


def test_hashes_that_differ_in_one_bit(server):
    client, torrent = server.udp(), new_hash()
    client.announce(torrent)
    for bit in range(160):
        other = (int.from_bytes(torrent, "big") ^ 1 << bit).to_bytes(20, "big")
        assert client.numbers(other) == (0, 0, 0)


# --- everything at once ---

class Model:
    """One torrent by the rules above. A client tells all its families the same, and once it has
    everything it keeps it until it leaves."""

    def __init__(self):
        self.families = {}  # client -> set of families
        self.seeders = set()
        self.completed = 0

    def announce(self, client, families, left, event):
        if event == STOPPED:
            rest = self.families.get(client, set()) - set(families)
            self.families[client] = rest
            if not rest:
                self.seeders.discard(client)
            return
        self.families[client] = self.families.get(client, set()) | set(families)
        if left == 0:
            self.completed += event == COMPLETED and client not in self.seeders
            self.seeders.add(client)

    def numbers(self):
        clients = sum(map(bool, self.families.values()))
        return len(self.seeders), self.completed, clients - len(self.seeders)


@pytest.mark.parametrize("seed", range(6))
def test_m42_random_sequences_against_a_model(doors, seed):
    rng, torrent, model = random.Random(seed), new_hash(), Model()
    ids = [new_peer_id() for _ in range(6)]
    for _ in range(150):
        client = rng.randrange(6)
        known = model.families.get(client, set())
        has_all = client in model.seeders
        event = rng.choice((NONE, NONE, STARTED, NONE if has_all else COMPLETED, STOPPED))
        left = 0 if event == COMPLETED or has_all else rng.choice((0, 1, 2**40))
        if event == STOPPED:
            families = rng.choice(("4", "6", "46"))
        else:
            families = sorted(known | {rng.choice("46")})
        model.announce(client, families, left, event)
        for family in families:
            doors.announce(rng.choice(("udp", "http")) + family, torrent, ids[client],
                           port=4000 + client, left=left, event=event)
        assert doors.numbers(torrent) == model.numbers()
        if not model.families[client]:
            ids[client] = new_peer_id()
