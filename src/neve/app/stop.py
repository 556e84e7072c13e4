"""What asks Neve to end: signals."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stop:
    """What signals have asked for: `closing` to end, `hurry` to end at once."""

    closing: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """A signal: the first begins the end, the second ends the patience."""
        (self.hurry if self.closing.is_set() else self.closing).set()

    @contextlib.contextmanager
    def asked_by_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask, meanwhile."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.ask)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
