"""What a runtime client tells of leaks and timeouts, on its way to the stream: its places become those that a person wrote.

In the order in which it came. Nothing waits that needs no source map, or whose map is known; the rest waits for a process that
reads the map. When the environment is gone, what still waits is told with the places that it has.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neve.dataplane import channel as frames
from neve.dataplane.sandbox.sandbox import Command
from neve.dataplane.source_places import SourcePlaces, TaskRoot
from neve.dataplane.tasks import Tasks
from neve.domain import record as kinds
from neve.domain.diagnosis import located_diagnosis, read_diagnosis
from neve.domain.leak import located, read_news
from neve.domain.outgoing import located_call, read_calls, read_waited
from neve.domain.stack import Stack

Tell = Callable[[str, Mapping[str, Any], str | None, float], None]
"""Publishes a record: type, members, request id, time in milliseconds."""

_MOST_DROPPED = 1_000
_PYTHON = "_python"


@dataclass(frozen=True, slots=True)
class _News:
    kind: str
    members: Mapping[str, Any]
    request_id: str | None
    time_ms: float

    @property
    def stacks(self) -> Sequence[Stack]:
        """Those of the thing itself and of its parts."""
        parts = [self.members, *self.members.get("waiting", ())]
        return [stack for part in parts for stack in part.get("stacks", ())]


class LeakDesk:
    """That of one environment. `tell` publishes."""

    def __init__(self, environment_id: str, places: SourcePlaces, tasks: Tasks, tell: Tell) -> None:
        self._prefix = environment_id[:8]
        self._places = places
        self._tasks = tasks
        self._tell = tell
        self._root = TaskRoot("", Path())
        self._family = ""
        self._waiting: deque[_News] = deque()
        self._working = False
        self._dropped: deque[str] = deque(maxlen=_MOST_DROPPED)

    def belongs_to(self, command: Command) -> None:
        """The processes whose news come from now on."""
        self._family = "python" if _PYTHON in command.environment.get("AWS_EXECUTION_ENV", "") else "nodejs"
        if command.folders is not None:
            self._root = TaskRoot(command.environment["LAMBDA_TASK_ROOT"], command.folders.task_root)

    def hear(self, header: frames.Header, request_id: str | None, time_ms: float) -> None:
        """A LEAK frame, during this invocation."""
        for kind, members in read_news(header, self._prefix, self._root.seen):
            self._take(_News(kind, members, request_id, time_ms))

    def hear_calls(self, header: frames.Header, request_id: str | None, time_ms: float) -> None:
        """A CALLS frame, during this invocation."""
        for members in read_calls(header, self._prefix, self._root.seen, time_ms):
            self._take(_News(kinds.CALL, members, request_id, time_ms))
        waited = read_waited(header, time_ms)
        if waited is not None:
            self._take(_News(kinds.WAITED, waited, request_id, time_ms))

    def explain(self, header: frames.Header | None, request_id: str, timeout_s: float, time_ms: float) -> None:
        """An invocation ran out of time, and this is what was said of it; None: nothing."""
        members = read_diagnosis(header, request_id, timeout_s, self._root.seen, self._family)
        self._take(_News(kinds.DIAGNOSIS, members, request_id, time_ms))

    def foresee(self, header: frames.Header) -> None:
        """What an invocation will be explained with if its time runs out: its places are looked up meanwhile."""
        news = _News(kinds.DIAGNOSIS, read_diagnosis(header, "", 0.0, self._root.seen), None, 0.0)
        positions = self._root.positions(news.stacks)
        if self._places.unknown(positions):
            self._tasks.spawn(self._places.load(positions))

    def close(self) -> None:
        """Nobody waits any more."""
        while self._waiting:
            self._pass_on(self._waiting.popleft())

    def _take(self, news: _News) -> None:
        if self._waiting or self._places.unknown(self._root.positions(news.stacks)):
            self._waiting.append(news)
            self._begin()
        else:
            self._pass_on(news)

    def _begin(self) -> None:
        if not self._working:
            self._working = True
            self._places.begin()
            self._tasks.spawn(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._places.load(self._root.positions(self._waiting[0].stacks))
                if self._waiting:
                    self._pass_on(self._waiting.popleft())
        finally:
            self._working = False
            self._places.end()

    def _pass_on(self, news: _News) -> None:
        members = self._located(news)
        if members is not None:
            self._tell(news.kind, members, news.request_id, news.time_ms)

    def _located(self, news: _News) -> Mapping[str, Any] | None:
        """None for news of what turned out to be a package's housekeeping."""
        if news.kind == kinds.LEAK:
            told = located(self._resolved(news.members))
            if told is None:
                self._dropped.append(news.members["leakId"])
            return told
        if news.members.get("leakId") in self._dropped:
            return None
        if news.kind == kinds.CALL:
            return located_call(self._resolved(news.members))
        if news.kind == kinds.DIAGNOSIS:
            waiting = [self._resolved(each) for each in news.members["waiting"]]
            return located_diagnosis({**self._resolved(news.members), "waiting": waiting})
        return news.members

    def _resolved(self, members: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**members, "stacks": self._root.resolved(members["stacks"], self._places)}
