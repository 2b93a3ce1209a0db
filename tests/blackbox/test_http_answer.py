"""HTTP announce answers: bencode, keys, forms, intervals, failures (protocol.md 1, 4, 9.6, 13)."""

import ipaddress

import pytest

from harness import decode, fill, new_hash, new_peer_id, percent, raw_query

case = pytest.param

G_HASH = bytes(range(20))
G1_TARGET = (b"/announce?info_hash=%00%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%12%13"
             b"&peer_id=-XX0001-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=1048576"
             b"&event=started&numwant=50&key=DEADBEEF&compact=1&no_peer_id=1")
PEER_ID = b"-XX0001-abcdefghijkl"


def behind(address):
    return [("X-Forwarded-For", address)]


@pytest.fixture
def plain(start_server):
    """A server whose answers hold nothing optional."""
    return start_server("--no-external-ip", "--answer-min-interval", "50")


def golden_server(module_server, *options):
    return module_server("--real-ip-header", "X-Forwarded-For", *options)


# --- golden bytes ---------------------------------------------------------------------------------

def test_G1_first_peer_of_a_new_swarm(plain):
    answer = plain.http().get(G1_TARGET, host="t.example:6969")
    assert answer.body == (b"d8:completei0e10:downloadedi0e10:incompletei1e8:intervali1800e"
                           b"12:min intervali900e5:peers0:e")
    assert len(answer.body) == 92


def grow(client, info_hash, seeders, leechers):
    """A swarm with these numbers; its members have addresses the public is not told."""
    fill(client, info_hash, [f"10.1.0.{i + 1}" for i in range(seeders)], left=0)
    fill(client, info_hash, [f"10.2.0.{i + 1}" for i in range(leechers)])


def complete(client, info_hash, times):
    """Downloads that were completed by clients that left again."""
    for i in range(times):
        peer_id, where = new_peer_id(), behind(f"10.3.0.{i + 1}")
        for event in ("completed", "stopped"):
            client.announce(info_hash, peer_id, event=event, left=0, headers=where)


def test_G3_E10_compact_with_external_ip(module_server):
    """Two seeders and a leecher have private addresses: the public asker gets the one other."""
    client, h = golden_server(module_server).http(), new_hash()
    grow(client, h, 2, 1)
    complete(client, h, 5)
    client.announce(h, PEER_ID, headers=behind("198.51.100.7"))
    answer = client.announce(h, port=6882, left=7, headers=behind("203.0.113.9"))
    assert answer.body == (b"d8:completei2e10:downloadedi5e11:external ip4:\xcb\x00\x71\x09"
                           b"10:incompletei3e8:intervali1800e12:min intervali900e"
                           b"5:peers6:\xc6\x33\x64\x07\x1a\xe1e")


def dictionary_swarm(client):
    h = new_hash()
    grow(client, h, 2, 1)
    client.announce(h, PEER_ID, headers=behind("198.51.100.7"))
    return h


def test_G3_R24_dictionary_with_ids(module_server):
    client = golden_server(module_server, "--store-peer-ids").http()
    h = dictionary_swarm(client)
    answer = client.announce(h, compact=0, headers=behind("203.0.113.9"))
    assert answer.body.endswith(b"5:peersld2:ip12:198.51.100.77:peer id20:-XX0001-abcdefghijkl"
                                b"4:porti6881eeee")
    assert answer.counts == (2, 3)


@pytest.mark.parametrize("options, params", [
    case(("--store-peer-ids",), {"no_peer_id": 1}, id="R25-no_peer_id"),
    case((), {}, id="R26-ids-not-stored"),
])
def test_G3_R24_V11_dictionary_without_ids_both_families(module_server, options, params):
    client = golden_server(module_server, *options).http()
    h = dictionary_swarm(client)
    client.announce(h, headers=behind("2001:db8::7"))
    answer = client.announce(h, compact=0, headers=behind("203.0.113.9"), **params)
    four, six = b"d2:ip12:198.51.100.74:porti6881ee", b"d2:ip11:2001:db8::74:porti6881ee"
    assert answer.body.endswith((b"5:peersl" + four + six + b"ee",
                                 b"5:peersl" + six + four + b"ee"))
    assert b"peers6" not in answer.data


GOLDEN_FAILURES = [
    case({"info_hash": None}, b"d14:failure reason17:missing info_hashe", id="missing-info-hash"),
    case({"info_hash": "x"}, b"d14:failure reason17:invalid info_hashe", id="invalid-info-hash"),
    case({"info_hash": "a" * 20 + "&info_hash=" + "b" * 20},
         b"d14:failure reason18:multiple info_hashe", id="multiple-info-hash"),
    case({"peer_id": None}, b"d14:failure reason15:missing peer_ide", id="missing-peer-id"),
    case({"peer_id": "x"}, b"d14:failure reason15:invalid peer_ide", id="invalid-peer-id"),
    case({"port": None}, b"d14:failure reason12:missing porte", id="missing-port"),
    case({"port": "x"}, b"d14:failure reason12:invalid porte", id="invalid-port"),
    case({"left": "x"}, b"d14:failure reason12:invalid lefte", id="invalid-left"),
    case({"uploaded": "x"}, b"d14:failure reason16:invalid uploadede", id="invalid-uploaded"),
    case({"downloaded": "x"}, b"d14:failure reason18:invalid downloadede", id="invalid-downloaded"),
]


@pytest.mark.parametrize("fields, body", GOLDEN_FAILURES)
def test_G6_R40_failure_bytes(server, fields, body):
    answer = server.http().get(b"/announce?" + raw_query(**fields))
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("target, options, body", [
    case("/scrape", (), b"d14:failure reason23:full scrape not allowede", id="full-scrape"),
    case("/scrape?info_hash=" + "a" * 20, ("--no-scrape",),
         b"d14:failure reason15:scrape disablede", id="S15-scrape-disabled"),
    case("/announce?" + raw_query().decode(), ("--passkey", "secret"),
         b"d14:failure reason15:invalid passkeye", id="E22-invalid-passkey"),
])
def test_G6_R40_failure_bytes_of_options(module_server, target, options, body):
    answer = module_server(*options).http().get(target)
    assert (answer.status, answer.body) == (200, body)


# --- envelope -------------------------------------------------------------------------------------

ENVELOPES = [
    case("/announce?" + raw_query().decode(), id="announce"),
    case("/announce", id="failure"),
    case("/scrape?info_hash=" + "a" * 20, id="scrape"),
]


@pytest.mark.parametrize("target", ENVELOPES)
def test_R1_R2_R3_C4_envelope(server, target):
    """200, text/plain, exact length, identity coding whatever is offered, nothing around it."""
    client = server.http()
    answer = client.get(target, [("Accept-Encoding", "gzip, deflate, br")])
    assert (answer.version, answer.status) == ("HTTP/1.1", 200)
    assert answer.header("Content-Type").split(";")[0] == "text/plain"
    assert int(answer.header("Content-Length")) == len(answer.body)
    assert answer.header("Content-Encoding") is None
    assert answer.header("Transfer-Encoding") is None
    assert answer.body[:1] == b"d" and answer.body[-1:] == b"e"
    assert isinstance(decode(answer.body), dict)
    assert client.buffer == b""


@pytest.mark.parametrize("target", ENVELOPES)
def test_T9_6_answers_are_not_cached(server, target):
    assert "no-store" in (server.http().get(target).header("Cache-Control") or "")


# --- keys -----------------------------------------------------------------------------------------

REQUIRED = {b"complete", b"incomplete", b"interval", b"peers"}
ALLOWED = REQUIRED | {b"downloaded", b"external ip", b"min interval", b"peers6"}


@pytest.mark.parametrize("params", [
    case({}, id="plain"), case({"event": "started"}, id="started"),
    case({"event": "completed", "left": 0}, id="completed"),
    case({"event": "stopped"}, id="R50-stopped"), case({"event": "paused"}, id="paused"),
    case({"numwant": 0}, id="R51-numwant-0"), case({"left": 0}, id="seeder"),
    case({"compact": 0}, id="dictionary"), case({"compact": 0, "numwant": 0}, id="dictionary-0"),
])
def test_R10_R14_R16_R17_R19_C6_C7_keys(server, params):
    """decode() insists on sorted, distinct keys and small integers (C1..C5, C7, C8)."""
    data = server.http().announce(new_hash(), **params).data
    assert REQUIRED <= set(data) <= ALLOWED
    assert 300 <= data[b"interval"] <= 10800                        # R30
    assert 0 < data.get(b"min interval", 1) <= data[b"interval"]    # R11
    assert data[b"peers"] in (b"", []) and data.get(b"peers6", b"") == b""


def test_R12_R13_R15_counts_after_this_announce(server):
    client, h = server.http(), new_hash()
    one, two = new_peer_id(), new_peer_id()
    steps = [
        (one, 7001, {"event": "started", "left": 5}, (0, 1, 0)),
        (two, 7002, {"event": "started", "left": 0}, (1, 1, 0)),
        (one, 7001, {"event": "completed", "left": 0}, (2, 0, 1)),
        (one, 7001, {"left": 0}, (2, 0, 1)),
        (two, 7002, {"left": 9}, (1, 1, 1)),
        (two, 7002, {"event": "paused", "left": 9}, (1, 1, 1)),
        (one, 7001, {"event": "stopped", "left": 0}, (0, 1, 1)),
        (two, 7002, {"event": "stopped", "left": 9}, (0, 0, 1)),
    ]
    for peer_id, port, params, (complete, incomplete, downloaded) in steps:
        data = client.announce(h, peer_id, port=port, **params).data
        assert (data[b"complete"], data[b"incomplete"], data[b"downloaded"]) == \
            (complete, incomplete, downloaded), params


def test_R50_stopped_gets_no_peers(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, port=7001)
    assert client.announce(h, peer_id, port=7002).peers == [("127.0.0.1", 7001)]
    answer = client.announce(h, peer_id, port=7002, event="stopped", numwant=50)
    assert answer.data[b"peers"] == b"" and answer.counts == (0, 1)


def test_R51_numwant_0_gets_counts_only(server):
    client, h = server.http(), new_hash()
    client.announce(h, port=7001)
    answer = client.announce(h, port=7002, numwant=0)
    assert answer.data[b"peers"] == b"" and b"5:peers0:" in answer.body
    assert answer.counts == (0, 2)


@pytest.mark.parametrize("params", [
    case({}, id="no-event"), case({"event": "paused"}, id="E3-paused"),
    case({"event": ""}, id="empty-event"), case({"event": "completed"}, id="completed"),
])
def test_R52_joins_without_started(server, params):
    client, h = server.http(), new_hash()
    assert client.announce(h, **params).counts == (0, 1)
    assert client.numbers(h) == (0, 0, 1)


@pytest.mark.parametrize("left", ["1", "16384", str(2**63)])
def test_R53_completed_with_bytes_left_counts_nothing(server, left):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, peer_id)
    assert client.announce(h, peer_id, event="completed", left=left).counts == (0, 1)
    assert client.numbers(h) == (0, 0, 1)


def test_completed_without_left_is_believed(server):
    """`left` decides where it is told (R53); where it is not, completed makes a seeder."""
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, peer_id, left=None)
    assert client.announce(h, peer_id, event="completed", left=None).counts == (1, 0)
    assert client.numbers(h) == (1, 1, 0)


@pytest.mark.parametrize("options, address, packed", [
    case((), "127.0.0.1", b"\x7f\0\0\1", id="R18-E10-default-on"),
    case(("--no-external-ip",), "127.0.0.1", None, id="R18-E10-off"),
])
def test_external_ip(module_server, options, address, packed):
    assert module_server(*options).http().announce(new_hash()).data.get(b"external ip") == packed


def test_R18_external_ip_of_an_ipv6_client(server):
    data = server.http6().announce(new_hash()).data
    assert data[b"external ip"] == ipaddress.ip_address("::1").packed


# --- forms of the peer list -----------------------------------------------------------------------

@pytest.mark.parametrize("compact, listed", [
    case(None, False, id="R22-absent"), case("1", False, id="R22-1"), case("0", True, id="R23-0"),
])
def test_compact(server, compact, listed):
    client, h = server.http(), new_hash()
    client.announce(h, port=7001)
    peers = client.announce(h, port=7002, compact=compact).data[b"peers"]
    expected = [{b"ip": b"127.0.0.1", b"port": 7001}] if listed else b"\x7f\0\0\1\x1b\x59"
    assert peers == expected


def test_R20_R21_record_strides(fronted):
    """.peers and .peers6 insist on whole records; each family has its own key."""
    client, h = fronted.http(), new_hash()
    four = [f"198.51.100.{i}" for i in range(1, 8)]
    six = [f"2001:db8:{i:x}::1" for i in range(1, 6)]
    fill(client, h, four + six, port=7001)
    answer = client.announce(h, headers=behind("203.0.113.9"))
    assert sorted(answer.peers) == sorted((a, 7001) for a in four)
    assert sorted(answer.peers6) == sorted((a, 7001) for a in six)


def test_R25_no_peer_id_needs_the_dictionary_form_to_matter(module_server):
    client, h = module_server("--store-peer-ids").http(), new_hash()
    first = new_peer_id()
    client.announce(h, first, port=7001)
    for params, expected in (({}, {b"ip", b"peer id", b"port"}),
                             ({"no_peer_id": 1}, {b"ip", b"port"}),
                             ({"no_peer_id": 0}, {b"ip", b"peer id", b"port"})):
        peers = client.announce(h, port=7002, compact=0, **params).data[b"peers"]
        assert [set(p) for p in peers] == [expected], params
    assert client.announce(h, port=7002, compact=1).peers == [("127.0.0.1", 7001)]


def test_R27_order_is_random(fronted):
    client, h = fronted.http(), new_hash()
    fill(client, h, [f"198.51.100.{i}" for i in range(1, 31)])
    lists = [client.announce(h, port=7002, headers=behind("203.0.113.9")).peers for _ in range(12)]
    assert all(sorted(peers) == sorted(lists[0]) and len(peers) == 30 for peers in lists)
    assert len({tuple(peers) for peers in lists}) > 6


def test_M33_every_peer_is_handed_out(fronted):
    """150 peers, 60 answers of 30: the chance that one peer is never seen is about 150 * 0.8^60."""
    client, h = fronted.http(), new_hash()
    fill(client, h, [f"198.51.100.{i + 1}" for i in range(150)])
    seen = set()
    for _ in range(60):
        seen.update(client.announce(h, port=7002, numwant=30, headers=behind("203.0.113.9")).peers)
    assert len(seen) == 150


@pytest.mark.parametrize("compact", [1, 0])
def test_C9_the_largest_answer_fits_clients(module_server, compact):
    """BiglyBT gives up above 128 KiB."""
    server = golden_server(module_server, "--store-peer-ids", "--max-peers-per-response", "1000")
    client, h = server.http(), new_hash()
    addresses = [f"2001:db8:{i:x}:aaaa:bbbb:cccc:dddd:eeee" for i in range(1, 1025)]
    fill(client, h, addresses, port=65535)
    answer = client.announce(h, numwant=1000, compact=compact, headers=behind("2001:db9::1"))
    assert answer.counts == (0, 1025)
    assert len(answer.body) < 128 * 1024
    got = len(answer.peers6) if compact else len(answer.data[b"peers"])
    assert got == 1000


# --- intervals ------------------------------------------------------------------------------------

def test_R30_R11_default_intervals(start_server):
    """Without any option: not below 5 minutes, not above 3 hours."""
    server = start_server("--user", "", "--listen", "127.0.0.1:{port}", "--listen", "[::1]:{port}",
                          exact=True)
    data = server.http().announce(new_hash()).data
    assert 300 <= data[b"interval"] <= 10800
    assert 0 < data[b"min interval"] <= data[b"interval"]


def test_R31_jitter(module_server):
    client, h = module_server("--interval-jitter", "10").http(), new_hash()
    answers = [client.announce(h).data for _ in range(100)]
    told = [d[b"interval"] for d in answers]
    assert len(set(told)) > 10
    assert 1620 <= min(told) and max(told) <= 1980
    assert all(d[b"min interval"] <= d[b"interval"] for d in answers)


def test_R32_same_interval_over_udp(server):
    h = new_hash()
    assert server.http().announce(h).data[b"interval"] == server.udp().announce(h).interval


@pytest.mark.parametrize("share, told", [("50", 900), ("100", 1800), ("1", 18), ("0", None)])
def test_R11_answer_min_interval(module_server, share, told):
    client = module_server("--answer-min-interval", share).http()
    assert client.announce(new_hash()).data.get(b"min interval") == told


def test_M46_announcing_early_is_answered_normally(server):
    client, h, peer_id = server.http(), new_hash(), new_peer_id()
    client.announce(h, port=7001)
    for _ in range(20):
        assert client.announce(h, peer_id, port=7002).peers == [("127.0.0.1", 7001)]


def test_percent_spelling_of_the_harness():
    """The tests above lean on it."""
    assert percent(G_HASH[:3]) == b"%00%01%02" and percent("a b") == b"a%20b"
