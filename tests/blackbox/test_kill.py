"""kill -9 at random moments under load, with a snapshot a second: what the next start has is no older than
that, nothing that was answered before the snapshot is lost, and numbers agree with the peers."""

import os
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import WATCHED, Server, everything, loopback, new_hash, stats_of
from harness.crowd import distinct_peer_ids
from harness.snapshot import read_snapshot

LIVES = int(os.environ.get("MUSTER_KILLS", "200"))
SERVERS = 10  # side by side, each with its folder: they mostly wait
LIFE_S = 4.0  # at most
INTERVAL_S = 1
TORRENTS = 30
VISITOR = 999  # port of who only looks; a kill may come before it says that it leaves
CROWD = 10  # a life's newcomers of the large torrent, an address each

# Beside the interval: the header tells whole seconds, housekeeping looks now and then, the disk takes time.
LATE_S = 1.5


class Lives:
    """Those of one server after the other, over one folder."""

    def __init__(self, folder, seed):
        self.folder, self.rng = folder, random.Random(seed)
        self.torrents = [new_hash() for _ in range(TORRENTS)]
        self.crowd, self.crowd_size = new_hash(), 0
        self.ids, self.udp_clients = None, []
        # (info hash, address of 4 or 16 bytes, port) -> when; of those that a kill did not take
        self.answered = {}
        self.ages_checked = 0

    def live(self):
        snapshot = self.read()  # before the next process saves
        server = Server("--state-dir", self.folder, *WATCHED, "--workers", "2", "--save-interval",
                        f"{INTERVAL_S}s", admin=True)
        try:
            self.check(server, snapshot)
            self.ids = self.ids or distinct_peer_ids(server, 16)
            self.load_until_killed(server)
        finally:
            server.kill()

    # ---- what came back ----

    def read(self):
        path = self.folder / "snapshot"
        return read_snapshot(path) if path.exists() else None

    def check(self, server, snapshot):
        """The file that the life before left, and what the server has made of it."""
        if not snapshot:
            assert not everything(server)
            self.answered.clear()
            return
        numbers, all_peers = everything(server), 0
        for info_hash, (_, peers) in snapshot.torrents.items():
            seeders = sum(is_seeder for _, _, is_seeder, _ in peers)
            entry = numbers.pop(info_hash)
            assert (entry[b"complete"], entry[b"incomplete"]) == (seeders, len(peers) - seeders)
            all_peers += len(peers)
        assert not numbers, "nobody announced those"
        assert stats_of(server)["peers"] == all_peers
        stored = {(info_hash, ip, port) for info_hash, (_, peers) in snapshot.torrents.items()
                  for ip, port, *_ in peers}
        lost = {who for who, when in self.answered.items() if when < snapshot.saved_unix_s} - stored
        assert not lost, f"answered before the snapshot, and not in it: {lost}"
        self.answered = {who: when for who, when in self.answered.items() if who in stored}
        self.check_listed(server, snapshot)

    def check_listed(self, server, snapshot):
        """A leecher is told exactly the peers that are counted."""
        known = [h for h in self.torrents if h in snapshot.torrents]
        for info_hash in self.rng.sample(known, min(3, len(known))):
            with server.http(source="127.200.0.1") as client:
                answer = client.announce(info_hash, port=VISITOR, left=1, numwant=200)
                client.announce(info_hash, port=VISITOR, event="stopped")
            expected = {port for _, port, *_ in snapshot.torrents[info_hash][1]}
            assert {port for _, port in answer.all_peers} == expected - {VISITOR}

    # ---- load ----

    def load_until_killed(self, server):
        """Both doors, both families; the longest silence tells how much the machine lets it run."""
        killed = []
        begun, silence_s, announces = time.time(), 0.0, self.announces(server)
        last = begun

        def kill():
            killed.append(time.time())
            server.process.kill()
            for client in self.udp_clients:
                client.socket.shutdown(socket.SHUT_RDWR)  # who waits for an answer need not

        killer = threading.Timer(self.rng.uniform(0.05, LIFE_S), kill)
        killer.start()
        try:
            for announce in announces:
                who = announce()
                now = time.time()
                self.answered[who] = now
                silence_s, last = max(silence_s, now - last), now
                time.sleep(0.002)
        except (OSError, AssertionError):
            assert killed, server.output()[-4000:]
        killer.join()
        self.check_age(begun, killed[0], silence_s)

    def check_age(self, begun, killed, silence_s):
        limit_s = INTERVAL_S + LATE_S + silence_s
        if killed - begun < limit_s:
            return
        snapshot = self.read()
        assert snapshot, "nothing was saved in all that time"
        saved = snapshot.saved_unix_s
        assert killed - saved <= limit_s, f"{killed - saved:.1f} s old, {silence_s:.1f} s without an answer"
        self.ages_checked += 1

    def announces(self, server):
        """Without end. Peers of a torrent have an id each, and a state that goes with it."""
        crowd = [server.udp(source=loopback(self.crowd_size + n)) for n in range(CROWD)]
        self.crowd_size += CROWD
        self.udp_clients = [server.udp(), server.udp6(), *crowd]
        doors = list(zip((*self.udp_clients[:2], server.http(), server.http6()), (4, 6, 4, 6),
                         range(0, 16, 4)))
        return self.mix(doors, crowd)

    def mix(self, doors, crowd):
        while True:
            client, family, first = self.rng.choice(doors)
            n = first + self.rng.randrange(4)
            yield lambda: self.announce(client, self.rng.choice(self.torrents), n, family)
            if crowd and self.rng.random() < 0.1:
                newcomer = crowd.pop()
                yield lambda: self.announce_crowd(newcomer)

    def announce(self, client, info_hash, n, family):
        answer = client.announce(info_hash, self.ids[n], port=1000 + n, left=n % 3, numwant=50)
        assert sum(answer.counts) >= 1
        ip = bytes((127, 0, 0, 1)) if family == 4 else bytes(15) + b"\1"
        return info_hash, ip, 1000 + n

    def announce_crowd(self, client):
        ip = client.socket.getsockname()[0]
        answer = client.announce(self.crowd, os.urandom(20), port=2000, left=1, numwant=50)
        assert sum(answer.counts) >= 1
        return self.crowd, bytes(map(int, ip.split("."))), 2000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_random_moments_under_load(tmp_path):
    all_lives = [Lives(tmp_path / f"state{n}", n) for n in range(SERVERS)]

    def live_all(lives):
        for _ in range(max(LIVES // SERVERS, 2)):
            lives.live()

    with ThreadPoolExecutor(SERVERS) as pool:
        for done in [pool.submit(live_all, lives) for lives in all_lives]:
            done.result()
    assert sum(lives.ages_checked for lives in all_lives), "some live long enough to be judged"
