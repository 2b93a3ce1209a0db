"""--mode=info: clients are sent away politely, nothing is stored, pages and heartbeats go on."""

import pytest

from harness import COMPLETED, STOPPED, Owner, join_many, new_hash, run_muster

DAY_S = 86400


@pytest.fixture
def server(start_server):
    return start_server("--full-scrape", "--full-scrape-interval", "0", admin=True)


@pytest.fixture
def owner(server):
    return Owner(server.unix())


def test_announces(server, owner):
    info_hash = new_hash()
    join_many(server, info_hash, 10)
    owner.set(mode="info")
    for client in (server.udp(), server.udp6(), server.udp(source="127.0.0.7")):
        answer = client.announce(info_hash)
        assert (answer.interval, answer.counts, answer.peers) == (DAY_S, (0, 0), [])
    for client in (server.http(), server.http6()):
        answer = client.announce(info_hash)
        assert answer.data[b"interval"] == DAY_S and answer.data[b"min interval"] <= DAY_S
        assert answer.counts == (0, 0) and answer.all_peers == []
        assert client.announce(info_hash, compact=0).data[b"peers"] == []


def test_nothing_is_stored(server, owner):
    info_hash = new_hash()
    owner.set(mode="info")
    server.udp().announce(info_hash, left=0, event=COMPLETED)
    server.udp().announce(info_hash, event=STOPPED)
    server.http().announce(info_hash)
    owner.set(mode="tracker")
    assert server.http().numbers(info_hash) == (0, 0, 0)
    assert server.http().announce(info_hash).counts == (0, 1)


def test_scrapes(server, owner):
    info_hash = new_hash()
    server.http().announce(info_hash, left=0)
    owner.set(mode="info")
    assert server.http().numbers(info_hash) == (0, 0, 0)
    assert server.http().scrape().data[b"files"] == {}
    assert server.udp().scrape(info_hash).entries == [(0, 0, 0)]
    owner.set(mode="tracker")
    assert server.udp().scrape(info_hash).entries == [(1, 0, 0)]


def test_bad_requests_are_told_as_ever(server, owner):
    owner.set(mode="info", passkey="key")
    assert server.http().announce(new_hash()).failure == "invalid passkey"
    assert server.http().announce(new_hash(), path="/key/announce", port=0).failure == "invalid port"
    assert server.http().announce(new_hash(), path="/key/announce").failure is None


def test_the_rest_goes_on(server, owner):
    owner.set(mode="info")
    assert server.http().get("/heartbeat").status == 200
    assert server.http().get("/").status == 200


def test_the_spread(start_server):
    server = start_server("--mode", "info", "--interval-jitter", "10")
    intervals = {server.udp().announce(new_hash()).interval for _ in range(20)}
    assert len(intervals) > 5 and DAY_S * 9 // 10 <= min(intervals) <= max(intervals) <= DAY_S


def test_no_tool_finds_fault_with_it(start_server):
    server = start_server("--mode", "info", "--interval-jitter", "50")
    for scheme in ("udp", "http"):
        ended = run_muster("probe", "--json", f"{scheme}://127.0.0.1:{server.port}/announce")
        assert ended.returncode == 0, ended.stdout
        assert "interval-range" not in ended.stdout and "scrape-incomplete" not in ended.stdout
