"""etracker's 75 scenarios, with its numbers, by muster's rules.

Where etracker identifies a peer by its peer id and lists the asker too, muster says:
  - the endpoint (address, port) is the identity; the same peer id on the same address with another
    port is the same peer that moved; so every peer here has ports of its own
  - the asker is never in its own list; the answer to `stopped` has no peers at all
  - HTTP answers carry both families, UDP answers the socket's
  - a peer is stopped only from its own address: not over the other family, and stopping one family
    leaves the other
  - one peer id on both families counts once
  - `left` decides who is a seeder: all here are leechers

Each row says what the whole swarm is after its action. It is checked three ways: the counts of the
answer, the peers of the answer (the swarm without the asker), and what an observer who joins
afterwards is told. A row's test plays its group from the start on fresh torrents.

  P3a   peer 3 by its IPv4 HTTP endpoint     P3u   ... by its IPv4 UDP endpoint
  P3A   peer 3 by its IPv6 HTTP endpoint     P3U   ... by its IPv6 UDP endpoint
"""

from dataclasses import dataclass

import pytest

from harness import STARTED, STOPPED, HttpClient, UdpClient, new_hash
from harness.crowd import distinct_peer_ids

GROUPS = {
    "I": """
        1    http4 add P1 H list        1  P1a
        2    http4 add P1 H compact     1  P1a
        3    http4 add P2 H list        2  P1a P2a
        4    http4 add P2 H compact     2  P1a P2a
        5    http4 add P3 H list        3  P1a P2a P3a
        6    http4 add P3 H compact     3  P1a P2a P3a
        1-1  http4 add P1 G list        1  P1a
        11   http4 add P1 G nolist      1  P1a
        2-1  http4 add P1 G compact     1  P1a
        7    http4 stop P2 H list       2  P1a P3a
        8    http4 stop P2 H compact    2  P1a P3a
        9    http4 stop P3 H list       1  P1a
        10   http4 stop P1 H list       0
        12   http4 stop P1 G compact    0
        13   udp4 add P1 K -            1  P1u
        14   udp4 add P2 K -            2  P1u P2u
    """,
    "II": """
        15   http4 add P1 H list        1  P1a
        16   http4 add P2 H list        2  P1a P2a
        17   udp4 add P2 H -            2  P1a P2u
        18   udp4 add P3 H -            3  P1a P2u P3u
        19   http4 add P3 H list        3  P1a P2u P3a
        20   udp4 stop P3 H -           2  P1a P2u
        21   http4 add P4 H list        3  P1a P2u P4a
        22   udp4 stop P4 H -           2  P1a P2u
        23   http4 stop P1 H list       1  P2u
        24   http4 stop P2 H list       0
    """,
    "III": """
        25   http6 add P1 H list        1  P1A
        26   http6 add P2 H compact     2  P1A P2A
        27   http6 add P3 H nolist      3  P1A P2A P3A
        28   http6 stop P2 H compact    2  P1A P3A
        29   http6 stop P1 H nolist     1  P3A
        30   http6 stop P3 H list       0
    """,
    "IV": """
        31   udp6 add P1 H -            1  P1U
        32   udp6 add P2 H -            2  P1U P2U
        33   udp6 add P3 H -            3  P1U P2U P3U
        34   udp6 stop P3 H -           2  P1U P2U
        35   udp6 stop P2 H -           1  P1U
        36   udp6 stop P1 H -           0
    """,
    "V": """
        37   http4 add P1 H list        1  P1a
        38   udp4 add P2 H -            2  P1a P2u
        39   http6 add P3 H nolist      3  P1a P2u P3A
        40   udp6 add P4 H -            4  P1a P2u P3A P4U
        41   http4 add P1 H list        4  P1a P2u P3A P4U
        42   udp4 add P2 H -            4  P1a P2u P3A P4U
        43   http6 add P3 H nolist      4  P1a P2u P3A P4U
        44   udp6 add P4 H -            4  P1a P2u P3A P4U
        45   http4 stop P1 H list       3  P2u P3A P4U
        46   udp4 stop P2 H -           2  P3A P4U
        47   http6 stop P3 H nolist     1  P4U
        48   udp6 stop P4 H -           0
    """,
    "VI": """
        49   http6 add P3 H default     1  P3A
        50   http4 add P4 H default     2  P3A P4a
        51   udp6 stop P4 H -           2  P3A P4a
        52   udp6 stop P3 H -           1  P4a
    """,
    "VII": """
        53   http4 add P1 H list        1  P1a
        54   udp4 add P1 H -            1  P1u
        55   http6 add P2 H list        2  P1u P2A
        56   udp6 add P2 H -            2  P1u P2U
        57   http4 add P2 H list        2  P1u P2a P2U
        58   udp4 add P2 H -            2  P1u P2u P2U
        59   http6 add P1 H list        2  P1u P1A P2u P2U
        60   udp6 add P1 H -            2  P1u P1U P2u P2U
        61   http4 add P3 H list        3  P1u P1U P2u P2U P3a
        62   udp4 add P4 H -            4  P1u P1U P2u P2U P3a P4u
        63   http6 add P5 H list        5  P1u P1U P2u P2U P3a P4u P5A
        64   udp6 add P6 H -            6  P1u P1U P2u P2U P3a P4u P5A P6U
        65   http4 stop P1 H list       6  P1U P2u P2U P3a P4u P5A P6U
        66   http4 stop P2 H list       6  P1U P2U P3a P4u P5A P6U
        67   http4 stop P3 H list       5  P1U P2U P4u P5A P6U
        68   http4 stop P4 H list       4  P1U P2U P5A P6U
        68-1 http6 stop P7 H list       4  P1U P2U P5A P6U
        69   http4 stop P5 H list       4  P1U P2U P5A P6U
        69-1 http6 stop P7 H list       4  P1U P2U P5A P6U
        70   http4 stop P6 H list       4  P1U P2U P5A P6U
        71   http6 stop P7 H list       4  P1U P2U P5A P6U
    """,
}

HTTP_PORT, UDP_PORT = 12340, 4110  # plus the number of the peer
FORMS = {"list": {"compact": 0}, "nolist": {"compact": 0, "no_peer_id": 1},
         "compact": {"compact": 1}, "default": {"compact": None, "no_peer_id": 1}}


@dataclass
class Row:
    number: str
    door: str   # http4, http6, udp4, udp6
    verb: str   # add, stop
    peer: str   # P1...
    torrent: str
    form: str
    count: int
    swarm: list

    @property
    def is_v6(self):
        return self.door.endswith("6")


def rows_of(group):
    lines = [line.split() for line in GROUPS[group].strip().splitlines()]
    return [Row(*line[:6], int(line[6]), line[7:]) for line in lines]


CASES = [(group, at) for group in GROUPS for at in range(len(rows_of(group)))]
IDS = [f"{group}-{rows_of(group)[at].number}" for group, at in CASES]


def endpoint(name):
    """'P3A' -> (peer, address, port)."""
    peer, kind, number = name[:-1], name[-1], int(name[1:-1])
    base = HTTP_PORT if kind in "aA" else UDP_PORT
    return peer, "::1" if kind in "AU" else "127.0.0.1", base + number


class Play:
    """One run of a group on torrents and peer ids of its own."""

    def __init__(self, server):
        self.torrents = {name: new_hash() for name in "HGK"}
        self.ids = dict(zip((f"P{n}" for n in range(1, 8)), server.distinct_ids))
        self.clients = {
            "http4": HttpClient(server.host4, server.port),
            "http6": HttpClient(server.host6, server.port),
            "udp4": UdpClient(server.host4, server.port),
            "udp6": UdpClient(server.host6, server.port),
            "observer": HttpClient(server.host4, server.port, source="127.0.0.9"),
        }

    def close(self):
        for client in self.clients.values():
            client.close()

    def do(self, row):
        client, number = self.clients[row.door], int(row.peer[1:])
        torrent, peer_id = self.torrents[row.torrent], self.ids[row.peer]
        if row.door.startswith("udp"):
            event = STARTED if row.verb == "add" else STOPPED
            return client.announce(torrent, peer_id, port=UDP_PORT + number, event=event,
                                   numwant=33)
        event = "started" if row.verb == "add" else "stopped"
        return client.announce(torrent, peer_id, port=HTTP_PORT + number, event=event,
                               **FORMS[row.form])

    def known(self, peers):
        """Dictionary peers as (name of the peer, address, port)."""
        names = {peer_id: name for name, peer_id in self.ids.items()}
        return sorted((names[p[b"peer id"]], p[b"ip"].decode(), p[b"port"]) for p in peers)


@pytest.fixture(scope="module")
def scene(module_server):
    server = module_server("--store-peer-ids")
    server.distinct_ids = distinct_peer_ids(server, 7)
    return server


@pytest.fixture
def play(scene):
    running = Play(scene)
    yield running
    running.close()


@pytest.mark.parametrize("group,at", CASES, ids=IDS)
def test_scenario(play, group, at):
    rows = rows_of(group)
    for row in rows[:at]:
        play.do(row)
    row = rows[at]
    answer = play.do(row)
    assert answer.counts == (0, row.count)
    told = [] if row.verb == "stop" else [e for e in map(endpoint, row.swarm) if e[0] != row.peer]
    if row.door.startswith("udp"):
        check_udp(answer, row, told)
        check_scrape(play, row)
    else:
        check_http(play, answer, row, told)
    check_observer(play, row)


def check_udp(answer, row, told):
    """Own family only; the size follows from the number of peers."""
    expected = sorted(e[1:] for e in told if (":" in e[1]) == row.is_v6)
    assert sorted(answer.peers) == expected
    assert len(answer.raw) == 20 + len(expected) * (18 if row.is_v6 else 6)
    assert answer.interval == 1800


def check_scrape(play, row):
    """An unknown torrent gets zeros in its place."""
    scrape = play.clients[row.door].scrape(b"1" * 20, play.torrents[row.torrent])
    assert scrape.entries == [(0, 0, 0), (0, 0, row.count)]


def check_http(play, answer, row, told):
    data = answer.data
    assert data[b"downloaded"] == 0
    assert data[b"interval"] == 1800
    if row.form in ("compact", "default"):
        assert sorted(answer.all_peers) == sorted(e[1:] for e in told)
        return
    assert b"peers6" not in data
    if row.form == "nolist":
        assert all(set(p) == {b"ip", b"port"} for p in data[b"peers"])
        assert sorted((p[b"ip"].decode(), p[b"port"]) for p in data[b"peers"]) == \
            sorted(e[1:] for e in told)
    else:
        assert all(set(p) == {b"ip", b"peer id", b"port"} for p in data[b"peers"])
        assert play.known(data[b"peers"]) == sorted(told)


def check_observer(play, row):
    """A leecher from elsewhere joins and is told of everybody."""
    answer = play.clients["observer"].announce(play.torrents[row.torrent], port=55555, compact=0)
    assert answer.counts == (0, row.count + 1)
    assert play.known(answer.data[b"peers"]) == sorted(map(endpoint, row.swarm))


def test_all_75_are_here():
    assert len(CASES) == 75
    numbers = {rows_of(group)[at].number for group, at in CASES}
    assert numbers == {str(n) for n in range(1, 72)} | {"1-1", "2-1", "68-1", "69-1"}
