"""Pages on the main port: the worker hands the connection over, one answer, then close."""

import pytest

BROWSER = [("Accept", "text/html,application/xhtml+xml")]


@pytest.fixture
def pages(module_server):
    server = module_server(admin=True)
    yield server
    server.close_clients()


def test_a_browser_gets_the_page_and_a_script_the_banner(pages):
    page = pages.http().get("/", BROWSER)
    assert page.status == 200 and page.closes
    banner = pages.http().get("/")
    assert banner.status == 200 and not banner.closes
    assert banner.body.startswith(b"muster ")


def test_the_admin_listener_keeps_connections(pages):
    client = pages.admin()
    for _ in range(3):
        answer = client.get("/")
        assert answer.status == 200 and not answer.closes
    assert client.get("/nothing").status == 404
