"""Disks and pipes that refuse, and files that change under a reader."""

import os
import signal
import threading

import pytest

from harness import HttpClient, Owner, eventually, metrics_of, new_hash
from harness.mmdb import city, mmdb_bytes
from kit import World

# --- the configuration file ---

BROKEN = {
    "garbage": b"\x00\xff\x7fELF" + bytes(range(256)) * 16,
    "an unknown option": b"interval = 20m\nno_such_option = 1\n",
    "out of range": b"numwant = 20\ninterval = 900d\n",
    "cut in the middle": b"numwant = 20\n[answe",
    "endless": b"numwant = 20\n# " + b"x" * 3_000_000,
}


@pytest.fixture
def configured(start_server, tmp_path):
    """A server that reads world.config, with what it holds."""
    config = tmp_path / "muster.conf"
    config.write_text("numwant = 30   ; mine\n")
    world = World(start_server("--workers", "1", "--config", config, admin=True))
    world.config = config
    yield world
    world.check()


def numwant(server):
    with HttpClient(server.admin_path, None) as client:
        return Owner(client).value("numwant")


def reload(server):
    """Ask by signal, and give what the log says about it."""
    before = len(server.output())
    server.signal(signal.SIGHUP)
    return eventually(lambda: [line for line in server.output()[before:].splitlines()
                               if "all stays as it is" in line or "reload: done" in line],
                      "a word about the reload")[-1]


def assert_refused(world, *words):
    said = reload(world.server)
    assert "all stays as it is" in said, said
    assert all(word in said for word in words), said


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_configuration_at_reload(configured, what):
    configured.config.write_bytes(BROKEN[what])
    assert_refused(configured, str(configured.config))
    assert numwant(configured.server) == "30"
    configured.config.write_text("numwant = 31\n")
    assert "done" in reload(configured.server)
    assert numwant(configured.server) == "31"
    configured.config.write_text("numwant = 30\n")


def test_a_configuration_that_is_gone(configured):
    configured.config.unlink()
    assert_refused(configured, "No such file")
    configured.config.mkdir()
    assert_refused(configured, "directory")
    assert numwant(configured.server) == "30"


def test_a_configuration_that_cannot_be_opened(configured, faults):
    with faults.armed("malloc", "ENOMEM", thread="muster"):
        assert_refused(configured, "memory")
    assert numwant(configured.server) == "30"


@pytest.mark.parametrize("call,error,words", [
    ("write", "ENOSPC", "No space"), ("write", "EIO", "Input/output"),
    ("write", "EDQUOT", "quota"), ("write", "EROFS", "Read-only"),
    ("fsync", "ENOSPC", "No space"), ("fsync", "EIO", "Input/output"),
    ("rename", "EROFS", "Read-only"), ("rename", "EACCES", "Permission"),
])
def test_settings_that_cannot_be_saved(configured, faults, call, error, words):
    """The error is told, the file is as it was, nothing is left beside it; the next save works."""
    before = configured.config.read_text()
    beside = sorted(os.listdir(configured.config.parent))
    with HttpClient(configured.server.admin_path, None) as client:
        owner = Owner(client)
        with faults.armed(call, error):
            status, answer = owner.post("/api/settings", {"set": {"numwant": 41}, "save": True})
        assert status == 400 and words in str(answer), answer
        assert configured.config.read_text() == before
        assert sorted(os.listdir(configured.config.parent)) == beside
        assert owner.value("numwant") == "30", "all or nothing"
        owner.set(save=True, numwant=41)
        assert configured.config.read_text() == before.replace("30", "41")


def test_a_disk_that_is_slow_to_save(configured, faults):
    """Announces do not wait for the disk."""
    with faults.armed("fsync", delay_ms=1500), \
            HttpClient(configured.server.admin_path, None) as client:
        saving = threading.Thread(target=lambda: Owner(client).set(save=True, numwant=30))
        saving.start()
        eventually(lambda: faults.hits("fsync"), "the disk is waited for")
        with configured.server.udp() as udp, configured.server.http() as http:
            for _ in range(20):
                assert udp.announce(new_hash()).interval == 1800
                assert http.announce(new_hash()).counts == (0, 1)
        assert saving.is_alive()
        saving.join()


# --- the log ---

@pytest.fixture
def piped(start_server, tmp_path):
    """A server that logs into a pipe, and that pipe's path."""
    path = tmp_path / "log.pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    server = start_server("--workers", "1", admin=True,
                          prefix=("/bin/sh", "-c", 'exec "$@" >"$0"', str(path)))
    yield World(server), path, reader


def test_the_reader_of_the_log_is_gone(piped):
    """Lines are lost and counted, nothing else happens; a new reader gets the next ones."""
    world, path, reader = piped
    assert b"listening" in os.read(reader, 65536).lower()
    os.close(reader)
    world.server.signal(signal.SIGHUP)
    eventually(lambda: metrics_of(world.server)["log_lost_total"] >= 1, "a lost line")
    world.check()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    world.server.signal(signal.SIGHUP)

    def said():
        try:
            return os.read(reader, 65536)
        except BlockingIOError:
            return b""
    assert b"reload" in eventually(said, "a line for the new reader")
    os.close(reader)


def test_the_reader_of_the_log_stalls(piped):
    """The pipe is full: lines are lost and counted, nobody waits for it."""
    world, path, reader = piped
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    lost = metrics_of(world.server)["log_lost_total"]
    world.server.signal(signal.SIGHUP)
    eventually(lambda: metrics_of(world.server)["log_lost_total"] > lost, "a lost line")
    world.check()
    os.close(writer)
    os.close(reader)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed(start_server, closed):
    """No socket may become standard output: log lines would go to a client."""
    server = start_server("--workers", "1", admin=True, wait=True,
                          prefix=("/bin/sh", "-c", f'exec "$0" "$@" {closed}'))
    world = World(server)
    for number in range(3):
        assert not os.readlink(f"/proc/{server.pid}/fd/{number}").startswith("socket:")
    world.check()


# --- the database of locations ---

NETWORKS = {f"10.{i // 256}.{i % 256}.0/24": city("DE", i % 90, i % 180) for i in range(4000)}


@pytest.mark.parametrize("change", ["truncate", "overwrite", "rename", "remove"])
def test_the_database_changes_while_it_is_read(start_server, faults, tmp_path, change):
    """Whatever is done to the file during the reading: no signal ends the server, and it is read
    whole, or refused."""
    path, other = tmp_path / "city.mmdb", tmp_path / "other.mmdb"
    content = mmdb_bytes(NETWORKS)
    assert len(content) > 64 * 1024
    path.write_bytes(content)
    faults.arm("mmdb_node", delay_ms=700, times=1, skip=50)
    server = start_server("--workers", "1", "--map", "local", "--geoip-file", path, admin=True)
    world = World(server)
    eventually(lambda: faults.hits("mmdb_node"), "the reading is in the middle")
    if change == "truncate":
        os.truncate(path, 0)
    elif change == "overwrite":
        path.write_bytes(os.urandom(len(content)))
    elif change == "rename":
        other.write_bytes(mmdb_bytes({"10.0.0.0/8": city("FR", 1, 1)}))
        os.rename(other, path)
    else:
        path.unlink()
    assert "loaded in" in server.wait_output(r"locations: .*(loaded in|mmdb: ).*").group(0)
    world.check()


def reads(server, path):
    """How far the server has read an open file; None: it has not opened it."""
    for number in os.listdir(f"/proc/{server.pid}/fd"):
        try:
            if os.readlink(f"/proc/{server.pid}/fd/{number}") == str(path):
                with open(f"/proc/{server.pid}/fdinfo/{number}", encoding="ascii") as info:
                    return int(info.readline().split()[1])
        except FileNotFoundError:
            pass  # closed meanwhile
    return None


def test_a_csv_is_cut_while_it_is_read(start_server, faults, tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("".join(f'"{i}","{i}","DE","Germany","Berlin","Berlin","{i % 90}","{i % 180}"\n'
                            for i in range(20000)))
    faults.arm("malloc", delay_ms=300, thread="locations")
    server = start_server("--workers", "1", "--map", "local", "--geoip-file", path, admin=True)
    world = World(server)
    eventually(lambda: reads(server, path), "the reading is in the middle", pause_s=0.02)
    os.truncate(path, 1)
    faults.disarm("malloc")
    server.wait_output("locations: .*places.csv: .*became shorter while it was read")
    world.check()


NO_DATABASES = {"empty": b"", "cut": b"\xab\xcd\xefMaxMind.com", "garbage": bytes(range(256)) * 400}


@pytest.mark.parametrize("content", NO_DATABASES.values(), ids=NO_DATABASES)
def test_a_broken_database_at_reload(start_server, tmp_path, content):
    """The one that was loaded stays in use."""
    path = tmp_path / "city.mmdb"
    path.write_bytes(mmdb_bytes({"127.0.0.0/8": city("DE", 52, 13)}))
    server = start_server("--workers", "1", "--map", "local", "--geoip-file", path, admin=True)
    world = World(server)
    server.wait_output(r"locations: .*loaded in")
    path.write_bytes(content)
    server.signal(signal.SIGHUP)
    server.wait_output(r"locations: .*what was loaded before stays")
    world.check()


# --- own pages ---

def test_a_file_of_web_root_shrinks_while_it_is_sent(start_server, tmp_path):
    """The connection ends short of what was promised; no byte is made up, no one else suffers."""
    page = tmp_path / "big.html"
    page.write_bytes(b"x" * 4_000_000)
    server = start_server("--workers", "1", "--web-root", tmp_path, admin=True)
    world = World(server)
    with server.admin() as client:
        client.send(client.request("/big.html"))
        assert client.socket.recv(1000).startswith(b"HTTP/1.1 200")
        os.truncate(page, 0)
        rest = client.read_eof()
        assert len(rest) < 4_000_000 and set(rest.split(b"\r\n\r\n")[-1]) <= set(b"x")
    with server.admin() as client:
        assert client.get("/big.html").body == b""
    world.check()
