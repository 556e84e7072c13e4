"""Publishes records to their subscribers (design D1): log groups, log tails, the terminal, whoever comes.

A record's text line is made once, here, whatever the number of subscribers. Subscribers are called at once, on the event
loop, in the order of their subscription; they must not wait. Who says which types he wants is not called for others: an
invocation has nine records.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator

from neve import log
from neve.domain.limits import LOG_TAIL_BYTES
from neve.domain.platform_lines import text_line
from neve.domain.record import Record
from neve.domain.system_log import json_line

Subscriber = Callable[[Record, str | None], None]


class Stream:
    """The one stream of a Neve."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[Subscriber, Collection[str] | None]] = []
        self._by_type: dict[str, list[Subscriber]] = {}

    def publish(self, record: Record) -> None:
        """Pass a record and its log line (None when it has none) to every subscriber."""
        line = json_line(record) if record.origin.log_format == "JSON" else text_line(record)
        wanting = self._by_type.get(record.type)
        if wanting is None:
            wanting = self._by_type[record.type] = [
                each for each, types in self._subscribers if types is None or record.type in types
            ]
        for subscriber in wanting:
            try:
                subscriber(record, line)
            except Exception as error:  # noqa: BLE001 - whoever publishes goes on, and so do the other subscribers
                log.failure("stream.subscriber", error, record=record.type)

    def subscribe(self, subscriber: Subscriber, types: Collection[str] | None = None) -> Callable[[], None]:
        """From now on, to records of these types or of all; the returned call ends it."""
        self._subscribers.append((subscriber, types))
        self._by_type = {}
        return lambda: self._unsubscribe(subscriber)

    @contextlib.contextmanager
    def subscribed(self, subscriber: Subscriber) -> Iterator[None]:
        """For the time of a `with`."""
        end = self.subscribe(subscriber)
        try:
            yield
        finally:
            end()

    def _unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers = [each for each in self._subscribers if each[0] is not subscriber]
        self._by_type = {}


class LogTails:
    """Keeps the last 4 KB of the log of those invocations whose callers asked for it."""

    def __init__(self) -> None:
        self._tails: dict[str, bytearray] = {}

    def watch(self, request_id: str) -> None:
        """Begin to keep this invocation's lines."""
        self._tails[request_id] = bytearray()

    def take(self, request_id: str) -> bytes:
        """What was kept, cut to its last 4,096 bytes; and forget it."""
        return bytes(self._tails.pop(request_id, bytearray()))

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber."""
        if record.request_id is not None and line is not None:
            tail = self._tails.get(record.request_id)
            if tail is not None:
                tail += f"{line[-LOG_TAIL_BYTES:]}\n".encode("utf-8", "replace")
                del tail[:-LOG_TAIL_BYTES]
