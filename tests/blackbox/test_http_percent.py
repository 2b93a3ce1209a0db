"""Percent-decoding of the query (protocol.md section 3) and the client spellings of G2."""

import pytest

from harness import new_hash, new_peer_id, percent, raw_query

case = pytest.param

G2_TAIL = bytes.fromhex("002b2025263d237f80ff7e212a2829272f3f417a")

# What each client writes for the bytes of G2_TAIL.
SPELLINGS = {
    "libtorrent": "%00%2b%20%25%26%3d%23%7f%80%ff~!*()%27%2f%3fAz",
    "transmission-go-aria2": "%00%2B%20%25%26%3D%23%7F%80%FF~%21%2A%28%29%27%2F%3FAz",
    "rtorrent": "%00%2B%20%25%26%3D%23%7F%80%FF%7E%21%2A%28%29%27%2F%3FAz",
    "biglybt": "%00%2B%20%25%26%3D%23%7F%80%FF%7E%21*%28%29%27%2F%3FAz",
    "webtorrent": "%00%2B%20%25%26%3D%23%7F%80%FF%7E%21%2A%28%29%27%2F%3FAz",
    "utorrent": "%00%2b%20%25%26%3d%23%7f%80%ff%7e%21%2a%28%29%27%2f%3fAz",
    "monotorrent": "%00%2b%20%25%26%3d%23%7f%80%ff%7e!*()%27%2f%3fAz",
    "rain": "%00%2b%20%25%26%3d%23%7f%80%ff%7e%21%2a%28%29%27%2f%3f%41%7a",
    "sloppy": "%00+%20%25%26=%23%7F%80%FF~!*()'/?Az",
}


def join(client, spelling, **fields):
    return client.get(b"/announce?" + raw_query(info_hash=spelling, **fields))


@pytest.mark.parametrize("spelling", [case(s, id=f"G2-P2-P4-{n}") for n, s in SPELLINGS.items()])
def test_a_client_spelling_is_the_same_hash(server, spelling):
    """Everybody of this module meets in the swarm of these 20 bytes; so does a UDP-style scrape."""
    client = server.http()
    before = sum(client.numbers(G2_TAIL)[::2])
    assert join(client, spelling, port=20000 + before).counts == (0, before + 1)
    assert client.numbers(G2_TAIL) == (0, 0, before + 1)


def test_G2_every_spelling_in_a_scrape_is_one_entry(server):
    query = "&".join("info_hash=" + s for s in SPELLINGS.values())
    assert list(server.http().get("/scrape?" + query).data[b"files"]) == [G2_TAIL]


RANDOM = new_hash()[:8]  # keeps runs of the same server apart

PAIRS = [
    # bytes of the hash, spelling of them
    case(b"%41" + b"a" * 9 + RANDOM, b"%2541" + b"a" * 9 + percent(RANDOM), id="P1-decoded-once"),
    case(b"\xab\xcd\xef" + b"b" * 9 + RANDOM, b"%aB%Cd%EF" + b"b" * 9 + percent(RANDOM),
         id="P2-mixed-case"),
    case(b"+" * 12 + RANDOM, b"+" * 12 + percent(RANDOM), id="P3-AH30-raw-plus"),
    case(b"+ " * 6 + RANDOM, b"%2B%20" * 6 + percent(RANDOM), id="P3-escaped-plus-and-space"),
    case(b"a=b=c==;;:@," + RANDOM, b"a=b=c==;;:@," + percent(RANDOM), id="P4-A26-literal"),
    case(b"-_!.~*()'$[]" + RANDOM, b"-_!.~*()'$[]" + percent(RANDOM), id="P4-sub-delims"),
    case(b"\"<>^`{|}\\/?" + b"c" + RANDOM, b"\"<>^`{|}\\/?" + b"c" + percent(RANDOM),
         id="P4-never-escaped-by-sloppy-clients"),
    case(bytes(range(12)) + RANDOM, percent(bytes(range(12)) + RANDOM, escape_all=True),
         id="P5-P6-all-escaped"),
    case(bytes(12) + RANDOM, b"%00" * 12 + percent(RANDOM), id="P6-AH32-zeros"),
    case(b"\x00&=#\r\n%?+ d:" + RANDOM, b"%00%26%3D%23%0D%0A%25%3F%2B%20d:" + percent(RANDOM),
         id="P6-AH32-separators-escaped"),
    case(bytes(range(0xF4, 0x100)) + RANDOM, bytes(range(0xF4, 0x100)) + percent(RANDOM),
         id="P7-AH31-raw-high-bytes"),
    case("éü".encode() + b"d" * 8 + RANDOM, b"%C3%A9%C3%BC" + b"d" * 8 + percent(RANDOM),
         id="P11-two-bytes"),
    case(b"\xc3\x28\x80\xff" + b"e" * 8 + RANDOM, b"%C3%28%80%FF" + b"e" * 8 + percent(RANDOM),
         id="P11-not-utf8"),
]


@pytest.mark.parametrize("info_hash, spelling", PAIRS)
def test_decoding(server, info_hash, spelling):
    assert len(info_hash) == 20
    client = server.http()
    assert join(client, spelling).counts == (0, 1)
    assert client.numbers(info_hash) == (0, 0, 1)


def test_P6_hashes_that_differ_after_a_zero_byte_are_different(server):
    client, tail = server.http(), new_hash()[:18]
    for last in (b"\x00\x01", b"\x00\x02"):
        assert client.announce(tail[:9] + b"\x00" + tail[10:] + last).counts == (0, 1)


def test_P11_bytes_that_no_text_type_keeps_apart_are_different(server):
    """A decoder that replaces what is not UTF-8 makes one hash of these."""
    client, tail = server.http(), new_hash()[:15]
    for head in (b"\x80\x81\x90\x91\x92", b"\xf0\xf1\xf2\xf3\xf4"):
        assert client.announce(head + tail).counts == (0, 1)


def test_P6_peer_ids_with_zeros_are_different_clients(server):
    client, h = server.http(), new_hash()
    for i, tail in enumerate((b"\x00\x01", b"\x00\x02", b"\x00\x03")):
        assert client.announce(h, bytes(18) + tail, port=7001 + i).counts == (0, i + 1)


@pytest.mark.parametrize("byte", [0x00, 0x01, 0x09, 0x0B, 0x0C, 0x0D, 0x1F, 0x20, 0x7F],
                         ids=lambda b: f"P7-raw-{b:02x}")
def test_P7_raw_control_bytes_are_no_request(server, byte):
    client = server.http()
    query = raw_query(x=b"a" + bytes([byte]) + b"b")
    refusal = client.refused(client.request(b"/announce?" + query))
    assert refusal.status == 400


@pytest.mark.parametrize("path", ["/announce%3Finfo_hash=a", "/%61nnounce", "/announc%65",
                                  "/%2Fannounce", "/scrap%65"], ids=lambda p: "P12-" + p)
def test_P12_the_path_is_not_decoded(server, path):
    assert server.http().get(path + "?" + raw_query().decode()).status == 404


def test_P2_peer_ids_decode_like_hashes(module_server):
    """The id of the dictionary answer is the bytes that were sent."""
    server = module_server("--store-peer-ids")
    client, h = server.http(), new_hash()
    peer_id = b"-XX0001-" + bytes.fromhex("002b20257fff800a0d26417a")
    spelled = b"-XX0001-" + b"%00+%20%25%7f%FF%80%0a%0D%26%41z"
    join(client, percent(h), peer_id=spelled, port=7001)
    answer = client.announce(h, new_peer_id(), port=7002, compact=0)
    assert [p[b"peer id"] for p in answer.data[b"peers"]] == [peer_id]
