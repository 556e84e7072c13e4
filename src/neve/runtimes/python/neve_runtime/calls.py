"""What the function asks of others over HTTP: method, host, path, when, how it was answered. Never a query, a body or a header.

Read from the state that a connection of `http.client` keeps of itself (`leak_patches.py`), and so of all that urllib, urllib3,
requests and botocore ask. Told when an invocation ends, and once more of what was open then.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import RLock
from _weakref import ref

from . import frames, leak_http
from .leak_guard import hook
from .leak_work import leak_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import Any

    from .leak_stacks import Captured, Places
    from .leak_under_way import UnderWay
    from .leak_work import Work

_MOST_TOLD = 200  # of one invocation
_MOST_PLACES = 50  # to read a stack takes some 20 µs
_MOST_KEPT = 1000
_LONGEST = 300
_DEEPEST = 10
_SERVICE = rb"Credential=[^/,\s]+/\d+/[\w-]+/([\w-]+)/aws4_request"
_NO_ANSWER = "no answer"
"""Instead of an error that nobody has shown us."""


class Call:
    """One call. Times are those of `time.perf_counter`; `head` is the request's head, line by line, which may hold keys."""

    def __init__(self, connection: Any, method: str, url: str, work: Work | None, origin: str | None) -> None:
        self.to, self.path = leak_http.target_of(connection, url)
        self.method = method
        self.work = work
        self.origin = origin
        self.stack: Captured = ()
        self.head: Sequence[bytes] = ()
        self.began = time.perf_counter()
        self.answered: float | None = None
        self.ended: float | None = None
        self.status: int | None = None
        self.error: str | None = None
        self.id: str | None = None  # once it was told
        self.connection: Any = None  # a reference that does not hold it

    def forget(self) -> None:
        """What only telling needs: a connection that is kept holds its last call."""
        self.work, self.stack, self.head = None, (), ()


class Calls:
    """Those of this process. Hooks may be called by any thread, and while objects are thrown away."""

    def __init__(self, under_way: UnderWay, places: Places, explains: bool) -> None:
        self.guard = under_way.guard
        self._under_way = under_way
        self._places = places
        self._explains = explains
        self._prefix = os.urandom(3).hex()
        self._count = 0
        self._lock = RLock()
        self._of: dict[int, Call] = {}  # by the id of the connection: its last
        self._read: dict[int, Call] = {}  # by the id of an answer whose body is not read
        self._news: dict[Call, None] = {}
        self._untold = 0

    # What the patches tell

    @hook
    def moved(self, connection: Any, caller: FrameType) -> None:
        """The state of a connection has changed; `caller` is the method that changed it."""
        name = caller.f_code.co_name
        if name == "putrequest":
            self._begin(connection, caller)
        elif name != "__init__":
            call = self._of.get(id(connection))
            if call is None:
                return
            if name == "endheaders":
                call.head = list(connection._buffer)
            elif name == "getresponse":
                self._answer(call, caller.f_locals.get("response"))
            elif call.status is None:
                self._end(call, _error())

    @hook
    def closed(self, answer: Any) -> None:
        """The body of an answer was read, or thrown away."""
        call = self._read.pop(id(answer), None)
        if call is not None:
            self._end(call, None)

    def _begin(self, connection: Any, caller: FrameType) -> None:
        names = caller.f_locals
        work = self._under_way.parent()
        token = self._under_way.whose(work)
        call = Call(connection, str(names["method"]), str(names["url"]), work, None if token is None else token.id)
        if self._explains:
            call.stack = self._places.capture(caller.f_back)
        key, calls = id(connection), self._of

        def gone(_: Any) -> None:
            last = calls.pop(key, None)
            if last is not None and last.status is None:
                self.guard.run(self._end, last, _NO_ANSWER)

        call.connection = ref(connection, gone)
        calls[key] = call
        self._add(call)

    def _answer(self, call: Call, answer: Any) -> None:
        call.status = getattr(answer, "status", None)
        call.answered = time.perf_counter()
        if len(self._read) < _MOST_KEPT:
            self._read[id(answer)] = call

    def _end(self, call: Call, error: str | None) -> None:
        with self._lock:
            if call.ended is None:
                call.ended, call.error = time.perf_counter(), error
                if call.id is not None:
                    self._add(call)

    def _add(self, call: Call) -> None:
        with self._lock:
            if len(self._news) < _MOST_KEPT:
                self._news[call] = None
            else:
                self._untold += 1

    # What Neve is told

    def told(self, ending: bool = True) -> bytes | None:
        """A frame with what is new, None when nothing is. `ending` says that the invocation is over."""
        if not self._news:
            return None
        with self._lock:
            news, self._news = list(self._news), {}
            more, self._untold = self._untold + max(0, len(news) - _MOST_TOLD), 0
            now = time.perf_counter()
            calls = [self._describe(call, now, ending, at < _MOST_PLACES) for at, call in enumerate(news[:_MOST_TOLD])]
            for call in news:
                if call.ended is not None:
                    call.forget()
                elif not ending:
                    self._news[call] = None  # it may end without another word
        return frames.frame(frames.CALLS, {"at": time.time() * 1000, "calls": calls, "more": more})

    def _describe(self, call: Call, now: float, ending: bool, place: bool) -> Mapping[str, Any]:
        leak = leak_of(call.work)
        connected = getattr(call.connection(), "sock", None) is not None
        if ending and leak is None and call.ended is None:
            self._settle(call, now, connected)
        if call.id is None:
            self._count += 1
            call.id = f"{self._prefix}.{self._count}"
        members = {
            "status": call.status,
            "error": call.error,
            "leak": None if leak is None else leak.id,
            "stacks": [self._places.read(call.stack)] if place and call.stack else None,
            **dict(_signed(call.head)),
        }
        return {
            "id": call.id,
            "origin": call.origin,
            "method": call.method,
            "to": call.to[:_LONGEST],
            "path": call.path[:_LONGEST],
            "ago": _ms(now - call.began),
            "took": None if call.ended is None else _ms(call.ended - call.began),
            "sent": connected or call.ended is not None or call.status is not None,
            **{name: value for name, value in members.items() if value is not None},
        }

    def _settle(self, call: Call, now: float, connected: bool) -> None:
        """Nobody is in it any more: an answer that nobody reads is no work, and what has no connection gets no answer."""
        if call.status is not None:
            call.ended = call.answered
        elif not connected:
            call.ended, call.error = now, _NO_ANSWER


def _error() -> str:
    """What is being handled or, where a library has wrapped it, the system's error below."""
    error = found = sys.exc_info()[1]
    for _ in range(_DEEPEST):
        if isinstance(error, OSError):
            found = error
        error = None if error is None else error.__cause__ or error.__context__
    return _NO_ANSWER if found is None else type(found).__name__


def _signed(head: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """What the head of a request to AWS says of it: service and operation."""
    import re

    for line in head:
        name, _, value = line.partition(b":")
        if name.lower() == b"authorization":
            found = re.search(_SERVICE, value)
            if found is not None:
                yield "service", found[1].decode()
        elif name.lower() == b"x-amz-target":
            yield "target", value.strip().decode(errors="replace")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
