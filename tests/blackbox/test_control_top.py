"""`muster top`: plain blocks, and the live screen in a pseudo-terminal that pyte reads."""

import copy
import os
import signal

import pytest

from harness import eventually, run_muster
from harness.fake import STATS, FakeControl
from harness.terminal import Terminal


@pytest.fixture
def fake():
    control = FakeControl()
    yield control
    control.stop()


def test_plain_output_when_it_is_no_terminal(fake):
    ended = run_muster("top", "--admin-socket", fake.path)
    assert ended.returncode == 0
    for text in ("muster 9.9.9", "1 234 567", "1.5 GiB", "0.50 0.25 0.12", "aa" * 20, "192.0.2.77",
                 "31 337", "qBittorrent", "udp bad_id", "300 s"):
        assert text in ended.stdout, ended.stdout
    assert "\x1b" not in ended.stdout
    assert all(line == line.rstrip() and len(line) <= 120 for line in ended.stdout.splitlines())


def test_plain_blocks_are_counted(fake):
    ended = run_muster("top", "-n", "2", "--admin-socket", fake.path)
    assert ended.stdout.count("muster 9.9.9") == 2


@pytest.mark.parametrize("stats", [{}, [], {"rates": 5, "errors": {"a": 1}, "top_swarms": "x",
                                            "load": {"average": [None]}, "clients": [1, {}, None],
                                            "peers": 1e300, "top_talkers": [{"address": "\x1b[2J"}],
                                            "version": "v" * 5000}])
def test_strange_answers_do_no_harm(fake, stats):
    fake.answers[("GET", "/stats.json")] = (200, stats)
    ended = run_muster("top", "-n", "1", "--admin-socket", fake.path)
    assert ended.returncode == 0, ended.stderr
    assert "\x1b" not in ended.stdout and "Sanitizer" not in ended.stderr


@pytest.fixture
def top(fake):
    terminals = []

    def start(**how):
        terminals.append(Terminal("top", "--admin-socket", fake.path, **how))
        return terminals[-1]

    yield start
    for terminal in terminals:
        errors = terminal.close()
        assert "Sanitizer" not in errors and "runtime error" not in errors, errors


def test_it_shows_refreshes_and_quits(fake, top):
    screen = top()
    screen.wait_for("1 234 567")
    newer = copy.deepcopy(STATS)
    newer.update(peers=7654321)
    fake.answers[("GET", "/stats.json")] = (200, newer)
    screen.wait_for("7 654 321")
    screen.key("q")
    assert screen.wait_end() == 0
    assert screen.is_restored()


def test_keys_help_sort_and_pause(fake, top):
    screen = top()
    shown = screen.wait_for("by peers (s)")
    assert shown.index("bb" * 20) < shown.index("aa" * 20)
    screen.key("s")
    shown = screen.wait_for("by seeders (s)")
    assert shown.index("aa" * 20) < shown.index("bb" * 20)
    screen.key("h")
    screen.wait_for("quit")
    screen.key("?")
    screen.wait_without("go on")
    screen.key("p")
    screen.wait_for("PAUSED")
    asked = len(fake.requests)
    fake.answers[("GET", "/stats.json")] = (200, {**STATS, "peers": 42})
    screen.key("s")
    screen.wait_for("by leechers (s)")
    assert len(fake.requests) <= asked + 1
    screen.key(" ")
    screen.wait_without("PAUSED")
    screen.wait_without("1 234 567")


# With this one ncurses scrolls by line feeds; pyte does not know the sequence that xterm has for it.
SCROLLS = "linux"

BUSY = {**STATS, "top_swarms": [{"info_hash": f"{n:02x}" * 20, "seeders": 100 - n, "leechers": 1,
                                 "completed": n} for n in range(30)],
        "top_talkers": [{"address": f"192.0.2.{n}", "requests": 1000 - n} for n in range(30)],
        "top_limited": [{"address": f"198.51.100.{n}", "requests": 50 - n} for n in range(9)],
        "errors": [{"door": "udp", "kind": f"kind{n}", "count": 9 - n} for n in range(9)]}


@pytest.mark.parametrize("size, rows", [((24, 80), 5), ((40, 80), 12), ((30, 100), 7),
                                        ((24, 130), 12), ((60, 200), 11)])
def test_a_small_window_has_what_people_look_for(fake, top, size, rows):
    """Swarms and addresses before figures; and every panel is in it, none cut."""
    fake.answers[("GET", "/stats.json")] = (200, BUSY)
    screen = top(size=size)
    shown = screen.wait_for("busiest addresses")
    assert all(f"{n:02x}" * 20 in shown for n in range(rows)), shown
    assert all(f"192.0.2.{n} " in shown for n in range(rows)), shown
    for text in ("1 234 567", "1 000 000", "1.0 GiB", "0.50 0.25 0.12", "300 s", "udp kind0",
                 "udp kind1", "overview"):
        assert text in shown, shown


def test_pages_and_scrolling(fake, top):
    fake.answers[("GET", "/stats.json")] = (200, BUSY)
    screen = top(size=(24, 80), term=SCROLLS)
    screen.wait_for("busiest addresses")
    screen.key("\t")  # swarms
    screen.wait_without("busiest addresses")
    assert "1d" * 20 not in screen.wait_for("13" * 20)
    screen.key("\x1b[B" * 40)  # down, further than there is
    shown = screen.wait_for("1d" * 20)
    assert "00" * 20 not in shown and "09" * 20 in shown
    screen.key("\x1b[A" * 9)
    screen.wait_for("00" * 20)
    screen.key("\t")
    shown = screen.wait_for("busiest addresses")
    assert "192.0.2.19 " in shown and "over a rate limit" not in shown
    screen.key("\x1b[6~" * 5)  # page down
    screen.wait_for("198.51.100.8 ")
    screen.key("\t")
    screen.wait_for("qBittorrent")
    screen.key("\x1b[C")  # right
    screen.wait_for("UDP, IPv6")
    screen.key("\x1b[B" * 40)
    screen.wait_for("udp kind8")
    screen.key("\x1b[C")
    screen.wait_for("largest swarms")
    screen.key("\x1b[D")  # left
    screen.wait_for("UDP, IPv6")


def test_the_addresses_are_sorted(fake, top):
    """By requests, by how much each has grown, by address."""
    one, two = {"address": "192.0.2.9", "requests": 90}, {"address": "192.0.2.10", "requests": 10}
    fake.answers[("GET", "/stats.json")] = (200, {**STATS, "top_talkers": [two, one]})
    screen = top(size=(24, 80), term=SCROLLS)
    shown = screen.wait_for("by requests (t)")
    assert shown.index("192.0.2.9") < shown.index("192.0.2.10")
    screen.key("p")
    screen.wait_for("PAUSED")
    screen.key("t")
    screen.wait_for("by growth (t)")
    screen.key("t")
    shown = screen.wait_for("by address (t)")
    assert shown.index("192.0.2.10") < shown.index("192.0.2.9")

    def grow(_):
        two["requests"] += 5
        return 200, {**STATS, "top_talkers": [one, two]}

    fake.answers[("GET", "/stats.json")] = grow
    screen.key("tt")
    screen.wait_for("by growth (t)")
    screen.key("p")
    eventually(lambda: 0 < screen.read().find("192.0.2.10") < screen.read().find("192.0.2.9"))


def test_it_follows_the_window(top):
    screen = top()
    screen.wait_for("busiest addresses")
    screen.resize(24, 60)
    screen.process.send_signal(signal.SIGWINCH)
    screen.wait_for("requests")
    screen.resize(60, 200)
    screen.wait_for("client software")
    screen.resize(2, 20)
    screen.key("s")
    screen.resize(40, 110)
    screen.wait_for("by ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_restore_the_terminal(top, number):
    screen = top()
    screen.wait_for("1 234 567")
    screen.process.send_signal(number)
    screen.wait_end()
    assert screen.is_restored()


def test_ctrl_c_ends_it(top):
    screen = top()
    screen.wait_for("1 234 567")
    screen.key("\x03")
    screen.wait_end()
    assert screen.is_restored()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_even_a_killed_screen_leaves_the_terminal_as_it_was(top, number):
    screen = top()
    screen.wait_for("1 234 567")
    children = f"/proc/{screen.process.pid}/task/{screen.process.pid}/children"
    with open(children, encoding="ascii") as f:
        os.kill(int(f.read().split()[0]), number)
    assert screen.wait_end() == 1
    assert screen.is_restored()


def test_a_muster_that_goes_away_and_comes_back(fake, top):
    screen = top()
    screen.wait_for("1 234 567")
    good = fake.answers.pop(("GET", "/stats.json"))
    fake.answers[("GET", "/stats.json")] = (503, {"error": "starting"})
    eventually(lambda: len(fake.requests) > 2 and "1 234 567" in screen.read())
    fake.answers[("GET", "/stats.json")] = (500, b"no json at all")
    screen.wait_for("no json at all")
    fake.answers[("GET", "/stats.json")] = good
    screen.wait_without("no json at all")


def test_colours_only_where_the_terminal_has_them(top):
    plain = top(term="vt100")
    plain.wait_for("1 234 567")
    assert b"\x1b[36m" not in plain.raw and b"\x1b[46m" not in plain.raw
    coloured = top()
    coloured.wait_for("1 234 567")
    assert b"\x1b[" in coloured.raw and (b"46m" in coloured.raw or b"36m" in coloured.raw)


def test_an_unknown_terminal_gets_plain_output(top):
    screen = top(term="no-such-terminal")
    screen.wait_for("1 234 567")
    assert screen.wait_end() == 0
