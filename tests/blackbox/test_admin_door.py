"""The admin listener and the Unix socket: rights, stale files, two musters, switches."""

import os
import socket
import stat
import subprocess

import pytest

from harness import Owner, eventually, run_muster, unused_port


@pytest.fixture
def door(module_server):
    server = module_server(admin=True)
    yield server
    server.close_clients()


@pytest.fixture(params=["admin", "unix"])
def client(door, request):
    return {"admin": door.admin, "unix": door.unix}[request.param]()


# --- HTTP ----------------------------------------------------------------------------------------

def test_connections_are_kept(client):
    client.open()
    port = client.socket
    for _ in range(5):
        assert not client.get("/robots.txt").closes
    assert client.socket is port
    assert client.get("/robots.txt", [("Connection", "close")]).closes


def test_pipelining(client):
    answers = client.pipeline([client.request("/robots.txt")] * 20)
    assert [a.status for a in answers] == [200] * 20


def test_errors(client):
    assert client.get("/nothing").status == 404
    post = client.request("/robots.txt", [("Content-Length", "2"),
                                          ("Content-Type", "application/json")], method="POST")
    client.send(post + b"{}")
    answer = client.read_response()
    assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")
    assert client.get("/robots.txt").status == 200, "the connection goes on"
    assert client.refused(b"GET / HTTP/2.0\r\n\r\n").status == 505
    assert client.refused(b"GET /" + b"a" * 13000 + b" HTTP/1.1\r\n\r\n").status == 414


def test_pages_without_pages_say_so(client):
    answer = client.get("/stats.html")
    assert (answer.status == 200 and b"<html" in answer.body) or b"/stats" in answer.body


def test_settings_are_not_on_the_main_port(door):
    assert door.http().get("/settings.html").status == 404


def test_a_switched_off_page_is_not_there(start_server):
    server = start_server("--no-public-stats", admin=True)
    assert server.http().get("/stats.html").body == b"Not Found\n"
    assert server.admin().get("/stats.html").body != b"Not Found\n"


# --- names ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("host, status", [
    ("127.0.0.1", 200), ("127.0.0.1:6970", 200), ("[::1]:6970", 200), ("localhost", 200),
    ("LocalHost:6970", 200), ("tracker.test", 200), ("Tracker.Test:443", 200), (None, 200),
    ("evil.test", 421), ("evil.test:6970", 421), ("localhost.evil.test", 421),
    ("127.0.0.1.evil.test", 421), ("tracker.test.evil.test", 421), ("", 421)])
def test_a_page_of_a_stranger_finds_no_way_in_by_its_name(door, host, status):
    for path in ("/robots.txt", "/nothing", "/stats.json"):
        answer = door.admin().get(path, host=host)
        expected = 404 if status == 200 and path == "/nothing" else status
        assert answer.status == expected, (path, answer)
    assert door.unix().get("/robots.txt", host=host).status == 200
    assert door.http().get("/robots.txt", host=host).status == 200


def test_names_can_be_added_while_running(start_server):
    server = start_server(admin=True)
    assert server.admin().get("/robots.txt", host="ops.test").status == 421
    Owner(server.unix()).set(admin_hosts="tracker.test, ops.test")
    assert server.admin().get("/robots.txt", host="ops.test").status == 200


# --- crowds --------------------------------------------------------------------------------------

def test_who_reads_nothing_keeps_nobody_out(start_server):
    server = start_server(admin=True)
    crowd = []
    for _ in range(300):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect((server.host4, server.admin_port))
        s.setblocking(False)
        try:
            s.send(server.admin().request("/stats.json") * 300)
        except OSError:
            pass  # one too many
        crowd.append(s)
    assert server.unix().get("/robots.txt").status == 200, "the owner, at once"
    eventually(lambda: asks(server), "and over TCP, when the others have fallen behind")
    for s in crowd:
        s.close()


def asks(server):
    try:
        return server.admin().get("/robots.txt").status == 200
    except OSError:
        return False


# --- the Unix socket -----------------------------------------------------------------------------

def test_only_its_owner_may_open_the_socket(door):
    st = os.stat(door.admin_path)
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600
    assert st.st_uid == os.geteuid()


def test_the_socket_goes_with_the_server(start_server):
    server = start_server(admin=True)
    path = server.admin_path
    assert os.path.exists(path)
    server.signal(15)
    server.process.wait(30)
    assert not os.path.exists(path)


def options(path, *more):
    return ("--admin-listen", "off", "--admin-socket", str(path), *more)


def start_exact(start_server, *more, **how):
    return start_server("--user", "", "--port", "{port}", *more, exact=True, **how)


def test_a_stale_socket_is_replaced(start_server, tmp_path):
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    start_exact(start_server, *options(path))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_live_socket_is_not_replaced(start_server, tmp_path):
    path = tmp_path / "a.sock"
    start_exact(start_server, *options(path))
    second = start_exact(start_server, *options(path), wait=False)
    second.wait_output(r"cannot serve operator pages on .*a\.sock: Address already in use")
    second.expected_code = 3
    second.stop()
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(start_server, tmp_path):
    path = tmp_path / "precious"
    path.write_bytes(b"data")
    server = start_exact(start_server, *options(path), wait=False)
    server.wait_output("cannot serve operator pages on .*precious: File exists")
    server.expected_code = 3
    server.stop()
    assert path.read_bytes() == b"data"


def test_who_comes_after_keeps_his_socket(start_server, tmp_path):
    path = tmp_path / "a.sock"
    first = start_exact(start_server, *options(path))
    os.unlink(path)
    start_exact(start_server, *options(path))
    first.stop()
    assert path.exists(), "the first removes its own file only"


# --- places chosen -------------------------------------------------------------------------------

def chosen_path(server):
    return server.wait_output(r"operators' socket is (\S+)").group(1)


@pytest.mark.skipif(os.access("/run/muster", os.W_OK) or os.geteuid() == 0,
                    reason="/run/muster comes first here")
def test_the_session_folder_then_tmp(start_server, tmp_path):
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    server = start_exact(start_server, "--admin-listen", "off", env=env)
    assert chosen_path(server) == f"{tmp_path}/muster-{server.port}.sock"
    env = {"XDG_RUNTIME_DIR": str(tmp_path / "nothing")}
    server = start_exact(start_server, "--admin-listen", "off", env=env)
    assert chosen_path(server) == f"/tmp/muster-{os.geteuid()}/{server.port}.sock"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_started_as_root_the_socket_is_the_users(start_server):
    server = start_server("--user", "nobody", "--port", "{port}", "--admin-listen", "off",
                          exact=True)
    path = chosen_path(server)
    st = os.stat(path)
    assert path == f"/run/muster/{server.port}.sock" or path.startswith("/tmp/muster-")
    assert st.st_uid != 0 and stat.S_IMODE(st.st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    server.stop()
    assert not os.path.exists(path)


PLANT = """mount -t tmpfs none /run && mkdir /run/muster &&
echo a-token-that-nobody-has-made >"/run/muster/$0.token" && chmod 600 "/run/muster/$0.token" &&
chown -R nobody /run/muster && exec "$@"
"""


def in_own_run(lease):
    """A /run of its own, where `nobody` served before and left a token for whoever comes next."""
    return ("unshare", "-m", "sh", "-c", PLANT, str(lease.port))


def may_unshare():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False,
                                                stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="needs root and mount namespaces")
def test_root_believes_nothing_that_the_user_before_left(start_server):
    lease = unused_port()
    server = start_exact(start_server, "--admin-listen", "off", port_lease=lease,
                         prefix=in_own_run(lease))
    assert chosen_path(server) == f"/run/muster/{server.port}.sock"
    assert os.stat(f"/proc/{server.pid}/root/run/muster").st_uid == 0, "root took it back"
    assert f"{server.port}.token: it is another user's" in server.output()


OPEN = """mount -t tmpfs none /run && mkdir -m 777 /run/muster "$0" && chmod 777 /run/muster "$0" && exec "$@"
"""


@pytest.mark.skipif(not may_unshare(), reason="needs root and mount namespaces")
def test_no_socket_is_put_where_strangers_may_write(start_server, tmp_path):
    session = tmp_path / "session"
    server = start_exact(start_server, "--admin-listen", "off", env={"XDG_RUNTIME_DIR": str(session)},
                         prefix=("unshare", "-m", "sh", "-c", OPEN, str(session)))
    assert chosen_path(server) == f"/tmp/muster-0/{server.port}.sock"
    st = os.stat("/tmp/muster-0")
    assert st.st_uid == 0 and stat.S_IMODE(st.st_mode) == 0o700


# --- two musters ---------------------------------------------------------------------------------

def test_the_default_address_is_missed_not_fought_for(start_server, tmp_path):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 6970))
            other.listen()
        except OSError:
            pass  # a muster has it already: as good
        server = start_exact(start_server, "--admin-socket", str(tmp_path / "a.sock"))
        assert "warn  cannot serve operator pages on 127.0.0.1:6970" in server.output()
        assert server.http().get("/heartbeat").status == 200


def test_an_address_that_was_written_down_must_work(start_server, door):
    server = start_exact(start_server, "--admin-socket", "off", "--admin-listen",
                         f"127.0.0.1:{door.admin_port}", wait=False)
    server.wait_output("error cannot serve operator pages on .*Address already in use")
    server.expected_code = 3
    server.stop()


def test_several_addresses(start_server, door):
    free = start_server(admin=True)
    port = free.admin_port
    free.stop()
    server = start_exact(start_server, "--admin-socket", "off", "--admin-listen",
                         f"127.0.0.1:{port},[::1]:{port}")
    for host in ("127.0.0.1", "::1"):
        client = server.http()
        client.server = (host, port)
        assert client.get("/robots.txt", host="localhost").status == 200


@pytest.mark.parametrize("value", ["off,127.0.0.1", "127.0.0.1,off", "udp://127.0.0.1:1", "x",
                                   "127.0.0.1:0", "tcp+proxy://127.0.0.1"])
def test_bad_addresses(value):
    done = run_muster("config", "--admin-listen", value)
    assert done.returncode == 2 and "--admin-listen" in done.stderr


@pytest.mark.parametrize("value, shown", [("off", "off"), ("7000", "127.0.0.1:7000"),
                                          ("[::1]", "[::1]:6970"), ("0.0.0.0:1", "0.0.0.0:1")])
def test_addresses_as_they_are_read(value, shown):
    done = run_muster("config", "--admin-listen", value)
    assert [line.split()[2] for line in done.stdout.splitlines()
            if line.startswith("admin_listen ")] == [shown]
