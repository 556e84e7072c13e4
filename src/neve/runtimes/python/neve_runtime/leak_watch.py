"""The leak watch: what an invocation leaves unfinished when it ends, and what of it goes on inside later ones.

Whose work something is says a context variable, which tasks inherit, and for threads a table. What is found is news, sent to
Neve as LEAK frames (`docs/frames.md`). Levels: `explain` takes deeper stacks, and looks after each invocation for children
that nobody saw begin.
"""

from __future__ import annotations

import os
import sys
import time
from _contextvars import ContextVar
from _thread import get_ident
from _weakref import ref

from . import frames, leak_patches
from .calls import Calls
from .diagnosis import Watcher
from .leak_news import Leaks
from .leak_stacks import LIBRARY, Places
from .leak_work import ChildWork, FutureWork, Invocation, SentWork, TaskWork, ThreadWork, Work, children, name_of, shown
from .watching import Nobody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType
    from typing import Any, TypeVar

    from .leak_news import Leak
    from .leak_stacks import Captured

    _Future = TypeVar("_Future", bound=FutureWork)
    _Hook = TypeVar("_Hook", bound=Callable[..., None])

_FIRST_SWEEP = 1000
_MOST_MARKED = 50
_MACHINERY = ("/concurrent/futures/", "/multiprocessing/", "/asyncio/")
_token: ContextVar[Invocation] = ContextVar("neve_invocation")


def _hook(call: _Hook) -> _Hook:
    """Nothing of ours may hurt the user: the first fault ends the watch."""

    def guarded(self: LeakWatch, *given: Any) -> None:
        if not self.stopped:
            try:
                call(self, *given)
            except Exception as error:
                self.failed(error)

    return guarded  # type: ignore[return-value]


class LeakWatch(Nobody):
    """The one of this process. Hooks may be called by any thread; none raises."""

    def __init__(self, channel: frames.Channel, level: str, task_root: str) -> None:
        self.places = Places(task_root, deep=level == "explain")
        self.current: Invocation | None = None
        self.main = get_ident()
        self._latest: Invocation | None = None  # the current one or, between two events, the one before
        self._channel = channel
        self._watcher = Watcher(self, channel)
        self._explains = level == "explain"
        self._leaks = Leaks(self.places, lambda news: channel.send(frames.frame(frames.LEAK, {"news": news})))
        self.calls = Calls(self, places=self._explains)
        self._live: set[Work] = set()
        self._sweep_at = _FIRST_SWEEP
        self._threads: dict[int, ThreadWork] = {}  # by the id of the thread, which they hold
        self._futures: dict[int, FutureWork] = {}  # by the id of the future
        self._tasks: dict[int, TaskWork] = {}
        self._running: dict[int, FutureWork] = {}  # by the ident of the thread that runs it
        self._sent: dict[int, SentWork] = {}  # by the id of a coroutine, on its way to another thread
        self._forks: list[tuple[Captured, Work | None]] = []
        self._pids: set[int] = set()  # of children that are known
        self._after_thaw: list[Work] = []
        self._init_told = False
        self.threading: Any = None  # the modules, once they are loaded
        self.tasks: Any = None
        self.stopped = False

    # What the runtime client tells

    def begin(self, header: Mapping[str, Any]) -> None:
        invocation = Invocation(str(header["id"]), header["deadline"])
        self._watcher.begin(invocation.deadline_ms / 1000 - time.time())
        self.current = self._latest = invocation
        _token.set(invocation)
        if self._leaks.open:
            self.guarded(self._wake)

    def _wake(self) -> None:
        """An event has thawed everything: what needs no event of its own goes on."""
        self._leaks.collect()
        ended, self._after_thaw = self._after_thaw, []
        for work in ended:
            self._leaks.lose(work, self._inside())
        for leak in list(self._leaks.open.values()):
            for work in list(leak.live):
                if work.runs and work.over():
                    self._leaks.lose(work, self._inside())
                elif work.runs:
                    self._leaks.resume(leak, self._inside())
        news = self._leaks.collected()
        if news:
            self._channel.send(frames.frame(frames.LEAK, {"news": news}))

    def end(self) -> Sequence[bytes]:
        ending = self.current
        news: list[Mapping[str, Any]] = []
        if self._live or self._leaks.open or self._forks or self._explains:
            news = self.guarded(self._look_at_what_is_left) or []
        self._init_told = True
        self._channel.careful = bool(self._leaks.open)
        if ending is not None:
            ending.ended = True
        self.current = None
        leaks = frames.frame(frames.LEAK, {"news": news}) if news else None
        return [told for told in (leaks, self.guarded(self.calls.told)) if told]

    def left_over(self) -> str | None:
        token = _token.get(None)
        if token is None:
            token = self.whose(self._work_of_thread())
        if token is None or not token.ended or self.stopped:
            return None
        if token is self._latest and not self._thawed():
            return None
        leak = self.guarded(lambda: self.leak_of(self.parent()))
        if leak is not None:
            self.guarded(lambda: self._leaks.resume(leak, self._inside()))
        return token.id

    def dying(self, error: BaseException) -> None:
        self.guarded(lambda: self._dying(error))

    def _dying(self, error: BaseException) -> None:
        for work in [work for leak in self._leaks.open.values() for work in leak.live]:
            task = work.task() if isinstance(work, TaskWork) else None
            if task is not None and task.done() and getattr(task, "_exception", None) is error:
                self._leaks.fail(work.leak, self._inside(), _text(error), fatal=True)

    def stop(self) -> None:
        """Watch no more: this is another process, or something is wrong."""
        self.stopped = True

    # What is left

    def _look_at_what_is_left(self) -> list[Mapping[str, Any]]:
        self._leaks.collect()
        try:
            ending = self.current
            self._find_children()
            for leak in list(self._leaks.open.values()):
                self._look_again(list(leak.live))
            left = [work for work in self._sweep() if not self._is_part(work)]
            for origin in {work.token: None for work in left}:
                self._leaks.tell(origin, [work for work in left if work.token is origin])
            for work in left:
                if work.leak is not None and work.token is not None and work.token is not ending:
                    self._leaks.resume(work.leak, self._inside())
            for work in [work for leak in self._leaks.open.values() for work in leak.live][:_MOST_MARKED]:
                work.mark()
            for work in left:
                self._follow(work)
        finally:
            news = self._leaks.collected()
        return news

    def _sweep(self) -> list[Work]:
        """Forget what is over; what is left."""
        left = []
        for work in list(self._live):
            if work.over():
                self._live.discard(work)
            else:
                left.append(work)
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(left))
        return left

    def _is_part(self, work: Work) -> bool:
        """What an unfinished task waits for is no leak of its own; whatever it is, it is not looked at again."""
        self._live.discard(work)
        parent = work.parent
        return work.joins and parent is not None and parent.has_parts and not parent.over()

    def _look_again(self, works: list[Work]) -> None:
        """What became of leaks during the invocation that ends."""
        for work in works:
            if work.over():
                error = work.error()
                if error is not None:
                    self._leaks.fail(work.leak, self._inside(), _text(error), fatal=False)
                self._leaks.lose(work, self._inside())
            elif work.moved():
                self._leaks.resume(work.leak, self._inside())

    def _follow(self, work: Work) -> None:
        """Hear of the end of a leaked task: it may be gone as soon as it is done."""
        task = work.task() if isinstance(work, TaskWork) and work.leak is not None else None
        if task is None:
            return

        def done(ended: Any) -> None:
            if self.current is None:
                self._over(work)
            else:
                work.ended = ended  # type: ignore[attr-defined]  # its error may still be taken, until `end`

        loop = task.get_loop()
        if loop.is_running():  # in another thread
            loop.call_soon_threadsafe(task.add_done_callback, done)
        else:
            task.add_done_callback(done)

    def _find_children(self) -> None:
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

    def unfinished(self) -> list[Work]:
        """Everything that is under way, whoever began it."""
        leaked = [work for leak in self._leaks.open.values() for work in leak.live]
        kept: list[Work] = [*self._threads.values(), *self._tasks.values(), *self._futures.values()]
        found = dict.fromkeys([*self._live, *leaked, *kept])
        return [work for work in found if not work.over()]

    # Whose it is

    def whose(self, parent: Work | None) -> Invocation | None:
        """The invocation to which belongs what is begun here; `parent` is the work in which that is."""
        return _token.get(None) or (None if parent is None else parent.token)

    def _work_of_thread(self) -> Work | None:
        ident = get_ident()
        work = self._running.get(ident)
        if work is not None or ident == self.main or self.threading is None:
            return work
        return self._threads.get(id(self.threading._active.get(ident)))

    def parent(self) -> Work | None:
        """The task or thread in which this is called."""
        loop = None if self.tasks is None else self.tasks.events._get_running_loop()
        if loop is not None:
            task = self.tasks.current_task(loop)
            work = self._tasks.get(id(task))
            if work is not None and work.task() is task:
                return work
        return self._work_of_thread()

    def leak_of(self, work: Work | None) -> Leak | None:
        """The leak that a piece of work is part of."""
        while work is not None and work.leak is None:
            work = work.parent
        found: Leak | None = None if work is None else work.leak
        return found

    def _inside(self) -> str | None:
        """The invocation that is running."""
        return None if self.current is None else self.current.id

    def _thawed(self) -> bool:
        """Between two events: whether the next one has arrived, though nobody has read it."""
        return self.current is None and self._channel.has_arrived()

    # What the patches tell

    @_hook
    def thread_begins(self, thread: Any, caller: FrameType) -> None:
        """A thread is being started; `caller` is `Thread.start`."""
        stack = self.places.capture(caller.f_back)
        if _is_machinery(stack) or (thread.daemon and self.places.asker(stack) == LIBRARY):
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
            if error is not None and not isinstance(error, SystemExit) and work.leak is not None:
                self.guarded(lambda: self._leaks.fail(work.leak, self._now(work), _text(error), fatal=False))
            tell(failed)

        thread._invoke_excepthook = invoke

    def thread_ended(self, thread: Any) -> None:
        """A thread is on its last instructions."""
        work = self._threads.pop(id(thread), None)
        if work is not None:
            work.ended = True
            self._over(work)

    @_hook
    def call_submitted(self, future: Any, call: Any, caller: FrameType) -> None:
        """An executor has a call to make; `caller` is its `submit`."""
        self._promise(FutureWork, future, name_of(call), caller)

    @_hook
    def coroutine_sent(self, future: Any, coroutine: Any, caller: FrameType) -> None:
        """A coroutine is given to a loop in another thread."""
        if len(self._sent) >= _FIRST_SWEEP:
            self._sent.clear()  # of loops that never ran
        self._sent[id(coroutine)] = self._promise(SentWork, future, name_of(coroutine), caller)

    def _promise(self, make: type[_Future], future: Any, name: str, caller: FrameType) -> _Future:
        key, futures = id(future), self._futures
        held = ref(future, lambda _gone: futures.pop(key, None))
        parent = self.parent()
        work = make(held, _is_done, name, self.whose(parent), self.places.capture(caller.f_back), parent)
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
            self._over(work)

    @_hook
    def task_made(self, task: Any, caller: FrameType) -> None:
        """A loop has a new task."""
        sent = self._sent.pop(id(task.get_coro()), None) if self._sent else None
        key, tasks = id(task), self._tasks
        held = ref(task, lambda _gone: tasks.pop(key, None))
        parent: Work | None = sent if sent is not None else self.parent()
        stack = sent.stack if sent is not None else self.places.capture(caller)
        work = tasks[key] = TaskWork(held, self.whose(parent), stack, parent)
        if sent is not None:
            sent.task = work
        self._add(work)

    @_hook
    def command_begins(self, caller: FrameType) -> None:
        """`subprocess.Popen` is about to start a child."""
        popen, stack = leak_patches.local(caller, "self"), self.places.capture(caller.f_back)
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

    @_hook
    def process_began(self, process: Any, caller: FrameType) -> None:
        """`multiprocessing` has started a process; `caller` is its `start`."""
        stack = self.places.capture(caller.f_back)
        if not _is_machinery(stack):
            pid = process.pid
            parent = self.parent()
            self._add(ChildWork(lambda: pid, process.name, self.whose(parent), stack, parent))

    @_hook
    def result_made(self, result: Any, caller: FrameType) -> None:
        """A pool of `multiprocessing` has work; the caller is one of its methods, or a subclass of the result."""
        stack = self.places.capture(caller)
        parent = self.parent()
        self._add(FutureWork(ref(result), _is_ready, "pool", self.whose(parent), stack, parent))

    @_hook
    def forked(self, caller: FrameType) -> None:
        """The process has forked: Python tells no pid. Those who do tell one are left to themselves."""
        file = caller.f_code.co_filename
        if "/multiprocessing/" not in file and not file.endswith("/subprocess.py"):
            self._forks.append((self.places.capture(caller), self.parent()))

    @_hook
    def connection_moved(self, connection: Any, caller: FrameType) -> None:
        """A connection of `http.client` is in another state."""
        self.calls.moved(connection, caller)

    @_hook
    def answer_closed(self, answer: Any) -> None:
        """Nobody reads an answer of `http.client` any more."""
        self.calls.closed(answer)

    def exits(self, how: str) -> None:
        """The process is about to end without another word."""
        token = self.whose(self.parent())
        if token is not None and token.ended and token is not self._latest:
            leak = self.guarded(lambda: self.leak_of(self.parent()))
            if leak is not None:
                self.guarded(lambda: self._leaks.fail(leak, self._inside(), how, fatal=True))

    # Bookkeeping

    def _add(self, work: Work) -> None:
        ancestor = work.parent
        if ancestor is not None and ancestor.parent is not None and ancestor.parent.over():
            ancestor.leak = ancestor.leak or ancestor.parent.leak
            ancestor.parent = None  # a chain in which each starts the next has no end
        if work.token is None and self._init_told:
            return  # of a thread that the init phase made
        self._live.add(work)
        if len(self._live) >= self._sweep_at:
            self._sweep()

    def _over(self, work: Work) -> None:
        self._live.discard(work)
        if work.leak is not None:
            self.guarded(lambda: self._lost(work))

    def _lost(self, work: Work) -> None:
        if self._thawed():
            self._after_thaw.append(work)  # inside the invocation that nobody has read yet
        else:
            error = work.error()
            if error is not None:
                self._leaks.fail(work.leak, self._now(work), _text(error), fatal=False)
            self._leaks.lose(work, self._now(work))

    def _now(self, work: Work) -> str | None:
        return None if work.token is self.current else self._inside()

    def guarded(self, call: Callable[[], Any]) -> Any:
        """Nothing of ours may hurt the user: the first fault ends the watch."""
        if not self.stopped:
            try:
                return call()
            except Exception as error:
                self.failed(error)
        return None

    def failed(self, error: Exception) -> None:
        """The watch itself has failed, or nobody listens any more."""
        self.stopped = True
        if not isinstance(error, frames.ChannelEnded):
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        import traceback

        reason = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-2000:]
        try:
            self._channel.send(frames.frame(frames.LEAK, {"news": [{"is": "broken", "reason": reason}]}))
        except frames.ChannelEnded:
            return


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


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def start(channel: frames.Channel, level: str, task_root: str) -> LeakWatch:
    """Watch this process from now on."""
    watch = LeakWatch(channel, level, task_root)
    leak_patches.install(watch)
    return watch
