"""How much a part may do."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.peers import Missing, Peer, Target
from bench.programs import Program


@dataclass(frozen=True)
class Effort:
    """`rounds` take turns, so that whatever else the machine does hits all; `scale` below 1 leaves out the largest sizes."""

    rounds: int = 3
    seconds: float = 2.0
    scale: float = 1.0

    def up_to(self, sizes: Sequence[int]) -> list[int]:
        """Those that this effort reaches: at least two, or there is no curve."""
        most = max(sizes[1], int(sizes[-1] * self.scale))
        return [each for each in sizes if each <= most]


@contextmanager
def opened(peers: Sequence[Peer], programs: Sequence[Program]) -> Iterator[Mapping[str, Mapping[str, Target]]]:
    """All of them at once, idle until they are called; those that cannot be had are left out, and said."""
    with ExitStack() as stack:
        found: dict[str, Mapping[str, Target]] = {}
        for peer in peers:
            try:
                peer.install()
                found[peer.name] = stack.enter_context(peer.open(programs))
            except Missing as missing:
                say(f"{peer.name}: {missing}")
        yield found


def say(text: str) -> None:
    """To whoever waits."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
