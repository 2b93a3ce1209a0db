"""Access lists: what is refused, with which words, over which door; and how lists come and go."""

import gzip
import hashlib
import os
import signal

import pytest

from harness import (UdpClient, UdpError, eventually, metrics_of, new_hash, new_peer_id, run_muster,
                     unused_port)


@pytest.fixture
def lists(tmp_path):
    """lists(name, *lines) writes a list as programs do, whole, and returns its path."""
    def write(name, *lines):
        path = tmp_path / name
        new = tmp_path / f".{name}.new"
        new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        os.replace(new, path)
        return path
    return write


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


def http_refusal(server, info_hash, peer_id=None, source=None, **fields):
    """The failure reason of an announce over HTTP, or None."""
    with server.http(source=source) as client:
        answer = client.announce(info_hash, peer_id or new_peer_id(), **fields)
    return answer.failure


def udp_refusal(server, info_hash, peer_id=None, source=None, **fields):
    with server.udp(source=source) as client:
        answer = client.announce(info_hash, peer_id or new_peer_id(), **fields)
    return answer.text if isinstance(answer, UdpError) else None


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
    server = start_server("--deny-ports", "1-1023,6881")
    for port, reason in ((1, "port not allowed"), (1023, "port not allowed"), (1024, None),
                         (6881, "port not allowed"), (6882, None)):
        assert refusal(server, new_hash(), port=port) == reason


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


# --- coming and going ---

def loads(server):
    return len([line for line in server.output().splitlines() if "lists: in force" in line])


def test_a_changed_file_is_read(start_server, lists):
    torrent = new_hash()
    server = start_server("--deny-torrents", lists("deny.txt"))
    assert http_refusal(server, torrent) is None
    lists("deny.txt", torrent.hex() + " one")  # renamed over
    eventually(lambda: http_refusal(server, torrent) == "one", "renamed over")
    path = lists("deny.txt", torrent.hex() + " two")
    eventually(lambda: http_refusal(server, torrent) == "two", "renamed over again")
    path.write_text(torrent.hex() + " three\n")  # written to
    eventually(lambda: http_refusal(server, torrent) == "three", "written to")


def test_sighup_and_reload_read_again(start_server, lists, tmp_path):
    """Also where nothing tells of changes."""
    torrent = new_hash()
    server = start_server("--deny-torrents", lists("deny.txt", torrent.hex()), admin=True)
    for ask in (lambda: os.kill(server.pid, signal.SIGHUP),
                lambda: run_muster("reload", "--admin-socket", server.admin_path)):
        before = loads(server)
        ask()
        eventually(lambda b=before: loads(server) > b, "read again")
    assert http_refusal(server, torrent)


def test_a_broken_file_leaves_the_lists(start_server, lists):
    """It is told by line; the next good one is taken."""
    a, b = new_hash(), new_hash()
    server = start_server("--deny-torrents", lists("deny.txt", a.hex()), admin=True)
    lists("deny.txt", b.hex(), "garbage")
    server.wait_output(r"error lists: .*deny\.txt:2: .*; those before stay in force")
    assert http_refusal(server, a) and http_refusal(server, b) is None
    assert metrics_of(server)["access_load_failures_total"] == 1
    lists("deny.txt", b.hex())
    eventually(lambda: http_refusal(server, b), "the good one is in force")
    assert http_refusal(server, a) is None


def test_commands_tell_of_a_broken_file(start_server, lists):
    """Files are read beside the work, but whoever asked for it hears the end."""
    a, b = new_hash(), new_hash()
    path = lists("deny.txt", a.hex())
    server = start_server("--deny-torrents", path, admin=True)

    def command(*words):
        return run_muster(*words, "--admin-socket", server.admin_path)

    assert command("reload").returncode == 0
    lists("deny.txt", a.hex(), "garbage")
    ended = command("reload")
    assert ended.returncode == 1
    assert f"{path}:2: " in ended.stderr and "those before stay in force" in ended.stderr
    ended = command("set", f"deny_torrents={path.parent / 'missing'}")
    assert ended.returncode == 1 and "missing: No such file" in ended.stderr
    assert http_refusal(server, a)
    assert command("set", "numwant=10").returncode == 0  # that is not about lists
    assert command("set", f"deny_torrents={lists('good.txt', b.hex())}").returncode == 0
    assert http_refusal(server, b) and http_refusal(server, a) is None  # at once


def test_a_file_that_goes_leaves_the_lists(start_server, lists):
    torrent = new_hash()
    path = lists("deny.txt", torrent.hex())
    server = start_server("--deny-torrents", path)
    path.unlink()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_output(r"deny\.txt: No such file or directory; those before stay")
    assert http_refusal(server, torrent)


def output_of_no_start(*options):
    lease = unused_port()
    done = run_muster("--listen", f"127.0.0.1:{lease.port}", "--user", "", "--admin-socket", "off",
                      "--admin-listen", "off", *options)
    lease.release()
    assert done.returncode == 2
    return done.stdout + done.stderr


@pytest.mark.parametrize("lines, why", [
    (["zz"], "list.txt:1: no address"), (["", "1.2.3.4/33"], "list.txt:2: the length"),
    (["1.1.1.1 " + "x" * 2000], "list.txt:1: longer"), (["1.1.1.1 \0"], "list.txt:1: longer"),
])
def test_a_broken_file_is_no_start(lists, lines, why):
    """Serving without the list would be worse."""
    path = lists("list.txt", *lines)
    assert f"cannot start: lists: {path.parent}/{why}" in output_of_no_start("--deny-ips", path)


def test_no_regular_file_is_no_list(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert "no regular file" in output_of_no_start("--deny-ips", path)


def test_options_change_while_running(start_server, lists):
    """Set, and set to nothing."""
    torrent = new_hash()
    server = start_server(admin=True)

    def set_to(value):
        done = run_muster("set", f"deny_torrents={value}", "--admin-socket", server.admin_path)
        assert done.returncode == 0, done.stderr

    set_to(lists("deny.txt", torrent.hex()))
    eventually(lambda: http_refusal(server, torrent), "in force")
    set_to("")
    eventually(lambda: http_refusal(server, torrent) is None, "no more")
    server.wait_output("lists: none is in force")


def test_lists_change_under_requests(start_server, lists):
    """Again and again, and every request is answered."""
    a, b = new_hash(), new_hash()
    server = start_server("--deny-torrents", lists("deny.txt", a.hex()))
    peer, client = new_peer_id(), server.udp()

    def refused():
        return [isinstance(client.announce(t, peer), UdpError) for t in (a, b)]

    for turn in range(8):
        lists("deny.txt", (a if turn % 2 else b).hex())
        eventually(lambda t=turn: refused() == [t % 2 == 1, t % 2 == 0], "turned over")


@pytest.mark.slow
def test_long_lists(start_server, lists):
    """100 000 hashes and 40 000 ranges: read in seconds, under a sanitizer, too."""
    hashes = [os.urandom(20) for _ in range(100000)]
    server = start_server(
        "--allow-torrents", lists("allow.txt", *(h.hex() for h in hashes)),
        "--deny-ips", lists("ips.txt", *(f"n{i}:10.{i >> 7}.{2 * i & 255}.0-10.{i >> 7}.{2 * i & 255}.99"
                                         for i in range(20000)),
                            *(f"2001:db8:{i:x}::/48" for i in range(20000))))
    client = server.udp()
    for torrent in hashes[:50] + hashes[-50:]:
        assert not isinstance(client.announce(torrent), UdpError)
    assert client.announce(new_hash()).text == "torrent not allowed"


# --- options ---

@pytest.mark.parametrize("value", ["0", "65536", "9-1", "x", "1-", "-1", "1-2-3"])
def test_bad_ports_are_told(value):
    done = run_muster("--deny-ports", value)
    assert done.returncode == 2 and "deny-ports" in done.stderr
