"""An event on its way to the data plane."""

from types import SimpleNamespace
from typing import Any

from neve.control.functions import Target
from neve.control.invoke import run_event
from neve.domain.event import QueuedEvent
from neve.domain.world import World


async def test_an_event_has_no_request_rate() -> None:
    asked: list[Any] = []

    async def invoke(invocation: object, of_event: bool = False) -> str:
        asked.append((invocation, of_event))
        return "result"

    functions: Any = SimpleNamespace(resolve_cached=lambda world, name, qualifier, identity: Target(None, "arn:f"))  # type: ignore[arg-type]
    plane: Any = SimpleNamespace(invoke=invoke)
    event = QueuedEvent("id", World(), "f", None, b"{}", "Root=1", 0.0)
    assert await run_event(functions, plane, event) == "result"  # type: ignore[comparison-overlap]
    ((invocation, of_event),) = asked
    assert (invocation.request_id, invocation.payload, of_event) == ("id", b"{}", True)
