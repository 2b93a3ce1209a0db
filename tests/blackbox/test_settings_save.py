"""Values set while running go into the configuration file, and control by POST."""

import os
import signal
import stat
import tempfile

import pytest

from harness import HttpClient, Owner, eventually, new_hash

ROOT = os.geteuid() == 0
FILE = """# my tracker
interval = 30m        ; half an hour
[answers]
#numwant = 50
; the end
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "muster.conf"
    path.write_text(FILE)
    path.chmod(0o640)
    return path


@pytest.fixture
def exact(start_server, config):
    """A server and its owner. What the harness says on the command line would win over the file, so
    this one says what it must and no more."""
    path = config.parent / "m.sock"
    server = start_server("--config", config, "--listen", "127.0.0.1:{port}", "--user", "",
                          "--workers", "1", "--admin-listen", "off", "--admin-socket", path,
                          exact=True)
    with HttpClient(str(path), None) as client:
        yield server, Owner(client)


def test_save_keeps_everything_else(exact, config):
    _, owner = exact
    status, answer = owner.post("/api/settings",
                                {"set": {"interval": "10m", "numwant": 20}, "save": True})
    assert status == 200
    assert answer == {"changed": {"interval": "10m", "numwant": "20"}, "saved": str(config),
                      "overridden": []}
    assert config.read_text() == FILE.replace("30m ", "10m ").replace(
        "#numwant = 50\n", "#numwant = 50\nnumwant = 20\n")
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert sorted(os.listdir(config.parent)) == ["m.sock", "m.token", "muster.conf"]
    assert owner.options()["interval"]["origin"] == {"source": "file", "line": 2}


def test_what_was_set_can_be_saved_when_no_more_changes_are_taken(exact, config):
    _, owner = exact
    eventually(lambda: owner.post("/api/settings", {"set": {"numwant": 20}})[0] == 429, pause_s=0)
    status, answer = owner.post("/api/control/save", {})
    assert (status, answer["names"]) == (200, ["numwant"])
    assert "numwant = 20" in config.read_text()


def test_only_the_named_options_are_saved(exact, config):
    _, owner = exact
    owner.set(numwant="20")
    owner.set(save=True, interval="10m")
    assert "numwant = 20" not in config.read_text()
    assert owner.source("numwant") == "live" and owner.source("interval") == "file"


def test_save_later(exact, config):
    _, owner = exact
    owner.set(numwant="20", keep_alive="no")
    status, answer = owner.post("/api/control/save")
    assert status == 200 and answer["saved"] == str(config)
    assert sorted(answer["names"]) == ["keep_alive", "numwant"]
    assert "\nnumwant = 20\n" in config.read_text() and "\nkeep_alive = no\n" in config.read_text()
    assert owner.source("numwant") == "file"
    assert owner.post("/api/control/save")[1]["names"] == []


def test_a_saved_value_that_the_command_line_wins_over(start_server, config):
    owner = Owner(start_server("--config", config, "--min-interval", "60", admin=True).unix())
    status, answer = owner.post("/api/settings", {"set": {"interval": "10m"}, "save": True})
    assert status == 200 and answer["overridden"] == ["interval"]
    assert "interval = 10m " in config.read_text()
    assert owner.source("interval") == "live"


def test_without_a_file_nothing_changes(start_server):
    owner = Owner(start_server(admin=True).unix())
    status, answer = owner.post("/api/settings", {"set": {"numwant": "20"}, "save": True})
    assert status == 400 and "--config" in answer["errors"]["save"]
    assert owner.value("numwant") == "50"
    assert owner.get("/api/settings")[1]["config_file"] is None
    assert owner.post("/api/control/save")[0] == 409


@pytest.fixture
def others_folder():
    """A folder that the serving user can read and not write, and the options to serve as that user."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as state:
        os.chmod(state, 0o777)
        os.chmod(folder, 0o755 if ROOT else 0o555)
        yield folder, ["--user", "nobody" if ROOT else "", "--admin-socket", "off",
                       "--admin-token-file", os.path.join(state, "token")]
        os.chmod(folder, 0o755)


def token_of(options):
    with open(options[-1], encoding="ascii") as f:
        return f.read().strip()


def test_a_file_that_cannot_be_written(start_server, others_folder):
    folder, options = others_folder
    path = os.path.join(folder, "muster.conf")
    os.chmod(folder, 0o755)
    with open(path, "w", encoding="ascii") as f:
        f.write("numwant = 30\n")
    os.chmod(folder, 0o755 if ROOT else 0o555)
    server = start_server("--config", path, *options, admin=True)
    owner = Owner(server.admin(), token=token_of(options))
    status, answer = owner.post("/api/settings", {"set": {"numwant": "20"}, "save": True})
    assert status == 400 and path in answer["errors"]["save"]
    assert owner.value("numwant") == "30"
    assert os.listdir(folder) == ["muster.conf"]


def test_a_file_that_has_an_error_by_now(exact, config):
    _, owner = exact
    config.write_text("numwant = banana\n")
    status, answer = owner.post("/api/settings", {"set": {"interval": "10m"}, "save": True})
    assert status == 400 and "banana" in answer["errors"]["save"]
    assert config.read_text() == "numwant = banana\n" and owner.value("interval") == "30m"


# --- control ---

def test_reload_tells_what_it_did(exact, config):
    server, owner = exact
    config.write_text("interval = 20m\nnumwant = 21\nbacklog = 99\n")
    status, answer = owner.post("/api/control/reload")
    assert status == 200
    assert answer == {"changed": {"interval": "20m", "numwant": "21"}, "waiting": ["backlog"]}
    server.wait_output(r"reload: asked for by uid \d+")
    config.write_text("interval = soon\n")
    status, answer = owner.post("/api/control/reload")
    assert status == 400 and "muster.conf:1" in answer["error"]
    assert owner.value("interval") == "20m"


def test_stop(start_server):
    server = start_server(admin=True)
    assert Owner(server.unix()).post("/api/control/stop") == (200, {"outcome": "stopping"})
    assert server.process.wait(30) == 0
    assert "(Unix socket): stopping" in server.output()


def serves_again(server, starts):
    """Its `starts`-th start is through."""
    eventually(lambda: server.output().count("info  ready:") >= starts, "another start")


def test_restart_keeps_the_process(exact, config):
    server, owner = exact
    pid, info_hash = server.pid, new_hash()
    server.http().announce(info_hash, port=7000)
    owner.set(save=True, numwant="20")
    owner.set(interval="10m")
    config.write_text(config.read_text() + "backlog = 99\n")
    for starts in (2, 3):
        assert owner.post("/api/control/restart") == (200, {"outcome": "restarting"})
        serves_again(server, starts)
        owner.client.close()
    assert server.is_running() and server.pid == pid
    assert f"starts, process {pid}\n" in server.output().rsplit("starting again", 1)[1]
    assert server.udp().announce(info_hash).counts == (0, 1)  # swarms are in memory only
    assert owner.value("numwant") == "20" and owner.value("interval") == "30m"
    assert owner.value("backlog") == "99"
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0


def test_no_restart_into_an_error(exact, config):
    server, owner = exact
    config.write_text("interval = soon\n")
    status, answer = owner.post("/api/control/restart")
    assert status == 409 and "soon" in answer["error"]
    assert server.udp().announce(new_hash()).interval >= 1800
    assert server.output().count("info  ready:") == 1


@pytest.mark.skipif(not ROOT, reason="only root gives rights up")
def test_no_restart_that_needs_rights_given_up(start_server, others_folder):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        if int(f.read()) <= 1:
            pytest.skip("every port is everybody's here")
    _, options = others_folder
    server = start_server(*options, "--listen", "tcp://127.0.0.1:1", admin=True)
    status, answer = Owner(server.admin(), token=token_of(options)).post("/api/control/restart")
    assert status == 409 and "rights" in answer["error"]
    assert server.is_running()
