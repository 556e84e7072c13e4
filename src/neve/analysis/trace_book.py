"""Remembers what happened lately, so that a run can be looked at and drawn: a subscriber of the stream, in memory, bounded.

Kept are the last records of each environment and of each event. What is forgotten first is what nobody used for longest.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neve.analysis.hints import Pair, files_of, hints_of
from neve.analysis.history import Life, Run, Step, waited_of
from neve.analysis.reading import life_of
from neve.analysis.story.picture import picture_of
from neve.domain import record as kinds
from neve.domain.picture import Picture
from neve.domain.price import Prices
from neve.domain.record import Record

MOST_RECORDS = 24_000
"""Altogether: some 20 MB."""
MOST_OF_ONE_ENVIRONMENT = 300
MOST_EVENTS = 1_000
MOST_OF_ONE_EVENT = 300
MOST_LISTED = 100
_MOST_FUNCTIONS = 2_000
_LONGEST_TEXT = 200
_AWS = Prices()

_OF_ENVIRONMENTS = frozenset({
    kinds.INIT_START, kinds.INIT_REPORT, kinds.START, kinds.RUNTIME_DONE, kinds.REPORT, kinds.FAULT, kinds.FREEZE, kinds.THAW,
    kinds.ENVIRONMENT_STOPPED, kinds.LEAK, kinds.LEAK_RESUMED, kinds.LEAK_FINISHED, kinds.LEAK_FAILED, kinds.DIAGNOSIS,
    kinds.CALL, kinds.WAITED,
})  # fmt: skip
_OF_EVENTS = frozenset({
    kinds.QUEUED, kinds.LEASED, kinds.RETRY_AT, kinds.DELIVERED, kinds.DROPPED, kinds.DELIVERY_FAILED,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A run that can be drawn."""

    request_id: str
    function_name: str
    environment_id: str
    run: Run


class TraceBook:
    """All methods belong to the event loop's thread."""

    types = _OF_ENVIRONMENTS | _OF_EVENTS | {kinds.FUNCTION}

    def __init__(self, prices: Prices = _AWS) -> None:
        self._prices = prices
        self._environments: OrderedDict[str, deque[Record]] = OrderedDict()
        self._events: OrderedDict[str, list[Record]] = OrderedDict()
        self._latest: OrderedDict[str, str] = OrderedDict()
        self._count = 0

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber."""
        kind = record.type
        if kind in _OF_ENVIRONMENTS:
            self._keep(record)
        elif kind == kinds.FUNCTION:
            if "leftOverFrom" in record.record:
                text = record.record["text"][:_LONGEST_TEXT]
                self._keep(record._replace(record={**record.record, "text": text}))
        elif kind in _OF_EVENTS:
            self._keep_of_event(record)

    def latest(self, function_name: str | None) -> str | None:
        """The request id of the last run that began, or event that was accepted: of a function, or of all."""
        if function_name is not None:
            return self._latest.get(function_name)
        return next(reversed(self._latest.values()), None)

    def accounts(self) -> dict[str, str]:
        """The account of each request, by its id."""
        return {
            record.request_id: record.origin.world.account
            for records in (*self._environments.values(), *self._events.values())
            for record in records
            if record.request_id is not None
        }

    def find(self, beginning: str) -> str | None:
        """The request id that begins so, when there is exactly one."""
        found = {
            record.request_id
            for records in (*self._environments.values(), *self._events.values())
            for record in records
            if record.request_id is not None and record.request_id.startswith(beginning)
        }
        return found.pop() if len(found) == 1 else None

    def picture(self, request_id: str) -> Picture | None:
        """The picture of a run; None when nothing is known of it (any more)."""
        lives = [
            _life(environment_id, records)
            for environment_id, records in self._environments.items()
            if any(record.request_id == request_id for record in records)
        ]
        steps = [Step(each.type, each.time_ms, each.record) for each in self._events.get(request_id, ())]
        function = self._function_of(request_id)
        if function is None:
            return None
        return picture_of(request_id, function, self._prices, [life for life in lives if life.run(request_id)], steps)

    def is_under_way(self, request_id: str) -> bool:
        """Whether a run has begun and is not reported: what it called is told at its end."""
        for records in reversed(self._environments.values()):
            kinds_told = {record.type for record in records if record.request_id == request_id}
            if kinds.START in kinds_told:
                return kinds.REPORT not in kinds_told
        return False

    def code_of(self, request_id: str) -> tuple[str, set[str]]:
        """The SHA-256 of the code that a run had, and its files that may have waited in a row."""
        for records in self._environments.values():
            if any(record.request_id == request_id for record in records):
                life = _life("", records)
                files = {file for run in life.runs if run.request_id == request_id for file in files_of(life, run)}
                return records[0].origin.code_sha256, files
        return "", set()

    def hints(self, request_id: str, pairs: Mapping[str, Sequence[Pair]]) -> Sequence[str]:
        """What the last attempt of a run lost by waiting in a row, as far as these statements go."""
        for records in reversed(self._environments.values()):
            if any(record.request_id == request_id for record in records):
                life = _life("", records)
                run = life.run(request_id)
                return hints_of(life, run, pairs, self._prices) if run is not None else ()
        return ()

    def listed(self, function_name: str | None) -> Sequence[Listed]:
        """The last runs that have ended, the newest first."""
        found = [
            Listed(run.request_id, name, life.environment_id, run)
            for name, life in self._lives()
            if function_name in (None, name)
            for run in life.runs
            if run.ended_ms is not None
        ]
        return sorted(found, key=lambda each: each.run.began_ms, reverse=True)[:MOST_LISTED]

    def waited(self, function_name: str) -> tuple[float, float]:
        """How long remembered runs of a function had a call open, and how long they took; milliseconds."""
        waited_ms = ran_ms = 0.0
        for name, life in self._lives():
            if name == function_name:
                for run in life.runs:
                    if run.done_ms is not None and run.ended_ms is not None:
                        ran_ms += run.done_ms - run.began_ms
                        waited_ms += waited_of(life, run)
        return waited_ms, ran_ms

    def _lives(self) -> Sequence[tuple[str, Life]]:
        return [
            (records[0].origin.function_name, _life(environment_id, records))
            for environment_id, records in self._environments.items()
            if records
        ]

    def _function_of(self, request_id: str) -> str | None:
        everything = (
            *self._events.get(request_id, ()),
            *(each for all_ in self._environments.values() for each in all_),
        )
        return next((each.origin.function_name for each in everything if each.request_id == request_id), None)

    def _keep(self, record: Record) -> None:
        environment_id = record.origin.environment_id
        records = self._environments.get(environment_id)
        if records is None:
            records = self._environments[environment_id] = deque(maxlen=MOST_OF_ONE_ENVIRONMENT)
        if len(records) < MOST_OF_ONE_ENVIRONMENT:
            self._count += 1
        records.append(record)
        if record.type == kinds.START:
            self._environments.move_to_end(environment_id)
            self._remember_latest(record)
            if record.request_id is not None and record.request_id in self._events:
                self._events.move_to_end(record.request_id)
        while self._count > MOST_RECORDS:
            _, gone = self._environments.popitem(last=False)
            self._count -= len(gone)

    def _keep_of_event(self, record: Record) -> None:
        request_id = record.request_id
        assert request_id is not None
        records = self._events.get(request_id)
        if records is None:
            records = self._events[request_id] = []
            if len(self._events) > MOST_EVENTS:
                self._events.popitem(last=False)
        if len(records) < MOST_OF_ONE_EVENT:
            records.append(record)
        if record.type == kinds.QUEUED:
            self._remember_latest(record)

    def _remember_latest(self, record: Record) -> None:
        assert record.request_id is not None
        name = record.origin.function_name
        self._latest[name] = record.request_id
        self._latest.move_to_end(name)
        if len(self._latest) > _MOST_FUNCTIONS:
            self._latest.popitem(last=False)


def _life(environment_id: str, records: Iterable[Record]) -> Life:
    """What waited for a source map was told late."""
    return life_of(environment_id, sorted(records, key=lambda record: record.time_ms))
