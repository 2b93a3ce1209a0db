"""What the black-box tests stand on: a running server and clients that speak its protocols.

server   starts and stops the program under test
udp      BEP 15 client, any source address
http     HTTP client on a bare socket
proxy    PROXY protocol headers
bencode  a decoder that refuses everything BEP 3 forbids
check    waiting and asserting helpers
"""

from .bencode import BencodeError, decode
from .check import eventually, new_hash, new_peer_id, peers_of, unused_port
from .http import HttpClient, HttpResponse, percent, query_of
from .proxy import proxy_v1, proxy_v2
from .server import Server, muster_bin, run_muster
from .udp import (COMPLETED, NONE, PAUSED, STARTED, STOPPED, UdpAnnounce, UdpClient, UdpError,
                  UdpScrape, assert_dropped)

__all__ = [
    "BencodeError", "decode", "eventually", "new_hash", "new_peer_id", "peers_of", "unused_port",
    "proxy_v1", "proxy_v2", "HttpClient", "HttpResponse", "percent", "query_of", "Server",
    "muster_bin", "run_muster", "COMPLETED", "NONE", "PAUSED", "STARTED", "STOPPED",
    "UdpAnnounce", "UdpClient", "UdpError", "UdpScrape", "assert_dropped",
]
