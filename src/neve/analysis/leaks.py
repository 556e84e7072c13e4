"""Follows every leak from the moment it is left to its fate: a subscriber of the stream with a store behind it.

What the runtime client sees (resumed, finished) comes as records; that work never went on follows from the end of its
environment. News are written in batches; what the disk refuses is tried again, and dropped when too much of it waits.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from neve import log
from neve.domain import record as kinds
from neve.domain.diagnosis import Diagnosis, Waiting
from neve.domain.errors import StorageUnavailable
from neve.domain.leak import Leak, LeftOverLine, Source
from neve.domain.record import Record
from neve.storage.store import LeakStore

FLUSH_SECONDS = 0.2
MOST_OF_ONE_ENVIRONMENT = 1_000
MOST_WAITING = 20_000
MOST_SHOWN = 1_000
_RETRY_SECONDS = 2.0


class LeakBook:
    """All methods belong to the event loop's thread."""

    def __init__(self, store: LeakStore) -> None:
        self._store = store
        self._environments: dict[str, OrderedDict[str, Leak]] = {}
        self._changed: dict[str, Leak] = {}
        self._lines: list[LeftOverLine] = []
        self._diagnoses: list[Diagnosis] = []
        self._news = asyncio.Event()
        self._hears: Mapping[str, Callable[[Record], None]] = {
            kinds.LEAK: self._opened,
            kinds.LEAK_RESUMED: self._resumed,
            kinds.LEAK_FINISHED: self._finished,
            kinds.LEAK_FAILED: self._failed,
            kinds.FUNCTION: self._printed,
            kinds.DIAGNOSIS: self._explained,
            # The processes are gone: after a timeout or a crash, before a new init, at the end of the environment.
            kinds.FAULT: self._lost,
            kinds.INIT_RUNTIME_DONE: self._lost,
            kinds.ENVIRONMENT_STOPPED: self._lost,
        }

    @property
    def types(self) -> Collection[str]:
        """The records that it hears of."""
        return self._hears

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber."""
        hear = self._hears.get(record.type)
        if hear is not None:
            hear(record)

    # Reading

    async def leaks(self, function_name: str | None) -> Sequence[Leak]:
        """The newest first, of functions with this name in every world, or of all."""
        await self._flush()
        return await self._store.leaks(function_name, MOST_SHOWN)

    async def diagnoses(self, function_name: str | None) -> Sequence[Diagnosis]:
        """As `leaks`."""
        await self._flush()
        return await self._store.diagnoses(function_name, MOST_SHOWN)

    async def lines(self, function_name: str, since_ms: int) -> Sequence[LeftOverLine]:
        """What left-over work wrote into logs of others since then."""
        await self._flush()
        return await self._store.lines(function_name, since_ms)

    # Writing

    async def keep_written(self) -> None:
        """Write the news, batch by batch, for ever."""
        while True:
            await self._news.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self._flush()
            except StorageUnavailable as error:
                log.failure("leaks.not_written", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Write what waits."""
        try:
            await self._flush()
        except StorageUnavailable as error:
            log.failure("leaks.not_written", error)

    async def _flush(self) -> None:
        if not self._news.is_set():
            return
        self._news.clear()
        changed, lines, diagnoses = self._changed, self._lines, self._diagnoses
        self._changed, self._lines, self._diagnoses = {}, [], []
        try:
            await self._store.keep(changed.values(), lines, diagnoses)
        except BaseException:
            if len(changed) + len(lines) < MOST_WAITING:
                self._changed = {**changed, **self._changed}
                self._lines, self._diagnoses = lines + self._lines, diagnoses + self._diagnoses
                self._news.set()
            raise

    # What the stream tells

    def _opened(self, record: Record) -> None:
        known = self._environments.setdefault(record.origin.environment_id, OrderedDict())
        if len(known) >= MOST_OF_ONE_ENVIRONMENT:
            known.popitem(last=False)
        self._change(known, _leak(record))

    def _resumed(self, record: Record) -> None:
        self._change_known(record, lambda leak: leak.resumed(record.record["requestId"]))

    def _finished(self, record: Record) -> None:
        self._change_known(record, lambda leak: leak.finished_in(record.record["requestId"]))

    def _failed(self, record: Record) -> None:
        members = record.record
        self._change_known(
            record, lambda leak: leak.failed_in(members["requestId"], members["error"], members["fatal"])
        )

    def _lost(self, record: Record) -> None:
        for leak in self._environments.pop(record.origin.environment_id, OrderedDict()).values():
            if leak.pending:
                self._remember(leak.lost())

    def _printed(self, record: Record) -> None:
        origin = record.record.get("leftOverFrom")
        if origin is None or len(self._lines) >= MOST_WAITING:
            return
        digest = hashlib.sha256(record.record["text"].encode("utf-8", "replace")).hexdigest()
        place = (record.origin.world, record.origin.function_name, int(record.time_ms))
        self._lines.append(LeftOverLine(*place, digest, origin, record.request_id))
        self._news.set()

    def _explained(self, record: Record) -> None:
        if len(self._diagnoses) < MOST_WAITING:
            self._diagnoses.append(_diagnosis(record))
            self._news.set()

    def _change_known(self, record: Record, change: Callable[[Leak], Leak]) -> None:
        known = self._environments.get(record.origin.environment_id)
        leak = known.get(record.record["leakId"]) if known is not None else None
        if known is not None and leak is not None:
            self._change(known, change(leak))

    def _change(self, known: OrderedDict[str, Leak], leak: Leak) -> None:
        known[leak.id] = leak
        self._remember(leak)

    def _remember(self, leak: Leak) -> None:
        if leak.id in self._changed or len(self._changed) < MOST_WAITING:
            self._changed[leak.id] = leak
            self._news.set()


def _leak(record: Record) -> Leak:
    origin, members = record.origin, record.record
    return Leak(
        id=members["leakId"],
        world=origin.world,
        function_name=origin.function_name,
        version=origin.version,
        environment_id=origin.environment_id,
        at_ms=record.time_ms,
        kind=members["kind"],
        description=members["description"],
        count=members["count"],
        source=_source(members["source"]),
        stack=members["stack"],
        origin=members["origin"],
    )


def _diagnosis(record: Record) -> Diagnosis:
    origin, members = record.origin, record.record
    return Diagnosis(
        world=origin.world,
        function_name=origin.function_name,
        version=origin.version,
        at_ms=record.time_ms,
        request_id=members["requestId"],
        timeout_s=members["timeoutSeconds"],
        answered_ms=members["answeredMs"],
        waiting=[Waiting(**{**each, "source": _source(each["source"])}) for each in members["waiting"]],
        blocked=members["blocked"],
        stack=members["stack"],
        family=members["family"],
    )


def _source(members: Mapping[str, Any] | None) -> Source | None:
    return None if members is None else Source(members["file"], members["line"], members["column"])
