"""etracker's /api/set: GET, Basic, and an answer its own page can read."""

import base64

import pytest

from harness import Owner, new_hash

AJAX = ("X-Requested-With", "XMLHttpRequest")
RANGE = ("--min-interval", "300", "--max-interval", "1799", "--interval", "900")


@pytest.fixture
def server(start_server, tmp_path):
    return start_server(*RANGE, "--compat-api", "--admin-token-file", tmp_path / "token",
                        admin=True)


@pytest.fixture
def token(server, tmp_path):
    return (tmp_path / "token").read_text().strip()


def basic(password, user="etracker"):
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return ("Authorization", f"Basic {text}")


@pytest.fixture
def call(server, token):
    return lambda query="": server.http().get("/api/set" + query, [AJAX, basic(token)])


def test_it_is_off_by_default(start_server):
    server = start_server(admin=True)
    assert server.http().get("/api/set", [AJAX]).status == 404
    assert server.admin().get("/api/set", [AJAX]).status == 404
    Owner(server.unix()).set(compat_api=True)
    assert server.http().get("/api/set", [AJAX]).status == 401


def test_without_the_header(server, token):
    for headers in ([], [("X-Requested-With", "xmlhttprequest")]):
        answer = server.http().get("/api/set?interval=600", [basic(token), *headers])
        assert answer.status == 400 and answer.body.startswith(b"d14:failure reason")


@pytest.mark.parametrize("headers", [
    [], [basic("x")], [basic("")], [("Authorization", "Basic !")], [("Authorization", "Bearer x")],
], ids=["none", "wrong", "empty", "no_base64", "bearer"])
def test_without_the_password(server, headers):
    answer = server.http().get("/api/set?interval=600", [AJAX, *headers])
    assert answer.status == 401 and answer.header("WWW-Authenticate") == 'Basic realm="etracker"'
    assert server.udp().announce(new_hash()).interval == 900


def test_another_user(server, token):
    assert server.http().get("/api/set", [AJAX, basic(token, "admin")]).status == 401


def test_the_answer(call):
    answer = call()
    assert answer.status == 200 and answer.header("Content-Type") == "application/json"
    assert answer.body == (b'{"keep_alive":1,"interval":900,"max_peers_response":200,'
                           b'"socket_timeout":10}')


@pytest.mark.parametrize("query,changed", [
    ("?interval=600", b'"interval":600,'),
    ("?interval=5", b'"interval":300,'), ("?interval=99999", b'"interval":1799,'),
    ("?keep_alive=2", b'"keep_alive":0,'), ("?keep_alive=1", b'"keep_alive":1,'),
    ("?max_peers_response=33", b'"max_peers_response":33,'),
    ("?socket_timeout=3", b'"socket_timeout":3}'),
    ("?socket_timeout=99999", b'"socket_timeout":600}'),
    ("?keep_alive=0&interval=0&max_peers_response=&socket_timeout", b'"interval":900,'),
    ("?interval=x", b'"interval":900,'), ("?interval=-5", b'"interval":900,'),
])
def test_parameters(call, query, changed):
    assert changed in call(query).body
    assert changed in call().body


def test_what_was_set_holds_at_once(server, call):
    call("?interval=600&keep_alive=2&max_peers_response=5&socket_timeout=7")
    assert server.udp().announce(new_hash()).interval == 600
    assert server.http().announce(new_hash()).closes
    server.wait_output(r"settings: interval: 15m -> 10m, by 127\.0\.0\.1 \(compat_api\)")
    assert Owner(server.unix()).source("interval") == "live"


def test_a_head_changes_nothing(server, token):
    answer = server.http().get("/api/set?interval=600", [AJAX, basic(token)], method="HEAD")
    assert answer.status == 200
    assert server.udp().announce(new_hash()).interval == 900


def test_guesses_are_slowed(server, token):
    for n in range(20):
        answer = server.http().get("/api/set", [AJAX, basic(f"guess{n}")])
    assert answer.status == 429 and int(answer.header("Retry-After")) >= 1
    assert server.http().get("/api/set", [AJAX, basic(token)]).status == 429
