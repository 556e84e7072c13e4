"""What running functions costs: GB-seconds and requests, by prices that a user may set. Source: billing facts §1, §2.

Not counted: tiers beyond the first, the free tier, provisioned concurrency's standing price, logs, traffic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from neve.domain.errors import OperatorError

_FREE_STORAGE_MB = 512
_MB_PER_GB = 1024.0
_MILLION = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million of each: requests, GB-seconds of memory by architecture, GB-seconds of `/tmp` above 512 MB.

    The defaults are AWS's public ones of us-east-1, in US dollars.
    """

    requests: float = 0.20
    x86_64: float = 16.6667
    arm64: float = 13.3334
    storage: float = 0.0309


class Usage(NamedTuple):
    """What was used: `billed_ms` and its memory and storage, multiplied."""

    requests: int = 0
    billed_ms: float = 0.0
    init_ms: float = 0.0
    gb_seconds: float = 0.0
    storage_gb_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Money for a usage."""

    requests: float
    duration: float
    storage: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.requests + self.duration + self.storage


def usage_of(billed_ms: float, init_ms: float, memory_mb: int, storage_mb: int) -> Usage:
    """The usage of one invocation."""
    seconds = billed_ms / 1000.0
    paid_mb = max(0, storage_mb - _FREE_STORAGE_MB)
    return Usage(1, billed_ms, init_ms, memory_mb / _MB_PER_GB * seconds, paid_mb / _MB_PER_GB * seconds)


def both(one: Usage, other: Usage) -> Usage:
    """Two usages together."""
    return Usage(
        one.requests + other.requests,
        one.billed_ms + other.billed_ms,
        one.init_ms + other.init_ms,
        one.gb_seconds + other.gb_seconds,
        one.storage_gb_seconds + other.storage_gb_seconds,
    )


def cost_of(usage: Usage, architecture: str, prices: Prices) -> Cost:
    """What a usage on this architecture costs."""
    memory = prices.arm64 if architecture == "arm64" else prices.x86_64
    return Cost(
        usage.requests * prices.requests / _MILLION,
        usage.gb_seconds * memory / _MILLION,
        usage.storage_gb_seconds * prices.storage / _MILLION,
    )


def read_prices(given: Mapping[str, object]) -> Prices:
    """The prices of the settings; OperatorError for what is none."""
    known = [field.name for field in fields(Prices)]
    values = {}
    for name, value in given.items():
        try:
            values[name] = float(str(value))
        except ValueError:
            values[name] = -1.0
        if name not in known or not 0.0 <= values[name] < float("inf"):
            raise OperatorError(
                f"the setting prices takes money for a million of {', '.join(known)}, not {name}={value}; "
                "mend NEVE_PRICES, neve.toml or the flag"
            )
    return replace(Prices(), **values)


def money(amount: float) -> str:
    """An amount with the digits that say something: `0.0000021`, `0.51`, `12.30`."""
    if amount >= 0.995:
        return f"{amount:,.2f}"
    if amount < 5e-13:
        return "0"
    digits = 2
    while amount * 10 ** (digits - 1) < 0.995 and digits < 12:
        digits += 1
    return f"{amount:.{digits}f}"
