"""Concurrency: who may run now. Pure arithmetic; source: concurrency-scaling facts §1.

A world has as many slots as its account's concurrency. A function may set some of them aside: reserved ones are both its
guarantee and its cap, over all its versions; provisioned ones are a version's own, and come out of what the function has
reserved, else out of the account. What nobody set aside is the unreserved pool, for every function that reserved nothing.

An invocation runs on its version's provisioned concurrency as far as that goes, the rest of them on demand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from neve.domain.alias import Alias
from neve.domain.errors import InvalidParameterValue
from neve.domain.limits import SCALING_ENVIRONMENTS, SCALING_SECONDS, UNRESERVED_MINIMUM
from neve.domain.world import World

ACCOUNT_LIMIT = "ConcurrentInvocationLimitExceeded"
RESERVED_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"
SCALING_LIMIT = "FunctionInvocationRateLimitExceeded"
"""Why a function that may run has no environment and may not start one yet. The facts do not name a reason for it: of the
service's reasons this is the one that speaks of a rate and of one function; the others send people to limits that hold."""


# What was asked for


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a function has reserved."""

    world: World
    function_name: str
    executions: int


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a version or an alias, its `qualifier`, has provisioned."""

    world: World
    function_name: str
    qualifier: str
    executions: int
    last_modified_ms: int


@dataclass(frozen=True, slots=True)
class FunctionLimits:
    """What a function has set aside: `reserved` (None: nothing, 0: it is off), `provisioned` by version."""

    reserved: int | None = None
    provisioned: Mapping[str, int] = field(default_factory=dict)

    @property
    def total_provisioned(self) -> int:
        """Over all versions."""
        return sum(self.provisioned.values())

    @property
    def set_aside(self) -> int:
        """What the account's other functions cannot have."""
        return self.total_provisioned if self.reserved is None else self.reserved

    @property
    def on_demand(self) -> int:
        """What reserved concurrency leaves beside the provisioned; 0 for a function that reserved nothing."""
        return 0 if self.reserved is None else max(0, self.reserved - self.total_provisioned)


UNLIMITED = FunctionLimits()


def unreserved(account: int, functions: Iterable[FunctionLimits]) -> int:
    """What is left of `account` for functions that set nothing aside. Not below 0, which a lowered setting would make it."""
    return max(0, account - sum(each.set_aside for each in functions))


def check_reserved(account: int, others: Iterable[FunctionLimits], current: FunctionLimits, executions: int) -> None:
    """Whether a function may reserve `executions` beside the `others`: InvalidParameterValue in the service's words."""
    if executions < current.total_provisioned:
        raise InvalidParameterValue(
            f" ReservedConcurrentExecutions  {executions} should not be lower than function's total provisioned "
            f"concurrency [{current.total_provisioned}]."
        )
    left = account - sum(each.set_aside for each in others)
    if executions > current.set_aside and left - executions < _minimum(account):
        raise InvalidParameterValue(_below_minimum("ReservedConcurrentExecutions", account))


def check_provisioned(
    account: int, others: Iterable[FunctionLimits], current: FunctionLimits, previous: int, executions: int
) -> None:
    """Whether one more version or alias of a function may have `executions`, in place of its `previous` ones.

    InvalidParameterValue in the service's words.
    """
    beside = current.total_provisioned - previous
    if current.reserved is not None:
        if beside + executions > current.reserved:
            raise InvalidParameterValue(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
            )
        return
    left = account - sum(each.set_aside for each in others) - beside
    if executions > left:
        raise InvalidParameterValue(
            f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{left}]."
        )
    if executions > previous and left - executions < _minimum(account):
        raise InvalidParameterValue(_below_minimum("ConcurrentExecutions", account))


def split(executions: int, alias: Alias) -> dict[str, int]:
    """What an alias provisions of each version: the second one has its weight of it, rounded."""
    shares = {version: round(executions * weight) for version, weight in alias.weights.items()}
    shares[alias.version] = executions - sum(shares.values())
    return {version: share for version, share in shares.items() if share}


def _minimum(account: int) -> int:
    """Small accounts have to keep all they have: nothing but 0 can be reserved there."""
    return min(UNRESERVED_MINIMUM, account)


def _below_minimum(member: str, account: int) -> str:
    return (
        f"Specified {member} for function decreases account's UnreservedConcurrentExecution below its minimum value "
        f"of [{_minimum(account)}]."
    )


# Who may run


class Share(NamedTuple):
    """`running` of at most `limit`; more than that after the limit was lowered."""

    limit: int
    running: int

    @property
    def has_room(self) -> bool:
        """Whether one more may run."""
        return self.running < self.limit


@dataclass(frozen=True, slots=True)
class Admitted:
    """It may run."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """It may not run now. `reason` is one of the service's `ThrottleReason` values."""

    reason: str


Admission = Admitted | Throttled
ADMITTED = Admitted()
_ACCOUNT_IS_FULL = Throttled(ACCOUNT_LIMIT)
_FUNCTION_IS_FULL = Throttled(RESERVED_LIMIT)


def admit(account: Share, provisioned: Share, on_demand: Share, reserved: bool) -> Admission:
    """Whether an invocation may run: `provisioned` is its version's, `on_demand` its function's if that has `reserved`,
    else that of all functions that have not.

    The account's limit holds also while more than the unreserved pool is running because somebody has just reserved.
    """
    if not provisioned.has_room and not on_demand.has_room:
        return _FUNCTION_IS_FULL if reserved else _ACCOUNT_IS_FULL
    return ADMITTED if account.has_room else _ACCOUNT_IS_FULL


class _Running:
    """What of one function is running, and under which limits."""

    __slots__ = ("limits", "running", "versions")

    def __init__(self) -> None:
        self.limits = UNLIMITED
        self.running = 0
        self.versions: dict[str, int] = {}

    @property
    def on_demand(self) -> int:
        """What runs beyond the provisioned concurrency of its version."""
        provisioned = self.limits.provisioned
        if not provisioned:
            return self.running
        return sum(max(0, running - provisioned.get(version, 0)) for version, running in self.versions.items())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember of it."""
        return not self.running and (self.limits is UNLIMITED or self.limits == UNLIMITED)

    def change(self, version: str, by: int) -> None:
        """So many more run."""
        self.running += by
        running = self.versions.get(version, 0) + by
        if running:
            self.versions[version] = running
        else:
            del self.versions[version]


_NONE_RUNNING = _Running()  # of a function that is not remembered: never changed


class Ledger:
    """The slots of one world: what is set aside and what is running. `name` and `version` are a function's."""

    def __init__(self, account: int) -> None:
        self.running = 0
        self._account = account
        self._set_aside = 0
        self._unreserved_running = 0  # on demand, of functions that reserved nothing
        self._functions: dict[str, _Running] = {}

    def limit(self, name: str, limits: FunctionLimits) -> None:
        """From now on; what is running goes on."""
        function = self._known(name)
        self._set_aside += limits.set_aside - function.limits.set_aside
        self._count(function, -1)
        function.limits = limits
        self._count(function, 1)
        self._drop_if_empty(name, function)

    def reserves(self, name: str) -> bool:
        """Whether the function has slots of its own for all it does."""
        function = self._functions.get(name)
        return function is not None and function.limits.reserved is not None

    def is_off(self, name: str) -> bool:
        """Whether the function has reserved 0."""
        function = self._functions.get(name)
        return function is not None and function.limits.reserved == 0

    def limits(self, name: str) -> FunctionLimits:
        """What the function has set aside."""
        function = self._functions.get(name)
        return UNLIMITED if function is None else function.limits

    @property
    def unreserved(self) -> int:
        """The size of the pool that nobody has set anything of aside."""
        return max(0, self._account - self._set_aside)

    def admit(self, name: str, version: str) -> Admission:
        """Whether one more may run. Changes nothing."""
        function = self._functions.get(name, _NONE_RUNNING)
        limits = function.limits
        reserved = limits.reserved is not None
        return admit(
            Share(self._account, self.running),
            Share(limits.provisioned.get(version, 0), function.versions.get(version, 0)),
            Share(limits.on_demand, function.on_demand) if reserved else self._unreserved_share(),
            reserved,
        )

    def begin(self, name: str, version: str) -> None:
        """One more runs."""
        self._change(self._known(name), version, 1)

    def end(self, name: str, version: str) -> None:
        """One less runs."""
        function = self._functions[name]
        self._change(function, version, -1)
        self._drop_if_empty(name, function)

    def _unreserved_share(self) -> Share:
        return Share(self.unreserved, self._unreserved_running)

    def _known(self, name: str) -> _Running:
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = _Running()
        return function

    def _change(self, function: _Running, version: str, by: int) -> None:
        self.running += by
        self._count(function, -1)
        function.change(version, by)
        self._count(function, 1)

    def _count(self, function: _Running, sign: int) -> None:
        if function.limits.reserved is None:
            self._unreserved_running += sign * function.on_demand

    def _drop_if_empty(self, name: str, function: _Running) -> None:
        if function.is_empty:
            self._functions.pop(name, None)


# What was provisioned


@dataclass(frozen=True, slots=True)
class Allocation:
    """Environments that are there ahead: made, initialized of them, and whether an init failed so that no more are made."""

    allocated: int = 0
    available: int = 0
    failed: bool = False


# How fast a function may grow


@dataclass(frozen=True, slots=True)
class Growth:
    """How many environments a function may start: `left` of them at the time `at` (seconds), refilled continuously."""

    left: float = float(SCALING_ENVIRONMENTS)
    at: float = 0.0

    def start(self, wanted: int, now: float) -> tuple[int, "Growth"]:
        """How many of `wanted` may be started now, and what that leaves."""
        left = self._left(now)
        granted = min(wanted, int(left))
        return granted, Growth(left - granted, now)

    def is_full(self, now: float) -> bool:
        """Whether it is as if nothing had been started."""
        return self._left(now) >= SCALING_ENVIRONMENTS

    def _left(self, now: float) -> float:
        refilled = self.left + max(0.0, now - self.at) * SCALING_ENVIRONMENTS / SCALING_SECONDS
        return min(float(SCALING_ENVIRONMENTS), refilled)
