"""Fixtures. A test process has one Chromium; each test starts on a page of its own, with nothing
kept from the one before."""

import pytest

from kit.browser import Browser
from kit.fake import WEB_ROOT, FakeTracker

LANGUAGES = ("en", "zh", "ru", "de", "es")


def pytest_configure():
    if not (WEB_ROOT / "index.html").is_file():
        raise pytest.UsageError(f"no pages in {WEB_ROOT} (./dev pages makes them)")


@pytest.fixture(scope="session")
def chromium():
    running = Browser()
    yield running
    running.quit()


@pytest.fixture
def browser(chromium):
    """English, light, 1280 pixels wide. At the end no page may have complained in the console;
    a test that provokes complaints reads them with browser.console()."""
    chromium.open("about:blank")
    chromium.resize(1280, 900)
    chromium.prefer(prefers_color_scheme="light", prefers_reduced_motion="no-preference")
    chromium.console()
    yield chromium
    complaints = chromium.console()
    chromium.forget()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def fake():
    with FakeTracker() as tracker:
        yield tracker


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure comes with a picture of the page."""
    report = (yield).get_result()
    if report.when == "call" and report.failed and "browser" in item.funcargs:
        path = item.funcargs["browser"].screenshot(f"failed-{item.name}".replace("/", "-"))
        report.sections.append(("screenshot", str(path)))
