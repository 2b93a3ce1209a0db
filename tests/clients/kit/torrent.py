"""Random data, and a torrent for it."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import libtorrent

BYTES = 8 << 20
PIECE_BYTES = 64 << 10
NAME = "payload.bin"


@dataclass
class Torrent:
    """A .torrent file, where its data lies, and what trackers know it by."""

    path: Path
    data_folder: Path
    digest: bytes
    v1_hash: bytes
    v2_hash: bytes  # SHA-256, cut to 20 bytes (BEP 52); None for a v1 torrent

    def is_complete_in(self, folder):
        """Does `folder` hold the whole file? Clients preallocate, so only the digest tells."""
        try:
            data = (Path(folder) / NAME).read_bytes()
        except FileNotFoundError:
            return False
        return sha256(data).digest() == self.digest


def make_torrent(folder, announce_url, hybrid):
    """`hybrid`: v1 and v2 in one file, as BEP 52 has it; otherwise v1 alone."""
    data_folder = Path(folder) / "data"
    data_folder.mkdir()
    data = os.urandom(BYTES)
    (data_folder / NAME).write_bytes(data)

    files = libtorrent.file_storage()
    libtorrent.add_files(files, str(data_folder / NAME))
    flags = 0 if hybrid else libtorrent.create_torrent.v1_only
    creator = libtorrent.create_torrent(files, PIECE_BYTES, flags)
    creator.add_tracker(announce_url)
    creator.set_priv(True)  # nobody asks the DHT, other peers or the local network
    libtorrent.set_piece_hashes(creator, str(data_folder))
    encoded = libtorrent.bencode(creator.generate())
    path = Path(folder) / "payload.torrent"
    path.write_bytes(encoded)

    hashes = libtorrent.torrent_info(libtorrent.bdecode(encoded)).info_hashes()
    assert hashes.has_v1() and hashes.has_v2() == hybrid
    v2_hash = hashes.v2.to_bytes()[:20] if hybrid else None
    return Torrent(path, data_folder, sha256(data).digest(), hashes.v1.to_bytes(), v2_hash)
