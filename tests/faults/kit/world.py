"""What a server holds, and that nothing of it is lost."""

import os

from harness import new_hash


class World:
    """A few torrents with peers of both families, seeders and a completed count, put into a server
    through both doors. check() asks over both doors whether all is as it was."""

    TORRENTS = 3

    def __init__(self, server):
        self.server = server
        self.hashes = [new_hash() for _ in range(self.TORRENTS)]
        with server.udp() as udp, server.udp6() as udp6, server.http() as http:
            for info_hash in self.hashes:
                leecher, seeder = (os.urandom(20) for _ in range(2))
                udp.announce(info_hash, leecher, port=7001)
                udp6.announce(info_hash, os.urandom(20), port=7002, left=0)
                http.announce(info_hash, peer_id=seeder, port=7003, left=1)
                http.announce(info_hash, peer_id=seeder, port=7003, left=0, event="completed")
        self.before = self._numbers()
        assert all(completed == 1 for _, completed, _ in self.before), self.before

    def _numbers(self):
        with self.server.udp() as client:
            return list(client.scrape(*self.hashes).entries)

    def check(self):
        """The server runs, what was stored is still there, and newcomers are served and stored."""
        assert self.server.is_running(), f"it died:\n{self.server.output()[-8000:]}"
        assert self._numbers() == self.before
        newcomer = new_hash()
        with self.server.http() as http, self.server.udp() as udp:
            assert http.announce(newcomer, port=7004).counts == (0, 1)
            assert udp.announce(newcomer, port=7005).counts == (0, 2)
            guest = {"peer_id": os.urandom(20), "port": 7006}
            peers = http.announce(self.hashes[0], **guest).all_peers
            assert {port for _, port in peers} >= {7001, 7003}
            http.announce(self.hashes[0], event="stopped", **guest)
