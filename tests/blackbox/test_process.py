"""The program around the tracker: log, signals, rights."""

import grp
import os
import pwd
import re
import signal
import socket
import time

import pytest

from harness import Server, eventually, join_many, new_hash

LISTEN_ERROR, INTERRUPTED = 3, 6
ROOT = os.geteuid() == 0


# --- the log ---

def test_start_block(server):
    output = server.output()
    assert "muster" in output and re.search(r"\d+\.\d+\.\d+", output)
    assert f"127.0.0.1:{server.port}" in output and f"[::1]:{server.port}" in output
    for name in ("interval_jitter", "workers"):  # what is not the default
        assert re.search(name.replace("_", "[-_]"), output)
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", output), "timestamps have a year"


COLUMNS = ["TP", "TT", "TL", "MPT", "MPL", "MTL", "RP", "RT", "LA", "ML", "RPS"]


def test_sweep_line(start_server):
    """etracker's columns, in its order; the numbers are those of the store."""
    server = start_server("--sweep-period", "1s")
    torrent = new_hash()
    join_many(server, torrent, 7)
    line = server.wait_output(r".*\bTP:?\s*7\b.*").group(0)
    places = [line.find(column) for column in COLUMNS]
    assert -1 not in places and places == sorted(places), line
    assert re.search(r"\bTT:?\s*1\b", line) and re.search(r"\bMPT:?\s*7\b", line), line
    assert re.search(r"µs|us\b", line) and re.search(r"\bI:?\s*\d+", line), line


def test_errors_only(start_server):
    server = start_server("--log-level", "error", "--sweep-period", "1s")
    server.udp().announce(new_hash())
    server.stop()
    assert not re.search(r"\bTP\b", server.output())


# --- signals ---

def rx_queue(server_port, client_port):
    """Bytes that the server has not read yet from that client's connection."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            local, remote, _, queues = line.split()[1:5]
            if (int(local[-4:], 16), int(remote[-4:], 16)) == (server_port, client_port):
                return int(queues.split(":")[1], 16)
    return None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_well(start_server, number):
    server = start_server()
    server.http().announce(new_hash())
    server.signal(number)
    assert server.process.wait(30) == 0
    server.stop()


def test_idle_connections_do_not_hold_a_stop_up(start_server):
    server = start_server("--drain-timeout", "1m", "--idle-timeout", "1h", "--timeout", "10m")
    idle = [server.http() for _ in range(20)]
    for client in idle:
        client.announce(new_hash())
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    for client in idle:
        assert client.is_closed_by_server()


def test_a_request_in_flight_is_answered(start_server):
    """Half of it is read before the signal, the rest comes after."""
    server = start_server("--drain-timeout", "30s", "--timeout", "1m")
    client = server.http()
    client.announce(new_hash())
    client.send(b"GET /announce?info_hash=" + b"a" * 20)
    port = client.address[1]
    eventually(lambda: rx_queue(server.port, port) == 0, "the first half is read")
    time.sleep(0.2)
    server.signal(signal.SIGTERM)
    time.sleep(0.3)
    client.send(b"&peer_id=" + b"b" * 20 + b"&port=5&left=1 HTTP/1.1\r\nHost: t\r\n\r\n")
    answer = client.read_response()
    assert answer.counts == (0, 1)
    assert answer.closes and client.is_closed_by_server()
    assert server.process.wait(30) == 0


def test_a_drain_has_an_end(start_server):
    server = start_server("--drain-timeout", "1s", "--timeout", "10m")
    client = server.http()
    client.send(b"GET /announce?info_hash=")
    eventually(lambda: rx_queue(server.port, client.address[1]) in (0, None), "it is read")
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0


def test_a_second_signal_does_not_wait(start_server):
    """It ends without joining its threads, which is what the thread sanitizer calls a leak."""
    server = start_server("--drain-timeout", "10m", "--timeout", "10m",
                          env={"TSAN_OPTIONS": "report_thread_leaks=0:exitcode=98"})
    client = server.http()
    client.send(b"GET /announce?info_hash=")
    eventually(lambda: rx_queue(server.port, client.address[1]) == 0, "it is read")
    server.signal(signal.SIGTERM)
    server.wait_output("SIGTERM")
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == INTERRUPTED
    server.expected_code = INTERRUPTED


def test_nobody_is_accepted_after_a_stop(start_server):
    server = start_server()
    server.stop()
    with socket.socket() as s, pytest.raises(ConnectionRefusedError):
        s.connect((server.host4, server.port))


class ConfigFile:
    """Replaced whole, as an editor does: a reload never meets half a file."""

    def __init__(self, folder):
        self.path, self.fresh = folder / "muster.conf", folder / "fresh"

    def write(self, text):
        self.fresh.write_text(text)
        self.fresh.replace(self.path)


@pytest.fixture
def reloadable(start_server, tmp_path):
    """(server, its file): numwant is 3 there."""
    config = ConfigFile(tmp_path)
    config.write("numwant = 3\n")
    return start_server("--config", config.path), config


def told(server, torrent):
    return len(server.http().announce(torrent, port=9).all_peers)


def test_sighup_reloads_what_is_live(reloadable):
    server, config = reloadable
    torrent = new_hash()
    join_many(server, torrent, 20)
    assert told(server, torrent) == 3
    config.write("numwant = 5\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 5, "the new value")
    assert server.udp().numbers(torrent)[2] == 21


def test_sighup_keeps_the_old_file_when_the_new_is_broken(reloadable):
    server, config = reloadable
    torrent = new_hash()
    join_many(server, torrent, 20)
    config.write("max_peers_per_response = 2\nnumwant = banana\n")
    server.signal(signal.SIGHUP)
    server.wait_output("banana")
    assert server.is_running()
    assert told(server, torrent) == 3
    config.write("numwant = 4\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 4, "a mended file")


def test_sighups_under_traffic(reloadable):
    """Options are replaced whole while requests read them; every request is answered."""
    server, config = reloadable
    client, http, torrent = server.udp(), server.http(), new_hash()
    join_many(server, torrent, 20)
    for n in range(100):
        config.write(f"numwant = {n % 10}\n")
        server.signal(signal.SIGHUP)
        for _ in range(5):
            assert len(client.announce(torrent, port=9).peers) < 10
            assert len(http.announce(torrent, port=8).peers) < 10
    config.write("numwant = 12\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 12, "the last value")


def test_a_storm_of_sighups_is_a_few_reloads(reloadable):
    """Each reload leaves a generation behind for a while: thousands would be memory."""
    server, config = reloadable
    torrent = new_hash()
    join_many(server, torrent, 20)
    begin = time.monotonic()
    for _ in range(1000):
        server.signal(signal.SIGHUP)
        time.sleep(0.0005)
    config.write("numwant = 8\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 8, "the last value")
    reloads = server.output().count("reload: done")
    assert 1 <= reloads <= 2 + 5 * (time.monotonic() - begin)


def test_sighup_names_what_needs_a_restart(reloadable):
    server, config = reloadable
    config.write("numwant = 6\nworkers = 1\nbacklog = 77\n")
    server.signal(signal.SIGHUP)
    server.wait_output(r"backlog.*restart|restart.*backlog")


def test_sighup_leaves_what_the_command_line_said(reloadable):
    """Precedence holds at a reload too."""
    server, config = reloadable
    config.write("interval_jitter = 50\nnumwant = 7\n")
    torrent = new_hash()
    join_many(server, torrent, 20)
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 7, "the new value")
    assert {server.udp().announce(torrent).interval for _ in range(20)} == {1800}


def test_sighup_without_a_file(start_server):
    server = start_server()
    server.signal(signal.SIGHUP)
    server.udp().announce(new_hash())
    assert server.is_running()


def test_signals_that_mean_nothing(start_server):
    server = start_server()
    server.signal(signal.SIGPIPE)
    server.udp().announce(new_hash())
    assert server.is_running()


# --- rights and limits ---

def status_of(pid):
    """Uid, Gid, Groups and CapEff of every thread."""
    seen = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status if ":" in line)
        seen.add(tuple(" ".join(fields[f].split()) for f in ("Uid", "Gid", "Groups", "CapEff")))
    return seen


class PrivilegedLease:
    """A port below 1024 on 127.0.0.1."""

    def __init__(self):
        for port in range(600, 1024):
            with socket.socket() as s, socket.socket(type=socket.SOCK_DGRAM) as u:
                try:
                    s.bind(("127.0.0.1", port))
                    u.bind(("127.0.0.1", port))
                except OSError:
                    continue
            self.port = port
            return
        pytest.skip("no privileged port is free")

    def release(self):
        pass


@pytest.mark.skipif(not ROOT, reason="only root may bind a privileged port and change its user")
def test_rights_are_dropped_after_binding(start_server):
    """All ids, all threads, no supplementary group, no capability. The leak checker needs rights
    that are gone by then."""
    server = start_server("--listen", "127.0.0.1:{port}", "--user", "nobody", "--workers", 2,
                          exact=True, port_lease=PrivilegedLease(),
                          env={"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"})
    nobody = pwd.getpwnam("nobody")
    uid, gid = (" ".join([str(i)] * 4) for i in (nobody.pw_uid, nobody.pw_gid))
    groups = {str(g.gr_gid) for g in grp.getgrall() if "nobody" in g.gr_mem} | \
        {str(nobody.pw_gid)}
    assert server.http().announce(new_hash()).counts == (0, 1)
    for thread in status_of(server.pid):
        assert thread[:2] == (uid, gid)
        assert set(thread[2].split()) <= groups
        assert int(thread[3], 16) == 0


@pytest.mark.skipif(not ROOT, reason="only root may hand a capability on")
def test_capabilities_are_dropped_after_binding(start_server):
    """Started as nobody with just the right to bind low ports: it is gone once they are bound."""
    capability = "+net_bind_service"
    server = start_server("--listen", "127.0.0.1:{port}", "--user", "nobody", exact=True,
                          port_lease=PrivilegedLease(),
                          env={"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"},
                          prefix=["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                                  f"--inh-caps={capability}", f"--ambient-caps={capability}"])
    assert server.http().announce(new_hash()).counts == (0, 1)
    assert {int(thread[3], 16) for thread in status_of(server.pid)} == {0}


@pytest.mark.skipif(not ROOT, reason="only root stays root")
def test_an_empty_user_stays_root(server):
    assert {thread[0] for thread in status_of(server.pid)} == {"0 0 0 0"}


def limits_of(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        return {line[:26].strip(): line[26:].split()[:2] for line in limits}


def test_nofile_and_core(start_server):
    server = start_server("--nofile", 512, "--core", 0)
    limits = limits_of(server.pid)
    assert limits["Max open files"][0] == "512"
    assert limits["Max core file size"][0] == "0"


def test_nofile_minus_one_is_the_hard_limit(start_server):
    soft, hard = limits_of(start_server("--nofile", -1).pid)["Max open files"]
    assert soft == hard


def test_more_files_than_the_hard_limit_is_the_hard_limit(start_server):
    server = start_server("--nofile", 5000, prefix=[
        "prlimit", "--nofile=1000:2000", "--", "setpriv", "--bounding-set=-sys_resource",
        "--inh-caps=-sys_resource"] if ROOT else ["prlimit", "--nofile=1000:2000", "--"])
    assert limits_of(server.pid)["Max open files"] == ["2000", "2000"]
    server.wait_output("limit nofile: cannot be 5000 .* taking the hard limit, 2000")


def test_sigusr1_does_not_end_it(server):
    server.signal(signal.SIGUSR1)
    assert server.http().announce(new_hash()).counts == (0, 1)


def test_nobody_who_announces_is_logged(start_server):
    """Whatever the level, and whether it is answered or refused: no address, torrent or peer id."""
    server = start_server("--log-level", "debug", "--passkey", "k3y")
    torrent, peer_id, source = new_hash(), b"-MU0001-somebody1234", "127.33.44.55"
    with server.udp(source) as udp, server.http(source) as http:
        udp.announce(torrent, peer_id)
        udp.announce(torrent, peer_id, connection_id=1)
        udp.scrape(torrent)
        http.announce(torrent, peer_id, path="/k3y/announce")
        http.announce(torrent, peer_id)
        http.scrape(torrent, path="/k3y/scrape")
        http.get("/announce?info_hash=short")
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    output = server.output().lower()
    assert "stopped" in output
    for trace in (source, torrent.hex(), "somebody", "k3y"):
        assert trace not in output


def test_counters_are_logged_at_a_stop_with_debug(start_server):
    server = start_server("--log-level", "debug")
    server.http().announce(new_hash())
    server.signal(signal.SIGTERM)
    server.wait_output(r'debug counters:.* requests_total\{door="http",family="ipv4",action="announce"\}=1 ')


def test_two_servers_do_not_share_a_port(start_server):
    """A second one of the same user must notice: SO_REUSEPORT alone would not tell."""
    first = start_server()
    second = Server(wait=False, port_lease=_Borrowed(first.port))
    try:
        assert second.process.wait(30) == LISTEN_ERROR
        assert str(first.port) in second.output()
    finally:
        second.kill()


class _Borrowed:
    """Somebody else's lease."""

    def __init__(self, port):
        self.port = port

    def release(self):
        pass
