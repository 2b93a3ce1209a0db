"""The pages of numbers: forms that other programs read, who may see what, thousands, minimal."""

import json
import re
import subprocess

import pytest

from harness import eventually, metrics_of, new_hash, stats_of, text_of
from harness.udp import COMPLETED, STARTED

# seeds: etracker's statistics page
ETRACKER_NAMES = """
    start_time thread_number load_avg interval active_sockets
    rusage.ru_maxrss malloc calloc *alloc free *alloc_-_free
    stats.http_101 stats.http_200 stats.http_400 stats.http_401 stats.http_403 stats.http_404
    stats.http_405 stats.http_408 stats.http_413
    stats.close_pass stats.send_pass stats.recv_pass stats.accept_pass
    stats.close_failed stats.send_skips stats.send_failed stats.recv_failed stats.accept_failed
    stats.recv_failed_read_0 stats.recv_failed_read_sub_0 stats.recv_failed_read_not_equal
    stats.send_pass_udp stats.recv_pass_udp stats.send_failed_udp stats.recv_failed_udp
    stats.keep_alive stats.no_keep_alive stats.sent_bytes stats.recv_bytes
    stats.sent_bytes_udp stats.recv_bytes_udp stats.announce stats.scrape
    stats.connect_udp stats.announce_udp stats.scrape_udp
""".split()
# Those of its head are on the text page in its own notation: "interval = 1800 (1750->1900)".
ETRACKER_HEAD = """
    start_time days_up failed thread_number load_avg interval interval_previous interval_required
    active_sockets rlimit_soft rlimit_hard
""".split()
# seeds: trakx as of 2019
TRAKX_OLD_NAMES = """
    tracker.stats.ips tracker.stats.hashes tracker.stats.peers tracker.stats.seeds
    tracker.stats.leeches trakx.database.connections trakx.database.uptime
    trakx.performance.goroutines trakx.performance.qlen
    tracker.performance.announces tracker.performance.announcesok tracker.performance.errors
    tracker.performance.errorssec tracker.performance.clienterrs tracker.performance.scrapes
    tracker.performance.scrapesok tracker.performance.connects tracker.performance.connectsok
""".split()
ERRNO_TABLES = ["close_errno", "send_errno", "recv_errno", "accept_errno", "send_errno_udp",
                "recv_errno_udp"]


@pytest.fixture
def shown(module_server):
    server = module_server("--sweep-period", "1", "--full-scrape", admin=True)
    yield server
    server.close_clients()


# --- forms -------------------------------------------------------------------------------------

def test_every_name_of_etrackers_page_is_there(shown):
    text, table = text_of(shown), stats_of(shown)["etracker"]
    for name in (n.replace("_-_", " - ") for n in ETRACKER_NAMES):
        assert re.search(rf"^{re.escape(name)}\s+= ", text, re.M), name
        assert name in table, name
    for name in ERRNO_TABLES:
        assert f"\n{name}\n" in text
    assert list(stats_of(shown)["errno"]) == ["close", "send", "recv", "accept", "send_udp",
                                              "recv_udp"]


def test_the_head_of_etrackers_page_is_in_the_json(shown):
    stats = stats_of(shown)
    table, interval, rates = stats["etracker"], stats["interval"], stats["rates"]
    assert list(table)[:len(ETRACKER_HEAD)] == ETRACKER_HEAD
    assert [table["interval"], table["interval_previous"], table["interval_required"]] == \
        [interval["now_s"], interval["previous_s"], interval["wanted_s"]]
    for family in "46":
        tcp, udp = rates[f"http{family}"], rates[f"udp{family}"]
        assert table["requests_per_second"][f"IPv{family}"] == {
            "TCP": tcp["now"], "TCP_MAX": tcp["max"], "UDP": udp["now"], "UDP_MAX": udp["max"]}


def test_trakxs_and_bittrackers_names_are_there(shown):
    stats = stats_of(shown)
    trakx = stats["trakx"]
    assert list(trakx["requests"]) == ["hits", "connects", "announces", "scrapes"]
    assert list(trakx["database"]) == ["seeds", "leeches", "peers", "ips", "hashes",
                                       "udpconnections", "connections", "uptime"]
    assert list(trakx["errors"]) == ["server", "client"]
    assert list(trakx["internal"]) == ["goroutines", "uptime"]
    assert trakx["database"]["peers"] == stats["peers"]
    for path in TRAKX_OLD_NAMES:
        value = stats
        for part in path.split("."):
            value = value[part]
        assert isinstance(value, int), path
    assert stats["tracker"]["stats"]["hashes"] == trakx["database"]["hashes"]
    for name in ("peers", "swarms", "seeders", "leechers", "paused", "uploaded", "downloaded"):
        assert name in stats


def test_promtool_finds_nothing_wrong(shown):
    shown.udp().announce(new_hash(), b"-qB4500-" + b"x" * 12)
    shown.http().get("/nowhere")
    checked = subprocess.run(["promtool", "check", "metrics"], input=shown.admin().get("/metrics").body,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (checked.returncode, checked.stdout) == (0, b"")


def test_histograms_are_whole(shown):
    for _ in range(20):
        shown.udp().announce(new_hash())
        shown.http().announce(new_hash())
    metrics = metrics_of(shown)
    for name, label in (("request_duration_seconds", 'door="udp",'),
                        ("request_duration_seconds", 'door="http",'),
                        ("reannounce_delay_seconds", "")):
        prefix = f"{name}_bucket{{{label}le="
        counts = [value for key, value in metrics.items() if key.startswith(prefix)]
        only = "{" + label.rstrip(",") + "}" if label else ""
        assert counts == sorted(counts) and counts[-1] == metrics[f"{name}_count{only}"]
        assert (counts[-1] > 0) == (metrics[f"{name}_sum{only}"] > 0) or "reannounce" in name
    latency = stats_of(shown)["latency_us"]["udp"]
    assert len(latency["count"]) == len(latency["le"]) + 1 and sum(latency["count"]) > 0


def test_a_peer_that_comes_back_is_in_the_delays(shown):
    client, info_hash, peer_id = shown.udp(), new_hash(), b"-TR3000-" + b"y" * 12
    before = stats_of(shown)["reannounce_s"]
    client.announce(info_hash, peer_id, port=4000)
    assert stats_of(shown)["reannounce_s"] == before
    client.announce(info_hash, peer_id, port=4000)
    after = stats_of(shown)["reannounce_s"]
    assert sum(after["count"]) == sum(before["count"]) + 1
    assert after["count"][0] == before["count"][0] + 1


def test_clients_are_told_by_their_software(shown):
    def announces():
        return {c["name"]: c["announces"] for c in stats_of(shown)["clients"]}
    before = announces()
    for peer_id in (b"-DE211s-", b"-DE2110-", b"S58B----", b"\0\0\0\0\0\0\0\0"):
        shown.udp().announce(new_hash(), peer_id + b"z" * 12)
    after = announces()
    for name, count in (("Deluge", 2), ("Shadow's client", 1), ("other", 1)):
        assert after[name] == before.get(name, 0) + count


def test_a_client_that_asks_often_adds_one_peer(shown):
    def transmission():
        counted = [c for c in stats_of(shown)["clients"] if c["code"] == "TR"]
        return (counted[0]["announces"], counted[0]["peers_added"]) if counted else (0, 0)
    client, info_hash, (announces, added) = shown.udp(), new_hash(), transmission()
    for _ in range(5):
        client.announce(info_hash, b"-TR3000-" + b"o" * 12, port=4001)
    assert transmission() == (announces + 5, added + 1)
    metrics = metrics_of(shown)
    assert metrics['client_peers_added_total{code="TR",client="Transmission"}'] == added + 1


COUNTED = r"\d+\n\d+\n\d+ seconds \(0 hours\)\nopentracker "


@pytest.mark.parametrize("mode, form", [
    ("conn", COUNTED + r"connections, \d+ conns/s :: \d+ success/s\."),
    ("udp4", COUNTED + r"udp4 stats, \d+ conns/s :: \d+ success/s\."),
    ("tcp4", COUNTED + r"tcp4 stats, \d+ conns/s :: \d+ success/s\."),
    ("scrp", COUNTED + r"scrape stats, \d+ scrape/s \(tcp and udp\)"),
    ("fscr", COUNTED + r"full scrape stats, \d+ conns/s :: \d+ bytes/s\."),
    ("completed", r"\d+\n0\n\d+ seconds \(0 hours\)\nopentracker, \d+ completed/h\."),
    ("renew", r"(\d\d \d+\n){45}"),
    ("herr", r"(\d\d\d ... \d+\n){7}"),
    ("version", r"muster \S+\n"),
])
def test_opentrackers_forms(shown, mode, form):
    assert re.fullmatch(form, text_of(shown, f"?mode={mode}"))


def test_opentrackers_list_of_torrents(shown):
    client, info_hash = shown.udp(), new_hash()
    client.announce(info_hash, b"-TR3000-" + b"q" * 12, left=0, port=5000, event=STARTED)
    line = f"{info_hash.hex().upper()}:1:0"
    assert line in text_of(shown, "?mode=tpbs").splitlines()
    assert line + ":0" in text_of(shown, "?mode=tpbs&format=txtp").splitlines()
    raw = shown.admin().get("/stats?mode=tpbs&format=bin").body
    assert len(raw) % 28 == 0 and info_hash + bytes([0, 0, 0, 1, 0, 0, 0, 0]) in raw
    assert line.encode() in shown.http().get("/stats?mode=tpbs").body


def test_an_unknown_mode_is_an_error(shown):
    assert shown.admin().get("/stats?mode=nope").status == 400
    assert shown.admin().get("/stats?mode=").status == 400


# --- history -----------------------------------------------------------------------------------

@pytest.mark.slow
def test_history_grows_by_a_point_every_ten_seconds(start_server):
    server = start_server(admin=True)
    server.udp().announce(new_hash())
    def points():
        return json.loads(server.admin().get("/api/history.json").body)
    assert points()["count"] == 0
    eventually(lambda: points()["count"] == 1, "a point", 20)
    point = points()
    assert point["step_s"] == 10 and point["series"]["peers"] == [1]
    assert 0 < point["series"]["udp4"][0] < 1 and point["series"]["rss_bytes"][0] > 1 << 20
    assert all(len(values) == 1 for values in point["series"].values())
    end = point["end_unix_s"]
    later = json.loads(server.admin().get(f"/api/history.json?since={end}").body)
    assert later["count"] == 0 and later["series"]["peers"] == []
    assert server.admin().get("/api/history.json?since=x").status == 400


# --- who may see what --------------------------------------------------------------------------

def main_port_json(server):
    return json.loads(server.http().get("/stats.json").body)


def test_top_swarms_and_talkers_stay_local(shown):
    for _ in range(3):
        shown.udp().announce(new_hash())
    eventually(lambda: stats_of(shown)["top_swarms"], "a sweep")
    local, unix = stats_of(shown), json.loads(shown.unix().get("/stats.json").body)
    assert local["top_talkers"] is not None and "top_talkers" in unix
    public = main_port_json(shown)
    assert "top_swarms" not in public and "top_talkers" not in public
    assert "\t" not in shown.http().get("/stats?mode=top10").body.decode()
    assert "\t" in text_of(shown, "?mode=top10")


def test_top_swarms_can_be_public_or_off(start_server):
    public = start_server("--top-swarms", "public", "--sweep-period", "1", admin=True)
    hashes = [new_hash() for _ in range(3)]
    for size, info_hash in enumerate(hashes, 1):
        for i in range(size):
            public.udp().announce(info_hash, port=1000 + i, left=i)
    def rows():
        return main_port_json(public)["top_swarms"]
    eventually(lambda: [(r["seeders"], r["leechers"]) for r in rows()] == [(1, 2), (1, 1), (1, 0)],
               "three swarms")
    assert [r["info_hash"] for r in rows()] == [h.hex() for h in reversed(hashes)]
    assert "top_talkers" not in main_port_json(public)
    off = start_server("--top-swarms", "off", admin=True)
    assert "top_swarms" not in stats_of(off)


def test_the_most_talkative_is_found(start_server):
    server = start_server(admin=True)
    busy, quiet = server.udp("127.0.0.7"), server.udp("127.0.0.8")
    for i in range(2000):
        busy.connect()
        if i % 100 == 0:
            quiet.connect()
    first = stats_of(server)["top_talkers"][0]
    assert first["address"] == "127.0.0.7" and 1000 < first["requests"] < 4000


def test_metrics_are_public_only_where_they_are_told_to_be(start_server, shown):
    assert shown.http().get("/metrics").status == 404
    assert start_server("--public-metrics", admin=True).http().get("/metrics").status == 200
    private = start_server("--no-public-stats", admin=True)
    for page in ("/stats", "/stats.json", "/api/history.json"):
        assert private.http().get(page).status == 404
        assert private.admin().get(page).status == 200


def test_the_main_port_makes_a_page_once_a_second(start_server):
    server = start_server(admin=True)
    announced = 0

    def is_kept():  # of two within a second; a slow machine has another try
        nonlocal announced
        first = main_port_json(server)
        server.udp().announce(new_hash())
        announced += 1
        return main_port_json(server)["peers"] == first["peers"] < announced

    eventually(is_kept, "the same page twice")
    assert stats_of(server)["peers"] == announced
    eventually(lambda: main_port_json(server)["peers"] == announced, "a fresh page")


# --- options -----------------------------------------------------------------------------------

def test_minimal_counts_requests_only(start_server):
    server = start_server("--stats", "minimal", admin=True)
    client, info_hash, peer_id = server.udp(), new_hash(), b"-TR3000-" + b"y" * 12
    for _ in range(20):
        client.announce(info_hash, peer_id)
    stats = stats_of(server)
    assert stats["stats"] == "minimal"
    assert stats["etracker"]["stats.announce_udp"] == 20
    assert sum(stats["latency_us"]["udp"]["count"]) == sum(stats["reannounce_s"]["count"]) == 0
    assert stats["clients"] == [] and stats["top_talkers"] == []


def with_locales(folder, *names):
    """An environment with these; glibc itself never frees what LOCPATH said."""
    for name in names:
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", str(folder / f"{name}.UTF-8")],
                       check=True, stdout=subprocess.DEVNULL)
    return {"LOCPATH": str(folder), "LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}


@pytest.mark.parametrize("name", ["fr_FR", "ru_RU"])
def test_the_log_line_has_plain_spaces_for_no_break_spaces(start_server, tmp_path, name):
    server = start_server("--locale", f"{name}.UTF-8", "--sweep-period", "5",
                          env=with_locales(tmp_path, name))
    client = server.udp()
    for port in range(1, 1101):
        client.announce(new_hash(), port=port)
    server.wait_output(r"TP: 1 100 TT: 1 100 TL: 0 ", deadline_s=90)


def test_thousands_are_the_locales(start_server, tmp_path):
    env = with_locales(tmp_path, "en_US", "de_DE")
    server = start_server("--locale", "en_US.UTF-8", "--nofile", "4096", "--charset", "koi8-r",
                          "--sweep-period", "1", admin=True, env=env)
    assert "(rlimit 4,096/" in text_of(server)
    assert server.admin().get("/stats").header("Content-Type") == "text/plain; charset=koi8-r"
    client = server.udp()
    for port in range(1, 1201):
        client.announce(new_hash(), port=port)
    assert re.search(r"^torrents +=  +1,200$", text_of(server), re.M)
    assert stats_of(server)["torrents"]["total"] == 1200
    german = start_server("--nofile", "4096", admin=True, env={**env, "LC_ALL": "de_DE.UTF-8"})
    assert "(rlimit 4.096/" in text_of(german)
    plain = start_server("--locale", "xx_XX", "--nofile", "4096", admin=True, env=env)
    plain.wait_output("locale: this system does not know xx_XX")
    assert "(rlimit 4096/" in text_of(plain)


def test_completed_downloads_are_counted(shown):
    client, info_hash, peer_id = shown.udp(), new_hash(), b"-TR3000-" + b"c" * 12
    before = stats_of(shown)["torrents"]["completed_total"]
    client.announce(info_hash, peer_id, port=7000, left=1, event=STARTED)
    client.announce(info_hash, peer_id, port=7000, left=0, event=COMPLETED)
    assert stats_of(shown)["torrents"]["completed_total"] == before + 1
