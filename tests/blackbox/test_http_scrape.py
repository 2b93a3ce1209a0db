"""Scrapes over HTTP, full scrapes included (protocol.md section 6; AS1..AS10; G5)."""

import gzip

import pytest

from harness import (decode, eventually, everything, new_hash, new_peer_id, percent, raw_query,
                     unharmed)

case = pytest.param


def hashes_query(hashes):
    return b"/scrape?" + b"&".join(b"info_hash=" + percent(h) for h in hashes)


def letters(count):
    """Distinct hashes that need no escape: 31 bytes each in a query."""
    return [b"%020d" % i for i in range(count)]


def join(client, info_hash, complete, downloaded, downloaders, paused):
    """A swarm with these numbers."""
    ports = iter(range(7001, 7999))
    for _ in range(downloaded):
        peer_id, port = new_peer_id(), next(ports)
        for event in ("completed", "stopped"):
            client.announce(info_hash, peer_id, port=port, left=0, event=event)
    for count, params in ((complete, {"left": 0}), (downloaders, {"left": 1}),
                          (paused, {"left": 1, "event": "paused"})):
        for _ in range(count):
            client.announce(info_hash, port=next(ports), **params)


# --- one, some, many ------------------------------------------------------------------------------

def test_G5_S1_S4_S6_bytes(module_server):
    client = module_server("--scrape-interval", "900").http()
    join(client, b"a" * 20, complete=1, downloaded=2, downloaders=2, paused=1)
    assert client.get("/scrape?info_hash=" + "a" * 20).body == (
        b"d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi2e11:downloadersi2e"
        b"10:incompletei3eee5:flagsd20:min_request_intervali900eee")


def test_S6_no_interval_no_flags(module_server):
    answer = module_server("--scrape-interval", "0").http().scrape(new_hash())
    assert set(answer.data) == {b"files"}


def test_S6_default_interval(server):
    assert server.http().scrape(new_hash()).data[b"flags"] == {b"min_request_interval": 900}


def test_S3_AS2_unknown_is_a_zero_entry(server):
    h = new_hash()
    assert server.http().scrape(h).data[b"files"] == {
        h: {b"complete": 0, b"downloaded": 0, b"downloaders": 0, b"incomplete": 0}}


def test_S3_all_unknown(server):
    hashes = [new_hash() for _ in range(5)]
    assert set(server.http().scrape(*hashes).data[b"files"]) == set(hashes)


@pytest.mark.parametrize("arrange", [
    case(sorted, id="S2-ascending"),
    case(lambda h: sorted(h, reverse=True), id="S2-AS5-descending"), case(list, id="S2-any-order"),
])
def test_entries_are_sorted_by_bytes(server, arrange):
    """decode() refuses unsorted keys."""
    hashes = arrange([bytes([first]) + new_hash()[1:] for first in (0, 1, 0x7f, 0x80, 0xff, 0x30)])
    assert list(server.http().scrape(*hashes).data[b"files"]) == sorted(hashes)


def test_S2_AS4_a_hash_asked_50_times_is_one_entry(server):
    h, other = new_hash(), new_hash()
    assert list(server.http().scrape(*[h] * 50).data[b"files"]) == [h]
    assert set(server.http().scrape(*[h, other] * 20).data[b"files"]) == {h, other}


def test_S4_downloaders_in_every_entry(server):
    hashes = [new_hash() for _ in range(3)]
    server.http().announce(hashes[0])
    assert all(b"downloaders" in entry
               for entry in server.http().scrape(*hashes).data[b"files"].values())


def test_S13_no_names(server):
    for entry in server.http().scrape(new_hash()).data[b"files"].values():
        assert set(entry) == {b"complete", b"downloaded", b"downloaders", b"incomplete"}


@pytest.mark.parametrize("asked, answered", [
    case(20, 20, id="S10-biglybt"), case(60, 60, id="S10-AS6-transmission"),
    case(64, 64, id="S10-AS6-64"), case(74, 74, id="AS6-74"), case(100, 100, id="S9-AS6-100"),
    case(101, 100, id="S9-AS6-101"),
    case(300, 100, id="S9-AS6-300"),
])
def test_many_hashes(server, asked, answered):
    """The first distinct ones are answered."""
    hashes = letters(300)[::-1][:asked]
    assert list(server.http().scrape(*hashes).data[b"files"]) == sorted(hashes[:answered])


def test_S9_repeats_do_not_use_up_the_100(server):
    hashes = [h for h in letters(100) for _ in range(2)]
    assert list(server.http().scrape(*hashes).data[b"files"]) == letters(100)


def test_S10_sixty_escaped_hashes(server):
    """Transmission's largest request: 4.3 KB."""
    hashes = [new_hash() for _ in range(60)]
    target = "/scrape?" + "&".join(
        "info_hash=" + percent(h, escape_all=True).decode() for h in hashes)
    assert set(server.http().get(target).data[b"files"]) == set(hashes)


@pytest.mark.parametrize("target", [
    case(b"/scrape?info_hash=" + b"a" * 20480, id="S9-AS7-20K"),
    case(hashes_query(letters(500)), id="S9-AS6-500"),
])
def test_too_long(server, target):
    with unharmed(server):
        client = server.http()
        refusal = client.refused(client.request(target))
        assert refusal.status == 414
        assert refusal.reason.lower() in ("uri too long", "request-uri too long")


# --- what is wrong or does not matter -------------------------------------------------------------

@pytest.mark.parametrize("bad", [
    case("a" * 19, id="AS3-19"), case("a" * 21, id="21"), case("", id="0"),
    case("a" * 19 + "%4", id="P8"),
    case("%61" * 32, id="E40-32"), case("0123456789abcdef0123456789abcdef01234567", id="P9-hex"),
])
@pytest.mark.parametrize("place", ["first", "last"])
def test_S7_one_malformed_hash_fails_all(server, bad, place):
    good = "info_hash=" + "a" * 20
    parts = [f"info_hash={bad}", good] if place == "first" else [good, f"info_hash={bad}"]
    answer = server.http().get("/scrape?" + "&".join(parts))
    assert answer.body == b"d14:failure reason17:invalid info_hashe"


@pytest.mark.parametrize("extra", [
    b"&azsf=1&azver=3", b"&key=DEADBEEF&compact=1", b"&passkey=abc", b"&&&x&=&y=%zz",
    b"&peer_id=short&port=0&left=x&event=stopped",
], ids=lambda e: "S11-AS8-" + e[1:12].decode().replace("&", "+"))
def test_other_parameters_are_ignored(server, extra):
    client, h = server.http(), new_hash()
    client.announce(h)
    assert client.scrape(h, extra=extra).data[b"files"][h][b"incomplete"] == 1


def test_AS8_a_scrape_with_a_whole_announce_joins_nobody(watched):
    h = new_hash()
    answer = watched.http().get(b"/scrape?" + raw_query(info_hash=percent(h), event="started"))
    assert list(answer.data[b"files"]) == [h]
    assert h not in everything(watched)


@pytest.mark.parametrize("query, reason", [
    case("info_hash=" + "a" * 20, "missing peer_id", id="one-hash"),
    case("info_hash=" + "a" * 20 + "&info_hash=" + "b" * 20, "multiple info_hash", id="two-hashes"),
    case("", "missing info_hash", id="no-hash"),
])
def test_AS10_scrape_queries_on_the_announce_path(server, query, reason):
    assert server.http().get("/announce?" + query).failure == reason


@pytest.mark.parametrize("target", ["/scrape", "/scrape?", "/scrape?x=1", "/scrape?Info_Hash=aaaa",
                                    "/scrape?info_hash"])
def test_S8_S12_AS1_no_hash_is_refused(server, target):
    assert server.http().get(target).failure == "full scrape not allowed"


def test_S5_a_scrape_refreshes_nobody(watched):
    client, h = watched.http(), new_hash()
    for _ in range(5):
        client.scrape(h)
    assert h not in everything(watched)


def test_S14_both_families_are_counted(server):
    h = new_hash()
    server.http().announce(h, left=0)
    server.http6().announce(h)
    assert server.http().numbers(h) == (1, 0, 1) == server.http6().numbers(h)


def test_S15_disabled(module_server):
    client = module_server("--no-scrape").http()
    for target in ("/scrape", "/scrape?info_hash=" + "a" * 20, "/scrape?info_hash=a"):
        assert client.get(target).failure == "scrape disabled"
    assert client.announce(new_hash()).counts == (0, 1)


def test_AS9_scraping_unknown_hashes_needs_no_memory(watched):
    """20 000 of them: the process grows by less than it would need to keep them."""
    client = watched.http()

    def resident_kb():
        with open(f"/proc/{watched.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def scrape(rounds):
        client.pipeline([client.request(hashes_query([new_hash() for _ in range(100)]))
                         for _ in range(rounds)], batch=5)

    scrape(20)
    torrents, before = len(everything(watched)), resident_kb()
    scrape(200)
    assert resident_kb() - before < 2048
    assert len(everything(watched)) == torrents


# --- full scrape ----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def stock(module_server):
    """A server with full scrapes and 700 torrents, some with IPv6 peers; and their hashes."""
    server = module_server("--full-scrape", "--full-scrape-interval", "0",
                           "--real-ip-header", "X-Forwarded-For")
    hashes = {new_hash() for _ in range(700)}
    client = server.http()
    client.pipeline([
        client.request(b"/announce?" + raw_query(info_hash=percent(h), left=i % 2),
                       [("X-Forwarded-For", "2001:db8::9" if i % 3 else "198.51.100.7")])
        for i, h in enumerate(hashes)])
    return server, hashes


@pytest.fixture
def stocked(stock):
    """A client of that server, and the hashes."""
    server, hashes = stock
    yield server.http(headers=[("X-Forwarded-For", "203.0.113.9")]), hashes
    server.close_clients()


def test_full_scrape_has_every_torrent_once(stocked):
    client, hashes = stocked
    answer = client.get("/scrape")
    body = answer.data[b"files"]
    assert set(body) >= hashes
    assert all(body[h][b"complete"] + body[h][b"incomplete"] == 1 for h in hashes)
    assert answer.header("Content-Encoding") is None
    assert client.announce(new_hash()).counts == (0, 1), "the connection goes on afterwards"


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=1.0", "GZIP", "br, gzip, deflate"])
def test_full_scrape_gzip_where_asked(stocked, accepted):
    client, hashes = stocked
    answer = client.get("/scrape", [("Accept-Encoding", accepted)])
    assert answer.header("Content-Encoding") == "gzip"
    plain = gzip.decompress(answer.body)
    assert set(decode(plain)[b"files"]) >= hashes


@pytest.mark.parametrize("accepted", ["identity", "deflate, br", "gzip;q=0", "x-gzipped", ""])
def test_full_scrape_plain_where_gzip_is_not_accepted(stocked, accepted):
    client, hashes = stocked
    answer = client.get("/scrape", [("Accept-Encoding", accepted)])
    assert answer.header("Content-Encoding") is None
    assert set(answer.data[b"files"]) >= hashes


def test_full_scrape_of_an_http_1_0_client(stocked):
    """It knows no chunks: the end is the end of the connection, or the length is told."""
    client, hashes = stocked
    answer = client.get("/scrape", version="HTTP/1.0")
    assert answer.header("Transfer-Encoding") is None
    assert set(answer.data[b"files"]) >= hashes


def test_full_scrape_head(stocked):
    client, _ = stocked
    answer = client.get("/scrape", method="HEAD")
    assert answer.status == 200 and answer.body == b""
    if not answer.closes:
        assert client.announce(new_hash()).counts == (0, 1)


def test_full_scrape_behind_other_requests(stocked):
    """Pipelined: answers keep their order around a streamed one."""
    client, hashes = stocked
    h = new_hash()
    announce = client.request(b"/announce?" + raw_query(info_hash=percent(h)))
    first, full, last = client.pipeline([announce, client.request("/scrape"), announce])
    assert first.counts == (0, 1) and set(full.data[b"files"]) >= {*hashes, h}
    assert sum(last.counts) == 1


def test_full_scrape_of_a_nearly_empty_server(start_server):
    server = start_server("--full-scrape", "--full-scrape-interval", "0")
    assert everything(server) == {}
    hashes = {new_hash() for _ in range(3)}
    for h in hashes:
        server.http().announce(h)
    assert set(everything(server)) == hashes


def test_full_scrape_reader_that_leaves(stocked):
    client, _ = stocked
    for _ in range(5):
        client.open()
        client.send(client.request("/scrape"))
        client.close()
    assert client.announce(new_hash()).counts == (0, 1)


def test_full_scrape_once_per_interval_and_address(start_server):
    server = start_server("--full-scrape", "--full-scrape-interval", "1h", "--limit-loopback",
                          "--real-ip-header", "X-Forwarded-For")
    client = server.http()

    def ask(address):
        return client.get("/scrape", [("X-Forwarded-For", address)])

    for address in ("198.51.100.7", "198.51.100.8", "2001:db8::1"):
        assert b"files" in ask(address).data
        refusal = ask(address).data
        assert refusal[b"failure reason"] == b"full scrape rate limited"
        assert refusal[b"retry in"] == b"60"  # minutes, as text: R44
    h = new_hash()
    one = client.scrape(h, headers=[("X-Forwarded-For", "198.51.100.7")])
    assert list(one.data[b"files"]) == [h], "scrapes with hashes are not limited"


def test_full_scrape_again_after_the_interval(start_server):
    server = start_server("--full-scrape", "--full-scrape-interval", "1s", "--limit-loopback")
    client = server.http()
    assert b"files" in client.get("/scrape").data
    eventually(lambda: b"files" in client.get("/scrape").data, "another full scrape")


def test_full_scrape_with_hashes_is_a_scrape(stocked):
    client, hashes = stocked
    h = min(hashes)
    assert list(client.scrape(h).data[b"files"]) == [h]
