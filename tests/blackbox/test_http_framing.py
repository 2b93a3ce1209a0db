"""HTTP/1.x framing: methods, versions, connections, splits, sizes (protocol.md 9.1; AH3..AH26)."""

import socket
import struct

import pytest

from harness import new_hash, new_peer_id, percent, raw_query, unharmed

case = pytest.param


def target(info_hash=None):
    fields = {} if info_hash is None else {"info_hash": percent(info_hash)}
    return b"/announce?" + raw_query(**fields)


def without_length(response):
    return [(n, v) for n, v in response.headers if n.lower() != "content-length"]


# --- methods --------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/scrape?info_hash=" + "a" * 20, "/announce", "/heartbeat",
                                  "/nothing", "/"])
def test_T1_head_says_what_get_would(server, path):
    client = server.http()
    get, head = client.get(path), client.get(path, method="HEAD")
    assert head.body == b"" and head.status == get.status
    assert sorted(head.headers) == sorted(get.headers)


def test_T1_AH12_head_announce_joins_nobody(server):
    h = new_hash()
    with unharmed(server, h):
        client = server.http()
        head = client.get(target(h), method="HEAD")
        assert (head.status, head.header("Content-Type").split(";")[0]) == (200, "text/plain")
        assert head.header("Content-Length") is None, "only the announce itself could tell"
        assert client.get(target()).counts == (0, 1), "the next answer is where it belongs"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH",
                                    "PROPFIND", "X"])
@pytest.mark.parametrize("body", [b"", b"a" * 100], ids=["", "body"])
def test_T1_AH10_AH11_other_methods(server, method, body):
    h = new_hash()
    with unharmed(server, h):
        client = server.http()
        headers = [("Content-Length", str(len(body)))] if body else []
        refusal = client.refused(client.request(target(h), headers, method=method) + body)
        assert refusal.status == 405
        assert {m.strip() for m in refusal.header("Allow").split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["get", "Get", "GeT"])
def test_AH13_methods_are_case_sensitive(server, method):
    client = server.http()
    assert client.refused(client.request(target(), method=method)).status in (400, 405)


# --- versions and connections ---------------------------------------------------------------------

@pytest.mark.parametrize("version, statuses", [
    case("HTTP/2.0", (505,), id="T2-AH17-2.0"), case("HTTP/9.9", (505,), id="T2-AH17-9.9"),
    case("HTTP/0.9", (505, 400), id="T2-0.9"), case("HTTP/1.x", (505, 400), id="AH17-1.x"),
    case("HTTP/1", (505, 400), id="no-minor"), case("HTTP/", (505, 400), id="no-number"),
    case("http/1.1", (505, 400), id="lower-case"), case("HTTP/1.1 x", (505, 400), id="more"),
    case("HTTP/11.1", (505, 400), id="11.1"), case("XTTP/1.1", (505, 400), id="not-http"),
])
def test_versions(server, version, statuses):
    with unharmed(server):
        client = server.http()
        assert client.refused(client.request(target(), version=version)).status in statuses


@pytest.mark.parametrize("data", [
    case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), id="T2-AH18-h2-preface"),
    case(bytes.fromhex("16030100c8010000c40303") + bytes(range(190)), id="T35-AT1-client-hello"),
    case(b"SSH-2.0-x\r\n", id="ssh"), case(b"\x00" * 64 + b"\r\n\r\n", id="zeros"),
    case(bytes.fromhex("13426974546f7272656e742070726f746f636f6c") + bytes(48) + b"\r\n\r\n",
         id="peer-wire-handshake"),
])
def test_other_protocols_are_closed(server, data):
    """At most one error comes back."""
    with unharmed(server):
        client = server.http().open()
        client.send(data)
        client.socket.shutdown(socket.SHUT_WR)
        rest = client.read_eof()
        assert rest == b"" or rest[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 405 ", b"HTTP/1.1 505 ")
        assert rest.count(b"HTTP/1.") <= 1


def test_AH14_http_0_9(server):
    with unharmed(server):
        client = server.http()
        assert client.refused(b"GET " + target() + b"\r\n\r\n").status == 400


KEEPING = [
    # version, headers, stays open
    case("HTTP/1.1", [], True, id="T4-1.1"),
    case("HTTP/1.1", [("Connection", "keep-alive")], True, id="T4-1.1-keep-alive"),
    case("HTTP/1.1", [("Connection", "close")], False, id="T4-1.1-close"),
    case("HTTP/1.1", [("Connection", "Close")], False, id="T4-1.1-utorrent"),
    case("HTTP/1.1", [("Connection", "CLOSE")], False, id="T4-1.1-upper"),
    case("HTTP/1.1", [("connection", "TE, close")], False, id="T4-1.1-token-in-list"),
    case("HTTP/1.1", [("Connection", "TE"), ("Connection", "close")], False, id="T4-1.1-two-lines"),
    case("HTTP/1.1", [("Connection", "closed")], True, id="T4-1.1-no-token"),
    case("HTTP/1.0", [], False, id="T3-AH15-1.0"),
    case("HTTP/1.0", [("Connection", "close")], False, id="T3-1.0-close"),
]


@pytest.mark.parametrize("version, headers, stays", KEEPING)
def test_who_is_kept(server, version, headers, stays):
    """T5: `Connection: close` is said if and only if the server closes."""
    client = server.http()
    client.send(client.request(target(), headers, version=version))
    answer = client.read_response()
    assert answer.counts == (0, 1) and answer.closes == (not stays)
    if stays:
        client.send(client.request(target(), headers, version=version))
        assert client.read_response().counts == (0, 1)
    else:
        assert client.is_closed_by_server()


@pytest.mark.parametrize("token", ["keep-alive", "Keep-Alive"])
def test_T3_http_1_0_that_wants_to_be_kept(server, token):
    client = server.http()
    client.send(client.request(target(), [("Connection", token)], version="HTTP/1.0"))
    answer = client.read_response()
    assert answer.counts == (0, 1)
    if "keep-alive" in (answer.header("Connection") or "").lower():
        client.send(client.request(target(), version="HTTP/1.0"))
        assert client.read_response().counts == (0, 1)
    assert client.is_closed_by_server()


def test_T3_AH15_http_1_0_without_host(server):
    client = server.http()
    answers = client.exchange(client.request(target(), version="HTTP/1.0", host=None))
    assert [a.counts for a in answers] == [(0, 1)]


def test_keep_alive_can_be_switched_off(module_server):
    client = module_server("--no-keep-alive").http()
    answers = client.exchange(client.request(target(), [("Connection", "keep-alive")]))
    assert [a.counts for a in answers] == [(0, 1)] and answers[0].closes


@pytest.mark.parametrize("count", [1, 2, 7])
def test_T21_AH64_requests_of_one_connection_are_bounded(module_server, count):
    """The last answer says close; what was sent behind it is not answered."""
    client = module_server("--max-requests-per-connection", count).http()
    answers = client.exchange(client.request(target()) * (count + 3))
    assert len(answers) == count
    assert [a.closes for a in answers] == [False] * (count - 1) + [True]


def test_AH64_many_requests_on_one_connection(server):
    client = server.http()
    assert len(client.pipeline([client.request("/scrape?info_hash=" + "a" * 20)] * 3000)) == 3000


# --- pipelining and splits ------------------------------------------------------------------------

def test_T6_AH4_pipelined_requests_are_answered_in_order(server):
    client, h = server.http(), new_hash()
    requests = [client.request(b"/announce?" + raw_query(info_hash=percent(h), port=7001 + i))
                for i in range(10)]
    answers = client.pipeline(requests)
    assert [a.counts for a in answers] == [(0, i + 1) for i in range(10)]


def test_T6_different_requests_in_one_write(server):
    client, h = server.http(), new_hash()
    answers = client.pipeline([
        client.request(target(h)), client.request("/announce"),
        client.request(b"/scrape?info_hash=" + percent(h)), client.request("/heartbeat"),
        client.request(target(h)), client.request("/nothing-here")])
    assert [a.status for a in answers] == [200, 200, 200, 200, 200, 404]
    assert answers[1].failure == "missing info_hash"
    assert answers[2].data[b"files"][h][b"incomplete"] == 1
    assert [a.closes for a in answers] == [False] * 5 + [True]  # R4
    assert client.is_closed_by_server()


def test_T6_head_among_gets(server):
    client = server.http()
    get = client.request("/scrape?info_hash=" + "a" * 20)
    client.send(get + client.request("/scrape?info_hash=" + "a" * 20, method="HEAD") + get)
    first, head, last = (client.read_response(), client.read_response(head_only=True),
                         client.read_response())
    assert first.body == last.body and head.status == 200


def test_T6_nothing_is_answered_after_close(server):
    client, h = server.http(), new_hash()
    data = client.request(target(), [("Connection", "close")]) + client.request(target(h))
    assert len(client.exchange(data)) == 1
    assert client.numbers(h) == (0, 0, 0)


def test_T6_more_pipelined_bytes_than_a_buffer_holds(server):
    client = server.http()
    requests = [client.request(target(), [("Cookie", "c" * 3000)]) for _ in range(40)]
    assert all(a.counts == (0, 1) for a in client.pipeline(requests, batch=40))


def test_T7_AH3_one_byte_at_a_time(server):
    client, h = server.http(), new_hash()
    for i in range(3):
        for byte in client.request(b"/announce?" + raw_query(info_hash=percent(h), port=7001 + i),
                                   [("Accept-Encoding", "gzip"), ("User-Agent", "x")]):
            client.send(bytes([byte]))
        assert client.read_response().counts == (0, i + 1)


def test_T7_AH3_two_parts_at_every_boundary(server):
    client = server.http()
    request = client.request(target(), [("Connection", "keep-alive")])
    for cut in range(1, len(request)):
        client.send(request[:cut])
        client.send(request[cut:])
        assert client.read_response().counts[0] == 0


def test_T7_parts_across_pipelined_requests(server):
    """Chunks of 7 bytes over five requests: every boundary falls somewhere else."""
    client, h = server.http(), new_hash()
    data = b"".join(client.request(b"/announce?" + raw_query(info_hash=percent(h), port=7001 + i))
                    for i in range(5))
    for i in range(0, len(data), 7):
        client.send(data[i:i + 7])
    assert [client.read_response().counts for _ in range(5)] == [(0, i + 1) for i in range(5)]


def test_empty_lines_before_a_request(server):
    """RFC 9112 2.2: at least one CRLF is skipped."""
    client = server.http()
    client.send(b"\r\n" + client.request(target()))
    assert client.read_response().counts == (0, 1)


# --- the head -------------------------------------------------------------------------------------

IGNORED = [
    case([("Expect", "100-continue")], id="T8-AH21-expect"),
    case([("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"),
          ("HTTP2-Settings", "AAMAAABk")], id="T8-AH22-h2c"),
    case([("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
          ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")], id="T8-AH22-websocket"),
    case([("Range", "bytes=0-10")], id="T8-AH68-range"),
    case([("If-None-Match", "*")], id="T8-AH68-if-none-match"),
    case([("If-Modified-Since", "Sat, 29 Oct 2094 19:43:31 GMT")], id="T8-if-modified-since"),
    case([("Want-Digest", "SHA-512;q=1, SHA-256;q=1, SHA;q=0.1")], id="T8-aria2"),
    case([("Pragma", "no-cache"), ("Cookie", "a=b; c=d"), ("Authorization", "Basic eDp5")],
         id="T8-pragma-cookie"),
    case([("Accept-Encoding", "gzip, br")], id="AH67-R3-gzip"),
    case([("Content-Length", "0")], id="T10-empty-body"),
    case([("X-Empty", "")], id="empty-value"),
    case([("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4"), ("X-Real-IP", "1.2.3.4"),
          ("CF-Connecting-IP", "1.2.3.4")], id="T60-AH52-no-proxy-configured"),
    case([(f"X-{i}", "y") for i in range(60)], id="T21-61-headers"),
    case([("X-Long", "y" * 15000)], id="T20-15K-header"),
    case([("X-High", b"\xe9\xff\x80")], id="high-bytes-in-a-value"),
]


@pytest.mark.parametrize("headers", IGNORED)
def test_headers_that_change_nothing(server, headers):
    client, h = server.http(), new_hash()
    client.announce(h, port=7001)
    answer = client.get(target(h), headers)
    assert answer.counts == (0, 2) and answer.peers == [("127.0.0.1", 7001)]
    assert answer.header("Content-Encoding") is None
    assert answer.data[b"external ip"] == b"\x7f\0\0\1"


@pytest.mark.parametrize("host", [
    case(None, id="T11-AH16-absent"), case("[2001:db8::1]:6969", id="T11-ipv6"),
    case("tracker.example:80", id="T11-port"), case("", id="T11-empty"),
    case("evil.example", id="T11-never-routed"),
])
def test_T11_host(server, host):
    assert server.http().get(target(), host=host).counts == (0, 1)


@pytest.mark.parametrize("form", [
    "http://tracker.example{}", "http://tracker.example:6969{}", "http://[2001:db8::1]:6969{}",
    "http://user@tracker.example{}", "HTTP://tracker.example{}",
])
def test_T12_AH23_absolute_form(server, form):
    client, h = server.http(), new_hash()
    assert client.get(form.format(target(h).decode())).counts == (0, 1)
    assert client.numbers(h) == (0, 0, 1)


def test_T8_header_names_and_line_ends(server):
    """T9, AH8: bare LF is tolerated, also mixed with CRLF."""
    client = server.http()
    for data in (b"GET %s HTTP/1.1\nhOsT: x\ncOnNeCtIoN: keep-alive\n\n",
                 b"GET %s HTTP/1.1\r\nHOST:x\nConnection:\t keep-alive \t\r\n\n",
                 b"GET %s HTTP/1.1\nHost:x\r\n\r\n"):
        client.send(data.replace(b"%s", target()))
        assert client.read_response().counts == (0, 1)


MALFORMED = [
    # what stands where, status
    case(b"GET {t} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="T11-AH16-two-hosts"),
    case(b"GET {t} HTTP/1.1\r\nX: a\rb\r\n\r\n", id="T9-AH9-bare-cr-in-a-header"),
    case(b"GET {t} HTTP/1.1\rHost: x\r\n\r\n", id="T9-bare-cr-in-the-request-line"),
    case(b"GET {t}\0 HTTP/1.1\r\n\r\n", id="P7-AH9-nul-in-the-request-line"),
    case(b"GET {t} HTTP/1.1\r\nX: a\0b\r\n\r\n", id="AH9-nul-in-a-header"),
    case(b"GET {t} HTTP/1.1\r\nX: a\r\n b\r\n\r\n", id="T9-folding"),
    case(b"GET {t} HTTP/1.1\r\n X: a\r\n\r\n", id="T9-folding-at-once"),
    case(b"GET {t} HTTP/1.1\r\nno colon\r\n\r\n", id="no-colon"),
    case(b"GET {t} HTTP/1.1\r\n: x\r\n\r\n", id="no-name"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length : 5\r\n\r\nabcde", id="blank-before-the-colon"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", id="T10-AH19-body"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="T10-AH19-negative"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: +0\r\n\r\n", id="T10-plus"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: 0x0\r\n\r\n", id="T10-hex"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length:\r\n\r\n", id="T10-empty"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", id="T10-huge"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde",
         id="T10-AH19-two"),
    case(b"GET {t} HTTP/1.1\r\nContent-Length: 0, 5\r\n\r\nabcde", id="T10-AH19-list"),
    case(b"GET {t} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="T10-AH20-chunked"),
    case(b"GET {t} HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", id="T10-AH20-identity"),
    case(b"GET {t} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
         id="T10-AH20-both"),
    case(b"GET * HTTP/1.1\r\n\r\n", id="AH24-star"),
    case(b"GET  HTTP/1.1\r\n\r\n", id="AH24-empty"),
    case(b"GET announce HTTP/1.1\r\n\r\n", id="AH24-no-slash"),
    case(b"GET ?info_hash=x HTTP/1.1\r\n\r\n", id="AH24-only-query"),
    case(b"GET\r\n\r\n", id="only-a-method"), case(b"\0\r\n\r\n", id="only-nul"),
    case(b"GET {t} HTTP/1.1 \r\n\r\n", id="blank-after-the-version"),
    case(b"GET  {t} HTTP/1.1\r\n\r\n", id="two-blanks"),
    case(b"GET\t{t}\tHTTP/1.1\r\n\r\n", id="tabs"),
    case(b" GET {t} HTTP/1.1\r\n\r\n", id="blank-first"),
    case(b"GET /announce ?info_hash=x HTTP/1.1\r\n\r\n", id="T13-stray-blank"),
]


@pytest.mark.parametrize("request_bytes", MALFORMED)
def test_malformed_heads_are_400_and_closed(server, request_bytes):
    """A second request behind it, or in its body, is never taken for one: no desynchronisation."""
    h, smuggled = new_hash(), new_hash()
    with unharmed(server, h, smuggled):
        client = server.http()
        data = request_bytes.replace(b"{t}", target(h)) + client.request(target(smuggled))
        refusal = client.refused(data)
        assert refusal.status == 400
        assert refusal.header("Content-Type").split(";")[0] == "text/plain"


def test_AH5_garbage_behind_an_announce(server):
    client = server.http()
    good, bad = client.exchange(client.request(target()) + b"\x01\x02garbage\r\n\r\n")
    assert good.counts == (0, 1) and not good.closes
    assert bad.status == 400 and bad.closes


# --- sizes ----------------------------------------------------------------------------------------

def head_of(total_bytes):
    """A valid announce head of so many bytes."""
    head = b"GET " + target() + b" HTTP/1.1\r\nX: "
    return head + b"y" * (total_bytes - len(head) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize("data, status", [
    case(b"GET /announce?x=" + b"a" * 65536 + b" HTTP/1.1\r\n\r\n", 414, id="AH6-64K-target"),
    case(b"GET /announce?x=" + b"a" * 12300 + b" HTTP/1.1\r\n\r\n", 414, id="T20-over-12K-target"),
    case(b"GET /" + b"a" * 65536, 414, id="AH6-target-without-end"),
    case(head_of(20000), 431, id="T20-20K-head"),
    case(b"GET / HTTP/1.1\r\nX: " + b"y" * 65536 + b"\r\n\r\n", 431, id="AH7-64K-header"),
    case(b"GET / HTTP/1.1\r\nX: " + b"y" * 65536, 431, id="AH7-header-without-end"),
    case(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n", 431, id="T21-AH7-1000-headers"),
    case(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 65 + b"\r\n", 431, id="T21-65-headers"),
    case(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000, 431, id="T21-headers-without-end"),
])
def test_too_large(server, data, status):
    """T22: the answer arrives although the server did not read all that was sent."""
    with unharmed(server):
        assert server.http().refused(data).status == status


ERRORS = [
    case(b"\0\r\n\r\n", 400, id="400"), case(b"GET /x HTTP/1.1\r\n\r\n", 404, id="404"),
    case(b"POST / HTTP/1.1\r\n\r\n", 405, id="405"),
    case(b"GET /" + b"a" * 20000, 414, id="414"),
    case(head_of(20000), 431, id="431"), case(b"GET / HTTP/3.0\r\n\r\n", 505, id="505"),
]


@pytest.mark.parametrize("data, status", ERRORS)
def test_R4_R46_errors_are_short_plain_text(server, data, status):
    """No empty body, no HTML, nothing of the request; exact length; then the end (R4, T5)."""
    refusal = server.http().refused(data)
    assert refusal.status == status and refusal.reason
    assert refusal.header("Content-Type").split(";")[0] == "text/plain"
    assert int(refusal.header("Content-Length")) == len(refusal.body)
    assert 0 < len(refusal.body) < 128 and refusal.body.decode("ascii").strip().isprintable()
    assert b"<" not in refusal.body and b"aaa" not in refusal.body


def test_T20_heads_up_to_16_KiB_are_read(server):
    client = server.http()
    for size in (4096, 8192, 16384):
        client.send(head_of(size))
        assert client.read_response().counts == (0, 1), size


def test_T20_a_target_of_12_KiB_is_read(server):
    start = target() + b"&x="
    assert server.http().get(start + b"a" * (12288 - len(start))).counts == (0, 1)


@pytest.mark.parametrize("option, size, status", [
    case("1K", 1000, 200, id="1K-fits"), case("1K", 1100, 431, id="1K-too-large"),
    case("64K", 60000, 200, id="64K-fits"), case("64K", 70000, 431, id="64K-too-large"),
])
def test_max_request_size(module_server, option, size, status):
    client = module_server("--max-request-size", option).http()
    client.send(head_of(size))
    answer = client.read_response()
    assert answer.status == status and answer.closes == (status != 200)


# --- ends -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [
    case(b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200000,
         id="405-and-a-body"),
    case(b"GET /" + b"a" * 200000, id="414"), case(b"\0\r\n\r\n" * 40000, id="400"),
    case(b"GET /heartbeat HTTP/1.1\r\nConnection: close\r\n\r\n" * 4000,
         id="200-and-more-requests"),
])
def test_T22_unread_input_does_not_destroy_the_answer(server, data):
    """What else the client sends is thrown away; the end it sees is an end, and not a reset."""
    for _ in range(10):
        client = server.http().open()
        client.socket.sendall(data)
        answer = client.read_response()
        assert answer.closes and client.buffer == b""
        assert client.socket.recv(1) == b""


def test_T23_AH62_half_close_still_gets_its_answers(server):
    client = server.http().open()
    client.send(client.request(target()) * 3)
    client.socket.shutdown(socket.SHUT_WR)
    assert [client.read_response().counts for _ in range(3)] == [(0, 1)] + [(0, 1)] * 2
    assert client.is_closed_by_server()


def test_T23_half_close_in_the_middle_of_a_request(server):
    with unharmed(server):
        client = server.http().open()
        client.send(client.request(target())[:-2])
        client.socket.shutdown(socket.SHUT_WR)
        rest = client.read_eof()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400 ")


def test_T24_AH61_clients_that_do_not_wait(server):
    """Closed before, while and after the answer is written; by FIN and by RST."""
    with unharmed(server):
        for i in range(100):
            client = server.http().open()
            if i % 2:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
            client.send(client.request(target())[:-(i % 5) or None] * (i % 7))
            client.close()


def test_T1_head_of_an_announce_has_its_headers(server):
    client, peer_id = server.http(), new_peer_id()
    get = client.get(b"/announce?" + raw_query(peer_id=percent(peer_id)))
    head = client.get(b"/announce?" + raw_query(peer_id=percent(peer_id)), method="HEAD")
    assert sorted(without_length(get)) == sorted(head.headers)
