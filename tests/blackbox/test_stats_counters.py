"""Every kind of request moves exactly the counters it should, and all pages tell the same."""

import re
import socket

import pytest

from harness import (assert_dropped, eventually, metrics_of, new_hash, new_peer_id, percent,
                     raw_query, stats_of, text_of)
from harness.udp import announce_packet, connect_packet

# Counters of bytes and calls, and of the pages that are asked for them.
ASIDE = re.compile(r"(udp_(received_bytes|sent_bytes|sent|batches)|http_(received|sent)_bytes"
                   r"|http_full_scrape_bytes|tcp_|store_|admin_|log_|peers_|torrents_|completions_)")


@pytest.fixture
def counted(module_server):
    server = module_server("--full-scrape", "--full-scrape-interval", "0", admin=True)
    yield server
    server.close_clients()


def answered(door, family, action):
    return f'requests_total{{door="{door}",family="{family}",action="{action}"}}'


def received(door, family="ipv4"):
    return f'received_requests_total{{door="{door}",family="{family}"}}'


def status(code):
    return f'http_answers_total{{door="http",kind="{code}"}}'


KEPT = "http_kept_alive_total"


def udp_connect(server):
    server.udp().connect()


def udp6_connect(server):
    server.udp6().connect()


def udp_heartbeat(server):
    assert server.udp().raw(connect_packet(1, action=4)) == b"\xff"


def udp_wrong_id(server):
    server.udp().raw(announce_packet(1, 2, new_hash(), new_peer_id()))


def udp_noise(server):
    assert_dropped(server.udp(), b"noise")


def get(target, expected, version="HTTP/1.1", client="http"):
    def ask(server):
        assert getattr(server, client)().get(target, version=version).status == expected
    return ask


def announce_target():
    return b"/announce?" + raw_query(info_hash=percent(new_hash()), peer_id=percent(new_peer_id()),
                                     port=1, left=1)


CASES = {
    "connect": (udp_connect, {received("udp"): 1, answered("udp", "ipv4", "connect"): 1}),
    "connect over IPv6": (udp6_connect, {received("udp", "ipv6"): 1,
                                         answered("udp", "ipv6", "connect"): 1}),
    "UDP announce": (lambda s: s.udp().announce(new_hash()),
                     {received("udp"): 2, answered("udp", "ipv4", "connect"): 1,
                      answered("udp", "ipv4", "announce"): 1}),
    "UDP announce over IPv6": (lambda s: s.udp6().announce(new_hash()),
                               {received("udp", "ipv6"): 2, answered("udp", "ipv6", "connect"): 1,
                                answered("udp", "ipv6", "announce"): 1}),
    "UDP scrape": (lambda s: s.udp().scrape(new_hash()),
                   {received("udp"): 2, answered("udp", "ipv4", "connect"): 1,
                    answered("udp", "ipv4", "scrape"): 1}),
    "UDP heartbeat": (udp_heartbeat, {received("udp"): 1,
                                      answered("udp", "ipv4", "heartbeat"): 1}),
    "wrong connection id": (udp_wrong_id, {received("udp"): 1, "udp_errors_total": 1,
                                           "udp_bad_connection_ids_total": 1}),
    "HTTP announce": (lambda s: s.http().announce(new_hash()),
                      {received("http"): 1, answered("http", "ipv4", "announce"): 1,
                       status(200): 1, KEPT: 1}),
    "HTTP announce over IPv6": (lambda s: s.http6().announce(new_hash()),
                                {received("http", "ipv6"): 1,
                                 answered("http", "ipv6", "announce"): 1, status(200): 1, KEPT: 1}),
    "HTTP scrape": (lambda s: s.http().scrape(new_hash()),
                    {received("http"): 1, answered("http", "ipv4", "scrape"): 1, status(200): 1,
                     KEPT: 1}),
    "full scrape": (get("/scrape", 200), {received("http"): 1,
                                          answered("http", "ipv4", "full_scrape"): 1,
                                          status(200): 1, KEPT: 1}),
    "HTTP heartbeat": (get("/heartbeat", 200), {received("http"): 1,
                                                answered("http", "ipv4", "heartbeat"): 1,
                                                status(200): 1, KEPT: 1}),
    "failure": (get("/announce?info_hash=short", 200), {received("http"): 1, status(200): 1,
                                                        "http_failures_total": 1, KEPT: 1}),
    "HTTP/1.0": (get("/heartbeat", 200, version="HTTP/1.0"),
                 {received("http"): 1, answered("http", "ipv4", "heartbeat"): 1, status(200): 1}),
    "page": (get("/robots.txt", 200), {received("http"): 1, answered("http", "ipv4", "page"): 1,
                                       status(200): 1, "pages_handed_over_total": 1}),
    "page over IPv6": (get("/stats.json", 200, client="http6"),
                       {received("http", "ipv6"): 1, answered("http", "ipv6", "page"): 1,
                        status(200): 1, "pages_handed_over_total": 1}),
    "no such path": (get("/nowhere", 404), {received("http"): 1, status(404): 1}),
}


def moved(before, after):
    return {name: after[name] - before[name] for name in after
            if after[name] != before[name] and not ASIDE.match(name)}


@pytest.mark.parametrize("name", CASES)
def test_a_request_moves_its_counters_and_no_other(counted, name):
    act, expected = CASES[name]
    before = stats_of(counted)["metrics"]
    act(counted)
    eventually(lambda: sum(moved(before, stats_of(counted)["metrics"]).values())
               >= sum(expected.values()), f"{expected}")
    assert moved(before, stats_of(counted)["metrics"]) == expected


def test_noise_is_dropped_and_counted(counted):
    before = stats_of(counted)["metrics"]
    udp_noise(counted)
    change = moved(before, stats_of(counted)["metrics"])
    assert change["udp_drops_total"] == 1
    assert change.get("udp_errors_total", 0) == 0


def kinds(stats):
    return {(e["door"], e["kind"]): e["count"] for e in stats["errors"]}


def test_errors_are_told_by_kind_and_door(counted):
    before = kinds(stats_of(counted))
    udp_wrong_id(counted)
    counted.http().get("/announce?info_hash=short")
    counted.http().get("/nowhere")
    after = kinds(stats_of(counted))
    change = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key)}
    assert change == {("udp", "bad_connection_id"): 1, ("http", "invalid_info_hash"): 1,
                      ("http", "status_404"): 1}


# --- what the pages agree on -------------------------------------------------------------------

def test_json_and_prometheus_agree(counted):
    counted.udp().announce(new_hash())
    counted.http().announce(new_hash())
    stats, metrics = stats_of(counted), metrics_of(counted)
    for name, value in stats["metrics"].items():
        if not ASIDE.match(name):
            assert metrics[name] == value, name
    for family in ("ipv4", "ipv6"):
        assert metrics[f'peers{{family="{family}"}}'] == stats["peers_by"][family]
        assert metrics[f'seeders{{family="{family}"}}'] == stats["peers_by"]["seeders_" + family]
    assert metrics["torrents"] == stats["torrents"]["total"] == stats["swarms"]
    assert stats["peers"] == stats["seeders"] + stats["leechers"]
    for row in stats["requests"]:
        labels = ",".join(f'{key}="{row[key]}"' for key in ("door", "family", "action"))
        assert metrics[f"requests_total{{{labels}}}"] == row["count"]
    for row in stats["errors"]:
        if not row["kind"].startswith(("status_", "not_a")):
            assert metrics[f'errors_total{{door="{row["door"]}",kind="{row["kind"]}"}}'] == row["count"]
    assert {f'udp_socket_drops_total{{address="{s["address"]}",worker="{s["worker"]}"}}'
            for s in stats["drops"]["sockets"]} == {
        m for m in metrics if m.startswith("udp_socket_drops")}


def test_the_text_page_and_etrackers_table_agree(counted):
    counted.udp().announce(new_hash())
    text, stats = text_of(counted), stats_of(counted)
    told = dict(re.findall(r"^(\S.*?)\s+=\s+(\d+)(?: \(.*\))?$", text, re.M))
    for name in ("stats.announce_udp", "stats.connect_udp", "stats.announce", "stats.scrape",
                 "stats.http_200", "stats.http_404", "stats.recv_pass_udp", "malloc", "free"):
        assert int(told[name]) == stats["etracker"][name], name
    assert int(told["stats.announce_udp"]) == sum(
        row["count"] for row in stats["requests"]
        if (row["door"], row["action"]) == ("udp", "announce"))
    assert int(told["peers"]) == stats["peers"] and int(told["torrents"]) == stats["swarms"]


def test_opentrackers_modes_agree(counted):
    peers, seeds, words, last = text_of(counted, "?mode=peer").split("\n")
    stats = stats_of(counted)
    assert (int(peers), int(seeds)) == (stats["peers"], stats["seeders"])
    assert words == f"opentracker serving {stats['swarms']} torrents" and last == "opentracker"
    announces = re.search(r"<udp>.*?<announce>(\d+)</announce>", text_of(counted, "?mode=everything"),
                          re.S)
    assert int(announces.group(1)) == stats["etracker"]["stats.announce_udp"]


# --- failed calls ------------------------------------------------------------------------------

def test_a_reset_is_counted_by_errno(counted):
    """A client that resets while its request is read: recv fails, and etracker's table says so."""
    before = stats_of(counted)
    with socket.create_connection((counted.host4, counted.port)) as s:
        s.sendall(b"GET /scr")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    def resets(stats):
        return stats["errno"]["recv"].get("ECONNRESET", 0)
    eventually(lambda: resets(stats_of(counted)) == resets(before) + 1, "a reset")
    after = stats_of(counted)["etracker"]
    assert after["stats.recv_failed"] == before["etracker"]["stats.recv_failed"] + 1
    assert "\nrecv_errno\n" in text_of(counted) and "Connection reset by peer" in text_of(counted)
