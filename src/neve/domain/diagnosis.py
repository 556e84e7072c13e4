"""What an invocation that ran out of time was doing: what it waited for, or where its event loop was blocked.

A runtime client says so when it is asked shortly before (`docs/frames.md`, DIAGNOSE). It is not trusted, as with leaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neve.domain.leak import Source, number_of, source_and_stack, text_of
from neve.domain.stack import read_stacks
from neve.domain.world import World

_MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that kept an event loop going. `origin` is the invocation that started it; None: the init phase."""

    kind: str
    description: str
    count: int
    source: Source | None
    stack: Sequence[str]
    origin: str | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One timeout, explained.

    `answered_ms`: when its callback was called, if it was. `blocked`: its event loop did not turn any more; `stack` is where
    it was, if that is known. Without an event loop (Python) `stack` is where the main thread was, `waiting` what else was
    under way. `family` is that of the runtime.
    """

    world: World
    function_name: str
    version: str
    at_ms: float
    request_id: str
    timeout_s: float
    answered_ms: float | None = None
    waiting: Sequence[Waiting] = ()
    blocked: bool = False
    stack: Sequence[str] = ()
    family: str = "nodejs"


def read_diagnosis(
    header: Mapping[str, Any] | None, request_id: str, timeout_s: float, root: str, family: str = "nodejs"
) -> Mapping[str, Any]:
    """What a client said. `header` is None when it was asked and said nothing: its event loop is blocked.

    Places are still `stacks`: `located_diagnosis` makes the record of it.
    """
    said: Mapping[str, Any] = {"blocked": True} if header is None else header
    waiting, answered = said.get("waiting"), said.get("answeredMs")
    items = waiting[:_MOST_WAITING] if isinstance(waiting, list) else []
    return {
        "requestId": request_id,
        "timeoutSeconds": timeout_s,
        "answeredMs": answered if isinstance(answered, int | float) and not isinstance(answered, bool) else None,
        "waiting": [_waiting(each, root) for each in items if isinstance(each, dict)],
        "blocked": said.get("blocked") is True,
        "stacks": read_stacks(said, root),
        "family": family,
    }


def located_diagnosis(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """With places instead of stacks."""
    told = {**members, "waiting": [_located(each) for each in members["waiting"]]}
    stacks = told.pop("stacks")
    return {**told, "stack": source_and_stack(stacks)["stack"]}


def _waiting(item: Mapping[str, Any], root: str) -> Mapping[str, Any]:
    return {
        "kind": text_of(item.get("kind")) or "work",
        "description": text_of(item.get("description")) or "work",
        "count": max(1, number_of(item.get("count"))),
        "origin": text_of(item.get("origin")),
        "stacks": read_stacks(item, root),
    }


def _located(waiting: Mapping[str, Any]) -> Mapping[str, Any]:
    told = dict(waiting)
    stacks = told.pop("stacks")
    return {**told, **source_and_stack(stacks)}
