"""Headless Chromium, a page at a time."""

import base64
import os
import re
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from harness import eventually

# Nothing but the page itself: no updates, no first-run pages, no experiments from the network.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"]
AXE = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
SCREENSHOTS = Path(os.environ.get("MUSTER_SCREENSHOTS", "build/test-results/screenshots"))
BASELINE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Browser:
    """One Chromium with a fresh profile. `language` is what it asks pages for, "de" or "zh-CN"."""

    def __init__(self, language="en-US"):
        self.profile = tempfile.TemporaryDirectory(prefix="muster-browser-",
                                                   ignore_cleanup_errors=True)
        options = Options()
        for flag in [*FLAGS, f"--user-data-dir={self.profile.name}", f"--lang={language}"]:
            options.add_argument(flag)
        options.binary_location = "/usr/bin/chromium"
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("unhandledPromptBehavior", "accept")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)

    def quit(self):
        self.driver.quit()
        self.profile.cleanup()

    def resize(self, width, height):
        """The size of the page itself; also below the smallest window that Chromium makes."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def prefer(self, **features):
        """prefer(prefers_color_scheme="dark", prefers_reduced_motion="reduce")"""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()]})

    def open(self, url):
        self.driver.get(url)

    def forget(self):
        """Leave the site and what it kept."""
        self.script("try { localStorage.clear(); sessionStorage.clear(); } catch { }"
                    "window.onbeforeunload = null")
        self.open("about:blank")

    def press(self, *keys):
        """To whatever has the focus."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def script(self, code, *args):
        return self.driver.execute_script(code, *args)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        """Scrolls it to the middle first, clear of bars that stay at the edges."""
        element = self.wait(selector)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def text(self, selector):
        return self.script("return document.querySelector(arguments[0])?.textContent ?? ''",
                           selector)

    def wait_text(self, selector, pattern):
        """Until the element's text matches; returns the match."""
        return eventually(lambda: re.search(pattern, self.text(selector)),
                          f"/{pattern}/ in {selector}; now: {self.text(selector)[:200]!r}")

    def wait(self, selector):
        """Until the element is there and visible; returns it."""
        def probe():
            found = [e for e in self.all(selector) if e.is_displayed()]
            return found[0] if found else None
        return eventually(probe, f"{selector} to be visible")

    def console(self):
        """Warnings and errors since the last call."""
        return [f"{e['level']}: {e['message']}" for e in self.driver.get_log("browser")
                if e["level"] in ("SEVERE", "WARNING")]

    def axe(self):
        """What axe-core finds, readable."""
        self.script(AXE.read_text(encoding="utf-8") + ";window.axe = axe;")
        result = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: arguments[0]})"
            ".then(r => done(r.violations), e => done([{id: 'axe', help: String(e), nodes: []}]))",
            BASELINE_RULES)
        return [f"{v['id']}: {v['help']}\n" + "\n".join(
            f"    {n['html'][:160]}  {n.get('failureSummary', '')[:300]}" for n in v["nodes"][:4])
            for v in result]

    def overflow(self):
        """Elements that make the page wider than its window."""
        return self.script(
            "const w = document.documentElement.clientWidth;"
            "if (document.documentElement.scrollWidth <= w) return [];"
            "return [...document.querySelectorAll('body *')].filter(e =>"
            " e.getBoundingClientRect().right > w + 1).slice(0, 8).map(e => e.outerHTML.slice(0, 120));")

    def screenshot(self, name, whole=False):
        """build/test-results/screenshots/NAME.png"""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        if whole:
            shot = self.driver.execute_cdp_cmd("Page.captureScreenshot",
                                               {"captureBeyondViewport": True})
            path.write_bytes(base64.b64decode(shot["data"]))
        else:
            self.driver.save_screenshot(str(path))
        return path


