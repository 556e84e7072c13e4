"""What each world has told so far, read from one stream of records, and waiting until something was told."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neve.cli.client import Client, Failed, Impossible

Record = Mapping[str, Any]

_OPEN_SECONDS = 10.0


class Witness:
    """Reads in a thread of its own until the server ends."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: dict[str, list[Record]] = defaultdict(list)
        self._latest: dict[str, float] = defaultdict(time.monotonic)
        self._changed = threading.Condition()
        self._open = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="records", daemon=True)

    def begin(self) -> None:
        """Nothing that happens after this is missed."""
        self._thread.start()
        if not self._open.wait(_OPEN_SECONDS):
            raise Impossible("Neve does not tell what happens; see `neve doctor`.")

    def told(self, account: str) -> list[Record]:
        """The records of a world, in order."""
        with self._changed:
            return list(self._told[account])

    def wait(self, account: str, met: Callable[[Sequence[Record]], bool], seconds: float) -> bool:
        """Until the records of a world are so; False when they are not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended or met(self._told[account]), seconds) and not self._ended

    def wait_quiet(self, account: str, met: Callable[[Sequence[Record]], bool], quiet_s: float, most_s: float) -> bool:
        """Until the records of a world are so and nothing was told for a while; False when that does not happen in time."""
        until = time.monotonic() + most_s
        with self._changed:
            while (now := time.monotonic()) < until and not self._ended:
                since = self._latest[account]
                if met(self._told[account]):
                    if now - since >= quiet_s:
                        return True
                    self._changed.wait(min(quiet_s - (now - since), until - now))
                else:
                    self._changed.wait(until - now)
        return False

    def touch(self, account: str) -> None:
        """Something was asked of a world: quiet begins anew."""
        with self._changed:
            self._latest[account] = time.monotonic()

    def _read(self) -> None:
        try:
            for record in self._client.records(self._open.set, calls=True):
                account = str(record.get("account"))
                with self._changed:
                    self._told[account].append(record)
                    self._latest[account] = time.monotonic()
                    self._changed.notify_all()
        except Failed:
            pass  # who waits is told below
        with self._changed:
            self._ended = True
            self._changed.notify_all()
