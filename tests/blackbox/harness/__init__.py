"""What the black-box tests stand on: a running server and clients that speak its protocols.

server   starts and stops the program under test
access   what a list's refusal says
udp      BEP 15 client, any source address
http     HTTP client on a bare socket
proxy    PROXY protocol headers
owner    the operator's API
prometheus  Debian's Prometheus, scraping a server
crowd    many peers at once
bencode  a decoder that refuses everything BEP 3 forbids
fake     a control socket and trackers that are no muster
liar     a tracker that keeps peers, and lies about them
stats    the numbers of its pages
state    servers with a state folder
terminal a program on a terminal
oracle   what must hold whatever was sent
check    waiting and asserting helpers
"""

from .access import http_refusal, udp_refusal
from .bencode import BencodeError, decode
from .check import eventually, let_others_in, new_hash, new_peer_id, peers_of, unused_port
from .crowd import join_many, join_ports, loopback
from .http import HttpClient, HttpResponse, percent, query_of, raw_query
from .manager import Manager
from .oracle import WATCHED, everything, fill, unharmed
from .owner import Owner
from .proxy import proxy_v1, proxy_v2
from .server import Server, muster_bin, run_muster, stop_all
from .stats import metrics_of, stats_of, text_of
from .udp import (COMPLETED, NONE, PAUSED, STARTED, STOPPED, UdpAnnounce, UdpClient, UdpError,
                  UdpScrape, assert_dropped, bound_udp_sockets)

__all__ = [
    "http_refusal", "udp_refusal",
    "BencodeError", "decode", "Manager",
    "eventually", "let_others_in", "new_hash", "new_peer_id", "peers_of", "unused_port",
    "join_many", "join_ports", "loopback",
    "HttpClient", "HttpResponse", "percent", "query_of", "raw_query",
    "WATCHED", "everything", "fill", "unharmed",
    "Owner",
    "proxy_v1", "proxy_v2",
    "Server", "muster_bin", "run_muster", "stop_all",
    "metrics_of", "stats_of", "text_of",
    "COMPLETED", "NONE", "PAUSED", "STARTED", "STOPPED", "UdpAnnounce", "UdpClient", "UdpError",
    "UdpScrape", "assert_dropped", "bound_udp_sockets",
]
