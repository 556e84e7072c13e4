"""A freeze that begins some turns of the event loop later, and a thaw that comes at any moment."""

import asyncio

import pytest
from tests.dataplane.scripted import ScriptedSandbox

from neve.dataplane.freezing import Freezing
from neve.dataplane.tasks import Tasks


@pytest.mark.parametrize("turns", [*range(8), 30, 100, 300, 1000])
async def test_nothing_is_frozen_after_a_thaw_whenever_it_comes(turns: int) -> None:
    sandbox = ScriptedSandbox()
    told: list[object] = []
    freezing = Freezing(sandbox, Tasks("environment"), told.append, told.append)
    freezing.begin()
    await pass_turns(turns)
    told.clear()
    asked = list(sandbox.asked)
    frozen_ms = freezing.thaw()
    await pass_turns(10)
    assert sandbox.asked == [*asked, "thaw"]
    assert (frozen_ms is not None) == (asked == ["freeze"])
    assert told == []


async def pass_turns(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
