"""Who may run: the rules as tables, and a model of any sequence of invocations and changes of limits."""

import re
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from neve.domain.alias import Alias
from neve.domain.concurrency import (
    ACCOUNT_LIMIT,
    ADMITTED,
    RESERVED_LIMIT,
    UNLIMITED,
    Admission,
    FunctionLimits,
    Growth,
    Ledger,
    Share,
    Throttled,
    admit,
    check_provisioned,
    check_reserved,
    split,
    unreserved,
)
from neve.domain.errors import InvalidParameterValue
from neve.domain.world import World

FULL = Share(2, 2)
FREE = Share(2, 1)
NONE = Share(0, 0)
OFF, TOO_MANY = Throttled(RESERVED_LIMIT), Throttled(ACCOUNT_LIMIT)


@pytest.mark.parametrize(
    ("account", "provisioned", "on_demand", "reserved", "admission"),
    [
        (FREE, NONE, FREE, False, ADMITTED),
        (FREE, NONE, FULL, False, TOO_MANY),
        (FULL, NONE, FREE, False, TOO_MANY),
        (FREE, NONE, FREE, True, ADMITTED),
        (FREE, NONE, FULL, True, OFF),
        (FREE, NONE, NONE, True, OFF),  # reserved 0: the function is off
        (FULL, NONE, NONE, True, OFF),
        (FULL, NONE, FREE, True, TOO_MANY),  # what others still run from before the reservation
        (FREE, FREE, FULL, False, ADMITTED),
        (FREE, FREE, FULL, True, ADMITTED),
        (FREE, FULL, FREE, True, ADMITTED),  # overflow goes on demand
        (FREE, FULL, FULL, True, OFF),
        (FREE, Share(1, 4), FREE, True, ADMITTED),
        (FREE, NONE, Share(1, 4), False, TOO_MANY),  # a limit that was lowered
    ],
)
def test_admit(account: Share, provisioned: Share, on_demand: Share, reserved: bool, admission: Admission) -> None:
    assert admit(account, provisioned, on_demand, reserved) == admission


@pytest.mark.parametrize(
    ("limits", "set_aside", "on_demand"),
    [
        (UNLIMITED, 0, 0),
        (FunctionLimits(5), 5, 5),
        (FunctionLimits(0), 0, 0),
        (FunctionLimits(None, {"1": 2, "2": 3}), 5, 0),
        (FunctionLimits(9, {"1": 2, "2": 3}), 9, 4),
        (FunctionLimits(5, {"1": 2, "2": 3}), 5, 0),
    ],
)
def test_what_a_function_sets_aside(limits: FunctionLimits, set_aside: int, on_demand: int) -> None:
    assert (limits.set_aside, limits.on_demand) == (set_aside, on_demand)


def test_what_is_left_unreserved() -> None:
    functions = [FunctionLimits(300), FunctionLimits(None, {"1": 50}), FunctionLimits(100, {"1": 100})]
    assert unreserved(1000, functions) == 550
    assert unreserved(100, functions) == 0


@pytest.mark.parametrize(
    ("account", "others", "current", "executions", "minimum"),
    [
        (1000, [], UNLIMITED, 900, None),
        (1000, [], UNLIMITED, 901, 100),
        (1000, [], FunctionLimits(900), 900, None),
        (1000, [], FunctionLimits(100), 901, 100),
        (1000, [FunctionLimits(500), FunctionLimits(None, {"1": 100})], UNLIMITED, 300, None),
        (1000, [FunctionLimits(500), FunctionLimits(None, {"1": 100})], UNLIMITED, 301, 100),
        (1000, [FunctionLimits(950)], UNLIMITED, 0, None),  # off is always possible
        (1000, [FunctionLimits(900)], FunctionLimits(50), 40, None),  # less of too much
        (10, [], UNLIMITED, 0, None),
        (10, [], UNLIMITED, 1, 10),
    ],
)
def test_reserving_leaves_a_minimum(
    account: int, others: list[FunctionLimits], current: FunctionLimits, executions: int, minimum: int | None
) -> None:
    if minimum is None:
        check_reserved(account, others, current, executions)
        return
    with pytest.raises(InvalidParameterValue) as caught:
        check_reserved(account, others, current, executions)
    assert caught.value.message == (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        f"below its minimum value of [{minimum}]."
    )


def test_reserved_is_not_lower_than_provisioned() -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        check_reserved(1000, [], FunctionLimits(5, {"1": 1, "2": 1}), 1)
    assert caught.value.message == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    )


@pytest.mark.parametrize(
    ("others", "current", "previous", "executions", "problem"),
    [
        ([], UNLIMITED, 0, 900, None),
        ([], UNLIMITED, 0, 901, "below its minimum value of [100]"),
        ([], UNLIMITED, 0, 1001, "greater than account's unreserved concurrency [1000]"),
        ([FunctionLimits(700)], FunctionLimits(None, {"1": 100}), 0, 101, "minimum"),
        ([FunctionLimits(700)], FunctionLimits(None, {"1": 100}), 100, 200, None),  # in place of its own
        ([FunctionLimits(900)], FunctionLimits(None, {"1": 50}), 50, 40, None),  # less of too much
        ([], FunctionLimits(5, {"1": 2}), 0, 3, None),
        ([], FunctionLimits(5, {"1": 2}), 0, 4, "should not be greater than the reservedConcurrentExecution"),
        ([], FunctionLimits(5, {"1": 5}), 5, 5, None),
        ([FunctionLimits(950)], FunctionLimits(5), 0, 5, None),  # it is reserved already
    ],
)
def test_provisioning(
    others: list[FunctionLimits], current: FunctionLimits, previous: int, executions: int, problem: str | None
) -> None:
    if problem is None:
        check_provisioned(1000, others, current, previous, executions)
        return
    with pytest.raises(InvalidParameterValue, match=re.escape(problem)):
        check_provisioned(1000, others, current, previous, executions)


@pytest.mark.parametrize(
    ("executions", "weights", "shares"),
    [
        (4, {}, {"1": 4}),
        (4, {"2": 0.25}, {"1": 3, "2": 1}),
        (10, {"2": 0.05}, {"1": 10}),
        (3, {"2": 1.0}, {"2": 3}),
        (4, {"2": 0.0}, {"1": 4}),
    ],
)
def test_an_alias_provisions_by_weight(executions: int, weights: dict[str, float], shares: dict[str, int]) -> None:
    assert split(executions, Alias(World(), "f", "live", "1", "r", "", weights)) == shares


def test_if_all_is_provisioned_other_versions_are_throttled() -> None:
    ledger = Ledger(1000)
    ledger.limit("f", FunctionLimits(2, {"1": 2}))
    assert ledger.admit("f", "$LATEST") == OFF
    for _ in range(2):
        assert ledger.admit("f", "1") is ADMITTED
        ledger.begin("f", "1")
    assert ledger.admit("f", "1") == OFF


def test_overflow_of_provisioned_takes_the_unreserved_pool() -> None:
    ledger = Ledger(5)
    ledger.limit("f", FunctionLimits(None, {"1": 2}))
    for _ in range(3):
        ledger.begin("f", "1")
    ledger.begin("g", "$LATEST")
    assert ledger.admit("g", "$LATEST") is ADMITTED
    ledger.begin("g", "$LATEST")
    assert [ledger.admit(name, "1") for name in ("f", "g")] == [TOO_MANY] * 2
    ledger.end("f", "1")
    assert [ledger.admit(name, "1") for name in ("f", "g")] == [ADMITTED] * 2
    ledger.end("f", "1")
    ledger.begin("g", "$LATEST")
    assert [ledger.admit(name, "1") for name in ("f", "g")] == [ADMITTED, TOO_MANY]  # its own is kept for f


def test_a_reservation_holds_once_others_have_ended() -> None:
    ledger = Ledger(3)
    for _ in range(3):
        ledger.begin("g", "1")
    ledger.limit("f", FunctionLimits(2))
    assert ledger.admit("f", "1") == TOO_MANY
    ledger.end("g", "1")
    assert [ledger.admit(name, "1") for name in ("f", "g")] == [ADMITTED, TOO_MANY]


@pytest.mark.parametrize(
    ("wanted", "granted"), [(1, 1), (1000, 1000), (1001, 1000), (0, 0)], ids=["one", "all", "too many", "none"]
)
def test_a_function_starts_a_thousand_environments_at_once(wanted: int, granted: int) -> None:
    assert Growth().start(wanted, 50.0)[0] == granted


def test_growth_is_refilled_continuously() -> None:
    _, growth = Growth().start(1000, 50.0)
    got = []
    for now in (50.0, 50.005, 50.015, 50.505, 60.6, 99.0):
        granted, growth = growth.start(5000, now)
        got.append(granted)
    assert got == [0, 0, 1, 49, 1000, 1000]


def test_a_clock_that_steps_back_gives_nothing() -> None:
    _, growth = Growth().start(1000, 50.0)
    assert growth.start(1, 10.0)[0] == 0


FUNCTIONS = some.sampled_from(["f", "g", "h"])
VERSIONS = some.sampled_from(["1", "2"])
LIMITS = some.builds(
    lambda reserved, provisioned: FunctionLimits(
        None if reserved is None else max(reserved, sum(provisioned.values())), provisioned
    ),
    some.none() | some.integers(0, 4),
    some.dictionaries(VERSIONS, some.integers(1, 3)),
)
ACCOUNT = 12


class Model(RuleBasedStateMachine):
    """The ledger, beside a list of everything that runs from which all is counted anew."""

    invocations = Bundle("invocations")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(ACCOUNT)
        self.limits: dict[str, FunctionLimits] = {}
        self.running: Counter[tuple[str, str]] = Counter()
        self.steady = False

    @initialize(steady=some.booleans())
    def begins(self, steady: bool) -> None:
        self.steady = steady  # limits change only while nothing runs

    @rule(target=invocations, name=FUNCTIONS, version=VERSIONS)
    def arrives(self, name: str, version: str) -> tuple[str, str] | None:
        admission = self.ledger.admit(name, version)
        assert (admission is ADMITTED) == self._has_room(name, version)
        if isinstance(admission, Throttled):
            self._check_reason(name, admission)
            return None
        self.ledger.begin(name, version)
        self.running[name, version] += 1
        return name, version

    @rule(invocation=consumes(invocations))
    def ends(self, invocation: tuple[str, str] | None) -> None:
        if invocation is not None:
            self.ledger.end(*invocation)
            self.running[invocation] -= 1

    @rule(name=FUNCTIONS, limits=LIMITS)
    @precondition(lambda self: not self.steady or not self.running.total())
    def changes(self, name: str, limits: FunctionLimits) -> None:
        others = [each for other, each in self.limits.items() if other != name]
        if unreserved(ACCOUNT, [*others, limits]) + sum(x.set_aside for x in [*others, limits]) == ACCOUNT:
            self.limits[name] = limits
            self.ledger.limit(name, limits)

    @invariant()
    def counts(self) -> None:
        assert self.ledger.running == self.running.total() <= ACCOUNT

    @invariant()
    def keeps_the_limits(self) -> None:
        if not self.steady:
            return
        for name, limits in self.limits.items():
            running = self.running[name, "1"] + self.running[name, "2"]
            assert limits.reserved is None or running <= limits.reserved
        assert self._unreserved_running() <= unreserved(ACCOUNT, self.limits.values())

    def _of(self, name: str) -> FunctionLimits:
        return self.limits.get(name, UNLIMITED)

    def _on_demand(self, name: str) -> int:
        provisioned = self._of(name).provisioned
        return sum(max(0, self.running[name, version] - provisioned.get(version, 0)) for version in ("1", "2"))

    def _unreserved_running(self) -> int:
        return sum(self._on_demand(name) for name in ("f", "g", "h") if self._of(name).reserved is None)

    def _has_room(self, name: str, version: str) -> bool:
        limits = self._of(name)
        own = self.running[name, version] < limits.provisioned.get(version, 0)
        if limits.reserved is None:
            shared = self._unreserved_running() < unreserved(ACCOUNT, self.limits.values())
        else:
            shared = self._on_demand(name) < limits.reserved - limits.total_provisioned
        return (own or shared) and self.running.total() < ACCOUNT

    def _check_reason(self, name: str, throttled: Throttled) -> None:
        if self._of(name).reserved is None:
            assert throttled.reason == ACCOUNT_LIMIT


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_any_sequence = Model.TestCase
