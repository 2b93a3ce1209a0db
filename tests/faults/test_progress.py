"""What takes long says how far it is; what does not is silent."""

import signal

import pytest

from harness import eventually, metrics_of
from kit import World

SAVING, LOADING = r"state: saving snapshot: \d+ %", r"state: loading snapshot: \d+ %"


@pytest.fixture
def start(start_server, tmp_path):
    return lambda **how: start_server("--workers", "1", "--state-dir", tmp_path / "state",
                                      "--save-interval", "0", admin=True, **how)


def slow(faults, call, thread):
    """Each call takes so long that the whole takes more than the two seconds between two lines."""
    return faults.armed(call, delay_ms=1100, thread=thread)


def test_a_save(start, faults):
    world = World(start())
    with slow(faults, "write", "state"):
        world.server.signal(signal.SIGUSR1)
        world.server.wait_output(SAVING)
    eventually(lambda: metrics_of(world.server)["state_saves_total"] == 1, "the end of it")
    world.check()


def test_the_save_at_the_end(start, faults):
    world = World(start())
    with slow(faults, "write", "state"):
        world.server.stop()
    assert "the last good snapshot" not in world.server.output()
    world.server.wait_output(SAVING)
    world.server = start()
    world.check()


def test_a_load(start, faults):
    world = World(start())
    world.server.stop()
    with slow(faults, "read", "muster"):
        world.server = start()
    world.server.wait_output(LOADING)
    world.check()


def test_short_ones_are_silent(start):
    world = World(start())
    world.server.stop()
    saved = world.server.output()
    world.server = start()
    world.check()
    assert "saving snapshot" not in saved and "loading snapshot" not in world.server.output()
