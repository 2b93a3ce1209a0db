"""The program around the tracker: command line, configuration, signals, log, rights."""

import grp
import os
import pwd
import re
import signal
import socket
import time

import pytest

from harness import Server, eventually, new_hash, run_muster, unused_port
from harness.udp import join_many

USAGE_ERROR = 2
ROOT = os.geteuid() == 0


# --- what ends at once ---

def test_version():
    ended = run_muster("--version")
    assert ended.returncode == 0
    assert re.match(r"muster \d+\.\d+", ended.stdout)
    assert run_muster("-V").stdout == ended.stdout


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["help"]])
def test_help(args):
    ended = run_muster(*args)
    assert ended.returncode == 0
    for option in ("--port", "--interval", "--max-peers-per-response", "--config", "--user"):
        assert option in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 120


@pytest.mark.parametrize("topic", ["man", "options", "metrics", "sample"])
def test_docs_are_printed(topic):
    ended = run_muster("docs", topic)
    assert ended.returncode == 0
    assert len(ended.stdout) > 500


@pytest.mark.parametrize("args,words", [
    (["--no-such-option"], ["no-such-option"]),
    (["--no-such-option=5"], ["no-such-option"]),
    (["-Z"], ["Z"]),
    (["--port"], ["port"]),
    (["--port", "0"], ["port", "0", "1", "65535"]),
    (["--port", "65536"], ["port", "65536", "65535"]),
    (["--port", "12x"], ["port", "12x"]),
    (["--port", "-5"], ["port"]),
    (["--port="], ["port"]),
    (["--interval", "5x"], ["interval", "5x"]),
    (["--min-interval", "4h"], ["min", "interval", "4h", "3h"]),
    (["--max-request-size", "65K"], ["max", "request", "65K", "64K"]),
    (["--interval-jitter", "51"], ["jitter", "51", "50"]),
    (["--workers", "257"], ["workers", "257", "256"]),
    (["--log-level", "loud"], ["log", "level", "loud"]),
    (["--passkey", "a/b"], ["passkey", "a/b"]),
    (["--listen", "localhost"], ["listen", "localhost"]),
    (["--listen", "1.2.3.4.5"], ["listen", "1.2.3.4.5"]),
    (["--trusted-proxies", "10.0.0.1/8"], ["trusted", "10.0.0.1/8"]),
    (["--min-interval", "600", "--max-interval", "500"], ["interval"]),
    (["--no-tcp", "--no-udp"], ["no", "udp"]),
    (["--no-ipv4", "--no-ipv6"], ["no", "ipv"]),
    (["70000"], ["70000"]),
    (["6969", "0x"], ["0x"]),
    (["6969", "900", "1"], ["1"]),
    (["nonsense"], ["nonsense"]),
], ids=lambda v: "_".join(v) if v and str(v[0]).startswith(("-", "6", "7", "n")) else "")
def test_usage_errors_name_option_value_and_range(args, words):
    ended = run_muster(*args)
    assert ended.returncode == USAGE_ERROR, ended
    text = ended.stderr + ended.stdout
    assert all(word in text for word in words), text
    assert len(text) < 2000, "an error is not buried in the help"


def test_a_missing_config_file(tmp_path):
    ended = run_muster("--config", tmp_path / "absent.conf")
    assert ended.returncode != 0
    assert "absent.conf" in ended.stderr + ended.stdout


@pytest.mark.parametrize("text,words", [
    ("nummwant = 5\n", ["nummwant", "1"]),
    ("interval = 900\nnumwant = banana\n", ["numwant", "banana", "2"]),
    ("# fine\n\nport = 99999\n", ["port", "99999", "3"]),
    ("numwant 5\n", ["1"]),
])
def test_config_file_errors_name_the_line(tmp_path, text, words):
    path = tmp_path / "muster.conf"
    path.write_text(text)
    ended = run_muster("--config", path)
    assert ended.returncode == USAGE_ERROR
    output = ended.stderr + ended.stdout
    assert "muster.conf" in output
    assert all(word in output for word in words), output


def test_environment_errors_name_the_variable():
    ended = run_muster(env={"MUSTER_NUMWANT": "banana"})
    assert ended.returncode == USAGE_ERROR
    assert "banana" in ended.stderr + ended.stdout
    assert re.search("MUSTER_NUMWANT|numwant", ended.stderr + ended.stdout)


def test_a_taken_port_is_fatal(server):
    """SO_REUSEPORT would let a second server share it silently when both are of one user; somebody
    else's socket is met here."""
    lease = unused_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", lease.port))
        taken.listen()
        ended = run_muster("--listen", f"tcp://127.0.0.1:{lease.port}", "--user", "")
    lease.release()
    assert ended.returncode not in (0, USAGE_ERROR)
    assert str(lease.port) in ended.stderr + ended.stdout


@pytest.mark.skipif(not ROOT, reason="only root changes its user")
def test_an_unknown_user_is_fatal():
    lease = unused_port()
    ended = run_muster("--listen", f"127.0.0.1:{lease.port}", "--user", "nobody-of-this-name")
    lease.release()
    assert ended.returncode != 0
    assert "nobody-of-this-name" in ended.stderr + ended.stdout


# --- where a value comes from ---

def config_of(*args, env=None):
    """`muster config` as {name: its line}."""
    ended = run_muster("config", *args, env=env)
    assert ended.returncode == 0, ended
    lines = [line for line in ended.stdout.splitlines() if re.match(r"\s*[a-z]", line)]
    return {re.split(r"[\s=]+", line.strip())[0].replace("-", "_"): line for line in lines}


ALL_OPTIONS = """config port listen no_tcp no_udp no_ipv4 no_ipv6 workers interval min_interval
max_interval interval_jitter answer_min_interval max_load_avg numwant max_peers_per_response timeout
idle_timeout keep_alive max_connections max_request_size max_requests_per_connection external_ip
store_peer_ids scrape full_scrape full_scrape_interval scrape_interval connection_id_ttl
udp_answer_bytes trusted_proxies real_ip_header passkey max_memory max_peers max_torrents
max_peers_per_torrent max_peers_per_ip limit_loopback completed_ttl sweep_period user nofile core
backlog udp_recv_buffer udp_send_buffer drain_timeout log_level charset locale no_locations
failed""".split()


def test_config_prints_every_option_with_its_origin():
    lines = config_of()
    assert set(ALL_OPTIONS) <= set(lines)
    assert all("default" in lines[name] for name in ALL_OPTIONS)


def test_precedence(tmp_path):
    """default < file < environment < command line."""
    path = tmp_path / "muster.conf"
    path.write_text("[limits]\nnumwant = 11\ninterval = 1011\nmax_peers = 12\n")
    env = {"MUSTER_NUMWANT": "22", "MUSTER_INTERVAL": "1022", "MUSTER_CONFIG": str(path)}
    lines = config_of("--numwant", 33, env=env)
    assert "33" in lines["numwant"] and "command line" in lines["numwant"]
    assert "1022" in lines["interval"].replace("17m2s", "1022") and "env" in lines["interval"]
    assert "12" in lines["max_peers"] and re.search("file|muster.conf", lines["max_peers"])
    assert "default" in lines["workers"]


def test_plain_port_of_the_environment():
    assert "7777" in config_of(env={"PORT": "7777"})["port"]
    assert "8888" in config_of(env={"PORT": "7777", "MUSTER_PORT": "8888"})["port"]
    assert "9999" in config_of("-p", 9999, env={"PORT": "7777", "MUSTER_PORT": "8888"})["port"]


@pytest.mark.parametrize("args,name,value", [
    (["-p", "7070"], "port", "7070"), (["-p7070"], "port", "7070"),
    (["--port=7070"], "port", "7070"), (["--port", "7070"], "port", "7070"),
    (["-w", "3"], "workers", "3"), (["-m", "77"], "max_peers_per_response", "77"),
    (["--peers", "77"], "max_peers_per_response", "77"),
    (["-a", "2.5"], "max_load_avg", "2.5"), (["-f", "4"], "failed", "4"),
    (["--failed", "4"], "failed", "4"), (["-x", "X-Real-IP"], "real_ip_header", "X-Real-IP"),
    (["--x-forwarded-for", "X-Real-IP"], "real_ip_header", "X-Real-IP"),
    (["--charset", "latin1"], "charset", "latin1"), (["--locale", "C"], "locale", "C"),
    (["-k"], "keep_alive", "yes"), (["--keep"], "keep_alive", "yes"),
    (["--no-keep-alive"], "keep_alive", "no"), (["--no-locations"], "no_locations", "yes"),
    (["--no-scrape"], "scrape", "no"), (["--full-scrape"], "full_scrape", "yes"),
    (["--nofile", "-1"], "nofile", "-1"), (["--core", "0"], "core", "0"),
    (["-t", "3"], "timeout", "3"), (["-e", "3"], "timeout", "3"),
    (["--socket-timeout", "3"], "timeout", "3"), (["-i", "600"], "interval", "600|10m"),
    (["7070"], "port", "7070"), (["7070", "600"], "interval", "600|10m"),
], ids=lambda v: "_".join(v) if isinstance(v, list) else "")
def test_every_spelling(args, name, value):
    line = config_of(*args)[name]
    assert re.search(rf"(?<![\w.])({value})(?!\d)", line), line
    assert "command line" in line


def test_files_have_sections_comments_and_units(tmp_path):
    path = tmp_path / "muster.conf"
    path.write_text("; one\n# two\n[any]\nport = 7071\n[other]\nmax_request_size = 8K\n"
                    "keep_alive = no\ntrusted_proxies = 10.0.0.0/8, ::1\ninterval = 10m\n")
    lines = config_of("--config", path)
    assert "7071" in lines["port"]
    assert re.search(r"8K|8192", lines["max_request_size"])
    assert "no" in lines["keep_alive"]
    assert "10.0.0.0/8" in lines["trusted_proxies"] and "::1" in lines["trusted_proxies"]
    assert re.search(r"600|10m", lines["interval"])


def test_sc6s_positional_form(start_server):
    server = start_server("{port}", "900", exact=True,
                          env={"MUSTER_USER": "", "MUSTER_INTERVAL_JITTER": "0"})
    answer = server.udp().announce(new_hash())
    assert 895 <= answer.interval <= 900
    assert server.http6().announce(new_hash()).counts == (0, 1)


def test_port_of_the_environment_is_served(start_server):
    lease = unused_port()
    server = start_server(exact=True, port_lease=lease,
                          env={"PORT": str(lease.port), "MUSTER_USER": ""})
    assert server.http().announce(new_hash()).counts == (0, 1)


@pytest.mark.parametrize("option,gone", [("--no-tcp", "tcp"), ("--no-udp", "udp")])
def test_one_transport(start_server, option, gone):
    server = start_server(option)
    if gone == "tcp":
        with pytest.raises(ConnectionRefusedError):
            server.http().open()
        server.udp().announce(new_hash())
    else:
        with pytest.raises(ConnectionRefusedError):
            client = server.udp()
            for _ in range(100):  # the error of one datagram is told by the next
                client.send(b"x")
        server.http().announce(new_hash())


@pytest.mark.parametrize("option,host", [("--no-ipv4", "127.0.0.1"), ("--no-ipv6", "::1")])
def test_one_family(start_server, option, host):
    server = start_server("-p", "{port}", option, "--user", "", exact=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s, pytest.raises(ConnectionRefusedError):
        s.connect((host, server.port))


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
    join_many(server.udp(), torrent, 7)
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


def test_nobody_is_accepted_after_a_stop(start_server):
    server = start_server()
    server.stop()
    with socket.socket() as s, pytest.raises(ConnectionRefusedError):
        s.connect((server.host4, server.port))


@pytest.fixture
def reloadable(start_server, tmp_path):
    """(server, path of its file): numwant is 3 there, and a torrent has 20 peers."""
    path = tmp_path / "muster.conf"
    path.write_text("numwant = 3\n")
    return start_server("--config", path), path


def told(server, torrent):
    return len(server.http().announce(torrent, port=9).all_peers)


def test_sighup_reloads_what_is_live(reloadable):
    server, path = reloadable
    torrent = new_hash()
    join_many(server.udp(), torrent, 20)
    assert told(server, torrent) == 3
    path.write_text("numwant = 5\nno_such_thing_yet = 1\n".replace("no_such_thing_yet = 1\n", ""))
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 5, "the new value")
    assert server.udp().numbers(torrent)[2] == 21


def test_sighup_keeps_the_old_file_when_the_new_is_broken(reloadable):
    server, path = reloadable
    torrent = new_hash()
    join_many(server.udp(), torrent, 20)
    path.write_text("max_peers_per_response = 2\nnumwant = banana\n")
    server.signal(signal.SIGHUP)
    server.wait_output("banana")
    assert server.is_running()
    assert told(server, torrent) == 3
    path.write_text("numwant = 4\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: told(server, torrent) == 4, "a mended file")


def test_sighup_names_what_needs_a_restart(reloadable):
    server, path = reloadable
    path.write_text("numwant = 6\nworkers = 1\nbacklog = 77\n")
    server.signal(signal.SIGHUP)
    server.wait_output(r"backlog.*restart|restart.*backlog")


def test_sighup_leaves_what_the_command_line_said(reloadable):
    """Precedence holds at a reload too."""
    server, path = reloadable
    path.write_text("interval_jitter = 50\nnumwant = 7\n")
    torrent = new_hash()
    join_many(server.udp(), torrent, 20)
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


def test_two_servers_do_not_share_a_port(start_server):
    """A second one of the same user must notice: SO_REUSEPORT alone would not tell."""
    first = start_server()
    second = Server(wait=False, port_lease=_Borrowed(first.port))
    try:
        assert second.process.wait(30) not in (0, USAGE_ERROR)
        assert str(first.port) in second.output()
    finally:
        second.kill()


class _Borrowed:
    """Somebody else's lease."""

    def __init__(self, port):
        self.port = port

    def release(self):
        pass
