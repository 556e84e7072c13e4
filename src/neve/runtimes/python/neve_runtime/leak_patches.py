"""Every patch of a module of Python's that the leak watch makes is in this file, made when the function imports the module.

None leaves a frame in a traceback of the user's: what is patched is called on the way by code that succeeds, and has returned
when something can fail. Classes stay the same, and so do the signatures of methods; `docs/leaks.md` lists what is replaced.
"""

from __future__ import annotations

import os
import sys

from . import imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any

    from .calls import Calls
    from .leak_under_way import UnderWay
    from .leak_watch import LeakWatch


def install(watch: LeakWatch) -> None:
    """Patch what is loaded now and what will be."""
    under_way, calls = watch.under_way, watch.calls
    imports.after("threading", lambda module: _threads(under_way, module))
    imports.after("concurrent.futures._base", lambda module: _futures(under_way, module))
    imports.after("concurrent.futures.thread", lambda module: _calls(under_way, module))
    imports.after("concurrent.futures.process", lambda module: _calls(under_way, module))
    imports.after("asyncio.tasks", lambda module: _tasks(under_way, module))
    imports.after("http.client", lambda module: _connections(calls, module))
    imports.after("subprocess", lambda module: _commands(under_way, module))
    imports.after("multiprocessing.process", lambda module: _processes(under_way, module))
    imports.after("multiprocessing.pool", lambda module: _pools(under_way, module))
    os.register_at_fork(after_in_parent=lambda: under_way.forked(sys._getframe(1)), after_in_child=watch.guard.stop)
    _exits(watch)


class _Bootstrap:
    """What `Thread.start` takes of its thread just before the thread begins."""

    def __init__(self, under_way: UnderWay, original: Any) -> None:
        self._under_way = under_way
        self._original = original

    def __get__(self, thread: Any, owner: Any = None) -> Any:
        if thread is not None:
            self._under_way.thread_begins(thread, sys._getframe(1))
        return self._original.__get__(thread, owner)


def _threads(under_way: UnderWay, module: ModuleType) -> None:
    threading: Any = module
    under_way.threading = threading

    class Active(dict):  # type: ignore[type-arg]
        """The threads that run: each takes itself out when it ends."""

        def __delitem__(self, ident: int) -> None:
            thread = self.get(ident)
            dict.__delitem__(self, ident)
            under_way.thread_ended(thread)

    threading.Thread._bootstrap = _Bootstrap(under_way, threading.Thread._bootstrap)
    threading._active = Active(threading._active)


def _futures(under_way: UnderWay, module: ModuleType) -> None:
    future: Any = module.Future
    make, run, finish = future.__init__, future.set_running_or_notify_cancel, future._invoke_callbacks

    def initialize(self: Any) -> None:
        make(self)
        caller = sys._getframe(1)
        if caller.f_code.co_name == "run_coroutine_threadsafe":
            under_way.coroutine_sent(self, local(caller, "coro"), caller)

    def begin(self: Any) -> Any:
        under_way.future_begins(self, sys._getframe(1))
        return run(self)

    def end(self: Any) -> None:
        under_way.future_ended(self)
        finish(self)

    for call, original in ((initialize, make), (begin, run), (end, finish)):
        _resemble(call, original)
        setattr(future, original.__name__, call)


def _calls(under_way: UnderWay, module: ModuleType) -> None:
    item: Any = module._WorkItem
    make = item.__init__

    def initialize(self: Any, future: Any, *given: Any) -> None:
        make(self, future, *given)
        call = given[0][0] if isinstance(given[0], tuple) else given[0]  # from Python 3.14 on, all in one
        under_way.call_submitted(future, call, sys._getframe(1))

    _resemble(initialize, make)
    item.__init__ = initialize


def _tasks(under_way: UnderWay, module: ModuleType) -> None:
    tasks: Any = module
    under_way.tasks = tasks
    known = getattr(tasks, "_scheduled_tasks", None)
    if known is None:
        known = getattr(tasks, "_all_tasks", None)
    if known is None or sys.version_info >= (3, 14):  # they are kept in C: only the loop can be asked
        _loops(under_way)
        return
    add = known.add

    def add_and_tell(task: Any) -> None:
        add(task)
        under_way.task_made(task, sys._getframe(1))

    known.add = add_and_tell


def _loops(under_way: UnderWay) -> None:
    def patch(module: ModuleType) -> None:
        loop: Any = module.BaseEventLoop
        original = loop.create_task

        def create_task(self: Any, coro: Any, **given: Any) -> Any:
            task = original(self, coro, **given)
            under_way.task_made(task, sys._getframe(1))
            return task

        _resemble(create_task, original)
        loop.create_task = create_task

    imports.after("asyncio.base_events", patch)


class _State:
    """What a connection of `http.client` keeps of where it stands: whenever that changes, it is told who changed it."""

    NAME = "_HTTPConnection__state"

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def __get__(self, connection: Any, owner: Any = None) -> Any:
        return self if connection is None else connection.__dict__[self.NAME]

    def __set__(self, connection: Any, state: str) -> None:
        connection.__dict__[self.NAME] = state
        self._calls.moved(connection, sys._getframe(1))


def _connections(calls: Calls, module: ModuleType) -> None:
    http: Any = module
    setattr(http.HTTPConnection, _State.NAME, _State(calls))
    close = http.HTTPResponse._close_conn

    def _close_conn(self: Any) -> None:
        calls.closed(self)
        close(self)

    _resemble(_close_conn, close)
    http.HTTPResponse._close_conn = _close_conn


def _commands(under_way: UnderWay, module: ModuleType) -> None:
    clean = getattr(module, "_cleanup", None)
    if clean is None:
        return

    def _cleanup() -> None:
        clean()
        under_way.command_begins(sys._getframe(1))

    module._cleanup = _cleanup  # type: ignore[attr-defined]


def _processes(under_way: UnderWay, module: ModuleType) -> None:
    class Children(set):  # type: ignore[type-arg]
        """The processes that were started and not waited for."""

        def add(self, process: Any) -> None:
            set.add(self, process)
            under_way.process_began(process, sys._getframe(1))

    module._children = Children(module._children)  # type: ignore[attr-defined]


def _pools(under_way: UnderWay, module: ModuleType) -> None:
    result: Any = module.ApplyResult
    make = result.__init__

    def initialize(self: Any, pool: Any, callback: Any, error_callback: Any) -> None:
        make(self, pool, callback, error_callback)
        under_way.result_made(self, sys._getframe(1))

    _resemble(initialize, make)
    result.__init__ = initialize


def _exits(watch: LeakWatch) -> None:
    leave = os._exit

    def _exit(status: int) -> None:
        watch.exits(f"os._exit({status})")
        leave(status)

    _exit.__doc__, _exit.__module__ = leave.__doc__, leave.__module__
    os._exit = _exit  # type: ignore[assignment]


def _resemble(call: Any, original: Any) -> None:
    for name in ("__doc__", "__module__", "__qualname__", "__name__"):
        setattr(call, name, getattr(original, name))


def local(frame: FrameType, name: str) -> Any:
    """A local variable of a frame, None when there is none."""
    return frame.f_locals.get(name)
