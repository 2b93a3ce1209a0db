"""The command line, the configuration file, the environment: design.md section 6."""

import os
import re
import socket

import pytest

from harness import new_hash, run_muster, unused_port

USAGE_ERROR, LISTEN_ERROR, USER_ERROR = 2, 3, 4
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


def test_help_of_options_as_anybody_writes_them():
    ended = run_muster("help", "port", "--no-scrape", "-x", "socket_timeout")
    assert ended.returncode == 0
    for words in ("--port PORT", "--[no-]scrape", "--x-forwarded-for", "--socket-timeout"):
        assert words in ended.stdout
    assert run_muster("help", "no-port").returncode == USAGE_ERROR


def test_an_unknown_command_is_told_the_commands():
    ended = run_muster("begin")
    assert ended.returncode == USAGE_ERROR
    assert 'no command "begin"' in ended.stderr and "config" in ended.stderr


def test_exit_codes_are_documented():
    manual = run_muster("docs", "man").stdout
    for code in (0, 1, USAGE_ERROR, LISTEN_ERROR, USER_ERROR, 5, 6):
        assert re.search(rf"^\W*(B )?{code}\b", manual, re.M), f"exit code {code}"


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
    (["--passkey", "a/b"], ["passkey", "(not shown)", "letters"]),
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
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_muster("--listen", f"tcp://{where}", "--user", "")
    assert ended.returncode == LISTEN_ERROR
    assert where in ended.stderr + ended.stdout


@pytest.mark.skipif(not ROOT, reason="only root changes its user")
def test_an_unknown_user_is_fatal():
    lease = unused_port()
    ended = run_muster("--listen", f"127.0.0.1:{lease.port}", "--user", "nobody-of-this-name")
    lease.release()
    assert ended.returncode == USER_ERROR
    assert "nobody-of-this-name" in ended.stderr + ended.stdout


# --- where a value comes from ---

def config_of(*args, env=None):
    """`muster config` as {name: its line, or lines if it is a list}."""
    ended = run_muster("config", *args, env=env)
    assert ended.returncode == 0, ended
    lines = {}
    for line in ended.stdout.splitlines():
        if match := re.match(r"#?([a-z][a-z0-9_]*)\s*=.*;", line):
            lines[match[1]] = lines.get(match[1], "") + line + "\n"
    return lines


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
