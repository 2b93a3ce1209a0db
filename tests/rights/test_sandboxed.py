"""Everything goes on working inside the sandbox; and what it stops says so."""

import json
import os
import pwd
import shutil
import signal
import subprocess

import pytest

from harness import (HttpClient, Owner, Server, bound_udp_sockets, eventually, everything, metrics_of,
                     muster_bin, new_hash, let_others_in, run_muster)
from harness.mmdb import city, mmdb_bytes

MODES = ["on", "strict"]
NOBODY = pwd.getpwnam("nobody")


def replace(path, text):
    """As an editor does: a new file, renamed over the old one."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
    fresh.replace(path)


@pytest.fixture(params=MODES)
def mode(request):
    return ("--sandbox", request.param)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "conf" / "muster.conf"
    path.parent.mkdir()
    path.write_text("numwant = 3\n")
    return path


def owner_of(server):
    return Owner(server.unix())


def test_the_sandbox_is_on_by_default(start_server):
    server = start_server()
    assert "sandbox on: system calls filtered" in server.output()


def test_many_workers_need_no_more_than_few(start_server, mode):
    server = start_server("--workers", "64", *mode, admin=True)
    for _ in range(200):
        with server.http() as client:
            assert client.announce(new_hash()).status == 200
    assert metrics_of(server)["sandbox_denied_calls_total"] == 0


def test_an_upgrade_keeps_every_udp_socket(start_server, tmp_path):
    """The filter forbids asking for this machine's addresses; a socket that nobody takes loses what
    waits in it."""
    path = str(tmp_path / "admin.sock")
    server = start_server("--user", "", "--workers", "2", "--listen", "{port}", "--admin-listen", "off",
                          "--admin-socket", path, "--sandbox", "on", exact=True)
    before = bound_udp_sockets(server.port)
    assert len(before) >= 4 and set(before.values()) == {2}
    assert run_muster("upgrade", "--admin-socket", path).returncode == 0
    eventually(lambda: server.udp().announce(new_hash()), "an answer")
    assert bound_udp_sockets(server.port) == before


def test_a_replaced_configuration_is_read(start_server, config, mode):
    server = start_server("--config", config, *mode, admin=True)
    replace(config, "numwant = 5\n")
    server.signal(signal.SIGHUP)
    server.wait_output("numwant: 3 -> 5")


def test_settings_are_saved(start_server, config, mode):
    server = start_server("--config", config, *mode, admin=True)
    assert owner_of(server).set(save=True, numwant="7") == {"numwant": "7"}
    assert config.read_text() == "numwant = 7\n"


def test_own_pages_and_numbers(start_server, tmp_path, mode):
    pages = tmp_path / "pages"
    (pages / "sub").mkdir(parents=True)
    (pages / "sub" / "a.txt").write_text("first")
    server = start_server("--web-root", pages, *mode, admin=True)
    assert server.http().get("/sub/a.txt").body == b"first"
    replace(pages / "sub" / "a.txt", "second")
    assert server.http().get("/sub/a.txt").body == b"second"
    assert b"resident_memory_bytes 0" not in server.admin().get("/metrics").body


def test_a_database_of_places_is_renewed(start_server, tmp_path, mode):
    path = tmp_path / "places" / "test.mmdb"
    path.parent.mkdir()
    path.write_bytes(mmdb_bytes({"127.1.0.0/16": city("DE", 52.5, 13.4)}))
    server = start_server("--geoip-file", path, *mode, admin=True)
    server.wait_output(r"test\.mmdb")
    loaded = server.output().count("test.mmdb")
    replace(path, mmdb_bytes({"127.2.0.0/16": city("FR", 48.9, 2.4)}))
    server.signal(signal.SIGHUP)
    eventually(lambda: server.output().count("test.mmdb") > loaded, "it is read again")
    assert "denied" not in server.output()


def test_lists_are_read_again(start_server, tmp_path, mode):
    """A file that is renamed over, and a folder that gets another."""
    lists = tmp_path / "lists"
    lists.mkdir()
    first, second = new_hash(), new_hash()
    (lists / "deny.txt").write_text(f"{first.hex()} gone\n")
    server = start_server("--deny-torrents", lists / "deny.txt", *mode)
    assert server.http().announce(first).failure
    replace(lists / "deny.txt", f"{second.hex()} gone too\n")
    server.signal(signal.SIGHUP)
    eventually(lambda: server.http().announce(second).failure, "the new list is in force")
    assert not server.http().announce(first).failure


def test_a_snapshot_is_saved_and_kept(start_server, tmp_path, mode):
    """Twice, so that the one before becomes the old one; and read by the next start."""
    state = tmp_path / "state"
    server = start_server("--state-dir", state, *mode)
    server.udp().announce(new_hash())
    for name in ("snapshot", "snapshot.old"):
        server.signal(signal.SIGUSR1)
        eventually((state / name).exists, f"{name} is there")
    server.stop()
    assert "failed" not in server.output()
    again = start_server("--state-dir", state, "--full-scrape", *mode)
    assert len(everything(again)) == 1


def test_a_password_is_checked(start_server, mode):
    """On a thread of its own, which inherits the sandbox."""
    said = subprocess.run([muster_bin(), "password"], input="correct horse\n" * 2, text=True,
                          capture_output=True, check=True).stdout
    hashed = said.split("=", 1)[1].strip()
    server = start_server("--admin-password", hashed, *mode, admin=True)
    owner = Owner(server.admin())
    assert owner.login("correct horse")[0] == 200


def test_the_socket_is_removed(start_server, mode):
    server = start_server(*mode, admin=True)
    assert os.path.exists(server.admin_path)
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    assert not os.path.exists(server.admin_path)


def test_a_path_elsewhere_is_refused_and_says_why(start_server, config, tmp_path, mode):
    elsewhere = tmp_path / "elsewhere" / "test.mmdb"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(mmdb_bytes({"127.1.0.0/16": city("DE", 52.5, 13.4)}))
    server = start_server("--config", config, *mode, admin=True)
    replace(config, f"geoip_file = {elsewhere}\nnumwant = 9\n")
    server.signal(signal.SIGHUP)
    server.wait_output(r"reload, .*: geoip_file = \S+ lies outside .*stop and start muster")
    owner = owner_of(server)
    assert owner.value("numwant") == "3", "all or nothing"
    assert "outside" in owner.errors(geoip_file=str(elsewhere))["geoip_file"]


# --- starting again ---

@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The program, installed in a folder of its own."""
    def install(folder):
        path = tmp_path / folder / "muster"
        path.parent.mkdir()
        shutil.copy(muster_bin(), path)
        monkeypatch.setenv("MUSTER_GOOD", muster_bin())
        monkeypatch.setenv("MUSTER_BIN", str(path))
        return path
    return install


def starts(server):
    return server.output().count(" starts, process ")


def test_a_restart_in_place(start_server, installed, config):
    """Also of a program that was replaced, and also more often than sandboxes can be stacked."""
    path = installed("muster")
    server = start_server("--config", config, admin=True)
    shutil.copy(path, path.with_name("new"))
    path.with_name("new").replace(path)
    for count in range(2, 20):
        status, answer = owner_of(server).post("/api/control/restart")
        assert status == 200, answer
        eventually(lambda: starts(server) == count, "it starts again")
        server.wait_ready()
        eventually(lambda: os.path.exists(server.admin_path), "its socket is there")
    assert server.udp().announce(new_hash())
    assert server.output().count("sandbox on: system calls filtered") == 19


def test_an_upgrade(start_server, installed):
    """By another file in its place, twice: the sandboxes are one inside the other."""
    path = installed("muster")
    server = start_server("--full-scrape", "--full-scrape-interval", "0", admin=True)
    server.udp().announce(new_hash())
    for _ in range(2):
        shutil.copy(path, path.with_name("new"))
        path.with_name("new").replace(path)
        done = subprocess.run([path, "upgrade", "--admin-socket", server.admin_path],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert len(everything(server)) == 1
    assert server.output().count("sandbox on: system calls filtered") == 3


def put_anew(path):
    """As an update does: another file, renamed over the old one."""
    shutil.copy(os.environ["MUSTER_GOOD"], path.with_name("new"))
    path.with_name("new").replace(path)


def command(server, word):
    return subprocess.run([muster_bin(), word, "--admin-socket", server.admin_path],
                          capture_output=True, text=True, check=False, timeout=60)


def serving(server):
    return json.loads(server.unix().get("/stats.json").body)["pid"]


def test_an_upgrade_among_other_programs(start_server, installed):
    """In a folder like /usr/local/bin: by a helper, which every new process has anew. Also more often
    than sandboxes can be stacked."""
    path = installed("bin")
    server = start_server("--full-scrape", "--full-scrape-interval", "0", admin=True)
    server.wait_output("restart in place: by a helper process")
    server.udp().announce(new_hash())
    seen = {serving(server)}
    for count in range(1, 19):
        put_anew(path)
        done = command(server, "upgrade")
        assert done.returncode == 0, done.stderr + server.output()[-3000:]
        seen.add(serving(server))
        assert len(seen) == count + 1
    assert len(everything(server)) == 1
    assert server.is_running(), "the first process waits"
    server.stop()
    assert "too many in place" in server.output()
    for pid in seen:
        assert not os.path.exists(f"/proc/{pid}")


def test_a_restart_among_other_programs(start_server, installed):
    """The new process is another one, and the first stands for it, as after an upgrade."""
    path = installed("bin")
    server = start_server(admin=True)
    seen = {serving(server)}
    for count in range(2, 5):
        put_anew(path)
        status, answer = owner_of(server).post("/api/control/restart")
        assert status == 200, answer
        eventually(lambda: starts(server) == count, "it starts again")
        server.wait_ready()
        eventually(lambda: os.path.exists(server.admin_path), "its socket is there")
        seen.add(serving(server))
    assert len(seen) == 4
    assert server.udp().announce(new_hash())
    put_anew(path)
    assert command(server, "upgrade").returncode == 0
    assert server.udp().announce(new_hash())


def test_a_program_that_fails_among_others(start_server, installed):
    path = installed("bin")
    good = path.read_bytes()
    server = start_server(admin=True)
    pid = serving(server)
    replace(path, b"no program")
    path.chmod(0o755)
    done = subprocess.run([shutil.copy(os.environ["MUSTER_GOOD"], path.with_name("good")), "upgrade",
                           "--admin-socket", server.admin_path], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 1 and "Exec format error" in done.stderr, done
    assert serving(server) == pid and server.udp().announce(new_hash())
    replace(path, good)
    path.chmod(0o755)
    assert command(server, "upgrade").returncode == 0
    assert serving(server) != pid


def test_a_crash_among_other_programs_is_told(start_server, installed):
    """The helper of who crashed ends, too; whoever waits is told of the crash and not of that."""
    installed("bin")
    server = start_server(admin=True)
    assert command(server, "upgrade").returncode == 0
    pid = serving(server)
    os.kill(pid, signal.SIGKILL)
    server.expected_code = 128 + signal.SIGKILL
    assert server.process.wait(30) == 128 + signal.SIGKILL


@pytest.mark.parametrize("options, why", [
    (("--sandbox", "strict"), "not possible with sandbox = strict"),
    ((), None)])
def test_what_cannot_be_upgraded_says_so_at_the_start(start_server, options, why):
    server = start_server(*options, admin=True)
    said = "upgrade and restart in place: "
    if why:
        server.wait_output(said + why)
        done = command(server, "upgrade")
        assert done.returncode == 1 and "strict" in done.stderr
    else:
        assert said not in server.output()


def test_strict_starts_nothing(start_server):
    server = start_server("--sandbox", "strict", admin=True)
    status, answer = owner_of(server).post("/api/control/restart")
    assert status == 409 and "strict" in str(answer)


def test_a_restart_that_would_not_reach_its_files_is_refused(start_server, config, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    server = start_server("--config", config, admin=True)
    replace(config, f"web_root = {pages}\n")
    status, answer = owner_of(server).post("/api/control/restart")
    assert status == 409 and "web_root" in str(answer)


# --- another user, another root ---

@pytest.mark.root
@pytest.mark.parametrize("user", ["root", "nobody", ""])
def test_whoever_it_is_it_starts_again(start_server, installed, tmp_path, user):
    """From inside the sandbox, where no user can be looked up: in place, and by an upgrade."""
    let_others_in(tmp_path)
    path, socket = installed("muster"), tmp_path / "run" / "m.sock"
    socket.parent.mkdir()
    os.chown(socket.parent, NOBODY.pw_uid if user == "nobody" else 0, -1)
    server = start_server("--user", user, "--admin-socket", socket)
    status, answer = Owner(HttpClient(str(socket), None)).post("/api/control/restart")
    assert status == 200, answer
    eventually(lambda: starts(server) == 2, "it starts again")
    server.wait_ready()
    eventually(socket.exists, "its socket is there")
    done = subprocess.run([path, "upgrade", "--admin-socket", socket],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert server.udp().announce(new_hash())


@pytest.mark.root
def test_root_does_not_stop_to_become_somebody_it_cannot_find(start_server, config, tmp_path):
    config.write_text("user =\n")
    (tmp_path / "run").mkdir()
    server = start_server("--config", config, "--listen", "127.0.0.1:{port}", "--admin-socket",
                          tmp_path / "run" / "m.sock", "--admin-listen", "off", exact=True)
    if "Landlock 0" in server.output():
        pytest.skip("the kernel has no Landlock")
    replace(config, "user = nobody\n")
    with HttpClient(str(tmp_path / "run" / "m.sock"), None) as door:
        status, answer = Owner(door).post("/api/control/restart")
    assert status == 409 and "user = nobody" in str(answer)
    assert server.udp().announce(new_hash()), "and serves on"


@pytest.mark.root
def test_the_token_belongs_to_the_user(start_server, tmp_path):
    let_others_in(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    server = start_server("--user", "nobody", "--admin-socket", folder / "m.sock", admin=True)
    for name in ("m.sock", "m.token"):
        status = (folder / name).stat()
        assert (status.st_uid, status.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid), name
        assert status.st_mode & 0o777 == 0o600
    assert server.is_running()


@pytest.fixture
def new_root(tmp_path):
    """A folder that an ordinary user may pass, with places for socket and pages."""
    let_others_in(tmp_path)
    root = tmp_path / "root"
    for name in ("conf", "pages", "run"):
        (root / name).mkdir(parents=True)
    os.chown(root / "run", NOBODY.pw_uid, NOBODY.pw_gid)
    (root / "pages" / "a.txt").write_text("inside")
    return root


@pytest.mark.root
def test_chroot(start_server, new_root, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "m.conf").write_text("numwant = 3\n")
    server = start_server("--user", "nobody", "--chroot", new_root, "--web-root", "/pages",
                          "--admin-socket", "/run/m.sock")
    assert os.readlink(f"/proc/{server.pid}/root") == str(new_root)
    server.wait_output("upgrade and restart in place: not possible with chroot")
    assert server.http().get("/a.txt").body == b"inside"
    assert server.udp().announce(new_hash())
    status = subprocess.run([muster_bin(), "status", "--chroot", new_root, "--admin-socket",
                             "/run/m.sock", "--listen", f"127.0.0.1:{server.port}"],
                            capture_output=True, text=True, check=False)
    assert f"process    {server.pid}" in status.stdout, status
    with HttpClient(str(new_root / "run" / "m.sock"), None) as door:
        assert b'muster_load_average{window="1m"} ' in door.get("/metrics").body
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    assert not (new_root / "run" / "m.sock").exists()


@pytest.mark.root
def test_a_root_without_anything_in_it(start_server, tmp_path):
    """The commands reach it all the same, and an import finds the folder inside."""
    let_others_in(tmp_path)
    root = tmp_path / "root"
    (root / "state").mkdir(parents=True)
    os.chown(root / "state", NOBODY.pw_uid, NOBODY.pw_gid)
    (tmp_path / "counts").write_text(f"{new_hash().hex()}:1:2:3\n")
    server = start_server("--user", "nobody", "--chroot", root, "--state-dir", "/state",
                          "--port", "{port}", "--listen", "127.0.0.1:{port}", exact=True)

    def command(*words):
        ended = subprocess.run([muster_bin(), *words, "--chroot", root, "--port",
                                str(server.port)], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert (root / "run" / "muster" / f"{server.port}.sock").exists()
    assert "1 torrents and 0 peers saved" in command("import", "tpbs", tmp_path / "counts")
    command("stop")
    assert server.process.wait(30) == 0


@pytest.mark.root
def test_a_root_that_is_not_there(tmp_path):
    server = Server("--user", "nobody", "--chroot", tmp_path / "missing", wait=False)
    server.expected_code = 4
    assert server.process.wait(30) == 4
    assert "cannot chroot" in server.output()
    server.stop()
