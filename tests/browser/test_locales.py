"""The language files: the checker that guards the build, and that it sees what it should."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import LANGUAGES

WEB = Path(__file__).resolve().parents[2] / "web"


def check(folder):
    run = subprocess.run(["node", WEB / "tools/check_locales.mjs", folder], encoding="utf-8",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return run.returncode, run.stdout


def test_the_languages_are_whole():
    assert check(WEB) == (0, "locales: ok\n")


@pytest.fixture
def copy(tmp_path):
    """The pages' sources, and the tables of the tracker beside them."""
    for part in ("src", "pages", "tools", "locales"):
        shutil.copytree(WEB / part, tmp_path / "web" / part)
    for path in [*(WEB / "../src/app").glob("options*"), WEB / "../src/base/err.def"]:
        to = tmp_path / "src" / path.parent.name / path.name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    return tmp_path / "web"


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
    ("en", lambda t: t.pop("group.state"), "en group.state: missing"),
    ("en", lambda t: t.update({"group.old": "Old"}), "en group.old: the tracker has no such name"),
    ("en", lambda t: t.pop("kind.bad_packet"), "en kind.bad_packet: missing"),
    ("en", lambda t: t.update({"option.port": "a"}), "en option.port: the tracker has no such name"),
    ("ru", lambda t: t.pop("option.state_dir"), "ru option.state_dir: missing"),
    ("es", lambda t: t.update({"option.old": "nada"}), "es option.old: en has no such key"),
    ("de", lambda t: t.update({"option.port": "one port for UDP and TCP"}),
     "de option.port: left in English"),
])
def test_the_checker_sees(copy, code, change, complaint):
    edit(copy, code, change)
    status, said = check(copy)
    assert status == 1 and complaint in said


def test_a_new_option_wants_a_line_in_every_language(copy):
    table = copy.parent / "src/app/options_running.def"
    row = '{.name = "brand_new", .zero = "on Mondays", .help = "new"},\n'
    table.write_text(table.read_text(encoding="utf-8") + row, encoding="utf-8")
    status, said = check(copy)
    missing = [f"{code} {key}: missing" for code in LANGUAGES if code != "en"
               for key in ("option.brand_new", "phrase.on Mondays")]
    assert status == 1 and sorted(said.splitlines()) == sorted(missing)
