"""A queue for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.queue.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House.open(tmp_path)
    yield opened
    await opened.close()
