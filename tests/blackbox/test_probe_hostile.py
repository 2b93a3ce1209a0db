"""`muster probe` against trackers that misbehave: it tells, it never waits or grows without bound."""

import json
import struct

import pytest

from harness import run_muster
from harness.fake import FakeHttp, FakeUdp, bencoded_scrape, good_udp, http_200, udp_head

OK, ERROR, UNREACHABLE = 0, 1, 3
HASH = "ab" * 20
GOOD = b"d8:completei2e10:incompletei3e8:intervali1800e5:peers0:e"


@pytest.fixture
def probe_of():
    """probe_of(FakeUdp or FakeHttp, answer, *args) -> (exit code, first address, the fake)."""
    fakes = []

    def probe(kind, answer, *args, path=""):
        fakes.append(kind(answer))
        ended = run_muster("probe", "--json", *args, fakes[-1].url + path, HASH)
        assert "Sanitizer" not in ended.stderr and "runtime error" not in ended.stderr, ended.stderr
        report = json.loads(ended.stdout)
        return ended.returncode, report["addresses"][0], fakes[-1]

    yield probe
    for fake in fakes:
        fake.stop()


def codes(address):
    return {flaw["code"] for flaw in address["flaws"]}


# --- UDP ---

def only(action, made):
    """Right answers, but for the action: made(packet, transaction id)."""
    def answer(packet, _):
        asked, transaction_id = udp_head(packet)
        return [made(packet, transaction_id) if asked == action else good_udp(packet)]
    return answer


def test_a_good_one(probe_of):
    code, address, fake = probe_of(FakeUdp, lambda p, _: [good_udp(p)])
    assert (code, address["flaws"]) == (OK, [])
    actions = [udp_head(p)[0] for p in fake.packets]
    assert actions == [0, 1, 1, 2]
    started, stopped = fake.packets[1], fake.packets[2]
    assert struct.unpack(">I", started[80:84]) == (2,) and struct.unpack(">I", stopped[80:84]) == (3,)
    assert started[16:36] == bytes.fromhex(HASH)
    assert started[98:] == b"\x02\x09/announce\x00"  # BEP 41


def test_silence_is_asked_again_and_ends(probe_of):
    code, address, fake = probe_of(FakeUdp, lambda p, _: [], "--timeout", "600ms")
    assert (code, address["verdict"]) == (UNREACHABLE, "unreachable")
    assert len(fake.packets) == 4
    assert len(set(fake.packets)) == 1


def test_a_lost_packet_is_repeated_and_told(probe_of):
    code, address, _ = probe_of(FakeUdp, lambda p, nth: [] if nth == 1 else [good_udp(p)],
                                "--timeout", "1500ms")
    assert (code, codes(address)) == (OK, {"lost-packets"})
    assert address["connect"]["tries"] == 2


@pytest.mark.parametrize("action,made,flaw,verdict", [
    (0, lambda p, t: struct.pack(">IIQ", 0, t, 1) + b"more", "connect-size", "ok"),
    (0, lambda p, t: struct.pack(">II", 0, t), "short-answer", "error"),
    (0, lambda p, t: b"abc", "short-answer", "error"),
    (0, lambda p, t: struct.pack(">IIQ", 0, t ^ 1, 1), "foreign-id", "error"),
    (0, lambda p, t: struct.pack(">IIQ", 2, t, 1), "wrong-action", "error"),
    (1, lambda p, t: struct.pack(">IIII", 1, t, 1, 1), "short-answer", "error"),
    (1, lambda p, t: good_udp(p, b"\x7f\0\0\1\0"), "peers-size", "ok"),
    (1, lambda p, t: good_udp(p, b"\x7f\0\0\1\0\0"), "bad-peer", "ok"),
    (1, lambda p, t: good_udp(p, b"\x7f\0\0\1\1\1" * 51), "too-many-peers", "ok"),
    (1, lambda p, t: good_udp(p, interval=0), "interval-range", "ok"),
    (1, lambda p, t: struct.pack(">IIIiI", 1, t, 60, -1, 0), "negative-count", "ok"),
    (2, lambda p, t: struct.pack(">II", 2, t), "scrape-size", "ok"),
])
def test_udp_flaws(probe_of, action, made, flaw, verdict):
    code, address, _ = probe_of(FakeUdp, only(action, made), "--timeout", "600ms")
    assert flaw in codes(address)
    assert address["verdict"] == verdict
    assert code == (OK if verdict == "ok" else ERROR)


def test_an_error_packet_is_shown_and_harmless(probe_of):
    text = b"go \x1b[31maway\0"
    code, address, _ = probe_of(FakeUdp, only(1, lambda p, t: struct.pack(">II", 3, t) + text))
    assert code == ERROR
    assert address["announces"][0]["failure"] == "go ?[31maway"


def test_a_large_datagram(probe_of):
    code, address, _ = probe_of(FakeUdp, only(1, lambda p, t: good_udp(p, b"\1\2\3\4\5\6" * 10000)))
    assert code == OK
    assert address["announces"][0]["peer_count"] == 10000


# --- HTTP ---

def announces(body):
    """Right scrapes; announces get `body`."""
    def answer(head):
        return http_200(bencoded_scrape(head)) if b"/scrape?" in head else body
    return answer


def test_a_good_tracker(probe_of):
    code, address, fake = probe_of(FakeHttp, announces(http_200(GOOD)), path="?passkey=x")
    assert (code, address["flaws"]) == (OK, [])
    started, stopped, scrape = fake.heads
    assert b"GET /announce?passkey=x&info_hash=" + b"%AB" * 20 in started
    assert b"event=started" in started and b"event=stopped" in stopped
    assert scrape.startswith(b"GET /scrape?passkey=x&info_hash=")
    assert f"\r\nHost: 127.0.0.1:{fake.port}\r\n".encode() in started


@pytest.mark.parametrize("answer,words", [
    (b"", "closed without an answer"),
    (b"d14:failure reason2:noe", "no HTTP"),
    (b"SSH-2.0-OpenSSH\r\n", "no HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "cut short"),
    (http_200(b"<html>hello</html>"), "no bencoded"),
    (http_200(b"i5e"), "no bencoded"),
    (http_200(b"d8:intervali" + b"9" * 400 + b"ee"), "no bencoded"),
    (http_200(b"l" * 1000), "no bencoded"),
    (http_200(b"d5:peers99999999999:x"), "no bencoded"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"),
    (b"HTTP/1.1 301 Moved\r\nLocation: http://other.example/x\r\nContent-Length: 0\r\n\r\n",
     "moved to http://other.example/x"),
    (http_200(b"d14:failure reason9:go\x1b[2Jaw!e"), "go?[2Jaw!"),
])
def test_http_errors(probe_of, answer, words):
    code, address, _ = probe_of(FakeHttp, announces(answer))
    assert (code, address["verdict"]) == (ERROR, "error")
    assert words in address["error"]


def test_an_endless_answer_is_cut(probe_of):
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20)
    code, address, _ = probe_of(FakeHttp, announces(endless))
    assert code == ERROR and "more than" in address["error"]


@pytest.mark.parametrize("answer,flaw", [
    (http_200(GOOD + b"\n"), "trailing-bytes"),
    (http_200(b"d8:completei2e10:incompletei3e5:peers0:e"), "no-interval"),
    (http_200(b"d8:completei2e10:incompletei3e8:intervali1800ee"), "no-peers-key"),
    (http_200(b"d8:intervali1800e5:peers0:e"), "no-counts"),
    (http_200(b"d8:completei2e10:incompletei3e8:intervali1800e5:peersld2:ip9:127.0.0.14:porti1eeee"),
     "not-compact"),
    (http_200(GOOD, b"Content-Encoding: gzip\r\n"), "compressed"),
    (b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD, "http-status"),
])
def test_http_flaws(probe_of, answer, flaw):
    code, address, _ = probe_of(FakeHttp, announces(answer))
    assert (code, codes(address)) == (OK, {flaw})


def test_chunks_and_old_answers(probe_of):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    for answer in (chunked % (len(GOOD), GOOD), b"HTTP/1.0 200\r\n\r\n" + GOOD):
        code, address, _ = probe_of(FakeHttp, announces(answer))
        assert (code, address["flaws"]) == (OK, [])


def test_no_scrape_is_a_flaw(probe_of):
    def answer(head):
        gone = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        return gone if b"/scrape?" in head else http_200(GOOD)
    code, address, _ = probe_of(FakeHttp, answer)
    assert (code, codes(address)) == (OK, {"no-scrape"})


def test_a_scrape_of_something_else(probe_of):
    other = b"d5:filesd20:" + b"x" * 20 + b"d8:completei1eeee"
    code, address, _ = probe_of(
        FakeHttp, lambda head: http_200(other if b"/scrape?" in head else GOOD))
    assert codes(address) == {"scrape-unasked", "scrape-incomplete"}


def test_a_tracker_that_never_answers(probe_of):
    code, address, _ = probe_of(FakeHttp, lambda head: None, "--timeout", "300ms")
    assert (code, address["verdict"]) == (UNREACHABLE, "unreachable")


def test_a_warning_is_shown(probe_of):
    body = GOOD[:-1] + b"15:warning message5:hello" + b"e"
    code, address, _ = probe_of(FakeHttp, announces(http_200(body)))
    assert code == OK
    assert address["announces"][0]["warning"] == "hello"
