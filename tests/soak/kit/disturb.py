"""What happens to a tracker in its life, each with a look at whether it did: an action is a function of
the tracker and a number that counts up; it raises AssertionError when its effect does not show."""

import hashlib
import os
import random
import signal
import time

from harness import eventually
from harness.udp import STOPPED, UdpAnnounce, UdpError

from .tracker import DENIED_RANGES, DENIED_TORRENTS

WAIT_S = 60


def reload(tracker, number):
    """By SIGHUP and by command, in turn."""
    def done():
        return tracker.server.output().count("reload: done")

    before = done()
    if number % 2:
        tracker.command("reload")
    else:
        tracker.server.signal(signal.SIGHUP)
    eventually(lambda: done() > before, "a reload in the log", WAIT_S)


def save(tracker, number):
    """By SIGUSR1 and by command, in turn."""
    def saved():
        try:
            status = os.stat(tracker.folder / "state/snapshot")
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    before = saved()
    if number % 2:
        tracker.command("save")
    else:
        tracker.server.signal(signal.SIGUSR1)
    eventually(lambda: saved() != before, "another snapshot", WAIT_S)


def _replace(path, lines):
    new = path.with_suffix(".new")
    new.write_text("".join(f"{line}\n" for line in lines))
    new.rename(path)


def lists(tracker, number):
    """Other denied torrents, addresses and clients; noticed by muster itself. One hash of each
    version is asked for: the new one must be refused, the one before served again."""
    rng = random.Random(number)
    denied = hashlib.sha1(b"denied %d" % number).digest()
    _replace(tracker.folder / "addresses.deny",
             [f"10.{rng.randrange(256)}.{rng.randrange(256)}.0/24 abuse" for _ in range(DENIED_RANGES)])
    _replace(tracker.folder / "clients.deny", [f"-X{chr(65 + number % 26)} 1.0-2.0 too old"])
    _replace(tracker.folder / "torrents.deny",
             [f"{rng.randbytes(20).hex()} removed" for _ in range(DENIED_TORRENTS)]
             + [f"{denied.hex()} version {number}"])
    with tracker.server.udp() as udp:
        eventually(lambda: isinstance(udp.announce(denied, event=STOPPED), UdpError),
                   "the new list in force", WAIT_S, pause_s=0.1)
        assert isinstance(udp.announce(tracker.denied, event=STOPPED), UdpAnnounce), "the old one is not"
    tracker.denied = denied


def settings(tracker, number):
    """Changed live, and saved into the configuration file."""
    value = 30 + number % 5 * 10
    tracker.owner().set(save=True, max_peers_per_response=value, interval_jitter=number % 11,
                        rate_scrape=50 + number % 7)
    assert tracker.owner().value("max_peers_per_response") == str(value)


def read(tracker, _):
    """What operators and robots read, the whole scrape among it."""
    for path in ("/stats", "/stats.json", "/metrics", "/api/settings", "/api/map.json",
                 "/api/history.json", "/"):
        tracker.page(path)
    assert tracker.everything()


def upgrade(tracker, _):
    before = tracker.serving_pid()
    tracker.command("upgrade")
    assert tracker.serving_pid() != before


BETWEEN = [reload, settings, save, lists, read]


def all_of(tracker, number, seconds, is_upgraded, note):
    """Every action once, spread over so many seconds; note(name, text or None) after each."""
    actions = BETWEEN + ([upgrade] if is_upgraded else [])
    random.Random(number).shuffle(actions)
    start = time.monotonic()
    for at, action in enumerate(actions):
        time.sleep(max(0, start + seconds * (at + 0.5) / len(actions) - time.monotonic()))
        try:
            action(tracker, number)
            note(action.__name__, None)
        except (AssertionError, OSError, ValueError) as failure:
            note(action.__name__, f"{type(failure).__name__}: {failure}")
