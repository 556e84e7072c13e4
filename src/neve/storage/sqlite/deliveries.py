"""The outbox in `events.sqlite`: messages by target."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from neve.domain.destination import DeadLetterAttributes, Delivery, DeliveryKind
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.leases import LeaseBook
from neve.storage.store import LeasedDelivery, Leases

_SQL = blocks.load("deliveries")


def tally(db: sqlite3.Connection, lane: int, word: str, count: int) -> None:
    """Count what happens to a lane's events, in the transaction in which it happens."""
    db.execute(_SQL["tally"], {"lane": lane, "word": word, "count": count})


def last_id(db: sqlite3.Connection) -> int:
    """The last id of a message that is in the outbox; 0 when it is empty."""
    return int(db.execute(_SQL["last_id"]).fetchone()[0])


class SqliteDeliveryStore:
    """A `DeliveryStore`. Messages come in with the end of their event (`inserting`)."""

    def __init__(self, database: Database, last_id: int) -> None:
        self._database = database
        self._last_id = last_id
        self._targets: dict[str, int] = {}
        self._leases = LeaseBook()

    def inserting(
        self, lane: int, deliveries: Sequence[Delivery], now_ms: float
    ) -> Callable[[sqlite3.Connection], None]:
        """The part of a write that puts these messages into the outbox, due at once."""
        rows = [self._new_row(lane, delivery, now_ms) for delivery in deliveries]

        def insert(db: sqlite3.Connection) -> None:
            for delivery, row in zip(deliveries, rows, strict=True):
                db.execute(_SQL["insert_delivery"], row | {"target": _made_target(db, delivery.target_arn)})
                db.execute(_SQL["insert_body"], {"id": row["id"], "body": delivery.body})
            if rows:
                tally(db, lane, "delivering", len(rows))

        return insert

    async def busy_targets(self) -> Sequence[str]:
        """The ARNs of targets for which there are messages."""
        rows = await self._database.read(lambda db: db.execute(_SQL["busy_targets"]).fetchall())
        return [arn for (arn,) in rows]

    async def lease(self, target_arn: str, now_ms: float, limit: int, limit_bytes: int) -> Leases[LeasedDelivery]:
        """The one due longest first."""
        target = await self._target(target_arn)
        if target is None:
            return Leases((), None)
        async with self._leases.turn(target):
            held = self._leases.held(target)
            leases = await self._database.read(
                lambda db: _read_due(db, target, target_arn, held, now_ms, limit, limit_bytes)
            )
            for leased in leases.items:
                self._leases.hold(target, leased.id)
        return leases

    def give_back(self, leased: LeasedDelivery) -> None:
        """End the lease and change nothing else."""
        self._leases.release(self._targets[leased.delivery.target_arn], leased.id)

    async def retry(self, leased: LeasedDelivery, at_ms: float) -> None:
        """Let it wait until `at_ms`, one try more."""
        row = self._row(leased) | {"new_due_ms": int(at_ms), "tries": leased.tries + 1}
        await self._database.write(lambda db: db.execute(_SQL["reschedule"], row).rowcount, self._end_lease(leased))

    async def end(self, leased: LeasedDelivery, taken: bool) -> None:
        """Forget the message."""
        row = self._row(leased)

        def remove(db: sqlite3.Connection) -> None:
            db.execute(_SQL["delete_delivery"], row)
            db.execute(_SQL["delete_body"], {"id": row["id"]})
            tally(db, leased.lane, "delivering", -1)
            tally(db, leased.lane, "delivered" if taken else "delivery_failed", 1)

        await self._database.write_soon(remove, self._end_lease(leased))

    async def _target(self, arn: str) -> int | None:
        target = self._targets.get(arn)
        if target is None:
            target = await self._database.read(lambda db: _found_target(db, arn))
            if target is not None:
                self._targets[arn] = target
        return target

    def _row(self, leased: LeasedDelivery) -> dict[str, Any]:
        target = self._targets[leased.delivery.target_arn]
        return {"target": target, "due_ms": leased.due_ms, "id": leased.id}

    def _new_row(self, lane: int, delivery: Delivery, now_ms: float) -> dict[str, Any]:
        self._last_id += 1
        return {
            "id": self._last_id,
            "due_ms": int(now_ms),
            "lane": lane,
            "delivery_id": delivery.id,
            "kind": delivery.kind.value,
            "function_arn": delivery.function_arn,
            "request_id": delivery.request_id,
            "trace_header": delivery.trace_header,
            "made_ms": delivery.made_ms,
            "error_code": delivery.attributes and delivery.attributes.error_code,
            "error_message": delivery.attributes and delivery.attributes.error_message,
        }

    def _end_lease(self, leased: LeasedDelivery) -> Callable[[bool], None]:
        return lambda committed: self.give_back(leased) if committed else None


def _made_target(db: sqlite3.Connection, arn: str) -> int:
    return _found_target(db, arn) or int(db.execute(_SQL["insert_target"], {"arn": arn}).lastrowid or 0)


def _found_target(db: sqlite3.Connection, arn: str) -> int | None:
    row = db.execute(_SQL["target"], {"arn": arn}).fetchone()
    return None if row is None else int(row[0])


def _read_due(
    db: sqlite3.Connection,
    target: int,
    target_arn: str,
    held: frozenset[int],
    now_ms: float,
    limit: int,
    limit_bytes: int,
) -> Leases[LeasedDelivery]:
    """Rows are stepped through one by one: no more are read than are taken, but those that are held."""
    taken: list[LeasedDelivery] = []
    size = 0
    for due_ms, id_, *members in db.execute(_SQL["in_order"], {"target": target}):
        if id_ in held:
            continue
        if due_ms > now_ms or len(taken) == limit or (taken and size >= limit_bytes):
            return Leases(taken, float(due_ms))
        body = db.execute(_SQL["body"], {"id": id_}).fetchone()[0]
        taken.append(_leased(due_ms, id_, target_arn, body, *members))
        size += len(body)
    return Leases(taken, None)


def _leased(
    due_ms: int,
    id_: int,
    target_arn: str,
    body: bytes,
    lane: int,
    delivery_id: str,
    kind: str,
    function_arn: str,
    request_id: str,
    trace_header: str,
    made_ms: float,
    tries: int,
    error_code: int | None,
    error_message: str | None,
    account: str,
    region: str,
) -> LeasedDelivery:
    attributes = None
    if error_code is not None:
        attributes = DeadLetterAttributes(request_id, error_code, error_message or "")
    delivery = Delivery(
        id=delivery_id,
        kind=DeliveryKind(kind),
        target_arn=target_arn,
        body=body,
        world=World(account, region),
        function_arn=function_arn,
        request_id=request_id,
        trace_header=trace_header,
        made_ms=made_ms,
        attributes=attributes,
    )
    return LeasedDelivery(id_, due_ms, lane, delivery, tries)
