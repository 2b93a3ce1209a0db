"""Which addresses are believed and told, over UDP: protocol.md V12, V17, V20, V22, V30..V34.

Clients of any address are simulated by a listener that takes PROXY v2 headers from the loopback."""

import ipaddress

import pytest

from harness import STOPPED, UdpClient, bound_udp_sockets, new_hash, new_peer_id, unused_port

GLOBAL4, GLOBAL6 = "198.51.100.7", "2a01:4f8::7"


def endpoints(addresses):
    return sorted((str(ipaddress.ip_address(a)), 6881) for a in addresses)


class Proxied:
    """A server whose second port believes PROXY v2 headers."""

    def __init__(self, start_server, *options):
        self.lease = unused_port()
        self.port = self.lease.port
        self.server = start_server("--listen", f"udp+proxy://127.0.0.1:{self.port}", *options)

    def client(self, address):
        return self.server._keep(UdpClient("127.0.0.1", self.port, proxied_for=address))

    def peers_told(self, torrent, address, **fields):
        """What a newcomer of that address is told; it leaves again."""
        client, peer = self.client(address), new_peer_id()
        answer = client.announce(torrent, peer, port=1, numwant=200, **fields)
        client.announce(torrent, peer, port=1, event=STOPPED)
        return sorted(answer.peers)


@pytest.fixture(scope="module")
def proxied(module_server):
    made = Proxied(module_server)
    yield made
    made.server.close_clients()
    made.lease.release()


def test_v12_au54_answers_have_the_sockets_family(server):
    torrent, client4, client6 = new_hash(), server.udp(), server.udp6()
    client4.announce(torrent, port=4004)
    client6.announce(torrent, port=6006)
    answer4, answer6 = client4.announce(torrent, port=4005), client6.announce(torrent, port=6007)
    assert answer4.peers == [("127.0.0.1", 4004)]
    assert answer6.peers == [("::1", 6006)]
    assert (len(answer4.raw), len(answer6.raw)) == (26, 38)
    assert answer6.counts == (0, 4)


def test_v17_stopped_removes_one_family(server):
    torrent, peer = new_hash(), new_peer_id()
    client4, client6 = server.udp(), server.udp6()
    client4.announce(torrent, peer, port=4004)
    assert client6.announce(torrent, peer, port=4004).counts == (0, 1)
    assert client4.announce(torrent, peer, port=4004, event=STOPPED).counts == (0, 1)
    assert client6.announce(torrent, port=6007).peers == [("::1", 4004)]
    assert client4.announce(torrent, port=4007).peers == []


@pytest.mark.parametrize("query", [
    {"ip": "10.1.2.3"}, {"ip": "8.8.8.8"}, {"ip": "example.com"}, {"ip": "::2"},
    {"ipv4": "8.8.8.8"}, {"ipv4": "8.8.8.8:99"}, {"ipv6": "2001:db8::1"},
    {"ipv6": "[2001:db8::1]:99"}], ids=lambda q: "-".join(*q.items()))
def test_v20_v21_addresses_in_the_query_are_ignored(server, query):
    torrent = new_hash()
    server.http().announce(torrent, port=4000, **query)
    answer = server.http().announce(torrent, port=4001)
    assert answer.all_peers == [("127.0.0.1", 4000)]


@pytest.mark.parametrize("field", [0x08080808, 0x0a010203, 0xffffffff, 1])
def test_v22_au39_au40_the_ip_field_is_ignored(server, field):
    torrent = new_hash()
    server.udp("127.0.0.5").announce(torrent, port=4000, ip=field)
    server.udp6().announce(torrent, port=6000, ip=field)
    answer = server.http().announce(torrent, port=4001)
    assert sorted(answer.all_peers) == [("127.0.0.5", 4000), ("::1", 6000)]


LOCAL4 = ["10.0.0.1", "10.255.255.254", "100.64.0.1", "100.127.255.1", "127.0.0.1", "127.9.9.9",
          "169.254.3.4", "172.16.0.1", "172.31.255.1", "192.168.0.1", "0.1.2.3", "240.0.0.1"]
LOCAL6 = ["::1", "fe80::1", "febf::1", "fc00::1", "fd12:3456::1"]
PUBLIC4 = ["9.255.255.255", "11.0.0.1", "100.63.0.1", "100.128.0.1", "126.0.0.1", "128.0.0.1",
           "169.253.0.1", "169.255.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "192.169.0.1",
           "223.255.255.1", GLOBAL4]
PUBLIC6 = ["2001:db8::1", "2002:0a00:0001::1", "2001:0:1234::1", "64:ff9b::a00:1", "fec0::1",
           GLOBAL6]


@pytest.mark.parametrize("local,public,asker_local,asker_public", [
    (LOCAL4, PUBLIC4, "192.168.77.1", "203.0.113.77"),
    (LOCAL6, PUBLIC6, "fd00:77::1", "2a02:77::1"),
], ids=["v4", "v6"])
def test_v30_v32_local_addresses_stay_among_locals(proxied, local, public, asker_local,
                                                   asker_public):
    torrent = new_hash()
    for address in local + public:
        proxied.client(address).announce(torrent, port=6881)
    assert proxied.peers_told(torrent, asker_local) == endpoints(local + public)
    assert proxied.peers_told(torrent, asker_public) == endpoints(public)


def test_v31_loopback_sees_loopback(server):
    torrent = new_hash()
    server.udp("127.0.0.7").announce(torrent, port=4000)
    assert server.udp("127.0.0.8").announce(torrent, port=4000).peers == [("127.0.0.7", 4000)]
    answer = server.http6().announce(torrent)
    assert sorted(answer.peers) == [("127.0.0.7", 4000), ("127.0.0.8", 4000)]


def test_v2_v3_mapped_addresses_are_ipv4(proxied):
    """A client that a proxy calls ::ffff:198.51.100.9 is 198.51.100.9."""
    torrent, peer = new_hash(), new_peer_id()
    mapped = proxied.client("::ffff:198.51.100.9")
    mapped.record_bytes = 6
    mapped.announce(torrent, peer, port=4000)
    answer = proxied.client("198.51.100.9").announce(torrent, peer, port=4000)
    assert answer.counts == (0, 1)
    assert proxied.peers_told(torrent, GLOBAL4) == [("198.51.100.9", 4000)]
    assert proxied.peers_told(torrent, GLOBAL6) == []


def test_v33_ipv6_peers_of_a_64_are_limited_together(module_server):
    proxied = Proxied(module_server, "--max-peers-per-ip", 4)
    torrent = new_hash()
    for n in range(10):
        proxied.client(f"2a01:5::{n + 1:x}").announce(torrent, port=5000)
        proxied.client(f"2a01:6:{n}::1").announce(torrent, port=5000)
    told = proxied.peers_told(torrent, GLOBAL6)
    assert len([p for p in told if p[0].startswith("2a01:5::")]) == 4
    assert len([p for p in told if p[0].startswith("2a01:6:")]) == 10
    proxied.server.close_clients()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.77.66.55"])
def test_v34_au64_answers_leave_from_the_asked_address(module_server, host):
    """A wildcard socket; the connected client hears only the address that it asked."""
    server = module_server("--user", "", "--listen", "0.0.0.0:{port}", "--listen", "[::]:{port}",
                           exact=True)
    torrent = new_hash()
    with UdpClient(host, server.port) as client:
        client.announce(torrent)
        assert client.numbers(torrent) == (0, 0, 1)
    with UdpClient("::1", server.port) as client:
        assert client.announce(torrent).counts == (0, 2)


V4_ANY, V4_ONE, V4_TWO = "00000000", "0100007F", "0200007F"
V6_ANY, V6_ONE = "0" * 32, "0" * 24 + "01000000"


def test_this_machines_addresses_have_sockets_of_their_own(start_server):
    """... which the kernel asks in place of the wildcard's (decision 0017), one for each worker."""
    server = start_server("--user", "", "--workers", "3", "--listen", "{port}", "--listen",
                          "udp://127.0.0.2:{port}", exact=True)
    found = bound_udp_sockets(server.port)
    assert set(found.values()) == {3}
    assert {V4_ANY, V4_ONE, V4_TWO, V6_ANY, V6_ONE} <= set(found)


def test_who_names_addresses_gets_no_other_sockets(start_server):
    server = start_server("--user", "", "--workers", "3", "--listen", "127.0.0.1:{port}", "--listen",
                          "[::1]:{port}", exact=True)
    assert bound_udp_sockets(server.port) == {V4_ONE: 3, V6_ONE: 3}
