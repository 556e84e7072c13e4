"""The doors of one environment, started for a test."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from tests.dataplane.runtime_api.stage import Stage, Told, make_stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = make_stage(Told())
    await stage.api.start()
    yield stage
    await stage.close()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that Neve runs on: its transports differ from asyncio's in when they call what."""
    return {"uvloop": uvloop.new_event_loop}
