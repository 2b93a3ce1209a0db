"""Paths, passkeys, heartbeat and requests wrapped in base64 (protocol.md 9.7, S20, E22; AH25, AH51,
AH69; trakx's and etracker's habits)."""

import base64

import pytest

from harness import new_hash, percent, raw_query, unharmed

case = pytest.param

KEY = "S3cret_pass-Key"


def targets(word):
    """Every form of the announce or scrape path, with and without a key."""
    return [f"/{word}", f"/{word}.php", f"/{word}/", f"/{KEY}/{word}", f"/{KEY}/{word}.php",
            f"/{word}/{KEY}", f"/{'k' * 64}/{word}", f"/{word}/{'k' * 64}", f"/a/{word}"]


@pytest.mark.parametrize("path", targets("announce"), ids=lambda p: "T50-T53-" + p[:24])
def test_announce_paths(server, path):
    client, h = server.http(), new_hash()
    assert client.announce(h, path=path).counts == (0, 1)
    assert client.numbers(h) == (0, 0, 1)


@pytest.mark.parametrize("path", targets("scrape"), ids=lambda p: "T51-S20-" + p[:24])
def test_scrape_paths(server, path):
    client, h = server.http(), new_hash()
    client.announce(h)
    assert client.scrape(h, path=path).data[b"files"][h][b"incomplete"] == 1


UNKNOWN = [
    *[case(p, id=f"T52-AH25-{p}") for p in (
        "//announce", "/x/../announce", "/Announce", "/ANNOUNCE", "/announce.PHP", "/../announce",
        "/./announce", "/%2e%2e/announce", "//scrape", "/Scrape", "/announce//", "/a//announce")],
    *[case(p, id=f"T51-T54-{p}") for p in (
        "/announced", "/announce_anything", "/announce.phpx", "/scraper", "/scrape.html",
        "/statistics", "/metric", "/an", "/x/y/announce", "/x/announce/y", "/heartbeat/x",
        "/heartbeats", "/announce/../scrape")],
    *[case(p, id=f"AH69-{p}") for p in (
        "/favicon.txt", "/robots.html", "/wp-login.php", "/..%2f..%2fetc/passwd", "/etc/passwd",
        "/index.html", "/.git/config")],
    *[case(p, id=f"T50-AH51-{name}") for p, name in (
        ("/a.b/announce", "dot-in-key"), ("/" + "k" * 65 + "/announce", "key-of-65"),
        ("/%41/announce", "escaped-key"), ("/k\xe9y/announce", "not-ascii"),
        ("/announce/a.b", "dot-in-key-behind"), ("/announce/" + "k" * 65, "key-of-65-behind"))],
]


@pytest.mark.parametrize("path", UNKNOWN)
def test_T54_unknown_paths_are_404(server, path):
    h = new_hash()
    with unharmed(server, h):
        client = server.http()
        data = client.request(path + "?" + raw_query(info_hash=percent(h)).decode())
        refusal = client.refused(data)
        assert refusal.status == 404 and path.encode("latin-1") not in refusal.body


def test_AH69_root_is_a_small_page_or_404(server):
    answer = server.http().get("/")
    assert answer.status in (200, 404) and len(answer.body) < 4096


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_heartbeat(server, version):
    answer = server.http().get("/heartbeat", version=version)
    assert answer.status == 200 and int(answer.header("Content-Length")) == len(answer.body) < 64


def test_heartbeat_ignores_a_query_and_needs_no_passkey(module_server):
    client = module_server("--passkey", KEY).http()
    assert client.get("/heartbeat?x=1").status == 200
    assert client.get("/heartbeat").status == 200


# --- one shared passkey ---------------------------------------------------------------------------

@pytest.fixture
def private(module_server):
    server = module_server("--passkey", KEY)
    yield server.http()
    server.close_clients()


RIGHT = [f"/{KEY}/announce?", f"/{KEY}/announce.php?", f"/announce/{KEY}?",
         f"/announce?passkey={KEY}&", f"/announce.php?passkey={KEY}&",
         f"/announce?passkey=wrong&passkey={KEY}&"]


@pytest.mark.parametrize("start", RIGHT)
def test_T50_the_right_passkey(private, start):
    h = new_hash()
    answer = private.get(start.encode() + raw_query(info_hash=percent(h)))
    assert answer.counts == (0, 1)
    scrape = start.replace("announce", "scrape") + "info_hash="
    assert private.get(scrape.encode() + percent(h)).data[b"files"][h][b"incomplete"] == 1


def test_T50_a_passkey_behind_the_other_parameters(private):
    assert private.get(b"/announce?" + raw_query() + b"&passkey=" + KEY.encode()).counts == (0, 1)


WRONG = ["/announce?", "/announce?passkey=&", "/announce?passkey=wrong&",
         f"/announce?passkey={KEY}x&", f"/announce?passkey={KEY[:-1]}&",
         f"/announce?passkey={KEY.lower()}&", f"/announce?PASSKEY={KEY}&", "/wrong/announce?",
         f"/{KEY}x/announce?", f"/{KEY[:-1]}/announce?", f"/{KEY.upper()}/announce?",
         "/announce/wrong?", f"/announce/?x={KEY}&", f"/announce?key={KEY}&",
         "/announce?passkey=" + "k" * 5000 + "&", f"/announce?passkey=%53{KEY[1:]}x&"]


@pytest.mark.parametrize("start", WRONG, ids=lambda s: "E22-AH51-" + s[:40])
def test_E22_a_wrong_passkey(private, start):
    """The same answer whether the torrent exists or not; nothing happens to it."""
    known, unknown = new_hash(), new_hash()
    private.announce(known, path=f"/{KEY}/announce")
    for h in (known, unknown):
        answer = private.get(start.encode() + raw_query(info_hash=percent(h), port=7777))
        assert answer.body == b"d14:failure reason15:invalid passkeye"
        target = start.replace("announce", "scrape").encode() + b"info_hash=" + percent(h)
        scrape = private.get(target)
        assert scrape.body == b"d14:failure reason15:invalid passkeye"
        told = private.scrape(h, path=f"/{KEY}/scrape").data[b"files"][h]
        assert told[b"incomplete"] == (1 if h == known else 0)


@pytest.mark.parametrize("query, reasons", [
    (b"", ("missing info_hash", "full scrape not allowed")),
    (b"info_hash=short", ("invalid info_hash", "invalid info_hash")),
    (b"info_hash=%zz&info_hash=" + b"a" * 20, ("multiple info_hash", "invalid info_hash")),
    (b"peer_id=x&port=x&left=x&info_hash=" + b"a" * 19, ("invalid info_hash", "invalid info_hash")),
])
def test_A29_the_passkey_is_judged_first(private, query, reasons):
    """Whatever else is wrong: who has no key learns nothing, who has it learns what is wrong."""
    for path, reason in zip((b"/announce", b"/scrape"), reasons):
        assert private.get(path + b"?" + query).failure == "invalid passkey"
        assert private.get(path + b"?passkey=x&" + query).failure == "invalid passkey"
        with_key = b"passkey=" + KEY.encode()
        assert private.get(path + b"?" + with_key + b"&" + query).failure == reason
        assert private.get(path + b"?" + query + b"&" + with_key).failure == reason
        assert private.get(path + b"/" + KEY.encode() + b"?" + query).failure == reason


def test_E22_a_wrong_passkey_cannot_stop_a_peer(private):
    h, peer_id = new_hash(), b"-MU0001-" + b"k" * 12
    private.announce(h, peer_id, path=f"/{KEY}/announce")
    assert private.announce(h, peer_id, event="stopped").failure == "invalid passkey"
    assert private.scrape(h, path=f"/{KEY}/scrape").data[b"files"][h][b"incomplete"] == 1


@pytest.mark.parametrize("path", ["/" + "k" * 65536 + "/announce", "/../announce",
                                  "/%2e%2e/announce", "/k\xe9/announce", "//announce"],
                         ids=lambda p: "AH51-" + p[:12])
def test_AH51_keys_that_are_none(private, path):
    request = private.request(path.encode("latin-1") + b"?" + raw_query())
    assert private.refused(request).status in (404, 414)


# --- requests wrapped in base64 -------------------------------------------------------------------

def wrapped(text):
    data = base64.b64encode(text)
    assert data.startswith(b"R0VU")
    return data


@pytest.mark.parametrize("text_end, end", [
    case(b" HTTP/1.1\r\n\r\n", b"", id="whole-request"),
    case(b" HTTP/1.1\r\nHost: t.example:6969\r\nUser-Agent: uTorrent/1800\r\n\r\n", b"",
         id="with-headers"),
    case(b" HTTP/1.1\r\n\r\n", b"\r\n\r\n", id="empty-line-behind"),
    case(b" HTTP/1.0\r\n", b"\r\n\r\n", id="empty-line-only-behind"),
])
@pytest.mark.parametrize("pad", [b"", b"&", b"&&"], ids=["", "1-more", "2-more"])
def test_a_base64_scrape(server, text_end, end, pad):
    """`pad` moves the length through all remainders of three."""
    h = new_hash()
    server.http().announce(h)
    text = b"GET /scrape?info_hash=" + percent(h) + pad + text_end
    answers = server.http().exchange(wrapped(text) + end)
    assert [a.data[b"files"][h][b"incomplete"] for a in answers] == [1]


def test_a_base64_announce(server):
    h = new_hash()
    text = b"GET /announce?" + raw_query(info_hash=percent(h)) + b" HTTP/1.1\r\n\r\n"
    assert [a.counts for a in server.http().exchange(wrapped(text))] == [(0, 1)]


def test_a_base64_request_in_pieces(server):
    client, h = server.http(), new_hash()
    text = b"GET /announce?" + raw_query(info_hash=percent(h)) + b" HTTP/1.1\r\n\r\n"
    for byte in wrapped(text) + b"\r\n":
        client.send(bytes([byte]))
    assert client.read_response().counts == (0, 1)


@pytest.mark.parametrize("data, statuses", [
    case(b"R0VU!!!!\r\n\r\n", (400,), id="not-base64"),
    case(wrapped(b"GET / HTTP/9.9\r\n\r\n"), (505,), id="bad-request-inside"),
    case(wrapped(b"GETTING \0\1\2\r\n\r\n"), (400, 405), id="no-request-inside"),
    case(wrapped(b"GET /announce?x=" + b"a" * 20000), (413, 414, 431), id="endless"),
    case(wrapped(wrapped(b"GET /announce HTTP/1.1\r\n\r\n").replace(b"R0VU", b"GETR")) + b"\r\n",
         (400, 405), id="wrapped-twice"),
])
def test_broken_base64_requests(server, data, statuses):
    with unharmed(server):
        assert server.http().refused(data).status in statuses
