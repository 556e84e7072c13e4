"""Outgoing calls as people want to see them: each for itself when there are few, equal ones together when there are many."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from neve.analysis.history import Run
from neve.domain.outgoing import OutgoingCall

MOST_ALONE = 8
MOST_GROUPS = 12


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that are shown as one, in the order of their beginning."""

    calls: Sequence[OutgoingCall]

    @property
    def began_ms(self) -> float:
        """When the first began."""
        return self.calls[0].began_ms

    @property
    def ended_ms(self) -> float | None:
        """When the last was answered; None while one is open."""
        ends = [call.ended_ms for call in self.calls]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def what(self) -> str:
        """What was asked, and how often."""
        first = self.calls[0]
        if len(self.calls) == 1:
            return first.what
        words = {call.what for call in self.calls}
        return f"{words.pop() if len(words) == 1 else _verb(first)} ×{len(self.calls)}"

    @property
    def answered(self) -> str:
        """How it was answered."""
        if len(self.calls) == 1:
            call = self.calls[0]
            return call.error or str(call.status or "answer")
        failed = sum(call.failed for call in self.calls)
        way = "side by side" if _overlap(self.calls) else "one after the other"
        return f"{len(self.calls)} answers{f', {failed} failed' if failed else ''}, {way}"

    @property
    def failed(self) -> bool:
        """Whether one was."""
        return any(call.failed for call in self.calls)

    def overlaps(self, other: "Group") -> bool:
        """Whether both were open at the same time, and were answered."""
        mine, its = self.ended_ms, other.ended_ms
        return mine is not None and its is not None and self.began_ms < its and other.began_ms < mine

    def left(self, run: Run) -> bool:
        """Whether one was not answered when this run was over, or belongs to what was left behind."""
        until_ms = run.last_ms
        if run.was_cut_off:
            return any(call.leak_id for call in self.calls)
        return any(call.ended_ms is None or call.ended_ms > until_ms or call.leak_id for call in self.calls)


def grouped(calls: Sequence[OutgoingCall]) -> list[Group]:
    """Few as they are; of many those that follow each other and are alike, then all to the same host."""
    if len(calls) <= MOST_ALONE:
        return [Group([call]) for call in calls]
    alike = [Group(list(found)) for _, found in groupby(calls, key=lambda call: (call.to, _verb(call), call.leak_id))]
    if len(alike) <= MOST_GROUPS:
        return alike
    hosts: dict[tuple[str, str | None], list[OutgoingCall]] = {}
    for call in calls:
        hosts.setdefault((call.to, call.leak_id), []).append(call)
    return [Group(found) for found in hosts.values()]


def _verb(call: OutgoingCall) -> str:
    return call.what.split(" ")[0]


def _overlap(calls: Sequence[OutgoingCall]) -> bool:
    return any(before.ended_ms is None or after.began_ms < before.ended_ms for before, after in pairwise(calls))
