"""Made-up answers of a large tracker, in the shape of the real ones."""

import math
import random
import time

DAY_S = 86400
STEP_S = 10
LE_US = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000]
LE_S = [60, 120, 300, 600, 900, 1200, 1500, 1800, 2400, 3600]
CLIENTS = [("qB", "qBittorrent", 5210000), ("TR", "Transmission", 2120000),
           ("lt", "libtorrent (rTorrent)", 980000), ("UT", "µTorrent", 910000),
           ("DE", "Deluge", 430000), ("BC", "BitComet", 220000), ("other", "other", 310000)]


def wave(now_s, low, high, noise=0.0):
    """A day's ups and downs."""
    level = (1 - math.cos(now_s / DAY_S * 2 * math.pi)) / 2
    spot = random.Random(int(now_s)).gauss(0, noise)
    return max(0, (low + (high - low) * level) * (1 + spot))


def at(now_s):
    """What the charts show of one moment."""
    return {
        "udp4": wave(now_s, 21000, 64000, 0.02), "udp6": wave(now_s, 4000, 15000, 0.03),
        "http4": wave(now_s, 2500, 7400, 0.04), "http6": wave(now_s, 600, 2100, 0.05),
        "announces": wave(now_s, 18000, 58000, 0.02), "errors": wave(now_s, 2, 9, 0.5),
        "drops": 0, "peers": int(wave(now_s, 19.2e6, 24.6e6)),
        "seeders": int(wave(now_s, 12.1e6, 14.9e6)), "torrents": int(wave(now_s, 8.8e6, 9.4e6)),
        "interval_s": int(wave(now_s, 900, 1620)), "load1": wave(now_s, 0.5, 1.3, 0.05),
        "rss_bytes": int(wave(now_s, 5.1e8, 6.1e8)),
        "connections": int(wave(now_s, 300, 1900, 0.05)),
        "latency_udp_p99_us": wave(now_s, 22, 61, 0.1),
    }


def history(start_unix_s, since_unix_s=0):
    end = int(time.time()) // STEP_S * STEP_S
    first = max(end - DAY_S + STEP_S, since_unix_s + STEP_S, int(start_unix_s))
    first += -first % STEP_S
    points = [at(t) for t in range(first, end + 1, STEP_S)]
    names = at(end)
    return {"step_s": STEP_S, "end_unix_s": end, "count": len(points),
            "series": {name: [round(p[name], 2) for p in points] for name in names}}


def stats(start_unix_s, restarts=0):
    now = int(time.time())
    p, up = at(now), now - start_unix_s
    rates = {n: {"now": round(p[n]), "max": round(peak)} for n, peak in
             (("udp4", 71234), ("udp6", 17021), ("http4", 8911), ("http6", 2502),
              ("announces", 64020))}
    total = sum(rates[n]["now"] for n in ("udp4", "udp6", "http4", "http6"))
    rates["total"] = {"now": total, "max": 98210}
    requests = [{"door": d, "family": f, "action": a, "count": int(n * up)} for d, f, a, n in
                (("udp", "ipv4", "announce", 38000), ("udp", "ipv4", "connect", 9000),
                 ("udp", "ipv4", "scrape", 2100), ("udp", "ipv6", "announce", 7400),
                 ("udp", "ipv6", "connect", 2000), ("http", "ipv4", "announce", 5100),
                 ("http", "ipv4", "scrape", 300), ("http", "ipv4", "page", 2),
                 ("http", "ipv6", "announce", 1500), ("udp", "ipv4", "heartbeat", 0))]
    return {
        "name": "muster", "version": "0.4.0", "start_unix_s": start_unix_s, "now_unix_s": now,
        "uptime_s": up, "restarts": restarts, "pid": 4242, "workers": 8, "mode": "tracker",
        "stats": "full", "peers": p["peers"], "swarms": p["torrents"], "seeders": p["seeders"],
        "leechers": p["peers"] - p["seeders"], "paused": 0, "uploaded": 0, "downloaded": 0,
        "peers_by": {"ipv4": int(p["peers"] * .81), "ipv6": int(p["peers"] * .19),
                     "seeders_ipv4": int(p["seeders"] * .8), "seeders_ipv6": int(p["seeders"] * .2)},
        "torrents": {"total": p["torrents"], "large": 41200, "peers_max": 48211,
                     "completed_total": 31233456},
        "interval": {"now_s": p["interval_s"], "previous_s": 1500, "wanted_s": 1560,
                     "min_s": 300, "max_s": 1799},
        "load": {"average": [round(p["load1"], 2), 1.02, 0.98], "max": 7.5, "cpu": 1.1},
        "rates": rates, "requests": requests,
        "errors": [{"door": "udp", "kind": "bad_connection_id", "count": 41231},
                   {"door": "http", "kind": "bad_info_hash", "count": 812}],
        "drops": {"kernel": 0, "sockets": [{"address": "udp://0.0.0.0:6969", "worker": n,
                                            "drops": 0} for n in range(4)]},
        "connections": {"open": p["connections"], "max": 16384, "accepted": 7100 * up,
                        "closed": 7099 * up, "timeouts": 2211, "refused": 0, "evicted": 12,
                        "handed_over": 4123},
        "bytes": {"udp_received": 7400000 * up, "udp_sent": 18400000 * up,
                  "tcp_received": 2400000 * up, "tcp_sent": 5400000 * up},
        "memory": {"rss_bytes": p["rss_bytes"], "store_bytes": int(p["rss_bytes"] * .94),
                   "store_max_bytes": 16 << 30, "bytes_per_peer": 22.9},
        "sweep": {"period_s": 60, "peers_removed": 812 * up, "torrents_removed": 99 * up,
                  "us": 381000, "hold_ns_max": 71200},
        "latency_us": {
            "udp": {"le": LE_US, "sum": 9 * up, "count": [int(up * n) for n in (
                200, 2800, 21000, 26000, 6000, 900, 210, 40, 8, 2, 1, 0, 0, 0, 0)]},
            "http": {"le": LE_US, "sum": 9 * up, "count": [int(up * n) for n in (
                0, 0, 100, 2100, 4000, 900, 200, 20, 8, 4, 1, 0, 0, 0, 0)]}},
        "reannounce_s": {"le": LE_S, "sum": 1400 * up, "count": [int(up * n) for n in (
            400, 300, 900, 1200, 5200, 8000, 15000, 9000, 900, 300, 100)]},
        "clients": [{"code": c, "name": n, "announces": a, "peers_added": a // 31}
                    for c, n, a in CLIENTS],
        "top_swarms": [{"info_hash": f"{random.Random(n).getrandbits(160):040x}",
                        "seeders": 41000 // n, "leechers": 7200 // n, "completed": 812000 // n}
                       for n in range(1, 9)],
        "errno": {"close": {}, "send": {"EPIPE": 812, "ECONNRESET": 4123}, "recv": {
            "ECONNRESET": 9123}, "accept": {}, "send_udp": {"EPERM": 3}, "recv_udp": {}},
        "etracker": {"start_time": start_unix_s, "interval": p["interval_s"],
                     "interval_previous": 1500, "interval_required": 1560,
                     "requests_per_second": {f"IPv{f}": {
                         "TCP": rates[f"http{f}"]["now"], "TCP_MAX": rates[f"http{f}"]["max"],
                         "UDP": rates[f"udp{f}"]["now"], "UDP_MAX": rates[f"udp{f}"]["max"]}
                         for f in "46"},
                     **{f"stats.http_{n}": n * 7 for n in (101, 200, 400, 401, 403, 404, 405, 408)}},
        "trakx": {"requests": {"hits": 1, "connects": 2, "announces": 3, "scrapes": 4},
                  "errors": {"server": 0, "client": 5}},
        "metrics": {f"muster_counter_{n}_total": n * n * 31 for n in range(80)},
    }


CITIES = [(52.5, 13.4, "DE"), (48.9, 2.4, "FR"), (51.5, -0.1, "GB"), (40.4, -3.7, "ES"),
          (55.8, 37.6, "RU"), (59.9, 30.3, "RU"), (41.0, 29.0, "TR"), (28.6, 77.2, "IN"),
          (19.1, 72.9, "IN"), (39.9, 116.4, "CN"), (31.2, 121.5, "CN"), (35.7, 139.7, "JP"),
          (37.6, 127.0, "KR"), (1.3, 103.8, "SG"), (-6.2, 106.8, "ID"), (14.6, 121.0, "PH"),
          (-33.9, 151.2, "AU"), (-37.8, 145.0, "AU"), (40.7, -74.0, "US"), (34.1, -118.2, "US"),
          (41.9, -87.6, "US"), (45.5, -73.6, "CA"), (19.4, -99.1, "MX"), (-23.6, -46.6, "BR"),
          (-34.6, -58.4, "AR"), (4.7, -74.1, "CO"), (6.5, 3.4, "NG"), (-26.2, 28.0, "ZA"),
          (30.0, 31.2, "EG"), (50.5, 30.5, "UA"), (52.2, 21.0, "PL"), (45.5, 9.2, "IT")]


def lights(rng, count, counts):
    """One message of /api/websocket; `counts` goes on counting the countries."""
    shown = []
    for _ in range(count):
        latitude, longitude, country = CITIES[min(int(rng.expovariate(0.1)), len(CITIES) - 1)]
        counts[country] = counts.get(country, 0) + 30
        shown.append([round(latitude + rng.gauss(0, 2), 1), round(longitude + rng.gauss(0, 2.4), 1),
                      rng.choice((1, 1, 1, 0)), rng.choice((4, 4, 4, 6))])
    return {"t": int(time.time() * 1000), "lights": shown, "countries": dict(counts),
            "announces_per_s": 56812, "sampled": True}


def option(name, group, kind, value, default=None, **more):
    """One entry of /api/settings."""
    return {"name": name, "group": group, "type": kind, "value": value,
            "default": value if default is None else default, "range": "anything", "unit": "",
            "help": f"what {name} is for", "more": "", "live": True, "secret": False,
            "origin": {"source": "default", "line": 0}, **more}


def settings():
    """An option of every type."""
    return {"config_file": "/etc/muster.conf", "groups": [
        {"id": "interval", "title": "Interval and load"}, {"id": "store", "title": "Torrents"},
        {"id": "new_group", "title": "A group this page does not know"}], "options": [
        option("interval", "interval", "time", "1799", min=1, max=10800, unit="s",
               range="1s..3h in whole seconds", help="announce interval at start",
               more="Clamped into [min_interval, max_interval], between which it then follows the "
                    "load. A peer is forgotten when nothing was heard of it for two intervals."),
        option("max_load_avg", "interval", "fraction", "0.5", "0", min=0, max=10000,
               range="0..10000; 0: CPUs - 0.5", help="load average above which the interval grows",
               origin={"source": "file", "line": 12}),
        option("max_interval", "interval", "time", "1799", min=1, max=10800, unit="s", live=False,
               range="1s..3h in whole seconds", help="longest interval, announced under load"),
        option("max_peers", "store", "int", "0", min=0, max=1e12, range="0..1000000000000",
               origin={"source": "live", "line": 0}, help="peers stored"),
        option("max_request_size", "store", "size", "16K", min=1024, max=65536, unit="bytes",
               range="1K..64K", help="largest request head"),
        option("full_scrape", "store", "flag", "no", range="yes or no", help="answer full scrapes"),
        option("log_level", "new_group", "choice", "info", range="error, warn, info or debug",
               choices=["error", "warn", "info", "debug"], help="least important lines to log"),
        option("passkey", "new_group", "text", "", secret=True, is_set=True,
               help="a key that every announce must carry"),
        option("trusted_proxies", "new_group", "list", "127.0.0.0/8,::1",
               origin={"source": "command line", "line": 0}, help="whose headers are believed"),
    ]}
