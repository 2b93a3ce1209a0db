"""Rate limits: what one address and one network may ask for, over every door; who is spared; what the
others notice of a flood; what is left undone under overload (docs/operating.md, Limits and overload).

A budget is three requests here, and a token takes a thousand seconds to come back: nothing depends on
how fast the machine is."""

import signal
import socket
import struct
import time

import pytest

from harness import (UdpAnnounce, UdpError, UdpScrape, eventually, metrics_of, new_hash, new_peer_id,
                     percent, raw_query, stats_of)
from harness.udp import ANNOUNCE, announce_packet, answers_before, connect_packet

BUDGET = 3
SLOW = "0.001"  # a second; in an hour's burst: 3.6
NAMES = ("connect", "announce", "scrape", "connections", "errors")
EVERYBODY = ("--rate-exempt", "", "--trusted-proxies", "127.0.0.1")
BUSY = "too many requests, retry later"


@pytest.fixture
def limited(module_server):
    """limited("announce") -> a server in which only these budgets are small."""
    def start(*names, more=()):
        assert set(names) <= set(NAMES)
        rates = [word for n in NAMES for word in (f"--rate-{n}", SLOW if n in names else "0")]
        return module_server(*EVERYBODY, *rates, "--rate-burst", "1h", *more, admin=True)
    return start


def limited_total(server, action, kind="address"):
    return metrics_of(server)[f'rate_limited_total{{action="{action}",kind="{kind}"}}']


# --- UDP ---

def test_connects_over_the_limit_are_not_answered(limited):
    server = limited("connect", "errors")
    one, other = server.udp("127.11.1.1"), server.udp("127.11.2.1")
    connection_id = one.connect()
    for _ in range(BUDGET - 1):
        one.connect()
    for _ in range(5):
        one.send(connect_packet(1))
    assert one.announce(new_hash(), connection_id=connection_id).counts == (0, 1)
    assert one.receive(timeout=0.2) is None
    assert other.connect()
    assert limited_total(server, "connect") == 5


def test_announces_over_the_limit_are_told_so_and_not_recorded(limited):
    server, torrent = limited("announce"), new_hash()
    one, other = server.udp("127.12.1.1"), server.udp("127.12.2.1")
    answers = [one.announce(torrent, port=5000 + n) for n in range(BUDGET + 2)]
    assert [type(a) for a in answers] == [UdpAnnounce] * BUDGET + [UdpError] * 2
    assert answers[-1].text == BUSY
    assert isinstance(one.scrape(torrent), UdpScrape), "scrapes are another budget"
    assert other.announce(torrent, port=6000).counts == (0, BUDGET + 1)


def test_scrapes_over_the_limit(limited):
    server = limited("scrape")
    client = server.udp("127.13.1.1")
    answers = [client.scrape(new_hash()) for _ in range(BUDGET + 1)]
    assert [type(a) for a in answers] == [UdpScrape] * BUDGET + [UdpError]
    assert isinstance(client.announce(new_hash()), UdpAnnounce)


def test_a_forged_source_spends_nothing_that_needs_proof(limited):
    """What somebody sends in the name of another has no valid connection id."""
    server = limited("announce", "scrape")
    client = server.udp("127.14.1.1")
    forged = [announce_packet(1, n, new_hash(), new_peer_id()) for n in range(50)]
    answers_before(client, *forged)
    assert isinstance(client.announce(new_hash()), UdpAnnounce)


def test_errors_over_the_limit_are_silence(limited):
    server = limited("errors")
    client = server.udp("127.15.1.1")
    forged = [announce_packet(1, n, new_hash(), new_peer_id()) for n in range(10)]
    answers = answers_before(client, *forged)
    assert [client.decode(a).text for a in answers] == ["bad connection id"] * BUDGET
    assert isinstance(client.announce(new_hash()), UdpAnnounce)
    assert limited_total(server, "error") == 10 - BUDGET


def test_who_is_over_two_limits_hears_nothing(limited):
    server = limited("announce", "errors")
    client, torrent = server.udp("127.16.1.1"), new_hash()
    packets = [announce_packet(client.connection_id, n, torrent, new_peer_id()) for n in range(20)]
    actions = [struct.unpack_from(">I", a)[0] for a in answers_before(client, *packets)]
    assert (actions.count(ANNOUNCE), len(actions)) == (BUDGET, 2 * BUDGET)


def test_ports_of_an_address_share_its_budget(limited):
    """... whichever worker the kernel gives them to."""
    server, torrent = limited("announce"), new_hash()
    clients = [server.udp("127.17.1.1") for _ in range(8)]
    answers = [c.announce(torrent) for c in clients]
    assert sum(isinstance(a, UdpAnnounce) for a in answers) == BUDGET


def test_a_network_has_a_limit_too(limited):
    server = limited("announce", more=("--rate-prefix", 2))
    inside = [server.udp(f"127.18.1.{n}") for n in range(1, 6)]
    answers = [c.announce(new_hash()) for c in inside for _ in range(2)]
    assert sum(isinstance(a, UdpAnnounce) for a in answers) in (2 * BUDGET, 2 * BUDGET + 1)
    assert isinstance(server.udp("127.18.2.1").announce(new_hash()), UdpAnnounce)
    assert limited_total(server, "announce", "prefix") >= 3


def test_ipv6_is_limited_by_64(limited):
    server = limited("announce")
    def announce(address):
        with server.udp(proxied_for=address) as client:
            client.server = (server.host4, server.proxy_port)
            client.socket.connect(client.server)
            return type(client.announce(new_hash()))
    same = [announce(f"2001:db8:1:1::{n:x}") for n in range(1, BUDGET + 2)]
    assert same == [UdpAnnounce] * BUDGET + [UdpError]
    assert announce("2001:db8:1:2::1") is UdpAnnounce


# --- HTTP ---

def test_connections_over_the_limit_are_closed_unread(limited):
    server = limited("connections")
    for _ in range(BUDGET):
        with server.http("127.21.1.1") as client:
            assert client.announce(new_hash()).counts == (0, 1)
    with server.http("127.21.1.1") as client:
        with pytest.raises((ConnectionError, AssertionError)):
            client.announce(new_hash())
    assert server.http("127.21.2.1").announce(new_hash()).counts == (0, 1)
    assert limited_total(server, "connection") >= 1


def test_http_announces_over_the_limit_are_told_when(limited):
    server, torrent = limited("announce"), new_hash()
    client = server.http("127.22.1.1")
    for n in range(BUDGET):
        assert client.announce(torrent, port=5000 + n).counts == (0, n + 1)
    connection = client.socket
    refused = client.announce(torrent, port=6000)
    minutes = b"17"  # a token takes 1000 s
    assert refused.data == {b"failure reason": BUSY.encode(), b"retry in": minutes}
    assert client.numbers(torrent) == (0, 0, BUDGET) and client.socket is connection


def test_http_scrapes_over_the_limit(limited):
    server = limited("scrape")
    client = server.http("127.23.1.1")
    for _ in range(BUDGET):
        assert client.numbers(new_hash()) == (0, 0, 0)
    answer = client.get("/scrape?info_hash=" + percent(new_hash()).decode())
    assert answer.data[b"failure reason"] == BUSY.encode()
    assert client.announce(new_hash()).counts == (0, 1)


@pytest.mark.parametrize("path", ["/announce", "/nowhere"])
def test_http_errors_over_the_limit_close_the_connection(limited, path):
    server = limited("errors")
    source = f"127.24.{len(path)}.1"
    for _ in range(BUDGET):
        assert server.http(source).get(path).status in (200, 404)
    client = server.http(source).open()
    client.send(client.request(b"/announce?" + raw_query()) + client.request(path.encode()))
    assert client.read_response().counts == (0, 1), "what came before the error is answered"
    assert client.is_closed_by_server() and client.buffer == b""


def test_behind_a_proxy_the_client_counts(limited):
    server = limited("announce", "connections", more=("--real-ip-header", "X-Forwarded-For"))
    def announce(client):
        with server.http() as proxy:  # a connection each: the proxy's own do not count
            return proxy.announce(new_hash(), headers=[("X-Forwarded-For", client)]).data
    answers = [announce("198.51.100.1") for _ in range(BUDGET + 1)]
    assert [b"failure reason" in a for a in answers] == [False] * BUDGET + [True]
    assert b"failure reason" not in announce("198.51.101.1")


def test_both_doors_share_a_budget(limited):
    server = limited("announce")
    udp, http = server.udp("127.25.1.1"), server.http("127.25.1.1")
    for _ in range(BUDGET):
        assert isinstance(udp.announce(new_hash()), UdpAnnounce)
    assert http.announce(new_hash()).data[b"failure reason"] == BUSY.encode()


# --- who is spared, who is shown ---

def test_loopback_is_exempt_by_default(start_server):
    server = start_server("--rate-announce", SLOW, "--rate-connect", SLOW, "--rate-connections", SLOW)
    client = server.udp()
    assert all(isinstance(client.announce(new_hash()), UdpAnnounce) for _ in range(50))
    for _ in range(20):
        with server.http6() as http:
            assert http.announce(new_hash()).counts == (0, 1)


def test_the_worst_are_shown_to_the_operator_only(limited):
    server = limited("announce")
    client = server.udp("127.26.1.1")
    for _ in range(BUDGET + 20):
        client.announce(new_hash())
    told = {row["address"]: row["requests"] for row in stats_of(server)["top_limited"]}
    assert told["127.26.1.1"] == 20
    assert b"top_limited" not in server.http("127.26.2.1").get("/stats.json").body


# --- floods ---

def test_a_flood_costs_the_honest_nothing(start_server):
    """50 addresses send as fast as they can; 1000 others get what they ask for, first the connection
    id and then the peers. The flood gets its budget, and is not recorded beyond it."""
    server = start_server("--rate-exempt", "", "--rate-announce", "1", "--rate-burst", "10s",
                          "--rate-errors", "1", admin=True)
    torrent, bad, flood = new_hash(), new_hash(), []
    abusers = [server.udp(f"127.31.{n}.1") for n in range(50)]
    for n, client in enumerate(abusers):
        flood.append(announce_packet(client.connection_id, n, bad, new_peer_id()))
        client.socket.setblocking(False)
    sent = 0
    for n in range(1000):
        for _ in range(2):
            for client, packet in zip(abusers, flood):
                try:
                    client.socket.send(packet)
                    sent += 1
                except (BlockingIOError, ConnectionError):
                    pass
        with server.udp(f"127.{40 + n // 250}.{n % 250}.7", timeout=1) as honest:
            def joined():
                try:
                    return isinstance(honest.announce(torrent, numwant=0), UdpAnnounce)
                except socket.timeout:
                    return False  # UDP may lose it
            eventually(joined, "an honest client is answered")
    assert server.udp("127.50.1.1").numbers(torrent) == (0, 0, 1000)
    assert sent > 90000
    counted = metrics_of(server)
    answered = counted['requests_total{door="udp",family="ipv4",action="announce"}']
    assert answered < 1000 + 1000 + 50 * 200, "of 100 000: the burst, and one a second"
    assert counted['rate_limited_total{action="announce",kind="address"}'] > 0.3 * sent


# --- overload ---

def overload(server, client):
    """Fill the socket while nobody reads it: the kernel drops."""
    server.signal(signal.SIGSTOP)
    for n in range(400):
        client.send(connect_packet(n))
    server.signal(signal.SIGCONT)
    time.sleep(0.2)


def test_overload_sheds_in_order_and_ends(start_server):
    """First errors, then scrapes; announces are answered throughout; and all is well again."""
    server = start_server("--udp-recv-buffer", "4K", "--full-scrape", "--workers", "1", admin=True)
    flood, torrent = server.udp("127.41.1.1"), new_hash()
    udp, http = server.udp("127.42.1.1"), server.http("127.42.1.1")
    assert udp.announce(torrent).counts == (0, 1)

    def says(what):
        overload(server, flood)
        return f"left undone: {what}\n" in server.output()

    eventually(lambda: says("errors and scrapes"), "overload", pause_s=0.1)
    assert "left undone: errors and full scrapes\n" in server.output()
    late = server.udp("127.42.1.1", timeout=5)
    assert isinstance(late.announce(torrent, port=7000), UdpAnnounce)
    late.send(announce_packet(1, 9, torrent, new_peer_id()))
    assert late.receive(timeout=0.3) is None
    for path in ("/scrape", "/scrape?info_hash=" + percent(torrent).decode()):
        assert http.get(path).data == {b"failure reason": b"overloaded, retry later",
                                       b"retry in": b"5"}
    eventually(lambda: "left undone: nothing\n" in server.output(), "the end of it", pause_s=0.2)
    assert udp.numbers(torrent)[2] == 2 and http.numbers(torrent)[2] == 2
    shed = metrics_of(server)
    assert shed['shed_total{action="error"}'] >= 1 and shed['shed_total{action="scrape"}'] >= 1
