"""Fixtures. Tests share one server and stay apart by using fresh info hashes; a test that needs
its own options starts its own server."""

import os

import pytest

from harness import WATCHED, Server, muster_bin, stop_all
from harness.check import use_distinct_ids
from harness.crowd import ids_for


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    if not os.access(muster_bin(), os.X_OK):
        raise pytest.UsageError(f"no program at {muster_bin()} (set MUSTER_BIN)")


@pytest.fixture(scope="session", autouse=True)
def binary():
    """The program under test: $MUSTER_BIN, default build/test/muster."""
    return muster_bin()


@pytest.fixture(scope="session")
def shared_server(binary):
    """One server with fixed options for the whole session (one per xdist worker)."""
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def server(shared_server):
    """The shared server; clients made through it are closed after the test."""
    assert shared_server.is_running(), f"the server died:\n{shared_server.output()[-8000:]}"
    use_distinct_ids(ids_for(shared_server))
    yield shared_server
    shared_server.close_clients()
    assert shared_server.is_running(), f"the server died:\n{shared_server.output()[-8000:]}"


@pytest.fixture
def start_server(binary):
    """start_server(*options, **how) -> Server, as harness.server.Server takes them. All are stopped
    and checked at the end of the test."""
    started = []

    def start(*options, **how):
        started.append(Server(*options, **how))
        return started[-1]

    yield start
    stop_all(started)


@pytest.fixture(scope="module")
def module_server(binary):
    """As start_server, for the length of a module: module_server(*options) gives the same server
    for the same options."""
    started = {}

    def start(*options, **how):
        key = (options, tuple(sorted(how.items())))
        if key not in started or not started[key].is_running():
            started[key] = Server(*options, **how)
        return started[key]

    yield start
    stop_all(started.values())


@pytest.fixture
def folder(tmp_path):
    """Where a state folder will be."""
    return tmp_path / "state"


@pytest.fixture
def start(start_server, folder):
    """A server with that state folder, of which all can be seen; the earlier one must have ended."""
    return lambda *options: start_server("--state-dir", folder, *WATCHED, *options, admin=True)


@pytest.fixture
def watched(module_server):
    """A server whose whole content harness.everything() shows."""
    server = module_server(*WATCHED)
    use_distinct_ids(ids_for(server))
    yield server
    server.close_clients()


@pytest.fixture
def fronted(module_server):
    """A server behind a trusted proxy that is us: every request says its client's address in
    X-Forwarded-For."""
    server = module_server("--real-ip-header", "X-Forwarded-For")
    use_distinct_ids(ids_for(server))
    yield server
    server.close_clients()


@pytest.fixture
def lists(tmp_path):
    """lists(name, *lines) writes a list as programs do, whole, and returns its path."""
    def write(name, *lines):
        path = tmp_path / name
        new = tmp_path / f".{name}.new"
        new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        os.replace(new, path)
        return path
    return write
