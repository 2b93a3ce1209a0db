"""Time and room: expiry (M40..M44), the limits at their edges (M37, M45), the announced interval
(design.md section 4)."""

import os
import re
import signal
import time

import pytest

from harness import (COMPLETED, STOPPED, UdpAnnounce, eventually, join_many, new_hash, new_peer_id)

SHORT = ("--interval", 1, "--min-interval", 1, "--max-interval", 1)
EAGER = (*SHORT, "--sweep-period", "1s")
LAZY = (*SHORT, "--sweep-period", "10m")


# --- expiry ---

@pytest.mark.parametrize("options", [SHORT, EAGER], ids=["default", "eager"])
def test_m40_silent_peers_go(start_server, options):
    """From torrents of any size, as endpoints and as clients of both families."""
    server = start_server(*options)
    client, torrents = server.udp(), {count: new_hash() for count in (1, 2, 3, 20, 100)}
    for count, torrent in torrents.items():
        join_many(server, torrent, count)
        join_many(server, torrent, 1, family=6, left=0)
    eventually(lambda: client.scrape(*torrents.values()).entries == [(0, 0, 0)] * len(torrents),
               "everybody has gone", pause_s=0.1)
    answer = server.http().announce(torrents[100], port=9)
    assert (answer.counts, answer.all_peers) == ((0, 1), [])


def test_m41_expired_peers_are_gone_before_the_sweep(start_server):
    """Small torrents are counted exactly whatever the sweep does; of large ones the sweep corrects
    the counts, but nobody expired is told."""
    server = start_server(*LAZY)
    client, small, large = server.udp(), new_hash(), new_hash()
    join_many(server, small, 20)
    join_many(server, large, 100)
    assert client.numbers(large) == (0, 0, 100)
    eventually(lambda: client.numbers(small) == (0, 0, 0), "everybody has gone", pause_s=0.1)
    assert client.announce(small, port=9).counts == (0, 1)
    peer = new_peer_id()
    eventually(lambda: client.announce(large, peer, port=9).peers == [], "nobody is told",
               pause_s=0.1)


def test_m40_who_announces_stays(start_server):
    """One peer comes back every now and then, the other does not."""
    server, torrent, peer = start_server(*SHORT), new_hash(), new_peer_id()
    client = server.udp()
    client.announce(torrent, peer, port=4000)
    client.announce(torrent, port=4001)

    def alone():
        return client.announce(torrent, peer, port=4000).counts == (0, 1)

    eventually(alone, "the silent one has gone", pause_s=0.1)
    assert client.announce(torrent, peer, port=4000).counts == (0, 1)


def test_m43_completed_outlives_the_peers(start_server):
    server, torrent = start_server(*EAGER), new_hash()
    client, peer = server.udp(), new_peer_id()
    client.announce(torrent, peer, left=1)
    client.announce(torrent, peer, left=0, event=COMPLETED)
    eventually(lambda: client.numbers(torrent) == (0, 1, 0), "the seeder has gone", pause_s=0.1)


def test_m43_empty_torrents_are_freed(start_server):
    """The room of a torrent is free again when its last peer has gone."""
    server = start_server(*EAGER, "--max-torrents", 10)
    client = server.udp()

    def newcomer_is_stored():
        torrent = new_hash()
        client.announce(torrent, numwant=0)
        return client.numbers(torrent) == (0, 0, 1)

    for _ in range(10):
        client.announce(new_hash())
    eventually(newcomer_is_stored, "room for a torrent", pause_s=0.1)


def test_completed_ttl_bounds_the_memory_of_completions(start_server):
    server = start_server(*EAGER, "--completed-ttl", "1s")
    client, torrent = server.udp(), new_hash()
    client.announce(torrent, left=0, event=COMPLETED)
    assert client.numbers(torrent) == (1, 1, 0)
    eventually(lambda: client.numbers(torrent) == (0, 0, 0), "forgotten", pause_s=0.1)


def test_m44_peers_live_by_the_interval_they_were_told(start_server, tmp_path):
    """Told 60 s; then the interval becomes 1 s: others come and go, but this one stays."""
    config = tmp_path / "muster.conf"
    config.write_text("interval = 60\n")
    server = start_server("--config", config, "--user", "", "--listen", "127.0.0.1:{port}",
                          "--min-interval", 1, "--max-interval", 60, "--interval-jitter", 0,
                          exact=True)
    client, torrent = server.udp(), new_hash()
    assert client.announce(torrent, port=4000).interval > 50
    config.write_text("interval = 1\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: client.announce(new_hash()).interval == 1, "the new interval", pause_s=0.1)
    time.sleep(3)  # longer than a peer lives that was told 1 s
    assert client.numbers(torrent) == (0, 0, 1)


# --- limits: newcomers are answered with peers, but not stored ---

def test_m45_max_peers(start_server):
    server = start_server("--max-peers", 5)
    client, torrent, first = server.udp(), new_hash(), new_peer_id()
    client.announce(torrent, first, port=3999)
    join_many(server, torrent, 4)
    answer = client.announce(torrent, port=5000)
    assert isinstance(answer, UdpAnnounce)
    assert (answer.counts, len(answer.peers)) == ((0, 5), 5)
    assert client.announce(new_hash(), port=5000).counts == (0, 0)
    assert client.announce(torrent, first, port=3999, left=0).counts == (1, 4)
    assert client.announce(torrent, first, port=3998, left=0).counts == (1, 4)
    client.announce(torrent, first, port=3998, event=STOPPED)
    assert client.announce(torrent, port=5000).counts == (0, 5)


def test_m45_max_torrents(start_server):
    server = start_server("--max-torrents", 3)
    client, torrents = server.udp(), [new_hash() for _ in range(3)]
    leaving = new_peer_id()
    client.announce(torrents[0], leaving, port=4000)
    for torrent in torrents[1:]:
        client.announce(torrent, port=4000)
    refused = new_hash()
    answer = client.announce(refused, port=4000)
    assert isinstance(answer, UdpAnnounce)
    assert (answer.counts, answer.peers) == ((0, 0), [])
    assert client.numbers(refused) == (0, 0, 0)
    assert client.announce(torrents[1], port=4001).counts == (0, 2)
    client.announce(torrents[0], leaving, port=4000, event=STOPPED)
    eventually(lambda: client.announce(refused, b"r" * 20, port=4000).counts == (0, 1),
               "room for a torrent")


def test_m45_max_peers_per_torrent(module_server):
    server, torrent = module_server("--max-peers-per-torrent", 4), new_hash()
    client4, client6, first = server.udp(), server.udp6(), new_peer_id()
    client4.announce(torrent, first, port=3999)
    join_many(server, torrent, 1)
    join_many(server, torrent, 2, family=6)
    assert client4.announce(torrent, port=5000).counts == (0, 4)
    answer = server.http6().announce(torrent, port=5000)
    assert (answer.counts, len(answer.all_peers)) == ((0, 4), 4)
    assert client4.announce(torrent, first, port=3999, left=0).counts == (1, 3)
    assert client4.announce(new_hash(), port=5000).counts == (0, 1)
    client4.announce(torrent, first, port=3999, event=STOPPED)
    assert client6.announce(torrent, port=5000).counts == (0, 4)
    server.close_clients()


def test_m37_max_peers_per_ip(module_server):
    server, torrent = module_server("--max-peers-per-ip", 3, "--limit-loopback"), new_hash()
    one, other, first = server.udp("127.0.0.2"), server.udp("127.0.0.3"), new_peer_id()
    one.announce(torrent, first, port=3999)
    for port in (4000, 4001):
        one.announce(torrent, port=port)
    assert one.announce(torrent, port=5000).counts == (0, 3)
    assert other.announce(torrent, port=5000).counts == (0, 4)
    assert one.announce(torrent, first, port=3999, left=0).counts == (1, 3)
    assert one.announce(torrent, first, port=3998, left=0).counts == (1, 3)
    assert one.announce(new_hash(), port=5000).counts == (0, 1)
    one.announce(torrent, first, port=3998, event=STOPPED)
    assert one.announce(torrent, port=5000).counts == (0, 4)
    server.close_clients()


def test_m37_ipv6_counts_by_64(module_server):
    server = module_server("--max-peers-per-ip", 3, "--real-ip-header", "X-Forwarded-For")
    client, torrent = server.http(), new_hash()

    def announce(address):
        return client.announce(torrent, headers=[("X-Forwarded-For", address)]).counts[1]

    assert [announce(f"2001:db8:0:1::{n:x}") for n in range(1, 7)] == [1, 2, 3, 3, 3, 3]
    assert announce("2001:db8:0:2::1") == 4
    assert announce("2001:db8:0:1:ffff::1") == 4
    assert [announce(f"198.51.100.{n}") for n in range(1, 5)] == [5, 6, 7, 8]
    server.close_clients()


def test_r19_who_is_not_stored_is_warned(module_server):
    """... as long as it is so, and nobody else is."""
    server, torrent = module_server("--max-peers-per-torrent", 2), new_hash()
    client, peer = server.http(), new_peer_id()
    for port in (4000, 4001):
        assert b"warning message" not in client.announce(torrent, port=port).data
    warned = client.announce(torrent, peer, port=5000)
    assert warned.data[b"warning message"] == b"limit reached: other peers are not told of you"
    assert len(warned.all_peers) == 2
    stopped = client.announce(torrent, peer, port=5000, event="stopped")
    assert b"warning message" not in stopped.data
    server.close_clients()


def test_m37_loopback_is_spared(server):
    client, torrent = server.udp(), new_hash()
    for port in range(5000, 5025):
        client.announce(torrent, port=port)
    assert client.numbers(torrent) == (0, 0, 25)


@pytest.mark.parametrize("option", ["--max-peers", "--max-torrents", "--max-peers-per-torrent",
                                    "--max-peers-per-ip"])
def test_zero_is_no_limit(start_server, option):
    server = start_server(option, 0, "--limit-loopback", "--max-peers-per-ip", 0)
    client, torrent = server.udp(), new_hash()
    join_many(server, torrent, 40)
    assert client.numbers(torrent) == (0, 0, 40)


# --- the interval ---

def test_interval_is_told_over_both_doors(module_server):
    server = module_server("--interval", 777, "--min-interval", 777, "--max-interval", 777)
    assert server.udp().announce(new_hash()).interval == 777
    assert server.udp().announce(new_hash(), event=STOPPED).interval == 777
    assert server.http().announce(new_hash()).data[b"interval"] == 777
    server.close_clients()


@pytest.mark.parametrize("asked,announced", [(100, 300), (600, 600), (5000, 900)])
def test_interval_is_clamped(start_server, asked, announced):
    server = start_server("--min-interval", 300, "--max-interval", 900, "--interval", asked,
                          "--max-load-avg", 10000)
    assert abs(server.udp().announce(new_hash()).interval - announced) <= 5
    said = re.search(r"interval: \d+ s (raised|lowered) to (min|max)_interval", server.output())
    assert bool(said) == (asked != announced)


def test_r11_min_interval_is_a_share(module_server):
    for share, expected in ((50, 900), (0, None), (100, 1800)):
        server = module_server("--answer-min-interval", share)
        assert server.http().announce(new_hash()).data.get(b"min interval") == expected
        server.close_clients()


def test_r31_jitter_spreads_the_answers(start_server):
    server = start_server("--interval", 1000, "--min-interval", 1000, "--max-interval", 1000,
                          "--interval-jitter", 50)
    client, http = server.udp(), server.http()
    told = [client.announce(new_hash(), numwant=0).interval for _ in range(200)]
    assert 1000 <= min(told) and max(told) <= 1500
    assert len(set(told)) > 50 and max(told) - min(told) > 250
    data = [http.announce(new_hash()).data for _ in range(50)]
    assert len({d[b"interval"] for d in data}) > 10
    assert all(d[b"min interval"] <= d[b"interval"] for d in data)


def test_b62_an_idle_machine_is_asked_more_often(start_server):
    """Load below the limit: the interval drifts towards the minimum, a second at a time."""
    server = start_server("--interval", 100, "--min-interval", 10, "--max-interval", 100,
                          "--max-load-avg", 10000)
    client = server.udp()
    eventually(lambda: client.announce(new_hash()).interval < 99, "the interval falls")
    assert client.announce(new_hash()).interval >= 10


@pytest.mark.skipif(min(os.getloadavg()) < 0.05, reason="the machine's load average is too low")
def test_b62_a_loaded_machine_is_spared(start_server):
    server = start_server("--interval", 10, "--min-interval", 10, "--max-interval", 100,
                          "--max-load-avg", 0.0001)
    client = server.udp()
    eventually(lambda: client.announce(new_hash()).interval > 11, "the interval rises")
