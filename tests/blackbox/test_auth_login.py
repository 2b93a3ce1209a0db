"""Who is the owner: passwords, the token file, sessions, and what other sites cannot do."""

import os
import pty
import re
import stat
import subprocess

import pytest

from harness import Owner, eventually, metrics_of, muster_bin, new_hash, run_muster, stats_of
from harness.server import clean_env

PASSWORD = "correct horse battery"


@pytest.fixture
def server(start_server, tmp_path):
    return start_server("--admin-token-file", tmp_path / "token", admin=True)


@pytest.fixture
def token(server, tmp_path):
    return (tmp_path / "token").read_text().strip()


@pytest.fixture
def owner(server):
    """Nobody yet."""
    return Owner(server.admin())


@pytest.fixture(scope="module")
def password_hash():
    """What `muster password` prints for PASSWORD."""
    ended = subprocess.run([muster_bin(), "password"], input=PASSWORD + "\n", env=clean_env(),
                           stdout=subprocess.PIPE, encoding="ascii", timeout=30, check=True)
    found = re.fullmatch(r"admin_password = (\$argon2id\$\S+)\n", ended.stdout)
    assert found, ended.stdout
    return found[1]


# --- the token ---

def test_the_token_opens_a_session(owner, token):
    assert owner.get("/api/settings")[0] == 401
    status, answer = owner.login(token)
    assert status == 200 and answer["expires_in_s"] > 60 and answer["token"] != token
    assert owner.get("/api/settings")[0] == 200
    assert owner.post("/api/logout")[0] == 200
    assert owner.get("/api/settings")[0] == 401
    assert owner.post("/api/logout")[0] == 401


def test_scripts_may_send_the_token_itself(server, token):
    assert Owner(server.admin(), token).get("/api/settings")[0] == 200
    assert Owner(server.admin(), token[:-1]).get("/api/settings")[0] == 401


def test_the_token_file_is_made_once(start_server, tmp_path):
    path = tmp_path / "token"
    tokens = []
    for _ in range(2):
        server = start_server("--admin-token-file", path, admin=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        tokens.append(path.read_text().strip())
        assert Owner(server.admin()).login(tokens[-1])[0] == 200
        assert str(path) in server.output() and tokens[-1] not in server.output()
        server.stop()
    assert tokens[0] == tokens[1] and len(tokens[0]) >= 43


def test_the_token_is_beside_the_socket(start_server):
    server = start_server(admin=True)
    path = server.admin_path.removesuffix(".sock") + ".token"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert server.wait_output(f"token .* {re.escape(path)}")


@pytest.mark.parametrize("text,mode,words", [
    ("a token that others can read\n".replace(" ", "-"), 0o644, "others"),
    ("short\n", 0o600, "short"),
    ("two words of a token that is long\n", 0o600, "word"),
])
def test_a_token_file_that_is_no_secret_is_not_used(start_server, tmp_path, text, mode, words):
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    server = start_server("--admin-token-file", path, admin=True)
    assert re.search(rf"token file .*{words}", server.output())
    assert Owner(server.admin()).login(text.strip())[0] == 401
    assert Owner(server.unix()).get("/api/settings")[0] == 200
    assert server.udp().announce(new_hash()).interval == 1800


# --- passwords ---

def test_a_password(start_server, password_hash):
    server = start_server("--admin-password", password_hash, admin=True)
    owner = Owner(server.admin())
    assert owner.login("wrong")[0] == 401
    assert owner.login(PASSWORD)[0] == 200
    assert owner.get("/api/settings")[0] == 200
    option = owner.options()["admin_password"]
    assert option["is_set"] and option["value"] == ""
    assert password_hash not in server.output() and PASSWORD not in server.output()
    assert not os.path.exists(server.admin_path.removesuffix(".sock") + ".token")


def test_announces_go_on_while_a_password_is_checked(start_server, password_hash):
    server = start_server("--admin-password", password_hash, admin=True)
    first, second = Owner(server.admin()), Owner(server.admin(source="127.0.0.2"))
    body = b'{"password": "wrong"}'
    first.client.send(first.client.request("/api/login", [
        ("Content-Type", "application/json"), ("Content-Length", len(body))], method="POST") + body)
    statuses = {second.login(PASSWORD)[0] for _ in range(3)}
    assert statuses <= {200, 429}
    assert first.client.read_response().status == 401


def test_a_password_in_clear_is_refused_and_not_repeated():
    for value in ("hunter2hunter2", "hunter 2 hunter"):
        ended = run_muster("--admin-password", value)
        assert ended.returncode == 2 and "hunter" not in ended.stderr
        assert "muster password" in ended.stderr


@pytest.mark.parametrize("given", ["", "short\n", "a\x01bcdefghijk\n", "x" * 300 + "\n"])
def test_what_is_no_password(given):
    ended = subprocess.run([muster_bin(), "password"], input=given, env=clean_env(), timeout=30,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="ascii",
                           check=False)
    assert ended.returncode == 2 and ended.stdout == "" and ended.stderr


def type_password(*lines):
    """`muster password` at a terminal: (exit code, everything the terminal showed)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(muster_bin(), ["muster", "password"], clean_env())
    shown = b""
    for line in lines:
        while not shown.endswith(b": "):
            shown += os.read(terminal, 4096)
        os.write(terminal, line)
        shown += b"|"
    try:
        while data := os.read(terminal, 4096):
            shown += data
    except OSError:
        pass  # its end
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_at_a_terminal_nothing_is_shown():
    code, shown = type_password(b"correct horse\r", b"correct horse\r")
    assert code == 0 and "horse" not in shown
    assert re.search(r"admin_password = \$argon2id\$", shown)
    assert type_password(b"correct horse\r", b"correct horses\r")[0] == 2
    code, shown = type_password(b"corr\x03\r")
    assert code == 2 and "argon2" not in shown


# --- guessing ---

def test_guesses_are_refused_then_slowed(server, owner, token):
    statuses = [owner.login(f"my-guess-{n}")[0] for n in range(20)]
    assert statuses[:3] == [401] * 3 and statuses[-1] == 429
    response = owner.send("POST", "/api/login", {"password": token})
    assert response.status == 429, "the right one, too, while nothing is looked at"
    assert int(response.header("Retry-After")) >= 1
    assert Owner(server.admin(source="127.0.0.9")).login(token)[0] == 200, "others are not held up"
    assert "login: wrong password or token from 127.0.0.1, 3 in a row" in server.output()
    assert "my-guess" not in server.output()
    assert Owner(server.unix()).get("/api/settings")[0] == 200
    eventually(lambda: owner.login(token)[0] == 200, "the delay ends", pause_s=0.3)


def test_wrong_words_in_a_header_are_guesses(server, token):
    """Counted, logged and slowed like passwords; the owner's session and token elsewhere are not."""
    owner = Owner(server.admin(source="127.0.0.9"))
    assert owner.login(token)[0] == 200
    guesser = Owner(server.admin(), "my-guess")
    responses = [guesser.send("GET", "/api/settings") for _ in range(8)]
    assert [r.status for r in responses] == [401] * 3 + [429] * 5
    assert int(responses[-1].header("Retry-After")) >= 1
    assert metrics_of(server)["admin_logins_refused_total"] == 3
    assert stats_of(server)["etracker"]["stats.http_401"] == 3
    assert "login: wrong password or token from 127.0.0.1, 3 in a row" in server.output()
    assert "my-guess" not in server.output()
    assert Owner(server.admin(), token).get("/api/settings")[0] == 429, "from there, the right one, too"
    assert owner.get("/api/settings")[0] == 200


def test_a_page_with_an_ended_session_is_no_guesser(server, owner, token):
    owner.login(token)
    ended = Owner(server.admin(), owner.headers[0][1].removeprefix("Bearer "))
    assert owner.post("/api/logout")[0] == 200
    assert {ended.get("/api/settings")[0] for _ in range(8)} == {401}
    assert owner.login(token)[0] == 200
    assert "wrong" not in server.output()


@pytest.mark.parametrize("hosts, seen", [("", "127.0.0.1"), ("ops.test", "198.51.100.7")])
def test_nobody_speaks_for_others_without_a_proxy_to_do_so(start_server, hosts, seen):
    server = start_server("--real-ip-header", "X-Real-IP", "--admin-hosts", hosts, admin=True)
    client = server.admin(headers=[("X-Real-IP", "198.51.100.7")])
    client.send(client.request("/api/login", [("Content-Type", "application/json"),
                                              ("Content-Length", "16")], method="POST",
                               host="127.0.0.1") + b'{"password":"x"}')
    assert client.read_response().status == 401
    server.wait_output(f"login: wrong password or token from {seen}, 1 in a row")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"password": 1}', b'{"password": null}', b"x"])
def test_what_is_no_login(owner, body):
    assert owner.post("/api/login", body)[0] == 400


def test_a_password_with_a_zero_byte(owner, token):
    assert owner.login(token + "\0")[0] == 400
    assert owner.login("\0")[0] == 400


# --- other sites ---

def test_a_foreign_page_changes_nothing(server, owner, token):
    owner.login(token)
    change = {"set": {"numwant": "7"}}
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{server.port}"):
        assert owner.post("/api/settings", change, headers=[("Origin", origin)])[0] == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
        assert owner.send("POST", "/api/settings", change, content_type=kind).status == 415
    assert owner.value("numwant") == "50"
    ours = [("Origin", "http://tracker.test")]
    assert owner.post("/api/settings", change, headers=ours)[0] == 200


def test_no_get_changes_anything(server, owner, token):
    owner.login(token)
    before = owner.get("/api/settings")
    for method in ("GET", "HEAD"):
        for path in ("reload", "save", "stop", "restart"):
            assert owner.send(method, f"/api/control/{path}").status == 405
        assert owner.send(method, "/api/login?password=x").status == 405
        assert owner.send(method, "/api/settings?set=numwant&numwant=7").status == 200
    assert owner.get("/api/settings") == before
    assert server.is_running()


def test_no_session_no_control(server, owner):
    for path in ("control/reload", "control/save", "control/stop", "control/restart", "settings"):
        response = owner.send("POST", f"/api/{path}", {"set": {"numwant": "7"}})
        assert response.status == 401 and response.header("WWW-Authenticate")
    assert Owner(server.unix()).value("numwant") == "50"
