"""Targets with everything real behind the door, and deliveries to send there."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.acceptance.server import NeveServer, running

from neve.domain.destination import DeadLetterAttributes, Delivery, DeliveryKind
from neve.domain.world import World
from neve.queue.targets.choice import AllTargets

HERE = World("111122223333", "eu-west-1")
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:maker:$LATEST"
ID = "0f4c1d9e-6d2b-4c55-9a41-1d1d5f5b7e10"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:3"
TOLD = DeadLetterAttributes("request-1", 200, "Test exception (this is intentional)")
MADE_MS = 1_764_026_480_123.0  # 2025-11-24T23:21:20.123Z
Invoked = list[tuple[World, str, bytes, str]]


def to(
    arn: str, kind: DeliveryKind = DeliveryKind.ON_FAILURE, body: bytes = b'{"version":"1.0"}', **more: Any
) -> Delivery:
    """A delivery; the attributes are there for a dead-letter queue."""
    attributes = TOLD if kind is DeliveryKind.DEAD_LETTER else None
    given = {"attributes": attributes, "trace_header": TRACE, "world": HERE} | more
    return Delivery(
        id=ID,
        kind=kind,
        target_arn=arn,
        body=body,
        function_arn=FUNCTION,
        request_id="request-1",
        made_ms=MADE_MS,
        **given,
    )


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """A Neve with neighbours."""
    with running(tmp_path_factory.mktemp("town") / "data", "--neighbours") as server:
        yield server


@pytest.fixture
def invoked() -> Invoked:
    """What functions were invoked with."""
    return []


@pytest.fixture
async def targets(town: NeveServer, invoked: Invoked) -> AsyncIterator[AllTargets]:
    async def invoke(world: World, arn: str, payload: bytes, trace: str) -> None:
        invoked.append((world, arn, payload, trace))

    made = AllTargets(town.url, invoke)
    yield made
    made.close()
