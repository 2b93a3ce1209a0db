"""Snapshots that this muster did not write, or not with these keys: what of them counts."""

from ipaddress import ip_address

import pytest

from harness import everything, metrics_of, new_hash, new_peer_id, stats_of
from harness.snapshot import write_snapshot

GOOD = [("10.0.0.1", 6881), ("2001:db8::1", 1), ("127.0.0.1", 65535)]
IMPOSSIBLE = [("10.0.0.2", 0), ("2001:db8::2", 0), ("0.0.0.0", 6881), ("0.1.2.3", 6881),
              ("224.0.0.1", 6881), ("239.255.255.250", 6881), ("255.255.255.255", 6881),
              ("::", 6881), ("ff02::1", 6881), ("::ffff:10.0.0.1", 6881)]


def packed(peers):
    return [(ip_address(ip).packed, port) for ip, port in peers]


# ---- peers that cannot be ----

@pytest.mark.parametrize("name", ["snapshot", "import"])
def test_peers_that_no_door_lets_in_stay_out(start, folder, name):
    """Whoever crafts a file: nobody is sent to port 0, or to everybody at once."""
    folder.mkdir(mode=0o700)
    mixed, only_bad = new_hash(), new_hash()
    write_snapshot(folder / name, {mixed: packed(GOOD + IMPOSSIBLE), only_bad: packed(IMPOSSIBLE)})
    server = start()
    assert everything(server).keys() == {mixed}
    assert stats_of(server)["peers"] == len(GOOD)
    skipped = 2 * len(IMPOSSIBLE)
    assert f"state: {name}, saved" in server.output()
    assert f"0 too old, {skipped} impossible;" in server.output()
    assert metrics_of(server)["state_impossible_peers_total"] == skipped
    assert sorted(server.http().announce(mixed).all_peers) == sorted(GOOD)


# ---- tags of other keys ----

OTHER_KEYS = "was saved with other keys"


def test_a_snapshot_of_other_keys_is_told(start, folder):
    """Nobody who comes back is known, until he has announced: an operator who moved the snapshot and
    not the keys learns why stops are not believed."""
    info_hash, peer_id = new_hash(), new_peer_id()
    server = start()
    server.http().announce(info_hash, peer_id, port=7001, left=1)
    server.stop()
    (folder / "keys").unlink()
    server = start()
    assert f"state: snapshot {OTHER_KEYS}" in server.output()
    client = server.http()
    client.announce(info_hash, peer_id, port=7001, left=1, event="stopped")
    assert client.numbers(info_hash) == (0, 0, 1)
    client.announce(info_hash, peer_id, port=7001, left=1)
    client.announce(info_hash, peer_id, port=7001, left=1, event="stopped")
    assert client.numbers(info_hash) == (0, 0, 0)
    server.stop()
    assert OTHER_KEYS not in start().output()


def test_ids_need_no_keys(start, folder):
    info_hash, peer_id = new_hash(), new_peer_id()
    server = start("--store-peer-ids")
    server.http().announce(info_hash, peer_id, port=7001, left=1)
    server.stop()
    (folder / "keys").unlink()
    server = start("--store-peer-ids")
    assert OTHER_KEYS not in server.output()
    client = server.http()
    client.announce(info_hash, peer_id, port=7001, left=1, event="stopped")
    assert client.numbers(info_hash) == (0, 0, 0)
