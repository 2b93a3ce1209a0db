"""What a tracker with access lists says to an announce."""

from .check import new_peer_id
from .udp import UdpError


def http_refusal(server, info_hash, peer_id=None, source=None, **fields):
    """The failure reason of an announce over HTTP, or None."""
    with server.http(source=source) as client:
        answer = client.announce(info_hash, peer_id or new_peer_id(), **fields)
    return answer.failure


def udp_refusal(server, info_hash, peer_id=None, source=None, **fields):
    with server.udp(source=source) as client:
        answer = client.announce(info_hash, peer_id or new_peer_id(), **fields)
    return answer.text if isinstance(answer, UdpError) else None
