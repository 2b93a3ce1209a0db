"""Announces and scrapes as real clients write them (protocol.md section 12; G2): parameter order,
escaping, headers, HTTP version and end of connection. Each must join the swarm it means, and must
understand the answer: what a client is known to insist on is checked for it."""

import pytest

from harness import new_hash, raw_query

# A hash with bytes that the clients escape differently; the last eight are new in every test.
HARD = bytes.fromhex("002b20257fff7e212a282941")

ALNUM = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def escaper(unescaped, lower=False):
    raw = ALNUM | frozenset(unescaped.encode())
    form = "%%%02x" if lower else "%%%02X"
    return lambda data: "".join(chr(b) if b in raw else form % b for b in data)


LIBTORRENT = escaper("-_!.~*()", lower=True)
UTORRENT = escaper("-", lower=True)
RFC3986 = escaper("-._~")
RTORRENT = escaper("-")
JAVA = escaper(".-*_")
DOTNET = escaper("-_.!*()", lower=True)
JS = escaper("_-.")
RAIN = lambda data: "".join("%%%02x" % b for b in data)

JAVA_ACCEPT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def client_case(name, item, escape, query, headers, closes=False):
    return pytest.param(escape, query, headers, closes, id=f"{item}-{name}")


# `{h}` the hash and `{p}` the peer id as the client escapes them, `{e}` its event when it has one.
CLIENTS = [
    client_case("libtorrent", "Q1", LIBTORRENT,
                "info_hash={h}&peer_id={p}&port=6881&uploaded=0&downloaded=0&left=16384&corrupt=0"
                "&key=0A1B2C3D{e}&numwant=200&compact=1&no_peer_id=1&supportcrypto=1&redundant=0",
                [("User-Agent", "libtorrent/2.0.11.0"), ("Accept-Encoding", "gzip"),
                 ("Connection", "close")], closes=True),
    client_case("qbittorrent", "Q1", LIBTORRENT,
                "info_hash={h}&peer_id={p}&port=1&uploaded=0&downloaded=0&left=1048576&corrupt=0"
                "&key=DEADBEEF{e}&numwant=200&compact=1&no_peer_id=1&supportcrypto=1&redundant=0",
                [("User-Agent", "qBittorrent/5.0.4"), ("Accept-Encoding", "gzip"),
                 ("Connection", "close")], closes=True),
    client_case("transmission-4.1", "Q2", RFC3986,
                "info_hash={h}&peer_id={p}&port=51413&uploaded=0&downloaded=0"
                "&left=9223372036854775807&numwant=80&key=7C0FFEE0&compact=1&supportcrypto=1{e}",
                [("User-Agent", "Transmission/4.1.0"), ("Accept", "*/*"),
                 ("Accept-Encoding", "deflate, gzip, br, zstd")]),
    client_case("transmission-4.0", "Q2", RFC3986,
                "info_hash={h}&peer_id={p}&port=51413&uploaded=0&downloaded=0&left=1024&numwant=80"
                "&key=3735928559&compact=1&supportcrypto=1&requirecrypto=1&corrupt=12{e}"
                "&ipv4=192.168.1.5&ipv6=2001%3Adb8%3A%3A5",
                [("User-Agent", "Transmission/4.0.1"), ("Accept", "*/*"),
                 ("Accept-Encoding", "deflate, gzip, br, zstd")]),
    client_case("utorrent", "Q3", UTORRENT,
                "info_hash={h}&peer_id={p}&port=39013&uploaded=0&downloaded=0&left=733&corrupt=0"
                "&key=9A5CFB14{e}&numwant=200&compact=1&no_peer_id=1&ip=192.168.43.188",
                [("User-Agent", "uTorrent/348(110208592)(42576)"), ("Accept-Encoding", "gzip"),
                 ("Connection", "Close")], closes=True),
    client_case("bittorrent", "Q3", UTORRENT,
                "info_hash={h}&peer_id={p}&port=39013&uploaded=0&downloaded=0&left=733&corrupt=0"
                "&key=9A5CFB14{e}&numwant=200&compact=1&no_peer_id=1&ipv6=2001%3Adb8%3A%3A9",
                [("User-Agent", "BitTorrent/7103(256355725)(44429)"), ("Accept-Encoding", "gzip"),
                 ("Accept-Language", "en"), ("Connection", "Close")], closes=True),
    client_case("deluge-1.3", "Q4", LIBTORRENT,
                "info_hash={h}&peer_id={p}&port=58846&uploaded=0&downloaded=0&left=5&corrupt=0"
                "&redundant=0&compact=1&numwant=200&key=1a2b3c4d&no_peer_id=1&supportcrypto=1{e}",
                [("User-Agent", "Deluge 1.3.15"), ("Connection", "close"),
                 ("Accept-Encoding", "gzip")], closes=True),
    client_case("rtorrent", "Q5", RTORRENT,
                "info_hash={h}&peer_id={p}&compact=1&key=1f2e3d4c&ip=2001%3Adb8%3A%3A1"
                "&ipv4=192.0.2.5&port=6890&uploaded=0&downloaded=0&left=77{e}",
                [("User-Agent", "rtorrent/0.15.1"), ("Accept", "*/*"),
                 ("Accept-Encoding", "deflate, gzip")]),
    client_case("rtorrent-0.9", "Q5", RTORRENT,
                "info_hash={h}&peer_id={p}&key=1f2e3d4c&compact=1&port=6890&uploaded=0&downloaded=0"
                "&left=77{e}",
                [("User-Agent", "rtorrent/0.9.6/0.13.6"), ("Accept", "*/*")]),
    client_case("aria2", "Q6", RFC3986,
                "info_hash={h}&peer_id={p}&uploaded=0&downloaded=0&left=1&compact=1"
                "&key=%0c%FE%26x%3d%00%25z&numwant=50&no_peer_id=1&port=6881{e}&supportcrypto=1",
                [("User-Agent", "aria2/1.37.0"), ("Accept", "*/*"),
                 ("Want-Digest", "SHA-512;q=1, SHA-256;q=1, SHA;q=0.1")]),
    client_case("webtorrent", "Q7", JS,
                "numwant=50&uploaded=0&downloaded=0&left=16384{e}&compact=1&info_hash={h}"
                "&peer_id={p}&port=6881",
                [("user-agent", ""), ("accept", "*/*"), ("accept-language", "*"),
                 ("sec-fetch-mode", "cors"), ("accept-encoding", "gzip, deflate"),
                 ("connection", "keep-alive")]),
    client_case("biglybt", "Q8", JAVA,
                "info_hash={h}&peer_id={p}&supportcrypto=1&port=6881&azudp=6881&uploaded=0"
                "&downloaded=0&left=10&corrupt=0{e}&numwant=100&no_peer_id=1&compact=1"
                "&key=aB3xY9zQ&azver=3",
                [("User-Agent", "BiglyBT 3.7.0.0;Linux;Java 21.0.2"), ("Connection", "close"),
                 ("Accept-Encoding", "gzip"), ("Accept", JAVA_ACCEPT)], closes=True),
    client_case("vuze-crypto-port", "Q8-A31", JAVA,
                "info_hash={h}&peer_id={p}&requirecrypto=1&port=0&cryptoport=6882&azudp=6882&hide=1"
                "&azhttp=1&uploaded=0&downloaded=0&left=10&corrupt=0{e}&numwant=100&no_peer_id=1"
                "&compact=1&ip=192.168.1.7&key=aB3xY9zQ&azver=3&azq=1",
                [("User-Agent", "Azureus 5.7.6.0;Windows 10;Java 1.8.0_161"),
                 ("Connection", "close"), ("Accept-Encoding", "gzip"), ("Accept", JAVA_ACCEPT)],
                closes=True),
    client_case("bitcomet", "Q9", UTORRENT,
                "info_hash={h}&peer_id={p}&port=12345&natmapped=1&localip=192.168.0.9&port_type=wan"
                "&uploaded=0&downloaded=0&left=99&numwant=200&compact=1&no_peer_id=1&key=25921{e}",
                [("User-Agent", "BitComet/2.09"), ("Accept", "*/*"), ("Connection", "close")],
                closes=True),
    client_case("ktorrent", "Q9", RFC3986,
                "peer_id={p}&port=6881&uploaded=0&downloaded=0&left=4&compact=1&numwant=200"
                "&key=2837465091&ip=2001%3Adb8%3A%3A4{e}&info_hash={h}",
                [("User-Agent", "KTorrent/22.12"), ("Accept", JAVA_ACCEPT),
                 ("Connection", "keep-alive")]),
    client_case("anacrolix", "Q9", RFC3986,
                "compact=1&downloaded=0{e}&info_hash={h}&key=-559038737&left=9223372036854775807"
                "&peer_id={p}&port=42069&supportcrypto=1&uploaded=0",
                [("User-Agent", "anacrolix-torrent/1.58"), ("Accept-Encoding", "gzip")]),
    client_case("rain", "Q9", RAIN,
                "info_hash={h}&peer_id={p}&port=50000&uploaded=0&downloaded=0&left=3&compact=1"
                "&no_peer_id=1&numwant=100{e}&key=0a0b0c0d",
                [("User-Agent", "Rain/2.0"), ("Accept-Encoding", "gzip")]),
    client_case("monotorrent", "Q9", DOTNET,
                "info_hash={h}&peer_id={p}&port=55555&uploaded=0&downloaded=0&left=8&compact=1"
                "&numwant=100&supportcrypto=1&key=9f8e7d6c&ip=10.0.0.3{e}",
                [("User-Agent", "MonoTorrent 3.0")]),
    client_case("bittornado", "Q9", JAVA,
                "info_hash={h}&peer_id={p}&port=10007&key=YWJj-_Zw&uploaded=0&downloaded=0&left=15"
                "&numwant=50&no_peer_id=1&compact=1&seed_id=x&check_seeded=1&last=0&tracker=1{e}",
                [("User-Agent", "BitTornado/T-0.3.18"), ("Accept-Encoding", "gzip")]),
    client_case("xunlei", "Q9", UTORRENT,
                "info_hash={h}&peer_id={p}&port=15000&uploaded=0&downloaded=0&left=1&compact=1"
                "&numwant=200&key=0{e}",
                [("User-Agent", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"),
                 ("Connection", "close"), ("Cache-Control", "no-cache")], closes=True),
]


@pytest.mark.parametrize("escape, query, headers, closes", CLIENTS)
def test_a_client_joins_the_swarm_it_means(server, escape, query, headers, closes):
    """Started, regular, completed, stopped; another client sees it at each step."""
    h, peer_id = HARD + new_hash()[:8], b"-XX4010-" + bytes.fromhex("000a7f25262b3dff41c3287e")
    client, other = server.http(), server.http()
    host = f"tracker.example:{server.port}"

    def announce(event):
        filled = query.format(h=escape(h), p=escape(peer_id), e=f"&event={event}" if event else "")
        if event == "completed":
            filled = left_0(filled)
        answer = client.get("/announce?" + filled, headers, host=host)
        assert answer.closes == closes and answer.header("Content-Encoding") is None
        return answer

    assert announce("started").counts == (0, 1)
    seen = other.announce(h, port=7999).peers
    assert len(seen) == 1 and seen[0][0] == "127.0.0.1" and seen[0][1] != 0
    data = announce("").data
    assert data[b"peers"] == b"\x7f\0\0\1" + (7999).to_bytes(2, "big")
    assert {b"complete", b"incomplete", b"downloaded"} <= set(data)  # R15: saves scrapes
    assert announce("completed").counts == (1, 1)
    answer = announce("stopped")
    assert answer.counts == (0, 1) and answer.data[b"peers"] == b""
    assert other.numbers(h) == (0, 1, 1)


def left_0(query):
    """The query of a client that has everything."""
    return "&".join("left=0" if part.startswith("left=") else part for part in query.split("&"))


def test_Q6_aria2_without_a_listen_port_is_told_why(server):
    query = raw_query(port=None, key="%00%01%02%03%04%05%06%07", requirecrypto="1")
    assert server.http().get(b"/announce?" + query).failure == "missing port"


def test_Q2_E3_transmission_partial_seed(server):
    """`paused` stands in place of every event but stopped."""
    client, h = server.http(), new_hash()
    query = ("/announce?info_hash=" + RFC3986(h) + "&peer_id=-TR4010-abcdefghijkl&port=51413"
             "&uploaded=9&downloaded=9&left=512&numwant=80&key=7C0FFEE0&compact=1"
             "&supportcrypto=1&event=")
    for event in ("paused", "paused"):
        assert client.get(query + event).counts == (0, 1)
    entry = client.scrape(h).data[b"files"][h]
    assert (entry[b"incomplete"], entry[b"downloaders"]) == (1, 0)
    assert client.get(query + "stopped").counts == (0, 0)


SCRAPES = [
    pytest.param(RFC3986, 60, [("User-Agent", "Transmission/4.1.0"), ("Accept", "*/*"),
                               ("Accept-Encoding", "deflate, gzip, br, zstd")], "",
                 id="Q2-transmission-60"),
    pytest.param(JAVA, 20, [("User-Agent", "BiglyBT 3.7.0.0"), ("Connection", "close"),
                            ("Accept-Encoding", "gzip"), ("Accept", JAVA_ACCEPT)],
                 "&azsf=1&azver=3", id="Q8-biglybt-20"),
    pytest.param(LIBTORRENT, 1, [("User-Agent", "libtorrent/2.0"), ("Accept-Encoding", "gzip"),
                                 ("Connection", "close")], "", id="Q1-libtorrent"),
    pytest.param(RTORRENT, 1, [("User-Agent", "rtorrent/0.15.1"), ("Accept", "*/*")], "",
                 id="Q5-rtorrent"),
]


@pytest.mark.parametrize("escape, count, headers, tail", SCRAPES)
def test_scrapes_as_clients_write_them(server, escape, count, headers, tail):
    client, hashes = server.http(), [HARD + new_hash()[:8] for _ in range(count)]
    client.announce(hashes[0], left=0)
    query = "&".join("info_hash=" + escape(h) for h in hashes)
    files = client.get("/scrape?" + query + tail, headers).data[b"files"]
    assert list(files) == sorted(hashes)
    assert files[hashes[0]][b"complete"] == 1
