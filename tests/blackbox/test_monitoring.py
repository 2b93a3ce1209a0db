"""What packaging/ gives to operators: Debian's Prometheus reads a muster that is used at every door,
and every query of the dashboard and the alerts must find what it asks for."""

import json
import math
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness import Owner, Server, UdpError, eventually, new_hash, raw_query
from harness.prometheus import Prometheus

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
RULES = PACKAGING / "prometheus/muster.rules.yml"
RULE_CASES = Path(__file__).resolve().parent / "monitoring/muster.rules.test.yml"
DASHBOARD = json.loads((PACKAGING / "grafana/muster.json").read_text("utf-8"))
ALL_RULES = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
             for rule in group["rules"]]
ALERTS = [rule for rule in ALL_RULES if "alert" in rule]

SELECTOR = re.compile(r"(?<![\w:])(?:up|muster_\w+|instance\w*:muster_\w+:\w+)(?:\{[^}]*\})?")
# What Grafana puts in the place of its variables. The window spans the whole test, so that it is
# never empty, however slow the machine.
VARIABLES = {"$job": "muster", "$instance": ".*", "$__rate_interval": "5m", "$__interval": "5m"}


# --- load at every door --------------------------------------------------------------------------

def announce_and_scrape(server):
    """Each action of each door and family; announces twice, for the delay between them."""
    for client, id_ in ((server.udp(), b"-qB4500-aaaaaaaaaaaa"),
                        (server.udp6(), b"-TR4000-bbbbbbbbbbbb")):
        torrent = new_hash()
        for left in (1, 0):
            client.announce(torrent, id_, left=left, port=7000)
        client.scrape(torrent)
        assert isinstance(client.scrape(torrent, connection_id=1), UdpError)
    for client in (server.http(), server.http6()):
        assert client.get(b"/announce?" + raw_query()).status == 200
        assert client.get(b"/announce?" + raw_query(port=None)).failure
        assert client.get("/heartbeat").status == 200
    server.close_clients()


def operate(server):
    """Numbers on the main port, a wrong password, a changed option."""
    assert server.http().get("/stats.json").status == 200
    assert Owner(server.admin()).login("wrong")[0] in (401, 429)
    Owner(server.unix()).set(numwant="50")
    server.close_clients()


def reset_connection(server):
    """A client that goes away rudely: recv fails with ECONNRESET."""
    client = server.http().open()
    client.send(b"GET /announce?")
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def use(server):
    reset_connection(server)
    operate(server)
    for _ in range(8):  # one turn in eight is measured for its latency
        announce_and_scrape(server)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus that has read muster before, between and after some use of it; with an access
    list and a state folder, so that their ages are there."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "denied").write_text(f"{new_hash().hex()} not here\n", "utf-8")
    server = Server("--sweep-period", "1", "--deny-torrents", str(folder / "denied"),
                    "--state-dir", str(folder / "state"), "--save-interval", "1", admin=True)
    running = Prometheus(f"127.0.0.1:{server.admin_port}", RULES)
    try:
        for expected in (2, 4, 6):
            eventually(lambda: scrapes(running) >= expected, f"{expected} scrapes")
            use(server)
        done = scrapes(running)
        eventually(lambda: scrapes(running) >= done + 3, "scrapes after the load")
        yield running
    finally:
        running.stop()
        server.stop()


def scrapes(prometheus):
    found = prometheus.query('count_over_time(muster_build_info{job="muster"}[1h])')
    return found[0][1] if found else 0


# --- queries -------------------------------------------------------------------------------------

def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def filled_in(expression):
    for name in sorted(VARIABLES, key=len, reverse=True):
        expression = expression.replace(name, VARIABLES[name])
    assert "$" not in expression, f"unknown variable: {expression}"
    return expression


def test_panels_show_data(prometheus):
    for panel in panels():
        for target in panel["targets"]:
            expression = filled_in(target["expr"])
            assert eventually(lambda: numbers(prometheus, expression),
                              f"{panel['title']}: data for {expression}")


def numbers(prometheus, expression):
    return [value for _, value in prometheus.query(expression) if not math.isnan(value)]


def test_dashboard_variables_find_the_tracker(prometheus):
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
        values = {labels[found[2]] for labels, _ in prometheus.query(filled_in(found[1]))}
        assert len(values) == 1, variable["name"]


def test_annotations_are_valid(prometheus):
    for annotation in DASHBOARD["annotations"]["list"]:
        prometheus.query(filled_in(annotation["expr"]))


def test_rules_read_what_is_there(prometheus):
    """Whether or not an alert fires now, each of its selectors must find something."""
    for rule in ALL_RULES:
        prometheus.query(rule["expr"])
        for selector in SELECTOR.findall(rule["expr"]):
            assert eventually(lambda: prometheus.query(selector),
                              f"{rule.get('alert') or rule['record']}: data for {selector}")


def test_rules_are_evaluated_without_errors(prometheus):
    def groups():
        all_groups = prometheus.ask("rules")["groups"]
        rules = [rule for group in all_groups for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else None
    rules = eventually(groups, "all rules evaluated")
    assert len(rules) == len(ALL_RULES)
    assert [(r["name"], r["lastError"]) for r in rules if r["health"] != "ok"] == []


def test_metrics_scrape_cleanly(prometheus):
    target, = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


# --- the files by themselves ---------------------------------------------------------------------

def promtool(*words):
    done = subprocess.run(["promtool", *map(str, words)], stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                          check=False)
    assert done.returncode == 0, done.stdout


def test_files_pass_promtool():
    promtool("check", "rules", RULES)
    promtool("check", "config", PACKAGING / "prometheus/prometheus.yml")


def test_alerts_fire_when_they_should():
    promtool("test", "rules", RULE_CASES)


def test_every_alert_has_a_case_that_fires_it():
    cases = yaml.safe_load(RULE_CASES.read_text("utf-8"))["tests"]
    labels = [sample["labels"] for case in cases for test in case["promql_expr_test"]
              for sample in test["exp_samples"]]
    fired = {name for text in labels for name in re.findall(r'alertname="(\w+)"', text)}
    assert fired == {alert["alert"] for alert in ALERTS}


def test_alerts_say_what_to_do():
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning", "info"), alert["alert"]
        assert {"summary", "description", "action"} <= alert["annotations"].keys(), alert["alert"]


def test_panels_say_what_they_show():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in panels():
        assert panel["title"] and panel["description"], panel["id"]
        unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"]["yAxis"]["unit"]
        assert unit, panel["title"]


def test_a_metric_on_no_panel_is_found(tmp_path):
    """The check that `./dev test docs` makes, on a reference with one metric more, and without one
    that it says is on no panel."""
    known = (ROOT / "docs/generated/metrics.md").read_text("utf-8")
    assert panels_check(tmp_path, known) == (0, "")
    code, said = panels_check(tmp_path, known + "| `nobody_looks_total` | | | x |\n")
    assert code == 1 and said.startswith("muster_nobody_looks_total: "), said
    code, said = panels_check(tmp_path, known.replace("`tcp_ends_total`", ""))
    assert code == 1 and said.startswith("muster_tcp_ends_total: "), said


def panels_check(folder, reference):
    (folder / "metrics.md").write_text(reference, "utf-8")
    done = subprocess.run([sys.executable, "-B", ROOT / "tools/monitoring_docs.py", "check",
                           PACKAGING, folder / "metrics.md"], stdout=subprocess.PIPE,
                          encoding="utf-8", timeout=60, check=False)
    return done.returncode, done.stdout


def test_panels_do_not_overlap():
    taken = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])):
            assert taken.setdefault(cell, panel["title"]) == panel["title"], cell


# --- Netdata -------------------------------------------------------------------------------------

def netdata_templates():
    text = (PACKAGING / "netdata/health.d/muster.conf").read_text("utf-8")
    blocks = re.split(r"^ *template: *", text, flags=re.M)[1:]
    return {block.split()[0]: dict(re.findall(r"^ *(\w+): *(.+)$", block, re.M))
            for block in blocks}


def test_netdata_alarms_name_charts_that_exist(prometheus):
    job, = yaml.safe_load((PACKAGING / "netdata/go.d/prometheus.conf").read_text("utf-8"))["jobs"]
    for name, template in netdata_templates().items():
        collector, app, metric = template["on"].split(".")
        assert (collector, app) == ("prometheus", job["app"]), name
        assert metric.startswith(job["expected_prefix"]), name
        assert prometheus.query(metric), f"{name}: no {metric}"
        assert ("lookup" in template) != ("calc" in template), name
        assert ("warn" in template or "crit" in template) == ("to" in template), name
