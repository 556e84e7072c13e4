"""The leaks of this process that are not finished, and the news of them: opened, resumed, finished, failed."""

from __future__ import annotations

import os
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .leak_stacks import Places
    from .leak_work import Invocation, Work

_MOST_OPEN = 1000
_MOST_OF_ONE_ENDING = 50
_LONGEST = 500


class Leak:
    """One leak. `live` is what of it is under way, `seen` the invocation that it last went on in."""

    def __init__(self, leak_id: str, origin: Invocation | None) -> None:
        self.id = leak_id
        self.origin = origin
        self.live: set[Work] = set()
        self.seen: str | None = None
        self.finished = False


class Leaks:
    """All methods may be called by any thread."""

    def __init__(self, places: Places, send: Callable[[list[Mapping[str, Any]]], None]) -> None:
        self._places = places
        self._send = send
        self._prefix = os.urandom(3).hex()  # of this process: its environment may have others, later
        self._count = 0
        self._lock = RLock()
        self._held: list[Mapping[str, Any]] | None = None
        self.open: dict[str, Leak] = {}

    def tell(self, origin: Invocation | None, left: Iterable[Work]) -> None:
        """An invocation (or the init phase) is over: what it left. Equal work from one line is one leak."""
        groups: dict[Any, list[Work]] = {}
        described: dict[Any, tuple[str, Any]] = {}
        for work in left:
            what, stack = work.describe(), self._places.read(work.stack)
            key: Any = (work.kind, what, stack[0][1:3] if stack else None)
            described.setdefault(key, (what, stack))
            groups.setdefault(key, []).append(work)
        for key, group in list(groups.items())[:_MOST_OF_ONE_ENDING]:
            self._open(origin, group, *described[key])

    def _open(self, origin: Invocation | None, group: list[Work], what: str, stack: Any) -> None:
        if len(self.open) >= _MOST_OPEN:
            return
        self._count += 1
        leak = Leak(f"{self._prefix}.{self._count}", origin)
        for work in group:
            self.join(leak, work)
        if origin is not None:
            self.open[leak.id] = leak
        self.say(
            {
                "is": "open",
                "leak": leak.id,
                "kind": group[0].kind,
                "description": what[:_LONGEST],
                "count": len(group),
                "origin": None if origin is None else origin.id,
                "stacks": [stack],
            }
        )

    def join(self, leak: Leak, work: Work) -> None:
        """Something belongs to a leak, and keeps it open."""
        work.leak = leak
        leak.live.add(work)

    def resume(self, leak: Leak | None, request_id: str | None) -> None:
        """Something of a leak, if of any, goes on inside this invocation, if in any."""
        with self._lock:
            if leak is None or leak.origin is None or leak.finished or request_id is None or leak.seen == request_id:
                return
            leak.seen = request_id
            self.say({"is": "resumed", "leak": leak.id, "in": request_id})

    def lose(self, work: Work, request_id: str | None) -> None:
        """Some work of a leak is over, inside this invocation or between two."""
        leak = work.leak
        if leak is None:
            return
        with self._lock:
            if not work.lost():
                self.resume(leak, request_id)
            leak.live.discard(work)
            if not leak.live and not leak.finished:
                leak.finished = True
                if self.open.pop(leak.id, None) is not None and not work.lost():
                    self.say({"is": "finished", "leak": leak.id, "in": request_id})

    def fail(self, leak: Leak | None, request_id: str | None, error: str, fatal: bool) -> None:
        """Nobody took an error of a leak, if of any; `fatal` when it ends the process."""
        if leak is None:
            return
        with self._lock:
            self.resume(leak, request_id)
            self.say({"is": "failed", "leak": leak.id, "in": request_id, "error": error[:_LONGEST], "fatal": fatal})

    def say(self, item: Mapping[str, Any]) -> None:
        """Send it, or keep it for whoever is collecting."""
        with self._lock:
            if self._held is None:
                self._send([item])
            else:
                self._held.append(item)

    def collect(self) -> None:
        """Send nothing until `collected`."""
        with self._lock:
            self._held = []

    def collected(self) -> list[Mapping[str, Any]]:
        """What was said meanwhile; from now on what is said is sent."""
        with self._lock:
            held, self._held = self._held or [], None
        return held
