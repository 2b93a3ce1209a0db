"""BEP 41 options after an announce: protocol.md U80..U88. A shared passkey shows what the server
made of them: with it the announce is accepted, without it refused."""

import struct

import pytest

from harness import STARTED, UdpAnnounce, UdpError, new_hash, new_peer_id
from harness.udp import announce_packet, connect_packet, url_options

KEY = b"sesame"
PATH = b"/sesame/announce"


def url_data(data):
    return bytes((2, len(data))) + data


END, NOP = b"\x00", b"\x01"

ACCEPTED = {
    "u81-one-option": url_data(PATH),
    "u81-with-end": url_data(PATH) + END,
    "u81-split": url_data(b"/ses") + url_data(b"ame/") + url_data(b"announce"),
    "u81-au27-five-options-one-empty": b"".join(map(url_data, (b"/s", b"", b"esame", b"/ann",
                                                               b"ounce"))),
    "u80-nop-before": NOP * 3 + url_data(PATH),
    "u80-nop-between": url_data(b"/sesame") + NOP + url_data(b"/announce") + NOP,
    "au24-1300-nops": NOP * 1300 + url_data(PATH),
    "u82-au26-unknown-before": b"\x7f\x03\xaa\xbb\xcc" + url_data(PATH),
    "u82-unknown-empty": b"\x03\x00" + url_data(PATH),
    "u82-unknown-255": b"\xff\xff" + bytes(255) + url_data(PATH),
    "au25-end-then-junk": url_data(PATH) + END + b"\x02\x05junk!\xff\xff",
    "u83-broken-option-after": url_data(PATH) + b"\x02\xff123",
    "u83-no-length-after": url_data(PATH) + b"\x02",
    "u86-255-bytes": url_data((PATH + b"?x=" + b"y" * 255)[:255]),
    "u84-2048-bytes": url_options((PATH + b"?x=" + b"y" * 2048)[:2048]),
    "u87-announce-php": url_data(b"/sesame/announce.php"),
    "u87-key-after": url_data(b"/announce/sesame"),
    "u87-key-in-query": url_data(b"/announce?passkey=sesame"),
    "u87-query-with-others": url_data(b"/announce?a=b&passkey=sesame&c=d"),
    "u87-path-and-query": url_data(b"/sesame/announce?a=b&c=d"),
}

REFUSED = {
    "no-options": b"",
    "u81-au23-empty": url_data(b""),
    "u80-end-first": END + url_data(PATH),
    "u85-two-zero-bytes": END + END + url_data(PATH),
    "u83-au21-length-past-the-end": b"\x02\xff/sesame/announce",
    "u83-au22-no-length": b"\x02",
    "u84-au28-too-much": url_options((PATH + b"?x=" + b"y" * 2100)[:2049]),
    "wrong-key": url_data(b"/sesam/announce"),
    "longer-key": url_data(b"/sesame1/announce"),
    "key-in-other-case": url_data(b"/Sesame/announce"),
    "no-key": url_data(b"/announce"),
    "wrong-key-in-query": url_data(b"/announce?passkey=sesam"),
    "au29-nul": url_data(b"/sesame\x00/announce"),
    "au29-escaped-nul": url_data(b"/sesame%00/announce"),
    "au29-dots": url_data(b"/x/../sesame/announce"),
    "au29-crlf": url_data(b"/sesame\r\n/announce"),
    "key-of-65": url_data(b"/" + b"k" * 65 + b"/announce"),
}


@pytest.fixture
def private(module_server):
    server = module_server("--passkey", KEY.decode())
    yield server
    server.close_clients()


@pytest.mark.parametrize("options", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_passkey_is_found(private, options):
    client, torrent = private.udp(), new_hash()
    answer = client.announce(torrent, tail=options)
    assert isinstance(answer, UdpAnnounce), answer
    assert answer.counts == (0, 1)


@pytest.mark.parametrize("options", REFUSED.values(), ids=REFUSED.keys())
def test_passkey_is_missed(private, options):
    client, torrent = private.udp(), new_hash()
    answer = client.announce(torrent, tail=options)
    assert isinstance(answer, UdpError) and answer.text == "invalid passkey"
    assert client.announce(torrent, tail=url_data(PATH)).counts == (0, 1)


def test_a_key_is_one_for_both_doors(private):
    torrent = new_hash()
    private.udp().announce(torrent, tail=url_data(PATH), port=4000)
    answer = private.http().announce(torrent, path=PATH, port=4001)
    assert answer.counts == (0, 2)


def test_a_private_tracker_refuses_scrapes_without_a_key(private):
    answer = private.udp().scrape(new_hash())
    assert isinstance(answer, UdpError) and answer.text == "invalid passkey"


@pytest.mark.parametrize("options", [*ACCEPTED.values(), *REFUSED.values(),
                                     url_data(b"/dir?a=b&c=d"), url_data(b"/scrape"),
                                     url_data(b"no slash"), b"\xff" * 900],
                         ids=lambda o: f"{len(o)}-{o[:12].hex()}")
def test_an_open_tracker_takes_any_options(server, options):
    """AU20..AU29: a normal answer, whatever follows byte 98."""
    client, torrent = server.udp(), new_hash()
    answer = client.announce(torrent, tail=options, event=STARTED)
    assert isinstance(answer, UdpAnnounce), answer
    assert answer.counts == (0, 1)


def test_u88_options_mean_nothing_in_a_connect(private):
    answer = private.udp().raw(connect_packet(3) + url_data(b"/wrong"))
    assert len(answer) == 16


def test_u88_options_mean_nothing_in_a_scrape(server):
    client, torrent = server.udp(), new_hash()
    client.announce(torrent)
    answer = client.scrape(torrent, tail=url_data(b"/x/announce"))
    assert answer.entries == [(0, 0, 1)]


def test_au29_nothing_of_a_url_reaches_the_log_raw(private):
    client = private.udp()
    for path in (b"/\x1b[31mred/announce", b"/a\r\nforged line/announce", b"/\xff\xfe/announce"):
        client.announce(new_hash(), tail=url_data(path))
    client.connect()
    output = private.output()
    assert "\x1b" not in output and "\nforged line" not in output and "\r" not in output


def test_long_packets_do_not_depend_on_options(server):
    """U4: 98 bytes decide; a packet of 60 000 bytes is as good."""
    client, torrent = server.udp(), new_hash()
    packet = announce_packet(client.connection_id, 1, torrent, new_peer_id(), tail=bytes(60000))
    assert struct.unpack_from(">I", client.raw(packet))[0] == 1
    assert client.numbers(torrent) == (0, 0, 1)


@pytest.mark.parametrize("options, text", [(b"", "invalid passkey"), (url_data(PATH), "invalid port")],
                         ids=["without", "with"])
def test_a29_the_passkey_is_judged_before_the_port(private, options, text):
    answer = private.udp().announce(new_hash(), port=0, tail=options)
    assert isinstance(answer, UdpError) and answer.text == text
