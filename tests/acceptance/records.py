"""Follows the stream of records as the command line does, so that a test waits for what happened."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.server import NeveServer

BOUND_S = 20.0
_SILENCE_S = 60.0

Record = dict[str, Any]


class Records:
    """Everything since the stream was opened."""

    def __init__(self, server: NeveServer) -> None:
        self.seen: list[Record] = []
        self.ended = threading.Event()
        self._changed = threading.Condition()
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=_SILENCE_S)
        self._connection.connect()
        self._socket = self._connection.sock
        self._connection.request("GET", "/_neve/records?follow=1&calls=1")
        self._answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, name="records", daemon=True)
        self._thread.start()

    def wait(self, kind: str, met: Callable[[Record], bool] = lambda record: True, count: int = 1) -> Record:
        """The record of this type for which the condition holds, the `count`th; AssertionError when none comes."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._matching(kind, met)) >= count, BOUND_S), (
                kind,
                [(record["type"], record["function"]) for record in self.seen[-20:]],
            )
            return self._matching(kind, met)[count - 1]

    def _matching(self, kind: str, met: Callable[[Record], bool]) -> list[Record]:
        return [record for record in self.seen if record["type"] == kind and met(record)]

    def _read(self) -> None:
        try:
            while line := self._answer.readline():
                with self._changed:
                    self.seen.append(json.loads(line))
                    self._changed.notify_all()
            self.ended.set()
        except (OSError, http.client.HTTPException):
            return  # the server was killed

    def _close(self) -> None:
        with suppress(OSError):  # the server may have ended it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._answer.close()
        self._connection.close()
        self._socket.close()


@contextmanager
def followed(server: NeveServer) -> Iterator[Records]:
    """The records for the time of a `with`."""
    records = Records(server)
    try:
        yield records
    finally:
        records._close()
