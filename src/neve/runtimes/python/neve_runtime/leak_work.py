"""Pieces of work that an invocation starts: how to see whether one is over, and what to tell of it."""

from __future__ import annotations

import os
import sys

from . import leak_http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType
    from typing import Any

    from .leak_news import Leak
    from .leak_stacks import Captured

_LEAST_NS = 150_000
"""Of CPU: what being thawed takes by itself is up to 50 µs."""
_LEAST_TURNS = 5
"""On a CPU: being thawed is up to three."""


class Invocation:
    """One invocation; `ended` once the next event is asked for."""

    __slots__ = ("deadline_ms", "ended", "id")

    def __init__(self, request_id: str, deadline_ms: float) -> None:
        self.id = request_id
        self.deadline_ms = deadline_ms
        self.ended = False


class Work:
    """A piece of work. `token` is the invocation that started it, None for the init phase; `parent` what started it."""

    kind = "work"
    runs = False
    """Whether it goes on by itself as soon as it is thawed."""
    joins = False
    """Whether it is a part of an unfinished parent that has parts, and not told apart."""
    has_parts = False

    def __init__(self, token: Invocation | None, stack: Captured, parent: Work | None) -> None:
        self.token = token
        self.stack = stack
        self.parent = parent
        self.leak: Leak | None = None
        self._seen: object = None

    def over(self) -> bool:
        """Whether nothing of it will run any more."""
        raise NotImplementedError

    def lost(self) -> bool:
        """Whether it was thrown away before it was done."""
        return False

    def describe(self) -> str:
        """In the words that people are told."""
        raise NotImplementedError

    def frames(self) -> Iterable[FrameType]:
        """Where it is now, the innermost first."""
        return ()

    def mark(self) -> None:
        """Remember where it stands."""
        self._seen = self._where()

    def moved(self) -> bool:
        """Whether it has gone on since then."""
        return self._seen is not None and _differs(self._seen, self._where())

    def error(self) -> BaseException | None:
        """What it ended with and nobody took."""
        return None

    def _where(self) -> Any:
        """What changes when it goes on, and what it has used so far; None where nothing tells that."""
        return None

    def _doing(self) -> str:
        request = leak_http.request_of(self.frames())
        return "" if request is None else f", in {request}"


class WorkOfThread(Work):
    """What runs in one thread from its beginning to its end."""

    @property
    def ident(self) -> int | None:
        """Of the running thread, None while none runs it."""
        raise NotImplementedError

    def frames(self) -> Iterator[FrameType]:
        return _walk(sys._current_frames().get(self.ident or 0))

    def _where(self) -> Any:
        return _standing(self.ident)


class ThreadWork(WorkOfThread):
    """A thread of `threading`."""

    kind = "thread"

    def __init__(self, thread: Any, token: Invocation | None, stack: Captured, parent: Work | None) -> None:
        super().__init__(token, stack, parent)
        self.thread = thread
        self.ended = False
        if hasattr(thread, "interval") and hasattr(thread, "finished"):
            self.kind = "timer"

    def over(self) -> bool:
        if self.ended or (self.kind == "timer" and self.thread.finished.is_set()):
            return True
        if not hasattr(self.thread, "_target"):
            return True  # its function has returned: it is on its last instructions
        return self.thread.ident is None and self.thread not in sys.modules["threading"]._limbo  # it could not begin

    @property
    def ident(self) -> int | None:
        found: int | None = self.thread.ident
        return found

    def describe(self) -> str:
        if self.kind == "timer":
            return f"timer ({self.thread.interval * 1000:.0f} ms, {name_of(self.thread.function)})"
        daemon = "daemon " if self.thread.daemon else ""
        return f"{daemon}thread {_thread_name(self.thread)}{self._doing()}"


class FutureWork(WorkOfThread):
    """A call that an executor or a pool was given. `future` is a reference that does not hold it."""

    kind = "executor"
    joins = True
    ident: int | None = None

    def __init__(
        self, future: Any, done: Any, name: str, token: Invocation | None, stack: Captured, parent: Work | None
    ) -> None:
        super().__init__(token, stack, parent)
        self._future = future
        self._done = done
        self._name = name

    def over(self) -> bool:
        future = self._future()
        return future is None or bool(self._done(future))

    def describe(self) -> str:
        state = "queued executor" if getattr(self._future(), "_state", "") == "PENDING" else "executor"
        return f"{state} work ({self._name}){self._doing()}"


class SentWork(FutureWork):
    """A coroutine that was given to a loop in another thread. `task` is what the loop makes of it."""

    kind = "task"
    has_parts = True
    task: TaskWork | None = None

    def describe(self) -> str:
        return f"task ({self._name})"

    def frames(self) -> Iterator[FrameType]:
        return iter(()) if self.task is None else self.task.frames()

    def _where(self) -> Any:
        return None if self.task is None else self.task._where()


class TaskWork(Work):
    """A task of asyncio. `task` is a reference that does not hold it: a task that nobody holds may be thrown away."""

    kind = "task"
    joins = True
    has_parts = True

    def __init__(self, task: Any, token: Invocation | None, stack: Captured, parent: Work | None) -> None:
        super().__init__(token, stack, parent)
        self.task = task
        self.ended: Any = None  # the task, between its end and when that is told

    def over(self) -> bool:
        task = self.task()
        return task is None or bool(task.done())

    def lost(self) -> bool:
        return self.task() is None

    def describe(self) -> str:
        task = self.task()
        return f"task ({_short(getattr(task.get_coro(), '__qualname__', '')) if task is not None else '?'})"

    def frames(self) -> Iterator[FrameType]:
        task = self.task()
        return iter(()) if task is None else reversed(list(_awaiting(task.get_coro())))

    def error(self) -> BaseException | None:
        task = self.task()
        if task is None or not task.done() or not getattr(task, "_log_traceback", False):
            return None
        error: BaseException | None = getattr(task, "_exception", None)  # to ask for it would be to take it
        return error

    def _where(self) -> Any:
        task = self.task()
        waits = getattr(task, "_fut_waiter", None)
        return (id(waits), *((id(frame), frame.f_lasti) for frame in self.frames())), None


class ChildWork(Work):
    """A child process. `pid` says which, once that is known; `ours` whether Python would have waited for it by now."""

    kind = "child process"
    runs = True

    def __init__(self, pid: Any, name: str, token: Invocation | None, stack: Captured, parent: Work | None) -> None:
        super().__init__(token, stack, parent)
        self._pid = pid
        self._name = name

    @property
    def pid(self) -> int | None:
        """None: not known yet, or it never began."""
        found: int | None = self._pid()
        return found

    def over(self) -> bool:
        pid = self.pid
        return pid is None or has_exited(pid)

    def describe(self) -> str:
        pid = self.pid
        return f"child process {pid} ({self._name or command_of(pid)})"


def leak_of(work: Work | None) -> Leak | None:
    """The leak that a piece of work is part of."""
    while work is not None and work.leak is None:
        work = work.parent
    return None if work is None else work.leak


def has_exited(pid: int) -> bool:
    """Whether a child is done; it stays to be waited for by whoever wants to."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # somebody has waited for it


def children() -> Iterator[int]:
    """The pids of all children of this process, as far as the kernel tells."""
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())
    except OSError:
        return


def command_of(pid: int | None) -> str:
    """The beginning of a process's command line."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return " ".join(file.read().split("\0"))[:80].strip() or "?"
    except OSError:
        return "?"


def shown(arguments: Any) -> str:
    """The command that somebody starts, as people know it."""
    if isinstance(arguments, (str, bytes, os.PathLike)):
        return os.fsdecode(arguments)[:80]
    try:
        return " ".join(os.fsdecode(part) for part in arguments)[:80]
    except TypeError:
        return "?"


def _standing(ident: int | None) -> Any:
    """Where a thread is, and what it has used so far."""
    position = tuple((id(frame), frame.f_lasti) for frame in _walk(sys._current_frames().get(ident or 0)))
    thread = sys.modules["threading"]._active.get(ident)
    return (ident, position), _usage(f"/proc/self/task/{getattr(thread, 'native_id', None)}/schedstat")


def _usage(path: str) -> tuple[int, int] | None:
    """Nanoseconds on a CPU and turns on one, since a thread began."""
    try:
        with open(path, encoding="ascii") as file:
            spent, _, turns = file.read().split()
    except (OSError, ValueError):
        return None
    return int(spent), int(turns)


def _differs(before: Any, after: Any) -> bool:
    if before[0] != after[0]:
        return True
    if before[1] is None or after[1] is None:
        return False
    return bool(after[1][0] - before[1][0] > _LEAST_NS or after[1][1] - before[1][1] > _LEAST_TURNS)


def _walk(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Mapping[str, str] = {"cr_frame": "cr_await", "gi_frame": "gi_yieldfrom", "ag_frame": "ag_await"}


def _awaiting(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of what it awaits, the outermost first."""
    while coroutine is not None:
        name = next((name for name in _FRAMES if hasattr(coroutine, name)), None)
        frame = None if name is None else getattr(coroutine, name)
        if name is None or frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, _AWAITED[name])


def _thread_name(thread: Any) -> str:
    target = getattr(thread, "_target", None)
    does = name_of(target) if target is not None else type(thread).__name__
    name = thread.name
    return f"({does})" if name.startswith("Thread-") else f'"{name}" ({does})'


def name_of(call: Any) -> str:
    while hasattr(call, "func"):
        call = call.func  # functools.partial
    return _short(getattr(call, "__qualname__", None) or type(call).__name__)


def _short(name: str) -> str:
    return name.rpartition("<locals>.")[2] or "?"
