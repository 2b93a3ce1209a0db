"""`muster upgrade` and SIGUSR2: another process takes over, and nobody outside notices."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import (COMPLETED, WATCHED, HttpClient, Owner, eventually, everything, metrics_of,
                     muster_bin, new_hash, new_peer_id, run_muster, stats_of)
from harness.check import unused_port
from harness.server import SANITIZER
from harness.udp import UdpAnnounce

OK, FAILED = 0, 1
BENCH = Path(muster_bin()).parent / "muster-bench"
SANITIZERS = b"__asan_init", b"__tsan_init"
IS_SANITIZED = any(name in Path(muster_bin()).read_bytes() for name in SANITIZERS)


def serving_pid(server):
    with HttpClient(socket_of(server), None) as client:
        return json.loads(client.get("/stats.json").body)["pid"]


def socket_of(server):
    return getattr(server, "socket_path", None) or server.admin_path


def command(server, word="upgrade"):
    ended = run_muster(word, "--admin-socket", socket_of(server), timeout_s=120)
    assert not SANITIZER.search(ended.stdout + ended.stderr), ended.stderr
    return ended


def upgrade(server):
    """One that works; returns the process that serves then."""
    before = serving_pid(server)
    ended = command(server)
    assert ended.returncode == OK, ended.stderr + server.output()[-4000:]
    after = serving_pid(server)
    assert after != before and f"process {after}" in ended.stdout
    return after


# --- what lives on ---

def test_the_store_lives_on(start_server):
    server = start_server(*WATCHED, admin=True)
    torrents = [new_hash() for _ in range(50)]
    for n, torrent in enumerate(torrents):
        for k in range(n % 4 + 1):
            with server.udp(source=f"127.9.{n}.{k + 1}") as client:
                client.announce(torrent, port=5000 + k, left=k % 2)
    finished = server.http()
    peer_id_of_first = None
    for torrent in torrents[:5]:
        peer_id = new_peer_id()
        peer_id_of_first = peer_id_of_first or peer_id
        finished.announce(torrent, peer_id, port=7000, left=1)
        finished.announce(torrent, peer_id, port=7000, left=0, event="completed")
    crowd = new_hash()
    for n in range(100):
        with server.udp(source=f"127.10.0.{n + 1}") as client:
            client.announce(crowd, port=5000, left=n % 3)
    before = everything(server)
    assert len(before) >= 51
    for _ in range(3):
        upgrade(server)
        assert everything(server) == before
    finished.announce(torrents[0], peer_id_of_first, port=7000, event="stopped")
    assert everything(server)[torrents[0]][b"complete"] == \
        before[torrents[0]][b"complete"] - 1, "who was there is known"


def test_a_client_keeps_its_connection_id_and_its_connection(start_server):
    server = start_server(admin=True)
    torrent, udp, http = new_hash(), server.udp(), server.http()
    udp.announce(torrent)
    http.announce(torrent, port=7001)
    own_end = http.address
    upgrade(server)
    answer = udp.announce(torrent)  # with the id of before
    assert isinstance(answer, UdpAnnounce) and sum(answer.counts) == 2
    assert sum(http.announce(torrent, port=7001).counts) == 2
    assert http.address == own_end


def test_a_request_that_is_half_there_is_answered(start_server):
    server = start_server(admin=True)
    halves = [server.http() for _ in range(5)]
    for client in halves:
        client.open()
        client.send(b"GET /announce?info_hash=" + b"a" * 20)
    halves[0].send(b"&peer_id=")
    time.sleep(0.2)
    upgrade(server)
    halves[0].send(b"c" * 20 + b"&port=4&left=1 HTTP/1.1\r\nHost: t\r\n\r\n")
    for client in halves[1:]:
        client.send(b"&peer_id=" + b"b" * 20 + b"&port=5&left=1 HTTP/1.1\r\nHost: t\r\n\r\n")
    for client in halves:
        answer = client.read_response()
        assert sum(answer.counts) >= 1 and not answer.closes


def test_numbers_and_live_options_live_on(start_server):
    server = start_server("--interval-jitter", "0", admin=True)
    owner = Owner(server.unix())
    owner.set(max_peers_per_response=7)
    with server.udp() as client:
        for n in range(30):
            client.announce(new_hash(), port=1000 + n)
    before, counted = stats_of(server), metrics_of(server)
    upgrade(server)
    after, counted_after = stats_of(server), metrics_of(server)
    assert after["start_unix_s"] == before["start_unix_s"]
    assert after["uptime_s"] >= before["uptime_s"]
    for name, value in counted.items():
        if "_total" in name:
            assert counted_after[name] >= value, name
    assert Owner(server.unix()).value("max_peers_per_response") == "7"
    assert Owner(server.unix()).source("max_peers_per_response") == "live"
    assert after["rates"]["total"]["max"] >= before["rates"]["total"]["max"]
    torrent = new_hash()
    with server.udp() as client:
        for n in range(20):
            client.announce(torrent, port=1000 + n)
        assert len(client.announce(torrent, port=999).peers) <= 7


def test_the_state_folder_goes_along(start_server, tmp_path):
    folder = tmp_path / "state"
    server = start_server("--state-dir", folder, "--save-interval", "0", *WATCHED, admin=True)
    with server.udp() as client:
        for n in range(20):
            client.announce(new_hash(), port=1000 + n, event=COMPLETED, left=0)
    upgrade(server)
    with server.udp() as client:
        client.announce(new_hash(), port=900)
    before = everything(server)
    server.signal(signal.SIGUSR1)  # the folder is the new process's
    server.wait_output("state: saved")
    upgrade(server)
    server.stop()
    assert server.output().count("state: saved") == 2, "the end of the last one, no other's"
    again = start_server("--state-dir", folder, *WATCHED)
    assert everything(again) == before


def test_what_is_known_of_snapshots_goes_along(start_server, tmp_path):
    """A page, or a command that waits for its save, does not begin again with nothing."""
    server = start_server("--state-dir", tmp_path / "state", "--save-interval", "0", admin=True)
    with server.udp() as client:
        client.announce(new_hash(), port=1)
    assert command(server, "save").returncode == OK
    before = Owner(server.unix()).get("/api/state")[1]
    assert before["saves"] == 1 and before["bytes"]
    upgrade(server)
    assert Owner(server.unix()).get("/api/state")[1] == before


def upgrade_begun(server, own_program, tmp_path):
    """The new process starts to run once the file returned is there."""
    go = tmp_path / "go"
    own_program(b"#!/bin/sh\nwhile [ ! -e %b ]; do sleep 0.05; done\nexec %b \"$@\"\n"
                % (bytes(go), str(own_program.good).encode()))
    server.signal(signal.SIGUSR2)
    server.wait_output("upgrade: SIGUSR2")
    return go


def test_an_import_asked_for_meanwhile(start_server, own_program, tmp_path):
    """The new process takes it in, and the command that waits for it hears of its end."""
    server = start_server("--state-dir", tmp_path / "state", "--save-interval", "0", *NO_SANDBOX,
                          admin=True)
    for n in range(2):
        assert command(server, "save").returncode == OK
    dump, info_hash = tmp_path / "dump", new_hash()
    dump.write_bytes(b"%b:5:3:41\n" % info_hash.hex().upper().encode())
    go = upgrade_begun(server, own_program, tmp_path)
    with subprocess.Popen([own_program.good, "import", "tpbs", dump, "--admin-socket",
                           server.admin_path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as waiting:
        server.wait_output("an import asked for by")
        go.touch()
        output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == OK and "torrents and" in output, output
    assert server.http().numbers(info_hash) == (0, 41, 0)
    assert not (tmp_path / "state" / "import").exists()


def test_sigusr2(start_server):
    server = start_server(admin=True)
    before = serving_pid(server)
    server.signal(signal.SIGUSR2)
    eventually(lambda: serving_pid(server) != before, "another process")
    second = serving_pid(server)
    server.signal(signal.SIGUSR2)  # by way of the process that waits
    eventually(lambda: serving_pid(server) not in (before, second), "a third one")


# --- another configuration ---

def configured(start_server, tmp_path, text):
    """A server whose options are in a file."""
    lease = unused_port()
    file = tmp_path / "muster.conf"
    file.write_text(text)
    server = start_server("--user", "", "--config", str(file), "--port", "{port}",
                          "--admin-listen", "off", "--admin-socket", str(tmp_path / "s.sock"),
                          exact=True, port_lease=lease)
    server.socket_path = str(tmp_path / "s.sock")
    return server, file


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_another_number_of_workers(start_server, tmp_path, workers):
    server, file = configured(start_server, tmp_path, "listen = 127.0.0.1\nworkers = 3\n")
    file.write_text(f"listen = 127.0.0.1\nworkers = {workers}\n")
    ended = command(server)
    assert ended.returncode == OK, ended.stderr
    with HttpClient(server.socket_path, None) as client:
        assert json.loads(client.get("/stats.json").body)["workers"] == workers
        drops = [line.split(" ")[0] for line in client.get("/metrics").body.decode().splitlines()
                 if line.startswith("muster_udp_socket_drops_total{")]
    assert drops and len(set(drops)) == len(drops)
    torrent = new_hash()
    for n in range(40):  # whichever socket the kernel chooses
        with server.udp() as udp, server.http() as http:
            assert isinstance(udp.announce(torrent, port=1000 + n), UdpAnnounce)
            assert http.announce(torrent, port=1000 + n).status == 200


def test_many_workers_become_one(start_server, tmp_path):
    """It serves the sockets of them all."""
    server, file = configured(start_server, tmp_path, "listen = 127.0.0.1, ::1\nworkers = 70\n")
    file.write_text("listen = 127.0.0.1, ::1\nworkers = 1\n")
    ended = command(server)
    assert ended.returncode == OK, ended.stderr
    torrent = new_hash()
    for n in range(200):
        with server.udp() as udp, server.http() as http:
            assert isinstance(udp.announce(torrent, port=1000 + n), UdpAnnounce)
            assert http.announce(torrent, port=1000 + n).status == 200


def is_free(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
        s.bind((host, port))
        return True
    return False


def test_addresses_come_and_go(start_server, tmp_path):
    server, file = configured(start_server, tmp_path, "listen = 127.0.0.1, 127.0.0.2\n"
                              "workers = 2\n")
    file.write_text("listen = 127.0.0.1, 127.0.0.3\nworkers = 2\n")
    assert command(server).returncode == OK
    torrent = new_hash()
    for host in ("127.0.0.1", "127.0.0.3"):
        server.host4 = host
        with server.udp() as udp:
            assert isinstance(udp.announce(torrent), UdpAnnounce)
    eventually(lambda: is_free("127.0.0.2", server.port), "the end of the one before")
    server.host4 = "127.0.0.1"


@pytest.fixture
def movable(start_server, tmp_path):
    """A server whose control socket is 1.sock, and move(): the configuration says 2.sock from now on."""
    file, before, after = (tmp_path / name for name in ("muster.conf", "1.sock", "2.sock"))
    file.write_text(f"listen = 127.0.0.1\nadmin_socket = {before}\n")
    server = start_server("--user", "", "--config", str(file), "--port", "{port}",
                          "--admin-listen", "off", exact=True, port_lease=unused_port())
    server.socket_path = str(before)

    def move(more=""):
        file.write_text(f"listen = 127.0.0.1\nadmin_socket = {after}\n{more}")
    return server, move


def test_another_socket_of_operators_is_not_waited_for_in_vain(movable, tmp_path):
    server, move = movable
    before, pid = server.socket_path, serving_pid(server)
    move()
    ended = command(server)
    assert ended.returncode == FAILED
    assert f"nobody answers at {before} any more, where process {pid} did" in ended.stderr
    server.socket_path = str(tmp_path / "2.sock")
    assert serving_pid(server) != pid
    assert {path.name for path in tmp_path.iterdir()} == {"muster.conf", "2.sock", "2.token"}


def test_a_token_that_is_still_in_use_stays(movable, tmp_path):
    server, move = movable
    token = tmp_path / "1.token"
    content = token.read_text()
    move(f"admin_token_file = {tmp_path}/./1.token\n")
    assert command(server).returncode == FAILED
    eventually(lambda: not (tmp_path / "1.sock").exists(), "the old socket's end")
    assert token.read_text() == content
    assert not (tmp_path / "2.token").exists()


def test_files_of_others_at_the_old_places_stay(movable, tmp_path):
    """Somebody took the names of socket and token meanwhile."""
    server, move = movable
    for name in ("1.sock", "1.token"):
        os.rename(tmp_path / name, tmp_path / f"was.{name}")
    (tmp_path / "1.token").write_text("not muster's\n")
    move()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "1.sock"))
        server.signal(signal.SIGUSR2)
        server.wait_output("given everything on")
    assert (tmp_path / "1.sock").is_socket()
    assert (tmp_path / "1.token").read_text() == "not muster's\n"
    server.socket_path = str(tmp_path / "2.sock")
    assert serving_pid(server) != server.process.pid


# --- what fails ---

@pytest.fixture
def own_program(tmp_path, monkeypatch):
    """A copy of the program that can be replaced: put(what) takes bytes or the good one's path."""
    path, good = tmp_path / "muster", muster_bin()

    def put(what, mode=0o755):
        new = tmp_path / "muster.new"
        if isinstance(what, bytes):
            new.write_bytes(what)
        else:
            shutil.copy(what, new)
        new.chmod(mode)
        new.rename(path)

    put(good)
    monkeypatch.setenv("MUSTER_BIN", str(path))
    put.good = good
    return put


NO_SANDBOX = ("--sandbox", "off")  # which lets no shell be started
SICK = {
    "ends": b"#!/bin/sh\nexit 7\n",
    "crashes": b"#!/bin/sh\nkill -SEGV $$\n",
    "is no program": b"\x00\x01nonsense",
    "speaks nonsense": b"#!/bin/sh\nprintf 'garbage garbage garbage!' >&3\nsleep 1\n",
}


def client_run(own_program, path):
    """The command, from the good program."""
    done = subprocess.run([own_program.good, "upgrade", "--admin-socket", path],
                          capture_output=True, text=True, timeout=120, check=False)
    return done


@pytest.mark.parametrize("how", SICK)
def test_a_new_program_that_fails(start_server, own_program, how):
    server = start_server(*WATCHED, *NO_SANDBOX, admin=True)
    with server.udp() as client:
        for n in range(20):
            client.announce(new_hash(), port=1000 + n)
    before, pid = everything(server), serving_pid(server)
    http = server.http()
    http.announce(new_hash(), event="stopped")
    own_program(SICK[how])
    ended = client_run(own_program, server.admin_path)
    assert ended.returncode == FAILED and ended.stderr
    assert "upgrade: failed" in server.output()
    if how == "ends":
        assert "the new process ended (exit code 7)" in ended.stderr
    assert serving_pid(server) == pid and everything(server) == before
    assert http.announce(new_hash(), event="stopped").status == 200
    assert metrics_of(server)["upgrades_failed_total"] == 1
    own_program(own_program.good)
    ended = client_run(own_program, server.admin_path)
    assert ended.returncode == OK, ended.stderr
    assert serving_pid(server) != pid and everything(server) == before


def test_a_program_that_may_not_run(start_server, own_program):
    server = start_server(admin=True)
    own_program(b"", mode=0o644)
    if os.access(os.environ["MUSTER_BIN"], os.X_OK):
        pytest.skip("everything may be run here")
    ended = client_run(own_program, server.admin_path)
    assert ended.returncode == FAILED and "Permission denied" in ended.stderr


def test_a_program_that_hangs_can_be_done_without(start_server, own_program):
    server = start_server(*NO_SANDBOX, admin=True)
    pid = serving_pid(server)
    own_program(b"#!/bin/sh\nexec sleep 600\n")
    server.signal(signal.SIGUSR2)
    server.wait_output("upgrade: SIGUSR2")
    with server.udp() as client:
        assert isinstance(client.announce(new_hash()), UdpAnnounce)
    ended = client_run(own_program, server.admin_path)
    assert ended.returncode == FAILED and "under way already" in ended.stderr
    assert serving_pid(server) == pid
    server.stop()
    assert "it is told to stop" in server.output()


def test_a_configuration_that_is_wrong(start_server, tmp_path):
    server, file = configured(start_server, tmp_path, "listen = 127.0.0.1\n")
    pid = serving_pid(server)
    file.write_text("listen = 127.0.0.1\nintervall = 5\n")
    ended = command(server)
    assert ended.returncode == FAILED
    assert "intervall" in ended.stderr and "goes on" in ended.stderr
    assert serving_pid(server) == pid
    with server.udp() as client:
        assert isinstance(client.announce(new_hash()), UdpAnnounce)


def test_an_address_that_another_program_has(start_server, tmp_path):
    server, file = configured(start_server, tmp_path, "listen = 127.0.0.1\n")
    with socket.socket() as other:
        other.bind(("127.0.0.4", 0))
        other.listen()
        file.write_text(f"listen = 127.0.0.1, tcp://127.0.0.4:{other.getsockname()[1]}\n")
        ended = command(server)
    assert ended.returncode == FAILED and "exit code 3" in ended.stderr
    with server.udp() as client:
        assert isinstance(client.announce(new_hash()), UdpAnnounce)


def metrics_text(server):
    with HttpClient(socket_of(server), None) as client:
        return client.get("/metrics").body.decode()


def goes_on_as_before(server, pid):
    """Nothing of the process that serves was taken by the one that failed."""
    assert serving_pid(server) == pid
    assert isinstance(server.udp().announce(new_hash()), UdpAnnounce)
    assert f"process    {pid}" in command(server, "status").stdout
    assert command(server, "reload").returncode == OK


def broken_list(folder):
    return f"deny_ips = {folder}/list\n", "list: No such file or directory", 7


def no_web_root(folder):
    return f"web_root = {folder}/missing\n", f"cannot open {folder}/missing: No such file", 2


def state_of_another(folder):
    (folder / "plain file").touch()
    return f"state_dir = {folder}/plain file/state\n", "state_dir: ", 1


@pytest.mark.parametrize("wrong", [broken_list, no_web_root, state_of_another])
def test_a_start_that_fails_late(start_server, tmp_path, wrong):
    """The old process goes on with its socket, the reason is told to whoever asked, and the next
    upgrade works."""
    server, file = configured(start_server, tmp_path, "listen = 127.0.0.1\n")
    pid = serving_pid(server)
    option, reason, code = wrong(tmp_path)
    for _ in range(2):
        file.write_text(f"listen = 127.0.0.1\n{option}")
        ended = command(server)
        assert ended.returncode == FAILED
        assert f"process {pid} goes on" in ended.stderr and reason in ended.stderr, ended.stderr
        assert ended.stderr.count("exit code") == 1 and f"(exit code {code})" in ended.stderr
        assert re.search(f"this process goes on: .*{re.escape(reason)}", server.output())
        file.write_text("listen = 127.0.0.1\n")
        goes_on_as_before(server, pid)
    assert "muster_upgrades_failed_total 2" in metrics_text(server)
    upgrade(server)


def test_a_list_that_was_readable_once(start_server, tmp_path):
    """The running one has what it read; the new one has nothing to begin with."""
    ips = tmp_path / "ips"
    ips.write_text("192.0.2.0/24 no\n")
    server, _ = configured(start_server, tmp_path, f"listen = 127.0.0.1\ndeny_ips = {ips}\n")
    pid = serving_pid(server)
    ips.unlink()
    ended = command(server)
    assert ended.returncode == FAILED and "ips: No such file" in ended.stderr, ended.stderr
    ips.write_text("192.0.2.0/24 no\n")
    goes_on_as_before(server, pid)
    upgrade(server)


def test_a_list_that_was_set_while_running(start_server, tmp_path):
    """It is in force before the new process serves, or that one does not serve."""
    torrents, refused = tmp_path / "torrents", new_hash()
    torrents.write_text(f"{refused.hex()} for a reason\n")
    server = start_server("--log-level", "debug", admin=True)
    ended = run_muster("set", "deny-torrents", torrents, "--admin-socket", server.admin_path)
    assert ended.returncode == 0, ended.stderr
    for _ in range(2):
        said = len(server.output())
        upgrade(server)
        assert server.http().announce(refused).failure.endswith("for a reason")
        before = server.output()[said:].partition("the doors stand still")[0]
        assert before.count("lists: in force") == 1  # so nobody waits for it
    pid = serving_pid(server)
    torrents.unlink()
    ended = command(server)
    assert ended.returncode == FAILED and "torrents: No such file" in ended.stderr, ended.stderr
    assert server.http().announce(refused).failure.endswith("for a reason")
    torrents.write_text(f"{refused.hex()} for a reason\n")
    goes_on_as_before(server, pid)


def test_what_is_set_meanwhile(start_server, own_program, tmp_path):
    """The old process takes it as ever, the new one has it: another list, and one that is none any more."""
    lists = [tmp_path / name for name in "ab"]
    hashes = [new_hash(), new_hash()]
    for path, info_hash in zip(lists, hashes):
        path.write_text(f"{info_hash.hex()} by {path.name}\n")
    server = start_server("--numwant", "7", *NO_SANDBOX, admin=True)
    owner, pid = Owner(server.unix()), serving_pid(server)

    def change(**options):
        texts = {name: str(value) if value else None for name, value in options.items()}
        status, answer = owner.post("/api/settings", {"set": texts})
        assert status == 200, answer

    change(deny_torrents=lists[0], numwant=9, max_peers_per_response=11)
    go = upgrade_begun(server, own_program, tmp_path)
    change(deny_torrents=lists[1], numwant=None)
    go.touch()
    eventually(lambda: serving_pid(server) != pid, "the new process")
    with server.http() as client:
        assert client.announce(hashes[1]).failure.endswith("by b")
        assert client.announce(hashes[0]).status == 200
        assert not client.announce(hashes[0]).failure
    options = {o["name"]: o for o in Owner(server.unix()).get("/api/settings")[1]["options"]}
    assert [(options[name]["value"], options[name]["origin"]["source"])
            for name in ("numwant", "max_peers_per_response", "deny_torrents")] == [
        ("7", "command line"), ("11", "live"), (str(lists[1]), "live")]


@pytest.mark.parametrize("value", ["9", "0", "-1", "99999999999", "x", ""])
def test_a_hand_over_that_is_none_is_not_waited_for(start_server, value):
    """Whoever sets the environment names no descriptor of ours, or one that is no socket."""
    server = start_server(env={"MUSTER_HANDOVER": value})
    assert isinstance(server.udp().announce(new_hash()), UdpAnnounce)
    assert "taking over" not in server.output()


# --- the process that was started ---

def test_whoever_waits_sees_the_end(start_server):
    server = start_server(admin=True)
    for _ in range(2):
        upgrade(server)
    assert server.is_running() and serving_pid(server) != server.pid
    server.stop()  # SIGTERM to the first process; its exit code is checked


def test_reload_by_way_of_the_first_process(start_server):
    server = start_server(admin=True)
    upgrade(server)
    server.signal(signal.SIGHUP)
    server.wait_output("reload: done")


def test_a_crash_is_told_by_the_first_process(start_server):
    server = start_server(admin=True)
    pid = upgrade(server)
    os.kill(pid, signal.SIGKILL)
    assert server.process.wait(30) == 128 + signal.SIGKILL
    server.expected_code = 128 + signal.SIGKILL


def test_it_ends_with_the_first_process(start_server):
    server = start_server(admin=True)
    pid = upgrade(server)
    server.process.kill()
    server.wait_output("the process that was started first is gone")
    eventually(lambda: not Path(f"/proc/{pid}").exists()
               or "Z" in Path(f"/proc/{pid}/stat").read_text(), "the end of the second")
    server.expected_code = -signal.SIGKILL


# --- under load ---

def load(server, *args):
    scheme = args[0]
    words = [str(BENCH), "--quiet", "--sleep", "--no-fill", "--warmup", "0", "-t", "500", "-p",
             "5k", "--duration", "6s", "--timeout", "10s", "--json", "-", *args[1:],
             f"{scheme}://127.0.0.1:{server.port}"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def loaded(server, rate, upgrades):
    """Requests over UDP, over kept connections and over one each, while so many processes follow one
    another. All answers are right; returns how many each of the three missed."""
    loads = [load(server, "udp", "--rate", str(rate // 2), "--mix",
                  "announce=80,connect=5,scrape=5,churn=10"),
             load(server, "http", "--rate", str(rate // 4), "-c", "32"),
             load(server, "http", "--rate", str(rate // 4), "-c", "32", "--close")]
    for _ in range(upgrades):
        upgrade(server)
        time.sleep(0.3)
    lost = []
    for process in loads:
        out, err = process.communicate(timeout=120)
        found = json.loads(out)
        assert found["wrong"] == 0 and found["send_failures"] == 0, (found, err)
        assert found["sent"] > 0 and found["answered"] + found["lost"] == found["sent"], found
        lost.append(found["lost"])
    return lost


@pytest.mark.skipif(not BENCH.exists(), reason="built without -Dbench")
def test_nobody_notices_under_load(start_server):
    """While five processes follow one another no more requests go unanswered than without that: none,
    unless the machine is too busy to read its sockets in time. Who was there before is there."""
    rate = 3000 if IS_SANITIZED else 20000
    server = start_server(*WATCHED, "--listen", f"127.0.0.1:{unused_port().port}", admin=True)
    marked = {}
    for n in range(200):
        torrent = new_hash()
        with server.udp(source=f"127.11.{n % 200}.1") as client:
            client.announce(torrent, port=4000 + n, left=n % 2)
        marked[torrent] = (1 - n % 2, n % 2)
    seen = []
    for _ in range(4):  # a busy machine loses now here, now there
        seen.append((loaded(server, rate, 5), loaded(server, rate, 0)))
        if all(during <= without for during, without in zip(*seen[-1])):
            break
    else:
        pytest.fail(f"lost with upgrades and without, of each load: {seen}")
    after = everything(server)
    for torrent, (complete, incomplete) in marked.items():
        assert after[torrent][b"complete"] == complete
        assert after[torrent][b"incomplete"] == incomplete
    assert metrics_of(server)["upgrades_total"] == 5 * len(seen)


@pytest.mark.skipif(not BENCH.exists(), reason="built without -Dbench")
def test_what_is_being_streamed_is_finished(start_server):
    """A full scrape whose client reads slowly comes from the process that began it."""
    server = start_server(*WATCHED, "--drain-timeout", "60s", "--timeout", "60s", admin=True)
    done = subprocess.run([str(BENCH), "--quiet", "--sleep", "-t", "60k", "-p", "60k", "-d", "100ms",
                           "--timeout", "10s", f"udp://127.0.0.1:{server.port}"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.settimeout(30)
    slow.connect(("127.0.0.1", server.port))
    slow.sendall(b"GET /scrape HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
    got = slow.recv(1000)
    upgrade(server)
    while chunk := slow.recv(1 << 20):
        got += chunk
    assert b"HTTP/1.1 200" in got[:20]
    assert got.count(b"d8:complete") >= 60000
    slow.close()
