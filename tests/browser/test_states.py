"""What the pages do when the tracker is not well, or says strange things: against a made-up one."""

import random
import re
from html.parser import HTMLParser

import pytest
from selenium.webdriver.common.keys import Keys

from harness import eventually
from kit import figures
from kit.fake import WEB_ROOT
from kit.page import lit_pixels, retype

HOSTILE = '<img src=x onerror="document.title=\'owned\'">'


def hide(browser, is_hidden):
    """As a browser does when another tab comes to the front."""
    browser.script(
        "Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))", is_hidden)


# ---- statistics ----


def test_a_silent_tracker_is_told_and_comes_back(browser, fake):
    browser.open(f"{fake.url}/stats.html")
    browser.wait_text("#state", "Live")
    fake.is_silent = True
    browser.wait("#silence")
    assert "No answer" in browser.text("#state")
    fake.is_silent = False
    browser.wait_text("#state", "Live")
    assert not browser.find("#silence").is_displayed()
    assert all("net::ERR" in line for line in browser.console())


def test_a_restart_leaves_a_mark(browser, fake):
    fake.restarts = 3
    browser.open(f"{fake.url}/stats.html")
    browser.wait("#restarted")
    assert browser.text("#restarted") == "Restarted 3 times"


def test_missing_figures_leave_a_page(browser, fake):
    def bare(_request):
        whole = figures.stats(fake.started_unix_s)
        kept = ("name", "version", "start_unix_s", "now_unix_s", "uptime_s", "workers", "stats",
                "peers", "seeders", "leechers", "rates")
        return 200, {**{k: whole[k] for k in kept}, "stats": "minimal"}
    fake.answers["/stats.json"] = bare
    browser.open(f"{fake.url}/stats.html")
    browser.wait_text("#state", "Live")
    browser.wait("#reduced")
    assert "Requests per second" in browser.text("#cards")
    assert not [p for p in browser.all("#panels > section") if p.is_displayed()]


def test_what_clients_say_is_text(browser, fake):
    def hostile(_request):
        stats = figures.stats(fake.started_unix_s)
        stats["clients"] = [{"code": "XX", "name": HOSTILE, "announces": 5}]
        stats["top_talkers"] = [{"address": HOSTILE, "requests": 7}]
        stats["version"] = HOSTILE
        return 200, stats
    fake.answers["/stats.json"] = hostile
    browser.open(f"{fake.url}/stats.html")
    browser.wait_text("#panels", "<img src=x")
    assert not browser.all("main img")
    assert "owned" not in browser.driver.title


def test_range_and_search(browser, fake):
    browser.open(f"{fake.url}/stats.html")
    browser.wait_text("#state", "Live")
    browser.click("#ranges button:last-child")
    assert browser.find("#ranges button:last-child").get_attribute("aria-pressed") == "true"
    browser.wait_text("#details", "muster_counter_7_total")
    browser.find("#search").send_keys("COUNTER_7_")
    shown = [row.text for row in browser.all("#details .pairs > div") if row.is_displayed()]
    assert len(shown) == 1 and "muster_counter_7_total" in shown[0]
    browser.find("#search").send_keys("nonsense")
    browser.wait("#nothing")
    browser.open(f"{fake.url}/stats.html")
    browser.wait_text("#state", "Live")
    assert browser.find("#ranges button:last-child").get_attribute("aria-pressed") == "true"


# ---- map ----


@pytest.mark.parametrize("state, said", [
    ("off", "switched off"), ("no database", "muster geoip"), ("loading", "being loaded")])
def test_no_map_says_why(browser, fake, state, said):
    fake.answers["/api/map.json"] = lambda r: (200, {"state": state, "countries": {}})
    browser.open(f"{fake.url}/map.html")
    browser.wait("#trouble")
    assert said in browser.text("#trouble")
    assert not fake.viewers


def open_map(browser, fake):
    browser.open(f"{fake.url}/map.html")
    eventually(lambda: fake.viewers, "the page to watch")
    fake.send_to_viewers(figures.lights(random.Random(1), 20, {}))
    eventually(lambda: lit_pixels(browser, "embers"), "embers on the map")


def test_the_map_comes_back_after_a_loss(browser, fake):
    open_map(browser, fake)
    assert "56,812" in browser.text("#rate")
    browser.wait_text("#countries", "Germany|France|Russia")
    fake.viewers.clear()
    browser.wait_text("#state", "lost")
    eventually(lambda: fake.viewers, "the page to watch again")
    browser.wait_text("#state", "Live")


def test_nobody_looking_costs_nothing(browser, fake):
    open_map(browser, fake)
    hide(browser, True)
    eventually(lambda: not fake.viewers, "the page to leave")
    hide(browser, False)
    eventually(lambda: fake.viewers, "the page to come back")
    browser.click("#pause")
    eventually(lambda: not fake.viewers, "the page to leave")
    assert browser.find("#pause").get_attribute("aria-pressed") == "true"


def test_less_motion_means_no_flashes(browser, fake):
    browser.prefer(prefers_reduced_motion="reduce")
    open_map(browser, fake)
    assert lit_pixels(browser, "lights") == 0


# ---- settings ----


@pytest.fixture
def owned(fake):
    """A fake with settings; the password is `right`, the session `word`."""
    def login(request):
        if request.json() == {"password": "right"}:
            return 200, {"token": "word", "expires_in_s": 600}
        return 429, {"error": "too many"}, {"Retry-After": "90"}

    def settings(request):
        if request.headers.get("Authorization") != f"Bearer {fake.session}":
            return 401, {"error": "log in"}
        if not request.body:
            return 200, figures.settings()
        fake.posted = request.json()
        return 400, {"errors": {"max_peers": "not today"}}

    fake.session, fake.posted = "word", None
    fake.answers.update({"/api/login": login, "/api/settings": settings})
    return fake


def log_in(browser, fake):
    browser.open(f"{fake.url}/settings.html")
    browser.wait("#password").send_keys("right", Keys.ENTER)
    browser.wait("#option-interval")


def test_too_many_tries_are_told_with_their_time(browser, owned):
    browser.open(f"{owned.url}/settings.html")
    browser.wait("#password").send_keys("wrong", Keys.ENTER)
    browser.wait_text("#login-error", "1 min 30 sec")
    assert any("429" in line for line in browser.console())


def test_values_are_checked_while_typing(browser, owned):
    log_in(browser, owned)
    for wrong in ("99h", "x", "12parsecs", ""):
        retype(browser, "#option-interval", wrong)
        assert browser.find("#option-interval").get_attribute("aria-invalid") == "true", wrong
        assert not browser.find("#review").is_enabled()
    retype(browser, "#option-interval", "10m")
    assert browser.find("#review").is_enabled()
    retype(browser, "#option-interval", "1799s")  # as it was, said otherwise
    assert not browser.find("#changes").is_displayed()


def test_the_server_s_word_stands_at_its_field(browser, owned):
    log_in(browser, owned)
    retype(browser, "#option-max_peers", "5")
    browser.click("#option-full_scrape")
    browser.click("#review")
    assert "max_peers" in browser.wait("#dialog-rows").text
    browser.click("#save")
    browser.click("#apply")
    browser.wait_text("#option-max_peers-error", "not today")
    assert owned.posted == {"set": {"max_peers": "5", "full_scrape": "yes"}, "save": True}
    assert any("400" in line for line in browser.console())


def test_changes_outlive_the_session(browser, owned):
    log_in(browser, owned)
    retype(browser, "#option-max_peers", "7")
    owned.session = "another"
    browser.click("#review")
    browser.click("#apply")
    browser.wait("#password")
    assert "ended" in browser.text("#message")
    owned.session = "word"
    browser.wait("#password").send_keys("right", Keys.ENTER)
    assert browser.wait("#option-max_peers").get_attribute("value") == "7"
    browser.console()


def test_no_secret_is_shown_and_what_needs_a_restart_is_fixed(browser, owned):
    log_in(browser, owned)
    assert browser.find("#option-passkey").get_attribute("type") == "password"
    assert not browser.find("#option-max_interval").is_enabled()
    assert "A group this page does not know" in browser.text("#groups")


# ---- landing page ----


def test_only_what_is_there_is_linked(browser, fake):
    fake.answers["/api/site.json"] = lambda r: (200, {
        "stats": True, "map": False, "settings": False, "udp": 7777, "http": 0})
    browser.open(fake.url)
    browser.wait_text("#urls", "7777")
    assert [e.text for e in browser.all("#urls code")] == ["udp://127.0.0.1:7777/announce"]
    visible = [a.get_attribute("href") for a in browser.all("main .way") if a.is_displayed()]
    assert [href.rpartition("/")[2] for href in visible] == ["stats.html"]


def test_copying_says_so(browser, fake):
    browser.open(fake.url)
    browser.click("#urls li:first-child button")
    browser.wait_text("#copied", "Copied: udp://127.0.0.1")


class Tags(HTMLParser):
    """What a page loads, leads to and runs."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.forbidden = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href")]
        self.forbidden += [(tag, name) for name in named if name == "style" or name.startswith("on")]
        if tag in ("style", "base", "iframe", "object", "embed") or (
                tag == "script" and "src" not in named):
            self.forbidden.append((tag, ""))


def strangers(tags):
    """Targets that are no files of our own."""
    return [t for t in tags.targets if not re.match(r"/(?!/)|#", t)]


def test_no_page_can_run_foreign_code():
    """Of what the build made, nothing needs more than the policy grants."""
    pages = [Tags(page.read_text(encoding="utf-8")) for page in WEB_ROOT.glob("*.html")]
    assert len(pages) >= 4
    for tags in pages:
        assert tags.targets and not strangers(tags) and not tags.forbidden


@pytest.mark.parametrize("html", [
    '<script src="https://a.test/x.js"></script>', '<link href="//a.test/x.css">',
    '<script>x()</script>', '<p onclick="x()">', '<p style="top: 0">',
    '<a href="javascript:x()">'])
def test_foreign_code_would_be_seen(html):
    tags = Tags(html)
    assert strangers(tags) or tags.forbidden
