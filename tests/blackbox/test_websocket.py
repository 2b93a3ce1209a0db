"""RFC 6455 as the map's feed speaks it: the handshake, frames right and wrong, the end."""

import pytest

from harness import eventually
from harness.websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, RFC_ACCEPT, RFC_KEY, TEXT,
                               Refused, WebSocket, frame, handshake_request)


@pytest.fixture
def viewer(server):
    with WebSocket(server.host4, server.port) as socket:
        yield socket


def refusal(server, **how):
    with pytest.raises(Refused) as refused:
        WebSocket(server.host4, server.port, **how)
    return refused.value.args


# ---- the handshake ----

def test_the_accept_key_is_the_standards_example(server):
    with WebSocket(server.host4, server.port, key=RFC_KEY) as viewer:
        assert viewer.header("Sec-WebSocket-Accept") == RFC_ACCEPT
        assert viewer.header("Upgrade").lower() == "websocket"
        assert viewer.header("Connection").lower() == "upgrade"
        assert viewer.header("Content-Length") is None


@pytest.mark.parametrize("offered, chosen", [
    (None, None), ("muster.map.v1", "muster.map.v1"), ("chat, muster.map.v1", "muster.map.v1"),
    ("chat", "chat"), ("soap, chat", "chat"), ("soap", None), ("MUSTER.MAP.V1", None)])
def test_sub_protocols(server, offered, chosen):
    with WebSocket(server.host4, server.port, protocol=offered) as viewer:
        assert viewer.header("Sec-WebSocket-Protocol") == chosen


@pytest.mark.parametrize("change, status", [
    ({"drop": ["Upgrade"]}, 426), ({"drop": ["Connection"]}, 426),
    ({"drop": ["Sec-WebSocket-Version"]}, 426), ({"headers": {"Sec-WebSocket-Version": "8"}}, 426),
    ({"drop": ["Sec-WebSocket-Key"]}, 400), ({"key": "c2hvcnQ="}, 400), ({"key": "x" * 24}, 400),
    ({"headers": {"Upgrade": "h2c"}}, 426)])
def test_a_bad_handshake_is_refused(server, change, status):
    got, head = refusal(server, **change)
    assert got == status
    assert ("Sec-WebSocket-Version: 13" in head) == (status == 426)


@pytest.mark.parametrize("origin, host, status", [
    ("http://tracker.test:6969", "tracker.test:6969", 101), ("http://Tracker.test", "tracker.test",
                                                             101),
    ("https://tracker.test", "tracker.test:443", 101), ("http://evil.test", "tracker.test", 403),
    ("http://tracker.test:81", "tracker.test", 403), ("null", "tracker.test", 403),
    ("http://tracker.test.evil.test", "tracker.test", 403), ("", "tracker.test", 403)])
def test_only_our_own_pages_may_watch(server, origin, host, status):
    how = {"headers": {"Origin": origin}, "host_header": host}
    if status == 101:
        WebSocket(server.host4, server.port, **how).close()
    else:
        assert refusal(server, **how)[0] == status


@pytest.mark.parametrize("was, becomes", [(b"HTTP/1.1", b"HTTP/1.0"), (b"GET ", b"HEAD ")])
def test_http_1_0_and_head_are_refused(server, was, becomes):
    client = server.http()
    client.send(handshake_request().replace(was, becomes))
    assert client.read_response(head_only=True).status == 400


# ---- frames ----

def test_a_ping_is_answered_with_its_payload(viewer):
    viewer.send(frame(PING, b"are you there?"))
    assert viewer.next(PONG) == b"are you there?"


def test_frames_sent_with_the_handshake_are_read(server):
    with WebSocket(server.host4, server.port, more=frame(PING, b"early")) as viewer:
        assert viewer.next(PONG) == b"early"


def test_frames_may_come_in_pieces(viewer):
    for byte in frame(TEXT, b"p") + frame(PING, b"pieces"):
        viewer.send(bytes((byte,)))
    assert viewer.next(PONG) == b"pieces"


def test_what_a_viewer_says_is_dropped(viewer):
    """etracker's page says "p" every second."""
    for _ in range(50):
        viewer.send(frame(TEXT, b"p") + frame(BINARY, bytes(range(256))))
    viewer.send(frame(TEXT, b"one ", fin=False) + frame(PING, b"between") +
                frame(CONTINUATION, b"message") + frame(PING, b"after"))
    assert viewer.next(PONG) == b"between" and viewer.next(PONG) == b"after"


@pytest.mark.parametrize("code", [1000, 1001, 4321])
def test_a_close_is_answered(viewer, code):
    viewer.send(frame(CLOSE, code.to_bytes(2, "big") + b"bye"))
    assert viewer.close_code() == code


def test_a_close_without_a_code_is_answered(viewer):
    viewer.send(frame(CLOSE))
    assert viewer.close_code() in (None, 1000)


# None: the frame itself cannot be read, and wslay closes without a code.
WRONG = {
    "not masked": (1002, frame(TEXT, b"p", masked=False)),
    "unknown opcode": (1002, frame(3, b"p")),
    "reserved bit": (1002, frame(TEXT, b"p", rsv=4)),
    "continues nothing": (1002, frame(CONTINUATION, b"p")),
    "begins anew": (1002, frame(TEXT, b"p", fin=False) + frame(TEXT, b"p")),
    "ping in fragments": (None, frame(PING, b"p", fin=False)),
    "long ping": (None, frame(PING, b"p" * 126)),
    "half a close code": (None, frame(CLOSE, b"\x03")),
    "close code that may not be sent": (1002, frame(CLOSE, (1005).to_bytes(2, "big"))),
    "text not UTF-8": (1007, frame(TEXT, b"\xff\xfe")),
    "reason not UTF-8": (1007, frame(CLOSE, b"\x03\xe8\xff")),
    "too long": (1009, frame(TEXT, b"p" * 1025)),
    "length of a terabyte": (1009, frame(BINARY, b"p", length=1 << 40)),
    "too long in fragments": (1009, frame(TEXT, b"p" * 1000, fin=False) +
                              frame(CONTINUATION, b"p" * 100)),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_by_a_code(viewer, what):
    code, sent = WRONG[what]
    viewer.send(sent)
    assert viewer.close_code() == code


def test_the_code_arrives_while_the_viewer_goes_on_sending(viewer):
    viewer.send(frame(TEXT, b"p", masked=False) + frame(TEXT, b"more" * 100) * 200)
    assert viewer.close_code() == 1002


def test_a_viewer_that_goes_away_without_a_word_is_forgotten(start_server):
    server = start_server(admin=True)

    def viewers():
        return server.admin().get("/api/map.json").body

    with WebSocket(server.host4, server.port):
        eventually(lambda: b'"viewers":1' in viewers())
    eventually(lambda: b'"viewers":0' in viewers())
