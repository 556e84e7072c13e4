"""What happened in an environment, and to an event, as facts that belong together. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neve.domain.leak import Source
from neve.domain.outgoing import OutgoingCall

_LATE_MS = 1.0  # times of calls are a little late, never early


@dataclass(slots=True)
class Init:
    """An init phase; `inside` an invocation it is a suppressed one."""

    began_ms: float
    ended_ms: float
    inside: bool = False
    ahead: bool = False
    status: str = "success"
    error_type: str | None = None


@dataclass(slots=True)
class LeftOver:
    """A line that work of `origin` wrote into another invocation's log."""

    at_ms: float
    text: str
    origin: str


@dataclass(slots=True)
class Run:
    """One invocation in an environment. What is not known yet is None.

    `waited_since_ms` is when a callback was called whose answer then waited for the event loop.
    """

    request_id: str
    environment_id: str
    began_ms: float
    inits: list[Init] = field(default_factory=list)
    answered_ms: float | None = None
    done_ms: float | None = None
    ended_ms: float | None = None
    status: str | None = None
    error_type: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    extensions_ms: float = 0.0
    architecture: str = "x86_64"
    storage_mb: int = 512
    waited_since_ms: float | None = None
    lines: list[LeftOver] = field(default_factory=list)
    diagnosis: Mapping[str, Any] | None = None

    @property
    def arrived_ms(self) -> float:
        """When it came, as far as is known: an init that it had to wait for lies before its beginning."""
        return min([self.began_ms, *(init.began_ms for init in self.inits)])

    @property
    def was_cut_off(self) -> bool:
        """Whether its processes were ended in the middle of it."""
        return self.status in ("timeout", "error")

    @property
    def last_ms(self) -> float:
        """The last thing that is known of it."""
        return max(each for each in (self.began_ms, self.answered_ms, self.done_ms, self.ended_ms) if each is not None)


@dataclass(slots=True)
class Frozen:
    """A freeze; `to_ms` is None while it lasts."""

    from_ms: float
    to_ms: float | None = None


@dataclass(slots=True)
class LeakFacts:
    """One execution leak. `finished_in` is None when it was done before the freeze; `lost_ms` is when its processes ended."""

    id: str
    origin: str
    kind: str
    description: str
    count: int
    source: Source | None
    opened_ms: float
    resumed: dict[str, float] = field(default_factory=dict)
    finished_ms: float | None = None
    finished_in: str | None = None
    failed_in: str | None = None
    error: str | None = None
    fatal: bool = True
    lost_ms: float | None = None


@dataclass(slots=True)
class Life:
    """An environment's life as far as it is remembered."""

    environment_id: str
    runs: list[Run] = field(default_factory=list)
    frozen: list[Frozen] = field(default_factory=list)
    leaks: dict[str, LeakFacts] = field(default_factory=dict)
    calls: dict[str, OutgoingCall] = field(default_factory=dict)
    ended_ms: float | None = None

    def run(self, request_id: str | None) -> Run | None:
        """The latest run of this id."""
        return next((run for run in reversed(self.runs) if run.request_id == request_id), None)

    def calls_of(self, run: Run) -> list[OutgoingCall]:
        """Those that a run made, or what it left behind, in the order of their beginning."""
        attempts = [each for each in self.runs if each.request_id == run.request_id]
        following = next((each for each in attempts if each.began_ms > run.began_ms), None)
        first = attempts[0] is run
        found = (
            call
            for call in self.calls.values()
            if call.origin == run.request_id
            and (first or call.began_ms >= run.began_ms - _LATE_MS)
            and (following is None or call.began_ms < following.began_ms - _LATE_MS)
        )
        return sorted(found, key=lambda call: call.began_ms)


@dataclass(frozen=True, slots=True)
class Step:
    """A record of an event: accepted, tried, put off, delivered."""

    type: str
    at_ms: float
    members: Mapping[str, Any]


def waited_of(life: Life, run: Run) -> float:
    """How long at least one call of a run was open while it ran, in milliseconds."""
    end = run.done_ms if run.done_ms is not None else run.last_ms
    total = 0.0
    until = run.began_ms
    for call in life.calls_of(run):
        ended = end if call.ended_ms is None else min(call.ended_ms, end)
        begin = max(call.began_ms, until)
        if ended > begin:
            total += ended - begin
            until = ended
    return total
