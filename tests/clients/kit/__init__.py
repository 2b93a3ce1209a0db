"""What the client tests stand on: real BitTorrent clients with everything but the tracker off.

torrent      random data and a .torrent for it
program      a client that is a program with files to configure it: transmission, aria2, rtorrent
engine       libtorrent, inside the test process
"""

from .engine import Libtorrent
from .program import Aria2, Rtorrent, Transmission
from .torrent import make_torrent

CLIENTS = {c.name: c for c in (Aria2, Libtorrent, Rtorrent, Transmission)}

__all__ = ["CLIENTS", "make_torrent"]
