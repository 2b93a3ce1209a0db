"""workloads.py - what is measured: one row each.

`args` are muster-bench's, `url` its target's kind, `servers` the contenders in the order they are shown: the
first is what all are compared to. `beside` names contenders under the load of another workload, measured in
the same rounds, so that goals may compare the two. SETS are workloads with a result file of their own.
"""

import dataclasses


@dataclasses.dataclass
class Goal:
    """At most so much, of a ratio within rounds, or, without a reference, of every round."""

    name: str
    reference: str  # "": none
    most: float  # in the unit of the table
    key: str = "cpu_us_per_request"


@dataclasses.dataclass
class Workload:
    name: str
    title: str
    url: str  # udp or http
    args: list
    servers: list
    goals: list = dataclasses.field(default_factory=list)
    v6: bool = False
    close: bool = False
    torrents: int = 10000
    server_cpus: str = ""  # "": the one of the run
    rate_of: tuple = ()  # (workload, share): open loop at that share of muster's answers/s there
    slow: bool = False  # only with --full
    requests: int = 0  # of an open loop: so many, however long that takes
    fills: bool = True  # announce every peer once before measuring
    beside: dict = dataclasses.field(default_factory=dict)  # name -> (workload, contender)


SMALL = ["-t", "10k", "-p", "100k"]
SMALL_STORE = "muster, 100 k peers"
BESIDE_SMALL = {SMALL_STORE: ("udp_announce", "muster")}
UDP_SERVERS = [
    "floor_udp",
    "muster",
    "opentracker",
    "opentracker, udp.workers 1",
]

WORKLOADS = [
    Workload(
        "udp_announce",
        "UDP announce, 10 k torrents, 100 k peers",
        "udp",
        SMALL,
        UDP_SERVERS,
        [
            Goal("muster", "floor_udp", 1.2),
            Goal("muster", "opentracker", 0.62),
            Goal("muster", "opentracker, udp.workers 1", 0.8),
        ],
    ),
    Workload(
        "udp_large",
        "UDP announce, 1 M torrents, 2 M peers",
        "udp",
        ["-t", "1M", "-p", "2M"],
        ["floor_udp", "muster", "opentracker"],
        [Goal("muster", SMALL_STORE, 1.25)],
        torrents=1000000,
        slow=True,
        beside=BESIDE_SMALL,
    ),
    Workload(
        "udp_huge",
        "UDP announce, 10 M torrents, 20 M peers",
        "udp",
        ["-t", "10M", "-p", "20M", "-s", "4096"],
        ["floor_udp", "muster"],
        [Goal("muster", SMALL_STORE, 2.0), Goal("muster", "", 900, "rss_bytes")],
        torrents=10000000,
        slow=True,
        beside=BESIDE_SMALL,
    ),
    Workload(
        "udp_zipf",
        "UDP announce, 100 k torrents, 2 M peers, Zipf 1.0",
        "udp",
        ["-t", "100k", "-p", "2M", "-z", "1.0"],
        ["floor_udp", "muster", "opentracker"],
        torrents=100000,
        slow=True,
    ),
    Workload(
        "udp_giant",
        "UDP announce, one swarm of 1 M peers",
        "udp",
        ["-t", "1", "-p", "1M"],
        ["floor_udp", "muster"],
        torrents=1,
        slow=True,
    ),
    Workload(
        "udp_connect",
        "UDP connect and announce, 1:1",
        "udp",
        [*SMALL, "-m", "connect=1,announce=1"],
        ["floor_udp", "muster", "opentracker"],
    ),
    Workload(
        "udp_scrape",
        "UDP scrape of 74 hashes",
        "udp",
        [*SMALL, "-m", "scrape=1", "-H", "74"],
        ["floor_udp", "muster", "opentracker"],
    ),
    Workload(
        "udp_mix",
        "UDP, everything: churn, stops, scrapes, wrong ids",
        "udp",
        [
            *SMALL,
            "-m",
            "announce=80,connect=8,scrape=4,churn=4,stopped=1,started=1,completed=1,bad_id=1",
        ],
        ["muster"],
    ),
    Workload(
        "udp_v6",
        "UDP announce over IPv6",
        "udp",
        SMALL,
        ["floor_udp", "muster", "muster, IPv4"],
        [Goal("muster", "muster, IPv4", 1.15)],
        v6=True,
    ),
    Workload(
        "http_close",
        "HTTP announce, a connection each",
        "http",
        [*SMALL, "--close", "-c", "64"],
        ["floor_http, merged", "floor_http", "muster", "opentracker", "nginx"],
        [
            Goal("muster", "floor_http", 1.15),
            Goal("muster", "floor_http, merged", 1.15),
            Goal("muster", "nginx", 1.0),
            Goal("muster", "opentracker", 1.0),
        ],
        close=True,
    ),
    Workload(
        "http_keep",
        "HTTP announce, kept connections",
        "http",
        [*SMALL, "-c", "64"],
        ["floor_http", "muster", "nginx"],
        [Goal("muster", "floor_http", 1.25), Goal("muster", "nginx", 1.0)],
    ),
    Workload(
        "http_pipeline",
        "HTTP announce, kept connections, 8 requests under way on each",
        "http",
        [*SMALL, "-c", "64", "-P", "8"],
        ["floor_http", "muster", "nginx"],
    ),
    Workload(
        "udp_open",
        "UDP, open loop at half of capacity, with churn",
        "udp",
        [*SMALL, "-m", "announce=9,churn=1"],
        ["floor_udp", "muster"],
        [Goal("muster", "floor_udp", 3.0, "latency_p999_us")],
        rate_of=("udp_announce", 0.5),
    ),
    Workload(
        "udp_grow",
        "UDP, open loop at half of capacity, the table growing from nothing to 5 M torrents",
        "udp",
        ["-t", "10M", "-p", "10M", "-s", "4096"],
        ["floor_udp", "muster"],
        [
            Goal("muster", "floor_udp", 3.0, "latency_p999_us"),
            Goal("muster", "", 50000, "latency_max_us"),
        ],
        rate_of=("udp_announce", 0.5),
        slow=True,
        requests=7_000_000,  # of 10 M peers each in a torrent of its own, 5 M have announced then
        fills=False,
    ),
    Workload(
        "udp_statistics",
        "UDP announce, with and without statistics",
        "udp",
        SMALL,
        ["muster, stats minimal", "muster"],
        [Goal("muster", "muster, stats minimal", 1.02)],
        slow=True,
    ),
    Workload(
        "two_workers",
        "UDP announce, one worker against two",
        "udp",
        SMALL,
        ["muster", "muster, 2 workers"],
        [Goal("muster, 2 workers", "muster", 1.1)],
        server_cpus="0,1",
    ),
    Workload(
        "two_workers_one_torrent",
        "UDP announce, one torrent, one worker against two",
        "udp",
        ["-t", "1", "-p", "10k"],
        ["muster", "muster, 2 workers"],
        [Goal("muster, 2 workers", "muster", 1.3)],
        server_cpus="0,1",
        torrents=1,
    ),
]

BY_NAME = {w.name: w for w in WORKLOADS}
SETS = {  # name of the result files -> workloads, rounds
    "large": (["udp_announce", "udp_large", "udp_huge", "udp_zipf", "udp_giant"], 3),
    "open": (["udp_announce", "udp_open", "udp_grow"], 3),
    "families": (["udp_v6"], 9),
    "http": (["http_close", "http_keep"], 9),
    "workers": (["two_workers", "two_workers_one_torrent"], 9),
    "statistics": (["udp_statistics"], 12),
}
