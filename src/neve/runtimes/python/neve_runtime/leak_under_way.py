"""What is under way in this process, and whose it is: told by the patches (`leak_patches.py`) when work begins and ends.

Whose work something is says a context variable, which tasks inherit, and for threads a table.
"""

from __future__ import annotations

import os
import sys
from _contextvars import ContextVar
from _thread import get_ident
from _weakref import ref

from . import leak_patches
from .leak_guard import hook
from .leak_stacks import LIBRARY
from .leak_work import ChildWork, FutureWork, Invocation, SentWork, TaskWork, ThreadWork, Work, children, name_of, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any, TypeVar

    from .leak_guard import Guard
    from .leak_stacks import Captured, Places

    _Future = TypeVar("_Future", bound=FutureWork)

_FIRST_SWEEP = 1000
_MACHINERY = ("/concurrent/futures/", "/multiprocessing/", "/asyncio/")
_token: ContextVar[Invocation] = ContextVar("neve_invocation")


class UnderWay:
    """That of this process. Hooks may be called by any thread; none raises.

    `on_end` hears of work that is over, `on_error` of the error with which a thread ends.
    """

    def __init__(
        self,
        places: Places,
        guard: Guard,
        explains: bool,
        on_end: Callable[[Work], None],
        on_error: Callable[[Work, BaseException], None],
    ) -> None:
        self.guard = guard
        self.main = get_ident()
        self.init_told = False
        self._places = places
        self._explains = explains
        self._on_end = on_end
        self._on_error = on_error
        self._live: set[Work] = set()
        self._sweep_at = _FIRST_SWEEP
        self._threads: dict[int, ThreadWork] = {}  # by the id of the thread, which they hold
        self._futures: dict[int, FutureWork] = {}  # by the id of the future
        self._tasks: dict[int, TaskWork] = {}
        self._running: dict[int, FutureWork] = {}  # by the ident of the thread that runs it
        self._sent: dict[int, SentWork] = {}  # by the id of a coroutine, on its way to another thread
        self._forks: list[tuple[Captured, Work | None]] = []
        self._pids: set[int] = set()  # of children that are known
        self.threading: Any = None  # the modules, once they are loaded
        self.tasks: Any = None

    def begin(self, invocation: Invocation) -> None:
        """What this thread begins is that invocation's from now on."""
        _token.set(invocation)

    @property
    def is_to_be_looked_at(self) -> bool:
        """Whether there may be work that nobody has looked at when an invocation ends."""
        return bool(self._live or self._forks or self._explains)

    # Whose it is

    def whose(self, parent: Work | None) -> Invocation | None:
        """The invocation to which belongs what is begun here; `parent` is the work in which that is."""
        return _token.get(None) or (None if parent is None else parent.token)

    def parent(self) -> Work | None:
        """The task or thread in which this is called."""
        loop = None if self.tasks is None else self.tasks.events._get_running_loop()
        if loop is not None:
            task = self.tasks.current_task(loop)
            work = self._tasks.get(id(task))
            if work is not None and work.task() is task:
                return work
        return self._work_of_thread()

    def speaking(self) -> Invocation | None:
        """Whose work runs in this thread."""
        token = _token.get(None)
        return self.whose(self._work_of_thread()) if token is None else token

    def _work_of_thread(self) -> Work | None:
        ident = get_ident()
        work = self._running.get(ident)
        if work is not None or ident == self.main or self.threading is None:
            return work
        return self._threads.get(id(self.threading._active.get(ident)))

    # What is left

    def sweep(self) -> list[Work]:
        """Forget what is over; what is left."""
        left = []
        for work in list(self._live):
            if work.over():
                self._live.discard(work)
            else:
                left.append(work)
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(left))
        return left

    def find_children(self) -> None:
        """Those that were forked, and, to explain, whatever else there is."""
        forks, self._forks = self._forks, []
        if not forks and not (self._explains and _has_children()):
            return
        there = set(children())
        seen = {work.pid for work in list(self._live) if isinstance(work, ChildWork)}
        unseen = sorted(there - self._pids - seen - set(_helpers()))
        for pid in unseen:
            (stack, parent), name = (forks.pop(0), "a fork") if forks else (((), None), "")
            self._add(ChildWork(lambda pid=pid: pid, name, self.whose(parent), stack, parent))
        self._pids = there

    def known(self) -> Iterable[Work]:
        """Whatever may be under way, some of it twice."""
        return [*self._live, *self._threads.values(), *self._tasks.values(), *self._futures.values()]

    def is_part(self, work: Work) -> bool:
        """What an unfinished task waits for is no leak of its own; whatever it is, it is not looked at again."""
        self._live.discard(work)
        parent = work.parent
        return work.joins and parent is not None and parent.has_parts and not parent.over()

    # What the patches tell

    @hook
    def thread_begins(self, thread: Any, caller: FrameType) -> None:
        """A thread is being started; `caller` is `Thread.start`."""
        stack = self._places.capture(caller.f_back)
        if _is_machinery(stack) or (thread.daemon and self._places.asker(stack) == LIBRARY):
            return  # workers of a pool; a package that keeps house
        parent = self.parent()
        work = ThreadWork(thread, self.whose(parent), stack, parent)
        self._threads[id(thread)] = work
        self._add(work)
        self._hear_failure(thread, work)

    def _hear_failure(self, thread: Any, work: ThreadWork) -> None:
        tell = thread._invoke_excepthook

        def invoke(failed: Any) -> None:
            error = sys.exc_info()[1]
            if error is not None and not isinstance(error, SystemExit):
                self._on_error(work, error)
            tell(failed)

        thread._invoke_excepthook = invoke

    def thread_ended(self, thread: Any) -> None:
        """A thread is on its last instructions."""
        work = self._threads.pop(id(thread), None)
        if work is not None:
            work.ended = True
            self.over(work)

    @hook
    def call_submitted(self, future: Any, call: Any, caller: FrameType) -> None:
        """An executor has a call to make; `caller` is its `submit`."""
        self._promise(FutureWork, future, name_of(call), caller)

    @hook
    def coroutine_sent(self, future: Any, coroutine: Any, caller: FrameType) -> None:
        """A coroutine is given to a loop in another thread."""
        if len(self._sent) >= _FIRST_SWEEP:
            self._sent.clear()  # of loops that never ran
        self._sent[id(coroutine)] = self._promise(SentWork, future, name_of(coroutine), caller)

    def _promise(self, make: type[_Future], future: Any, name: str, caller: FrameType) -> _Future:
        key, futures = id(future), self._futures
        held = ref(future, lambda _gone: futures.pop(key, None))
        parent = self.parent()
        work = make(held, _is_done, name, self.whose(parent), self._places.capture(caller.f_back), parent)
        futures[key] = work
        self._add(work)
        return work

    def future_begins(self, future: Any, caller: FrameType) -> None:
        """A worker takes it up; that of a process pool is elsewhere."""
        work = self._futures.get(id(future))
        if work is not None and not caller.f_code.co_filename.endswith("/process.py"):
            work.ident = get_ident()
            self._running[work.ident] = work

    def future_ended(self, future: Any) -> None:
        """It has a result, an error, or was cancelled."""
        work = self._futures.get(id(future))
        if work is not None:
            if work.ident is not None and self._running.get(work.ident) is work:
                del self._running[work.ident]
            self.over(work)

    @hook
    def task_made(self, task: Any, caller: FrameType) -> None:
        """A loop has a new task."""
        sent = self._sent.pop(id(task.get_coro()), None) if self._sent else None
        key, tasks = id(task), self._tasks
        held = ref(task, lambda _gone: tasks.pop(key, None))
        parent: Work | None = sent if sent is not None else self.parent()
        stack = sent.stack if sent is not None else self._places.capture(caller)
        work = tasks[key] = TaskWork(held, self.whose(parent), stack, parent)
        if sent is not None:
            sent.task = work
        self._add(work)

    @hook
    def command_begins(self, caller: FrameType) -> None:
        """`subprocess.Popen` is about to start a child."""
        popen, stack = leak_patches.local(caller, "self"), self._places.capture(caller.f_back)
        if popen is None or caller.f_code.co_name != "__init__":
            return
        held = ref(popen)
        known: list[int] = []

        def pid() -> int | None:
            """That of a child that has begun, also when nobody holds its Popen any more."""
            found = held()
            if not known and found is not None and getattr(found, "_child_created", False):
                known.append(found.pid)
            return known[0] if known else None

        parent, command = self.parent(), shown(leak_patches.local(caller, "args"))
        self._add(ChildWork(pid, command, self.whose(parent), stack, parent))

    @hook
    def process_began(self, process: Any, caller: FrameType) -> None:
        """`multiprocessing` has started a process; `caller` is its `start`."""
        stack = self._places.capture(caller.f_back)
        if not _is_machinery(stack):
            pid = process.pid
            parent = self.parent()
            self._add(ChildWork(lambda: pid, process.name, self.whose(parent), stack, parent))

    @hook
    def result_made(self, result: Any, caller: FrameType) -> None:
        """A pool of `multiprocessing` has work; the caller is one of its methods, or a subclass of the result."""
        stack = self._places.capture(caller)
        parent = self.parent()
        self._add(FutureWork(ref(result), _is_ready, "pool", self.whose(parent), stack, parent))

    @hook
    def forked(self, caller: FrameType) -> None:
        """The process has forked: Python tells no pid. Those who do tell one are left to themselves."""
        file = caller.f_code.co_filename
        if "/multiprocessing/" not in file and not file.endswith("/subprocess.py"):
            self._forks.append((self._places.capture(caller), self.parent()))

    # Bookkeeping

    def over(self, work: Work) -> None:
        """Nothing of it runs any more."""
        self._live.discard(work)
        self._on_end(work)

    def _add(self, work: Work) -> None:
        ancestor = work.parent
        if ancestor is not None and ancestor.parent is not None and ancestor.parent.over():
            ancestor.leak = ancestor.leak or ancestor.parent.leak
            ancestor.parent = None  # a chain in which each starts the next has no end
        if work.token is None and self.init_told:
            return  # of a thread that the init phase made
        self._live.add(work)
        if len(self._live) >= self._sweep_at:
            self.sweep()


def _is_machinery(stack: Captured) -> bool:
    """Whether a pool or a loop of Python's own started it."""
    for code, _ in stack:
        if not code.co_filename.endswith("/threading.py"):
            return any(folder in code.co_filename for folder in _MACHINERY)
    return False


def _is_done(future: Any) -> bool:
    return bool(future.done())


def _is_ready(result: Any) -> bool:
    return bool(result.ready())


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _helpers() -> Iterator[int | None]:
    """Processes of `multiprocessing` itself, and workers of its pools."""
    tracker: Any = sys.modules.get("multiprocessing.resource_tracker")
    server: Any = sys.modules.get("multiprocessing.forkserver")
    process: Any = sys.modules.get("multiprocessing.process")
    yield None if tracker is None else tracker._resource_tracker._pid
    yield None if server is None else server._forkserver._forkserver_pid
    for each in list(process._children) if process is not None else ():
        yield each.pid
