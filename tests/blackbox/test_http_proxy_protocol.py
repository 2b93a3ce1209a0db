"""Listeners that expect a PROXY header (protocol.md 9.5: T70..T76; AT8..AT16)."""

import ipaddress
import socket
import struct

import pytest

from harness import HttpClient, new_hash, new_peer_id, percent, raw_query, unharmed, unused_port

case = pytest.param

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
PROXY, LOCAL = 0x21, 0x20
TCP4, TCP6 = 0x11, 0x21


def v1(source="198.51.100.7", target="203.0.113.1", kind="TCP4", sport=51413, dport=6969):
    return f"PROXY {kind} {source} {target} {sport} {dport}\r\n".encode("ascii")


def v2(source="198.51.100.7", target="203.0.113.1", *, command=PROXY, kind=None, tlvs=b"",
       addresses=None, length=None):
    """A version 2 header; what is not said follows from the addresses."""
    ends = [ipaddress.ip_address(a) for a in (source, target)]
    if kind is None:
        kind = TCP4 if ends[0].version == 4 else TCP6
    if addresses is None:
        addresses = ends[0].packed + ends[1].packed + struct.pack(">HH", 51413, 6969)
    rest = addresses + tlvs
    if length is None:
        length = len(rest)
    return SIGNATURE + struct.pack(">BBH", command, kind, length) + rest


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def with_checksum():
    """A version 2 header with its CRC32C behind the addresses."""
    empty = v2(tlvs=b"\x03\x00\x04" + bytes(4))
    return empty[:-4] + struct.pack(">I", crc32c(empty))


class Door:
    """A server with one PROXY listener beside the usual ones, and clients that go through it."""

    def __init__(self, server, port):
        self.server, self.port = server, port

    def client(self, preface=b"", host="127.0.0.1", **how):
        return HttpClient(host, self.port, preface=preface, **how)

    def is_closed(self, data, then=b""):
        """`data` on a new connection is not answered: it ends."""
        with self.client().open() as client:
            try:
                client.send(data)
                if then:
                    client.send(then)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return client.is_closed_by_server()


def test_crc32c():
    """The check value every description of CRC-32C gives."""
    assert crc32c(b"123456789") == 0xE3069283


@pytest.fixture(scope="module")
def door(module_server):
    lease = unused_port()
    server = module_server("--listen", f"tcp+proxy://127.0.0.1:{lease.port}",
                           "--listen", f"tcp+proxy://[::1]:{lease.port}", "--timeout", "5s")
    yield Door(server, lease.port)
    lease.release()


def told(client):
    """The address the server takes for the client's."""
    return str(ipaddress.ip_address(client.announce(new_hash()).data[b"external ip"]))


def announce_request(info_hash=None):
    query = raw_query() if info_hash is None else raw_query(info_hash=percent(info_hash))
    return b"GET /announce?" + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


LONGEST = "ffff:f000:f000:f000:f000:f000:f000:ffff"

ACCEPTED = [
    case(v1(), "198.51.100.7", id="T71-v1-tcp4"),
    case(v1("2001:db8::7", "2001:db8::1", "TCP6"), "2001:db8::7", id="T71-v1-tcp6"),
    case(v1(LONGEST, LONGEST, "TCP6", 65535, 65535), LONGEST, id="T71-v1-longest"),
    case(v1(sport=0, dport=0), "198.51.100.7", id="T71-v1-port-0"),
    case(v1("::ffff:198.51.100.7", "::1", "TCP6"), "198.51.100.7", id="V2-AT14-v1-mapped"),
    case(v2(), "198.51.100.7", id="T72-v2-tcp4"),
    case(v2("2001:db8::7", "2001:db8::1"), "2001:db8::7", id="T72-v2-tcp6"),
    case(v2("::ffff:10.0.0.1", "::1"), "10.0.0.1", id="V2-AT14-v2-mapped"),
    case(v2("127.0.0.1"), "127.0.0.1", id="AT14-v2-loopback"),
    case(v2(tlvs=b"\x04\x00\x05abcde" + b"\x01\x00\x02h2"), "198.51.100.7", id="T72-v2-tlvs"),
    case(with_checksum(), "198.51.100.7", id="T73-v2-crc32c"),
    case(v2(tlvs=b"\x04\x0b\xb8" + bytes(3000)), "198.51.100.7", id="T72-v2-3000-bytes-of-tlv"),
]


@pytest.mark.parametrize("header, address", ACCEPTED)
def test_accepted(door, header, address):
    """The header is read once; then the connection is as any other."""
    with door.client(header) as client:
        assert [told(client) for _ in range(3)] == [address] * 3


@pytest.mark.parametrize("header", [case(v1(), id="v1"), case(v2(), id="v2"),
                                    case(v2(tlvs=b"\x04\x00\x05abcde"), id="v2-tlv")])
def test_AT16_split_at_every_byte(door, header):
    request = announce_request()
    for cut in range(1, len(header) + 2):
        data = header + request
        with door.client() as client:
            client.send(data[:cut])
            client.send(data[cut:])
            assert client.read_response().data[b"external ip"] == bytes((198, 51, 100, 7))
    with door.client() as client:
        for byte in header + request:
            client.send(bytes([byte]))
        assert client.read_response().data[b"external ip"] == bytes((198, 51, 100, 7))


def test_T70_over_an_ipv6_listener(door):
    with door.client(v1(), host="::1") as client:
        assert told(client) == "198.51.100.7"


def test_T64_the_port_is_the_announced_one(door):
    h = new_hash()
    with door.client(v1(sport=1234)) as client:
        client.announce(h, port=7001)
    with door.client(v1("198.51.100.8")) as client:
        assert client.announce(h).peers == [("198.51.100.7", 7001)]


def test_AT14_V30_local_sources_are_not_told_to_the_public(door):
    h = new_hash()
    for source in ("127.0.0.1", "10.0.0.1", "::ffff:10.0.0.2", "fe80::1"):
        target = "::1" if ":" in source else "127.0.0.1"
        with door.client(v2(source, target)) as client:
            client.announce(h)
    with door.client(v2()) as client:
        assert client.announce(h).all_peers == []


REFUSED = [
    case(v1(kind="TCP4", source="2001:db8::7"), id="AT10-tcp4-with-ipv6"),
    case(v1(kind="TCP6"), id="T71-tcp6-with-ipv4"),
    case(v1(source="01.2.3.4"), id="AT10-leading-zero"),
    case(v1(source="1.2.3"), id="T71-three-octets"),
    case(v1(source="256.2.3.4"), id="T71-octet-256"),
    case(v1(sport=65536), id="AT10-port-65536"),
    case(v1(sport="051413"), id="T71-port-leading-zero"),
    case(v1(sport="-1"), id="T71-port-negative"),
    case(v1(sport=""), id="T71-port-empty"),
    case(v1(kind="UDP4"), id="T71-udp4"), case(v1(kind="tcp4"), id="T71-lower-case"),
    case(v1().replace(b"TCP4 ", b"TCP4  "), id="AT10-two-blanks"),
    case(v1().replace(b" ", b"\t"), id="T71-tabs"),
    case(v1().replace(b"\r\n", b" \r\n"), id="T71-trailing-blank"),
    case(v1().replace(b"\r\n", b" x\r\n"), id="T71-one-more-word"),
    case(v1().replace(b"\r\n", b"\n"), id="AT10-lf-only"),
    case(v1().replace(b"\r\n", b"\r\r\n"), id="T71-cr-cr-lf"),
    case(v1().replace(b"PROXY", b"proxy"), id="T71-lower-case-word"),
    case(b"PROXY TCP4 " + b"1" * 97, id="AT10-108-bytes-without-end"),
    case(b"PROXY UNKNOWN " + b"x" * 94 + b"\r\n", id="T71-AT10-110-bytes"),
    case(b"PROXY\r\n", id="T71-nothing"), case(b"PROXY TCP4\r\n", id="T71-no-addresses"),
    case(v2(command=0x11), id="AT12-version-1"), case(v2(command=0x31), id="AT12-version-3"),
    case(v2(command=0x22), id="AT12-command-2"), case(v2(command=0x2f), id="T72-command-15"),
    case(v2(kind=0x41), id="AT12-family-4"), case(v2(kind=0x13), id="T72-protocol-3"),
    case(v2(addresses=bytes(8)), id="AT12-short-for-tcp4"),
    case(v2(kind=TCP6, addresses=bytes(12)), id="AT12-short-for-tcp6"),
    case(v2(length=65535, tlvs=bytes(65535 - 12)), id="AT12-length-65535"),
    case(SIGNATURE[:-1] + b"\x0b" + v2()[12:], id="T72-broken-signature"),
    case(b"", id="T70-AT9-none"), case(b"\0" * 16, id="T70-zeros"),
    case(b"\r\n\r\n", id="T70-only-line-ends"),
]


@pytest.mark.parametrize("header", REFUSED)
def test_refused_without_an_answer(door, header):
    h = new_hash()
    with unharmed(door.server, h):
        assert door.is_closed(header + announce_request(h))


@pytest.mark.parametrize("header", [
    case(b"PROXY UNKNOWN\r\n", id="T71-T75-AT11-v1-bare"),
    case(b"PROXY UNKNOWN 198.51.100.7 203.0.113.1 51413 6969\r\n", id="T71-T75-AT11-v1-addresses"),
    case(b"PROXY UNKNOWN ffff::1 rubbish\r\n", id="T71-T75-AT11-v1-rubbish"),
    case(v2(command=LOCAL), id="T75-AT13-local-12-bytes"),
    case(v2(command=LOCAL, kind=0, addresses=b""), id="T75-local-no-bytes"),
    case(v2(command=LOCAL, kind=0, addresses=b"", tlvs=b"\x04\x00\x05abcde"), id="T75-local-tlv"),
])
def test_the_proxy_speaks_for_itself(door, header):
    """A health check is answered; an announce would list the proxy as a peer."""
    h = new_hash()
    with unharmed(door.server, h), door.client(header) as client:
        assert client.get("/heartbeat").status == 200
        assert client.scrape(h).data[b"files"][h][b"incomplete"] == 0
        assert client.announce(h, new_peer_id()).failure == "proxy address unknown"


def test_T72_unspecified_family_is_not_an_address(door):
    """PROXY with family 0: there is no source to believe."""
    h = new_hash()
    with unharmed(door.server, h):
        with door.client(v2(kind=0, addresses=b"")) as client:
            try:
                answer = client.announce(h)
            except (ConnectionError, AssertionError):
                return
            assert answer.failure == "proxy address unknown"


@pytest.mark.parametrize("second", [v1("203.0.113.66"), v2("203.0.113.66")], ids=["v1", "v2"])
@pytest.mark.parametrize("first", [v1(), v2()], ids=["v1", "v2"])
def test_AT15_a_second_header_is_garbage(door, first, second):
    h = new_hash()
    with unharmed(door.server, h), door.client() as client:
        assert client.refused(first + second + announce_request(h)).status == 400


@pytest.mark.parametrize("header", [v1(), v2()], ids=["v1", "v2"])
def test_AT8_T76_header_on_a_listener_without(server, header):
    h = new_hash()
    with unharmed(server, h):
        client = server.http().open()
        client.send(header + announce_request(h))
        rest = client.read_eof()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400 ")
        assert rest.count(b"HTTP/1.1 ") <= 1


def test_T76_AT12_unfinished_headers_are_closed(door):
    """None, parts of one, and one whose end never comes."""
    starts = [b"", b"P", v1()[:9], v2()[:9], v2()[:20], v2(length=2000)]
    with unharmed(door.server):
        clients = [door.client().open() for _ in starts]
        for client, start in zip(clients, starts):
            client.send(start)
        assert all(c.is_closed_by_server() for c in clients)
        for client in clients:
            client.close()


def test_T70_only_trusted_sources(module_server):
    lease = unused_port()
    server = module_server("--listen", f"tcp+proxy://127.0.0.1:{lease.port}",
                           "--trusted-proxies", "127.0.0.2")
    trusted = HttpClient("127.0.0.1", lease.port, preface=v1(), source="127.0.0.2")
    assert told(trusted) == "198.51.100.7"
    trusted.close()
    with unharmed(server):
        for source in ("127.0.0.1", "127.0.0.3"):
            with HttpClient("127.0.0.1", lease.port, source=source) as client:
                client.open()
                try:
                    client.send(v1() + announce_request())
                except OSError:
                    pass
                assert client.is_closed_by_server()


def test_T60_T70_header_fields_behind_a_proxy_header(module_server):
    """Who the PROXY header names is the TCP peer: his header fields are read if he is trusted."""
    lease = unused_port()
    server = module_server("--listen", f"tcp+proxy://127.0.0.1:{lease.port}",
                           "--real-ip-header", "X-Forwarded-For",
                           "--trusted-proxies", "127.0.0.1,198.51.100.0/24")
    for source, address in (("198.51.100.7", "203.0.113.9"), ("192.0.2.1", "192.0.2.1")):
        with HttpClient("127.0.0.1", lease.port, preface=v1(source),
                        headers=[("X-Forwarded-For", "203.0.113.9")]) as client:
            assert told(client) == address
    assert server.is_running()


def test_T23_half_close_behind_the_header(door):
    with door.client() as client:
        client.send(v2() + announce_request())
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read_response().counts == (0, 1)
        assert client.is_closed_by_server()
