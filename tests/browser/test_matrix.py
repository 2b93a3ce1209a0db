"""Every page in every language, narrow and wide, light and dark: nothing in the console, nothing
wider than the window, nothing that axe-core knows to be in the way of people."""

import pytest
from selenium.webdriver.common.keys import Keys

from conftest import LANGUAGES
from kit.tracker import BENCH, Tracker, load

WINDOWS = ((360, 780), (1920, 1080))
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    running = Tracker(tmp_path_factory.mktemp("muster"))
    if BENCH.exists():
        load(running, "udp", "-d", "1s", "--rate", "3k").wait(60)
    yield running
    running.stop()


def show_index(browser, _tracker):
    browser.wait("#urls li")


def show_stats(browser, _tracker):
    browser.wait("#state.good")
    browser.wait("#panels .panel")


def show_map(browser, _tracker):
    browser.wait("#state.good")


def show_settings(browser, tracker):
    """The door first, then the options."""
    if browser.script("return sessionStorage.length === 0"):
        browser.wait("#password")
        assert not browser.axe()
        browser.find("#password").send_keys(tracker.token, Keys.ENTER)
    browser.wait("#option-interval")


PAGES = {"index": ("/", show_index), "stats": ("/stats.html", show_stats),
         "map": ("/map.html", show_map), "settings": ("/settings.html", show_settings)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_page(browser, tracker, page, language):
    path, show = PAGES[page]
    browser.open(f"{tracker.admin}/robots.txt")
    browser.script("localStorage.setItem('muster.language', arguments[0])", language)
    for width, height in WINDOWS:
        for theme in THEMES:
            browser.resize(width, height)
            browser.prefer(prefers_color_scheme=theme)
            browser.open(tracker.admin + path)
            show(browser, tracker)
            assert browser.script("return document.documentElement.lang") == language
            name = f"{page}-{language}-{width}-{theme}"
            browser.screenshot(name, whole=width < 600)
            assert not browser.axe(), name
            assert not browser.overflow(), name
            assert not browser.console(), name


@pytest.mark.parametrize("page", PAGES)
def test_everything_is_reached_by_keyboard(browser, tracker, page):
    path, show = PAGES[page]
    browser.open(tracker.admin + path)
    show(browser, tracker)
    wanted = browser.script(
        "return [...document.querySelectorAll('a[href], button, input, select, summary')]"
        ".filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true})).length")
    browser.script("document.activeElement.blur(); window.reached = new Set();"
                   "document.addEventListener('focusin', e => window.reached.add(e.target))")
    for _ in range(wanted + 2):
        browser.press(Keys.TAB)
    assert browser.script("return window.reached.size") >= wanted


def test_the_language_is_the_browser_s(tracker):
    from kit.browser import Browser
    german = Browser("de-AT")
    try:
        german.open(f"{tracker.admin}/stats.html")
        german.wait_text("h1", "Statistik")
        german.find("#language").send_keys("Español")
        german.wait_text("h1", "Estadísticas")
        german.open(tracker.admin)
        german.wait_text("h1", "Aquí vive")
    finally:
        german.quit()


def test_the_theme_is_kept(browser, tracker):
    browser.open(f"{tracker.admin}/")
    browser.wait("#urls li")
    browser.find("#theme").send_keys("Dark")
    browser.open(f"{tracker.admin}/stats.html")
    assert browser.script("return document.documentElement.dataset.theme") == "dark"
