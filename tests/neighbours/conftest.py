"""A door whose other services are where the test says."""

from collections.abc import Callable, Iterator

import pytest
from tests.api.conftest import Running, own

from neve.api.door import Service, create_door
from neve.neighbours.directory import Directory
from neve.neighbours.elsewhere import neighbour_at
from neve.neighbours.endpoints import parse_endpoints

OpenDoor = Callable[..., Running]


@pytest.fixture
def open_door() -> Iterator[OpenDoor]:
    """`open_door(sqs="http://…")`; all doors close with the test."""
    running: list[Running] = []

    def start(**endpoints: str) -> Running:
        elsewhere = {name: neighbour_at(each) for name, each in parse_endpoints(endpoints).items()}
        services = {"lambda": Service("lambda", {}), "logs": Service("logs", {})}
        running.append(Running(create_door(services, own, {}, Directory(elsewhere, None))))
        return running[-1]

    yield start
    for each in running:
        each.stop()
