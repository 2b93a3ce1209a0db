"""The commands that speak to a running muster, against a control socket with made-up answers."""

import json
import os
import stat

import pytest

from harness import run_muster, unused_port
from harness.fake import FakeControl

OK, FAILED, USAGE = 0, 1, 2

OPTIONS = [
    {"name": "interval", "value": "600", "live": True, "secret": False,
     "origin": {"source": "file", "line": 7}},
    {"name": "passkey", "value": "", "live": True, "secret": True, "is_set": True,
     "origin": {"source": "environment", "line": 0}},
    {"name": "listen", "value": "127.0.0.1:{port}", "live": False, "secret": False,
     "origin": {"source": "default", "line": 0}},
]


@pytest.fixture
def fake():
    """A running muster that is none; it says that it listens on the loopback port of `lease`."""
    lease = unused_port()
    options = json.loads(json.dumps(OPTIONS).replace("{port}", str(lease.port)))
    control = FakeControl({("GET", "/api/settings"): (200, {
        "groups": [], "config_file": "/etc/muster.conf", "options": options})})
    control.lease = lease
    yield control
    control.stop()
    lease.release()


def run(fake, *args):
    ended = run_muster(*args, "--admin-socket", fake.path)
    assert "Sanitizer" not in ended.stderr and "runtime error" not in ended.stderr, ended.stderr
    return ended


def said(fake, method):
    return [(path, body) for asked, path, _, body in fake.requests if asked == method]


# --- nobody there ---

@pytest.mark.parametrize("command", ["status", "stop", "restart", "reload", "get", "save", "top"])
def test_nobody_answers(command, tmp_path):
    ended = run_muster(command, "--admin-socket", tmp_path / "none.sock")
    assert ended.returncode == FAILED
    assert "no muster answers at" in ended.stdout + ended.stderr
    assert "is it running?" in ended.stdout + ended.stderr


def test_no_socket_of_the_port_and_no_socket_at_all(tmp_path):
    lease = unused_port()
    ended = run_muster("stop", "--port", lease.port, env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert ended.returncode == FAILED
    assert f"no muster answers on port {lease.port}" in ended.stderr
    ended = run_muster("stop", "--admin-socket", "off")
    assert ended.returncode == FAILED
    assert "no control socket" in ended.stderr
    lease.release()


def test_a_socket_where_strangers_may_put_one_is_not_asked(fake, tmp_path):
    """What it answers would be believed."""
    os.rename(fake.path, tmp_path / f"muster-{fake.lease.port}.sock")

    def get(mode):
        tmp_path.chmod(mode)
        return run_muster("get", "--port", fake.lease.port, env={"XDG_RUNTIME_DIR": str(tmp_path)})

    assert get(0o700).returncode == OK
    asked = len(fake.requests)
    for mode in (0o777, 0o722, 0o770):
        ended = get(mode)
        assert ended.returncode == FAILED and "no muster answers" in ended.stderr
        assert f"muster-{fake.lease.port}.sock there" in ended.stderr and "--admin-socket" in ended.stderr
    assert len(fake.requests) == asked


def test_what_answers_is_no_muster(fake):
    for answer in (b"\x00\x01", b"<html>", b"[" * 100000):
        fake.answers[("GET", "/api/settings")] = (200, answer)
        assert run(fake, "get").returncode == FAILED
    fake.answers[("GET", "/api/settings")] = (500, b"oops")
    ended = run(fake, "get")
    assert ended.returncode == FAILED and "500" in ended.stderr


def test_an_answer_without_end_is_cut(fake):
    fake.answers[("GET", "/api/settings")] = (200, b"x" * ((8 << 20) + 1))
    ended = run(fake, "get")
    assert ended.returncode == FAILED and "more than" in ended.stderr


# --- get, set, save ---

def test_get_shows_all_or_some(fake):
    ended = run(fake, "get")
    assert ended.returncode == OK
    lines = ended.stdout.splitlines()
    assert len(lines) == len(OPTIONS)
    assert lines[0].split() == ["interval", "=", "600", ";", "/etc/muster.conf:7"]
    assert "(not shown)" in lines[1]
    assert run(fake, "get", "interval").stdout == lines[0] + "\n"


def test_get_of_what_does_not_exist(fake):
    ended = run(fake, "get", "intervall")
    assert ended.returncode == USAGE
    assert "intervall" in ended.stderr and "interval?" in ended.stderr


def test_set_sends_all_at_once_as_json(fake):
    fake.answers[("POST", "/api/settings")] = (200, {"changed": {"interval": "700s"}, "saved": None})
    ended = run(fake, "set", "interval", "700", "max-peers-per-response=50")
    assert (ended.returncode, ended.stdout) == (OK, "interval = 700s\n")
    [(_, body)] = said(fake, "POST")
    assert body == {"set": {"interval": "700", "max_peers_per_response": "50"}, "save": False}
    assert fake.requests[-1][2]["Content-Type"] == "application/json"


def test_set_and_save(fake):
    fake.answers[("POST", "/api/settings")] = (200, {
        "changed": {"passkey": None}, "saved": "/etc/muster.conf", "overridden": ["passkey"]})
    ended = run(fake, "set", "--save", "passkey", "x")
    assert ended.returncode == OK
    assert "passkey = (not shown)" in ended.stdout
    assert "saved to /etc/muster.conf" in ended.stdout and "says otherwise" in ended.stdout
    assert said(fake, "POST")[0][1]["save"] is True


def test_set_a_negative_value(fake):
    fake.answers[("POST", "/api/settings")] = (200, {"changed": {}})
    assert run(fake, "set", "nofile", "-1").stdout == "nothing changed\n"
    assert said(fake, "POST")[0][1]["set"] == {"nofile": "-1"}


def test_set_tells_every_error(fake):
    fake.answers[("POST", "/api/settings")] = (400, {
        "errors": {"interval": "out of range", "port": "needs a restart"}})
    ended = run(fake, "set", "interval", "0", "port", "1")
    assert ended.returncode == USAGE
    assert "interval: out of range" in ended.stderr and "port: needs a restart" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("args", [[], ["interval"], ["interval", "5", "port"]])
def test_set_wants_pairs(fake, args):
    assert run(fake, "set", *args).returncode == USAGE
    assert said(fake, "POST") == []


def test_save_reload(fake):
    fake.answers[("POST", "/api/control/save")] = (200, {
        "saved": "/etc/m.conf", "names": ["interval"], "overridden": []})
    fake.answers[("POST", "/api/control/reload")] = (200, {
        "changed": {"interval": "700s", "passkey": None}, "waiting": ["port"]})
    assert run(fake, "save").stdout == "saved to /etc/m.conf\n"
    ended = run(fake, "reload")
    assert ended.returncode == OK
    assert ended.stdout.splitlines() == ["interval = 700s", "passkey = (not shown)",
                                         "port waits for a restart", "reloaded"]


@pytest.mark.parametrize("command", ["save", "reload", "stop", "restart"])
def test_a_refusal_says_why(fake, command):
    fake.answers[("POST", f"/api/control/{command}")] = (409, {"error": "the disk is full"})
    ended = run(fake, command)
    assert ended.returncode == FAILED
    assert "the disk is full" in ended.stderr


# --- status ---

def test_status_of_one_that_is_deaf(fake):
    ended = run(fake, "status")
    assert ended.returncode == FAILED
    assert "muster 9.9.9, up 1d 1h, 2 restarts" in ended.stdout
    assert f"FAIL  heartbeat  udp://127.0.0.1:{fake.lease.port}" in ended.stdout
    assert "1234567: 1000000 seeders, 234567 leechers, in 4321 torrents" in ended.stdout


def test_status_as_json(fake):
    ended = run(fake, "status", "--json")
    report = json.loads(ended.stdout)
    assert ended.returncode == FAILED
    assert (report["ok"], report["running"]) == (False, True)
    assert report["stats"]["peers"] == 1234567
    assert [beat["state"] for beat in report["heartbeats"]] == ["silent", "silent"]


def test_status_asks_the_addresses_that_the_running_one_has(fake, server):
    fake.answers[("GET", "/api/settings")] = (200, {"options": [
        {"name": "listen", "value": f"127.0.0.1:{server.port},[::1]:{server.port}"}]})
    ended = run(fake, "status", "--port", "1")
    assert ended.returncode == OK, ended.stdout
    assert ended.stdout.count("ok    heartbeat") == 4


# --- arguments ---

@pytest.mark.parametrize("args", [
    ["status", "--no-such"], ["status", "-Z"], ["status", "--json=yes"], ["stop", "word"],
    ["get", "--port", "0"], ["top", "-n", "0"], ["top", "-n"], ["check", "word"],
    ["start", "--log"], ["start", "--port", "70000"], ["start", "word"],
])
def test_wrong_arguments(args):
    ended = run_muster(*args)
    assert ended.returncode == USAGE, ended.stdout
    assert ended.stderr.startswith("muster: ")


@pytest.mark.parametrize("command", ["status", "stop", "restart", "reload", "save", "top"])
def test_a_port_chooses_as_it_does_at_a_start(command, tmp_path):
    lease = unused_port()
    ended = run_muster(command, lease.port, 600, env={"XDG_RUNTIME_DIR": str(tmp_path)})
    lease.release()
    assert ended.returncode == FAILED
    assert f"port {lease.port}" in ended.stdout + ended.stderr


@pytest.mark.parametrize("command", ["start", "stop", "restart", "reload", "status", "top", "get",
                                     "set", "save", "check", "probe"])
def test_every_command_has_its_help(command):
    ended = run_muster(command, "--help")
    assert ended.returncode == OK
    assert ended.stdout.startswith(f"muster {command}")
    assert run_muster("help", command).stdout == ended.stdout
    assert f"muster {command}" in run_muster("--help").stdout
    assert f"muster {command}" in run_muster("docs", "man").stdout.replace("\\", "")


# --- start that cannot work ---

def test_start_tells_why_it_did_not(tmp_path, server):
    log, socket = tmp_path / "log", tmp_path / "s.sock"
    ended = run_muster("start", "--log", log, "--admin-socket", socket, "--listen",
                       f"127.0.0.1:{server.port}", "--admin-listen", "off", "--user", "")
    assert ended.returncode == 3
    assert "cannot listen on" in ended.stderr and str(log) in ended.stderr
    assert stat.S_IMODE(os.stat(log).st_mode) & 0o027 == 0


def start_with_log(log, folder):
    return run_muster("start", "--log", log, "--admin-socket", folder / "s.sock", "--listen",
                      "127.0.0.1", "--port", "1", "--admin-listen", "off")


def test_start_logs_into_no_file_of_a_stranger(tmp_path):
    fifo, link, named, theirs = (tmp_path / name for name in ("fifo", "link", "named", "theirs"))
    os.mkfifo(fifo)
    named.write_text("precious")
    link.symlink_to(named)
    os.link(named, tmp_path / "second")
    theirs.write_text("")
    logs = [fifo, link, named, tmp_path]
    if os.geteuid() == 0:
        os.chown(theirs, 65534, 65534)
        logs.append(theirs)
    for log in logs:
        ended = start_with_log(log, tmp_path)
        assert ended.returncode == USAGE and f"log {log}: " in ended.stderr, ended.stderr
    assert named.read_text() == "precious"


def test_start_refuses_a_second_one(fake):
    ended = run(fake, "start")
    assert ended.returncode == FAILED
    assert f"process {os.getpid()}" in ended.stderr


def test_start_needs_the_control_socket():
    ended = run_muster("start", "--admin-socket", "off")
    assert ended.returncode == USAGE
    assert "admin_socket" in ended.stderr
