"""--web-root: the operator's own files, and nothing that is not one."""

import gzip
import os
import socket

import pytest

SECRET = b"not for you"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_bytes(SECRET)
    folder = tmp_path_factory.mktemp("web")
    (folder / "page.html").write_bytes(b"<h1>mine</h1>")
    (folder / "style.css").write_bytes(b"h1 { color: red }" * 50)
    (folder / "style.css.gz").write_bytes(gzip.compress(b"h1 { color: red }" * 50))
    (folder / "with space & plus+.txt").write_bytes(b"named")
    (folder / "unknown.xyz").write_bytes(b"\0\1")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "sub").mkdir()
    (folder / "sub" / "index.html").write_bytes(b"<p>sub</p>")
    (folder / "bare").mkdir()
    (folder / ".hidden").write_bytes(SECRET)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_bytes(SECRET)
    (folder / "stats.html").write_bytes(SECRET)
    (folder / "exact.bin").write_bytes(bytes(8 << 20))
    with open(folder / "large.bin", "wb") as large:
        large.truncate((8 << 20) + 1)
    os.symlink(outside / "secret.txt", folder / "link.txt")
    os.symlink(outside, folder / "linked")
    os.symlink("page.html", folder / "inner.html")
    os.mkfifo(folder / "pipe.txt")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket.txt"))
    listener.close()
    return folder


@pytest.fixture
def web(module_server, root):
    server = module_server("--web-root", str(root), admin=True)
    yield server
    server.close_clients()


@pytest.fixture(params=["main", "admin", "unix"])
def client(web, request):
    return {"main": web.http, "admin": web.admin, "unix": web.unix}[request.param]()


TYPES = [
    ("/page.html", "text/html; charset=utf-8", b"<h1>mine</h1>"),
    ("/sub/", "text/html; charset=utf-8", b"<p>sub</p>"),
    ("/sub/index.html", "text/html; charset=utf-8", b"<p>sub</p>"),
    ("/with%20space%20%26%20plus+.txt", "text/plain; charset=utf-8", b"named"),
    ("/unknown.xyz", "application/octet-stream", b"\0\1"),
    ("/empty.txt", "text/plain; charset=utf-8", b""),
]


@pytest.mark.parametrize("path, kind, body", TYPES)
def test_files_and_their_types(client, path, kind, body):
    answer = client.get(path)
    assert (answer.status, answer.header("Content-Type"), answer.body) == (200, kind, body)
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("X-Frame-Options") == "DENY"
    assert "script-src" not in answer.header("Content-Security-Policy")


ESCAPES = [
    "/../outside/secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
    "/sub/%2e%2e/page.html", "/%2e/page.html", "/./page.html", "//page.html", "/sub//index.html",
    "/%2fetc/passwd", "//etc/passwd", "/page.html%00.txt", "/page.html%00", "/%00", "/link.txt",
    "/linked/secret.txt", "/linked/", "/linked", "/inner.html", "/.hidden", "/.git/config",
    "/%2ehidden", "/sub/.", "/sub/..", "/pipe.txt", "/socket.txt", "/bare/", "/page.html/",
    "/page.html/x", "/nothing", "/%", "/%4", "/%zz", "/sub%2findex.html", "/large.bin",
    "/..;/secret.txt", "/\\..\\secret.txt", "/" + "a" * 300, "/" + "a/" * 600, "/" + "%41" * 500,
]


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_else_can_be_reached(client, path):
    answer = client.get(path)
    assert answer.status == 404 and SECRET not in answer.body


def test_a_folder_without_its_slash(client):
    answer = client.get("/sub")
    assert (answer.status, answer.header("Location")) == (301, "/sub/")


def test_the_largest_file(client):
    assert len(client.get("/exact.bin").body) == 8 << 20


def test_head(client):
    answer = client.get("/page.html", method="HEAD")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "13")


def test_a_copy_that_is_still_good(web, root):
    client = web.admin()
    first = client.get("/page.html")
    tag = first.header("ETag")
    for match in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get("/page.html", [("If-None-Match", match)])
        assert (again.status, again.body, again.header("ETag")) == (304, b"", tag)
    assert client.get("/page.html", [("If-None-Match", '"other"')]).status == 200
    (root / "changing.html").write_bytes(b"one")
    old = client.get("/changing.html").header("ETag")
    (root / "changing.html").write_bytes(b"two!")
    assert client.get("/changing.html", [("If-None-Match", old)]).body == b"two!"


def test_gzip_that_lies_beside(client):
    plain = client.get("/style.css")
    assert plain.header("Content-Encoding") is None and plain.header("Vary") == "Accept-Encoding"
    packed = client.get("/style.css", [("Accept-Encoding", "br, gzip;q=0.5")])
    assert packed.header("Content-Encoding") == "gzip"
    assert packed.header("Content-Type") == "text/css; charset=utf-8"
    assert gzip.decompress(packed.body) == plain.body
    refused = client.get("/style.css", [("Accept-Encoding", "gzip;q=0")])
    assert refused.header("Content-Encoding") is None


def test_built_in_pages_win(client):
    assert SECRET not in client.get("/stats.html").body


def test_own_words_win(start_server, tmp_path):
    server = start_server("--web-root", tmp_path, admin=True)
    names = {"/": "index.html", "/robots.txt": "robots.txt", "/favicon.ico": "favicon.ico",
             "/dmca": "dmca.html"}
    before = {path: server.admin().get(path).body for path in names}
    assert before["/"].startswith(b"muster ") and b"BitTorrent tracker" in before["/dmca"]
    for path, name in names.items():
        (tmp_path / name).write_bytes(b"own " + name.encode())
    for client in (server.admin, server.http):
        for path, name in names.items():
            assert client().get(path).body == b"own " + name.encode()


def test_a_folder_that_is_not_there(start_server, tmp_path):
    server = start_server("--web-root", tmp_path / "nothing", wait=False)
    server.wait_output("web_root: cannot open .*: No such file or directory")
    server.expected_code = 2
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_folder_that_the_user_may_not_enter(start_server, tmp_path):
    tmp_path.chmod(0o700)
    server = start_server("--web-root", tmp_path, "--user", "nobody", wait=False)
    server.wait_output("web_root: cannot open .*: Permission denied")
    server.expected_code = 2
    server.stop()


def test_the_tracker_is_where_it_was(web, root):
    (root / "announce").write_bytes(SECRET)
    assert web.http().get("/announce").failure == "missing info_hash"


# --- pages inside the binary ---------------------------------------------------------------------

PAGES = ["/stats.html", "/map.html", "/settings.html", "/assets/stats.js", "/locales/en.json",
         "/favicon.ico"]


@pytest.mark.parametrize("path", PAGES)
def test_built_in_pages(module_server, path):
    client = module_server(admin=True).admin()
    plain = client.get(path)
    if plain.status == 404:
        pytest.skip("this muster was built without pages")
    assert plain.status == 200 and plain.header("Cache-Control") == "no-cache"
    packed = client.get(path, [("Accept-Encoding", "gzip")])
    body = packed.body
    if packed.header("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    assert body == plain.body
    again = client.get(path, [("If-None-Match", plain.header("ETag"))])
    assert (again.status, again.body) == (304, b"")
