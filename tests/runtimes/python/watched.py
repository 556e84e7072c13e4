"""A runtime that is watched for leaks: its news are collected while it is driven."""

import json
import select
import time
from dataclasses import dataclass, field
from typing import Any

from tests.runtimes.python.scripted import NEXT, Event, Runtime

from neve.domain.stack import chosen, read_stacks

LEAK, DIAGNOSIS, CALLS = 11, 13, 14
_PATIENCE_S = 5.0

Item = dict[str, Any]


@dataclass
class Watched:
    """`root` is the task root."""

    runtime: Runtime
    root: str
    news: list[Item] = field(default_factory=list)
    told: list[Item] = field(default_factory=list)  # diagnoses
    calls: list[Item] = field(default_factory=list)
    untold: int = 0  # calls that were left out
    _events: list[Event] = field(default_factory=list)

    def wait_next(self) -> bytes:
        """Until the next event is asked for; the body of what was answered before, if anything was."""
        answer = b""
        while True:
            kind, header, body = self.runtime.receive()
            if kind == NEXT:
                return answer
            if not self._heard(kind, header):
                answer = body

    def invoke(self, event: object, request_id: str, **header: Any) -> bytes:
        """One whole invocation."""
        self.runtime.send(json.dumps(event).encode(), request_id, **header)
        return self.wait_next()

    def until_end(self) -> None:
        """Until the process has closed its channel."""
        try:
            while True:
                kind, header, _ = self.runtime.receive()
                self._heard(kind, header)
        except (EOFError, ConnectionError):
            return

    def wait_news(self, **members: Any) -> Item:
        """The first news with these members, that have come or come now."""
        return self._wait_first(self.news, members)

    def wait_call(self, **members: Any) -> Item:
        """As `wait_news`, of calls."""
        return self._wait_first(self.calls, members)

    def _wait_first(self, heard: list[Item], members: Item) -> Item:
        end = time.monotonic() + _PATIENCE_S
        while True:
            found = [item for item in heard if members.items() <= item.items()]
            if found:
                return found[0]
            ready = select.select([self.runtime.channel], [], [], max(0.0, end - time.monotonic()))
            assert ready[0], f"{members} is not among {heard}"
            kind, header, _ = self.runtime.receive()
            self._heard(kind, header)

    def opened(self) -> list[Item]:
        """The leaks of invocations, with the place that Neve chooses."""
        return [self.placed(item) for item in self.news if item["is"] == "open" and item["origin"] is not None]

    def placed(self, item: Item) -> Item:
        """With file, line and stack as people are told them."""
        frame, stack = chosen(read_stacks(item, self.root))
        place = {"file": frame.shown, "line": frame.line} if frame else {}
        return {**item, **place, "stack": [str(each) for each in stack]}

    def _heard(self, kind: int, header: Item) -> bool:
        if kind == LEAK:
            self.news += header["news"]
        elif kind == DIAGNOSIS:
            self.told.append(header)
        elif kind == CALLS:
            self.calls += header["calls"]
            self.untold += header["more"]
        else:
            return False
        return True
