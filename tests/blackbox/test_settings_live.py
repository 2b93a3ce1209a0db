"""Options set while running: what the next client gets, what is refused, what a reload leaves."""

import os
import signal

import pytest

from harness import Owner, UdpError, eventually, join_many, new_hash, run_muster, stats_of

RANGE = ("--min-interval", "60", "--max-interval", "3600", "--interval", "1800")


@pytest.fixture
def server(start_server):
    return start_server(*RANGE, admin=True)


@pytest.fixture
def owner(server):
    return Owner(server.unix())


# --- the next client gets it ---

def test_the_interval(server, owner):
    assert owner.set(interval="10m") == {"interval": "10m"}
    assert server.http().announce(new_hash()).data[b"interval"] == 600
    assert server.udp().announce(new_hash()).interval == 600
    assert owner.value("interval") == "10m" and owner.source("interval") == "live"


@pytest.mark.parametrize("value, limit", [("1", "min_interval, which is 60 s"),
                                          ("3601", "max_interval, which is 3600 s")])
def test_an_interval_that_nobody_would_get_is_refused(server, owner, value, limit):
    assert limit in owner.errors(interval=value)["interval"]
    assert owner.value("interval") == "30m" and owner.source("interval") != "live"
    ended = run_muster("set", "interval", value, "--admin-socket", server.admin_path)
    assert ended.returncode == 2 and limit in ended.stderr and not ended.stdout
    assert owner.set(min_interval="1", interval="1") == {"min_interval": "1s", "interval": "1s"}
    assert server.udp().announce(new_hash()).interval == 1


def test_the_same_interval_again_ends_a_drift(server, owner):
    owner.set(min_interval="30m")
    owner.set(min_interval="45m")  # the announced one is forced up
    eventually(lambda: server.udp().announce(new_hash()).interval == 2700, "interval of 45m")
    owner.set(min_interval="1m")
    assert owner.set(interval="1800") == {}
    assert server.udp().announce(new_hash()).interval == 1800


def test_the_size_of_answers(server, owner):
    info_hash = new_hash()
    join_many(server, info_hash, 30)
    owner.set(max_peers_per_response=7)
    assert len(server.http().announce(info_hash, numwant=50).peers) == 7
    assert len(server.udp().announce(info_hash, numwant=50).peers) == 7


def test_keep_alive(server, owner):
    owner.set(keep_alive=False)
    assert server.http().announce(new_hash()).closes
    owner.set(keep_alive=True)
    assert not server.http().announce(new_hash()).closes


def test_a_passkey_is_used_and_never_told(server, owner):
    assert owner.set(passkey="s3cret-KEY") == {"passkey": None}
    assert server.http().announce(new_hash()).failure == "invalid passkey"
    assert server.http().announce(new_hash(), path="/s3cret-KEY/announce").failure is None
    option = owner.options()["passkey"]
    assert option["secret"] and option["is_set"] and option["value"] == ""
    assert "s3cret" not in owner.errors(passkey="s3cret/")["passkey"]
    assert "s3cret" not in server.output()


def test_trusted_proxies_and_their_header(server, owner):
    info_hash = new_hash()
    owner.set(real_ip_header="X-Real-IP", trusted_proxies="127.0.0.1,10.0.0.0/8")
    client = server.http(headers=[("X-Real-IP", "198.51.100.7")])
    client.announce(info_hash, port=7000)
    assert ("198.51.100.7", 7000) in client.announce(info_hash, port=7001).peers


# --- every type ---

@pytest.mark.parametrize("name,given,shown", [
    ("scrape", "off", "no"), ("scrape", False, "no"),
    ("numwant", "7", "7"), ("numwant", 7, "7"),
    ("max_request_size", "32768", "32K"), ("max_request_size", "32K", "32K"),
    ("idle_timeout", "90", "90s"), ("idle_timeout", "2m", "2m"), ("timeout", "1500ms", "1500ms"),
    ("max_load_avg", "1.5", "1.5"), ("max_load_avg", 2.25, "2.25"), ("max_load_avg", 3, "3"),
    ("real_ip_header", "X-Client", "X-Client"), ("real_ip_header", "", ""),
    ("log_level", "warn", "warn"),
    ("trusted_proxies", "10.0.0.0/8, 2001:db8::/32", "10.0.0.0/8,2001:db8::/32"),
    ("max_peers", "0", "0"), ("socket-timeout", "5", "5s"),
])
def test_a_value_of_every_type(owner, name, given, shown):
    row = "timeout" if name == "socket-timeout" else name
    before = owner.value(row)
    owner.set(**{name: given})
    option = owner.options()[row]
    assert option["value"] == shown and option["origin"]["source"] == "live"
    owner.set(**{name: None})
    option = owner.options()[row]
    assert option["value"] == before and option["origin"]["source"] != "live"


def test_a_list_is_replaced(owner):
    owner.set(trusted_proxies="10.0.0.0/8")
    owner.set(trusted_proxies="192.0.2.1")
    assert owner.value("trusted_proxies") == "192.0.2.1"


def test_options_tell_what_a_form_needs(owner):
    options = owner.options()
    groups = {g["id"] for g in owner.get("/api/settings")[1]["groups"]}
    for option in options.values():
        assert option["group"] in groups and option["help"] and option["range"]
        assert isinstance(option["live"], bool) and isinstance(option["secret"], bool)
        assert (option["type"] == "choice") == ("choices" in option)
    assert options["interval"]["unit"] == "s" and options["interval"]["max"] == 10800
    assert options["log_level"]["choices"] == ["error", "warn", "info", "debug"]
    assert options["max_request_size"]["unit"] == "bytes"
    assert not options["port"]["live"]
    assert options["interval"]["origin"] == {"source": "command line", "line": 0}


# --- refused ---

@pytest.mark.parametrize("name,value,words", [
    ("interval", "banana", ["interval", "banana", "number"]),
    ("interval", "4h", ["4h", "3h"]),
    ("numwant", "-1", ["-1"]), ("numwant", -1, ["-1"]),
    ("scrape", "maybe", ["maybe", "yes"]),
    ("log_level", "loud", ["loud", "debug"]),
    ("max_load_avg", "-1", ["-1"]),
    ("trusted_proxies", "10.0.0.1/8", ["10.0.0.1/8"]),
    ("real_ip_header", "a b", ["a b"]),
    ("real_ip_header", "a\nport = 1", ["header"]),
    ("real_ip_header", "x" * 20000, ["too long"]),
    ("max_request_size", "1X", ["1X"]),
    ("nummwant", "5", ["no such option", "numwant"]),
    ("port", "7000", ["restart"]), ("workers", 2, ["restart"]),
    ("interval", [1], ["text"]), ("interval", {}, ["text"]),
])
def test_wrong_values_are_named(owner, name, value, words):
    errors = owner.errors(**{name: value})
    assert list(errors) == [name]
    assert all(word in errors[name] for word in words), errors


def test_all_or_nothing(server, owner):
    before = {n: o["value"] for n, o in owner.options().items()}
    errors = owner.errors(interval="10m", numwant="x", keep_alive="no", port="1")
    assert set(errors) == {"numwant", "port"}
    assert {n: o["value"] for n, o in owner.options().items()} == before
    assert server.udp().announce(new_hash()).interval == 1800


def test_contradictions_are_told_at_the_option(owner):
    errors = owner.errors(min_interval="2h", numwant="9")
    assert list(errors) == ["min_interval"]
    assert "max_interval = 1h" in errors["min_interval"]
    assert owner.value("numwant") == "50"
    assert "real_ip_header" in owner.errors(real_ip_header="X-A", trusted_proxies="")


def test_one_option_by_two_names(owner):
    assert "timeout" in str(owner.errors(timeout="5", socket_timeout="6"))


@pytest.mark.parametrize("body", [
    b"", b"{}", b"[]", b"1", b"{", b"\xff", b'{"set": []}', b'{"set": {}, "save": 1}',
    b'{"set": {"numwant": "1", "numwant": "2"}}', b'{"set": {"\\u0000": "1"}}', b'"' * 1000,
    b"[" * 60000,
])
def test_what_is_no_such_document(server, owner, body):
    status, answer = owner.post("/api/settings", body)
    assert status == 400 and answer["error"]
    assert server.is_running()


# --- the log, and others ---

def test_the_log_says_who(server, owner):
    owner.set(numwant="11")
    server.wait_output(rf"settings: numwant: 50 -> 11, by uid {os.getuid()} \(Unix socket\)")


def test_what_was_set_stays_over_a_reload(server, owner):
    owner.set(numwant="11", interval="10m")
    server.signal(signal.SIGHUP)
    server.wait_output("reload: done; changed: 0")
    assert owner.value("numwant") == "11" and owner.source("numwant") == "live"
    assert owner.set(numwant=None) == {"numwant": "50"}


def test_viewers_of_the_map_take_the_room_of_connections(start_server):
    server = start_server("--nofile", "1000", "--map-viewers-max", "100", admin=True)
    before = stats_of(server)["connections"]["max"]
    assert Owner(server.unix()).set(map_viewers_max="150") == {"map_viewers_max": "150"}
    assert stats_of(server)["connections"]["max"] == before - 50


def test_too_many_changes_in_a_minute(owner):
    statuses = [owner.post("/api/settings", {"set": {"numwant": n % 40}})[0] for n in range(300)]
    assert statuses[:200] == [200] * 200 and statuses[-1] == 429


def test_the_main_port_knows_no_settings(server):
    for target in ("/api/settings", "/api/login", "/api/control/stop"):
        assert server.http().get(target).status == 404
    assert isinstance(server.udp().announce(new_hash()), UdpError) is False
