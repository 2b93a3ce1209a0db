"""What must hold whatever was sent (protocol.md section 14): alive, answering, nothing changed."""

import os
from contextlib import contextmanager

from .check import new_hash
from .http import percent, raw_query


@contextmanager
def unharmed(server, *hashes, **how):
    """Whatever the body of the `with` sends: the server still runs, answers an unrelated client,
    and the numbers of `hashes` are what they were. `how` makes that client (Server.http)."""
    with _bystander(server, how) as client:
        before = [client.numbers(h) for h in hashes]
    yield
    assert server.is_running(), f"the server died:\n{server.output()[-8000:]}"
    with _bystander(server, how) as client:
        assert client.announce(new_hash()).counts == (0, 1)
        assert [client.numbers(h) for h in hashes] == before


@contextmanager
def _bystander(server, how):
    client = server.http(**how)
    try:
        yield client
    finally:
        client.close()


# Options of a server whose whole content everything() shows.
WATCHED = ("--full-scrape", "--full-scrape-interval", "0")


def everything(server, **how):
    """The numbers of every torrent by hash. Needs --full-scrape --full-scrape-interval 0."""
    with _bystander(server, how) as client:
        return client.get("/scrape").data[b"files"]


def fill(client, info_hash, addresses, *, header="X-Forwarded-For", **fields):
    """One peer per address, told through a proxy header; `fields` as raw_query() has them. A crowd
    has random ids: those of new_peer_id() come round again."""
    requests = []
    for address in addresses:
        query = {"info_hash": percent(info_hash), "peer_id": percent(os.urandom(20)), **fields}
        requests.append(client.request(b"/announce?" + raw_query(**query), [(header, address)]))
    for response in client.pipeline(requests):
        assert response.counts
