"""`muster probe` against trackers that work: muster itself and opentracker."""

import json
import os
import shutil
import socket
import subprocess
import time

import pytest

from harness import new_hash, new_peer_id, run_muster, unused_port

OK, ERROR, USAGE, UNREACHABLE = 0, 1, 2, 3


def probe(*args):
    ended = run_muster("probe", "--json", *args)
    assert "Sanitizer" not in ended.stderr and "runtime error" not in ended.stderr, ended.stderr
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else None


def flaws_of(address):
    return {flaw["code"] for flaw in address["flaws"]}


@pytest.mark.parametrize("door", ["udp", "http"])
@pytest.mark.parametrize("host,family", [("127.0.0.1", "ipv4"), ("[::1]", "ipv6")])
def test_muster_has_no_flaw(server, door, host, family):
    info_hash = new_hash()
    client = server.udp6() if family == "ipv6" else server.udp()
    client.announce(info_hash, new_peer_id(), port=7001)
    code, report = probe(f"{door}://{host}:{server.port}/announce", info_hash.hex())
    assert code == OK
    [address] = report["addresses"]
    assert (address["verdict"], address["family"], address["flaws"]) == ("ok", family, [])
    [announce] = address["announces"]
    assert announce["info_hash"] == info_hash.hex()
    assert announce["interval_s"] == 1800
    assert (announce["seeders"], announce["leechers"]) == (0, 2)
    assert announce["peers"] == [f"{host}:7001"]
    assert announce["stopped"]["answered"]
    [torrent] = address["scrape"]["torrents"]
    assert (torrent["seeders"], torrent["leechers"]) == (0, 1)


@pytest.mark.parametrize("door", ["udp", "http"])
def test_nothing_is_left(server, door):
    hashes = [new_hash() for _ in range(3)]
    code, _ = probe(f"{door}://127.0.0.1:{server.port}/announce", *[h.hex() for h in hashes])
    assert code == OK
    entries = server.udp().scrape(*hashes).entries
    assert [(seeders, leechers) for seeders, _, leechers in entries] == [(0, 0)] * 3


def test_a_random_hash_where_none_is_given(server):
    hashes = {probe(f"udp://127.0.0.1:{server.port}")[1]["addresses"][0]["announces"][0]["info_hash"]
              for _ in range(2)}
    assert len(hashes) == 2


def test_readable(server):
    ended = run_muster("probe", f"udp://127.0.0.1:{server.port}/announce")
    assert ended.returncode == OK
    for word in ("ok", "connect", "announce", "stopped", "scrape", "ms", "interval 1800 s"):
        assert word in ended.stdout


@pytest.mark.parametrize("door", ["udp", "http"])
def test_a_passkey_in_the_path(module_server, door):
    server = module_server("--passkey", "secret")
    base = f"{door}://127.0.0.1:{server.port}"
    code, report = probe(f"{base}/secret/announce")
    assert code == OK
    # BEP 15 leaves no room for a key in a scrape
    assert flaws_of(report["addresses"][0]) == ({"no-scrape"} if door == "udp" else set())
    code, report = probe(f"{base}/wrong/announce")
    assert code == ERROR
    assert "invalid passkey" in report["addresses"][0]["error"]
    assert report["addresses"][0]["announces"][0]["failure"] == "invalid passkey"


def test_scrape_switched_off(module_server):
    server = module_server("--no-scrape")
    code, report = probe(f"http://127.0.0.1:{server.port}/announce")
    [address] = report["addresses"]
    assert (code, flaws_of(address)) == (OK, {"no-scrape"})
    assert address["scrape"]["failure"] == "scrape disabled"


@pytest.fixture
def opentracker(tmp_path):
    program = shutil.which("opentracker")
    if not program:
        pytest.skip("Debian's package opentracker is not installed")
    tmp_path.chmod(0o755)  # it becomes nobody
    info_hash, lease = new_hash(), unused_port()
    (tmp_path / "allowed").write_text(info_hash.hex() + "\n")
    (tmp_path / "conf").write_text(f"listen.tcp_udp 127.0.0.1:{lease.port}\n"
                                   f"access.whitelist allowed\ntracker.rootdir {tmp_path}\n"
                                   "tracker.user nobody\n")
    process = subprocess.Popen([program, "-f", str(tmp_path / "conf")], cwd=tmp_path,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", lease.port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.02)
    yield lease.port, info_hash
    process.terminate()
    process.wait()
    lease.release()


@pytest.mark.parametrize("door", ["udp", "http"])
def test_opentracker(opentracker, door):
    port, info_hash = opentracker
    code, report = probe(f"{door}://127.0.0.1:{port}/announce", info_hash.hex())
    [address] = report["addresses"]
    assert code == OK, address
    assert address["announces"][0]["interval_s"] > 0
    assert address["scrape"]["torrents"][0]["leechers"] == 0
    assert flaws_of(address) <= {"lost-packets"}


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")
def test_the_family_can_be_chosen(server):
    code, _ = probe("-6", f"udp://127.0.0.1:{server.port}")
    assert code == UNREACHABLE
    code, report = probe("-4", f"udp://localhost:{server.port}")
    assert (code, report["addresses"][0]["family"]) == (OK, "ipv4")


@pytest.mark.parametrize("args,words", [
    ([], "which tracker"),
    (["https://tracker.example/announce"], "not supported yet"),
    (["wss://tracker.example/announce"], "not supported yet"),
    (["ftp://tracker.example/announce"], "udp:// or http://"),
    (["udp://tracker.example/announce"], "port"),
    (["udp://127.0.0.1:0/announce"], "port"),
    (["udp://127.0.0.1:65536/announce"], "port"),
    (["udp://:6969/announce"], "host"),
    (["http://[::1/announce"], "bracket"),
    (["http://127.0.0.1/a b"], "blank"),
    (["http://127.0.0.1/\r\nEvil: 1"], "blank"),
    (["udp://127.0.0.1:6969", "abc"], "40 hexadecimal"),
    (["udp://127.0.0.1:6969", "zz" * 20], "40 hexadecimal"),
    (["udp://127.0.0.1:6969", *["ab" * 20] * 75], "at most 74"),
    (["--timeout", "5x", "udp://127.0.0.1:6969"], "--timeout"),
    (["--timeout", "1h", "udp://127.0.0.1:6969"], "--timeout"),
    (["--numwant", "201", "udp://127.0.0.1:6969"], "--numwant"),
    (["--no-such", "udp://127.0.0.1:6969"], "no-such"),
    (["--port", "80", "udp://127.0.0.1:6969"], "--port"),
])
def test_usage(args, words):
    ended = run_muster("probe", *args)
    assert ended.returncode == USAGE
    assert words in ended.stderr
    assert ended.stdout == ""


def test_nobody_there():
    lease = unused_port()
    for door in ("udp", "http"):
        code, report = probe(f"{door}://127.0.0.1:{lease.port}/announce")
        assert code == UNREACHABLE
        assert report["addresses"][0]["verdict"] == "unreachable"
        assert "refused" in report["addresses"][0]["error"]
    lease.release()


def test_a_name_that_does_not_exist():
    ended = run_muster("probe", "udp://no-such-host.invalid:6969/announce")
    assert ended.returncode == UNREACHABLE
    assert "no-such-host.invalid" in ended.stderr
