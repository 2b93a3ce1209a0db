"""Pages on the main port: the worker hands the connection over, one answer, then close. The tracker
does not notice."""

import re
import signal
import socket

import pytest

from harness import eventually, metrics_of, new_hash, percent, proxy_v1, raw_query

BROWSER = [("Accept", "text/html,application/xhtml+xml")]
PAGE = "/robots.txt"


@pytest.fixture
def pages(module_server):
    server = module_server(admin=True)
    yield server
    server.close_clients()


def announce_head(client, info_hash=None):
    h = info_hash or new_hash()
    return client.request(b"/announce?" + raw_query(info_hash=percent(h)))


def assert_page(response):
    assert response.status == 200 and response.closes
    assert response.body.startswith(b"User-agent: *\n")


# --- who answers what ----------------------------------------------------------------------------

def test_a_browser_gets_the_page_and_a_script_the_line(pages):
    page = pages.http().get("/", BROWSER)
    assert page.status == 200 and page.closes
    banner = pages.http().get("/")
    assert banner.status == 200 and not banner.closes
    assert banner.body.startswith(b"muster ")


def test_a_page_closes_and_the_tracker_keeps(pages):
    client = pages.http()
    assert client.get("/heartbeat").status == 200
    assert_page(client.get(PAGE))
    assert client.socket is None
    assert not client.get("/heartbeat").closes


@pytest.mark.parametrize("path", [PAGE, "/stats.html", "/", "/dmca"])
def test_head_is_get_without_the_body(pages, path):
    get = pages.http().get(path, BROWSER)
    head = pages.http().get(path, BROWSER, method="HEAD")
    assert head.body == b"" and head.status == get.status
    assert sorted(head.headers) == sorted(get.headers)


def test_paths_that_are_no_page_are_the_workers_404(pages):
    client = pages.http()
    for path in ("/nothing", "/stats.htm", "/settings.html", "/assets"):
        answer = client.get(path)
        assert answer.status == 404, path
        assert answer.header("X-Frame-Options") is None, "the worker said it"


def test_post_is_refused_on_the_main_port_as_ever(pages):
    client = pages.http()
    request = client.request(PAGE, [("Content-Length", "0")], method="POST")
    refusal = client.refused(request)
    assert refusal.status == 405 and refusal.header("Allow") == "GET, HEAD"


def test_a_wrapped_request_is_no_page(pages):
    # base64 of "GET /robots.txt HTTP/1.0\r\n\r\n", as old clients wrap scrapes
    answers = pages.http().exchange(b"R0VUIC9yb2JvdHMudHh0IEhUVFAvMS4wDQoNCg==\r\n\r\n")
    assert [a.status for a in answers] == [404]


# --- bytes ---------------------------------------------------------------------------------------

def test_answers_before_the_page_come_first(pages):
    client = pages.http()
    h = new_hash()
    client.send(announce_head(client, h) * 3 + client.request(PAGE))
    for _ in range(3):
        assert client.read_response().counts == (0, 1)
    assert_page(client.read_response())
    assert client.is_closed_by_server()


def test_what_follows_a_page_is_not_answered(pages):
    h = new_hash()
    client = pages.http()
    client.send(client.request(PAGE) + announce_head(client, h))
    assert_page(client.read_response())
    assert client.is_closed_by_server()
    assert pages.http().numbers(h) == (0, 0, 0)


def test_a_request_in_single_bytes(pages):
    client = pages.http()
    for byte in client.request(PAGE):
        client.send(bytes([byte]))
    assert_page(client.read_response())


def test_a_client_that_half_closes_gets_its_page(pages):
    client = pages.http().open()
    client.send(client.request(PAGE))
    client.socket.shutdown(socket.SHUT_WR)
    assert_page(client.read_response())


def test_http_1_0(pages):
    assert_page(pages.http().get(PAGE, version="HTTP/1.0"))


def test_a_long_head_comes_whole(pages):
    client = pages.http()
    assert_page(client.get(PAGE, [(f"X-{i}", "x" * 500) for i in range(24)]))


def test_behind_a_proxy_protocol_listener(start_server):
    lease = start_server("--no-udp")
    port = lease.port
    lease.stop()
    server = start_server("--listen", f"tcp+proxy://127.0.0.2:{port}", admin=True)
    client = server.http(preface=proxy_v1("203.0.113.7", 4000))
    client.server = ("127.0.0.2", port)
    assert_page(client.get(PAGE))


# --- many, and the end ---------------------------------------------------------------------------

def open_many(server, count, request):
    clients = []
    for _ in range(count):
        s = socket.create_connection((server.host4, server.port))
        s.sendall(request)
        clients.append(s)
    return clients


def test_a_thousand_visitors_do_not_hurt_announces(start_server):
    server = start_server(admin=True)
    http = server.http()
    visitors = open_many(server, 1000, http.request("/stats.html", BROWSER))
    h = new_hash()
    for i in range(100):
        assert http.announce(h, port=1000 + i).counts == (0, i + 1)
    assert server.udp().announce(new_hash()).leechers == 1
    assert server.admin().get("/").status == 200, "the operator gets in as well"
    statuses = set()
    for s in visitors:
        s.settimeout(30)
        statuses.add(s.recv(65536)[9:12])
        s.close()
    assert statuses <= {b"200", b"404", b"503"} and statuses & {b"200", b"404"}


def test_visitors_that_never_read_do_not_lock_anybody_out(start_server, tmp_path):
    (tmp_path / "large.bin").write_bytes(bytes(8 << 20))
    server = start_server("--web-root", tmp_path, admin=True)
    visitors = open_many(server, 400, server.http().request("/large.bin"))
    assert server.admin().get("/robots.txt").status == 200
    assert server.http().announce(new_hash()).counts == (0, 1)
    for s in visitors:
        s.close()


def test_one_host_does_not_take_the_pages_from_others(start_server, tmp_path):
    (tmp_path / "large.bin").write_bytes(bytes(8 << 20))
    server = start_server("--web-root", tmp_path, "--real-ip-header", "X-Forwarded-For",
                          "--trusted-proxies", "127.0.0.0/8", admin=True)
    http = server.http()
    visitors = open_many(server, 100, http.request("/large.bin",
                                                   [("X-Forwarded-For", "203.0.113.9")]))
    for n in range(20):
        assert_page(http.get(PAGE, [("X-Forwarded-For", f"203.0.113.{10 + n}")]))
    eventually(lambda: metrics_of(server)["admin_refused_total"] +
               metrics_of(server)["admin_evictions_total"] >= 84, "all but 16 sent away")
    for s in visitors:
        s.close()


def test_connections_are_counted_until_they_close(start_server):
    server = start_server("--log-level", "debug", admin=True)
    for _ in range(5):
        assert_page(server.http().get(PAGE))
    server.close_clients()
    server.stop()
    counters = dict(re.findall(r"(\w+)=(\d+)", server.output()))
    assert counters["pages_handed_over_total"] == "5"
    assert counters["admin_requests_total"] == "5"
    assert counters["tcp_accepts_total"] == counters["tcp_closes_total"]


def test_a_stop_lets_a_page_end(start_server, tmp_path):
    data = bytes(range(256)) * 16384
    (tmp_path / "large.bin").write_bytes(data)
    server = start_server("--web-root", tmp_path, admin=True)
    client = server.http()
    client.send(client.request("/large.bin"))
    eventually(lambda: client.socket.recv(1, socket.MSG_PEEK), "the first byte")
    server.signal(signal.SIGTERM)
    server.wait_output("stopping after the requests in hand")
    assert client.read_response().body == data
    client.close()
    assert server.process.wait(30) == 0
