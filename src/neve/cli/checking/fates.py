"""One function in one fate: the freeze and the end of its environment are forced, and everything that it does is noted.

thawed      invoke; freeze at once; invoke again, and let what goes on there come to its end
reclaimed   invoke; freeze at once; reclaim the environment
in time     invoke; let what was left come to its end before the freeze; invoke again
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from neve.cli.checking.witness import Record
from neve.cli.checking.worlds import World
from neve.cli.client import Answer, Refused

QUIET_S = 0.15
"""Nothing is told for so long: work that nobody can see has most likely come to its end, too."""

_SETTLED_S = 20.0
_HELD_S = 600.0
_DIAGNOSIS_S = 3.0
_DIAGNOSED = ("nodejs", "python")
_ENDS = ("neve.freeze", "platform.fault", "neve.environmentStopped")


class Fate(Enum):
    """What becomes of an environment after an answer. The value is what people see."""

    THAWED = "thawed"
    RECLAIMED = "reclaimed"
    IN_TIME = "in time"


FATES = (Fate.THAWED, Fate.RECLAIMED, Fate.IN_TIME)


@dataclass(frozen=True)
class Seen:
    """What was seen. `second` is None where there was no second invocation, `unforced` says why a fate could not be had.

    `turned` is how many of the records are from before the second invocation.
    """

    fate: Fate
    account: str
    first: Answer
    records: Sequence[Record]
    turned: int
    second: Answer | None = None
    unforced: str | None = None
    settled: bool = True
    seconds: float = 0.0


def run(make: Callable[[], World], fate: Fate, setup: str | None, patience_s: float) -> Seen:
    """Deploy into a new world, invoke, and let it have its fate. Failed when it cannot be deployed.

    Once more, and that counts, when an event loop was blocked: that of a function for which a busy machine had no time looks
    the same.
    """
    seen = _once(make(), fate, setup, patience_s)
    return _once(make(), fate, setup, patience_s) if was_blocked(seen) else seen


def _once(world: World, fate: Fate, setup: str | None, patience_s: float) -> Seen:
    world.deploy(setup)
    began = time.monotonic()
    seen = _Run(world, fate, patience_s).run()
    world.reclaim()
    return Seen(**{**seen, "seconds": time.monotonic() - began})


class _Run:
    def __init__(self, world: World, fate: Fate, patience_s: float) -> None:
        self._world = world
        self._fate = fate
        self._patience_s = patience_s

    def run(self) -> dict[str, Any]:
        world, fate = self._world, self._fate
        world.freeze_after(_HELD_S if fate is Fate.IN_TIME else 0.0)
        first = self._invoke()
        unforced, settled = self._let_rest(first, held=fate is Fate.IN_TIME), True
        if fate is Fate.IN_TIME and unforced is None:
            settled = self._settle()
        if fate is Fate.RECLAIMED:
            world.reclaim()
        turned, second = len(world.witness.told(world.account)), None
        if fate is not Fate.RECLAIMED and unforced is None and settled:
            world.freeze_after(_HELD_S)
            second = self._invoke()
            self._let_rest(second, held=True)
            settled = self._settle() and settled
        told = world.witness.told(world.account)
        return {
            "fate": fate,
            "account": world.account,
            "first": first,
            "records": told,
            "turned": turned,
            "second": second,
            "unforced": unforced,
            "settled": settled,
        }

    def _invoke(self) -> Answer:
        try:
            return self._world.invoke()
        except Refused as refused:  # it cannot even be begun, which is an answer, too
            return Answer(refused.status, {"x-amz-function-error": refused.code}, refused.message.encode())

    def _let_rest(self, answer: Answer, held: bool) -> str | None:
        """Until its environment stands still (or waits for that: `held`) or has lost its processes; why there is nothing to
        thaw then."""
        request_id = answer.headers.get("x-amzn-requestid")
        ends = ("platform.report",) if held else _ENDS

        def rests(told: Sequence[Record]) -> bool:
            since = next((n for n, each in enumerate(told) if each["requestId"] == request_id), len(told))
            return any(each["type"] in (*ends, "platform.fault") for each in told[since:])

        world = self._world
        if request_id is None or not world.witness.wait(world.account, rests, _SETTLED_S):
            return "the environment did not come to rest"
        told = world.witness.told(world.account)
        if not any(_is(each, "platform.fault", request_id) for each in told):
            return None
        if any(_is(each, "platform.report", request_id) and each["record"]["status"] == "timeout" for each in told):
            self._wait_diagnosis(request_id)
        return "the invocation ended with its processes: nothing was left to thaw"

    def _wait_diagnosis(self, request_id: str) -> None:
        """Why it ran out of time is told once source maps are read; of some runtimes never."""
        if not self._world.target.runtime.startswith(_DIAGNOSED):
            return

        def explained(told: Sequence[Record]) -> bool:
            return any(_is(each, "neve.diagnosis", request_id) for each in told)

        self._world.witness.wait(self._world.account, explained, _DIAGNOSIS_S)

    def _settle(self) -> bool:
        """Until nothing that can be seen is under way any more; False when that takes too long."""
        world = self._world
        return world.witness.wait_quiet(world.account, nothing_open, QUIET_S, self._patience_s)


def was_blocked(seen: Seen) -> bool:
    """Whether an invocation ran out of time because nothing else could run in it."""
    ids = [each.headers.get("x-amzn-requestid") for each in (seen.first, seen.second) if each is not None]
    told = (each["record"] for each in seen.records if each["type"] == "neve.diagnosis")
    return any(each["requestId"] in ids and each["blocked"] for each in told)


def _is(record: Record, kind: str, request_id: str) -> bool:
    return bool(record["type"] == kind and record["requestId"] == request_id)


def nothing_open(told: Sequence[Record]) -> bool:
    """Of the leaks that can end: an interval never does."""
    unfinished: set[str] = set()
    for each in told:
        members = each["record"]
        if each["type"] == "neve.leak" and members["origin"] is not None and members["kind"] != "interval":
            unfinished.add(members["leakId"])
        elif each["type"] in ("neve.leakFinished", "neve.leakFailed"):
            unfinished.discard(members["leakId"])
        elif each["type"] == "neve.environmentStopped":
            unfinished.clear()
    return not unfinished
