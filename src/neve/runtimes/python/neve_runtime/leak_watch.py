"""The leak watch: what an invocation leaves unfinished when it ends, and what of it goes on inside later ones.

What is found is news, sent to Neve as LEAK frames (`docs/frames.md`). Levels: `explain` takes deeper stacks, and looks after
each invocation for children that nobody saw begin.
"""

from __future__ import annotations

import time

from . import frames, leak_patches
from .calls import Calls
from .diagnosis import Watcher
from .leak_guard import Guard
from .leak_news import Leaks
from .leak_stacks import Places
from .leak_under_way import UnderWay
from .leak_work import Invocation, TaskWork, Work, leak_of
from .watching import Nobody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_MOST_MARKED = 50


class LeakWatch(Nobody):
    """The one of this process. None of its methods raises."""

    def __init__(self, channel: frames.Channel, level: str, task_root: str) -> None:
        explains = level == "explain"
        self.guard = Guard(channel)
        self.places = Places(task_root, deep=explains)
        self.under_way = UnderWay(self.places, self.guard, explains, self._ended, self._failed)
        self.calls = Calls(self.under_way, self.places, explains)
        self.current: Invocation | None = None
        self._latest: Invocation | None = None  # the current one or, between two events, the one before
        self._channel = channel
        self._watcher = Watcher(self, channel)
        self._leaks = Leaks(self.places, lambda news: channel.send(frames.frame(frames.LEAK, {"news": news})))
        self._after_thaw: list[Work] = []

    # What the runtime client tells

    def begin(self, header: Mapping[str, Any]) -> None:
        invocation = Invocation(str(header["id"]), header["deadline"])
        self._watcher.begin(invocation.deadline_ms / 1000 - time.time())
        self.current = self._latest = invocation
        self.under_way.begin(invocation)
        if self._leaks.open:
            self.guard.run(self._wake)

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
        if self._leaks.open or self.under_way.is_to_be_looked_at:
            news = self.guard.run(self._look_at_what_is_left) or []
        self.under_way.init_told = True
        self._channel.careful = bool(self._leaks.open)
        if ending is not None:
            ending.ended = True
        self.current = None
        leaks = frames.frame(frames.LEAK, {"news": news}) if news else None
        return [told for told in (leaks, self.guard.run(self.calls.told)) if told]

    def left_over(self) -> str | None:
        token = self.under_way.speaking()
        if token is None or not token.ended or self.guard.stopped:
            return None
        if token is self._latest and not self._thawed():
            return None
        self.guard.run(self._speaks)
        return token.id

    def _speaks(self) -> None:
        self._leaks.resume(leak_of(self.under_way.parent()), self._inside())

    def dying(self, error: BaseException) -> None:
        self.guard.run(self._dying, error)

    def _dying(self, error: BaseException) -> None:
        for work in [work for leak in self._leaks.open.values() for work in leak.live]:
            task = work.task() if isinstance(work, TaskWork) else None
            if task is not None and task.done() and getattr(task, "_exception", None) is error:
                self._leaks.fail(work.leak, self._inside(), _text(error), fatal=True)

    # What is left

    def _look_at_what_is_left(self) -> list[Mapping[str, Any]]:
        self._leaks.collect()
        try:
            ending = self.current
            self.under_way.find_children()
            for leak in list(self._leaks.open.values()):
                self._look_again(list(leak.live))
            left = [work for work in self.under_way.sweep() if not self.under_way.is_part(work)]
            for origin in {work.token: None for work in left}:
                self._leaks.tell(origin, [work for work in left if work.token is origin])
            for work in left:
                if work.token is not None and work.token is not ending:
                    self._leaks.resume(work.leak, self._inside())
            for work in [work for leak in self._leaks.open.values() for work in leak.live][:_MOST_MARKED]:
                work.mark()
            for work in left:
                self._follow(work)
        finally:
            news = self._leaks.collected()
        return news

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
                self.under_way.over(work)
            else:
                work.ended = ended  # type: ignore[attr-defined]  # its error may still be taken, until `end`

        loop = task.get_loop()
        if loop.is_running():  # in another thread
            loop.call_soon_threadsafe(task.add_done_callback, done)
        else:
            task.add_done_callback(done)

    def _inside(self) -> str | None:
        """The invocation that is running."""
        return None if self.current is None else self.current.id

    def _thawed(self) -> bool:
        """Between two events: whether the next one has arrived, though nobody has read it."""
        return self.current is None and self._channel.has_arrived()

    def unfinished(self) -> list[Work]:
        """Everything that is under way, whoever began it."""
        leaked = [work for leak in self._leaks.open.values() for work in leak.live]
        found = dict.fromkeys([*self.under_way.known(), *leaked])
        return [work for work in found if not work.over()]

    # What ends

    def exits(self, how: str) -> None:
        """The process is about to end without another word."""
        self.guard.run(self._exits, how)

    def _exits(self, how: str) -> None:
        work = self.under_way.parent()
        token = self.under_way.whose(work)
        if token is not None and token.ended and token is not self._latest:
            self._leaks.fail(leak_of(work), self._inside(), how, fatal=True)

    def _failed(self, work: Work, error: BaseException) -> None:
        """A thread ends with an error."""
        self.guard.run(lambda: self._leaks.fail(work.leak, self._now(work), _text(error), fatal=False))

    def _ended(self, work: Work) -> None:
        """Some work is over."""
        if work.leak is not None:
            self.guard.run(self._lost, work)

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
