"""What happens to a tracker in its life, each with a look at whether it did: an action is a function of
the tracker and a number that counts up; it raises AssertionError when its effect does not show."""

import hashlib
import json
import os
import random
import re
import signal
import time

from harness import eventually
from harness.udp import STOPPED, UdpAnnounce, UdpClient, UdpError
from harness.websocket import TEXT, WebSocket

from .tracker import DENIED_RANGES, DENIED_TORRENTS

WAIT_S = 30
ANSWER_S = 2  # then an answer is lost, and the question is asked again
FEED = "muster.map.v1"
LIGHTS, LOOK_S = 20, 10  # a viewer waits for so many lights, at most for so long


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


def _answer(tracker, info_hash):
    """What an announce over UDP is answered; None when nothing came back."""
    with UdpClient("127.0.0.1", tracker.port, timeout=ANSWER_S) as client:
        try:
            return client.announce(info_hash, event=STOPPED)
        except TimeoutError:
            return None


def _is_denied(tracker, info_hash):
    return isinstance(_answer(tracker, info_hash), UdpError)


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
    eventually(lambda: _is_denied(tracker, denied), "the new list in force", WAIT_S, pause_s=0.1)
    if tracker.denied:
        eventually(lambda: isinstance(_answer(tracker, tracker.denied), UdpAnnounce),
                   "the one before no longer", WAIT_S, pause_s=0.1)
    tracker.denied = denied


def broken_list(tracker, _):
    """One that cannot be read: the lists before stay in force until it is mended."""
    path = tracker.folder / "torrents.deny"
    good, before = path.read_text().splitlines(), tracker.metrics()
    _replace(path, [BROKEN_LINE, *good])
    try:
        _wait_more(tracker, before, "access_load_failures_total")
        if tracker.denied:
            eventually(lambda: _is_denied(tracker, tracker.denied), "the lists before in force", WAIT_S)
        before = tracker.metrics()
    finally:
        _replace(path, good)
    _wait_more(tracker, before, "access_loads_total")


def _wait_more(tracker, before, name):
    eventually(lambda: tracker.metrics()[name] > before[name], f"more {name}", WAIT_S, pause_s=0.1)


def broken_configuration(tracker, number):
    """A reload of a file with one wrong line, and with a right one that must not come to pass."""
    def refused():
        return len(tracker.log_lines("error", EXPECTED["broken_configuration"]))

    good, before = tracker.config.read_text(), refused()
    value = tracker.option("max_peers_per_response")
    other = re.sub(r"(?m)^max_peers_per_response *=.*", f"max_peers_per_response = {100 + number % 50}", good)
    assert other != good
    tracker.config.write_text(f"{other}{BROKEN_OPTION} = 1\n")
    try:
        tracker.server.signal(signal.SIGHUP)
        eventually(lambda: refused() > before, "a refused reload in the log", WAIT_S)
    finally:
        tracker.config.write_text(good)
    assert tracker.option("max_peers_per_response") == value, "nothing of a wrong file"


BROKEN_LINE, BROKEN_OPTION = "this is no info hash", "no_such_option"
EXPECTED = {  # the lines of level error that these actions cause
    "broken_list": r"lists: .*torrents\.deny:1: .*; those before stay in force",
    "broken_configuration": rf"reload: .*unknown option {BROKEN_OPTION}.*; all stays as it is",
}


def settings(tracker, number):
    """Changed live, and saved into the configuration file."""
    value = 30 + number % 5 * 10
    tracker.set(save=True, max_peers_per_response=value, interval_jitter=number % 11,
                rate_scrape=50 + number % 7)
    assert tracker.option("max_peers_per_response") == str(value)


def read(tracker, _):
    """What operators and robots read, the whole scrape among it."""
    for path in ("/stats", "/stats.json", "/metrics", "/api/settings", "/api/map.json",
                 "/api/history.json", "/"):
        tracker.page(path)
    assert tracker.everything()


def watch(tracker, _):
    """The live map, by two viewers: lights of announces, and then they leave."""
    with _viewer(tracker), _viewer(tracker) as viewer:
        lights, until = 0, time.monotonic() + LOOK_S
        while lights < LIGHTS:
            assert time.monotonic() < until, f"{lights} lights in {LOOK_S} s"
            lights += len(json.loads(viewer.next(TEXT))["lights"])


def _viewer(tracker):
    return WebSocket("127.0.0.1", tracker.port, protocol=FEED)


def upgrade(tracker, _):
    before = tracker.serving_pid()
    tracker.command("upgrade")
    assert tracker.serving_pid() != before


BETWEEN = [reload, settings, save, lists, broken_list, broken_configuration, read, watch]


def do(action, done, *args):
    """Append (name, None or what went wrong) to `done`."""
    failure = None
    try:
        action(*args)
    except (AssertionError, OSError, ValueError, EOFError) as found:
        failure = f"{type(found).__name__}: {found}"
    done.append((action.__name__, failure))


def all_of(tracker, number, seconds, is_upgraded, done):
    """Every action once, in any order, at any moments of so many seconds (the same ones in every run)."""
    rng, start = random.Random(number), time.monotonic()
    actions = BETWEEN + ([upgrade] if is_upgraded else [])
    rng.shuffle(actions)
    for at, action in zip(sorted(rng.uniform(0, seconds) for _ in actions), actions):
        time.sleep(max(0, start + at - time.monotonic()))
        do(action, done, tracker, number)
