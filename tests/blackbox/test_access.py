"""Access lists: what is refused, with which words, over which door."""

import gzip
import hashlib
import os

import pytest

from harness import (UdpClient, eventually, http_refusal, metrics_of, new_hash, new_peer_id,
                     run_muster, udp_refusal)


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    pairs = sorted(value.items())
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in pairs) + b"e"


def torrent_file(path, *, v1=True, v2=False):
    """Write a .torrent file; returns its info hashes."""
    info = {b"name": os.urandom(8), b"piece length": 16384}
    if v1:
        info |= {b"length": 1, b"pieces": b"x" * 20}
    if v2:
        info |= {b"meta version": 2, b"file tree": {b"a": {b"": {b"length": 1}}}}
    raw = bencode(info)
    path.write_bytes(bencode({b"announce": b"http://t/announce", b"info": info}))
    return ([hashlib.sha1(raw).digest()] if v1 else []) + (
        [hashlib.sha256(raw).digest()[:20]] if v2 else [])


DOORS = pytest.mark.parametrize("refusal", [http_refusal, udp_refusal], ids=["http", "udp"])


# --- what is refused ---

@DOORS
def test_denied_torrents(start_server, lists, refusal):
    bad, silent, good = new_hash(), new_hash(), new_hash()
    path = lists("deny.txt", "# removed", f"{bad.hex()} removed on request", silent.hex(), "")
    server = start_server("--deny-torrents", path)
    assert refusal(server, bad) == "removed on request"
    assert refusal(server, silent) == "torrent not allowed"
    assert refusal(server, good) is None


@DOORS
def test_allowed_torrents(start_server, lists, refusal):
    """Nothing else is served; denied wins over allowed."""
    both, good = new_hash(), new_hash()
    server = start_server("--allow-torrents", lists("allow.txt", both.hex(), good.hex()),
                          "--deny-torrents", lists("deny.txt", both.hex() + " gone"))
    assert refusal(server, good) is None
    assert refusal(server, both) == "gone"
    assert refusal(server, new_hash()) == "torrent not allowed"


def test_an_empty_allow_list_allows_nothing(start_server, lists):
    server = start_server("--allow-torrents", lists("allow.txt"))
    assert http_refusal(server, new_hash()) == "torrent not allowed"


def test_several_files_are_one_list(start_server, lists):
    a, b = new_hash(), new_hash()
    server = start_server("--deny-torrents", lists("a.txt", a.hex() + " a"),
                          "--deny-torrents", lists("b.txt", b.hex() + " b"))
    assert (http_refusal(server, a), http_refusal(server, b)) == ("a", "b")


@DOORS
@pytest.mark.parametrize("line, reason", [
    ("127.0.0.8/30 cidr", "cidr"),
    ("127.0.0.9-127.0.0.9", "address not allowed"),
    ("127.000.000.009 - 127.000.000.010 , 100 , emule", "emule"),
    ("Some: name:127.0.0.9-127.0.0.11", "Some: name"),
])
def test_denied_addresses(start_server, lists, refusal, line, reason):
    server = start_server("--deny-ips", lists("ips.txt", line))
    assert refusal(server, new_hash(), source="127.0.0.9") == reason
    assert refusal(server, new_hash(), source="127.0.0.12") is None


@pytest.mark.parametrize("lines", [
    "127.0.0.9 - 127.0.0.9 , 100 , ACME:10.0.0.0-10.0.0.255\n",
    "; Acme:127.0.0.9-127.0.0.9\n",
    "X:127.0.0.9-127.0.0.9\rY:10.0.0.4-10.0.0.4\r",  # CR alone
    "X:127.0.0.9-127.0.0.9\r\nY:10.0.0.4-10.0.0.4\r\n",
    "X:127.0.0.9-127.0.0.9\r" + 200 * "Y:10.0.0.4-10.0.0.4\r",  # longer than a line may be
], ids=["colon in a description", "semicolon", "CR", "CR LF", "many CR"])
def test_odd_lines_are_not_misread(start_server, tmp_path, lines):
    path = tmp_path / "ips"
    path.write_bytes(lines.encode())
    server = start_server("--deny-ips", path)
    assert http_refusal(server, new_hash(), source="127.0.0.9")
    assert http_refusal(server, new_hash(), source="127.0.0.8") is None


def test_comments_that_hide_a_range_are_told(start_server, lists):
    """They are comments, but somebody should hear of it."""
    path = lists("ips", "# P2P list of 2020-01-01", "x:10.0.0.0-10.0.0.9", "#1 Acme:127.0.0.9-127.0.0.9",
                 "// B:127.0.0.9-127.0.0.9")
    server = start_server("--deny-ips", path)
    assert http_refusal(server, new_hash(), source="127.0.0.9") is None
    server.wait_output(rf"lists: {path}: 2 comments are ranges .* the first is line 3")


def test_levels_of_ipfilter_let_pass(start_server, lists):
    server = start_server("--deny-ips", lists("ips.txt", "127.0.0.9 - 127.0.0.9 , 200 , fine"))
    assert http_refusal(server, new_hash(), source="127.0.0.9") is None


@DOORS
def test_allowed_addresses(start_server, lists, refusal):
    server = start_server("--allow-ips", lists("ips.txt", "127.0.0.1", "::1"))
    assert refusal(server, new_hash()) is None
    assert refusal(server, new_hash(), source="127.0.0.2") == "address not allowed"


def test_scrapes_are_for_those_who_may_ask(start_server, lists):
    """And tell nothing of torrents that are refused."""
    bad, good = new_hash(), new_hash()
    path = lists("deny.txt")
    server = start_server("--deny-ips", lists("ips.txt", "127.0.0.9 abuse"), "--deny-torrents", path)
    for torrent in (bad, good):
        server.udp().announce(torrent, left=0)
    with server.udp(source="127.0.0.9") as client:
        assert client.scrape(good).text == "abuse"
    with server.http(source="127.0.0.9") as client:
        assert client.scrape(good).failure == "abuse"
    assert server.udp().scrape(bad, good).entries == [(1, 0, 0), (1, 0, 0)]
    lists("deny.txt", bad.hex())
    eventually(lambda: server.udp().scrape(bad, good).entries == [(0, 0, 0), (1, 0, 0)], "refused")


def test_the_client_counts_and_not_its_proxy(start_server, lists):
    server = start_server("--deny-ips", lists("ips.txt", "203.0.113.0/24 abuse"),
                          "--trusted-proxies", "127.0.0.1", "--x-forwarded-for", "X-Forwarded-For")

    def announced(address):
        with server.http(headers=[("X-Forwarded-For", address)]) as client:
            return client.announce(new_hash(), new_peer_id()).failure

    assert announced("203.0.113.7") == "abuse"
    assert announced("198.51.100.7") is None
    with UdpClient(server.host4, server.proxy_port, proxied_for="203.0.113.7") as client:
        assert client.announce(new_hash()).text == "abuse"


@DOORS
def test_client_software(start_server, lists, refusal):
    server = start_server(
        "--allow-clients", lists("allow.txt", "-TR", "-qB 4.2-", "-XL"),
        "--deny-clients", lists("deny.txt", "-TR 2.00-2.93 too old", "-XL * no"))

    def of(prefix):
        return refusal(server, new_hash(), prefix + os.urandom(12))

    assert of(b"-TR4050-") is None
    assert of(b"-TR2940-") is None
    assert of(b"-TR2930-") == "too old"
    assert of(b"-qB4250-") is None
    assert of(b"-qB4190-") == "client software not allowed"
    assert of(b"-XL0012-") == "no"
    assert of(b"-UT3530-") == "client software not allowed"


@DOORS
def test_ports(start_server, refusal):
    """Named, with whose rule it is: many take it for something of their router's."""
    server = start_server("--deny-ports", "1-1023,6881-6889 worn out; choose another,7000")
    for port, denied in ((1, ""), (1023, ""), (1024, None), (6880, None),
                         (6881, ": worn out; choose another"), (6890, None), (7000, "")):
        told = None if denied is None else f"port {port} is not allowed by this tracker{denied}"
        assert refusal(server, new_hash(), port=port) == told


@DOORS
def test_allowed_ports(start_server, refusal):
    """No others; denied wins over allowed."""
    server = start_server("--allow-ports", "80, 1024-65535", "--deny-ports", "6881 no", admin=True)
    for port, denied in ((80, None), (81, ""), (1023, ""), (1024, None), (65535, None),
                         (6881, ": no")):
        told = None if denied is None else f"port {port} is not allowed by this tracker{denied}"
        assert refusal(server, new_hash(), port=port) == told
    found = metrics_of(server)
    assert found['access_refused_total{kind="allow_ports"}'] == 2
    assert found['access_refused_total{kind="deny_ports"}'] == 1


def test_nothing_is_recorded_of_the_refused(start_server, lists):
    torrent = new_hash()
    server = start_server("--deny-ips", lists("ips.txt", "127.0.0.9"))
    assert udp_refusal(server, torrent, source="127.0.0.9")
    assert server.udp().announce(torrent, port=7).counts == (0, 1)


def test_refusals_are_counted_by_list(start_server, lists):
    server = start_server("--deny-ports", "80", "--deny-ips", lists("ips.txt", "127.0.0.9"),
                          admin=True)
    for _ in range(3):
        http_refusal(server, new_hash(), port=80)
    udp_refusal(server, new_hash(), source="127.0.0.9")
    found = metrics_of(server)
    assert found['access_refused_total{kind="deny_ports"}'] == 3
    assert found['access_refused_total{kind="deny_ips"}'] == 1
    assert found['access_refused_total{kind="allow_ips"}'] == 0
    assert found['access_entries{list="deny_ips"}'] == 1


# --- folders and packed files ---

def test_folders_of_torrent_files(start_server, tmp_path, lists):
    """v1, v2 and hybrid; beside a list of hashes; other files are not looked at."""
    folder = tmp_path / "torrents"
    folder.mkdir()
    hashes = (torrent_file(folder / "a.torrent") + torrent_file(folder / "b.torrent", v1=False, v2=True)
              + torrent_file(folder / "c.TORRENT", v2=True))
    (folder / "readme.txt").write_text("nothing")
    (folder / ".hidden.torrent").write_text("nothing")
    listed = new_hash()
    server = start_server("--allow-torrents", folder,
                          "--allow-torrents", lists("more.txt", listed.hex()))
    assert len(hashes) == 4
    assert [http_refusal(server, h) for h in [*hashes, listed]] == [None] * 5
    assert http_refusal(server, new_hash()) == "torrent not allowed"


def test_a_torrent_file_alone(start_server, tmp_path):
    hashes = torrent_file(tmp_path / "a.torrent")
    server = start_server("--deny-torrents", tmp_path / "a.torrent")
    assert http_refusal(server, hashes[0]) == "torrent not allowed"


def test_a_folder_is_watched(start_server, tmp_path):
    folder = tmp_path / "torrents"
    folder.mkdir()
    first = torrent_file(folder / "a.torrent")[0]
    server = start_server("--allow-torrents", folder)
    assert http_refusal(server, first) is None
    second = torrent_file(folder / "b.torrent")[0]
    eventually(lambda: http_refusal(server, second) is None, "the new one is served")
    assert http_refusal(server, first) is None
    (folder / "a.torrent").unlink()
    eventually(lambda: http_refusal(server, first), "the old one is gone")
    assert http_refusal(server, second) is None


def test_gzip(start_server, tmp_path):
    path = tmp_path / "ips.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfx:127.0.0.9-127.0.0.9\r\n127.0.0.10"))
    server = start_server("--deny-ips", path)
    assert http_refusal(server, new_hash(), source="127.0.0.9") == "x"
    assert http_refusal(server, new_hash(), source="127.0.0.10")
    whole = gzip.compress(os.urandom(100).hex().encode() * 100)
    path.write_bytes(whole[:-20])
    server.wait_output("ips.gz.*: .*; those before stay in force")
    assert http_refusal(server, new_hash(), source="127.0.0.9") == "x"


# --- options ---

@pytest.mark.parametrize("value", ["0", "65536", "9-1", "x", "1-", "-1", "1-2-3"])
def test_bad_ports_are_told(value):
    done = run_muster("--deny-ports", value)
    assert done.returncode == 2 and "deny-ports" in done.stderr
