"""Fixtures: one server for all exchanges of a test process, and clients that always end."""

import pytest

from harness import Server


@pytest.fixture(scope="session")
def server():
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def cast():
    """Add clients to this list: they are ended with the test, and their logs go into a failure."""
    clients = []
    yield clients
    for client in clients:
        client.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for client in item.funcargs.get("cast", []):
            report.sections.append((f"{client.name} ({client.host})", client.log()[-6000:]))
        report.sections.append(("muster", item.funcargs["server"].output()[-4000:]))
