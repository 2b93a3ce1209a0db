"""Memory, mappings and threads that are refused, at every place of the program that asks."""

import json
import os
import signal
import socket

import pytest

from harness import (HttpClient, Owner, eventually, metrics_of, new_hash, new_peer_id, percent,
                     query_of, stats_of)
from harness.mmdb import city, mmdb_bytes
from harness.udp import announce_packet
from kit import World

EXIT_CODES = {1, 2, 3, 5}  # of app/exit_code.h: those of a start that something was missing for
PLACES_MAX = 400

MALLOC, MMAP, THREAD = ("malloc", "ENOMEM"), ("mmap", "ENOMEM"), ("thread", "EAGAIN")
MPROTECT = ("mprotect", "ENOMEM")  # by which the store gets its memory


# --- while starting ---

def starts_or_ends(server):
    """Wait for either; true when it serves."""
    eventually(lambda: not server.is_running() or " ready: " in server.output(), "start or end",
               pause_s=0.005)
    return server.is_running()


@pytest.mark.parametrize("call,error", [MALLOC, MMAP, MPROTECT, THREAD])
def test_start(start_server, faults, call, error):
    """Once for each place that asks: the start goes on without, or ends with a reason and a code of
    the manual; nothing crashes and nothing leaks."""
    ended = 0
    for _ in range(PLACES_MAX):
        hits = faults.hits(call)
        faults.arm(call, error, times=1, per_site=True)
        server = start_server("--workers", "1", "--map", "local", admin=True, wait=False)
        lives = starts_or_ends(server)
        faults.disarm()
        if not lives:
            code = server.expected_code = server.process.wait()
            assert code in EXIT_CODES, (code, faults.last_site, server.output())
            assert "cannot" in server.output() or "memory" in server.output(), faults.last_site
            ended += 1
        server.stop()
        if faults.hits(call) == hits:
            assert lives and ended
            return
    raise AssertionError(f"always new places: {faults.last_site}")


# --- while serving ---

CONFIG = "interval = 30m\n"


@pytest.fixture
def loaded(start_server, tmp_path):
    """A server with everything on that asks for memory."""
    config, database = tmp_path / "muster.conf", tmp_path / "city.mmdb"
    config.write_text(CONFIG)
    database.write_bytes(mmdb_bytes({"127.0.0.0/8": city("DE", 52, 13)}))
    server = start_server("--workers", "1", "--config", config, "--map", "local", "--geoip-file",
                          database, "--full-scrape", "--full-scrape-interval", "0",
                          "--compat-api", admin=True)
    server.wait_output("locations: .* loaded in")
    world = World(server)
    world.config, world.database = config, database
    yield world
    world.check()


def announces(world):
    with world.server.udp() as udp, world.server.http() as http:
        udp.announce(new_hash())
        http.announce(new_hash())


def crowd_of_connections(world):
    """More than a chunk of connection records holds."""
    clients = [world.server.http() for _ in range(140)]
    for client in clients:
        client.open()
        client.send(b"GET /announce?")  # the rest is kept in a borrowed buffer
    for client in clients:
        client.close()


def growing_swarm(world):
    """A torrent from one peer to a large one's tables, and another to an index that grows."""
    torrent = new_hash()
    with world.server.http() as http:
        for port in range(10000, 10080):
            http.announce(torrent, port=port)


def growing_store(world):
    with world.server.http() as http:
        for start in range(0, 3000, 100):
            requests = [http.request(b"/announce?" + query_of(
                {"info_hash": new_hash(), "peer_id": new_peer_id(), "port": 9, "left": 1}))
                for _ in range(start, start + 100)]
            http.pipeline(requests)


def answer_not_read(world):
    """Answers that pile up for a client that does not read them."""
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(2)
        slow.connect((world.server.host4, world.server.port))
        request = b"GET /scrape?info_hash=" + percent(world.hashes[0]) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        slow.sendall(request * 2000)
        while slow.recv(65536):
            pass


def full_scrape(world):
    with world.server.http() as http:
        http.get(b"/scrape")


class HalfAnAnswer(Exception):
    """A 200 that is not what it would be with memory, or that was not done."""


def assert_whole(world, name, document):
    """It has the members that it had when nothing failed."""
    first = world.members.setdefault(name, set(document))
    if set(document) != first:
        raise HalfAnAnswer(f"{name} lacks {first - set(document)}")


def pages(world):
    for path in ("/", "/stats", "/stats?mode=conn", "/stats.json", "/api/history.json", "/metrics",
                 "/api/site.json", "/api/map.json", "/robots.txt", "/nothing"):
        with world.server.http() as http:
            http.get(path)
        with world.server.admin() as admin:
            answer = admin.get(path)
        if answer.status == 200 and path.endswith(".json"):
            assert_whole(world, path, json.loads(answer.body))


def settings(world):
    with HttpClient(world.server.admin_path, None) as client:
        owner = Owner(client)
        status, answer = owner.get("/api/settings")
        if status == 200:
            assert_whole(world, "settings", answer)
            assert_whole(world, "options", {option["name"] for option in answer["options"]})
            for option in answer["options"]:
                assert_whole(world, option["name"], option)
        world.turns += 1
        wanted = 40 + world.turns % 2
        status, answer = owner.post("/api/settings", {"set": {"numwant": wanted}})
        if status == 200 and answer != {"changed": {"numwant": str(wanted)}, "saved": None}:
            raise HalfAnAnswer(f"numwant = {wanted}: {answer}")
        status, answer = owner.post("/api/settings", {"set": {"nothing": 1, "interval": "no"}})
        if status == 200 or (status == 400 and not answer["errors"]):
            raise HalfAnAnswer(f"wrong values: {status} {answer}")


def saving(world):
    with HttpClient(world.server.admin_path, None) as client:
        Owner(client).post("/api/settings", {"set": {"numwant": 41}, "save": True})
        Owner(client).post("/api/control/save")


def reload(world):
    """Reads the configuration, and the database because it is a new file."""
    said = world.server.output().count("reload: ")
    read = world.server.output().count("locations: ")
    world.database.write_bytes(mmdb_bytes({"127.0.0.0/8": city("DE", 52, 13)}))
    world.server.signal(signal.SIGHUP)
    eventually(lambda: world.server.output().count("reload: ") > said, "a word about the reload")
    eventually(lambda: world.server.output().count("locations: ") > read or
               "all stays" in world.server.output()[-300:], "a word about the database")


def map_viewer(world):
    with world.server.admin() as admin:
        admin.send(admin.request("/api/websocket", [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]))
        admin.read_response(head_only=True)
        world.server.udp().announce(new_hash())
        admin.socket.settimeout(1)
        admin.socket.recv(1000)


def compat(world):
    with world.server.http() as http:
        http.get("/api/set?interval=1800")


USES = [announces, crowd_of_connections, growing_swarm, growing_store, answer_not_read, full_scrape,
        pages, settings, saving, reload, map_viewer, compat]


def use(world, how):
    """Clients may be let down, but by a closed connection, a 503 or silence alone."""
    try:
        how(world)
    except (OSError, AssertionError):
        pass
    finally:
        world.server.close_clients()


@pytest.mark.parametrize("call,error", [MALLOC, MMAP, THREAD])
def test_serving(loaded, faults, call, error):
    """Once for each place that asks, the server goes on; what it held is still there at the end."""
    places, loaded.members, loaded.turns = 0, {}, 0
    for how in USES:
        use(loaded, how)
        for _ in range(PLACES_MAX):
            hits = faults.hits(call)
            with faults.armed(call, error, times=1, per_site=True):
                use(loaded, how)
            assert loaded.server.is_running(), f"{how.__name__}: {faults.last_site}\n" + \
                loaded.server.output()[-6000:]
            if faults.hits(call) == hits:
                break
            places += 1
            loaded.check()
    assert places
    assert loaded.config.read_text().startswith(CONFIG)


def new_torrents(client, count):
    """Announce so many, a hundred at a time."""
    for start in range(0, count, 100):
        for tx in range(start, start + 100):
            client.send(announce_packet(client.connection_id, tx, os.urandom(20), b"-MU0001-" + bytes(12)))
        for _ in range(100):
            client.receive()


def test_a_store_that_gets_no_memory(start_server, faults):
    """Refused more memory, it answers newcomers without storing them and counts that; those that it
    has stay. When there is memory again, newcomers are stored."""
    server = start_server("--workers", "1", admin=True)
    world = World(server)
    refused = "limit_memory_total"
    with faults.armed(*MPROTECT), server.udp() as client:
        for _ in range(100):
            new_torrents(client, 3000)
            if metrics_of(server)[refused]:
                break
        torrents = stats_of(server)["torrents"]["total"]
        before = metrics_of(server)[refused]
        new_torrents(client, 3000)
        assert metrics_of(server)[refused] > before
        assert stats_of(server)["torrents"]["total"] - torrents < 3000
        assert server.udp().numbers(world.hashes[0]) == world.before[0]
    world.check()
