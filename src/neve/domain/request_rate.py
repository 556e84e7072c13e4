"""How many synchronous invocations a second: ten for each unit of concurrency. Source: concurrency-scaling facts §1.

A function that reserved concurrency has the rate of what it reserved. The others share the rate of the unreserved pool; a
version with provisioned concurrency has that one's first. Events have no rate: they wait for concurrency.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from neve.domain.concurrency import FunctionLimits, Throttled
from neve.domain.limits import REQUESTS_PER_SECOND

RATE_LIMIT = Throttled("FunctionInvocationRateLimitExceeded")
RESERVED_RATE_LIMIT = Throttled("ReservedFunctionInvocationRateLimitExceeded")


class Allowance(NamedTuple):
    """A share of concurrency by its key, and how large it is."""

    key: tuple[str, ...]
    concurrency: int


def allowances(name: str, version: str, limits: FunctionLimits, unreserved: int) -> Sequence[Allowance]:
    """What the requests of a function's version come out of, in this order."""
    if limits.reserved is not None:
        return [Allowance((name,), limits.reserved)]
    pool = Allowance((), unreserved)
    provisioned = limits.provisioned.get(version, 0)
    return [Allowance((name, version), provisioned), pool] if provisioned else [pool]


class Requests(msgspec.Struct, frozen=True):
    """How many requests may still come: `left` at the time `at` (seconds), refilled continuously, at most a second's worth."""

    left: float = float("inf")
    at: float = 0.0

    def take(self, concurrency: int, now: float) -> "Requests | None":
        """What one more leaves, at the rate of this concurrency; None when it is one too many."""
        left = self._left(concurrency, now)
        return Requests(left - 1, now) if left >= 1 else None

    def is_full(self, concurrency: int, now: float) -> bool:
        """Whether it is as if none had come."""
        return self._left(concurrency, now) >= concurrency * REQUESTS_PER_SECOND

    def _left(self, concurrency: int, now: float) -> float:
        rate = concurrency * REQUESTS_PER_SECOND
        return min(float(rate), self.left + max(0.0, now - self.at) * rate)
