"""The doors of one environment, started for a test."""

from collections.abc import AsyncIterator

import pytest
from tests.dataplane.runtime_api.stage import Stage, Told, make_function

from neve.clock import Clock
from neve.dataplane.runtime_api.server import RuntimeApi


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    told = Told()
    stage = Stage(RuntimeApi(make_function(), told, Clock()), told)
    await stage.api.start()
    yield stage
    await stage.close()
