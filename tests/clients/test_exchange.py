"""Two real clients of different kinds exchange a file; muster is all they have to find each other.

Not each combination but each client in both roles over each door and family it can use:
  transmission  3.00 knows no v2, and speaks to UDP trackers over IPv6 only on a machine with a
                global IPv6 address
  aria2         1.36 has no UDP trackers over IPv6, and computes another hash for hybrid torrents
  rtorrent      0.9.8, as a seeder, hangs up on aria2 1.36
Who of the two connects to the other differs too: see dials() of the clients.
"""

import pytest

from harness import eventually
from kit import CLIENTS, make_torrent

V4, V6 = "127.0.0.1", "::1"

EXCHANGES = [
    # seeder        leecher         door    host  torrent
    ("transmission", "aria2",        "http", V4, "v1"),
    ("transmission", "libtorrent",   "udp",  V4, "v1"),
    ("transmission", "rtorrent",     "http", V6, "v1"),
    ("aria2",        "transmission", "udp",  V4, "v1"),
    ("aria2",        "rtorrent",     "udp",  V4, "v1"),
    ("aria2",        "libtorrent",   "http", V6, "v1"),
    ("rtorrent",     "transmission", "http", V6, "v1"),
    ("rtorrent",     "libtorrent",   "udp",  V6, "hybrid"),
    ("rtorrent",     "libtorrent",   "http", V4, "v1"),
    ("libtorrent",   "transmission", "http", V4, "v1"),
    ("libtorrent",   "aria2",        "udp",  V4, "v1"),
    ("libtorrent",   "aria2",        "http", V6, "v1"),
    ("libtorrent",   "rtorrent",     "udp",  V6, "hybrid"),
    ("libtorrent",   "rtorrent",     "http", V4, "hybrid"),
]

# Generous: a dozen clients share the machine with a sanitized server. What takes longest here is
# transmission, which rests about 12 s before it asks for the first piece.
DEADLINE_S = 60


@pytest.mark.parametrize("seeder,leecher,door,host,kind", EXCHANGES)
def test_exchange(server, cast, tmp_path, seeder, leecher, door, host, kind):
    address = f"[{host}]" if ":" in host else host
    url = f"{door}://{address}:{server.port}/announce"
    torrent = make_torrent(tmp_path, url, hybrid=kind == "hybrid")
    target = tmp_path / "target"
    target.mkdir()
    seeder = CLIENTS[seeder](tmp_path / "seeder", host, torrent, torrent.data_folder)
    leecher = CLIENTS[leecher](tmp_path / "leecher", host, torrent, target)
    cast += [seeder, leecher]
    scrape = server.udp6() if ":" in host else server.udp()

    def becomes(seeders, downloaded, leechers):
        wanted = (seeders, downloaded, leechers)
        eventually(lambda: scrape.numbers(torrent.v1_hash) == wanted,
                   f"(seeders, downloaded, leechers) = {wanted}", DEADLINE_S)

    # Who connects must come second, because the tracker tells him of the other.
    if leecher.dials(door):
        seeder.start()
        becomes(1, 0, 0)
        leecher.start()
    else:
        leecher.start()
        becomes(0, 0, 1)
        seeder.start()
    eventually(lambda: torrent.is_complete_in(target), "the whole file", DEADLINE_S, pause_s=0.2)
    becomes(2, 1, 0)
    if torrent.v2_hash:
        check_v2_hash(scrape, torrent, (seeder, leecher))
    leecher.leave()
    becomes(1, 1, 0)
    seeder.leave()
    becomes(0, 1, 0)
    through_http = server.http6() if ":" in host else server.http()
    assert through_http.numbers(torrent.v1_hash) == (0, 1, 0)


def check_v2_hash(scrape, torrent, clients):
    """Of these clients libtorrent alone announces a hybrid torrent by its second hash too."""
    count = sum(c.name == "libtorrent" for c in clients)
    eventually(lambda: scrape.numbers(torrent.v2_hash)[0] == count,
               f"{count} seeders of the v2 hash", DEADLINE_S)
