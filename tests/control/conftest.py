"""Functions on the real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.control.bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    await made.open()
    yield made
    await made.close()
