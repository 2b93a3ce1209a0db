"""IPv4, IPv6 and clients that have both; hybrids; who is who (protocol.md 5, 7.3, 10 over HTTP)."""

import ipaddress

import pytest

from harness import fill, new_hash, new_peer_id, percent, raw_query
from harness.check import use_distinct_ids
from harness.crowd import ids_for

case = pytest.param


def behind(address):
    return [("X-Forwarded-For", address)]


@pytest.fixture
def fronted(module_server):
    """As conftest.py has it, but with one trusted address: all others can be clients."""
    server = module_server("--real-ip-header", "X-Forwarded-For", "--trusted-proxies", "127.0.0.1")
    use_distinct_ids(ids_for(server))
    yield server
    server.close_clients()


def test_V1_the_peer_is_the_source_of_the_connection(server):
    h = new_hash()
    for i, source in enumerate(("127.0.0.7", "127.9.8.7")):
        server.http(source=source).announce(h, port=7001 + i)
    peers = server.http().announce(h, port=7009).peers
    assert sorted(peers) == [("127.0.0.7", 7001), ("127.9.8.7", 7002)]


def test_V10_layout_of_a_peers6_record(fronted):
    client, h = fronted.http(), new_hash()
    client.announce(h, port=6881, headers=behind("2001:db8::7"))
    data = client.announce(h, headers=behind("2001:db8:1::8")).data
    assert data[b"peers6"].hex() == "20010db80000000000000000000000071ae1"
    assert data[b"peers"] == b""  # V13


@pytest.mark.parametrize("text", ["::ffff:198.51.100.7", "::FFFF:198.51.100.7", "::ffff:c633:6407",
                                  "0:0:0:0:0:ffff:198.51.100.7"])
def test_V2_V3_AH56_mapped_addresses_are_ipv4(fronted, text):
    client, h = fronted.http(), new_hash()
    assert client.announce(h, port=7001, headers=behind(text)).data[b"external ip"] == \
        ipaddress.ip_address("198.51.100.7").packed
    answer = client.announce(h, headers=behind("203.0.113.9"))
    assert answer.peers == [("198.51.100.7", 7001)] and answer.peers6 == []


def test_V2_mapped_and_plain_are_one_endpoint(fronted):
    client, h, peer_id = fronted.http(), new_hash(), new_peer_id()
    for text in ("198.51.100.7", "::ffff:198.51.100.7"):
        assert client.announce(h, peer_id, headers=behind(text)).counts == (0, 1)


def test_V2_V4_an_ipv4_client_of_a_server_on_every_address(start_server):
    """The wildcard sockets of both families: an IPv4 client must not become ::ffff:127.0.0.1."""
    server = start_server("--user", "", "--port", "{port}", exact=True)
    h = new_hash()
    data = server.http().announce(h, port=7001).data
    assert data[b"external ip"] == b"\x7f\0\0\1"
    answer = server.http().announce(h, port=7002)
    assert answer.peers == [("127.0.0.1", 7001)] and answer.peers6 == []
    assert server.http6().announce(new_hash()).data[b"external ip"] == bytes(15) + b"\1"


def test_V11_both_families_over_real_sockets(server):
    h = new_hash()
    server.http().announce(h, port=7001)
    server.http6().announce(h, port=7002)
    for client in (server.http(), server.http6()):
        answer = client.announce(h, port=7003, event="started")
        assert ("127.0.0.1", 7001) in answer.peers and ("::1", 7002) in answer.peers6
        client.announce(h, port=7003, event="stopped")


@pytest.mark.parametrize("asker", ["203.0.113.9", "2001:db9::9"])
@pytest.mark.parametrize("numwant", [1, 3, 7, 12])
def test_V11_numwant_counts_both_families(fronted, asker, numwant):
    client, h = fronted.http(), new_hash()
    fill(client, h, [f"198.51.100.{i}" for i in range(1, 7)])
    fill(client, h, [f"2001:db8:{i}::1" for i in range(1, 7)])
    answer = client.announce(h, numwant=numwant, headers=behind(asker))
    assert len(answer.all_peers) == numwant
    own = answer.peers if "." in asker else answer.peers6
    assert own, "the asker's own family comes first"


# --- one client on both families ------------------------------------------------------------------

@pytest.fixture
def both(server):
    """A client with one peer id on IPv4 and IPv6, and a torrent of its own."""
    peer_id, h, clients = new_peer_id(), new_hash(), (server.http(), server.http6())

    def announce(family, **params):
        return clients[family].announce(h, peer_id, key="DEADBEEF", **params)

    return announce, h, server.http()


def test_V14_V15_two_endpoints_one_client(both):
    announce, h, other = both
    assert announce(0, port=7001, event="started").counts == (0, 1)
    answer = announce(1, port=7001, event="started")
    assert answer.counts == (0, 1) and answer.all_peers == []  # M30: not itself either
    answer = other.announce(h, port=7002)
    assert answer.peers == [("127.0.0.1", 7001)] and answer.peers6 == [("::1", 7001)]
    assert answer.counts == (0, 2)
    assert other.numbers(h) == (0, 0, 2)  # S14


def test_V16_M21_completed_over_both_families_counts_once(both):
    announce, h, other = both
    for family in (0, 1):
        announce(family, event="started", left=5)
    for family in (0, 1, 0, 1):
        announce(family, event="completed", left=0)
    assert other.numbers(h) == (1, 1, 0)


def test_V17_stopped_on_one_family_leaves_the_other(both):
    announce, h, other = both
    announce(0, port=7001)
    announce(1, port=7001)
    assert announce(0, port=7001, event="stopped").counts == (0, 1)
    answer = other.announce(h, port=7002)
    assert answer.peers == [] and answer.peers6 == [("::1", 7001)]
    announce(1, port=7001, event="stopped")
    assert other.numbers(h) == (0, 0, 1)


def test_V14_families_may_have_different_ports(both):
    announce, h, other = both
    announce(0, port=7001)
    announce(1, port=7111)
    answer = other.announce(h, port=7002)
    assert answer.all_peers == [("127.0.0.1", 7001), ("::1", 7111)]


# --- address scope --------------------------------------------------------------------------------

LOCAL = ["10.1.2.3", "100.64.0.1", "100.127.255.254", "127.1.2.3", "169.254.1.1", "172.16.0.1",
         "172.31.255.255", "192.168.1.2", "fe80::1", "fc00::1", "fdff::1", "::1"]
NOT_A_CLIENT = ["0.1.2.3", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::",
                "ff02::1"]
PUBLIC = ["9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255",
          "128.0.0.1", "169.253.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "223.255.255.254",
          "2001:db8::1", "2002:c633:6407::1", "2001:0:1::1", "64:ff9b::c633:6407", "2a00::1"]


def endpoint(address):
    return str(ipaddress.ip_address(address)), 7001


@pytest.mark.parametrize("address", LOCAL + NOT_A_CLIENT, ids=lambda a: f"V30-T65-{a}")
def test_local_addresses_are_not_told_to_the_public(fronted, address):
    client, h = fronted.http(), new_hash()
    client.announce(h, port=7001, headers=behind(address))
    for asker in ("203.0.113.9", "2001:db9::9"):
        answer = client.announce(h, port=7002, headers=behind(asker))
        assert endpoint(address) not in answer.all_peers
        assert all(a in ("203.0.113.9", "2001:db9::9") for a, _ in answer.all_peers)


@pytest.mark.parametrize("address", LOCAL, ids=lambda a: f"V30-V31-{a}")
def test_local_addresses_are_told_to_local_askers(fronted, address):
    client, h = fronted.http(), new_hash()
    client.announce(h, port=7001, headers=behind(address))
    for asker in ("192.168.7.7", "fd00::7"):
        answer = client.announce(h, port=7002, headers=behind(asker))
        assert endpoint(address) in answer.all_peers
        client.announce(h, port=7002, event="stopped", headers=behind(asker))


@pytest.mark.parametrize("address", PUBLIC, ids=lambda a: f"V30-V32-{a}")
def test_public_addresses_are_told_to_everybody(fronted, address):
    client, h = fronted.http(), new_hash()
    client.announce(h, port=7001, headers=behind(address))
    for asker in ("203.0.113.9", "2001:db9::9", "192.168.7.7"):
        answer = client.announce(h, port=7002, headers=behind(asker))
        assert endpoint(address) in answer.all_peers


def test_V30_dictionary_answers_follow_the_same_rule(fronted):
    client, h = fronted.http(), new_hash()
    fill(client, h, ["10.0.0.1", "198.51.100.7"])
    peers = client.announce(h, compact=0, headers=behind("203.0.113.9")).data[b"peers"]
    assert [p[b"ip"] for p in peers] == [b"198.51.100.7"]


def test_V30_counts_include_who_is_not_told(fronted):
    client, h = fronted.http(), new_hash()
    fill(client, h, ["10.0.0.1", "10.0.0.2"])
    assert client.announce(h, headers=behind("203.0.113.9")).counts == (0, 3)


@pytest.mark.parametrize("address, text", [
    ("2001:0db8:0000:0000:0000:0000:0000:0001", b"2001:db8::1"),
    ("2001:db8:0:1:0:0:0:1", b"2001:db8:0:1::1"), ("2001:DB8::ABCD", b"2001:db8::abcd"),
    ("2001:db8:1:2:3:4:5:6", b"2001:db8:1:2:3:4:5:6"),
])
def test_R24_ipv6_text(fronted, address, text):
    client, h = fronted.http(), new_hash()
    client.announce(h, headers=behind(address))
    peers = client.announce(h, compact=0, headers=behind("203.0.113.9")).data[b"peers"]
    assert [p[b"ip"] for p in peers] == [text]


# --- who is who -----------------------------------------------------------------------------------

def test_M1_two_ports_of_one_address_are_two_clients(server):
    client, h = server.http(), new_hash()
    client.announce(h, port=7001)
    assert client.announce(h, port=7002).counts == (0, 2)


def test_M10_AH57_changing_peer_ids_of_one_endpoint_are_one_entry(server):
    client, h = server.http(), new_hash()
    ids = new_peer_id(), new_peer_id()
    for i in range(100):
        assert client.announce(h, ids[i % 2], port=7001).counts == (0, 1)


def test_M10_a_client_that_moved_its_port_is_one_entry(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, peer_id, port=7001)
    assert client.announce(h, peer_id, port=7002).counts == (0, 1)
    assert client.announce(h, port=7003).peers == [("127.0.0.1", 7002)]


def test_M11_a_late_stop_of_the_old_session_removes_nobody(server):
    client, h, old, new = server.http(), new_hash(), new_peer_id(), new_peer_id()
    client.announce(h, old, port=7001)
    client.announce(h, new, port=7001)
    assert client.announce(h, old, port=7001, event="stopped").counts == (0, 1)
    assert client.announce(h, new, port=7001, event="stopped").counts == (0, 0)


def test_M13_a_stolen_peer_id_moves_nobody(server):
    """From another address, neither a stop nor an announce touches the owner's entry."""
    h, peer_id = new_hash(), new_peer_id()
    server.http(source="127.0.0.8").announce(h, peer_id, port=7001)
    thief = server.http(source="127.0.0.9")
    thief.announce(h, peer_id, port=7001, event="stopped")
    thief.announce(h, peer_id, port=7666)
    assert ("127.0.0.8", 7001) in server.http().announce(h, port=7002).peers


def test_M31_M32_seeders_are_not_given_seeders(server):
    client, h = server.http(), new_hash()
    client.announce(h, port=7001, left=0)
    client.announce(h, port=7002, left=5)
    client.announce(h, port=7003, left=5, event="paused")
    ports = lambda answer: sorted(p for _, p in answer.peers)
    assert ports(client.announce(h, port=7009, left=0)) == [7002]
    assert ports(client.announce(h, port=7009, left=5)) == [7001, 7002, 7003]
    assert ports(client.announce(h, port=7009, left=5, event="paused")) == [7002]  # E4


def test_E1_E2_paused_counts_and_is_cleared(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    entry = lambda: client.scrape(h).data[b"files"][h]
    client.announce(h, peer_id, event="paused", left=5)
    assert entry() == {b"complete": 0, b"downloaded": 0, b"downloaders": 0, b"incomplete": 1}
    client.announce(h, peer_id, left=5)
    assert entry() == {b"complete": 0, b"downloaded": 0, b"downloaders": 1, b"incomplete": 1}


def test_M20_AH59_toggling_left_counts_once(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, peer_id, event="started", left=1)
    for left in (0, 1, 0, 1, 0):
        client.announce(h, peer_id, event="completed", left=left)
    assert client.numbers(h) == (1, 1, 0)


def test_M23_left_0_without_the_event_is_a_seeder_and_no_download(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, peer_id, event="started", left=1)
    assert client.announce(h, peer_id, left=0).counts == (1, 0)
    assert client.numbers(h) == (1, 0, 0)


def test_M42_AH58_start_stop_in_turns_never_goes_negative(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    requests = [client.request(b"/announce?" + raw_query(
        info_hash=percent(h), peer_id=percent(peer_id), left=i % 3, event=event))
        for i in range(200) for event in ("started", "stopped", "stopped")]
    for i, answer in enumerate(client.pipeline(requests)):
        assert sum(answer.counts) == (1 if i % 3 == 0 else 0)
    assert client.numbers(h) == (0, 0, 0)


def test_M3_AH71_http_and_udp_are_one_entry(server):
    h, peer_id = new_hash(), new_peer_id()
    assert server.http().announce(h, peer_id, port=7001).counts == (0, 1)
    assert server.udp().announce(h, peer_id, port=7001).counts == (0, 1)
    assert server.http().announce(h, peer_id, port=7001, event="stopped").counts == (0, 0)


# --- hybrid torrents ------------------------------------------------------------------------------

def test_E41_E42_v1_and_v2_swarms_of_a_hybrid_are_two(server):
    """Both hashes, both families, at once, with one peer id."""
    v1, v2, peer_id = new_hash(), new_hash(), new_peer_id()
    for client in (server.http(), server.http6()):
        for h in (v1, v2):
            assert client.announce(h, peer_id, port=7001, event="started").counts == (0, 1)
    server.http().announce(v1, port=7002)
    client = server.http()
    assert client.numbers(v1) == (0, 0, 2) and client.numbers(v2) == (0, 0, 1)
