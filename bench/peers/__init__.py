"""Who is measured, beside Neve: what people run functions with today, and Node.js with nothing around it."""

from bench.peers.limit import NodeFrames, NodeHttp
from bench.peers.ministack import Ministack
from bench.peers.neve import Neve
from bench.peers.peer import Missing, Peer, Target
from bench.peers.rie import Rie
from bench.peers.serverless_offline import ServerlessOffline

__all__ = [
    "Ministack",
    "Missing",
    "Neve",
    "NodeFrames",
    "NodeHttp",
    "Peer",
    "Rie",
    "ServerlessOffline",
    "Target",
    "everybody",
]


def everybody() -> list[Peer]:
    """In the order of the report."""
    return [Neve(), Rie(), ServerlessOffline(), Ministack(), NodeHttp(), NodeFrames()]
