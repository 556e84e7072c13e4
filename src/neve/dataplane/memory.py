"""The memory of an environment, as reports tell it: the most that was resident at once."""

import math
import time

from neve.dataplane.sandbox.sandbox import Sandbox
from neve.domain.limits import MEBIBYTE

# How old the figure may be. A look costs some 70 µs, and in two milliseconds memory hardly grows.
AGE_S = 0.05
_SHORT_MS = 2.0
_AGE_AFTER_SHORT_S = 0.5


class Memory:
    """One environment's. The figure only grows within a generation."""

    def __init__(self, sandbox: Sandbox, limit_mb: int) -> None:
        self._sandbox = sandbox
        self._limit_mb = limit_mb
        self._bytes = 0
        self._seen = -math.inf

    def look(self, age_s: float = AGE_S) -> int:
        """In bytes; the kernel is asked when its last answer is older than that."""
        now = time.perf_counter()
        if now - self._seen > age_s and self._sandbox.pid is not None:
            self._seen = now
            self._bytes = self._sandbox.peak_bytes()
        return self._bytes

    def look_after(self, duration_ms: float) -> int:
        """After an invocation that took so long."""
        return self.look(_AGE_AFTER_SHORT_S if duration_ms < _SHORT_MS else AGE_S)

    def used_up(self) -> None:
        """It was killed because it had all that it may have, billing facts §3."""
        self._bytes = self._limit_mb * MEBIBYTE
