"""Fixtures: servers whose system calls obey the test."""

import os

import pytest

pytest.register_assert_rewrite("kit.world")

from harness import Server, muster_bin, stop_all  # noqa: E402 (after what must come before its import)
from kit import Faults, World  # noqa: E402


def pytest_configure():
    if not os.access(muster_bin(), os.X_OK):
        raise pytest.UsageError(f"no program at {muster_bin()} (set MUSTER_BIN)")


def pytest_collection_modifyitems(items):
    """Who sleeps for a minute begins first: the others run beside it."""
    items.sort(key=lambda item: item.name != "test_stopped_for_a_minute")


@pytest.fixture
def faults(tmp_path):
    """The table of faults for the servers of one test."""
    return Faults(tmp_path)


@pytest.fixture
def start_server(faults):
    """start_server(*options, **how) -> Server, as harness.server.Server takes them, under `faults`.
    At the end of the test no fault is armed any more, and all are stopped and checked."""
    started = []

    def start(*options, env=None, **how):
        started.append(Server(*options, env={**faults.env, **(env or {})}, **how))
        return started[-1]

    yield start
    faults.disarm()
    stop_all(started)


@pytest.fixture
def world(start_server):
    """A server with operators' pages, one worker, and what it holds: world.server, world.check()."""
    world = World(start_server("--workers", "1", admin=True))
    yield world
    world.check()
