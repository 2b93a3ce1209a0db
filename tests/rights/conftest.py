"""Fixtures of the tests of rights. They need the build that is shipped, without sanitizers: that has
no sandbox."""

import os

import pytest

from harness import Server
from kit import Inside, Manager


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root")


def pytest_collection_modifyitems(items):
    for item in items:
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture
def start_server():
    """start_server(*options, **how) -> Server; all are stopped and checked at the end of the test."""
    started = []

    def start(*options, **how):
        started.append(Server(*options, **how))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def inside(tmp_path):
    return Inside(tmp_path)


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path)
    yield one
    one.close()
