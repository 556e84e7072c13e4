"""What an invocation is doing whose time is nearly over: said unasked, by a thread that sleeps until then.

The thread is not one of `threading`: nobody finds it in `threading.enumerate()`. It wakes about once in the time that a
function has, so that it costs nothing. What holds the interpreter's lock all the time (native code) keeps it from looking.
"""

from __future__ import annotations

import sys
import time
from _thread import get_ident, start_new_thread

from . import frames, leak_http
from .leak_stacks import LIBRARY, USER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType
    from typing import Any

    from .leak_watch import LeakWatch
    from .leak_work import Invocation

_BEFORE_S = 0.3  # Neve asks 0.4 s before, and takes answers until the end
_LEAST_S = 0.05
_MOST = 20


class Watcher:
    """That of one process. `begin` is called at each invocation."""

    def __init__(self, watch: LeakWatch, channel: frames.Channel) -> None:
        self._watch = watch
        self._channel = channel
        self._span_s = 0.0  # the time that invocations have
        self._told: Invocation | None = None

    def begin(self, left_s: float) -> None:
        """An invocation has so much time. The first one of a process may have less than others."""
        if self._span_s == 0.0:
            start_new_thread(self._run, ())
        if left_s > self._span_s:
            self._span_s = left_s

    def _run(self) -> None:
        _hear_no_signals()
        while not self._watch.guard.stopped:
            time.sleep(self._look())

    def _look(self) -> float:
        """How long to sleep: whatever begins meanwhile has its whole time left."""
        invocation = self._watch.current
        if invocation is not None and invocation is not self._told:
            left_s = invocation.deadline_ms / 1000 - time.time()
            if left_s > _BEFORE_S:
                return left_s - _BEFORE_S + 0.001
            self._told = invocation
            self._watch.guard.run(self._tell, invocation)
        return max(_LEAST_S, self._span_s - _BEFORE_S)

    def _tell(self, invocation: Invocation) -> None:
        calls = self._watch.calls.told(ending=False)
        self._channel.send(frames.frame(frames.DIAGNOSIS, _told(self._watch, invocation)), calls or b"")


def _hear_no_signals() -> None:
    """Signals are for the function's own threads."""
    import _signal  # type: ignore[import-not-found]

    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())


def _told(watch: LeakWatch, invocation: Invocation) -> Mapping[str, Any]:
    """As the frame has it."""
    current = sys._current_frames()
    main = list(_walk(current.get(watch.under_way.main)))
    groups: dict[object, dict[str, Any]] = {}
    for item in _waiting(watch, invocation, current, main):
        key = (item["description"], item["origin"], str(item["stacks"]))
        if key in groups:
            groups[key]["count"] += 1
        else:
            groups[key] = item
    return {"id": invocation.id, "stacks": [_read(watch, main)], "waiting": list(groups.values())[:_MOST]}


def _waiting(
    watch: LeakWatch, invocation: Invocation, current: Mapping[int, FrameType], main: list[FrameType]
) -> Iterator[dict[str, Any]]:
    request = leak_http.request_of(main)
    if request is not None:
        yield _item("http", request, invocation, _read(watch, main))
    known = {watch.under_way.main, get_ident()}
    for work in watch.unfinished():
        ident = getattr(work, "ident", None)
        if ident is not None:
            known.add(ident)
        stack = _read(watch, work.frames()) or watch.places.read(work.stack)
        yield _item(work.kind, work.describe(), work.token, stack)
    for ident, frame in current.items():
        stack = _read(watch, _walk(frame))
        if ident not in known and stack and _is_somebodys(watch, frame):
            yield _item("thread", f"thread {_name_of(ident)}", None, stack)


def _item(kind: str, description: str, origin: Invocation | None, stack: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "description": description,
        "count": 1,
        "origin": None if origin is None else origin.id,
        "stacks": [stack],
    }


def _is_somebodys(watch: LeakWatch, frame: FrameType) -> bool:
    """Whether code of the user's or of a package runs there, and not only a pool that waits."""
    return any(watch.places.of(each.f_code.co_filename) in (USER, LIBRARY) for each in _walk(frame))


def _read(watch: LeakWatch, found: Iterable[FrameType]) -> Any:
    return watch.places.read(watch.places.positions(found))


def _name_of(ident: int) -> str:
    threading: Any = sys.modules.get("threading")
    thread = None if threading is None else threading._active.get(ident)
    return f'"{thread.name}"' if thread is not None else "without a name"


def _walk(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
