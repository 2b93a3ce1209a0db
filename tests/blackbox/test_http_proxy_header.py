"""Addresses told by HTTP proxies (protocol.md 9.4: T60..T65; AH52..AH56; E11).

The resolved address is read from `external ip`."""

import ipaddress

import pytest

from harness import new_hash, unharmed

case = pytest.param


def believed(client, headers, **params):
    """The address the server took for the client's."""
    data = client.announce(new_hash(), headers=headers, **params).data
    return str(ipaddress.ip_address(data[b"external ip"]))


def xff(*lines):
    return [("X-Forwarded-For", line) for line in lines]


LOOPBACK = "127.0.0.1"

def test_the_log_says_who_told_no_address(start_server):
    server = start_server("--real-ip-header", "X-Forwarded-For")
    assert server.http().get("/announce").status == 400
    server.wait_output("trusted proxy 127.0.0.1: no client's address in X-Forwarded-For")


# --- who is believed ------------------------------------------------------------------------------


def test_T60_AH52_nobody_without_the_option(server):
    assert believed(server.http(), xff("203.0.113.9")) == LOOPBACK


def test_T60_AH52_only_trusted_proxies(module_server):
    server = module_server("--real-ip-header", "X-Forwarded-For",
                           "--trusted-proxies", "127.0.0.2,::1")
    for headers in (xff("203.0.113.9"), xff("unknown"), xff(""), []):
        assert believed(server.http(), headers) == LOOPBACK
    assert believed(server.http(source="127.0.0.2"), xff("203.0.113.9")) == "203.0.113.9"
    assert believed(server.http(source="127.0.0.3"), xff("203.0.113.9")) == "127.0.0.3"
    assert believed(server.http6(), xff("203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize("prefix, inside, outside", [
    ("127.0.0.0/8", "127.255.0.1", None), ("127.1.0.0/16", "127.1.2.3", "127.2.0.1"),
    ("127.0.0.64/26", "127.0.0.127", "127.0.0.128"), ("127.0.0.5/32", "127.0.0.5", "127.0.0.4"),
])
def test_T60_prefixes(module_server, prefix, inside, outside):
    server = module_server("--real-ip-header", "X-Forwarded-For", "--trusted-proxies", prefix)
    assert believed(server.http(source=inside), xff("203.0.113.9")) == "203.0.113.9"
    if outside:
        assert believed(server.http(source=outside), xff("203.0.113.9")) == outside


@pytest.mark.parametrize("name", ["X-Real-IP", "CF-Connecting-IP", "X-Forwarded-For",
                                  "True-Client-IP"])
def test_T60_only_the_configured_header(module_server, name):
    client = module_server("--real-ip-header", name).http()
    others = [(n, "1.2.3.4") for n in ("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP")
              if n != name] + [("Forwarded", "for=1.2.3.4"), ("X-" + name, "1.2.3.4"),
                               (name + "-X", "1.2.3.4")]
    for spelled in (name, name.lower(), name.upper()):
        assert believed(client, others + [(spelled, "203.0.113.9")]) == "203.0.113.9"
        assert believed(client, [(spelled, "203.0.113.9")] + others) == "203.0.113.9"


@pytest.mark.parametrize("option", ["-x", "--x-forwarded-for"])
def test_etracker_spelling_of_the_option(module_server, option):
    client = module_server(option, "X-Forwarded-For").http()
    assert believed(client, xff("203.0.113.9")) == "203.0.113.9"


# --- X-Forwarded-For ------------------------------------------------------------------------------

PARSED = [
    case(["203.0.113.9"], "203.0.113.9", id="T62-v4"),
    case(["  203.0.113.9\t"], "203.0.113.9", id="T62-blanks"),
    case(["203.0.113.9:5678"], "203.0.113.9", id="T62-v4-port"),
    case(["2001:db8::1"], "2001:db8::1", id="T62-v6"),
    case(["[2001:db8::1]"], "2001:db8::1", id="T62-v6-brackets"),
    case(["[2001:db8::1]:5678"], "2001:db8::1", id="T62-AH54-v6-brackets-port"),
    case(["2001:DB8:0:0:0:0:0:1"], "2001:db8::1", id="T62-v6-long"),
    case(["evil, 203.0.113.9"], "203.0.113.9", id="T61-AH53-rightmost"),
    case(["1.2.3.4, 203.0.113.9"], "203.0.113.9", id="T61-leftmost-is-the-attackers"),
    case(["1.2.3.4,203.0.113.9"], "203.0.113.9", id="T61-no-blank"),
    case(["203.0.113.9, 127.0.0.1"], "203.0.113.9", id="T61-trusted-skipped"),
    case(["1.2.3.4, 203.0.113.9, 127.0.0.2 , ::1,127.3.2.1:80"], "203.0.113.9",
         id="T61-several-trusted-skipped"),
    case(["1.2.3.4", "203.0.113.9"], "203.0.113.9", id="T61-two-lines"),
    case(["203.0.113.9", "127.0.0.1"], "203.0.113.9", id="T61-two-lines-trusted-last"),
    case(["1.2.3.4", "5.6.7.8, 203.0.113.9", "127.0.0.1"], "203.0.113.9", id="T61-three-lines"),
    case(["unknown, 203.0.113.9"], "203.0.113.9", id="T62-what-is-left-of-the-client-is-not-read"),
    case([", ".join(["1.2.3.4"] * 999 + ["203.0.113.9"])], "203.0.113.9", id="AH54-1000-entries"),
    case([", ".join(["203.0.113.9"] + ["127.0.0.1"] * 999)], "203.0.113.9",
         id="T61-AH54-999-trusted"),
    case(["::ffff:203.0.113.9"], "203.0.113.9", id="T65-V2-AH56-mapped"),
    case(["203.0.113.9, ::ffff:127.0.0.1"], "203.0.113.9", id="V2-mapped-proxy-is-trusted"),
    case(["10.1.2.3"], "10.1.2.3", id="T65-local"),
]


@pytest.mark.parametrize("lines, address", PARSED)
def test_x_forwarded_for(fronted, lines, address):
    assert believed(fronted.http(), xff(*lines)) == address


UNUSABLE = ["", " ", "unknown", "1.2.3.4.5", "1.2.3", "256.1.1.1", "01.2.3.4", "1.2.3.4:99999x",
            "[2001:db8::1", "2001:db8::1]", "2001:db8::g", "1::2::3", "evil.example", "_hidden",
            "203.0.113.9,", "203.0.113.9, unknown", "203.0.113.9, ,127.0.0.1",
            "203.0.113.9;127.0.0.1",
            "\"203.0.113.9\"", "fe80::1%eth0", "0x7f000001", "2130706433", "203.0.113.9 127.0.0.1",
            "127.0.0.1", "127.0.0.2, ::1"]


@pytest.mark.parametrize("value", UNUSABLE, ids=lambda v: "T62-AH54-" + (repr(v)))
def test_unusable_x_forwarded_for_is_400(fronted, value):
    """Never the proxy's own address: that would list the proxy as a peer."""
    h = new_hash()
    via = {"headers": xff("203.0.113.9")}
    with unharmed(fronted, h, **via):
        assert fronted.http().announce(h, headers=xff(value)).status == 400


def test_T62_AH54_header_missing_is_400(fronted):
    assert fronted.http().announce(new_hash()).status == 400


def test_T62_missing_on_another_connection_has_no_memory(fronted):
    """The header of the last request is not the next one's."""
    client = fronted.http()
    assert believed(client, xff("203.0.113.9")) == "203.0.113.9"
    assert client.announce(new_hash()).status == 400
    assert believed(client, xff("203.0.113.10")) == "203.0.113.10"


def test_clients_of_one_proxy_connection_are_different_clients(fronted):
    client, h = fronted.http(), new_hash()
    for i in range(1, 6):
        assert client.announce(h, headers=xff(f"203.0.113.{i}")).counts == (0, i)


# --- Forwarded ------------------------------------------------------------------------------------

@pytest.fixture
def rfc7239(module_server):
    server = module_server("--real-ip-header", "Forwarded", "--trusted-proxies",
                           "127.0.0.0/8,::1,198.51.100.0/24,2001:db8:ff::/48")
    yield server
    server.close_clients()


FORWARDED = [
    case(["for=203.0.113.9"], "203.0.113.9", id="T63-plain"),
    case(["for=\"203.0.113.9\""], "203.0.113.9", id="T63-quoted"),
    case(["For=203.0.113.9"], "203.0.113.9", id="T63-AH55-case"),
    case(["FOR=\"203.0.113.9:4711\""], "203.0.113.9", id="T63-port"),
    case(["for=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17", id="T63-v6-port"),
    case(["for=\"[2001:db8::1]:99\""], "2001:db8::1", id="T63-AH55-v6"),
    case(["for=\"[2001:db8::1]\""], "2001:db8::1", id="T63-v6-no-port"),
    case(["for=203.0.113.60;proto=http;by=203.0.113.43"], "203.0.113.60", id="T63-with-others"),
    case(["by=203.0.113.43; proto=http ;host=\"a;b,c\"; for=203.0.113.60"], "203.0.113.60",
         id="T63-any-order-and-quoted-separators"),
    case(["for=192.0.2.60;proto=http;by=203.0.113.43, for=\"[2001:db8:cafe::17]:4711\""],
         "2001:db8:cafe::17", id="T63-rightmost"),
    case(["for=203.0.113.9, for=198.51.100.7;by=127.0.0.1"], "203.0.113.9",
         id="T61-trusted-skipped"),
    case(["for=203.0.113.9, for=\"[2001:db8:ff::2]\""], "203.0.113.9", id="T61-trusted-v6-skipped"),
    case(["for=1.2.3.4", "for=203.0.113.9"], "203.0.113.9", id="T63-AH55-two-lines"),
    case(["for=203.0.113.9", "for=198.51.100.9, for=127.0.0.1"], "203.0.113.9",
         id="T63-two-lines-trusted"),
    case(["for=_hidden, for=203.0.113.9"], "203.0.113.9", id="T63-hidden-further-left"),
    case(["for=\"[::ffff:203.0.113.9]\""], "203.0.113.9", id="T65-V2-mapped"),
]


@pytest.mark.parametrize("lines, address", FORWARDED)
def test_forwarded(rfc7239, lines, address):
    headers = [("Forwarded", line) for line in lines]
    assert believed(rfc7239.http(), headers) == address


@pytest.mark.parametrize("value", [
    "for=unknown", "for=_hidden", "for=_x", "for=\"unknown\"", "", "proto=http", "for=", "for=\"\"",
    "203.0.113.9", "for=203.0.113.9, for=unknown", "for=203.0.113.9, by=1.2.3.4",
    "for=\"203.0.113.9",
    "for=evil.example", "xfor=203.0.113.9",
], ids=lambda v: "T63-AH55-" + repr(v))
def test_unusable_forwarded_is_400(rfc7239, value):
    via = {"headers": [("Forwarded", "for=203.0.113.9")]}
    with unharmed(rfc7239, **via):
        assert rfc7239.http().announce(new_hash(), headers=[("Forwarded", value)]).status == 400


def test_T60_forwarded_only_where_configured(rfc7239):
    headers = xff("1.2.3.4") + [("Forwarded", "for=203.0.113.9")]
    assert believed(rfc7239.http(), headers) == "203.0.113.9"


# --- what follows ---------------------------------------------------------------------------------

def test_T64_the_port_is_the_announced_one(fronted):
    client, h = fronted.http(), new_hash()
    client.announce(h, port=7001, headers=xff("203.0.113.9:5678"))
    assert client.announce(h, headers=xff("203.0.113.10")).peers == [("203.0.113.9", 7001)]


def test_E11_T1_the_proxy_is_nowhere_in_the_swarm(fronted):
    client, h = fronted.http(), new_hash()
    for address in ("203.0.113.9", "2001:db8::9", "10.0.0.9"):
        client.announce(h, port=7001, headers=xff(address))
    peers = client.announce(h, headers=xff("10.0.0.1")).all_peers
    assert sorted(a for a, _ in peers) == ["10.0.0.9", "2001:db8::9", "203.0.113.9"]


def test_a_proxy_over_ipv6(fronted):
    client = fronted.http6()
    assert believed(client, xff("203.0.113.9")) == "203.0.113.9"
    assert believed(client, xff("203.0.113.9, ::1")) == "203.0.113.9"
