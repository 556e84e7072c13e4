"""Events that wait, in `events.sqlite`, and what became of them. The outbox in the same file is in `deliveries.py`.

* Every change of an event is one write: the group commit of `connection.py` makes a few transactions of many.
* Ids are given here, in order, and not twice in the life of the process: a lease never means another row than it did.
* What is counted is counted in the transaction that changes it.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from neve.domain.destination import Delivery, error_message
from neve.domain.event import Cause, Condition, NotRun, Progress, QueuedEvent, Ran
from neve.domain.limits import DEAD_LETTER_ERROR_BYTES
from neve.domain.world import World
from neve.storage.sqlite import blocks, deliveries, many
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.deliveries import SqliteDeliveryStore, tally
from neve.storage.sqlite.leases import LeaseBook
from neve.storage.store import DroppedEvent, EventOverview, LeasedEvent, Leases

_SQL = blocks.load("events")

SLICE = 2_000
"""Events moved or removed in one transaction: some ten milliseconds."""
DROPPED_KEPT = 100_000
"""Events that failed for good and are remembered at most, over all functions."""
OVERVIEW_SECONDS = 30.0
_DROPPED = "dropped:"


_Row = dict[str, Any]
_Change = Callable[[sqlite3.Connection, _Row], None]


class _Place(NamedTuple):
    """What a row of `in_order` says of the row itself; the rest is the event."""

    due_ms: int
    id: int


class _Arrival(NamedTuple):
    """An event on its way in; `lane` where its function has had events before."""

    id: int
    key: tuple[World, str]
    lane: int | None
    event: QueuedEvent


class SqliteEventStore:
    """An `EventStore` on one SQLite file."""

    def __init__(self, database: Database, last_event: int, last_delivery: int) -> None:
        self._database = database
        self._last_id = last_event
        self._lanes: dict[tuple[World, str], int] = {}
        self._leases = LeaseBook()
        self.deliveries = SqliteDeliveryStore(database, last_delivery)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file. OperatorError when it cannot be opened."""
        database = await Database.open(path, "events", "FULL")
        try:
            last_event, last_delivery = await database.read(lambda db: (_last_id(db), deliveries.last_id(db)))
        except BaseException:
            await database.close()
            raise
        return cls(database, last_event, last_delivery)

    async def close(self) -> None:
        """Write what waits, then close."""
        await self._database.close()

    # In

    async def accept(self, event: QueuedEvent) -> None:
        """Due at once."""
        key = (event.world, event.function_name)
        self._last_id += 1
        arrival = _Arrival(self._last_id, key, self._lanes.get(key), event)
        # Known from the moment on that it is on disk: the number of a lane that was rolled back goes to another one.
        self._lanes[key] = await self._database.write_together(_insert_all, arrival)

    # Leases

    async def busy_lanes(self) -> Sequence[tuple[World, str]]:
        """The functions that have events."""
        rows = await self._database.read(lambda db: db.execute(_SQL["busy_lanes"]).fetchall())
        return [(World(account, region), name) for account, region, name in rows]

    async def lease(
        self, world: World, function_name: str, now_ms: float, limit: int, limit_bytes: int
    ) -> Leases[LeasedEvent]:
        """The one due longest first."""
        lane = await self._lane(world, function_name)
        if lane is None:
            return Leases((), None)
        async with self._leases.turn(lane):
            held = self._leases.held(lane)
            leases = await self._database.read(
                lambda db: _read_due(db, lane, (world, function_name), held, now_ms, limit, limit_bytes)
            )
            for leased in leases.items:
                self._leases.hold(lane, leased.id)
        return leases

    def give_back(self, leased: LeasedEvent) -> None:
        """End the lease and change nothing else."""
        self._leases.release(self._lane_of(leased), leased.id)

    async def retry(self, leased: LeasedEvent, at_ms: float, progress: Progress) -> None:
        """Let it wait until `at_ms`."""
        row = self._row(leased)
        changes = row | _progress_row(progress) | {"new_due_ms": int(at_ms)}

        def reschedule(db: sqlite3.Connection) -> None:
            db.execute(_SQL["reschedule"], changes)
            if progress.last_run is not None and progress.last_run is not leased.progress.last_run:
                run = {"payload": progress.last_run.payload, "executed_version": progress.last_run.executed_version}
                db.execute(_SQL["keep_last_run"], row | run)

        await self._database.write_soon(reschedule, self._end_lease(leased))

    async def end(
        self,
        leased: LeasedEvent,
        condition: Condition,
        progress: Progress,
        messages: Sequence[Delivery],
        now_ms: float,
    ) -> None:
        """Forget the event and remember what is to be told of it."""
        row = self._row(leased)
        succeeded = condition is Condition.SUCCESS
        dropped = None if succeeded else row | _dropped_row(leased.event, condition, progress, now_ms)
        insert_messages = self.deliveries.inserting(row["lane"], messages, now_ms)

        def remove(db: sqlite3.Connection) -> None:
            _delete(db, row, leased.progress)
            tally(db, row["lane"], "succeeded" if succeeded else _DROPPED + condition.value, 1)
            if dropped is not None:
                db.execute(_SQL["insert_dropped"], dropped)
            insert_messages(db)

        await self._database.write_soon(remove, self._end_lease(leased))

    # By hand

    async def retry_now(self, world: World, function_name: str, now_ms: float, request_id: str | None) -> int:
        """A slice at a time, so that no other write waits for a million."""

        def move(db: sqlite3.Connection, row: _Row) -> None:
            db.execute(_SQL["move"], row | {"new_due_ms": int(now_ms)})

        return await self._each(world, function_name, request_id, now_ms, move)

    async def purge(self, world: World, function_name: str, request_id: str | None) -> int:
        """A slice at a time, so that no other write waits for a million."""

        def remove(db: sqlite3.Connection, row: _Row) -> None:
            _delete(db, row, Progress(attempts=1))
            tally(db, row["lane"], "purged", 1)

        return await self._each(world, function_name, request_id, None, remove)

    async def _each(
        self,
        world: World,
        function_name: str,
        request_id: str | None,
        after_ms: float | None,
        change: _Change,
    ) -> int:
        """Change what nobody holds, of one request or all, those due after a time or all; how many."""
        lane = await self._lane(world, function_name)
        if lane is None:
            return 0
        changed = 0
        while True:
            async with self._leases.turn(lane):
                rows = await self._unheld(lane, request_id, after_ms)
                await self._database.write(partial(_change_each, change, rows))
            changed += len(rows)
            if len(rows) < SLICE:
                return changed

    async def _unheld(self, lane: int, request_id: str | None, after_ms: float | None) -> list[_Row]:
        """A slice of the rows that nobody holds. They stay so as long as the caller has the lane's turn."""
        held = self._leases.held(lane)
        key = {"lane": lane, "request_id": request_id, "after_ms": after_ms, "limit": SLICE + len(held)}
        found = await self._database.read(lambda db: db.execute(_SQL["some"], key).fetchall())
        return [{"lane": lane, "due_ms": due_ms, "id": id_} for due_ms, id_ in found if id_ not in held][:SLICE]

    # What became of them

    async def overviews(self, now_ms: float, world: World | None, function_name: str | None) -> Sequence[EventOverview]:
        """By account, region and name."""
        wanted = {
            "account": world and world.account,
            "region": world and world.region,
            "function_name": function_name,
        }
        running: Callable[[int], int] = self._leases.count

        def look(db: sqlite3.Connection) -> list[EventOverview]:
            lanes = db.execute(_SQL["known_lanes"], wanted).fetchall()
            return [
                _overview(db, lane, World(account, region), name, now_ms, running(lane))
                for lane, account, region, name in lanes
            ]

        return await self._database.read(look, OVERVIEW_SECONDS)

    async def dropped(self, world: World, function_name: str, limit: int) -> Sequence[DroppedEvent]:
        """The newest first."""
        key = {"lane": await self._lane(world, function_name), "limit": limit}
        rows = await self._database.read(lambda db: db.execute(_SQL["dropped"], key).fetchall())
        return [DroppedEvent(*row) for row in rows]

    async def forget_dropped(self, before_ms: float) -> int:
        """A slice at a time."""
        forgotten = 0
        members = {"before_ms": before_ms, "slice": SLICE, "kept": DROPPED_KEPT}
        while True:
            count = await self._database.write(lambda db: db.execute(_SQL["forget_dropped"], members).rowcount)
            forgotten += count
            if count < SLICE:
                return forgotten

    # Within

    async def _lane(self, world: World, function_name: str) -> int | None:
        """Its number; None for a function that never had events."""
        key = (world, function_name)
        lane = self._lanes.get(key)
        if lane is None:
            lane = await self._database.read(lambda db: _found_lane(db, key))
            if lane is not None:
                self._lanes[key] = lane
        return lane

    def _lane_of(self, leased: LeasedEvent) -> int:
        return self._lanes[leased.event.world, leased.event.function_name]

    def _row(self, leased: LeasedEvent) -> _Row:
        return {"lane": self._lane_of(leased), "due_ms": leased.due_ms, "id": leased.id}

    def _end_lease(self, leased: LeasedEvent) -> Callable[[bool], None]:
        return lambda committed: self.give_back(leased) if committed else None


def _last_id(db: sqlite3.Connection) -> int:
    return int(db.execute(_SQL["last_id"]).fetchone()[0])


def _insert_all(db: sqlite3.Connection, arrivals: Sequence[_Arrival]) -> Sequence[int]:
    """Their lanes."""
    made = {arrival.key: _made_lane(db, arrival.key) for arrival in arrivals if arrival.lane is None}
    lanes = [arrival.lane or made[arrival.key] for arrival in arrivals]
    many.insert(db, _SQL["insert_event"], [_event_row(*each) for each in zip(arrivals, lanes, strict=True)])
    many.insert(db, _SQL["insert_payload"], [(arrival.id, arrival.event.payload) for arrival in arrivals])
    for lane, count in Counter(lanes).items():
        tally(db, lane, "received", count)
    return lanes


def _event_row(arrival: _Arrival, lane: int) -> tuple[Any, ...]:
    event = arrival.event
    due_ms = int(event.accepted_ms)
    return lane, due_ms, arrival.id, event.request_id, event.qualifier, event.trace_header, event.accepted_ms


def _made_lane(db: sqlite3.Connection, key: tuple[World, str]) -> int:
    return _found_lane(db, key) or int(db.execute(_SQL["insert_lane"], _lane_row(key)).lastrowid or 0)


def _found_lane(db: sqlite3.Connection, key: tuple[World, str]) -> int | None:
    row = db.execute(_SQL["lane"], _lane_row(key)).fetchone()
    return None if row is None else int(row[0])


def _change_each(change: _Change, rows: Sequence[_Row], db: sqlite3.Connection) -> None:
    for row in rows:
        change(db, row)


def _lane_row(key: tuple[World, str]) -> _Row:
    world, name = key
    return {"account": world.account, "region": world.region, "function_name": name}


def _read_due(
    db: sqlite3.Connection,
    lane: int,
    key: tuple[World, str],
    held: frozenset[int],
    now_ms: float,
    limit: int,
    limit_bytes: int,
) -> Leases[LeasedEvent]:
    """Rows are stepped through one by one: no more are read than are taken, but those that are held."""
    taken: list[LeasedEvent] = []
    size = 0
    for row in db.execute(_SQL["in_order"], {"lane": lane}):
        place = _Place(*row[:2])
        if place.id in held:
            continue
        if place.due_ms > now_ms or len(taken) == limit or (taken and size >= limit_bytes):
            return Leases(taken, float(place.due_ms))
        taken.append(_leased(db, place, key, *row[2:]))
        size += len(taken[-1].event.payload)
    return Leases(taken, None)


def _leased(
    db: sqlite3.Connection,
    place: _Place,
    key: tuple[World, str],
    request_id: str,
    qualifier: str | None,
    trace_header: str,
    accepted_ms: float,
    attempts: int,
    setbacks: int,
    cause: str | None,
    status: int,
    message: str,
) -> LeasedEvent:
    world, name = key
    payload = db.execute(_SQL["payload"], {"id": place.id}).fetchone()[0]
    event = QueuedEvent(request_id, world, name, qualifier, payload, trace_header, accepted_ms)
    last_run = None
    if attempts:
        run = db.execute(_SQL["last_run"], {"id": place.id}).fetchone()
        last_run = None if run is None else Ran(True, *run)
    refusal = None if cause is None else NotRun(Cause(cause), status, message)
    return LeasedEvent(place.id, place.due_ms, event, Progress(attempts, setbacks, last_run, refusal))


def _delete(db: sqlite3.Connection, row: _Row, progress: Progress) -> None:
    db.execute(_SQL["delete_event"], row)
    db.execute(_SQL["delete_payload"], {"id": row["id"]})
    if progress.attempts:
        db.execute(_SQL["delete_last_run"], {"id": row["id"]})


def _progress_row(progress: Progress) -> _Row:
    refusal = progress.refusal
    return {
        "attempts": progress.attempts,
        "setbacks": progress.setbacks,
        "refusal_cause": refusal and refusal.cause.value,
        "refusal_status": refusal and refusal.status,
        "refusal_message": refusal and refusal.message,
    }


def _dropped_row(event: QueuedEvent, condition: Condition, progress: Progress, now_ms: float) -> _Row:
    return {
        "request_id": event.request_id,
        "qualifier": event.qualifier,
        "condition": condition.value,
        "attempts": progress.attempts,
        "error": _last_error(progress),
        "accepted_ms": event.accepted_ms,
        "ended_ms": now_ms,
    }


def _last_error(progress: Progress) -> str:
    if progress.refusal is not None:
        return progress.refusal.message
    return "" if progress.last_run is None else error_message(progress.last_run.payload)[:DEAD_LETTER_ERROR_BYTES]


def _overview(db: sqlite3.Connection, lane: int, world: World, name: str, now_ms: float, running: int) -> EventOverview:
    total, retrying, next_retry_ms, oldest_ms = db.execute(_SQL["counts"], {"lane": lane, "now_ms": now_ms}).fetchone()
    counts: dict[str, int] = dict(db.execute(_SQL["tallies"], {"lane": lane}).fetchall())
    return EventOverview(
        world=world,
        function_name=name,
        waiting=max(0, total - retrying - running),
        retrying=retrying,
        running=running,
        next_retry_ms=next_retry_ms,
        oldest_ms=oldest_ms,
        received=counts.get("received", 0),
        succeeded=counts.get("succeeded", 0),
        dropped={word.removeprefix(_DROPPED): count for word, count in counts.items() if word.startswith(_DROPPED)},
        delivering=counts.get("delivering", 0),
        delivered=counts.get("delivered", 0),
        delivery_failed=counts.get("delivery_failed", 0),
    )
