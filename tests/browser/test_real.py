"""The pages of the real tracker: values agree, the map lights up, settings take effect."""

import re

import pytest
from selenium.webdriver.common.keys import Keys

from conftest import LANGUAGES
from harness import eventually, new_hash
from kit.page import lit_pixels, retype
from kit.tracker import BENCH, PLACES, Tracker, load


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    running = Tracker(tmp_path_factory.mktemp("muster"))
    yield running
    running.stop()


@pytest.fixture
def busy(tracker):
    """The tracker while clients come over both doors."""
    if not BENCH.exists():
        pytest.skip("built without -Dbench")
    loads = [load(tracker, kind, "--rate", "300", "-d", "60s") for kind in ("udp", "http")]
    yield tracker
    for process in loads:
        process.terminate()
        process.wait(10)


def digits(text):
    return int(re.sub(r"\D", "", text) or 0)


# ---- statistics ----


def details(browser):
    """{name: text} of every number on the page."""
    return dict(browser.script(
        "return [...document.querySelectorAll('#details .pairs > div')]"
        ".map(d => [d.children[0].textContent, d.children[1].textContent])"))


UNITS = {"": 1, "byte": 1, "bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9,
         "sec": 1, "min": 60, "hr": 3600, "day": 86400, "days": 86400}

# What each card shows of /stats.json; counters that only grow, and, while there is load that only
# brings more peers, what is stored.
GROWING = {
    "Peers": lambda s: s["peers"],
    "Torrents": lambda s: s["torrents"]["total"],
    "Errors": lambda s: sum(e["count"] for e in s["errors"]),
    "Dropped datagrams": lambda s: s["drops"]["kernel"],
}
GAUGES = {
    "Requests per second": lambda s: s["rates"]["total"]["now"],
    "Announce interval": lambda s: s["interval"]["now_s"],
    "Load": lambda s: s["load"]["average"][0],
    "Memory": lambda s: s["memory"]["rss_bytes"],
    "Connections": lambda s: s["connections"]["open"],
}

# Counts the page's questions, and remembers the last one whose answer it has read.
COUNT_QUESTIONS = """
    window.asked = window.answered = 0;
    const ask = window.fetch;
    window.fetch = async (...question) => {
        const mine = question[0] === "/stats.json" ? ++asked : 0;
        const answer = await ask(...question);
        const text = answer.text.bind(answer);
        answer.text = async () => {
            const body = await text();
            window.answered = Math.max(answered, mine);
            return body;
        };
        return answer;
    };"""


def meant(text):
    """The values that a card's text stands for, lowest and highest: "58.4 MB", "29 min 30 sec"."""
    parts = re.findall(r"([\d,]+(?:\.(\d+))?)\s*([A-Za-z]*)", text)
    value = sum(float(n.replace(",", "")) * UNITS[unit] for n, _, unit in parts)
    _, decimals, unit = parts[-1]
    half = UNITS[unit] * 10.0 ** -len(decimals) / 2
    return value - half, value + half


def reading(browser, tracker):
    """/stats.json from before the page asked for it, {card: text} of the answer, and it after."""
    before, asked_before = tracker.json("/stats.json"), None
    while True:
        asked, answered = browser.script("return [asked, answered]")
        if asked_before is not None and answered > asked_before:
            break
        if asked == answered:  # no question is on its way
            before = tracker.json("/stats.json")
            asked_before = browser.script("return asked")
    shown = dict(browser.script(
        "return [...document.querySelectorAll('#cards > .card')].map(c =>"
        " [c.querySelector('h3').textContent, c.querySelector('.big').textContent])"))
    return before, shown, tracker.json("/stats.json")


def test_every_card_agrees_with_the_json_under_load(browser, busy):
    """What grows lies between the JSON before and after; what goes up and down is compared when both
    say the same, as exactly as the card tells it. On the operator's listener: visitors are told
    what may be a second old."""
    browser.open(f"{busy.admin}/stats.html")
    browser.wait_text("#state", "Live")
    browser.script(COUNT_QUESTIONS)
    unseen, apart = set(GAUGES), []

    def agree():
        busy.server.http().get("/announce?info_hash=short")
        before, shown, after = reading(browser, busy)
        assert set(shown) == {*GROWING, *GAUGES}
        apart.clear()
        for card, value in GROWING.items():
            low, high = meant(shown[card])
            assert value(before) <= high and low <= value(after), (card, shown[card])
        for card, value in GAUGES.items():
            low, high = meant(shown[card])
            if all(low <= value(stats) <= high for stats in (before, after)):
                unseen.discard(card)
            else:
                apart.append((card, value(before), shown[card], value(after)))
        return not unseen and meant(shown["Errors"])[0] > 0

    eventually(agree, apart, deadline_s=45)
    assert meant(browser.text("#cards > :nth-child(1) .big"))[0] > 100, "the load shows"
    browser.screenshot("stats-under-load", whole=True)


def test_counters_agree_when_all_is_quiet(browser, tracker):
    """Every counter of announces, by all three lists of names."""
    for _ in range(7):
        tracker.server.udp().announce(new_hash())
    browser.open(f"{tracker.admin}/stats.html")
    browser.wait_text("#state", "Live")

    def agree():
        shown = details(browser)
        stats = tracker.json("/stats.json")
        counted = {n: v for n, v in {**stats["metrics"], **stats["etracker"]}.items()
                   if "announce" in n and isinstance(v, int)}
        assert counted["stats.announce_udp"] >= 7
        return all(digits(shown[n]) == v for n, v in counted.items())

    eventually(agree, "the page to show what /stats.json says")


def test_history_is_drawn_and_every_name_is_there(browser, tracker):
    browser.open(f"{tracker.public}/stats.html")
    browser.wait_text("#state", "Live")
    eventually(lambda: len(browser.all("#charts canvas")) >= 6, "charts")
    stats = tracker.json("/stats.json")
    names = set(browser.script(
        "return [...document.querySelectorAll('#details dt, #details th')].map(d => d.textContent)"))
    missing = {n for n in [*stats["metrics"], *stats["etracker"]] if n not in names
               and not any(other.startswith(f"{n}.") for other in names)}
    assert not missing


def test_etrackers_table_is_whole(browser, tracker):
    tracker.server.udp().announce(new_hash())
    eventually(lambda: tracker.json("/stats.json")["rates"]["udp4"]["max"], "a second to end")
    browser.open(f"{tracker.public}/stats.html")
    browser.wait_text("#details", "interval_previous")
    shown = details(browser)
    etracker = tracker.json("/stats.json")["etracker"]
    for name in ("interval_previous", "interval_required"):
        assert digits(shown[name]) == etracker[name]
    assert re.fullmatch(r"[A-Z][a-z]+ \d+, \d{4}, .*[AP]M", shown["start_time"])
    cells = [row.split() for row in browser.find("#details table.named").text.splitlines()]
    assert cells[0] == ["requests_per_second", "TCP", "TCP_MAX", "UDP", "UDP_MAX"]
    assert [[row[0], len(row)] for row in cells[1:]] == [["IPv4", 5], ["IPv6", 5]]
    most = etracker["requests_per_second"]["IPv4"]["UDP_MAX"]
    assert 0 < digits(cells[1][4]) <= most


def test_kinds_of_errors_are_in_the_readers_language(browser, tracker):
    tracker.server.http().get("/announce?info_hash=short")
    tracker.server.http().get("/nowhere")
    browser.open(f"{tracker.public}/robots.txt")
    browser.script("localStorage.setItem('muster.language', 'de')")
    browser.open(f"{tracker.public}/stats.html")
    browser.wait_text("#panels", "info_hash ungültig")
    browser.wait_text("#panels", "HTTP 404")


def test_a_stopped_tracker_is_noticed(browser, tmp_path):
    tracker = Tracker(tmp_path, "--failed", "2")
    browser.open(f"{tracker.public}/stats.html")
    browser.wait_text("#restarted", "2")
    tracker.stop()
    browser.wait("#silence")
    browser.console()


# ---- map ----


def test_the_map_lights_up_where_announces_come_from(browser, tracker):
    eventually(lambda: tracker.json("/api/map.json")["state"] == "ready", "the places")
    browser.open(f"{tracker.public}/map.html")
    browser.wait_text("#state", "Live")

    def announce():
        for network in PLACES:
            source = network.replace(".0.0/16", ".0.1")
            tracker.server.udp(source=source).announce(new_hash())
            tracker.server.http(source=source).announce(new_hash())
        return lit_pixels(browser, "embers")

    eventually(announce, "lights")
    for name in ("Germany", "Australia", "Brazil", "United States"):
        browser.wait_text("#countries", name)
    browser.screenshot("map-lights")


# What etracker's map page does: its sub-protocol, its ping, a message of 9 bytes a light.
ETRACKERS_PAGE = """
    window.heard = [];
    const socket = new WebSocket(`ws://${location.host}/api/websocket`, "chat");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { heard.push(socket.protocol); socket.send("p"); };
    socket.onclose = () => heard.push("closed");
    socket.onmessage = ({ data }) => {
        const view = new DataView(data);
        heard.push([data.byteLength, view.getFloat32(0, true), view.getFloat32(4, true),
            view.getUint8(8)]);
    };"""


def test_etrackers_own_page_is_told_of_lights(browser, tracker):
    eventually(lambda: tracker.json("/api/map.json")["state"] == "ready", "the places")
    browser.open(tracker.public)
    browser.script(ETRACKERS_PAGE)
    eventually(lambda: browser.script("return heard.length"), "the handshake")
    assert browser.script("return heard[0]") == "chat"

    def announce():
        tracker.server.udp(source="127.1.0.1").announce(new_hash())
        return browser.script("return heard[1]")

    assert eventually(announce, "a light") == [9, 52.5, pytest.approx(13.4), 1]


# ---- settings ----


def log_in(browser, tracker):
    browser.open(f"{tracker.admin}/settings.html")
    browser.wait("#password").send_keys(tracker.token, Keys.ENTER)
    browser.wait("#option-interval")


def apply(browser):
    browser.click("#review")
    browser.click("#apply")
    browser.wait("#message.good")


def test_a_change_is_what_the_next_announce_gets(browser, tracker):
    log_in(browser, tracker)
    retype(browser, "#option-interval", "20m")
    retype(browser, "#option-max_peers_per_response", "3")
    assert "2 changes" in browser.text("#change-count")
    apply(browser)
    assert tracker.server.udp().announce(new_hash()).interval == 1200
    assert browser.find("#option-interval").get_attribute("value") in ("20m", "1200")
    assert "while running" in browser.text("#option-interval-facts")
    browser.click("#option-interval ~ button:last-child")  # as configured
    apply(browser)
    assert tracker.server.udp().announce(new_hash()).interval == 1800


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_options_are_explained_in_the_readers_language(browser, tracker, language):
    browser.open(f"{tracker.admin}/robots.txt")
    browser.script("localStorage.setItem('muster.language', arguments[0])", language)
    log_in(browser, tracker)
    help_texts = browser.script(
        "return [...document.querySelectorAll('#options .help')].map(p => [p.lang, p.textContent])")
    assert len(help_texts) > 80 and {lang for lang, _ in help_texts} == {""}
    groups = browser.script("return [...document.querySelectorAll('#groups a')].map(a => a.text)")
    assert not {"State", "Limits", "Listening", "Operator pages"} & set(groups)
    facts = browser.script("return [...document.querySelectorAll('#options .facts')]"
                           ".map(p => p.textContent)")
    english = re.compile(r"no limit|seconds|or more|at most|a path|'s name|never|empty:")
    assert not [text for text in facts if english.search(text)]


def test_contradictions_are_told_at_their_field(browser, tracker):
    log_in(browser, tracker)
    retype(browser, "#option-min_interval", "3h")
    browser.click("#review")
    browser.click("#apply")
    eventually(lambda: browser.text("#option-min_interval-error"), "the tracker's word")
    assert any("400" in line for line in browser.console())


def test_wrong_passwords_are_refused_and_slowed(browser, tracker):
    browser.open(f"{tracker.admin}/settings.html")
    said = set()

    def guess():
        field = browser.wait("#password")
        field.clear()
        field.send_keys("wrong", Keys.ENTER)
        eventually(lambda: browser.text("#login-error"), "an answer")
        said.add(browser.text("#login-error").split(".")[0])
        return "Too many tries" in said

    eventually(guess, "to be slowed down")
    assert not browser.find("#editor").is_displayed()
    assert "That is not the password" in said or said == {"Too many tries"}
    assert all(re.search("401|429", line) for line in browser.console())


def test_visitors_have_no_settings(browser, tracker):
    browser.open(tracker.public)
    browser.wait_text("#urls", f"udp://127.0.0.1:{tracker.server.port}/announce")
    browser.wait_text("#urls", f"http://127.0.0.1:{tracker.server.port}/announce")
    assert not [a for a in browser.all("[data-page=settings]") if a.is_displayed()]
