"""Subscribes to the stream and writes what has a line into the log group of its function (design D1)."""

from neve.domain.record import Record
from neve.storage.store import LogLine, LogStore


class LogWriter:
    """The subscriber that fills log groups."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def __call__(self, record: Record, line: str | None) -> None:
        """Take a record and its line; records without one are no log events."""
        if line is not None:
            origin = record.origin
            self._store.append_nowait(
                LogLine(origin.world, origin.log_group, origin.log_stream, int(record.time_ms), line)
            )
