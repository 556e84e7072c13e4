"""Execution leaks: work of one invocation that is still alive after its handler answered, and what becomes of it.

A runtime client tells of them in news (`docs/frames.md`, LEAK): opened, resumed, finished, failed. Runtime clients are not
trusted: what is no news is left out, what is too long is cut.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Self

from neve.domain import record as kinds
from neve.domain.housekeeping import keeps_house
from neve.domain.stack import Stack, chosen, read_stacks
from neve.domain.world import World

MOST_SEEN = 20
"""Invocations that are told of a leak that goes on in every one of them."""
_LONGEST = 500
ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")

News = tuple[str, Mapping[str, Any]]
"""A record's type and members."""


class Fate(Enum):
    """What became of leaked work. The value is what the API says."""

    PENDING = "pending"  # it stands still with its environment
    FINISHED = "finished"  # before the environment froze: luck
    CONTINUED = "continued"  # inside a later invocation
    NEVER = "never"  # its environment ended


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the user's code: `file` is relative to the task root where it lies there; lines and columns from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak. `origin` is None for what the init phase made, which belongs to no invocation and has no fate.

    `failed` is the invocation in which an error of it was raised that nobody took, and which it ended if it was `fatal`;
    `finished` says whether it came to its end, wherever that was.
    """

    id: str
    world: World
    function_name: str
    version: str
    environment_id: str
    at_ms: float
    kind: str
    description: str
    count: int
    source: Source | None
    stack: Sequence[str]
    origin: str | None
    seen_in: Sequence[str] = ()
    fate: Fate = Fate.PENDING
    finished: bool = False
    failed: str | None = None
    error: str | None = None
    fatal: bool = True

    @property
    def pending(self) -> bool:
        """Whether its fate is open."""
        return self.fate is Fate.PENDING and self.origin is not None

    def resumed(self, request_id: str) -> Self:
        """It went on inside this invocation."""
        known = request_id in self.seen_in or len(self.seen_in) >= MOST_SEEN
        seen = self.seen_in if known else (*self.seen_in, request_id)
        return replace(self, seen_in=seen, fate=Fate.CONTINUED, finished=False)

    def finished_in(self, request_id: str | None) -> Self:
        """It came to its end inside this invocation; None: before the freeze."""
        after = self.resumed(request_id) if request_id is not None else self
        fate = Fate.FINISHED if after.fate is Fate.PENDING else after.fate
        return replace(after, fate=fate, finished=True)

    def failed_in(self, request_id: str | None, error: str, fatal: bool = True) -> Self:
        """An error of it was raised inside this invocation, or in the idle environment, and ended it if it was fatal."""
        after = self.resumed(request_id) if request_id is not None else self
        return replace(after, failed=request_id, error=error, fatal=fatal, finished=True)

    def lost(self) -> Self:
        """Its processes are gone."""
        return replace(self, fate=Fate.NEVER) if self.pending else self


@dataclass(frozen=True, slots=True)
class LeftOverLine:
    """A log event that work of one invocation wrote into the log of another. `digest` is the SHA-256 of its text, in hex."""

    world: World
    function_name: str
    time_ms: int
    digest: str
    left_over_from: str
    request_id: str | None


def read_news(header: Mapping[str, Any], prefix: str, root: str) -> Iterator[News]:
    """The records of a LEAK frame. `prefix` makes ids of one process ids of this Neve; `root` is the task root.

    What was opened still has its `stacks`, and `detached`: `located` makes the record of it.
    """
    items = header.get("news")
    for item in items if isinstance(items, list) else []:
        reader = _READERS.get(str(item.get("is"))) if isinstance(item, dict) else None
        news = reader(item, prefix, root) if reader is not None else None
        if news is not None:
            yield news


def located(members: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """With `source` and `stack` for `stacks`; None for what a package does for everybody."""
    told = dict(members)
    stacks: Sequence[Stack] = told.pop("stacks")
    if keeps_house(told["kind"], told.pop("detached"), stacks[0] if stacks else ()):
        return None
    return {**told, **source_and_stack(stacks)}


def source_and_stack(stacks: Sequence[Stack]) -> Mapping[str, Any]:
    """The two members that tell a place."""
    frame, stack = chosen(stacks)
    source = frame and {"file": frame.shown, "line": frame.line, "column": frame.column}
    return {"source": source, "stack": [str(each) for each in stack]}


def _opened(item: Mapping[str, Any], prefix: str, root: str) -> News | None:
    leak_id = _id(item, prefix)
    if leak_id is None:
        return None
    return kinds.LEAK, {
        "leakId": leak_id,
        "kind": text_of(item.get("kind")) or "work",
        "description": text_of(item.get("description")) or "",
        "count": max(1, number_of(item.get("count"))),
        "origin": text_of(item.get("origin")),
        "detached": item.get("detached") is True,
        "stacks": read_stacks(item, root),
    }


def _resumed(item: Mapping[str, Any], prefix: str, _root: str) -> News | None:
    leak_id, request_id = _id(item, prefix), text_of(item.get("in"))
    return None if leak_id is None or request_id is None else (kinds.LEAK_RESUMED, _inside(leak_id, request_id))


def _finished(item: Mapping[str, Any], prefix: str, _root: str) -> News | None:
    leak_id = _id(item, prefix)
    return None if leak_id is None else (kinds.LEAK_FINISHED, _inside(leak_id, text_of(item.get("in"))))


def _failed(item: Mapping[str, Any], prefix: str, _root: str) -> News | None:
    leak_id = _id(item, prefix)
    if leak_id is None:
        return None
    error = text_of(item.get("error")) or "an error"
    fatal = item.get("fatal") is not False
    return kinds.LEAK_FAILED, {**_inside(leak_id, text_of(item.get("in"))), "error": error, "fatal": fatal}


def _broken(item: Mapping[str, Any], _prefix: str, _root: str) -> News | None:
    reason = text_of(item.get("reason")) or "unknown"
    return kinds.NOTICE, {"text": f"The leak watch of an environment has stopped, which is a fault of Neve: {reason}"}


_READERS = {
    "open": _opened,
    "resumed": _resumed,
    "finished": _finished,
    "failed": _failed,
    "broken": _broken,
}


def _inside(leak_id: str, request_id: str | None) -> Mapping[str, Any]:
    return {"leakId": leak_id, "requestId": request_id}


def _id(item: Mapping[str, Any], prefix: str) -> str | None:
    own = item.get("leak")
    return f"{prefix}.{own}" if isinstance(own, str) and ID.fullmatch(own) else None


def text_of(value: object) -> str | None:
    """A text that is not too long; None for nothing."""
    return value[:_LONGEST] if isinstance(value, str) and value else None


def number_of(value: object) -> int:
    """A whole number; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
