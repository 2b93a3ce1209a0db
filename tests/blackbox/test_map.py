"""The live map's feed: announces light up where a test's own database says that they come from."""

import contextlib
import json
import os
import random
import re
import signal
import struct
import time

import pytest

from harness import eventually, new_hash, raw_query, run_muster
from harness.mmdb import city, mmdb_bytes
from harness.websocket import BINARY, TEXT, Refused, WebSocket

JSON_FEED = "muster.map.v1"
BERLIN, SYDNEY, LIMA, PARIS = (52.5, 13.4), (-33.9, 151.2), (-12, -77), (48.9, 2.4)
NETWORKS = {"127.1.0.0/16": city("DE", 52.52, 13.405), "127.2.0.0/16": city("AU", -33.87, 151.21),
            "127.3.0.0/16": {"country": {"iso_code": "FR"}},
            "127.4.0.0/16": {"country_code": "PE", "latitude": -12.04, "longitude": -77.03},
            "2001:db8::/32": city("FR", 48.853, 2.35)}
CSV = '''"0","2130771967","-","-","-","-","0.000000","0.000000"
"2130771968","2130837503","DE","Germany","Berlin","Berlin, ""Mitte"", and so on","52.52","13.405"
"2130837504","2130903039","AU","Australia","New South Wales","Sydney","-33.87","151.21"
'''


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """Files by name."""
    folder = tmp_path_factory.mktemp("locations")
    contents = {"test.mmdb": mmdb_bytes(NETWORKS), "IP2LOCATION-LITE-DB5.CSV": CSV.encode(),
                "unnamed": mmdb_bytes(NETWORKS),
                "countries.mmdb": mmdb_bytes({"127.1.0.0/16": {"country": {"iso_code": "DE"}}}),
                "packed.mmdb": b"\x1f\x8b\x08\x00" + b"\0" * 20}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def located(module_server, databases):
    """A server that knows the test's networks."""
    return module_server("--geoip-file", databases / "test.mmdb", admin=True)


def state_of(server, public=False):
    client = server.http() if public else server.admin()
    answer = client.get("/api/map.json")
    assert answer.status == 200
    return json.loads(answer.body)


def wait_ready(server):
    eventually(lambda: state_of(server)["state"] == "ready", "the database to be loaded")


@contextlib.contextmanager
def watching(server, protocol=JSON_FEED, **how):
    viewers = state_of(server)["viewers"]
    with WebSocket(server.host4, server.port, protocol=protocol, **how) as viewer:
        eventually(lambda: state_of(server)["viewers"] > viewers, "the viewer to be counted")
        if protocol:
            viewer.next(TEXT)  # the taps are open from now on
        else:
            time.sleep(0.3)
        yield viewer
    eventually(lambda: state_of(server)["viewers"] <= viewers, "the viewer to be forgotten")


def lights_until(viewer, count):
    """So many lights, and the last state of the counters on the way."""
    lights, countries = [], {}
    while len(lights) < count:
        message = json.loads(viewer.next(TEXT))
        lights += map(tuple, message["lights"])
        countries.update(message["countries"])
    return lights, countries


def udp_announce(server, source=None, **how):
    server.udp(source=source, **how).announce(new_hash())


# ---- lights ----

def test_an_announce_over_each_door_lights_up_at_its_place(located):
    wait_ready(located)
    with watching(located) as viewer:
        udp_announce(located, "127.1.2.3")
        located.http(source="127.2.2.3").announce(new_hash())
        located.http(source="127.4.0.1").announce(new_hash())
        lights, countries = lights_until(viewer, 3)
    assert sorted(lights) == sorted([(*BERLIN, 1, 4), (*SYDNEY, 0, 4), (*LIMA, 0, 4)])
    assert {"DE", "AU", "PE"} <= set(countries)


def test_ipv6_announces_light_up_too(located):
    wait_ready(located)
    with watching(located) as viewer:
        client = located._keep(type(located.udp())(located.host4, located.proxy_port,
                                                   proxied_for="2001:db8::5"))
        client.announce(new_hash())
        assert lights_until(viewer, 1)[0] == [(*PARIS, 1, 6)]


def test_a_refused_http_announce_lights_up_and_a_scrape_does_not(located):
    wait_ready(located)
    with watching(located) as viewer:
        client = located.http(source="127.1.0.9")
        client.scrape(new_hash())
        located.udp(source="127.1.0.9").scrape(new_hash())
        assert client.get("/announce?" + raw_query(port=None).decode()).failure
        udp_announce(located, "127.2.0.1")
        assert lights_until(viewer, 2)[0] in ([(*BERLIN, 0, 4), (*SYDNEY, 1, 4)],
                                              [(*SYDNEY, 1, 4), (*BERLIN, 0, 4)])


def test_an_unknown_place_is_counted_and_not_shown(located):
    wait_ready(located)
    before = state_of(located)["countries"]
    with watching(located) as viewer:
        udp_announce(located, "127.9.0.1")
        udp_announce(located, "127.3.0.1")
        udp_announce(located, "127.1.0.1")
        lights, _ = lights_until(viewer, 1)
        assert lights == [(*BERLIN, 1, 4)]
        eventually(lambda: all(state_of(located)["countries"].get(code, 0) ==
                               before.get(code, 0) + 1 for code in ("ZZ", "FR", "DE")),
                   "each country to be counted")


def test_etrackers_frame_is_etrackers_byte_for_byte(located):
    wait_ready(located)
    with watching(located, protocol=None) as viewer:
        assert viewer.header("Sec-WebSocket-Protocol") is None
        udp_announce(located, "127.1.0.1")
        assert viewer.read(11) == b"\x82\x09" + struct.pack("<ff", *BERLIN) + b"\x01"
        located.http(source="127.2.0.1").announce(new_hash())
        assert viewer.read(11) == b"\x82\x09" + struct.pack("<ff", *SYDNEY) + b"\x00"
        udp_announce(located, "127.9.0.1")
        assert viewer.read(11) == b"\x82\x09" + bytes(8) + b"\x01", "unknown: 0, 0"


def test_etrackers_feed_is_silent_about_ipv6(located):
    wait_ready(located)
    with watching(located, protocol=None) as viewer:
        located.udp6().announce(new_hash())
        udp_announce(located, "127.2.0.1")
        assert viewer.next(BINARY) == struct.pack("<ff", *SYDNEY) + b"\x01"


def test_the_first_message_has_all_countries_so_far(located):
    wait_ready(located)
    with watching(located) as viewer:
        udp_announce(located, "127.1.0.1")
        lights_until(viewer, 1)
        with WebSocket(located.host4, located.port, protocol=JSON_FEED) as second:
            first_message = json.loads(second.next(TEXT))
    assert first_message["countries"]["DE"] >= 1
    assert set(first_message) == {"t", "lights", "countries", "announces_per_s", "sampled"}
    assert abs(first_message["t"] / 1000 - time.time()) < 60


def test_more_announces_than_lights_are_sampled_and_scaled(start_server, databases):
    server = start_server("--geoip-file", databases / "test.mmdb", "--map-lights-per-s", 10,
                          admin=True)
    wait_ready(server)
    burst, announced = 50, 0
    with watching(server) as viewer:
        client = server.udp(source="127.1.0.1")
        start = time.monotonic()
        lights, sampled = 0, False
        while not (sampled and lights):  # a tick may have room for none
            for _ in range(burst):
                client.announce(new_hash())
            announced += burst
            message = json.loads(viewer.next(TEXT))
            lights += len(message["lights"])
            sampled = sampled or message["sampled"]
        passed_s = time.monotonic() - start
        eventually(lambda: state_of(server)["countries"].get("DE", 0) >= announced,
                   "all announces to be counted")
    assert state_of(server)["countries"]["DE"] == announced
    assert lights <= 10 * (passed_s + 2)


def test_no_address_leaves(located):
    wait_ready(located)
    with watching(located) as viewer:
        udp_announce(located, "127.1.77.99")
        text = viewer.next(TEXT)
        while not json.loads(text)["lights"]:
            text = viewer.next(TEXT)
    assert b"127." not in text and bytes((127, 1, 77, 99)) not in text


# ---- who may watch, and how many ----

def test_no_more_viewers_than_allowed(start_server):
    server = start_server("--map-viewers-max", 2, admin=True)
    with watching(server), watching(server):
        with pytest.raises(Refused) as refusal:
            WebSocket(server.host4, server.port)
        assert refusal.value.args[0] == 503 and "Retry-After" in refusal.value.args[1]
    with watching(server):
        pass


def test_one_address_cannot_take_all_places(start_server):
    server = start_server("--real-ip-header", "X-Real-IP", admin=True)
    mine = [("X-Real-IP", "198.51.100.7")]
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(WebSocket(server.host4, server.port, headers=mine))
        eventually(lambda: server.admin() and json.loads(
            server.admin().get("/api/map.json").body)["viewers"] == 8)
        with pytest.raises(Refused) as refusal:
            WebSocket(server.host4, server.port, headers=mine)
        assert refusal.value.args[0] == 429
        WebSocket(server.host4, server.port, headers=[("X-Real-IP", "198.51.100.8")]).close()


def test_a_viewer_that_does_not_read_is_dropped_and_others_are_not(start_server, databases):
    server = start_server("--geoip-file", databases / "test.mmdb", "--map-lights-per-s", 5000,
                          admin=True)
    wait_ready(server)
    with WebSocket(server.host4, server.port, protocol=JSON_FEED, receive_bytes=2048), \
            WebSocket(server.host4, server.port, protocol=JSON_FEED) as good:
        client = server.udp(source="127.1.0.1")
        hashes = [new_hash() for _ in range(64)]
        eventually(lambda: state_of(server)["viewers"] == 2)

        def dropped():
            for info_hash in hashes:
                client.announce(info_hash)
            good.next(TEXT)
            return state_of(server)["viewers"] == 1

        eventually(dropped, "the slow one to be dropped", deadline_s=90, pause_s=0)
        good.next(TEXT)


@pytest.mark.parametrize("mode, public, local", [("off", 404, 404), ("local", 404, 101),
                                                 ("public", 101, 101)])
def test_who_may_watch(module_server, mode, public, local):
    server = module_server("--map", mode, admin=True)

    def status(port):
        try:
            with WebSocket(server.host4, port):
                return 101
        except Refused as refusal:
            return refusal.args[0]

    assert (status(server.port), status(server.admin_port)) == (public, local)
    assert (state_of(server, public=True)["state"] == "off") == (public == 404)
    assert (state_of(server)["state"] == "off") == (local == 404)


def test_turning_the_map_off_sends_viewers_away(start_server, tmp_path):
    config = tmp_path / "muster.conf"
    config.write_text("map = public\n")
    server = start_server("--config", config, admin=True)
    with WebSocket(server.host4, server.port) as viewer:
        config.write_text("map = off\n")
        server.signal(signal.SIGHUP)
        assert viewer.close_code() == 1001
    eventually(lambda: "viewers" not in state_of(server))


def test_the_end_of_the_server_is_told(start_server):
    server = start_server(admin=True)
    with WebSocket(server.host4, server.port) as viewer:
        eventually(lambda: state_of(server)["viewers"] == 1)
        server.signal(signal.SIGTERM)
        assert viewer.close_code() == 1001


# ---- databases ----

def test_the_command_asks_the_muster_that_runs(start_server, databases, monkeypatch, tmp_path):
    """What it found in its own folder, what it was told since, what it could not read."""
    monkeypatch.chdir(databases)
    server = start_server(admin=True)
    wait_ready(server)
    monkeypatch.chdir(tmp_path)
    at = ("--admin-socket", server.admin_path)
    result = run_muster("geoip", "127.1.2.3", *at)
    assert result.returncode == 0, result.stderr
    assert f"file       {databases}/IP2LOCATION-LITE-DB5.CSV" in result.stdout
    assert "IP2LOCATION CSV" in result.stdout and "127.1.2.3  DE  52.5 13.4" in result.stdout
    assert run_muster("set", "geoip_file", databases / "test.mmdb", *at).returncode == 0
    result = run_muster("geoip", "2001:db8::1", *at)
    assert "Test-City" in result.stdout and "2001:db8::1  FR  48.9 2.4" in result.stdout
    run_muster("set", "geoip_file", tmp_path / "missing.mmdb", *at)
    result = run_muster("geoip", *at)
    assert result.returncode == 0 and "Test-City" in result.stdout
    assert "missing.mmdb: No such file" in result.stderr
    named = run_muster("geoip", "--geoip-file", databases / "countries.mmdb", *at)
    assert "countries only" in named.stdout
    run_muster("set", "map", "off", *at)
    result = run_muster("geoip", *at)
    assert result.returncode == 1 and "map = off" in result.stderr


def test_a_database_that_cannot_be_read_is_told_to_who_asked(start_server, tmp_path):
    path = tmp_path / "places.csv"
    path.write_text(CSV)
    server = start_server("--geoip-file", path, admin=True)
    at = ("--admin-socket", server.admin_path)
    assert run_muster("reload", *at).returncode == 0
    path.write_text(CSV + '"5","6","DE","Germany","Berlin","Berlin","1","1"\n')
    result = run_muster("reload", *at)
    assert result.returncode == 1
    assert re.search("locations: .*line 4.*; what was loaded before stays", result.stderr)
    result = run_muster("set", "geoip_file", "/nowhere", *at)
    assert result.returncode == 1 and "/nowhere: No such file" in result.stderr
    assert run_muster("set", "geoip_file", "", *at).returncode == 0


@pytest.mark.parametrize("name", ["test.mmdb", "unnamed", "IP2LOCATION-LITE-DB5.CSV"])
def test_kinds_of_databases(start_server, databases, name):
    server = start_server("--geoip-file", databases / name, admin=True)
    wait_ready(server)
    server.wait_output(r"locations: .* loaded in \d+ ms: \d+ entries, \d+ ranges, \d+K? of memory")
    with watching(server) as viewer:
        udp_announce(server, "127.1.0.1")
        udp_announce(server, "127.2.0.1")
        assert set(lights_until(viewer, 2)[0]) == {(*BERLIN, 1, 4), (*SYDNEY, 1, 4)}


@pytest.mark.parametrize("folder", [".", "below"])
def test_etrackers_file_is_found(databases, folder, monkeypatch, tmp_path):
    """Where no muster runs."""
    (databases / "below").mkdir(exist_ok=True)
    monkeypatch.chdir(databases / folder)
    result = run_muster("geoip", "127.1.2.3", "8.8.8.8", "--admin-socket", tmp_path / "nobody.sock")
    assert result.returncode == 0, result.stderr
    assert "IP2LOCATION CSV" in result.stdout and "127.1.2.3  DE  52.5 13.4" in result.stdout
    assert "8.8.8.8  not known" in result.stdout


def test_no_database_says_so(start_server, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    server = start_server(admin=True)
    assert state_of(server)["state"] == state_of(server, public=True)["state"] == "no database"
    for path in (server.admin_path, tmp_path / "nobody.sock"):
        result = run_muster("geoip", "--admin-socket", path)
        assert result.returncode == 1
        assert "no database" in result.stderr and "DB-IP" in result.stderr


def test_no_locations_loads_none(start_server, databases):
    server = start_server("--no-locations", "--geoip-file", databases / "test.mmdb", admin=True)
    assert state_of(server)["state"] == "no database"


def test_visitors_are_not_told_where_the_file_is(located, databases):
    wait_ready(located)
    assert state_of(located)["database"]["file"] == str(databases / "test.mmdb")
    public = state_of(located, public=True)
    assert public["database"]["type"] == "Test-City" and public["database"]["positions"]
    assert str(databases) not in json.dumps(public)


def test_a_database_of_countries_warns(start_server, databases):
    server = start_server("--geoip-file", databases / "countries.mmdb", admin=True)
    server.wait_output("countries only")
    assert state_of(server)["database"]["positions"] is False


def test_a_reload_takes_the_new_file_and_keeps_the_old_one_when_it_is_broken(start_server,
                                                                             tmp_path):
    path = tmp_path / "places.csv"

    def put(text):
        (tmp_path / "new").write_text(text)
        os.replace(tmp_path / "new", path)
        server.signal(signal.SIGHUP)

    path.write_text(CSV)
    server = start_server("--geoip-file", path, admin=True)
    wait_ready(server)
    put(CSV.replace("52.52", "10.04"))
    eventually(lambda: server.output().count("loaded in") == 2, "the second file to be loaded")
    put(CSV + '"5","6","DE","Germany","Berlin","Berlin","1","1"\n')
    server.wait_output(r"places.csv: line 4: the range does not follow the one before; what was "
                       "loaded before stays")
    assert "line 4" in state_of(server)["database"]["error"]
    with watching(server) as viewer:
        udp_announce(server, "127.1.0.1")
        assert lights_until(viewer, 1)[0] == [(10, 13.4, 1, 4)]


@pytest.mark.parametrize("name, text", [("packed.mmdb", "gzip"), ("missing.csv", "No such file")])
def test_a_file_that_cannot_be_read_is_named(databases, name, text):
    result = run_muster("geoip", "--geoip-file", databases / name)
    assert result.returncode == 1 and name in result.stderr and text in result.stderr


def led_astray(first, last, target):
    """A database in which all records of these nodes lead to target(node)."""
    content = bytearray(mmdb_bytes({"127.1.0.0/16": city("DE", 52.5, 13.4)}))
    for node in range(first, last):
        content[6 * node:6 * node + 6] = target(node).to_bytes(3, "big") * 2
    return bytes(content)


@pytest.mark.parametrize("content, text", [
    (led_astray(0, 100, lambda node: node + 1), "circles"),
    (led_astray(100, 110, lambda node: 60), "circles|deeper"),
    (led_astray(1, 100, lambda node: node), "circles|deeper"),
    (led_astray(90, 100, lambda node: 0xffffff), "outside"),
], ids=["doubling", "back", "itself", "outside"])
def test_a_hostile_database_is_refused(tmp_path, content, text):
    """However often its tree branches into itself, it is read in no more steps than it has nodes."""
    (tmp_path / "hostile.mmdb").write_bytes(content)
    result = run_muster("geoip", "127.1.0.1", "--geoip-file", tmp_path / "hostile.mmdb")
    assert result.returncode == 1 and re.search(text, result.stderr, re.I), result.stderr
    assert "Sanitizer" not in result.stderr


def test_any_damage_to_a_database_is_survived(tmp_path):
    rng, good = random.Random(3), mmdb_bytes(NETWORKS)
    for _ in range(60):
        broken = bytearray(good)
        for _ in range(rng.randrange(1, 9)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        (tmp_path / "broken.mmdb").write_bytes(broken[:rng.choice((len(broken), rng.randrange(len(broken))))])
        result = run_muster("geoip", "127.1.0.1", "--geoip-file", tmp_path / "broken.mmdb")
        assert result.returncode in (0, 1), result.stderr
        assert "Sanitizer" not in result.stderr and "runtime error" not in result.stderr


@pytest.mark.parametrize("name", ["pipe.mmdb", "pipe.csv", "pipe"])
def test_a_pipe_in_place_of_a_database_holds_nothing_up(start_server, tmp_path, name):
    """Neither the start nor, which the fixture sees, the stop."""
    os.mkfifo(tmp_path / name)
    server = start_server("--geoip-file", tmp_path / name, admin=True)
    server.wait_output(f"{name}: it is no regular file")
    server.udp().announce(new_hash())


@pytest.mark.parametrize("argument", ["127.0.0.300", "example.test", "--nonsense"])
def test_the_command_says_what_it_does_not_understand(argument):
    result = run_muster("geoip", argument)
    assert result.returncode == 2 and argument.lstrip("-") in result.stderr


def test_the_command_leaves_values_of_options_to_them(databases):
    result = run_muster("geoip", "2001:db8::1", "--listen", "127.1.0.1", "--geoip-file",
                        databases / "test.mmdb", "::ffff:127.2.0.1")
    assert result.returncode == 0, result.stderr
    assert "2001:db8::1  FR  48.9 2.4" in result.stdout
    assert "127.2.0.1  AU  -33.9 151.2" in result.stdout and "127.1.0.1  " not in result.stdout
