"""HTTP announce requests: parameters and what is wrong with them (protocol.md 2; AH26..AH50).

Each table row is (what is sent, what must come); ids carry the item numbers."""

import pytest

from harness import everything, fill, new_hash, new_peer_id, percent, raw_query, unharmed

case = pytest.param


def announce(client, **fields):
    """An announce whose query values go onto the wire as they are."""
    return client.get(b"/announce?" + raw_query(**fields))


@pytest.fixture
def client(watched):
    return watched.http()


BAD_HASH, BAD_ID = "invalid info_hash", "invalid peer_id"

REFUSED = [
    case({"info_hash": None}, "missing info_hash", id="A1-absent"),
    case({"info_hash": ""}, BAD_HASH, id="AH27-0-bytes"),
    case({"info_hash": "a" * 19}, BAD_HASH, id="AH27-19-bytes"),
    case({"info_hash": "a" * 21}, BAD_HASH, id="AH27-21-bytes"),
    case({"info_hash": "0123456789abcdef0123456789abcdef01234567"}, BAD_HASH, id="P9-AH27-40-hex"),
    case({"info_hash": "abcdefghijklmnopqrstuvwxyz234567"}, BAD_HASH, id="P9-base32"),
    case({"info_hash": "a" * 60}, BAD_HASH, id="AH27-60-bytes"),
    case({"info_hash": "a" * 4000}, BAD_HASH, id="AH27-4000-bytes"),
    case({"info_hash": "%61" * 32}, BAD_HASH, id="E40-32-bytes-of-v2"),
    case({"info_hash": "a" * 19 + "%"}, BAD_HASH, id="P8-AH28-percent"),
    case({"info_hash": "a" * 19 + "%4"}, BAD_HASH, id="P8-AH28-percent-4"),
    case({"info_hash": "a" * 19 + "%zz"}, BAD_HASH, id="P8-AH28-percent-zz"),
    case({"info_hash": "a" * 19 + "%4g"}, BAD_HASH, id="P8-percent-4g"),
    case({"info_hash": "a" * 17 + "%%41"}, BAD_HASH, id="P8-AH28-double-percent"),
    case({"info_hash": "%2541" * 20}, BAD_HASH, id="P1-AH29-escaped-twice"),
    case({"peer_id": None}, "missing peer_id", id="A2-AH35-absent"),
    case({"peer_id": ""}, BAD_ID, id="A2-empty"),
    case({"peer_id": "a" * 19}, BAD_ID, id="A2-AH35-19-bytes"),
    case({"peer_id": "a" * 21}, BAD_ID, id="A2-AH35-21-bytes"),
    case({"peer_id": "a" * 19 + "%4"}, BAD_ID, id="P8-peer-id"),
    case({"port": None}, "missing port", id="A3-AH36-absent"),
    *[case({"port": text}, "invalid port", id=f"A3-A33-AH36-{text or 'empty'}")
      for text in ("", "0", "65536", "99999999999999999999", "-1", "+6881", "%206881", "6881x",
                   "0x1AE1", "6881.0", "%2B6881", "6 881".replace(" ", "%20"), "00000")],
    *[case({"left": text}, "invalid left", id=f"A6-A33-AH37-{text or 'empty'}")
      for text in ("", "-1", "1.5", "1e9", "1" + "0" * 40, "0x10", "%205", "+5", "5abc")],
    *[case({name: text}, f"invalid {name}", id=f"A33-AH38-{name}-{text or 'empty'}")
      for name in ("uploaded", "downloaded")
      for text in ("", "-1", "abc", "1.5", "1" + "0" * 40, "+5")],
]


@pytest.mark.parametrize("fields, reason", REFUSED)
def test_refused_and_nothing_is_recorded(client, watched, fields, reason):
    """A34: a failed request changes nothing; R1: the failure is a 200; R45: it has no peers."""
    h = new_hash()
    answer = announce(client, **{"info_hash": percent(h), **fields})
    assert answer.failure == reason
    assert b"peers" not in answer.data
    assert h not in everything(watched)


ACCEPTED = [
    # fields, (complete, incomplete) afterwards
    case({"peer_id": "%00" * 20}, (0, 1), id="A2-AH35-zero-peer-id"),
    case({"port": "006881"}, (0, 1), id="A33-AH36-leading-zeros"),
    case({"port": "1"}, (0, 1), id="A32-port-1"),
    case({"port": "65535"}, (0, 1), id="A3-port-65535"),
    case({"port": "0", "cryptoport": "6881"}, (0, 1), id="A31-cryptoport"),
    case({"left": None}, (0, 1), id="A6-AH37-left-absent"),
    case({"left": "0"}, (1, 0), id="A6-seeder"),
    case({"left": "00000000000000000000"}, (1, 0), id="A33-twenty-zeros"),
    case({"left": str(2**31)}, (0, 1), id="A6-2^31"),
    case({"left": str(2**32)}, (0, 1), id="A6-AH37-2^32"),
    case({"left": str(2**63 - 1)}, (0, 1), id="A6-AH37-2^63-1"),
    case({"left": str(2**64 - 1)}, (0, 1), id="A6-AH37-2^64-1"),
    case({"left": str(2**64)}, (0, 1), id="A6-AH37-2^64-saturates"),
    case({"uploaded": None, "downloaded": None}, (0, 1), id="A4-A5-AH38-absent"),
    case({"uploaded": str(2**64)}, (0, 1), id="A4-AH38-2^64"),
    case({"downloaded": str(2**64)}, (0, 1), id="A5-AH38-2^64"),
    case({"event": "started"}, (0, 1), id="A7-started"),
    case({"event": "STARTED"}, (0, 1), id="A7-AH39-upper-case"),
    case({"event": "STOPPED"}, (0, 1), id="A7-upper-case-stop-is-none"),
    case({"event": "foo"}, (0, 1), id="A7-AH39-unknown"),
    case({"event": "empty"}, (0, 1), id="A7-AH39-empty-word"),
    case({"event": ""}, (0, 1), id="A7-AH39-empty"),
    case({"event": "a" * 8192}, (0, 1), id="A7-AH39-8K"),
    case({"event": "paused"}, (0, 1), id="A7-AH39-paused"),
    case({"event": "completed", "left": "0"}, (1, 0), id="A7-completed"),
    *[case({"numwant": text}, (0, 1), id=f"A9-numwant-{text or 'empty'}")
      for text in ("-1", "abc", "", "9" * 30, "-99999999999999999999", "1.5")],
    *[case({"compact": text}, (0, 1), id=f"A11-AH41-compact-{text}")
      for text in (None, "2", "abc", "")],
    case({"no_peer_id": "1"}, (0, 1), id="A12-no-peer-id"),
    case({"trackerid": "t" * 64}, (0, 1), id="A13-trackerid"),
    case({"supportcrypto": "1", "requirecrypto": "x"}, (0, 1), id="A14-A15-crypto"),
    case({"cryptoport": "banana"}, (0, 1), id="A16-bad-cryptoport"),
    case({"corrupt": "-5", "redundant": "x"}, (0, 1), id="A17-A18-bad-statistics"),
    *[case({"key": text}, (0, 1), id=f"A10-key-{name}") for name, text in (
        ("upper-hex", "DEADBEEF"), ("lower-hex", "deadbeef"), ("decimal", "3735928559"),
        ("negative", "-559038737"), ("alphanumeric", "aB3xY9zQ"),
        ("binary", "%00%FF%0A%26%3D%80%0D%25"),
        ("base64", "YWJj-_Zw=="), ("65-bytes", "k" * 65), ("broken", "%zz"), ("empty", ""))],
    case({"azudp": "6881", "azver": "3", "azq": "1", "hide": "1", "seed_id": "x",
          "check_seeded": "1", "last": "5", "tracker": "1", "localip": "10.0.0.9", "natmapped": "1",
          "port_type": "lan", "compact6": "1", "lognet": "1"}, (0, 1), id="A21-seen-in-the-wild"),
    case({"broken": "%", "also": "%4", "worse": "%zz"}, (0, 1), id="P8-broken-escape-ignored"),
]


@pytest.mark.parametrize("fields, counts", ACCEPTED)
def test_accepted(client, fields, counts):
    assert announce(client, **fields).counts == counts


# --- ip, ipv4, ipv6: never believed ---------------------------------------------------------------

OTHERS_ADDRESS = [
    *[case({"ip": text}, id=f"A8-V20-AH42-{name}") for name, text in (
        ("victim", "8.8.8.8"), ("loopback", "127.0.0.99"), ("v6", "::1"),
        ("localhost", "localhost"), ("dns-name", "evil.example"), ("nul", "%00"),
        ("4K", "1" * 4096), ("empty", ""))],
    *[case({name: text}, id=f"A19-V21-AH43-{name}-{i}") for i, (name, text) in enumerate((
        ("ipv4", "8.8.8.8"), ("ipv4", "1.2.3.4:25"), ("ipv6", "2001:db8::1"),
        ("ipv6", "%5B::1%5D:80"), ("ipv6", "%5B2001%3Adb8%3A%3A1%5D%3A6882")))],
]


@pytest.mark.parametrize("fields", OTHERS_ADDRESS)
def test_addresses_in_the_query_are_ignored(client, fields):
    h = new_hash()
    assert announce(client, info_hash=percent(h), port=7001, **fields).counts == (0, 1)
    other = announce(client, info_hash=percent(h), port=7002)
    assert other.all_peers == [("127.0.0.1", 7001)]


def test_A19_repeated_ipv6_parameters_are_ignored(client):
    h = new_hash()
    query = raw_query(info_hash=percent(h), port=7001) + b"&ipv6=2001:db8::1&ipv6=2001:db8::2"
    assert client.get(b"/announce?" + query).counts == (0, 1)
    assert announce(client, info_hash=percent(h), port=7002).all_peers == [("127.0.0.1", 7001)]


# --- the shape of the query -----------------------------------------------------------------------

FIELDS = ("info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "compact", "numwant")


def in_order(names, info_hash):
    """A query with its parameters in this order."""
    values = {"info_hash": percent(info_hash), "peer_id": percent(new_peer_id()), "port": b"7001",
              "uploaded": b"0", "downloaded": b"0", "left": b"5", "compact": b"1",
              "numwant": b"50"}
    return b"&".join(n.encode() + b"=" + values[n] for n in names)


@pytest.mark.parametrize("names", [
    case(FIELDS, id="as-usual"), case(FIELDS[::-1], id="A20-AH47-reversed"),
    case(tuple(sorted(FIELDS)), id="A20-alphabetical"),
    case(FIELDS[1:] + FIELDS[:1], id="A20-info-hash-last"),
])
def test_parameter_order_is_free(client, names):
    h = new_hash()
    assert client.get(b"/announce?" + in_order(names, h)).counts == (0, 1)
    assert client.numbers(h) == (0, 0, 1)


def around(before=b"", after=b"", separator=b"&"):
    """A complete query of `h` with noise."""
    return lambda h: before + raw_query(info_hash=percent(h)).replace(b"&", separator) + after


ODD_QUERIES = [
    case(around(b"&"), id="A25-leading-ampersand"),
    case(around(after=b"&"), id="A25-trailing-ampersand"),
    case(around(separator=b"&&"), id="A25-empty-segments"),
    case(around(b"=x&"), id="A25-AH46-no-name"),
    case(around(b"=&==&"), id="A25-only-equals"),
    case(around(b"port&"), id="A25-AH46-name-without-equals"),
    case(around(b"&foo&bar&"), id="A25-AH46-pairs-do-not-shift"),
    case(around(after=b"&port&left&info_hash"), id="A25-bare-names-are-skipped"),
    case(around(b"x=1;y=2&"), id="A26-AH48-semicolon-is-data"),
    case(around(after=b"&info%5Fhash=abc"), id="A24-P10-AH34-encoded-name"),
    case(around(after=b"&Info_Hash=abc&PORT=0&Left=x"), id="A24-case-of-names"),
    case(around(after=b"&x=?a=b?c"), id="A27-question-mark-is-data"),
    case(around(after=b"&" + b"&".join(b"p%d=%d" % (i, i) for i in range(1000))),
         id="A21-AH45-1000-parameters"),
    case(around(b"&" * 10000), id="A25-AH45-10000-ampersands"),
    case(around(b"a=b&" * 2800), id="A21-AH45-2800-parameters"),
    case(around(b"=" * 8000 + b"&"), id="A25-8000-equals"),
]


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_odd_queries_mean_the_same(client, query):
    h = new_hash()
    assert client.get(b"/announce?" + query(h)).counts == (0, 1)
    assert client.numbers(h) == (0, 0, 1)


WRONG_QUERIES = [
    case(lambda q: b"/announce", "missing info_hash", id="A28-AH26-no-query"),
    case(lambda q: b"/announce?", "missing info_hash", id="A28-AH26-empty-query"),
    case(lambda q: b"/announce?&&&", "missing info_hash", id="A28-only-ampersands"),
    case(lambda q: b"/announce??" + q, "missing info_hash", id="A27-AH49-second-question-mark"),
    case(lambda q: b"/announce?x=1?" + q, "missing info_hash", id="A27-AH49-inside-a-value"),
    case(lambda q: b"/announce?" + q.replace(b"info_hash", b"Info_Hash"), "missing info_hash",
         id="A24-case"),
    case(lambda q: b"/announce?" + q.replace(b"info_hash", b"info%5Fhash"), "missing info_hash",
         id="P10-encoded-name"),
    case(lambda q: b"/announce?" + q.replace(b"&", b";"), BAD_HASH, id="A26-AH48-semicolons"),
    case(lambda q: b"/announce?" + q + b"&info_hash=" + b"a" * 20, "multiple info_hash",
         id="A22-AH33-two-different"),
    case(lambda q: b"/announce?" + q + b"&" + q[:q.index(b"&")], "multiple info_hash",
         id="A22-AH33-two-equal"),
    case(lambda q: b"/announce?" + q + b"&port=6881#top", "invalid port", id="AH50-fragment"),
]


@pytest.mark.parametrize("target, reason", WRONG_QUERIES)
def test_wrong_queries(client, watched, target, reason):
    h = new_hash()
    with unharmed(watched, h):
        assert client.get(target(raw_query(info_hash=percent(h)))).failure == reason
    assert h not in everything(watched)


LAST_WINS = [
    case(b"port=1&port=7001", id="A23-port"),
    case(b"port=0&port=7001", id="A23-bad-port-first"),
    case(b"port=7001&port", id="A25-AH46-bare-port-does-not-count"),
    case(b"port=7001&left=0&left=1", id="A23-left"),
    case(b"port=7001&event=stopped&event=started", id="A23-event"),
    case(b"port=7001&left=x&left=1", id="A23-bad-left-first"),
]


@pytest.mark.parametrize("tail", LAST_WINS)
def test_the_last_of_a_repeated_parameter_wins(client, tail):
    h = new_hash()
    query = raw_query(info_hash=percent(h), port=None, left=None) + b"&" + tail
    assert client.get(b"/announce?" + query).counts == (0, 1)
    assert announce(client, info_hash=percent(h), port=7002).peers == [("127.0.0.1", 7001)]


ORDER = [("info_hash", "short", BAD_HASH), ("peer_id", "short", BAD_ID),
         ("port", "x", "invalid port"), ("left", "x", "invalid left"),
         ("uploaded", "x", "invalid uploaded"),
         ("downloaded", "x", "invalid downloaded")]


@pytest.mark.parametrize("first", range(len(ORDER)), ids=[f"A29-{row[0]}" for row in ORDER])
def test_A29_the_first_error_in_order_is_told(client, first):
    """All from `first` on are wrong, and stand in the query in the opposite order."""
    wrong = {name: value for name, value, _ in ORDER[first:]}
    query = raw_query(**wrong)
    backwards = b"&".join(reversed(query.split(b"&")))
    assert client.get(b"/announce?" + query).failure == ORDER[first][2]
    assert client.get(b"/announce?" + backwards).failure == ORDER[first][2]


# --- port 0, unknown torrents ---------------------------------------------------------------------

def test_A30_port_0_may_stop_but_removes_nothing(client):
    h, peer = new_hash(), percent(new_peer_id())
    announce(client, info_hash=percent(h), peer_id=peer, port=7001)
    answer = announce(client, info_hash=percent(h), peer_id=peer, port=0, event="stopped")
    assert answer.data[b"peers"] == b""
    assert client.numbers(h) == (0, 0, 1)


def test_A31_cryptoport_is_the_port_of_the_endpoint(client):
    h = new_hash()
    announce(client, info_hash=percent(h), port=0, cryptoport=7001, requirecrypto=1)
    assert announce(client, info_hash=percent(h), port=7002).peers == [("127.0.0.1", 7001)]


@pytest.mark.parametrize("ask", [
    case(lambda c, h: c.announce(h, event="stopped"), id="A35-AH60-stopped"),
    case(lambda c, h: c.scrape(h), id="A35-S5-scrape"),
    case(lambda c, h: c.get(b"/announce?" + raw_query(info_hash=percent(h)), method="HEAD"),
         id="T1-AH12-head"),
])
def test_an_unknown_torrent_is_not_created(client, watched, ask):
    h = new_hash()
    assert ask(client, h).status == 200
    assert h not in everything(watched)


# --- numwant --------------------------------------------------------------------------------------

SWARM = 250


@pytest.fixture(scope="module")
def crowd(module_server):
    """A server with a swarm of 250 leechers."""
    server = module_server("--real-ip-header", "X-Forwarded-For")
    h = new_hash()
    fill(server.http(), h, [f"198.51.{i // 200}.{i % 200 + 1}" for i in range(SWARM)])
    return server, h


@pytest.mark.parametrize("numwant, peers", [
    case(None, 50, id="A9-absent"), case("-1", 50, id="A9-AH40-minus-1"),
    case("0", 0, id="A9-R51-AH40-0"), case("1", 1, id="A9-AH40-1"), case("80", 80, id="A9-80"),
    case("200", 200, id="A9-AH40-200"), case("201", 200, id="A9-AH40-201"),
    case("1000000", 200, id="A9-AH40-million"), case("9" * 30, None, id="A9-AH40-30-digits"),
    case("abc", 50, id="A9-AH40-text"), case("", 50, id="A9-AH40-empty"),
])
def test_numwant(crowd, numwant, peers):
    server, h = crowd
    client = server.http(headers=[("X-Forwarded-For", "203.0.113.9")])
    answer = announce(client, info_hash=percent(h), port=7001, numwant=numwant)
    assert answer.counts == (0, SWARM + 1)
    got = answer.all_peers
    assert len(got) == len(set(got)) and ("203.0.113.9", 7001) not in got  # M30, M35
    assert len(got) == peers if peers is not None else len(got) in (50, 200)


# --- nothing of the client's comes back -----------------------------------------------------------

MARK = "REFLECTED%0d%0aSet-Cookie:x=1%0d%0a%3Cscript%3E"


@pytest.mark.parametrize("name", ["info_hash", "peer_id", "port", "uploaded", "downloaded", "left",
                                  "event", "ip", "numwant", "key", "compact", "no_peer_id",
                                  "trackerid", "passkey", "anything"])
def test_C10_AH44_AH70_no_client_bytes_in_answers(server, name):
    """Nor in headers, nor as lines of the log."""
    answer = announce(server.http(), **{name: MARK})
    seen = answer.body + repr(answer.headers).encode()
    assert answer.status == 200 and answer.header("Set-Cookie") is None
    for piece in (b"REFLECTED", b"Set-Cookie", b"script"):
        assert piece not in seen
    assert "\nSet-Cookie" not in server.output()


@pytest.mark.parametrize("name", ["key", "trackerid"])
def test_AH44_8_KiB_of_key_are_ignored(server, name):
    answer = announce(server.http(), **{name: "K" * 8192})
    assert answer.counts == (0, 1) and b"KKKK" not in answer.body
