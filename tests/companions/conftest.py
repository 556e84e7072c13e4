"""The log operations on a real store, each call and answer checked against the service model."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from neve.clock import Clock
from neve.companions.logs.api import operations
from neve.domain.call import Call
from neve.domain.world import World
from neve.storage.sqlite.logs import SqliteLogStore

Ask = Callable[..., Awaitable[dict[str, Any]]]

MODEL = botocore.session.get_session().get_service_model("logs")
NOW_S = 1_800_000_000.0


class FixedClock(Clock):
    """Stands at `NOW_S` until a test moves it."""

    def now(self) -> float:
        return NOW_S + self.offset_s


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(virtual=True)


@pytest.fixture
async def store(tmp_path: Path, clock: FixedClock) -> AsyncIterator[SqliteLogStore]:
    opened = await SqliteLogStore.open(tmp_path / "logs.sqlite", clock)
    yield opened
    await opened.close()


@pytest.fixture
def ask(store: SqliteLogStore, clock: FixedClock) -> Ask:
    """`await ask("CreateLogGroup", logGroupName="/g")`, optionally with `world=`."""
    table = operations(store, clock)

    async def call(operation: str, world: World | None = None, **members: Any) -> dict[str, Any]:
        model = MODEL.operation_model(operation)
        report = ParamValidator().validate(members, model.input_shape)
        assert not report.has_errors(), report.generate_report()
        answer = dict(await table[operation](Call(world or World(), "id"), members))
        known(model.output_shape, answer)
        return answer

    return call


def known(shape: Any, value: Any) -> None:
    """Every member of an answer is one of the model, of its type."""
    if shape is None:
        assert value == {}
    elif shape.type_name == "structure":
        assert set(value) <= set(shape.members)
        for name, member in value.items():
            known(shape.members[name], member)
    elif shape.type_name == "list":
        for member in value:
            known(shape.member, member)
    elif shape.type_name in ("long", "integer"):
        assert type(value) is int
    elif shape.type_name == "string":
        assert type(value) is str
