"""The UDP door: protocol.md section 8, items U1..U65 (BEP 41 is in test_udp_options.py)."""

import os
import random
import struct

import pytest

from harness import (COMPLETED, NONE, PAUSED, STARTED, STOPPED, UdpAnnounce, UdpClient, UdpError,
                     assert_dropped, eventually, join_many, new_hash, new_peer_id, unused_port)
from harness.udp import MAGIC, announce_packet, answers_before, connect_packet, scrape_packet

BAD_ID = b"bad connection id"


def assert_refused(client, packet):
    """The answer to a wrong connection id: silence, or an error no longer than the request."""
    answers = answers_before(client, packet)
    assert len(answers) <= 1
    for answer in answers:
        assert len(answer) <= len(packet)
        assert answer == struct.pack(">I", 3) + packet[12:16] + BAD_ID


# --- 8.2 parsing ---

def test_u1_short_datagrams_are_dropped(server):
    client = server.udp()
    packet = connect_packet(7)
    assert_dropped(client, *(packet[:n] for n in range(16)))


@pytest.mark.parametrize("tail", [0, 1, 84, 1400])
def test_u2_connect_ignores_what_follows(server, tail):
    answer = server.udp().raw(connect_packet(9) + b"\xff" * tail)
    assert len(answer) == 16
    assert answer[:8] == struct.pack(">II", 0, 9)


@pytest.mark.parametrize("magic", [0, MAGIC + 1, MAGIC ^ 1 << 63, 0x8019102717040000])
def test_u2_wrong_magic_is_dropped(server, magic):
    assert_dropped(server.udp(), connect_packet(1, magic=magic))


@pytest.mark.parametrize("tx", [0, 1, 0x7fffffff, 0x80000000, 0xffffffff])
def test_u3_transaction_id_is_echoed(server, tx):
    client = server.udp()
    client.connect(transaction_id=tx)
    client.announce(new_hash(), transaction_id=tx)
    client.scrape(new_hash(), transaction_id=tx)
    assert isinstance(client.announce(new_hash(), port=0, transaction_id=tx), UdpError)


@pytest.mark.parametrize("tail", [0, 1, 2, 3, 500, 1300])
def test_u4_announce_of_98_bytes_or_more(server, tail):
    client, torrent = server.udp(), new_hash()
    answer = client.announce(torrent, tail=b"\x00" * tail)
    assert isinstance(answer, UdpAnnounce)
    assert client.numbers(torrent) == (0, 0, 1)


def test_u4_announce_below_98_bytes_is_dropped(server):
    client, torrent = server.udp(), new_hash()
    packet = announce_packet(client.connection_id, 1, torrent, new_peer_id())
    assert_dropped(client, *(packet[:n] for n in range(16, 98)))
    assert client.numbers(torrent) == (0, 0, 0)


@pytest.mark.parametrize("tail", [0, 1, 19])
def test_u5_scrape_ignores_a_remainder(server, tail):
    client = server.udp()
    torrents = [new_hash() for _ in range(3)]
    client.announce(torrents[1], left=0)
    answer = client.scrape(*torrents, tail=b"x" * tail)
    assert answer.entries == [(0, 0, 0), (1, 0, 0), (0, 0, 0)]


@pytest.mark.parametrize("tail", [0, 1, 19])
def test_u5_scrape_without_a_hash(server, tail):
    answer = server.udp().scrape(tail=b"x" * tail)
    assert isinstance(answer, UdpError)
    assert answer.text == "no info_hash"


@pytest.mark.parametrize("action", [3, 5, 6, 0x7fffffff, 0x80000000, 0xffffffff])
def test_u6_other_actions_are_dropped(server, action):
    client = server.udp()
    for head in (client.connection_id, MAGIC, 0):
        packet = struct.pack(">QII", head, action, 1)
        assert_dropped(client, packet, packet + b"bad connection id", packet + bytes(82))


def test_u6_opentrackers_ipv6_announce_is_dropped(server):
    client = server.udp6()
    packet = struct.pack(">QII", client.connection_id, 4, 1) + bytes(94)
    assert_dropped(client, packet)


def test_heartbeat_is_answered_with_one_byte(server):
    for client in (server.udp(), server.udp6()):
        for head in (0, MAGIC, 0x1122334455667788):
            assert client.raw(struct.pack(">QII", head, 4, 5)) == b"\xff"


@pytest.mark.parametrize("event", [5, 6, 0x100, 0x10001, 0x80000001, 0xffffffff])
def test_u7_unknown_events_are_a_regular_announce(server, event):
    client, torrent = server.udp(), new_hash()
    client.announce(torrent, event=event, left=1)
    assert client.numbers(torrent) == (0, 0, 1)
    client.announce(torrent, event=event, left=0)
    assert client.numbers(torrent) == (1, 0, 0)


@pytest.mark.parametrize("numwant,expected",
                         [(0, 0), (1, 1), (7, 7), (-1, 50), (-2147483648, 50), (200, 200),
                          (201, 200), (2147483647, 200)])
def test_u8_numwant_is_signed(server, big_swarm, numwant, expected):
    assert len(server.udp().announce(big_swarm, numwant=numwant, port=9).peers) == expected


@pytest.fixture(scope="module")
def big_swarm(shared_server):
    torrent = new_hash()
    join_many(shared_server, torrent, 300)
    return torrent


@pytest.mark.parametrize("event", [NONE, COMPLETED, STARTED, PAUSED])
def test_u9_port_zero_is_an_error(server, event):
    client, torrent = server.udp(), new_hash()
    answer = client.announce(torrent, port=0, event=event)
    assert isinstance(answer, UdpError) and answer.text == "invalid port"
    assert client.numbers(torrent) == (0, 0, 0)


def test_u9_port_zero_may_stop(server):
    client, torrent = server.udp(), new_hash()
    client.announce(torrent, port=5000)
    answer = client.announce(torrent, port=0, event=STOPPED)
    assert isinstance(answer, UdpAnnounce)
    assert (answer.counts, answer.peers) == ((0, 1), [])


def test_u10_ip_field_and_key_are_no_identity(server):
    client, torrent, peer = server.udp(), new_hash(), new_peer_id()
    for _ in range(3):
        client.announce(torrent, peer, port=4000, ip=0x08080808,
                        key=int.from_bytes(os.urandom(4), "big"))
    answer = server.udp("127.0.0.2").announce(torrent, port=4001)
    assert answer.counts == (0, 2)
    assert answer.peers == [("127.0.0.1", 4000)]


def test_u11_same_key_over_both_doors_is_one_peer(server):
    torrent, peer = new_hash(), new_peer_id()
    server.udp().announce(torrent, peer, port=4000, key=0xdeadbeef)
    answer = server.http().announce(torrent, peer, port=4000, key="DEADBEEF")
    assert answer.counts == (0, 1)


def test_u12_completed_over_udp_counts_as_over_http(server):
    client, torrent, peer = server.udp(), new_hash(), new_peer_id()
    client.announce(torrent, peer, port=4000, left=5)
    client.announce(torrent, peer, port=4000, left=0, event=COMPLETED)
    assert client.numbers(torrent) == (1, 1, 0)
    assert server.http().numbers(torrent) == (1, 1, 0)


def test_u13_unknown_torrents_scrape_as_zeros(server):
    answer = server.udp().scrape(new_hash(), new_hash())
    assert answer.raw[8:] == bytes(24)


def test_u15_answer_goes_to_the_source_port(server):
    """A connected socket sees only what comes from the asked address; a second socket of the same
    address sees nothing."""
    asking, other = server.udp(), server.udp()
    asking.announce(new_hash())
    assert other.receive(timeout=0.05) is None


# --- 8.3 connection ids ---

def test_u20_u26_u27_ids_are_unpredictable(server):
    ids = [server.udp(f"127.1.{n // 200}.{n % 200 + 1}").connect() for n in range(500)]
    assert 0 not in ids and MAGIC not in ids
    assert len(set(ids)) == len(ids)
    for bit in range(1, 48):  # the keyed part: each bit takes both values
        assert len({i >> bit & 1 for i in ids}) == 2


def test_u21_an_id_is_used_many_times(server):
    client = server.udp()
    for _ in range(20):
        assert isinstance(client.announce(new_hash()), UdpAnnounce)


def test_u22_an_old_id_is_refused(start_server):
    """With the shortest life: it works, then it does not, then a new one does."""
    server = start_server("--connection-id-ttl", "2s")
    client, torrent = server.udp(), new_hash()
    first = client.connect()
    answer = client.announce(torrent, connection_id=first)
    assert isinstance(answer, UdpAnnounce)
    eventually(lambda: isinstance(client.announce(torrent, connection_id=first), UdpError),
               "an id of 2 s is refused", pause_s=0.2)
    assert isinstance(client.announce(torrent, connection_id=client.connect()), UdpAnnounce)


def test_u23_au13_an_id_is_not_bound_to_the_port(server):
    first, second, torrent = server.udp(), server.udp(), new_hash()
    answer = second.announce(torrent, connection_id=first.connect())
    assert isinstance(answer, UdpAnnounce)


def test_u24_au14_an_id_holds_on_every_port(start_server):
    """All sockets and workers share the key; each port is asked from many source ports, so that
    both workers are met."""
    lease = unused_port()
    server = start_server("--listen", f"127.0.0.1:{lease.port}")
    connection_id = server.udp().connect()
    for port in (server.port, lease.port):
        for _ in range(16):
            with UdpClient("127.0.0.1", port) as client:
                answer = client.announce(new_hash(), connection_id=connection_id)
                assert isinstance(answer, UdpAnnounce)
    lease.release()


def test_u25_wrong_id_gets_an_error_of_25_bytes(server):
    """A /24 is told so a few times a second only: tests that wait for it have one of their own."""
    client = server.udp("127.25.0.1")
    packet = announce_packet(client.connection_id ^ 1, 77, new_hash(), new_peer_id())
    assert client.raw(packet) == struct.pack(">II", 3, 77) + BAD_ID
    packet = scrape_packet(client.connection_id ^ 1, 78, [new_hash()])
    assert client.raw(packet) == struct.pack(">II", 3, 78) + BAD_ID


@pytest.mark.parametrize("size", [16, 20, 24, 25, 30, 35])
def test_u25_wrong_id_in_a_short_packet_is_dropped(server, size):
    client = server.udp()
    for action in (1, 2):
        packet = struct.pack(">QII", 12345, action, 1) + bytes(200)
        assert_dropped(client, packet[:size])


@pytest.mark.parametrize("wrong", [0, MAGIC, 1, 0xffffffffffffffff, 0x1122334455667788])
def test_u27_au10_au11_constant_ids_are_refused(server, wrong):
    client, torrent = server.udp(), new_hash()
    assert_refused(client, announce_packet(wrong, 5, torrent, new_peer_id()))
    assert client.numbers(torrent) == (0, 0, 0)


def test_u28_au15_au17_no_bit_of_an_id_may_change(server):
    """The time is a part of the id: an id of the future is one of these."""
    client, torrent = server.udp(), new_hash()
    for bit in range(64):
        wrong = client.connection_id ^ 1 << bit
        assert_refused(client, announce_packet(wrong, bit, torrent, new_peer_id()))
    assert client.numbers(torrent) == (0, 0, 0)


# --- 8.4 amplification and size ---

def test_u40_nothing_unproven_is_answered_with_more(server):
    """Any packet without a valid id: at most one answer, no longer than the packet."""
    rng, client = random.Random(40), server.udp()
    for size in list(range(0, 120)) + [200, 500, 1400]:
        for action in (0, 1, 2, 3, 4, 5, rng.getrandbits(32)):
            head = rng.choice((0, MAGIC, rng.getrandbits(64)))
            packet = (struct.pack(">QII", head, action, 1) + rng.randbytes(size))[:size]
            answers = answers_before(client, packet)
            assert sum(map(len, answers)) <= len(packet), (packet, answers)


@pytest.mark.parametrize("options,records4,records6", [
    ((), 200, 67),
    (("--max-peers-per-response", 1000), 202, 67),
    (("--max-peers-per-response", 1000, "--udp-answer-bytes", 548), 88, 29),
    (("--max-peers-per-response", 1000, "--udp-answer-bytes", 1372), 225, 75),
    (("--max-peers-per-response", 1000, "--udp-answer-bytes", 1472), 242, 80),
], ids=["default", "cap-1000", "548", "1372", "1472"])
def test_u41_u42_u43_answers_are_bounded_by_bytes(module_server, options, records4, records6):
    server, torrent = module_server(*options), new_hash()
    client4, client6 = server.udp(), server.udp6()
    join_many(server, torrent, 250)
    join_many(server, torrent, 90, family=6)
    answer4 = client4.announce(torrent, numwant=1000, port=9)
    answer6 = client6.announce(torrent, numwant=1000, port=9)
    assert (len(answer4.peers), len(answer6.peers)) == (records4, records6)
    server.close_clients()


# --- 8.5 scrape, retransmission, errors ---

def test_u60_au45_74_hashes_in_their_order(server):
    client = server.udp()
    torrents = [new_hash() for _ in range(74)]
    for torrent in torrents[::5]:
        client.announce(torrent, left=0)
    answer = client.scrape(*torrents)
    assert len(answer.raw) == 896
    assert answer.entries == [(1, 0, 0) if n % 5 == 0 else (0, 0, 0) for n in range(74)]


@pytest.mark.parametrize("count", [75, 100, 3000])
def test_u60_au46_of_more_the_first_74(server, count):
    client, torrent = server.udp(), new_hash()
    client.announce(torrent, left=0)
    answer = client.scrape(*[torrent] * count)
    assert answer.entries == [(1, 0, 0)] * 74


def test_u60_au47_duplicates_are_answered_at_each_place(server):
    client, torrent, unknown = server.udp(), new_hash(), new_hash()
    client.announce(torrent)
    answer = client.scrape(torrent, unknown, torrent, torrent)
    assert answer.entries == [(0, 0, 1), (0, 0, 0), (0, 0, 1), (0, 0, 1)]


@pytest.mark.parametrize("same_tx", [True, False])
def test_u61_retransmission_changes_nothing(server, same_tx):
    client, torrent, peer = server.udp(), new_hash(), new_peer_id()
    client.announce(torrent, peer, left=9, port=4000)
    for n in range(5):
        client.announce(torrent, peer, left=0, event=COMPLETED, port=4000,
                        transaction_id=99 if same_tx else n)
    assert client.numbers(torrent) == (1, 1, 0)


def test_u63_u64_errors_are_short_plain_text(server):
    client = server.udp("127.63.0.1")
    errors = [client.announce(new_hash(), port=0), client.scrape(),
              client.announce(new_hash(), connection_id=1)]
    for error in errors:
        assert isinstance(error, UdpError)
        assert len(error.text) <= 80 and not error.text.startswith("d")
