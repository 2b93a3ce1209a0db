"""`muster check`, before a start and beside a running muster."""

import json
import os
import subprocess

import pytest

from harness import run_muster, unused_port
from harness.fake import FakeControl
from harness.terminal import Terminal

ROOT = os.geteuid() == 0
NAMES = ["addresses", "user", "config-file", "web-root", "lists", "memory", "open-files",
         "udp-receive-buffer", "udp-drops", "connection-tracking", "tcp-backlog",
         "tcp-syn-backlog", "tcp-time-wait", "ipv6", "clock"]


def check(*args):
    ended = run_muster("check", "--json", "--admin-socket", "/nonexistent/s.sock", *args)
    report = json.loads(ended.stdout)
    assert ended.returncode == (1 if report["problems"] else 0)
    findings = {f["name"]: f for f in report["findings"]}
    for finding in findings.values():
        assert finding["verdict"] in ("ok", "advice", "problem")
        assert finding["text"]
        assert finding["verdict"] == "ok" or finding["command"], finding
    return report, findings


@pytest.fixture
def port():
    lease = unused_port()
    yield lease.port
    lease.release()


def test_every_check_says_something(port):
    report, findings = check("--listen", f"127.0.0.1:{port}")
    assert list(findings) == NAMES
    assert report["running"] is False
    assert findings["addresses"]["verdict"] == "ok"
    assert "can be listened on" in findings["addresses"]["text"]


def test_a_port_that_is_taken_is_a_problem(server):
    report, findings = check("--listen", f"127.0.0.1:{server.port}")
    assert report["ok"] is False
    assert findings["addresses"]["verdict"] == "problem"
    assert f":{server.port}" in findings["addresses"]["text"]
    assert f"ss -lntup 'sport = :{server.port}'" in findings["addresses"]["command"]


def test_an_address_of_somebody_else(port):
    _, findings = check("--listen", f"203.0.113.7:{port}")
    assert findings["addresses"]["verdict"] == "problem"


@pytest.mark.skipif(not ROOT, reason="only root becomes another user")
def test_a_user_who_does_not_exist(port):
    _, findings = check("--listen", f"127.0.0.1:{port}", "--user", "no-such-user")
    assert findings["user"]["verdict"] == "problem"
    assert "useradd" in findings["user"]["command"]


@pytest.mark.skipif(not ROOT, reason="only root becomes another user")
def test_a_file_that_the_user_cannot_read(port, tmp_path):
    path = tmp_path / "muster.conf"
    path.write_text(f"listen = 127.0.0.1:{port}\n")
    path.chmod(0o600)
    _, findings = check("-c", path, "--user", "nobody")
    assert findings["config-file"]["verdict"] == "problem"
    assert str(path) in findings["config-file"]["command"]
    path.chmod(0o644)
    for folder in [tmp_path, *tmp_path.parents]:
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    _, findings = check("-c", path, "--user", "nobody")
    assert findings["config-file"]["verdict"] == "ok"


def test_limits_that_are_too_small_come_with_a_command(port):
    _, findings = check("--listen", f"127.0.0.1:{port}", "--nofile", "100", "--backlog", "1048576")
    assert findings["open-files"]["verdict"] == "advice"
    assert "LimitNOFILE=" in findings["open-files"]["command"]
    assert findings["tcp-backlog"]["command"] == "sysctl -w net.core.somaxconn=1048576"


def outer_addresses():
    """IPv4 addresses of this machine besides loopback, of interfaces that are up."""
    told = subprocess.run(["ip", "-4", "-j", "addr", "show", "up"], capture_output=True, check=True)
    return [a["local"] for i in json.loads(told.stdout) if i["ifname"] != "lo"
            for a in i["addr_info"]]


@pytest.mark.skipif(not outer_addresses(), reason="no address besides loopback")
def test_a_wildcard_is_asked_at_every_address(server):
    """One answers on loopback alone, and says that it does on all."""
    fake = FakeControl({("GET", "/api/settings"): (200, {"options": [
        {"name": "listen", "value": f"udp://0.0.0.0:{server.port}"}]})})
    ended = run_muster("check", "--json", "--admin-socket", fake.path)
    finding = json.loads(ended.stdout)["findings"][0]
    assert finding["verdict"] == "problem"
    assert f"udp://{outer_addresses()[0]}:{server.port} does not answer" in finding["text"]
    ended = run_muster("status", "--admin-socket", fake.path)
    assert ended.returncode == 1
    assert f"ok    heartbeat  udp://127.0.0.1:{server.port}" in ended.stdout
    for address in outer_addresses():
        assert f"FAIL  heartbeat  udp://{address}:{server.port}" in ended.stdout
    fake.stop()


def test_beside_a_running_one_it_asks_for_heartbeats(server):
    lease = unused_port()
    fake = FakeControl({("GET", "/api/settings"): (200, {"options": [
        {"name": "listen", "value": f"127.0.0.1:{server.port},127.0.0.1:{lease.port}"}]})})
    ended = run_muster("check", "--json", "--admin-socket", fake.path)
    report = json.loads(ended.stdout)
    finding = report["findings"][0]
    assert (ended.returncode, report["running"], finding["verdict"]) == (1, True, "problem")
    assert f":{lease.port} does not answer" in finding["text"]
    fake.answers[("GET", "/api/settings")] = (200, {"options": [
        {"name": "listen", "value": f"127.0.0.1:{server.port}"}]})
    ended = run_muster("check", "--admin-socket", fake.path)
    assert "2 of 2 answer a heartbeat" in ended.stdout
    assert "the running muster was asked" in ended.stdout
    fake.stop()
    lease.release()


def test_in_a_terminal(port):
    terminal = Terminal("check", "--admin-socket", "/nonexistent/s.sock", "--listen",
                        f"127.0.0.1:{port}", size=(60, 160))
    assert terminal.wait_end() in (0, 1)
    assert "no muster runs here now" in terminal.read()
    terminal.close()
