"""An event queue over the real store, with functions and targets that the test scripts, and a clock that it moves."""

import asyncio
import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import msgspec

from neve.clock import Clock
from neve.dataplane.stream import Stream
from neve.domain.destination import Delivery
from neve.domain.event import Policy, QueuedEvent
from neve.domain.invocation import InvocationResult, Status
from neve.domain.record import Record
from neve.domain.world import World
from neve.queue.event_queue import EventQueue
from neve.queue.worker import Callables
from neve.settings import Settings, load
from neve.storage.sqlite.events import SqliteEventStore

BOUND_S = 20.0
WORLD = World()

Run = Callable[[QueuedEvent], Awaitable[InvocationResult]]


_FILL = """
WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO events (lane, due_ms, id, request_id, trace_header, accepted_ms)
SELECT :lane, :now_ms, n, :name || '-' || n, 'Root=1', :now_ms FROM numbers
"""
_FILL_PAYLOADS = """
WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO payloads (id, payload) SELECT n, :payload FROM numbers
"""


async def fill(path: Path, name: str, count: int, payload: bytes = b"{}", due_in_s: float = 0.0) -> None:
    """A new file with so many events of one function, as if they had been accepted."""
    store = await SqliteEventStore.open(path / "events.sqlite")
    await store.close()
    members = {
        "count": count,
        "lane": 1,
        "name": name,
        "payload": payload,
        "now_ms": int(Clock().now_ms() + due_in_s * 1000.0),
    }
    with contextlib.closing(sqlite3.connect(path / "events.sqlite", isolation_level=None)) as database:
        database.execute("BEGIN")
        database.execute(
            "INSERT INTO lanes (id, account, region, function_name) VALUES (1, ?, ?, ?)",
            (WORLD.account, WORLD.region, name),
        )
        database.execute(_FILL, members)
        database.execute(_FILL_PAYLOADS, members)
        database.execute("COMMIT")


def succeeded(payload: bytes = b"1") -> InvocationResult:
    return InvocationResult(Status.SUCCESS, payload, "$LATEST")


def failed(message: str = "no") -> InvocationResult:
    return InvocationResult(Status.FAILURE, json.dumps({"errorMessage": message}).encode(), "$LATEST", "Error")


@dataclass
class Functions:
    """What the functions do, by name; without a script they succeed. Counts what runs."""

    scripts: dict[str, Run] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)
    runs: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    running: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def run(self, event: QueuedEvent) -> InvocationResult:
        name = event.function_name
        self.runs[name].append(event.request_id)
        self.running[name] += 1
        self.most[name] = max(self.most[name], self.running[name])
        try:
            script = self.scripts.get(name)
            return succeeded() if script is None else await script(event)
        finally:
            self.running[name] -= 1

    def hold(self, *names: str) -> asyncio.Event:
        """These succeed once the event is set."""
        let_go = asyncio.Event()

        async def wait(event: QueuedEvent) -> InvocationResult:
            await let_go.wait()
            return succeeded()

        self.scripts.update(dict.fromkeys(names, wait))
        return let_go

    async def policy_of(self, world: World, name: str, qualifier: str | None) -> Policy:
        return self.policies.get(name, Policy())


@dataclass
class FakeTargets:
    """Takes everything, or raises what the test says for a target, or waits."""

    taken: list[Delivery] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    raising: dict[str, Exception] = field(default_factory=dict)
    holding: dict[str, asyncio.Event] = field(default_factory=dict)

    async def send(self, delivery: Delivery) -> None:
        self.tries[delivery.target_arn] += 1
        if delivery.target_arn in self.holding:
            await self.holding[delivery.target_arn].wait()
        if delivery.target_arn in self.raising:
            raise self.raising[delivery.target_arn]
        self.taken.append(delivery)

    def bodies(self, target: str) -> list[Any]:
        return [json.loads(each.body) for each in self.taken if each.target_arn == target]


class House:
    """One queue. `close` stops it as the roof does."""

    def __init__(self, store: SqliteEventStore, functions: Functions, targets: FakeTargets, settings: Settings) -> None:
        self.store = store
        self.functions = functions
        self.targets = targets
        self.clock = Clock(virtual=True)
        self.records: list[Record] = []
        stream = Stream()
        stream.subscribe(self._note)
        callables = Callables(functions.run, functions.policy_of, lambda world, name: name in functions.off)
        self.queue = EventQueue(store, self.clock, stream, targets, callables, settings)
        self._number = 0

    @classmethod
    async def open(cls, path: Path, **changes: Any) -> Self:
        store = await SqliteEventStore.open(path / "events.sqlite")
        house = cls(store, Functions(), FakeTargets(), replace(load({}, {}), **changes))
        try:
            await house.queue.start()
        except BaseException:
            await house.close()
            raise
        return house

    async def close(self) -> None:
        self.queue.close()
        await self.queue.wait_ended()
        await self.store.close()

    async def send(self, name: str = "f", payload: bytes = b"{}", count: int = 1, **members: Any) -> list[str]:
        """Accept events; their ids."""
        ids = [f"{name}-{self._number + number}" for number in range(count)]
        self._number += count
        now = self.clock.now_ms()
        events = [QueuedEvent(id_, WORLD, name, None, payload, "Root=1", now) for id_ in ids]
        await asyncio.gather(*(self.queue.accept(msgspec.structs.replace(event, **members)) for event in events))
        return ids

    async def wait(self, met: Callable[[], object]) -> None:
        """Until the condition holds."""
        async with asyncio.timeout(BOUND_S):
            while not met():  # noqa: ASYNC110 - what is waited for is any condition of the test's
                await asyncio.sleep(0.001)

    async def wait_record(self, kind: str, count: int = 1) -> Record:
        """The `count`th record of that type."""
        await self.wait(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    def of(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.type == kind]

    def _note(self, record: Record, line: str | None) -> None:
        self.records.append(record)
