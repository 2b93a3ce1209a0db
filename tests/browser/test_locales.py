"""The language files: the checker that guards the build, and that it sees what it should."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"


def check(folder):
    run = subprocess.run(["node", WEB / "tools/check_locales.mjs", folder], encoding="utf-8",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return run.returncode, run.stdout


def test_the_languages_are_whole():
    assert check(WEB) == (0, "locales: ok\n")


@pytest.fixture
def copy(tmp_path):
    for part in ("src", "pages", "tools", "locales"):
        shutil.copytree(WEB / part, tmp_path / part)
    return tmp_path


def edit(folder, code, change):
    path = folder / f"locales/{code}.json"
    texts = json.loads(path.read_text(encoding="utf-8"))
    change(texts)
    path.write_text(json.dumps(texts), encoding="utf-8")


@pytest.mark.parametrize("code, change, complaint", [
    ("de", lambda t: t.pop("stats.load"), "de stats.load: missing"),
    ("de", lambda t: t.update({"stats.new": "neu"}), "de stats.new: en has no such key"),
    ("en", lambda t: t.update({"stats.new": "new"}), "en stats.new: no source names it"),
    ("en", lambda t: t.pop("stats.load"), "en stats.load: missing"),
    ("es", lambda t: t.update({"stats.load": "Load"}), "es stats.load: left in English"),
    ("es", lambda t: t.update({"stats.most": "máximo"}), 'es stats.most: placeholders ""'),
    ("ru", lambda t: t["stats.workers"].pop("few"), 'ru stats.workers: no plural form "few"'),
    ("zh", lambda t: t["stats.workers"].update(one="{n}"), 'zh stats.workers: zh has no "one"'),
    ("zh", lambda t: t.update({"stats.load": " "}), "zh stats.load: empty"),
])
def test_the_checker_sees(copy, code, change, complaint):
    edit(copy, code, change)
    status, said = check(copy)
    assert status == 1 and complaint in said
