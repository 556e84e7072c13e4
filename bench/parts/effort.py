"""How much a part may do, and of what."""

import http.client
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from bench.figures import Collected
from bench.peers import Missing, Peer, Target
from bench.programs import Program

FAILURES = (Missing, OSError, http.client.HTTPException)
"""What a peer does that cannot do it; anything else is a mistake of the bench."""


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Effort:
    """`rounds` take turns, so that whatever else the machine does hits all; `scale` below 1 leaves out the largest sizes.

    `only` is in the names of the workloads that are asked for, `settled` are those that are not; `before` each it is called.
    """

    rounds: int = 3
    seconds: float = 1.0
    scale: float = 1.0
    only: str = ""
    settled: frozenset[str] = frozenset()
    before: Callable[[], None] = _nothing

    @property
    def whole(self) -> bool:
        """Whether every workload is asked for."""
        return not self.only and not self.settled

    def wants(self, workload: str) -> bool:
        """Whether this one is asked for."""
        return self.only in workload and workload not in self.settled

    def begins(self, workload: str) -> bool:
        """The same. When it is, the machine is quiet now, and what was measured until now is kept."""
        if self.wants(workload):
            say(workload)
            self.before()
        return self.wants(workload)

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
            except FAILURES as missing:
                say(f"{peer.name}: {missing}")
        yield found


@contextmanager
def attempt(collected: Collected, workload: str, peer: str, *measures: tuple[str, str]) -> Iterator[None]:
    """A peer that fails has no figures (`measures` are their names and units) but a reason, and the others go on."""
    try:
        yield
    except FAILURES as broken:
        say(f"  {peer}: {str(broken)[:300]}")
        for measure, unit in measures:
            collected.fail(workload, peer, measure, unit, str(broken).partition("; it said")[0][:120])


def say(text: str) -> None:
    """To whoever waits, if he still does."""
    with suppress(BrokenPipeError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
